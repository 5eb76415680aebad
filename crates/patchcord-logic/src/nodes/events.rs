//! The beginning, and custom events (reference §4.5, §4.6).

use crate::declaration::{Attribute, AttributeKind, Behaviour, DataSocket, Default, NodeType, Repeat, Scopes, Shape};
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::nodes::NODE;
use crate::ports::Occurrence;
use crate::value::DataType;

/// On Initialize.
pub static ON_INITIALIZE: NodeType = NodeType {
    title: "On Initialize",
    group: "Events",
    help: "Fires once when the graph begins to run; not again when its file is edited.",
    scopes: Scopes::PROJECT_SCENE,
    shape: Shape::Event,
    build: |_| Ok(Box::new(OnInitialize)),
    ..NODE
};

/// Event Trigger.
pub static EVENT_TRIGGER: NodeType = NodeType {
    title: "Event Trigger",
    group: "Events",
    help: "Triggers a custom event. Its listeners run, in the order of the file, when the running branch has ended; the branch ends here.",
    shape: Shape::End,
    attributes: &[Attribute::new(
        "Event",
        AttributeKind::Event,
        Default::Required,
        "The custom event, defined as [event.NAME].",
    )],
    inputs: &[DataSocket::new("Parameter", DataType::Any, "A value for each parameter of the event.")
        .times(Repeat::EventParameters("Event"))],
    build: |attributes| Ok(Box::new(Trigger { event: attributes.index("Event") })),
    ..NODE
};

/// Event Listener.
pub static EVENT_LISTENER: NodeType = NodeType {
    title: "Event Listener",
    group: "Events",
    help: "Fires when its custom event is triggered, by Event Trigger or by a script of the patch.",
    scopes: Scopes::PROJECT_SCENE,
    shape: Shape::Event,
    attributes: &[Attribute::new(
        "Event",
        AttributeKind::Event,
        Default::Required,
        "The custom event, defined as [event.NAME].",
    )],
    outputs: &[DataSocket::new("Parameter", DataType::Any, "What the event carries, a socket for each parameter.")
        .times(Repeat::EventParameters("Event"))],
    build: |attributes| Ok(Box::new(Listener { event: attributes.index("Event") })),
    ..NODE
};

struct OnInitialize;

impl Behaviour for OnInitialize {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        Listen::Initialize
    }

    fn handle(&self, _: &mut Turn<'_>, _: &Occurrence) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }
}

struct Trigger {
    event: usize,
}

impl Behaviour for Trigger {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let parameters = (0..turn.inputs()).map(|input| turn.input(input).clone()).collect();
        turn.trigger(self.event, parameters);
        Ok(Flow::End)
    }
}

struct Listener {
    event: usize,
}

impl Behaviour for Listener {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        Listen::Custom(self.event)
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        if let Occurrence::Custom { parameters, .. } = occurrence {
            for (output, value) in parameters.iter().enumerate() {
                turn.set(output, value.clone());
            }
        }
        Ok(Flow::Next)
    }
}
