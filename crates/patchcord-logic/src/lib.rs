//! Logic graphs of pulses and data, after Incari's: no sockets, no Python, no clock of its own.
//!
//! A graph is written as text ([`text`]), compiled with every mistake noted at its place ([`compile`]), and run by an
//! [`Engine`]. From the bottom up:
//!
//! - [`Value`] and [`DataType`]: what travels on data wires, and how one type becomes another ([`convert`]);
//! - [`declaration`]: what a node type is (title, group, attributes, sockets with types and defaults, help), stated
//!   once; [`nodes`] has the declarations and what each node does, a file per group;
//! - [`Graph`]: a compiled graph;
//! - [`Engine`]: runs branches to completion, queues events, keeps variables, time-outs and intervals;
//! - [`ports`]: the outside. An engine asks for things ([`ports::Ports`]) and is told what happened
//!   ([`ports::Occurrence`]); whoever owns sockets, files and the patch does them. Time is an argument.
//!
//! # Rules of execution (Incari's, sections 4.2 to 4.5 of its reference)
//!
//! A pulse runs a node, its data outputs keep their last value, and the standard pulse goes on to the next node. A branch
//! runs to its end before anything else does. Events that a branch causes (a custom event, a variable's change) wait in
//! a queue until it has ended, and listeners of one event run in the order of the file. What takes time (a
//! time-out, anything of a connection) returns at once and comes back as an event of its own.

pub mod compile;
pub mod convert;
pub mod declaration;
mod engine;
pub mod finding;
mod graph;
pub mod nodes;
pub mod ports;
pub mod source;
pub mod text;
mod value;

pub use engine::{Breakpoint, Engine, NodeRef, Pace, Trace, TriggerError, Turn};
pub use graph::{Body, Graph, Listen};
pub use value::{DataType, Dictionary, Value};
