//! What the model keeps, as rows.
//!
//! Spec: docs/spec/relay.md, "What a relay keeps". Invariant: every map of the state is shown or derived from one
//! that is.

use alloc::vec;

use subrosa_wire::InviteState;

use super::State;
use crate::{CellEntry, Knowledge, Row, Table};

impl State {
    pub(super) fn knowledge(&self, rows: usize) -> Knowledge {
        // REL-60.
        // Exhaustive: a new field does not build until someone decides how it is shown.
        let Self { today: _, boot: _, queues, readers: _, invites, blobs, owners: _, cells, chunks: _ } =
            self;
        let queue_rows = queues.iter().take(rows);
        let queue_rows = queue_rows.map(|(id, q)| Row::queue(*id, q.read, q.lease, q.cells.len() as u64));
        let invite_rows = invites.iter().take(rows).map(|(id, invite)| {
            let state = if invite.opened { InviteState::Opened } else { InviteState::Unopened };
            Row::invite(*id, invite.owner, invite.kind, (state, invite.claim), invite.expires)
        });
        let blob_rows = blobs.iter().take(rows);
        let blob_rows =
            blob_rows.map(|(id, blob)| Row::blob(*id, blob.owner, blob.chunks.len() as u64, blob.expires));
        let entries = queues.iter().flat_map(|(id, queue)| {
            queue.cells.iter().map(|(seq, (cell, expires))| CellEntry::of(*id, *seq, cell, *expires))
        });
        Knowledge {
            tables: vec![
                Table::queues(queues.len() as u64, queue_rows.collect()),
                Table::invites(invites.len() as u64, invite_rows.collect()),
                Table::blobs(blobs.len() as u64, blob_rows.collect()),
            ],
            cell_count: *cells,
            cells: entries.take(rows).collect(),
            chunk_count: blobs.values().map(|blob| blob.chunks.len() as u64).sum(),
        }
    }
}
