//! The vectors that stand in the RFCs and drafts themselves, and Argon2's own.
//!
//! Spec: docs/spec/README.md, "Primitives". Invariant: as in the documents, digit by digit; where our wrapper takes less
//! than the document gives, the test says what.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};

use super::{array, hex};
use crate::KdfParams;
use crate::aead::{open_with, open_x, seal_with, seal_x};
use crate::dh::{PublicKey, SecretKey};
use crate::kdf::{expand_bytes, extract};
use crate::labels::Label;
use crate::sealing::stretch;

const SUNSCREEN: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
the future, sunscreen would be it.";

fn agree(scalar: &[u8; 32], u: [u8; 32]) -> [u8; 32] {
    *SecretKey::from_bytes(scalar).agree(&PublicKey::from_bytes(u).unwrap()).unwrap().expose()
}

#[test]
fn rfc_7748_section_5_2() {
    let scalar = array("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    let u = array("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let want = array("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    assert_eq!(agree(&scalar, u), want);
    let scalar = array("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
    let mut u: [u8; 32] = array("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
    // The RFC masks bit 255; we refuse it, and agree without it.
    assert!(PublicKey::from_bytes(u).is_err());
    u[31] &= 0x7f;
    let want = array("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
    assert_eq!(agree(&scalar, u), want);
}

/// `SUBROSA_LONG=1` goes on to the RFC's millionth.
#[test]
fn rfc_7748_section_5_2_iterated() {
    let base = array("0900000000000000000000000000000000000000000000000000000000000000");
    let (mut k, mut u): ([u8; 32], [u8; 32]) = (base, base);
    let long = std::env::var_os("SUBROSA_LONG").is_some();
    for round in 1..=if long { 1_000_000 } else { 1_000 } {
        let mut masked = u;
        masked[31] &= 0x7f;
        (k, u) = (agree(&k, masked), k);
        let want = match round {
            1 => "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
            1_000 => "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
            1_000_000 => "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424",
            _ => continue,
        };
        assert_eq!(k, array(want), "round {round}");
    }
}

#[test]
fn rfc_7748_section_6_1() {
    let alice =
        SecretKey::from_bytes(&array("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    let bob =
        SecretKey::from_bytes(&array("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    let (a, b) = (alice.public(), bob.public());
    assert_eq!(*a.as_bytes(), array("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    assert_eq!(*b.as_bytes(), array("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
    let shared = array("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(*alice.agree(&b).unwrap().expose(), shared);
    assert_eq!(*bob.agree(&a).unwrap().expose(), shared);
}

#[test]
fn rfc_8439_section_2_8_2() {
    let key = array("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    let (nonce, aad) = (array("070000004041424344454647"), hex("50515253c0c1c2c3c4c5c6c7"));
    let want = hex("d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
        3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
        92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
        3ff4def08e4b7a9de576d26586cec64b 6116 1ae10b594f09e26a7e902ecbd0600691");
    assert_eq!(seal_with(&key, &nonce, &aad, SUNSCREEN), want);
    assert_eq!(open_with(&key, &nonce, &aad, &want).unwrap().as_slice(), SUNSCREEN);
}

#[test]
fn draft_irtf_cfrg_xchacha_section_a_3_1() {
    let key = array("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    let nonce: [u8; 24] = array("404142434445464748494a4b4c4d4e4f5051525354555657");
    let aad = hex("50515253c0c1c2c3c4c5c6c7");
    let want = hex("bd6d179d3e83d43b9576579493c0e939 572a1700252bfaccbed2902c21396cbb
        731c7f1b0b4aa6440bf3a82f4eda7e39 ae64c6708c54c216cb96b72e1213b452
        2f8c9ba40db5d945b11b69b982c1bb9e 3f3fac2bc369488f76b2383565d3fff9
        21f9664c97637da9768812f615c68b13 b52e c0875924c1c7987947deafd8780acf49");
    let want = [&nonce[..], &want].concat();
    assert_eq!(seal_x(&key, &nonce, &aad, SUNSCREEN), want);
    assert_eq!(open_x(&key, &aad, &want).unwrap().as_slice(), SUNSCREEN);
}

#[test]
fn rfc_5869_appendix_a_1_to_a_3() {
    let prk = extract(&hex("000102030405060708090a0b0c"), &[&[0x0b; 22]]);
    let want = array("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert_eq!(*prk.expose(), want);
    let info = hex("f0f1f2f3f4f5f6f7f8f9");
    let okm = expand_bytes::<42>(prk.expose(), Label::foreign(&info), &[]);
    let want = hex("3cb25f25faacd57a90434f64d0362f2a 2d2d0a90cf1a5a4c5db02d56ecc4c5bf 34007208d5b887185865");
    assert_eq!(okm.expose()[..], want);

    let run = |from: u8| (from..=from + 79).collect::<alloc::vec::Vec<u8>>();
    let prk = extract(&run(0x60), &[&run(0)]);
    let okm = expand_bytes::<82>(prk.expose(), Label::foreign(&run(0xb0)[..]), &[]);
    let want = hex("b11e398dc80327a1c8e7f78c596a4934 4f012eda2d4efad8a050cc4c19afa97c
        59045a99cac7827271cb41c65e590e09 da3275600c2f09b8367793a9aca3db71
        cc30c58179ec3e87c14c01d5c1f3434f 1d87");
    assert_eq!(okm.expose()[..], want);

    let prk = extract(&[], &[&[0x0b; 22]]);
    let okm = expand_bytes::<42>(prk.expose(), Label::foreign(&[]), &[]);
    let want = hex("8da4e775a563c18f715f802a063c5a31 b8a11f5c5ee1879ec3454e5f3c738d2d 9d201395faa4b61a96c8");
    assert_eq!(okm.expose()[..], want);
}

/// Our wrapper takes neither a secret nor associated data and has a floor of 19 MiB, so this one goes to the
/// library below, as our wrapper calls it; the next test is the wrapper's.
#[test]
fn rfc_9106_section_5_3() {
    let mut params = ParamsBuilder::new();
    params.m_cost(32).t_cost(3).p_cost(4).data(AssociatedData::new(&[4; 12]).unwrap());
    let params = params.build().unwrap();
    let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut out = [0; 32];
    argon2.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
    assert_eq!(out, array("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"));
}

/// From the reference implementation's own tests, those within our floor and cap.
#[test]
fn the_reference_vectors_of_argon2id() {
    for (passes, lanes, text, salt, want) in [
        (2, 1, "password", "somesalt", "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
        (4, 1, "password", "somesalt", "9025d48e68ef7395cca9079da4c4ec3affb3c8911fe4f86d1a2520856f63172c"),
        (
            2,
            1,
            "differentpassword",
            "somesalt",
            "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde",
        ),
        (2, 1, "password", "diffsalt", "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c"),
    ] {
        let costs = KdfParams::new(1 << 16, passes, lanes).unwrap();
        let key = stretch(text.as_bytes(), salt.as_bytes(), costs).unwrap();
        assert_eq!(*key.expose(), array(want), "{text} {salt} {passes}");
    }
}
