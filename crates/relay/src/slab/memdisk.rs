//! [`MemDisk`]: a disk in memory that can lose power, fill up, or break.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Faults". Invariant: after [`MemDisk::cut`], everything synced is there,
//! and each write since then is there, not there, or torn, as the seed says.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::slab::Disk;

/// Power fails per sector: a write that crosses sectors can land in part.
const SECTOR: usize = 512;

/// A disk in memory for tests and the harness; clones share the same platters.
#[derive(Clone, Debug, Default)]
pub struct MemDisk(Arc<Mutex<Platters>>);

#[derive(Debug, Default)]
struct Platters {
    /// What a running process reads.
    now: Vec<u8>,
    /// What is certain to survive a cut.
    synced: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: Vec<usize>,
    /// No growth beyond this many bytes.
    capacity: Option<u64>,
    /// Every further sync fails.
    broken: bool,
}

impl MemDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn platters(&self) -> MutexGuard<'_, Platters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses growth beyond `bytes`, like a full disk.
    pub fn fill_up(&self, bytes: Option<u64>) {
        self.platters().capacity = bytes;
    }

    /// Makes every further sync fail, like a dying disk.
    pub fn fail_syncs(&self) {
        self.platters().broken = true;
    }

    /// Another disk with what this one certainly holds, and no fault.
    #[must_use]
    pub fn repaired(&self) -> Self {
        let synced = self.platters().synced.clone();
        let platters = Platters { now: synced.clone(), synced, ..Platters::default() };
        Self(Arc::new(Mutex::new(platters)))
    }

    /// Cuts the power: each sector written since the last sync is kept, lost, or half written, drawn from `seed`.
    pub fn cut(&self, seed: u64) {
        self.lose(seed, true);
    }

    /// Like [`MemDisk::cut`], but each sector is kept or lost as a whole, which is what hardware promises.
    pub fn cut_at_sectors(&self, seed: u64) {
        self.lose(seed, false);
    }

    fn lose(&self, seed: u64, inside: bool) {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        let mut disk = self.platters();
        let Platters { now, synced, dirty, .. } = &mut *disk;
        // The new length of a file is one more thing that an unsynced growth can lose.
        if next(&mut state).is_multiple_of(2) {
            now.truncate(synced.len());
        }
        synced.resize(now.len(), 0);
        dirty.sort_unstable();
        dirty.dedup();
        dirty.retain(|sector| sector * SECTOR < now.len());
        for sector in dirty.drain(..) {
            let start = sector * SECTOR;
            let end = (start + SECTOR).min(now.len());
            let draw = next(&mut state);
            let kept = match draw % 4 {
                0 => 0,
                // Hardware promises whole sectors; a test that also tears inside one asks for more than it must.
                1 if inside => usize::try_from(draw >> 32).unwrap_or(0) % (end - start),
                _ => end - start,
            };
            synced[start..start + kept].copy_from_slice(&now[start..start + kept]);
        }
        now.clone_from(synced);
    }

    /// Whether any sector, synced or not, begins with `bytes`.
    #[must_use]
    pub fn has_sector(&self, bytes: &[u8]) -> bool {
        let disk = self.platters();
        [&disk.now, &disk.synced]
            .iter()
            .any(|side| side.chunks(SECTOR).any(|sector| sector.starts_with(bytes)))
    }
}

/// SplitMix64: enough to choose sectors, and reproducible.
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The byte range of `len` bytes at `at`, if it lies inside `size`.
fn range(at: u64, len: usize, size: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(at).map_err(io::Error::other)?;
    match start.checked_add(len) {
        Some(end) if end <= size => Ok(start..end),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

impl Disk for MemDisk {
    fn len(&self) -> u64 {
        self.platters().now.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let disk = self.platters();
        buf.copy_from_slice(&disk.now[range(at, buf.len(), disk.now.len())?]);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut disk = self.platters();
        let range = range(at, bytes.len(), disk.now.len())?;
        disk.dirty.extend(range.start / SECTOR..range.end.div_ceil(SECTOR));
        disk.now[range].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.platters();
        if disk.broken {
            return Err(io::Error::other("this disk was told to fail"));
        }
        let Platters { now, synced, dirty, .. } = &mut *disk;
        synced.resize(now.len(), 0);
        dirty.sort_unstable();
        dirty.dedup();
        for sector in dirty.drain(..) {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(now.len());
            synced[range.clone()].copy_from_slice(&now[range]);
        }
        Ok(())
    }

    fn grow(&self, len: u64) -> io::Result<()> {
        let mut disk = self.platters();
        if disk.capacity.is_some_and(|capacity| len > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let len = usize::try_from(len).map_err(io::Error::other)?;
        disk.now.resize(len, 0);
        Ok(())
    }
}
