//! Rules of queues.

use alloc::vec::Vec;

use subrosa_wire::{InviteKind, Refusal, Seq};

use super::desk::{
    Desk, EMPTY, FULL, MISSING, QUOTA, ack, append, broken, cell, close, open, put, queue, rotate, take,
};
use super::{Bench, Rule, SMALL};
use crate::{Access, BATCH, Limits, Outcome, Store, StoreRead};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    alloc::vec![
        ("the first open creates a queue, the next one finds it", created_then_found),
        ("a wrong right and a missing queue have the same outcome", same_answer),
        ("cells come back in order, byte for byte, and in pages", in_order_and_in_pages),
        ("operations of one commit see those before them", one_commit_in_order),
        ("an ack erases up to its place and nothing else", ack_erases_up_to),
        ("places only grow, even in an emptied queue", places_grow),
        ("a full queue refuses and keeps what it has", full_keeps),
        ("cells over all are limited, and erasing makes room", cell_quota),
        ("queues over all are limited, and closing makes room", queue_quota),
        ("closing erases the queue and all in it", closing),
        ("a rotated right takes the old one's place", rotating),
        ("opening tells the last cell", opening_tells_the_last),
        ("a reader that is kept goes on reading", a_kept_reader),
        ("a commit may be as large as a batch", whole_batch),
        ("where a token is needed, nothing new is made without one, and all else goes on", private),
    ]
}

fn desk<B: Bench>(bench: &mut B) -> Desk<B::Store> {
    Desk(bench.fresh(&SMALL))
}

fn created_then_found<B: Bench>(bench: &mut B) {
    // REL-25.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    let seq = desk.appended(1, 10);
    desk.is(open(1, 1), &Outcome::Opened { last: Some(seq) });
    desk.holds(1, &[10]);
}

fn same_answer<B: Bench>(bench: &mut B) {
    // REL-14.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.is(open(2, 2), &EMPTY);
    desk.appended(1, 10);
    // A wrong right, and the right of another queue.
    desk.is(open(1, 9), &MISSING);
    desk.is(open(1, 2), &MISSING);
    desk.is(open(3, 1), &MISSING);
    // Nothing there.
    desk.is(append(3, 1), &MISSING);
    desk.is(ack(3, Seq(u64::MAX)), &MISSING);
    desk.is(close(3), &MISSING);
    desk.is(rotate(3, 4), &MISSING);
    assert!(desk.cells(3).is_empty(), "a queue that is not there has no cells");
    desk.holds(1, &[10]);
}

fn in_order_and_in_pages<B: Bench>(bench: &mut B) {
    // REL-35.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.is(open(2, 2), &EMPTY);
    // Two queues, interleaved: neither sees the other's.
    for n in 0..5 {
        desk.appended(1, n);
        desk.appended(2, 100 + n);
    }
    desk.holds(1, &[0, 1, 2, 3, 4]);
    desk.holds(2, &[100, 101, 102, 103, 104]);
    let mut after = Seq(0);
    let mut seen = Vec::new();
    loop {
        let page = desk.cells_after(1, after, 2);
        assert!(page.len() <= 2, "a read gives no more than was asked for");
        let Some((last, _)) = page.last() else { break };
        assert!(page.iter().all(|(seq, _)| *seq > after), "a read begins after the place it was given");
        assert!(page.is_sorted_by_key(|(seq, _)| *seq), "cells come in the order of their places");
        after = *last;
        seen.extend(page.into_iter().map(|(_, cell)| cell));
    }
    assert!(seen == (0..5).map(cell).collect::<Vec<_>>(), "pages make up the whole, each cell once");
    assert!(desk.cells_after(1, Seq(u64::MAX), 9).is_empty(), "there is nothing after the last place");
    assert!(desk.cells_after(1, Seq(0), 0).is_empty(), "a read of none gives none");
}

fn one_commit_in_order<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    let outcomes =
        desk.commit(&[append(1, 0), open(1, 1), append(1, 1), append(1, 2), close(1), append(1, 3)]);
    assert!(matches!(
        outcomes.as_slice(),
        [
            Outcome::Refused(_),
            EMPTY,
            Outcome::Appended(_),
            Outcome::Appended(_),
            Outcome::Closed(_),
            Outcome::Refused(_)
        ]
    ));
    assert!(desk.cells(1).is_empty(), "what was closed in the same commit is gone");
    let outcomes = desk.commit(&[open(1, 1), append(1, 4), open(1, 1)]);
    match outcomes.as_slice() {
        [_, Outcome::Appended(seq), Outcome::Opened { last }] => assert_eq!(*last, Some(*seq)),
        _ => broken("a queue that was closed can be made again"),
    }
    desk.holds(1, &[4]);
}

fn ack_erases_up_to<B: Bench>(bench: &mut B) {
    // REL-31.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.is(open(2, 2), &EMPTY);
    let places: Vec<_> = (0..4).map(|n| desk.appended(1, n)).collect();
    desk.appended(2, 7);
    desk.is(ack(1, Seq(0)), &Outcome::Done);
    desk.holds(1, &[0, 1, 2, 3]);
    let second = places.get(1).copied().unwrap_or_default();
    desk.is(ack(1, second), &Outcome::Done);
    desk.holds(1, &[2, 3]);
    // Lost answer: once more, and once behind.
    desk.is(ack(1, second), &Outcome::Done);
    desk.is(ack(1, places.first().copied().unwrap_or_default()), &Outcome::Done);
    desk.holds(1, &[2, 3]);
    desk.is(ack(1, Seq(u64::MAX)), &Outcome::Done);
    desk.holds(1, &[]);
    desk.holds(2, &[7]);
    // In one commit with what it erases.
    let outcomes = desk.commit(&[append(1, 8), ack(1, Seq(u64::MAX)), append(1, 9)]);
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Refused(_))));
    desk.holds(1, &[9]);
}

fn places_grow<B: Bench>(bench: &mut B) {
    // REL-30.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    let mut last = Seq(0);
    for n in 0..10 {
        let seq = desk.appended(1, n);
        assert!(seq > last, "each place is above every earlier one of its queue, also of erased cells");
        last = seq;
        desk.is(ack(1, seq), &Outcome::Done);
        desk.is(open(1, 1), &EMPTY);
    }
}

fn full_keeps<B: Bench>(bench: &mut B) {
    // REL-29.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    let first = desk.appended(1, 0);
    for n in 1..6 {
        desk.appended(1, n);
    }
    desk.is(append(1, 6), &FULL);
    desk.holds(1, &[0, 1, 2, 3, 4, 5]);
    desk.is(ack(1, first), &Outcome::Done);
    desk.appended(1, 7);
    desk.is(append(1, 8), &FULL);
    desk.holds(1, &[1, 2, 3, 4, 5, 7]);
}

fn cell_quota<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    for q in 1..=3 {
        desk.is(open(q, q), &EMPTY);
    }
    for n in 0..14 {
        desk.appended(1 + (n / 5) as u8, n);
    }
    desk.is(append(3, 99), &QUOTA);
    desk.is(ack(1, Seq(u64::MAX)), &Outcome::Done);
    desk.appended(3, 14);
    desk.is(close(2), &Outcome::Closed(queue(2)));
    desk.holds(3, &[10, 11, 12, 13, 14]);
    for n in 0..6 {
        desk.appended(1, n);
    }
}

fn queue_quota<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    for q in 1..=3 {
        desk.is(open(q, q), &EMPTY);
    }
    desk.is(open(4, 4), &QUOTA);
    // Attaching is not creating.
    desk.is(open(1, 1), &EMPTY);
    desk.is(close(2), &Outcome::Closed(queue(2)));
    desk.is(open(4, 4), &EMPTY);
    desk.is(open(2, 2), &QUOTA);
}

fn closing<B: Bench>(bench: &mut B) {
    // REL-32.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.appended(1, 1);
    desk.is(close(1), &Outcome::Closed(queue(1)));
    desk.is(close(1), &MISSING);
    desk.is(append(1, 2), &MISSING);
    desk.holds(1, &[]);
    // Both halves of its name are free again.
    desk.is(open(2, 1), &EMPTY);
    desk.is(open(1, 2), &EMPTY);
    desk.holds(1, &[]);
}

fn rotating<B: Bench>(bench: &mut B) {
    // REL-33.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.is(open(2, 2), &EMPTY);
    let seq = desk.appended(1, 5);
    desk.is(rotate(1, 3), &Outcome::Rotated(queue(1)));
    desk.is(open(1, 1), &MISSING);
    desk.is(close(1), &MISSING);
    desk.is(open(1, 3), &Outcome::Opened { last: Some(seq) });
    desk.holds(1, &[5]);
    // Lost answer: the same again.
    desk.is(rotate(1, 3), &Outcome::Done);
    desk.is(rotate(3, 3), &Outcome::Rotated(queue(1)));
    // Not onto another queue's right, and nothing changes by trying.
    desk.is(rotate(3, 2), &MISSING);
    desk.is(open(2, 2), &EMPTY);
    desk.is(open(1, 3), &Outcome::Opened { last: Some(seq) });
    // The old right is free.
    desk.is(open(3, 1), &EMPTY);
}

fn opening_tells_the_last<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    let first = desk.appended(1, 1);
    let second = desk.appended(1, 2);
    desk.is(open(1, 1), &Outcome::Opened { last: Some(second) });
    desk.is(ack(1, first), &Outcome::Done);
    desk.is(open(1, 1), &Outcome::Opened { last: Some(second) });
    desk.is(ack(1, second), &Outcome::Done);
    desk.is(open(1, 1), &EMPTY);
}

fn a_kept_reader<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.appended(1, 1);
    let kept = desk.0.reader();
    let last = desk.appended(1, 2);
    desk.is(ack(1, last), &Outcome::Done);
    desk.appended(1, 3);
    desk.holds(1, &[3]);
    match kept.cells(queue(1), Seq(0), 9) {
        // It may see any moment from its making on; but each cell whole, and in order.
        Ok(cells) => assert!(cells.is_sorted_by_key(|(seq, _)| *seq)),
        Err(_) => broken("a reader outlives commits"),
    }
}

fn whole_batch<B: Bench>(bench: &mut B) {
    // REL-55.
    let limits = Limits { queue_cells: 1_000, cells: 1_000, ..SMALL };
    let mut desk = Desk(bench.fresh(&limits));
    desk.is(open(1, 1), &EMPTY);
    let numbers: Vec<u32> = (0..BATCH as u32).collect();
    let ops: Vec<_> = numbers.iter().map(|n| append(1, *n)).collect();
    let outcomes = desk.commit(&ops);
    let places: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Appended(seq) => seq,
            _ => broken("each append of a batch is appended"),
        })
        .collect();
    assert!(places.is_sorted_by(|a, b| a < b), "places grow within a commit");
    desk.holds(1, &numbers);
    desk.is(ack(1, Seq(u64::MAX)), &Outcome::Done);
    desk.holds(1, &[]);
}

/// D3, D8.
fn private<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.is(put(1, 1, InviteKind::OneTime, 7), &Outcome::Done);
    desk.0.set_limits(Limits { access: Access::Token, ..SMALL });
    let not_admitted = Outcome::Refused(Refusal::NotAdmitted);
    desk.is(open(2, 2), &not_admitted);
    desk.is(put(2, 2, InviteKind::OneTime, 7), &not_admitted);
    desk.is(put(1, 1, InviteKind::OneTime, 8), &Outcome::Done);
    desk.is(open(1, 1), &EMPTY);
    desk.appended(1, 1);
    desk.holds(1, &[1]);
    desk.is(take(1, 1), &Outcome::Bundle(cell(8)));
    desk.is(close(1), &Outcome::Closed(queue(1)));
}
