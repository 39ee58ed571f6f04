//! X25519, strict: one encoding per point, and no result that the other side did not contribute to.
//!
//! Spec: docs/spec/README.md, "X25519"; RFC 7748. Invariant: a [`PublicKey`] is canonical (A4), and every
//! agreement returns a `Result` (A3).

use core::fmt;

use subrosa_codec::Malformed;
use x25519_dalek::StaticSecret;

use crate::secret::Secret;
use crate::stack;

/// The purpose of an X25519 scalar.
#[derive(Debug)]
pub(crate) enum Scalar {}

/// The purpose of an X25519 result: it is extracted, nothing else.
#[derive(Debug)]
pub(crate) enum Agreed {}

/// A canonical u-coordinate: below 2^255 − 19, bit 255 clear.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicKey([u8; 32]);

/// An X25519 private key, stored unclamped.
#[derive(Debug)]
pub(crate) struct SecretKey(Secret<Scalar>);

/// 2^255 − 19, little-endian.
const P: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

/// The points of low order, by their canonical u-coordinates: 0, 1, −1, and the two of order 8. All others, and the second
/// encodings of these, are not canonical.
const LOW_ORDER: [[u8; 32]; 5] = {
    let (zero, mut one, mut minus_one) = ([0; 32], [0; 32], P);
    one[0] = 1;
    minus_one[0] = 0xec;
    let of_order_8 = [
        *b"\xe0\xeb\x7a\x7c\x3b\x41\xb8\xae\x16\x56\xe3\xfa\xf1\x9f\xc4\x6a\xda\x09\x8d\xeb\x9c\x32\xb1\xfd\x86\x62\x05\x16\x5f\x49\xb8\x00",
        *b"\x5f\x9c\x95\xbc\xa3\x50\x8c\x24\xb1\xd0\xb1\x55\x9c\x83\xef\x5b\x04\x44\x5c\xc4\x58\x1c\x8e\x86\xd8\x22\x4e\xdd\xd0\x9f\x11\x57",
    ];
    [zero, one, minus_one, of_order_8[0], of_order_8[1]]
};

/// Whether the little-endian `bytes` are below 2^255 − 19. They are public: no constant time is needed.
pub(crate) fn is_canonical(bytes: &[u8; 32]) -> bool {
    // GEN-09.
    bytes.iter().rev().lt(P.iter().rev())
}

impl PublicKey {
    /// Takes 32 bytes from a peer.
    ///
    /// # Errors
    /// [`Malformed`] when they are not the one encoding of their point.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Result<Self, Malformed> {
        if is_canonical(&bytes) { Ok(Self(bytes)) } else { Err(Malformed) }
    }

    /// Whether no key can agree with this one on anything but zero. A property of the point, public as the point is.
    pub(crate) fn is_low_order(&self) -> bool {
        LOW_ORDER.contains(&self.0)
    }

    /// The 32 bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl SecretKey {
    /// A fresh key.
    pub(crate) fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
        Self(Secret::generate(rng))
    }

    /// The key of these 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copied(bytes))
    }

    /// The key of this derived secret.
    pub(crate) const fn from_secret(secret: Secret<Scalar>) -> Self {
        Self(secret)
    }

    /// The 32 bytes, to be stored sealed.
    pub(crate) const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The public key.
    pub(crate) fn public(&self) -> PublicKey {
        stack::cleared::<{ stack::CURVE }, _>(|| {
            PublicKey(x25519_dalek::PublicKey::from(&StaticSecret::from(*self.0.expose())).to_bytes())
        })
    }

    /// X25519 of this key and `their` key.
    ///
    /// # Errors
    /// [`Malformed`] when the result is zero: `their` point has low order, they contributed nothing.
    pub(crate) fn agree(&self, their: &PublicKey) -> Result<Secret<Agreed>, Malformed> {
        // GEN-10.
        stack::cleared::<{ stack::CURVE }, _>(|| {
            let mine = StaticSecret::from(*self.0.expose());
            let shared = mine.diffie_hellman(&x25519_dalek::PublicKey::from(their.0));
            if shared.was_contributory() { Ok(Secret::copied(shared.as_bytes())) } else { Err(Malformed) }
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dh::PublicKey(..)")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The u-coordinates of every point of low order that has a canonical encoding (Wycheproof).
    pub(crate) const LOW_ORDER: [&str; 5] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    /// `key` with a point of order 8 added: every clamped scalar makes the same of both.
    pub(crate) fn torsioned(key: &[u8; 32]) -> [u8; 32] {
        use curve25519_dalek::{constants::EIGHT_TORSION, montgomery::MontgomeryPoint};
        let point = MontgomeryPoint(*key).to_edwards(0).unwrap() + EIGHT_TORSION[1];
        let other = point.to_montgomery().0;
        let secret = SecretKey::from_bytes(&[9; 32]);
        let of = |key| PublicKey::from_bytes(key).and_then(|key| secret.agree(&key)).unwrap();
        assert!(other != *key && of(other).expose() == of(*key).expose());
        other
    }

    /// Other encodings of those points: p, p + 1, and with bit 255 set.
    pub(crate) const NOT_CANONICAL: [&str; 5] = [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    pub(crate) fn point(hex: &str) -> [u8; 32] {
        hex::decode(hex).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_point_of_low_order_contributes_nothing_and_is_refused() {
        // GEN-10.
        for text in LOW_ORDER {
            let key = PublicKey::from_bytes(point(text)).unwrap();
            assert_eq!(SecretKey::from_bytes(&[9; 32]).agree(&key).err(), Some(Malformed), "{text}");
            assert!(key.is_low_order(), "{text}");
        }
    }

    #[test]
    fn a_point_has_low_order_exactly_when_nothing_can_be_agreed_with_it() {
        let secret = SecretKey::from_bytes(&[9; 32]);
        let small = (0..=255).map(|byte| core::array::from_fn(|at| if at == 0 { byte } else { 0 }));
        let large = (0..0xed).map(|byte| core::array::from_fn(|at| if at == 0 { byte } else { P[at] }));
        let near = super::LOW_ORDER.iter().flat_map(|point| {
            (0..255).map(|bit| {
                let mut other = *point;
                other[bit / 8] ^= 1 << (bit % 8);
                other
            })
        });
        let mut low = 0;
        for key in small.chain(large).chain(near).filter_map(|bytes| PublicKey::from_bytes(bytes).ok()) {
            assert_eq!(key.is_low_order(), secret.agree(&key).is_err(), "{:?}", key.0);
            low += u32::from(key.is_low_order());
        }
        assert_eq!(low, 3 + 2, "0, 1, -1 among the small and large, and 0 and 1 beside each other");
    }

    #[test]
    fn a_second_encoding_of_a_point_is_refused() {
        // GEN-09.
        for text in NOT_CANONICAL {
            assert_eq!(PublicKey::from_bytes(point(text)).err(), Some(Malformed), "{text}");
        }
        let mut high = *SecretKey::from_bytes(&[9; 32]).public().as_bytes();
        high[31] |= 0x80;
        assert!(PublicKey::from_bytes(high).is_err());
    }

    #[test]
    fn the_result_is_that_of_rfc_7748() {
        let scalar =
            SecretKey::from_bytes(&point("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
        let u = point("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let want = point("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        assert_eq!(*scalar.agree(&PublicKey::from_bytes(u).unwrap()).unwrap().expose(), want);
        let other = SecretKey::from_bytes(&[5; 32]);
        let (ours, theirs) = (scalar.agree(&other.public()).unwrap(), other.agree(&scalar.public()).unwrap());
        assert_eq!(ours.expose(), theirs.expose());
    }
}
