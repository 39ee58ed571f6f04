//! Identities: derivation by the spec, and every malformed public one refused.

use alloc::format;
use alloc::vec::Vec;

use super::*;
use crate::dh::tests::point;
use crate::testing::{h, hkdf, ida, person};

fn with(at: usize, bytes: &[u8]) -> Result<IdentityPublic, Malformed> {
    let mut public = ida().public().as_bytes().to_vec();
    public[at..at + bytes.len()].copy_from_slice(bytes);
    IdentityPublic::parse(&public)
}

#[test]
fn an_identity_is_derived_as_the_spec_says() {
    // GEN-11, ID-01.
    let key = |text: &str, index: u32, len| hkdf(&[0; 32], &[1; 32], text, &index.to_le_bytes(), len);
    for index in [0, 1, u32::MAX] {
        let me = Identity::derive(&IdentitySeed::from_bytes([1; 32]), index);
        assert_eq!(me.signing.expose()[..], key("subrosa/v1/id/ed25519", index, 32));
        assert_eq!(me.dh.expose()[..], key("subrosa/v1/id/x25519", index, 32));
        assert_eq!(me.kem.expose()[..], key("subrosa/v1/id/ml-kem-768", index, 64));
    }
    assert_ne!(person(1).public(), person(2).public());
}

#[test]
fn a_public_identity_has_1249_bytes_in_this_order() {
    // ID-02, ID-04, ID-05.
    let me = ida();
    let bytes = me.public().as_bytes();
    assert_eq!((IdentityPublic::LEN, bytes.len(), bytes[0]), (1249, 1249, 1));
    let signing = SigningKey::from_bytes(me.signing.expose());
    let (verifying, dh, kem) = (signing.verifying_key(), me.dh.public(), me.kem.public());
    let want = [&[1][..], verifying.as_bytes(), dh.as_bytes(), kem.as_bytes()];
    assert_eq!(bytes, want.concat());
    assert_eq!(&IdentityPublic::parse(bytes).unwrap(), me.public());
    assert_eq!(me.public().fingerprint().0, h("subrosa/v1/id/fingerprint", &[bytes]));
}

#[test]
fn another_version_or_length_is_refused() {
    // GEN-04, ID-03.
    let bytes = ida().public().as_bytes().to_vec();
    assert!(with(0, &[0]).is_err() && with(0, &[2]).is_err());
    assert!(IdentityPublic::parse(&bytes[..1248]).is_err());
    assert!(IdentityPublic::parse(&[&bytes[..], &[0]].concat()).is_err());
    assert!(IdentityPublic::parse(&[]).is_err());
}

#[test]
fn an_ed25519_key_of_small_order_or_with_a_second_encoding_is_refused() {
    // GEN-14.
    // Small order: the neutral element, (0, -1), (±sqrt(-1), 0), and two of order eight.
    for text in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        assert!(with(1, &point(text)).is_err(), "{text}");
    }
    // y = p + k for every k that fits: those on the curve decompress, and are not canonical.
    let mut on_curve = 0;
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, high);
            on_curve += usize::from(VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak()));
            assert!(with(1, &bytes).is_err(), "{low:x} {high:x}");
        }
    }
    assert!(on_curve > 0, "the check beyond decompression is needed");
}

#[test]
fn an_x25519_key_with_a_second_encoding_is_refused() {
    // ID-03.
    let mut high = *ida().dh.public().as_bytes();
    high[31] |= 0x80;
    assert!(with(33, &high).is_err());
    let p = point("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    assert!(with(33, &p).is_err());
}

#[test]
fn an_ml_kem_key_with_an_unreduced_coefficient_is_refused() {
    // ID-03.
    assert!(with(65, &[0xff, 0xff]).is_err());
    assert!(with(65 + 1149, &[0xff, 0xff, 0xff]).is_err());
}

#[test]
fn a_signature_with_s_beyond_the_group_order_is_refused() {
    // GEN-15.
    let me = ida();
    let mut signature = me.sign(b"text");
    assert!(me.public().verify(b"text", &signature).is_ok());
    assert!(me.public().verify(b"texT", &signature).is_err());
    assert!(person(2).public().verify(b"text", &signature).is_err());
    // s + L, with L the order of the group, verifies wherever s is not checked.
    let l = point("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, l) in signature[32..].iter_mut().zip(l) {
        let sum = u16::from(*byte) + u16::from(l) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert!(me.public().verify(b"text", &signature).is_err());
}

#[test]
fn debug_output_names_nobody() {
    // ID-06.
    let me = ida();
    let printed: Vec<_> =
        [format!("{me:?}"), format!("{:?}", me.public()), format!("{:?}", me.public().fingerprint())]
            .into_iter()
            .collect();
    assert_eq!(printed, ["Identity(..)", "IdentityPublic(..)", "Fingerprint(..)"]);
}
