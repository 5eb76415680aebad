//! `cargo xtask docs`: the operator reference in `docs/operators` and the table of the Python API (`docs/td-api.md`), from
//! the declarations.
//!
//! A page for each operator type and a page that lists them. Every fact comes from the type's declaration, which the
//! patch-file reader, Python and `patchcord ops` read as well; only the layout stands here. `--check` changes nothing
//! and fails when a page is missing, differs, or belongs to a type that is gone, and when `docs/architecture.md` does
//! not give the reason of a dependency.

mod logic;
mod td_api;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::PathBuf;

use patchcord_core::declaration::{COMMON_INFO, Callback, Input, Kind, OperatorType, Page, Parameter, Range, Returns};

use crate::Outcome;
use crate::workspace::root;

/// Where the pages are.
const FOLDER: &str = "docs/operators";

/// The page with the table of dependencies.
const ARCHITECTURE: &str = "docs/architecture.md";

/// The page of the Python API.
const TD_API: &str = "docs/td-api.md";

/// The page of the nodes of logic graphs.
const LOGIC: &str = "docs/logic-nodes.md";

/// The page that lists the types.
const INDEX: &str = "README.md";

/// Why the pages are not up to date.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// Pages differ from the declarations.
    #[error("not up to date, run `cargo xtask docs`: {}", .0.join(", "))]
    Stale(Vec<String>),
    /// Dependencies without a reason.
    #[error("{ARCHITECTURE} gives no reason for: {}", .0.join(", "))]
    Reasons(Vec<String>),
    /// A page cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The page.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

/// Entry of `cargo xtask docs`.
pub fn run(args: &[String]) -> Outcome {
    match args {
        [] => Ok(write()?),
        [flag] if flag == "--check" => Ok(check()?),
        _ => Err("expected: docs [--check]".into()),
    }
}

/// Compares the pages with the declarations, and the table of dependencies with the workspace's.
///
/// # Errors
/// The pages that are missing, differ, or should not be there; else the dependencies without a reason.
pub fn check() -> Result<(), DocsError> {
    let pages = pages(patchcord_operators::types());
    let mut kept = kept()?;
    let differs = |(name, text): (&String, &String)| (kept.remove(name).as_ref() != Some(text)).then(|| name.clone());
    let mut stale: Vec<String> = pages.iter().filter_map(differs).collect();
    stale.extend(kept.into_keys());
    if fs::read_to_string(root().join(TD_API)).ok().as_ref() != Some(&td_api::page(patchcord_operators::types())) {
        stale.push(TD_API.to_owned());
    }
    if fs::read_to_string(root().join(LOGIC)).ok().as_ref() != Some(&logic::page()) {
        stale.push(LOGIC.to_owned());
    }
    if !stale.is_empty() {
        return Err(DocsError::Stale(stale));
    }
    let unexplained = unexplained(&read("Cargo.toml")?, &read(ARCHITECTURE)?);
    if unexplained.is_empty() { Ok(()) } else { Err(DocsError::Reasons(unexplained)) }
}

/// External dependencies of a workspace's manifest that a page does not name.
fn unexplained(manifest: &str, page: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.contains("path = ")).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.to_owned()).filter(|name| !page.contains(&format!("`{name}`"))).collect()
}

fn read(file: &str) -> Result<String, DocsError> {
    let path = root().join(file);
    fs::read_to_string(&path).map_err(|reason| DocsError::File { path, reason })
}

fn write() -> Result<(), DocsError> {
    let (folder, pages) = (root().join(FOLDER), pages(patchcord_operators::types()));
    fs::create_dir_all(&folder).map_err(|reason| DocsError::File { path: folder.clone(), reason })?;
    for gone in kept()?.into_keys().filter(|name| !pages.contains_key(name)) {
        let path = folder.join(gone);
        fs::remove_file(&path).map_err(|reason| DocsError::File { path, reason })?;
    }
    for (name, text) in pages {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|reason| DocsError::File { path, reason })?;
    }
    for (page, text) in [(TD_API, td_api::page(patchcord_operators::types())), (LOGIC, logic::page())] {
        let path = root().join(page);
        fs::write(&path, text).map_err(|reason| DocsError::File { path, reason })?;
    }
    Ok(())
}

/// The pages that are there, by file name.
fn kept() -> Result<BTreeMap<String, String>, DocsError> {
    let folder = root().join(FOLDER);
    let read = || -> io::Result<BTreeMap<String, String>> {
        let mut pages = BTreeMap::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            pages.insert(entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?);
        }
        Ok(pages)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        result => result.map_err(|reason| DocsError::File { path: folder.clone(), reason }),
    }
}

/// All pages, by file name.
fn pages(types: &[&OperatorType]) -> BTreeMap<String, String> {
    let page = |kind: &&OperatorType| (format!("{}.md", kind.name), describe(kind));
    let mut pages: BTreeMap<String, String> = types.iter().map(page).collect();
    pages.insert(INDEX.to_owned(), list(types));
    pages
}

const NOTE: &str = "<!-- Written by `cargo xtask docs` from the declarations; changes here are lost. -->";

fn list(types: &[&OperatorType]) -> String {
    let mut types = types.to_vec();
    types.sort_unstable_by_key(|kind| kind.label);
    let mut out = format!(
        "{NOTE}\n\n# Operators\n\nThe same facts in a terminal: `patchcord ops`, `patchcord ops TYPE`.\n\n\
         | Operator | Type | |\n|---|---|---|\n"
    );
    for kind in types {
        let _ = writeln!(out, "| [{}]({name}.md) | `{name}` | {} |", kind.label, cell(kind.summary), name = kind.name);
    }
    out
}

fn describe(kind: &OperatorType) -> String {
    let mut out = format!("{NOTE}\n\n# {}\n\nType `{}`. {}\n", kind.label, kind.name, text(kind.summary));
    if !kind.inputs.is_empty() {
        out.push_str("\n## Inputs\n\n| Input | Name | |\n|---:|---|---|\n");
        kind.inputs.iter().enumerate().for_each(|(at, input)| describe_input(&mut out, at, input));
    }
    if kind.pages.iter().any(|page| !page.parameters.is_empty()) {
        out.push_str(
            "\n## Parameters\n\nIn a patch file `par.NAME = value`, in a script `op('…').par.NAME`. † goes beyond \
             TouchDesigner's operator of this name.\n",
        );
        kind.pages.iter().for_each(|page| describe_page(&mut out, page));
    }
    if !kind.callbacks.is_empty() {
        out.push_str(
            "\n## Callbacks\n\nArguments are passed by position; a function that takes fewer gets the first ones.\n",
        );
        kind.callbacks.iter().for_each(|callback| describe_callback(&mut out, callback));
    }
    out.push_str("\n## Info channels\n\n| Channel | |\n|---|---|\n");
    for channel in kind.info_channels {
        let _ = writeln!(out, "| `{}` | {} |", channel.name, cell(channel.help));
    }
    let common: Vec<String> = COMMON_INFO.iter().map(|channel| format!("`{}`", channel.name)).collect();
    let _ = writeln!(out, "| every operator's | {} |", common.join(", "));
    out
}

fn describe_input(out: &mut String, at: usize, input: &Input) {
    let _ = writeln!(out, "| {at} | {} | {} |", input.label, cell(input.help));
}

fn describe_page(out: &mut String, page: &Page) {
    let _ = write!(out, "\n### {}\n\n| Name | Label | Style | Default | |\n|---|---|---|---|---|\n", page.name);
    for parameter in page.parameters {
        let Parameter { name, label, kind, .. } = parameter;
        let beyond = if parameter.beyond { " †" } else { "" };
        let _ = writeln!(
            out,
            "| `{name}`{beyond} | {} | {} | {} | {} |",
            cell(label),
            kind.style(),
            default(kind),
            cell(&explanation(parameter))
        );
    }
}

fn default(kind: &Kind) -> String {
    match kind {
        Kind::Toggle { default } | Kind::Momentary { default } => if *default { "on" } else { "off" }.to_owned(),
        Kind::Str { default } | Kind::StrMenu { default, .. } if default.is_empty() => String::new(),
        Kind::Str { default } | Kind::StrMenu { default, .. } | Kind::Menu { default, .. } => format!("`{default}`"),
        Kind::Int { default, .. } => default.to_string(),
        Kind::Float { default, .. } => default.to_string(),
        Kind::Pulse
        | Kind::File { .. }
        | Kind::FileSave { .. }
        | Kind::Folder { .. }
        | Kind::Op { .. }
        | Kind::Kept { .. } => String::new(),
    }
}

/// Help, menu entries, range and marks in sentences.
fn explanation(parameter: &Parameter) -> String {
    let mut sentences = Vec::new();
    if !parameter.help.is_empty() {
        sentences.push(parameter.help.to_string());
    }
    match &parameter.kind {
        Kind::Menu { entries, .. } => {
            let entry =
                |entry: patchcord_core::declaration::MenuEntry<'_>| format!("`{}` ({})", entry.name, entry.label);
            sentences.push(format!("One of {}.", entries.iter().map(entry).collect::<Vec<_>>().join(", ")));
        }
        Kind::Int { range: Range { min, max, .. }, .. } => sentences
            .extend(range((*min > i64::MIN).then(|| min.to_string()), (*max < i64::MAX).then(|| max.to_string()))),
        Kind::Float { range: Range { min, max, .. }, .. } => sentences
            .extend(range((*min > f64::MIN).then(|| min.to_string()), (*max < f64::MAX).then(|| max.to_string()))),
        _ => {}
    }
    if parameter.secret {
        sentences.push("It is never printed and never written to a file.".to_owned());
    }
    if !parameter.aliases.is_empty() {
        let names: Vec<String> = parameter.aliases.iter().map(|name| format!("`{name}`")).collect();
        sentences.push(format!("Also understood: {}.", names.join(", ")));
    }
    sentences.join(" ")
}

fn range(min: Option<String>, max: Option<String>) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) => Some(format!("From {min} to {max}.")),
        (Some(min), None) => Some(format!("{min} or more.")),
        (None, Some(max)) => Some(format!("{max} or less.")),
        (None, None) => None,
    }
}

fn describe_callback(out: &mut String, callback: &Callback) {
    let beyond = if callback.beyond { " †" } else { "" };
    let arguments = callback.arguments.join(", ");
    let _ = write!(out, "\n### `{}({arguments})`{beyond}\n\n{}\n", callback.name, text(callback.help));
    if let Returns::Argument(at) = callback.returns {
        let name = callback.arguments.get(at).copied().unwrap_or_default();
        let _ = writeln!(out, "\nWithout a return value, what was filled into `{name}` counts.");
    }
}

/// Text between the pipes of a table.
fn cell(words: &str) -> String {
    text(words).replace('|', "\\|").replace('\n', " ")
}

/// Text outside of code marks, with the characters that Markdown would take for its own.
fn text(words: &str) -> String {
    let mut parts = Vec::new();
    for (at, part) in words.split('`').enumerate() {
        let inside_code = at % 2 == 1;
        parts.push(if inside_code { part.to_owned() } else { part.replace('*', "\\*").replace('<', "\\<") });
    }
    parts.join("`")
}

#[cfg(test)]
mod tests {
    use patchcord_core::declaration::{ContentKind, Family, InfoChannel, MenuEntry};

    use super::*;

    static PAGES: &[Page] = &[Page {
        name: "Server",
        parameters: &[
            Parameter::toggle("active", "Active", true).help("Whether it listens; `*|` is every interface, * too."),
            Parameter::int("port", "Port", 9980, 0, 65_535),
            Parameter::str("password", "Password", "").secret().aliases(&["pass"]),
            Parameter::menu("mode", "Mode", "a", &[MenuEntry::new("a", "A"), MenuEntry::new("b", "Second")]).beyond(),
        ],
    }];

    static TYPE: OperatorType = OperatorType {
        name: "testDAT",
        label: "Test DAT",
        family: Family::Dat,
        summary: "Tests.",
        content: ContentKind::None,
        editable: false,
        inputs: &[Input { label: "Table", help: "Rows that are sent." }],
        pages: PAGES,
        info_channels: &[InfoChannel { name: "clients", help: "connections now" }],
        callbacks: &[Callback::new("onAsk", &["dat", "answer"], "Somebody asks.")
            .returns(Returns::Argument(1))
            .beyond()],
        start: None,
    };

    #[test]
    fn a_page_shows_every_fact_of_a_declaration() {
        let page = describe(&TYPE);
        for line in [
            "# Test DAT\n\nType `testDAT`. Tests.\n",
            "| 0 | Table | Rows that are sent. |\n",
            "| `active` | Active | Toggle | on | Whether it listens; `*\\|` is every interface, \\* too. |\n",
            "| `port` | Port | Int | 9980 | From 0 to 65535. |\n",
            "| `password` | Password | Str |  | It is never printed and never written to a file. Also understood: `pass`. |\n",
            "| `mode` † | Mode | Menu | `a` | One of `a` (A), `b` (Second). |\n",
            "### `onAsk(dat, answer)` †\n\nSomebody asks.\n\nWithout a return value, what was filled into `answer` counts.\n",
            "| `clients` | connections now |\n| every operator's | `num_rows`",
        ] {
            assert!(page.contains(line), "{line:?} is missing in:\n{page}");
        }
    }

    #[test]
    fn every_type_has_a_page_and_a_row() {
        let pages = pages(&[&TYPE]);
        assert_eq!(pages.keys().collect::<Vec<_>>(), ["README.md", "testDAT.md"]);
        assert!(pages["README.md"].contains("| [Test DAT](testDAT.md) | `testDAT` | Tests. |\n"));
    }

    #[test]
    fn a_dependency_without_a_reason_is_named() {
        let manifest = "[workspace]\nmembers = []\n\n[workspace.dependencies]\nown = { path = \"own\" }\n\n\
                        bytes = \"1\"\nhttp = { version = \"1\" }\n\n[profile.dev]\ndebug = true\n";
        assert_eq!(unexplained(manifest, "| `bytes` | shared |"), ["http"]);
        assert!(unexplained(manifest, "| `bytes`, `http` | hyper's |").is_empty());
    }
}
