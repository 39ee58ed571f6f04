//! What an authentic header must satisfy: each rule, with cells that only the peer itself could make.

use super::pair::{I, J, Pair, forge};
use crate::dh::tests::{LOW_ORDER, NOT_CANONICAL, point, torsioned};
use crate::ratchet::{Alarm, MAX_SEQ, MAX_SKIP, OpenError, SessionEvent};

// Where fields stand in a header.
const EPOCH: usize = 4;
const N: usize = 8;
const PN: usize = 12;
const ACK_HIGH: usize = 16;
const ACK_LOW: usize = 20;
const ACK_HASH: usize = 64;
const DH: usize = 96;
const EK: usize = 128;

fn put(header: &mut [u8], at: usize, value: u32) {
    header[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// What `to` says to the next cell of the other end, changed.
fn verdict(pair: &Pair, to: usize, change: impl FnOnce(&mut [u8])) -> Result<(), OpenError> {
    let cell = forge(&pair.ends[1 - to].session, change);
    pair.ends[to].session.open(&pair.ends[to].me, &cell, pair.now).map(|_| ())
}

/// With the joiner's next cell in a known epoch, and in a new one.
fn both() -> [Pair; 2] {
    let mut known = Pair::new(1);
    known.talk(2);
    known.say(J);
    let mut new = Pair::new(1);
    new.talk(2);
    [known, new]
}

#[test]
fn an_unchanged_header_is_taken() {
    for pair in both() {
        assert_eq!(verdict(&pair, I, |_| {}), Ok(()));
    }
}

#[test]
fn another_version_says_so_whatever_else_is_wrong() {
    // RAT-29.
    for pair in both() {
        let newer = verdict(&pair, I, |header| {
            header[0] = 2;
            header[4..].fill(0xff);
        });
        assert_eq!(newer, Err(OpenError::NewerVersion));
    }
}

#[test]
fn an_epoch_under_another_epochs_header_key_is_malformed() {
    // RAT-30.
    for pair in both() {
        for wrong in [0, 2, 3, 7, u32::MAX] {
            assert_eq!(verdict(&pair, I, |header| put(header, EPOCH, wrong)), Err(OpenError::Malformed));
        }
    }
}

#[test]
fn acknowledgements_that_contradict_themselves_are_malformed() {
    // RAT-31.
    for pair in both() {
        let low_above_high = verdict(&pair, I, |header| put(header, ACK_LOW, 100));
        assert_eq!(low_above_high, Err(OpenError::Malformed));
        let nothing_of_something = verdict(&pair, I, |header| {
            put(header, ACK_HIGH, 0);
            put(header, ACK_LOW, 0);
        });
        assert_eq!(nothing_of_something, Err(OpenError::Malformed), "ack_high 0 needs the session's id");
        let nothing = verdict(&pair, I, |header| {
            put(header, ACK_HIGH, 0);
            put(header, ACK_LOW, 0);
            header[ACK_HASH..ACK_HASH + 32].copy_from_slice(&pair.ends[I].session.id().0);
        });
        assert_eq!(nothing, Ok(()));
    }
}

#[test]
fn numbers_beyond_the_last_are_malformed() {
    // RAT-32.
    let [known, new] = both();
    for n in [MAX_SEQ, MAX_SEQ - 1, MAX_SEQ - 2] {
        assert_eq!(verdict(&known, I, |header| put(header, N, n)), Err(OpenError::Malformed));
        assert_eq!(verdict(&new, I, |header| put(header, PN, n)), Err(OpenError::Malformed));
    }
    // Two cells of the joiner were sealed before this epoch: its last possible one is 4,294,967,292.
    assert_eq!(verdict(&known, I, |header| put(header, N, MAX_SEQ - 3)), Err(OpenError::TooFar));
}

#[test]
fn a7_a_thousand_may_be_skipped_and_not_one_more() {
    // RAT-44, RAT-47.
    let [known, new] = both();
    // A body under another message key does not open: what matters is who says no, the limit or the body.
    let within = |verdict: Result<(), OpenError>| matches!(verdict, Err(OpenError::BadBody { .. }));
    assert!(within(verdict(&known, I, |header| put(header, N, 1 + MAX_SKIP))));
    assert_eq!(verdict(&known, I, |header| put(header, N, 2 + MAX_SKIP)), Err(OpenError::TooFar));
    // Across a step, both chains count; one cell of the old chain was opened.
    let across = |pn: u32, n: u32| {
        verdict(&new, I, |header| {
            put(header, PN, pn);
            put(header, N, n);
        })
    };
    assert!(within(across(1, MAX_SKIP)));
    assert!(within(across(1 + MAX_SKIP, 0)));
    assert!(within(across(401, 600)));
    assert_eq!(across(1, 1 + MAX_SKIP), Err(OpenError::TooFar));
    assert_eq!(across(2 + MAX_SKIP, 0), Err(OpenError::TooFar));
    assert_eq!(across(401, 601), Err(OpenError::TooFar));
    assert_eq!(across(1 + MAX_SKIP, u32::MAX - 2_000), Err(OpenError::TooFar));
}

#[test]
fn the_first_epoch_of_the_inviter_has_none_before_it() {
    // RAT-41.
    let pair = Pair::new(2);
    assert_eq!(verdict(&pair, J, |header| put(header, PN, 1)), Err(OpenError::Malformed));
    assert_eq!(verdict(&pair, J, |_| {}), Ok(()));
}

#[test]
fn an_epoch_that_denies_opened_cells_alarms() {
    // RAT-42.
    let [_, new] = both();
    assert_eq!(verdict(&new, I, |header| put(header, PN, 0)), Err(OpenError::Alarm(Alarm::Pn)));
}

#[test]
fn other_public_values_in_a_known_epoch_alarm() {
    // CEL-07, RAT-03, RAT-33.
    let [known, _] = both();
    for at in [DH, EK, EK + 1184] {
        assert_eq!(verdict(&known, I, |header| header[at] ^= 1), Err(OpenError::Alarm(Alarm::Keys)));
    }
}

#[test]
fn a3_a_point_of_low_order_is_malformed_in_every_step() {
    // RAT-43.
    for (pair, to) in steps() {
        for low in LOW_ORDER {
            let cell = verdict(&pair, to, |header| header[DH..DH + 32].copy_from_slice(&point(low)));
            assert_eq!(cell, Err(OpenError::Malformed), "{low}");
        }
    }
}

#[test]
fn a4_another_encoding_of_a_point_is_malformed_in_every_step_and_a_torsion_point_opens_no_body() {
    // RAT-43.
    for (pair, to) in steps() {
        for bad in NOT_CANONICAL {
            let cell = verdict(&pair, to, |header| header[DH..DH + 32].copy_from_slice(&point(bad)));
            assert_eq!(cell, Err(OpenError::Malformed), "{bad}");
        }
        assert_eq!(verdict(&pair, to, |header| header[DH + 31] |= 0x80), Err(OpenError::Malformed));
        let torsion = verdict(&pair, to, |header| {
            let dh: [u8; 32] = header[DH..DH + 32].try_into().unwrap();
            header[DH..DH + 32].copy_from_slice(&torsioned(&dh));
        });
        assert!(matches!(torsion, Err(OpenError::BadBody { .. })), "{torsion:?}: the agreement is the same");
    }
}

/// The first step of the inviter, the joiner's next, and one of each later.
fn steps() -> [(Pair, usize); 4] {
    [0, 1, 2, 3].map(|said| {
        let mut pair = Pair::new(1);
        pair.say(J);
        (0..said).for_each(|n| drop(pair.say([I, J][n % 2])));
        (pair, if said % 2 == 0 { J } else { I })
    })
}

#[test]
fn a_kem_key_with_an_unreduced_coefficient_is_malformed_in_a_step() {
    // RAT-43.
    let [_, new] = both();
    let unreduced = verdict(&new, I, |header| header[EK..EK + 3].fill(0xff));
    assert_eq!(unreduced, Err(OpenError::Malformed));
}

#[test]
fn a3_a_first_key_of_low_order_makes_no_session() {
    // RAT-06.
    use crate::dh::PublicKey;
    use crate::ratchet::{Level, Session, SessionInit};
    for low in LOW_ORDER {
        let init = SessionInit {
            sid: [1; 32],
            okm: crate::secret::Secret::copied(&[2; 160]),
            private_queue: true,
            joiner_identity_ek: Pair::new(1).ends[J].me.public().kem().clone(),
        };
        assert!(Session::inviter(init, PublicKey::from_bytes(point(low)).unwrap(), Level::Invited).is_err());
    }
}

#[test]
fn a_wrong_predecessor_is_an_alarm_that_keeps_the_text() {
    // RAT-26, RAT-50.
    let mut pair = Pair::new(3);
    // The header names the cell before; here, for the very first, the session.
    pair.ends[J].session.sent = crate::ratchet::sent::Sent::start(crate::ratchet::SessionId([7; 32]));
    let cell = pair.send(J);
    let opened = pair.ends[I].session.open(&pair.ends[I].me, &cell, pair.now).unwrap();
    assert_eq!(opened.events, [SessionEvent::Alarm(Alarm::Prev)]);
    assert_eq!(opened.next.latch(), Some(Alarm::Prev));
}
