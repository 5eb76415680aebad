//! Callback scripts in a running program: what they are given, what comes of what they return, and that nothing that they
//! do brings the program down.

mod support;

use std::time::{Duration, Instant};

use support::live::Live;
use tungstenite::Message;

fn text(message: Message) -> String {
    message.into_text().expect("a text message").to_string()
}

#[test]
fn a_function_gets_as_many_arguments_as_it_takes() {
    let live = Live::start(
        r#"
import functools

def onWebSocketOpen(server, client):
    server.webSocketSendText(client, 'two')

def passes_on(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

@passes_on
def onWebSocketClose(server):
    print('closed', server.name)

class Handler:
    def receive(self, server, client, data, more='default'):
        server.webSocketSendText(client, f'{data} {more}')

onWebSocketReceiveText = Handler().receive

def onWebSocketReceiveBinary(*everything):
    server, client, data = everything
    server.webSocketSendBinary(client, data[::-1])

onServerStart = lambda: print('started without an argument')
"#,
    );
    live.wait_for("started without an argument");
    let mut socket = live.socket("/room?seat=4");
    assert_eq!(text(socket.read().unwrap()), "two");
    socket.send(Message::text("hello")).unwrap();
    assert_eq!(text(socket.read().unwrap()), "hello default");
    socket.send(Message::binary(vec![1, 2, 3])).unwrap();
    assert_eq!(&socket.read().unwrap().into_data()[..], [3, 2, 1]);
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    live.wait_for("closed webserver1");
    live.stop().ended_well();
}

#[test]
fn functions_can_be_replaced_and_globals_stay() {
    let live = Live::start(
        r#"
count = 0
def onWebSocketReceiveText(dat, client, data):
    global count, onWebSocketReceiveText
    count += 1
    dat.webSocketSendText(client, str(count))
    if count == 2:
        onWebSocketReceiveText = other
def other(dat, client):
    dat.webSocketSendText(client, 'replaced')
"#,
    );
    let mut socket = live.socket("/");
    for wanted in ["1", "2", "replaced"] {
        socket.send(Message::text("x")).unwrap();
        assert_eq!(text(socket.read().unwrap()), wanted);
    }
    live.stop().ended_well();
}

#[test]
fn a_request_is_a_dictionary_that_ignores_case() {
    let live = Live::start(
        r#"
import json
def onHTTPRequest(dat, request, response):
    assert request['method'] == 'POST' and request['uri'] == '/a b/c', dict(request)
    assert request['pars'] == {'x': '1', 'y': 'ä', 'flag': ''}, request['pars']
    assert type(request['pars']) is dict and isinstance(request, dict)
    assert request['Content-Type'] == request['content-type'] == request['CONTENT-TYPE'] == 'text/plain'
    assert request.get('x-custom-HEADER') == 'Value' and 'X-Custom-Header' in list(request)
    assert 'authorization' in request and 'nothing' not in request and 5 not in request
    assert request.get('headers', {}) == {} and request.get('nothing') is None
    try:
        request['nothing']
    except KeyError as error:
        assert error.args == ('nothing',)
    else:
        assert False
    data = request['data']
    assert data == '{"k": "ä"}' and data.decode() == data and json.loads(data) == {'k': 'ä'}
    assert request['clientAddress'].startswith('127.0.0.1:') and request['serverAddress'].startswith('127.0.0.1:')
    assert response['statusCode'] == 404 and type(response) is dict
    assert dat.authenticateBasic(request['Authorization'], {'user': 'pass'})
    assert not dat.authenticateBasic(request['Authorization'], {'user': 'word'})
    response.update(statusCode=200, statusReason='Fine', data='ok')
    return response
"#,
    );
    let head = "POST /a%20b/c?x=1&y=%C3%A4&flag HTTP/1.1\nContent-Type: text/plain\nX-Custom-Header: Value\n\
                Authorization: Basic dXNlcjpwYXNz";
    let answer = live.request(head, "{\"k\": \"ä\"}".as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok"), "{answer}\n{}", live.said());
    live.stop().ended_well();
}

#[test]
fn bodies_that_are_no_text_are_bytes_and_empty_ones_are_empty_text() {
    let live = Live::start(
        r#"
def onHTTPRequest(dat, request, response):
    response['statusCode'] = 200
    response['data'] = repr(request['data']) + ' ' + type(request['data']).__name__
"#,
    );
    assert!(live.request("POST / HTTP/1.1", b"\xff\x00").ends_with("b'\\xff\\x00' bytes"));
    assert!(live.get("/").ends_with("'' str"));
    live.stop().ended_well();
}

#[test]
fn any_shape_of_answer_does_no_harm() {
    let live = Live::start(
        r#"
import decimal, pathlib
def onHTTPRequest(dat, request, response):
    uri = request['uri']
    response['statusCode'] = 200
    if uri == '/none':
        response['data'] = 'given'
    elif uri == '/other':
        return {'statusCode': 201, 'statusReason': 'Made', 'data': b'bytes', 'X-Path': pathlib.Path('/a/b')}
    elif uri == '/cell':
        return {'statusCode': 200, 'data': op('log')[0, 0], 'X-Par': dat.par.port, 'X-Number': 5, 'X-On': True}
    elif uri == '/array':
        return {'statusCode': 200, 'data': bytearray(b'array')}
    elif uri == '/junk':
        return {'statusCode': 200, 'data': 'fine', 'headers': {'a': 1}, 'X-List': [1], 5: 'x', 'bad name': 'x',
                'X-Evil': 'a\r\nb: c'}
    elif uri == '/loop':
        response['loop'] = response
    elif uri == '/number':
        return 5
    return None
"#,
    );
    let ends = |path: &str, status: &str, end: &str| {
        let answer = live.get(path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(end), "{path}: {answer}");
        answer.to_ascii_lowercase()
    };
    ends("/none", "200", "\r\n\r\ngiven");
    assert!(ends("/other", "201", "\r\n\r\nbytes").contains("x-path: /a/b"));
    let cell = ends("/cell", "200", "\r\n\r\nwhat");
    assert!(cell.contains(&format!("x-par: {}", live.port)) && cell.contains("x-number: 5"), "{cell}");
    ends("/array", "200", "\r\n\r\narray");
    assert!(!ends("/junk", "200", "\r\n\r\nfine").contains("\nb: c"));
    assert!(live.get("/loop").starts_with("HTTP/1.1 500 "));
    assert!(live.get("/number").starts_with("HTTP/1.1 "));
    ends("/none", "200", "\r\n\r\ngiven");
    live.stop().ended_well();
}

#[test]
fn an_answer_that_changes_while_it_is_read_counts_as_it_was() {
    let live = Live::start(
        r#"
class Grows:
    def __init__(self, text, target):
        self.text, self.target = text, target
    def __str__(self):
        for number in range(100):
            self.target[f'X-Late-{number}'] = 'late'
        return self.text
    def __hash__(self):
        return 1
    def keys(self):
        self.target.clear()
        return []

class Shrinks(Grows):
    def __str__(self):
        self.target.clear()
        return self.text
    def __iter__(self):
        self.target.clear()
        return iter(())

def onHTTPRequest(dat, request, response):
    response.update({'statusCode': 200, 'data': 'fine'})
    kind = Grows if 'grows' in request['uri'] else Shrinks
    if request['uri'].startswith('/value'):
        response['X-Value'] = kind('given', response)
    elif request['uri'].startswith('/key'):
        response[kind('X-Value', response)] = 'given'
    elif request['uri'].startswith('/inner'):
        inner = {}
        inner['a'] = kind('', inner)
        inner['b'] = kind('', inner)
        response['data'] = inner
        response['X-Value'] = 'given'
    elif request['uri'].startswith('/users'):
        users = {}
        users[kind('ada', users)] = kind('secret', users)
        response['data'] = str(dat.authenticateBasic('YWRhOnNlY3JldA==', users))
        response['X-Value'] = 'given'
    response['X-Last'] = 'last'
    return response
"#,
    );
    for path in ["/value", "/key", "/inner", "/users"] {
        for how in ["grows", "shrinks"] {
            let answer = live.get(&format!("{path}/{how}")).to_ascii_lowercase();
            assert!(answer.starts_with("http/1.1 200 "), "{path}: {answer}");
            assert!(answer.contains("x-value: given") && answer.contains("x-last: last"), "{path}: {answer}");
            assert!(!answer.contains("late"), "{path}: {answer}");
        }
    }
    assert!(live.get("/users").ends_with("True"));
    live.stop().ended_well().does_not_say("anic");
}

#[test]
fn an_exception_is_shown_and_the_patch_goes_on() {
    let live = Live::start(
        r#"
def helper(request):
    return request['missing key']

def onHTTPRequest(dat, request, response):
    if request['uri'] == '/raise':
        helper(request)
    if request['uri'] == '/exit':
        raise SystemExit(3)
    if request['uri'] == '/deep':
        onHTTPRequest(dat, {'uri': '/deep'}, response)
    if request['uri'] == '/errors':
        return {'statusCode': 200, 'data': dat.errors()}
    response.update(statusCode=200, data='fine')
    return response
"#,
    );
    for path in ["/raise", "/exit", "/deep"] {
        let answer = live.get(path);
        assert!(answer.starts_with("HTTP/1.1 500 ") && !answer.contains("missing key"), "{answer}");
    }
    let said = live.said();
    for wanted in [
        "[/project1/webserver1] error: onHTTPRequest failed",
        "Traceback (most recent call last):",
        "return request['missing key']",
        "KeyError: 'missing key'",
        "SystemExit: 3",
        "RecursionError",
    ] {
        live.wait_for(wanted);
    }
    assert!(!said.contains("<patchcord>"), "{said}");
    assert!(live.get("/errors").contains("onHTTPRequest: RecursionError"), "{}", live.get("/errors"));
    assert!(live.get("/").ends_with("fine"));
    assert!(live.get("/errors").ends_with("\r\n\r\n"), "a success takes the error back");
    live.stop().ended_well();
}

#[test]
fn a_storm_of_one_error_is_said_once_a_second() {
    let live = Live::start(
        r#"
def onWebSocketReceiveText(dat, client, data):
    if data == 'end':
        dat.webSocketSendText(client, 'still here')
    else:
        raise ValueError(data)
"#,
    );
    let start = Instant::now();
    let mut socket = live.socket("/");
    for number in 0..2000 {
        socket.send(Message::text(format!("no {number}"))).unwrap();
    }
    socket.send(Message::text("end")).unwrap();
    assert_eq!(text(socket.read().unwrap()), "still here");
    let seconds = start.elapsed().as_secs() as usize + 1;
    let said = live.stop().ended_well();
    let times = said.count("Traceback");
    assert!(times >= 1 && times <= seconds + 1, "{times} tracebacks in {seconds} s");
}

#[test]
fn an_async_callback_is_refused_in_plain_words() {
    let live = Live::start("async def onHTTPRequest(dat, request, response):\n    return response\n");
    live.get("/");
    live.wait_for("onHTTPRequest is an `async def`, which is not called");
    live.stop().ended_well();
}

#[test]
fn the_last_good_script_goes_on_while_the_new_one_is_broken() {
    let answer = |text: &str| format!("def onHTTPRequest(dat, request, response):\n    return {text}\n");
    let live = Live::start(&answer("{'statusCode': 200, 'data': 'one'}"));
    let mut socket = live.socket("/");
    assert!(live.get("/").ends_with("one"));
    live.save("def onHTTPRequest(dat, request, response)\n    return 5\n");
    live.wait_for("SyntaxError");
    assert!(live.said().contains("callbacks.py\", line 1"), "{}", live.said());
    assert!(live.get("/").ends_with("one"));
    live.save("import nothing_of_that_name\n");
    live.wait_for("ModuleNotFoundError");
    assert!(live.get("/").ends_with("one"));
    live.save(&answer("{'statusCode': 200, 'data': dat.errors() or 'two'}"));
    let start = Instant::now();
    while !live.get("/").ends_with("two") {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", live.get("/"));
    }
    socket.send(Message::text("the socket stayed open")).unwrap();
    live.stop().ended_well();
}

#[test]
fn a_broken_script_shows_on_the_operator_that_calls_it() {
    let live = Live::start(
        "def onHTTPRequest(dat, request, response):\n    return {'statusCode': 200, 'data': dat.errors()}\n",
    );
    // An answer shows that the patch has begun to follow its files.
    assert!(live.get("/").starts_with("HTTP/1.1 200 "));
    live.save("raise RuntimeError('not today')\n");
    live.wait_for("RuntimeError: not today");
    let answer = live.get("/");
    assert!(answer.contains("its callbacks do not load: RuntimeError: not today"), "{answer}");
    live.stop().ended_well();
}

#[test]
fn a_callback_that_does_not_come_back_is_interrupted() {
    let live = Live::start_with(
        "callback_limit_s = 0.5",
        r#"
import time
def onHTTPRequest(dat, request, response):
    try:
        if request['uri'] == '/busy':
            while True:
                pass
        if request['uri'] == '/asleep':
            time.sleep(60)
    except Exception:
        print('must not be swallowed')
    return {'statusCode': 200, 'data': 'fine'}
"#,
    );
    for path in ["/busy", "/asleep"] {
        let start = Instant::now();
        assert!(live.get(path).starts_with("HTTP/1.1 500 "));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    assert!(live.get("/").ends_with("fine"));
    live.wait_for("has held the patch for");
    let said = live.stop().ended_well();
    said.says("CallbackTimeout").does_not_say("must not be swallowed");
}

#[test]
fn a_slow_callback_is_reported_and_let_be() {
    let live = Live::start(
        r#"
import time
def onHTTPRequest(dat, request, response):
    time.sleep(0.4)
    return {'statusCode': 200, 'data': 'slow'}
"#,
    );
    assert!(live.get("/").ends_with("slow"));
    live.wait_for("onHTTPRequest has held the patch for");
    live.stop().ended_well();
}

#[test]
fn ctrl_c_ends_an_idle_patch_in_order() {
    let live = Live::start("def onServerStop(dat):\n    print('stopped in order')\n");
    let mut socket = live.socket("/");
    live.signal("INT");
    let close = loop {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => break u16::from(frame.code),
            Ok(_) => {}
            Err(error) => panic!("no close frame came: {error}"),
        }
    };
    assert_eq!(close, 1001);
    live.ended().ended_well().says("stopped in order");
}

#[test]
fn ctrl_c_interrupts_a_callback_that_runs() {
    let live = Live::start_with(
        "callback_limit_s = 0",
        r#"
def onWebSocketReceiveText(dat, client, data):
    print('begun')
    while True:
        pass
def onServerStop(dat):
    print('stopped in order')
"#,
    );
    let mut socket = live.socket("/");
    socket.send(Message::text("x")).unwrap();
    live.wait_for("begun");
    live.signal("INT");
    live.ended().ended_well().says("KeyboardInterrupt").says("stopped in order");
}

#[test]
fn scripts_may_pull_the_rug_from_under_themselves() {
    let live = Live::start(
        r#"
def onWebSocketReceiveText(dat, client, data):
    if data == 'close me':
        dat.webSocketClose(client)
    if data == 'another script':
        op('callbacks').text = "def onWebSocketReceiveText(dat, client, data):\n    dat.webSocketSendText(client, 'new')"
        dat.webSocketSendText(client, 'old')
    if data == 'wrong':
        dat.webSocketSendText(data, client)
        dat.webSocketSendText(client, 'went on')
def onWebSocketClose(dat, client):
    print('closed once')
"#,
    );
    let mut first = live.socket("/");
    first.send(Message::text("close me")).unwrap();
    while first.read().is_ok() {}
    live.wait_for("closed once");
    let mut second = live.socket("/");
    second.send(Message::text("wrong")).unwrap();
    assert_eq!(text(second.read().unwrap()), "went on");
    live.wait_for("there is no client `wrong`");
    second.send(Message::text("another script")).unwrap();
    assert_eq!(text(second.read().unwrap()), "old");
    second.send(Message::text("x")).unwrap();
    assert_eq!(text(second.read().unwrap()), "new");
    assert_eq!(live.stop().ended_well().count("closed once"), 1);
}

#[test]
fn arrays_are_sent_as_their_bytes_and_operators_as_their_path() {
    let live = Live::start(
        r#"
import array

class Pixels:
    """As numpy's arrays are, of which none need be here."""
    def __len__(self):
        return 3
    def __index__(self):
        raise TypeError('only integer scalar arrays can be converted to a scalar index')
    def __bytes__(self):
        return b'\1\2\3'

def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendBinary(client, Pixels())
    try:
        dat.webSocketSendBinary(client, 5)
    except TypeError as error:
        dat.webSocketSendText(client, str(error))

def onHTTPRequest(dat, request, response):
    response.update(statusCode=200, data=array.array('B', [65, 66]) if request['uri'] == '/array' else op('log'))
    response['X-From'] = me
    return response
"#,
    );
    let mut socket = live.socket("/");
    socket.send(Message::text("x")).unwrap();
    assert_eq!(&socket.read().unwrap().into_data()[..], [1, 2, 3]);
    assert_eq!(text(socket.read().unwrap()), "data must be bytes, not a number");
    let answer = live.request("GET /array HTTP/1.1", b"");
    assert!(answer.contains("x-from: /project1/callbacks\r\n") && answer.ends_with("\r\n\r\nAB"), "{answer}");
    let answer = live.request("GET /table HTTP/1.1", b"");
    assert!(answer.ends_with("\r\n\r\n/project1/log"), "{answer}");
    live.stop().ended_well();
}

#[test]
fn a_server_may_be_destroyed_by_its_own_callback() {
    let live = Live::start(
        r#"
def onWebSocketReceiveText(dat, client, data):
    dat.destroy()
    print('valid after destroy:', dat.valid)
    try:
        dat.webSocketSendText(client, 'x')
    except td.Error as error:
        print('refused:', error)
"#,
    );
    let mut socket = live.socket("/");
    socket.send(Message::text("x")).unwrap();
    while socket.read().is_ok() {}
    live.wait_for("valid after destroy: False");
    live.wait_for("refused: the operator does not exist any more");
    live.stop().ended_well();
}

#[test]
fn a_busy_thread_does_not_stop_the_server() {
    let live = Live::start(
        r#"
import threading
stop = False
def work():
    while not stop:
        pass
threading.Thread(target=work, daemon=True).start()
def onHTTPRequest(dat, request, response):
    return {'statusCode': 200, 'data': 'served'}
"#,
    );
    for _ in 0..20 {
        assert!(live.get("/").ends_with("served"));
    }
    live.stop().ended_well();
}

#[test]
fn a_thread_that_never_ends_does_not_hold_up_the_end() {
    let live = Live::start(
        r#"
import threading, time
def work():
    while True:
        time.sleep(0.01)
threading.Thread(target=work, name='endless').start()
"#,
    );
    live.stop().ended_well().says("threads of scripts still run (endless)");
}

#[test]
fn a_pong_is_left_out_only_while_the_ping_is_handled_that_was_answered() {
    let live = Live::start(
        r#"
def onServerStart(dat):
    dat.par.autopong = True
def onWebSocketReceivePing(dat, client, data):
    if data == b'both':
        dat.webSocketSendPong(client, data)
def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendPong(client, data.encode())
    dat.webSocketSendText(client, 'sent')
"#,
    );
    let mut socket = live.socket("/");
    for (sent, received) in [
        (Message::Ping("both".into()), vec![Message::Pong("both".into())]),
        (Message::text("both"), vec![Message::Pong("both".into()), Message::text("sent")]),
        (Message::Ping("beat".into()), vec![Message::Pong("beat".into())]),
        (Message::text("beat"), vec![Message::Pong("beat".into()), Message::text("sent")]),
    ] {
        socket.send(sent.clone()).expect("it can be sent");
        for wanted in received {
            assert_eq!(socket.read().expect("a frame"), wanted, "after {sent:?}");
        }
    }
    live.stop().ended_well();
}
