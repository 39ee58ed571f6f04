//! [`join`]: the joiner's half of first contact.
//!
//! Spec: docs/spec/handshake.md, "The joiner". Invariant: all randomness is hedged with the identity's secret, the
//! bundle and the payload, so that a stuck source repeats no (key, nonce) (A33).

use rand_core::CryptoRng;
use subrosa_codec::{Cell, Malformed, Reader, Writer};
use zeroize::Zeroizing;

use super::{FirstSecrets, Introduction, Opener, PAYLOAD_LEN, TEXT_LEN, TYPE, VERSION};
use super::{first_keys, second_keys, second_transcript, session_id, session_keys};
use crate::aead::{self, NONCE_LEN};
use crate::bundle::Bundle;
use crate::identity::{Identity, IdentityPublic};
use crate::link::InviteKind;
use crate::ratchet::{Level, Session, SessionInit};
use crate::secret::Secret;
use crate::{dh, kdf, labels};

/// The joiner's new session, and the cell to append until the inviter answers: these bytes, never others.
#[derive(Debug)]
pub struct Joined {
    /// Role J, level `Sent`.
    pub session: Session,
    /// The handshake cell.
    pub cell: Cell,
}

/// Why an invite can't be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The name does not fit.
    #[error("the name is longer than 64 bytes; choose a shorter one")]
    NameTooLong,
    /// The greeting does not fit.
    #[error("the greeting is longer than 80 bytes; shorten it")]
    GreetingTooLong,
    /// The inviter's keys have no common secret with ours.
    #[error("this invite is not genuine: its keys are invalid; ask for a new one")]
    Refused,
}

impl From<Malformed> for JoinError {
    fn from(_: Malformed) -> Self {
        Self::Refused
    }
}

/// The purpose of an encapsulation's randomness.
enum Coins {}

/// What the joiner draws: `nonce 24 | e 32 | r_J 32 | coins1 32 | coins2 32`.
struct Draw {
    nonce: [u8; NONCE_LEN],
    e: dh::SecretKey,
    r_j: dh::SecretKey,
    coins1: Secret<Coins>,
    coins2: Secret<Coins>,
}

impl Draw {
    /// Expands 32 random bytes, hedged; `payload` has zeros where R_J will stand.
    fn hedged(
        me: &Identity,
        random: &[u8; 32],
        bundle: &[u8; 32],
        payload: &[u8],
    ) -> Result<Self, Malformed> {
        // HS-09.
        let prk = kdf::extract(random, &[me.dh().expose()]);
        let context = kdf::sha256(&[bundle, payload]);
        let okm = kdf::expand_bytes::<152>(prk.expose(), labels::RNG_HEDGE, &context);
        let mut r = Reader::new(okm.expose());
        Ok(Self {
            nonce: r.array()?,
            e: dh::SecretKey::from_bytes(r.array_ref()?),
            r_j: dh::SecretKey::from_bytes(r.array_ref()?),
            coins1: Secret::copied(r.array_ref()?),
            coins2: Secret::copied(r.array_ref()?),
        })
    }
}

/// Answers an invite as `me`. Takes 32 bytes from `rng`.
///
/// The session and the cell are to be stored in one transaction before the cell is appended to the bundle's queue.
///
/// # Errors
/// [`JoinError`] when name or greeting does not fit, or when a key of the bundle has low order.
///
/// Spec: docs/spec/handshake.md, "The joiner".
pub fn join(
    me: &Identity,
    bundle: &Bundle,
    intro: &Introduction,
    rng: &mut impl CryptoRng,
) -> Result<Joined, JoinError> {
    let mut random = Zeroizing::new([0; 32]);
    rng.fill_bytes(random.as_mut_slice());
    let draw = Draw::hedged(me, &random, &bundle.hash, &intro.write(&[0; 32])?)?;
    let payload = intro.write(draw.r_j.public().as_bytes())?;

    let (ct1, ss1) = bundle.spk_k.encapsulate(draw.coins1.expose());
    let (ct2, ss2) = bundle.inviter().kem().encapsulate(draw.coins2.expose());
    // HS-10.
    let dh2 = draw.e.agree(bundle.inviter().dh())?;
    let dh3 = draw.e.agree(&bundle.spk_x)?;
    let dh1 = me.dh().agree(&bundle.spk_x)?;

    let e = draw.e.public();
    let opener = Opener { prekey_id: bundle.prekey_id, e: &e, ct1: ct1.as_bytes(), ct2: ct2.as_bytes() };
    let t1 = opener.transcript(&bundle.hash);
    let (key_a, ck1) = first_keys(&bundle.psk, &FirstSecrets { dh2, dh3, ss1, ss2 }, &t1);
    let box_a = aead::seal_once(key_a.expose(), &t1, me.public().as_bytes());
    let t2 = second_transcript(&t1, me.public(), &box_a);
    let (key_b, ck2) = second_keys(&ck1, &dh1, &t2);
    let box_b = aead::seal_once(key_b.expose(), &t2, &payload);
    let sid = session_id(&t2, &payload, &box_b);

    let text = write_text(&opener, &box_a, &box_b);
    let aad = labels::HS_SEAL.as_bytes();
    let cell = Cell::from_vec(aead::seal_x(bundle.handshake_key.expose(), &draw.nonce, aad, &text))?;
    let init = SessionInit {
        sid,
        okm: session_keys(&sid, &ck2),
        // HS-14.
        private_queue: bundle.kind() == InviteKind::OneTime,
        joiner_identity_ek: me.public().kem().clone(),
    };
    // HS-37.
    Ok(Joined { session: Session::joiner(init, draw.r_j, Level::Sent), cell })
}

/// The cell's 4,056 bytes under the outer seal.
fn write_text(opener: &Opener<'_>, box_a: &[u8], box_b: &[u8]) -> alloc::vec::Vec<u8> {
    // HS-01.
    let mut w = Writer::with_capacity(TEXT_LEN);
    w.u8(VERSION).u8(TYPE).u32(opener.prekey_id).put(opener.e.as_bytes());
    w.put(opener.ct1).put(opener.ct2).put(box_a).put(box_b);
    w.into_vec()
}

const _: () = assert!(PAYLOAD_LEN + IdentityPublic::LEN < TEXT_LEN);
