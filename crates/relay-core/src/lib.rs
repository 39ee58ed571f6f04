//! The relay without sockets, files, clocks and threads: what it does with each frame, and what it keeps.
//!
//! Spec: docs/spec/relay.md. Invariant: an answer leaves only after the store has made its operation durable.
//!
//! [`Core`] owns connections and subscriptions and decides by values: [`Input`] in, [`Output`] out. A [`Store`]
//! keeps queues, invites and blobs and decides every condition on them inside its commit. [`Service`] runs the two
//! together on one thread; sockets stand around it. [`MemStore`] is the model that [`conformance`] compares
//! every other store with.
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

extern crate alloc;
// Tests only; the crate itself can't name a socket, file, clock or thread.
#[cfg(test)]
#[macro_use]
extern crate std;

pub mod conformance;
mod core;
mod knowledge;
mod limits;
mod mem;
mod op;
mod port;
mod service;
mod store;

pub use crate::core::Core;
pub use knowledge::{CellEntry, Field, Knowledge, Row, Table, Value};
pub use limits::{Access, Limits};
pub use mem::{MemReader, MemStore};
pub use op::{BlobOp, InviteOp, LEASE_PERIOD, Op, Outcome, lease_period};
pub use port::{ConnId, Input, Output, Stream, Ticket};
pub use service::{Act, BATCH, Service};
pub use store::{Amounts, Store, StoreFault, StoreRead};
