//! Variables (reference §4.6).

use crate::declaration::{
    Attribute, AttributeKind, Behaviour, DataSocket, Default, NodeType, Repeat, Scopes, Shape, SocketType,
};
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::nodes::NODE;
use crate::ports::Occurrence;

const VARIABLE: Attribute =
    Attribute::new("Variable", AttributeKind::Variable, Default::Required, "The variable, defined as [var.NAME].");

/// A socket of the variable's type.
const fn value(help: &'static str) -> DataSocket {
    DataSocket {
        name: "Value",
        data_type: SocketType::OfVariable("Variable"),
        repeat: Repeat::Once,
        attribute: None,
        help,
    }
}

/// Variable Getter.
pub static VARIABLE_GETTER: NodeType = NodeType {
    title: "Variable Getter",
    group: "Variables",
    help: "The value of a variable, read whenever it is asked for. A wire from \"var.NAME\" is the same without the node.",
    scopes: Scopes::NO_PREFAB,
    shape: Shape::Value,
    attributes: &[VARIABLE],
    outputs: &[value("The variable's value.")],
    build: |attributes| Ok(Box::new(Getter { variable: attributes.index("Variable") })),
    ..NODE
};

/// Variable Setter.
pub static VARIABLE_SETTER: NodeType = NodeType {
    title: "Variable Setter",
    group: "Variables",
    help: "Sets a variable. Who listens to it is run when the running branch has ended.",
    scopes: Scopes::NO_PREFAB,
    attributes: &[VARIABLE],
    inputs: &[value("The new value.")],
    outputs: &[value("The new value.")],
    build: |attributes| Ok(Box::new(Setter { variable: attributes.index("Variable") })),
    ..NODE
};

/// On Variable Change.
pub static ON_VARIABLE_CHANGE: NodeType = NodeType {
    title: "On Variable Change",
    group: "Variables",
    help: "Fires when a variable gets another value than it had.",
    scopes: Scopes::PROJECT_SCENE,
    shape: Shape::Event,
    attributes: &[VARIABLE],
    outputs: &[value("The value that it got.")],
    build: |attributes| Ok(Box::new(OnVariable { listen: Listen::Changed(attributes.index("Variable")) })),
    ..NODE
};

/// On Variable Set.
pub static ON_VARIABLE_SET: NodeType = NodeType {
    title: "On Variable Set",
    group: "Variables",
    help: "Fires when a variable is set, also to the value that it had.",
    scopes: Scopes::PROJECT_SCENE,
    shape: Shape::Event,
    attributes: &[VARIABLE],
    outputs: &[value("The value that it was set to.")],
    build: |attributes| Ok(Box::new(OnVariable { listen: Listen::Set(attributes.index("Variable")) })),
    ..NODE
};

struct Getter {
    variable: usize,
}

impl Behaviour for Getter {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::End)
    }

    fn reads_variable(&self) -> Option<usize> {
        Some(self.variable)
    }
}

struct Setter {
    variable: usize,
}

impl Behaviour for Setter {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let value = turn.input(0).clone();
        turn.set_variable(self.variable, value.clone());
        turn.set(0, value);
        Ok(Flow::Next)
    }
}

struct OnVariable {
    listen: Listen,
}

impl Behaviour for OnVariable {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        self.listen
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        if let Occurrence::Changed { value, .. } | Occurrence::Set { value, .. } = occurrence {
            turn.set(0, value.clone());
        }
        Ok(Flow::Next)
    }
}
