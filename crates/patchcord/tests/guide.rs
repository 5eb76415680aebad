//! The snippets of `docs/touchdesigner.md`, run.
//!
//! A comment before a block of code says what it is: `patch` goes into patch.toml, `file NAME` is a file of the patch,
//! `run` is called at the start, each as a script of its own.

mod support;

use std::fmt::Write;

use support::{run_patch, write_patch};

const PAGE: &str = include_str!("../../../docs/touchdesigner.md");

/// Blocks of code with what the comment before them says.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let marked = PAGE.split("\n<!-- ").skip(1).filter_map(|part| {
        let (mark, rest) = part.split_once(" -->\n```")?;
        let (_language, rest) = rest.split_once('\n')?;
        Some((mark, rest.split_once("\n```")?.0))
    });
    marked.collect()
}

#[test]
fn what_the_page_shows_runs() {
    let mut patch = "[patch]\nformat = 1\nname = \"guide\"\nstand_ins = true\n".to_owned();
    let mut files: Vec<(String, String)> = Vec::new();
    let mut runs = 0;
    for (mark, code) in blocks() {
        match mark {
            "patch" => patch.push_str(code),
            "run" => {
                runs += 1;
                files.push((format!("step{runs}.py"), format!("{code}\nprint('done {runs}')\n")));
                let _ = write!(patch, "\n[op.step{runs}]\ntype = \"textDAT\"\nfile = \"step{runs}.py\"\n");
            }
            file => {
                let name = file.strip_prefix("file ").unwrap_or_else(|| panic!("`{file}` means nothing"));
                files.push((name.to_owned(), format!("{code}\n")));
            }
        }
    }
    assert!(runs > 5 && files.len() > runs, "the page has few snippets, or their comments are not understood");
    patch.push_str("\n[op.start]\ntype = \"executeDAT\"\nfile = \"start.py\"\npar.start = true\n");
    let mut start = "def onStart():\n".to_owned();
    for step in 1..=runs {
        let _ = writeln!(start, "    run(op('step{step}').run)");
    }
    start.push_str("    run(finish, delayFrames=5)\n\ndef finish():\n");
    start.push_str("    print('thread said', op('agent').fetch('result'))\n    project.quit()\n");
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    write_patch(folder.path(), &[("patch.toml", &patch), ("start.py", &start)]);
    write_patch(folder.path(), &files);
    let said = run_patch(folder.path()).ended_well();
    said.does_not_say("Traceback").says("thread said finished");
    for step in 1..=runs {
        said.says(&format!("done {step}"));
    }
}
