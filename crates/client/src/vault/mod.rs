//! The vault: every row sealed, in one SQLite file that one process has open.
//!
//! Spec: docs/spec/at-rest.md. Invariant: what [`Vault::run`] returned is on disk; what it refused changed nothing.

mod chat_key;
mod cipher;
mod fault;
mod header;
mod sheet;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use rand_core::CryptoRng;
use subrosa_codec::Millis;
use subrosa_crypto::{BackupWords, Dek};
use subrosa_engine::api::{Answer, CommandError, Done, Query};
use subrosa_engine::backup::{Backup, Contents, ExportError};
use subrosa_engine::rows::Hidden;
use subrosa_engine::{Change, Corrupt, Effect, Event, Job, Table};

pub(crate) use fault::Fault;

use crate::profile::{Lock, Profile};
pub(crate) use sheet::Sheet;

/// The newest format that this version reads and writes.
const FORMAT: u32 = 1;
/// How long after a commit what it replaced may still lie in the write-ahead log.
const SETTLE: Duration = Duration::from_secs(30);

/// What became of one event.
pub(crate) type Outcome = Result<(Vec<Effect>, Option<Result<Done, CommandError>>), Corrupt>;

/// What became of a batch, on disk by now.
#[derive(Debug)]
pub(crate) struct Batch {
    /// For each event, in order.
    pub(crate) outcomes: Vec<Outcome>,
    /// The changes of message rows, for the index of whoever reads beside.
    pub(crate) messages: Vec<Change>,
}

/// An open vault.
pub(crate) struct Vault {
    sheet: Sheet,
    /// Kept to be wrapped under another passphrase.
    dek: Dek,
    profile: Profile,
    /// When something was committed that the log still holds.
    unsettled: Option<Instant>,
    _lock: Lock,
}

impl Vault {
    /// Handles `events` and writes what they change in one transaction. An event that meets a row that can't be read
    /// changes nothing and says so in its outcome; the others go on.
    ///
    /// # Errors
    /// [`Fault`] when the disk refuses: then nothing of the batch was written.
    pub(crate) fn run(
        &mut self,
        events: Vec<Event>,
        now: Millis,
        rng: &mut impl CryptoRng,
    ) -> Result<Batch, Fault> {
        let mut messages = Vec::new();
        let mut changed = false;
        let outcomes = self.sheet.transaction(|sheet| {
            let mut outcomes = Vec::with_capacity(events.len());
            for event in events {
                match sheet.settle(subrosa_engine::handle(sheet, event, now, rng)) {
                    Ok(transition) => {
                        sheet.apply(&transition.changes)?;
                        changed |= !transition.changes.is_empty();
                        messages.extend(transition.changes.into_iter().filter(is_message));
                        outcomes.push(Ok((transition.effects, transition.done)));
                    }
                    Err(Fault::Corrupt(corrupt)) => outcomes.push(Err(corrupt)),
                    Err(fault) => return Err(fault),
                }
            }
            Ok(outcomes)
        })?;
        if changed {
            self.unsettled.get_or_insert_with(Instant::now);
        }
        Ok(Batch { outcomes, messages })
    }

    /// Every effect that still waits for the network.
    pub(crate) fn resume(&self, now: Millis) -> Result<Vec<Effect>, Fault> {
        self.sheet.transaction(|sheet| sheet.settle(subrosa_engine::resume(sheet, now)))
    }

    /// What the network needs for `effect`; `None` when it is done already.
    pub(crate) fn job(&self, effect: &Effect) -> Result<Option<Job>, Fault> {
        self.sheet.settle(subrosa_engine::job(&self.sheet, effect))
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn settles_at(&self) -> Option<Instant> {
        self.unsettled.map(|since| since + SETTLE)
    }

    /// Writes the log back and cuts it to nothing, so that what was replaced or erased is in no file.
    pub(crate) fn settle(&mut self) -> Result<(), Fault> {
        // A query that runs on the other connection is waited for.
        let busy: i64 =
            self.sheet.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        // Again later, when the reader was in the way all the time.
        self.unsettled = if busy == 0 { None } else { Some(Instant::now()) };
        Ok(())
    }

    /// Tries [`settle`](Self::settle) again a while later.
    pub(crate) fn postpone(&mut self) {
        self.unsettled = Some(Instant::now());
    }

    /// Lets the file grow by `pages` and no more: a full disk, for tests.
    #[cfg(test)]
    pub(crate) fn confine(&self, pages: u32) {
        let connection = self.sheet.connection();
        let now: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", now + pages).unwrap();
    }

    /// The words of this profile's backups.
    pub(crate) fn words(&self) -> Result<Option<BackupWords>, Fault> {
        let kept = self.sheet.transaction(|sheet| sheet.settle(subrosa_engine::backup::words(sheet)))?;
        Ok(kept
            .and_then(|kept| kept.array().map(zeroize::Zeroizing::new))
            .map(|kept| BackupWords::from_bytes(&kept)))
    }

    /// Keeps the words of the backups to come.
    pub(crate) fn keep_words(&mut self, words: &BackupWords) -> Result<(), Fault> {
        self.sheet.transaction(|sheet| {
            let hidden = Hidden::copy(words.expose());
            sheet.apply(&sheet.settle(subrosa_engine::backup::keep_words(sheet, hidden))?)
        })?;
        self.unsettled.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// A second, read-only connection for the screen's queries.
    pub(crate) fn reader(&self) -> Result<Reader, Fault> {
        let connection = sheet::connect_reader(&self.profile.vault())?;
        Ok(Reader { sheet: Sheet::new(connection, self.sheet.cipher().clone()) })
    }

    /// Writes back, closes the file, and lets go of the lock.
    pub(crate) fn close(mut self) -> Result<(), Fault> {
        self.settle()
    }
}

fn is_message(change: &Change) -> bool {
    match change {
        Change::Put(key, _) | Change::Erase(key) => key.table == Table::Message,
        Change::EraseAll { table, .. } => *table == Table::Message,
    }
}

/// Answers queries beside the [`Vault`] that writes.
pub(crate) struct Reader {
    sheet: Sheet,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader(..)")
    }
}

impl Reader {
    /// The answer as of the last commit.
    pub(crate) fn query(&self, query: &Query, now: Millis) -> Result<Answer, Fault> {
        self.sheet.transaction(|sheet| sheet.settle(subrosa_engine::query(sheet, query, now)))
    }

    /// Writes the content of a backup, of one state of the vault, to `take`.
    pub(crate) fn export<E>(
        &self,
        backup: Backup,
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<Contents, ExportError<E>>, Fault> {
        self.sheet.transaction(|sheet| match subrosa_engine::backup::export(sheet, backup, take) {
            Err(ExportError::Corrupt(corrupt)) => sheet.settle(Err(corrupt)),
            done => Ok(done),
        })
    }

    /// Takes a committed change of a message row into account.
    pub(crate) fn learn(&self, change: &Change) {
        self.sheet.learn(change);
    }
}
