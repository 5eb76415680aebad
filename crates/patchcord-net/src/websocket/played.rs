//! A WebSocket without a network: what comes over it is handed in by the program, what is sent over it goes nowhere.
//!
//! A recording is played back through it, so that its messages take the same way through a [`Handler`] as those of a
//! socket: the same turns, the same counters, one close for each opening. What only a network has is left out: limits of
//! what comes, slow readers, the program's own pings.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use patchcord_websocket::{CloseCode, CloseFrame, ClosedBy, Heartbeat, Role, Sender};

use super::outbox::Outbox;
use super::{Handler, Peer};

/// A WebSocket that is played. Dropping it ends it as a lost connection does, and the handler hears of that from a task
/// and not from within the drop.
pub struct PlayedWebSocket<H: Handler>(Rc<Inner<H>>);

struct Inner<H: Handler> {
    handler: Rc<H>,
    peer: Rc<Peer<H::Data>>,
}

impl<H: Handler> PlayedWebSocket<H> {
    /// A WebSocket that is about to be open. Must be called inside a `LocalSet` of a tokio runtime.
    pub fn new(handler: Rc<H>, data: H::Data, address: SocketAddr) -> Self {
        let now = Instant::now();
        // A server's frames have no masks: less work for what nobody reads.
        let sender = Sender::new(Role::Server, 0);
        let peer = Peer::new(data, address, sender, now, Heartbeat::new(Duration::ZERO, 1, now));
        peer.outbox.replace(Outbox::nowhere());
        PlayedWebSocket(Rc::new(Inner { handler, peer: Rc::new(peer) }))
    }

    /// The other end, as the handler sees it.
    pub fn peer(&self) -> &Rc<Peer<H::Data>> {
        &self.0.peer
    }

    /// Whether the handler has not been told of an opening yet, or has been told of the end.
    pub fn is_ended(&self) -> bool {
        !self.0.peer.is_known.get()
    }

    /// It is open. Call it once, before anything comes.
    pub fn handle_open(&self) {
        self.0.peer.is_known.set(true);
        // Who closes it outside of what is handed in here wakes this task.
        let inner = self.0.clone();
        tokio::task::spawn_local(poll_fn(move |cx| {
            inner.settle();
            if !inner.peer.is_known.get() {
                return Poll::Ready(());
            }
            inner.peer.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        }));
        self.turn(|handler, peer| handler.handle_open(peer));
    }

    /// A text message comes.
    pub fn handle_text(&self, text: &str) {
        self.message(text.len(), |handler, peer| handler.handle_text(peer, text));
    }

    /// A binary message comes.
    pub fn handle_binary(&self, bytes: &[u8]) {
        self.message(bytes.len(), |handler, peer| handler.handle_binary(peer, bytes));
    }

    /// A ping comes.
    pub fn handle_ping(&self, payload: &[u8]) {
        self.turn(|handler, peer| handler.handle_ping(peer, payload));
    }

    /// A pong comes.
    pub fn handle_pong(&self, payload: &[u8]) {
        self.turn(|handler, peer| handler.handle_pong(peer, payload));
    }

    /// The other end closes it; without a code where its close frame had none.
    pub fn handle_close(&self, code: Option<CloseCode>, reason: &str) {
        let frame = code.map(|code| CloseFrame { code, reason });
        self.0.peer.close.borrow_mut().handle_received(frame);
        self.0.peer.reply_close(code);
        self.0.settle();
    }

    /// The connection breaks; the reason is what this end would have given.
    pub fn handle_loss(&self, reason: &str) {
        self.0.peer.abort("");
        let mut ending = self.0.peer.ending();
        reason.clone_into(&mut ending.reason);
        if self.0.peer.take_report() {
            self.0.handler.handle_close(&self.0.peer, &ending);
        }
    }

    /// This end closes it, and the other one agrees.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.0.peer.close(code, reason);
        self.0.settle();
    }

    fn message(&self, size: usize, hand_over: impl Fn(&H, &Rc<Peer<H::Data>>)) {
        self.turn(|handler, peer| {
            let mut stats = peer.stats.get();
            stats.messages_in += 1;
            stats.bytes_in += size as u64;
            peer.stats.set(stats);
            hand_over(handler, peer);
        });
    }

    /// Hands something over, unless it has ended.
    fn turn(&self, hand_over: impl Fn(&H, &Rc<Peer<H::Data>>)) {
        let Inner { handler, peer } = &*self.0;
        if peer.is_known.get() {
            handler.handle_turn(&mut || hand_over(handler, peer));
            self.0.settle();
        }
    }
}

impl<H: Handler> Inner<H> {
    /// Tells the handler of the end when there is one. A close of this end is answered at once: nobody is there to wait for.
    fn settle(&self) {
        if !self.peer.is_closing() || !self.peer.take_report() {
            return;
        }
        let ending = self.peer.ending();
        if let (ClosedBy::Local, Some(code)) = (ending.by, ending.sent) {
            self.peer.close.borrow_mut().handle_received(Some(CloseFrame { code, reason: "" }));
        }
        self.handler.handle_close(&self.peer, &self.peer.ending());
    }
}

impl<H: Handler> Drop for PlayedWebSocket<H> {
    fn drop(&mut self) {
        self.0.peer.abort("what was played has been stopped");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::{Ending, PeerStats, Sent};
    use super::*;

    /// Notes what it hears. Answers `echo`, closes on `close`.
    #[derive(Default)]
    struct Notes(RefCell<Vec<String>>);

    impl Notes {
        fn note(&self, text: impl Into<String>) {
            self.0.borrow_mut().push(text.into());
        }
    }

    impl Handler for Notes {
        type Data = u8;

        fn handle_open(&self, peer: &Rc<Peer<u8>>) {
            self.note(format!("open {}", peer.data()));
        }

        fn handle_text(&self, peer: &Rc<Peer<u8>>, text: &str) {
            self.note(text);
            match text {
                "echo" => assert_eq!(peer.send_text(text), Sent::Queued),
                "close" => peer.close(CloseCode::GOING_AWAY, "enough"),
                _ => {}
            }
        }

        fn handle_binary(&self, _: &Rc<Peer<u8>>, bytes: &[u8]) {
            self.note(format!("{bytes:?}"));
        }

        fn handle_ping(&self, _: &Rc<Peer<u8>>, payload: &[u8]) {
            self.note(format!("ping {payload:?}"));
        }

        fn handle_pong(&self, _: &Rc<Peer<u8>>, payload: &[u8]) {
            self.note(format!("pong {payload:?}"));
        }

        fn handle_close(&self, peer: &Rc<Peer<u8>>, ending: &Ending) {
            if ending.clean {
                assert_eq!(peer.send_text("too late"), Sent::Closed);
            }
            self.note(format!("{:?} {} {:?} {}", ending.by, ending.code, ending.reason, ending.clean));
        }
    }

    fn played(play: impl AsyncFnOnce(&PlayedWebSocket<Notes>)) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let notes = Rc::new(Notes::default());
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let played = PlayedWebSocket::new(notes.clone(), 7, ([127, 0, 0, 1], 9).into());
            assert!(played.is_ended());
            played.handle_open();
            play(&played).await;
            drop(played);
            tokio::task::yield_now().await;
        });
        notes.0.take()
    }

    #[test]
    fn everything_comes_in_order_and_the_end_once() {
        let heard = played(async |played| {
            played.handle_text("hello");
            played.handle_binary(&[1, 2]);
            played.handle_ping(&[3]);
            played.handle_pong(&[]);
            let stats = PeerStats { messages_in: 2, bytes_in: 7, ..PeerStats::default() };
            assert_eq!(played.peer().stats(), stats);
            played.handle_close(Some(CloseCode::new(4000)), "bye");
            assert!(played.is_ended());
            played.handle_text("too late");
            played.handle_loss("too late");
        });
        assert_eq!(heard, ["open 7", "hello", "[1, 2]", "ping [3]", "pong []", "Remote 4000 \"bye\" true"]);
    }

    #[test]
    fn what_is_sent_is_counted_and_takes_no_memory() {
        played(async |played| {
            played.peer().set_budget(1000, super::super::SlowReader::Close);
            let large = "x".repeat(100_000);
            for _ in 0..100 {
                assert_eq!(played.peer().send_text(&large), Sent::Queued);
            }
            let shared = patchcord_websocket::EncodedMessage::text("all");
            assert_eq!(played.peer().send_shared(&shared), Sent::Queued);
            played.handle_text("echo");
            let stats = played.peer().stats();
            assert_eq!((stats.messages_out, stats.bytes_out), (102, 10_000_007));
            assert_eq!((played.peer().queued(), played.peer().dropped()), (0, 0));
        });
    }

    #[test]
    fn a_close_of_this_end_is_answered_wherever_it_comes_from() {
        let within = played(async |played| {
            played.handle_text("close");
            played.handle_text("too late");
        });
        assert_eq!(within, ["open 7", "close", "Local 1001 \"enough\" true"]);
        let outside = played(async |played| {
            tokio::task::yield_now().await;
            played.peer().close(CloseCode::NORMAL, "");
            assert!(!played.is_ended());
            tokio::task::yield_now().await;
            assert!(played.is_ended());
        });
        assert_eq!(outside, ["open 7", "Local 1000 \"\" true"]);
    }

    #[test]
    fn a_loss_has_a_reason_and_a_drop_is_one() {
        let lost = played(async |played| played.handle_loss("pings were not answered"));
        assert_eq!(lost, ["open 7", "Nobody 1006 \"pings were not answered\" false"]);
        let dropped = played(async |_| tokio::task::yield_now().await);
        assert_eq!(dropped, ["open 7", "Nobody 1006 \"what was played has been stopped\" false"]);
    }
}
