//! What a reviewer of scripts is given, and where its remarks are placed.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use patchcord_runtime::project::{PatchFile, Remark, Report, Review, ReviewedPatch, ReviewedScript, Reviewer};

/// Remarks on every `#` of a script, and keeps what it was given.
#[derive(Default)]
struct Hashes {
    given: RefCell<Vec<String>>,
}

impl Reviewer for Hashes {
    fn review(&self, patch: &ReviewedPatch, scripts: &[ReviewedScript]) -> Vec<Remark> {
        let mut given = self.given.borrow_mut();
        given.extend(patch.operators.iter().map(|op| format!("{} {} [{}]", op.path, op.kind, op.callbacks)));
        let mut remarks = Vec::new();
        for (script, ReviewedScript { path, text, is_expression, is_script }) in scripts.iter().enumerate() {
            given.push(format!("{path} expression:{is_expression} script:{is_script}"));
            for (line, words) in (1..).zip(text.split('\n')) {
                for (start, _) in words.match_indices('#') {
                    let (start, end) = (start as u32, start as u32 + 2);
                    let (message, help) = (format!("a hash in {path}"), String::new());
                    remarks.push(Remark { script, line, start, end, message, help });
                }
            }
        }
        remarks
    }
}

fn review(folder: &Path, text: &str, most: usize) -> (Report, Vec<String>) {
    let reviewer = Hashes::default();
    let review = Review { reviewer: &reviewer, most };
    let types = patchcord_operators::types();
    let file =
        PatchFile::parse_reviewed("patch.toml", text, folder, types, None, Some(review)).expect("it is in order");
    (file.warnings().clone(), reviewer.given.into_inner())
}

fn lines(report: &Report) -> Vec<String> {
    report.warnings().map(patchcord_runtime::project::Finding::line).collect()
}

const PATCH: &str = r##"[patch]
format = 1

[op.server]
type = "webserverDAT"
par.callbacks = "handlers"
par.port = { expr = "9980 # é" }

[op.handlers]
type = "textDAT"
file = "handlers.py"

[op.again]
type = "textDAT"
file = "handlers.py"

[op.inline]
type = "textDAT"
text = """
é = 1 # one
"""

[op.short]
type = "textDAT"
text = "x # y"
"##;

#[test]
fn remarks_stand_where_the_script_stands() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("handlers.py"), "a\n  é # b\n").unwrap();
    let (report, given) = review(folder.path(), PATCH, 100);
    assert_eq!(
        lines(&report),
        [
            "patch.toml:7:12: warning: a hash in /project1/server",
            "patch.toml:20:7: warning: a hash in /project1/inline",
            "patch.toml:25:8: warning: line 1: a hash in /project1/short",
            "handlers.py:2:5: warning: a hash in /project1/handlers",
            "handlers.py:2:5: warning: a hash in /project1/again",
        ]
    );
    assert_eq!(
        given,
        [
            "/project1/server webserverDAT [/project1/handlers]",
            "/project1/handlers textDAT []",
            "/project1/again textDAT []",
            "/project1/inline textDAT []",
            "/project1/short textDAT []",
            "/project1/server expression:true script:true",
            "/project1/handlers expression:false script:true",
            "/project1/again expression:false script:true",
            "/project1/inline expression:false script:false",
            "/project1/short expression:false script:false",
        ]
    );
}

#[test]
fn a_large_patch_is_reviewed_only_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("handlers.py"), "#\n").unwrap();
    assert!(review(folder.path(), PATCH, 4).0.is_empty());
    assert!(!review(folder.path(), PATCH, 5).0.is_empty());
}

#[test]
fn remarks_can_be_told_from_other_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[patch]\nformat = 1\n[op.a]\ntype = \"textDAT\"\ntext = \"#\"\n[op.s]\ntype = \"webserverDAT\"\npar.port = 70000\n";
    let (report, _) = review(folder.path(), text, 100);
    assert_eq!(report.warnings().count(), 2);
    let (rest, remarks) = report.without_remarks();
    assert_eq!((rest.warnings().count(), remarks), (1, 1));
}
