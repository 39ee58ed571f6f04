//! [`Records`]: what is small, a record each, in a slab of their own and in memory.
//!
//! Spec: docs/adr/0011-records-in-a-slab.md. Invariant: a record lies inside one sector and says all of its thing, so that
//! a change is on disk whole or not at all; what is erased is overwritten in the same commit.
//!
//! ```text
//! file = records of 128 bytes, the first of the store itself
//! ```

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;
use subrosa_codec::Day;
use subrosa_wire::{AdmitId, BlobId, InviteId, OwnerId, QueueId, ReadId};

use crate::slab::{Disk, DiskError, PutError, is_full};
use crate::store::calendar::Calendar;
use crate::store::rows::{BlobRow, InviteRow, Name, QueueRow, RECORD_LEN, Row, StoreRow, TokenRow};
use crate::store::spread::Spread;

/// How many records the file grows by: 1 MiB.
const STEP: u32 = 8_192;
/// How many are read at once when it is opened.
const READ: u32 = 8_192;

/// All records, in memory: found by name, and by the day on which they end.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Option<Row>>,
    /// Twice the place in `rows`, and one more for the second of its names: ids are not kept a second time.
    entries: HashTable<u32>,
    hasher: Spread,
    calendar: Calendar,
    counts: Counts,
}

/// Counts that limits are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) queues: u64,
    pub(crate) invites: u64,
    pub(crate) blobs: u64,
    pub(crate) tokens: u64,
    /// Chunks of all blobs, those not yet put included.
    pub(crate) promised: u64,
}

impl Counts {
    fn change(&mut self, row: &Row, by: i64) {
        let count = match row {
            Row::Queue(..) => &mut self.queues,
            Row::Invite(..) => &mut self.invites,
            Row::Blob(_, blob) => {
                self.promised = self.promised.wrapping_add_signed(by * i64::from(blob.chunks));
                &mut self.blobs
            }
            Row::Token(..) => &mut self.tokens,
        };
        *count = count.wrapping_add_signed(by);
    }
}

impl Table {
    /// Where the record of this name lies.
    fn place(&self, name: Name) -> Option<u32> {
        let entry =
            self.entries.find(self.hasher.hash_one(name), |entry| self.named(*entry) == Some(name))?;
        Some(entry / 2)
    }

    /// The name that an entry is for.
    fn named(&self, entry: u32) -> Option<Name> {
        Some(self.row(entry / 2)?.names()[entry as usize % 2])
    }

    /// The record at a place.
    pub(crate) fn row(&self, place: u32) -> Option<&Row> {
        self.rows.get(place as usize)?.as_ref()
    }

    pub(crate) fn find(&self, name: Name) -> Option<&Row> {
        self.row(self.place(name)?)
    }

    pub(crate) fn queue(&self, id: QueueId) -> Option<QueueRow> {
        match self.find(Name::Queue(id))? {
            Row::Queue(_, row) => Some(*row),
            _ => None,
        }
    }

    pub(crate) fn read_by(&self, read: ReadId) -> Option<QueueId> {
        match self.find(Name::Read(read))? {
            Row::Queue(id, _) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn invite(&self, id: InviteId) -> Option<InviteRow> {
        match self.find(Name::Invite(id))? {
            Row::Invite(_, row) => Some(*row),
            _ => None,
        }
    }

    pub(crate) fn blob(&self, id: BlobId) -> Option<BlobRow> {
        match self.find(Name::Blob(id))? {
            Row::Blob(_, row) => Some(*row),
            _ => None,
        }
    }

    pub(crate) fn token(&self, id: AdmitId) -> Option<TokenRow> {
        match self.find(Name::Token(id))? {
            Row::Token(_, row) => Some(*row),
            _ => None,
        }
    }

    /// What this right is to: an invite or a blob.
    pub(crate) fn owned_by(&self, owner: OwnerId) -> Option<Row> {
        self.find(Name::Owner(owner)).copied()
    }

    /// Every record, in the order of the file.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    pub(crate) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Some record whose last day is before `today`.
    pub(crate) fn expired(&mut self, today: Day) -> Option<Row> {
        let place = self.calendar.expired(today)?;
        self.row(place).copied()
    }

    /// Makes room for so many places at once.
    fn reserve(&mut self, places: u32) {
        self.rows.reserve_exact(places as usize);
        // The table is empty yet: there is nothing to move.
        self.entries.reserve(places as usize * 2, |_| 0);
    }

    fn insert(&mut self, place: u32, row: Row) {
        if self.rows.len() <= place as usize {
            self.rows.resize(place as usize + 1, None);
        }
        self.rows[place as usize] = Some(row);
        let Self { rows, entries, hasher, .. } = self;
        let rehash = |entry: &u32| {
            let row = rows.get((entry / 2) as usize).and_then(Option::as_ref);
            row.map_or(0, |row| hasher.hash_one(row.names()[*entry as usize % 2]))
        };
        for (which, name) in (0..).zip(row.names()) {
            entries.insert_unique(hasher.hash_one(name), place * 2 + which, rehash);
        }
        self.calendar.note(place, row.last_day());
        self.counts.change(&row, 1);
    }

    fn remove(&mut self, place: u32) -> Option<Row> {
        let row = self.row(place).copied()?;
        for (which, name) in (0..).zip(row.names()) {
            let entry = place * 2 + which;
            if let Ok(found) = self.entries.find_entry(self.hasher.hash_one(name), |other| *other == entry) {
                found.remove();
            }
        }
        self.rows[place as usize] = None;
        self.calendar.forget(place);
        self.counts.change(&row, -1);
        Some(row)
    }
}

/// How a file of records is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// It is empty, or its creation was cut short.
    Fresh,
    /// It is whole.
    Whole(StoreRow),
    /// It is not: the first record is not whole, another is not, two have one name, or it is too short.
    Damaged,
}

/// The records of a store. Changes are seen at once, and are durable after [`Records::sync`].
pub(crate) struct Records {
    disk: Arc<dyn Disk>,
    table: Arc<RwLock<Table>>,
    store: StoreRow,
    /// What of `store` is on its way to the disk.
    written: Option<StoreRow>,
    free: Vec<u32>,
    /// How many free places were drawn.
    drawn: u64,
    /// What this commit writes. Not even the system's cache has it before the bodies are durable: a power cut may keep a
    /// record that was never synced, and it must not name a body that is lost.
    pending: BTreeMap<u32, [u8; RECORD_LEN]>,
    /// Names that a record gives up in this commit.
    freed: HashSet<Name>,
}

impl Records {
    /// Reads all records; those that are not whole are named to `bad`, by their place.
    pub(crate) fn open(disk: Arc<dyn Disk>, mut bad: impl FnMut(u32)) -> Result<(Self, Opened), DiskError> {
        let len = u32::try_from(disk.len() / RECORD_LEN as u64).map_err(io::Error::other)?;
        let mut table = Table::default();
        table.reserve(len);
        let (mut free, mut first, mut damaged) = (Vec::new(), Ok(None), false);
        let mut buffer = vec![0; READ as usize * RECORD_LEN];
        for start in (0..len).step_by(READ as usize) {
            let bytes = &mut buffer[..READ.min(len - start) as usize * RECORD_LEN];
            disk.read_at(bytes, u64::from(start) * RECORD_LEN as u64)?;
            for (place, record) in (start..).zip(bytes.as_chunks().0) {
                if place == 0 {
                    first = StoreRow::parse(record);
                    continue;
                }
                match Row::parse(record) {
                    Ok(None) => free.push(place),
                    Ok(Some(row)) if row.names().iter().all(|name| table.find(*name).is_none()) => {
                        table.insert(place, row);
                    }
                    _ => {
                        damaged = true;
                        bad(place);
                    }
                }
            }
        }
        let empty = !damaged && table.rows().next().is_none();
        let opened = match first {
            Ok(Some(store)) if damaged || len < store.records => Opened::Damaged,
            Ok(Some(store)) => Opened::Whole(store),
            _ if empty => Opened::Fresh,
            _ => Opened::Damaged,
        };
        let store = first.ok().flatten().unwrap_or(StoreRow::fresh([0; 16]));
        let table = Arc::new(RwLock::new(table));
        Ok((
            Self {
                disk,
                table,
                store,
                written: None,
                free,
                drawn: 0,
                pending: BTreeMap::new(),
                freed: HashSet::new(),
            },
            opened,
        ))
    }

    pub(crate) fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handle that reads beside the committer.
    pub(crate) fn reader(&self) -> RecordsReader {
        RecordsReader(Arc::clone(&self.table))
    }

    /// Some record whose last day is before `today`.
    pub(crate) fn expired(&self, today: Day) -> Option<Row> {
        self.table_mut().expired(today)
    }

    /// What the store keeps of itself.
    pub(crate) const fn store(&self) -> &StoreRow {
        &self.store
    }

    /// Changes what the store keeps of itself; written by the next [`Records::sync`].
    pub(crate) fn set_store(&mut self, change: impl FnOnce(&mut StoreRow)) {
        change(&mut self.store);
    }

    /// Has the next [`Records::sync`] write what the store keeps of itself, changed or not.
    pub(crate) const fn rewrite_store(&mut self) {
        self.written = None;
    }

    /// Makes room for one more record; `false` when the disk has none.
    pub(crate) fn reserve(&mut self) -> Result<bool, DiskError> {
        if !self.free.is_empty() {
            return Ok(true);
        }
        match self.grow() {
            Ok(()) => Ok(true),
            Err(PutError::Full) => Ok(false),
            Err(PutError::Disk(error)) => Err(error),
        }
    }

    fn grow(&mut self) -> Result<(), PutError> {
        let old = u32::try_from(self.disk.len() / RECORD_LEN as u64).map_err(|_| PutError::Full)?;
        let new = old.checked_add(STEP).filter(|new| *new < u32::MAX / 2).ok_or(PutError::Full)?;
        match self.disk.grow(u64::from(new) * RECORD_LEN as u64) {
            Ok(()) => {}
            Err(error) if is_full(&error) => return Err(PutError::Full),
            Err(error) => return Err(DiskError::from(error).into()),
        }
        // The length first: the first record must never tell of one that a power cut takes back.
        self.disk.sync().map_err(DiskError::from)?;
        self.free.extend(old.max(1)..new);
        self.store.records = new;
        Ok(())
    }

    /// Whether a name of `row` is given up by another record in this commit. That must be durable first: a cut could
    /// leave both.
    pub(crate) fn clashes(&self, row: &Row) -> bool {
        row.names().iter().any(|name| self.freed.contains(name))
    }

    /// Writes a record, over the one of the same name if there is one.
    pub(crate) fn put(&mut self, row: Row) -> Result<(), PutError> {
        let [own, _] = row.names();
        let old = self.table().place(own);
        let place = match old {
            Some(place) => place,
            None if self.reserve()? => self.any_free(),
            None => return Err(PutError::Full),
        };
        self.pending.insert(place, row.write());
        let mut table = self.table_mut();
        let replaced = table.remove(place);
        table.insert(place, row);
        drop(table);
        let given_up = replaced.into_iter().flat_map(|old| old.names());
        self.freed.extend(given_up.filter(|name| !row.names().contains(name)));
        Ok(())
    }

    /// Some free place, by chance: the order of the file must not tell which things were made together.
    fn any_free(&mut self) -> u32 {
        self.drawn += 1;
        let draw = self.table().hasher.hash_one(self.drawn) as usize;
        let at = draw % self.free.len().max(1);
        self.free.swap_remove(at)
    }

    /// Overwrites the record of this name, if there is one.
    pub(crate) fn erase(&mut self, name: Name) {
        let Some(place) = self.table().place(name) else { return };
        self.pending.insert(place, [0; RECORD_LEN]);
        let erased = self.table_mut().remove(place);
        self.freed.extend(erased.into_iter().flat_map(|row| row.names()));
        // Used again at once: what lies inside one sector can't be mixed with what lay there.
        self.free.push(place);
    }

    /// Overwrites whatever is at `place`.
    pub(crate) fn blank(&mut self, place: u32) {
        self.pending.insert(place, [0; RECORD_LEN]);
        self.table_mut().remove(place);
        self.free.push(place);
    }

    /// The whole file as it is after an orderly end now. Between commits only.
    pub(crate) fn copy_in_order(&self) -> Result<Vec<u8>, DiskError> {
        let mut bytes = vec![0; usize::try_from(self.disk.len()).map_err(io::Error::other)?];
        self.disk.read_at(&mut bytes, 0)?;
        let own = StoreRow { clean: true, ..self.store };
        if let Some(first) = bytes.first_chunk_mut() {
            *first = own.write();
        }
        Ok(bytes)
    }

    /// How many records the file has room for, the store's own included.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.disk.len() / RECORD_LEN as u64).unwrap_or(u32::MAX)
    }

    /// Makes all changes durable.
    pub(crate) fn sync(&mut self) -> Result<(), DiskError> {
        if self.written != Some(self.store) {
            if self.disk.is_empty() {
                self.grow().map_err(|error| match error {
                    PutError::Full => DiskError::from(io::Error::from(io::ErrorKind::StorageFull)),
                    PutError::Disk(error) => error,
                })?;
            }
            self.pending.insert(0, self.store.write());
            self.written = Some(self.store);
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        self.freed.clear();
        for (place, record) in std::mem::take(&mut self.pending) {
            self.disk.write_at(&record, u64::from(place) * RECORD_LEN as u64)?;
        }
        Ok(self.disk.sync()?)
    }
}

/// Reads records beside the one writer of [`Records`].
#[derive(Clone)]
pub(crate) struct RecordsReader(Arc<RwLock<Table>>);

impl RecordsReader {
    pub(crate) fn queue(&self, id: QueueId) -> Option<QueueRow> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).queue(id)
    }

    pub(crate) fn blob(&self, id: BlobId) -> Option<BlobRow> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).blob(id)
    }
}
