//! Wycheproof's HKDF-SHA-256 and HMAC-SHA-256 against `Ext` and `Exp`.
//!
//! Spec: docs/spec/README.md, "Notation". Invariant: `Ext` is HMAC, so that the MAC's set tests it too; lengths of output
//! are constants here, each of the set's written down.

use wycheproof::TestResult;
use wycheproof::hkdf::Test;

use super::Tally;
use crate::kdf::{expand_into, extract};
use crate::labels::Label;

/// `Exp` of the lengths that the set asks for; `None` for one that the compiler refuses.
fn expanded(case: &Test) -> Option<alloc::vec::Vec<u8>> {
    fn of<const N: usize>(case: &Test) -> alloc::vec::Vec<u8> {
        let mut out = [0; N];
        let prk = extract(&case.salt, &[&case.ikm]);
        expand_into(prk.expose(), Label::foreign(&case.info), &[], &mut out);
        let (front, back) = case.info.split_at(case.info.len() / 2);
        let mut again = [0; N];
        let (left, right) = case.ikm.split_at(case.ikm.len() / 2);
        let prk = extract(&case.salt, &[left, right]);
        expand_into(prk.expose(), Label::foreign(front), back, &mut again);
        assert_eq!(out, again, "info in one piece or in two, input in one piece or in two");
        out.to_vec()
    }
    match case.size {
        20 => Some(of::<20>(case)),
        32 => Some(of::<32>(case)),
        42 => Some(of::<42>(case)),
        56 => Some(of::<56>(case)),
        64 => Some(of::<64>(case)),
        80 => Some(of::<80>(case)),
        82 => Some(of::<82>(case)),
        128 => Some(of::<128>(case)),
        8160 => Some(of::<8160>(case)),
        size if size > 8160 => None,
        size => panic!("a length that is not written down here: {size}"),
    }
}

#[test]
fn wycheproof_hkdf_sha_256_is_extract_and_expand() {
    use wycheproof::hkdf::{TestName, TestSet};

    let set = TestSet::load(TestName::HkdfSha256).unwrap();
    let mut tally = Tally::of("Wycheproof hkdf_sha256");
    for case in set.test_groups.iter().flat_map(|group| &group.tests) {
        match (expanded(case), case.result) {
            (Some(okm), TestResult::Valid) => {
                assert_eq!(okm, case.okm.as_slice(), "{case:?}");
                tally.count("the published output");
            }
            (None, TestResult::Invalid) => tally.count("refused: longer than 8,160 bytes does not compile"),
            _ => panic!("{case:?}"),
        }
    }
    tally.is(86, &[("the published output", 83), ("refused: longer than 8,160 bytes does not compile", 3)]);
    assert_eq!(set.number_of_tests, 86);
}

#[test]
fn wycheproof_hmac_sha_256_is_extract() {
    use wycheproof::mac::{TestName, TestSet};

    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let mut tally = Tally::of("Wycheproof hmac_sha256");
    for group in &set.test_groups {
        for case in &group.tests {
            let mac = extract(&case.key, &[&case.msg]);
            let same = mac.expose()[..group.tag_size / 8] == case.tag[..];
            match (same, case.result) {
                (true, TestResult::Valid) => tally.count("the published tag, or its published front"),
                (false, TestResult::Invalid) => tally.count("another tag than the altered one"),
                _ => panic!("{case:?}"),
            }
        }
    }
    let want = [("the published tag, or its published front", 66), ("another tag than the altered one", 108)];
    tally.is(174, &want);
    assert_eq!(set.number_of_tests, 174);
}
