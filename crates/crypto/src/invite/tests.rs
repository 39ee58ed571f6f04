//! Invites: derivation by the spec, renewal, and what is left after they are used.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::testing::{TODAY, descriptor, h, hkdf, ida, intro, invite, jon, person, rng, terms};
use crate::{AcceptError, Bundle, accept, join};

#[test]
fn the_link_commits_to_kind_inviter_and_salt() {
    // INV-05, INV-06.
    let created = invite(InviteKind::OneTime);
    let mut salt = [0; 32];
    rand_core::Rng::fill_bytes(&mut rng(10), &mut salt);
    let s = h("subrosa/v1/invite/secret", &[&[1], ida().public().as_bytes(), &salt]);
    assert_eq!(created.link.secret().expose(), &s);
    let key = |name: &str| hkdf(&[9; 32], &s, name, b"", 32);
    let secrets = created.link.secrets();
    assert_eq!(created.link.fetch()[..], key("subrosa/v1/invite/fetch"));
    assert_eq!(created.keys.fetch(), created.link.fetch());
    assert_eq!(secrets.bundle_key.expose()[..], key("subrosa/v1/invite/bundle-key"));
    assert_eq!(secrets.handshake_key.expose()[..], key("subrosa/v1/invite/handshake-key"));
    assert_eq!(secrets.psk.expose()[..], key("subrosa/v1/invite/psk"));
}

#[test]
fn the_link_can_be_shown_again_until_the_invite_is_used() {
    let mut created = invite(InviteKind::OneTime);
    let again = created.keys.link(ida().public(), "relay.example", 4433).unwrap();
    assert_eq!(again.to_string(), created.link.to_string());
    created.keys.burn();
    assert!(created.keys.is_burned());
    assert!(created.keys.link(ida().public(), "relay.example", 4433).is_err());
}

#[test]
fn keys_are_read_back_and_nothing_else_is() {
    for kind in [InviteKind::OneTime, InviteKind::Address] {
        let mut keys = invite(kind).keys;
        for burned in [false, true] {
            let bytes = keys.write();
            let read = InviteKeys::parse(&bytes).unwrap();
            assert_eq!(*read.write(), *bytes);
            assert_eq!((read.kind(), read.prekey_id(), read.expires()), (kind, 1, TODAY.plus(7)));
            assert_eq!(read.is_burned(), burned);
            for len in 0..bytes.len() {
                assert!(InviteKeys::parse(&bytes[..len]).is_err());
            }
            assert!(InviteKeys::parse(&[&bytes[..], &[0]].concat()).is_err());
            let mut newer = bytes.clone();
            newer[0] = 2;
            assert!(InviteKeys::parse(&newer).is_err());
            keys.burn();
        }
    }
}

#[test]
fn a_used_invite_keeps_no_secret_that_opens_a_handshake() {
    // INV-30.
    let created = invite(InviteKind::OneTime);
    let (before, mut keys) = (created.keys.write(), created.keys);
    keys.burn();
    let after = keys.write();
    let holds = |bytes: &[u8], secret: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    let secrets = created.link.secrets();
    assert!(holds(&before, secrets.psk.expose()) && !holds(&after, secrets.psk.expose()));
    // Layout: what followed `live` in the row, the salt first, is gone as well.
    let salt = &before[99..131];
    assert!(!holds(&after, salt));
    assert!(holds(&after, secrets.handshake_key.expose()));
    assert!(
        !holds(&after, created.link.secret().expose()) && !holds(&before, created.link.secret().expose())
    );
}

#[test]
fn a_renewed_address_keeps_its_link_and_opens_old_handshakes_until_they_retire() {
    // INV-32, INV-33.
    let (me, place) = (ida(), descriptor(3));
    let mut created = invite(InviteKind::Address);
    let old = Bundle::open(&created.link, &created.bundle, jon().public(), TODAY).unwrap();
    let renewed = InviteTerms { expires: TODAY.plus(14), ..terms(InviteKind::Address, &place) };
    let cell = created.keys.renew(&me, &renewed, &mut rng(11)).unwrap();
    let new = Bundle::open(&created.link, &cell, jon().public(), TODAY.plus(7)).unwrap();
    assert_eq!((old.prekey_id, new.prekey_id), (1, 2));
    assert_ne!(old.spk_x, new.spk_x);
    assert_eq!(created.keys.expires(), TODAY.plus(14));

    let mut keys = InviteKeys::parse(&created.keys.write()).unwrap();
    let cells: Vec<_> =
        [&old, &new].map(|bundle| join(&jon(), bundle, &intro("Jon"), &mut rng(1)).unwrap().cell).into();
    assert!(cells.iter().all(|cell| accept(&me, &keys, cell, |_| false).is_ok()));
    keys.retire(TODAY.plus(7));
    assert!(accept(&me, &keys, &cells[0], |_| false).is_ok(), "on its last day it is not before that day");
    keys.retire(TODAY.plus(8));
    assert_eq!(accept(&me, &keys, &cells[0], |_| false).err(), Some(AcceptError::Spent));
    assert!(accept(&me, &keys, &cells[1], |_| false).is_ok());
    keys.retire(TODAY.plus(100));
    assert!(accept(&me, &keys, &cells[1], |_| false).is_ok(), "the newest stays");
}

#[test]
fn only_an_address_is_renewed_and_only_under_its_own_link() {
    let place = descriptor(3);
    let address = terms(InviteKind::Address, &place);
    let mut one_time = invite(InviteKind::OneTime).keys;
    let error = one_time.renew(&ida(), &terms(InviteKind::OneTime, &place), &mut rng(1)).err();
    assert_eq!(error, Some(InviteError::OtherLink));
    let mut keys = invite(InviteKind::Address).keys;
    assert_eq!(keys.renew(&person(3), &address, &mut rng(1)).err(), Some(InviteError::OtherLink));
    let elsewhere = InviteTerms { relay_key_hash: [8; 32], ..address };
    assert_eq!(keys.renew(&ida(), &elsewhere, &mut rng(1)).err(), Some(InviteError::OtherLink));
    let long = "x".repeat(65);
    let named = InviteTerms { name: &long, ..address };
    assert_eq!(keys.renew(&ida(), &named, &mut rng(1)).err(), Some(InviteError::NameTooLong));
    assert_eq!(keys.prekey_id(), 1);
    keys.burn();
    assert_eq!(keys.renew(&ida(), &address, &mut rng(1)).err(), Some(InviteError::OtherLink));
}

#[test]
fn a_stuck_source_of_randomness_repeats_no_nonce_in_renewed_bundles() {
    // A33: one bundle key for every renewal.
    let place = descriptor(3);
    let mut keys = invite(InviteKind::Address).keys;
    let mut nonce = |expires| {
        let terms = InviteTerms { expires, ..terms(InviteKind::Address, &place) };
        keys.renew(&ida(), &terms, &mut rng(1)).unwrap().as_bytes()[..24].to_vec()
    };
    assert_ne!(nonce(TODAY), nonce(TODAY.plus(1)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = descriptor(3);
    let good = terms(InviteKind::OneTime, &place);
    let create = |terms: &InviteTerms<'_>| InviteKeys::create(&ida(), terms, &mut rng(1)).err();
    let (fits, long) = ("x".repeat(64), "x".repeat(65));
    assert_eq!(create(&InviteTerms { name: &fits, ..good }), None);
    assert_eq!(create(&InviteTerms { name: &long, ..good }), Some(InviteError::NameTooLong));
    for host in ["", "a b", "[::1]"] {
        assert_eq!(create(&InviteTerms { host, ..good }), Some(InviteError::BadHost));
    }
    assert_eq!(create(&InviteTerms { port: 0, ..good }), Some(InviteError::BadHost));
}
