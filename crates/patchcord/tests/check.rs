//! `patchcord check` on scripts: what it remarks, and where it keeps silent.
//!
//! Each file of `tests/review` is a script in a small patch. A comment `# -> words` says what is remarked of its line, with
//! ` | ` between words that all have to be said; of every other line nothing may be.

mod support;

use std::path::Path;

use support::{Said, program, run, write_patch};

const PATCH: &str = r#"
[patch]
format = 1
name = "review"

[op.log]
type = "tableDAT"

[op.own]
type = "tableDAT"

[op.info]
type = "infoCHOP"
par.op = "log"

[op.base1]
type = "baseCOMP"

[op."base1/inside"]
type = "textDAT"

[op.helper]
type = "textDAT"
text = "value = 1"

[op.monitors]
type = "textDAT"
text = "primary = 1"

[op.checked]
type = "textDAT"
file = "checked.py"
"#;

/// What is said of a script: line and words.
type Remarks = Vec<(usize, String)>;

fn check(folder: &Path, patch: &str, script: &str) -> Said {
    write_patch(folder, &[("patch.toml", patch), ("checked.py", script)]);
    run(program(&["check"]).arg(folder))
}

/// Findings of a report that stand in a file, with their messages and helps as one line of words each.
fn remarks(text: &str, file: &str) -> Remarks {
    let mut found = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    let mut line = None;
    for part in text.lines().map(str::trim).chain(["!"]) {
        if part.starts_with('!') || part.starts_with('x') {
            found.extend(line.take().map(|line| (line, words.join(" "))));
            words.clear();
        }
        if let Some(place) = part.split_once(&format!("[{file}:")).map(|(_, place)| place) {
            line = place.split(':').next().and_then(|number| number.parse().ok());
        }
        words.extend(part.trim_start_matches(['!', '|']).split_whitespace());
    }
    found
}

fn expected(script: &str) -> Remarks {
    let wanted = |(at, line): (usize, &str)| line.split_once("  # -> ").map(|(_, words)| (at + 1, words.to_owned()));
    script.lines().enumerate().filter_map(wanted).collect()
}

/// Checks a script beside its comments; `more` is added to the patch.
fn review(script: &str, more: &str) {
    review_in(PATCH, script, more);
}

/// As [`review`], in another patch.
fn review_in(patch: &str, script: &str, more: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    // Without the comments, or a report that shows the line would seem to say what they ask for.
    let plain: String =
        script.lines().map(|line| line.split("  # -> ").next().unwrap_or_default().to_owned() + "\n").collect();
    let said = check(folder.path(), &format!("{patch}{more}"), &plain);
    assert_eq!(said.code, Some(0), "{}", said.text);
    let found = remarks(&said.text, "checked.py");
    let wanted = expected(script);
    for (line, words) in &wanted {
        let all = |text: &str| words.split(" | ").all(|part| text.contains(part.trim()));
        let is_said = found.iter().any(|(at, text)| all(text) && (at == line || also_in(text).contains(line)));
        assert!(is_said, "line {line}: {words:?} is not said in\n{}", said.text);
    }
    for (line, text) in &found {
        for line in also_in(text).iter().chain([line]) {
            assert!(wanted.iter().any(|(at, _)| at == line), "line {line}: unexpected {text:?}");
        }
    }
}

/// What is said of several lines is said once, with the other lines.
fn also_in(text: &str) -> Vec<usize> {
    let Some((_, lines)) = text.split_once("also in line") else { return Vec::new() };
    lines.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn callbacks_of_a_web_server() {
    review(include_str!("review/web_server.py"), "[op.ws]\ntype = \"webserverDAT\"\npar.callbacks = \"checked\"\n");
}

#[test]
fn callbacks_of_a_websocket() {
    review(include_str!("review/websocket.py"), "[op.ws]\ntype = \"websocketDAT\"\npar.callbacks = \"checked\"\n");
}

#[test]
fn callbacks_of_a_socketio() {
    review(include_str!("review/socketio.py"), "[op.sio]\ntype = \"socketioDAT\"\npar.callbacks = \"checked\"\n");
}

#[test]
fn what_is_asked_first_is_no_mistake() {
    review(include_str!("review/guards.py"), "");
}

#[test]
fn names_of_the_script_itself_are_its_own() {
    review(include_str!("review/own_names.py"), "");
}

#[test]
fn names_stand_for_what_is_bound_to_them() {
    review(include_str!("review/names.py"), "");
}

#[test]
fn callbacks_that_watch_a_table() {
    let script = "def onTableChange(dat, prevDAT, info):\n    dat.numRow  # -> did you mean `numRows`?\n\n\
                  def onCellChange(dat, cells, prev):\n    for cell in cells:\n        cell.value  # -> Cell has no `value`\n";
    let own = r#"
[op.watch]
type = "datexecuteDAT"
file = "checked.py"
"#;
    review(script, own);
}

#[test]
fn stand_ins_accept_everything() {
    let script = "\
def onStart():
    op('noise1').par.seed += 1
    op('noise1').sample(x=1, y=2)
    op('button1').click()
    op('computed' + '1').click()
    op('base1').create(oscinDAT).anything
    op('noise1').loadTox
    op('base1').loadTox('x')  # -> COMP.loadTox
    op('log').click()  # -> a Table DAT has no `click`
";
    let more = "\n[op.noise1]\ntype = \"noiseTOP\"\n[op.button1]\ntype = \"buttonCOMP\"\n";
    let patch = PATCH.replace("format = 1", "format = 1\nstand_ins = true");
    review_in(&patch, script, more);
}

#[test]
fn scripts_and_expressions_in_the_patch_file_have_their_place_there() {
    let patch = r#"
[patch]
format = 1

[op.start]
type = "executeDAT"
text = """
import helper
def onStart():
    parent().loadTox('x')
def onOpen(): pass
"""

[op.helper]
type = "textDAT"
text = '''
def f():
    return op('start').visibleLevel
'''

[op.never]
type = "textDAT"
text = "op('start').visibleLevel"

[op.info]
type = "infoCHOP"
par.op = { expr = "me.visibleLevel or op('start').path" }
"#;
    let folder = tempfile::tempdir().expect("a folder");
    let said = check(folder.path(), patch, "");
    let found = remarks(&said.text, "patch.toml");
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [10, 11, 18, 27], "{}", said.text);
    for (words, (_, text)) in
        ["COMP.loadTox", "an Execute DAT has no such callback", "OP.visibleLevel", "OP.visibleLevel"].iter().zip(&found)
    {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_run_says_in_one_line_that_there_are_remarks() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "def onStart():\n    project.quit()\ndef f():\n    me.visibleLevel\n    me.licenseType\n";
    let patch = "[patch]\nformat = 1\n[op.start]\ntype = \"executeDAT\"\nfile = \"checked.py\"\npar.start = true\n";
    check(folder.path(), patch, script).says("2 warnings");
    let said = run(program(&["run"]).arg(folder.path())).ended_well();
    said.says("2 remarks on scripts").says("patchcord check").does_not_say("visibleLevel");
}

#[test]
fn a_patch_without_remarks_is_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    check(folder.path(), PATCH, "op('log').appendRow([1])\n").says("is in order").does_not_say("warning");
}

/// Scripts that real clients drive elsewhere use nothing that is not there.
#[test]
fn scripts_that_are_known_to_run_get_no_remarks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut checked = 0;
    for folder in ["tests/peers/scripts", "examples", "examples/chat", "examples/socketio"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
            let folder = entry.expect("it can be read").path();
            if folder.join("patch.toml").is_file() {
                let said = run(program(&["check"]).arg(&folder));
                // A patch that reads its settings from the environment has errors without them.
                assert!(!said.text.contains(".py:"), "{}: {}", folder.display(), said.text);
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} patches were found");
}

#[test]
fn a_script_too_deep_for_the_compiler_is_named_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = check(folder.path(), PATCH, &format!("y = {}1\n", "-".repeat(50_000)));
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(said.text.contains("too deep or too large for Python's compiler"), "{:.500}", said.text);
}
