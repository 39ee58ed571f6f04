//! [`Cipher`]: a key for each table, and the seal of each row.
//!
//! Spec: docs/spec/at-rest.md, "Rows". Invariant: a row opens only under the key, the table, the parent and the id that it was
//! sealed with.

use std::sync::Arc;

use subrosa_crypto::{Dek, RowKey, RowRef};
use subrosa_engine::{Bytes, Key, Table};

use super::chat_key::CHAT_KEY;
use super::fault::Fault;
use crate::runtime::os_rng;

/// Epoch of the row keys: a new data key comes with a new file, so there is one only.
const KEY_EPOCH: u32 = 0;
/// Layout of the plaintext: CBOR as the engine writes it, padded; or the 32 bytes of a chat's key.
const SCHEMA: u16 = 1;

/// The keys of all tables; clones share them.
#[derive(Clone)]
pub(crate) struct Cipher(Arc<Keys>);

struct Keys {
    tables: Vec<(Table, RowKey)>,
    /// Seals the chats' keys.
    chats: RowKey,
}

impl Cipher {
    /// The table keys that follow from `dek`.
    pub(crate) fn new(dek: &Dek) -> Self {
        let tables = Table::ALL.into_iter().map(|table| (table, dek.row_key(table.number(), KEY_EPOCH)));
        Self(Arc::new(Keys { tables: tables.collect(), chats: dek.row_key(CHAT_KEY, KEY_EPOCH) }))
    }

    /// The sealed form of the row at `key`.
    pub(super) fn seal(&self, key: Key, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        Self::seal_with(self.table(key.table)?, key, plain)
    }

    /// The plaintext of the row at `key`; `None` when it is not what was sealed there.
    pub(super) fn open(&self, key: Key, sealed: &[u8]) -> Option<Bytes> {
        Self::open_with(self.table(key.table).ok()?, key, sealed)
    }

    /// [`seal`](Self::seal), under the key of a chat.
    pub(super) fn seal_with(row_key: &RowKey, key: Key, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let too_long = |_| Fault::Storage("a row is longer than 16 MiB".to_owned());
        row_key.seal(&place(key.id, &key.parent.to_le_bytes()), plain, &mut os_rng()).map_err(too_long)
    }

    /// [`open`](Self::open), under the key of a chat.
    pub(super) fn open_with(row_key: &RowKey, key: Key, sealed: &[u8]) -> Option<Bytes> {
        row_key.open(&place(key.id, &key.parent.to_le_bytes()), sealed).ok()
    }

    /// The sealed form of a chat's key.
    pub(super) fn seal_chat_key(&self, chat: i64, chat_key: &RowKey) -> Result<Vec<u8>, Fault> {
        let sealed = self.0.chats.seal(&place(0, &chat.to_le_bytes()), chat_key.expose(), &mut os_rng());
        sealed.map_err(|_| Fault::Damaged("the key of a chat"))
    }

    /// A chat's key; `None` when it is not what was sealed for that chat.
    pub(super) fn open_chat_key(&self, chat: i64, sealed: &[u8]) -> Option<RowKey> {
        let bytes = self.0.chats.open(&place(0, &chat.to_le_bytes()), sealed).ok()?;
        let bytes = <&[u8; 32]>::try_from(bytes.as_slice()).ok()?;
        Some(self.table(Table::Message).ok()?.from_bytes_within(bytes))
    }

    /// The key of `table`.
    pub(super) fn table(&self, table: Table) -> Result<&RowKey, Fault> {
        let found = self.0.tables.iter().find(|(of, _)| *of == table);
        found.map(|(_, key)| key).ok_or(Fault::Damaged("a table without a key"))
    }
}

/// What the seal authenticates beside the text: every column that stands in clear.
const fn place(row: i64, parent: &[u8; 8]) -> RowRef<'_> {
    RowRef { row, schema: SCHEMA, clear: parent }
}
