//! The pure core of a client: [`handle`] and [`resume`] over rows, no socket, file, clock or thread.
//!
//! Spec: docs/spec/content.md and docs/ARCHITECTURE.md. Invariant: a transition's changes commit before its effects run.
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

extern crate alloc;

pub mod api;
pub mod backup;
pub mod content;
mod event;
mod flows;
mod id;
mod job;
mod limits;
pub mod mem;
mod query;
mod resume;
pub mod rows;
pub mod sanitize;
mod tx;

pub use event::{Effect, Event, Job, RelayAnswer, Transition};
pub use flows::{found, handle};
pub use id::{InboundId, OutboxId, SessionKey};
pub use job::job;
pub use mem::{Index, MemVault};
pub use query::query;
pub use resume::resume;
pub use rows::{Bytes, Change, Corrupt, Key, Rows, Span, Table};
