//! [`Work`]: what the keeper of the vault is asked to do, in the order in which it was asked.
//!
//! Invariant: every item that someone may wait for holds a [`Busy`].

use std::sync::mpsc;

use subrosa_crypto::BackupWords;
use subrosa_engine::Event;
use subrosa_engine::api::{Command, Done};
use subrosa_wire::RelayAddress;
use tokio::sync::oneshot;

use super::activity::Busy;
use crate::error::ClientError;
use crate::options::Unlock;
use crate::vault::Reader;

/// To the keeper.
pub(crate) type Inbox = mpsc::Sender<Work>;

/// One item.
#[derive(Debug)]
pub(crate) enum Work {
    /// A person's command.
    Command(Command, oneshot::Sender<Result<Done, ClientError>>, Busy),
    /// Something that the network heard.
    Event(Event, Busy),
    /// A relay was reached: everything that waits for it is wanted, after [`Order::Start`](crate::net::Order::Start).
    Resume(RelayAddress, Busy),
    /// Another passphrase.
    Passphrase(Unlock, oneshot::Sender<Result<(), ClientError>>),
    /// Keep these words for the backups to come.
    KeepWords(BackupWords, oneshot::Sender<Result<(), ClientError>>),
    /// What a backup is made with: a view of the vault, and the words, when there are any.
    Backup(oneshot::Sender<Result<(Reader, Option<BackupWords>), ClientError>>),
    /// The end: write back and close.
    Close,
}
