//! Every node type: its declaration and what it does, a file per group.

mod array;
mod connection;
mod console;
mod dictionary;
mod events;
mod flow;
mod functions;
mod http;
mod math;
mod messages;
mod mqtt;
mod patch;
mod printf;
mod socketio;
mod text;
mod time;
mod utilities;
mod values;
mod variables;
mod work;

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
    // Boolean values, comparisons, arithmetic
    &math::AND,
    &math::OR,
    &math::NEGATE,
    &math::IS_EQUAL,
    &math::IS_GREATER_EQUAL,
    &math::IS_LESS_EQUAL,
    &math::ADD,
    &math::SUBTRACT,
    &math::MULTIPLY,
    &math::DIVIDE,
    &math::MODULO,
    &math::INCREMENT,
    &math::DECREMENT,
    &math::CLAMP,
    &math::RANDOM,
    // Strings
    &text::CONCAT_STRINGS,
    &text::FORMAT,
    &text::FORMAT_ARRAY,
    &text::SPLIT,
    &text::JOIN,
    &text::CONTAINS,
    &text::STARTS_WITH,
    &text::ENDS_WITH,
    &text::COMPARE,
    &text::INDEX_OF,
    &text::SUBSTRING,
    &text::REPLACE,
    &text::REPLACE_REGEX,
    &text::MATCH_REGEX,
    &text::LENGTH,
    &text::LOWER,
    &text::UPPER,
    &text::TRIM,
    // Dictionaries
    &dictionary::DICTIONARY_VALUE,
    &dictionary::GET_DICTIONARY_ELEMENT,
    &dictionary::SET_DICTIONARY_ELEMENT,
    &dictionary::SET_DICTIONARY_ELEMENTS,
    &dictionary::ERASE_DICTIONARY_ELEMENT,
    &dictionary::HAS_DICTIONARY_KEY,
    &dictionary::GET_DICTIONARY_KEYS,
    &dictionary::GET_DICTIONARY_VALUES,
    &dictionary::SIZE_OF_DICTIONARY,
    &dictionary::MERGE_DICTIONARIES,
    // Arrays
    &array::ARRAY_VALUE,
    &array::GET_ARRAY_ELEMENT,
    &array::SET_ARRAY_ELEMENT,
    &array::PUSH_ARRAY_ELEMENT,
    &array::POP_ARRAY_ELEMENT,
    &array::INSERT_ARRAY_ELEMENT,
    &array::REMOVE_ARRAY_ELEMENT,
    &array::LENGTH_OF_ARRAY,
    // Utilities
    &utilities::JSON_PARSE,
    &utilities::JSON_STRINGIFY,
    &utilities::CONVERSION,
    &utilities::IS_DATA_TYPE,
    &utilities::CREATE_CUSTOM_ID,
    &utilities::GET_COMMAND_LINE_OPTION,
    &utilities::NOW,
    &utilities::DATE_TIME_FORMATTER,
    &utilities::LOAD_FILE,
    &utilities::SAVE_FILE,
    &utilities::ASSERT,
    // Time
    &time::START_TIMEOUT,
    &time::CANCEL_TIMEOUT,
    &time::START_INTERVAL,
    &time::RESET_INTERVAL,
    // Development
    &console::CONSOLE,
    &console::CLEAR_CONSOLE,
    // The patch
    &patch::GET_PARAMETER,
    &patch::SET_PARAMETER,
    &patch::PULSE_PARAMETER,
    &patch::GET_TEXT,
    &patch::SET_TEXT,
    &patch::GET_TABLE,
    &patch::GET_CELL,
    &patch::SET_CELL,
    &patch::APPEND_ROW,
    &patch::GET_CHANNEL,
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
    &http::HTTP_SERVER_START,
    &http::HTTP_SERVER_STOP,
    &http::ON_HTTP_SERVER_START,
    &http::ON_HTTP_SERVER_STOP,
    &http::ON_HTTP_ROUTE,
    &http::HTTP_RESPONSE,
    &http::HTTP_CLIENT,
    &messages::WEBSOCKET_CLIENT_START,
    &messages::WEBSOCKET_CLIENT_STOP,
    &messages::WEBSOCKET_CLIENT_SEND,
    &messages::ON_WEBSOCKET_START,
    &messages::ON_WEBSOCKET_STOP,
    &messages::ON_WEBSOCKET_RECEIVE,
    &messages::ON_WEBSOCKET_ERROR,
    &messages::TCP_START,
    &messages::TCP_STOP,
    &messages::TCP_SEND,
    &messages::ON_TCP_START,
    &messages::ON_TCP_STOP,
    &messages::ON_TCP_PACKET_RECEIVE,
    &messages::ON_TCP_ERROR,
    &messages::UDP_START,
    &messages::UDP_STOP,
    &messages::UDP_SEND,
    &messages::ON_UDP_START,
    &messages::ON_UDP_STOP,
    &messages::ON_UDP_PACKET_RECEIVE,
    &messages::ON_UDP_ERROR,
    &mqtt::MQTT_START,
    &mqtt::MQTT_STOP,
    &mqtt::MQTT_PUBLISH,
    &mqtt::MQTT_SUBSCRIBE,
    &mqtt::ON_MQTT_START,
    &mqtt::ON_MQTT_STOP,
    &mqtt::ON_MQTT_TOPIC,
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
