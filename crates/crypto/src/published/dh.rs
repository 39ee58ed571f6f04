//! Wycheproof's X25519 against the strict agreement.
//!
//! Spec: docs/spec/README.md, "X25519". Invariant: what is refused is flagged by Wycheproof as another encoding or as a
//! point that contributes nothing; everything else gives the published secret.

use wycheproof::TestResult;
use wycheproof::xdh::{Test, TestFlag, TestName, TestSet};

use super::Tally;
use crate::dh::{PublicKey, SecretKey};

const REPEATED: &str = "refused: a second encoding of a point (A4)";
const NOTHING: &str = "refused: the point has low order, the secret is zero (A3)";

/// Judged apart from the code under test: as big-endian digits, 2^255 - 20 or less.
fn below_p(bytes: &[u8; 32]) -> bool {
    let big_endian: alloc::vec::Vec<u8> = bytes.iter().rev().copied().collect();
    hex::encode(big_endian).as_str() <= "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec"
}

fn verdict(case: &Test) -> &'static str {
    let has = |flag| case.flags.contains(&flag);
    let public: [u8; 32] = case.public_key.as_slice().try_into().unwrap();
    let Ok(public) = PublicKey::from_bytes(public) else {
        assert!(has(TestFlag::NonCanonicalPublic) || has(TestFlag::LowOrderPublic), "{case:?}");
        assert_ne!(case.result, TestResult::Valid, "{case:?}");
        assert!(!below_p(&public), "{case:?}");
        return REPEATED;
    };
    assert!(below_p(public.as_bytes()), "{case:?}");
    let private = SecretKey::from_bytes(case.private_key.as_slice().try_into().unwrap());
    let Ok(shared) = private.agree(&public) else {
        assert!(has(TestFlag::ZeroSharedSecret) && has(TestFlag::LowOrderPublic), "{case:?}");
        assert_eq!(case.shared_secret.as_slice(), [0; 32]);
        assert_ne!(case.result, TestResult::Valid, "{case:?}");
        return NOTHING;
    };
    assert_eq!(shared.expose()[..], case.shared_secret[..], "{case:?}");
    match case.result {
        TestResult::Valid => "agrees",
        TestResult::Acceptable => "agrees, where Wycheproof leaves it open (points of the twist)",
        TestResult::Invalid => panic!("accepted: {case:?}"),
    }
}

#[test]
fn wycheproof_x25519_is_agreed_or_refused_for_a_named_reason() {
    let set = TestSet::load(TestName::X25519).unwrap();
    let mut tally = Tally::of("Wycheproof x25519");
    set.test_groups.iter().flat_map(|group| &group.tests).for_each(|case| tally.count(verdict(case)));
    let want = [
        ("agrees", 264),
        ("agrees, where Wycheproof leaves it open (points of the twist)", 210),
        (REPEATED, 29),
        (NOTHING, 15),
    ];
    tally.is(518, &want);
    assert_eq!(set.number_of_tests, 518);
}
