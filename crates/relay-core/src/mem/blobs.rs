//! Blobs of the model.
//!
//! Spec: docs/spec/relay.md, "Blobs". Invariant: a blob's chunks are counted when it is made, so that no upload
//! begins that can't end.

use alloc::collections::BTreeMap;

use subrosa_wire::{BlobId, Chunk, Refusal};

use super::{Blob, Owned, State};
use crate::{Access, BlobOp, Limits, Outcome};

impl State {
    pub(super) fn blob(&mut self, op: &BlobOp, limits: &Limits) -> Result<Outcome, Refusal> {
        if limits.chunks == 0 {
            // REL-48.
            return Err(Refusal::Unsupported);
        }
        match op {
            BlobOp::Put { blob, owner, index, of, expires, chunk, admit: _ } => {
                let new = Blob { owner: *owner, of: *of, expires: *expires, chunks: BTreeMap::new() };
                self.make_blob(*blob, new, limits)?;
                let found = self.blobs.get_mut(blob).ok_or(Refusal::Missing)?;
                found.chunks.entry(*index).or_insert_with(|| chunk.clone());
                Ok(Outcome::Done)
            }
            BlobOp::Drop { owner } => match self.owners.get(owner).copied() {
                Some(Owned::Blob(id)) => {
                    let there = self.blobs.get(&id).is_some_and(|blob| !self.is_past(blob.expires));
                    self.erase_blob(id);
                    if there { Ok(Outcome::Done) } else { Err(Refusal::Missing) }
                }
                _ => Err(Refusal::Missing),
            },
        }
    }

    /// Makes the blob unless it is there.
    fn make_blob(&mut self, id: BlobId, new: Blob, limits: &Limits) -> Result<(), Refusal> {
        // REL-46.
        if self.blobs.get(&id).is_some_and(|blob| self.is_past(blob.expires)) {
            self.erase_blob(id);
        }
        if self.owns_other(new.owner, Owned::Blob(id)) {
            return Err(Refusal::Missing);
        }
        if let Some(old) = self.blobs.get(&id) {
            let same = old.owner == new.owner && old.of == new.of;
            return if same { Ok(()) } else { Err(Refusal::Missing) };
        }
        if limits.access == Access::Token {
            return Err(Refusal::NotAdmitted);
        }
        self.erase_owned(new.owner);
        if self.chunks + u64::from(new.of) > limits.chunks {
            return Err(Refusal::QuotaExceeded);
        }
        self.chunks += u64::from(new.of);
        self.owners.insert(new.owner, Owned::Blob(id));
        self.blobs.insert(id, new);
        Ok(())
    }

    pub(super) fn chunk_of(&self, blob: BlobId, index: u32) -> Option<Chunk> {
        // REL-47.
        let blob = self.blobs.get(&blob).filter(|blob| !self.is_past(blob.expires))?;
        blob.chunks.get(&index).cloned()
    }

    pub(super) fn erase_blob(&mut self, id: BlobId) {
        if let Some(blob) = self.blobs.remove(&id) {
            self.owners.remove(&blob.owner);
            self.chunks = self.chunks.saturating_sub(blob.of.into());
        }
    }
}
