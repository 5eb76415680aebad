//! Files that are saved while the patch runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use patchcord_runtime::engine::Engine;
use patchcord_runtime::project::PatchFile;

use super::types::{FATAL_PORT, TYPES, said};
use super::{engine, run};

const PATCH: &str = r#"
[patch]
format = 1

[op.text1]
type = "textDAT"
file = "text1.txt"
par.port = 80
"#;

fn open(folder: &Path) -> Engine {
    fs::write(folder.join("patch.toml"), PATCH).unwrap();
    fs::write(folder.join("text1.txt"), "old").unwrap();
    let file = PatchFile::read(folder, TYPES).unwrap();
    let mut engine = engine();
    engine.open(file).unwrap();
    engine
}

/// Runs until a line of the textport begins so.
fn wait_for(engine: &mut Engine, beginning: &str) {
    wait_for_count(engine, beginning, 1);
}

/// Runs until so many lines of the textport begin so.
fn wait_for_count(engine: &mut Engine, beginning: &str, count: usize) {
    let network = engine.network().clone();
    run(engine, async move {
        while said(&network).iter().filter(|text| text.starts_with(beginning)).count() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_saved_patch_file_is_live_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    fs::write(folder.path().join("patch.toml"), PATCH.replace("par.port", "par.prot")).unwrap();
    wait_for(&mut engine, "patch.toml has errors and changes nothing");
    let report = said(engine.network()).pop().unwrap();
    assert!(report.contains("prot") && report.contains("port"), "{report}");
    fs::write(folder.path().join("patch.toml"), PATCH.replace("80", "81")).unwrap();
    wait_for(&mut engine, "value 81");
}

#[test]
fn an_operator_that_panics_at_a_save_does_not_end_the_following() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    let with_port = |port: i64| PATCH.replace("80", &port.to_string());
    fs::write(folder.path().join("patch.toml"), with_port(FATAL_PORT)).unwrap();
    wait_for(&mut engine, "a change of a file panicked");
    fs::write(folder.path().join("patch.toml"), with_port(81)).unwrap();
    wait_for(&mut engine, "value 81");
}

#[test]
fn a_file_that_is_renamed_over_is_followed_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    for text in ["first", "second", "third"] {
        let beside = folder.path().join(".text1.txt.swp");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, folder.path().join("text1.txt")).unwrap();
        wait_for(&mut engine, &format!("text {text}"));
    }
}

#[test]
fn a_file_that_the_patch_names_later_is_followed_too_in_its_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    fs::create_dir(folder.path().join("texts")).unwrap();
    fs::write(folder.path().join("texts/two.txt"), "two").unwrap();
    fs::write(folder.path().join("patch.toml"), PATCH.replace("text1.txt", "texts/two.txt")).unwrap();
    wait_for(&mut engine, "text two");
    fs::write(folder.path().join("texts/two.txt"), "three").unwrap();
    wait_for(&mut engine, "text three");
}

#[test]
fn a_patch_file_that_names_a_file_too_early_is_read_again_when_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    let (patch, texts) = (folder.path().join("patch.toml"), folder.path().join("shows/texts"));
    fs::write(&patch, PATCH.replace("text1.txt", "two.txt")).unwrap();
    wait_for(&mut engine, "patch.toml has errors and changes nothing");
    fs::write(folder.path().join("two.txt"), "two").unwrap();
    wait_for(&mut engine, "text two");
    // Nor need its folder be there, and nothing is said of that but in the report.
    fs::write(&patch, PATCH.replace("text1.txt", "shows/texts/three.txt")).unwrap();
    wait_for_count(&mut engine, "patch.toml has errors and changes nothing", 2);
    fs::create_dir_all(&texts).unwrap();
    wait_for_count(&mut engine, "patch.toml has errors and changes nothing", 3);
    fs::write(texts.join("three.txt"), "three").unwrap();
    wait_for(&mut engine, "text three");
    assert!(!said(engine.network()).iter().any(|text| text.contains("cannot be watched")));
}

#[test]
fn a_patch_file_that_names_a_value_that_does_not_fit_is_read_again_when_that_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    let port = folder.path().join("port.txt");
    // What is saved before the following has begun is looked at twice.
    fs::write(folder.path().join("text1.txt"), "new").unwrap();
    wait_for(&mut engine, "text new");
    fs::write(&port, "eighty").unwrap();
    fs::write(folder.path().join("patch.toml"), PATCH.replace("80", "{ file = \"port.txt\" }")).unwrap();
    wait_for(&mut engine, "patch.toml has errors and changes nothing");
    fs::write(&port, "81").unwrap();
    wait_for(&mut engine, "value 81");
}

#[test]
fn a_linked_file_is_followed_where_it_stands_and_where_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    let (target, other) = (elsewhere.path().join("a.txt"), elsewhere.path().join("b.txt"));
    fs::write(&target, "linked").unwrap();
    fs::write(&other, "linked anew").unwrap();
    let link = folder.path().join("text1.txt");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    wait_for(&mut engine, "text linked");
    fs::write(&target, "changed behind the link").unwrap();
    wait_for(&mut engine, "text changed behind the link");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&other, &link).unwrap();
    wait_for(&mut engine, "text linked anew");
}

#[test]
fn the_frame_rate_and_the_limits_of_the_patch_file_are_live() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    assert_eq!(engine.network().frame().rate, 60.0);
    let settings = "format = 1\nframe_rate = 25\ncallback_warning_ms = 0\ncallback_limit_s = 2\n";
    fs::write(folder.path().join("patch.toml"), PATCH.replace("format = 1", settings)).unwrap();
    let network = engine.network().clone();
    run(&mut engine, async move {
        while network.frame().rate != 25.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let limits = engine.guard().limits();
    assert_eq!((limits.warning, limits.limit), (None, Some(Duration::from_secs(2))));
}
