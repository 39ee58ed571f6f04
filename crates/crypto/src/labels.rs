//! Every label of the protocol, in one table: no hash, key derivation or seal is called without one.
//!
//! Spec: docs/spec/README.md, "Labels". Invariant: no two labels are equal and none is a prefix of another
//! (each begins with its own length), so that two uses of one key can't meet (A14).

use alloc::vec::Vec;

/// What separates one use of a primitive from every other: `L(x) = u8 length | "subrosa/v1/" | x`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label(&'static [u8]);

#[cfg(test)]
impl Label {
    /// Somebody else's bytes in a label's place: published vectors know nothing of ours.
    pub(crate) fn foreign(bytes: &[u8]) -> Self {
        Self(Vec::leak(bytes.to_vec()))
    }
}

impl Label {
    /// `L(x)`.
    pub(crate) const fn as_bytes(self) -> &'static [u8] {
        self.0
    }

    /// `L(x) | parts..`: associated data of a seal, or the text of a signature.
    pub(crate) fn followed_by(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.0.len() + parts.iter().map(|part| part.len()).sum::<usize>());
        all.extend_from_slice(self.0);
        parts.iter().for_each(|part| all.extend_from_slice(part));
        all
    }
}

/// `text` with its length in front; evaluated by the compiler only.
#[expect(clippy::indexing_slicing, reason = "runs at compile time: a bad index is a build error")]
const fn with_length<const N: usize>(text: &str) -> [u8; N] {
    // GEN-18.
    let text = text.as_bytes();
    assert!(text.len() + 1 == N && text.len() < 256);
    let mut all = [0; N];
    all[0] = text.len() as u8;
    let mut i = 0;
    while i < text.len() {
        all[i + 1] = text[i];
        i += 1;
    }
    all
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Label = Label({
            const TEXT: &str = concat!("subrosa/v1/", $text);
            const BYTES: [u8; TEXT.len() + 1] = with_length(TEXT);
            &BYTES
        });)*
        /// All of them, for the test that no two are equal.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, Label)] = &[$(($text, $name)),*];
    };
}

// GEN-17.
labels! {
    /// Expand: identity seed to Ed25519 key.
    ID_ED25519 = "id/ed25519";
    /// Expand: identity seed to X25519 key.
    ID_X25519 = "id/x25519";
    /// Expand: identity seed to ML-KEM-768 seed.
    ID_ML_KEM_768 = "id/ml-kem-768";
    /// Hash: public identity to fingerprint.
    ID_FINGERPRINT = "id/fingerprint";
    /// Hash: both identities, in order.
    ID_SAFETY_NUMBER = "id/safety-number";
    /// Expand: that hash to digits.
    ID_SAFETY_DIGITS = "id/safety-digits";
    /// Hash: kind, inviter and salt to the link's secret S.
    INVITE_SECRET = "invite/secret";
    /// Expand: S to the fetch capability.
    INVITE_FETCH = "invite/fetch";
    /// Expand: S to the key of the bundle's seal.
    INVITE_BUNDLE_KEY = "invite/bundle-key";
    /// Expand: S to the key of the handshake's outer seal.
    INVITE_HANDSHAKE_KEY = "invite/handshake-key";
    /// Expand: S to the handshake's pre-shared key.
    INVITE_PSK = "invite/psk";
    /// Associated data of the bundle's seal.
    BUNDLE_SEAL = "bundle/seal";
    /// First bytes of the bundle's signed text.
    BUNDLE_SIGN = "bundle/sign";
    /// Hash: the whole bundle.
    HS_BUNDLE = "hs/bundle";
    /// Associated data of the handshake's outer seal.
    HS_SEAL = "hs/seal";
    /// Hash: the handshake's inner values, by which repeats are known.
    HS_ID = "hs/id";
    /// Hash: transcript before the first key.
    HS_T1 = "hs/t1";
    /// Expand: key of box A and chain.
    HS_1 = "hs/1";
    /// Hash: transcript with box A.
    HS_T2 = "hs/t2";
    /// Expand: key of box B and chain.
    HS_2 = "hs/2";
    /// Hash: the whole transcript, the session's id.
    HS_T3 = "hs/t3";
    /// Expand: the session's first five keys.
    SESSION_INIT = "session/init";
    /// Expand: recovery key to the key of the recovery cell's outer seal.
    RE_SEAL_KEY = "re/seal-key";
    /// Expand: recovery key to the recovery's pre-shared key.
    RE_PSK = "re/psk";
    /// Associated data of the recovery cell's outer seal.
    RE_SEAL = "re/seal";
    /// Hash: transcript before the key.
    RE_T1 = "re/t1";
    /// Expand: key of the box and chain.
    RE_1 = "re/1";
    /// Hash: the whole transcript, the session's id.
    RE_T3 = "re/t3";
    /// Expand: the next root key, chain key and header key.
    RATCHET_ROOT = "ratchet/root";
    /// Hash: the public values of a step.
    RATCHET_PUB = "ratchet/pub";
    /// Hash: the public values of an epoch.
    RATCHET_PUB_ID = "ratchet/pub-id";
    /// Expand: the next chain key and message key.
    RATCHET_CHAIN = "ratchet/chain";
    /// Expand: the hedged header nonce.
    RATCHET_NONCE = "ratchet/nonce";
    /// Expand: a body's key and nonce.
    RATCHET_BODY = "ratchet/body";
    /// Associated data of a header.
    RATCHET_HEADER_AD = "ratchet/header-ad";
    /// Associated data of a body.
    RATCHET_BODY_AD = "ratchet/body-ad";
    /// Hash: a sealed header.
    CELL_HASH = "cell/hash";
    /// Expand: key-encryption key to the key that seals the data key.
    STORE_KEK = "store/kek";
    /// Expand: data key to a table's key.
    STORE_TABLE = "store/table";
    /// Associated data of a row.
    STORE_ROW = "store/row";
    /// Expand: the 24 words to the backup's key; associated data of its chunks.
    BACKUP_KEY = "backup/key";
    /// Expand: an attachment's key to the key of one chunk.
    BLOB_CHUNK = "blob/chunk";
    /// Expand: hedged randomness of the joiner and the recoverer.
    RNG_HEDGE = "rng/hedge";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_labels_are_equal_and_none_is_a_prefix_of_another() {
        // GEN-17.
        for (i, (_, a)) in ALL.iter().enumerate() {
            for (_, b) in &ALL[i + 1..] {
                assert!(!a.0.starts_with(b.0) && !b.0.starts_with(a.0));
            }
        }
    }

    #[test]
    fn a_label_is_its_length_the_prefix_and_its_name() {
        // GEN-18.
        assert_eq!(HS_T1.as_bytes(), b"\x10subrosa/v1/hs/t1");
        for (name, label) in ALL {
            assert_eq!(usize::from(label.0[0]), label.0.len() - 1);
            assert_eq!(&label.0[1..], [b"subrosa/v1/", name.as_bytes()].concat());
        }
    }

    #[test]
    fn the_spec_lists_every_label() {
        let spec = include_str!("../../../docs/spec/README.md");
        let table: Vec<_> = spec
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
            .flat_map(|cell| cell.split(", "))
            .collect();
        for (name, _) in ALL {
            assert_eq!(table.iter().filter(|listed| *listed == name).count(), 1, "{name}");
        }
    }
}
