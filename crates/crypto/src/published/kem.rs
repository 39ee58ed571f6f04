//! Wycheproof's ML-KEM-768: key generation from seeds, encapsulation, decapsulation.
//!
//! Spec: docs/spec/README.md, "ML-KEM". Invariant: a private key is a seed (A2); the set of expanded private keys is
//! refused whole, by type.

use libcrux_ml_kem::mlkem768;
use wycheproof::mlkem::{Test, TestName, TestSet};
use wycheproof::{ByteString, TestResult};

use super::Tally;
use crate::kem::{Ciphertext, EncapsKey, KemSeed};

fn tally(name: &'static str, test: TestName, verdict: fn(&Test) -> &'static str) -> Tally {
    let set = TestSet::load(test).unwrap();
    let mut tally = Tally::of(name);
    set.test_groups.iter().flat_map(|group| &group.tests).for_each(|case| tally.count(verdict(case)));
    assert_eq!(tally.verdicts.values().sum::<usize>(), set.number_of_tests);
    tally
}

/// A field that the cases at hand have.
fn given(field: &Option<ByteString>) -> &[u8] {
    field.as_deref().unwrap()
}

fn generated(case: &Test) -> &'static str {
    assert_eq!(case.result, TestResult::Valid);
    let seed: &[u8; 64] = given(&case.seed).try_into().unwrap();
    let public = KemSeed::from_bytes(seed).public();
    assert_eq!(public.as_bytes()[..], given(&case.encaps_key)[..], "{case:?}");
    assert!(EncapsKey::parse(public.as_bytes()).is_ok());
    // The expanded private key never leaves our wrapper: the library below must make the published one.
    let (private, _) = mlkem768::generate_key_pair(*seed).into_parts();
    assert_eq!(private.as_slice()[..], given(&case.decaps_key)[..], "{case:?}");
    "the published keys"
}

fn encapsulated(case: &Test) -> &'static str {
    let bytes = given(&case.encaps_key);
    let Ok(key) = EncapsKey::parse(bytes) else {
        assert_eq!(case.result, TestResult::Invalid, "{case:?}");
        let whole = bytes.len() == 1184;
        return if whole { "refused: a coefficient is not reduced" } else { "refused: not 1,184 bytes" };
    };
    assert_eq!(case.result, TestResult::Valid, "{case:?}");
    let (ct, secret) = key.encapsulate(given(&case.msg).try_into().unwrap());
    assert_eq!(ct.as_bytes()[..], given(&case.ct)[..], "{case:?}");
    assert_eq!(secret.expose()[..], given(&case.shared_secret)[..], "{case:?}");
    "the published ciphertext and secret"
}

fn decapsulated(case: &Test) -> &'static str {
    let Ok(seed) = given(&case.seed).try_into() else {
        assert_eq!(case.result, TestResult::Invalid, "{case:?}");
        return "refused: the seed has not 64 bytes, by type";
    };
    let Ok(ct) = given(&case.ct).try_into() else {
        assert_eq!(case.result, TestResult::Invalid, "{case:?}");
        return "refused: the ciphertext has not 1,088 bytes, by type";
    };
    assert_eq!(case.result, TestResult::Valid, "{case:?}");
    let seed = KemSeed::from_bytes(seed);
    if let Some(public) = case.encaps_key.as_deref() {
        assert_eq!(seed.public().as_bytes()[..], public[..], "{case:?}");
    }
    let ct = Ciphertext::from_bytes(ct);
    assert_eq!(seed.decapsulate(ct.as_bytes()).expose()[..], given(&case.shared_secret)[..]);
    "the published secret"
}

fn expanded(case: &Test) -> &'static str {
    assert!(case.seed.is_none() && case.decaps_key.is_some(), "{case:?}");
    "refused: expanded private keys are not taken, by type (A2)"
}

#[test]
fn wycheproof_ml_kem_768_generates_the_published_keys_from_seeds() {
    let tally = tally("Wycheproof mlkem_768_keygen_seed", TestName::MlKem768KeyGenSeed, generated);
    tally.is(100, &[("the published keys", 100)]);
}

#[test]
fn wycheproof_ml_kem_768_encapsulates_to_the_published_ciphertexts() {
    let tally = tally("Wycheproof mlkem_768_encaps", TestName::MlKem768Encaps, encapsulated);
    let want = [
        ("the published ciphertext and secret", 133),
        ("refused: a coefficient is not reduced", 112),
        ("refused: not 1,184 bytes", 20),
    ];
    tally.is(265, &want);
}

#[test]
fn wycheproof_ml_kem_768_decapsulates_to_the_published_secrets() {
    let tally = tally("Wycheproof mlkem_768", TestName::MlKem768, decapsulated);
    let want = [
        ("the published secret", 161),
        ("refused: the seed has not 64 bytes, by type", 20),
        ("refused: the ciphertext has not 1,088 bytes, by type", 20),
    ];
    tally.is(201, &want);
}

#[test]
fn wycheproof_ml_kem_768_expanded_private_keys_are_refused_by_type() {
    let name = "Wycheproof mlkem_768_semi_expanded_decaps";
    let tally = tally(name, TestName::MlKem768SemiExpandedDecaps, expanded);
    tally.is(9, &[("refused: expanded private keys are not taken, by type (A2)", 9)]);
}
