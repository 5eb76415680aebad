//! One connection to a broker: dialling, logging in, messages, its one end.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::address::BrokerAddress;
use super::error::{MqttError, PublishError, SubscribeError};
use super::packet::Qos;
use super::session::{Session, Step};
use super::settings::{Accepted, FullQueue, Limits, Login, MqttStats};
use crate::catch_panic::catch_panic;
use crate::client::{DialSettings, Progress, dial_stream};
use crate::transport::Transport;

/// Bytes of a read.
const READ_SIZE: usize = 64 << 10;
/// Packets handed over before others get their turn.
const PACKETS_PER_TURN: u32 = 256;
/// How long the broker has, once the farewell is sent, to end the transport.
const LINGER: std::time::Duration = std::time::Duration::from_secs(2);

/// Hears of a connection. Called on the client's thread with nothing borrowed; it must not block. Within any of these the
/// client can be used.
pub trait Handler: 'static {
    /// A step of the dial begins.
    fn handle_progress(&self, _progress: &Progress) {}

    /// The broker has accepted the log-in.
    fn handle_open(&self, accepted: &Accepted);

    /// A message of a topic. `retained` is one that the broker had kept from before.
    fn handle_message(&self, topic: &str, payload: &[u8], retained: bool);

    /// What became of a filter that was asked for: the level that it was granted with, or why not.
    fn handle_granted(&self, filter: &str, granted: Result<Qos, &str>);

    /// The broker did not take a message, and why (MQTT 5).
    fn handle_refused(&self, reason: &str);

    /// Around everything that came with one read.
    fn handle_turn(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// The one end of the client, of the dial or of the connection; `None` when this end has asked for it. `unconfirmed`
    /// messages of level 1 and 2 were sent and not confirmed.
    fn handle_end(&self, error: Option<&MqttError>, unconfirmed: usize);
}

/// A connection to a broker, from the dial to the end; a new connection is a new client. Dropping it ends it without a
/// farewell, and the handler hears nothing more.
pub struct MqttClient<H: Handler> {
    shared: Rc<Shared<H>>,
    task: JoinHandle<()>,
}

/// What a client and its task share.
struct Shared<H: Handler> {
    handler: Rc<H>,
    /// From the log-in to the end.
    session: RefCell<Option<Session>>,
    /// Those of sessions so far, once they have ended.
    stats: Cell<MqttStats>,
    limits: Cell<Limits>,
    /// Something is to be written, or the connection to be closed.
    wake: Notify,
    /// The end was asked for; while there is no session, `cancel` says so to the dial.
    is_cancelled: Cell<bool>,
    cancel: Notify,
    /// The queue is full, and the connection is to end for that.
    is_overrun: Cell<bool>,
    ended: Cell<bool>,
}

impl<H: Handler> MqttClient<H> {
    /// Begins to dial. Must be called inside a `LocalSet` of a tokio runtime; the handler hears nothing before this has
    /// returned. The dial's time limit is also what the broker has to answer the log-in, and later each ping.
    pub fn connect(handler: Rc<H>, broker: BrokerAddress, dial: DialSettings, login: Login, limits: Limits) -> Self {
        let shared = Rc::new(Shared {
            handler,
            session: RefCell::default(),
            stats: Cell::default(),
            limits: Cell::new(limits),
            wake: Notify::new(),
            is_cancelled: Cell::new(false),
            cancel: Notify::new(),
            is_overrun: Cell::new(false),
            ended: Cell::new(false),
        });
        let task = tokio::task::spawn_local(run(shared.clone(), broker, dial, login));
        MqttClient { shared, task }
    }

    /// Publishes. What the broker does not take at once waits, within the limits.
    ///
    /// # Errors
    /// [`PublishError`]: it will not be sent.
    pub fn publish(&self, topic: &str, payload: &[u8], qos: Qos, retain: bool) -> Result<(), PublishError> {
        let published = self.shared.with_session(PublishError::NotConnected, |session| {
            session.publish(topic, payload, qos, retain, Instant::now())
        });
        if published == Err(PublishError::Full) && self.shared.limits.get().full == FullQueue::Close {
            self.shared.is_overrun.set(true);
        }
        self.shared.wake.notify_one();
        published
    }

    /// Asks for topics, with `qos` as the highest level. Filters that are being asked for are not asked for twice.
    ///
    /// # Errors
    /// [`SubscribeError`].
    pub fn subscribe<'a>(&self, filters: impl IntoIterator<Item = &'a str>, qos: Qos) -> Result<(), SubscribeError> {
        let asked = self
            .shared
            .with_session(SubscribeError::NotConnected, |session| session.subscribe(filters, qos, Instant::now()));
        self.shared.wake.notify_one();
        asked
    }

    /// Whether the broker has accepted the log-in and messages can be sent.
    pub fn is_open(&self) -> bool {
        self.shared.session.borrow().as_ref().is_some_and(Session::is_open)
    }

    /// Whether the handler has heard of the end.
    pub fn is_ended(&self) -> bool {
        self.shared.ended.get()
    }

    /// What has passed.
    pub fn stats(&self) -> MqttStats {
        self.shared.session.borrow().as_ref().map_or(self.shared.stats.get(), Session::stats)
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.shared.session.borrow().as_ref().map_or(0, Session::queued)
    }

    /// Messages of level 1 and 2 that were sent and that the broker has not confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.shared.session.borrow().as_ref().map_or(0, Session::unconfirmed)
    }

    /// Changes the bounds of what waits; they hold at once.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.limits.set(limits);
        if let Some(session) = self.shared.session.borrow_mut().as_mut() {
            session.set_limits(limits);
        }
    }

    /// Ends the client: an open connection with a farewell, behind what waits; a dial at once. Returns at once, and the
    /// handler hears of the end later.
    pub fn close(&self) {
        self.shared.is_cancelled.set(true);
        match self.shared.session.borrow_mut().as_mut() {
            Some(session) => session.close(Instant::now()),
            None => self.shared.cancel.notify_one(),
        }
        self.shared.wake.notify_one();
    }
}

impl<H: Handler> Drop for MqttClient<H> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<H: Handler> Shared<H> {
    fn with_session<R, E>(&self, gone: E, work: impl FnOnce(&mut Session) -> Result<R, E>) -> Result<R, E> {
        match self.session.borrow_mut().as_mut() {
            Some(session) => work(session),
            None => Err(gone),
        }
    }

    /// Hands over what came, for one turn at most.
    fn handle_input(&self, input: &mut &[u8]) -> Result<(), MqttError> {
        let mut result = Ok(());
        let mut packets = 0;
        self.handler.handle_turn(&mut || {
            while !input.is_empty() && packets < PACKETS_PER_TURN {
                packets += 1;
                let (step, is_wanted) = match self.session.borrow_mut().as_mut() {
                    Some(session) => (session.handle_bytes(input, Instant::now()), !session.is_closing()),
                    None => return,
                };
                match step {
                    Ok(Some(step)) if is_wanted => self.tell(&step),
                    Ok(_) => {}
                    Err(error) => {
                        result = Err(error);
                        return;
                    }
                }
            }
        });
        result
    }

    fn tell(&self, step: &Step) {
        let handler = &self.handler;
        match step {
            Step::Open(accepted) => handler.handle_open(accepted),
            Step::Message(message) => {
                handler.handle_message(message.topic(), message.payload(), message.is_retained());
            }
            Step::Granted(filters) => {
                for (filter, granted) in filters {
                    handler.handle_granted(filter, granted.as_ref().map(|qos| *qos).map_err(String::as_str));
                }
            }
            Step::Refused(reason) => handler.handle_refused(reason),
        }
    }

    /// The transport failed or ended.
    fn lost(&self, error: &io::Error) -> MqttError {
        let how = match error.kind() {
            // Also a TLS peer that ends without its farewell.
            io::ErrorKind::UnexpectedEof => "the broker closed it",
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the broker reset it",
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => "the broker's machine does not answer",
            _ => &error.to_string(),
        };
        self.session.borrow().as_ref().map_or(MqttError::ClosedEarly, |session| session.lost(how))
    }

    /// What the session wants done by the time that it is now.
    fn look(&self) -> Result<Next, MqttError> {
        if self.is_overrun.get() {
            return Err(MqttError::SlowBroker);
        }
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return Ok(Next::End) };
        session.handle_time(Instant::now())?;
        if session.is_done() {
            return Ok(Next::End);
        }
        Ok(Next::Wait { writes: !session.out().is_empty(), until: session.deadline() })
    }
}

enum Next {
    /// Wait for bytes, for the socket if there is something to write, and for the time.
    Wait { writes: bool, until: Option<Instant> },
    /// Everything is said.
    End,
}

async fn run<H: Handler>(shared: Rc<Shared<H>>, broker: BrokerAddress, dial: DialSettings, login: Login) {
    let result = tokio::select! {
        result = connect_and_serve(&shared, &broker, &dial, login) => result,
        () = shared.cancel.notified() => Ok(()),
    };
    let session = shared.session.take();
    let unconfirmed = session.as_ref().map_or(0, Session::unconfirmed);
    if let Some(session) = &session {
        shared.stats.set(session.stats());
    }
    shared.ended.set(true);
    // What goes wrong behind a farewell concerns nobody.
    let error = result.err().filter(|_| !shared.is_cancelled.get());
    shared.handler.handle_end(error.as_ref(), unconfirmed);
}

async fn connect_and_serve<H: Handler>(
    shared: &Shared<H>,
    broker: &BrokerAddress,
    dial: &DialSettings,
    login: Login,
) -> Result<(), MqttError> {
    let report = |progress: &Progress| shared.handler.handle_progress(progress);
    let transport = dial_stream(broker.as_dialled(), dial, &report).await?;
    let session = Session::new(&login, shared.limits.get(), dial.time_limit, Instant::now())?;
    drop(login);
    shared.session.replace(Some(session));
    let (mut reader, mut writer) = tokio::io::split(transport);
    let result = serve(shared, &mut reader, &mut writer).await;
    if result.is_err() {
        // Why this end gives up may stand in the out-buffer; the broker reads it if it reads.
        let _ = tokio::time::timeout(LINGER, write_out(shared, &mut writer)).await;
    }
    let _ = tokio::time::timeout(LINGER, farewell(&mut reader, &mut writer)).await;
    result
}

/// Messages both ways until somebody ends it.
async fn serve<H: Handler>(
    shared: &Shared<H>,
    reader: &mut ReadHalf<Transport>,
    writer: &mut WriteHalf<Transport>,
) -> Result<(), MqttError> {
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let Next::Wait { writes, until } = shared.look()? else { return Ok(()) };
        let time = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        // By chance which first: a broker that sends without a pause must not keep this end from writing.
        tokio::select! {
            read = reader.read(&mut buffer) => {
                let count = match read {
                    Ok(0) => return Err(shared.lost(&io::ErrorKind::UnexpectedEof.into())),
                    Ok(count) => count,
                    Err(error) => return Err(shared.lost(&error)),
                };
                let mut input = &buffer[..count];
                while !input.is_empty() {
                    let handled = catch_panic(|| shared.handle_input(&mut input)).map_err(MqttError::Panicked)?;
                    handled?;
                    if !input.is_empty() {
                        tokio::task::yield_now().await;
                    }
                }
            }
            written = write_some(shared, writer), if writes => written.map_err(|error| shared.lost(&error))?,
            () = shared.wake.notified() => {}
            () = time => {}
        }
    }
}

/// Writes as much as the socket takes at once.
async fn write_some<H: Handler>(shared: &Shared<H>, writer: &mut WriteHalf<Transport>) -> io::Result<()> {
    poll_fn(|cx| {
        let mut session = shared.session.borrow_mut();
        let Some(session) = session.as_mut() else { return Poll::Ready(Ok(())) };
        let mut has_written = false;
        while !session.out().is_empty() {
            match Pin::new(&mut *writer).poll_write(cx, session.out()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => session.handle_written(count, Instant::now()),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if has_written => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
            has_written = true;
        }
        // A TLS session may hold bytes back; for TCP this does nothing.
        Pin::new(&mut *writer).poll_flush(cx)
    })
    .await
}

async fn write_out<H: Handler>(shared: &Shared<H>, writer: &mut WriteHalf<Transport>) {
    while shared.session.borrow().as_ref().is_some_and(|session| !session.out().is_empty()) {
        if write_some(shared, writer).await.is_err() {
            return;
        }
    }
}

/// Ends this half and waits for the other: late bytes that nobody reads would be answered with a reset, which can destroy
/// the last of what was sent on its way.
async fn farewell<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(reader: &mut R, writer: &mut W) {
    if writer.shutdown().await.is_ok() {
        let mut rest = [0; 4096];
        while reader.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    }
}
