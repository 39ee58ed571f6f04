//! The protocol of subrosa: identity, invite, handshake, ratchet, recovery, and what lies on disk.
//!
//! Spec: docs/spec/. Invariant: nothing here reads a clock, a file or a socket; `now` and `rng` are arguments,
//! whatever a peer made is answered with a `Result`, and a failed open changes nothing.
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;

mod aead;
mod bundle;
mod descriptor;
mod dh;
mod identity;
mod invite;
mod kdf;
mod kem;
mod labels;
mod link;
mod safety;
mod secret;

pub use bundle::{BUNDLE_DAYS, Bundle, BundleError};
pub use descriptor::{QueueDescriptor, QueueEntry};
pub use identity::{Fingerprint, Identity, IdentityPublic, IdentitySeed};
pub use invite::{Created, InviteError, InviteKeys, InviteTerms};
pub use link::{InviteKind, Link, LinkError};
pub use safety::SafetyNumber;
