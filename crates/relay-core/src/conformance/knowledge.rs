//! Rules of what a store says that it keeps.

use alloc::vec::Vec;

use subrosa_codec::{CELL_LEN, Day};
use subrosa_wire::InviteKind::{Address, OneTime};

use super::desk::{Desk, EMPTY, TODAY, broken, cell, claim, invite, open, owner, put, queue, read, take};
use super::{Bench, Rule, SMALL};
use crate::{Knowledge, Outcome, Store, Table, Value};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    alloc::vec![
        ("every record and every cell is shown, with all that is kept of it", everything),
        ("counts are exact where rows are cut off", counts_are_exact),
        ("nothing is kept of who takes an address", addresses_keep_no_claim),
    ]
}

fn table<'k>(knowledge: &'k Knowledge, name: &str) -> &'k Table {
    match knowledge.tables.iter().find(|table| table.name == name) {
        Some(table) => table,
        None => broken("a store shows a table of queues, one of invites, one of blobs"),
    }
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

fn everything<B: Bench>(bench: &mut B) {
    // REL-59.
    let mut desk = Desk(bench.fresh(&SMALL));
    desk.is(open(1, 7), &EMPTY);
    let seq = desk.appended(1, 5);
    desk.is(put(2, 3, OneTime, 9), &Outcome::Done);
    desk.is(take(2, 4), &Outcome::Bundle(cell(9)));
    let knowledge = desk.0.knowledge(9);

    let queues = table(&knowledge, "queues");
    let [row] = queues.rows.as_slice() else { broken("one queue, one row") };
    assert_eq!(row.key, queue(1).as_bytes());
    let lease = TODAY.plus(384).0 / 32;
    let expected = [
        bytes(queue(1).as_bytes()),
        bytes(read(7).as_bytes()),
        Value::Number(lease.into()),
        Value::Number(1),
    ];
    assert_eq!(row.values.as_slice(), expected.as_slice());

    let invites = table(&knowledge, "invites");
    let [row] = invites.rows.as_slice() else { broken("one invite, one row") };
    let expected = [
        bytes(invite(2).as_bytes()),
        bytes(owner(3).as_bytes()),
        Value::Word("one-time"),
        Value::Word("opened"),
        bytes(claim(4).as_bytes()),
        Value::Day(TODAY.plus(14)),
    ];
    assert_eq!(row.values.as_slice(), expected.as_slice());
    assert_eq!(row.expires, Some(TODAY.plus(14)));

    for table in &knowledge.tables {
        assert!(
            table.rows.iter().all(|row| row.values.len() == table.fields.len()),
            "one value for each field"
        );
    }
    assert_eq!(knowledge.cell_count, 1);
    let [entry] = knowledge.cells.as_slice() else { broken("one cell, one entry") };
    assert_eq!((entry.queue, entry.seq, entry.len as usize), (queue(1), seq, CELL_LEN));
    assert!(cell(5).as_bytes().starts_with(&entry.head), "an entry shows the cell's first bytes");
    assert_eq!(entry.expires, Day(TODAY.0 + 30));
}

fn counts_are_exact<B: Bench>(bench: &mut B) {
    // REL-60.
    let mut desk = Desk(bench.fresh(&SMALL));
    for q in 1..=3 {
        desk.is(open(q, q), &EMPTY);
        desk.appended(q, 1);
        desk.appended(q, 2);
    }
    desk.is(put(1, 1, OneTime, 9), &Outcome::Done);
    desk.is(put(2, 2, OneTime, 9), &Outcome::Done);
    for rows in [0, 1, 2, 9] {
        let knowledge = desk.0.knowledge(rows);
        assert_eq!(knowledge.cell_count, 6);
        assert_eq!(knowledge.cells.len(), rows.min(6));
        assert_eq!(table(&knowledge, "queues").count, 3);
        assert_eq!(table(&knowledge, "queues").rows.len(), rows.min(3));
        assert_eq!(table(&knowledge, "invites").count, 2);
        assert_eq!(table(&knowledge, "blobs").count, 0);
    }
}

fn addresses_keep_no_claim<B: Bench>(bench: &mut B) {
    let mut desk = Desk(bench.fresh(&SMALL));
    desk.is(put(1, 1, Address, 9), &Outcome::Done);
    desk.is(take(1, 77), &Outcome::Bundle(cell(9)));
    let knowledge = desk.0.knowledge(9);
    let [row] = table(&knowledge, "invites").rows.as_slice() else { broken("one invite, one row") };
    assert_eq!(row.values.get(4), Some(&Value::None));
}
