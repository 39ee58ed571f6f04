//! [`Draft`]: a file that is written beside its place, and put there when it is whole.
//!
//! Spec: docs/spec/backup.md, "Writing". Invariant: for its owner only from its first byte; gone when it is dropped before it
//! was published; it takes no other file's place unless that was said.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use subrosa_crypto::{BACKUP_CHUNK_LEN, BACKUP_HEAD_LEN};

/// A backup in the making.
pub(super) struct Draft {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Draft {
    /// A new file in the folder of `place`, under a name that nobody has.
    pub(super) fn beside(place: &Path, rng: &mut impl CryptoRng) -> io::Result<Self> {
        let name = place.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(format!(".{:08x}.part", rng.next_u32()));
        let path = place.with_file_name(draft);
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: options.open(&path)?, path, published: false })
    }

    /// Where it lies now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The first bytes.
    pub(super) fn head(&mut self, head: &[u8; BACKUP_HEAD_LEN]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(head)
    }

    /// A chunk in its place.
    pub(super) fn chunk(&mut self, index: u32, chunk: &[u8]) -> io::Result<()> {
        let at = BACKUP_HEAD_LEN as u64 + u64::from(index) * BACKUP_CHUNK_LEN as u64;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(chunk)
    }

    /// Everything is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Puts it in its place, in one step.
    pub(super) fn publish(mut self, place: &Path, overwrite: bool) -> io::Result<()> {
        // BAK-08.
        if overwrite {
            fs::rename(&self.path, place)?;
            self.published = true;
        } else {
            match fs::hard_link(&self.path, place) {
                // The draft's own name goes with the drop.
                Ok(()) => {}
                Err(why) if why.kind() == io::ErrorKind::AlreadyExists => return Err(why),
                // A medium without hard links: the best that it offers.
                Err(_) if place.exists() => return Err(io::ErrorKind::AlreadyExists.into()),
                Err(_) => {
                    fs::rename(&self.path, place)?;
                    self.published = true;
                }
            }
        }
        sync_folder(place)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // What can't be removed is sealed, and named as what it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name is on the disk, too.
fn sync_folder(place: &Path) -> io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
