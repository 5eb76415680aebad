//! The end of a server as its callbacks see it: onServerStop comes first, then one onWebSocketClose for each client, and
//! only then what follows; also when the operator is destroyed, its callbacks DAT with it, and whatever they do. A callbacks
//! DAT that goes alone is said.

mod support;

use std::fs;
use std::net::TcpStream;

use support::live::Live;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// Says what happens. Clients are numbered as they come.
const SAYS: &str = r#"
clients = []
def onServerStart(dat):
    print('start of', dat.path)
def onWebSocketOpen(dat, client):
    clients.append(client)
    dat.webSocketSendText(client, 'hello')
def onServerStop(dat):
    for client in dat.webSocketConnections:
        dat.webSocketSendText(client, 'farewell')
    print('stop of', dat.path, len(dat.webSocketConnections))
def onWebSocketClose(dat, client):
    print('close', clients.index(client), 'of', dat.path, dat.par.port.eval() > 0, parent().path, me.name)
"#;

/// Two clients that have been greeted.
fn two_clients(live: &Live) -> [WebSocket<TcpStream>; 2] {
    [0, 1].map(|_| {
        let mut socket = live.socket("/");
        assert_eq!(read_text(&mut socket), "hello");
        socket
    })
}

fn read_text(socket: &mut WebSocket<TcpStream>) -> String {
    socket.read().expect("a message").into_text().expect("a text message").to_string()
}

/// Asserts that a client is told that the server goes away.
fn goes_away(socket: &mut WebSocket<TcpStream>) {
    loop {
        match socket.read().expect("a close frame") {
            Message::Close(Some(frame)) => return assert_eq!(frame.code, CloseCode::Away),
            Message::Close(None) => panic!("a close frame without a code"),
            _ => {}
        }
    }
}

/// Lines of a program that its scripts have printed, without what stands before them.
fn printed(said: &str) -> Vec<&str> {
    let words = ["start of ", "stop of ", "close ", "raised ", "made "];
    said.lines().filter_map(|line| words.iter().find_map(|word| line.find(word).map(|at| &line[at..]))).collect()
}

/// Waits for so many of these lines, which may come later than others that are not printed, and compares them.
fn assert_printed<S: AsRef<str>>(live: &Live, wanted: &[S], why: &str) {
    live.wait_until(why, |said| printed(said).len() >= wanted.len());
    let wanted: Vec<&str> = wanted.iter().map(AsRef::as_ref).collect();
    assert_eq!(printed(&live.said()), wanted, "{why}");
}

const ENDS: [&str; 4] = [
    "start of /project1/webserver1",
    "stop of /project1/webserver1 2",
    "close 0 of /project1/webserver1 True /project1 callbacks",
    "close 1 of /project1/webserver1 True /project1 callbacks",
];

#[test]
fn a_server_that_a_script_destroys_ends_in_order() {
    let script = format!("{SAYS}\ndef onWebSocketReceiveText(dat, client, data):\n    dat.destroy()\n");
    let live = Live::start(&script);
    let [mut first, mut second] = two_clients(&live);
    first.send(Message::text("destroy")).expect("it can be sent");
    for socket in [&mut first, &mut second] {
        assert_eq!(read_text(socket), "farewell");
        goes_away(socket);
    }
    live.wait_for("stopped");
    assert_printed(&live, &ENDS, "all ends are told");
    live.stop().ended_well().does_not_say("rror");
}

#[test]
fn a_server_that_leaves_the_patch_file_ends_in_order_also_with_its_callbacks() {
    let live = Live::start(SAYS);
    let [mut first, mut second] = two_clients(&live);
    let empty = "[patch]\nformat = 1\nname = \"live\"\n[op.log]\ntype = \"tableDAT\"\n";
    fs::write(live.folder().join("patch.toml"), empty).expect("the file can be written");
    goes_away(&mut first);
    goes_away(&mut second);
    live.wait_for("2 operators removed");
    assert_printed(&live, &ENDS, "all ends are told");
    live.stop().ended_well().does_not_say("rror");
}

#[test]
fn a_server_that_goes_with_its_component_finds_what_is_near_it() {
    let live = Live::start(
        r#"
inner = '''
def onServerStop(dat):
    print('stop of', dat.path, op('notes').numRows, parent().name, op('../log').numRows, parent().Stopped())
'''
base = parent().create(baseCOMP, 'base')
base.create(textDAT, 'Ext').text = '''
class Ext:
    def __init__(self, ownerComp):
        self.servers = 1
    def Stopped(self):
        self.servers -= 1
        return self.servers
    def onDestroyTD(self):
        print('extension ends with', self.servers)
'''
base.par.ext0object = "op('./Ext').module.Ext(me)"
base.par.ext0promote = True
server = base.create(webserverDAT, 'inner')
table = base.create(tableDAT, 'notes')
table.appendRow(['x'])
op('base/inner_callbacks').text = inner
server.par.port = op('webserver1').par.port
server.par.localaddress = '127.0.0.2'
server.par.active = True
def onHTTPRequest(dat, request, response):
    op('base').destroy()
    return {'statusCode': 200, 'data': str(op('base'))}
"#,
    );
    live.wait_until("both listen", |said| said.matches("listening on").count() == 2);
    assert!(live.get("/").ends_with("None"));
    live.wait_for("stop of /project1/base/inner 1 base 1 0");
    live.wait_for("extension ends with 0");
    live.stop().ended_well();
}

#[test]
fn last_callbacks_that_touch_what_goes_do_no_harm() {
    let live = Live::start(
        r#"
def attempt(name, work):
    try:
        work()
    except td.Error as error:
        print('raised', name, error)
def onWebSocketReceiveText(dat, client, data):
    dat.destroy()
def onWebSocketOpen(dat, client):
    dat.webSocketSendText(client, 'hello')
def onServerStop(dat):
    port = dat.par.port.eval()
    print('stop of', dat.path)
    attempt('destroy', dat.destroy)
    attempt('active', lambda: setattr(dat.par, 'active', True))
    attempt('rename', lambda: setattr(dat, 'name', 'other'))
    for client in dat.webSocketConnections:
        dat.webSocketClose(client)
    again = parent().create(webserverDAT, 'webserver1')
    again.par.port = port
    again.par.active = True
    again.par.callbacks = 'callbacks'
    print('made', again.path, again is dat, op('webserver1') is again)
    op('webserver1_callbacks').destroy()
def onServerStart(dat):
    print('start of', dat.path)
def onWebSocketClose(dat, client):
    print('close of', dat.path)
    if (me := op('callbacks')) is not None:
        me.destroy()
    del dat
    return object()
"#,
    );
    let [mut first, _second] = two_clients(&live);
    first.send(Message::text("destroy")).expect("it can be sent");
    live.wait_until("the new one listens", |said| said.matches("listening on").count() == 2);
    assert!(live.get("/").starts_with("HTTP/1.1 404 "));
    let gone = "the operator does not exist any more";
    let wanted = [
        "start of /project1/webserver1".to_owned(),
        "stop of /project1/webserver1".to_owned(),
        format!("raised destroy {gone}"),
        format!("raised active {gone}"),
        format!("raised rename {gone}"),
        "made /project1/webserver1 False True".to_owned(),
        // The first of the two destroys the callbacks DAT.
        "close of /project1/webserver1".to_owned(),
        "close of /project1/webserver1".to_owned(),
    ];
    assert_printed(&live, &wanted, "all that goes is told");
    live.stop().ended_well().does_not_say("panic");
}

#[test]
fn a_restart_ends_the_old_run_before_the_new_one_begins() {
    for restart in ["dat.par.restart.pulse()", "dat.par.active = False; dat.par.active = True"] {
        let script = format!("{SAYS}\ndef onWebSocketReceiveText(dat, client, data):\n    {restart}\n");
        let live = Live::start(&script);
        let [mut first, mut second] = two_clients(&live);
        first.send(Message::text("restart")).expect("it can be sent");
        // The second client answers nothing before the new run has begun, and is not waited for.
        live.wait_until("it listens again", |said| said.matches("start of").count() == 2);
        let all = [&ENDS[..], &ENDS[..1]].concat();
        assert_printed(&live, &all, restart);
        goes_away(&mut first);
        goes_away(&mut second);
        let mut third = live.socket("/");
        assert_eq!(read_text(&mut third), "hello");
        drop((first, second, third));
        live.stop().ended_well();
    }
}

#[test]
fn clients_that_outlive_a_lost_listener_are_told_when_the_server_is_switched_off() {
    let live = Live::start(&format!(
        "{SAYS}\ndef onWebSocketReceiveText(dat, client, data):\n    setattr(dat.par, data, data == 'secure')\n    \
         dat.webSocketSendText(client, 'done')\n"
    ));
    let [mut first, mut second] = two_clients(&live);
    first.send(Message::text("secure")).expect("it can be sent");
    // The callback's answer comes first, since what it causes waits for its end.
    assert_eq!([read_text(&mut first), read_text(&mut first)], ["done", "farewell"]);
    live.wait_for("TLS needs a certificate");
    assert_printed(&live, &ENDS[..2], "the listener is given up");
    assert!(TcpStream::connect(("127.0.0.1", live.port)).is_err(), "nobody is let in in plain text");

    second.send(Message::text("active")).expect("it can be sent");
    assert_eq!([read_text(&mut second), read_text(&mut second)], ["farewell", "done"]);
    goes_away(&mut first);
    goes_away(&mut second);
    live.wait_until("both have closed", |said| said.matches("close ").count() == 2);
    assert_printed(&live, &ENDS, "all ends are told");
    live.stop().ended_well();
}

#[test]
fn callbacks_follow_a_script_that_gets_another_name_and_one_that_goes_is_said() {
    let live = Live::start(
        r#"
def onWebSocketReceiveText(dat, client, data):
    if data == 'rename':
        me.name = 'renamed'
    elif data == 'destroy':
        spare = me.parent().create(textDAT, 'spare')
        spare.text = me.text
        me.destroy()
    dat.webSocketSendText(client, f'{data} {dat.par.callbacks}')

def onHTTPRequest(dat, request, response):
    return str(dat.warnings())
"#,
    );
    let mut socket = live.socket("/");
    let mut ask = |question: &'static str| {
        socket.send(Message::text(question)).unwrap();
        socket.read().unwrap().into_text().unwrap().to_string()
    };
    assert_eq!(ask("one"), "one /project1/callbacks");
    assert_eq!(ask("rename"), "rename /project1/renamed");
    assert_eq!(ask("two"), "two /project1/renamed");
    assert_eq!(ask("destroy"), "destroy None");
    let answer = live.request("GET / HTTP/1.1", b"");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    live.wait_for("[/project1/webserver1] warning: `callbacks` names `renamed`, where no script is; nothing is called");
    live.stop().ended_well();
}
