//! The protocol of subrosa: identity, invite, handshake, ratchet, recovery, and what lies on disk.
//!
//! Spec: docs/spec/. Invariant: nothing here reads a clock, a file or a socket; `now` and `rng` are arguments,
//! whatever a peer made is answered with a `Result`, and a failed open changes nothing.
#![no_std]
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;
// For tests and for the fuzzer's locks of glass; the crate itself can't name a clock or a file.
#[cfg(any(test, fuzzing))]
extern crate std;
// The fuzz targets that are played here name this crate as others do.
#[cfg(test)]
extern crate self as subrosa_crypto;

#[cfg(all(fuzzing, not(debug_assertions)))]
compile_error!(
    "cfg(fuzzing) makes locks that can be looked through: it is for tests/fuzz/run, never for a release"
);

mod aead;
mod backup;
mod blob;
mod body;
mod bundle;
#[cfg(test)]
mod constant_time;
mod descriptor;
mod dh;
#[cfg(test)]
mod erasure;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod glass;
mod handshake;
mod identity;
mod invite;
mod kdf;
mod kem;
mod labels;
mod link;
mod pad;
#[cfg(test)]
mod published;
mod ratchet;
mod recovery;
mod safety;
mod sealing;
mod secret;
mod self_test;
mod stack;
#[cfg(test)]
mod testing;
mod words;

pub use backup::{
    BACKUP_CHUNK_LEN, BACKUP_HEAD_LEN, BackupError, BackupReader, BackupWriter, Stopped, open_backup,
    seal_backup,
};
pub use blob::{BLOB_CHUNK_LEN, BLOB_TEXT_LEN, BlobError, BlobHash, BlobKey, BlobShape};
pub use body::{BODY_LEN, Incomplete, MAX_CONTENT, MAX_PARTS, PART_LEN, Part, TooLong, assemble, split};
pub use bundle::{BUNDLE_DAYS, Bundle, BundleError};
pub use descriptor::{QueueDescriptor, QueueEntry};
pub use handshake::{
    AcceptError, Accepted, GREETING_LEN, HandshakeId, Introduction, JoinError, Joined, accept, join,
};
pub use identity::{Fingerprint, Identity, IdentityPublic, IdentitySeed};
pub use invite::{Created, InviteError, InviteKeys, InviteTerms};
pub use link::{InviteKind, Link, LinkError};
pub use ratchet::{
    Alarm, KEY_DAYS, Level, MAX_CLOSED, MAX_CLOSED_WITH_KEYS, MAX_SEEN, MAX_SEQ, MAX_SKIP, MAX_SKIPPED,
    OpenError, Opened, Role, SealError, Sealed, Session, SessionEvent, SessionId, Unanswered, WINDOW,
    WINDOW_QUIET, WINDOW_TEXT, Weight,
};
pub use recovery::{RecoverError, Recovered, RecoveryIntro, RecoveryKey, accept_recovery, recover};
pub use safety::SafetyNumber;
pub use sealing::{
    Dek, KdfParams, KdfParamsError, RowError, RowKey, RowRef, StoreHeader, Unlock, UnlockError,
};
pub use self_test::{SelfTestError, self_test};
pub use words::{BackupWords, WORD_COUNT, WordsError};
