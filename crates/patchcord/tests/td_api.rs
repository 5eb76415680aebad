//! The td API, checked from inside: each file of `tests/td_api` is the script of an Execute DAT in a small patch.
//!
//! Every function `test_…` of a script is called at the start, those named `later_…` some frames after; a failed
//! assertion prints its traceback and fails the test here.

mod support;

use patchcord_runtime::td_api::{self, CLASSES, Class, FAMILIES, Member, State};
use support::{run_patch, write_patch};

/// The patch around the script.
const PATCH: &str = r#"
[patch]
format = 1
name = "checks"

[op.checks]
type = "executeDAT"
file = "checks.py"
par.start = true

[op.text1]
type = "textDAT"
text = "hello\nworld"
tags = ["greeting", "short"]
comment = "says hello"

[op.helper]
type = "textDAT"
text = """
count = 0
def step(by=1):
    global count
    count += by
    return count
def who():
    return me.path
def sibling():
    return op('text1').path
"""

[op.table1]
type = "tableDAT"
rows = [["name", "value", "kind"], ["a", "1", "x"], ["b", "2.5", "y"], ["c", "three", "x"]]

[op.empty]
type = "tableDAT"

[op.webserver1]
type = "webserverDAT"
par.active = false

[op.logic1]
type = "logicCOMP"

[op.websocket1]
type = "websocketDAT"

[op.socketio1]
type = "socketioDAT"

[op.base1]
type = "baseCOMP"

[op."base1/text1"]
type = "textDAT"
text = "inside"

[op."base1/deep"]
type = "baseCOMP"

[op."base1/deep/text2"]
type = "textDAT"
text = "deeper"

[op.fromfile]
type = "baseCOMP"
ext = [{ object = "Greeter.Greeter(me)", promote = true }]

[op."fromfile/Greeter"]
type = "textDAT"
text = """
class Greeter:
    def __init__(self, ownerComp):
        self.made_with = ownerComp.path
    def Hello(self, name):
        return f'hello {name}'
"""

[op.info1]
type = "infoCHOP"
par.op = "table1"
"#;

/// Components with inputs and outputs.
const SURROUNDINGS: &str = r#"
[op.filter]
type = "containerCOMP"
in = ["text1"]

[op."filter/in1"]
type = "inDAT"

[op."filter/out1"]
type = "outDAT"
in = ["in1"]

[op.null1]
type = "nullDAT"
in = ["filter"]

[op.fifo1]
type = "fifoDAT"
par.maxlines = 3

[op.merge1]
type = "mergeDAT"
in = ["table1", "text1"]

[op.timer1]
type = "timerCHOP"
par.length = 0.05
par.outdone = true
par.callbacks = "timer_callbacks"

[op.timer_callbacks]
type = "textDAT"
text = """
heard = []
def onStart(timerOp):
    heard.append('start')
def onDone(timerOp, segment, interrupt):
    heard.append(f'done {segment} {interrupt}')
"""
"#;

/// Types that are not here.
const STAND_INS: &str = r#"
[op.noise1]
type = "noiseTOP"
par.rough = 0.25
par.mode = "hermite"

[op.level1]
type = "levelTOP"
in = ["noise1"]

[op.lfo1]
type = "lfoCHOP"
par.channels = "chan1=0.5 speed=2"

[op.nullchop]
type = "nullCHOP"
in = ["lfo1"]

[op.button1]
type = "buttonCOMP"

[op."button1/inside"]
type = "textDAT"
text = "in a panel"

[op.asked]
type = "infoDAT"
"#;

/// Calls the functions of the script and ends the program.
const RUNNER: &str = r#"

def _run_all(prefix):
    import traceback
    for name, test in list(globals().items()):
        if name.startswith(prefix):
            try:
                test()
                print('passed', name)
            except BaseException:
                print('FAILED', name)
                print(traceback.format_exc())

def onStart():
    _run_all('test_')
    if any(name.startswith('later_') for name in globals()):
        run(_finish, delayFrames=20)
    else:
        print('all were called')
        project.quit()

def _finish():
    _run_all('later_')
    print('all were called')
    project.quit()
"#;

fn check(script: &str) {
    check_with(script, &[]);
}

/// As [`check`], with more files beside the patch.
fn check_with(script: &str, files: &[(&str, &str)]) {
    check_in(PATCH, script, files);
}

/// As [`check_with`], in another patch.
fn check_in(patch: &str, script: &str, files: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a folder");
    write_patch(folder.path(), &[("patch.toml", patch), ("checks.py", &format!("{script}{RUNNER}"))]);
    write_patch(folder.path(), files);
    let said = run_patch(folder.path()).ended_well();
    said.does_not_say("FAILED").says("all were called");
    let tests = script.matches("\ndef test_").count() + script.matches("\ndef later_").count();
    assert_eq!(said.count("passed "), tests, "{}", said.text);
}

#[test]
fn operators() {
    check(include_str!("td_api/operators.py"));
}

#[test]
fn surroundings() {
    check_in(&format!("{PATCH}{SURROUNDINGS}"), include_str!("td_api/surroundings.py"), &[]);
}

#[test]
fn stand_ins() {
    let patch = format!("{PATCH}{STAND_INS}").replace("format = 1\n", "format = 1\nstand_ins = true\n");
    check_in(&patch, include_str!("td_api/standin.py"), &[]);
}

#[test]
fn components() {
    check(include_str!("td_api/components.py"));
}

#[test]
fn extensions() {
    check(include_str!("td_api/extensions.py"));
}

#[test]
fn libraries() {
    check(include_str!("td_api/libraries.py"));
}

#[test]
fn shortcuts() {
    check(include_str!("td_api/shortcuts.py"));
}

#[test]
fn members_of_operators() {
    check(include_str!("td_api/members.py"));
}

#[test]
fn contents_and_virtual_files() {
    check(include_str!("td_api/content.py"));
}

#[test]
fn program_and_classes_of_tdu() {
    check(include_str!("td_api/program.py"));
}

#[test]
fn what_expressions_read() {
    check(include_str!("td_api/tracking.py"));
}

#[test]
fn parameters() {
    check(include_str!("td_api/parameters.py"));
}

/// Writes its patch file anew and waits until its definitions are there.
const EDITOR: &str = r#"
import traceback

agent = op('agent')
par = agent.par
held = par.Seat

def onStart():
    assert par.Seat == 3 and par.Gone.isString and held.page == 'Agent'
    par.Seat = 5
    text = open(project.folder + '/patch.toml').read()
    text = text.replace('max = 8', 'max = 9, label = "Chair"').replace('custom.Gone', 'custom.Here')
    with open(project.folder + '/patch.toml', 'w') as file:
        file.write(text)
    run(look, 0, delayFrames=2)

def look(times):
    if hasattr(par, 'Here'):
        try:
            assert not hasattr(par, 'Gone') and 'Gone' not in par.__dict__ and par.Here == ''
            assert par.Seat is held and held == 5 and held.label == 'Chair' and held.max == 9
            print('all is there')
        except AssertionError:
            print(traceback.format_exc())
        project.quit()
    elif times < 1000:
        run(look, times + 1, delayFrames=2)
    else:
        project.quit()
"#;

const EDITED: &str = r#"
[patch]
format = 1

[op.editor]
type = "executeDAT"
file = "editor.py"
par.start = true

[op.agent]
type = "baseCOMP"
custom.Seat = { page = "Agent", style = "Int", default = 1, min = 0, max = 8 }
custom.Gone = { page = "Agent", style = "Str" }
par.Seat = 3
"#;

#[test]
fn definitions_of_the_file_reach_scripts() {
    let folder = tempfile::tempdir().expect("a folder");
    write_patch(folder.path(), &[("patch.toml", EDITED), ("editor.py", EDITOR)]);
    run_patch(folder.path()).ended_well().says("all is there").says("patch.toml: 3 definitions");
}

#[test]
fn custom_parameters() {
    check(include_str!("td_api/custom_parameters.py"));
}

#[test]
fn tables() {
    check(include_str!("td_api/tables.py"));
}

#[test]
fn texts_and_modules() {
    check(include_str!("td_api/texts.py"));
}

#[test]
fn storage_and_errors() {
    check(include_str!("td_api/storage.py"));
}

#[test]
fn runs_and_time() {
    check(include_str!("td_api/runs.py"));
}

#[test]
fn threads() {
    check(include_str!("td_api/threads.py"));
}

#[test]
fn helpers_of_tdu() {
    check(include_str!("td_api/helpers.py"));
}

#[test]
fn every_row_of_the_declaration() {
    check_with(include_str!("td_api/declared.py"), &[("declared.json", &declared().to_string())]);
}

/// The declaration for the script that compares it with the objects.
fn declared() -> serde_json::Value {
    let members = |class: &'static Class| -> Vec<serde_json::Value> {
        let row = |member: &Member| {
            let (state, text) = match class.state_of(member) {
                State::Works => ("works", String::new()),
                State::StandIn(what) => ("stand-in", what.to_owned()),
                State::Raises(why) => ("raises", td_api::reason(why, member.instead)),
            };
            serde_json::json!([member.name(), member.is_method(), state, text])
        };
        class.members.iter().map(row).collect()
    };
    let classes: Vec<_> = CLASSES
        .iter()
        .map(|class| {
            serde_json::json!([class.name, format!("{:?}", class.kind), class.base, class.absent, members(class)])
        })
        .collect();
    let here: Vec<&str> = patchcord_operators::types().iter().map(|kind| kind.name).collect();
    let absent: Vec<String> =
        FAMILIES.iter().flat_map(td_api::FamilyTypes::types).filter(|name| !here.contains(&&**name)).collect();
    serde_json::json!({ "classes": classes, "types_here": here, "types_absent": absent })
}

#[test]
fn reference_of_operators() {
    check(include_str!("td_api/reference_op.py"));
}

#[test]
fn reference_of_extensions() {
    check(include_str!("td_api/reference_extensions.py"));
}

#[test]
fn reference_of_globals_and_other_operators() {
    check(include_str!("td_api/reference_globals.py"));
}

#[test]
fn reference_of_custom_parameters() {
    check(include_str!("td_api/reference_custom_pars.py"));
}

#[test]
fn reference_of_idioms() {
    check(include_str!("td_api/reference_idioms.py"));
}
