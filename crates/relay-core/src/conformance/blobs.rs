//! Rules of blobs.

use alloc::vec::Vec;

use subrosa_codec::Day;
use subrosa_wire::InviteKind::Address;
use subrosa_wire::{Admit, Refusal};

use super::desk::{
    Desk, EMPTY, MISSING, QUOTA, TODAY, blob, chunk, drop_blob, open, owner, put, put_chunk, revoke, sweep,
};
use super::{Bench, Rule, SMALL};
use crate::{BlobOp, Limits, Op, Outcome, Store};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    alloc::vec![
        ("chunks come back as they were put, in any order", chunks_come_back),
        ("a chunk that lies there stays as it is", first_stays),
        ("a blob of another owner or size is missing, as is an owner of another thing", foreign),
        ("chunks are counted when the blob is made", counted_when_made),
        ("a dropped blob is gone", dropped),
        ("a blob is there on its last day, and hidden at once on the next", hides_at_once),
        ("an owner whose blob has expired may put another, and keeps it", owners_are_free),
        ("blobs stay over a restart", blobs_stay),
        ("where none are offered, none are kept", none_offered),
    ]
}

fn desk<B: Bench>(bench: &mut B) -> Desk<B::Store> {
    Desk(bench.fresh(&SMALL))
}

fn chunks_come_back<B: Bench>(bench: &mut B) {
    // REL-47.
    let mut desk = desk(bench);
    for index in [2, 0, 1] {
        desk.is(put_chunk(1, 1, (index, 3), 10 + index), &Outcome::Done);
    }
    for index in 0..3 {
        assert!(desk.chunk(1, index) == Some(chunk(10 + index)), "a chunk comes back byte for byte");
    }
    assert!(desk.chunk(1, 3).is_none() && desk.chunk(2, 0).is_none());
    // Beside a queue and an invite of the same numbers.
    desk.is(open(1, 1), &EMPTY);
    desk.appended(1, 1);
    desk.is(put(1, 2, Address, 1), &Outcome::Done);
    assert!(desk.chunk(1, 0) == Some(chunk(10)));
}

fn first_stays<B: Bench>(bench: &mut B) {
    // REL-46.
    let mut desk = desk(bench);
    desk.is(put_chunk(1, 1, (0, 2), 10), &Outcome::Done);
    desk.is(put_chunk(1, 1, (0, 2), 66), &Outcome::Done);
    assert!(desk.chunk(1, 0) == Some(chunk(10)));
    assert_eq!(desk.0.knowledge(9).chunk_count, 1);
}

fn foreign<B: Bench>(bench: &mut B) {
    // REL-46.
    let mut desk = desk(bench);
    desk.is(put_chunk(1, 1, (0, 2), 10), &Outcome::Done);
    desk.is(put_chunk(1, 2, (1, 2), 66), &MISSING);
    desk.is(put_chunk(1, 1, (1, 3), 66), &MISSING);
    desk.is(put_chunk(2, 1, (0, 1), 66), &MISSING);
    desk.is(put(1, 1, Address, 1), &MISSING);
    desk.is(revoke(1), &MISSING);
    desk.is(drop_blob(2), &MISSING);
    assert!(desk.chunk(1, 1).is_none() && desk.chunk(1, 0) == Some(chunk(10)));
}

fn counted_when_made<B: Bench>(bench: &mut B) {
    // REL-46.
    let mut desk = desk(bench);
    desk.is(put_chunk(1, 1, (0, 3), 10), &Outcome::Done);
    desk.is(put_chunk(2, 2, (0, 2), 20), &QUOTA);
    assert!(desk.chunk(2, 0).is_none());
    desk.is(put_chunk(2, 2, (0, 1), 20), &Outcome::Done);
    desk.is(put_chunk(1, 1, (2, 3), 12), &Outcome::Done);
    desk.is(drop_blob(1), &Outcome::Done);
    desk.is(put_chunk(3, 3, (0, 3), 30), &Outcome::Done);
}

fn dropped<B: Bench>(bench: &mut B) {
    // REL-47.
    let mut desk = desk(bench);
    desk.is(put_chunk(1, 1, (0, 2), 10), &Outcome::Done);
    desk.is(put_chunk(1, 1, (1, 2), 11), &Outcome::Done);
    desk.is(drop_blob(1), &Outcome::Done);
    desk.is(drop_blob(1), &MISSING);
    assert!(desk.chunk(1, 0).is_none() && desk.chunk(1, 1).is_none());
    assert_eq!(desk.0.knowledge(9).chunk_count, 0);
    desk.is(put_chunk(1, 2, (0, 1), 12), &Outcome::Done);
    assert!(desk.chunk(1, 0) == Some(chunk(12)));
}

fn hides_at_once<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(put_chunk(1, 1, (0, 4), 10), &Outcome::Done);
    desk.is(put_chunk(1, 1, (1, 4), 11), &Outcome::Done);
    desk.is(sweep(TODAY.plus(30), 0), &Outcome::Swept { more: false });
    assert!(desk.chunk(1, 0).is_some());
    desk.is(sweep(TODAY.plus(31), 0), &Outcome::Swept { more: true });
    assert!(desk.chunk(1, 0).is_none());
    desk.is(drop_blob(1), &MISSING);
    let later: Day = TODAY.plus(31);
    let mut left = 9;
    while left > 0 && desk.one(sweep(later, 2)) == (Outcome::Swept { more: true }) {
        left -= 1;
    }
    assert!(left > 0, "sweeping ends");
    assert_eq!(desk.0.knowledge(9).chunk_count, 0);
    // Its room is free.
    desk.is(put_chunk(2, 2, (0, 4), 20), &Outcome::Done);
}

fn owners_are_free<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(put_chunk(1, 1, (0, 1), 10), &Outcome::Done);
    let later = TODAY.plus(31);
    desk.is(sweep(later, 0), &Outcome::Swept { more: true });
    let (index, of, chunk) = (0, 1, chunk(20));
    let put =
        BlobOp::Put { blob: blob(2), owner: owner(1), index, of, expires: later, chunk, admit: Admit::OPEN };
    desk.is(Op::Blob(put), &Outcome::Done);
    // Erasing the old one must not take the owner's right to the new one along.
    let mut left = 9;
    while left > 0 && desk.one(sweep(later, 9)) == (Outcome::Swept { more: true }) {
        left -= 1;
    }
    desk.is(drop_blob(1), &Outcome::Done);
    assert!(desk.chunk(2, 0).is_none());
}

fn blobs_stay<B: Bench>(bench: &mut B) {
    let mut desk = desk(bench);
    desk.is(put_chunk(1, 1, (0, 3), 10), &Outcome::Done);
    desk.is(put_chunk(1, 1, (2, 3), 12), &Outcome::Done);
    desk.is(put_chunk(2, 2, (0, 1), 20), &Outcome::Done);
    desk.is(drop_blob(2), &Outcome::Done);
    let mut desk = Desk(bench.reopen(desk.0, &SMALL));
    assert!(desk.chunk(1, 0) == Some(chunk(10)) && desk.chunk(1, 2) == Some(chunk(12)));
    assert!(desk.chunk(1, 1).is_none() && desk.chunk(2, 0).is_none());
    desk.is(put_chunk(3, 3, (0, 2), 30), &QUOTA);
    desk.is(put_chunk(1, 1, (1, 3), 11), &Outcome::Done);
    desk.is(drop_blob(1), &Outcome::Done);
}

fn none_offered<B: Bench>(bench: &mut B) {
    // REL-48.
    let mut desk = Desk(bench.fresh(&Limits { chunks: 0, ..SMALL }));
    let unsupported = Outcome::Refused(Refusal::Unsupported);
    desk.is(put_chunk(1, 1, (0, 1), 10), &unsupported);
    desk.is(drop_blob(1), &unsupported);
}
