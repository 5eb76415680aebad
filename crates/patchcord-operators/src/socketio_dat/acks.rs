//! Events of this operator whose acknowledgement is waited for.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use patchcord_core::network::Network;
use patchcord_core::value::{Sequence, Value as HostValue};
use patchcord_socketio::{AckFailure, Namespace, RequestId, Value};

use super::convert::{Items, with_message};
use super::declaration::callback;
use super::shared::Shared;

/// Hears the arguments of an acknowledgement.
pub type AckHandler = Box<dyn FnOnce(&Network, &dyn Sequence)>;

/// One that is waited for.
pub(super) struct Pending {
    /// What `emit` returned.
    pub number: u64,
    pub event: Box<str>,
    pub namespace: Namespace,
    pub sent: Instant,
    /// Whom the answer goes to in the place of onAck.
    pub handler: Option<AckHandler>,
}

/// Most that a replay waits for, as many as a client does.
const MOST_IN_REPLAY: usize = 4096;

/// Those of one client, which bounds how many there are.
#[derive(Default)]
pub(super) struct Acks {
    requests: RefCell<HashMap<RequestId, Pending>>,
    /// Those that a recording may have answers for, in the order in which they were emitted.
    in_replay: RefCell<VecDeque<Pending>>,
}

impl Acks {
    pub(super) fn len(&self) -> usize {
        self.requests.borrow().len() + self.in_replay.borrow().len()
    }

    pub(super) fn wait(&self, request: RequestId, pending: Pending) {
        self.requests.borrow_mut().insert(request, pending);
    }

    /// Waits for an answer of the recording that is played. The result is whether there was room.
    pub(super) fn wait_in_replay(&self, pending: Pending) -> bool {
        let mut waiting = self.in_replay.borrow_mut();
        let has_room = waiting.len() < MOST_IN_REPLAY;
        if has_room {
            waiting.push_back(pending);
        }
        has_room
    }

    /// Number and name of the event that was emitted as this request.
    pub(super) fn asked(&self, request: RequestId) -> Option<(u64, Box<str>)> {
        self.requests.borrow().get(&request).map(|pending| (pending.number, pending.event.clone()))
    }

    /// The answer has come.
    pub(super) fn answer(&self, shared: &Shared, request: RequestId, args: &[Value]) {
        if let Some(pending) = self.take(request) {
            tell_answer(shared, pending, args);
        }
    }

    /// A recording has an answer to an event of this name: it goes to the oldest one that waits.
    pub(super) fn answer_in_replay(&self, shared: &Shared, namespace: &Namespace, event: &str, args: &[Value]) {
        let is_asked = |one: &Pending| one.namespace == *namespace && &*one.event == event;
        let position = self.in_replay.borrow().iter().position(is_asked);
        // Taken before it is told, because a callback may emit.
        let pending = position.and_then(|position| self.in_replay.borrow_mut().remove(position));
        if let Some(pending) = pending {
            tell_answer(shared, pending, args);
        }
    }

    /// There will be no answer.
    pub(super) fn fail(&self, shared: &Shared, request: RequestId, failure: AckFailure) {
        if let Some(pending) = self.take(request) {
            tell_failure(shared, &pending, failure);
        }
    }

    /// There will be no answers in this namespace, to what was emitted during a replay.
    pub(super) fn fail_in_replay(&self, shared: &Shared, namespace: &Namespace) {
        let (failed, left) = self.in_replay.take().into_iter().partition(|one| one.namespace == *namespace);
        self.in_replay.replace(left);
        for pending in &failed as &VecDeque<Pending> {
            tell_failure(shared, pending, AckFailure::Disconnected);
        }
    }

    /// There will be no answers at all.
    pub(super) fn fail_all(&self, shared: &Shared) {
        let mut all: Vec<Pending> = self.requests.take().into_values().chain(self.in_replay.take()).collect();
        all.sort_by_key(|pending| pending.number);
        for pending in all {
            tell_failure(shared, &pending, AckFailure::Disconnected);
        }
    }

    fn take(&self, request: RequestId) -> Option<Pending> {
        self.requests.borrow_mut().remove(&request)
    }
}

fn tell_answer(shared: &Shared, pending: Pending, args: &[Value]) {
    shared.round_trip.set(pending.sent.elapsed());
    match pending.handler {
        Some(handler) => shared.network.turn(|network| handler(network, &Items(args))),
        None => with_message(args, |message| {
            let (number, namespace) = (HostValue::Int(pending.number as i64), pending.namespace.as_str());
            let rest = [HostValue::Str(&pending.event), HostValue::Str(namespace)];
            shared.call(callback::ACK, &[HostValue::Op(shared.op), number, message, rest[0], rest[1]]);
        }),
    }
}

fn tell_failure(shared: &Shared, pending: &Pending, failure: AckFailure) {
    let reason = match failure {
        AckFailure::TimedOut => "timeout",
        AckFailure::Disconnected => "disconnected",
        AckFailure::Dropped => "dropped",
    };
    let arguments = [
        HostValue::Op(shared.op),
        HostValue::Int(pending.number as i64),
        HostValue::Str(reason),
        HostValue::Str(&pending.event),
        HostValue::Str(pending.namespace.as_str()),
    ];
    shared.call(callback::ACK_TIMEOUT, &arguments);
}
