//! Extensions in a running program: edits of their scripts and of `ext` in the patch file while a WebSocket stays open, and
//! what they hear at the end.

mod support;

use std::fs;

use support::live::Live;
use tungstenite::Message;

/// Appended to the patch: a component with an extension whose script stands in a file.
const COMPONENT: &str = r#"
[op.agent]
type = "baseCOMP"
par.parentshortcut = "Agent"
par.opshortcut = "AGENT"
ext = [{ object = "AgentExt.AgentExt(me)", name = "Agent", promote = true }]

[op."agent/AgentExt"]
type = "textDAT"
file = "agent.py"

[op."agent/inside"]
type = "textDAT"
text = "def ask(text): return parent.Agent.Answer(text)"
"#;

const CALLBACKS: &str = "
def onWebSocketReceiveText(dat, client, data):
    try:
        answer = op('agent/inside').module.ask(data)
    except Exception as error:
        answer = f'{type(error).__name__}: {error}'
    dat.webSocketSendText(client, answer)
";

fn agent(greeting: &str) -> String {
    format!(
        "
class AgentExt:
    def __init__(self, ownerComp):
        self.ownerComp = ownerComp
        self.count = ownerComp.fetch('count', 0, storeDefault=True)
        print('agent is made: {greeting}')

    def Answer(self, text):
        self.count += 1
        self.ownerComp.store('count', self.count)
        return f'{greeting} {{text}} {{self.count}}'

    def onInitTD(self):
        print('agent is ready: {greeting}')

    def onDestroyTD(self):
        print('agent ends: {greeting}')
"
    )
}

fn start() -> Live {
    let live = Live::start(CALLBACKS);
    fs::write(live.folder().join("agent.py"), agent("hello")).unwrap();
    let patch = live.folder().join("patch.toml");
    let text = fs::read_to_string(&patch).unwrap();
    fs::write(patch, text + COMPONENT).unwrap();
    live.wait_for("agent is ready: hello");
    live
}

fn ask(socket: &mut tungstenite::WebSocket<std::net::TcpStream>, text: &str) -> String {
    socket.send(Message::text(text)).unwrap();
    socket.read().unwrap().into_text().unwrap().to_string()
}

#[test]
fn an_edit_makes_the_extension_anew_and_the_websocket_stays_open() {
    let live = start();
    let mut socket = live.socket("/");
    assert_eq!(ask(&mut socket, "a"), "hello a 1");

    fs::write(live.folder().join("agent.py"), agent("goodbye")).unwrap();
    live.wait_for("agent is ready: goodbye");
    assert_eq!(ask(&mut socket, "b"), "goodbye b 2", "what is stored survives");
    let said = live.said();
    let order = ["agent ends: hello", "agent is made: goodbye", "agent is ready: goodbye"].map(|line| said.find(line));
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{said}");

    // One that does not compile changes nothing.
    fs::write(live.folder().join("agent.py"), "class AgentExt(:").unwrap();
    live.wait_for("SyntaxError");
    assert_eq!(ask(&mut socket, "c"), "goodbye c 3");

    // One whose `__init__` raises is said, and the next save is tried.
    fs::write(live.folder().join("agent.py"), agent("oops").replace("self.count = ", "self.count = undefined + "))
        .unwrap();
    live.wait_for("name 'undefined' is not defined");
    assert!(
        ask(&mut socket, "d").starts_with("AttributeError: the extension Agent of /project1/agent could not be made")
    );
    fs::write(live.folder().join("agent.py"), agent("again")).unwrap();
    live.wait_for("agent is ready: again");
    assert_eq!(ask(&mut socket, "e"), "again e 4");

    let said = live.stop().ended_well();
    said.says("agent ends: again");
    assert_eq!(said.count("listening on"), 1);
}

#[test]
fn ext_in_the_patch_file_is_live() {
    let live = start();
    let mut socket = live.socket("/");
    assert_eq!(ask(&mut socket, "a"), "hello a 1");
    let patch = live.folder().join("patch.toml");
    let text = fs::read_to_string(&patch).unwrap();

    fs::write(&patch, text.replace(", promote = true", "")).unwrap();
    live.wait_for("patch.toml: 1 parameter");
    assert!(ask(&mut socket, "b").contains("Answer"), "it is not promoted any more");

    fs::write(&patch, text.replace("AgentExt.AgentExt(me)", "op('./AgentExt').module.AgentExt(me)")).unwrap();
    live.wait_for("patch.toml: 2 parameters");
    assert_eq!(ask(&mut socket, "c"), "hello c 2");
    assert_eq!(live.said().matches("agent is made").count(), 2);

    fs::write(&patch, text.replace("ext = [", "ext = [5, ")).unwrap();
    live.wait_for("patch.toml has errors and changes nothing");
    assert_eq!(ask(&mut socket, "d"), "hello d 3");

    let without = text.lines().filter(|line| !line.starts_with("ext = ")).collect::<Vec<_>>().join("\n");
    fs::write(&patch, without).unwrap();
    live.wait_until("its end", |said| said.matches("agent ends").count() == 2);
    assert!(ask(&mut socket, "e").starts_with("AttributeError"));
    live.stop().ended_well();
}

#[test]
fn a_destroyed_component_ends_its_extension_while_it_can_be_read() {
    let live = start();
    live.save(
        "
def onWebSocketReceiveText(dat, client, data):
    op.AGENT.destroy()
    dat.webSocketSendText(client, str(op('agent')))
",
    );
    let mut socket = live.socket("/");
    fs::write(
        live.folder().join("agent.py"),
        agent("hello").replace("print('agent ends", "print(self.ownerComp.name, 'ends"),
    )
    .unwrap();
    live.wait_until("the new one", |said| said.matches("agent is ready").count() == 2);
    assert_eq!(ask(&mut socket, "x"), "None");
    live.wait_until("the ends of both", |said| said.matches("agent ends: hello").count() == 2);
    live.stop().ended_well();
}
