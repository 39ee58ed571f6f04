//! How [`InviteKeys`] lie in a sealed row: our own encoding.
//!
//! Layout: `version 1 | kind 1 | relay key hash 32 | fetch 32 | handshake key 32 | live 1 [salt 32 | psk 32] |
//! count 2 | prekeys`, a prekey `id 4 | expiry day 4 | bundle hash 32 | kept 1 [SPK_X 32 | SPK_K seed 64]`.
//! Invariant: `parse` reads back exactly what `write` wrote, and nothing else.

use alloc::vec::Vec;

use subrosa_codec::{Day, Malformed, Reader, Writer};
use zeroize::Zeroizing;

use super::{InviteKeys, Live, Prekey, PrekeySecrets};
use crate::dh;
use crate::kem::{KemSeed, SEED_LEN};
use crate::link::InviteKind;
use crate::secret::Secret;

const VERSION: u8 = 1;
const HEAD_LEN: usize = 1 + 1 + 32 + 32 + 32 + 1 + 64 + 2;
const PREKEY_LEN: usize = 4 + 4 + 32 + 1 + 32 + SEED_LEN;

impl InviteKeys {
    /// The bytes to be stored sealed; the first is their version.
    #[must_use]
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut w = Writer::with_capacity(HEAD_LEN + self.prekeys.len() * PREKEY_LEN);
        w.u8(VERSION).u8(self.kind.as_byte()).put(&self.relay);
        w.put(self.fetch.expose()).put(self.handshake_key.expose());
        match &self.live {
            Some(live) => _ = w.u8(1).put(live.salt.expose()).put(live.psk.expose()),
            None => _ = w.u8(0),
        }
        // An address is renewed weekly and retires its old prekeys: 65,535 are 1,000 years.
        let count = u16::try_from(self.prekeys.len()).unwrap_or(u16::MAX);
        w.u16(count);
        self.prekeys.iter().take(usize::from(count)).for_each(|prekey| prekey.write_to(&mut w));
        Zeroizing::new(w.into_vec())
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// [`Malformed`] on anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        if r.u8()? != VERSION {
            return Err(Malformed);
        }
        let kind = InviteKind::from_byte(r.u8()?).ok_or(Malformed)?;
        let relay = r.array()?;
        let fetch = Secret::copied(r.array_ref()?);
        let handshake_key = Secret::copied(r.array_ref()?);
        let live = if flag(&mut r)? {
            let salt = Secret::copied(r.array_ref()?);
            Some(Live { salt, psk: Secret::copied(r.array_ref()?) })
        } else {
            None
        };
        let count = r.u16()?;
        let prekeys = (0..count).map(|_| Prekey::read(&mut r)).collect::<Result<Vec<_>, _>>()?;
        r.finish()?;
        // Ids rise, so that the last is the newest.
        let rising = prekeys.iter().zip(prekeys.iter().skip(1)).all(|(a, b)| a.id < b.id);
        if prekeys.is_empty() || !rising {
            return Err(Malformed);
        }
        Ok(Self { kind, relay, fetch, handshake_key, live, prekeys })
    }
}

impl Prekey {
    fn write_to(&self, w: &mut Writer) {
        w.u32(self.id).u32(self.expires.0).put(&self.bundle);
        match &self.secrets {
            Some(secrets) => _ = w.u8(1).put(secrets.spk_x.expose()).put(secrets.spk_k.expose()),
            None => _ = w.u8(0),
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (id, expires, bundle) = (r.u32()?, Day(r.u32()?), r.array()?);
        let secrets = if flag(r)? {
            let spk_x = dh::SecretKey::from_bytes(r.array_ref()?);
            Some(PrekeySecrets { spk_x, spk_k: KemSeed::from_bytes(r.array_ref()?) })
        } else {
            None
        };
        Ok(Self { id, expires, bundle, secrets })
    }
}

fn flag(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}
