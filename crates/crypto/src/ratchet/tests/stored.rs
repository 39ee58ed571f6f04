//! The stored state: what was written comes back, what no session can be is refused, and nothing panics.

use alloc::vec::Vec;

use super::pair::{I, J, Pair, text};
use crate::ratchet::{Alarm, Session, Weight};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use subrosa_codec::Millis;

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
