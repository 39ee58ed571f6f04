//! HKDF-SHA-256 and labelled SHA-256: `Ext`, `Exp` and `H` of the spec.
//!
//! Spec: docs/spec/README.md, "Notation"; RFC 5869, FIPS 180-4. Invariant: every expansion and every
//! transcript hash names its label; fields of `ctx` and `H` have fixed lengths.

use hkdf::{Hkdf, HkdfExtract};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::labels::Label;
use crate::secret::Secret;
use crate::stack;

/// The purpose of [`Prk`].
#[derive(Debug)]
pub(crate) enum PrkPurpose {}

/// An extracted pseudorandom key, 32 bytes: it is expanded, nothing else.
pub(crate) type Prk = Secret<PrkPurpose, 32>;

/// The purpose of [`Okm`].
#[derive(Debug)]
pub(crate) enum OkmPurpose {}

/// `N` expanded bytes that are taken apart further.
pub(crate) type Okm<const N: usize> = Secret<OkmPurpose, N>;

/// `Ext(salt, ikm)`, the parts of `ikm` joined.
pub(crate) fn extract(salt: &[u8], ikm: &[&[u8]]) -> Prk {
    stack::cleared::<{ stack::HASH }, _>(|| {
        let mut hkdf = HkdfExtract::<Sha256>::new(Some(salt));
        ikm.iter().for_each(|part| hkdf.input_ikm(part));
        let (mut bytes, _) = hkdf.finalize();
        let prk = Prk::filled(|own| own.copy_from_slice(&bytes));
        bytes.as_mut_slice().zeroize();
        prk
    })
}

/// `Exp(prk, label, ctx, N)` into `out`.
pub(crate) fn expand_into<const N: usize>(prk: &[u8; 32], label: Label, ctx: &[u8], out: &mut [u8; N]) {
    const { assert!(N <= 255 * 32, "the limit of HKDF") };
    #[expect(clippy::expect_used, reason = "the key has the hash's length, the output is within the limit")]
    stack::cleared::<{ stack::HASH }, _>(|| {
        Hkdf::<Sha256>::from_prk(prk)
            .expect("32 bytes")
            .expand_multi_info(&[label.as_bytes(), ctx], out)
            .expect("checked by the compiler");
    });
}

/// `Exp(prk, label, ctx, N)` as a key for the purpose `P`.
pub(crate) fn expand<P, const N: usize>(prk: &[u8; 32], label: Label, ctx: &[u8]) -> Secret<P, N> {
    Secret::filled(|out| expand_into(prk, label, ctx, out))
}

/// `Exp(prk, label, ctx, N)` as bytes that are taken apart further.
pub(crate) fn expand_bytes<const N: usize>(prk: &[u8; 32], label: Label, ctx: &[u8]) -> Okm<N> {
    expand(prk, label, ctx)
}

/// `H(label, parts..)`: SHA-256 of `L(label)` and the parts.
pub(crate) fn hash(label: Label, parts: &[&[u8]]) -> [u8; 32] {
    stack::cleared::<{ stack::HASH }, _>(|| {
        let mut sha = Sha256::new_with_prefix(label.as_bytes());
        parts.iter().for_each(|part| sha.update(part));
        sha.finalize().into()
    })
}

/// SHA-256 of the parts, unlabelled: checksums and contexts only.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut sha = Sha256::new();
    parts.iter().for_each(|part| sha.update(part));
    sha.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels;

    #[test]
    fn expansion_is_hkdf_with_the_label_and_the_context_as_info() {
        let prk = extract(b"salt", &[b"in", b"put"]);
        let (raw, hkdf) = Hkdf::<Sha256>::extract(Some(b"salt"), b"input");
        assert_eq!(prk.expose()[..], raw[..]);
        let mut want = [0; 64];
        let info = [&b"\x0fsubrosa/v1/hs/1"[..], b"ctx"].concat();
        hkdf.expand(&info, &mut want).unwrap();
        // "subrosa/v1/" is 11 bytes, "hs/1" four.
        assert_eq!(*expand_bytes::<64>(prk.expose(), labels::HS_1, b"ctx").expose(), want);
        assert_eq!(*expand::<(), 64>(prk.expose(), labels::HS_1, b"ctx").expose(), want);
    }

    #[test]
    fn another_label_or_another_context_is_another_key() {
        let key = |label, ctx: &[u8]| *expand_bytes::<32>(&[7; 32], label, ctx).expose();
        assert_ne!(key(labels::HS_1, b""), key(labels::HS_2, b""));
        assert_ne!(key(labels::HS_1, b""), key(labels::HS_1, b"a"));
    }
}
