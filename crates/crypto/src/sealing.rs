//! At rest: from a passphrase or a keyring to the key of every row.
//!
//! Spec: docs/spec/at-rest.md. Invariant: a row opens only where it was sealed: store, table, row, key epoch,
//! schema and clear columns are all authenticated.

mod header;
mod params;
mod row;

pub(crate) use header::argon2id;
pub use header::{Dek, StoreHeader, Unlock, UnlockError};
pub use params::{KdfParams, KdfParamsError};
pub use row::{RowError, RowKey, RowRef};

#[cfg(test)]
pub(crate) use header::stretch;

#[cfg(test)]
mod tests;
