//! Functions (reference §4.6).

use crate::declaration::{Attribute, AttributeKind, Behaviour, DataSocket, Default, NodeType, Repeat, Scopes, Shape};
use crate::engine::{Failure, Flow, Turn};
use crate::nodes::NODE;
use crate::value::DataType;

/// Function.
pub static FUNCTION: NodeType = NodeType {
    title: "Function",
    group: "Functions",
    help: "Calls a function. The pulse goes on when its Function Output is reached, which may be later when something in it waits.",
    attributes: &[Attribute::new(
        "Function",
        AttributeKind::Function,
        Default::Required,
        "The function, defined as [function.NAME].",
    )],
    inputs: &[DataSocket::new("Parameter", DataType::Any, "A value for each parameter.")
        .times(Repeat::FunctionParameters("Function"))],
    outputs: &[
        DataSocket::new("Result", DataType::Any, "A value for each result.").times(Repeat::FunctionResults("Function"))
    ],
    later: &[],
    build: |attributes| Ok(Box::new(Call { function: attributes.index("Function") })),
    ..NODE
};

/// Function Input.
pub static FUNCTION_INPUT: NodeType = NodeType {
    title: "Function Input",
    group: "Functions",
    help: "Where a function begins, with the parameters of the call.",
    scopes: Scopes::FUNCTION,
    shape: Shape::Event,
    outputs: &[
        DataSocket::new("Parameter", DataType::Any, "What the call was given.").times(Repeat::FunctionParameters(""))
    ],
    ..NODE
};

/// Function Output.
pub static FUNCTION_OUTPUT: NodeType = NodeType {
    title: "Function Output",
    group: "Functions",
    help: "Where a function ends: the pulse goes on behind the call. What is left of the function's logic is not run.",
    scopes: Scopes::FUNCTION,
    shape: Shape::End,
    inputs: &[DataSocket::new("Result", DataType::Any, "What the call gives back.").times(Repeat::FunctionResults(""))],
    build: |_| Ok(Box::new(Output)),
    ..NODE
};

struct Call {
    function: usize,
}

impl Behaviour for Call {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let parameters = (0..turn.inputs()).map(|input| turn.input(input).clone()).collect();
        turn.call(self.function, parameters)
    }

    fn calls(&self) -> Option<usize> {
        Some(self.function)
    }
}

struct Output;

impl Behaviour for Output {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let results = (0..turn.inputs()).map(|input| turn.input(input).clone()).collect();
        turn.hand_back(results);
        Ok(Flow::Return)
    }
}
