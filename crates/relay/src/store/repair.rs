//! Repairing a stopped store: what is whole is saved, what is not is set aside.
//!
//! Spec: docs/guide/relay.md, "Backup, check and repair". Invariant: nothing is thrown away: what is taken out of the store
//! lies in its folder `quarantine` first.
//!
//! A queue whose record is lost gets a new one without a reader: the cells know their queue, and the first OPEN takes it
//! over, as it would have made the queue anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use subrosa_codec::CELL_LEN;
use subrosa_relay_core::{Limits, StoreFault, lease_period};
use subrosa_wire::{BlobId, CHUNK_LEN, OwnerId, QueueId, ReadId};

use crate::files;
use crate::slab::{Disk, FileDisk, Header, Lies, Scan, Slab, Slot};
use crate::store::StoreSettings;
use crate::store::check::{Fault, Report, is_bundle, look};
use crate::store::manifest::{FORMAT, Manifest};
use crate::store::open::{CELLS, CHUNKS, Disks, MANIFEST, OpenError, RECORDS, assemble, lock};
use crate::store::records::{Opened, Records};
use crate::store::rows::{BlobRow, NOBODY, QueueRow, RECORD_LEN, Row, StoreRow};
use crate::store::{BUNDLE, CELL, CHUNK};

/// Where it puts what it takes out.
const QUARANTINE: &str = "quarantine";

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// What was found before.
    pub before: Report,
    /// Queues that got a new record.
    pub queues: u64,
    /// Blobs that got a new record, without an owner.
    pub blobs: u64,
    /// Records and slots that lie in `quarantine` now.
    pub quarantined: u64,
    /// What is found after.
    pub after: Report,
}

/// Repairs the store in `folder`. The relay must be stopped; a copy of the folder should be at hand.
///
/// # Errors
/// [`OpenError::InUse`] while a relay serves it; [`OpenError::Lost`] when there is nothing left to repair.
pub fn repair(folder: &Path) -> Result<Repaired, OpenError> {
    let lock = lock(folder)?;
    let mut done = Repaired { before: look(folder)?, ..Repaired::default() };
    if done.before.is_sound() {
        done.after = done.before.clone();
        return Ok(done);
    }
    let any = [RECORDS, CELLS, CHUNKS].iter().any(|file| folder.join(file).exists());
    if !any {
        return Err(OpenError::Lost { file: RECORDS });
    }
    let quarantine = Quarantine { folder: folder.join(QUARANTINE) };
    let manifest =
        files::read_if_there(&folder.join(MANIFEST))?.and_then(|bytes| Manifest::parse(&bytes).ok());
    // An empty file takes the place of one that is gone: that was asked for.
    let disks = Disks::of(folder, FileDisk::open)?;
    let mut records = save_records(&disks, manifest, &quarantine, &mut done)?;
    save_slots::<CELL_LEN>(&disks.cells, CELLS, &quarantine, &mut done)?;
    save_slots::<CHUNK_LEN>(&disks.chunks, CHUNKS, &quarantine, &mut done)?;
    if lost_records(&done.before) {
        adopt(&disks, &mut records, &mut done)?;
    }
    save_strays(&disks, &records, &quarantine, &mut done)?;
    let store_id = records.store().store_id;
    records.set_store(|store| (store.clean, store.cell_groups, store.chunk_groups) = (false, 0, 0));
    records.sync()?;
    // What no record names any more is set aside, then erased as after a crash.
    let (mut store, lost) = assemble(records, &disks, Scan::Bodies, StoreSettings::default())?;
    for id in lost {
        store.records.erase(crate::store::rows::Name::Invite(id));
    }
    store.limits = Limits::default();
    store.sync()?;
    files::sync_folder(folder)?;
    files::write_new(&folder.join(MANIFEST), &Manifest { format: FORMAT, store_id }.write())?;
    drop(store);
    done.after = look(folder)?;
    drop(lock);
    Ok(done)
}

/// Whether bodies without a record have lost it. After a crash there are some whose record was erased in order.
fn lost_records(before: &Report) -> bool {
    before.faults.iter().any(|fault| match fault {
        Fault::Record { .. } | Fault::Stray { .. } => true,
        Fault::Missing { file } | Fault::Short { file } | Fault::Foreign { file } => *file == RECORDS,
        _ => false,
    })
}

/// Sets bundles aside that no invite names: without its record, an invite has no owner and no kind.
fn save_strays(
    disks: &Disks,
    records: &Records,
    quarantine: &Quarantine,
    done: &mut Repaired,
) -> Result<(), OpenError> {
    let mut strays = Vec::new();
    Slab::<CELL_LEN>::survey(disks.cells.as_ref(), |slot, lies| match lies {
        Lies::Whole(header) if header.kind == BUNDLE && !is_bundle(&records.table(), slot, &header) => {
            strays.push(slot);
        }
        _ => {}
    })?;
    for Slot(slot) in strays {
        quarantine.take(CELLS, slot, &Slab::<CELL_LEN>::raw(disks.cells.as_ref(), Slot(slot))?)?;
        done.quarantined += 1;
    }
    Ok(())
}

struct Quarantine {
    folder: PathBuf,
}

impl Quarantine {
    fn take(&self, file: &str, place: u32, bytes: &[u8]) -> Result<(), OpenError> {
        files::create_folder(&self.folder)?;
        Ok(files::write_new(&self.folder.join(format!("{file}-{place}")), bytes)?)
    }
}

/// The records that are whole; the others are set aside.
fn save_records(
    disks: &Disks,
    manifest: Option<Manifest>,
    quarantine: &Quarantine,
    done: &mut Repaired,
) -> Result<Records, OpenError> {
    let mut bad = Vec::new();
    let (mut records, opened) = Records::open(Arc::clone(&disks.records), |place| bad.push(place))?;
    for place in bad {
        let mut record = [0; RECORD_LEN];
        disks.records.read_at(&mut record, u64::from(place) * RECORD_LEN as u64)?;
        quarantine.take(RECORDS, place, &record)?;
        records.blank(place);
        done.quarantined += 1;
    }
    let own = *records.store();
    let known = own.store_id != [0; 16] && opened != Opened::Fresh;
    let store_id = match (known, manifest) {
        (true, _) => own.store_id,
        (false, Some(manifest)) => manifest.store_id,
        (false, None) => return Err(OpenError::Lost { file: MANIFEST }),
    };
    let len = records.len();
    records.set_store(|store| {
        *store = StoreRow { records: len, ..if known { own } else { StoreRow::fresh(store_id) } }
    });
    Ok(records)
}

/// Sets slots aside that are not whole, and bytes that have no header.
fn save_slots<const BODY: usize>(
    disk: &Arc<dyn Disk>,
    file: &str,
    quarantine: &Quarantine,
    done: &mut Repaired,
) -> Result<(), OpenError> {
    let mut broken = Vec::new();
    Slab::<BODY>::survey(disk.as_ref(), |slot, lies| {
        if matches!(lies, Lies::Broken | Lies::Remains) {
            broken.push(slot);
        }
    })?;
    for Slot(slot) in broken {
        quarantine.take(file, slot, &Slab::<BODY>::raw(disk.as_ref(), Slot(slot))?)?;
        done.quarantined += 1;
    }
    Ok(())
}

/// Gives new records to queues and blobs that have bodies and no record.
fn adopt(disks: &Disks, records: &mut Records, done: &mut Repaired) -> Result<(), OpenError> {
    let (mut queues, mut blobs, mut last_boot) = (BTreeSet::new(), BTreeMap::new(), 0);
    Slab::<CELL_LEN>::survey(disks.cells.as_ref(), |_, lies| {
        let Lies::Whole(Header { kind: CELL, owner, seq, .. }) = lies else { return };
        last_boot = last_boot.max(seq >> 32);
        if records.table().queue(QueueId::from_bytes(owner)).is_none() {
            queues.insert(owner);
        }
    })?;
    Slab::<CHUNK_LEN>::survey(disks.chunks.as_ref(), |_, lies| {
        let Lies::Whole(Header { kind: CHUNK, owner, seq, expires }) = lies else { return };
        if records.table().blob(BlobId::from_bytes(owner)).is_none() {
            let (chunks, _) = blobs.entry(owner).or_insert((0, expires));
            *chunks = (*chunks).max(u32::try_from(seq).unwrap_or(0) + 1);
        }
    })?;
    // A full lease: its people are told nothing, and come again some day.
    let today = records.store().day.max(crate::clock::wall());
    let period = lease_period(today.plus(u32::from(Limits::default().lease_days)));
    for owner in queues {
        let row = QueueRow { read: ReadId::from_bytes(NOBODY), period };
        records.put(Row::Queue(QueueId::from_bytes(owner), row)).map_err(StoreFault::from)?;
        done.queues += 1;
    }
    for (id, (chunks, expires)) in blobs {
        let nobody = crate::identity::random().map_err(|_| std::io::Error::other("no randomness"))?;
        let row = BlobRow { owner: OwnerId::from_bytes(*nobody), chunks, expires };
        records.put(Row::Blob(BlobId::from_bytes(id), row)).map_err(StoreFault::from)?;
        done.blobs += 1;
    }
    let boot = u32::try_from(last_boot).unwrap_or(u32::MAX);
    records.set_store(|store| store.boot = store.boot.max(boot));
    Ok(())
}
