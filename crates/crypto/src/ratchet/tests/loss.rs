//! A31: whatever is lost on the way, the session lives; what is given up is told once.

use alloc::vec::Vec;

use super::pair::{I, J, Pair, flip_body};
use crate::ratchet::{
    KEY_DAYS, MAX_CLOSED, MAX_CLOSED_WITH_KEYS, MAX_SKIP, MAX_SKIPPED, OpenError, SessionEvent, WINDOW,
    Weight,
};
use subrosa_codec::Millis;

fn fill_window(pair: &mut Pair, from: usize) {
    while pair.ends[from].session.unacknowledged() < WINDOW {
        pair.try_send(from, Weight::Control).unwrap();
    }
}

#[test]
fn a31_a_thousand_lost_cells_do_not_kill_a_session() {
    // RAT-56.
    let mut pair = Pair::new(1);
    pair.talk(2);
    fill_window(&mut pair, J);
    assert_eq!(pair.ends[J].session.unacknowledged(), 1_000);
    pair.wires[I].clear();
    // They all expired at the relay. The newest is sent again first, then the rest, the last ones first.
    let again: Vec<_> = pair.ends[J].outbox.iter().rev().map(|(_, cell)| cell.clone()).collect();
    let opened = pair.deliver(I, &again[0]).unwrap();
    let newest = opened.seq;
    assert!(
        matches!(opened.events[..], [SessionEvent::Gap { from, to }] if to == newest - 1 && to - from == 998)
    );
    for cell in &again[1..] {
        pair.deliver(I, cell).unwrap();
    }
    assert_eq!(pair.ends[I].lost.len(), 0);
    pair.say(I);
    assert_eq!(pair.ends[J].session.unacknowledged(), 0);
    pair.settle();
    pair.assert_at_rest();
}

#[test]
fn both_windows_lost_at_once_do_not_lock_the_ends() {
    let mut pair = Pair::new(2);
    pair.talk(1);
    fill_window(&mut pair, I);
    fill_window(&mut pair, J);
    pair.wires = Default::default();
    // The first of each is enough to go on: it opens the other's window.
    for from in [I, J, I] {
        pair.wires[1 - from] = pair.ends[from].outbox.iter().map(|(_, cell)| cell.clone()).collect();
        assert!(pair.deliver_all(1 - from).iter().any(Result::is_ok) || from == I);
        let _ = pair.try_send(1 - from, Weight::Heartbeat);
    }
    pair.settle();
    pair.assert_at_rest();
}

#[test]
fn a_window_that_spans_a_step_is_skipped_as_a_whole() {
    // RAT-45.
    let mut pair = Pair::new(3);
    pair.talk(2);
    (0..400).for_each(|_| drop(pair.send(J)));
    pair.wires[I].clear();
    pair.say(I);
    fill_window(&mut pair, J);
    let last = pair.wires[I].pop().unwrap();
    pair.wires[I].clear();
    let opened = pair.deliver(I, &last).unwrap();
    assert!(matches!(opened.events[..], [SessionEvent::Gap { from, to }] if to - from == 998));
    pair.settle();
    pair.assert_at_rest();
    assert_eq!(pair.ends[I].lost.len(), 0);
}

#[test]
fn a_cell_whose_body_never_opens_is_given_up_and_stays_so() {
    // RAT-48, RAT-65.
    let mut pair = Pair::new(4);
    pair.talk(1);
    let damaged = pair.send(J);
    let mut headers = Vec::new();
    let mut bodies = Vec::new();
    for bit in 0..3 {
        let Err(OpenError::BadBody { seq, header, body }) = pair.deliver(I, &flip_body(&damaged, bit)) else {
            panic!("a changed body")
        };
        assert_eq!(seq, 1);
        headers.push(header);
        bodies.push(body);
    }
    assert!(headers[0] == headers[1] && headers[1] == headers[2], "one header");
    assert!(bodies[0] != bodies[1] && bodies[1] != bodies[2], "three bodies");
    assert!(pair.ends[I].session.give_up(1, pair.now).is_none(), "nothing above it was opened yet");
    let next = pair.send(J);
    pair.deliver(I, &next).unwrap();
    assert_eq!(pair.ends[I].session.turn.heard().unwrap().low(), 1);
    let (session, event) = pair.ends[I].session.give_up(1, pair.now).unwrap();
    assert_eq!(event, SessionEvent::Lost { seq: 1 });
    pair.ends[I].session = session;
    pair.note(I, &[event]);
    assert!(pair.ends[I].session.give_up(1, pair.now).is_none(), "once");
    assert_eq!(pair.deliver(I, &damaged).unwrap_err(), OpenError::Old);
    pair.say(I);
    assert_eq!(pair.ends[J].session.outbox_low(), 3, "the peer need not send it again");
}

#[test]
fn a_key_is_kept_for_90_days_and_given_up_on_the_last() {
    // RAT-38, RAT-64.
    let mut pair = Pair::new(5);
    pair.talk(1);
    let (late, later) = (pair.send(J), pair.send(J));
    pair.say(J);
    let stored = pair.now;
    pair.now = stored.plus(Millis::DAY.times(u64::from(KEY_DAYS - 1)));
    assert!(pair.ends[I].session.age(pair.now).is_none());
    pair.deliver(I, &late).unwrap();
    pair.now = stored.plus(Millis::DAY.times(u64::from(KEY_DAYS)));
    let (aged, events) = pair.ends[I].session.age(pair.now).unwrap();
    assert_eq!(events, [SessionEvent::Lost { seq: 2 }]);
    pair.ends[I].session = aged;
    assert_eq!(pair.deliver(I, &later).unwrap_err(), OpenError::Old);
    assert!(pair.ends[I].session.age(pair.now).is_none());
    assert!(pair.ends[I].session.age(Millis(0)).is_none(), "a clock that went back gives nothing up");
}

#[test]
fn keys_wait_in_eight_ended_chains_and_the_ninth_gives_up_the_oldest() {
    // RAT-62.
    let mut pair = Pair::new(6);
    pair.talk(1);
    let mut missing = Vec::new();
    for _ in 0..=MAX_CLOSED_WITH_KEYS {
        missing.push(pair.send(J));
        pair.say(J);
        pair.say(I);
    }
    // Eight ended chains, and the newest, have one each.
    assert_eq!(pair.ends[I].lost.len(), 0);
    let opened = pair.say(J);
    assert_eq!(opened.events, [SessionEvent::Lost { seq: 1 }]);
    assert_eq!(pair.deliver(I, &missing[0]).unwrap_err(), OpenError::Old);
    for cell in &missing[1..] {
        pair.deliver(I, cell).unwrap();
    }
}

#[test]
fn a_key_waits_in_the_64th_ended_chain_and_not_in_the_65th() {
    // RAT-63.
    for (epochs, lost) in [(MAX_CLOSED, false), (MAX_CLOSED + 1, true)] {
        let mut pair = Pair::new(7);
        pair.talk(1);
        let missing = pair.send(J);
        pair.say(J);
        for _ in 0..epochs {
            pair.say(I);
            pair.say(J);
        }
        assert_eq!(pair.ends[I].lost.contains(&1), lost);
        let late = pair.deliver(I, &missing);
        assert_eq!(late.is_ok(), !lost, "{:?}", late.err());
    }
}

#[test]
fn a_peer_without_a_window_makes_the_oldest_of_2000_keys_be_given_up() {
    // RAT-61.
    let mut pair = Pair::new(8);
    pair.talk(1);
    let skip = |pair: &mut Pair, cells: u32| {
        (0..cells).for_each(|_| {
            pair.forget_window(J);
            pair.send(J);
        });
        pair.wires[I].clear();
        pair.say(J)
    };
    skip(&mut pair, MAX_SKIP);
    pair.forget_window(J);
    let full = skip(&mut pair, MAX_SKIP);
    assert_eq!(pair.ends[I].session.turn.heard().unwrap().waiting(), MAX_SKIPPED);
    assert!(matches!(full.events[..], [SessionEvent::Gap { .. }]));
    let over = skip(&mut pair, 1);
    assert_eq!(over.events[1..], [SessionEvent::Lost { seq: 1 }]);
    assert_eq!(pair.ends[I].session.turn.heard().unwrap().waiting(), MAX_SKIPPED);
}
