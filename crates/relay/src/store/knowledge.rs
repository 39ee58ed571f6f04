//! Everything the store keeps, as rows: what `disclose` prints.
//!
//! Spec: docs/spec/relay.md, "What a relay keeps". Invariant: what is printed is read from where it lies; nothing is
//! kept that has no row here.

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{CellEntry, Field, Knowledge, Row as Known, Table, Value};
use subrosa_wire::{InviteKind, QueueId, Seq};

use crate::store::rows::Row;
use crate::store::{SlabStore, invites, queues};

const TOKENS: &[Field] = &[
    Field { name: "admit id", about: "hash of the token" },
    Field { name: "number", about: "what the operator calls it" },
    Field { name: "queues", about: "that may be made under it in 32 days" },
    Field { name: "bytes", about: "of invites and attachments that may be put under it in 32 days" },
    Field { name: "used queues", about: "made in the period of its last use" },
    Field { name: "used bytes", about: "put in the period of its last use" },
    Field { name: "period", about: "the 32-day period of its last use" },
    Field { name: "expires", about: "last day" },
];

const STORE: &[Field] = &[
    Field { name: "store id", about: "random, made with the store" },
    Field { name: "opened", about: "how many times the relay was started" },
    Field { name: "until", about: "the last day that the store was told" },
];

impl SlabStore {
    pub(super) fn known(&self, rows: usize) -> Knowledge {
        let table = self.records.table();
        let queues = table.rows().filter_map(|row| match row {
            Row::Queue(id, row) => Some((*id, *row)),
            _ => None,
        });
        let queues: Vec<_> = first(queues, rows, |id| id.as_bytes())
            .into_iter()
            .map(|(id, row)| {
                let cells = self.index().queues.get(&id).map_or(0, |line| line.places.len() as u64);
                (id, Known::queue(id, row.read, row.period, cells))
            })
            .collect();
        let invites = table.rows().filter_map(|row| match row {
            Row::Invite(id, row) => Some((*id, *row)),
            _ => None,
        });
        let invites = first(invites, rows, |id| id.as_bytes()).into_iter().map(|(id, row)| {
            let claim = (row.opened && row.kind == InviteKind::OneTime).then_some(row.claim);
            Known::invite(id, row.owner, row.kind, (invites::state(&row), claim), Day(row.expires.into()))
        });
        let blobs = table.rows().filter_map(|row| match row {
            Row::Blob(id, row) => Some((*id, *row)),
            _ => None,
        });
        let blobs = first(blobs, rows, |id| id.as_bytes()).into_iter().map(|(id, row)| {
            let here = self.index().blobs.get(&id).map_or(0, |chunks| chunks.len() as u64);
            Known::blob(id, row.owner, here, Day(row.expires.into()))
        });
        let counts = table.counts();
        let ids: Vec<_> = queues.iter().map(|(id, _)| *id).collect();
        Knowledge {
            tables: vec![
                Table::queues(counts.queues, queues.into_iter().map(|(_, row)| row).collect()),
                Table::invites(counts.invites, invites.collect()),
                Table::blobs(counts.blobs, blobs.collect()),
            ],
            cell_count: self.index().cells,
            cells: self.some_cells(&ids, rows),
            chunk_count: self.index().chunks,
        }
    }

    /// [`SlabStore::known`], and what the store keeps of itself.
    pub(crate) fn whole_knowledge(&self, rows: usize) -> Knowledge {
        let mut knowledge = self.known(rows);
        knowledge.tables.push(self.token_table(rows));
        knowledge.tables.push(self.own_table());
        knowledge
    }

    fn token_table(&self, max: usize) -> Table {
        let table = self.records.table();
        let tokens = table.rows().filter_map(|row| match row {
            Row::Token(id, row) => Some((*id, *row)),
            _ => None,
        });
        let rows = first(tokens, max, |id| id.as_bytes()).into_iter().map(|(id, row)| {
            let expires = Day(row.expires.into());
            let values = vec![
                Value::Bytes(id.as_bytes().to_vec()),
                Value::Number(row.number.into()),
                Value::Number(row.queues.into()),
                Value::Number(row.bytes),
                Value::Number(row.used_queues.into()),
                Value::Number(row.used_bytes),
                Value::Number(row.period.into()),
                Value::Day(expires),
            ];
            Known { key: id.as_bytes().to_vec(), values, bytes: 66, expires: Some(expires) }
        });
        let about = "leave to make things on a private relay: no queue, invite or attachment says which token made it";
        Table { name: "tokens", about, fields: TOKENS, count: table.counts().tokens, rows: rows.collect() }
    }

    /// What the store keeps of itself, as a table beside those that every kind of store has.
    fn own_table(&self) -> Table {
        let id = self.records.store().store_id.to_vec();
        let values = vec![Value::Bytes(id.clone()), Value::Number(self.boot), Value::Day(self.today)];
        let row = Known { key: id, values, bytes: 16 + 4 + 4, expires: None };
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

/// The first `max` things in the order of their ids: the order of the file would say nothing true.
fn first<I, R>(
    things: impl Iterator<Item = (I, R)>,
    max: usize,
    bytes: impl Fn(&I) -> &[u8; 32],
) -> Vec<(I, R)> {
    let mut things: Vec<_> = things.collect();
    if (1..things.len()).contains(&max) {
        things.select_nth_unstable_by(max, |a, b| bytes(&a.0).cmp(bytes(&b.0)));
    }
    things.truncate(max);
    things.sort_unstable_by(|a, b| bytes(&a.0).cmp(bytes(&b.0)));
    things
}
