//! First contact, against a second joiner written from the spec, and against everybody in between.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::aead;
use crate::dh::tests::{LOW_ORDER, NOT_CANONICAL, point, torsioned};
use crate::testing::{
    SpecJoiner, TODAY, bundle, ida, intro, invite, invite_of, jon, person, rng, x_open, x_seal,
};
use crate::{
    Bundle, BundleError, Created, InviteKeys, InviteKind, Level, RecoverError, RecoveryKey, Session,
    accept_recovery,
};
use subrosa_codec::{CELL_LEN, Cell, Millis};

const SEAL: &str = "subrosa/v1/hs/seal";

fn joined(created: &Created) -> Joined {
    join(&jon(), &bundle(created), &intro("Jon"), &mut rng(1)).unwrap()
}

fn accepted(created: &Created, cell: &Cell) -> Result<Accepted, AcceptError> {
    accept(&ida(), &created.keys, cell, |_| false)
}

fn spec(created: &Created) -> SpecJoiner {
    let mut random = [0; 32];
    rand_core::Rng::fill_bytes(&mut rng(1), &mut random);
    SpecJoiner::new(created, &jon(), &intro("Jon"), random)
}

fn plain(created: &Created, cell: &Cell) -> Vec<u8> {
    x_open(created.keys.handshake_key().expose(), SEAL, cell)
}

/// Sealed again by somebody who has the link.
fn resealed(created: &Created, text: &[u8]) -> Cell {
    x_seal(created.keys.handshake_key().expose(), &[7; 24], SEAL, text)
}

/// What becomes of a handshake whose joiner is changed.
fn with(change: impl FnOnce(&mut SpecJoiner)) -> Result<Accepted, AcceptError> {
    let created = invite(InviteKind::OneTime);
    let mut joiner = spec(&created);
    change(&mut joiner);
    accepted(&created, &joiner.join().cell)
}

#[test]
fn both_sides_arrive_where_the_spec_says() {
    // HS-01, HS-03, HS-05, HS-07, HS-08, HS-35, HS-37.
    for kind in [InviteKind::OneTime, InviteKind::Address] {
        let created = invite(kind);
        let (want, ours) = (spec(&created).join(), joined(&created));
        assert!(ours.cell == want.cell, "the very bytes");
        let theirs = accepted(&created, &ours.cell).unwrap();
        assert_eq!(ours.session.id().0[..], want.sid);
        assert_eq!(theirs.session.id().0[..], want.sid);
        for (key, session) in want.keys.chunks(32).zip([[&ours.session, &theirs.session]; 5]) {
            let holds = |session: &Session| session.write().windows(32).any(|bytes| bytes == key);
            assert!(session.into_iter().all(holds), "RK_0, CK_0, HK_0, HK_1, HK_2 on both sides");
        }
        assert_eq!((ours.session.level(), theirs.session.level()), (Level::Sent, Level::Invited));
        assert_eq!(&theirs.peer, jon().public());
        assert!(theirs.intro == intro("Jon"));
        let (e, cts) = (&plain(&created, &ours.cell)[6..38], &plain(&created, &ours.cell)[38..2214]);
        assert_eq!(theirs.id.0, crate::testing::h("subrosa/v1/hs/id", &[e, cts]));
    }
}

#[test]
fn the_first_text_goes_through() {
    // HS-14.
    use crate::{Weight, split};
    let created = invite(InviteKind::OneTime);
    let ours = joined(&created);
    let theirs = accepted(&created, &ours.cell).unwrap();
    let part = &split(b"hello").unwrap()[0];
    let sealed = ours.session.seal(part, Weight::Text, &mut rng(3)).unwrap();
    let opened = theirs.session.open(&ida(), &sealed.cell, Millis(1)).unwrap();
    assert_eq!(opened.part.content.as_slice(), b"hello");
    let back = opened.next.seal(part, Weight::Text, &mut rng(4)).unwrap();
    let opened = sealed.next.open(&jon(), &back.cell, Millis(2)).unwrap();
    assert_eq!(opened.next.level(), Level::PeerPq);
}

#[test]
fn a_joiner_at_an_address_waits_for_the_answer() {
    // HS-14.
    use crate::{SealError, Weight, split};
    let ours = joined(&invite(InviteKind::Address));
    let sealed = ours.session.seal(&split(b"hello").unwrap()[0], Weight::Text, &mut rng(3));
    assert_eq!(sealed.err(), Some(SealError::WaitForPeer));
}

#[test]
fn a18_any_flipped_byte_of_a_handshake_is_refused() {
    // GEN-06, HS-17.
    let created = invite(InviteKind::OneTime);
    let cell = joined(&created).cell;
    for at in 0..CELL_LEN {
        let mut bad = cell.clone();
        bad.as_mut_bytes()[at] ^= 1 << (at % 8);
        assert_eq!(accepted(&created, &bad).err(), Some(AcceptError::NotOurs), "{at}");
    }
}

#[test]
fn a1_any_changed_byte_of_any_field_is_refused_although_the_link_seals_it_again() {
    // HS-22.
    // A1, A28: whoever has the link can open and seal the outer layer.
    let created = invite(InviteKind::OneTime);
    let text = plain(&created, &joined(&created).cell);
    assert!(accepted(&created, &resealed(&created, &text)).is_ok());
    for at in 0..TEXT_LEN {
        let mut bad = text.clone();
        bad[at] ^= 1 << (at % 8);
        let want = match at {
            0 => AcceptError::NewerVersion,
            2..6 => AcceptError::Spent,
            _ => AcceptError::Refused,
        };
        assert_eq!(accepted(&created, &resealed(&created, &bad)).err(), Some(want), "{at}");
    }
}

#[test]
fn a1_every_input_of_the_schedule_matters() {
    // GEN-05, HS-04, HS-06.
    // A1: the same cell under another identity, another bundle of the same identity, or another secret.
    assert!(with(|_| ()).is_ok());
    assert!(with(|joiner| joiner.psk[0] ^= 1).is_err());
    assert!(with(|joiner| joiner.bundle[2000] ^= 1).is_err(), "SPK_K");
    assert!(with(|joiner| joiner.bundle[4055] ^= 1).is_err(), "the bundle's signature");
    assert!(with(|joiner| joiner.bundle[2920] ^= 1).is_err(), "the bundle's reserved bytes");
    assert!(with(|joiner| joiner.public = person(3).public().as_bytes().to_vec()).is_err(), "identity");
    assert!(with(|joiner| joiner.secret[0] ^= 8).is_err(), "identity's secret");
    let created = invite(InviteKind::OneTime);
    let cell = joined(&created).cell;
    assert_eq!(accept(&person(3), &created.keys, &cell, |_| false).err(), Some(AcceptError::Refused));
    let other = invite_of(&ida(), InviteKind::OneTime, 11);
    assert_eq!(accepted(&other, &cell).err(), Some(AcceptError::NotOurs));
}

#[test]
fn a12_nothing_is_optional_and_no_version_is_below_the_first() {
    // HS-18, HS-19.
    // A12: another version or type, even when the transcript agrees with the cell.
    for (head, want) in [
        ([0, 1], AcceptError::NewerVersion),
        ([2, 1], AcceptError::NewerVersion),
        ([1, 0], AcceptError::Refused),
        ([1, 2], AcceptError::Refused),
    ] {
        assert_eq!(with(|joiner| joiner.head = head).err(), Some(want));
    }
    // A stripped KEM: no ciphertext, or one for another key.
    let created = invite(InviteKind::OneTime);
    let text = plain(&created, &joined(&created).cell);
    for range in [38..1126, 1126..2214] {
        let mut bad = text.clone();
        bad[range].fill(0);
        assert_eq!(accepted(&created, &resealed(&created, &bad)).err(), Some(AcceptError::Refused));
    }
}

#[test]
fn a_joiner_who_needs_a_newer_version_is_told_apart() {
    // HS-25, HS-26.
    let min_version = 32 + 340 + 65 + 81 + 2;
    assert_eq!(with(|joiner| joiner.payload[min_version] = 2).err(), Some(AcceptError::NewerVersion));
    let low_order = with(|joiner| {
        (joiner.payload[min_version], joiner.r_j) = (2, Some(point(LOW_ORDER[0])));
    });
    assert_eq!(low_order.err(), Some(AcceptError::Refused), "what is malformed is told before what is newer");
    assert!(with(|joiner| joiner.payload[min_version - 1] = 0xff).is_ok(), "features are ignored");
    assert!(with(|joiner| joiner.payload[560] = 0xff).is_ok(), "reserved bytes are ignored");
}

#[test]
fn malformed_payloads_are_refused() {
    // GEN-22, HS-02, HS-25.
    let bad = |at: usize, value: u8| with(|joiner| joiner.payload[at] = value).err();
    assert_eq!(bad(32, 3), Some(AcceptError::Refused), "descriptor");
    assert_eq!(bad(372, 65), Some(AcceptError::Refused), "name length");
    assert_eq!(bad(372 + 64, 1), Some(AcceptError::Refused), "name padding");
    assert_eq!(bad(373, 0xff), Some(AcceptError::Refused), "name not UTF-8");
    assert_eq!(bad(437, 81), Some(AcceptError::Refused), "greeting length");
    assert_eq!(bad(437 + 80, 1), Some(AcceptError::Refused), "greeting padding");
    assert_eq!(bad(438, 0xff), Some(AcceptError::Refused), "greeting not UTF-8");
}

#[test]
fn a3_a_point_of_low_order_is_refused_at_every_position_of_a_handshake() {
    // GEN-10, HS-22, HS-24.
    // A3. SPK_X and the inviter's identity key are refused by the joiner: see the bundle's tests.
    for text in LOW_ORDER {
        let low = point(text);
        assert_eq!(with(|joiner| joiner.e = Some(low)).err(), Some(AcceptError::Refused), "E {text}");
        assert_eq!(with(|joiner| joiner.r_j = Some(low)).err(), Some(AcceptError::Refused), "R_J {text}");
        let identity = with(|joiner| {
            joiner.public[33..65].copy_from_slice(&low);
            // X25519 with such a point is zero whatever the scalar: the attacker's dh1 is the inviter's.
            joiner.dh1_is_zero = true;
        });
        assert_eq!(identity.err(), Some(AcceptError::Refused), "IK_X {text}");
    }
}

#[test]
fn a4_a_second_encoding_of_a_point_is_refused_at_every_position() {
    // GEN-09, HS-19, HS-23.
    // A4: u and u + p, and bit 255.
    let mut high = *ida().public().dh().as_bytes();
    high[31] |= 0x80;
    for bad in NOT_CANONICAL.map(point).into_iter().chain([high]) {
        assert_eq!(with(|joiner| joiner.e = Some(bad)).err(), Some(AcceptError::Refused), "E");
        assert_eq!(with(|joiner| joiner.r_j = Some(bad)).err(), Some(AcceptError::Refused), "R_J");
        let identity = with(|joiner| joiner.public[33..65].copy_from_slice(&bad));
        assert_eq!(identity.err(), Some(AcceptError::Refused), "IK_X");
    }
    let unreduced = with(|joiner| joiner.public[65..67].copy_from_slice(&[0xff, 0xff]));
    assert_eq!(unreduced.err(), Some(AcceptError::Refused), "IK_K");
}

#[test]
fn a4_a_captured_handshake_with_another_encoding_of_its_point_is_refused() {
    // Whoever has the link opens the outer layer and seals it again: bit 255 of E is set, or a torsion point added, so
    // that every agreement is what it was. Neither is a repeat to the check for repeats, and neither is let in.
    let created = invite(InviteKind::Address);
    let cell = joined(&created).cell;
    let id = accepted(&created, &cell).unwrap().id;
    let text = plain(&created, &cell);
    let e: [u8; 32] = text[6..38].try_into().unwrap();
    let mut high = e;
    high[31] |= 0x80;
    for other in [high, torsioned(&e)] {
        let mut bad = text.clone();
        bad[6..38].copy_from_slice(&other);
        let error = accept(&ida(), &created.keys, &resealed(&created, &bad), |seen| *seen == id).err();
        assert_eq!(error, Some(AcceptError::Refused));
    }
}

#[test]
fn a28_any_changed_bit_of_a_resealed_handshake_is_refused_and_an_unchanged_one_is_a_repeat() {
    let created = invite(InviteKind::Address);
    let text = plain(&created, &joined(&created).cell);
    let id = accepted(&created, &resealed(&created, &text)).unwrap().id;
    let verdict =
        |text: &[u8]| accept(&ida(), &created.keys, &resealed(&created, text), |seen| *seen == id).err();
    assert_eq!(verdict(&text), Some(AcceptError::Repeat(id)));
    // Each bit of what selects and of E, then one of each byte: another bit than in the test of A1.
    let bits = (0..38 * 8).chain((38..TEXT_LEN).map(|at| at * 8 + (at + 3) % 8));
    for bit in bits.step_by(if cfg!(debug_assertions) { 3 } else { 1 }) {
        let mut bad = text.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        match verdict(&bad) {
            Some(AcceptError::Refused | AcceptError::NewerVersion | AcceptError::Spent) => {}
            // A repeat is known by E and the ciphertexts: whatever else is changed, it is dropped as one.
            Some(AcceptError::Repeat(again)) if again == id && !(6..2214).contains(&(bit / 8)) => {}
            other => panic!("bit {bit}: {other:?}"),
        }
    }
}

#[test]
fn nobody_poses_as_the_inviter_to_the_inviter() {
    // HS-23.
    let own = with(|joiner| {
        joiner.public = ida().public().as_bytes().to_vec();
        joiner.secret = ida().dh().expose().to_vec();
    });
    assert_eq!(own.err(), Some(AcceptError::Refused));
}

#[test]
fn a28_a_handshake_is_accepted_once_however_it_is_sealed() {
    // HS-20.
    // A5, A28: the same cell, and the same inner values under a new nonce; after a restart as well.
    let created = invite(InviteKind::Address);
    let cell = joined(&created).cell;
    let id = accepted(&created, &cell).unwrap().id;
    let keys = InviteKeys::parse(&created.keys.write()).unwrap();
    let again = resealed(&created, &plain(&created, &cell));
    assert!(again != cell);
    for cell in [&cell, &again] {
        let error = accept(&ida(), &keys, cell, |seen| *seen == id).err();
        assert_eq!(error, Some(AcceptError::Repeat(id)));
    }
    // A crash between opening and committing: nothing was stored, so the cell opens again, to the same session.
    assert_eq!(
        accepted(&created, &cell).unwrap().session.id(),
        accepted(&created, &cell).unwrap().session.id()
    );
}

#[test]
fn a_second_joiner_on_a_one_time_invite_finds_nothing_and_the_first_one_is_still_known() {
    // HS-21.
    // A25, A5: after the burn, across a restart.
    let mut created = invite(InviteKind::OneTime);
    let first = joined(&created);
    let second = join(&person(3), &bundle(&created), &intro("Eve"), &mut rng(2)).unwrap();
    let id = accepted(&created, &first.cell).unwrap().id;
    created.keys.burn();
    let keys = InviteKeys::parse(&created.keys.write()).unwrap();
    let seen = |seen: &HandshakeId| *seen == id;
    assert_eq!(accept(&ida(), &keys, &first.cell, seen).err(), Some(AcceptError::Repeat(id)));
    assert_eq!(accept(&ida(), &keys, &second.cell, seen).err(), Some(AcceptError::Spent));
}

#[test]
fn a14_a_cell_of_one_kind_is_refused_by_every_other_parser() {
    // A14.
    let created = invite(InviteKind::OneTime);
    let ours = joined(&created);
    let theirs = accepted(&created, &ours.cell).unwrap();
    let key = RecoveryKey::generate(&mut rng(5));
    let again = crate::RecoveryIntro {
        descriptor: crate::testing::descriptor(1),
        reason: 1,
        ack_high: 0,
        ack_hash: [0; 32],
    };
    let (_, recovery) = crate::recover(&jon(), ida().public(), &key, &again, &mut rng(6)).unwrap();
    let ratchet = {
        let part = &crate::split(b"x").unwrap()[0];
        ours.session.seal(part, crate::Weight::Text, &mut rng(7)).unwrap().cell
    };
    let keys = [key];
    let as_bundle = |cell: &Cell| Bundle::open(&created.link, cell, jon().public(), TODAY).err();
    let as_handshake = |cell: &Cell| accepted(&created, cell).err();
    let as_recovery = |cell: &Cell| accept_recovery(&ida(), jon().public(), &keys, cell).err();
    let as_ratchet = |session: &Session, cell: &Cell| session.open(&ida(), cell, Millis(1)).err();
    for cell in [&created.bundle, &recovery, &ratchet] {
        assert_eq!(as_handshake(cell), Some(AcceptError::NotOurs));
    }
    for cell in [&ours.cell, &recovery, &ratchet] {
        assert_eq!(as_bundle(cell), Some(BundleError::Refused));
    }
    for cell in [&created.bundle, &ours.cell, &ratchet] {
        assert_eq!(as_recovery(cell), Some(RecoverError::NotOurs));
    }
    for cell in [&created.bundle, &ours.cell, &recovery] {
        assert_eq!(as_ratchet(&theirs.session, cell), Some(crate::OpenError::NotOurs));
    }
    assert_eq!(
        (as_bundle(&created.bundle), as_handshake(&ours.cell), as_recovery(&recovery)),
        (None, None, None)
    );
    assert!(as_ratchet(&theirs.session, &ratchet).is_none());
}

#[test]
fn a14_one_key_with_another_label_does_not_open() {
    // A14: the same key and nonce, sealed as a bundle instead of a handshake.
    let created = invite(InviteKind::OneTime);
    let text = plain(&created, &joined(&created).cell);
    let key = created.keys.handshake_key().expose();
    let as_bundle = x_seal(key, &[7; 24], "subrosa/v1/bundle/seal", &text);
    assert_eq!(accepted(&created, &as_bundle).err(), Some(AcceptError::NotOurs));
    assert!(aead::open_x(key, labels::BUNDLE_SEAL.as_bytes(), as_bundle.as_ref()).is_ok());
}

#[test]
fn a33_stuck_randomness_repeats_no_nonce_and_no_ephemeral_key() {
    // HS-09.
    // A33: state and randomness rolled back, something else is said, to somebody else, by somebody else.
    let (one, two) = (invite(InviteKind::OneTime), invite_of(&ida(), InviteKind::OneTime, 11));
    let cell = |created: &Created, seed: u8, name: &str| {
        let me = person(seed);
        let cell = join(&me, &bundle(created), &intro(name), &mut rng(1)).unwrap().cell;
        (cell.as_bytes()[..24].to_vec(), plain(created, &cell)[6..38].to_vec())
    };
    let base = cell(&one, 2, "Jon");
    assert_eq!(cell(&one, 2, "Jon"), base, "the very same handshake is the very same cell");
    for (nonce, e) in [cell(&one, 2, "Jim"), cell(&two, 2, "Jon"), cell(&one, 3, "Jon")] {
        assert_ne!(nonce, base.0);
        assert_ne!(e, base.1);
    }
    let mut other_queue = intro("Jon");
    other_queue.descriptor = crate::testing::descriptor(6);
    let moved = join(&jon(), &bundle(&one), &other_queue, &mut rng(1)).unwrap();
    assert_ne!(moved.cell.as_bytes()[..24], base.0);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_sealed() {
    let created = invite(InviteKind::OneTime);
    let opened = bundle(&created);
    let join = |intro: &Introduction| join(&jon(), &opened, intro, &mut rng(1)).err();
    assert_eq!(join(&intro(&"x".repeat(64))), None);
    assert_eq!(join(&intro(&"x".repeat(65))), Some(JoinError::NameTooLong));
    let greeting = |len: usize| Introduction { greeting: "x".repeat(len).to_string(), ..intro("Jon") };
    assert_eq!(join(&greeting(80)), None);
    assert_eq!(join(&greeting(81)), Some(JoinError::GreetingTooLong));
}
