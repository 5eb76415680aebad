//! MQTT (reference §3.4).

use std::rc::Rc;

use crate::declaration::{
    Attribute, AttributeKind, Behaviour, DataSocket, Default, Family, Field, FieldKind, NodeType, PulseSocket, Repeat,
    Scopes, Shape,
};
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::nodes::NODE;
use crate::nodes::connection::{Listener, Starts};
use crate::ports::{ConnectionEvent, ConnectionRequest, Occurrence, Payload};
use crate::value::{DataType, Value};

const CONFIGURATION: Attribute = Attribute::new(
    "Configuration",
    AttributeKind::Connection(Family::Mqtt),
    Default::Required,
    "The broker, defined in patch.toml as [connection.mqtt.NAME].",
);

/// What the nodes share.
const MQTT: NodeType =
    NodeType { group: "Communication/MQTT", scopes: Scopes::PROJECT_SCENE, attributes: &[CONFIGURATION], ..NODE };

/// MQTT Start.
pub static MQTT_START: NodeType = NodeType {
    title: "MQTT Start",
    help: "Begins to connect to the broker. ► fires when that has been asked for; On MQTT Start when it is connected.",
    build: |attributes| Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: false })),
    ..MQTT
};

/// MQTT Stop.
pub static MQTT_STOP: NodeType = NodeType {
    title: "MQTT Stop",
    help: "Begins to disconnect. ► fires when that has been asked for; On MQTT Stop when it has ended.",
    build: |attributes| Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: true })),
    ..MQTT
};

/// MQTT Publish.
pub static MQTT_PUBLISH: NodeType = NodeType {
    title: "MQTT Publish",
    help: "Publishes a text under a topic. What cannot be published is a warning in the console, and the pulse goes on.",
    inputs: &[
        DataSocket::new("Topic", DataType::String, "The topic."),
        DataSocket::new("Message", DataType::String, "The text."),
    ],
    build: |attributes| Ok(Box::new(Publish { connection: attributes.index("Configuration") })),
    ..MQTT
};

/// MQTT Subscribe.
pub static MQTT_SUBSCRIBE: NodeType = NodeType {
    title: "MQTT Subscribe",
    help: "Asks the broker for topics; it holds over reconnects. Without a connection the next one asks. Upper and lower case differ.",
    attributes: &[
        CONFIGURATION,
        Attribute::new(
            "Topics",
            AttributeKind::List(&[Field {
                name: "Topic Filter",
                kind: FieldKind::Text,
                help: "A topic, or a filter: + stands for one level, # behind the last slash for all that follow.",
            }]),
            Default::Required,
            "The topics.",
        ),
    ],
    build: |attributes| {
        let topics = attributes.entries("Topics").iter().map(|entry| entry.text("Topic Filter")).collect();
        Ok(Box::new(Subscribe { connection: attributes.index("Configuration"), topics }))
    },
    ..MQTT
};

/// On MQTT Start.
pub static ON_MQTT_START: NodeType = NodeType {
    title: "On MQTT Start",
    group: "Communication/MQTT/Events",
    help: "Fires when it is connected, and again after each reconnect.",
    shape: Shape::Event,
    build: |attributes| Ok(Box::new(Listener { listen: Listen::Started(attributes.index("Configuration")) })),
    ..MQTT
};

/// On MQTT Stop.
pub static ON_MQTT_STOP: NodeType = NodeType {
    title: "On MQTT Stop",
    group: "Communication/MQTT/Events",
    help: "Fires when it is disconnected.",
    shape: Shape::Event,
    build: |attributes| Ok(Box::new(Listener { listen: Listen::Stopped(attributes.index("Configuration")) })),
    ..MQTT
};

const TOPIC_FIELDS: &[Field] = &[
    Field { name: "Topic Name", kind: FieldKind::Text, help: "The topic; + and # stand for levels, as in a filter." },
    Field { name: "Is Body Binary", kind: FieldKind::Bool, help: "Whether Body is bytes." },
];

/// On MQTT Topic.
pub static ON_MQTT_TOPIC: NodeType = NodeType {
    title: "On MQTT Topic",
    group: "Communication/MQTT/Events",
    help: "Fires for a message of one of its topics, by the pulse of the first that it belongs to (on.topic.1 and so on). The topic has to be subscribed to, as well. Upper and lower case differ.",
    shape: Shape::EventFork,
    attributes: &[
        CONFIGURATION,
        Attribute::new("Topics", AttributeKind::List(TOPIC_FIELDS), Default::Required, "The topics."),
    ],
    pulse_outputs: &[PulseSocket::new("Topic", "A message of this topic.").times(Repeat::Entries("Topics"))],
    outputs: &[
        DataSocket::new("Topic Name", DataType::String, "The topic that it came under (which Incari has not)."),
        DataSocket::new("Body", DataType::Any, "The message: String, or Binary when its topic says so.")
            .times(Repeat::Entries("Topics")),
    ],
    build: |attributes| {
        let topics = attributes
            .entries("Topics")
            .iter()
            .map(|entry| (entry.text("Topic Name"), entry.flag("Is Body Binary")))
            .collect();
        Ok(Box::new(OnTopic { connection: attributes.index("Configuration"), topics }))
    },
    ..MQTT
};

struct Publish {
    connection: usize,
}

impl Behaviour for Publish {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let request = ConnectionRequest::Publish { topic: turn.text(0), message: Payload::Text(turn.text(1)) };
        turn.connection(self.connection, request)?;
        Ok(Flow::Next)
    }

    fn connection(&self) -> Option<usize> {
        Some(self.connection)
    }
}

struct Subscribe {
    connection: usize,
    topics: Vec<Rc<str>>,
}

impl Behaviour for Subscribe {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let request = ConnectionRequest::SubscribeTopics(self.topics.clone());
        turn.connection(self.connection, request)?;
        Ok(Flow::Next)
    }

    fn connection(&self) -> Option<usize> {
        Some(self.connection)
    }
}

struct OnTopic {
    connection: usize,
    topics: Vec<(Rc<str>, bool)>,
}

impl Behaviour for OnTopic {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        Listen::Received(self.connection)
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        let Occurrence::Connection { event: ConnectionEvent::Topic { topic, message }, .. } = occurrence else {
            return Ok(Flow::End);
        };
        let Some(index) = self.topics.iter().position(|(filter, _)| belongs(topic, filter)) else {
            return Ok(Flow::End);
        };
        let data_type = if self.topics[index].1 { DataType::Binary } else { DataType::String };
        turn.set(0, Value::String(topic.clone()));
        turn.set(1 + index, message.as_type(data_type));
        Ok(Flow::Out(1 + index))
    }
}

/// Whether a topic belongs to a filter (MQTT 3.1.1, 4.7).
fn belongs(topic: &str, filter: &str) -> bool {
    // Topics of the broker itself belong to no wildcard at their first level.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    let mut wanted = filter.split('/');
    loop {
        match (wanted.next(), levels.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(want), Some(level)) if want == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::belongs;

    #[test]
    fn filters_of_topics() {
        for (topic, filter, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/+", true),
            ("a", "a/#", true),
            ("a/b/c", "a/#", true),
            ("a/b/c", "a/+", false),
            ("a/b", "+/+", true),
            ("$SYS/x", "#", false),
            ("$SYS/x", "$SYS/#", true),
            ("a", "a/b", false),
        ] {
            assert_eq!(belongs(topic, filter), expected, "{topic} {filter}");
        }
    }
}
