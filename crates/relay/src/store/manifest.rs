//! The `MANIFEST` beside the records: which store this is, in which format.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Never a silent empty store". Invariant: it is written last when a store is
//! created; where it stands, the records and slabs that it names must be there too.

use std::fmt::Write as _;

/// The format that this version reads and writes.
pub const FORMAT: u32 = 2;

/// The first line: what this file is, for a person.
const TITLE: &str = "subrosa relay store";

/// What the manifest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) store_id: [u8; 16],
}

/// The manifest is not one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotAManifest;

impl Manifest {
    /// Reads `title \n format N \n store HEX \n`. Lines after these belong to newer formats.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NotAManifest> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotAManifest)?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(NotAManifest);
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let format = field("format").and_then(|n| n.parse().ok()).ok_or(NotAManifest)?;
        let store_id = field("store").and_then(parse_hex).ok_or(NotAManifest)?;
        Ok(Self { format, store_id })
    }

    /// The mirror of [`Manifest::parse`].
    pub(crate) fn write(&self) -> Vec<u8> {
        format!("{TITLE}\nformat {}\nstore {}\n", self.format, hex(&self.store_id)).into_bytes()
    }
}

/// `bytes` as lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string can't fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_back() {
        let manifest = Manifest { format: FORMAT, store_id: [0xa5; 16] };
        assert_eq!(Manifest::parse(&manifest.write()), Ok(manifest));
    }

    #[test]
    fn a_torn_or_foreign_file_is_not_a_manifest() {
        let whole = Manifest { format: FORMAT, store_id: [1; 16] }.write();
        for len in 0..whole.len() - 2 {
            assert_eq!(Manifest::parse(&whole[..len]), Err(NotAManifest), "{len}");
        }
    }
}
