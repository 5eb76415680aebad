//! Files beside the patch file: what is loaded, what follows a change, and what a bad file does.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use patchcord_core::network::Network;
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Severity;
use patchcord_core::value::OwnedValue;
use patchcord_runtime::project::{LivePatch, PatchFile};
use tempfile::TempDir;

use crate::types::{TYPES, heard};

const PATCH: &str = r#"
[patch]
format = 1

[op.script]
type = "textDAT"
file = "sub/../script.py"

[op.same]
type = "textDAT"
file = "script.py"

[op.values]
type = "tableDAT"
par.file = "values.csv"
par.loadonstart = true

[op.list]
type = "tableDAT"
file = "list.tsv"

[op.web]
type = "webserverDAT"
par.password = { file = "password" }
par.port = 8000
"#;

struct Show {
    folder: TempDir,
    network: Network,
    live: LivePatch,
}

impl Show {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("patch.toml", PATCH),
            ("script.py", "\u{feff}one"),
            ("values.csv", "a,\"b,c\"\n"),
            ("list.tsv", "a\tb\n"),
            ("password", "hunter2\n"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let network = Network::new(TYPES);
        let file = PatchFile::read(folder.path(), TYPES).unwrap();
        let live = LivePatch::open(&network, file).unwrap();
        heard();
        Show { folder, network, live }
    }

    fn op(&self, name: &str) -> OpId {
        let patch = self.network.patch();
        patch.find(patch.root(), &format!("/project1/{name}")).unwrap()
    }

    fn text(&self, name: &str) -> String {
        self.network.patch().get(self.op(name)).unwrap().content().to_text().to_string()
    }

    /// Writes a file and tells the patch.
    fn save(&mut self, name: &str, contents: impl AsRef<[u8]>) -> Vec<String> {
        let path = self.folder.path().join(name);
        fs::write(&path, contents).unwrap();
        self.changed(&path)
    }

    fn changed(&mut self, path: &Path) -> Vec<String> {
        self.live.file_changed(&self.network, path).iter().map(|path| path.replace("/project1/", "")).collect()
    }

    fn warnings(&self, name: &str) -> Vec<String> {
        let patch = self.network.patch();
        let problems = &patch.get(self.op(name)).unwrap().problems;
        problems.of(Severity::Warning).map(|problem| problem.message.to_string()).collect()
    }

    fn password(&self) -> ParValue {
        let web = self.op("web");
        let patch = self.network.patch();
        patch.get(web).unwrap().par_value(patch.find_par(web, "password").unwrap())
    }
}

#[test]
fn files_are_loaded_with_the_patch() {
    let show = Show::open();
    assert_eq!((show.text("script"), show.text("same")), ("one".into(), "one".into()));
    assert_eq!(show.text("values"), "a\tb,c\n");
    assert_eq!(show.text("list"), "a\tb\n");
    assert_eq!(show.password(), ParValue::Str(Rc::from("hunter2")));
    let patch = show.network.patch();
    let script = show.op("script");
    let par = |name: &str| patch.get(script).unwrap().par_value(patch.find_par(script, name).unwrap());
    assert_eq!(par("file"), ParValue::Str(Rc::from("sub/../script.py")));
    assert_eq!(par("syncfile"), ParValue::Bool(true));
}

#[test]
fn files_that_are_followed_are_named_once() {
    let show = Show::open();
    // `values.csv` is loaded at the start and then left alone.
    let names = ["list.tsv", "password", "script.py"].map(|name| show.folder.path().join(name));
    assert_eq!(show.live.watched_files(), names);
}

#[test]
fn a_saved_file_reaches_every_operator_that_holds_it() {
    let mut show = Show::open();
    assert_eq!(show.save("script.py", "two"), ["script", "same"]);
    assert_eq!((show.text("script"), show.text("same")), ("two".into(), "two".into()));
    assert_eq!(show.save("list.tsv", "a\tc\n"), ["list"]);
    assert_eq!(heard(), ["list content"]);
    assert!(show.warnings("script").is_empty());
}

#[test]
fn a_file_that_is_saved_without_a_change_changes_nothing() {
    let mut show = Show::open();
    let script = show.op("script");
    show.network.turn(|network| network.patch_mut().set_text(script, "edited by a script")).unwrap();
    assert!(show.save("script.py", "one").is_empty());
    assert_eq!(show.text("script"), "edited by a script");
    assert!(show.save("values.csv", "z\n").is_empty());
    assert_eq!(show.text("values"), "a\tb,c\n");
}

#[test]
fn an_outside_change_wins_over_unsaved_edits_with_a_warning_that_goes_with_the_next() {
    let mut show = Show::open();
    let script = show.op("script");
    show.network.turn(|network| network.patch_mut().set_text(script, "edited by a script")).unwrap();
    assert_eq!(show.save("script.py", "two"), ["script", "same"]);
    assert_eq!(show.text("script"), "two");
    let replaced = "sub/../script.py changed outside and replaced edits that were not saved";
    assert_eq!(show.warnings("script"), [replaced]);
    assert!(show.warnings("same").is_empty());
    show.save("script.py", "three");
    assert!(show.warnings("script").is_empty());
}

#[test]
fn what_the_operator_wrote_into_its_file_itself_is_no_change() {
    let mut show = Show::open();
    let list = show.op("list");
    show.network.turn(|network| network.patch_mut().set_text(list, "x\ty\n")).unwrap();
    heard();
    assert!(show.save("list.tsv", "x\ty\n").is_empty());
    assert_eq!(heard(), [""; 0]);
    // From now on that is what an outside change is compared with.
    assert_eq!(show.save("list.tsv", "x\tz\n"), ["list"]);
    assert!(show.warnings("list").is_empty());
}

#[test]
fn a_file_that_is_gone_or_broken_leaves_the_last_content_and_a_warning_until_it_is_back() {
    let mut show = Show::open();
    let path = show.folder.path().join("script.py");
    fs::remove_file(&path).unwrap();
    assert!(show.changed(&path).is_empty());
    assert_eq!(show.text("script"), "one");
    assert_eq!(show.warnings("script"), ["there is no file sub/../script.py"]);
    assert!(show.save("script.py", b"caf\xe9").is_empty());
    let broken = "sub/../script.py cannot be loaded: not UTF-8 at byte 3; the file may be in another encoding";
    assert_eq!(show.warnings("script"), [broken]);
    assert!(show.save("script.py", "one").is_empty());
    assert!(show.warnings("script").is_empty());
    assert_eq!(show.text("script"), "one");
}

#[test]
fn a_value_in_a_file_is_followed_and_never_said() {
    let mut show = Show::open();
    assert_eq!(show.save("password", "hunter3\n"), ["web"]);
    assert_eq!(show.password(), ParValue::Str(Rc::from("hunter3")));
    assert_eq!(heard(), ["web password"]);
    let said: Vec<_> = show.network.textport().lines().iter().map(|line| line.text.to_string()).collect();
    assert!(said.iter().all(|line| !line.contains("hunter")), "{said:?}");
    assert!(!format!("{:?}", show.live).contains("hunter"));
}

#[test]
fn a_script_that_gives_the_operator_another_file_is_respected() {
    let mut show = Show::open();
    let script = show.op("script");
    let file = show.network.patch().find_par(script, "file").unwrap();
    show.network.set_par(script, file, &OwnedValue::Str("other.py".into())).unwrap();
    assert_eq!(show.save("script.py", "two"), ["same"]);
    assert_eq!(show.text("script"), "one");
}

#[test]
fn a_patch_file_that_is_read_again_brings_its_files_along() {
    let mut show = Show::open();
    fs::write(show.folder.path().join("script.py"), "two").unwrap();
    let file = PatchFile::read(show.folder.path(), TYPES).unwrap();
    let applied = show.live.update(&show.network, file);
    assert_eq!(applied.to_string(), "patch.toml: 2 texts");
    assert_eq!(show.text("script"), "two");
    assert!(show.save("script.py", "two").is_empty());
}
