//! The pure core of a client: [`handle`] and [`resume`] over rows, no socket, file, clock or thread.
//!
//! Spec: docs/spec/content.md and docs/ARCHITECTURE.md. Invariant: a transition's changes commit before its effects run.
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

extern crate alloc;

pub mod api;
pub mod content;
pub mod sanitize;
