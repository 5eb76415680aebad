//! Events of this operator whose acknowledgement is waited for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use patchcord_core::network::Network;
use patchcord_core::value::{Sequence, Value as HostValue};
use patchcord_socketio::{AckFailure, Namespace, RequestId, Value};

use super::convert::{Items, with_message};
use super::declaration::callback;
use super::link::Shared;

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

/// Those of one client, which bounds how many there are.
#[derive(Default)]
pub(super) struct Acks(RefCell<HashMap<RequestId, Pending>>);

impl Acks {
    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(super) fn wait(&self, request: RequestId, pending: Pending) {
        self.0.borrow_mut().insert(request, pending);
    }

    /// The answer has come.
    pub(super) fn answer(&self, shared: &Shared, request: RequestId, args: &[Value]) {
        let Some(pending) = self.take(request) else { return };
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

    /// There will be no answer.
    pub(super) fn fail(&self, shared: &Shared, request: RequestId, failure: AckFailure) {
        if let Some(pending) = self.take(request) {
            tell_failure(shared, &pending, failure);
        }
    }

    /// There will be no answers at all.
    pub(super) fn fail_all(&self, shared: &Shared) {
        let mut all: Vec<Pending> = self.0.take().into_values().collect();
        all.sort_by_key(|pending| pending.number);
        for pending in all {
            tell_failure(shared, &pending, AckFailure::Disconnected);
        }
    }

    fn take(&self, request: RequestId) -> Option<Pending> {
        self.0.borrow_mut().remove(&request)
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
