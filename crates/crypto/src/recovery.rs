//! Recovery: a new session with a known contact under a single-use key that they sent inside the ratchet.
//!
//! Spec: docs/spec/recovery.md. Invariant: only who holds both the key and the identity's secret makes a cell that
//! opens (A11), and only the person's choice causes one; the restored side has role J, the other role I.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use subrosa_codec::{Cell, Malformed, Reader, Writer};
use zeroize::Zeroizing;

use crate::aead::{self, NONCE_LEN, TAG_LEN, X_OVERHEAD};
use crate::bundle::MIN_VERSION;
use crate::descriptor::QueueDescriptor;
use crate::handshake::{BoxKey, ChainingKey, VERSION, box_and_chain, session_keys};
use crate::identity::{Identity, IdentityPublic};
use crate::kem::{CT_LEN, Encapsulated};
use crate::ratchet::{Level, Session, SessionInit};
use crate::secret::Secret;
use crate::{dh, kdf, labels};

/// Type byte of a recovery cell.
const TYPE: u8 = 2;
/// Length of the payload's zero padding, in bytes.
const PADDING_LEN: usize = 2504;
/// Length of the box's plaintext, in bytes.
const PAYLOAD_LEN: usize = 32 + QueueDescriptor::LEN + 1 + 4 + 32 + 1 + PADDING_LEN;
/// Length of the box, in bytes.
const BOX_LEN: usize = PAYLOAD_LEN + TAG_LEN;
/// Length of the cell's plaintext, in bytes.
const TEXT_LEN: usize = 1 + 1 + 4 + 32 + CT_LEN + BOX_LEN;

const _: () = assert!(PAYLOAD_LEN == 2914 && TEXT_LEN + X_OVERHEAD == subrosa_codec::CELL_LEN);

/// The purpose of a recovery key.
#[derive(Debug)]
enum KeyPurpose {}
/// The purpose of the outer seal's key.
#[derive(Debug)]
enum SealPurpose {}
/// The purpose of the pre-shared key.
#[derive(Debug)]
enum PskPurpose {}

/// A random, single-use key that lets a contact come back after a restore, and its id.
#[derive(Debug)]
pub struct RecoveryKey {
    id: u32,
    key: Secret<KeyPurpose>,
}

/// What the restored side says.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryIntro {
    /// Where to answer: a fresh queue.
    pub descriptor: QueueDescriptor,
    /// Why: 1 restored from a backup, 2 own rollback, 3 a latched alarm or out of step, 4 after a recovery of the other
    /// side; others count as 3.
    pub reason: u8,
    /// Highest `ack_high` that was seen, 0 when unknown; shown, never acted on.
    pub ack_high: u32,
    /// The hash that went with it, zeros when unknown.
    pub ack_hash: [u8; 32],
}

/// An opened recovery. In one transaction: consume all recovery keys of the contact, make the session current.
#[derive(Debug)]
pub struct Recovered {
    /// Role I, level `Invited`.
    pub session: Session,
    /// What the other side says.
    pub intro: RecoveryIntro,
    /// The id of the key that was used.
    pub used: u32,
}

/// Why a cell is not an accepted recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// Not sealed under any of the keys.
    #[error("this cell is not a recovery of this contact")]
    NotOurs,
    /// Made by a newer version.
    #[error("your contact recovered with a newer version of subrosa; update to go on")]
    NewerVersion,
    /// Anything else; counted, not explained.
    #[error("somebody tried to recover this contact and failed")]
    Refused,
}

impl From<Malformed> for RecoverError {
    fn from(_: Malformed) -> Self {
        Self::Refused
    }
}

impl From<aead::Refused> for RecoverError {
    fn from(_: aead::Refused) -> Self {
        Self::Refused
    }
}

impl RecoveryKey {
    /// Length when written, in bytes: `id 4 | key 32`.
    pub const LEN: usize = 36;

    /// A fresh key with a random id. Takes `id 4 | key 32` from `rng`.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        // REC-02.
        let mut id = [0; 4];
        rng.fill_bytes(&mut id);
        Self { id: u32::from_le_bytes(id), key: Secret::generate(rng) }
    }

    /// By which both sides name it.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Reads `id 4 | key 32`.
    ///
    /// # Errors
    /// [`Malformed`] on another length.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let (id, key) = (r.u32()?, Secret::copied(r.array_ref()?));
        r.finish()?;
        Ok(Self { id, key })
    }

    /// The 36 bytes, to be sent inside the ratchet or stored sealed.
    #[must_use]
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut w = Writer::with_capacity(Self::LEN);
        w.u32(self.id).put(self.key.expose());
        Zeroizing::new(w.into_vec())
    }

    /// The outer seal's key and the pre-shared key.
    fn keys(&self) -> (Secret<SealPurpose>, Secret<PskPurpose>) {
        // REC-10.
        let prk = kdf::extract(&[0; 32], &[self.key.expose()]);
        let seal = kdf::expand(prk.expose(), labels::RE_SEAL_KEY, b"");
        (seal, kdf::expand(prk.expose(), labels::RE_PSK, b""))
    }
}

impl RecoveryIntro {
    /// The box's plaintext, with `r_j` in front.
    fn write(&self, r_j: &[u8; 32]) -> Zeroizing<Vec<u8>> {
        let mut w = Writer::with_capacity(PAYLOAD_LEN);
        w.put(r_j).put(&self.descriptor.write()).u8(self.reason);
        // REC-12.
        w.u32(self.ack_high).put(&self.ack_hash).u8(MIN_VERSION).zeros(PADDING_LEN);
        Zeroizing::new(w.into_vec())
    }

    /// Reads the box's plaintext: the introduction, R_J and the min version.
    fn parse(payload: &[u8]) -> Result<(Self, dh::PublicKey, u8), Malformed> {
        let mut r = Reader::new(payload);
        let r_j = dh::PublicKey::from_bytes(r.array()?)?;
        let descriptor = QueueDescriptor::parse(r.take(QueueDescriptor::LEN)?)?;
        let (reason, ack_high, ack_hash) = (r.u8()?, r.u32()?, r.array()?);
        let min_version = r.u8()?;
        // REC-23.
        r.zeros(PADDING_LEN)?;
        r.finish()?;
        Ok((Self { descriptor, reason, ack_high, ack_hash }, r_j, min_version))
    }
}

/// The public values in front of the box, and whose they are.
struct Opener<'a> {
    inviter: &'a IdentityPublic,
    joiner: &'a IdentityPublic,
    id: u32,
    e: &'a dh::PublicKey,
    ct: &'a [u8; CT_LEN],
}

/// What both sides mix into the key, by name.
struct Secrets {
    ephemeral: Secret<dh::Agreed>,
    identities: Secret<dh::Agreed>,
    encapsulated: Secret<Encapsulated>,
}

impl Opener<'_> {
    /// `T1`.
    fn transcript(&self) -> [u8; 32] {
        let (i, j, id) = (self.inviter.as_bytes(), self.joiner.as_bytes(), self.id.to_le_bytes());
        // REC-13.
        kdf::hash(labels::RE_T1, &[i, j, &[VERSION], &[TYPE], &id, self.e.as_bytes(), self.ct])
    }
}

/// `k | ck`.
fn keys(psk: &Secret<PskPurpose>, secrets: &Secrets, t1: &[u8; 32]) -> (BoxKey, ChainingKey) {
    let Secrets { ephemeral, identities, encapsulated } = secrets;
    // REC-14.
    let inputs: [&[u8]; 3] = [ephemeral.expose(), identities.expose(), encapsulated.expose()];
    box_and_chain(psk.expose(), &inputs, (labels::RE_1, t1))
}

/// The session's first values, the same for both sides.
fn session_init(
    t1: &[u8; 32],
    payload: &[u8],
    sealed: &[u8],
    (ck, joiner): (&ChainingKey, &IdentityPublic),
) -> SessionInit {
    // REC-15.
    let sid = kdf::hash(labels::RE_T3, &[t1, payload, sealed]);
    let okm = session_keys(&sid, ck);
    SessionInit { sid, okm, private_queue: true, joiner_identity_ek: joiner.kem().clone() }
}

/// Comes back to `peer` under `key`. Takes 32 bytes from `rng`.
///
/// The session and the cell are to be stored in one transaction, and the key is to be erased in it.
///
/// # Errors
/// [`RecoverError::Refused`] when a key of `peer` has low order.
///
/// Spec: docs/spec/recovery.md, "The restored side".
pub fn recover(
    me: &Identity,
    peer: &IdentityPublic,
    key: &RecoveryKey,
    intro: &RecoveryIntro,
    rng: &mut impl CryptoRng,
) -> Result<(Session, Cell), RecoverError> {
    let mut random = Zeroizing::new([0; 32]);
    rng.fill_bytes(random.as_mut_slice());
    let prk = kdf::extract(random.as_slice(), &[me.dh().expose()]);
    let context = kdf::sha256(&[&key.id.to_le_bytes(), peer.as_bytes(), &intro.write(&[0; 32])]);
    // REC-16.
    let okm = kdf::expand_bytes::<120>(prk.expose(), labels::RNG_HEDGE, &context);
    let mut r = Reader::new(okm.expose());
    let nonce: [u8; NONCE_LEN] = r.array()?;
    let ephemeral = dh::SecretKey::from_bytes(r.array_ref()?);
    let r_j = dh::SecretKey::from_bytes(r.array_ref()?);
    let (ct, encapsulated) = peer.kem().encapsulate(r.array_ref()?);

    let e = ephemeral.public();
    let opener = Opener { inviter: peer, joiner: me.public(), id: key.id, e: &e, ct: ct.as_bytes() };
    let t1 = opener.transcript();
    let identities = me.dh().agree(peer.dh())?;
    let secrets = Secrets { ephemeral: ephemeral.agree(peer.dh())?, identities, encapsulated };
    let (seal_key, psk) = key.keys();
    let (box_key, ck) = keys(&psk, &secrets, &t1);
    let payload = intro.write(r_j.public().as_bytes());
    let sealed = aead::seal_once(box_key.expose(), &t1, &payload);

    let mut w = Writer::with_capacity(TEXT_LEN);
    // REC-11.
    w.u8(VERSION).u8(TYPE).u32(key.id).put(e.as_bytes()).put(opener.ct).put(&sealed);
    let cell = aead::seal_x(seal_key.expose(), &nonce, labels::RE_SEAL.as_bytes(), w.as_slice());
    let init = session_init(&t1, &payload, &sealed, (&ck, me.public()));
    Ok((Session::joiner(init, r_j, Level::Sent), Cell::from_vec(cell)?))
}

/// Opens a recovery cell of `peer`, who holds one of `keys`.
///
/// # Errors
/// [`RecoverError`]; on every one of them nothing happened, and the keys stay.
///
/// Spec: docs/spec/recovery.md, "The other side".
pub fn accept_recovery(
    me: &Identity,
    peer: &IdentityPublic,
    keys: &[RecoveryKey],
    cell: &Cell,
) -> Result<Recovered, RecoverError> {
    let aad = labels::RE_SEAL.as_bytes();
    let open = |key: &RecoveryKey| {
        let (seal_key, psk) = key.keys();
        aead::open_x(seal_key.expose(), aad, cell.as_ref()).ok().map(|text| (key.id, psk, text))
    };
    // REC-19.
    let (id, psk, text) = keys.iter().find_map(open).ok_or(RecoverError::NotOurs)?;
    let mut r = Reader::new(&text);
    // REC-20.
    if r.u8()? != VERSION {
        return Err(RecoverError::NewerVersion);
    }
    // REC-21.
    if r.u8()? != TYPE || r.u32()? != id {
        return Err(RecoverError::Refused);
    }
    let e = dh::PublicKey::from_bytes(r.array()?)?;
    let opener = Opener { inviter: me.public(), joiner: peer, id, e: &e, ct: r.array_ref()? };
    let sealed = r.take(BOX_LEN)?;
    r.finish()?;
    let (intro, session) = open_box(me, &opener, &psk, sealed)?;
    Ok(Recovered { session, intro, used: id })
}

fn open_box(
    me: &Identity,
    opener: &Opener<'_>,
    psk: &Secret<PskPurpose>,
    sealed: &[u8],
) -> Result<(RecoveryIntro, Session), RecoverError> {
    // REC-22.
    let ephemeral = me.dh().agree(opener.e)?;
    let identities = me.dh().agree(opener.joiner.dh())?;
    let secrets = Secrets { ephemeral, identities, encapsulated: me.kem().decapsulate(opener.ct) };
    let t1 = opener.transcript();
    let (box_key, ck) = keys(psk, &secrets, &t1);
    let payload = aead::open_once(box_key.expose(), &t1, sealed)?;
    let (intro, r_j, min_version) = RecoveryIntro::parse(&payload)?;
    let init = session_init(&t1, &payload, sealed, (&ck, opener.joiner));
    let session = Session::inviter(init, r_j, Level::Invited)?;
    // REC-24.
    if min_version > MIN_VERSION {
        return Err(RecoverError::NewerVersion);
    }
    Ok((intro, session))
}

impl fmt::Debug for RecoveryIntro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { descriptor: _, reason, ack_high: _, ack_hash: _ } = self;
        f.debug_struct("RecoveryIntro").field("reason", reason).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
