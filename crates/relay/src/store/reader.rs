//! [`SlabStoreReader`]: reads cells and chunks beside the committer.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Index". Invariant: what is returned was proved whole and its own by
//! its header, so a slot that is erased and used again under a reader's hands yields nothing, never another's body.

use std::sync::{Arc, PoisonError, RwLock};

use subrosa_codec::{CELL_LEN, Cell};
use subrosa_relay_core::{StoreFault, StoreRead, lease_period};
use subrosa_wire::{BlobId, CHUNK_LEN, Chunk, QueueId, Seq};

use crate::slab::SlabReader;
use crate::store::index::{Index, Place};
use crate::store::records::RecordsReader;
use crate::store::{SlabStore, blobs, queues};

/// The reading side of a [`SlabStore`]; cheap to make.
pub struct SlabStoreReader {
    records: RecordsReader,
    index: Arc<RwLock<Index>>,
    cells: SlabReader<CELL_LEN>,
    chunks: SlabReader<CHUNK_LEN>,
}

impl SlabStoreReader {
    pub(super) fn of(store: &SlabStore) -> Self {
        Self {
            records: store.records.reader(),
            index: Arc::clone(&store.index),
            cells: store.cells.reader(),
            chunks: store.chunks.reader(),
        }
    }

    /// Where the next `max` cells lie; none when the queue's lease has ended.
    fn places(&self, queue: QueueId, after: Seq, max: u32) -> Vec<Place> {
        let Some(row) = self.records.queue(queue) else { return Vec::new() };
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        if row.period < lease_period(index.today) {
            return Vec::new();
        }
        index.live(queue, after.0).take(max as usize).collect()
    }
}

impl StoreRead for SlabStoreReader {
    fn cells(&self, queue: QueueId, after: Seq, max: u32) -> Result<Vec<(Seq, Cell)>, StoreFault> {
        let mut cells = Vec::new();
        for place in self.places(queue, after, max) {
            let body = self.cells.read(place.slot, &queues::cell_header(queue, place))?;
            match body.and_then(|body| Cell::from_vec(body).ok()) {
                Some(cell) => cells.push((Seq(place.seq), cell)),
                // Erased since, or damaged by the medium: the ratchet shows a gap, the rest goes on.
                None => tracing::warn!("a cell was erased or damaged under a reader"),
            }
        }
        Ok(cells)
    }

    fn chunk(&self, blob: BlobId, index: u32) -> Result<Option<Chunk>, StoreFault> {
        let Some(row) = self.records.blob(blob) else { return Ok(None) };
        let slot = {
            let shared = self.index.read().unwrap_or_else(PoisonError::into_inner);
            if u32::from(row.expires) < shared.today.0 {
                return Ok(None);
            }
            shared.blobs.get(&blob).and_then(|chunks| chunks.get(&index)).copied()
        };
        let Some(slot) = slot else { return Ok(None) };
        let body = self.chunks.read(slot, &blobs::chunk_header(blob, &row, index))?;
        Ok(body.and_then(|body| Chunk::from_vec(body).ok()))
    }
}
