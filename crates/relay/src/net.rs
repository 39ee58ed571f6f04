//! Sockets: the endpoint, its connections and their streams.
//!
//! Spec: docs/spec/relay.md, "Transport". Invariant: nothing here decides what a frame means, and no log line names
//! a peer.

mod accept;
mod gate;
mod socket;
mod stream;

pub(crate) use accept::{Door, accept};
pub(crate) use socket::bind;
