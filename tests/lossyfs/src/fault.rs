//! [`Fault`]: acts of a process that fail.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Faults". Invariant: an act that fails changes nothing.

use std::io;

/// Which acts a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Reading bytes.
    Read,
    /// Writing bytes.
    Write,
    /// `fsync` and `fdatasync`, of files and directories.
    Sync,
    /// Whatever changes a name or a length.
    Change,
}

/// From the Nth act of a kind on, each fails.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which acts.
    pub on: On,
    /// Only those of files whose name ends so; empty for all.
    pub name: String,
    /// How many succeed before.
    pub after: u64,
    /// How many fail.
    pub times: u64,
    /// With this: [`io::ErrorKind::StorageFull`] is ENOSPC, everything else EIO.
    pub kind: io::ErrorKind,
}

impl Fault {
    /// Every act of this kind on files whose name ends with `name` fails with EIO, after `after` that succeed.
    #[must_use]
    pub fn broken(on: On, name: &str, after: u64) -> Self {
        Self { on, name: name.to_owned(), after, times: u64::MAX, kind: io::ErrorKind::Other }
    }

    /// Whether this act fails.
    pub(crate) fn strikes(&mut self, on: On, name: &str) -> Option<io::ErrorKind> {
        if self.on != on || !name.ends_with(&self.name) || self.times == 0 {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.kind)
    }
}
