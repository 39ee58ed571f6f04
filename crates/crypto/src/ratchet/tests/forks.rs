//! A10, A29: a copied state is seen at its first cell, and what the network does never looks like one.

use alloc::vec::Vec;

use super::pair::{I, J, Pair, flip_body};
use crate::ratchet::{Alarm, MAX_CLOSED, OpenError, SealError, Session, SessionEvent, Weight};
use subrosa_codec::Cell;

/// A pair that has talked, with the last word the inviter's: the joiner's next cell takes a step.
fn before_a_step() -> Pair {
    let mut pair = Pair::new(1);
    pair.talk(3);
    pair
}

/// The same, with a chain of the joiner's open.
fn within_a_chain() -> Pair {
    let mut pair = before_a_step();
    pair.say(J);
    pair
}

fn alarm(pair: &mut Pair, cell: &Cell) -> Option<Alarm> {
    match pair.deliver(I, cell) {
        Err(OpenError::Alarm(alarm)) => Some(alarm),
        Ok(opened) => opened.events.iter().find_map(|event| match event {
            SessionEvent::Alarm(alarm) => {
                assert_eq!(opened.next.latch(), Some(*alarm), "an alarm that is not latched");
                Some(*alarm)
            }
            _ => None,
        }),
        Err(_) => None,
    }
}

#[test]
fn a29_a_copy_within_a_chain_alarms_at_its_first_cell() {
    // RAT-26, RAT-36.
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    pair.say(J);
    let cell = pair.send_as(&mut copy, J);
    assert_eq!(alarm(&mut pair, &cell), Some(Alarm::Index));
}

#[test]
fn a_copy_that_speaks_first_makes_the_real_end_alarm() {
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    let cell = pair.send_as(&mut copy, J);
    assert!(pair.deliver(I, &cell).is_ok());
    let real = pair.send(J);
    assert_eq!(alarm(&mut pair, &real), Some(Alarm::Index));
}

#[test]
fn a29_a_copy_whose_first_cell_is_lost_alarms_at_its_second() {
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    pair.say(J);
    pair.send_as(&mut copy, J);
    let second = pair.send_as(&mut copy, J);
    assert_eq!(alarm(&mut pair, &second), Some(Alarm::Prev));
}

#[test]
fn a29_a_copy_that_fills_a_gap_alarms_because_the_next_cell_named_another() {
    // RAT-51, RAT-52.
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    pair.send(J);
    pair.say(J);
    let cell = pair.send_as(&mut copy, J);
    assert_eq!(alarm(&mut pair, &cell), Some(Alarm::Prev));
}

#[test]
fn the_first_cell_of_a_session_is_bound_to_it() {
    // RAT-21, RAT-50.
    // Two joiners' states from one handshake: the second cell number 0 is another one.
    let mut pair = Pair::new(3);
    let mut copy = pair.copy(J);
    pair.say(J);
    let cell = pair.send_as(&mut copy, J);
    assert_eq!(alarm(&mut pair, &cell), Some(Alarm::Index));
}

/// A limit, kept here so that nobody has to find it again: what was given up is no longer compared.
#[test]
fn a_copy_that_fills_a_number_given_up_is_only_too_old_until_its_next_cell() {
    // RAT-66.
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    let missing = pair.ends[J].session.next_seq();
    pair.send(J);
    pair.say(J);
    let (session, _) = pair.ends[I].session.give_up(missing, pair.now).unwrap();
    pair.ends[I].session = session;
    let cell = pair.send_as(&mut copy, J);
    assert_eq!(pair.deliver(I, &cell).unwrap_err(), OpenError::Old);
    let cell = pair.send_as(&mut copy, J);
    assert_eq!(alarm(&mut pair, &cell), Some(Alarm::Index));
}

#[test]
fn a29_two_copies_that_take_the_same_step_alarm_by_their_keys() {
    // RAT-33.
    let mut pair = before_a_step();
    let mut copy = pair.copy(J);
    pair.say(J);
    let cell = pair.send_as(&mut copy, J);
    assert_eq!(alarm(&mut pair, &cell), Some(Alarm::Keys));
}

#[test]
fn a_copy_that_goes_on_in_an_ended_chain_alarms_beyond_its_end() {
    // RAT-35.
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    pair.say(I);
    pair.say(J);
    let cell = pair.send_as(&mut copy, J);
    assert_eq!(alarm(&mut pair, &cell), Some(Alarm::Closed));
}

#[test]
fn a_new_epoch_that_denies_opened_cells_alarms() {
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    // The answer is sealed before the copy's cell is opened, so it does not tell the real end of it.
    let answer = pair.send(I);
    let cell = pair.send_as(&mut copy, J);
    pair.deliver(I, &cell).unwrap();
    pair.deliver(J, &answer).unwrap();
    let turned = pair.send(J);
    assert_eq!(alarm(&mut pair, &turned), Some(Alarm::Pn));
}

#[test]
fn a29_a_copy_of_any_age_up_to_64_epochs_alarms_and_an_older_one_is_out_of_step() {
    // RAT-72.
    for (mut pair, expect) in [(before_a_step(), Alarm::Keys), (within_a_chain(), Alarm::Closed)] {
        let copy = pair.copy(J);
        // From here on the joiner speaks in `age` more epochs.
        for age in 1..=MAX_CLOSED + 2 {
            pair.say(I);
            pair.say(J);
            let cell = pair.send_as(&mut copy.clone(), J);
            // Before a step, the copy speaks in the epoch that the real end spoke in next.
            let behind = if expect == Alarm::Keys { age - 1 } else { age };
            let got = pair.deliver(I, &cell).unwrap_err();
            if behind <= MAX_CLOSED {
                assert_eq!(got, OpenError::Alarm(expect), "{behind} epochs old");
            } else {
                assert_eq!(got, OpenError::NotOurs, "{behind} epochs old");
            }
        }
    }
}

#[test]
fn the_real_end_learns_of_a_copy_that_spoke_for_it() {
    // RAT-54.
    // In a chain: the peer acknowledges a cell that this end sealed otherwise.
    let mut pair = within_a_chain();
    let mut copy = pair.copy(J);
    let cell = pair.send_as(&mut copy, J);
    pair.deliver(I, &cell).unwrap();
    pair.send(J);
    let answer = pair.send(I);
    let opened = pair.deliver(J, &answer).unwrap();
    assert_eq!(opened.events, [SessionEvent::Alarm(Alarm::Ack)]);
    // After a step: the peer answers an epoch that this end has not begun.
    let mut pair = before_a_step();
    let mut copy = pair.copy(J);
    let cell = pair.send_as(&mut copy, J);
    pair.deliver(I, &cell).unwrap();
    let answer = pair.send(I);
    assert_eq!(pair.deliver(J, &answer).unwrap_err(), OpenError::OwnRollback);
}

#[test]
fn a_latched_alarm_bars_sealing_until_the_user_goes_on() {
    // RAT-14, RAT-68, RAT-69.
    let mut pair = within_a_chain();
    let seal = |session: &Session, pair: &mut Pair, weight| {
        session.seal(&super::pair::text(b""), weight, &mut pair.rng).map(|_| ())
    };
    let latched = pair.ends[I].session.latched(Alarm::Index);
    assert_eq!(latched.latch(), Some(Alarm::Index));
    assert_eq!(seal(&latched, &mut pair, Weight::Text), Err(SealError::Latched(Alarm::Index)));
    assert_eq!(seal(&latched, &mut pair, Weight::Control), Err(SealError::Latched(Alarm::Index)));
    assert_eq!(seal(&latched, &mut pair, Weight::Replaced), Ok(()));
    let allowed = latched.unlatch_for_sending().unwrap();
    assert_eq!(allowed.latch(), Some(Alarm::Index), "it stays known");
    assert_eq!(seal(&allowed, &mut pair, Weight::Text), Ok(()));
    assert_eq!(seal(&allowed.latched(Alarm::Keys), &mut pair, Weight::Text), Ok(()), "the user was asked");
    assert!(allowed.unlatch_for_sending().is_none());
    let rolled = allowed.latched(Alarm::OwnRollback);
    assert_eq!(seal(&rolled, &mut pair, Weight::Text), Err(SealError::Latched(Alarm::OwnRollback)));
    assert_eq!(rolled.latched(Alarm::Keys).latch(), Some(Alarm::OwnRollback));
    assert!(rolled.unlatch_for_sending().is_none());
    // Opening goes on: what the peer says is still shown.
    let cell = pair.send(J);
    assert!(latched.open(&pair.ends[I].me, &cell, pair.now).is_ok());
}

#[test]
fn a29_no_order_of_old_cells_raises_an_alarm_with_bodies_flipped_or_not() {
    // RAT-71.
    let mut pair = Pair::new(7);
    let mut all: [Vec<Cell>; 2] = [Vec::new(), Vec::new()];
    let replay = |pair: &mut Pair, all: &[Vec<Cell>; 2], turn: usize| {
        for to in [J, I] {
            // Another order each time; every third body is changed.
            for at in 0..all[to].len() {
                let cell = &all[to][(at * 7 + turn) % all[to].len()];
                let cell = if at % 3 == 0 { flip_body(cell, turn * 11 + at) } else { cell.clone() };
                match pair.deliver(to, &cell) {
                    Ok(opened) => assert!(opened.events.iter().all(|e| !matches!(e, SessionEvent::Alarm(_)))),
                    Err(
                        OpenError::Duplicate
                        | OpenError::Old
                        | OpenError::BadBody { .. }
                        | OpenError::NotOurs,
                    ) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    };
    for turn in 0..24 {
        let (from, to) = if turn % 2 == 0 { (J, I) } else { (I, J) };
        for _ in 0..3 {
            all[to].push(pair.send(from));
        }
        // Some arrive at once and out of order; the rest only by the replays, or never before the next epoch.
        let newest = all[to].len();
        pair.deliver(to, &all[to][newest - 2]).unwrap();
        if turn % 3 == 0 {
            replay(&mut pair, &all, turn);
        }
    }
    (0..3).for_each(|turn| replay(&mut pair, &all, 24 + turn));
    assert_eq!(pair.ends[I].alarms, []);
    assert_eq!(pair.ends[J].alarms, []);
    pair.settle();
    pair.assert_at_rest();
}
