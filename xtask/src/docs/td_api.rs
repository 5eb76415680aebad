//! `docs/td-api.md`: every class and member of TouchDesigner's Python API, and what becomes of it, from its declaration.

use std::fmt::Write;

use patchcord_core::declaration::OperatorType;
use patchcord_runtime::td_api::{self, CLASSES, Class, ClassKind, FAMILIES, FamilyTypes, Member, State};

use super::{NOTE, cell, text};

const INTRODUCTION: &str = "\
# The Python API

Every class and member of TouchDesigner's Python API that Patchcord knows of, and what becomes of it here. A row says one of

- **works**: it does what it does in TouchDesigner;
- **stand-in**: it is there and does something else, which the row says;
- **raises**: it is not there. Using it raises `AttributeError` with the reason of the row, so `hasattr` is False and `getattr` with a
  default gives the default. `patchcord check` names every place of a patch's scripts that uses one.

† goes beyond TouchDesigner. [TouchDesigner](touchdesigner.md) says how what works behaves, [Operators](operators/README.md)
which operators there are and what their parameters and callbacks are.
";

/// The page.
pub(super) fn page(types: &[&OperatorType]) -> String {
    let mut out = format!("{NOTE}\n\n{INTRODUCTION}\n| | works | stand-in | raises |\n|---|---:|---:|---:|\n");
    let mut total = Counts::default();
    for class in CLASSES {
        let counts = Counts::of(class);
        total.add(&counts);
        let _ = writeln!(out, "| [{}](#{}) | {} |", title(class), anchor(class), counts.cells());
    }
    let _ = writeln!(out, "| **all** | {} |", total.cells());
    CLASSES.iter().for_each(|class| describe(&mut out, class));
    out.push_str(
        "\n## Operator types\n\nNames of types that are not here can stand in annotations and in `isinstance`. Any other use \
         raises, so an operator of such a type cannot be made.\n",
    );
    FAMILIES.iter().for_each(|family| list_types(&mut out, family, types));
    out
}

#[derive(Default)]
struct Counts {
    works: usize,
    stand_in: usize,
    raises: usize,
}

impl Counts {
    fn of(class: &Class) -> Self {
        let mut counts = Counts::default();
        for member in class.members {
            match class.state_of(member) {
                State::Works => counts.works += 1,
                State::StandIn(_) => counts.stand_in += 1,
                State::Raises(_) => counts.raises += 1,
            }
        }
        counts
    }

    fn add(&mut self, other: &Counts) {
        self.works += other.works;
        self.stand_in += other.stand_in;
        self.raises += other.raises;
    }

    fn cells(&self) -> String {
        format!("{} | {} | {}", self.works, self.stand_in, self.raises)
    }
}

fn title(class: &Class) -> String {
    match class.kind {
        ClassKind::Class => class.name.to_owned(),
        ClassKind::Object => format!("{} (object)", class.name),
        ClassKind::Module => format!("{} (module)", class.name),
    }
}

/// The name that a page on the web gives to a heading.
fn anchor(class: &Class) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || c == '-';
    title(class).to_lowercase().replace(' ', "-").chars().filter(|c| kept(*c)).collect()
}

fn describe(out: &mut String, class: &Class) {
    let _ = write!(out, "\n## {}\n\n{}", title(class), text(class.help));
    if !class.base.is_empty() {
        let _ = write!(out, " It has the members of {}, too.", class.base);
    }
    out.push('\n');
    if let Some(why) = class.absent {
        let _ = writeln!(out, "\n**Not there**: {}.", text(why));
        if !class.members.is_empty() {
            let names: Vec<String> = class.members.iter().map(|member| format!("`{}`", member.written())).collect();
            let _ = writeln!(out, "\n{}", names.join(", "));
        }
        return;
    }
    if class.members.is_empty() {
        return;
    }
    out.push_str("\n| Member | | Since | |\n|---|---|---|---|\n");
    for member in class.members {
        let beyond = if member.beyond { " †" } else { "" };
        let (state, said) = explanation(class, member);
        let since = if state == "raises" { "" } else { member.since };
        let _ = writeln!(out, "| `{}`{beyond} | {state} | {since} | {} |", member.written(), cell(&said));
    }
}

fn explanation(class: &Class, member: &Member) -> (&'static str, String) {
    match class.state_of(member) {
        State::Works => ("works", member.note.to_owned()),
        State::StandIn(what) if member.note.is_empty() => ("stand-in", what.to_owned()),
        State::StandIn(what) => ("stand-in", format!("{what}; {}", member.note)),
        State::Raises(why) => ("raises", td_api::reason(why, member.instead)),
    }
}

fn list_types(out: &mut String, family: &FamilyTypes, types: &[&OperatorType]) {
    let (here, absent): (Vec<String>, Vec<String>) =
        family.types().partition(|name| types.iter().any(|kind| kind.name == name));
    let _ = writeln!(out, "\n### {}: {}\n", family.family, family.help);
    if !here.is_empty() {
        let links: Vec<String> = here.iter().map(|name| format!("[{name}](operators/{name}.md)")).collect();
        let _ = writeln!(out, "Here: {}.\n", links.join(", "));
    }
    let names: Vec<String> = absent.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(out, "Not here ({}): {}.", family.why_absent(), names.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_row_and_its_counts_add_up() {
        let page = page(patchcord_operators::types());
        for class in CLASSES {
            assert!(page.contains(&format!("\n## {}\n", title(class))), "{}", class.name);
            assert!(page.contains(&format!("](#{})", anchor(class))), "{}", class.name);
            for member in class.members {
                assert!(page.contains(&format!("`{}`", member.written())), "{}.{}", class.name, member.name());
            }
        }
        let rows = CLASSES.iter().map(|class| class.members.len()).sum::<usize>();
        let last = page.lines().find(|line| line.starts_with("| **all** |")).unwrap();
        let numbers = last.split('|').filter_map(|part| part.trim().parse::<usize>().ok());
        assert_eq!(numbers.sum::<usize>(), rows);
    }

    #[test]
    fn a_type_that_is_here_links_to_its_page() {
        let page = page(patchcord_operators::types());
        assert!(page.contains("[textDAT](operators/textDAT.md)") && page.contains("`noiseTOP`"));
        assert!(!page.contains("`textDAT`,"));
    }
}
