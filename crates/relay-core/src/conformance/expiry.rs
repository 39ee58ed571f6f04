//! Rules of expiry.

use alloc::vec::Vec;

use subrosa_codec::Day;
use subrosa_wire::InviteKind::{Address, OneTime};
use subrosa_wire::{Admit, Seq};

use super::desk::{
    Desk, EMPTY, GONE, MISSING, TODAY, UNOPENED, ack, append, broken, cell, check, close, open, owner, put,
    queue, read, revoke, rotate, sweep, take,
};
use super::{Bench, Rule, SMALL};
use crate::{InviteOp, LEASE_PERIOD, Limits, Op, Outcome, Store};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    alloc::vec![
        ("a cell is there on its last day, and hidden at once on the next", cells_hide_at_once),
        ("the day never goes back", the_day_never_goes_back),
        ("a day takes effect within its own commit", within_a_commit),
        ("a queue ends with the lease period that its last open reached", a_lease_ends),
        ("a queue whose lease has lapsed can be made anew by anyone", made_anew),
        ("an invite is there on its last day, and hidden at once on the next", invites_hide_at_once),
        ("an expired invite makes room for another under its names", names_are_free),
        ("an owner whose invite has expired may put another, and keeps it", owners_are_free),
        ("sweeping goes by its budget and ends", sweeping_ends),
        ("sweeping makes room", sweeping_makes_room),
    ]
}

fn desk<B: Bench>(bench: &mut B) -> Desk<B::Store> {
    let mut desk = Desk(bench.fresh(&SMALL));
    desk.is(sweep(TODAY, 100), &Outcome::Swept { more: false });
    desk
}

fn append_until(q: u8, n: u32, expires: Day) -> Op {
    Op::Append { queue: queue(q), cell: cell(n), expires }
}

fn open_until(q: u8, r: u8, renew: Day) -> Op {
    Op::Open { queue: queue(q), read: read(r), admit: Admit::OPEN, renew }
}

fn cells_hide_at_once<B: Bench>(bench: &mut B) {
    // REL-40.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    assert!(matches!(desk.one(append_until(1, 1, TODAY.plus(1))), Outcome::Appended(_)));
    let kept = match desk.one(append_until(1, 2, TODAY.plus(2))) {
        Outcome::Appended(seq) => seq,
        _ => broken("an append is appended"),
    };
    desk.is(sweep(TODAY.plus(1), 0), &Outcome::Swept { more: false });
    desk.holds(1, &[1, 2]);
    // Nothing may be erased, and yet nothing is shown.
    desk.is(sweep(TODAY.plus(2), 0), &Outcome::Swept { more: true });
    desk.holds(1, &[2]);
    desk.is(open(1, 1), &Outcome::Opened { last: Some(kept) });
    desk.is(sweep(TODAY.plus(3), 0), &Outcome::Swept { more: true });
    desk.holds(1, &[]);
    desk.is(open(1, 1), &EMPTY);
    desk.is(ack(1, Seq(u64::MAX)), &Outcome::Done);
    desk.is(sweep(TODAY.plus(3), 0), &Outcome::Swept { more: false });
}

fn the_day_never_goes_back<B: Bench>(bench: &mut B) {
    // REL-50.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    assert!(matches!(desk.one(append_until(1, 1, TODAY)), Outcome::Appended(_)));
    desk.is(sweep(TODAY.plus(1), 0), &Outcome::Swept { more: true });
    desk.is(sweep(TODAY, 0), &Outcome::Swept { more: true });
    desk.holds(1, &[]);
}

fn within_a_commit<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    let expires = TODAY.plus(1);
    let put = InviteOp::Put {
        id: super::desk::invite(1),
        owner: owner(1),
        kind: Address,
        expires,
        bundle: cell(1),
        admit: Admit::OPEN,
    };
    desk.is(Op::Invite(put), &Outcome::Done);
    let outcomes = desk.commit(&[take(1, 1), sweep(TODAY.plus(2), 0), take(1, 1)]);
    let expected = [Outcome::Bundle(cell(1)), Outcome::Swept { more: true }, MISSING];
    assert_eq!(outcomes.as_slice(), expected.as_slice());
}

fn a_lease_ends<B: Bench>(bench: &mut B) {
    // REL-26.
    let mut desk = desk(bench);
    desk.is(open_until(1, 1, TODAY), &EMPTY);
    desk.is(open_until(2, 2, TODAY), &EMPTY);
    assert!(matches!(desk.one(append_until(1, 1, TODAY.plus(99))), Outcome::Appended(_)));
    assert!(matches!(desk.one(append_until(2, 2, TODAY.plus(99))), Outcome::Appended(_)));
    // The whole period is kept, not the day.
    desk.is(sweep(TODAY.plus(LEASE_PERIOD - 1), 100), &Outcome::Swept { more: false });
    desk.holds(1, &[1]);
    // Renewed; and an earlier day does not shorten it.
    assert!(matches!(
        desk.one(open_until(2, 2, TODAY.plus(LEASE_PERIOD))),
        Outcome::Opened { last: Some(_) }
    ));
    assert!(matches!(desk.one(open_until(2, 2, TODAY)), Outcome::Opened { last: Some(_) }));
    desk.is(sweep(TODAY.plus(LEASE_PERIOD), 0), &Outcome::Swept { more: true });
    desk.holds(1, &[]);
    desk.holds(2, &[2]);
    desk.is(append(1, 3), &MISSING);
    desk.is(ack(1, Seq(u64::MAX)), &MISSING);
    desk.is(close(1), &MISSING);
    desk.is(rotate(1, 3), &MISSING);
    desk.is(sweep(TODAY.plus(LEASE_PERIOD), 100), &Outcome::Swept { more: false });
    desk.holds(2, &[2]);
}

fn made_anew<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    let later = TODAY.plus(LEASE_PERIOD);
    for q in 1..=2 {
        desk.is(open_until(q, q, TODAY), &EMPTY);
        assert!(matches!(desk.one(append_until(q, 1, TODAY.plus(99))), Outcome::Appended(_)));
    }
    desk.is(sweep(later, 0), &Outcome::Swept { more: true });
    // The queue under another right, and the right under another queue.
    desk.is(open_until(1, 3, later), &EMPTY);
    desk.is(open_until(3, 2, later), &EMPTY);
    desk.holds(1, &[]);
    desk.holds(3, &[]);
    assert!(matches!(desk.one(append_until(1, 5, later)), Outcome::Appended(_)));
    desk.is(sweep(later, 100), &Outcome::Swept { more: false });
    desk.holds(1, &[5]);
    desk.holds(2, &[]);
    desk.is(close(2), &Outcome::Closed(queue(3)));
}

fn invites_hide_at_once<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(put(2, 2, Address, 20), &Outcome::Done);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(sweep(TODAY.plus(14), 0), &Outcome::Swept { more: false });
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(sweep(TODAY.plus(15), 0), &Outcome::Swept { more: true });
    for n in 1..=2 {
        desk.is(check(n), &GONE);
        desk.is(take(n, 1), &MISSING);
        desk.is(revoke(n), &MISSING);
    }
    desk.is(sweep(TODAY.plus(15), 100), &Outcome::Swept { more: false });
    desk.is(check(1), &GONE);
}

fn names_are_free<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(sweep(TODAY.plus(15), 0), &Outcome::Swept { more: true });
    let again = |i, o, n| {
        let (id, owner, expires) = (super::desk::invite(i), owner(o), TODAY.plus(20));
        Op::Invite(InviteOp::Put { id, owner, kind: OneTime, expires, bundle: cell(n), admit: Admit::OPEN })
    };
    // The id under another owner; the owner, now free, under another id.
    desk.is(again(1, 2, 11), &Outcome::Done);
    desk.is(again(2, 1, 12), &Outcome::Done);
    desk.is(take(1, 2), &Outcome::Bundle(cell(11)));
    desk.is(take(2, 2), &Outcome::Bundle(cell(12)));
    desk.is(sweep(TODAY.plus(15), 100), &Outcome::Swept { more: false });
    desk.is(take(1, 2), &Outcome::Bundle(cell(11)));
}

fn owners_are_free<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(sweep(TODAY.plus(15), 0), &Outcome::Swept { more: true });
    let (id, owner, expires) = (super::desk::invite(2), owner(1), TODAY.plus(20));
    let again = InviteOp::Put { id, owner, kind: OneTime, expires, bundle: cell(11), admit: Admit::OPEN };
    desk.is(Op::Invite(again), &Outcome::Done);
    // Erasing the old one must not take the owner's right to the new one along.
    desk.is(sweep(TODAY.plus(15), 100), &Outcome::Swept { more: false });
    desk.is(check(1), &UNOPENED);
    desk.is(take(1, 1), &MISSING);
    desk.is(revoke(1), &Outcome::Done);
    desk.is(take(2, 1), &MISSING);
}

fn sweeping_ends<B: Bench>(bench: &mut B) {
    // REL-49.
    let mut desk = desk(bench);
    desk.is(open(1, 1), &EMPTY);
    desk.is(open_until(2, 2, TODAY), &EMPTY);
    for n in 0..3 {
        assert!(matches!(desk.one(append_until(1, n, TODAY)), Outcome::Appended(_)));
        assert!(matches!(desk.one(append_until(2, n, TODAY)), Outcome::Appended(_)));
    }
    desk.is(put(1, 1, Address, 9), &Outcome::Done);
    desk.is(sweep(TODAY.plus(64), 1), &Outcome::Swept { more: true });
    // 6 cells, a queue and an invite: one at a time takes as many sweeps at most.
    let mut sweeps = 1;
    while desk.one(sweep(TODAY.plus(64), 1)) == (Outcome::Swept { more: true }) {
        sweeps += 1;
        assert!(sweeps < 12, "sweeping ends");
    }
    assert_eq!(desk.0.knowledge(9).cell_count, 0);
    assert_eq!(desk.0.knowledge(9).tables.iter().map(|table| table.count).sum::<u64>(), 1);
}

fn sweeping_makes_room<B: Bench>(bench: &mut B) {
    let limits = Limits { cells: 2, invites: 1, queues: 2, ..SMALL };
    let mut desk = Desk(bench.fresh(&limits));
    desk.is(open(1, 1), &EMPTY);
    desk.is(open_until(2, 2, TODAY), &EMPTY);
    assert!(matches!(desk.one(append_until(1, 1, TODAY)), Outcome::Appended(_)));
    assert!(matches!(desk.one(append_until(2, 2, TODAY)), Outcome::Appended(_)));
    desk.is(put(1, 1, OneTime, 3), &Outcome::Done);
    let later = TODAY.plus(LEASE_PERIOD);
    desk.is(sweep(later, 100), &Outcome::Swept { more: false });
    assert!(matches!(desk.one(append_until(1, 4, later)), Outcome::Appended(_)));
    assert!(matches!(desk.one(append_until(1, 5, later)), Outcome::Appended(_)));
    desk.is(open_until(3, 3, later), &EMPTY);
    let (id, owner, expires) = (super::desk::invite(2), owner(2), later);
    let put = InviteOp::Put { id, owner, kind: OneTime, expires, bundle: cell(6), admit: Admit::OPEN };
    desk.is(Op::Invite(put), &Outcome::Done);
    desk.holds(1, &[4, 5]);
}
