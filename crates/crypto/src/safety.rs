//! [`SafetyNumber`]: 60 digits by which two people check that nobody stands between them.
//!
//! Spec: docs/spec/identity.md, "Safety number". Invariant: it hashes both complete public identities, in
//! bytewise order, so that both sides compute the same number and any changed byte changes it (A15).

use alloc::format;
use alloc::string::String;
use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::identity::IdentityPublic;
use crate::{kdf, labels};

/// What a QR code of version 1 begins with.
const QR_PREFIX: &str = "subrosa-safety:1:";

/// What two people compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SafetyNumber {
    /// `H(id/safety-number, smaller, larger)`.
    hash: [u8; 32],
}

impl SafetyNumber {
    /// The number of two identities, the same whichever comes first.
    #[must_use]
    pub fn of(a: &IdentityPublic, b: &IdentityPublic) -> Self {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        // ID-07.
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self { hash: kdf::hash(labels::ID_SAFETY_NUMBER, &[low, high]) }
    }

    /// Twelve groups, each below 100,000.
    #[must_use]
    pub fn digits(&self) -> [u32; 12] {
        // ID-08.
        let bytes = kdf::expand_bytes::<60>(&self.hash, labels::ID_SAFETY_DIGITS, b"");
        let mut groups = [0; 12];
        for (group, five) in groups.iter_mut().zip(bytes.expose().chunks_exact(5)) {
            let value = five.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            *group = (value % 100_000) as u32;
        }
        groups
    }

    /// What the QR code says: the whole 32-byte hash, where the digits say 200 bits of it.
    #[must_use]
    pub fn qr_payload(&self) -> String {
        format!("{QR_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.hash))
    }

    /// Whether `scanned` is the QR code of this number; white space around it is ignored.
    #[must_use]
    pub fn matches_qr(&self, scanned: &str) -> bool {
        // ID-10.
        let hash = scanned.trim().strip_prefix(QR_PREFIX).map(|text| URL_SAFE_NO_PAD.decode(text));
        matches!(hash, Some(Ok(hash)) if bool::from(hash.as_slice().ct_eq(&self.hash)))
    }
}

impl fmt::Display for SafetyNumber {
    /// Twelve groups of five digits, separated by spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, group) in self.digits().iter().enumerate() {
            write!(f, "{}{group:05}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SafetyNumber(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::identity::{Identity, IdentitySeed};

    fn identity(seed: u8) -> IdentityPublic {
        Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0).public().clone()
    }

    #[test]
    fn a15_both_sides_see_the_published_number() {
        // ID-07, ID-08.
        let (a, b) = (identity(1), identity(2));
        let number = SafetyNumber::of(&a, &b);
        assert_eq!(number, SafetyNumber::of(&b, &a));
        assert_eq!(
            number.to_string(),
            "23529 26178 70323 74427 07649 28967 07559 68048 88879 00833 69249 48484"
        );
    }

    #[test]
    fn a15_any_changed_byte_of_an_identity_is_another_number() {
        // ID-07.
        let number = SafetyNumber::of(&identity(1), &identity(2));
        let mut changed = 0;
        for at in 0..IdentityPublic::LEN {
            for bit in 0..8 {
                let mut bytes = identity(2).as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                // What is no identity is compared with nobody.
                let Ok(other) = IdentityPublic::parse(&bytes) else { continue };
                assert_ne!(number.digits(), SafetyNumber::of(&identity(1), &other).digits(), "byte {at}");
                assert_ne!(number.digits(), SafetyNumber::of(&other, &identity(1)).digits(), "byte {at}");
                changed += 1;
                break;
            }
        }
        assert!(changed >= IdentityPublic::LEN - 1, "every byte but the version, {changed}");
        assert_ne!(number.digits(), SafetyNumber::of(&identity(1), &identity(3)).digits());
        let second = Identity::derive(&IdentitySeed::from_bytes([2; 32]), 1);
        assert_ne!(number.digits(), SafetyNumber::of(&identity(1), second.public()).digits());
    }

    #[test]
    fn only_its_own_qr_code_matches() {
        // ID-10.
        let number = SafetyNumber::of(&identity(1), &identity(2));
        let qr = number.qr_payload();
        assert_eq!(qr.len(), QR_PREFIX.len() + 43);
        assert!(number.matches_qr(&format!(" {qr}\n")));
        assert!(!SafetyNumber::of(&identity(1), &identity(3)).matches_qr(&qr));
        for bad in ["", "subrosa-safety:1:", &qr[1..], &qr[..qr.len() - 1], &qr.replace(":1:", ":2:")] {
            assert!(!number.matches_qr(bad), "{bad}");
        }
    }
}
