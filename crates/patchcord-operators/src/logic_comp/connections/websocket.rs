//! Connections of WebSocket clients: the WebSocket DAT.

use std::rc::Weak;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{ConnectionRequest, Payload};

use super::{Asked, Connecting};
use crate::listening::Listener;
use crate::websocket_dat::WebSocketDat;

pub(super) struct WebSocket;

impl Connecting for WebSocket {
    fn family(&self) -> Family {
        Family::WebSocket
    }

    fn listen(&self, network: &Network, op: OpId, listener: Weak<dyn Listener>) {
        network.with_begun_worker(op, |dat: &WebSocketDat| dat.listen(listener));
    }

    fn unlisten(&self, network: &Network, op: OpId, listener: &Weak<dyn Listener>) {
        network.with_worker(op, |dat: &WebSocketDat| dat.unlisten(listener));
    }

    fn is_open(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, WebSocketDat::is_open) == Some(true)
    }

    fn request(&self, asked: &Asked<'_>, request: ConnectionRequest) -> Result<(), String> {
        let ConnectionRequest::Send(message) = request else {
            return Err("a WebSocket connection does not do this".to_owned());
        };
        let sent = asked.with(|dat: &WebSocketDat| match &message {
            Payload::Text(text) => dat.try_send_text(text),
            Payload::Binary(bytes) => dat.try_send_binary(bytes),
        })?;
        if let Err(unsent) = sent {
            asked.fail(format!("\"{}\": {unsent}", asked.name()));
        }
        Ok(())
    }

    fn begin_again(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, WebSocketDat::begin_again) == Some(true)
    }
}
