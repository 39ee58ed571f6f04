//! [`Fault`]: what can go wrong below the engine.
//!
//! Invariant: whoever gets one knows that the open transaction was rolled back.

use rusqlite::{ErrorCode, ffi};
use subrosa_engine::Corrupt;

use crate::error::ClientError;

/// Why the vault could not do something.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No room.
    Full,
    /// The disk, the file system or SQLite, in its words.
    Storage(String),
    /// A row can't be read.
    Corrupt(Corrupt),
    /// The file is not what it should be.
    Damaged(&'static str),
}

impl From<rusqlite::Error> for Fault {
    fn from(why: rusqlite::Error) -> Self {
        // No room for the file that connections share is an I/O error in SQLite's words.
        if why.sqlite_error().is_some_and(|why| why.extended_code == ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full;
        }
        match why.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged("not a sound database")
            }
            _ => Self::Storage(why.to_string()),
        }
    }
}

impl From<Corrupt> for Fault {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<Fault> for ClientError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full => Self::DiskFull,
            Fault::Storage(why) => Self::Storage(why),
            Fault::Corrupt(corrupt) => Self::Damaged(format!("a row of {:?} can't be read", corrupt.table)),
            Fault::Damaged(what) => Self::Damaged(what.to_owned()),
        }
    }
}
