//! Bad patch files: each `tests/bad/NAME.toml` has its report in `NAME.txt`, as `check` prints it without a terminal.
//!
//! `UPDATE_REPORTS=1 cargo test -p patchcord-runtime --test project` writes the reports anew, to be read before they
//! are committed.

use std::fs;
use std::path::Path;

use patchcord_runtime::project::{PatchFile, Reason, Report, Style};

use crate::types::{QuestionMarks, TYPES};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad"))
}

fn report(text: &str) -> Report {
    match PatchFile::parse_checked("patch.toml", text, folder(), TYPES, Some(&QuestionMarks)) {
        Ok(file) => file.warnings().clone(),
        Err(report) => report,
    }
}

#[test]
fn every_bad_file_has_its_report() {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 12, "the bad files are gone");
    let mut different = Vec::new();
    for path in files {
        let report = report(&fs::read_to_string(&path).unwrap());
        assert!(!report.is_empty(), "nothing is found in {}", path.display());
        let rendered = report.render(Style::Plain, 100);
        assert!(rendered.is_ascii(), "{rendered}");
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_REPORTS").is_some() {
            fs::write(&expected, &rendered).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != rendered {
            different.push(format!("{} has another report now:\n{rendered}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn no_damage_to_a_file_stops_the_reader() {
    let names = ["duplicates", "names", "scripts", "secrets", "values", "wires"];
    let texts = names.map(|name| fs::read_to_string(folder().join(name).with_extension("toml")).unwrap());
    for text in &texts {
        let damage = ["", "\"", "'''", "[", "=", "\n", "é", "op"];
        let places = text.char_indices().zip(damage.iter().cycle()).step_by(5);
        for ((at, character), instead) in places {
            let cut = report(&text[..at]);
            let replaced = report(&format!("{}{instead}{}", &text[..at], &text[at + character.len_utf8()..]));
            for finding in cut.errors().chain(replaced.errors()) {
                assert!(finding.place().is_some(), "{finding:?} has no place");
            }
        }
    }
}

#[test]
fn no_report_shows_a_secret() {
    for path in ["secrets.toml", "secrets_in_bad_toml.toml", "duplicates.toml"] {
        let text = fs::read_to_string(folder().join(path)).unwrap();
        assert!(text.contains("hunter2"), "{path} has no secret to hide");
        let report = report(&text);
        for style in [Style::Plain, Style::Colours] {
            let rendered = report.render(style, 100);
            assert!(!rendered.contains("hunter"), "{rendered}");
        }
        assert!(!format!("{report:?}").contains("hunter"));
    }
}

#[test]
fn errors_and_warnings_stand_apart_with_file_line_and_column() {
    let text = "[patch]\nformat = 1\n\n[op.web]\ntype = \"webserverDAT\"\npar.port = 70000\npar.prot = 1\n";
    let report = report(text);
    let lines: Vec<_> = report.errors().chain(report.warnings()).map(|finding| finding.line()).collect();
    assert_eq!(
        lines,
        [
            "patch.toml:7:5: error: a Web Server DAT has no parameter `prot`",
            "patch.toml:6:12: warning: 70000 is outside the range of `port`; 65535 is used",
        ]
    );
    assert_eq!(report.to_string(), "1 error, 1 warning");
}

#[test]
fn a_folder_without_a_patch_file_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let report = PatchFile::read(folder.path(), TYPES).unwrap_err();
    let reasons: Vec<_> = report.errors().map(|finding| finding.reason().clone()).collect();
    assert_eq!(reasons, [Reason::NoPatchFile { folder: folder.path().display().to_string() }]);
    assert!(report.render(Style::Plain, 100).contains("patchcord new"));
}

#[test]
fn a_patch_file_that_is_no_text_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("patch.toml"), b"[patch]\xff").unwrap();
    let report = PatchFile::read(folder.path(), TYPES).unwrap_err();
    let lines: Vec<_> = report.errors().map(|finding| finding.line()).collect();
    assert_eq!(lines, ["error: patch.toml cannot be loaded: not UTF-8 at byte 7; the file may be in another encoding"]);
}

#[test]
fn the_demo_patch_reads_with_its_files() {
    // The demo uses what only the real operators have, so only what these types do not know may be wrong with it.
    let demo = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/demo"));
    let report = PatchFile::read(demo, TYPES).map(|_| ()).unwrap_err();
    for finding in report.errors() {
        assert!(
            matches!(finding.reason(), Reason::UnknownParameter { name, .. } if name == "staticfolder"),
            "{finding:?}"
        );
    }
}
