//! Compiling the logic graphs of a patch file, so that `check` finds what is wrong with them at its place.

use std::rc::Rc;

use patchcord_logic::declaration::Family;
use patchcord_logic::finding::Severity;
use patchcord_operators::logic_comp::{COMPONENT, LOGIC_COMP, graph_of, line_and_column};

use super::file::{ContentEntry, FileEntry};
use super::load::Loaded;
use super::reader::{Reader, SpanKey};
use super::reason::Reason;
use super::report::{Finding, Source};

impl Reader<'_> {
    /// Compiles all graphs.
    pub fn check_graphs(&mut self) {
        let connections = self.connections();
        let plugins_off = self.settings.plugins_off();
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            if !std::ptr::eq(entry.kind, &LOGIC_COMP) {
                continue;
            }
            match &entry.content {
                ContentEntry::File(FileEntry { shown, loaded: Loaded::Text(text), .. }) => {
                    let (_, findings) = graph_of(text, &connections, &plugins_off);
                    if findings.is_empty() {
                        continue;
                    }
                    let source = Source::new(shown, text, &[], 1 + self.entries.len() + at);
                    for finding in findings {
                        let span = finding.span.clone();
                        self.note_script(Finding::new(reason(finding, None), span, source.clone()));
                    }
                }
                ContentEntry::Inline(Loaded::Text(text)) => {
                    let text = text.clone();
                    let span = self.spans.get(&SpanKey::Text(at)).cloned().unwrap_or(0..0);
                    let (_, findings) = graph_of(&text, &connections, &plugins_off);
                    for finding in findings {
                        let place = line_and_column(&text, finding.span.start);
                        self.note(reason(finding, Some(place)), span.clone());
                    }
                }
                _ => {}
            }
        }
    }

    /// The connections that the file makes.
    fn connections(&self) -> Vec<(Family, Rc<str>)> {
        let names = self.entries.iter().filter_map(|entry| entry.path.strip_prefix(COMPONENT)?.strip_prefix('/'));
        names
            .filter_map(|name| {
                Family::ALL
                    .iter()
                    .find_map(|family| Some((*family, Rc::from(name.strip_prefix(family.key())?.strip_prefix('_')?))))
            })
            .collect()
    }
}

fn reason(finding: patchcord_logic::finding::Finding, place: Option<(usize, usize)>) -> Reason {
    let node = if finding.node.is_empty() { String::new() } else { format!("node \"{}\": ", finding.node) };
    let at = place.map(|(line, column)| format!("line {line}, column {column}: ")).unwrap_or_default();
    let message = format!("{at}{node}{}", finding.message);
    Reason::Graph { message, help: finding.help, is_warning: finding.severity != Severity::Error }
}
