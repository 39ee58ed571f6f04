//! Wycheproof's ChaCha20-Poly1305 and XChaCha20-Poly1305 against all ways to seal and open.
//!
//! Spec: docs/spec/README.md, "Notation". Invariant: a nonce of another length can't be written down in this crate, which
//! is how such a case is refused.

use alloc::vec::Vec;

use wycheproof::TestResult;
use wycheproof::aead::{Test, TestFlag, TestName, TestSet};

use super::Tally;
use crate::aead::{Trial, open_with, open_x, seal_with, seal_x};

const NO_NONCE: &str = "refused: the type takes no nonce of this length";
const REFUSED: &str = "refused: the tag is another";
const BOTH: &str = "seals to the published bytes and opens again";

/// Seals and opens one case; `None` when the type of the nonce does not take it.
type Run = fn(&Test, &[u8; 32]) -> Option<(Vec<u8>, Option<Vec<u8>>)>;

fn chacha(case: &Test, key: &[u8; 32]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let nonce = case.nonce.as_slice().try_into().ok()?;
    let sealed = seal_with(key, nonce, &case.aad, &case.pt);
    let opened = open_with(key, nonce, &case.aad, &[&case.ct[..], &case.tag].concat());
    Some((sealed, opened.ok().map(|text| text.to_vec())))
}

fn xchacha(case: &Test, key: &[u8; 32]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let nonce = case.nonce.as_slice().try_into().ok()?;
    let sealed = seal_x(key, nonce, &case.aad, &case.pt);
    assert_eq!(sealed[..24], case.nonce[..]);
    let given = [&case.nonce[..], &case.ct, &case.tag].concat();
    let opened = open_x(key, &case.aad, &given).ok().map(|text| text.to_vec());
    let mut trial = Trial::of(&given).unwrap();
    let tried = trial.try_key(key, &case.aad).is_ok();
    assert_eq!(tried.then(|| trial.into_text().to_vec()), opened, "both ways to open say the same");
    Some((sealed[24..].to_vec(), opened))
}

fn verdict(case: &Test, run: Run) -> &'static str {
    let key = case.key.as_slice().try_into().unwrap();
    let Some((sealed, opened)) = run(case, key) else {
        assert!(case.flags.contains(&TestFlag::InvalidNonceSize), "{case:?}");
        return NO_NONCE;
    };
    let published = [&case.ct[..], &case.tag].concat();
    match case.result {
        TestResult::Valid => {
            assert_eq!(sealed, published, "{case:?}");
            assert_eq!(opened.as_deref(), Some(case.pt.as_slice()), "{case:?}");
            BOTH
        }
        TestResult::Invalid => {
            assert_eq!(opened, None, "{case:?}");
            assert_ne!(sealed, published);
            REFUSED
        }
        TestResult::Acceptable => panic!("{case:?}"),
    }
}

fn tally(name: &'static str, set: &TestSet, run: Run) -> Tally {
    let mut tally = Tally::of(name);
    set.test_groups.iter().flat_map(|group| &group.tests).for_each(|case| tally.count(verdict(case, run)));
    tally
}

#[test]
fn wycheproof_chacha20_poly1305_seals_and_opens() {
    let set = TestSet::load(TestName::ChaCha20Poly1305).unwrap();
    let tally = tally("Wycheproof chacha20_poly1305", &set, chacha);
    tally.is(325, &[(NO_NONCE, 9), (REFUSED, 60), (BOTH, 256)]);
    assert_eq!(set.number_of_tests, 325);
}

#[test]
fn wycheproof_xchacha20_poly1305_seals_and_opens() {
    let set = TestSet::load(TestName::XChaCha20Poly1305).unwrap();
    let tally = tally("Wycheproof xchacha20_poly1305", &set, xchacha);
    tally.is(315, &[(NO_NONCE, 9), (REFUSED, 60), (BOTH, 246)]);
    assert_eq!(set.number_of_tests, 315);
}
