//! Where sessions come from: the handshake's five keys.
//!
//! Spec: docs/spec/ratchet.md, "Start". Invariant: both ends hold the same root key and header keys, with sending and
//! receiving swapped.

use alloc::sync::Arc;

use subrosa_codec::Malformed;

use super::chain::{ReceivingChain, SendingChain, Waiting};
use super::heard::Heard;
use super::keys::{ChainKey, EpochKem, EpochKeys, HeaderKey, Key, Published, RootKey, pub_id};
use super::sent::Sent;
use super::turn::{Latch, Turn};
use super::{Level, Role, Session, SessionId};
use crate::dh::{PublicKey, SecretKey};
use crate::kdf::Okm;
use crate::kem::{CT_LEN, Ciphertext, EncapsKey};

/// Length of the keys that a handshake yields: `RK_0 | CK_0 | HK_0 | HK_1 | HK_2`.
pub(crate) const INIT_LEN: usize = 160;

/// What a handshake or a recovery gives to both ends.
pub(crate) struct SessionInit {
    /// The session's id.
    pub(crate) sid: [u8; 32],
    /// `RK_0 | CK_0 | HK_0 | HK_1 | HK_2`.
    pub(crate) okm: Okm<INIT_LEN>,
    /// Whether the joiner has a private queue to send to already. `false`: it waits for the inviter's first cell.
    pub(crate) private_queue: bool,
    /// The joiner's identity ML-KEM key: its ratchet KEM key of epoch 0.
    pub(crate) joiner_identity_ek: EncapsKey,
}

struct InitKeys {
    root: RootKey,
    chain: ChainKey,
    header_0: HeaderKey,
    header_1: HeaderKey,
    header_2: HeaderKey,
}

impl SessionInit {
    fn keys(&self) -> InitKeys {
        let ([root, chain, header_0, header_1, header_2], []) = self.okm.expose().as_chunks::<32>() else {
            unreachable!("160 is 5 times 32")
        };
        InitKeys {
            root: Key::from_bytes(root),
            chain: Key::from_bytes(chain),
            header_0: Key::from_bytes(header_0),
            header_1: Key::from_bytes(header_1),
            header_2: Key::from_bytes(header_2),
        }
    }
}

impl Session {
    /// The end that sent the handshake. Epoch 0 is its own, with `r_j` and its identity's ML-KEM key.
    pub(crate) fn joiner(init: SessionInit, r_j: SecretKey, level: Level) -> Self {
        // RAT-05.
        let InitKeys { root, chain, header_0, header_1, header_2 } = init.keys();
        let public = Published { dh: r_j.public(), ek: init.joiner_identity_ek };
        let sending = SendingChain {
            epoch: 0,
            chain,
            header: header_0,
            n: 0,
            pn: 0,
            own: Arc::new(EpochKeys { dh: r_j, kem: EpochKem::Identity }),
            public: Arc::new(public),
            ct: Arc::new(Ciphertext::from_bytes(&[0; CT_LEN])),
        };
        let id = SessionId(init.sid);
        Self {
            id,
            role: Role::Joiner,
            level,
            latch: Latch::Clear,
            waits_for_peer: !init.private_queue,
            root,
            next_sending: header_2,
            next_receiving: header_1,
            turn: Turn::Calling { sending },
            sent: Sent::start(id),
        }
    }

    /// The end that received it. Epoch 0 is the peer's, with `r_j` and its identity's ML-KEM key.
    ///
    /// # Errors
    /// [`Malformed`] when `r_j` has low order: no step could ever be taken from it (A3).
    pub(crate) fn inviter(init: SessionInit, r_j: PublicKey, level: Level) -> Result<Self, Malformed> {
        // RAT-06.
        if r_j.is_low_order() {
            return Err(Malformed);
        }
        let InitKeys { root, chain, header_0, header_1, header_2 } = init.keys();
        let peer = Published { dh: r_j, ek: init.joiner_identity_ek };
        let id = SessionId(init.sid);
        let chain = ReceivingChain {
            epoch: 0,
            chain,
            header: header_0,
            n: 0,
            id: pub_id(peer.dh.as_bytes(), peer.ek.as_bytes(), &[0; CT_LEN]),
            base: 0,
            waiting: Waiting::default(),
        };
        Ok(Self {
            id,
            role: Role::Inviter,
            level,
            latch: Latch::Clear,
            waits_for_peer: false,
            root,
            next_sending: header_1,
            next_receiving: header_2,
            turn: Turn::Called { heard: Heard::start(chain, id), peer: Arc::new(peer) },
            sent: Sent::start(id),
        })
    }
}
