//! A9, A33: a state that was rolled back repeats no nonce, learns that it is old, and then seals nothing more.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::pair::{I, J, Pair, text};
use crate::ratchet::{Alarm, OpenError, SealError, Session, SessionEvent, Weight};
use subrosa_codec::Cell;

fn seal(session: &Session, content: &[u8], weight: Weight) -> (Session, Cell) {
    // The same randomness every time: a generator that is stuck, or rolled back with the state.
    let sealed = session.seal(&text(content), weight, &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    (sealed.next, sealed.cell)
}

fn nonce(cell: &Cell) -> &[u8] {
    &cell.as_bytes()[..24]
}

#[test]
fn a33_state_and_randomness_rolled_back_repeat_no_nonce() {
    // RAT-23.
    let mut pair = Pair::new(1);
    pair.talk(2);
    // Before a step, and within a chain.
    for turns in 0..2 {
        let state = pair.copy(J);
        assert_eq!(state.my_turn(), turns == 0);
        let (_, first) = seal(&state, b"one", Weight::Text);
        let (_, again) = seal(&state, b"one", Weight::Text);
        assert!(first == again, "the same in all: the same cell, nothing is learnt from it");
        let (_, other_text) = seal(&state, b"two", Weight::Text);
        let (_, other_flag) = seal(&state, b"one", Weight::Quiet);
        assert_ne!(nonce(&first), nonce(&other_text));
        assert_ne!(nonce(&first), nonce(&other_flag));
        pair.say(J);
    }
    // The same text under other acknowledgements.
    let state = pair.copy(J);
    let (_, first) = seal(&state, b"one", Weight::Text);
    let mut fresh = Pair::new(1);
    fresh.ends[J].session = state;
    // A cell of an epoch that is known already, so that only the acknowledgements change.
    let late = {
        pair.wires[J].clear();
        let behind = pair.copy(I);
        let Some(cell) = older_epoch_cell(&mut pair) else { panic!("no such cell") };
        pair.ends[I].session = behind;
        cell
    };
    let acked = fresh.ends[J].session.open(&pair.ends[J].me, &late, pair.now).unwrap().next;
    let (_, second) = seal(&acked, b"one", Weight::Text);
    assert_ne!(nonce(&first), nonce(&second));
}

/// A cell of the inviter's newest epoch that the joiner knows: sealed by a copy that is one step back.
fn older_epoch_cell(pair: &mut Pair) -> Option<Cell> {
    let mut earlier = Pair::new(1);
    earlier.talk(2);
    let mut copy = earlier.copy(I);
    let cell = pair.send_as(&mut copy, I);
    Some(cell)
}

#[test]
fn a29_a_rollback_within_a_chain_is_seen_at_the_next_answer() {
    // RAT-53, RAT-70, REC-27.
    let mut pair = Pair::new(2);
    pair.talk(2);
    pair.say(J);
    let old = pair.copy(J);
    pair.say(J);
    pair.ends[J].session = old;
    let before = pair.ends[J].session.outbox_low();
    let answer = pair.send(I);
    let opened = pair.deliver(J, &answer).unwrap();
    assert_eq!(opened.events, [SessionEvent::OwnRollback]);
    assert_eq!(opened.next.latch(), Some(Alarm::OwnRollback));
    assert_eq!(opened.outbox_low, before, "an old copy drops nothing by the acknowledgements of a newer one");
    let refused = opened.next.seal(&text(b""), Weight::Text, &mut pair.rng).unwrap_err();
    assert_eq!(refused, SealError::Latched(Alarm::OwnRollback));
    assert!(opened.next.unlatch_for_sending().is_none());
    assert!(opened.next.seal(&text(b""), Weight::Replaced, &mut pair.rng).is_ok());
}

#[test]
fn a29_a_rollback_before_a_step_is_seen_at_the_next_answer() {
    // RAT-40.
    let mut pair = Pair::new(3);
    pair.talk(2);
    let old = pair.copy(J);
    pair.say(J);
    pair.ends[J].session = old;
    let answer = pair.send(I);
    assert_eq!(pair.deliver(J, &answer).unwrap_err(), OpenError::OwnRollback);
    // The same for the inviter that lost its very first cell.
    let mut pair = Pair::new(3);
    let old = pair.copy(I);
    pair.say(I);
    pair.ends[I].session = old;
    let answer = pair.send(J);
    assert_eq!(pair.deliver(I, &answer).unwrap_err(), OpenError::OwnRollback);
}

#[test]
fn a_rollback_that_only_forgot_what_it_received_heals_by_itself() {
    let mut pair = Pair::new(4);
    pair.talk(2);
    let (old, opened) = (pair.copy(J), pair.ends[J].opened.clone());
    let first = pair.send(I);
    pair.deliver(J, &first).unwrap();
    pair.ends[J].session = old;
    pair.ends[J].opened = opened;
    // Not acknowledged, so it is in the peer's outbox still.
    pair.wires = Default::default();
    pair.settle();
    pair.assert_at_rest();
}

#[test]
fn a_rolled_back_end_that_speaks_makes_the_other_alarm() {
    let mut pair = Pair::new(5);
    pair.talk(2);
    pair.say(J);
    let old = pair.copy(J);
    pair.say(J);
    pair.ends[J].session = old;
    let cell = pair.send(J);
    assert_eq!(pair.deliver(I, &cell).unwrap_err(), OpenError::Alarm(Alarm::Index));
}
