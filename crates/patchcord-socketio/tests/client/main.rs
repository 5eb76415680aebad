//! A client against a scripted server, in virtual time.

mod namespaces;
mod scripted;
mod sending;
