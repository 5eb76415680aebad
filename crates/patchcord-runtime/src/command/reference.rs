//! The operator reference as text, from the declarations: what `patchcord ops` prints.
//!
//! Everything that is shown is declared with the operator type; nothing is written here but the layout. Lines are
//! wrapped to the width of the terminal.

use std::fmt::Write;

use patchcord_core::declaration::{
    COMMON_INFO, Callback, Entries, InfoChannel, Kind, OperatorType, Page, Parameter, Range,
};
use patchcord_core::parameter::nearest_name;

/// How text is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Columns.
    pub(super) width: usize,
    /// Bold headings and names.
    pub(super) colours: bool,
}

/// All types, one line each or as many as its summary takes.
pub(super) fn list(types: &[&OperatorType], layout: Layout) -> String {
    let mut types = types.to_vec();
    types.sort_unstable_by_key(|kind| kind.name);
    let column = types.iter().map(|kind| kind.name.len()).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for kind in types {
        let name = layout.bold(kind.name);
        let gap = " ".repeat(column - kind.name.len());
        let summary = layout.wrap(if kind.summary.is_empty() { kind.label } else { kind.summary }, column);
        let _ = write!(out, "{name}{gap}{}", summary.trim_start());
    }
    out
}

/// Finds a type by `webserverDAT`, `webserver` or `Web Server DAT`, whatever the case.
///
/// # Errors
/// The most similar name, when there is one.
pub(super) fn find<'a>(types: &[&'a OperatorType], wanted: &str) -> Result<&'a OperatorType, Option<&'a str>> {
    let same = |name: &str| name.eq_ignore_ascii_case(wanted);
    types
        .iter()
        .find(|kind| same(kind.name) || same(kind.short_name()) || same(kind.label))
        .copied()
        .ok_or_else(|| nearest_name(wanted, types.iter().map(|kind| kind.name)))
}

/// Everything about one type.
pub(super) fn describe(kind: &OperatorType, layout: Layout) -> String {
    let mut out = format!("{} ({})\n\n", layout.bold(kind.label), kind.name);
    out.push_str(&layout.wrap(kind.summary, 0));
    if !kind.inputs.is_empty() {
        out.push_str(&layout.heading("Inputs"));
        for (at, input) in kind.inputs.iter().enumerate() {
            let _ = writeln!(out, "  {at}  {}", layout.bold(input.label));
            out.push_str(&layout.wrap(input.help, 6));
        }
    }
    for page in kind.pages {
        describe_page(&mut out, page, layout);
    }
    if !kind.callbacks.is_empty() {
        out.push_str(&layout.heading("Callbacks"));
        kind.callbacks.iter().for_each(|callback| describe_callback(&mut out, callback, layout));
    }
    out.push_str(&layout.heading("Info channels"));
    kind.info_channels.iter().chain(COMMON_INFO).for_each(|channel| describe_channel(&mut out, channel, layout));
    out
}

fn describe_page(out: &mut String, page: &Page, layout: Layout) {
    out.push_str(&layout.heading(&format!("Page {}", page.name)));
    for parameter in page.parameters {
        let _ = writeln!(out, "  {}  {}", layout.bold(&parameter.name), facts(parameter));
        out.push_str(&layout.wrap(&parameter.help, 6));
        if !parameter.kind.entries().is_empty() {
            out.push_str(&layout.wrap(&menu(parameter.kind.entries()), 6));
        }
        if !parameter.aliases.is_empty() {
            out.push_str(&layout.wrap(&format!("Also understood: {}.", parameter.aliases.join(", ")), 6));
        }
    }
}

/// Label, style, default, range and marks of a parameter, in one line.
fn facts(parameter: &Parameter) -> String {
    let mut facts = vec![parameter.label.to_string(), parameter.kind.style().to_owned()];
    match &parameter.kind {
        Kind::Toggle { default } | Kind::Momentary { default } => {
            facts.push(format!("default {}", if *default { "on" } else { "off" }))
        }
        Kind::Str { default } | Kind::StrMenu { default, .. } => facts.push(format!("default \"{default}\"")),
        Kind::Menu { default, .. } => facts.push(format!("default {default}")),
        Kind::Int { default, range: Range { min, max, .. } } => {
            facts.push(format!("default {default}"));
            facts.extend(range((*min > i64::MIN).then_some(*min as f64), (*max < i64::MAX).then_some(*max as f64)));
        }
        Kind::Float { default, range: Range { min, max, .. } } => {
            facts.push(format!("default {default}"));
            facts.extend(range((*min > f64::MIN).then_some(*min), (*max < f64::MAX).then_some(*max)));
        }
        Kind::Pulse
        | Kind::File { .. }
        | Kind::FileSave { .. }
        | Kind::Folder { .. }
        | Kind::Op { .. }
        | Kind::Kept { .. } => {}
    }
    if parameter.secret {
        facts.push("secret".to_owned());
    }
    if parameter.beyond {
        facts.push(BEYOND.to_owned());
    }
    facts.join(", ")
}

const BEYOND: &str = "beyond TouchDesigner";

fn range(min: Option<f64>, max: Option<f64>) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("{min} or more")),
        (None, Some(max)) => Some(format!("{max} or less")),
        (None, None) => None,
    }
}

fn menu(entries: &Entries) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| match entry.label.eq_ignore_ascii_case(entry.name) {
            true => entry.name.to_owned(),
            false => format!("{} ({})", entry.name, entry.label),
        })
        .collect();
    format!("One of: {}.", entries.join(", "))
}

fn describe_callback(out: &mut String, callback: &Callback, layout: Layout) {
    let mark = if callback.beyond { format!("  {BEYOND}") } else { String::new() };
    let _ = writeln!(out, "  {}({}){mark}", layout.bold(callback.name), callback.arguments.join(", "));
    out.push_str(&layout.wrap(callback.help, 6));
}

fn describe_channel(out: &mut String, channel: &InfoChannel, layout: Layout) {
    let _ = writeln!(out, "  {}", layout.bold(channel.name));
    out.push_str(&layout.wrap(channel.help, 6));
}

impl Layout {
    fn bold(self, text: &str) -> String {
        if self.colours { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn heading(self, text: &str) -> String {
        format!("\n{}\n\n", self.bold(text))
    }

    /// The text in lines, each with this indent and a line end; nothing for no text.
    fn wrap(self, text: &str, indent: usize) -> String {
        if text.is_empty() {
            return String::new();
        }
        let indent = " ".repeat(indent);
        let options = textwrap::Options::new(self.width.max(40))
            .initial_indent(&indent)
            .subsequent_indent(&indent)
            .break_words(false);
        textwrap::fill(text, options) + "\n"
    }
}

#[cfg(test)]
mod tests {
    use patchcord_core::declaration::{ContentKind, Family, Input, MenuEntry};

    use super::*;

    const PLAIN: Layout = Layout { width: 60, colours: false };

    static PAGES: &[Page] = &[Page {
        name: "Server",
        parameters: &[
            Parameter::toggle("active", "Active", true).help("Whether it listens."),
            Parameter::int("port", "Port", 9980, 0, 65_535)
                .help("Port that it listens on; 0 takes any that is free, and the status says which."),
            Parameter::str("password", "Password", "").secret(),
            Parameter::menu("mode", "Mode", "a", &[MenuEntry::new("a", "A"), MenuEntry::new("b", "Second")]).beyond(),
            Parameter::float("gain", "Gain", 0.5, f64::MIN, 1.0).aliases(&["vol"]),
        ],
    }];

    static TYPE: OperatorType = OperatorType {
        name: "testDAT",
        label: "Test DAT",
        family: Family::Dat,
        summary: "Tests what is printed about an operator type, with a summary that is longer than a line.",
        content: ContentKind::None,
        editable: false,
        inputs: &[Input { label: "Table", help: "Rows that are sent." }],
        pages: PAGES,
        info_channels: &[InfoChannel { name: "clients", help: "Connections now." }],
        callbacks: &[Callback::new("onOpen", &["dat", "client"], "Somebody connected.").beyond()],
        start: None,
    };

    #[test]
    fn every_fact_of_a_declaration_is_shown_within_the_width() {
        let text = describe(&TYPE, PLAIN);
        for fact in [
            "Test DAT (testDAT)",
            "  0  Table\n      Rows that are sent.\n",
            "Page Server",
            "  active  Active, Toggle, default on\n      Whether it listens.\n",
            "  port  Port, Int, default 9980, 0 to 65535\n",
            "  password  Password, Str, default \"\", secret\n",
            "  mode  Mode, Menu, default a, beyond TouchDesigner\n      One of: a, b (Second).\n",
            "  gain  Gain, Float, default 0.5, 1 or less\n      Also understood: vol.\n",
            "  onOpen(dat, client)  beyond TouchDesigner\n      Somebody connected.\n",
            "  clients\n      Connections now.\n  num_rows\n",
        ] {
            assert!(text.contains(fact), "{fact:?} is missing in:\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }

    #[test]
    fn a_list_lines_the_summaries_up() {
        let text = list(&[&TYPE], PLAIN);
        assert!(text.starts_with("testDAT  Tests what is printed"), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("         ")), "{text}");
        assert!(list(&[&TYPE], Layout { width: 60, colours: true }).starts_with("\x1b[1mtestDAT\x1b[0m  Tests"));
    }

    #[test]
    fn types_are_found_by_each_of_their_names() {
        for name in ["testDAT", "test", "TESTdat", "Test DAT"] {
            assert_eq!(find(&[&TYPE], name).unwrap().name, "testDAT");
        }
        assert_eq!(find(&[&TYPE], "testDA").unwrap_err(), Some("testDAT"));
    }
}
