//! Reading a backup file, one chunk at a time.
//!
//! Spec: docs/spec/at-rest.md, "Backup". Invariant: what is passed on is authentic and in its place; one chunk is in memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use subrosa_crypto::{BACKUP_CHUNK_LEN, BACKUP_HEAD_LEN, BackupError, BackupReader, BackupWords};

use super::RestoreError;

/// Opens `file` and passes its content on, piece by piece.
pub(super) fn each(
    file: &Path,
    words: &BackupWords,
    mut take: impl FnMut(&[u8]) -> Result<(), RestoreError>,
) -> Result<(), RestoreError> {
    let io = |why: io::Error| match why.kind() {
        // It became shorter while it was read.
        io::ErrorKind::UnexpectedEof => RestoreError::File(BackupError::NotABackup),
        _ => RestoreError::Io { file: file.to_owned(), why },
    };
    let mut from = File::open(file).map_err(io)?;
    let len = from.metadata().map_err(io)?.len();
    let mut head = [0; BACKUP_HEAD_LEN];
    from.read_exact(&mut head).map_err(io)?;
    let mut reader = BackupReader::new(words, &head, len.saturating_sub(BACKUP_HEAD_LEN as u64))?;
    let mut chunk = Box::new([0; BACKUP_CHUNK_LEN]);
    for _ in 0..reader.chunks() {
        from.read_exact(&mut *chunk).map_err(io)?;
        take(&reader.open(&chunk)?)?;
    }
    Ok(())
}
