//! What a script that failed is told beyond Python's own words.

mod support;

use support::{run_patch, write_patch};

const PATCH: &str = r#"
[patch]
format = 1

[op.start]
type = "executeDAT"
file = "start.py"
par.start = true

[op.table1]
type = "tableDAT"

[op.base1]
type = "baseCOMP"
"#;

/// Runs a statement and returns what is said.
fn said_of(statements: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let indented = statements.replace('\n', "\n    ");
    let script = format!("def onStart():\n    run(project.quit, endFrame=True)\n    {indented}\n");
    write_patch(folder.path(), &[("patch.toml", PATCH), ("start.py", &script)]);
    run_patch(folder.path()).ended_well().text
}

#[test]
fn a_name_that_is_not_there_gets_the_nearest_one() {
    for (statement, hint) in [
        ("op('table1').appendrow([1])", "no attribute 'appendrow', did you mean `appendRow`?"),
        ("op('table1').numrows", "did you mean `numRows`?"),
        ("absTime.frames", "did you mean `frame`?"),
        ("tdu.clam(1, 2, 3)", "did you mean `clamp`?"),
        ("op('table1').par.fil", "there is no parameter `fil`, did you mean `fill`?"),
        ("parent().create('tabelDAT')", "there is no operator type `tabelDAT`, did you mean `tableDAT`?"),
    ] {
        let said = said_of(statement);
        // Newer interpreters say it in their own words.
        let own = said.contains("Did you mean: ") || said.contains("Did you mean '");
        assert!(said.contains(hint) || own, "{statement}: {said}");
    }
}

#[test]
fn a_script_that_stumbles_over_none_is_told_what_was_not_found() {
    for statement in ["op('gone').text", "op('gone').text = 'x'", "op('gone')[0, 0]", "found = op('gone')\nfound.text"]
    {
        let said = said_of(statement);
        assert!(said.contains("op('gone') found nothing"), "{statement}: {said}");
    }
    for statement in ["op('gone')\nop('table1')[0, 0].val", "op('gone')\nNone[0]", "None.text"] {
        assert!(!said_of(statement).contains("found nothing"), "{statement}");
    }
}

#[test]
fn what_exists_in_touchdesigner_alone_says_why_and_what_to_use() {
    for (statement, words) in [
        (
            "op('base1').loadTox('x')",
            "COMP.loadTox exists in TouchDesigner but not in Patchcord: files of TouchDesigner",
        ),
        ("ui.messageBox('x', 'y')", "there are no windows; use print()"),
        ("op('base1').create(noiseTOP)", "noiseTOP exists in TouchDesigner but not in Patchcord"),
        ("op('base1').create('noiseTOP')", "noiseTOP exists in TouchDesigner but not in Patchcord"),
        ("fetchStamp()", "fetchStamp exists in TouchDesigner but not in Patchcord"),
        ("from td import fetchStamp", "td.fetchStamp exists in TouchDesigner but not in Patchcord"),
    ] {
        let said = said_of(statement);
        assert!(said.contains(words) && said.contains("(docs/td-api.md)"), "{statement}: {said}");
    }
}
