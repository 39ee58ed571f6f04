//! [`Records`]: the small rows, in sled, with a sync of our own behind its flush.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Records". Invariant: when [`Records::commit`] returns, every row of it
//! is on disk; the rows of one operation are there together or not at all.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use sled::IVec;

use crate::store::rows::Key;

/// Operations in one sled batch; one of 1,500 was seen to take 10 GiB of memory, 256 are fine.
const BATCH: usize = 256;
/// More than half a segment of small rows between two syncs is what sled was never seen to survive badly.
const SEGMENT: usize = 16 << 20;
/// How often sled writes by itself, in milliseconds; promises rest on our commits, not on this.
const FLUSH_EVERY: u64 = 200;

/// sled's threads may hold its file for a moment after it was closed in this very process; that another process
/// holds the store is known from a lock of our own.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// The records failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// sled reports it.
    #[error("the records failed: {0}")]
    Sled(#[from] sled::Error),
    /// The file system reports it.
    #[error("the records failed: {0}")]
    Io(#[from] io::Error),
}

/// A key and its new row; `None` erases.
type Change = (Vec<u8>, Option<Vec<u8>>);

/// The rows. Changes are seen by [`Records::get`] at once and are durable after [`Records::commit`].
pub(crate) struct Records {
    db: sled::Db,
    /// sled's own file, held: its `flush` is a sync_file_range, which keeps no promise, and a write-back error is
    /// reported once per descriptor.
    file: File,
    /// What this commit changes.
    overlay: HashMap<Vec<u8>, Option<Vec<u8>>>,
    /// What the current operation changes.
    operation: Vec<Change>,
    /// Whole operations in order, each batch with its length.
    batches: Vec<(sled::Batch, usize)>,
}

impl Records {
    /// Opens the records in `folder`, created if missing; `cache` is in bytes.
    pub(crate) fn open(folder: &Path, cache: u64) -> Result<Self, RecordsError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(cache)
            .segment_size(SEGMENT)
            .flush_every_ms(Some(FLUSH_EVERY));
        let mut tries = LOCK_TRIES;
        let db = loop {
            match config.open() {
                Err(error) if tries > 0 && is_locked(&error) => tries -= 1,
                opened => break opened?,
            }
            std::thread::sleep(LOCK_PAUSE);
        };
        let file = File::options().read(true).write(true).open(folder.join("db"))?;
        Ok(Self { db, file, overlay: HashMap::new(), operation: Vec::new(), batches: Vec::new() })
    }

    /// The row under `key`, with the changes of this commit.
    pub(crate) fn get(&self, key: Key<'_>) -> Result<Option<IVec>, RecordsError> {
        let key = key.write();
        match self.overlay.get(&key) {
            Some(change) => Ok(change.as_deref().map(IVec::from)),
            None => Ok(self.db.get(&key)?),
        }
    }

    /// A handle that reads durable rows beside the committer.
    pub(crate) fn reader(&self) -> RecordsReader {
        RecordsReader(self.db.clone())
    }

    /// The durable rows whose keys start with `prefix`, in order, without the changes of this commit.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(IVec, IVec), RecordsError>> + use<> {
        self.db.scan_prefix(prefix).map(|row| row.map_err(RecordsError::from))
    }

    /// Up to `max` keys `prefix | day big-endian | …` with a day before `end`, with the changes of this commit.
    pub(crate) fn before(&self, prefix: u8, end: u16, max: usize) -> Result<Vec<Vec<u8>>, RecordsError> {
        let [high, low] = end.to_be_bytes();
        let range = vec![prefix]..vec![prefix, high, low];
        let fresh = self.overlay.iter().filter(|(key, row)| row.is_some() && range.contains(*key));
        let mut keys: Vec<Vec<u8>> = fresh.map(|(key, _)| key.clone()).take(max).collect();
        for row in self.db.range(range.clone()) {
            if keys.len() >= max {
                break;
            }
            let (key, _) = row?;
            if !self.overlay.contains_key(&*key) {
                keys.push(key.to_vec());
            }
        }
        Ok(keys)
    }

    /// Sets the row under `key`.
    pub(crate) fn put(&mut self, key: Key<'_>, row: Vec<u8>) {
        self.change(key.write(), Some(row));
    }

    /// Erases the row under `key`.
    pub(crate) fn erase(&mut self, key: Key<'_>) {
        self.change(key.write(), None);
    }

    fn change(&mut self, key: Vec<u8>, row: Option<Vec<u8>>) {
        self.overlay.insert(key.clone(), row.clone());
        self.operation.push((key, row));
    }

    /// Ends an operation: its changes go into one batch, so that they are there together or not at all.
    pub(crate) fn end_operation(&mut self) {
        let len = self.operation.len();
        if len == 0 {
            return;
        }
        if self.batches.last().is_none_or(|(_, used)| used + len > BATCH) {
            self.batches.push((sled::Batch::default(), 0));
        }
        if let Some((batch, used)) = self.batches.last_mut() {
            *used += len;
            for (key, row) in self.operation.drain(..) {
                match row {
                    Some(row) => batch.insert(key, row),
                    None => batch.remove(key),
                }
            }
        }
    }

    /// Makes all changes durable.
    pub(crate) fn commit(&mut self) -> Result<(), RecordsError> {
        self.end_operation();
        self.overlay.clear();
        if self.batches.is_empty() {
            return Ok(());
        }
        for (batch, _) in self.batches.drain(..) {
            self.db.apply_batch(batch)?;
        }
        self.db.flush()?;
        self.file.sync_data()?;
        Ok(())
    }
}

/// Reads rows beside the one writer of [`Records`].
pub(crate) struct RecordsReader(sled::Db);

impl RecordsReader {
    /// The row under `key`, as of the last commit or a later one.
    pub(crate) fn get(&self, key: Key<'_>) -> Result<Option<IVec>, RecordsError> {
        Ok(self.0.get(key.write())?)
    }
}
