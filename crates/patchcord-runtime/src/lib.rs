//! Runs patches: project files, the frame clock, the watchdog, the terminal and the commands.
//!
//! A Rust program embeds [`engine::Engine`]; the program `patchcord` is [`command::main`] with a host that brings
//! Python. Everything that depends on the operating system stands in [`platform`]. Nothing here knows Python: it is
//! reached through [`command::HostFactory`] and the seams of `patchcord-core`.

pub mod clock;
pub mod command;
pub mod engine;
pub mod guard;
mod live;
pub mod network_addresses;
pub mod platform;
pub mod project;
pub mod remote;
pub mod td_api;
pub mod terminal;
pub mod watcher;
