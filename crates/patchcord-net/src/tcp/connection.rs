//! The work of one connection: write what waits, read, hand over, in turns that leave time for others.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep};

use super::{Ending, Handler, LINGER, Peer};
use crate::catch_panic::catch_panic;

/// Size of the thread's read buffer in bytes.
const READ_SIZE: usize = 64 * 1024;
/// Reads before other connections get their turn.
const READS_PER_TURN: u32 = 8;

thread_local! {
    /// Lent to the connection that reads, so that an idle one owns none.
    static READ_BUFFER: RefCell<Option<Box<[u8]>>> = const { RefCell::new(None) };
}

/// Where a connection stands.
enum Phase {
    Open,
    /// The other end has ended its half; what waits is still written.
    HalfClosed(Pin<Box<Sleep>>),
    /// This end closes it: what waits is written, and then the other end has time to end its half. What it sends is
    /// read and dropped, since unread bytes would have the system destroy what is on its way.
    Closing {
        deadline: Pin<Box<Sleep>>,
        is_shut: bool,
        is_ended: bool,
    },
}

/// Runs a connection to its end. The handler hears of its opening, not of its end.
pub(super) async fn run<H: Handler>(peer: &Rc<Peer>, handler: &H) -> Ending {
    let mut connection = Connection { peer, handler, phase: Phase::Open };
    let begun = catch_panic(|| handler.handle_turn(&mut || handler.handle_open(peer)));
    if let Err(reason) = begun {
        return Ending::Panicked(reason);
    }
    let ending = poll_fn(|cx| {
        peer.remember(cx.waker());
        catch_panic(|| connection.poll(cx)).unwrap_or_else(|reason| Poll::Ready(Ending::Panicked(reason)))
    })
    .await;
    // Somebody may hold the peer for longer.
    let _ = peer.shut_down(Shutdown::Both);
    ending
}

struct Connection<'a, H> {
    peer: &'a Rc<Peer>,
    handler: &'a H,
    phase: Phase,
}

impl<H: Handler> Connection<'_, H> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        let mut reads = 0;
        loop {
            if let Some(ending) = self.peer.aborted.take() {
                return Poll::Ready(ending);
            }
            let written = match self.poll_write_out(cx) {
                Ok(written) => written,
                Err(error) => return Poll::Ready(self.lost(&error)),
            };
            match &mut self.phase {
                Phase::Open if self.peer.is_closing() => {
                    let deadline = Box::pin(tokio::time::sleep(LINGER));
                    self.phase = Phase::Closing { deadline, is_shut: false, is_ended: false };
                    continue;
                }
                Phase::Open => {}
                Phase::HalfClosed(deadline) => {
                    if written.is_ready() {
                        return Poll::Ready(Ending::Remote);
                    }
                    ready!(deadline.as_mut().poll(cx));
                    let reason = "the other end ended its half, and did not take what waited for it".to_owned();
                    return Poll::Ready(Ending::Lost { reason });
                }
                Phase::Closing { deadline, is_shut, is_ended } => {
                    if deadline.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Ending::Local);
                    }
                    if written.is_ready() && !*is_shut {
                        *is_shut = true;
                        if self.peer.shut_down(Shutdown::Write).is_err() {
                            return Poll::Ready(Ending::Local);
                        }
                    }
                    if *is_ended {
                        return if *is_shut { Poll::Ready(Ending::Local) } else { Poll::Pending };
                    }
                }
            }
            if reads == READS_PER_TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            reads += 1;
            match ready!(self.poll_read_in(cx)) {
                Ok(0) => match &mut self.phase {
                    Phase::Closing { is_ended, .. } => *is_ended = true,
                    _ => self.phase = Phase::HalfClosed(Box::pin(tokio::time::sleep(LINGER))),
                },
                Ok(_) => {}
                Err(error) => return Poll::Ready(self.lost(&error)),
            }
        }
    }

    /// Writes until nothing waits or the socket takes no more.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        loop {
            let mut outbox = self.peer.outbox.borrow_mut();
            if outbox.len() == 0 {
                return Ok(Poll::Ready(()));
            }
            match self.peer.stream.try_write(outbox.next_write()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    outbox.handle_written(count);
                    drop(outbox);
                    self.handle_progress();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    drop(outbox);
                    match self.peer.stream.poll_write_ready(cx) {
                        Poll::Ready(result) => result?,
                        Poll::Pending => return Ok(Poll::Pending),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The peer takes something, which gives it time for more.
    fn handle_progress(&mut self) {
        if let Phase::HalfClosed(deadline) | Phase::Closing { deadline, .. } = &mut self.phase {
            deadline.as_mut().reset(Instant::now() + LINGER);
        }
    }

    /// Reads once and hands over what came; 0 is the end of what the other end sends.
    fn poll_read_in(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.peer.stream.poll_read_ready(cx))?;
            // The buffer is taken out for the time of the handler, which may run anything.
            let mut scratch = READ_BUFFER.take().unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice());
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = self.peer.stream.try_read(buffer.initialize_unfilled());
            if let Ok(count) = read
                && count > 0
                && !self.peer.is_closing()
            {
                self.hand_over(&scratch[..count]);
            }
            READ_BUFFER.set(Some(scratch));
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn hand_over(&self, bytes: &[u8]) {
        let mut stats = self.peer.stats.get();
        stats.packets_in += 1;
        stats.bytes_in += bytes.len() as u64;
        self.peer.stats.set(stats);
        self.handler.handle_turn(&mut || self.handler.handle_bytes(self.peer, bytes));
    }

    fn lost(&self, error: &io::Error) -> Ending {
        if matches!(self.phase, Phase::Closing { .. }) {
            return Ending::Local;
        }
        let reason = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                "the other end reset it".to_owned()
            }
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => "the other end does not answer".to_owned(),
            _ => error.to_string(),
        };
        Ending::Lost { reason }
    }
}
