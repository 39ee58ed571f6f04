//! The key of each chat's messages: random, sealed in a row of its own, erased with the chat.
//!
//! Spec: docs/spec/at-rest.md, "Rows". Invariant: no message is sealed under anything else, and a key that can't be read is
//! never replaced by a new one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use subrosa_crypto::RowKey;
use subrosa_engine::{Bytes, Key, Table};

use super::cipher::Cipher;
use super::fault::Fault;
use crate::runtime::os_rng;

/// The number of the vault's own kind of row, `(CHAT_KEY, chat, 0)`; the engine's tables count up from 1.
pub(super) const CHAT_KEY: u8 = 255;

/// The keys that were used so far, each read once.
#[derive(Default)]
pub(super) struct ChatKeys(RefCell<BTreeMap<i64, Arc<RowKey>>>);

/// Where the sealed keys lie.
pub(super) trait KeyRows {
    /// The sealed key of `chat`.
    fn sealed_key(&self, chat: i64) -> Result<Option<Vec<u8>>, Fault>;
    /// Writes the sealed key of `chat`.
    fn put_sealed_key(&self, chat: i64, sealed: &[u8]) -> Result<(), Fault>;
}

impl ChatKeys {
    /// The sealed form of a message. The first one of a chat makes its key.
    pub(super) fn seal(
        &self,
        rows: &impl KeyRows,
        cipher: &Cipher,
        (key, plain): (Key, &[u8]),
    ) -> Result<Vec<u8>, Fault> {
        let chat_key = match self.of(rows, cipher, key.parent)? {
            Some(chat_key) => chat_key,
            None => self.make(rows, cipher, key.parent)?,
        };
        Cipher::seal_with(&chat_key, key, plain)
    }

    /// The plaintext of a message; `None` when it is not what was sealed there.
    pub(super) fn open(
        &self,
        rows: &impl KeyRows,
        cipher: &Cipher,
        (key, sealed): (Key, &[u8]),
    ) -> Result<Option<Bytes>, Fault> {
        let known = self.of(rows, cipher, key.parent)?;
        let opened = known.and_then(|chat_key| Cipher::open_with(&chat_key, key, sealed));
        if opened.is_some() {
            return Ok(opened);
        }
        // The other connection may have erased the chat and begun it anew.
        self.forget(key.parent);
        let fresh = self.of(rows, cipher, key.parent)?;
        Ok(fresh.and_then(|chat_key| Cipher::open_with(&chat_key, key, sealed)))
    }

    /// Lets go of the key of an erased chat.
    pub(super) fn forget(&self, chat: i64) {
        self.0.borrow_mut().remove(&chat);
    }

    /// Lets go of all, after a transaction that was rolled back.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    fn of(&self, rows: &impl KeyRows, cipher: &Cipher, chat: i64) -> Result<Option<Arc<RowKey>>, Fault> {
        if let Some(known) = self.0.borrow().get(&chat) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(sealed) = rows.sealed_key(chat)? else { return Ok(None) };
        let chat_key = cipher.open_chat_key(chat, &sealed).ok_or(Fault::Damaged("the key of a chat"))?;
        let chat_key = Arc::new(chat_key);
        self.0.borrow_mut().insert(chat, Arc::clone(&chat_key));
        Ok(Some(chat_key))
    }

    fn make(&self, rows: &impl KeyRows, cipher: &Cipher, chat: i64) -> Result<Arc<RowKey>, Fault> {
        // AR-12.
        let chat_key = Arc::new(cipher.table(Table::Message)?.generate_within(&mut os_rng()));
        rows.put_sealed_key(chat, &cipher.seal_chat_key(chat, &chat_key)?)?;
        self.0.borrow_mut().insert(chat, Arc::clone(&chat_key));
        Ok(chat_key)
    }
}
