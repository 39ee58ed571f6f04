//! [`accept`]: the inviter's half of first contact.
//!
//! Spec: docs/spec/handshake.md, "The inviter". Invariant: pure; nothing is erased and nothing is answered here, and
//! whatever fails after the outer seal fails with one value.

use subrosa_codec::{Cell, Malformed, Reader};

use super::{BOX_A_LEN, BOX_B_LEN, FirstSecrets, HandshakeId, Introduction, Opener, TYPE, VERSION};
use super::{first_keys, second_keys, second_transcript, session_id, session_keys};
use crate::aead;
use crate::bundle::MIN_VERSION;
use crate::identity::{Identity, IdentityPublic};
use crate::invite::{InviteKeys, Opening};
use crate::ratchet::{Level, Session, SessionInit};
use crate::{dh, labels};

/// A handshake that opened. In one transaction: store session and id, and [burn](InviteKeys::burn) a one-time invite.
#[derive(Debug)]
pub struct Accepted {
    /// By which a repeat is known.
    pub id: HandshakeId,
    /// Who joins; known already, or a stranger.
    pub peer: IdentityPublic,
    /// What they say about themselves.
    pub intro: Introduction,
    /// Role I, level `Invited`.
    pub session: Session,
}

/// Why a handshake is not accepted. Every one of them: acknowledge the cell at the relay, answer nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// Not sealed for this invite: try the next.
    #[error("this cell does not belong to this invite")]
    NotOurs,
    /// Accepted before, whoever sealed it again.
    #[error("this handshake was accepted before")]
    Repeat(HandshakeId),
    /// The prekey is unknown or erased: somebody else tried the invite.
    #[error("somebody else tried this invite after it was used")]
    Spent,
    /// Made by a newer version.
    #[error("somebody joined with a newer version of subrosa; update to accept them")]
    NewerVersion,
    /// Anything else; counted, not explained.
    #[error("somebody tried to join with an invalid handshake")]
    Refused,
}

impl From<Malformed> for AcceptError {
    fn from(_: Malformed) -> Self {
        Self::Refused
    }
}

impl From<aead::Refused> for AcceptError {
    fn from(_: aead::Refused) -> Self {
        Self::Refused
    }
}

/// Opens a handshake cell for the invite `keys` of `me`; `seen` says whether an id was accepted before.
///
/// # Errors
/// [`AcceptError`], in the order: not ours, newer version, repeat, spent, and refused for everything else.
///
/// Spec: docs/spec/handshake.md, "The inviter".
pub fn accept(
    me: &Identity,
    keys: &InviteKeys,
    cell: &Cell,
    seen: impl Fn(&HandshakeId) -> bool,
) -> Result<Accepted, AcceptError> {
    let key = keys.handshake_key().expose();
    let text =
        // HS-17.
        aead::open_x(key, labels::HS_SEAL.as_bytes(), cell.as_ref()).map_err(|_| AcceptError::NotOurs)?;
    let mut r = Reader::new(&text);
    // HS-18.
    if r.u8()? != VERSION {
        return Err(AcceptError::NewerVersion);
    }
    // HS-19.
    if r.u8()? != TYPE {
        return Err(AcceptError::Refused);
    }
    let prekey_id = r.u32()?;
    let e = dh::PublicKey::from_bytes(r.array()?)?;
    let opener = Opener { prekey_id, e: &e, ct1: r.array_ref()?, ct2: r.array_ref()? };
    let (box_a, box_b) = (r.take(BOX_A_LEN)?, r.take(BOX_B_LEN)?);
    r.finish()?;
    let id = opener.handshake_id();
    // HS-20.
    if seen(&id) {
        return Err(AcceptError::Repeat(id));
    }
    // HS-21.
    let opening = keys.opening(prekey_id).ok_or(AcceptError::Spent)?;
    let (peer, intro, session) = open_boxes(me, &opening, &opener, (box_a, box_b))?;
    Ok(Accepted { id, peer, intro, session })
}

fn open_boxes(
    me: &Identity,
    opening: &Opening<'_>,
    opener: &Opener<'_>,
    (box_a, box_b): (&[u8], &[u8]),
) -> Result<(IdentityPublic, Introduction, Session), AcceptError> {
    let secrets = FirstSecrets {
        // HS-22.
        dh2: me.dh().agree(opener.e)?,
        dh3: opening.spk_x.agree(opener.e)?,
        ss1: opening.spk_k.decapsulate(opener.ct1),
        ss2: me.kem().decapsulate(opener.ct2),
    };
    let t1 = opener.transcript(opening.bundle);
    let (key_a, ck1) = first_keys(opening.psk, &secrets, &t1);
    let peer = IdentityPublic::parse(&aead::open_once(key_a.expose(), &t1, box_a)?)?;
    // HS-23.
    if peer == *me.public() {
        return Err(AcceptError::Refused);
    }
    let t2 = second_transcript(&t1, &peer, box_a);
    // HS-24.
    let dh1 = opening.spk_x.agree(peer.dh())?;
    let (key_b, ck2) = second_keys(&ck1, &dh1, &t2);
    let payload = aead::open_once(key_b.expose(), &t2, box_b)?;
    let (intro, r_j, min_version) = Introduction::parse(&payload)?;
    let sid = session_id(&t2, &payload, box_b);
    let okm = session_keys(&sid, &ck2);
    // I's queue for handshakes restrains J only; I may always answer.
    let init = SessionInit { sid, okm, private_queue: true, joiner_identity_ek: peer.kem().clone() };
    // HS-35.
    let session = Session::inviter(init, r_j, Level::Invited)?;
    // HS-26.
    if min_version > MIN_VERSION {
        return Err(AcceptError::NewerVersion);
    }
    Ok((peer, intro, session))
}
