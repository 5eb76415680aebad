//! The operators of a patch: what each type is, and the worker that does its work.
//!
//! Each operator has a module with its declaration (parameters, info channels, callbacks: the facts that every reader
//! of the patch shares), its worker and its tests. [`types`] lists them all; a network that is made with it can create
//! them. What several of them have in common stands in modules of its own: the file that a text or table stands in, the
//! compile check of a text, parameters that name an operator, what every component has, and of those that dial a server the table of received
//! messages, reconnecting, recordings, and the parameters of TLS, proxy and compression.
//!
//! Promised: workers report what is wrong on their operator and never end the patch; an operator that nobody reads
//! and nothing happens to costs nothing. Left to others: scripts (reached through the seams of `patchcord-core`), the
//! protocols (`patchcord-net` and below), and the patch file with the files it follows (`patchcord-runtime`).

use patchcord_core::declaration::OperatorType;

pub mod base_comp;
mod channel_names;
pub mod chop_execute;
pub mod chop_to_dat;
mod client_parameters;
pub mod component;
pub mod constant_chop;
pub mod container_comp;
pub mod csound_chop;
pub mod dat_execute;
mod dat_file;
pub mod dat_to_chop;
pub mod execute_dat;
mod extract;
pub mod fifo_dat;
mod heard;
pub mod host_and_port;
pub mod info_chop;
pub mod info_dat;
mod inputs;
pub mod json_dat;
mod language;
pub mod listening;
mod local_address;
pub mod logic_comp;
pub mod merge_dat;
pub mod mqtt_dat;
mod own_script;
mod par_reader;
pub mod parameter_execute;
pub mod pass_through;
mod received;
mod reconnect;
pub mod recording;
mod reference;
pub mod select_chop;
pub mod select_dat;
pub mod socketio_dat;
pub mod stand_in;
mod table_content;
pub mod table_dat;
mod table_difference;
pub mod tcp_dat;
pub mod text_dat;
pub mod timer_chop;
pub mod udp_dat;
pub mod web_server;
pub mod websocket_dat;

pub use dat_file::{MAX_FILE_BYTES, file_ending};

/// All operator types that a patch can create.
pub fn types() -> &'static [&'static OperatorType] {
    TYPES
}

static TYPES: &[&OperatorType] = &[
    &base_comp::BASE_COMP,
    &chop_execute::CHOP_EXECUTE_DAT,
    &chop_to_dat::CHOP_TO_DAT,
    &constant_chop::CONSTANT_CHOP,
    &container_comp::CONTAINER_COMP,
    &csound_chop::CSOUND_CHOP,
    &dat_execute::DAT_EXECUTE_DAT,
    &dat_to_chop::DAT_TO_CHOP,
    &execute_dat::EXECUTE_DAT,
    &fifo_dat::FIFO_DAT,
    &info_chop::INFO_CHOP,
    &info_dat::INFO_DAT,
    &json_dat::JSON_DAT,
    &logic_comp::LOGIC_COMP,
    &merge_dat::MERGE_DAT,
    &mqtt_dat::MQTT_DAT,
    &parameter_execute::PARAMETER_EXECUTE_DAT,
    &pass_through::IN_CHOP,
    &pass_through::IN_DAT,
    &pass_through::NULL_CHOP,
    &pass_through::NULL_DAT,
    &pass_through::OUT_CHOP,
    &pass_through::OUT_DAT,
    &select_chop::SELECT_CHOP,
    &select_dat::SELECT_DAT,
    &socketio_dat::SOCKETIO_DAT,
    &stand_in::STAND_IN_DAT,
    &table_dat::TABLE_DAT,
    &tcp_dat::TCP_DAT,
    &text_dat::TEXT_DAT,
    &timer_chop::TIMER_CHOP,
    &udp_dat::UDP_DAT,
    &web_server::WEB_SERVER_DAT,
    &websocket_dat::WEBSOCKET_DAT,
];
