//! Who hears what comes over a WebSocket.

use std::rc::Rc;

use super::{Ending, Peer};

/// Takes messages. Called on the connection's thread, inline; it must not block.
pub trait Handler: Sized + 'static {
    /// What the handler keeps with each peer.
    type Data: 'static;

    /// A WebSocket is open.
    fn handle_open(&self, peer: &Rc<Peer<Self::Data>>);

    /// A text message came.
    fn handle_text(&self, peer: &Rc<Peer<Self::Data>>, text: &str);

    /// A binary message came.
    fn handle_binary(&self, peer: &Rc<Peer<Self::Data>>, bytes: &[u8]);

    /// A ping came. Nothing has answered it.
    fn handle_ping(&self, peer: &Rc<Peer<Self::Data>>, payload: &[u8]);

    /// A pong came that answers no ping of this end's own heartbeat.
    fn handle_pong(&self, peer: &Rc<Peer<Self::Data>>, payload: &[u8]);

    /// A WebSocket is closed; comes exactly once for each [`Handler::handle_open`]. When a server closes all, this is at
    /// once, and otherwise when the close frames have passed or the transport is gone. Nothing comes from the peer after
    /// it.
    fn handle_close(&self, peer: &Rc<Peer<Self::Data>>, ending: &Ending);

    /// Everything that waited has been written, after [`Peer::ask_for_drained`]. What is sent now is written next.
    fn handle_drained(&self, _peer: &Rc<Peer<Self::Data>>) {}

    /// Brackets the handing over of all that one read brought: must call `work` once. What was sent meanwhile is written
    /// next.
    fn handle_turn(&self, work: &mut dyn FnMut()) {
        work();
    }
}
