//! What every component has: the pages Extensions and Common, and the worker that tells of changes on them.
//!
//! Extensions are made by whoever runs scripts: the worker only says when those of a component are to be looked at, made
//! anew or ended. What a shortcut means to a script is decided where the script asks; here stands the warning about a
//! global one that two components have.

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
    let component = Component { op };
    if component.has_extensions(network) {
        // Behind all operators that are made in this turn, so that extensions find them.
        network.defer(move |network| network.tell_extensions(op, ExtensionNews::Settings));
    }
    if has_clash(network, op) {
        check_shortcuts(network);
    }
    Rc::new(component)
}

/// Whether another component has the same global shortcut, for a component that begins.
fn has_clash(network: &Network, op: OpId) -> bool {
    let patch = network.patch();
    patch.global_shortcut(op).is_some_and(|name| patch.find_shortcut(&name).is_some_and(|first| first != op))
}

struct Component {
    op: OpId,
}

impl Component {
    fn has_extensions(&self, network: &Network) -> bool {
        let patch = network.patch();
        patch.get(self.op).is_some_and(|op| {
            let mut objects = op.declaration().parameters().filter(|(_, parameter)| is_object(&parameter.name));
            objects.any(|(index, _)| op.par_state(index).is_some())
        })
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
                Some(name) if is_of_extension(name) => network.tell_extensions(self.op, ExtensionNews::Settings),
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

fn is_object(name: &str) -> bool {
    name.starts_with("ext") && name.ends_with("object")
}

fn is_of_extension(name: &str) -> bool {
    EXTENSIONS_PAGE.parameters.iter().any(|parameter| parameter.name == name)
}
