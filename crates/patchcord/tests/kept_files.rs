//! What operators keep in files besides their content: `storage = "…"` over several runs, and `vfs = "…"`.

mod support;

use std::path::Path;

use support::{Said, program, run, run_patch, write_patch};

const PATCH: &str = r#"
[patch]
format = 1

[op.script]
type = "executeDAT"
file = "script.py"
par.start = true

[op.agent]
type = "baseCOMP"
storage = "kept/agent.json"
vfs = "assets"
"#;

/// Runs a script in the patch folder.
fn run_script(folder: &Path, script: &str) -> Said {
    write_patch(folder, &[("patch.toml", PATCH), ("script.py", script)]);
    run_patch(folder).ended_well()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("assets")).expect("a folder");
    folder
}

const VALUES: &str = r#"
import math
VALUES = {
    'none': None, 'yes': True, 'int': 12345678901234567890, 'float': 0.1, 'text': 'a\u20ac\U0001f600\n',
    'list': [1, [2, {'a': None}]], 'tuple': (1, (2,)), 'set': {1, 'b', (3,)}, 'frozen': frozenset({1}),
    'bytes': b'\x00\xff', 'array': bytearray(b'x'), 'keys': {1: 'a', (2, 3): 'b', None: 'c'}, 'dollar': {'$tuple': [1]},
    'inf': math.inf, 'empty': {}, 'me': me,
}
def same(a, b):
    assert type(a) is type(b), (a, b)
    assert a == b, (a, b)
"#;

#[test]
fn storage_survives_a_restart() {
    let folder = folder();
    let first = r#"
def onStart():
    agent = op('agent')
    assert not agent.storage
    for key, value in VALUES.items():
        agent.store(key, value)
    agent.store('nan', math.nan)
    agent.store('gone', 1)
    agent.unstore('gone')
    agent.store('dependency', tdu.Dependency(5))
    agent.storeStartupValue('fresh', [])
    agent.storeStartupValue('other', 1)
    agent.unstoreStartupValue('oth*')
    agent.store('fresh', ['used'])
    project.quit()
"#;
    run_script(folder.path(), &format!("{VALUES}{first}")).does_not_say("Error").does_not_say("warning");
    let second = r#"
def onStart():
    agent = op('agent')
    for key, value in VALUES.items():
        same(agent.fetch(key), value)
    assert math.isnan(agent.fetch('nan')) and 'gone' not in agent.storage
    assert agent.fetch('dependency').val == 5
    assert agent.fetch('fresh') == [] and 'other' not in agent.storage
    agent.fetch('list').append('changed in place')
    print('all is there')
    project.quit()
"#;
    run_script(folder.path(), &format!("{VALUES}{second}")).says("all is there").does_not_say("Error");
    let third = "def onStart():\n    print(op('agent').fetch('list')[-1])\n    project.quit()\n";
    run_script(folder.path(), third).says("changed in place");
    assert_eq!(names(&folder.path().join("kept")), ["agent.json"]);
}

#[test]
fn storage_is_written_a_moment_after_a_change() {
    let folder = folder();
    let script = r#"
import os
def onStart():
    op('agent').store('a', 1)
    run(look, delayMilliSeconds=3000)
def look():
    text = open(project.folder + '/kept/agent.json').read()
    assert '"a": 1' in text, text
    before = os.stat(project.folder + '/kept/agent.json').st_mtime_ns
    op('agent').store('a', 1)
    assert os.stat(project.folder + '/kept/agent.json').st_mtime_ns == before
    op('agent').destroy()
    print('was written')
    project.quit()
"#;
    run_script(folder.path(), script).says("was written");
}

#[test]
fn a_broken_file_is_an_error_and_is_never_overwritten() {
    for broken in [
        "{",
        "[1]",
        r#"{"a": {"$what": 1}}"#,
        r#"{"a": {"$bytes": "?"}}"#,
        r#"{"a": {"$set": [[1]]}}"#,
        r#"{"\ud800": 1}"#,
    ] {
        let folder = folder();
        let file = folder.path().join("kept/agent.json");
        std::fs::create_dir(folder.path().join("kept")).expect("a folder");
        std::fs::write(&file, broken).expect("it can be written");
        let script = r#"
def onStart():
    assert 'agent.json' in op('agent').errors() and not op('agent').storage
    op('agent').store('a', 1)
    assert op('agent').fetch('a') == 1
    print('goes on')
    project.quit()
"#;
        run_script(folder.path(), script).says("goes on").says("no storage that can be read");
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), broken);
    }
}

#[test]
fn what_cannot_be_written_is_a_warning_and_stays_in_memory() {
    let folder = folder();
    let script = r#"
class Thing:
    pass
def onStart():
    op('agent').store('thing', Thing())
    op('agent').store('deep', {'function': [print]})
    op('agent').store('good', 1)
    run(look, delayMilliSeconds=2000)
def look():
    assert isinstance(op('agent').fetch('thing'), Thing)
    assert '`thing` holds a Thing' in op('agent').warnings(), op('agent').warnings()
    project.quit()
"#;
    run_script(folder.path(), script)
        .says("`thing` holds a Thing")
        .says("`deep` holds a builtin")
        .does_not_say("Assertion");
    let text = std::fs::read_to_string(folder.path().join("kept/agent.json")).expect("it is there");
    assert!(text.contains("good") && !text.contains("thing"), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_until_it_can() {
    let folder = folder();
    let script = r#"
import os
def onStart():
    # Where the folder of the file should be stands a file.
    open(project.folder + '/kept', 'w').close()
    op('agent').store('a', 1)
    run(look, delayMilliSeconds=2000)
def look():
    assert 'cannot be written' in op('agent').errors(), op('agent').errors()
    os.remove(project.folder + '/kept')
    op('agent').store('b', 2)
    run(again, delayMilliSeconds=2000)
def again():
    assert op('agent').errors() == '', op('agent').errors()
    print('it could')
    project.quit()
"#;
    run_script(folder.path(), script).says("it could").does_not_say("Assertion");
    let text = std::fs::read_to_string(folder.path().join("kept/agent.json")).expect("it is there");
    assert!(text.contains("\"b\": 2"), "{text}");
}

#[test]
fn a_link_to_the_file_stays_one_and_so_do_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let (disk, kept) = (folder.path().join("disk"), folder.path().join("kept"));
    std::fs::create_dir(&disk).expect("a folder");
    std::fs::create_dir(&kept).expect("a folder");
    std::fs::write(disk.join("real.json"), "{}").expect("a file");
    std::fs::set_permissions(disk.join("real.json"), PermissionsExt::from_mode(0o600)).expect("permissions");
    symlink("../disk/real.json", kept.join("agent.json")).expect("a link");
    run_script(folder.path(), "def onStart():\n    op('agent').store('a', 1)\n    project.quit()\n")
        .does_not_say("rror");
    assert!(kept.join("agent.json").is_symlink());
    assert_eq!(std::fs::read_to_string(disk.join("real.json")).expect("it is there"), "{\n \"a\": 1\n}\n");
    let mode = std::fs::metadata(disk.join("real.json")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!((names(&disk), names(&kept)), (vec!["real.json".to_owned()], vec!["agent.json".to_owned()]));
}

#[test]
fn nothing_half_written_is_left_when_there_is_no_room() {
    let folder = folder();
    let script = r#"
import resource
def onStart():
    # Stands for a full disk: a file cannot grow beyond this.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    op('agent').store('a', 'x' * 2000)
    run(look, delayMilliSeconds=2000)
def look():
    assert 'agent.json cannot be written: File too large' in op('agent').errors(), op('agent').errors()
    import os
    assert os.listdir(project.folder + '/kept') == [], os.listdir(project.folder + '/kept')
    op('agent').store('a', 'short')
    print('it was looked at')
    project.quit()
"#;
    run_script(folder.path(), script).says("it was looked at").does_not_say("Assertion");
    let text = std::fs::read_to_string(folder.path().join("kept/agent.json")).expect("it is there");
    assert!(text.contains("short"), "{text}");
}

/// Names of what is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_folder_becomes_virtual_files() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("assets/sub")).expect("a folder");
    write_patch(folder.path(), &[("assets/page.html", "<p>"), ("assets/.hidden", ""), ("assets/data.bin", "x")]);
    let script = r#"
def onStart():
    vfs = op('agent').vfs
    assert [file.name for file in vfs] == ['data.bin', 'page.html']
    assert vfs['page.html'].byteArray == b'<p>' and vfs['page.html'].originalFilePath == project.folder + '/assets/page.html'
    print('they are there')
    project.quit()
"#;
    run_script(folder.path(), script).says("they are there").does_not_say("Error");
}

#[test]
fn check_knows_the_keys() {
    let folder = folder();
    write_patch(folder.path(), &[("patch.toml", PATCH), ("script.py", "")]);
    run(program(&["check"]).arg(folder.path())).ended_well();
    let wrong = r#"
[op.other]
type = "baseCOMP"
storage = "kept/agent.json"
vfs = "nowhere"

[op.text]
type = "textDAT"
vfs = "assets"
storage = 5
"#;
    write_patch(folder.path(), &[("patch.toml", &format!("{PATCH}{wrong}"))]);
    let said = run(program(&["check"]).arg(folder.path()));
    said.says("the storage of `agent` already")
        .says("nowhere cannot be read")
        .says("only components have virtual files")
        .says("`storage` takes the name of a file");
}

#[test]
fn what_storage_managers_store_survives_a_restart() {
    let folder = folder();
    let begin = r#"
import TDStoreTools
class Agent:
    def __init__(self, ownerComp):
        self.stored = TDStoreTools.StorageManager(self, ownerComp, [
            {'name': 'Count', 'default': 0}, {'name': 'Scenes', 'default': {'all': [set()]}, 'dependable': 'deep'}])
def onStart():
    agent = Agent(op('agent'))
"#;
    let first = format!(
        "{begin}
    agent.Count = 4
    agent.Scenes['all'].append('intro')
    agent.Scenes['all'][0].add(1)
    project.quit()
"
    );
    run_script(folder.path(), &first).does_not_say("Error").does_not_say("warning");
    let second = format!(
        "{begin}
    assert agent.Count == 4 and agent.Scenes.getRaw() == {{'all': [{{1}}, 'intro']}}, agent.stored
    assert type(agent.Scenes['all'][0]) is TDStoreTools.DependSet
    print('all is there')
    project.quit()
"
    );
    run_script(folder.path(), &second).says("all is there").does_not_say("Error");
}

/// Two operators with files of their own.
const TWO: &str = r#"
[patch]
format = 1
[op.script]
type = "executeDAT"
file = "script.py"
par.start = true
[op.agent]
type = "baseCOMP"
storage = "agent.json"
[op.other]
type = "baseCOMP"
storage = "other.json"
"#;

fn run_two(script: &str) -> (tempfile::TempDir, Said) {
    let folder = tempfile::tempdir().expect("a folder");
    write_patch(folder.path(), &[("patch.toml", TWO), ("script.py", script)]);
    let said = run_patch(folder.path()).ended_well();
    (folder, said)
}

#[test]
fn an_operator_that_has_gone_and_a_number_that_is_too_long_hold_no_file_up() {
    let (folder, said) = run_two(
        r#"
def onStart():
    gone = parent().create('baseCOMP')
    op('agent').store('gone', gone)
    op('agent').store('long', 10 ** 5000)
    op('agent').store('good', 1)
    op('other').store('good', 2)
    gone.destroy()
    project.quit()
"#,
    );
    said.says("`long` holds a whole number of more than 4,200 digits");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("it is written");
    assert_eq!(read("agent.json"), "{\n \"gone\": null,\n \"good\": 1\n}\n");
    assert_eq!(read("other.json"), "{\n \"good\": 2\n}\n");
}

#[test]
fn lists_that_would_fill_the_disk_are_noticed_early_and_hold_no_other_file_up() {
    let (folder, said) = run_two(
        r#"
def onStart():
    value = [1]
    for _ in range(60):
        value = [value, value]
    op('agent').store('a', value)
    op('other').store('good', 2)
    project.quit()
"#,
    );
    said.says("agent.json would be larger than 64 MiB and is not written");
    assert!(!folder.path().join("agent.json").exists());
    assert!(folder.path().join("other.json").exists());
}

#[cfg(unix)]
#[test]
fn a_file_with_two_names_keeps_one_storage() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "def onStart():\n    op('agent').store('good', 1)\n    project.quit()\n";
    write_patch(folder.path(), &[("patch.toml", TWO), ("script.py", script)]);
    std::os::unix::fs::symlink("agent.json", folder.path().join("other.json")).expect("a link");
    run_patch(folder.path()).ended_well().says("other.json holds the storage of /project1/agent already");
    let text = std::fs::read_to_string(folder.path().join("agent.json")).expect("it is written");
    assert_eq!(text, "{\n \"good\": 1\n}\n");
}
