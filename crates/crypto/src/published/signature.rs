//! Wycheproof's Ed25519 against the strict verification of an identity.
//!
//! Spec: docs/spec/identity.md. Invariant: the key under test stands in a whole public identity, so that its parser
//! decides first.

use wycheproof::TestResult;
use wycheproof::eddsa::{Test, TestName, TestSet};

use super::Tally;
use crate::IdentityPublic;
use crate::testing::ida;

/// An identity that verifies with `key`.
fn signer(key: &[u8]) -> IdentityPublic {
    let mut bytes = ida().public().as_bytes().to_vec();
    bytes[1..33].copy_from_slice(key);
    IdentityPublic::parse(&bytes).unwrap()
}

fn verdict(signer: &IdentityPublic, case: &Test) -> &'static str {
    let Ok(signature) = case.sig.as_slice().try_into() else {
        assert_eq!(case.result, TestResult::Invalid, "{case:?}");
        return "refused: not 64 bytes";
    };
    match (signer.verify(&case.msg, signature), case.result) {
        (Ok(()), TestResult::Valid) => "verifies",
        (Err(_), TestResult::Invalid) => "refused: not a signature of this text",
        _ => panic!("{case:?}"),
    }
}

#[test]
fn wycheproof_ed25519_verifies_strictly() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut tally = Tally::of("Wycheproof ed25519");
    for group in &set.test_groups {
        let signer = signer(&group.key.pk);
        group.tests.iter().for_each(|case| tally.count(verdict(&signer, case)));
    }
    let want =
        [("verifies", 88), ("refused: not a signature of this text", 51), ("refused: not 64 bytes", 12)];
    tally.is(151, &want);
    assert_eq!(set.number_of_tests, 151);
}
