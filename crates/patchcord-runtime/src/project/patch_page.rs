//! Holds `docs/patch-file.md` against the reader of patch files.

use std::path::Path;

use super::file::PatchFile;
use super::{custom, reader};

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/patch-file.md")).unwrap()
}

/// The part of the page below a heading.
fn part<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, part) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no part {heading}"));
    part.split("\n## ").next().unwrap_or_default()
}

/// What the first cells of its table name: `` `text`, `rows` ``, without the `.NAME` of `` `par.NAME` ``.
fn named(part: &str) -> Vec<&str> {
    let cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells
        .flat_map(|cell| cell.split(", "))
        .map(|key| key.trim_matches('`'))
        .map(|key| key.trim_end_matches(".NAME"))
        .collect()
}

#[test]
fn the_page_names_each_key_and_no_other() {
    let page = page();
    for (heading, keys) in
        [("[patch]", reader::PATCH_KEYS), ("[op.NAME]", reader::OPERATOR_KEYS), ("Custom parameters", custom::KEYS)]
    {
        let (mut named, mut keys) = (named(part(&page, heading)), keys.to_vec());
        named.sort_unstable();
        keys.sort_unstable();
        assert_eq!(named, keys, "{heading}");
    }
    for section in reader::SECTIONS {
        assert!(page.contains(&format!("\n## [{section}")), "{section}");
    }
}

#[test]
fn its_example_is_in_order() {
    let page = page();
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let types = patchcord_operators::types();
    let file = PatchFile::parse("patch-file.md", example, folder.path(), types).unwrap();
    assert!(file.warnings().is_empty(), "{:?}", file.warnings());
    let without = example.replace("format = 1\n", "");
    assert!(PatchFile::parse("patch-file.md", &without, folder.path(), types).is_err(), "format has to be there");
}
