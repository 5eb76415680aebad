//! Connections of TCP, clients and servers: the TCP DAT.

use std::rc::Weak;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{ConnectionRequest, Level};

use super::{Asked, Connecting, bytes_of};
use crate::listening::Listener;
use crate::tcp_dat::{TcpDat, Unsent};

pub(super) struct Tcp;

impl Connecting for Tcp {
    fn family(&self) -> Family {
        Family::Tcp
    }

    fn listen(&self, network: &Network, op: OpId, listener: Weak<dyn Listener>) {
        network.with_begun_worker(op, |dat: &TcpDat| dat.listen(listener));
    }

    fn unlisten(&self, network: &Network, op: OpId, listener: &Weak<dyn Listener>) {
        network.with_worker(op, |dat: &TcpDat| dat.unlisten(listener));
    }

    fn request(&self, asked: &Asked<'_>, request: ConnectionRequest) -> Result<(), String> {
        let ConnectionRequest::Send(message) = request else {
            return Err("a TCP connection does not do this".to_owned());
        };
        match asked.with(|dat: &TcpDat| dat.send(bytes_of(&message)))? {
            Ok(()) => Ok(()),
            // The message is lost, and the connection is begun (reference §3.4).
            Err(unsent @ Unsent::NotConnected) => {
                asked.logic.say(Level::Warning, asked.node, &format!("\"{}\": {unsent}", asked.name()));
                asked.open().map(drop)
            }
            Err(unsent) => {
                asked.fail(format!("\"{}\": {unsent}", asked.name()));
                Ok(())
            }
        }
    }

    fn is_open(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, TcpDat::has_told_open) == Some(true)
    }

    fn begin_again(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, TcpDat::begin_again) == Some(true)
    }
}
