//! The protocol of subrosa: identity, invite, handshake, ratchet, recovery, and what lies on disk.
//!
//! Spec: docs/spec/. Invariant: nothing here reads a clock, a file or a socket; `now` and `rng` are arguments,
//! whatever a peer made is answered with a `Result`, and a failed open changes nothing.
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;

mod aead;
mod dh;
mod kdf;
mod kem;
mod labels;
mod secret;
