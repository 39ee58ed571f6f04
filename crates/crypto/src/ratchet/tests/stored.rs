//! The stored state: what was written comes back, what no session can be is refused, and nothing panics.

use alloc::vec::Vec;

use super::pair::{I, J, Pair, text};
use crate::ratchet::{Alarm, MAX_SKIPPED, Session, Weight};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use subrosa_codec::{Malformed, Millis};

/// One state of every kind: each place in the chart, with gaps, closed chains, latches and counters.
fn states() -> Vec<Session> {
    let mut pair = Pair::new(1);
    let mut all = Vec::new();
    let mut keep = |pair: &Pair| all.extend(pair.ends.iter().map(|end| end.session.clone()));
    keep(&pair);
    pair.send(J);
    keep(&pair);
    pair.say(I);
    keep(&pair);
    for turn in 0..12 {
        let from = if turn % 2 == 0 { J } else { I };
        pair.send(from);
        pair.now = pair.now.plus(Millis::DAY);
        pair.say(from);
        keep(&pair);
        pair.try_send(1 - from, Weight::Quiet).unwrap();
        keep(&pair);
    }
    let last = pair.ends[I].session.clone();
    all.extend([Alarm::Keys, Alarm::Ack, Alarm::OwnRollback].map(|alarm| last.latched(alarm)));
    all.push(last.latched(Alarm::Prev).unlatch_for_sending().unwrap());
    all
}

#[test]
fn what_is_written_comes_back_to_the_byte() {
    // RAT-90.
    for state in states() {
        let bytes = state.write();
        let back = Session::parse(&bytes).unwrap();
        assert!(back.write() == bytes);
        assert_eq!(back.latch(), state.latch());
        assert_eq!(back.unanswered(), state.unanswered());
        assert_eq!((back.epoch_sent(), back.epoch_received()), (state.epoch_sent(), state.epoch_received()));
    }
}

#[test]
fn every_truncation_and_every_extension_is_refused() {
    // RAT-89.
    for state in states() {
        let bytes = state.write();
        // Every length of the short fields, and then a sample.
        for len in (0..400).chain((400..bytes.len()).step_by(7)).chain(bytes.len() - 200..bytes.len()) {
            assert!(Session::parse(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
        }
        assert!(Session::parse(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_changed_byte_is_refused_or_is_another_whole_state() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let states = states();
    for state in [&states[0], &states[1], &states[states.len() - 1], &states[states.len() - 6]] {
        let bytes = state.write();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] ^= flip;
                let Ok(state) = Session::parse(&changed) else { continue };
                assert!(*state.write() == changed, "byte {at} has a second encoding");
                if at % 61 == 0 {
                    // Whatever it says, it is used without a panic.
                    let sealed = state.seal(&text(b""), Weight::Text, &mut rng);
                    drop(sealed.map(|sealed| Session::parse(&sealed.next.write())));
                    drop(state.age(Millis(u64::MAX)));
                }
            }
        }
    }
}

#[test]
fn what_the_chart_does_not_know_is_refused() {
    // RAT-04.
    let mut pair = Pair::new(4);
    pair.talk(3);
    let state = pair.ends[I].session.write();
    let changed = |at: usize, value: u8| {
        let mut bytes = state.to_vec();
        bytes[at] = value;
        Session::parse(&bytes).err()
    };
    // Leading: the epoch of the own chain stands at 136, the received one is the one before.
    assert_eq!((state[1], state[2], state[136]), (1, 2, 5));
    assert_eq!(changed(136, 5), None);
    assert_eq!(changed(1, 0), Some(Malformed), "the joiner's epochs are even");
    for epoch in [3, 4, 6, 7] {
        assert_eq!(changed(136, epoch), Some(Malformed), "epoch {epoch} does not follow epoch 4");
    }
}

#[test]
fn more_waiting_keys_than_there_may_be_are_refused_wherever_they_lie() {
    // RAT-89.
    let mut pair = Pair::new(5);
    pair.talk(1);
    let lose = |pair: &mut Pair, count: u32| {
        (0..count).for_each(|_| _ = pair.try_send(J, Weight::Control).unwrap());
        pair.forget_window(J);
    };
    // 900 in a chain that is closed then, 900 in the next.
    lose(&mut pair, 900);
    [J, I, J].into_iter().for_each(|from| _ = pair.say(from));
    lose(&mut pair, 900);
    pair.say(J);
    let mut state = pair.copy(I);
    let heard = state.turn.heard_mut().unwrap();
    assert_eq!((heard.chain.waiting.len(), heard.waiting()), (900, 1_800));
    let day = pair.now.day();
    heard.chain.skip_to(heard.chain.n + MAX_SKIPPED as u32 - 1_800, day);
    assert!(Session::parse(&state.write()).is_ok());
    let heard = state.turn.heard_mut().unwrap();
    heard.chain.skip_to(heard.chain.n + 1, day);
    assert_eq!(Session::parse(&state.write()).err(), Some(Malformed));
}

#[test]
fn a_state_is_small_in_a_chat_and_bounded_in_a_monologue() {
    let mut pair = Pair::new(2);
    pair.talk(80);
    assert!(pair.ends[I].session.write().len() < 16 << 10, "{}", pair.ends[I].session.write().len());
}

#[test]
fn a_debug_print_shows_no_key() {
    let mut pair = Pair::new(3);
    pair.talk(1);
    let printed = alloc::format!("{:?}", pair.ends[J].session);
    let root = hex::encode(&pair.ends[J].session.root.expose()[..4]);
    assert!(printed.contains("MutualPq") || printed.contains("PeerPq"));
    assert!(!printed.contains(&root) && printed.len() < 400, "{printed}");
}
