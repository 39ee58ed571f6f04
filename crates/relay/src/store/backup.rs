//! Copies of a store: while it serves, of a stopped one, and back.
//!
//! Spec: docs/guide/relay.md, "Backup, check and repair". Invariant: a copy is the store as it was at one moment between
//! two commits; its `MANIFEST` is written last, so that what was not finished is no store.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::files;
use crate::slab::Slab;
use crate::store::SlabStore;
use crate::store::check::{Report, look};
use crate::store::manifest::{FORMAT, Manifest};
use crate::store::open::{CELLS, CHUNKS, MANIFEST, OpenError, RECORDS, lock};

/// The relay's own small files, which a copy has too.
const OWN: [&str; 2] = ["relay.key", "address"];

/// A copy that is made while the store serves: a few slots between two commits, and at the end, at one moment, what has
/// changed meanwhile.
#[derive(Debug)]
pub struct Backup {
    from: PathBuf,
    to: PathBuf,
    cells: Part,
    chunks: Part,
}

#[derive(Debug)]
struct Part {
    file: File,
    next: u32,
}

impl Part {
    fn create(folder: &Path, name: &str) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).mode(0o600).open(folder.join(name))?;
        Ok(Self { file, next: 0 })
    }

    /// Copies the next group; whether there was one.
    fn step<const BODY: usize>(&mut self, slab: &Slab<BODY>) -> Result<bool, OpenError> {
        if self.next >= slab.groups() {
            return Ok(false);
        }
        self.copy(slab, self.next)?;
        self.next += 1;
        Ok(true)
    }

    fn copy<const BODY: usize>(&self, slab: &Slab<BODY>, group: u32) -> Result<(), OpenError> {
        let bytes = slab.read_group(group)?;
        Ok(self.file.write_all_at(&bytes, u64::from(group) * Slab::<BODY>::GROUP_LEN)?)
    }

    fn finish<const BODY: usize>(mut self, slab: &mut Slab<BODY>) -> Result<(), OpenError> {
        while self.step(slab)? {}
        for group in slab.untrack() {
            self.copy(slab, group)?;
        }
        Ok(self.file.sync_all()?)
    }
}

impl Backup {
    /// Begins a copy of `store`, which lies in `from`, to `to`, which must be empty or not there.
    ///
    /// # Errors
    /// [`OpenError::Io`].
    pub fn begin(store: &mut SlabStore, from: &Path, to: &Path) -> Result<Self, OpenError> {
        let (cells, chunks) = {
            begin_at(to)?;
            (Part::create(to, CELLS)?, Part::create(to, CHUNKS)?)
        };
        store.cells.track();
        store.chunks.track();
        Ok(Self { from: from.to_owned(), to: to.to_owned(), cells, chunks })
    }

    /// Copies some more, about as much as a commit may take; whether there is more.
    ///
    /// # Errors
    /// [`OpenError`]: the copy is given up; the store is well.
    pub fn step(&mut self, store: &SlabStore) -> Result<bool, OpenError> {
        Ok(self.cells.step(&store.cells)? || self.chunks.step(&store.chunks)?)
    }

    /// Ends the copy: it is the store as it is now. Blocks for what was not copied yet or has changed since.
    ///
    /// # Errors
    /// [`OpenError`]: the copy is no store; the store is well.
    pub fn finish(self, store: &mut SlabStore) -> Result<(), OpenError> {
        self.cells.finish(&mut store.cells)?;
        self.chunks.finish(&mut store.chunks)?;
        files::write_new(&self.to.join(RECORDS), &store.records.copy_in_order()?)?;
        for file in OWN {
            copy_small(&self.from, &self.to, file)?;
        }
        let store_id = store.records.store().store_id;
        files::write_new(&self.to.join(MANIFEST), &Manifest { format: FORMAT, store_id }.write())?;
        Ok(())
    }
}

/// Copies the store in `from`, whose relay is stopped, to `to`, which must be empty or not there; what the copy holds.
///
/// # Errors
/// [`OpenError::InUse`] while a relay serves it; [`OpenError::Damaged`] when it or the copy is not sound.
pub fn copy(from: &Path, to: &Path) -> Result<Report, OpenError> {
    let _lock = lock(from)?;
    copy_sound(from, to)
}

/// Brings a backup in `from` back to `to`, which must be empty or not there; what it holds.
///
/// # Errors
/// [`OpenError::Damaged`] when the backup is not sound; nothing was brought back then.
pub fn restore(from: &Path, to: &Path) -> Result<Report, OpenError> {
    copy_sound(from, to)
}

fn copy_sound(from: &Path, to: &Path) -> Result<Report, OpenError> {
    if !look(from)?.is_sound() {
        return Err(OpenError::Damaged("it can't be copied as it is"));
    }
    begin_at(to)?;
    for file in [RECORDS, CELLS, CHUNKS] {
        std::fs::copy(from.join(file), to.join(file))?;
        File::open(to.join(file))?.sync_all()?;
    }
    for file in OWN.into_iter().chain([MANIFEST]) {
        copy_small(from, to, file)?;
    }
    let report = look(to)?;
    if report.is_sound() { Ok(report) } else { Err(OpenError::Damaged("the copy is not what was copied")) }
}

/// Makes the folder for a copy, if it is not there and empty.
fn begin_at(to: &Path) -> Result<(), OpenError> {
    files::create_folder(to)?;
    if std::fs::read_dir(to)?.next().is_some() {
        return Err(
            io::Error::new(io::ErrorKind::AlreadyExists, "the folder for the copy is not empty").into()
        );
    }
    Ok(())
}

fn copy_small(from: &Path, to: &Path, file: &str) -> Result<(), OpenError> {
    match files::read_if_there(&from.join(file))? {
        Some(bytes) => Ok(files::write_new(&to.join(file), &bytes)?),
        // A store without a relay around it has none.
        None => Ok(()),
    }
}
