//! [`QueueDescriptor`]: where somebody may be written to.
//!
//! Spec: docs/spec/invite.md, "Queue descriptor". Invariant: one or two entries, each with a host that passed
//! [`is_host`]; whatever else stands in the 340 bytes is refused.

use alloc::string::String;
use core::fmt;
use core::str;

use subrosa_codec::{Malformed, Reader, Writer};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// The longest host, in bytes.
pub(crate) const HOST_LEN: usize = 102;
/// Length of one entry, in bytes.
const ENTRY_LEN: usize = 32 + 32 + 2 + 1 + HOST_LEN;

/// A queue at a relay, and the capability to append to it.
#[derive(Clone)]
pub struct QueueEntry {
    /// Hash of the relay's public key, by which the connection is pinned.
    pub relay: [u8; 32],
    /// The capability: whoever has it can append.
    pub write: [u8; 32],
    /// Name or address of the relay, at most 102 bytes; an IPv6 address without brackets.
    pub host: String,
    /// UDP port, not 0.
    pub port: u16,
}

/// Up to two queues of one person for one contact; the second is used only after the first refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDescriptor {
    first: QueueEntry,
    second: Option<QueueEntry>,
}

/// Whether `host` may stand in a link or a descriptor: 1 to 102 ASCII letters, digits, `.`, `-`, `_`, `:`, `%`.
pub(crate) fn is_host(host: &str) -> bool {
    // INV-02.
    (1..=HOST_LEN).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte))
}

impl QueueDescriptor {
    /// Length, in bytes.
    pub const LEN: usize = 2 + 2 * ENTRY_LEN;

    /// A descriptor of one or two queues, each with capabilities of its own.
    ///
    /// # Errors
    /// [`Malformed`] when a host is empty, longer than 102 bytes or has other characters than a host has, or
    /// when a port is 0.
    pub fn new(first: QueueEntry, second: Option<QueueEntry>) -> Result<Self, Malformed> {
        let valid = |entry: &QueueEntry| is_host(&entry.host) && entry.port != 0;
        if valid(&first) && second.as_ref().is_none_or(valid) {
            Ok(Self { first, second })
        } else {
            Err(Malformed)
        }
    }

    /// The entries, in the order in which they are used.
    pub fn entries(&self) -> impl Iterator<Item = &QueueEntry> {
        core::iter::once(&self.first).chain(&self.second)
    }

    /// Takes exactly [`Self::LEN`] bytes.
    ///
    /// # Errors
    /// [`Malformed`] on another length, a count other than 1 or 2, a bad host or port, or padding that is not zero.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        // INV-01.
        let mut r = Reader::new(bytes);
        let count = r.u8()?;
        // GEN-02.
        let _reserved = r.u8()?;
        let first = QueueEntry::read(&mut r)?;
        let second = match count {
            1 => r.zeros(ENTRY_LEN).map(|()| None)?,
            2 => Some(QueueEntry::read(&mut r)?),
            _ => return Err(Malformed),
        };
        r.finish()?;
        Self::new(first, second)
    }

    /// The [`Self::LEN`] bytes. They hold capabilities.
    #[must_use]
    pub fn write(&self) -> Zeroizing<alloc::vec::Vec<u8>> {
        let mut w = Writer::with_capacity(Self::LEN);
        w.u8(if self.second.is_some() { 2 } else { 1 }).u8(0);
        self.first.write_to(&mut w);
        match &self.second {
            Some(second) => second.write_to(&mut w),
            None => _ = w.zeros(ENTRY_LEN),
        }
        Zeroizing::new(w.into_vec())
    }
}

impl QueueEntry {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let relay = r.array()?;
        let write = r.array()?;
        let port = r.u16()?;
        let host = str::from_utf8(r.padded::<HOST_LEN>()?).map_err(|_| Malformed)?;
        Ok(Self { relay, write, host: host.into(), port })
    }

    fn write_to(&self, w: &mut Writer) {
        w.put(&self.relay).put(&self.write).u16(self.port);
        if w.padded::<HOST_LEN>(self.host.as_bytes()).is_err() {
            // `new` and `parse` refuse such a host; the layout holds all the same.
            w.zeros(1 + HOST_LEN);
        }
    }
}

impl PartialEq for QueueEntry {
    fn eq(&self, other: &Self) -> bool {
        let Self { relay, write, host, port } = self;
        (relay, host, port) == (&other.relay, &other.host, &other.port)
            && bool::from(write.ct_eq(&other.write))
    }
}

impl Eq for QueueEntry {}

impl Drop for QueueEntry {
    fn drop(&mut self) {
        self.write.zeroize();
    }
}

impl fmt::Debug for QueueEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { relay: _, write: _, host: _, port: _ } = self;
        f.write_str("QueueEntry(..)")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::string::ToString;

    use super::*;

    pub(crate) fn entry(byte: u8) -> QueueEntry {
        QueueEntry { relay: [byte; 32], write: [byte + 1; 32], host: "relay.example".to_string(), port: 4433 }
    }

    #[test]
    fn one_and_two_entries_are_read_back() {
        for second in [None, Some(entry(7))] {
            let descriptor = QueueDescriptor::new(entry(1), second).unwrap();
            let bytes = descriptor.write();
            assert_eq!(bytes.len(), 340);
            assert_eq!(QueueDescriptor::parse(&bytes), Ok(descriptor));
        }
    }

    #[test]
    fn the_layout_is_the_one_of_the_spec() {
        // INV-01.
        let bytes = QueueDescriptor::new(entry(1), Some(entry(7))).unwrap().write();
        assert_eq!((bytes[0], bytes[1]), (2, 0));
        assert_eq!(bytes[2..34], [1; 32]);
        assert_eq!(bytes[34..66], [2; 32]);
        assert_eq!(bytes[66..68], 4433_u16.to_le_bytes());
        assert_eq!(bytes[68], 13);
        assert_eq!(&bytes[69..82], b"relay.example");
        assert_eq!(bytes[171..203], [7; 32]);
    }

    #[test]
    fn a_reserved_byte_is_ignored_and_padding_is_not() {
        // GEN-02.
        let bytes = QueueDescriptor::new(entry(1), None).unwrap().write();
        let with = |at: usize, value: u8| {
            let mut other = bytes.clone();
            other[at] = value;
            QueueDescriptor::parse(&other)
        };
        assert!(with(1, 9).is_ok());
        for (at, value) in
            [(0, 0), (0, 3), (0, 2), (68, 12), (68, 103), (68, 0), (170, 1), (171, 1), (339, 1)]
        {
            assert_eq!(with(at, value), Err(Malformed), "byte {at} = {value}");
        }
        assert_eq!(QueueDescriptor::parse(&bytes[1..]), Err(Malformed));
    }

    #[test]
    fn a_host_that_could_be_something_else_is_refused() {
        // INV-02.
        let with = |host: &str, port: u16| {
            let mut entry = entry(1);
            (entry.host, entry.port) = (host.to_string(), port);
            QueueDescriptor::new(entry, None).is_ok()
        };
        for host in ["", "a b", "a/b", "user@host", "höst", "a\u{1b}[0m", "[::1]", "a#b", &"a".repeat(103)] {
            assert!(!with(host, 1), "{host}");
        }
        for host in ["fe80::1%eth0", "10.0.0.1", "a_b.example", &"a".repeat(102)] {
            assert!(with(host, 1), "{host}");
        }
        assert!(!with("host", 0));
    }
}
