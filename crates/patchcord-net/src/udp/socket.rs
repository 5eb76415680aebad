//! The socket and its task: send what waits, hand over what came, in turns that leave time for others.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use tokio::io::ReadBuf;
use tokio::net;
use tokio::task::JoinHandle;

use super::{Handler, MAX_DATAGRAM, MAX_WAITING, Settings, Stats, Target, UdpError};
use crate::catch_panic::catch_panic;
use crate::client::{DialError, look_up};

/// Size of the thread's read buffer: no datagram is larger.
const READ_SIZE: usize = 64 * 1024;
/// Datagrams handed over before others get their turn.
const DATAGRAMS_PER_TURN: u32 = 256;
/// How long the address of a name is taken to be the same.
const NAME_AGE: Duration = Duration::from_secs(60);

thread_local! {
    /// Lent to the socket that reads.
    static READ_BUFFER: RefCell<Option<Box<[u8]>>> = const { RefCell::new(None) };
}

/// An open socket. Dropping it closes it, and the handler hears no more.
pub struct UdpSocket<H: Handler> {
    shared: Rc<Shared<H>>,
    task: JoinHandle<()>,
}

struct Shared<H> {
    handler: Rc<H>,
    /// Taken when it is closed.
    socket: RefCell<Option<Rc<net::UdpSocket>>>,
    local: SocketAddr,
    settings: RefCell<Settings>,
    last_sender: Cell<Option<SocketAddr>>,
    name: RefCell<Name>,
    /// What the system did not take yet.
    waiting: RefCell<VecDeque<(Vec<u8>, SocketAddr)>>,
    /// Bytes of it, and of what waits for a name.
    queued: Cell<usize>,
    stats: Cell<Stats>,
    dropped: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

/// What is known of the target's name.
#[derive(Default)]
struct Name {
    found: Option<(SocketAddr, Instant)>,
    looking: Option<JoinHandle<()>>,
    /// What is to be sent when it is found.
    waiting: Vec<Vec<u8>>,
}

impl Drop for Name {
    fn drop(&mut self) {
        if let Some(looking) = self.looking.take() {
            looking.abort();
        }
    }
}

impl<H: Handler> UdpSocket<H> {
    /// Takes a socket over. Must be called inside a `LocalSet` of a tokio runtime; the handler hears of what comes when
    /// this has returned. Of settings that cannot be had the second value tells.
    ///
    /// # Errors
    /// When the system does not say what its address is.
    pub fn new(handler: Rc<H>, socket: net::UdpSocket, settings: Settings) -> Result<(Self, Vec<UdpError>), UdpError> {
        let local = socket.local_addr().map_err(|source| UdpError::Failed { source })?;
        let shared = Rc::new(Shared {
            handler,
            socket: RefCell::new(Some(Rc::new(socket))),
            local,
            settings: RefCell::default(),
            last_sender: Cell::new(None),
            name: RefCell::default(),
            waiting: RefCell::default(),
            queued: Cell::new(0),
            stats: Cell::default(),
            dropped: Cell::new(0),
            waker: RefCell::default(),
        });
        let task = tokio::task::spawn_local(run(shared.clone()));
        let socket = UdpSocket { shared, task };
        let errors = socket.set_settings(settings);
        Ok((socket, errors))
    }

    /// The socket's own address.
    pub fn local_address(&self) -> SocketAddr {
        self.shared.local
    }

    /// What passed so far.
    pub fn stats(&self) -> Stats {
        self.shared.stats.get()
    }

    /// Datagrams that were accepted or could have been, and were dropped.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.get()
    }

    /// Bytes that wait.
    pub fn queued(&self) -> usize {
        self.shared.queued.get()
    }

    /// Whether it is closed, because it failed.
    pub fn is_closed(&self) -> bool {
        self.shared.socket.borrow().is_none()
    }

    /// Who has sent the latest datagram.
    pub fn last_sender(&self) -> Option<SocketAddr> {
        self.shared.last_sender.get()
    }

    /// Changes the settings; they hold at once. What cannot be had is told and left out.
    pub fn set_settings(&self, settings: Settings) -> Vec<UdpError> {
        let before = self.shared.settings.replace(settings.clone());
        if before.target != settings.target {
            self.shared.forget_name();
        }
        let Some(socket) = self.shared.socket.borrow().clone() else { return Vec::new() };
        let mut errors = Vec::new();
        if let Err(source) = socket.set_broadcast(settings.broadcasts) {
            errors.push(UdpError::Failed { source });
        }
        if before.interface != settings.interface
            && self.shared.local.is_ipv4()
            && let Err(source) = socket2::SockRef::from(&*socket)
                .set_multicast_if_v4(&settings.interface.unwrap_or(Ipv4Addr::UNSPECIFIED))
        {
            errors.push(UdpError::Failed { source });
        }
        let stays =
            |group: &IpAddr, other: &Settings| other.groups.contains(group) && before.interface == settings.interface;
        for group in before.groups.iter().filter(|group| !stays(group, &settings)) {
            // One that could not be joined cannot be left.
            let _ = member(&socket, *group, before.interface, false);
        }
        for group in settings.groups.iter().filter(|group| !stays(group, &before)) {
            if let Err(error) = self.shared.join(&socket, *group, settings.interface) {
                errors.push(error);
            }
        }
        errors
    }

    /// Sends a datagram to the target, or keeps it until it can be sent.
    ///
    /// # Errors
    /// [`UdpError`], when it was not sent and will not be.
    pub fn send(&self, bytes: &[u8]) -> Result<(), UdpError> {
        if bytes.len() > MAX_DATAGRAM {
            return Err(UdpError::TooLarge { size: bytes.len() });
        }
        self.shared.clone().send(bytes)
    }
}

impl<H: Handler> Drop for UdpSocket<H> {
    fn drop(&mut self) {
        self.shared.close();
        self.task.abort();
    }
}

impl<H: Handler> Shared<H> {
    /// The port is free when this has returned, unless this is called by the handler while a turn is handed over.
    fn close(&self) {
        self.socket.take();
        self.forget_name();
        self.waiting.borrow_mut().clear();
        self.queued.set(0);
    }

    /// What waits for the name is dropped, as it was meant for that one.
    fn forget_name(&self) {
        let name = self.name.take();
        self.give_up(&name.waiting);
    }

    fn give_up(&self, waiting: &[Vec<u8>]) {
        waiting.iter().for_each(|bytes| self.count_out(bytes.len()));
        self.dropped.set(self.dropped.get() + waiting.len() as u64);
    }

    fn join(&self, socket: &net::UdpSocket, group: IpAddr, interface: Option<Ipv4Addr>) -> Result<(), UdpError> {
        let failed = |reason: String| UdpError::Group { group, reason };
        if !group.is_multicast() {
            return Err(failed("it is no multicast address".to_owned()));
        }
        if !self.local.ip().is_unspecified() {
            return Err(failed(format!("the socket hears {} alone", self.local.ip())));
        }
        member(socket, group, interface, true).map_err(|error| failed(error.to_string()))
    }

    fn send(self: Rc<Self>, bytes: &[u8]) -> Result<(), UdpError> {
        if self.socket.borrow().is_none() {
            return Err(UdpError::Closed);
        }
        let settings = self.settings.borrow();
        if settings.answers_last_sender
            && let Some(to) = self.last_sender.get()
        {
            return self.send_to(bytes, to, settings.broadcasts, settings.queue);
        }
        let Some(target) = &settings.target else { return Err(UdpError::NoTarget) };
        let (found, is_old) = match (target.host.parse(), self.name.borrow().found) {
            (Ok(ip), _) => (Some(SocketAddr::new(ip, target.port)), false),
            (Err(_), Some((address, since))) => (Some(address), since.elapsed() > NAME_AGE),
            (Err(_), None) => (None, true),
        };
        if is_old {
            self.begin_look_up(target, settings.time_limit);
        }
        if let Some(to) = found {
            return self.send_to(bytes, to, settings.broadcasts, settings.queue);
        }
        self.count_in(bytes.len(), settings.queue)?;
        self.name.borrow_mut().waiting.push(bytes.to_vec());
        Ok(())
    }

    /// Counts in what is going to wait.
    fn count_in(&self, size: usize, limit: usize) -> Result<(), UdpError> {
        let queued = self.queued.get() + size;
        let count = self.waiting.borrow().len() + self.name.borrow().waiting.len();
        if queued > limit || count >= MAX_WAITING {
            self.dropped.set(self.dropped.get() + 1);
            return Err(UdpError::Full { limit });
        }
        self.queued.set(queued);
        Ok(())
    }

    /// Counts out what waited.
    fn count_out(&self, size: usize) {
        self.queued.set(self.queued.get().saturating_sub(size));
    }

    fn send_to(&self, bytes: &[u8], to: SocketAddr, broadcasts: bool, queue: usize) -> Result<(), UdpError> {
        let to = self.reachable(to, broadcasts)?;
        let Some(socket) = self.socket.borrow().clone() else { return Err(UdpError::Closed) };
        if self.waiting.borrow().is_empty() {
            // Straight to the system: tokio does not know yet that a new socket can be written to.
            match socket2::SockRef::from(&*socket).send_to(bytes, &to.into()) {
                Ok(_) => {
                    self.note_sent(bytes.len());
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(refused(to, error)),
            }
        }
        self.count_in(bytes.len(), queue)?;
        self.waiting.borrow_mut().push_back((bytes.to_vec(), to));
        self.wake();
        Ok(())
    }

    /// The address as this socket has to write it.
    fn reachable(&self, to: SocketAddr, broadcasts: bool) -> Result<SocketAddr, UdpError> {
        let from = self.local;
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        let is_broadcast = matches!(to.ip(), IpAddr::V4(ip) if ip.is_broadcast());
        if (is_broadcast || to.ip().is_multicast()) && !broadcasts {
            return Err(UdpError::ToMany { to });
        }
        if from.ip().is_loopback() && !to.ip().is_loopback() && to.is_ipv4() == from.is_ipv4() {
            return Err(UdpError::OnlyThisMachine { to, from });
        }
        match (from.ip(), to.ip()) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => Ok(to),
            // A socket of both families: this one's addresses are written as the other's.
            (IpAddr::V6(local), IpAddr::V4(ip)) if local.is_unspecified() => {
                Ok(SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), to.port()))
            }
            _ => Err(UdpError::OtherFamily { to, from }),
        }
    }

    fn note_sent(&self, size: usize) {
        let mut stats = self.stats.get();
        stats.packets_out += 1;
        stats.bytes_out += size as u64;
        self.stats.set(stats);
    }

    fn begin_look_up(self: &Rc<Self>, target: &Target, time_limit: Duration) {
        let mut name = self.name.borrow_mut();
        if name.looking.is_none() {
            let (me, target) = (Rc::downgrade(self), target.clone());
            name.looking = Some(tokio::task::spawn_local(async move {
                let found = look_up(&target.host, target.port, time_limit).await;
                let Some(me) = me.upgrade() else { return };
                me.handle_found(&target, found);
            }));
        }
    }

    fn handle_found(&self, target: &Target, found: Result<Vec<SocketAddr>, DialError>) {
        let address = found.and_then(|all| {
            let version = if target.is_ipv6 { "IPv6" } else { "IPv4" };
            let fits = all.into_iter().find(|address| address.is_ipv6() == target.is_ipv6);
            let reason = format!("it has no address of {version}");
            fits.ok_or_else(|| DialError::Dns { name: target.host.clone(), reason })
        });
        let waiting = {
            let mut name = self.name.borrow_mut();
            name.looking = None;
            match &address {
                Ok(address) => name.found = Some((*address, Instant::now())),
                // An address that was found before is better than none.
                Err(_) if name.found.is_some() => return,
                Err(_) => {}
            }
            std::mem::take(&mut name.waiting)
        };
        let address = match address {
            Ok(address) => address,
            Err(error) => {
                self.give_up(&waiting);
                return self.handler.handle_error(&UdpError::LookUp(error));
            }
        };
        for bytes in &waiting {
            self.count_out(bytes.len());
            let (broadcasts, queue) = {
                let settings = self.settings.borrow();
                (settings.broadcasts, settings.queue)
            };
            if let Err(error) = self.send_to(bytes, address, broadcasts, queue) {
                self.handler.handle_error(&error);
            }
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let socket = self.socket.borrow().clone();
        let Some(socket) = socket else { return Poll::Ready(()) };
        self.flush(&socket, cx);
        match self.read(&socket, cx) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => {
                // Others first; there is more.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(source) => {
                self.close();
                self.handler.handle_failure(&UdpError::Failed { source });
                Poll::Ready(())
            }
        }
    }

    /// Sends what waits until the system takes no more.
    fn flush(&self, socket: &net::UdpSocket, cx: &mut Context<'_>) {
        loop {
            let Some((bytes, to)) = self.waiting.borrow_mut().pop_front() else { return };
            match socket.poll_send_to(cx, &bytes, to) {
                Poll::Pending => return self.waiting.borrow_mut().push_front((bytes, to)),
                Poll::Ready(result) => {
                    self.count_out(bytes.len());
                    match result {
                        Ok(_) => self.note_sent(bytes.len()),
                        Err(error) => {
                            self.dropped.set(self.dropped.get() + 1);
                            self.handler.handle_error(&refused(to, error));
                        }
                    }
                }
            }
        }
    }

    /// Hands over what has come; ready when there may be more.
    fn read(&self, socket: &net::UdpSocket, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        // The buffer is taken out for the time of the handler, which may run anything.
        let mut scratch = READ_BUFFER.take().unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice());
        let mut result = Ok(Poll::Pending);
        let first = self.receive(socket, cx, &mut scratch);
        if let Poll::Ready(first) = first {
            result = Ok(Poll::Ready(()));
            let mut next = Some(first);
            let mut count = 0;
            self.handler.handle_turn(&mut || {
                while let Some(received) = next.take() {
                    match received {
                        Ok((size, from)) => self.hand_over(from, &scratch[..size]),
                        Err(error) if is_others_fault(&error) => {}
                        Err(error) => {
                            result = Err(error);
                            return;
                        }
                    }
                    count += 1;
                    // The handler may have closed it.
                    if count == DATAGRAMS_PER_TURN || self.socket.borrow().is_none() {
                        return;
                    }
                    match self.receive(socket, cx, &mut scratch) {
                        Poll::Ready(received) => next = Some(received),
                        Poll::Pending => result = Ok(Poll::Pending),
                    }
                }
            });
        }
        READ_BUFFER.set(Some(scratch));
        result
    }

    fn receive(
        &self,
        socket: &net::UdpSocket,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(scratch);
        let from = ready!(socket.poll_recv_from(cx, &mut buffer));
        Poll::Ready(from.map(|from| (buffer.filled().len(), from)))
    }

    fn hand_over(&self, from: SocketAddr, bytes: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        self.last_sender.set(Some(from));
        let mut stats = self.stats.get();
        stats.packets_in += 1;
        stats.bytes_in += bytes.len() as u64;
        self.stats.set(stats);
        self.handler.handle_datagram(from, bytes);
    }
}

async fn run<H: Handler>(shared: Rc<Shared<H>>) {
    let fail = |reason: String| {
        shared.close();
        let source = io::Error::other(format!("its handling was ended by a panic: {reason}"));
        shared.handler.handle_failure(&UdpError::Failed { source });
    };
    if let Err(reason) = catch_panic(|| shared.handler.handle_turn(&mut || shared.handler.handle_open())) {
        return fail(reason);
    }
    poll_fn(|cx| {
        shared.waker.replace(Some(cx.waker().clone()));
        catch_panic(|| shared.poll(cx)).unwrap_or_else(|reason| {
            fail(reason);
            Poll::Ready(())
        })
    })
    .await;
}

fn member(socket: &net::UdpSocket, group: IpAddr, interface: Option<Ipv4Addr>, joins: bool) -> io::Result<()> {
    let interface = interface.unwrap_or(Ipv4Addr::UNSPECIFIED);
    match (group, joins) {
        (IpAddr::V4(group), true) => socket.join_multicast_v4(group, interface),
        (IpAddr::V4(group), false) => socket.leave_multicast_v4(group, interface),
        (IpAddr::V6(group), true) => socket.join_multicast_v6(&group, 0),
        (IpAddr::V6(group), false) => socket.leave_multicast_v6(&group, 0),
    }
}

fn refused(to: SocketAddr, source: io::Error) -> UdpError {
    match source.kind() {
        // What the system says of a network's broadcast address.
        io::ErrorKind::PermissionDenied => UdpError::ToMany { to },
        _ => UdpError::Send { to, source },
    }
}

/// What another machine answered to something that was sent; the socket is as good as before.
fn is_others_fault(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}
