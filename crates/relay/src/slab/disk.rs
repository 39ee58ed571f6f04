//! [`Disk`]: the four things a slab asks of a file, and [`FileDisk`], a real one.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md. Invariant: what was written before [`Disk::sync`] returned is
//! read back after a power cut, on a disk that honours flush; nothing else is promised.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FallocateFlags;

/// What a slab needs of the file it lies in. Reads and writes never cross [`Disk::len`].
pub trait Disk: Send + Sync + 'static {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from `at`.
    ///
    /// # Errors
    /// Whatever the file reports; a short read is an error too.
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `at`; durable only after [`Disk::sync`].
    ///
    /// # Errors
    /// Whatever the file reports.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Makes everything written so far durable. An error is never retried: the caller stops.
    ///
    /// # Errors
    /// Whatever the file reports.
    fn sync(&self) -> io::Result<()>;

    /// Makes the file `len` bytes long, the new bytes zero and their space reserved.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when there is no room; the length is unchanged then.
    fn grow(&self, len: u64) -> io::Result<()>;
}

/// A file on a file system, its descriptor held from open to drop.
///
/// Linux reports a write-back error once per descriptor: a descriptor opened afresh for each sync could miss it.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    len: AtomicU64,
}

impl FileDisk {
    /// Opens the file at `path`, created empty and readable by its owner only if it is not there.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let len = AtomicU64::new(file.metadata()?.len());
        Ok(Self { file, len })
    }

    /// Opens the file at `path`, which must be there.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn open_existing(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let len = AtomicU64::new(file.metadata()?.len());
        Ok(Self { file, len })
    }

    /// Opens the file at `path` for reading; writes to it fail.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn open_read_only(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = AtomicU64::new(file.metadata()?.len());
        Ok(Self { file, len })
    }
}

impl Disk for FileDisk {
    fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn grow(&self, len: u64) -> io::Result<()> {
        let old = self.len();
        let more = len.saturating_sub(old);
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), old, more) {
            Ok(()) => {}
            // Some file systems cannot reserve; there a full disk shows at a write.
            Err(rustix::io::Errno::OPNOTSUPP) => self.file.set_len(len)?,
            Err(error) => return Err(error.into()),
        }
        // The new length must be durable before a slot in it is acknowledged; sync_data covers the size.
        self.len.store(len, Ordering::Release);
        Ok(())
    }
}
