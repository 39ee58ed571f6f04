//! [`Room`]: whether the file system has space to spare.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Faults" (D12). Invariant: new things are refused while acknowledging still
//! works: what frees space must never need space.

use std::fs::File;
use std::io;
use std::path::Path;

/// Watches the file system that a folder lies on.
#[derive(Debug)]
pub(crate) struct Room {
    folder: File,
    /// Bytes that must stay free.
    reserve: u64,
}

impl Room {
    pub(crate) fn of(folder: &Path, reserve: u64) -> io::Result<Self> {
        Ok(Self { folder: File::open(folder)?, reserve })
    }

    /// Whether less than the reserve is free. Unknown counts as enough: a write will tell.
    pub(crate) fn is_tight(&self) -> bool {
        // REL-58.
        rustix::fs::fstatvfs(&self.folder)
            .is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) < self.reserve)
    }
}
