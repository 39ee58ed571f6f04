//! A17: a relay that drops, doubles, swaps, reflects and mixes cells gets a gap or nothing, never a wrong text.

use alloc::vec;
use alloc::vec::Vec;

use super::pair::{I, J, Pair, flip_body, flip_header, forge};
use crate::ratchet::header::Acks;
use crate::ratchet::{OpenError, SessionEvent};
use subrosa_codec::Cell;

#[test]
fn a17_a_reflected_cell_is_nobodys() {
    // CEL-04.
    let mut pair = Pair::new(1);
    for from in [J, I, J, I, J] {
        let cell = pair.send(from);
        assert_eq!(pair.deliver(from, &cell).unwrap_err(), OpenError::NotOurs);
        pair.deliver(1 - from, &cell).unwrap();
        assert_eq!(pair.deliver(from, &cell).unwrap_err(), OpenError::NotOurs);
    }
}

#[test]
fn a_cell_of_another_session_is_nobodys() {
    // RAT-28.
    let (mut one, mut two) = (Pair::new(2), Pair::new(3));
    one.talk(2);
    two.talk(2);
    let cell = one.send(J);
    assert_eq!(two.deliver(I, &cell).unwrap_err(), OpenError::NotOurs);
    assert_eq!(two.deliver(J, &cell).unwrap_err(), OpenError::NotOurs);
}

#[test]
fn a17_halves_of_two_cells_do_not_make_one() {
    // CEL-03.
    let mut pair = Pair::new(4);
    let (one, two) = (pair.send(J), pair.send(J));
    let mut mixed = one.clone();
    mixed.as_mut_bytes()[2_440..].copy_from_slice(&two.as_bytes()[2_440..]);
    assert!(matches!(pair.deliver(I, &mixed).unwrap_err(), OpenError::BadBody { seq: 0, .. }));
    pair.deliver(I, &one).unwrap();
    pair.deliver(I, &two).unwrap();
}

#[test]
fn a_doubled_cell_is_opened_once_whatever_its_second_body() {
    // RAT-12, RAT-34.
    let mut pair = Pair::new(5);
    pair.talk(1);
    let cell = pair.send(J);
    pair.deliver(I, &cell).unwrap();
    assert_eq!(pair.deliver(I, &cell).unwrap_err(), OpenError::Duplicate);
    assert_eq!(pair.deliver(I, &flip_body(&cell, 3)).unwrap_err(), OpenError::Duplicate);
    pair.talk(3);
    assert_eq!(pair.deliver(I, &cell).unwrap_err(), OpenError::Duplicate, "in an ended chain too");
}

#[test]
fn dropped_cells_are_a_gap_at_the_next_one() {
    // CEL-08, RAT-37, RAT-49.
    let mut pair = Pair::new(6);
    pair.talk(2);
    let dropped: Vec<_> = (0..3).map(|_| pair.send(J)).collect();
    assert_eq!(pair.say(J).events, [SessionEvent::Gap { from: 2, to: 4 }]);
    assert_eq!(pair.say(J).events, [], "told once");
    pair.say(I);
    let later = pair.send(J);
    assert_eq!(pair.say(J).events, [SessionEvent::Gap { from: 7, to: 7 }], "across a step");
    for cell in dropped.iter().rev().chain([&later]) {
        assert_eq!(pair.deliver(I, cell).unwrap().events, []);
    }
}

#[test]
fn a8_no_cell_that_is_refused_changes_a_byte_of_the_state() {
    let mut pair = Pair::new(8);
    pair.talk(3);
    let (old, dropped) = (pair.say(J), pair.send(J));
    pair.say(J);
    let given_up = pair.ends[I].session.give_up(old.seq + 1, pair.now).unwrap().0;
    pair.ends[I].session = given_up;
    pair.wires[I].clear();
    let mut far = pair.copy(J);
    for _ in 0..=1_001 {
        far.sent.acknowledge(&Acks { high: far.sent.next(), low: far.sent.next(), hash: far.sent.last() });
        pair.send_as(&mut far, J);
    }
    let (ahead, beyond) = (pair.send(J), pair.send_as(&mut far, J));
    let repeat = pair.deliver(I, &ahead).map(|_| ahead.clone()).unwrap();
    let fresh = pair.send(J);
    let noise = Cell::from_vec(vec![0x5a; 4_096]).unwrap();
    let newer = forge(&pair.ends[J].session, |header| header[0] = 2);
    let malformed = forge(&pair.ends[J].session, |header| header[4] ^= 1);
    let all =
        [noise, flip_header(&fresh, 9), flip_body(&fresh, 9), repeat, dropped, beyond, newer, malformed];
    let before = pair.ends[I].session.write();
    let mut errors = Vec::new();
    for cell in &all {
        errors.push(pair.deliver(I, cell).unwrap_err());
        assert!(pair.ends[I].session.write() == before, "{errors:?}");
    }
    assert!(
        matches!(
            errors[..],
            [
                OpenError::NotOurs,
                OpenError::NotOurs,
                OpenError::BadBody { .. },
                OpenError::Duplicate,
                OpenError::Old,
                OpenError::TooFar,
                OpenError::NewerVersion,
                OpenError::Malformed
            ]
        ),
        "{errors:?}"
    );
    pair.deliver(I, &fresh).unwrap();
}

#[test]
fn a18_every_bit_of_a_cell_is_authentic() {
    // GEN-06, RAT-48.
    let mut pair = Pair::new(7);
    pair.talk(1);
    let cell = pair.send(J);
    for bit in (0..2_440 * 8).step_by(97) {
        assert_eq!(pair.deliver(I, &flip_header(&cell, bit)).unwrap_err(), OpenError::NotOurs);
    }
    for bit in (0..1_656 * 8).step_by(97) {
        assert!(matches!(pair.deliver(I, &flip_body(&cell, bit)).unwrap_err(), OpenError::BadBody { .. }));
    }
    pair.deliver(I, &cell).unwrap();
}
