//! The handle: [`Client`] says and asks, [`Notices`] hears.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: a command's answer is sent after its commit.

use std::path::Path;

use subrosa_engine::api::{Answer, Command, Done, Notice, Query, RelayState};

use crate::error::{ClientError, CreateError, OpenError};
use crate::options::{Options, Unlock};

/// Whether a profile lies in `folder`.
#[must_use]
pub fn exists(folder: &Path) -> bool {
    folder.join("vault.db").is_file()
}

/// Whether the profile in `folder` asks for a passphrase.
///
/// # Errors
/// [`OpenError`] when there is none, or it can't be read.
pub fn needs_passphrase(folder: &Path) -> Result<bool, OpenError> {
    let _ = folder;
    unimplemented!()
}

/// Makes a profile: folder, vault, identity, name.
///
/// # Errors
/// [`CreateError`]; nothing is left behind then.
pub fn create(options: &Options, name: &str, unlock: &Unlock) -> Result<(), CreateError> {
    let _ = (options, name, unlock);
    unimplemented!()
}

/// Opens a profile and starts its threads. Takes as long as the passphrase's stretching: not on a screen's thread.
///
/// # Errors
/// [`OpenError`], each a sentence.
pub fn open(options: Options, unlock: Unlock) -> Result<(Client, Notices), OpenError> {
    let _ = (options, unlock);
    unimplemented!()
}

/// An open profile. Clones are the same profile; the last one that is dropped closes it.
#[derive(Clone, Debug)]
pub struct Client {}

/// What the client tells the screen.
#[derive(Debug)]
pub struct Notices {}

impl Notices {
    /// The next notice; `None` when the client was closed.
    pub async fn next(&mut self) -> Option<Notice> {
        unimplemented!()
    }
}

impl Client {
    /// Does `command`: when this answers, it is on disk.
    ///
    /// # Errors
    /// [`ClientError`]; nothing was changed then.
    pub async fn command(&self, command: Command) -> Result<Done, ClientError> {
        let _ = command;
        unimplemented!()
    }

    /// Answers `query` from the vault, on a thread of its own.
    ///
    /// # Errors
    /// [`ClientError::Damaged`], [`ClientError::Storage`], [`ClientError::Closed`].
    pub async fn query(&self, query: Query) -> Result<Answer, ClientError> {
        let _ = query;
        unimplemented!()
    }

    /// Puts another passphrase (or none) on the profile.
    ///
    /// # Errors
    /// [`ClientError`]; the old one still opens it then.
    pub async fn set_passphrase(&self, unlock: Unlock) -> Result<(), ClientError> {
        let _ = unlock;
        unimplemented!()
    }

    /// Every relay that is in use, by `host:port`, and how it stands.
    #[must_use]
    pub fn relays(&self) -> Vec<(String, RelayState)> {
        unimplemented!()
    }

    /// Resolves when nothing is left that the network could do: cells accepted, acks answered, queues open.
    /// An unreachable relay with work keeps it waiting: put a time limit on it.
    pub async fn idle(&self) {}

    /// Writes everything back, lets go of the relays and of the profile's lock. Other clones answer
    /// [`ClientError::Closed`] from now on.
    pub async fn close(self) {}
}
