//! First contact: the one cell by which a joiner reaches an inviter, and the session that follows from it.
//!
//! Spec: docs/spec/handshake.md; after PQXDH, with three X25519 and two ML-KEM inputs and the invite's
//! pre-shared key. Invariant: every public key, ciphertext, identity, role and version is hashed into the keys (A1).
//!
//! ```text
//! joiner                                       inviter
//! Bundle --join--> Session (Sent), cell  --->  outer seal, repeat?, prekey --accept--> Session (Invited)
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str;

use subrosa_codec::{Malformed, Reader, Writer};
use zeroize::Zeroizing;

use crate::aead::{TAG_LEN, X_OVERHEAD};
use crate::bundle::{MIN_VERSION, NAME_LEN};
use crate::descriptor::QueueDescriptor;
use crate::dh::{self, Agreed};
use crate::identity::IdentityPublic;
use crate::invite::PreSharedKey;
use crate::kdf::{self, Okm};
use crate::kem::{CT_LEN, Encapsulated};
use crate::labels::{self, Label};
use crate::ratchet::INIT_LEN;
use crate::secret::Secret;

mod inviter;
mod joiner;
#[cfg(test)]
mod tests;

pub use inviter::{AcceptError, Accepted, accept};
pub use joiner::{JoinError, Joined, join};

/// Version of a handshake.
pub(crate) const VERSION: u8 = 1;
/// Type byte of a handshake cell.
const TYPE: u8 = 1;
/// Length of a greeting field, in bytes.
pub const GREETING_LEN: usize = 80;
/// Length of the payload's reserved field, in bytes.
const RESERVED_LEN: usize = 40;
/// Length of box B's plaintext, in bytes.
const PAYLOAD_LEN: usize = 32 + QueueDescriptor::LEN + 1 + NAME_LEN + 1 + GREETING_LEN + 2 + 1 + RESERVED_LEN;
/// Length of box A, in bytes.
const BOX_A_LEN: usize = IdentityPublic::LEN + TAG_LEN;
/// Length of box B, in bytes.
const BOX_B_LEN: usize = PAYLOAD_LEN + TAG_LEN;
/// Length of the cell's plaintext, in bytes.
const TEXT_LEN: usize = 1 + 1 + 4 + 32 + 2 * CT_LEN + BOX_A_LEN + BOX_B_LEN;

const _: () = assert!(PAYLOAD_LEN == 561 && TEXT_LEN + X_OVERHEAD == subrosa_codec::CELL_LEN);

/// What a joiner says about themselves: their claim, not yet sanitised for a screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Introduction {
    /// Where to answer.
    pub descriptor: QueueDescriptor,
    /// What they call themselves, at most 64 bytes.
    pub name: String,
    /// A line for the one who decides, at most 80 bytes.
    pub greeting: String,
}

/// Names a handshake by the hash of its inner values, so that sealing it again does not hide a repeat (A28).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandshakeId(pub [u8; 32]);

/// The purpose of a chaining key of the handshake.
#[derive(Debug)]
pub(crate) enum Chaining {}
/// The purpose of a box's key.
#[derive(Debug)]
pub(crate) enum BoxPurpose {}

/// `ck1`, `ck2`, and `ck` of a recovery.
pub(crate) type ChainingKey = Secret<Chaining>;
/// `kA`, `kB`, and `k` of a recovery: seals one box.
pub(crate) type BoxKey = Secret<BoxPurpose>;

/// The public values in front of the boxes.
struct Opener<'a> {
    prekey_id: u32,
    e: &'a dh::PublicKey,
    ct1: &'a [u8; CT_LEN],
    ct2: &'a [u8; CT_LEN],
}

/// What both sides mix into the first key, by name: swapping two does not go unseen.
struct FirstSecrets {
    dh2: Secret<Agreed>,
    dh3: Secret<Agreed>,
    ss1: Secret<Encapsulated>,
    ss2: Secret<Encapsulated>,
}

impl Opener<'_> {
    /// `T1`, with the whole bundle by its hash.
    fn transcript(&self, bundle: &[u8; 32]) -> [u8; 32] {
        let id = self.prekey_id.to_le_bytes();
        let parts: [&[u8]; 7] = [&[VERSION], &[TYPE], bundle, &id, self.e.as_bytes(), self.ct1, self.ct2];
        // HS-03.
        kdf::hash(labels::HS_T1, &parts)
    }

    /// `hs_id`.
    fn handshake_id(&self) -> HandshakeId {
        HandshakeId(kdf::hash(labels::HS_ID, &[self.e.as_bytes(), self.ct1, self.ct2]))
    }
}

/// `kA | ck1`.
fn first_keys(psk: &PreSharedKey, secrets: &FirstSecrets, t1: &[u8; 32]) -> (BoxKey, ChainingKey) {
    // HS-04.
    let FirstSecrets { dh2, dh3, ss1, ss2 } = secrets;
    box_and_chain(psk.expose(), &[dh2.expose(), dh3.expose(), ss1.expose(), ss2.expose()], (labels::HS_1, t1))
}

/// `T2`.
fn second_transcript(t1: &[u8; 32], joiner: &IdentityPublic, box_a: &[u8]) -> [u8; 32] {
    // HS-05.
    kdf::hash(labels::HS_T2, &[t1, joiner.as_bytes(), box_a])
}

/// `kB | ck2`.
fn second_keys(ck1: &ChainingKey, dh1: &Secret<Agreed>, t2: &[u8; 32]) -> (BoxKey, ChainingKey) {
    // HS-06.
    box_and_chain(ck1.expose(), &[dh1.expose()], (labels::HS_2, t2))
}

/// `box key | chaining key = Exp(Ext(salt, inputs), label, transcript, 64)`.
pub(crate) fn box_and_chain(
    salt: &[u8; 32],
    inputs: &[&[u8]],
    (label, transcript): (Label, &[u8; 32]),
) -> (BoxKey, ChainingKey) {
    let prk = kdf::extract(salt, inputs);
    let okm = kdf::expand_bytes::<64>(prk.expose(), label, transcript);
    let (left, right) = okm.expose().split_at(32);
    (Secret::filled(|key| key.copy_from_slice(left)), Secret::filled(|key| key.copy_from_slice(right)))
}

/// `sid`.
fn session_id(t2: &[u8; 32], payload: &[u8], box_b: &[u8]) -> [u8; 32] {
    // HS-07.
    kdf::hash(labels::HS_T3, &[t2, payload, box_b])
}

/// `RK_0 | CK_0 | HK_0 | HK_1 | HK_2 = Exp(Ext(sid, ck), session/init, "", 160)`.
pub(crate) fn session_keys(sid: &[u8; 32], ck: &ChainingKey) -> Okm<INIT_LEN> {
    // HS-08.
    kdf::expand_bytes(kdf::extract(sid, &[ck.expose()]).expose(), labels::SESSION_INIT, b"")
}

impl Introduction {
    /// Box B's plaintext, with `r_j` in front.
    fn write(&self, r_j: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, JoinError> {
        let mut w = Writer::with_capacity(PAYLOAD_LEN);
        w.put(r_j).put(&self.descriptor.write());
        w.padded::<NAME_LEN>(self.name.as_bytes()).map_err(|_| JoinError::NameTooLong)?;
        w.padded::<GREETING_LEN>(self.greeting.as_bytes()).map_err(|_| JoinError::GreetingTooLong)?;
        // HS-02.
        w.u16(0).u8(MIN_VERSION).zeros(RESERVED_LEN);
        Ok(Zeroizing::new(w.into_vec()))
    }

    /// Reads box B's plaintext: the introduction, R_J and the min version.
    fn parse(payload: &[u8]) -> Result<(Self, dh::PublicKey, u8), Malformed> {
        let mut r = Reader::new(payload);
        let r_j = dh::PublicKey::from_bytes(r.array()?)?;
        let descriptor = QueueDescriptor::parse(r.take(QueueDescriptor::LEN)?)?;
        // HS-25.
        let name = text(r.padded::<NAME_LEN>()?)?;
        let greeting = text(r.padded::<GREETING_LEN>()?)?;
        let _features = r.u16()?;
        let min_version = r.u8()?;
        let _reserved = r.take(RESERVED_LEN)?;
        r.finish()?;
        Ok((Self { descriptor, name, greeting }, r_j, min_version))
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    str::from_utf8(bytes).map(Into::into).map_err(|_| Malformed)
}

impl fmt::Debug for Introduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { descriptor: _, name: _, greeting: _ } = self;
        f.write_str("Introduction(..)")
    }
}

impl fmt::Debug for HandshakeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandshakeId(..)")
    }
}
