//! Connections to the other validators of a chain.

mod connections;
mod handshake;

pub(crate) use connections::{Connections, Sender};
pub(crate) use handshake::Identity;
