//! The client library: a vault on disk, relays over QUIC and a clock around the pure engine, behind one handle.
//!
//! Spec: docs/ARCHITECTURE.md, "One message", and docs/spec/at-rest.md. Invariant: an effect leaves the machine, and an
//! answer leaves this crate, only after the change behind it is committed to disk.
//!
//! [`create`] makes a profile, [`open`] unlocks it and starts its threads, [`Client`] says and asks, [`Notices`] hears:
//!
//! ```no_run
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use subrosa_client::{Answer, Options, Query, Unlock, create, open};
//! let options = Options::new("/home/ana/.local/share/subrosa/default");
//! create(&options, "Ana", &Unlock::None)?;
//! let (client, mut notices) = open(options, Unlock::None)?;
//! if let Answer::Chats(chats) = client.query(Query::Chats).await? {
//!     println!("{} chats", chats.len());
//! }
//! let _hint = notices.next().await;
//! client.close().await;
//! # Ok(()) }
//! ```
#![deny(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(fuzzing)]
compile_error!(
    "cfg(fuzzing) makes locks that can be looked through: no client that talks to anybody is built with it"
);

mod backup;
mod client;
mod error;
mod net;
mod options;
mod profile;
mod runtime;
mod self_test;
mod vault;

pub use backup::{BackupError, RestoreError, fresh_backup_words, restore, verify_backup};
pub use client::{Client, Notices, create, exists, needs_passphrase, open};
pub use error::{ClientError, CreateError, OpenError};
pub use options::{Clock, Options, Unlock};
pub use self_test::{SelfTestError, self_test};
pub use subrosa_codec::Millis;
pub use subrosa_crypto::{BackupError as BackupFileError, BackupWords, WORD_COUNT, WordsError};
pub use subrosa_engine::api::*;
pub use subrosa_engine::backup::Contents;
pub use subrosa_wire::{AddressError, RelayAddress, RelayKeyHash};
