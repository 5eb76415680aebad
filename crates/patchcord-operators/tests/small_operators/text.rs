//! The Text DAT, with the file and the compile check that other DATs share.

use patchcord_core::problem::Problem;
use patchcord_core::value::OwnedValue;
use patchcord_operators::{MAX_FILE_BYTES, file_ending};

use crate::stage::{Stage, off, on, str, with_event_loop};

fn made(parameters: &[(&str, OwnedValue)]) -> (Stage, patchcord_core::patch::OpId) {
    let stage = Stage::new();
    let text = stage.make_with("textDAT", "text1", parameters);
    (stage, text)
}

#[test]
fn a_pulse_reads_the_file_which_counts_from_the_patch_folder() {
    let (stage, text) = made(&[("file", str("a.txt"))]);
    stage.save("a.txt", b"\xef\xbb\xbfh\xc3\xa9llo\n");
    assert_eq!(stage.text(text), "");
    stage.pulse(text, "loadonstartpulse");
    assert_eq!(stage.text(text), "héllo\n");
    assert_eq!(stage.last_line(), format!("read {}", stage.file("a.txt").display()));

    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), "elsewhere").unwrap();
    stage.set(text, "file", str(outside.path().to_str().unwrap()));
    stage.pulse(text, "loadonstartpulse");
    assert_eq!(stage.text(text), "elsewhere");
}

#[test]
fn what_cannot_be_read_is_a_warning_until_it_can_and_the_text_stays() {
    let (stage, text) = made(&[]);
    stage.set_text(text, "kept");
    stage.save("latin", b"caf\xe9");
    stage.save("marked", b"\xef\xbb\xbfcaf\xe9");
    let big = std::fs::File::create(stage.file("big")).unwrap();
    big.set_len(MAX_FILE_BYTES + 1).unwrap();
    std::fs::create_dir(stage.file("folder")).unwrap();
    for (name, message) in [
        ("", "no file is named"),
        ("none", "there is no file none"),
        ("latin/none", "there is no file latin/none"),
        ("folder", "folder is no file"),
        ("big", "big is larger than 16 MiB"),
        ("latin", "latin cannot be loaded: not UTF-8 at byte 3; the file may be in another encoding"),
        ("marked", "marked cannot be loaded: not UTF-8 at byte 6; the file may be in another encoding"),
    ] {
        stage.set(text, "file", str(name));
        stage.pulse(text, "loadonstartpulse");
        assert_eq!(stage.problems(text), [("file", message.to_owned())]);
        assert_eq!(stage.text(text), "kept");
    }
    stage.save("good", "good");
    stage.set(text, "file", str("good"));
    stage.pulse(text, "loadonstartpulse");
    assert_eq!((stage.text(text).as_str(), stage.problems(text).len()), ("good", 0));
}

#[test]
fn a_pulse_writes_the_file_as_a_whole_and_leaves_nothing_beside_it() {
    let (stage, text) = made(&[("file", str("a.txt"))]);
    stage.set_text(text, "one\n");
    stage.pulse(text, "writepulse");
    assert_eq!(stage.last_line(), format!("wrote 4 bytes to {}", stage.file("a.txt").display()));
    stage.set_text(text, "two");
    stage.pulse(text, "writepulse");
    assert_eq!((stage.read("a.txt").as_str(), stage.files()), ("two", vec!["a.txt".to_owned()]));
}

#[cfg(unix)]
#[test]
fn writing_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (stage, text) = made(&[("file", str("link.txt"))]);
    stage.save("real.txt", "old");
    std::fs::set_permissions(stage.file("real.txt"), std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(stage.file("real.txt"), stage.file("link.txt")).unwrap();
    stage.set_text(text, "new");
    stage.pulse(text, "writepulse");
    assert_eq!(stage.read("real.txt"), "new");
    assert!(std::fs::symlink_metadata(stage.file("link.txt")).unwrap().is_symlink());
    let mode = std::fs::metadata(stage.file("real.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let (stage, text) = made(&[]);
    std::fs::create_dir(stage.file("folder")).unwrap();
    stage.set_text(text, "text");
    for (name, message) in
        [("", "no file is named"), ("none/a.txt", "there is no folder for none/a.txt"), ("folder", "folder is no file")]
    {
        stage.set(text, "file", str(name));
        stage.pulse(text, "writepulse");
        assert_eq!(stage.problems(text), [("file", message.to_owned())]);
    }
    let large = "x".repeat(MAX_FILE_BYTES as usize + 1);
    stage.set_text(text, &large);
    stage.set(text, "file", str("large.txt"));
    stage.pulse(text, "writepulse");
    assert_eq!(stage.problems(text), [("file", "large.txt is larger than 16 MiB".to_owned())]);
    assert_eq!(stage.files(), ["folder"]);
}

#[test]
fn a_name_without_an_ending_gets_one_unless_there_is_such_a_file() {
    let (stage, text) = made(&[("file", str("notes"))]);
    stage.set_text(text, "{}");
    stage.pulse(text, "writepulse");
    stage.set(text, "extension", str("language"));
    stage.set(text, "language", str("json"));
    stage.pulse(text, "writepulse");
    stage.set(text, "extension", str("custom"));
    stage.set(text, "customext", str(".md"));
    stage.pulse(text, "writepulse");
    assert_eq!(stage.files(), ["notes.dat", "notes.json", "notes.md"]);
    stage.set(text, "customext", str(""));
    stage.pulse(text, "writepulse");
    stage.set(text, "customext", str("txt"));
    stage.pulse(text, "writepulse");
    assert_eq!(stage.files(), ["notes", "notes.dat", "notes.json", "notes.md"]);
}

#[test]
fn every_language_has_an_ending() {
    let (stage, text) = made(&[("extension", str("language"))]);
    for (language, ending) in
        [("input", "txt"), ("text", "txt"), ("python", "py"), ("xml", "xml"), ("glsl", "glsl"), ("tscript", "tscript")]
    {
        stage.set(text, "language", str(language));
        assert_eq!(file_ending(&stage.network, text), ending);
    }
}

#[test]
fn sync_that_is_switched_on_reads_at_once_and_once() {
    let (stage, text) = made(&[("file", str("a.txt"))]);
    stage.save("a.txt", "one");
    stage.set(text, "syncfile", on());
    assert_eq!(stage.text(text), "one");
    stage.save("b.txt", "two");
    stage.set(text, "file", str("b.txt"));
    assert_eq!(stage.text(text), "two");
    // An edit stays: nothing that says which file has changed.
    stage.set_text(text, "edited");
    stage.set(text, "wordwrap", str("on"));
    stage.set(text, "syncfile", on());
    assert_eq!(stage.text(text), "edited");
    stage.set(text, "syncfile", off());
    stage.set(text, "file", str("a.txt"));
    assert_eq!(stage.text(text), "edited");
}

#[test]
fn a_new_text_reads_its_file_unless_somebody_has_filled_it() {
    let stage = Stage::new();
    stage.save("a.txt", "from the file");
    let first = stage.make_with("textDAT", "first", &[("file", str("a.txt")), ("loadonstart", on())]);
    assert_eq!(stage.text(first), "from the file");
    // The patch has started, so this is no start.
    let late = stage.make_with("textDAT", "late", &[("file", str("a.txt")), ("loadonstart", on())]);
    assert_eq!(stage.text(late), "");
    let synced = stage.make_with("textDAT", "synced", &[("file", str("a.txt")), ("syncfile", on())]);
    assert_eq!(stage.text(synced), "from the file");
    let filled = stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let (root, kind) = (patch.root(), patch.find_type("textDAT").unwrap());
        let filled = patch.create(root, kind, Some("filled")).unwrap();
        for (name, value) in [("file", str("a.txt")), ("syncfile", on())] {
            let index = patch.find_par(filled, name).unwrap();
            patch.set_par(filled, index, &value).unwrap();
        }
        patch.set_text(filled, "by the project").unwrap();
        filled
    });
    assert_eq!(stage.text(filled), "by the project");
}

#[test]
fn edit_says_where_the_text_is() {
    let (stage, text) = made(&[]);
    stage.pulse(text, "edit");
    assert!(stage.last_line().contains("there is no file to edit"), "{}", stage.last_line());
    stage.set(text, "file", str("a.py"));
    stage.pulse(text, "edit");
    let path = stage.file("a.py").display().to_string();
    assert_eq!(stage.last_line(), format!("edit {path}; then pulse `loadonstartpulse`"));
    stage.save("a.py", "");
    stage.set(text, "syncfile", on());
    stage.pulse(text, "edit");
    assert_eq!(stage.last_line(), format!("edit {path}; it is synced"));
}

#[test]
fn a_python_text_that_does_not_compile_is_an_error_with_its_line() {
    let (stage, text) = made(&[("language", str("python"))]);
    stage.set_evaluator(|_, _, _| Err("not asked".into()));
    stage.set_text(text, "a = 1\nb = ?\n");
    assert_eq!(stage.problems(text), [("script", "line 2: invalid syntax".to_owned())]);
    stage.set_text(text, "?");
    assert_eq!(stage.problems(text), [("script", "line 1: invalid syntax".to_owned())]);
    stage.set(text, "language", str("text"));
    assert_eq!(stage.problems(text), []);
    stage.set(text, "language", str("python"));
    stage.set_text(text, "b = 2\n");
    assert_eq!(stage.problems(text), []);
}

#[test]
fn the_file_name_and_the_use_as_callbacks_tell_the_language() {
    with_event_loop(file_name_and_use);
}

fn file_name_and_use() {
    let stage = Stage::new();
    stage.set_evaluator(|_, _, _| Err("not asked".into()));
    let (text, server) = stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let (root, kind) = (patch.root(), patch.find_type("webserverDAT").unwrap());
        let text = patch.create(root, &patchcord_operators::text_dat::TEXT_DAT, Some("text1")).unwrap();
        let server = patch.create(root, kind, Some("server")).unwrap();
        patch.set_text(text, "?").unwrap();
        let callbacks = patch.find_par(server, "callbacks").unwrap();
        patch.set_par(server, callbacks, &str("text1")).unwrap();
        (text, server)
    });
    let broken = [("script", "line 1: invalid syntax".to_owned())];
    assert_eq!(stage.problems(text), broken, "it serves as callbacks when the patch starts");
    stage.set(server, "callbacks", str(""));
    stage.set_text(text, "still ?");
    assert_eq!(stage.problems(text), [], "it is any text now");
    stage.set(text, "file", str("script.py"));
    assert_eq!(stage.problems(text), broken);
    stage.set(text, "file", str("notes.md"));
    assert_eq!(stage.problems(text), []);
}

#[test]
fn json_is_checked_without_anybody_who_runs_scripts() {
    let (stage, text) = made(&[("file", str("state.json"))]);
    stage.set_text(text, "{\n  \"a\": 1\n  \"b\": 2\n}");
    assert_eq!(stage.problems(text), [("script", "line 3: expected `,` or `}`".to_owned())]);
    stage.set_text(text, "{\"a\": 1}");
    assert_eq!(stage.problems(text), []);
}

#[test]
fn a_problem_that_whoever_runs_scripts_has_filed_is_left_alone() {
    let (stage, text) = made(&[("language", str("python"))]);
    stage.set_evaluator(|_, _, _| Err("not asked".into()));
    let file = |message: &str| stage.network.report(text, Problem::error("script", message.to_owned(), ""));
    file("the script: NameError: x");
    stage.set_text(text, "compiles, but x is not there");
    stage.set_text(text, "and now ?");
    assert_eq!(stage.problems(text), [("script", "the script: NameError: x".to_owned())]);
    stage.network.clear_problem(text, "script");
    stage.set_text(text, "? again");
    assert_eq!(stage.problems(text), [("script", "line 1: invalid syntax".to_owned())]);
}
