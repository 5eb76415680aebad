//! The client against peers over real sockets: servers that say exactly given bytes and so can misbehave, and servers
//! of another WebSocket implementation.

mod connection;
mod dialling;
mod peers;
mod proxies;
mod security;
