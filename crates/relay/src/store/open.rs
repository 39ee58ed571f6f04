//! Opening a store: the lock, the manifest, the boot counter, and the index out of the slab headers.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Opening". Invariant: never a silent empty store: where a manifest names
//! one, its records are there, or nothing is served.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, RwLock};

use subrosa_codec::Day;
use subrosa_relay_core::{Knowledge, Limits, StoreFault};
use subrosa_wire::{BlobId, InviteId, QueueId};

use crate::files;
use crate::slab::{Disk, DiskError, FileDisk, Header, Scan, Slab, Slot};
use crate::store::index::{Index, Place};
use crate::store::manifest::{FORMAT, Manifest};
use crate::store::records::{Records, RecordsError};
use crate::store::room::Room;
use crate::store::rows::{BlobRow, Expiring, InviteRow, Key, parse_id};
use crate::store::{BUNDLE, CELL, CHUNK, SlabStore, Totals};

const MANIFEST: &str = "MANIFEST";
const LOCK: &str = "lock";
const RECORDS: &str = "records";
const CELLS: &str = "cells.slab";
const CHUNKS: &str = "chunks.slab";

/// Names of rows under `m|`.
const STORE_ID: &str = "store id";
const SCHEMA: &str = "schema";
const BOOT: &str = "boot";
pub(super) const DAY: &str = "day";
pub(super) const CLEAN: &str = "clean";

/// What the operator may set about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Bytes of records that sled keeps in memory.
    pub cache: u64,
    /// Bytes that a slab grows by when it is full.
    pub grow: u64,
    /// Bytes that must stay free on the disk: below that, new things are refused.
    pub reserve: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { cache: 64 << 20, grow: 64 << 20, reserve: 256 << 20 }
    }
}

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
    /// The manifest names a store whose records are gone.
    #[error(
        "the records of this store are missing or are those of another store, though MANIFEST names one; \
         nothing was changed. Restore the whole data folder from a backup, or move it away to begin anew"
    )]
    Lost,
    /// A file is not what it should be.
    #[error("the store is damaged: {0}; nothing was changed. Restore the data folder from a backup")]
    Damaged(&'static str),
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The records refuse.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A slab's disk refuses.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The store failed while it was opened.
    #[error(transparent)]
    Fault(#[from] StoreFault),
}

/// The two slabs' disks.
pub(crate) struct Disks {
    pub(crate) cells: Arc<dyn Disk>,
    pub(crate) chunks: Arc<dyn Disk>,
}

impl SlabStore {
    /// Opens the store in `folder`, created if the folder holds none.
    ///
    /// # Errors
    /// [`OpenError`]; the folder is then as it was.
    pub fn open(folder: &Path, settings: StoreSettings, limits: Limits) -> Result<Self, OpenError> {
        Self::open_on(folder, settings, limits, || {
            let cells = Arc::new(FileDisk::open(&folder.join(CELLS))?);
            let chunks = Arc::new(FileDisk::open(&folder.join(CHUNKS))?);
            Ok(Disks { cells, chunks })
        })
    }

    /// [`SlabStore::open`] on disks that the caller makes, once the lock is held.
    pub(crate) fn open_on(
        folder: &Path,
        settings: StoreSettings,
        limits: Limits,
        disks: impl FnOnce() -> io::Result<Disks>,
    ) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let manifest = read_manifest(folder)?;
        let mut records = open_records(folder, settings.cache)?;
        let store_id = identify(&mut records, manifest)?;
        let disks = disks()?;
        if manifest.is_none() {
            create(folder, &mut records, &disks, store_id)?;
        }
        let scan = if meta(&records, CLEAN)? == Some([1]) { Scan::Headers } else { Scan::Bodies };
        let boot = u64::from(number(&records, BOOT)?) + 1;
        // Before anything is served: places given in this boot are above all earlier ones.
        records.put(Key::Meta(BOOT), u32::try_from(boot).unwrap_or(u32::MAX).to_le_bytes().to_vec());
        records.erase(Key::Meta(CLEAN));
        records.commit()?;
        let mut store = assemble(records, &disks, scan, settings)?;
        store.boot = boot;
        store.store_id = store_id;
        store.limits = limits;
        store.room = Some(Room::of(folder, settings.reserve)?);
        store.lock = Some(lock);
        Ok(store)
    }
}

/// Everything the store in `folder` keeps; `None` when there is no store. No row and no slot is written; sled may
/// rewrite its own files as it opens them, and the lock's empty file is made if it is missing.
///
/// # Errors
/// [`OpenError`]; [`OpenError::InUse`] while a relay serves it.
pub fn inspect(folder: &Path, rows: usize) -> Result<Option<Knowledge>, OpenError> {
    if read_manifest(folder)?.is_none() {
        return Ok(None);
    }
    let _lock = lock(folder)?;
    let manifest = read_manifest(folder)?;
    let mut records = open_records(folder, StoreSettings::default().cache)?;
    let store_id = identify(&mut records, manifest)?;
    let cells = Arc::new(FileDisk::open_read_only(&folder.join(CELLS))?);
    let chunks = Arc::new(FileDisk::open_read_only(&folder.join(CHUNKS))?);
    let boot = u64::from(number(&records, BOOT)?);
    let mut store = assemble(records, &Disks { cells, chunks }, Scan::Look, StoreSettings::default())?;
    store.boot = boot;
    store.store_id = store_id;
    Ok(Some(store.whole_knowledge(rows)))
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(folder.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn read_manifest(folder: &Path) -> Result<Option<Manifest>, OpenError> {
    let Some(bytes) = files::read_if_there(&folder.join(MANIFEST))? else { return Ok(None) };
    let manifest = Manifest::parse(&bytes).map_err(|_| OpenError::Damaged("MANIFEST is not one of ours"))?;
    if manifest.format > FORMAT {
        Err(OpenError::Newer { format: manifest.format })
    } else {
        Ok(Some(manifest))
    }
}

/// sled creates what is not there: a folder that a manifest names must be there before it is asked.
fn open_records(folder: &Path, cache: u64) -> Result<Records, OpenError> {
    let path = folder.join(RECORDS);
    if read_manifest(folder)?.is_some() && !path.join("db").exists() {
        return Err(OpenError::Lost);
    }
    files::create_folder(&path)?;
    Ok(Records::open(&path, cache)?)
}

/// The store's id, which manifest and records must agree on. Without a manifest, a creation may have been cut short
/// after the records had theirs.
fn identify(records: &mut Records, manifest: Option<Manifest>) -> Result<[u8; 16], OpenError> {
    match (manifest, meta::<16>(records, STORE_ID)?) {
        (Some(manifest), Some(id)) if manifest.store_id == id => Ok(id),
        (Some(_), _) => Err(OpenError::Lost),
        (None, Some(id)) => Ok(id),
        (None, None) => {
            let random = crate::identity::random().map_err(|_| io::Error::other("no randomness"))?;
            let mut id = [0; 16];
            id.copy_from_slice(&random[..16]);
            Ok(id)
        }
    }
}

/// Writes a fresh store's first rows, then, when all names are durable, its manifest.
fn create(folder: &Path, records: &mut Records, disks: &Disks, store_id: [u8; 16]) -> Result<(), OpenError> {
    if meta::<16>(records, STORE_ID)?.is_none() && !(disks.cells.is_empty() && disks.chunks.is_empty()) {
        return Err(OpenError::Lost);
    }
    records.put(Key::Meta(STORE_ID), store_id.to_vec());
    records.put(Key::Meta(SCHEMA), FORMAT.to_le_bytes().to_vec());
    records.commit()?;
    files::sync_folder(&folder.join(RECORDS))?;
    files::sync_folder(folder)?;
    files::write_new(&folder.join(MANIFEST), &Manifest { format: FORMAT, store_id }.write())?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        files::sync_folder(parent)?;
    }
    Ok(())
}

fn meta<const N: usize>(records: &Records, name: &str) -> Result<Option<[u8; N]>, OpenError> {
    let Some(row) = records.get(Key::Meta(name))? else { return Ok(None) };
    <[u8; N]>::try_from(&*row).map(Some).map_err(|_| OpenError::Damaged("a record of the store itself"))
}

fn number(records: &Records, name: &str) -> Result<u32, OpenError> {
    Ok(meta(records, name)?.map_or(0, u32::from_le_bytes))
}

/// Builds the index: every slot whose owner has a record, and nothing else.
fn assemble(
    mut records: Records,
    disks: &Disks,
    scan: Scan,
    settings: StoreSettings,
) -> Result<SlabStore, OpenError> {
    let mut index = Index::at(Day(number(&records, DAY)?));
    let mut found = HashSet::new();
    let mut failed = None;
    let cells = Slab::open(Arc::clone(&disks.cells), settings.grow, scan, |slot, header| {
        let keep = keep_cell(&records, &mut index, &mut found, (slot, header));
        keep.unwrap_or_else(|error| {
            failed.get_or_insert(error);
            true
        })
    })?;
    let chunks = Slab::open(Arc::clone(&disks.chunks), settings.grow, scan, |slot, header| {
        keep_chunk(&records, &mut index, (slot, header)).unwrap_or_else(|error| {
            failed.get_or_insert(error);
            true
        })
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let totals = count(&records)?;
    let lost = invites_without_bundle(&records, &found)?;
    let today = index.today;
    let mut store = SlabStore {
        totals,
        cells,
        chunks,
        index: Arc::new(RwLock::new(index)),
        limits: Limits::default(),
        room: None,
        tight: false,
        today,
        boot: 0,
        store_id: [0; 16],
        lock: None,
        records: {
            if scan != Scan::Look {
                for (id, row) in &lost {
                    records.erase(Key::Invite(*id));
                    records.erase(Key::Owner(row.owner));
                    records.erase(Key::Expiry(row.expires, Expiring::Invite, *id.as_bytes()));
                    records.end_operation();
                }
                records.commit()?;
            }
            records
        },
    };
    store.totals.invites -= lost.len() as u64;
    Ok(store)
}

/// Whether a slot of the cell slab has an owner; if so, the index has it.
fn keep_cell(
    records: &Records,
    index: &mut Index,
    found: &mut HashSet<InviteId>,
    (slot, header): (Slot, &Header),
) -> Result<bool, StoreFault> {
    match header.kind {
        CELL => {
            let queue = QueueId::from_bytes(header.owner);
            let known = index.queues.contains_key(&queue) || records.get(Key::Queue(queue))?.is_some();
            if known {
                index.insert(queue, Place { seq: header.seq, slot, expires: header.expires });
            }
            Ok(known)
        }
        BUNDLE => {
            let id = InviteId::from_bytes(header.owner);
            let Some(row) = records.get(Key::Invite(id))? else { return Ok(false) };
            let row = InviteRow::parse(&row)?;
            Ok(row.slot == slot.0 && row.expires == header.expires && found.insert(id))
        }
        _ => Ok(false),
    }
}

/// Whether a slot of the chunk slab has an owner; if so, the index has it.
fn keep_chunk(
    records: &Records,
    index: &mut Index,
    (slot, header): (Slot, &Header),
) -> Result<bool, StoreFault> {
    let id = BlobId::from_bytes(header.owner);
    let Some(row) = records.get(Key::Blob(id))? else { return Ok(false) };
    let row = BlobRow::parse(&row)?;
    let (Ok(chunk), true) = (u32::try_from(header.seq), header.kind == CHUNK) else { return Ok(false) };
    if chunk >= row.chunks || row.expires != header.expires {
        return Ok(false);
    }
    let fresh = index.blobs.entry(id).or_default().insert(chunk, slot).is_none();
    index.chunks += u64::from(fresh);
    Ok(fresh)
}

/// Counts what limits are held against.
fn count(records: &Records) -> Result<Totals, OpenError> {
    let count = |prefix: &[u8]| records.scan(prefix).try_fold(0, |n, row| row.map(|_| n + 1));
    let mut totals = Totals { queues: count(b"q")?, invites: count(b"i")?, blobs: count(b"b")?, promised: 0 };
    for row in records.scan(b"b") {
        let row = BlobRow::parse(&row?.1).map_err(StoreFault::from)?;
        totals.promised += u64::from(row.chunks);
    }
    Ok(totals)
}

/// Invites whose bundle never became durable, or whose erasing was cut short: never acknowledged, or revoked.
fn invites_without_bundle(
    records: &Records,
    found: &HashSet<InviteId>,
) -> Result<Vec<(InviteId, InviteRow)>, OpenError> {
    let mut lost = Vec::new();
    for row in records.scan(b"i") {
        let (key, row) = row?;
        let id = InviteId::from_bytes(parse_id(&key).map_err(StoreFault::from)?);
        if !found.contains(&id) {
            lost.push((id, InviteRow::parse(&row).map_err(StoreFault::from)?));
        }
    }
    Ok(lost)
}
