//! Every node type: its declaration and what it does, a file per group.

mod connection;
mod console;
mod events;
mod flow;
mod functions;
mod socketio;
mod time;
mod values;
mod variables;

use crate::declaration::NodeType;

/// All node types, by group in the order of the reference.
pub static ALL: &[&NodeType] = &[
    // Events
    &events::ON_INITIALIZE,
    &events::EVENT_TRIGGER,
    &events::EVENT_LISTENER,
    // Variables
    &variables::VARIABLE_GETTER,
    &variables::VARIABLE_SETTER,
    &variables::ON_VARIABLE_CHANGE,
    &variables::ON_VARIABLE_SET,
    // Functions
    &functions::FUNCTION,
    &functions::FUNCTION_INPUT,
    &functions::FUNCTION_OUTPUT,
    // Flow control
    &flow::BRANCH,
    &flow::SWITCH,
    &flow::INDEX_SWITCH,
    &flow::SEQUENTIAL,
    &flow::SELECT_DATA,
    &flow::TOGGLE,
    &flow::FOR_LOOP,
    &flow::FOR_EACH_LOOP,
    // Values
    &values::STRING_VALUE,
    &values::BOOL_VALUE,
    &values::NUMERICAL_VALUE,
    // Time
    &time::START_TIMEOUT,
    &time::CANCEL_TIMEOUT,
    &time::START_INTERVAL,
    &time::RESET_INTERVAL,
    // Development
    &console::CONSOLE,
    &console::CLEAR_CONSOLE,
    // Communication
    &socketio::SOCKETIO_START,
    &socketio::SOCKETIO_STOP,
    &socketio::SOCKETIO_SEND,
    &socketio::SOCKETIO_SUBSCRIBE,
    &socketio::SOCKETIO_UNSUBSCRIBE,
    &socketio::ON_SOCKETIO_START,
    &socketio::ON_SOCKETIO_STOP,
    &socketio::ON_SOCKETIO_RECEIVE,
    &socketio::ON_SOCKETIO_ERROR,
];

/// What most declarations share; each says what is its own.
pub(crate) const NODE: NodeType = NodeType {
    title: "",
    group: "",
    help: "",
    scopes: crate::declaration::Scopes::ALL,
    plugin: None,
    shape: crate::declaration::Shape::Action,
    attributes: &[],
    pulse_inputs: &[],
    pulse_outputs: &[],
    inputs: &[],
    outputs: &[],
    later: &[],
    stored: None,
    build: |_| Ok(Box::new(Nothing)),
};

/// A node that lets the pulse through.
pub(crate) struct Nothing;

impl crate::declaration::Behaviour for Nothing {
    fn pulse(&self, _: &mut crate::Turn<'_>, _: usize) -> Result<crate::engine::Flow, crate::engine::Failure> {
        Ok(crate::engine::Flow::Next)
    }
}
