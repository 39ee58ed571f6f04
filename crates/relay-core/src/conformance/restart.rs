//! Rules of restarts.

use alloc::vec::Vec;

use subrosa_wire::InviteKind::{Address, OneTime};
use subrosa_wire::Seq;

use super::desk::{
    Desk, EMPTY, GONE, MISSING, OPENED, QUOTA, TODAY, UNOPENED, USED, ack, append, broken, cell, check,
    close, open, put, queue, revoke, rotate, sweep, take,
};
use super::{Bench, Rule, SMALL};
use crate::{Op, Outcome};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    alloc::vec![
        ("what was appended is there after a restart, what was erased is not", cells_stay),
        ("places go on above all earlier ones after each restart", places_go_on),
        ("rights stay as they were rotated", rights_stay),
        ("invites keep state, claim and owner", invites_stay),
        ("limits count what lies there after a restart", limits_count),
        ("what was hidden stays hidden", hidden_stays_hidden),
        ("an empty store stays empty", empty_stays_empty),
    ]
}

/// Restarts the store behind `desk`.
fn restart<B: Bench>(bench: &mut B, desk: Desk<B::Store>) -> Desk<B::Store> {
    Desk(bench.reopen(desk.0, &SMALL))
}

fn cells_stay<B: Bench>(bench: &mut B) {
    let mut desk = Desk(bench.fresh(&SMALL));
    for q in 1..=3 {
        desk.is(open(q, q), &EMPTY);
    }
    let first = desk.appended(1, 1);
    desk.commit(&[append(1, 2), append(2, 20), append(1, 3), append(3, 30)]);
    desk.is(ack(1, first), &Outcome::Done);
    desk.is(close(3), &Outcome::Closed(queue(3)));
    let mut desk = restart(bench, desk);
    desk.holds(1, &[2, 3]);
    desk.holds(2, &[20]);
    desk.holds(3, &[]);
    desk.is(append(3, 31), &MISSING);
    desk.appended(1, 4);
    desk.is(ack(2, Seq(u64::MAX)), &Outcome::Done);
    let desk = restart(bench, desk);
    desk.holds(1, &[2, 3, 4]);
    desk.holds(2, &[]);
}

fn places_go_on<B: Bench>(bench: &mut B) {
    // REL-30.
    let mut desk = Desk(bench.fresh(&SMALL));
    desk.is(open(1, 1), &EMPTY);
    desk.is(open(2, 2), &EMPTY);
    let mut last = Seq(0);
    for n in 0..4 {
        // One queue that keeps a cell over the restart, one that was emptied.
        let kept = desk.appended(2, n);
        let emptied = desk.appended(1, n);
        assert!(kept > last && emptied > last, "places go on above those before the restart");
        last = kept.max(emptied);
        desk.is(ack(1, emptied), &Outcome::Done);
        desk = restart(bench, desk);
        desk.is(open(2, 2), &Outcome::Opened { last: Some(kept) });
    }
    desk.holds(2, &[0, 1, 2, 3]);
}

fn rights_stay<B: Bench>(bench: &mut B) {
    let mut desk = Desk(bench.fresh(&SMALL));
    desk.is(open(1, 1), &EMPTY);
    desk.appended(1, 9);
    desk.is(rotate(1, 2), &Outcome::Rotated(queue(1)));
    let mut desk = restart(bench, desk);
    desk.is(open(1, 1), &MISSING);
    desk.is(rotate(1, 2), &Outcome::Done);
    assert!(matches!(desk.one(open(1, 2)), Outcome::Opened { last: Some(_) }));
    desk.is(close(2), &Outcome::Closed(queue(1)));
    let mut desk = restart(bench, desk);
    desk.is(open(1, 1), &EMPTY);
}

fn invites_stay<B: Bench>(bench: &mut B) {
    let mut desk = Desk(bench.fresh(&SMALL));
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(put(2, 2, Address, 20), &Outcome::Done);
    let mut desk = restart(bench, desk);
    desk.is(check(1), &UNOPENED);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(put(2, 2, Address, 21), &Outcome::Done);
    let mut desk = restart(bench, desk);
    desk.is(check(1), &OPENED);
    desk.is(take(1, 2), &USED);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(check(2), &UNOPENED);
    desk.is(take(2, 5), &Outcome::Bundle(cell(21)));
    desk.is(revoke(1), &Outcome::Done);
    let mut desk = restart(bench, desk);
    desk.is(check(1), &GONE);
    desk.is(take(1, 1), &MISSING);
    desk.is(check(2), &OPENED);
    desk.is(put(3, 1, OneTime, 30), &Outcome::Done);
}

fn limits_count<B: Bench>(bench: &mut B) {
    let mut desk = Desk(bench.fresh(&SMALL));
    for q in 1..=3 {
        desk.is(open(q, q), &EMPTY);
    }
    for n in 0..14 {
        desk.appended(1 + (n / 5) as u8, n);
    }
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(put(2, 2, Address, 20), &Outcome::Done);
    let mut desk = restart(bench, desk);
    desk.is(open(4, 4), &QUOTA);
    desk.is(append(3, 99), &QUOTA);
    desk.is(put(3, 3, OneTime, 30), &QUOTA);
    desk.is(close(1), &Outcome::Closed(queue(1)));
    desk.is(open(4, 4), &EMPTY);
    desk.appended(4, 40);
}

fn hidden_stays_hidden<B: Bench>(bench: &mut B) {
    let mut desk = Desk(bench.fresh(&SMALL));
    desk.is(sweep(TODAY, 100), &Outcome::Swept { more: false });
    desk.is(open(1, 1), &EMPTY);
    let short = Op::Append { queue: queue(1), cell: cell(1), expires: TODAY };
    assert!(matches!(desk.one(short), Outcome::Appended(_)));
    desk.appended(1, 2);
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(sweep(TODAY.plus(15), 0), &Outcome::Swept { more: true });
    let mut desk = restart(bench, desk);
    desk.holds(1, &[2]);
    desk.is(check(1), &GONE);
    desk.is(take(1, 1), &MISSING);
    if desk.one(sweep(TODAY.plus(15), 100)) != (Outcome::Swept { more: false }) {
        broken("what had expired before a restart is erased after it");
    }
    desk.holds(1, &[2]);
}

fn empty_stays_empty<B: Bench>(bench: &mut B) {
    let desk = Desk(bench.fresh(&SMALL));
    let desk = restart(bench, desk);
    let mut desk = restart(bench, desk);
    desk.is(append(1, 1), &MISSING);
    desk.is(open(1, 1), &EMPTY);
    desk.appended(1, 1);
}
