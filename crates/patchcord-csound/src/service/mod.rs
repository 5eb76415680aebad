//! The service thread: sockets, HTTP, files, TLS, and the connections of `websocketclient`.
