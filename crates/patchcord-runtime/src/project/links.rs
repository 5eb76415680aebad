//! Resolving names: wires, docks and references between the operators of a patch file.
//!
//! This happens when all sections have been read. Wires and docks must name a sibling; a parameter may refer to any
//! operator, and one that the file does not have is only a warning, because a script may make it at run time.

use std::collections::HashMap;
use std::rc::Rc;

use patchcord_core::declaration::{Family, OperatorType, Text};
use patchcord_core::parameter::nearest_name;
use patchcord_core::patch::stand_in::{STAND_IN_INPUTS, is_stand_in};
use patchcord_core::patch::{Side, connector_order};

use super::file::{Entry, Wire, base_name, join, parent_path};
use super::reader::{Link, Reader, Role, sorted};
use super::reason::Reason;

impl Reader<'_> {
    /// Resolves what names another operator.
    pub fn resolve_links(&mut self) {
        for link in std::mem::take(&mut self.links) {
            let outcome = match &link.role {
                Role::Wire { input } => self.resolve_wire(&link, *input),
                Role::Dock => self.resolve_dock(&link),
                Role::Reference { parameter, family } => self.resolve_reference(&link, parameter, *family),
            };
            if let Err(reason) = outcome {
                self.note(reason, link.span);
            }
        }
    }

    fn resolve_wire(&mut self, link: &Link, input: usize) -> Result<(), Reason> {
        let entry = &self.entries[link.entry];
        let kind = entry.kind;
        let end = match kind.family {
            Family::Comp => self.connector(&entry.path, Side::In, input),
            _ if is_stand_in(kind) && input < STAND_IN_INPUTS => Ok(Some(kind)),
            _ if input < kind.inputs.len() => Ok(Some(kind)),
            _ => Err(kind.inputs.len()),
        };
        let end = match end {
            Ok(end) => end,
            Err(count) if kind.family == Family::Comp => {
                return Err(Reason::NoComponentInput { name: entry.name().to_owned(), count });
            }
            Err(count) => return Err(Reason::NoSuchInput { label: kind.label, count }),
        };
        let (name, output) = match link.name.split_once(':') {
            Some((name, output)) => (name, Some(output)),
            None => (link.name.as_str(), None),
        };
        if name.contains('/') {
            return Err(Reason::WireAcross);
        }
        let path = join(self.entries[link.entry].parent(), name);
        let Some((path, source)) = self.names.get_key_value(path.as_str()).map(|(path, kind)| (path.clone(), *kind))
        else {
            let nearest = self.nearest_sibling(link.entry, name);
            return Err(Reason::WireFromNothing { name: name.to_owned(), nearest });
        };
        // The source's type is unknown, which is reported there.
        let Some(source) = source else { return Ok(()) };
        let output = output.unwrap_or("0");
        let no_such_output = || Reason::NoSuchOutput { name: name.to_owned(), output: output.to_owned() };
        let number = output.parse::<u8>().map_err(|_| no_such_output())?;
        let start = match source.family {
            Family::Comp => self.connector(&path, Side::Out, number.into()).map_err(|count| match count {
                0 => Reason::NoComponentOutput { name: name.to_owned() },
                _ => no_such_output(),
            })?,
            _ if number == 0 => Some(source),
            _ => return Err(no_such_output()),
        };
        let family = |kind: &'static OperatorType, path: &str| match is_stand_in(kind) {
            true => self.stand_ins.get(path).copied(),
            false => Some(kind.family.suffix()),
        };
        let target = Rc::clone(&self.entries[link.entry].path);
        let families = [start.and_then(|kind| family(kind, &path)), end.and_then(|kind| family(kind, &target))];
        if let [Some(from), Some(to)] = families
            && from != to
        {
            return Err(Reason::FamilyMismatch { from, to });
        }
        let inputs = &mut self.entries[link.entry].inputs;
        if inputs.len() <= input {
            inputs.resize(input + 1, None);
        }
        inputs[input] = Some(Wire { source: path, output: number });
        Ok(())
    }

    /// The type of the In or Out operator that makes this input or output of a component; `Ok(None)` when an operator
    /// inside it is of an unknown type, so that nobody can tell. Else how many there are.
    fn connector(&self, component: &str, side: Side, at: usize) -> Result<Option<&'static OperatorType>, usize> {
        let inside = |path: &str| parent_path(path) == component;
        if self.names.iter().any(|(path, kind)| kind.is_none() && inside(path)) {
            return Ok(None);
        }
        let order = |entry: &Entry| entry.fixed_value("connectorder").map_or(0, |order| order.as_i64());
        let is_connector = |entry: &&Entry| Side::of(entry.kind) == Some(side) && inside(&entry.path);
        let mut connectors: Vec<_> =
            self.entries.iter().filter(is_connector).map(|entry| (order(entry), entry)).collect();
        connectors.sort_by(|(one, a), (other, b)| connector_order((*one, a.name()), (*other, b.name())));
        connectors.get(at).map(|(_, entry)| Some(entry.kind)).ok_or(connectors.len())
    }

    fn resolve_dock(&mut self, link: &Link) -> Result<(), Reason> {
        let entry = &self.entries[link.entry];
        let path = join(entry.parent(), &link.name);
        match self.names.get_key_value(path.as_str()) {
            Some((host, _)) if *host != entry.path => {
                let host = host.clone();
                self.entries[link.entry].dock = Some(host);
                Ok(())
            }
            _ => {
                let nearest = self.nearest_sibling(link.entry, &link.name);
                Err(Reason::DockToNothing { name: link.name.clone(), nearest })
            }
        }
    }

    fn resolve_reference(&self, link: &Link, parameter: &Text, wanted: Option<Family>) -> Result<(), Reason> {
        let entry = &self.entries[link.entry];
        let is_component = entry.kind.family == Family::Comp;
        let look = |base: &str, name: &str| match resolve_path(&self.settings.at, base, name) {
            Target::Component => Some(Some(Family::Comp)),
            Target::Inside(path) => find(&self.names, &path),
            Target::Outside => None,
        };
        for name in link.name.split_whitespace() {
            // What a pattern finds is known at run time.
            if name.contains(['*', '?', '[', '^']) {
                continue;
            }
            // A component's `./x` is inside it, and so are its internal operators.
            let inside = is_component && (name.starts_with("./") || parameter.starts_with("iop"));
            let found = if inside { look(&entry.path, name) } else { None };
            let found = found.or_else(|| look(entry.parent(), name));
            match (found, wanted) {
                (None, _) => {
                    let (parameter, nearest) = (parameter, self.nearest_sibling(link.entry, name));
                    return Err(Reason::ReferenceToNothing {
                        parameter: parameter.clone(),
                        name: name.to_owned(),
                        nearest,
                    });
                }
                (Some(Some(found)), Some(wanted)) if found != wanted => {
                    let (wanted, found) = (wanted.suffix(), found.suffix());
                    return Err(Reason::ReferenceFamily {
                        parameter: parameter.clone(),
                        name: name.to_owned(),
                        wanted,
                        found,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn nearest_sibling(&self, entry: usize, name: &str) -> Option<String> {
        let entry = &self.entries[entry];
        let siblings = self.names.keys().filter(|path| ***path != *entry.path && parent_path(path) == entry.parent());
        nearest_name(base_name(name), sorted(siblings.map(|path| base_name(path)))).map(str::to_owned)
    }
}

type Names = HashMap<Rc<str>, Option<&'static OperatorType>>;

/// `None` when there is no such operator, `Some(None)` when its type is unknown.
fn find(names: &Names, path: &str) -> Option<Option<Family>> {
    names.get(path).map(|kind| kind.map(|kind| kind.family))
}

/// Where a path leads.
#[derive(Debug, PartialEq)]
enum Target {
    /// To the component that holds the patch, or to one above it.
    Component,
    /// To a path below it.
    Inside(String),
    /// Elsewhere.
    Outside,
}

/// Follows a path from the component `base` (below `at`).
fn resolve_path(at: &str, base: &str, path: &str) -> Target {
    let at: Vec<_> = parts(at).collect();
    let mut whole: Vec<&str> = match path.starts_with('/') {
        true => Vec::new(),
        false => at.iter().copied().chain(parts(base)).collect(),
    };
    for part in parts(path) {
        match part {
            "." => {}
            ".." => drop(whole.pop()),
            name => whole.push(name),
        }
    }
    if at.starts_with(&whole) {
        return Target::Component;
    }
    whole.strip_prefix(at.as_slice()).map_or(Target::Outside, |inside| Target::Inside(inside.join("/")))
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_followed_from_the_component_that_an_operator_stands_in() {
        let inside = |path: &str| Target::Inside(path.to_owned());
        for (base, path, target) in [
            ("", "table1", inside("table1")),
            ("", "./table1", inside("table1")),
            ("agent", "table1", inside("agent/table1")),
            ("agent", "../table1", inside("table1")),
            ("agent", "..", Target::Component),
            ("agent", "../..", Target::Component),
            ("", "agent/table1", inside("agent/table1")),
            ("agent", "/project1/table1", inside("table1")),
            ("", "/", Target::Component),
            ("", "/local/table1", Target::Outside),
            ("", "../table1", Target::Outside),
        ] {
            assert_eq!(resolve_path("/project1", base, path), target, "{path} from {base:?}");
        }
        assert_eq!(resolve_path("/", "", "/table1"), Target::Inside("table1".into()));
    }
}
