//! The handle: [`Client`] says and asks, [`Notices`] hears.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: a command's answer is sent after its commit.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use subrosa_crypto::BackupWords;
use subrosa_engine::api::{Answer, Command, Done, Notice, Query, RelayState};
use subrosa_engine::backup::{Backup, Contents};
use tokio::sync::{broadcast, oneshot, watch};

use crate::backup::{self, BackupError};
use crate::error::{ClientError, CreateError, OpenError};
use crate::net::{Around, Dialler, Net};
use crate::options::{Clock, Options, Unlock};
use crate::profile::Profile;
use crate::runtime::activity::Activity;
use crate::runtime::board::Board;
use crate::runtime::keeper::Keeper;
use crate::runtime::reader::{self, Ask};
use crate::runtime::work::{Inbox, Work};
use crate::runtime::{Leap, os_rng};
use crate::vault::{Reader, Vault};

/// How long `close` lets answers come in that are on the way.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How long `close` waits for the last packets to leave.
const LAST_PACKETS: Duration = Duration::from_millis(200);

/// Whether a profile lies in `folder`.
#[must_use]
pub fn exists(folder: &Path) -> bool {
    Profile::at(folder).vault().is_file()
}

/// Whether the profile in `folder` asks for a passphrase.
///
/// # Errors
/// [`OpenError`] when there is none, or it can't be read.
pub fn needs_passphrase(folder: &Path) -> Result<bool, OpenError> {
    Vault::needs_passphrase(&Profile::at(folder))
}

/// Makes a profile: folder, vault, identity, name.
///
/// # Errors
/// [`CreateError`]; no profile is left behind then.
pub fn create(options: &Options, name: &str, unlock: &Unlock) -> Result<(), CreateError> {
    Vault::create(&Profile::at(&options.folder), name, unlock, &mut os_rng())
}

/// Opens a profile and starts its threads. Takes as long as the passphrase's stretching: not on a screen's thread.
///
/// # Errors
/// [`OpenError`], each a sentence.
pub fn open(options: Options, unlock: Unlock) -> Result<(Client, Notices), OpenError> {
    let profile = Profile::at(&options.folder);
    start(Vault::open(&profile, &unlock)?, options)
}

/// Starts the threads of an open vault.
fn start(vault: Vault, options: Options) -> Result<(Client, Notices), OpenError> {
    let io = |why| OpenError::Io { folder: options.folder.clone(), why };
    let profile = Profile::at(&options.folder);
    let reader = vault.reader().map_err(|fault| OpenError::from_fault(&profile, fault))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
    let (inbox, work) = mpsc::channel();
    let (asks, asked) = mpsc::channel();
    let (closing, closes) = watch::channel(false);
    let (board, listener) = Board::new();
    let activity = Activity::new();
    let clock = options.now;
    let dialler = {
        let _inside = runtime.enter();
        Net::bind(options.dial)
    };
    let (hang_up, hung_up) = watch::channel(false);
    let (closed, is_closed) = watch::channel(false);
    let around = Around {
        inbox: inbox.clone(),
        board: board.clone(),
        activity: activity.clone(),
        clock: Arc::clone(&clock),
        dialler: Arc::clone(&dialler),
        closing: hung_up,
    };
    let net = Arc::new(Net::new(runtime.handle().clone(), around));
    let leap = Leap::new(Instant::now(), clock());
    let keeper = Keeper {
        vault,
        net,
        board: board.clone(),
        activity: activity.clone(),
        reader: asks.clone(),
        clock: Arc::clone(&clock),
        wake: None,
        leap,
        closed,
    };
    let shared =
        Shared { inbox, asks, board, activity, clock: Arc::clone(&clock), closing, closed: is_closed };
    let end = shared.end();
    spawn("subrosa-reader", move || reader::serve(&reader, &asked, &clock)).map_err(io)?;
    spawn("subrosa-keeper", move || keeper.keep(&work)).map_err(io)?;
    spawn("subrosa-net", move || {
        runtime.block_on(end.follow(closes, hang_up, dialler));
        // A name that is being looked up can't be called off, and nobody waits for it.
        runtime.shutdown_background();
    })
    .map_err(io)?;
    Ok((Client(Arc::new(shared)), Notices(listener)))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// An open profile. Clones are the same profile; the last one that is dropped closes it.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    inbox: Inbox,
    asks: mpsc::Sender<Ask>,
    board: Board,
    activity: Activity,
    clock: Clock,
    closing: watch::Sender<bool>,
    closed: watch::Receiver<bool>,
}

impl Shared {
    fn end(&self) -> End {
        End { inbox: self.inbox.clone(), board: self.board.clone(), activity: self.activity.clone() }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.closing.send_replace(true);
    }
}

/// How a profile is closed: the network first, the vault last.
struct End {
    inbox: Inbox,
    board: Board,
    activity: Activity,
}

impl End {
    /// Waits until it is asked for, then ends everything in order.
    async fn follow(
        self,
        mut closing: watch::Receiver<bool>,
        hang_up: watch::Sender<bool>,
        dialler: Arc<Dialler>,
    ) {
        // An error is the end of every handle.
        let _ = closing.wait_for(|closing| *closing).await;
        if self.board.relays().iter().any(|(_, state)| *state == RelayState::Online) {
            // Saves doing them again next time; nothing depends on it.
            let _ = tokio::time::timeout(LAST_ANSWERS, self.activity.idle()).await;
        }
        hang_up.send_replace(true);
        dialler.close(LAST_PACKETS).await;
        // The keeper ends by this alone.
        let _ = self.inbox.send(Work::Close);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(..)")
    }
}

/// What the client tells the screen.
#[derive(Debug)]
pub struct Notices(broadcast::Receiver<Notice>);

impl Notices {
    /// The next notice; `None` when the client was closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.0.recv().await {
            Ok(notice) => Some(notice),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Notice::Lagged),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Client {
    /// Does `command`: when this answers, it is on disk.
    ///
    /// # Errors
    /// [`ClientError`]; nothing was changed then.
    pub async fn command(&self, command: Command) -> Result<Done, ClientError> {
        let (reply, answer) = oneshot::channel();
        let work = Work::Command(command, reply, self.0.activity.start());
        self.0.inbox.send(work).map_err(|_| ClientError::Closed)?;
        answer.await.unwrap_or(Err(ClientError::Closed))
    }

    /// Answers `query` from the vault, on a thread of its own.
    ///
    /// # Errors
    /// [`ClientError::Damaged`], [`ClientError::Storage`], [`ClientError::Closed`].
    pub async fn query(&self, query: Query) -> Result<Answer, ClientError> {
        let (reply, answer) = oneshot::channel();
        self.0.asks.send(Ask::Query(query, reply)).map_err(|_| ClientError::Closed)?;
        answer.await.unwrap_or(Err(ClientError::Closed))
    }

    /// Puts another passphrase (or none) on the profile.
    ///
    /// # Errors
    /// [`ClientError`]; the old one still opens it then.
    pub async fn set_passphrase(&self, unlock: Unlock) -> Result<(), ClientError> {
        let (reply, answer) = oneshot::channel();
        self.0.inbox.send(Work::Passphrase(unlock, reply)).map_err(|_| ClientError::Closed)?;
        answer.await.unwrap_or(Err(ClientError::Closed))
    }

    /// Whether the words of this profile's backups were shown before.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn has_backup_words(&self) -> Result<bool, ClientError> {
        Ok(self.for_backup().await?.1.is_some())
    }

    /// Keeps `words` for every backup from now on. They were shown, and the person has them.
    ///
    /// # Errors
    /// [`ClientError`]; the ones before are kept then.
    pub async fn keep_backup_words(&self, words: BackupWords) -> Result<(), ClientError> {
        let (reply, answer) = oneshot::channel();
        self.0.inbox.send(Work::KeepWords(words, reply)).map_err(|_| ClientError::Closed)?;
        answer.await.unwrap_or(Err(ClientError::Closed))
    }

    /// Writes a backup to `file`, on a thread of its own while everything else goes on, and opens it again before it is in its
    /// place. Afterwards every contact is asked for a fresh recovery key. `hosted`: the profile hosts its relay.
    ///
    /// # Errors
    /// [`BackupError`]; nothing is left of the attempt then.
    pub async fn backup(
        &self,
        file: PathBuf,
        (overwrite, hosted): (bool, bool),
    ) -> Result<Contents, BackupError> {
        let (reader, words) = self.for_backup().await?;
        let words = words.ok_or(BackupError::NoWords)?;
        let order = backup::Order { file, overwrite, backup: Backup { now: (self.0.clock)(), hosted } };
        let (reply, answer) = oneshot::channel();
        let work = move || drop(reply.send(backup::write(&reader, &words, &order)));
        spawn("subrosa-backup", work).map_err(|why| ClientError::Storage(why.to_string()))?;
        let contents = answer.await.unwrap_or(Err(ClientError::Closed.into()))?;
        self.command(Command::BackedUp).await?;
        Ok(contents)
    }

    async fn for_backup(&self) -> Result<(Reader, Option<BackupWords>), ClientError> {
        let (reply, answer) = oneshot::channel();
        self.0.inbox.send(Work::Backup(reply)).map_err(|_| ClientError::Closed)?;
        answer.await.unwrap_or(Err(ClientError::Closed))
    }

    /// Another listener, which hears what is told from now on.
    #[must_use]
    pub fn notices(&self) -> Notices {
        Notices(self.0.board.listen())
    }

    /// Every relay that is in use, by `host:port`, and how it stands.
    #[must_use]
    pub fn relays(&self) -> Vec<(String, RelayState)> {
        self.0.board.relays()
    }

    /// Resolves when nothing is left that the network could do: cells accepted, acks answered, queues open.
    /// An unreachable relay with work keeps it waiting: put a time limit on it.
    pub async fn idle(&self) {
        self.0.activity.idle().await;
    }

    /// Writes everything back, lets go of the relays and of the profile's lock. Other clones answer
    /// [`ClientError::Closed`] from now on.
    pub async fn close(self) {
        self.0.closing.send_replace(true);
        // An error: the keeper ended before it could say so.
        let _ = self.0.closed.clone().wait_for(|closed| *closed).await;
    }
}

#[cfg(test)]
mod tests;
