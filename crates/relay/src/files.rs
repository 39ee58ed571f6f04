//! The data folder's small files: created whole, owner-only, and durable.
//!
//! Spec: docs/guide/relay.md, "Files". Invariant: a file written by [`write_new`] is there whole or not at all,
//! after a power cut too.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Creates `folder` and its parents, readable by the owner only, their names durable.
///
/// # Errors
/// Whatever the file system reports.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made: Vec<_> = folder.ancestors().take_while(missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for folder in made {
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Writes `bytes` to a file at `path`, mode 0600, replacing one that is there.
///
/// # Errors
/// Whatever the file system reports.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in `folder` durable.
///
/// # Errors
/// Whatever the file system reports.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The content of the file at `path`, or `None` when there is none.
///
/// # Errors
/// Whatever the file system reports, except that the file is missing.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
