//! Why a profile can't be made or opened, and why a command or a query failed: each a sentence with the remedy.
//!
//! Invariant: no name, text, key or passphrase stands in any of them; nothing was changed when one is returned.

use std::io;
use std::path::PathBuf;

use subrosa_engine::api::CommandError;

/// Why [`create`](crate::create) made nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is a profile already.
    #[error("there is a profile in {folder} already: open it, or choose another --profile")]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process is at it.
    #[error("another subrosa is running with this profile: quit it first")]
    InUse,
    /// The name is empty.
    #[error("the name is empty: type the name that your friends will see")]
    NoName,
    /// The passphrase is empty.
    #[error("the passphrase is empty: type one, or choose to have none")]
    EmptyPassphrase,
    /// The folder or a file in it.
    #[error("the profile could not be made in {folder}: {why}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// Why [`open`](crate::open) opened nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no profile.
    #[error("there is no profile in {folder}: make one with `subrosa init`, or start `subrosa`")]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// The passphrase does not open it.
    #[error("wrong passphrase: try again (nothing can open this profile without it)")]
    WrongPassphrase,
    /// It needs a passphrase and none was given.
    #[error("this profile has a passphrase: type it, or give it by --passphrase-file")]
    PassphraseNeeded,
    /// It has no passphrase, and one was given.
    #[error("this profile has no passphrase: open it without one")]
    NoPassphrase,
    /// The key file is gone or is not the vault's.
    #[error(
        "the key file {file} does not open this profile (missing, damaged or another one's): put the right one back"
    )]
    KeyFile {
        /// Where it should be.
        file: PathBuf,
    },
    /// Another process has it open.
    #[error("another subrosa is running with this profile: quit it first")]
    InUse,
    /// Written by a newer version.
    #[error(
        "this profile was written by a newer subrosa (format {store}, this one reads {ours}): please update"
    )]
    NewerVersion {
        /// The store's format.
        store: u32,
        /// The newest that this version reads.
        ours: u32,
    },
    /// Not a vault, or damaged.
    #[error("the profile's vault is damaged ({what}): nothing was changed; put a copy of the folder back")]
    Damaged {
        /// Which part.
        what: &'static str,
    },
    /// No room on the disk, which opening needs a little of.
    #[error(
        "the disk is full: the profile in {folder} can't be opened; nothing was lost: free some space and try again"
    )]
    DiskFull {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder or a file in it.
    #[error("the profile in {folder} could not be opened: {why}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// Why a command or a query failed. A command changed nothing then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The engine refused the command.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// No room on the disk.
    #[error("the disk is full: nothing was lost or sent; free some space and try again")]
    DiskFull,
    /// The disk or the file system failed.
    #[error("the vault could not be written ({0}): nothing was sent; check the disk and try again")]
    Storage(String),
    /// A row does not open or does not decode.
    #[error("the vault is damaged ({0}): nothing was changed; put a copy of the folder back")]
    Damaged(String),
    /// The new passphrase is empty.
    #[error("the passphrase is empty: type one, or choose to have none")]
    EmptyPassphrase,
    /// The client was closed.
    #[error("this profile was closed")]
    Closed,
}
