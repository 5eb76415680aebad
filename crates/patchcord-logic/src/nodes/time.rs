//! Time-outs and intervals (reference §4.6).

use crate::declaration::{
    Attribute, AttributeKind, Behaviour, DataSocket, Default, NodeType, PulseSocket, Scopes, SocketType,
};
use crate::engine::{Failure, Flow, Turn};
use crate::nodes::NODE;
use crate::ports::Occurrence;
use crate::value::{DataType, Value};

const FLOAT: AttributeKind = AttributeKind::Value(SocketType::Is(DataType::Float));

/// Start Timeout.
pub static START_TIMEOUT: NodeType = NodeType {
    title: "Start Timeout",
    group: "Utilities/Time",
    help: "► fires after a delay, once. A pulse while it waits begins the delay anew.",
    scopes: Scopes::NO_PREFAB,
    attributes: &[Attribute::new(
        "TimeoutStart (sec)",
        FLOAT,
        Default::Float(1.0),
        "Seconds, while no wire leads to Seconds.",
    )],
    pulse_outputs: &[
        PulseSocket::new("OnStart", "The delay has begun; fires at once."),
        PulseSocket::new("OnCancel", "Cancel Timeout has ended it."),
    ],
    inputs: &[DataSocket::new("Seconds", DataType::Float, "Seconds until ► fires.").or("TimeoutStart (sec)")],
    outputs: &[DataSocket::new("Instance ID", DataType::InstanceId, "For Cancel Timeout.")],
    later: &["", "OnCancel"],
    build: |_| Ok(Box::new(StartTimeout)),
    ..NODE
};

/// Cancel Timeout.
pub static CANCEL_TIMEOUT: NodeType = NodeType {
    title: "Cancel Timeout",
    group: "Utilities/Time",
    help: "Ends a time-out before its time; its OnCancel fires. One that has fired, or was never started, is left alone.",
    scopes: Scopes::NO_PREFAB,
    inputs: &[DataSocket::new("Instance ID", DataType::InstanceId, "From Start Timeout.")],
    build: |_| Ok(Box::new(Stop)),
    ..NODE
};

/// Start Interval.
pub static START_INTERVAL: NodeType = NodeType {
    title: "Start Interval",
    group: "Utilities/Time",
    help: "► fires every period, for ever. Each pulse starts another interval, which has to be reset by itself; periods that pass while the program is busy are skipped.",
    scopes: Scopes::NO_PREFAB,
    attributes: &[Attribute::new(
        "Timeout (sec)",
        FLOAT,
        Default::Float(1.0),
        "Seconds, while no wire leads to Seconds.",
    )],
    pulse_outputs: &[
        PulseSocket::new("OnStart", "It has begun; fires at once."),
        PulseSocket::new("OnReset", "Reset Interval has ended it."),
    ],
    inputs: &[DataSocket::new("Seconds", DataType::Float, "Seconds of a period, at least 0.001.").or("Timeout (sec)")],
    outputs: &[DataSocket::new("Instance ID", DataType::InstanceId, "For Reset Interval.")],
    later: &["", "OnReset"],
    build: |_| Ok(Box::new(StartInterval)),
    ..NODE
};

/// Reset Interval.
pub static RESET_INTERVAL: NodeType = NodeType {
    title: "Reset Interval",
    group: "Utilities/Time",
    help: "Ends one interval; its OnReset fires.",
    scopes: Scopes::NO_PREFAB,
    inputs: &[DataSocket::new("Instance ID", DataType::InstanceId, "From Start Interval.")],
    build: |_| Ok(Box::new(Stop)),
    ..NODE
};

struct StartTimeout;

impl Behaviour for StartTimeout {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        // One at a time.
        if let Some(Value::InstanceId(running)) = turn.output(0).cloned()
            && turn.is_running(running)
        {
            turn.drop_timer(running);
        }
        let seconds = turn.float(0);
        let instance = turn.start_timer(seconds, false)?;
        turn.set(0, Value::InstanceId(instance));
        Ok(Flow::Out(1))
    }

    fn handle(&self, _: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        Ok(if matches!(occurrence, Occurrence::Ended { .. }) { Flow::Out(2) } else { Flow::Next })
    }
}

struct StartInterval;

impl Behaviour for StartInterval {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let seconds = turn.float(0);
        let instance = turn.start_timer(seconds, true)?;
        turn.set(0, Value::InstanceId(instance));
        Ok(Flow::Out(1))
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        match occurrence {
            Occurrence::Ended { .. } => Ok(Flow::Out(2)),
            Occurrence::Due { instance } => {
                // Several may run: who asks now learns of the one that fires.
                turn.set(0, Value::InstanceId(*instance));
                Ok(Flow::Next)
            }
            _ => Ok(Flow::End),
        }
    }
}

struct Stop;

impl Behaviour for Stop {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        if let Value::InstanceId(instance) = *turn.input(0) {
            turn.stop_timer(instance);
        }
        Ok(Flow::Next)
    }
}
