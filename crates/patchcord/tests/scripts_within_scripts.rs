//! Scripts that run within scripts, and errors that are hard to show: none of it may hold the patch or hide what failed.

mod support;

use support::live::Live;

#[test]
fn an_interrupt_within_a_run_ends_the_callback_around_it() {
    let live = Live::start_with(
        "callback_limit_s = 0.5",
        r#"
def work():
    for number in range(20000):
        pass
def onHTTPRequest(dat, request, response):
    while True:
        run(work)
"#,
    );
    assert!(live.get("/").starts_with("HTTP/1.1 500 "));
    live.wait_for("onHTTPRequest failed");
    live.stop().ended_well().says("CallbackTimeout");
}

#[test]
fn an_exception_whose_text_never_ends_does_not_hold_the_patch() {
    let live = Live::start_with(
        "callback_limit_s = 0.5",
        r#"
class Endless(Exception):
    def __str__(self):
        while True:
            pass
def onHTTPRequest(dat, request, response):
    if request['uri'] == '/bad':
        raise Endless()
    return {'statusCode': 200, 'data': 'fine'}
"#,
    );
    assert!(live.get("/bad").starts_with("HTTP/1.1 500 "));
    assert!(live.get("/").ends_with("fine"));
    live.stop().ended_well().says("Endless");
}

#[test]
fn an_error_that_comes_again_soon_stands_on_the_operator_again() {
    let live = Live::start(
        r#"
def onHTTPRequest(dat, request, response):
    if request['uri'] == '/bad':
        raise ValueError('it went wrong')
    return {'statusCode': 200, 'data': 'fine'}
def onWebSocketOpen(dat, client):
    dat.webSocketSendText(client, dat.errors())
"#,
    );
    for path in ["/bad", "/good", "/bad"] {
        live.get(path);
    }
    let errors = live.socket("/").read().expect("a message").into_text().expect("a text").to_string();
    assert!(errors.contains("it went wrong"), "{errors}");
    live.stop().ended_well();
}

#[test]
fn what_a_script_changes_while_it_loads_is_seen() {
    let live = Live::start(
        r#"
other = parent().op('other') or parent().create(textDAT, 'other')
other.text = "def onHTTPRequest(dat, request, response): return {'statusCode': 200, 'data': 'other'}"
op('webserver1').par.callbacks = 'other'
def onHTTPRequest(dat, request, response):
    return {'statusCode': 200, 'data': 'first'}
"#,
    );
    assert!(live.get("/").ends_with("other"));
    live.stop().ended_well();
}

#[test]
fn thousands_of_delayed_runs_do_not_hold_the_patch() {
    let live = Live::start(
        r#"
done = [0]
def work():
    done[0] += 1
    if done[0] == 50000:
        print('all have run,', len(runs), 'wait')
def onHTTPRequest(dat, request, response):
    for number in range(50000):
        run(work, delayFrames=1)
    return {'statusCode': 200, 'data': 'fine'}
"#,
    );
    assert!(live.get("/").ends_with("fine"));
    live.wait_for("all have run, 0 wait");
    live.stop().ended_well();
}

#[test]
fn scripts_of_destroyed_dats_leave_nothing_behind() {
    let live = Live::start(
        r#"
import sys
TEXT = '''
class Last:
    def __del__(self):
        op('/project1/callbacks').module.gone.append(1)
last = Last()
'''
gone = []
def onHTTPRequest(dat, request, response):
    for number in range(50):
        dat = parent().create(textDAT, f'made{number}')
        dat.text = TEXT
        dat.module.last
        dat.evalExpression('[last := mod.callbacks][0]')
        dat.destroy()
    import gc
    gc.collect()
    left = [name for name in sys.modules if '/made' in name]
    return {'statusCode': 200, 'data': f'{len(left) <= 1} {len(gone) >= 49}'}
"#,
    );
    let answer = live.get("/");
    assert!(answer.ends_with("True True"), "{answer}\n{}", live.said());
    live.stop().ended_well().does_not_say("panicked").does_not_say("already borrowed");
}

#[test]
fn a_server_that_its_own_stop_starts_again_stays_stopped_at_the_end() {
    let live = Live::start(
        r#"
def onServerStop(dat):
    print('it stops')
    dat.par.active = True
    dat.par.restart.pulse()
"#,
    );
    let said = live.stop().ended_well();
    said.says("it stops");
    assert_eq!(said.text.matches("listening on").count(), 1, "{}", said.text);
}

#[test]
fn scripts_that_cause_themselves_let_others_in_and_the_program_ends() {
    let live = Live::start(
        r#"
me.text = me.text + '#'
for number in range(20000):
    pass
def onHTTPRequest(dat, request, response):
    return {'statusCode': 200, 'data': 'fine'}
"#,
    );
    assert!(live.get("/").ends_with("fine"));
    live.stop().ended_well().says("the rest waits for the next turn");
}

#[test]
fn what_is_inside_a_renamed_component_goes_by_its_new_path() {
    let live = Live::start_with(
        "callback_warning_ms = 50",
        r#"
import sys
base = parent().create(baseCOMP, 'base')
dat = base.create(textDAT, 'script')
dat.text = '''
import time
def onHTTPRequest(dat, request, response):
    time.sleep(0.2)
    return {'statusCode': 200, 'data': __name__}
'''
inner = base.create(webserverDAT, 'inner')
inner.par.callbacks = 'script'
inner.par.localaddress = '127.0.0.2'
inner.par.port = op('webserver1').par.port
inner.par.active = True
def onHTTPRequest(dat, request, response):
    if request['uri'] == '/rename':
        op('base').name = 'stage'
    names = sorted(name for name in sys.modules if name.endswith('/script'))
    return {'statusCode': 200, 'data': repr(names)}
"#,
    );
    live.wait_until("both listen", |said| said.matches("listening on").count() == 2);
    let inner = || live.request_at("127.0.0.2", "GET / HTTP/1.1", b"");
    assert!(inner().ends_with("/project1/base/script"));
    live.wait_for("[/project1/base/inner] warning");
    live.get("/rename");
    let names = live.get("/");
    assert!(names.ends_with("['/project1/stage/script']"), "{names}");
    assert!(inner().ends_with("/project1/stage/script"));
    live.wait_for("[/project1/stage/inner] warning");
    live.stop().ended_well();
}
