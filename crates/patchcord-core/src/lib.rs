//! The patch: operators, parameters, tables, wires, and the turns in which things happen.
//!
//! This crate knows no socket, no Python and no clock. Operator types come from above as declarations
//! ([`declaration::OperatorType`]); their work is done by [`network::Worker`]s; scripts and expressions are reached
//! through the seams in [`callbacks`]. [`network::Network`] is the handle through which everything goes; [`patch::Patch`]
//! is the data behind it.
//!
//! Where to look: what an operator type is: [`declaration`]. What an operator holds: [`content`] and [`table`]. How a
//! parameter takes a value: [`parameter`]. What a computed value depends on: [`tracking`]. What happens after an edit: [`change`] and [`network`]. What a person reads:
//! [`problem`] and [`textport`].

pub mod callbacks;
pub mod change;
pub mod content;
pub mod declaration;
pub mod frame;
pub mod network;
pub mod parameter;
pub mod patch;
pub mod pattern;
pub mod problem;
pub mod table;
pub mod tdu;
pub mod textport;
pub mod tracking;
pub mod value;
