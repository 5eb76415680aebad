//! Connections of UDP: the UDP DAT.

use std::rc::Weak;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::ConnectionRequest;

use super::{Asked, Connecting, bytes_of};
use crate::listening::Listener;
use crate::udp_dat::{Sending, UdpDat};

pub(super) struct Udp;

impl Connecting for Udp {
    fn family(&self) -> Family {
        Family::Udp
    }

    fn listen(&self, network: &Network, op: OpId, listener: Weak<dyn Listener>) {
        network.with_begun_worker(op, |dat: &UdpDat| dat.listen(listener));
    }

    fn unlisten(&self, network: &Network, op: OpId, listener: &Weak<dyn Listener>) {
        network.with_worker(op, |dat: &UdpDat| dat.unlisten(listener));
    }

    fn request(&self, asked: &Asked<'_>, request: ConnectionRequest) -> Result<(), String> {
        let ConnectionRequest::Send(message) = request else {
            return Err("a UDP connection does not do this".to_owned());
        };
        match asked.with(|dat: &UdpDat| dat.send(bytes_of(&message)))? {
            Ok(Sending::Sent) => Ok(()),
            // The socket is opened, and the message goes out (reference §3.4).
            Ok(Sending::Kept) => asked.open().map(drop),
            Err(reason) => {
                asked.fail(format!("\"{}\": {reason}", asked.name()));
                Ok(())
            }
        }
    }

    fn is_open(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, UdpDat::has_told_open) == Some(true)
    }

    fn begin_again(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, UdpDat::begin_again) == Some(true)
    }
}
