//! Everything the store keeps, as rows: what `disclose` prints.
//!
//! Spec: docs/spec/relay.md, "What a relay keeps". Invariant: what is printed is read from where it lies; nothing is
//! kept that has no row here.

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{CellEntry, Field, Knowledge, Row, Table, Value};
use subrosa_wire::{BlobId, InviteId, InviteKind, QueueId, Seq};

use crate::store::rows::{BlobRow, InviteRow, QueueRow, parse_id};
use crate::store::{SlabStore, invites, queues};

const STORE: &[Field] = &[
    Field { name: "store id", about: "random, made with the store" },
    Field { name: "opened", about: "how many times the relay was started" },
    Field { name: "until", about: "the last day that the store was told" },
];

impl SlabStore {
    pub(super) fn known(&self, rows: usize) -> Knowledge {
        let queues = self.rows(b"q", rows, |id, row| {
            let (id, row) = (QueueId::from_bytes(id), QueueRow::parse(row).ok()?);
            let cells = self.index().queues.get(&id).map_or(0, |line| line.places.len() as u64);
            Some((id, Row::queue(id, row.read, row.period, cells)))
        });
        let invites = self.rows(b"i", rows, |id, row| {
            let (id, row) = (InviteId::from_bytes(id), InviteRow::parse(row).ok()?);
            let claim = (row.opened && row.kind == InviteKind::OneTime).then_some(row.claim);
            let taken = (invites::state(&row), claim);
            Some(Row::invite(id, row.owner, row.kind, taken, Day(row.expires.into())))
        });
        let blobs = self.rows(b"b", rows, |id, row| {
            let (id, row) = (BlobId::from_bytes(id), BlobRow::parse(row).ok()?);
            let here = self.index().blobs.get(&id).map_or(0, |chunks| chunks.len() as u64);
            Some(Row::blob(id, row.owner, here, Day(row.expires.into())))
        });
        let ids: Vec<_> = queues.iter().map(|(id, _)| *id).collect();
        Knowledge {
            tables: vec![
                Table::queues(self.totals.queues, queues.into_iter().map(|(_, row)| row).collect()),
                Table::invites(self.totals.invites, invites),
                Table::blobs(self.totals.blobs, blobs),
            ],
            cell_count: self.index().cells,
            cells: self.some_cells(&ids, rows),
            chunk_count: self.index().chunks,
        }
    }

    /// [`SlabStore::known`], and what the store keeps of itself.
    pub(crate) fn whole_knowledge(&self, rows: usize) -> Knowledge {
        let mut knowledge = self.known(rows);
        knowledge.tables.push(self.own_table());
        knowledge
    }

    fn rows<T>(
        &self,
        prefix: &[u8],
        max: usize,
        mut row: impl FnMut([u8; 32], &[u8]) -> Option<T>,
    ) -> Vec<T> {
        let records = self.records.scan(prefix).take(max).filter_map(Result::ok);
        records.filter_map(|(key, value)| row(parse_id(&key).ok()?, &value)).collect()
    }

    /// What the store keeps of itself, as a table beside those that every kind of store has.
    fn own_table(&self) -> Table {
        let values =
            vec![Value::Bytes(self.store_id.to_vec()), Value::Number(self.boot), Value::Day(self.today)];
        let row = Row { key: self.store_id.to_vec(), values, bytes: 16 + 4 + 4, expires: None };
        Table { name: "store", about: "the store itself", fields: STORE, count: 1, rows: vec![row] }
    }

    /// Up to `max` cells as they lie there, expired ones that are not yet erased included.
    fn some_cells(&self, queues: &[QueueId], max: usize) -> Vec<CellEntry> {
        let index = self.index();
        let reader = self.cells.reader();
        let places = queues.iter().flat_map(|queue| index.all(*queue, 0).map(|place| (*queue, place)));
        let entries = places.filter_map(|(queue, place)| {
            let body = reader.read(place.slot, &queues::cell_header(queue, place)).ok()??;
            let cell = Cell::from_vec(body).ok()?;
            Some(CellEntry::of(queue, Seq(place.seq), &cell, Day(place.expires.into())))
        });
        entries.take(max).collect()
    }
}
