//! The opcodes: what each does at init and in each k-cycle.
//!
//! The module [`websocket`] has `websocket` and `websocketsend` (a port), `websocketclient` and `websocketclientsend` (a server
//! elsewhere), [`status`] has `websocketstatus`, and [`set`] `websocketset`. [`signals`] reads the arguments, [`source`] reads
//! inputs in each k-cycle, [`sink`] writes outputs.
//!
//! Csound's grammar knows a word either as an opcode with outputs or as one without. So the form without outputs has a name
//! of its own, and the form without inputs an entry of its own, because `*` stands for one input at least there.

mod set;
mod signals;
mod sink;
mod source;
mod status;
#[cfg(test)]
mod tests;
mod websocket;

use crate::ffi::entry::{OpcodeEntry, When, entry};

use self::set::Set;
use self::status::Status;
use self::websocket::{Client, Port};

/// Arguments that `websocket` has room for, outputs and inputs together. Csound refuses more than 1,998 inputs, but no number
/// of outputs, and writes their places without asking: so this is what the largest structure has room for.
const MANY: usize = 8_184;

/// The opcodes as Csound lists them. Of entries with one name the first that fits is taken.
pub(crate) static ENTRIES: [OpcodeEntry; 9] = [
    entry::<Port, MANY>(c"websocket", c"*", c"i", When::Perform),
    entry::<Port, MANY>(c"websocket", c"*", c"i*", When::Perform),
    entry::<Port, MANY>(c"websocketsend", c"", c"i*", When::Perform),
    entry::<Client, MANY>(c"websocketclient", c"*", c"S", When::Perform),
    entry::<Client, MANY>(c"websocketclient", c"*", c"S*", When::Perform),
    entry::<Client, MANY>(c"websocketclientsend", c"", c"S*", When::Perform),
    entry::<Status, 4>(c"websocketstatus", c"kkk", c"i", When::Perform),
    entry::<Set, 3>(c"websocketset", c"", c"iSi", When::Init),
    entry::<Set, 3>(c"websocketset", c"", c"iSS", When::Init),
];
