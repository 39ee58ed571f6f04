//! Recovery: who has the key and the identity comes back; everybody else is refused.

use alloc::vec::Vec;

use super::*;
use crate::dh::tests::{LOW_ORDER, point};
use crate::testing::{aead0, descriptor, encaps, h, hkdf, ida, jon, person, rng, x_open, x_seal, x25519};
use crate::{Weight, split};
use sha2::{Digest, Sha256};
use subrosa_codec::{CELL_LEN, Millis};

const SEAL: &str = "subrosa/v1/re/seal";

fn key() -> RecoveryKey {
    RecoveryKey::generate(&mut rng(1))
}

fn intro() -> RecoveryIntro {
    RecoveryIntro { descriptor: descriptor(4), reason: 1, ack_high: 7, ack_hash: [8; 32] }
}

/// Jon restored a backup and comes back to Ida.
fn recovered() -> (Session, Cell) {
    recover(&jon(), ida().public(), &key(), &intro(), &mut rng(2)).unwrap()
}

fn accepted(cell: &Cell) -> Result<Recovered, RecoverError> {
    accept_recovery(&ida(), jon().public(), &[RecoveryKey::generate(&mut rng(9)), key()], cell)
}

fn seal_key() -> Vec<u8> {
    hkdf(&[0; 32], key().key.expose(), "subrosa/v1/re/seal-key", b"", 32)
}

/// The restored side again, from the spec, with values that an attacker may replace.
struct Spec {
    payload: Vec<u8>,
    head: [u8; 2],
    e: Option<[u8; 32]>,
    r_j: Option<[u8; 32]>,
    psk: Vec<u8>,
}

fn spec() -> Spec {
    let mut payload =
        [&[0; 32][..], &descriptor(4).write(), &[1], &7_u32.to_le_bytes(), &[8; 32], &[1]].concat();
    payload.resize(2914, 0);
    let psk = hkdf(&[0; 32], key().key.expose(), "subrosa/v1/re/psk", b"", 32);
    Spec { payload, head: [1, 2], e: None, r_j: None, psk }
}

impl Spec {
    fn cell(&self) -> (Cell, [u8; 32]) {
        let (me, peer) = (jon(), ida());
        let (mine, theirs) = (me.dh().expose(), peer.public().as_bytes());
        let id = key().id().to_le_bytes();
        let mut random = [0; 32];
        rand_core::Rng::fill_bytes(&mut rng(2), &mut random);
        let context: [u8; 32] = Sha256::digest([&id[..], theirs, &self.payload].concat()).into();
        let draw = hkdf(&random, mine, "subrosa/v1/rng/hedge", &context, 120);
        let (nonce, e) = (draw[..24].try_into().unwrap(), &draw[24..56]);
        let base = [&[9_u8][..], &[0; 31]].concat();
        let public_e = self.e.unwrap_or_else(|| x25519(e, &base));
        let mut payload = self.payload.clone();
        payload[..32].copy_from_slice(&self.r_j.unwrap_or_else(|| x25519(&draw[56..88], &base)));
        let (ct, ss) = encaps(&theirs[65..], &draw[88..120]);
        let ephemeral = if self.e.is_some() { [0; 32] } else { x25519(e, &theirs[33..65]) };
        let t1 = h("subrosa/v1/re/t1", &[theirs, me.public().as_bytes(), &self.head, &id, &public_e, &ct]);
        let inputs = [&ephemeral[..], &x25519(mine, &theirs[33..65]), &ss].concat();
        let keys = hkdf(&self.psk, &inputs, "subrosa/v1/re/1", &t1, 64);
        let sealed = aead0(&keys[..32], &t1, &payload);
        let sid = h("subrosa/v1/re/t3", &[&t1, &payload, &sealed]);
        let text = [&self.head[..], &id, &public_e, &ct, &sealed].concat();
        (x_seal(&seal_key(), &nonce, SEAL, &text), sid)
    }
}

fn with(change: impl FnOnce(&mut Spec)) -> Result<Recovered, RecoverError> {
    let mut joiner = spec();
    change(&mut joiner);
    accepted(&joiner.cell().0)
}

#[test]
fn both_sides_arrive_where_the_spec_says() {
    // REC-10, REC-11, REC-14, REC-15.
    let (cell, sid) = spec().cell();
    let (session, ours) = recovered();
    assert!(ours == cell, "the very bytes");
    let theirs = accepted(&ours).unwrap();
    assert_eq!((session.id().0, theirs.session.id().0), (sid, sid));
    assert_eq!((session.level(), theirs.session.level()), (Level::Sent, Level::Invited));
    assert!(theirs.intro == intro());
    assert_eq!(theirs.used, key().id());
}

#[test]
fn both_sides_talk_in_the_new_session() {
    let (session, cell) = recovered();
    let theirs = accepted(&cell).unwrap();
    let part = &split(b"I'm back").unwrap()[0];
    let sealed = theirs.session.seal(part, Weight::Control, &mut rng(3)).unwrap();
    let opened = session.open(&jon(), &sealed.cell, Millis(1)).unwrap();
    assert_eq!(opened.part.content.as_slice(), b"I'm back");
    let sealed = opened.next.seal(part, Weight::Text, &mut rng(4)).unwrap();
    assert!(
        theirs
            .session
            .seal(part, Weight::Control, &mut rng(3))
            .unwrap()
            .next
            .open(&ida(), &sealed.cell, Millis(2))
            .is_ok()
    );
}

#[test]
fn any_flipped_byte_is_refused() {
    // REC-19, REC-25.
    let cell = recovered().1;
    for at in 0..CELL_LEN {
        let mut bad = cell.clone();
        bad.as_mut_bytes()[at] ^= 1 << (at % 8);
        assert_eq!(accepted(&bad).err(), Some(RecoverError::NotOurs), "{at}");
    }
}

#[test]
fn a1_any_changed_byte_of_a_recovery_is_refused_although_a_thief_of_the_key_seals_it_again() {
    // REC-22.
    // A1: the key alone, without Jon's identity, makes nothing that opens.
    let text = x_open(&seal_key(), SEAL, &recovered().1);
    assert_eq!(text.len(), TEXT_LEN);
    for at in 0..TEXT_LEN {
        let mut bad = text.clone();
        bad[at] ^= 1 << (at % 8);
        let want = if at == 0 { RecoverError::NewerVersion } else { RecoverError::Refused };
        assert_eq!(accepted(&x_seal(&seal_key(), &[7; 24], SEAL, &bad)).err(), Some(want), "{at}");
    }
}

#[test]
fn a11_the_key_without_the_identity_is_not_enough_and_the_identity_without_the_key_neither() {
    // REC-01.
    // A11, A30.
    let thief = recover(&person(3), ida().public(), &key(), &intro(), &mut rng(2)).unwrap().1;
    assert_eq!(accepted(&thief).err(), Some(RecoverError::Refused));
    let keyless = RecoveryKey::generate(&mut rng(5));
    let cell = recover(&jon(), ida().public(), &keyless, &intro(), &mut rng(2)).unwrap().1;
    assert_eq!(accepted(&cell).err(), Some(RecoverError::NotOurs));
    assert_eq!(accept_recovery(&ida(), jon().public(), &[], &cell).err(), Some(RecoverError::NotOurs));
    assert!(with(|joiner| joiner.psk[0] ^= 1).is_err());
}

#[test]
fn a_cell_for_somebody_else_or_sent_back_is_refused() {
    // REC-13.
    // A17: roles stand in the transcript.
    let cell = recovered().1;
    let keys = [key()];
    let open = |me: &Identity, peer: &Identity| accept_recovery(me, peer.public(), &keys, &cell).err();
    assert_eq!(open(&ida(), &jon()), None);
    assert_eq!(open(&jon(), &ida()), Some(RecoverError::Refused), "reflected");
    assert_eq!(open(&ida(), &person(3)), Some(RecoverError::Refused), "taken for another contact's");
    assert_eq!(open(&person(3), &jon()), Some(RecoverError::Refused), "sent to another contact");
}

#[test]
fn malformed_cells_are_refused() {
    // REC-12, REC-20, REC-21, REC-23, REC-24.
    assert!(with(|_| ()).is_ok());
    assert_eq!(with(|joiner| joiner.head = [2, 2]).err(), Some(RecoverError::NewerVersion));
    assert_eq!(with(|joiner| joiner.head = [1, 1]).err(), Some(RecoverError::Refused));
    assert_eq!(with(|joiner| joiner.payload[409] = 2).err(), Some(RecoverError::NewerVersion), "min version");
    for at in [410, 2913] {
        assert_eq!(with(|joiner| joiner.payload[at] = 1).err(), Some(RecoverError::Refused), "padding {at}");
    }
    assert_eq!(with(|joiner| joiner.payload[32] = 0).err(), Some(RecoverError::Refused), "descriptor");
}

#[test]
fn a3_a_point_of_low_order_or_a_second_encoding_is_refused_at_every_position_of_a_recovery() {
    // REC-21, REC-22, REC-23.
    // A3, A4.
    let high = {
        let mut bytes = point(LOW_ORDER[2]);
        bytes[31] |= 0x80;
        bytes
    };
    for low in LOW_ORDER.iter().map(|text| point(text)).chain([high]) {
        assert_eq!(with(|joiner| joiner.e = Some(low)).err(), Some(RecoverError::Refused), "E");
        assert_eq!(with(|joiner| joiner.r_j = Some(low)).err(), Some(RecoverError::Refused), "R_J");
    }
    let mut public = ida().public().as_bytes().to_vec();
    public[33..65].copy_from_slice(&point(LOW_ORDER[2]));
    let low = IdentityPublic::parse(&public).unwrap();
    let to_low = recover(&jon(), &low, &key(), &intro(), &mut rng(2)).err();
    assert_eq!(to_low, Some(RecoverError::Refused), "the peer's identity, when sending");
    assert_eq!(accept_recovery(&ida(), &low, &[key()], &recovered().1).err(), Some(RecoverError::Refused));
}

#[test]
fn a33_stuck_randomness_repeats_no_nonce_in_a_recovery() {
    // REC-16.
    // A33.
    let nonce = |me: &Identity, peer: &Identity, reason| {
        let intro = RecoveryIntro { reason, ..intro() };
        recover(me, peer.public(), &key(), &intro, &mut rng(2)).unwrap().1.as_bytes()[..24].to_vec()
    };
    let base = nonce(&jon(), &ida(), 1);
    assert_eq!(nonce(&jon(), &ida(), 1), base);
    for other in [nonce(&jon(), &ida(), 2), nonce(&person(3), &ida(), 1), nonce(&jon(), &person(3), 1)] {
        assert_ne!(other, base);
    }
}

#[test]
fn a_key_is_read_back() {
    // REC-02.
    let bytes = key().write();
    assert_eq!(bytes.len(), RecoveryKey::LEN);
    let read = RecoveryKey::parse(&bytes).unwrap();
    assert_eq!((read.id(), read.write()), (key().id(), bytes.clone()));
    assert!(RecoveryKey::parse(&bytes[1..]).is_err());
    assert!(RecoveryKey::parse(&[&bytes[..], &[0]].concat()).is_err());
}
