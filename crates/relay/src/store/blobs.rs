//! Blobs: a record each, and their chunks in the slots of a slab of their own.
//!
//! Spec: docs/spec/relay.md, "Blobs". Invariant: a chunk is found by its header alone: owner = blob id, seq = index.

use subrosa_relay_core::{BlobOp, Outcome, StoreFault};
use subrosa_wire::{Admit, BlobId, CHUNK_LEN, Chunk, OwnerId, Refusal};

use crate::slab::{Header, PutError};
use crate::store::rows::{BlobRow, Name, Row};
use crate::store::tokens::Making;
use crate::store::{CHUNK, SlabStore, day16, refused};

impl SlabStore {
    pub(super) fn blob_op(&mut self, op: &BlobOp) -> Result<Outcome, StoreFault> {
        if self.limits.chunks == 0 {
            return refused(Refusal::Unsupported);
        }
        match op {
            BlobOp::Put { blob, owner, index, of, expires, chunk, admit } => {
                let row = BlobRow { owner: *owner, chunks: *of, expires: day16(*expires) };
                match self.blob_to_fill(*blob, row, *admit)? {
                    Ok(row) => self.put_chunk(*blob, row, *index, chunk),
                    Err(refusal) => refused(refusal),
                }
            }
            BlobOp::Drop { owner } => match self.blob_of(*owner) {
                Some(id) => {
                    self.erase_blob(id)?;
                    Ok(Outcome::Done)
                }
                None => {
                    self.bury_owned(*owner)?;
                    refused(Refusal::Missing)
                }
            },
            _ => refused(Refusal::Unsupported),
        }
    }

    /// The record of `id`, if it is there and has not expired.
    fn blob(&self, id: BlobId) -> Option<BlobRow> {
        self.records.table().blob(id).filter(|row| self.is_alive(row.expires))
    }

    fn blob_of(&self, owner: OwnerId) -> Option<BlobId> {
        match self.records.table().owned_by(owner)? {
            Row::Blob(id, row) if self.is_alive(row.expires) => Some(id),
            _ => None,
        }
    }

    /// The record of the blob that a chunk belongs to, made with the first one.
    fn blob_to_fill(
        &mut self,
        id: BlobId,
        new: BlobRow,
        admit: Admit,
    ) -> Result<Result<BlobRow, Refusal>, StoreFault> {
        self.bury_blob(id)?;
        match self.blob(id) {
            Some(row) if row.owner == new.owner && row.chunks == new.chunks => return Ok(Ok(row)),
            Some(_) => return Ok(Err(Refusal::Missing)),
            None if self.owner_is_taken(new.owner) => return Ok(Err(Refusal::Missing)),
            None => {}
        }
        let token = match self.admission(admit, Making::Bytes(u64::from(new.chunks) * CHUNK_LEN as u64)) {
            Ok(token) => token,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if self.tight {
            return Ok(Err(Refusal::Storage));
        }
        self.bury_owned(new.owner)?;
        // The whole blob is counted from its first chunk on, so that none is begun that can't be finished.
        let promised = self.records.table().counts().promised;
        if promised.saturating_add(u64::from(new.chunks)) > self.limits.chunks {
            return Ok(Err(Refusal::QuotaExceeded));
        }
        if !self.records.reserve()? {
            return Ok(Err(Refusal::Storage));
        }
        self.put_record(Row::Blob(id, new))?;
        self.charge(token)?;
        Ok(Ok(new))
    }

    fn put_chunk(
        &mut self,
        id: BlobId,
        row: BlobRow,
        index: u32,
        chunk: &Chunk,
    ) -> Result<Outcome, StoreFault> {
        if self.index().blobs.get(&id).is_some_and(|chunks| chunks.contains_key(&index)) {
            return Ok(Outcome::Done);
        }
        if self.tight && self.chunks.free() == 0 {
            return refused(Refusal::Storage);
        }
        let header = chunk_header(id, &row, index);
        let slot = match self.chunks.put(&header, chunk.as_bytes()) {
            Ok(slot) => slot,
            Err(PutError::Full) => return refused(Refusal::Storage),
            Err(error) => return Err(error.into()),
        };
        let mut shared = self.index_mut();
        shared.blobs.entry(id).or_default().insert(index, slot);
        shared.chunks += 1;
        Ok(Outcome::Done)
    }

    /// Erases the blob `id` if it has expired, so that its names are free.
    pub(super) fn bury_blob(&mut self, id: BlobId) -> Result<(), StoreFault> {
        let row = self.records.table().blob(id);
        if row.is_some_and(|row| !self.is_alive(row.expires)) { self.erase_blob(id) } else { Ok(()) }
    }

    /// Erases up to `budget` chunks of the blob `id`; how many.
    pub(super) fn erase_chunks(&mut self, id: BlobId, budget: u32) -> Result<u32, StoreFault> {
        let mut erased = 0;
        while erased < budget {
            let popped = {
                let mut index = self.index_mut();
                let popped = index.blobs.get_mut(&id).and_then(std::collections::BTreeMap::pop_first);
                index.chunks -= u64::from(popped.is_some());
                popped
            };
            let Some((_, slot)) = popped else { break };
            self.chunks.erase(slot)?;
            erased += 1;
        }
        Ok(erased)
    }

    /// Erases the blob `id`, its chunks and its record.
    pub(super) fn erase_blob(&mut self, id: BlobId) -> Result<(), StoreFault> {
        self.erase_chunks(id, u32::MAX)?;
        self.index_mut().blobs.remove(&id);
        self.records.erase(Name::Blob(id));
        Ok(())
    }
}

/// The header of one chunk.
pub(super) const fn chunk_header(id: BlobId, row: &BlobRow, index: u32) -> Header {
    Header { kind: CHUNK, expires: row.expires, seq: index as u64, owner: *id.as_bytes() }
}
