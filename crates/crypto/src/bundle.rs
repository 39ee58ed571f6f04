//! [`Bundle`]: what lies at the relay under an invite, sealed under the link's secret.
//!
//! Spec: docs/spec/invite.md, "Bundle". Invariant: a [`Bundle`] that exists was made by the identity that the
//! link names: S was recomputed and the signature verified (A27).

use alloc::string::String;
use core::fmt;
use core::str;

use subrosa_codec::{Cell, Day, Malformed, Reader, Writer};
use zeroize::Zeroizing;

use crate::aead::{self, X_OVERHEAD};
use crate::descriptor::QueueDescriptor;
use crate::identity::{Identity, IdentityPublic, SIGNATURE_LEN};
use crate::invite::{BundleKey, HandshakeKey, InviteSecret, PreSharedKey};
use crate::kem::{EK_LEN, EncapsKey};
use crate::link::{InviteKind, Link};
use crate::{dh, kdf, labels};

/// Version of a bundle.
const VERSION: u8 = 1;
/// The version that a reader must understand at least.
pub(crate) const MIN_VERSION: u8 = 1;
/// Length of a name field, in bytes.
pub(crate) const NAME_LEN: usize = 64;
/// Length of the reserved field, in bytes.
const RESERVED_LEN: usize = 1077;
/// Length of the signed part, in bytes.
const SIGNED_LEN: usize = 1
    + 1
    + IdentityPublic::LEN
    + 32
    + 4
    + 4
    + 32
    + EK_LEN
    + QueueDescriptor::LEN
    + 1
    + NAME_LEN
    + 1
    + 2
    + RESERVED_LEN;
/// Length of the plaintext, signature included, in bytes.
pub(crate) const BUNDLE_LEN: usize = SIGNED_LEN + SIGNATURE_LEN;

const _: () = assert!(SIGNED_LEN == 3992 && BUNDLE_LEN + X_OVERHEAD == subrosa_codec::CELL_LEN);

/// Days by which two clocks may differ.
const CLOCK_SLACK: u32 = 1;
/// Days that a bundle may live at most.
pub const BUNDLE_DAYS: u32 = 14;

/// What the inviter puts into a bundle.
pub(crate) struct BundleText<'a> {
    pub(crate) kind: InviteKind,
    pub(crate) salt: &'a [u8; 32],
    pub(crate) prekey_id: u32,
    pub(crate) expires: Day,
    pub(crate) spk_x: &'a dh::PublicKey,
    pub(crate) spk_k: &'a EncapsKey,
    pub(crate) descriptor: &'a QueueDescriptor,
    pub(crate) name: &'a str,
}

/// An opened and verified bundle: all that a joiner needs.
pub struct Bundle {
    pub(crate) hash: [u8; 32],
    pub(crate) prekey_id: u32,
    pub(crate) spk_x: dh::PublicKey,
    pub(crate) spk_k: EncapsKey,
    pub(crate) handshake_key: HandshakeKey,
    pub(crate) psk: PreSharedKey,
    kind: InviteKind,
    inviter: IdentityPublic,
    name: String,
    descriptor: QueueDescriptor,
}

/// Why an invite can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It does not open, or it was not made by the person whom the link names, or it is malformed.
    #[error("this invite is not genuine: the relay did not serve what the link names; ask for a new one")]
    Refused,
    /// It is older than it may be.
    #[error("this invite has expired; ask for a new one")]
    Expired,
    /// It expires later than any invite may: one of the two clocks is wrong.
    #[error("this invite is from the future; check the date of this computer")]
    FromTheFuture,
    /// It needs a newer version.
    #[error("this invite needs a newer version of subrosa; update, then try again")]
    NewerVersion,
    /// The person's own invite.
    #[error("this is your own invite; send it to somebody else")]
    OwnInvite,
}

impl From<Malformed> for BundleError {
    fn from(_: Malformed) -> Self {
        // GEN-22.
        Self::Refused
    }
}

impl BundleText<'_> {
    /// The 4,056 bytes, signed by `me`.
    ///
    /// # Errors
    /// [`Malformed`] when the name is longer than 64 bytes.
    pub(crate) fn write(&self, me: &Identity) -> Result<Zeroizing<alloc::vec::Vec<u8>>, Malformed> {
        // INV-14.
        let mut w = Writer::with_capacity(BUNDLE_LEN);
        w.u8(VERSION).u8(self.kind.as_byte()).put(me.public().as_bytes()).put(self.salt);
        w.u32(self.prekey_id).u32(self.expires.0).put(self.spk_x.as_bytes()).put(self.spk_k.as_bytes());
        w.put(&self.descriptor.write()).padded::<NAME_LEN>(self.name.as_bytes())?;
        w.u8(MIN_VERSION).u16(0).zeros(RESERVED_LEN);
        let signature = me.sign(&signed_text(w.as_slice()));
        w.put(&signature);
        Ok(Zeroizing::new(w.into_vec()))
    }
}

/// Seals the 4,056 bytes into a cell; `random` becomes the hedged nonce.
pub(crate) fn seal(key: &BundleKey, random: &[u8; 24], text: &[u8]) -> Result<Cell, Malformed> {
    let aad = labels::BUNDLE_SEAL.as_bytes();
    Cell::from_vec(aead::seal_x_hedged(key.expose(), random, aad, text))
}

/// `H(hs/bundle, b)`, the bundle in every transcript.
pub(crate) fn hash(text: &[u8]) -> [u8; 32] {
    kdf::hash(labels::HS_BUNDLE, &[text])
}

impl Bundle {
    /// Opens what the relay served for `link`, and checks everything about it.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn open(link: &Link, sealed: &Cell, me: &IdentityPublic, today: Day) -> Result<Self, BundleError> {
        let secrets = link.secrets();
        let aad = labels::BUNDLE_SEAL.as_bytes();
        // INV-17.
        let text = aead::open_x(secrets.bundle_key.expose(), aad, sealed.as_ref())
            .map_err(|_| BundleError::Refused)?;
        let mut r = Reader::new(&text);
        // INV-18.
        if r.u8()? != VERSION {
            return Err(BundleError::NewerVersion);
        }
        // INV-19.
        let kind = InviteKind::from_byte(r.u8()?).filter(|kind| *kind == link.kind());
        let kind = kind.ok_or(BundleError::Refused)?;
        // INV-20.
        let inviter = IdentityPublic::parse(r.take(IdentityPublic::LEN)?)?;
        let secret = InviteSecret::commit(kind, &inviter, r.array_ref()?);
        // INV-21.
        if !secret.matches(link.secret()) {
            return Err(BundleError::Refused);
        }
        // INV-22.
        verify(&inviter, &text)?;
        let (prekey_id, expires) = (r.u32()?, Day(r.u32()?));
        // INV-23.
        let spk_x = dh::PublicKey::from_bytes(r.array()?)?;
        let spk_k = EncapsKey::parse(r.take(EK_LEN)?)?;
        // INV-24.
        let descriptor = QueueDescriptor::parse(r.take(QueueDescriptor::LEN)?)?;
        let name = str::from_utf8(r.padded::<NAME_LEN>()?).map_err(|_| BundleError::Refused)?.into();
        // GEN-04, INV-25.
        if r.u8()? > MIN_VERSION {
            return Err(BundleError::NewerVersion);
        }
        check_date(expires, today)?;
        // INV-28.
        if inviter == *me {
            return Err(BundleError::OwnInvite);
        }
        let (handshake_key, psk) = (secrets.handshake_key, secrets.psk);
        let hash = hash(&text);
        Ok(Self { hash, prekey_id, spk_x, spk_k, handshake_key, psk, kind, inviter, name, descriptor })
    }

    /// Who invites.
    #[must_use]
    pub const fn inviter(&self) -> &IdentityPublic {
        &self.inviter
    }

    /// What they call themselves: their claim, not yet sanitised for a screen.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the handshake goes.
    #[must_use]
    pub const fn descriptor(&self) -> &QueueDescriptor {
        &self.descriptor
    }

    /// Whether it may be taken once or by many.
    #[must_use]
    pub const fn kind(&self) -> InviteKind {
        self.kind
    }
}

/// The last 64 bytes sign all before them.
fn verify(inviter: &IdentityPublic, text: &[u8]) -> Result<(), Malformed> {
    let (signed, signature) = text.split_last_chunk::<SIGNATURE_LEN>().ok_or(Malformed)?;
    inviter.verify(&signed_text(signed), signature)
}

/// `L(bundle/sign) | text`; with the salt in it, from which S follows.
fn signed_text(text: &[u8]) -> Zeroizing<alloc::vec::Vec<u8>> {
    Zeroizing::new(labels::BUNDLE_SIGN.followed_by(&[text]))
}

fn check_date(expires: Day, today: Day) -> Result<(), BundleError> {
    // INV-26.
    if today > expires.plus(CLOCK_SLACK) {
        Err(BundleError::Expired)
    // INV-27.
    } else if expires > today.plus(BUNDLE_DAYS + CLOCK_SLACK) {
        Err(BundleError::FromTheFuture)
    } else {
        Ok(())
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hash: _,
            prekey_id: _,
            spk_x: _,
            spk_k: _,
            handshake_key: _,
            psk: _,
            kind,
            inviter: _,
            name: _,
            descriptor: _,
        } = self;
        f.debug_struct("Bundle").field("kind", kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
