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

/// Section 7.1 without its fourth test, whose message of 1,023 bytes stands in Wycheproof's set.
#[test]
fn signatures_are_those_of_rfc_8032() {
    for (seed, public, text, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ] {
        let mut me = ida();
        me.signing = Secret::copied(&point(seed));
        let (text, signature) = (hex::decode(text).unwrap(), hex::decode(signature).unwrap());
        assert_eq!(me.sign(&text)[..], signature);
        let signer = with(1, &point(public)).unwrap();
        assert!(signer.verify(&text, signature.as_slice().try_into().unwrap()).is_ok());
    }
}
