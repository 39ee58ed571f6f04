//! Random lists of acts: whatever the network does, no text is wrong, doubled or missing, and no alarm is false; and
//! whatever is restored or copied, no (key, nonce) repeats.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::pair::{I, J, Pair, flip_body, flip_header};
use crate::ratchet::{OpenError, Session, Weight};
use subrosa_codec::Millis;

/// What can happen between two honest ends; `pick` chooses among the cells on the wire.
#[derive(Clone, Debug)]
enum Act {
    Send { from: usize, weight: Weight },
    Deliver { to: usize, pick: usize },
    Lose { to: usize, pick: usize },
    Repeat { to: usize, pick: usize },
    Swap { to: usize, pick: usize },
    FlipHeader { to: usize, pick: usize, bit: usize },
    FlipBody { to: usize, pick: usize, bit: usize },
    Reflect { from: usize, pick: usize },
    Resend { from: usize },
    Reload { at: usize },
    Pass { days: u64 },
}

/// What can happen when one end's state is copied.
#[derive(Clone, Debug)]
enum Fork {
    Act(Act),
    Save { at: usize },
    Restore { at: usize, pick: usize, rewind: bool },
}

fn end() -> impl Strategy<Value = usize> {
    prop_oneof![Just(J), Just(I)]
}

fn act() -> impl Strategy<Value = Act> {
    let weight = prop_oneof![3 => Just(Weight::Text), 1 => Just(Weight::Quiet)];
    let (pick, bit) = (0..64usize, 0..40_000usize);
    prop_oneof![
        8 => (end(), weight).prop_map(|(from, weight)| Act::Send { from, weight }),
        8 => (end(), pick.clone()).prop_map(|(to, pick)| Act::Deliver { to, pick }),
        1 => (end(), pick.clone()).prop_map(|(to, pick)| Act::Lose { to, pick }),
        1 => (end(), pick.clone()).prop_map(|(to, pick)| Act::Repeat { to, pick }),
        1 => (end(), pick.clone()).prop_map(|(to, pick)| Act::Swap { to, pick }),
        1 => (end(), pick.clone(), bit.clone()).prop_map(|(to, pick, bit)| Act::FlipHeader { to, pick, bit }),
        1 => (end(), pick.clone(), bit).prop_map(|(to, pick, bit)| Act::FlipBody { to, pick, bit }),
        1 => (end(), pick).prop_map(|(from, pick)| Act::Reflect { from, pick }),
        1 => end().prop_map(|from| Act::Resend { from }),
        1 => end().prop_map(|at| Act::Reload { at }),
        1 => (0..3u64).prop_map(|days| Act::Pass { days }),
    ]
}

fn fork() -> impl Strategy<Value = Fork> {
    prop_oneof![
        8 => act().prop_map(Fork::Act),
        1 => end().prop_map(|at| Fork::Save { at }),
        1 => (end(), 0..8usize, any::<bool>()).prop_map(|(at, pick, rewind)| Fork::Restore { at, pick, rewind }),
    ]
}

/// Plays one act; returns what the network's interference came to, if it was one.
fn play(pair: &mut Pair, act: &Act) -> Option<OpenError> {
    let on_wire = |pair: &Pair, to: usize, pick: usize| {
        let len = pair.wires[to].len();
        (len > 0).then(|| (pick % len, pair.wires[to][pick % len].clone()))
    };
    match *act {
        Act::Send { from, weight } => {
            let _ = pair.try_send(from, weight);
            None
        }
        Act::Deliver { to, pick } => {
            let (at, cell) = on_wire(pair, to, pick)?;
            pair.wires[to].remove(at);
            pair.deliver(to, &cell).err()
        }
        Act::Lose { to, pick } => {
            let (at, _) = on_wire(pair, to, pick)?;
            pair.wires[to].remove(at);
            None
        }
        Act::Repeat { to, pick } => {
            let (_, cell) = on_wire(pair, to, pick)?;
            let first = pair.deliver(to, &cell).err();
            let again = pair.deliver(to, &cell).err();
            assert!(again.is_some(), "opened twice");
            first
        }
        Act::Swap { to, pick } => {
            let (at, _) = on_wire(pair, to, pick)?;
            pair.wires[to].swap(0, at);
            None
        }
        Act::FlipHeader { to, pick, bit } => {
            let (_, cell) = on_wire(pair, to, pick)?;
            assert_eq!(pair.deliver(to, &flip_header(&cell, bit)).err(), Some(OpenError::NotOurs));
            None
        }
        Act::FlipBody { to, pick, bit } => {
            let (_, cell) = on_wire(pair, to, pick)?;
            Some(pair.deliver(to, &flip_body(&cell, bit)).expect_err("a body that was changed"))
        }
        Act::Reflect { from, pick } => {
            let (_, cell) = on_wire(pair, 1 - from, pick)?;
            assert_eq!(pair.deliver(from, &cell).err(), Some(OpenError::NotOurs));
            None
        }
        Act::Resend { from } => {
            let again = pair.ends[from].outbox.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>();
            pair.wires[1 - from].extend(again);
            None
        }
        Act::Reload { at } => {
            pair.ends[at].session = pair.copy(at);
            None
        }
        Act::Pass { days } => {
            pair.now = pair.now.plus(Millis::DAY.times(days));
            None
        }
    }
}

proptest! {
    // 32 by default; PROPTEST_CASES=8000 for a thousand.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn honest_ends_over_any_network_lose_double_and_mistake_nothing(
        seed in any::<u64>(),
        acts in prop::collection::vec(act(), 0..160),
    ) {
        let mut pair = Pair::new(seed);
        for act in &acts {
            match play(&mut pair, act) {
                None | Some(OpenError::Duplicate | OpenError::Old | OpenError::BadBody { .. }) => {}
                Some(error) => prop_assert!(false, "{act:?} came to {error:?}"),
            }
        }
        pair.settle();
        pair.assert_at_rest();
    }

    #[test]
    fn a9_copies_and_rollbacks_never_repeat_a_nonce_or_invent_a_text(
        seed in any::<u64>(),
        acts in prop::collection::vec(fork(), 0..160),
    ) {
        let mut pair = Pair::new(seed);
        let mut saved: [Vec<(Session, _)>; 2] = [Vec::new(), Vec::new()];
        for act in &acts {
            match act {
                Fork::Act(act) => {
                    play(&mut pair, act);
                }
                Fork::Save { at } => saved[*at].push((pair.copy(*at), pair.rng.clone())),
                Fork::Restore { at, pick, rewind } if !saved[*at].is_empty() => {
                    let (session, rng) = saved[*at][pick % saved[*at].len()].clone();
                    pair.forked = true;
                    pair.ends[*at].session = session;
                    // What the copy had not opened yet may be opened by it.
                    pair.ends[*at].opened.clear();
                    pair.ends[*at].lost.clear();
                    if *rewind {
                        pair.rng = rng;
                    }
                }
                Fork::Restore { .. } => {}
            }
        }
    }
}
