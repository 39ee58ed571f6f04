//! Opening a store: the lock, the manifest, the records, the boot counter, and the index out of the slab headers.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Opening"; docs/adr/0011-records-in-a-slab.md. Invariant: never a silent empty
//! store: where a manifest names one, all of its files are there and as long as they were, or nothing is served.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, RwLock};

use subrosa_relay_core::{Knowledge, Limits, StoreFault};
use subrosa_wire::{BlobId, InviteId, QueueId};

use crate::files;
use crate::slab::{Disk, DiskError, FileDisk, Header, Scan, Slab, Slot};
use crate::store::index::{Index, Place};
use crate::store::manifest::{FORMAT, Manifest};
use crate::store::records::{Opened, Records, Table};
use crate::store::room::Room;
use crate::store::rows::{InviteRow, Name, Row, StoreRow};
use crate::store::{BUNDLE, CELL, CHUNK, SlabStore, StoreSettings};

pub(super) const MANIFEST: &str = "MANIFEST";
pub(super) const LOCK: &str = "lock";
pub(super) const RECORDS: &str = "records.slab";
pub(super) const CELLS: &str = "cells.slab";
pub(super) const CHUNKS: &str = "chunks.slab";

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process holds it.
    #[error(
        "another relay is running on this data folder; stop it first, or choose another folder with --data"
    )]
    InUse,
    /// A later version wrote it.
    #[error(
        "this store was written by a newer version (format {format}, this is {FORMAT}); update subrosa-relay"
    )]
    Newer {
        /// The format of the store.
        format: u32,
    },
    /// A version before the first release wrote it.
    #[error(
        "this store was written by a version before the first release (format {format}, this is {FORMAT}), whose records \
         can't be read any more; nothing was changed. Move the folder away to begin anew"
    )]
    Older {
        /// The format of the store.
        format: u32,
    },
    /// A file is not there, or is shorter than it was, or is of another store.
    #[error(
        "{file} is missing, is shorter than it was, or is of another store; nothing was changed. Restore the data \
         folder with `subrosa-relay restore`, or see what is left with `subrosa-relay check`"
    )]
    Lost {
        /// The file.
        file: &'static str,
    },
    /// A file is not what it should be.
    #[error(
        "the store is damaged: {0}; nothing was changed. `subrosa-relay check` tells what, `subrosa-relay repair` \
         saves the rest, `subrosa-relay restore` brings back a backup"
    )]
    Damaged(&'static str),
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A slab's disk refuses.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The store failed while it was opened.
    #[error(transparent)]
    Fault(#[from] StoreFault),
}

/// The disks that a store lies on.
pub(crate) struct Disks {
    pub(crate) records: Arc<dyn Disk>,
    pub(crate) cells: Arc<dyn Disk>,
    pub(crate) chunks: Arc<dyn Disk>,
}

impl Disks {
    /// Those in `folder`, each opened by `open`.
    pub(super) fn of(folder: &Path, open: impl Fn(&Path) -> io::Result<FileDisk>) -> Result<Self, OpenError> {
        let disk = |file: &'static str| match open(&folder.join(file)) {
            Ok(disk) => Ok(Arc::new(disk)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::Lost { file }),
            Err(error) => Err(error.into()),
        };
        Ok(Self { records: disk(RECORDS)?, cells: disk(CELLS)?, chunks: disk(CHUNKS)? })
    }
}

impl SlabStore {
    /// Opens the store in `folder`, created if the folder holds none.
    ///
    /// # Errors
    /// [`OpenError`]; the folder is then as it was.
    pub fn open(folder: &Path, settings: StoreSettings, limits: Limits) -> Result<Self, OpenError> {
        Self::open_on(folder, settings, limits, |known| {
            Disks::of(folder, |path| if known { FileDisk::open_existing(path) } else { FileDisk::open(path) })
        })
    }

    /// [`SlabStore::open`] on disks that the caller makes, once the lock is held; it is told whether they must be there.
    pub(crate) fn open_on(
        folder: &Path,
        settings: StoreSettings,
        limits: Limits,
        disks: impl FnOnce(bool) -> Result<Disks, OpenError>,
    ) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let manifest = read_manifest(folder)?;
        let disks = disks(manifest.is_some())?;
        let (mut records, opened) = Records::open(Arc::clone(&disks.records), |_| {})?;
        match manifest {
            Some(manifest) => identify(&manifest, opened, &disks)?,
            None => create(folder, &mut records, opened, &disks)?,
        }
        let scan = if records.store().clean { Scan::Headers } else { Scan::Bodies };
        let (mut store, lost) = assemble(records, &disks, scan, settings)?;
        if scan == Scan::Headers && !(lost.is_empty() && store.strays() == 0) {
            return Err(OpenError::Damaged(
                "the relay was stopped in order, and yet something is half there",
            ));
        }
        // Before anything is served: places given in this boot are above all earlier ones.
        store.boot += 1;
        let boot = u32::try_from(store.boot).unwrap_or(u32::MAX);
        store.records.set_store(|row| (row.boot, row.clean) = (boot, false));
        for id in lost {
            store.records.erase(Name::Invite(id));
        }
        store.sync()?;
        store.limits = limits;
        store.room = Some(Room::of(folder, settings.reserve)?);
        store.lock = Some(lock);
        Ok(store)
    }

    /// Slots that hold what no record names.
    pub(super) const fn strays(&self) -> u64 {
        self.cells.strays() + self.chunks.strays()
    }
}

/// Everything the store in `folder` keeps; `None` when there is no store. Nothing is written, but that the lock's empty
/// file is made if it is missing.
///
/// # Errors
/// [`OpenError`]; [`OpenError::InUse`] while a relay serves it.
pub fn inspect(folder: &Path, rows: usize) -> Result<Option<Knowledge>, OpenError> {
    if read_manifest(folder)?.is_none() {
        return Ok(None);
    }
    let _lock = lock(folder)?;
    let Some(manifest) = read_manifest(folder)? else { return Ok(None) };
    let disks = Disks::of(folder, FileDisk::open_read_only)?;
    let (records, opened) = Records::open(Arc::clone(&disks.records), |_| {})?;
    identify(&manifest, opened, &disks)?;
    let (store, _) = assemble(records, &disks, Scan::Headers, StoreSettings::default())?;
    Ok(Some(store.whole_knowledge(rows)))
}

/// The format of the store in `folder`, if this version can serve it; `None` when there is no store.
///
/// # Errors
/// [`OpenError::Newer`], [`OpenError::Older`], or what the file system reports.
pub fn format(folder: &Path) -> Result<Option<u32>, OpenError> {
    Ok(read_manifest(folder)?.map(|manifest| manifest.format))
}

pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(folder.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

pub(super) fn read_manifest(folder: &Path) -> Result<Option<Manifest>, OpenError> {
    let Some(bytes) = files::read_if_there(&folder.join(MANIFEST))? else { return Ok(None) };
    let manifest = Manifest::parse(&bytes).map_err(|_| OpenError::Damaged("MANIFEST is not one of ours"))?;
    match manifest.format {
        FORMAT => Ok(Some(manifest)),
        format if format > FORMAT => Err(OpenError::Newer { format }),
        format => Err(OpenError::Older { format }),
    }
}

/// The files are those that the manifest names, and as long as they were.
pub(super) fn identify(manifest: &Manifest, opened: Opened, disks: &Disks) -> Result<(), OpenError> {
    let store = match opened {
        Opened::Whole(store) if store.store_id == manifest.store_id => store,
        Opened::Whole(_) | Opened::Fresh => return Err(OpenError::Lost { file: RECORDS }),
        Opened::Damaged => {
            return Err(OpenError::Damaged("records.slab has lost records, or they are not whole"));
        }
    };
    let shorter = |disk: &Arc<dyn Disk>, groups: u32, group: u64| disk.len() < u64::from(groups) * group;
    if shorter(&disks.cells, store.cell_groups, Slab::<{ subrosa_codec::CELL_LEN }>::GROUP_LEN) {
        return Err(OpenError::Lost { file: CELLS });
    }
    if shorter(&disks.chunks, store.chunk_groups, Slab::<{ subrosa_wire::CHUNK_LEN }>::GROUP_LEN) {
        return Err(OpenError::Lost { file: CHUNKS });
    }
    Ok(())
}

/// Writes a fresh store's own record, then, when all names are durable, its manifest. Until the manifest is there nothing
/// was served, so that whatever a cut left of an earlier creation may be written over; but nothing else.
fn create(folder: &Path, records: &mut Records, opened: Opened, disks: &Disks) -> Result<(), OpenError> {
    let used = matches!(opened, Opened::Whole(store) if store.boot > 0);
    if used || opened == Opened::Damaged || !disks.cells.is_empty() || !disks.chunks.is_empty() {
        return Err(OpenError::Lost { file: MANIFEST });
    }
    let random = crate::identity::random().map_err(|_| io::Error::other("no randomness"))?;
    let mut store_id = [0; 16];
    store_id.copy_from_slice(&random[..16]);
    let grown = records.store().records;
    records.set_store(|store| *store = StoreRow { records: grown, ..StoreRow::fresh(store_id) });
    records.sync()?;
    files::sync_folder(folder)?;
    files::write_new(&folder.join(MANIFEST), &Manifest { format: FORMAT, store_id }.write())?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        files::sync_folder(parent)?;
    }
    Ok(())
}

/// Builds the index: every slot whose owner has a record, and nothing else. Beside the store: invites whose bundle never
/// became durable, or whose erasing was cut short: never acknowledged, or revoked.
pub(super) fn assemble(
    records: Records,
    disks: &Disks,
    scan: Scan,
    settings: StoreSettings,
) -> Result<(SlabStore, Vec<InviteId>), DiskError> {
    let own = *records.store();
    let mut index = Index::at(own.day);
    let table = records.table();
    let slots = disks.cells.len() / subrosa_codec::CELL_LEN as u64;
    index.queues.reserve(usize::try_from(table.counts().queues.min(slots)).unwrap_or(0));
    let mut found = HashSet::new();
    let cells = Slab::open(Arc::clone(&disks.cells), settings.grow, scan, |slot, header| {
        keep_cell(&table, &mut index, &mut found, (slot, header))
    })?;
    let chunks = Slab::open(Arc::clone(&disks.chunks), settings.grow, scan, |slot, header| {
        keep_chunk(&table, &mut index, (slot, header))
    })?;
    let without_bundle = |row: &Row| match row {
        Row::Invite(id, _) if !found.contains(id) => Some(*id),
        _ => None,
    };
    let lost = table.rows().filter_map(without_bundle).collect();
    drop(table);
    let store = SlabStore {
        records,
        cells,
        chunks,
        index: Arc::new(RwLock::new(index)),
        limits: Limits::default(),
        room: None,
        tight: false,
        today: own.day,
        boot: u64::from(own.boot),
        retired: Vec::new(),
        lock: None,
    };
    Ok((store, lost))
}

/// Whether a slot of the cell slab has an owner; if so, the index has it.
fn keep_cell(
    table: &Table,
    index: &mut Index,
    found: &mut HashSet<InviteId>,
    (slot, header): (Slot, &Header),
) -> bool {
    match header.kind {
        CELL => {
            let queue = QueueId::from_bytes(header.owner);
            let known = table.queue(queue).is_some();
            if known {
                index.insert(queue, Place { seq: header.seq, slot, expires: header.expires });
            }
            known
        }
        BUNDLE => {
            let id = InviteId::from_bytes(header.owner);
            let named = |row: InviteRow| row.slot == slot.0 && row.expires == header.expires;
            table.invite(id).is_some_and(named) && found.insert(id)
        }
        _ => false,
    }
}

/// Whether a slot of the chunk slab has an owner; if so, the index has it.
fn keep_chunk(table: &Table, index: &mut Index, (slot, header): (Slot, &Header)) -> bool {
    let id = BlobId::from_bytes(header.owner);
    let Some(row) = table.blob(id) else { return false };
    let (Ok(chunk), true) = (u32::try_from(header.seq), header.kind == CHUNK) else { return false };
    if chunk >= row.chunks || row.expires != header.expires {
        return false;
    }
    let fresh = index.blobs.entry(id).or_default().insert(chunk, slot).is_none();
    index.chunks += u64::from(fresh);
    fresh
}
