//! Checking a stopped store: every file, every record, every slot, and each against the others.
//!
//! Spec: docs/guide/relay.md, "Backup, check and repair". Invariant: nothing is written but the lock's empty file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use subrosa_codec::CELL_LEN;
use subrosa_wire::{BlobId, CHUNK_LEN, InviteId, QueueId};

use crate::slab::{Disk, DiskError, FileDisk, Header, Lies, Slab, Slot};
use crate::store::manifest::Manifest;
use crate::store::open::{CELLS, CHUNKS, MANIFEST, OpenError, RECORDS, lock};
use crate::store::records::Records;
use crate::store::rows::Row;
use crate::store::{BUNDLE, CELL, CHUNK};

/// Something that is not as the relay leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A file is not there.
    Missing {
        /// Which.
        file: &'static str,
    },
    /// A file is shorter than it was.
    Short {
        /// Which.
        file: &'static str,
    },
    /// A file is of another store, or not a file of a store at all.
    Foreign {
        /// Which.
        file: &'static str,
    },
    /// A record is not whole, or has the name of another.
    Record {
        /// Its place in `records.slab`, counted in records.
        place: u32,
    },
    /// A slot is not whole.
    Body {
        /// In this file.
        file: &'static str,
        /// Its number.
        slot: u32,
    },
    /// A slot belongs to nothing that has a record.
    Stray {
        /// In this file.
        file: &'static str,
        /// Its number.
        slot: u32,
    },
    /// An invite's bundle is not where its record says.
    Bundle {
        /// Of the invite with the record at this place among all invites.
        invite: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { file } => write!(f, "{file} is missing"),
            Self::Short { file } => write!(f, "{file} is shorter than it was"),
            Self::Foreign { file } => write!(f, "{file} is not of this store"),
            Self::Record { place } => write!(f, "record {place} is not whole, or doubled"),
            Self::Body { file, slot } => write!(f, "slot {slot} of {file} is not whole"),
            Self::Stray { file, slot } => write!(f, "slot {slot} of {file} belongs to nothing"),
            Self::Bundle { invite } => write!(f, "the bundle of invite {invite} is not there"),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whether the relay was stopped in order.
    pub clean: bool,
    /// Queues, invites and blobs.
    pub records: u64,
    /// Cells in queues.
    pub cells: u64,
    /// Chunks of blobs.
    pub chunks: u64,
    /// What was under way when the relay was killed or lost power: never acknowledged, or erased already. The next start
    /// clears it away.
    pub unfinished: u64,
    /// What must not be.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether the store is as the relay left it.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// A thing that a crash leaves, and nothing else may.
    fn half_done(&mut self, fault: Fault) {
        if self.clean { self.faults.push(fault) } else { self.unfinished += 1 }
    }
}

/// Checks the store in `folder`. The relay must be stopped.
///
/// # Errors
/// [`OpenError::InUse`] while a relay serves it; [`OpenError::Io`] when it can't be read; faults of the store are in the
/// report.
pub fn check(folder: &Path) -> Result<Report, OpenError> {
    let _lock = lock(folder)?;
    look(folder)
}

/// [`check`], by whoever has the lock.
pub(super) fn look(folder: &Path) -> Result<Report, OpenError> {
    let mut report = Report::default();
    let manifest = manifest(folder, &mut report)?;
    let mut disk = |file| disk(folder, file, &mut report);
    let (records, cells, chunks) = (disk(RECORDS)?, disk(CELLS)?, disk(CHUNKS)?);
    let Some(records) = records else { return Ok(report) };
    let (records, _) = Records::open(records, |place| report.faults.push(Fault::Record { place }))?;
    let own = *records.store();
    if manifest.is_some_and(|manifest| manifest.store_id != own.store_id) {
        report.faults.push(Fault::Foreign { file: RECORDS });
    }
    if records.len() < own.records {
        report.faults.push(Fault::Short { file: RECORDS });
    }
    report.clean = own.clean;
    report.records = records.table().rows().count() as u64;
    if let Some(cells) = cells {
        short(&mut report, (CELLS, cells.len()), u64::from(own.cell_groups) * Slab::<CELL_LEN>::GROUP_LEN);
        look_at_cells(&records, cells.as_ref(), &mut report)?;
    }
    if let Some(chunks) = chunks {
        short(
            &mut report,
            (CHUNKS, chunks.len()),
            u64::from(own.chunk_groups) * Slab::<CHUNK_LEN>::GROUP_LEN,
        );
        look_at_chunks(&records, chunks.as_ref(), &mut report)?;
    }
    Ok(report)
}

fn manifest(folder: &Path, report: &mut Report) -> Result<Option<Manifest>, OpenError> {
    let Some(bytes) = crate::files::read_if_there(&folder.join(MANIFEST))? else {
        report.faults.push(Fault::Missing { file: MANIFEST });
        return Ok(None);
    };
    let manifest = Manifest::parse(&bytes).ok();
    if manifest.is_none() {
        report.faults.push(Fault::Foreign { file: MANIFEST });
    }
    Ok(manifest)
}

fn disk(folder: &Path, file: &'static str, report: &mut Report) -> Result<Option<Arc<dyn Disk>>, OpenError> {
    match FileDisk::open_read_only(&folder.join(file)) {
        Ok(disk) => Ok(Some(Arc::new(disk))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.faults.push(Fault::Missing { file });
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn short(report: &mut Report, (file, len): (&'static str, u64), least: u64) {
    if len < least {
        report.faults.push(Fault::Short { file });
    }
}

fn look_at_cells(records: &Records, disk: &dyn Disk, report: &mut Report) -> Result<(), DiskError> {
    let table = records.table();
    let mut places: BTreeMap<[u8; 32], BTreeSet<u64>> = BTreeMap::new();
    let mut bundles = BTreeSet::new();
    Slab::<CELL_LEN>::survey(disk, |slot, lies| match lies {
        Lies::Nothing => {}
        Lies::Remains | Lies::Broken => report.half_done(Fault::Body { file: CELLS, slot: slot.0 }),
        Lies::Whole(header) => {
            let known = match header.kind {
                CELL if table.queue(QueueId::from_bytes(header.owner)).is_some() => {
                    report.cells += 1;
                    places.entry(header.owner).or_default().insert(header.seq)
                }
                BUNDLE => is_bundle(&table, slot, &header) && bundles.insert(header.owner),
                _ => false,
            };
            if !known {
                report.half_done(Fault::Stray { file: CELLS, slot: slot.0 });
            }
        }
    })?;
    let invites = table.rows().filter_map(|row| match row {
        Row::Invite(id, _) => Some(*id),
        _ => None,
    });
    for (invite, id) in invites.enumerate() {
        if !bundles.contains(id.as_bytes()) {
            report.half_done(Fault::Bundle { invite });
        }
    }
    Ok(())
}

pub(super) fn is_bundle(table: &crate::store::records::Table, slot: Slot, header: &Header) -> bool {
    let row = table.invite(InviteId::from_bytes(header.owner));
    row.is_some_and(|row| row.slot == slot.0 && row.expires == header.expires)
}

fn look_at_chunks(records: &Records, disk: &dyn Disk, report: &mut Report) -> Result<(), DiskError> {
    let table = records.table();
    let mut found = BTreeSet::new();
    Slab::<CHUNK_LEN>::survey(disk, |slot, lies| match lies {
        Lies::Nothing => {}
        Lies::Remains | Lies::Broken => report.half_done(Fault::Body { file: CHUNKS, slot: slot.0 }),
        Lies::Whole(header) => {
            let row = table.blob(BlobId::from_bytes(header.owner));
            let fits =
                row.is_some_and(|row| header.seq < u64::from(row.chunks) && row.expires == header.expires);
            if header.kind == CHUNK && fits && found.insert((header.owner, header.seq)) {
                report.chunks += 1;
            } else {
                report.half_done(Fault::Stray { file: CHUNKS, slot: slot.0 });
            }
        }
    })
}
