//! The service thread with real peers over loopback: WebSocket clients and servers of another implementation, HTTP by hand.

mod client;
mod control;
mod life;
mod peers;
mod port;
mod streams;
