//! Rules of invites.

use alloc::vec::Vec;

use subrosa_wire::InviteKind::{Address, OneTime};

use super::desk::{Desk, GONE, MISSING, OPENED, QUOTA, UNOPENED, USED, cell, check, put, revoke, take};
use super::{Bench, Rule, SMALL};
use crate::Outcome;

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    alloc::vec![
        ("a one-time invite is given to its first claim, again and again, and to no other", one_time),
        ("an address is given to everyone", address),
        ("an address is replaced in place by its owner", replaced),
        ("a taken one-time invite can't be put again", not_put_again),
        ("an id of another owner or kind is missing, as is an owner of another thing", foreign),
        ("a revoked invite is gone", revoked),
        ("invites over all are limited, and revoking makes room", quota),
        ("operations of one commit see those before them", one_commit),
    ]
}

fn desk<B: Bench>(bench: &mut B) -> Desk<B::Store> {
    Desk(bench.fresh(&SMALL))
}

fn one_time<B: Bench>(bench: &mut B) {
    // REL-43.
    let mut desk = desk(bench);
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(check(1), &UNOPENED);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(check(1), &OPENED);
    desk.is(take(1, 2), &USED);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(take(1, 2), &USED);
    desk.is(take(2, 1), &MISSING);
}

fn address<B: Bench>(bench: &mut B) {
    // REL-42.
    let mut desk = desk(bench);
    desk.is(put(1, 1, Address, 10), &Outcome::Done);
    desk.is(check(1), &UNOPENED);
    for c in 1..4 {
        desk.is(take(1, c), &Outcome::Bundle(cell(10)));
    }
    desk.is(check(1), &OPENED);
}

fn replaced<B: Bench>(bench: &mut B) {
    // REL-41.
    let mut desk = desk(bench);
    desk.is(put(1, 1, Address, 10), &Outcome::Done);
    desk.is(put(1, 1, Address, 10), &Outcome::Done);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(put(1, 1, Address, 11), &Outcome::Done);
    desk.is(take(1, 1), &Outcome::Bundle(cell(11)));
    desk.is(check(1), &OPENED);
    // An unopened one-time invite, too: the answer to its put was lost.
    desk.is(put(2, 2, OneTime, 20), &Outcome::Done);
    desk.is(put(2, 2, OneTime, 21), &Outcome::Done);
    desk.is(take(2, 1), &Outcome::Bundle(cell(21)));
}

fn not_put_again<B: Bench>(bench: &mut B) {
    // REL-41.
    let mut desk = desk(bench);
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(put(1, 1, OneTime, 11), &USED);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
}

fn foreign<B: Bench>(bench: &mut B) {
    // REL-41.
    let mut desk = desk(bench);
    desk.is(put(1, 1, Address, 10), &Outcome::Done);
    desk.is(put(1, 2, Address, 66), &MISSING);
    desk.is(put(1, 1, OneTime, 66), &MISSING);
    desk.is(put(2, 1, Address, 66), &MISSING);
    desk.is(check(2), &GONE);
    desk.is(revoke(2), &MISSING);
    desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
    desk.is(take(2, 1), &MISSING);
}

fn revoked<B: Bench>(bench: &mut B) {
    // REL-45.
    let mut desk = desk(bench);
    for kind in [OneTime, Address] {
        desk.is(put(1, 1, kind, 10), &Outcome::Done);
        desk.is(take(1, 1), &Outcome::Bundle(cell(10)));
        desk.is(revoke(1), &Outcome::Done);
        desk.is(revoke(1), &MISSING);
        desk.is(check(1), &GONE);
        desk.is(take(1, 1), &MISSING);
    }
    // Both halves of its name are free again.
    desk.is(put(1, 2, Address, 12), &Outcome::Done);
    desk.is(put(2, 1, Address, 13), &Outcome::Done);
}

fn quota<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(put(1, 1, OneTime, 10), &Outcome::Done);
    desk.is(put(2, 2, Address, 20), &Outcome::Done);
    desk.is(put(3, 3, OneTime, 30), &QUOTA);
    desk.is(check(3), &GONE);
    desk.is(put(2, 2, Address, 21), &Outcome::Done);
    desk.is(revoke(1), &Outcome::Done);
    desk.is(put(3, 3, OneTime, 30), &Outcome::Done);
    desk.is(take(3, 1), &Outcome::Bundle(cell(30)));
}

fn one_commit<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    let ops = [take(1, 1), put(1, 1, OneTime, 10), take(1, 1), take(1, 2), check(1), revoke(1), check(1)];
    let expected = [MISSING, Outcome::Done, Outcome::Bundle(cell(10)), USED, OPENED, Outcome::Done, GONE];
    assert_eq!(desk.commit(&ops).as_slice(), expected.as_slice());
}
