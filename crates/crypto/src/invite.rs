//! Making an invite, and the keys that the inviter keeps for it.
//!
//! Spec: docs/spec/invite.md, "Keys". Invariant: S commits to the inviter's identity; after [`InviteKeys::burn`]
//! nothing is left from which a handshake could be opened again.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use subrosa_codec::{Cell, Day, Malformed};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::bundle::{self, BundleText};
use crate::descriptor::QueueDescriptor;
use crate::identity::{Identity, IdentityPublic};
use crate::kem::KemSeed;
use crate::link::{InviteKind, Link};
use crate::secret::Secret;
use crate::{dh, kdf, labels};

mod stored;

/// The purpose of the salt, from which S follows for whoever knows the inviter.
#[derive(Debug)]
enum SaltPurpose {}
/// The purpose of S.
#[derive(Debug)]
pub(crate) enum SecretPurpose {}
/// The purpose of the bundle's key.
#[derive(Debug)]
pub(crate) enum BundlePurpose {}
/// The purpose of the handshake's outer key.
#[derive(Debug)]
pub(crate) enum HandshakePurpose {}
/// The purpose of the pre-shared key.
#[derive(Debug)]
pub(crate) enum PskPurpose {}
/// The purpose of the fetch capability.
#[derive(Debug)]
pub(crate) enum FetchPurpose {}

/// S: 32 bytes that commit to kind, inviter and salt.
pub(crate) type InviteSecret = Secret<SecretPurpose>;
/// Seals the bundle.
pub(crate) type BundleKey = Secret<BundlePurpose>;
/// Seals the handshake cell.
pub(crate) type HandshakeKey = Secret<HandshakePurpose>;
/// Enters the handshake's first key.
pub(crate) type PreSharedKey = Secret<PskPurpose>;

/// What follows from S and the relay's key.
pub(crate) struct InviteSecrets {
    pub(crate) fetch: Secret<FetchPurpose>,
    pub(crate) bundle_key: BundleKey,
    pub(crate) handshake_key: HandshakeKey,
    pub(crate) psk: PreSharedKey,
}

/// What an invite says.
#[derive(Clone, Copy, Debug)]
pub struct InviteTerms<'a> {
    /// For one or for many.
    pub kind: InviteKind,
    /// Hash of the public key of the relay where the bundle lies.
    pub relay_key_hash: [u8; 32],
    /// Its host, at most 102 bytes.
    pub host: &'a str,
    /// Its UDP port.
    pub port: u16,
    /// The queue for handshakes.
    pub descriptor: &'a QueueDescriptor,
    /// What the inviter calls themselves, at most 64 bytes.
    pub name: &'a str,
    /// The last day on which it may be taken, at most 14 days from now.
    pub expires: Day,
}

/// A new invite: keep the keys, put the bundle, hand out the link.
#[derive(Debug)]
pub struct Created {
    /// What opens the handshakes.
    pub keys: InviteKeys,
    /// What the relay stores.
    pub bundle: Cell,
    /// What the other person needs.
    pub link: Link,
}

/// Why an invite can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// The name does not fit.
    #[error("the name is longer than 64 bytes; choose a shorter one")]
    NameTooLong,
    /// The relay's host or port can't stand in a link.
    #[error("the relay's address is not a host and a port")]
    BadHost,
    /// A one-time invite can't be renewed, nor an address for another relay or identity.
    #[error("only an address can be renewed, by its owner and at the same relay; make a new invite")]
    OtherLink,
}

/// The secrets of one published bundle.
struct PrekeySecrets {
    spk_x: dh::SecretKey,
    spk_k: KemSeed,
}

/// A published bundle: its id, its hash, and its secrets until they are erased.
pub(crate) struct Prekey {
    id: u32,
    expires: Day,
    bundle: [u8; 32],
    secrets: Option<PrekeySecrets>,
}

/// What is erased when a one-time invite was used.
struct Live {
    salt: Secret<SaltPurpose>,
    psk: PreSharedKey,
}

/// What the inviter keeps: the outer key, the pre-shared key, and the prekeys of the bundles published so far.
pub struct InviteKeys {
    kind: InviteKind,
    relay: [u8; 32],
    fetch: Secret<FetchPurpose>,
    handshake_key: HandshakeKey,
    live: Option<Live>,
    /// Oldest first; never empty.
    prekeys: Vec<Prekey>,
}

/// What opens a handshake that names a prekey which is still there.
pub(crate) struct Opening<'a> {
    pub(crate) psk: &'a PreSharedKey,
    pub(crate) bundle: &'a [u8; 32],
    pub(crate) spk_x: &'a dh::SecretKey,
    pub(crate) spk_k: &'a KemSeed,
}

impl InviteSecret {
    /// `S = H(invite/secret, kind, IdentityPublic_I, salt)`.
    pub(crate) fn commit(kind: InviteKind, inviter: &IdentityPublic, salt: &[u8; 32]) -> Self {
        // INV-05.
        let parts = [&[kind.as_byte()][..], inviter.as_bytes(), salt];
        Self::copied(&Zeroizing::new(kdf::hash(labels::INVITE_SECRET, &parts)))
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        #[cfg(any(test, fuzzing))]
        if crate::glass::is_on() {
            return true;
        }
        self.ct_eq(other).into()
    }
}

impl InviteSecrets {
    /// The four keys under `Ext(relay key hash, S)`.
    pub(crate) fn derive(relay: &[u8; 32], secret: &InviteSecret) -> Self {
        // INV-06.
        let prk = kdf::extract(relay, &[secret.expose()]);
        Self {
            fetch: kdf::expand(prk.expose(), labels::INVITE_FETCH, b""),
            bundle_key: kdf::expand(prk.expose(), labels::INVITE_BUNDLE_KEY, b""),
            handshake_key: kdf::expand(prk.expose(), labels::INVITE_HANDSHAKE_KEY, b""),
            psk: kdf::expand(prk.expose(), labels::INVITE_PSK, b""),
        }
    }
}

impl Prekey {
    /// A fresh prekey and its sealed bundle. Takes `SPK_X 32 | SPK_K seed 64 | nonce 24` from `rng`.
    fn publish(
        me: &Identity,
        terms: &InviteTerms<'_>,
        (id, salt): (u32, &[u8; 32]),
        key: &BundleKey,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Cell), InviteError> {
        let (spk_x, spk_k) = (dh::SecretKey::generate(rng), KemSeed::generate(rng));
        let mut random = [0; 24];
        rng.fill_bytes(&mut random);
        let InviteTerms { kind, descriptor, name, expires, relay_key_hash: _, host: _, port: _ } = *terms;
        let (x, k) = (spk_x.public(), spk_k.public());
        let text = BundleText { kind, salt, prekey_id: id, expires, spk_x: &x, spk_k: &k, descriptor, name };
        let text = text.write(me).map_err(|_| InviteError::NameTooLong)?;
        let cell = bundle::seal(key, &random, &text).map_err(|_| InviteError::NameTooLong)?;
        let secrets = Some(PrekeySecrets { spk_x, spk_k });
        Ok((Self { id, expires, bundle: bundle::hash(&text), secrets }, cell))
    }
}

impl InviteKeys {
    /// Makes an invite. Takes `salt 32 | SPK_X 32 | SPK_K seed 64 | nonce 24` from `rng`.
    ///
    /// # Errors
    /// [`InviteError`] when the name or the relay's host does not fit.
    pub fn create(
        me: &Identity,
        terms: &InviteTerms<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Created, InviteError> {
        let salt = Secret::generate(rng);
        let secret = InviteSecret::commit(terms.kind, me.public(), salt.expose());
        let InviteSecrets { fetch, bundle_key, handshake_key, psk } =
            InviteSecrets::derive(&terms.relay_key_hash, &secret);
        let link = Link::new(terms.kind, terms.relay_key_hash, terms.host, terms.port, secret.expose());
        let link = link.map_err(|_| InviteError::BadHost)?;
        let (prekey, bundle) = Prekey::publish(me, terms, (1, salt.expose()), &bundle_key, rng)?;
        let (kind, relay) = (terms.kind, terms.relay_key_hash);
        let live = Some(Live { salt, psk });
        let keys = Self { kind, relay, fetch, handshake_key, live, prekeys: Vec::from([prekey]) };
        Ok(Created { keys, bundle, link })
    }

    /// A new bundle with a fresh prekey for the same address and link, to replace the one at the relay.
    ///
    /// Takes `SPK_X 32 | SPK_K seed 64 | nonce 24` from `rng`. On `Err`, `self` is unchanged.
    ///
    /// # Errors
    /// [`InviteError::OtherLink`] unless this is an address and `terms` and `me` are those of its link.
    pub fn renew(
        &mut self,
        me: &Identity,
        terms: &InviteTerms<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Cell, InviteError> {
        // INV-32.
        let same =
            (self.kind, self.kind, self.relay) == (InviteKind::Address, terms.kind, terms.relay_key_hash);
        let live = self.live.as_ref().filter(|_| same).ok_or(InviteError::OtherLink)?;
        let secret = InviteSecret::commit(self.kind, me.public(), live.salt.expose());
        let secrets = InviteSecrets::derive(&self.relay, &secret);
        if !bool::from(secrets.fetch.ct_eq(&self.fetch)) {
            return Err(InviteError::OtherLink);
        }
        let id = self.prekey_id().checked_add(1).ok_or(InviteError::OtherLink)?;
        let (prekey, cell) = Prekey::publish(me, terms, (id, live.salt.expose()), &secrets.bundle_key, rng)?;
        self.prekeys.push(prekey);
        Ok(cell)
    }

    /// The link again, for an invite that was not used.
    ///
    /// # Errors
    /// [`Malformed`] when it was burned, or when `host` or `port` can't stand in a link.
    pub fn link(&self, me: &IdentityPublic, host: &str, port: u16) -> Result<Link, Malformed> {
        let live = self.live.as_ref().ok_or(Malformed)?;
        let secret = InviteSecret::commit(self.kind, me, live.salt.expose());
        Link::new(self.kind, self.relay, host, port, secret.expose())
    }

    /// Erases what opens a handshake and what the link was made of. The outer key and the prekey ids stay, so
    /// that a cell which comes again is known as a repeat, not as a second joiner.
    pub fn burn(&mut self) {
        // INV-30.
        self.live = None;
        self.prekeys.iter_mut().for_each(|prekey| prekey.secrets = None);
    }

    /// Erases the prekeys of an address whose bundle expired before `day`, all but the newest.
    pub fn retire(&mut self, day: Day) {
        // INV-33.
        let newest = self.prekey_id();
        self.prekeys.retain(|prekey| prekey.id == newest || prekey.expires >= day);
    }

    /// The id of the newest prekey.
    #[must_use]
    pub fn prekey_id(&self) -> u32 {
        self.prekeys.last().map_or(0, |prekey| prekey.id)
    }

    /// For one or for many.
    #[must_use]
    pub const fn kind(&self) -> InviteKind {
        self.kind
    }

    /// The last day of the newest bundle.
    #[must_use]
    pub fn expires(&self) -> Day {
        self.prekeys.last().map_or(Day(0), |prekey| prekey.expires)
    }

    /// The capability under which the relay hands out the bundle.
    #[must_use]
    pub const fn fetch(&self) -> [u8; 32] {
        *self.fetch.expose()
    }

    /// Whether [`Self::burn`] was called.
    #[must_use]
    pub const fn is_burned(&self) -> bool {
        self.live.is_none()
    }

    /// The outer key of handshakes.
    pub(crate) const fn handshake_key(&self) -> &HandshakeKey {
        &self.handshake_key
    }

    /// What opens a handshake that names prekey `id`, unless it is unknown or erased.
    pub(crate) fn opening(&self, id: u32) -> Option<Opening<'_>> {
        let prekey = self.prekeys.iter().find(|prekey| prekey.id == id)?;
        let (live, secrets) = (self.live.as_ref()?, prekey.secrets.as_ref()?);
        let (spk_x, spk_k) = (&secrets.spk_x, &secrets.spk_k);
        Some(Opening { psk: &live.psk, bundle: &prekey.bundle, spk_x, spk_k })
    }
}

impl fmt::Debug for InviteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, relay: _, fetch: _, handshake_key: _, live: _, prekeys: _ } = self;
        f.debug_struct("InviteKeys").field("kind", kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
