//! Sockets, TLS and HTTP on tokio: drives the protocol crates.
//!
//! [`server`] accepts connections and serves HTTP/1.1, HTTP/2 and WebSocket on one port; [`client`] opens WebSockets;
//! [`http_client`] asks HTTP servers;
//! [`websocket`] is what becomes of a connection of either after its upgrade; [`socketio`] is a client of Socket.IO, over
//! WebSockets and long-polling; [`mqtt`] is a client of MQTT brokers; [`signal`] speaks with Csound in both roles; [`tcp`] and [`udp`] are plain sockets. [`tls`], [`static_files`] and [`cors`] are parts that a server can be given; [`listen`] opens
//! sockets with errors that a person can act on. Operators are above: nothing here knows a patch.

pub mod body;
mod catch_panic;
pub mod client;
pub mod cors;
pub mod http_client;
pub mod listen;
pub mod mqtt;
pub mod server;
pub mod signal;
pub mod socketio;
pub mod static_files;
pub mod tcp;
pub mod tls;
pub mod transport;
pub mod udp;
pub mod websocket;
