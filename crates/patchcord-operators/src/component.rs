//! What every component has: the pages Extensions and Common, and the worker that tells of changes on them.
//!
//! Extensions are made by whoever runs scripts: the worker only says when those of a component are to be looked at, made
//! anew or ended. What a shortcut means to a script is decided where the script asks; here stands the warning about a
//! global one that two components have.

use std::cell::Cell;
use std::rc::Rc;

use patchcord_core::callbacks::ExtensionNews;
use patchcord_core::change::Change;
use patchcord_core::declaration::{Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::{OpId, Operator};
use patchcord_core::problem::Problem;

/// Cause of the warning that another component has the same global shortcut.
const SHORTCUT: &str = "shortcut";

/// The pages that every component has after those of its type.
pub const COMPONENT_PAGES: [Page; 2] = [EXTENSIONS_PAGE, COMMON_PAGE];

macro_rules! extensions {
    ($(($object:literal, $name:literal, $promote:literal, $number:literal),)*) => {
        &[
            $(
                Parameter::str($object, concat!("Extension Object ", $number), "")
                    .aliases(&[concat!("extension", $number)])
                    .help(
                        "Python expression that makes the extension, such as `AgentExt.AgentExt(me)`: `me` is the \
                         component, and texts inside it are modules of their names. \
                         `op('./AgentExt').module.AgentExt(me)` says the same. Empty is no extension. The extension is \
                         made anew when the expression or a script that it used changes.",
                    ),
                Parameter::str($name, concat!("Extension Name ", $number), "")
                    .aliases(&[concat!("extname", $number)])
                    .help(
                        "Name under which scripts find it, as in `op('agent').ext.Agent`. Empty is the name of its \
                         class.",
                    ),
                Parameter::toggle($promote, concat!("Promote Extension ", $number), false)
                    .aliases(&[concat!("promoteextension", $number)])
                    .help(
                        "Members of the extension that begin with a capital letter are members of the component, too: \
                         `op('agent').Speak()`.",
                    ),
            )*
            Parameter::pulse("initextensions", "Re-Init Extensions")
                .aliases(&["reinitextensions"])
                .help("Makes all extensions of the component anew, as `initializeExtensions()` does."),
        ]
    };
}

/// The page Extensions.
pub const EXTENSIONS_PAGE: Page = Page {
    name: "Extensions",
    parameters: extensions!(
        ("ext0object", "ext0name", "ext0promote", "1"),
        ("ext1object", "ext1name", "ext1promote", "2"),
        ("ext2object", "ext2name", "ext2promote", "3"),
        ("ext3object", "ext3name", "ext3promote", "4"),
    ),
};

macro_rules! common {
    ($(($shortcut:literal, $op:literal, $number:literal),)*) => {
        &[
            Parameter::str("parentshortcut", "Parent Shortcut", "").help(
                "Name by which everything inside finds the component: `parent.Agent`. The nearest component that has the \
                 name is meant.",
            ),
            Parameter::str("opshortcut", "Global OP Shortcut", "").help(
                "Name by which every script finds the component: `op.Agent`. Of several components with the same name \
                 the oldest is meant, and the others show a warning.",
            ),
            $(
                Parameter::str($shortcut, concat!("Internal OP Shortcut ", $number), "")
                    .aliases(&[concat!("iopshortcut", $number)])
                    .help(
                        "Name by which the component and everything inside it finds the operator below: `iop.Settings`, \
                         and its parameters: `ipar.Settings.Speed`.",
                    ),
                Parameter::op($op, concat!("Internal OP ", $number))
                    .aliases(&[concat!("iop", $number)])
                    .help("The operator that the shortcut means; names count from inside the component."),
            )*
        ]
    };
}

/// The page Common of components.
pub const COMMON_PAGE: Page = Page {
    name: "Common",
    parameters: common!(
        ("iop0shortcut", "iop0op", "1"),
        ("iop1shortcut", "iop1op", "2"),
        ("iop2shortcut", "iop2op", "3"),
        ("iop3shortcut", "iop3op", "4"),
    ),
};

/// Starts the worker of a component.
pub fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    if has_clash(network, op) {
        check_shortcuts(network);
    }
    Rc::new(Component { op, news_queued: Rc::default() })
}

/// Whether another component has the same global shortcut, for a component that begins.
fn has_clash(network: &Network, op: OpId) -> bool {
    let patch = network.patch();
    patch.global_shortcut(op).is_some_and(|name| patch.find_shortcut(&name).is_some_and(|first| first != op))
}

struct Component {
    op: OpId,
    /// News of its extensions wait for their turn.
    news_queued: Rc<Cell<bool>>,
}

impl Component {
    /// Tells of other settings behind all that the turn has made and changed, so that extensions find it.
    fn tell_settings(&self, network: &Network) {
        if !self.news_queued.replace(true) {
            let (op, queued) = (self.op, self.news_queued.clone());
            network.defer(move |network| {
                queued.set(false);
                network.tell_extensions(op, ExtensionNews::Settings);
            });
        }
    }
}

impl Worker for Component {
    fn handle_change(&self, network: &Network, change: &Change) {
        let name = |index: &ParIndex| {
            let parameter = network.patch().get(self.op).and_then(|op| op.parameter(*index));
            parameter.map(|parameter| parameter.name.clone())
        };
        match change {
            Change::Pulse { index, .. } if name(index).as_deref() == Some("initextensions") => {
                network.tell_extensions(self.op, ExtensionNews::Anew);
            }
            Change::Parameter { index, .. } => match name(index).as_deref() {
                Some("opshortcut") => check_shortcuts(network),
                Some(name) if is_of_extension(name) => self.tell_settings(network),
                _ => {}
            },
            _ => {}
        }
    }

    fn stop(&self, network: &Network) {
        network.tell_extensions(self.op, ExtensionNews::Ended);
        if network.patch().global_shortcut(self.op).is_some() {
            check_shortcuts(network);
        }
    }
}

/// A component with a global shortcut that another one has already is marked; any other is not.
fn check_shortcuts(network: &Network) {
    let clashes = network.patch().clashing_shortcuts();
    let marked: Vec<OpId> = {
        let patch = network.patch();
        let is_marked = |op: &Operator| op.problems.iter().any(|problem| problem.cause == SHORTCUT);
        patch.iter().filter(|(_, op)| is_marked(op)).map(|(id, _)| id).collect()
    };
    for op in marked.into_iter().filter(|op| !clashes.iter().any(|clash| clash.op == *op)) {
        network.clear_problem(op, SHORTCUT);
    }
    for clash in clashes {
        let message =
            format!("the global shortcut `{}` is that of {} too, which is meant by it", clash.name, clash.first);
        network.report(clash.op, Problem::warning(SHORTCUT, message, "give one of the two another `opshortcut`"));
    }
}

fn is_of_extension(name: &str) -> bool {
    EXTENSIONS_PAGE.parameters.iter().any(|parameter| parameter.name == name)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use patchcord_core::callbacks::{CallbackSource, Callbacks, NoCallbacks};
    use patchcord_core::value::OwnedValue;

    use super::*;
    use crate::base_comp::BASE_COMP;

    /// Notes the news of extensions.
    #[derive(Default)]
    struct Heard(RefCell<Vec<(OpId, ExtensionNews)>>);

    impl CallbackSource for Heard {
        fn callbacks_for(&self, _: &Network, _: OpId) -> Rc<dyn Callbacks> {
            Rc::new(NoCallbacks)
        }

        fn handle_extensions(&self, _: &Network, op: OpId, news: ExtensionNews) {
            self.0.borrow_mut().push((op, news));
        }
    }

    fn create(network: &Network, parent: OpId, name: &str, set: &[(&str, &str)]) -> OpId {
        let mut patch = network.patch_mut();
        let op = patch.create(parent, &BASE_COMP, Some(name)).unwrap();
        for (name, value) in set {
            let index = patch.find_par(op, name).unwrap();
            patch.set_par(op, index, &OwnedValue::Str((*value).to_owned())).unwrap();
        }
        op
    }

    fn set(network: &Network, op: OpId, name: &str, value: &str) {
        network.turn(|network| {
            let index = network.patch().find_par(op, name).unwrap();
            network.set_par(op, index, &OwnedValue::Str(value.to_owned())).unwrap();
        });
    }

    fn warning(network: &Network, op: OpId) -> String {
        let patch = network.patch();
        patch.get(op).unwrap().problems.iter().map(|problem| problem.message.to_string()).collect()
    }

    #[test]
    fn news_of_extensions_come_when_the_turn_has_ended_and_only_where_there_are_any() {
        let network = Network::new(crate::types());
        let heard = Rc::new(Heard::default());
        network.set_callback_source(heard.clone());
        let root = network.patch().root();
        let (with, without) = network.turn(|network| {
            let with = create(network, root, "with", &[("extension1", "A.A(me)")]);
            assert!(heard.0.borrow().is_empty());
            (with, create(network, root, "without", &[]))
        });
        assert_eq!(heard.0.take(), [(with, ExtensionNews::Settings)]);
        set(&network, with, "ext0object", "B.B(me)");
        set(&network, without, "ext3promote", "1");
        set(&network, without, "parentshortcut", "Nothing");
        assert_eq!(heard.0.take(), [(with, ExtensionNews::Settings), (without, ExtensionNews::Settings)]);
        network.turn(|network| {
            let mut patch = network.patch_mut();
            let pulse = patch.find_par(with, "reinitextensions").unwrap();
            patch.pulse(with, pulse).unwrap();
        });
        network.turn(|network| network.patch_mut().destroy(with)).unwrap();
        assert_eq!(heard.0.take(), [(with, ExtensionNews::Anew), (with, ExtensionNews::Ended)]);
    }

    #[test]
    fn of_two_components_with_one_global_shortcut_the_younger_shows_a_warning() {
        let network = Network::new(crate::types());
        let root = network.patch().root();
        let [a, b, c] = network.turn(|network| {
            ["a", "b", "c"]
                .map(|name| create(network, root, name, &[("opshortcut", if name == "b" { "B" } else { "X" })]))
        });
        assert_eq!(network.patch().find_shortcut("X"), Some(a));
        assert!(warning(&network, c).contains("`X` is that of /a"), "{}", warning(&network, c));
        assert!(warning(&network, a).is_empty() && warning(&network, b).is_empty());
        set(&network, b, "opshortcut", "X");
        assert!(warning(&network, b).contains("/a"));
        set(&network, a, "opshortcut", "A");
        assert_eq!(network.patch().find_shortcut("X"), Some(b));
        assert!(warning(&network, b).is_empty() && warning(&network, c).contains("/b"));
        network.turn(|network| network.patch_mut().destroy(b)).unwrap();
        assert!(warning(&network, c).is_empty());
        assert_eq!(network.patch().find_shortcut("X"), Some(c));
        assert_eq!(network.patch().find_shortcut("B"), None);
    }

    #[test]
    fn parent_and_internal_shortcuts_are_found_from_the_inside() {
        let network = Network::new(crate::types());
        let root = network.patch().root();
        let [outer, inner, leaf] = network.turn(|network| {
            let outer = create(
                network,
                root,
                "outer",
                &[("parentshortcut", "Home"), ("iop0shortcut", "Leaf"), ("iop0op", "inner/leaf")],
            );
            let inner = create(network, outer, "inner", &[("parentshortcut", "Home")]);
            [outer, inner, create(network, inner, "leaf", &[])]
        });
        let patch = network.patch();
        assert_eq!(patch.find_parent_shortcut(leaf, "Home"), Some(inner));
        assert_eq!(patch.find_parent_shortcut(inner, "Home"), Some(outer));
        assert_eq!(patch.find_parent_shortcut(outer, "Home"), None);
        assert_eq!(patch.find_internal(leaf, "Leaf"), Some(leaf));
        assert_eq!(patch.find_internal(outer, "Leaf"), Some(leaf));
        assert_eq!(patch.find_internal(root, "Leaf"), None);
        assert_eq!(patch.find_from(outer, "./inner"), Some(inner));
        assert_eq!(patch.find_from(inner, "../outer"), Some(outer));
        assert_eq!(patch.find_from(outer, "."), Some(outer));
    }
}
