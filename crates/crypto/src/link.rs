//! [`Link`]: the 92 characters, and the host before them, that one person hands to another.
//!
//! Spec: docs/spec/invite.md, "Link". Invariant: a mistyped secret is known as damage before anybody is asked;
//! host and port stand outside the checksum.

use alloc::string::String;
use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subrosa_codec::{Malformed, Reader, Writer};
use zeroize::Zeroizing;

use crate::descriptor::{HOST_LEN, is_host};
use crate::invite::{InviteSecret, InviteSecrets};
use crate::kdf;

/// What every link begins with.
const SCHEME: &str = "subrosa://";
/// What stands between the relay's address and the secret.
const PATH: &str = "/i#";
/// Version of a link.
const VERSION: u8 = 1;
/// Length of the decoded part without its checksum, in bytes.
const TEXT_LEN: usize = 1 + 32 + 32;
/// Length of the checksum, in bytes.
const CHECKSUM_LEN: usize = 4;
/// The longest encoded part that is looked at.
const ENCODED_MAX: usize = 1024;

/// Whether an invite may be taken once or by many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteKind {
    /// For one person: the relay hands it out once.
    OneTime = 1,
    /// For many: it may be published, and everybody who joins asks.
    Address = 2,
}

/// A parsed link. Whoever has it can join as a stranger, and can't pose as the inviter.
pub struct Link {
    kind: InviteKind,
    relay: [u8; 32],
    host: String,
    port: u16,
    secret: InviteSecret,
}

/// Why a text is not a usable link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It does not have the form of a link.
    #[error(
        "this is not a subrosa link; a link begins with subrosa:// and ends with 92 characters after /i#"
    )]
    NotALink,
    /// The checksum does not fit: a character is missing or mistyped.
    #[error("this link is damaged: a character is missing or wrong; copy it again")]
    Damaged,
    /// Made by a newer version.
    #[error("this link was made by a newer version of subrosa; update, then try again")]
    NewerVersion,
}

impl InviteKind {
    /// The kind of a byte, if it is one.
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::OneTime),
            2 => Some(Self::Address),
            _ => None,
        }
    }

    /// Its byte in every layout.
    pub(crate) const fn as_byte(self) -> u8 {
        self as u8
    }
}

impl Link {
    /// A link to the bundle that lies at this relay under `secret`.
    ///
    /// # Errors
    /// [`Malformed`] when `host` is not a host or `port` is 0.
    pub fn new(
        kind: InviteKind,
        relay_key_hash: [u8; 32],
        host: &str,
        port: u16,
        secret: &[u8; 32],
    ) -> Result<Self, Malformed> {
        if !is_host(host) || port == 0 {
            return Err(Malformed);
        }
        let secret = InviteSecret::copied(secret);
        Ok(Self { kind, relay: relay_key_hash, host: host.into(), port, secret })
    }

    /// Reads a link; white space around it is ignored.
    ///
    /// # Errors
    /// [`LinkError`]: not a link, damaged, or of a newer version, told in this order.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim().strip_prefix(SCHEME).ok_or(LinkError::NotALink)?;
        let (place, encoded) = text.split_once(PATH).ok_or(LinkError::NotALink)?;
        // INV-10.
        let (host, port) = parse_place(place).ok_or(LinkError::NotALink)?;
        let bytes = decode(encoded)?;
        let mut r = Reader::new(&bytes);
        let first = r.u8().map_err(|_| LinkError::Damaged)?;
        // INV-12.
        if first >> 4 != VERSION {
            return Err(LinkError::NewerVersion);
        }
        let kind = InviteKind::from_byte(first & 0x0f).ok_or(LinkError::NewerVersion)?;
        let relay = r.array().map_err(|_| LinkError::Damaged)?;
        let secret = r.array_ref().map_err(|_| LinkError::Damaged)?;
        let link = Self { kind, relay, host: host.into(), port, secret: InviteSecret::copied(secret) };
        // INV-13.
        r.finish().map_err(|_| LinkError::Damaged)?;
        Ok(link)
    }

    /// Whether it may be taken once or by many.
    #[must_use]
    pub const fn kind(&self) -> InviteKind {
        self.kind
    }

    /// Hash of the relay's public key.
    #[must_use]
    pub const fn relay(&self) -> [u8; 32] {
        self.relay
    }

    /// The relay's host, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The relay's UDP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The capability that takes the bundle from the relay.
    #[must_use]
    pub fn fetch(&self) -> [u8; 32] {
        *self.secrets().fetch.expose()
    }

    /// S.
    pub(crate) const fn secret(&self) -> &InviteSecret {
        &self.secret
    }

    /// The keys that follow from S and the relay.
    pub(crate) fn secrets(&self) -> InviteSecrets {
        InviteSecrets::derive(&self.relay, &self.secret)
    }
}

/// `host:port`, an IPv6 address in brackets.
fn parse_place(place: &str) -> Option<(&str, u16)> {
    // INV-09.
    let (host, port) = place.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|host| host.contains(':'))?,
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { port.parse().ok().filter(|port| *port != 0)? } else { return None };
    is_host(host).then_some((host, port))
}

/// The bytes in front of the checksum, whatever the version: the rule for the checksum is the same in all.
fn decode(encoded: &str) -> Result<Zeroizing<alloc::vec::Vec<u8>>, LinkError> {
    // INV-11.
    if encoded.len() > ENCODED_MAX {
        return Err(LinkError::Damaged);
    }
    let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| LinkError::Damaged)?);
    let (text, checksum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(LinkError::Damaged)?;
    if !kdf::sha256(&[text]).starts_with(checksum) {
        return Err(LinkError::Damaged);
    }
    let len = text.len();
    bytes.truncate(len);
    Ok(bytes)
}

impl fmt::Display for Link {
    /// The whole link, secret included: for the person's own screen, never for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut w = Writer::with_capacity(TEXT_LEN + CHECKSUM_LEN);
        // INV-08.
        w.u8(VERSION << 4 | self.kind.as_byte()).put(&self.relay).put(self.secret.expose());
        let [a, b, c, d, ..] = kdf::sha256(&[w.as_slice()]);
        w.put(&[a, b, c, d]);
        // INV-08.
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(w.into_vec())));
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{SCHEME}{open}{}{close}:{}{PATH}{}", self.host, self.port, encoded.as_str())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, relay: _, host: _, port: _, secret: _ } = self;
        f.debug_struct("Link").field("kind", kind).finish_non_exhaustive()
    }
}

const _: () = assert!(HOST_LEN + SCHEME.len() + 2 + 6 + PATH.len() + 92 <= 256, "fits a QR code");

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    fn link(host: &str) -> Link {
        Link::new(InviteKind::OneTime, [1; 32], host, 4433, &[2; 32]).unwrap()
    }

    #[test]
    fn a_link_is_read_back() {
        // INV-09.
        for host in ["relay.example", "10.0.0.1", "fe80::1%eth0", "a"] {
            for kind in [InviteKind::OneTime, InviteKind::Address] {
                let text = Link::new(kind, [1; 32], host, 443, &[2; 32]).unwrap().to_string();
                let read = Link::parse(&format!("  {text}\r\n")).unwrap();
                assert_eq!((read.kind(), read.relay(), read.port()), (kind, [1; 32], 443));
                assert_eq!((read.host(), read.secret().expose()), (host, &[2; 32]));
                assert_eq!(text, read.to_string());
            }
        }
    }

    #[test]
    fn the_part_after_the_hash_sign_has_92_characters() {
        // INV-08.
        let text = link("relay.example").to_string();
        let (place, encoded) = text.split_once("#").unwrap();
        assert_eq!(place, "subrosa://relay.example:4433/i");
        assert_eq!(encoded.len(), 92);
        assert!(link("::1").to_string().starts_with("subrosa://[::1]:4433/i#"));
    }

    #[test]
    fn any_other_character_is_damage_and_not_another_invite() {
        // INV-11.
        let text = link("relay.example").to_string();
        let start = text.find('#').unwrap() + 1;
        for at in start..text.len() {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut typo = text.clone();
            typo.replace_range(at..=at, other);
            assert_eq!(Link::parse(&typo).err(), Some(LinkError::Damaged), "{at}");
        }
        for bad in [&text[..text.len() - 1], &format!("{text}A"), &format!("{text}="), &text[..start]] {
            assert_eq!(Link::parse(bad).err(), Some(LinkError::Damaged), "{bad}");
        }
    }

    #[test]
    fn what_does_not_look_like_a_link_is_none() {
        // INV-10.
        let encoded = link("h").to_string().split_off("subrosa://h:4433/i#".len());
        for place in [
            "", "h", ":1", "h:", "h:0", "h:65536", "h:+1", "h:1:2", "[h]:1", "[::1:1", "::1:1", "a b:1",
            "u@h:1",
        ] {
            let text = format!("subrosa://{place}/i#{encoded}");
            assert_eq!(Link::parse(&text).err(), Some(LinkError::NotALink), "{place}");
        }
        for text in ["", "https://h:1/i#", "subrosa://h:1/j#", "SUBROSA://h:1/i#"] {
            assert_eq!(Link::parse(&format!("{text}{encoded}")).err(), Some(LinkError::NotALink), "{text}");
        }
    }

    /// A link of this first byte and length, its checksum right.
    fn made_up(first: u8, len: usize) -> Option<LinkError> {
        let mut bytes = alloc::vec![7; len];
        bytes[0] = first;
        let checksum = kdf::sha256(&[&bytes]);
        bytes.extend_from_slice(&checksum[..4]);
        Link::parse(&format!("subrosa://h:1/i#{}", URL_SAFE_NO_PAD.encode(&bytes))).err()
    }

    #[test]
    fn a_newer_link_of_any_length_says_so() {
        // INV-12.
        for (first, len) in [(0x21, 65), (0x21, 97), (0x13, 65), (0x01, 65)] {
            assert_eq!(made_up(first, len), Some(LinkError::NewerVersion), "{first:x}");
        }
    }

    #[test]
    fn a_link_of_this_version_has_one_length() {
        // INV-13.
        assert_eq!(made_up(0x11, 65), None);
        for len in [1, 33, 64, 66, 97] {
            assert_eq!(made_up(0x11, len), Some(LinkError::Damaged), "{len}");
        }
    }

    #[test]
    fn debug_output_shows_no_secret() {
        assert_eq!(format!("{:?}", link("h")), "Link { kind: OneTime, .. }");
    }
}
