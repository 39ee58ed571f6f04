//! Making a vault, opening it, and putting another passphrase on it.
//!
//! Spec: docs/spec/at-rest.md, "Header" and "Changes". Invariant: a vault is in its place only when it is complete; a passphrase
//! is changed in one commit, before the old key file goes.

use std::io;
use std::path::Path;

use rand_core::CryptoRng;
use subrosa_crypto::{KdfParams, StoreHeader, Unlock as HeaderUnlock, UnlockError};
use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::fault::Fault;
use super::sheet::{self, Sheet};
use super::{FORMAT, Vault};
use crate::error::{ClientError, CreateError, OpenError};
use crate::options::Unlock;
use crate::profile::{KEY_LEN, LockError, Profile};

/// The two forms of an unlock that can be borrowed for the header.
enum Held<'a> {
    Passphrase(&'a str),
    Key(Zeroizing<[u8; KEY_LEN]>),
}

impl Held<'_> {
    fn lend(&self) -> HeaderUnlock<'_> {
        match self {
            Self::Passphrase(text) => HeaderUnlock::Passphrase(text),
            Self::Key(key) => HeaderUnlock::Keyring(key),
        }
    }
}

impl Vault {
    /// Makes the vault of a new profile.
    pub(crate) fn create(
        profile: &Profile,
        name: &str,
        unlock: &Unlock,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CreateError> {
        Self::create_with(profile, name, unlock, (KdfParams::DEFAULT, rng))
    }

    /// [`create`](Self::create), with another cost of guessing the passphrase.
    pub(crate) fn create_with(
        profile: &Profile,
        name: &str,
        unlock: &Unlock,
        (params, rng): (KdfParams, &mut impl CryptoRng),
    ) -> Result<(), CreateError> {
        if name.trim().is_empty() {
            return Err(CreateError::NoName);
        }
        let rows = |sheet: &Sheet, rng: &mut _| sheet.apply(&subrosa_engine::found(name, rng));
        Self::make(profile, unlock, (params, rng), rows)
    }

    /// Makes the vault of a new profile with what `rows` writes; none is left when that fails.
    pub(crate) fn create_from<G: CryptoRng>(
        profile: &Profile,
        unlock: &Unlock,
        rng: &mut G,
        rows: impl FnOnce(&Sheet, &mut G) -> Result<(), Fault>,
    ) -> Result<(), CreateError> {
        Self::make(profile, unlock, (KdfParams::DEFAULT, rng), rows)
    }

    fn make<G: CryptoRng>(
        profile: &Profile,
        unlock: &Unlock,
        (params, rng): (KdfParams, &mut G),
        rows: impl FnOnce(&Sheet, &mut G) -> Result<(), Fault>,
    ) -> Result<(), CreateError> {
        let broken = |why| CreateError::Io { folder: profile.folder().to_owned(), why };
        if matches!(unlock, Unlock::Passphrase(text) if text.is_empty()) {
            return Err(CreateError::EmptyPassphrase);
        }
        profile.make_folder().map_err(broken)?;
        let _lock = profile.lock().map_err(|why| match why {
            LockError::InUse => CreateError::InUse,
            LockError::Io(why) => broken(why),
        })?;
        if profile.vault().exists() {
            return Err(CreateError::Exists { folder: profile.folder().to_owned() });
        }
        let held = new_unlock(profile, unlock, rng).map_err(broken)?;
        profile.make_unfinished().map_err(broken)?;
        let (header, dek) =
            StoreHeader::create(&held.lend(), params, rng).map_err(|why| broken(other(why)))?;
        let filled = fill(&profile.unfinished(), &header, Cipher::new(&dek), |sheet| rows(sheet, rng));
        if let Err(fault) = filled {
            // Nothing of it is worth keeping; what can't be removed is removed by the next attempt.
            let _ = profile.remove_unfinished();
            return Err(broken(other(ClientError::from(fault))));
        }
        profile.finish().map_err(broken)
    }

    /// Whether a passphrase opens the vault; otherwise the key file does.
    pub(crate) fn needs_passphrase(profile: &Profile) -> Result<bool, OpenError> {
        if !profile.vault().is_file() {
            return Err(OpenError::Missing { folder: profile.folder().to_owned() });
        }
        let fail = |fault| OpenError::from_fault(profile, fault);
        let connection = sheet::connect_reader(&profile.vault()).map_err(fail)?;
        Ok(read_header(profile, &connection)?.asks_passphrase())
    }

    /// Opens the vault of a profile, and holds the profile's lock.
    pub(crate) fn open(profile: &Profile, unlock: &Unlock) -> Result<Self, OpenError> {
        let folder = || profile.folder().to_owned();
        if !profile.vault().is_file() {
            return Err(OpenError::Missing { folder: folder() });
        }
        let lock = profile.lock().map_err(|why| match why {
            LockError::InUse => OpenError::InUse,
            LockError::Io(why) => OpenError::Io { folder: folder(), why },
        })?;
        let fail = |fault| OpenError::from_fault(profile, fault);
        let connection = sheet::connect(&profile.vault()).map_err(fail)?;
        let header = read_header(profile, &connection)?;
        let held = match unlock {
            Unlock::Passphrase(_) if !header.asks_passphrase() => return Err(OpenError::NoPassphrase),
            Unlock::None if header.asks_passphrase() => return Err(OpenError::PassphraseNeeded),
            Unlock::Passphrase(text) => Held::Passphrase(text),
            Unlock::None => {
                let key = profile.read_key().map_err(|why| OpenError::Io { folder: folder(), why })?;
                Held::Key(key.ok_or_else(|| OpenError::KeyFile { file: profile.key_file() })?)
            }
        };
        let dek = header.open(&held.lend()).map_err(|why| match (why, &held) {
            (UnlockError::OutOfMemory, _) => OpenError::Io { folder: folder(), why: other(why) },
            (_, Held::Passphrase(_)) => OpenError::WrongPassphrase,
            (_, Held::Key(_)) => OpenError::KeyFile { file: profile.key_file() },
        })?;
        let sheet = Sheet::new(connection, Cipher::new(&dek));
        Ok(Self { sheet, dek, profile: profile.clone(), unsettled: None, _lock: lock })
    }

    /// Puts another passphrase, or none, on the vault.
    pub(crate) fn rewrap(&mut self, unlock: &Unlock, rng: &mut impl CryptoRng) -> Result<(), ClientError> {
        // AR-09.
        let storage = |why: io::Error| ClientError::Storage(why.to_string());
        if matches!(unlock, Unlock::Passphrase(text) if text.is_empty()) {
            return Err(ClientError::EmptyPassphrase);
        }
        // A new key file lies there before the header needs it; until then the header says "passphrase", or the
        // old key is what the file still holds.
        let held = match unlock {
            Unlock::None if self.asks_passphrase()? => {
                new_unlock(&self.profile, unlock, rng).map_err(storage)?
            }
            // There is a key file already, and it is as good as a new one.
            Unlock::None => return Ok(()),
            Unlock::Passphrase(text) => Held::Passphrase(text),
        };
        let header = StoreHeader::wrap(&self.dek, &held.lend(), KdfParams::DEFAULT, rng)
            .map_err(|why| ClientError::Storage(why.to_string()))?;
        self.sheet.transaction(|sheet| sheet::put_header(sheet.connection(), &header.write()))?;
        // The old header must not stay in the log.
        self.settle()?;
        if matches!(held, Held::Passphrase(_)) {
            self.profile.remove_key().map_err(storage)?;
        }
        Ok(())
    }

    fn asks_passphrase(&self) -> Result<bool, Fault> {
        let damaged = Fault::Damaged("its header");
        let bytes = sheet::header(self.sheet.connection())?.ok_or(damaged)?;
        let header = StoreHeader::parse(&bytes).map_err(|_| Fault::Damaged("its header"))?;
        Ok(header.asks_passphrase())
    }
}

/// What will open a new header; a key file is written if that is what it takes.
fn new_unlock<'a>(profile: &Profile, unlock: &'a Unlock, rng: &mut impl CryptoRng) -> io::Result<Held<'a>> {
    Ok(match unlock {
        Unlock::Passphrase(text) => Held::Passphrase(text),
        Unlock::None => {
            let mut key = Zeroizing::new([0; KEY_LEN]);
            rng.fill_bytes(&mut *key);
            profile.write_key(&key)?;
            Held::Key(key)
        }
    })
}

/// Writes a new database: tables, header, first rows.
fn fill(
    path: &Path,
    header: &StoreHeader,
    cipher: Cipher,
    rows: impl FnOnce(&Sheet) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let sheet = Sheet::new(sheet::connect(path)?, cipher);
    sheet.transaction(|sheet| {
        sheet::make_tables(sheet.connection(), FORMAT)?;
        sheet::put_header(sheet.connection(), &header.write())?;
        rows(sheet)
    })?;
    sheet.close()
}

/// The header of a vault whose format this version reads.
fn read_header(profile: &Profile, connection: &rusqlite::Connection) -> Result<StoreHeader, OpenError> {
    let fail = |fault| OpenError::from_fault(profile, fault);
    let store = sheet::format(connection).map_err(fail)?;
    if store > FORMAT {
        return Err(OpenError::NewerVersion { store, ours: FORMAT });
    }
    let damaged = OpenError::Damaged { what: "its header" };
    if store == 0 {
        return Err(damaged);
    }
    let bytes = sheet::header(connection).map_err(fail)?;
    bytes.and_then(|bytes| StoreHeader::parse(&bytes).ok()).ok_or(damaged)
}

fn other(why: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(why)
}

impl OpenError {
    /// What `fault` means to someone who opens `profile`.
    pub(crate) fn from_fault(profile: &Profile, fault: Fault) -> Self {
        let io = |why| Self::Io { folder: profile.folder().to_owned(), why };
        match fault {
            Fault::Full => Self::DiskFull { folder: profile.folder().to_owned() },
            Fault::Storage(why) => io(io::Error::other(why)),
            Fault::Damaged(what) => Self::Damaged { what },
            Fault::Corrupt(_) => Self::Damaged { what: "a row" },
        }
    }
}
