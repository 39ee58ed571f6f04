//! [`Cipher`]: a key for each table, and the seal of each row.
//!
//! Spec: docs/spec/at-rest.md, "Rows". Invariant: a row opens only under the key, the table, the parent and the id that it was
//! sealed with.

use std::sync::Arc;

use subrosa_crypto::{Dek, RowKey, RowRef};
use subrosa_engine::{Bytes, Key, Table};

use super::fault::Fault;
use crate::runtime::os_rng;

/// Epoch of the row keys: a new data key comes with a new file, so there is one only.
const KEY_EPOCH: u32 = 0;
/// Layout of the plaintext: CBOR as the engine writes it, padded.
const SCHEMA: u16 = 1;

/// The keys of all tables; clones share them.
#[derive(Clone)]
pub(crate) struct Cipher(Arc<Vec<(Table, RowKey)>>);

impl Cipher {
    /// The table keys that follow from `dek`.
    pub(crate) fn new(dek: &Dek) -> Self {
        let keys = Table::ALL.into_iter().map(|table| (table, dek.row_key(table.number(), KEY_EPOCH)));
        Self(Arc::new(keys.collect()))
    }

    /// The sealed form of the row at `key`.
    pub(crate) fn seal(&self, key: Key, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let too_long = |_| Fault::Storage("a row is longer than 16 MiB".to_owned());
        let table = self.table(key.table).ok_or(Fault::Damaged("a table without a key"))?;
        table.seal(&place(key, &key.parent.to_le_bytes()), plain, &mut os_rng()).map_err(too_long)
    }

    /// The plaintext of the row at `key`; `None` when it is not what was sealed there.
    pub(crate) fn open(&self, key: Key, sealed: &[u8]) -> Option<Bytes> {
        self.table(key.table)?.open(&place(key, &key.parent.to_le_bytes()), sealed).ok()
    }

    fn table(&self, table: Table) -> Option<&RowKey> {
        self.0.iter().find(|(of, _)| *of == table).map(|(_, key)| key)
    }
}

/// What the seal authenticates beside the text: every column that stands in clear.
const fn place(key: Key, parent: &[u8; 8]) -> RowRef<'_> {
    RowRef { row: key.id, schema: SCHEMA, clear: parent }
}
