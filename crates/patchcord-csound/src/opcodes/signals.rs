//! From the arguments in the orchestra to the signals of a port: names, layouts, and what cannot travel.

use patchcord_signal::{Direction, FloatSize, Kind, Layout, Variable};

use crate::ffi::{Argument, ArgumentKind, Call, Element, Failure, MyFlt, Side};
use crate::service::Host;

/// The size of Csound's numbers, which is that of the floats on the wire.
pub(super) const FLOAT: FloatSize = match size_of::<MyFlt>() {
    4 => FloatSize::F32,
    _ => FloatSize::F64,
};

/// An argument that is a signal.
#[derive(Debug, Clone)]
pub(super) struct Signal {
    pub(super) argument: Argument,
    pub(super) variable: Variable,
}

/// What the service has to know of this Csound.
pub(super) fn host(call: &Call<'_>) -> Host {
    let csound = call.csound();
    Host {
        instance: csound.key(),
        sample_rate: csound.sample_rate(),
        ksmps: u32::try_from(csound.ksmps()).unwrap_or(u32::MAX),
        note_ksmps: u32::try_from(call.ksmps()).unwrap_or(u32::MAX),
        float: FLOAT,
    }
}

/// The port of an opcode whose first input is one. What stands behind the point is cut off, as it always was.
pub(super) fn port(call: &Call<'_>) -> Result<u16, Failure> {
    let number = call.argument(Side::Input, 0).map_or(0.0, |argument| call.number(&argument));
    if !(1.0..65536.0).contains(&number) {
        return Err(Failure(format!("websocket: {number} is no port; ports go from 1 to 65535")));
    }
    // In range, and truncated on purpose.
    Ok(number as u16)
}

/// The signals among the arguments: the inputs behind the first, then the outputs. The first of them is what a client gets that
/// asks for none.
pub(super) fn signals(call: &Call<'_>) -> Result<Vec<Signal>, Failure> {
    let inputs = (1..call.inputs()).map(|position| (Side::Input, position));
    let outputs = (0..call.outputs()).map(|position| (Side::Output, position));
    let mut found: Vec<Signal> = Vec::with_capacity(call.inputs() + call.outputs());
    for (side, position) in inputs.chain(outputs) {
        let argument = call
            .argument(side, position)
            .ok_or_else(|| Failure(format!("websocket: {} {} has no place in memory", word(side), position)))?;
        found.push(signal(call, argument)?);
    }
    let mut names: Vec<&str> = found.iter().map(|signal| signal.variable.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Failure(format!(
            "websocket: {} stands twice among the arguments; a name is sent or received once",
            twice[0]
        )));
    }
    Ok(found)
}

fn word(side: Side) -> &'static str {
    match side {
        Side::Input => "input",
        Side::Output => "output",
    }
}

fn signal(call: &Call<'_>, argument: Argument) -> Result<Signal, Failure> {
    let refused = |reason: String| {
        // The port is the first input and is not counted, so that inputs count from 1 behind it.
        let number = argument.position + usize::from(argument.side == Side::Output);
        Failure(format!("websocket: {} {number}, {}, {reason}", word(argument.side), argument.name))
    };
    let written_out = is_written_out(&argument);
    if argument.side == Side::Output && written_out {
        return Err(refused("is no variable; receive into one, such as k1, a1 or S1".to_owned()));
    }
    let (element, sizes) = match &argument.kind {
        ArgumentKind::Constant | ArgumentKind::PField | ArgumentKind::Reserved => (Element::Init, &[][..]),
        ArgumentKind::Variable(element) => (*element, &[][..]),
        ArgumentKind::Array(element, sizes) => {
            if sizes.is_empty() {
                return Err(refused(format!(
                    "is an array that does not exist yet; give it its size before, for example {}[] init 8",
                    argument.name
                )));
            }
            if !call.same_sizes(&argument) {
                return Err(refused("is an array whose members have an unknown size".to_owned()));
            }
            (*element, &sizes[..])
        }
        ArgumentKind::Other(name) => {
            return Err(refused(format!(
                "is of type {name}, which cannot travel; a, k, i and S can, and arrays of them"
            )));
        }
    };
    let kind = match element {
        Element::Audio => Kind::Audio,
        Element::Control => Kind::Control,
        Element::Init => Kind::Init,
        Element::Text => Kind::Text,
    };
    let block = if kind == Kind::Audio { call.csound().ksmps() } else { 1 };
    let layout = Layout::new(kind, FLOAT, block, sizes).map_err(|error| refused(format!("cannot travel: {error}")))?;
    // An array that is an expression has brackets in its name, which other arrays have not.
    let name =
        if written_out { format!("in{}", argument.position) } else { argument.name.trim_end_matches("[]").to_owned() };
    let direction = match argument.side {
        Side::Input => Direction::Outgoing,
        Side::Output => Direction::Incoming,
    };
    Ok(Signal { argument, variable: Variable { name, layout, direction } })
}

/// Whether an argument is not a variable or an expression but written out: a number, a text, a p-field, a word of the
/// language. Expressions have a name that Csound makes, such as `#k0`.
fn is_written_out(argument: &Argument) -> bool {
    match argument.kind {
        ArgumentKind::Constant | ArgumentKind::PField | ArgumentKind::Reserved => true,
        _ => !argument.name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '#'),
    }
}
