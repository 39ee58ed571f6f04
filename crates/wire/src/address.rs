//! [`RelayAddress`]: where a relay is, and the hash of the key that proves that it is the one.
//!
//! Spec: docs/spec/relay.md, "Address". Invariant: an address that parsed prints as the same text.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subrosa_codec::{Reader, Writer};

use crate::limits::HOST_LEN;
use crate::request::Admit;

/// An Ed25519 public key as SubjectPublicKeyInfo is this and the 32 bytes of the key (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const SCHEME: &str = "subrosa://";
const VERSION: u8 = 1;
/// `version << 4 | kind 0` and the key's hash: what the checksum covers.
const CHECKED: usize = 1 + RelayKeyHash::LEN;
const CHECKSUM: usize = 4;
/// What stands between the code and the token.
const TOKEN: &str = "?token=";

/// SHA-256 of a relay's raw public key, as the SubjectPublicKeyInfo that its TLS handshake presents (RFC 7250).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayKeyHash([u8; 32]);

impl RelayKeyHash {
    /// Bytes of it.
    pub const LEN: usize = 32;

    /// The one with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Of a DER SubjectPublicKeyInfo, as TLS gives it.
    #[must_use]
    pub fn of_spki(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// Of an Ed25519 public key.
    #[must_use]
    pub fn of_ed25519(public: &[u8; 32]) -> Self {
        Self(Sha256::new().chain_update(SPKI_PREFIX).chain_update(public).finalize().into())
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RelayKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayKeyHash(..)")
    }
}

/// Why a text is not a relay's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not look like one.
    #[error(
        "this is not a relay's address; it looks like subrosa://host:port/r#..., and `subrosa-relay address` prints it"
    )]
    NotAnAddress,
    /// It is a person's invite.
    #[error("this is an invite, not a relay's address; to add the person who sent it, use `subrosa add`")]
    Invite,
    /// A character is wrong or missing.
    #[error("this relay's address is damaged: a character is wrong or missing; copy it again, whole")]
    Damaged,
    /// Of a later version.
    #[error("this relay's address is of a newer version; update subrosa, then try again")]
    NewerVersion,
}

/// A relay's key, host and UDP port, and perhaps a token for it. Its text is `subrosa://host:port/r#` and 50 characters of
/// base64url, then `?token=` and 48 more where there is one.
///
/// Two addresses of one relay under different tokens are different: they are served by different connections, so that the
/// relay does not see whose they both are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayAddress {
    /// The key that the relay must prove.
    key: RelayKeyHash,
    /// A name or an IP address, IPv6 without brackets.
    host: String,
    port: u16,
    /// Leave to make things there; its `Debug` shows nothing of it.
    admit: Admit,
}

impl RelayAddress {
    /// The address of the relay with this key. `host` is a name or an IP address (IPv6 without brackets) of
    /// 1..=[`HOST_LEN`] bytes.
    ///
    /// # Errors
    /// [`AddressError::NotAnAddress`] when `host` can't be one, or `port` is 0.
    pub fn new(key: RelayKeyHash, host: &str, port: u16) -> Result<Self, AddressError> {
        if port == 0 || !is_host(host) {
            return Err(AddressError::NotAnAddress);
        }
        Ok(Self { key, host: host.to_owned(), port, admit: Admit::OPEN })
    }

    /// The hash of the relay's key.
    #[must_use]
    pub const fn key(&self) -> RelayKeyHash {
        self.key
    }

    /// The host, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The UDP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Leave to make things there.
    #[must_use]
    pub const fn admit(&self) -> Admit {
        self.admit
    }

    /// The same relay under this token; [`Admit::OPEN`] takes the token away.
    #[must_use]
    pub fn with_admit(self, admit: Admit) -> Self {
        Self { admit, ..self }
    }

    /// Whether both lead to the same relay, under whatever token.
    #[must_use]
    pub fn is_same_relay(&self, other: &Self) -> bool {
        self.key == other.key && self.host == other.host && self.port == other.port
    }

    /// The address in `text`; white space around it is ignored.
    ///
    /// # Errors
    /// [`AddressError`], each with what to do.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let rest = text.trim().strip_prefix(SCHEME).ok_or(AddressError::NotAnAddress)?;
        let (authority, path) = rest.split_once('/').ok_or(AddressError::NotAnAddress)?;
        if path.starts_with("i#") {
            return Err(AddressError::Invite);
        }
        let code = path.strip_prefix("r#").ok_or(AddressError::NotAnAddress)?;
        let (host, port) = split_authority(authority).ok_or(AddressError::NotAnAddress)?;
        let (code, token) = code.split_once(TOKEN).map_or((code, None), |(code, token)| (code, Some(token)));
        let key = parse_code(code)?;
        let admit = token.map_or(Ok(Admit::OPEN), |token| parse_token(&key, token))?;
        Ok(Self::new(key, host, port)?.with_admit(admit))
    }
}

impl FromStr for RelayAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, host, port, admit } = self;
        let code = write_code(key);
        if host.contains(':') {
            write!(f, "{SCHEME}[{host}]:{port}/r#{code}")?;
        } else {
            write!(f, "{SCHEME}{host}:{port}/r#{code}")?;
        }
        if *admit == Admit::OPEN { Ok(()) } else { write!(f, "{TOKEN}{}", write_token(key, admit)) }
    }
}

/// `version << 4 | kind 1 | key hash 32 | first 4 bytes of SHA-256 of the 33 before`, base64url without padding.
fn parse_code(code: &str) -> Result<RelayKeyHash, AddressError> {
    // REL-10.
    let bytes = URL_SAFE_NO_PAD.decode(code).map_err(|_| AddressError::Damaged)?;
    let head = bytes.len().checked_sub(CHECKSUM).ok_or(AddressError::Damaged)?;
    let (covered, sum) = bytes.split_at_checked(head).ok_or(AddressError::Damaged)?;
    if sum != checksum(covered) {
        return Err(AddressError::Damaged);
    }
    // Only an intact text may say that it is newer.
    let mut r = Reader::new(covered);
    let first = r.u8().map_err(|_| AddressError::Damaged)?;
    if first >> 4 > VERSION {
        return Err(AddressError::NewerVersion);
    }
    if first != VERSION << 4 {
        return Err(AddressError::Damaged);
    }
    let key = r.array().map_err(|_| AddressError::Damaged)?;
    r.finish().map_err(|_| AddressError::Damaged)?;
    Ok(RelayKeyHash(key))
}

fn write_code(key: &RelayKeyHash) -> String {
    // REL-09.
    let mut w = Writer::with_capacity(CHECKED + CHECKSUM);
    w.u8(VERSION << 4).put(key.as_bytes());
    let sum = checksum(w.as_slice());
    w.put(&sum);
    URL_SAFE_NO_PAD.encode(w.as_slice())
}

/// `token 32 | first 4 bytes of SHA-256 of the code's bytes 0..33 and the token`, base64url without padding: a token of another
/// relay does not fit.
fn parse_token(key: &RelayKeyHash, text: &str) -> Result<Admit, AddressError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| AddressError::Damaged)?;
    let mut r = Reader::new(&bytes);
    let admit = Admit::from_bytes(r.array().map_err(|_| AddressError::Damaged)?);
    let sum: [u8; CHECKSUM] = r.array().map_err(|_| AddressError::Damaged)?;
    r.finish().map_err(|_| AddressError::Damaged)?;
    if admit == Admit::OPEN || sum != token_checksum(key, &admit) {
        return Err(AddressError::Damaged);
    }
    Ok(admit)
}

fn write_token(key: &RelayKeyHash, admit: &Admit) -> String {
    let mut w = Writer::with_capacity(32 + CHECKSUM);
    w.put(admit.expose()).put(&token_checksum(key, admit));
    URL_SAFE_NO_PAD.encode(w.as_slice())
}

fn token_checksum(key: &RelayKeyHash, admit: &Admit) -> [u8; CHECKSUM] {
    let mut w = Writer::with_capacity(CHECKED + 32);
    w.u8(VERSION << 4).put(key.as_bytes()).put(admit.expose());
    checksum(w.as_slice())
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// `host:port` or `[host]:port`, the port in its one decimal form.
fn split_authority(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").filter(|(host, _)| host.contains(':'))?,
        None => authority.split_once(':').filter(|(host, _)| !host.contains(':'))?,
    };
    let canonical = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    let port = port.parse().ok().filter(|_| canonical)?;
    Some((host, port))
}

/// Letters, digits and `.-_`, in an IPv6 address also `:` and `%`: nothing that a terminal or a URL reads otherwise.
fn is_host(host: &str) -> bool {
    let six = host.contains(':');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=HOST_LEN).contains(&host.len())
        && host.bytes().all(|b| plain(b) || (six && matches!(b, b':' | b'%')))
}

#[cfg(test)]
mod tests;
