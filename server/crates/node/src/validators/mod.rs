//! Connections to the other validators of a chain.

mod channel;
mod connections;
mod handshake;
mod strangers;

pub(crate) use connections::{Connections, Sender};
pub(crate) use handshake::Identity;
