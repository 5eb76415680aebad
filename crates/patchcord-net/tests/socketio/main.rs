//! The client of Socket.IO against servers over real sockets that follow a script: what they say is given word by word,
//! so they can also misbehave.

mod failures;
mod peers;
mod polling;
mod session;
mod upgrade;
mod websocket;
