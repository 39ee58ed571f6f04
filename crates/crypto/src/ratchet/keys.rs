//! The ratchet's keys and how one follows from another.
//!
//! Spec: docs/spec/ratchet.md, "Keys". Invariant: a key is shared between a session and its next state, never copied,
//! and erased when the last of them lets it go.

use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::{Malformed, Reader};
use zeroize::Zeroizing;

use super::SessionId;
use super::hash::{CellHash, PubId};
use super::header::SEALED_HEADER_LEN;
use crate::aead::{NONCE_LEN, Refused, Trial};
use crate::dh::{Agreed, PublicKey, SecretKey};
use crate::kdf::{Okm, expand_bytes, expand_into, extract, hash, sha256};
use crate::kem::{CT_LEN, Ciphertext, EK_LEN, EncapsKey, Encapsulated, KemSeed};
use crate::secret::Secret;
use crate::{aead, labels};

/// A key that a session and its next state hold together.
pub(super) struct Key<P>(Arc<Secret<P>>);

/// The purposes of [`Key`].
pub(super) mod purpose {
    pub(in super::super) enum Root {}
    pub(in super::super) enum Chain {}
    pub(in super::super) enum Header {}
    pub(in super::super) enum Message {}
}

/// RK: every step mixes a fresh agreement and encapsulation into it.
pub(super) type RootKey = Key<purpose::Root>;
/// CK: gives the message keys of one epoch, forwards only.
pub(super) type ChainKey = Key<purpose::Chain>;
/// HK: seals the headers of one epoch.
pub(super) type HeaderKey = Key<purpose::Header>;
/// mk: seals one body.
pub(super) type MessageKey = Key<purpose::Message>;

impl<P> Clone for Key<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> Key<P> {
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Arc::new(Secret::copied(bytes)))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    pub(super) fn parse(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.array_ref().map(Self::from_bytes)
    }
}

/// What an epoch shows to the other side for the next step.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) dh: PublicKey,
    pub(super) ek: EncapsKey,
}

/// The private half of [`Published`].
pub(super) struct EpochKeys {
    pub(super) dh: SecretKey,
    pub(super) kem: EpochKem,
}

/// Which ML-KEM key an epoch published.
pub(super) enum EpochKem {
    /// Epoch 0: the joiner's identity key. A mark only; the key itself never enters the state.
    Identity,
    /// Every other epoch: a fresh key pair.
    Fresh(KemSeed),
}

/// `pubid`: names the public values `dh | ek | ct` of an epoch.
pub(super) fn pub_id(dh: &[u8; 32], ek: &[u8; EK_LEN], ct: &[u8; CT_LEN]) -> PubId {
    // RAT-03.
    PubId(hash(labels::RATCHET_PUB_ID, &[dh, ek, ct]))
}

/// What one step brings into the root key.
pub(super) struct StepInput<'a> {
    pub(super) id: SessionId,
    pub(super) epoch: u32,
    pub(super) before: &'a Published,
    pub(super) after: &'a Published,
    pub(super) ct: &'a Ciphertext,
    pub(super) agreed: Secret<Agreed>,
    pub(super) encapsulated: Secret<Encapsulated>,
}

/// What one step yields: RK, CK_k, HK_{k+2}.
pub(super) struct StepOutput {
    pub(super) root: RootKey,
    pub(super) chain: ChainKey,
    pub(super) header: HeaderKey,
}

impl RootKey {
    /// `root(k)`: `RK | CK_k | HK_{k+2} = Exp(Ext(RK, X25519 | ss), ratchet/root, sid | u32 k | hp, 96)`.
    pub(super) fn step(&self, step: &StepInput<'_>) -> StepOutput {
        // RAT-07, RAT-08.
        let (before, after) = (step.before, step.after);
        let publics = hash(
            labels::RATCHET_PUB,
            &[
                before.dh.as_bytes(),
                before.ek.as_bytes(),
                after.dh.as_bytes(),
                after.ek.as_bytes(),
                step.ct.as_bytes(),
            ],
        );
        let prk = extract(self.expose(), &[step.agreed.expose(), step.encapsulated.expose()]);
        let ctx = [&step.id.0[..], &step.epoch.to_le_bytes(), &publics].concat();
        let keys = expand_bytes::<96>(prk.expose(), labels::RATCHET_ROOT, &ctx);
        let ([root, chain, header], []) = keys.expose().as_chunks::<32>() else {
            unreachable!("96 is 3 times 32")
        };
        StepOutput {
            root: Key::from_bytes(root),
            chain: Key::from_bytes(chain),
            header: Key::from_bytes(header),
        }
    }
}

impl ChainKey {
    /// `CK | mk = Exp(CK, ratchet/chain, "", 64)`.
    pub(super) fn advance(&self) -> (Self, MessageKey) {
        // RAT-09.
        let mut keys = Zeroizing::new([0; 64]);
        expand_into(self.expose(), labels::RATCHET_CHAIN, &[], &mut keys);
        let ([next, message], []) = keys.as_chunks::<32>() else { unreachable!("64 is 2 times 32") };
        (Key::from_bytes(next), Key::from_bytes(message))
    }
}

impl HeaderKey {
    /// Seals a header of 2,400 bytes to 2,440 under a hedged nonce.
    pub(super) fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], header: &[u8]) -> Vec<u8> {
        aead::seal_x(self.expose(), nonce, aad, header)
    }

    /// Whether this is the key of the header in `trial`, which is open then.
    pub(super) fn opens(&self, aad: &[u8], trial: &mut Trial<'_>) -> bool {
        trial.try_key(self.expose(), aad).is_ok()
    }
}

impl MessageKey {
    /// The header's nonce: `Exp(Ext(hedge, mk), ratchet/nonce, SHA-256(header | padded body), 24)`.
    ///
    /// It depends on everything that is sealed, so that a stuck generator and a rolled-back state together still
    /// can't seal two different cells under one nonce (A33).
    pub(super) fn header_nonce(&self, hedge: &[u8; 32], header: &[u8], body: &[u8]) -> [u8; NONCE_LEN] {
        // RAT-10, RAT-23.
        let prk = extract(hedge, &[self.expose()]);
        let mut nonce = [0; NONCE_LEN];
        expand_into(prk.expose(), labels::RATCHET_NONCE, &sha256(&[header, body]), &mut nonce);
        nonce
    }

    /// Seals a padded body under `key 32 | nonce 12 = Exp(mk, ratchet/body, header nonce, 44)`.
    pub(super) fn seal_body(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], body: &[u8]) -> Vec<u8> {
        let once = self.body_key(nonce);
        let (key, nonce) = apart(once.expose());
        aead::seal_with(key, nonce, aad, body)
    }

    /// Opens a sealed body.
    pub(super) fn open_body(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let once = self.body_key(nonce);
        let (key, nonce) = apart(once.expose());
        aead::open_with(key, nonce, aad, sealed)
    }

    fn body_key(&self, nonce: &[u8; NONCE_LEN]) -> Okm<44> {
        // RAT-11.
        expand_bytes(self.expose(), labels::RATCHET_BODY, nonce)
    }
}

fn apart(once: &[u8; 44]) -> (&[u8; 32], &[u8; 12]) {
    let (Some(key), Some(nonce)) = (once.first_chunk(), once.last_chunk()) else {
        unreachable!("44 is 32 and 12")
    };
    (key, nonce)
}

/// Associated data of the headers of one direction: `L(ratchet/header-ad) | sid | (k & 1)`.
pub(super) fn header_aad(id: SessionId, epoch: u32) -> Vec<u8> {
    // CEL-02.
    labels::RATCHET_HEADER_AD.followed_by(&[&id.0, &[direction(epoch)]])
}

/// Associated data of a body: `L(ratchet/body-ad) | sid | (k & 1) | sealed header`.
pub(super) fn body_aad(id: SessionId, epoch: u32, sealed_header: &[u8; SEALED_HEADER_LEN]) -> Vec<u8> {
    // CEL-03.
    labels::RATCHET_BODY_AD.followed_by(&[&id.0, &[direction(epoch)], sealed_header])
}

const fn direction(epoch: u32) -> u8 {
    // CEL-04.
    (epoch & 1) as u8
}

/// `H(cell/hash, sealed header)`: names a cell. It commits to the body through the hedged nonce.
pub(super) fn cell_hash(sealed_header: &[u8; SEALED_HEADER_LEN]) -> CellHash {
    // CEL-05.
    CellHash(hash(labels::CELL_HASH, &[sealed_header]))
}
