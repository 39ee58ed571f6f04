//! Bundles: whatever is not exactly what the link's inviter made is refused.

use alloc::vec::Vec;

use super::*;
use crate::dh::tests::{LOW_ORDER, point};
use crate::testing::{TODAY, descriptor, ida, intro, invite, jon, label, person, rng, x_open, x_seal};
use crate::{Created, JoinError, join};

const SEAL: &str = "subrosa/v1/bundle/seal";

fn plain(created: &Created) -> Vec<u8> {
    x_open(created.link.secrets().bundle_key.expose(), SEAL, &created.bundle)
}

fn sealed(created: &Created, text: &[u8]) -> Cell {
    x_seal(created.link.secrets().bundle_key.expose(), &[7; 24], SEAL, text)
}

fn signed_by(signer: &Identity, text: &mut [u8]) {
    let (text, signature) = text.split_at_mut(SIGNED_LEN);
    signature.copy_from_slice(&signer.sign(&[&label("subrosa/v1/bundle/sign")[..], text].concat()));
}

fn open(created: &Created, cell: &Cell) -> Result<Bundle, BundleError> {
    Bundle::open(&created.link, cell, jon().public(), TODAY)
}

/// What the inviter's own change at `at` makes of the bundle.
fn changed(at: usize, bytes: &[u8]) -> Option<BundleError> {
    let created = invite(InviteKind::OneTime);
    let mut text = plain(&created);
    text[at..at + bytes.len()].copy_from_slice(bytes);
    signed_by(&ida(), &mut text);
    open(&created, &sealed(&created, &text)).err()
}

#[test]
fn a_bundle_says_what_the_inviter_put_into_it() {
    for kind in [InviteKind::OneTime, InviteKind::Address] {
        let created = invite(kind);
        let bundle = open(&created, &created.bundle).unwrap();
        assert_eq!((bundle.kind(), bundle.name(), bundle.inviter()), (kind, "Ida", ida().public()));
        assert_eq!((bundle.descriptor(), bundle.prekey_id), (&descriptor(3), 1));
        assert_eq!(bundle.hash, crate::testing::h("subrosa/v1/hs/bundle", &[&plain(&created)]));
    }
}

#[test]
fn the_layout_is_the_one_of_the_spec() {
    // INV-14.
    let created = invite(InviteKind::Address);
    let text = plain(&created);
    assert_eq!(text.len(), 4056);
    assert_eq!(text[..2], [1, 2]);
    assert_eq!(&text[2..1251], ida().public().as_bytes());
    assert_eq!(text[1283..1287], 1_u32.to_le_bytes());
    assert_eq!(text[1287..1291], 20_007_u32.to_le_bytes());
    assert_eq!(text[2507..2847], descriptor(3).write()[..]);
    assert_eq!(&text[2847..2852], b"\x03Ida\0");
    assert_eq!(text[2912..2915], [1, 0, 0]);
    assert!(text[2915..3992].iter().all(|byte| *byte == 0));
    let signature = text[3992..].try_into().unwrap();
    let signing_input = [&label("subrosa/v1/bundle/sign")[..], &text[..3992]].concat();
    assert!(ida().public().verify(&signing_input, signature).is_ok());
}

#[test]
fn any_flipped_byte_of_the_sealed_bundle_is_refused() {
    // INV-17.
    let created = invite(InviteKind::OneTime);
    for at in 0..subrosa_codec::CELL_LEN {
        let mut bad = created.bundle.clone();
        bad.as_mut_bytes()[at] ^= 1 << (at % 8);
        assert_eq!(open(&created, &bad).err(), Some(BundleError::Refused), "{at}");
    }
}

#[test]
fn any_flipped_byte_inside_is_refused_without_a_new_signature() {
    // INV-20, INV-22.
    let created = invite(InviteKind::OneTime);
    let text = plain(&created);
    // Every byte of every short field, and every fifth of the two ML-KEM keys and the reserved bytes.
    let short = |at: &usize| matches!(at, 0..70 | 1251..1330 | 2507..2920 | 3990..);
    for at in (0..BUNDLE_LEN).filter(|at| short(at) || at % 5 == 0) {
        let mut bad = text.clone();
        bad[at] ^= 1 << (at % 8);
        let error = open(&created, &sealed(&created, &bad)).err();
        let want = if at == 0 { BundleError::NewerVersion } else { BundleError::Refused };
        assert_eq!(error, Some(want), "{at}");
    }
}

#[test]
fn a27_a_relay_that_has_the_link_cannot_serve_another_identity() {
    // INV-21.
    // A27: kind, salt and every key of the link are known to it; the commitment is not its to change.
    let created = invite(InviteKind::Address);
    let mallory = person(66);
    let mut text = plain(&created);
    text[2..1251].copy_from_slice(mallory.public().as_bytes());
    signed_by(&mallory, &mut text);
    assert_eq!(open(&created, &sealed(&created, &text)).err(), Some(BundleError::Refused));
    // Nor keep the identity and replace the prekeys: the signature is not its to make.
    let mut text = plain(&created);
    text[1291..1323].copy_from_slice(mallory.public().dh().as_bytes());
    signed_by(&mallory, &mut text);
    assert_eq!(open(&created, &sealed(&created, &text)).err(), Some(BundleError::Refused));
}

#[test]
fn another_kind_salt_or_identity_does_not_fit_the_link() {
    // INV-21.
    assert_eq!(changed(1, &[2]), Some(BundleError::Refused));
    assert_eq!(changed(1, &[0]), Some(BundleError::Refused));
    assert_eq!(changed(1251, &[0; 32]), Some(BundleError::Refused));
    assert_eq!(changed(2, person(3).public().as_bytes()), Some(BundleError::Refused));
}

#[test]
fn a_link_that_says_another_kind_than_its_secret_is_refused() {
    // INV-19.
    // The inviter's own doing: S commits to a one-time invite, the link in front of it says address.
    let created = invite(InviteKind::OneTime);
    let secret = created.link.secret().expose();
    let link = |kind| Link::new(kind, created.link.relay(), "h", 1, secret).unwrap();
    let open = |kind| Bundle::open(&link(kind), &created.bundle, jon().public(), TODAY).err();
    assert_eq!(open(InviteKind::OneTime), None);
    assert_eq!(open(InviteKind::Address), Some(BundleError::Refused));
}

#[test]
fn malformed_fields_are_refused_even_with_a_signature() {
    // INV-23, INV-24.
    assert_eq!(changed(0, &[1]), None, "resealing alone changes nothing");
    let not_canonical = point("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    assert_eq!(changed(1291, &not_canonical), Some(BundleError::Refused), "SPK_X");
    assert_eq!(changed(1323, &[0xff, 0xff]), Some(BundleError::Refused), "SPK_K");
    assert_eq!(changed(2507, &[3]), Some(BundleError::Refused), "descriptor");
    assert_eq!(changed(2847, &[65]), Some(BundleError::Refused), "name length");
    assert_eq!(changed(2851, b"x"), Some(BundleError::Refused), "name padding");
    assert_eq!(changed(2848, &[0xff]), Some(BundleError::Refused), "name not UTF-8");
    assert_eq!(changed(2913, &[0xff, 0xff, 0xff]), None, "features and reserved bytes are ignored");
}

#[test]
fn a_bundle_that_needs_a_newer_version_says_so() {
    // GEN-04, INV-18, INV-25.
    assert_eq!(changed(0, &[2]), Some(BundleError::NewerVersion));
    assert_eq!(changed(2912, &[2]), Some(BundleError::NewerVersion));
}

#[test]
fn a_bundle_lives_until_a_day_after_its_expiry_and_15_days_at_most() {
    // INV-26, INV-27.
    let created = invite(InviteKind::OneTime);
    let on = |day| Bundle::open(&created.link, &created.bundle, jon().public(), Day(day)).err();
    let expiry = TODAY.0 + 7;
    assert_eq!(on(expiry + 1), None);
    assert_eq!(on(expiry + 2), Some(BundleError::Expired));
    assert_eq!(on(expiry - 15), None);
    assert_eq!(on(expiry - 16), Some(BundleError::FromTheFuture));
}

#[test]
fn nobody_joins_themselves() {
    // INV-28.
    let created = invite(InviteKind::OneTime);
    let opened = Bundle::open(&created.link, &created.bundle, ida().public(), TODAY);
    assert_eq!(opened.err(), Some(BundleError::OwnInvite));
}

#[test]
fn a3_a_prekey_of_low_order_is_refused_by_the_joiner() {
    // HS-10.
    for text in LOW_ORDER {
        let created = invite(InviteKind::OneTime);
        let mut bytes = plain(&created);
        bytes[1291..1323].copy_from_slice(&point(text));
        signed_by(&ida(), &mut bytes);
        let bundle = open(&created, &sealed(&created, &bytes)).unwrap();
        let joined = join(&jon(), &bundle, &intro("Jon"), &mut rng(1));
        assert_eq!(joined.err(), Some(JoinError::Refused), "{text}");
    }
}

#[test]
fn a3_an_inviter_whose_identity_has_low_order_is_refused_by_the_joiner() {
    // HS-10, ID-03.
    for text in LOW_ORDER {
        // Mallory's own link commits to an identity with such a key.
        let mallory = person(66);
        let mut public = mallory.public().as_bytes().to_vec();
        public[33..65].copy_from_slice(&point(text));
        let low = IdentityPublic::parse(&public).unwrap();
        let created = crate::testing::invite_of(&mallory, InviteKind::OneTime, 4);
        let mut bytes = plain(&created);
        bytes[2..1251].copy_from_slice(&public);
        signed_by(&mallory, &mut bytes);
        let salt = bytes[1251..1283].try_into().unwrap();
        let secret = InviteSecret::commit(InviteKind::OneTime, &low, salt);
        let link = Link::new(InviteKind::OneTime, created.link.relay(), "h", 1, secret.expose()).unwrap();
        let cell = x_seal(link.secrets().bundle_key.expose(), &[7; 24], SEAL, &bytes);
        let bundle = Bundle::open(&link, &cell, jon().public(), TODAY).unwrap();
        assert_eq!(join(&jon(), &bundle, &intro("Jon"), &mut rng(1)).err(), Some(JoinError::Refused));
    }
}
