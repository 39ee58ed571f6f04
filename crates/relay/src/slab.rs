//! [`Slab`]: bodies of one size in numbered slots, each with a header that proves it whole.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md. Invariant: a slot that was erased is written again only after a
//! [`Slab::sync`], so that no crash can leave the header of one body beside the bytes of another.
//!
//! ```text
//! file   = groups, without end;   group = header block 64 x 64 | 64 bodies
//! header = kind 1 | 0 1 | expires day 2 | seq 8 | owner 32 | check 16 | 0 4        all zero = free
//! check  = SHA-256(header[0..44] | body)[..16]
//! ```

mod disk;
mod memdisk;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subrosa_codec::{Malformed, Reader, Writer};

pub use disk::{Disk, FileDisk};
pub use memdisk::MemDisk;
pub use survey::Lies;

/// Length of a header, in bytes.
const HEADER_LEN: usize = 64;
/// Length of what the check covers besides the body.
const COVERED_LEN: usize = 44;
/// Slots in a group.
const GROUP: u32 = 64;
/// Length of the header block of a group; every part of a slab is aligned to it.
const BLOCK: usize = HEADER_LEN * GROUP as usize;

/// The number of a slot, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// What stands beside a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the body is; never 0.
    pub kind: u8,
    /// The first day on which it is gone, in days since the Unix epoch.
    pub expires: u16,
    /// Its place among the bodies of its owner.
    pub seq: u64,
    /// The queue, invite or blob that it belongs to.
    pub owner: [u8; 32],
}

impl Header {
    /// Reads `kind 1 | 0 1 | expires 2 | seq 8 | owner 32 | check 16 | 0 4`; `None` is a free slot.
    ///
    /// # Errors
    /// [`Malformed`] for what no slab ever writes whole: half of a torn header.
    fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Option<(Self, [u8; 16])>, Malformed> {
        if *bytes == [0; HEADER_LEN] {
            return Ok(None);
        }
        let mut r = Reader::new(bytes);
        let kind = r.u8()?;
        r.zeros(1)?;
        let header = Self { kind, expires: r.u16()?, seq: r.u64()?, owner: r.array()? };
        let check = r.array()?;
        r.zeros(4)?;
        if kind == 0 { Err(Malformed) } else { Ok(Some((header, check))) }
    }

    /// The mirror of [`Header::parse`], with the check over `body`.
    fn write(&self, body: &[u8]) -> Vec<u8> {
        let mut w = Writer::with_capacity(HEADER_LEN);
        w.u8(self.kind).zeros(1).u16(self.expires).u64(self.seq).put(&self.owner);
        let check = check(w.as_slice(), body);
        w.put(&check).zeros(4);
        w.into_vec()
    }
}

/// `SHA-256(header[0..44] | body)[..16]`.
fn check(covered: &[u8], body: &[u8]) -> [u8; 16] {
    let digest = Sha256::new().chain_update(covered).chain_update(body).finalize();
    let mut check = [0; 16];
    check.copy_from_slice(&digest[..16]);
    check
}

/// How much [`Slab::open`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Headers only: the slab was closed in order, and nothing is written. What `keep` does not want is a stray.
    Headers,
    /// Bodies too, after a crash: torn slots become free, and bytes left in free slots are zeroed.
    Bodies,
}

/// The disk failed; nothing of the commit may be acknowledged, and nothing tried again.
#[derive(Debug, thiserror::Error)]
#[error("the disk failed: {0}")]
pub struct DiskError(#[from] io::Error);

/// Why [`Slab::put`] wrote nothing, or may have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// No free slot, and the disk has no room for more. Nothing was written.
    #[error("the disk is full")]
    Full,
    /// Perhaps something was.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Bodies of `BODY` bytes. One writer; readers go through [`SlabReader`].
pub struct Slab<const BODY: usize> {
    disk: Arc<dyn Disk>,
    /// Bytes to grow by, at least one group.
    step: u64,
    groups: u32,
    /// Popped from the end.
    free: Vec<Slot>,
    /// Erased in this commit: free once it is durable.
    erased: Vec<Slot>,
    dirty: bool,
    /// Slots with something in them that nobody wants, and that were left alone.
    strays: u64,
    /// Groups written to since [`Slab::track`].
    touched: Option<BTreeSet<u32>>,
}

impl<const BODY: usize> Slab<BODY> {
    /// Length of a group, in bytes.
    pub const GROUP_LEN: u64 = BLOCK as u64 + GROUP as u64 * BODY as u64;

    /// Opens a slab, shows each whole slot to `keep`, and erases those that it does not want.
    ///
    /// `step` is how many bytes the slab grows by when it is full.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        step: u64,
        scan: Scan,
        mut keep: impl FnMut(Slot, &Header) -> bool,
    ) -> Result<Self, DiskError> {
        let groups = u32::try_from(disk.len() / Self::GROUP_LEN).map_err(io::Error::other)?;
        let mut slab = Self {
            disk,
            step,
            groups,
            free: Vec::new(),
            erased: Vec::new(),
            dirty: false,
            strays: 0,
            touched: None,
        };
        let mut block = vec![0; BLOCK];
        for group in 0..groups {
            slab.disk.read_at(&mut block, u64::from(group) * Self::GROUP_LEN)?;
            for (index, header) in (0..).zip(block.as_chunks().0) {
                let slot = Slot(group * GROUP + index);
                slab.open_slot(slot, header, scan, &mut keep)?;
            }
        }
        if scan == Scan::Bodies {
            slab.scrub_tail()?;
        }
        slab.sync()?;
        slab.free.reverse();
        Ok(slab)
    }

    fn open_slot(
        &mut self,
        slot: Slot,
        bytes: &[u8; HEADER_LEN],
        scan: Scan,
        keep: &mut impl FnMut(Slot, &Header) -> bool,
    ) -> Result<(), DiskError> {
        let whole = match Header::parse(bytes) {
            Ok(None) => {
                if scan == Scan::Bodies {
                    self.scrub(slot)?;
                }
                self.free.push(slot);
                return Ok(());
            }
            Ok(Some((header, _))) => {
                let torn = scan == Scan::Bodies && self.reader().read(slot, &header)?.is_none();
                (!torn).then_some(header)
            }
            Err(Malformed) => None,
        };
        match whole {
            Some(header) if keep(slot, &header) => Ok(()),
            _ if scan == Scan::Bodies => self.erase(slot),
            _ => {
                self.strays += 1;
                Ok(())
            }
        }
    }

    /// Zeroes what lies behind the last whole group: a power cut took a growth back, but not what was written into it.
    fn scrub_tail(&mut self) -> Result<(), DiskError> {
        let len = self.disk.len();
        let mut at = u64::from(self.groups) * Self::GROUP_LEN;
        while at < len {
            let run = usize::try_from(len - at).unwrap_or(BODY).min(BODY);
            self.disk.write_at(&[0; BODY][..run], at)?;
            self.dirty = true;
            at += run as u64;
        }
        Ok(())
    }

    /// Zeroes the body of a free slot if a crash left bytes in it.
    fn scrub(&mut self, slot: Slot) -> Result<(), DiskError> {
        let mut body = vec![0; BODY];
        self.disk.read_at(&mut body, Self::body_at(slot))?;
        if body != [0; BODY] {
            self.disk.write_at(&[0; BODY], Self::body_at(slot))?;
            self.dirty = true;
        }
        Ok(())
    }

    /// Writes `body` and its header into a free slot. Durable, and to be acknowledged, only after [`Slab::sync`].
    ///
    /// # Errors
    /// [`PutError`].
    pub fn put(&mut self, header: &Header, body: &[u8; BODY]) -> Result<Slot, PutError> {
        let slot = self.take_free()?;
        self.touch(slot);
        self.disk.write_at(body, Self::body_at(slot)).map_err(DiskError)?;
        self.disk.write_at(&header.write(body), Self::header_at(slot)).map_err(DiskError)?;
        Ok(slot)
    }

    fn touch(&mut self, Slot(slot): Slot) {
        self.dirty = true;
        if let Some(touched) = &mut self.touched {
            touched.insert(slot / GROUP);
        }
    }

    /// Notes from now on which groups are written to.
    pub fn track(&mut self) {
        self.touched = Some(BTreeSet::new());
    }

    /// The groups that were, and notes no more.
    pub fn untrack(&mut self) -> BTreeSet<u32> {
        self.touched.take().unwrap_or_default()
    }

    /// All bytes of a group.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn read_group(&self, group: u32) -> Result<Vec<u8>, DiskError> {
        let mut bytes = vec![0; BLOCK + GROUP as usize * BODY];
        self.disk.read_at(&mut bytes, u64::from(group) * Self::GROUP_LEN)?;
        Ok(bytes)
    }

    fn take_free(&mut self) -> Result<Slot, PutError> {
        if self.free.is_empty() {
            self.grow()?;
        }
        self.free.pop().ok_or(PutError::Full)
    }

    fn grow(&mut self) -> Result<(), PutError> {
        let more = u32::try_from((self.step / Self::GROUP_LEN).max(1)).unwrap_or(u32::MAX);
        let groups =
            self.groups.checked_add(more).filter(|n| *n <= u32::MAX / GROUP).ok_or(PutError::Full)?;
        match self.disk.grow(u64::from(groups) * Self::GROUP_LEN) {
            Ok(()) => {}
            Err(error) if is_full(&error) => return Err(PutError::Full),
            Err(error) => return Err(DiskError(error).into()),
        }
        self.free.extend((self.groups * GROUP..groups * GROUP).rev().map(Slot));
        self.groups = groups;
        self.dirty = true;
        Ok(())
    }

    /// Zeroes header and body of `slot`; it is used again only in a later commit.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn erase(&mut self, slot: Slot) -> Result<(), DiskError> {
        self.touch(slot);
        self.disk.write_at(&[0; HEADER_LEN], Self::header_at(slot))?;
        self.disk.write_at(&[0; BODY], Self::body_at(slot))?;
        self.erased.push(slot);
        Ok(())
    }

    /// Makes the commit durable, if it wrote anything.
    ///
    /// # Errors
    /// [`DiskError`]; never to be retried.
    pub fn sync(&mut self) -> Result<(), DiskError> {
        if std::mem::take(&mut self.dirty) {
            self.disk.sync()?;
        }
        self.free.append(&mut self.erased);
        Ok(())
    }

    /// How many groups there are; the file never gets shorter.
    #[must_use]
    pub const fn groups(&self) -> u32 {
        self.groups
    }

    /// How many slots hold what nobody wants; none after [`Scan::Bodies`], which erases them.
    #[must_use]
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    /// How many slots there are, free ones included.
    #[must_use]
    pub const fn slots(&self) -> u32 {
        self.groups * GROUP
    }

    /// How many more bodies fit without growing.
    #[must_use]
    pub const fn free(&self) -> usize {
        self.free.len()
    }

    /// The header in `slot`, if one stands there.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn header(&self, slot: Slot) -> Result<Option<Header>, DiskError> {
        let mut bytes = [0; HEADER_LEN];
        self.disk.read_at(&mut bytes, Self::header_at(slot))?;
        Ok(Header::parse(&bytes).ok().flatten().map(|(header, _)| header))
    }

    /// A handle that reads beside the writer.
    #[must_use]
    pub fn reader(&self) -> SlabReader<BODY> {
        SlabReader { disk: Arc::clone(&self.disk) }
    }

    fn header_at(slot: Slot) -> u64 {
        u64::from(slot.0 / GROUP) * Self::GROUP_LEN + u64::from(slot.0 % GROUP) * HEADER_LEN as u64
    }

    fn body_at(slot: Slot) -> u64 {
        u64::from(slot.0 / GROUP) * Self::GROUP_LEN + BLOCK as u64 + u64::from(slot.0 % GROUP) * BODY as u64
    }
}

/// Reads bodies beside the one writer of a [`Slab`].
#[derive(Clone)]
pub struct SlabReader<const BODY: usize> {
    disk: Arc<dyn Disk>,
}

impl<const BODY: usize> SlabReader<BODY> {
    /// The body in `slot`, if the slot still holds what `expected` says, whole; else `None`.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn read(&self, slot: Slot, expected: &Header) -> Result<Option<Vec<u8>>, DiskError> {
        let mut header = [0; HEADER_LEN];
        self.disk.read_at(&mut header, Slab::<BODY>::header_at(slot))?;
        let Ok(Some((found, proof))) = Header::parse(&header) else { return Ok(None) };
        if found != *expected {
            return Ok(None);
        }
        let mut body = vec![0; BODY];
        self.disk.read_at(&mut body, Slab::<BODY>::body_at(slot))?;
        Ok((check(&header[..COVERED_LEN], &body) == proof).then_some(body))
    }
}

/// Whether `error` says that there is no room, in whatever words.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
