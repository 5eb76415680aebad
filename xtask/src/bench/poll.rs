//! Readiness of sockets, shared by the floor and the load generator: epoll, level-triggered.
//!
//! A token is the caller's number for a socket. A socket is always watched for input; for output only while its
//! owner has bytes that the kernel did not take. A closed socket leaves by itself.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

/// Sockets handed out by one wait.
const BATCH: usize = 256;

/// A set of watched sockets.
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, events: Vec::with_capacity(BATCH) })
    }

    /// Watches `socket` for input under the name `token`.
    pub fn add(&self, socket: impl AsFd, token: usize) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, data(token), epoll::EventFlags::IN)?)
    }

    /// Starts or ends watching `socket` for room to write, instead of for input: a peer that does not read what it
    /// is sent is not read from either.
    pub fn want_output(&self, socket: impl AsFd, token: usize, wanted: bool) -> io::Result<()> {
        let flags = if wanted { epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
        Ok(epoll::modify(&self.epoll, socket, data(token), flags)?)
    }

    /// Waits until a socket is ready or `timeout` is over (`None`: for ever), and puts the tokens of the ready ones
    /// in `ready`, which is emptied first. A signal ends the wait with none.
    pub fn wait(&mut self, ready: &mut Vec<usize>, timeout: Option<Duration>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        let timeout = timeout.map(|time| Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) => ready.extend(self.events.iter().map(|event| event.data.u64() as usize)),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn data(token: usize) -> epoll::EventData {
    epoll::EventData::new_u64(token as u64)
}
