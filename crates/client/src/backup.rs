//! Backups as files: written while the vault is read, opened again before they count, and made into a new profile.
//!
//! Spec: docs/spec/backup.md. Invariant: a file is in its place only when it was whole, synced and read back; a profile is
//! there only when the whole backup was read; neither a file nor a history has to fit in memory.

mod draft;
mod read;

use std::io;
use std::path::{Path, PathBuf};

use subrosa_crypto::{BackupError as FileError, BackupWords, BackupWriter, Stopped};
use subrosa_engine::Event;
use subrosa_engine::api::Command;
use subrosa_engine::backup::{Backup, Contents, ExportError, Import, ImportError, Settings};
use subrosa_engine::rows::Hidden;

use crate::error::{ClientError, CreateError};
use crate::options::{Options, Unlock};
use crate::profile::Profile;
use crate::runtime::os_rng;
use crate::vault::{Fault, Reader, Sheet, Vault};
use draft::Draft;

/// Why there is no new backup. Nothing is left of the attempt, and a file that was there before is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is a file of that name.
    #[error("{file} is there already: choose another name, or say that it may be replaced")]
    Exists {
        /// Its place.
        file: PathBuf,
    },
    /// The words were never shown.
    #[error("this profile has no words for its backups yet")]
    NoWords,
    /// The file could not be written.
    #[error("the backup could not be written to {file}: {why}")]
    Io {
        /// Its place.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// What was written does not open again.
    #[error(
        "the backup was written, and what is on the disk does not open ({0}): nothing was kept; check the disk"
    )]
    ReadBack(RestoreError),
    /// More than a backup can hold.
    #[error("this is too much for one backup")]
    TooLong,
    /// The profile.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Why a backup is not restored, or not good. No profile was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Not a backup, of a newer version, under other words, damaged, cut.
    #[error(transparent)]
    File(#[from] FileError),
    /// It opens, and its content can't be used.
    #[error(transparent)]
    Content(#[from] ImportError),
    /// The file can't be read.
    #[error("{file} can't be read: {why}")]
    Io {
        /// Its place.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The new profile.
    #[error(transparent)]
    Profile(#[from] CreateError),
}

/// Words for a new backup, from the system's randomness.
#[must_use]
pub fn fresh_backup_words() -> BackupWords {
    BackupWords::generate(&mut os_rng())
}

/// Opens a backup with its words and reads all of it: whether it is good, and what it holds. Keeps nothing.
///
/// # Errors
/// [`RestoreError`].
pub fn verify_backup(file: &Path, words: &BackupWords) -> Result<Contents, RestoreError> {
    let settings =
        Settings { now: subrosa_codec::Millis(0), relay: None, words: Hidden::copy(words.expose()) };
    let mut import = Import::new(settings);
    read::each(file, words, |piece| {
        import.take(piece)?;
        Ok(())
    })?;
    Ok(import.finish()?.1)
}

/// Makes a new profile of a backup. What is new of it lives at `relay`, or at the relay of the backup when that was not
/// hosted in the old profile. The contacts are told as soon as the profile is opened.
///
/// # Errors
/// [`RestoreError`]; no profile is left behind then.
pub fn restore(
    options: &Options,
    (file, words): (&Path, &BackupWords),
    unlock: &Unlock,
    relay: Option<String>,
) -> Result<Contents, RestoreError> {
    // BAK-05.
    let now = (options.now)();
    let mut import = Some(Import::new(Settings { now, relay, words: Hidden::copy(words.expose()) }));
    let mut told = None;
    let mut contents = Contents::default();
    let made = Vault::create_from(&Profile::at(&options.folder), unlock, &mut os_rng(), |sheet, rng| {
        let Some(import) = import.take() else { return Ok(()) };
        match fill(sheet, (file, words), import) {
            Ok(Ok(found)) => {
                contents = found;
                let back = Event::Command(Command::Reestablish);
                let transition = sheet.settle(subrosa_engine::handle(sheet, back, now, rng))?;
                sheet.apply(&transition.changes)
            }
            Ok(Err(why)) => {
                told = Some(why);
                // Ends the transaction; what is said is the reason above.
                Err(Fault::Damaged("the backup"))
            }
            Err(fault) => Err(fault),
        }
    });
    match (told, made) {
        (Some(why), _) => Err(why),
        (None, Err(why)) => Err(why.into()),
        (None, Ok(())) => Ok(contents),
    }
}

/// Writes the rows of a backup. The outer error is the new vault's, the inner one the backup's.
fn fill(
    sheet: &Sheet,
    (file, words): (&Path, &BackupWords),
    mut import: Import,
) -> Result<Result<Contents, RestoreError>, Fault> {
    let mut fault = None;
    let done = read::each(file, words, |piece| {
        let changes = import.take(piece)?;
        if fault.is_none() {
            fault = sheet.apply(&changes).err();
        }
        Ok(())
    });
    if let Some(fault) = fault {
        return Err(fault);
    }
    match done.and_then(|()| Ok(import.finish()?)) {
        Ok((changes, contents)) => sheet.apply(&changes).map(|()| Ok(contents)),
        Err(why) => Ok(Err(why)),
    }
}

/// What [`write`] needs beside the vault.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) file: PathBuf,
    pub(crate) overwrite: bool,
    pub(crate) backup: Backup,
}

/// Writes a backup of what `reader` sees, reads it back, and puts it in its place.
pub(crate) fn write(reader: &Reader, words: &BackupWords, order: &Order) -> Result<Contents, BackupError> {
    let Order { file, overwrite, backup } = order;
    if !overwrite && file.exists() {
        return Err(BackupError::Exists { file: file.clone() });
    }
    let io = |why| BackupError::Io { file: file.clone(), why };
    let mut draft = Draft::beside(file, &mut os_rng()).map_err(io)?;
    let contents = stream(reader, words, *backup, &mut draft).map_err(|why| match why {
        Broken::Io(why) => io(why),
        Broken::TooLong => BackupError::TooLong,
        Broken::Vault(fault) => BackupError::Client(fault.into()),
    })?;
    draft.sync().map_err(io)?;
    let read = verify_backup(draft.path(), words).map_err(BackupError::ReadBack)?;
    if read != contents {
        return Err(BackupError::ReadBack(RestoreError::Content(ImportError::Malformed)));
    }
    match draft.publish(file, *overwrite) {
        Ok(()) => Ok(contents),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            Err(BackupError::Exists { file: file.clone() })
        }
        Err(why) => Err(io(why)),
    }
}

/// What stops a backup that is being written.
enum Broken {
    Io(io::Error),
    TooLong,
    Vault(Fault),
}

impl From<Stopped<io::Error>> for Broken {
    fn from(stopped: Stopped<io::Error>) -> Self {
        match stopped {
            Stopped::TooLong => Self::TooLong,
            Stopped::Taker(why) => Self::Io(why),
        }
    }
}

fn stream(
    reader: &Reader,
    words: &BackupWords,
    backup: Backup,
    draft: &mut Draft,
) -> Result<Contents, Broken> {
    let mut rng = os_rng();
    let mut writer = BackupWriter::new(words, &mut rng);
    draft.head(&writer.head()).map_err(Broken::Io)?;
    let mut take = |index, chunk: &[u8]| draft.chunk(index, chunk);
    let contents = reader
        .export(backup, &mut |bytes| writer.put(bytes, &mut os_rng(), &mut take).map_err(Broken::from))
        .map_err(Broken::Vault)?
        .map_err(|why| match why {
            ExportError::Corrupt(corrupt) => Broken::Vault(corrupt.into()),
            ExportError::Taker(why) => why,
        })?;
    writer.finish(&mut rng, &mut take)?;
    Ok(contents)
}
