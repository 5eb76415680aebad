//! The task of one WebSocket connection: read once, hand over every message, write once.
//!
//! The read buffer is one per thread, lent to the connection until what was read is handed over: what the protocol core
//! has not finished with, it keeps itself, and only a read that is handed over in several turns keeps the buffer between
//! them, which costs less than copying the rest each time. So an idle connection owns this task, its [`Peer`] and nothing else. The task is the
//! same for both roles; what differs stands behind [`Owner`].

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use patchcord_websocket::{CloseStep, DeflateParameters, Event, Limits, Receiver, Role};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Handler, Peer};
use crate::catch_panic::catch_panic;
use crate::transport::Transport;

/// Size of the thread's read buffer in bytes.
const READ_SIZE: usize = 64 * 1024;
/// Messages, pings and pongs handed over before other connections get their turn.
const MESSAGES_PER_TURN: u32 = 256;
/// Bytes of messages handed over before other connections get their turn: a read of compressed messages can be much.
const BYTES_PER_TURN: u64 = 4 << 20;
/// Times that an out-buffer which ran empty is filled again before other connections get their turn.
const FILLS_PER_TURN: u32 = 8;
/// Reads before other connections get their turn.
const READS_PER_TURN: u32 = 8;

/// How a connection ends whose peer just ends the transport.
pub(crate) const ENDED: &str = "it ended without a close frame";

thread_local! {
    static READ_BUFFER: RefCell<Option<Box<[u8]>>> = const { RefCell::new(None) };
}

/// Where the connection stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has happened yet; the handler is to be told.
    New,
    /// Messages pass.
    Open,
    /// Both close frames have passed; ours may still have to be written.
    Closing,
    /// Everything is written and our half is shut; waiting for the peer to end the transport.
    Lingering,
}

/// Who runs connections: a server, or a client with its only one.
pub(crate) trait Owner: 'static {
    /// Hears of what comes.
    type Handler: Handler;
    /// What a connection holds as long as it lives.
    type Place: Unpin + 'static;
    /// Which end of its connections the owner is.
    const ROLE: Role;

    fn handler(&self) -> &Self::Handler;

    /// The time, to about half a second and for nothing.
    fn now(&self) -> Instant;

    /// A connection is about to be open; [`Owner::forget`] comes when it has ended.
    fn remember(&self, peer: &Rc<OwnersPeer<Self>>);

    /// Whether the handler is told of a connection that is about to be open. One that comes too late is closed instead.
    fn announces(&self, _peer: &Rc<OwnersPeer<Self>>) -> bool {
        true
    }

    /// A connection has ended.
    fn forget(&self, peer: &Rc<OwnersPeer<Self>>);

    /// Tells the handler that a connection has ended, unless it knows.
    fn report_close(&self, peer: &Rc<OwnersPeer<Self>>) {
        if peer.take_report() {
            self.handler().handle_close(peer, &peer.ending());
        }
    }

    /// Both close frames have passed. The peer has some time to take what waits for it and to end the transport, and is
    /// then to be aborted.
    fn linger(&self, peer: &Rc<OwnersPeer<Self>>);

    /// The handling of a connection panicked, which ends it.
    fn handle_panic(&self, reason: String);
}

pub(crate) type OwnersPeer<O> = Peer<<<O as Owner>::Handler as Handler>::Data>;

/// Bytes that came, in the buffer into which they were read.
struct Input {
    buffer: Box<[u8]>,
    /// Where the bytes are that were not handed over.
    bytes: Range<usize>,
}

/// The task. It ends when the transport is gone, and tells the handler so exactly once.
pub(crate) struct Connection<O: Owner> {
    peer: Rc<OwnersPeer<O>>,
    owner: Rc<O>,
    receiver: Receiver,
    phase: Phase,
    /// Input that came with the upgrade or was left over when a turn grew too long.
    pending: Option<Input>,
    /// Its place among the owner's connections, given back at the end.
    _place: O::Place,
}

impl<O: Owner> Connection<O> {
    pub(crate) fn new(
        peer: Rc<OwnersPeer<O>>,
        owner: Rc<O>,
        transport: Transport,
        agreed: Option<DeflateParameters>,
        pending: Vec<u8>,
        place: O::Place,
    ) -> Self {
        let limits = Limits { message: peer.message_limit.get(), ..Limits::default() };
        peer.transport.replace(Some(transport));
        let receiver = Receiver::new(O::ROLE, limits);
        Connection {
            peer,
            owner,
            receiver: match &agreed {
                Some(agreed) => receiver.with_deflate(agreed),
                None => receiver,
            },
            phase: Phase::New,
            pending: (!pending.is_empty()).then(|| Input { bytes: 0..pending.len(), buffer: pending.into() }),
            _place: place,
        }
    }

    fn open(&mut self) {
        self.phase = Phase::Open;
        self.owner.remember(&self.peer);
        if !self.owner.announces(&self.peer) {
            return;
        }
        self.peer.is_known.set(true);
        self.peer.in_turn.set(true);
        let handler = self.owner.handler();
        handler.handle_turn(&mut || handler.handle_open(&self.peer));
        self.peer.in_turn.set(false);
    }

    fn tell_drained(&mut self) {
        self.peer.in_turn.set(true);
        let handler = self.owner.handler();
        handler.handle_turn(&mut || handler.handle_drained(&self.peer));
        self.peer.in_turn.set(false);
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.phase == Phase::New {
            self.open();
        }
        let (mut reads, mut fills) = (0, 0);
        loop {
            if self.peer.aborted.get().is_some() {
                return Poll::Ready(Ok(()));
            }
            let writing = self.poll_write_out(cx)?;
            if self.phase == Phase::Closing {
                ready!(writing);
                // The peer learns of the end before our half shuts; waiting for its end keeps the system from
                // answering late bytes with a reset that would destroy our close frame on the way.
                ready!(self.with_transport(|transport| transport.poll_shutdown(cx)))?;
                self.report();
                self.phase = Phase::Lingering;
            }
            if writing.is_ready() && self.phase == Phase::Open && self.peer.is_drain_asked.replace(false) {
                self.tell_drained();
                if fills == FILLS_PER_TURN {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                fills += 1;
                continue;
            }
            if self.phase == Phase::Open && self.peer.is_to_be_paused() {
                // The write above waits for the socket, which wakes this task.
                return Poll::Pending;
            }
            if reads == READS_PER_TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            reads += 1;
            let ended = ready!(self.poll_read_in(cx))?;
            if ended {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The transport lies with the peer, so that a large message can be written while a callback runs.
    #[inline]
    fn with_transport<R>(&self, work: impl FnOnce(Pin<&mut Transport>) -> Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match self.peer.transport.borrow_mut().as_mut() {
            Some(transport) => work(Pin::new(transport)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Writes until nothing waits or the socket takes no more.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        let mut outbox = self.peer.outbox.borrow_mut();
        while !outbox.is_empty() {
            match self.with_transport(|transport| transport.poll_write(cx, outbox.next_write())) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    outbox.handle_written(count);
                    if !outbox.is_empty() {
                        // A peer that is not read from while much waits for it still shows that it lives.
                        self.peer.handle_bytes(self.owner.now());
                    }
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    outbox.handle_blocked();
                    return Ok(Poll::Pending);
                }
            }
        }
        // A TLS session may hold bytes back; for TCP this does nothing.
        match self.with_transport(|transport| transport.poll_flush(cx)) {
            Poll::Ready(result) => result.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// Reads once and hands over what came. Ready with `true` at the end of the stream.
    fn poll_read_in(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if let Some(input) = self.pending.take() {
            self.handle_input(input);
            return Poll::Ready(Ok(false));
        }
        // The buffer is taken out for the time of the callbacks, which may run anything.
        let mut scratch = READ_BUFFER.take().unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice());
        let mut buffer = ReadBuf::new(&mut scratch);
        let polled = self.with_transport(|transport| transport.poll_read(cx, &mut buffer));
        let count = buffer.filled().len();
        if count > 0 && self.phase == Phase::Open && matches!(polled, Poll::Ready(Ok(()))) {
            self.handle_input(Input { buffer: scratch, bytes: 0..count });
        } else {
            READ_BUFFER.set(Some(scratch));
        }
        polled.map_ok(|()| count == 0)
    }

    /// Hands over what came. What is too much for one turn waits for the next; else the buffer goes back to the thread.
    fn handle_input(&mut self, mut input: Input) {
        self.peer.handle_bytes(self.owner.now());
        self.receiver.set_message_limit(self.peer.message_limit.get());
        self.peer.in_turn.set(true);
        let owner = self.owner.clone();
        let mut left = 0;
        owner.handler().handle_turn(&mut || left = self.hand_over(&mut input.buffer[input.bytes.clone()]));
        self.peer.in_turn.set(false);
        if left > 0 {
            input.bytes.start = input.bytes.end - left;
            self.pending = Some(input);
        } else if input.buffer.len() == READ_SIZE {
            READ_BUFFER.set(Some(input.buffer));
        }
    }

    /// Returns how many bytes at the end of the input are left for another turn.
    fn hand_over(&mut self, mut input: &mut [u8]) -> usize {
        let mut left = 0;
        let mut handed_over = 0;
        let mut messages = 0;
        // Counted here and written back once: the handler reads the counters between turns.
        let mut bytes = 0;
        loop {
            let event = match self.receiver.receive(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    self.peer.close(error.close_code(), &error.to_string());
                    // The peer broke the protocol: its own close frame is not waited for.
                    self.begin_closing();
                    break;
                }
            };
            let handler = self.owner.handler();
            match event {
                Event::Text(text) => {
                    if !self.peer.is_closing() {
                        bytes += text.len() as u64;
                        messages += 1;
                        handed_over += 1;
                        handler.handle_text(&self.peer, text);
                    }
                }
                Event::Binary(data) => {
                    if !self.peer.is_closing() {
                        bytes += data.len() as u64;
                        messages += 1;
                        handed_over += 1;
                        handler.handle_binary(&self.peer, data);
                    }
                }
                Event::Ping(payload) => {
                    if !self.peer.is_closing() {
                        handed_over += 1;
                        handler.handle_ping(&self.peer, payload);
                    }
                }
                Event::Pong(payload) => {
                    if !self.peer.handle_pong(payload) && !self.peer.is_closing() {
                        handed_over += 1;
                        handler.handle_pong(&self.peer, payload);
                    }
                }
                Event::Close(frame) => {
                    let step = self.peer.close.borrow_mut().handle_received(frame);
                    if let CloseStep::Reply(code) = step {
                        self.peer.reply_close(code);
                    }
                    self.begin_closing();
                }
            }
            if (handed_over >= MESSAGES_PER_TURN || bytes >= BYTES_PER_TURN) && !input.is_empty() {
                left = input.len();
                break;
            }
        }
        let mut stats = self.peer.stats.get();
        stats.messages_in += messages;
        stats.bytes_in += bytes;
        self.peer.stats.set(stats);
        left
    }

    /// Nothing more is expected from the peer but that it takes what waits and ends the transport, which is timed.
    fn begin_closing(&mut self) {
        self.phase = Phase::Closing;
        self.owner.linger(&self.peer);
    }

    /// The connection has ended; tells the handler, unless it knows.
    fn report(&self) {
        self.owner.forget(&self.peer);
        self.owner.report_close(&self.peer);
    }
}

impl<O: Owner> Future for Connection<O> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        {
            let mut waker = this.peer.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        let polled = catch_panic(|| this.run(cx)).unwrap_or_else(|reason| {
            this.owner.handle_panic(reason);
            Poll::Ready(Ok(()))
        });
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                if let Err(error) = &result {
                    tracing::debug!(peer = %this.peer.address(), %error, "a WebSocket transport failed");
                }
                this.peer.handle_lost(match result.map_err(|error| error.kind()) {
                    Ok(()) | Err(io::ErrorKind::UnexpectedEof) => ENDED,
                    Err(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "the other end reset it",
                    Err(io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable) => "the other end does not answer",
                    Err(_) => "the network or TLS failed",
                });
                this.report();
                Poll::Ready(())
            }
        }
    }
}

impl<O: Owner> Drop for Connection<O> {
    fn drop(&mut self) {
        self.peer.transport.take();
        // The task can be dropped before its end, when the program stops or a handler panics. Who waits for the close
        // must still hear of it.
        if !std::thread::panicking() {
            self.report();
        } else {
            self.owner.forget(&self.peer);
        }
    }
}
