//! [`Header`]: what a cell says about itself, readable by the two ends only.
//!
//! Spec: docs/spec/cell.md, "Header". Invariant: fields are looked at only after the header's tag verified; reserved
//! bytes are sent as zero, ignored on receipt, and authenticated always.

use alloc::vec::Vec;

use subrosa_codec::{CELL_LEN, Cell, Malformed, Reader, Writer};

use super::OpenError;
use super::hash::CellHash;
use crate::aead::{NONCE_LEN, TAG_LEN, X_OVERHEAD};
use crate::body::BODY_LEN;
use crate::kem::{CT_LEN, EK_LEN};

/// Length of a header, in bytes.
pub(crate) const HEADER_LEN: usize = 2_400;
/// Length of a sealed header: nonce, header, tag.
pub(crate) const SEALED_HEADER_LEN: usize = HEADER_LEN + X_OVERHEAD;
/// Length of a sealed body: body, tag.
pub(crate) const SEALED_BODY_LEN: usize = BODY_LEN + TAG_LEN;

const _: () = assert!(SEALED_HEADER_LEN + SEALED_BODY_LEN == CELL_LEN);
const _: () = assert!(FIXED_LEN + 32 + EK_LEN + CT_LEN == HEADER_LEN);

const VERSION: u8 = 1;
const QUIET: u8 = 1;
const FIXED_LEN: usize = 96;

/// A header as it is written or was read.
pub(super) struct Header<'a> {
    pub(super) quiet: bool,
    pub(super) epoch: u32,
    /// Which cell of its epoch, from 0.
    pub(super) n: u32,
    /// How many cells the sender's previous epoch had.
    pub(super) pn: u32,
    pub(super) acks: Acks,
    /// Hash of the sender's cell before this one; the session's id before the first.
    pub(super) prev: CellHash,
    pub(super) dh: &'a [u8; 32],
    pub(super) ek: &'a [u8; EK_LEN],
    pub(super) ct: &'a [u8; CT_LEN],
}

/// What a sender has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acks {
    /// The highest number received, plus one.
    pub(super) high: u32,
    /// The lowest number neither received nor given up: below it nothing need be sent again.
    pub(super) low: u32,
    /// Hash of the cell `high - 1`; the session's id while `high` is 0.
    pub(super) hash: CellHash,
}

impl<'a> Header<'a> {
    /// `version 1 | flags 1 | 0 2 | epoch 4 | n 4 | pn 4 | ack_high 4 | ack_low 4 | 0 8 | prev 32 | ack_hash 32 | dh 32 |
    /// ek 1,184 | ct 1,088`.
    pub(super) fn write(&self) -> Vec<u8> {
        // CEL-06.
        let mut w = Writer::with_capacity(HEADER_LEN);
        w.u8(VERSION).u8(if self.quiet { QUIET } else { 0 }).zeros(2);
        w.u32(self.epoch).u32(self.n).u32(self.pn).u32(self.acks.high).u32(self.acks.low).zeros(8);
        w.put(&self.prev.0).put(&self.acks.hash.0).put(self.dh).put(self.ek).put(self.ct);
        w.into_vec()
    }

    /// Reads an authenticated header; the mirror of [`write`](Self::write).
    ///
    /// # Errors
    /// [`OpenError::NewerVersion`], [`OpenError::Malformed`] on another length.
    pub(super) fn parse(header: &'a [u8]) -> Result<Self, OpenError> {
        let mut r = Reader::new(header);
        // RAT-29.
        if r.u8()? != VERSION {
            return Err(OpenError::NewerVersion);
        }
        let quiet = r.u8()? & QUIET != 0;
        // GEN-02.
        r.take(2)?;
        let (epoch, n, pn, high, low) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?, r.u32()?);
        r.take(8)?;
        let (prev, hash) = (CellHash(r.array()?), CellHash(r.array()?));
        let (dh, ek, ct) = (r.array_ref()?, r.array_ref()?, r.array_ref()?);
        r.finish()?;
        Ok(Self { quiet, epoch, n, pn, acks: Acks { high, low, hash }, prev, dh, ek, ct })
    }
}

impl From<Malformed> for OpenError {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// A ratchet cell taken apart: `nonce 24 | X header 2,400 + 16 | body 1,640 + 16`.
pub(super) struct Parts<'a> {
    pub(super) header: &'a [u8; SEALED_HEADER_LEN],
    pub(super) nonce: &'a [u8; NONCE_LEN],
    pub(super) body: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn of(cell: &'a Cell) -> Result<Self, Malformed> {
        // CEL-01.
        let (header, body) = cell.as_bytes().split_first_chunk().ok_or(Malformed)?;
        let nonce = header.first_chunk().ok_or(Malformed)?;
        Ok(Self { header, nonce, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_the_spec_says() {
        // CEL-01, CEL-06.
        let acks = Acks { high: 9, low: 8, hash: CellHash([3; 32]) };
        let header = Header {
            quiet: true,
            epoch: 5,
            n: 6,
            pn: 7,
            acks,
            prev: CellHash([2; 32]),
            dh: &[4; 32],
            ek: &[5; EK_LEN],
            ct: &[6; CT_LEN],
        };
        let bytes = header.write();
        assert_eq!(
            bytes[..32],
            hex::decode("01010000050000000600000007000000090000000800000000000000000000 00".replace(' ', ""))
                .unwrap()[..]
        );
        assert_eq!(bytes[32..64], [2; 32]);
        assert_eq!(bytes[64..96], [3; 32]);
        assert_eq!(bytes[96..128], [4; 32]);
        assert_eq!(bytes[128..1312], [5; EK_LEN]);
        assert_eq!(bytes[1312..2400], [6; CT_LEN]);
        assert_eq!(bytes.len(), HEADER_LEN);
    }

    #[test]
    fn reserved_bytes_are_ignored_and_another_version_is_not() {
        // GEN-02.
        let mut bytes = alloc::vec![0; HEADER_LEN];
        bytes[0] = 1;
        for at in [1, 2, 3, 24, 31] {
            bytes[at] = 0xfe;
        }
        let header = Header::parse(&bytes).unwrap();
        assert!(!header.quiet);
        bytes[1] = 0xff;
        assert!(Header::parse(&bytes).unwrap().quiet);
        for version in [0, 2, 255] {
            bytes[0] = version;
            assert_eq!(Header::parse(&bytes).err(), Some(OpenError::NewerVersion), "{version}");
        }
        assert_eq!(Header::parse(&bytes[..1]).err(), Some(OpenError::NewerVersion));
        bytes[0] = 1;
        assert_eq!(Header::parse(&bytes[1..]).err(), Some(OpenError::NewerVersion));
        assert_eq!(Header::parse(&bytes[..HEADER_LEN - 1]).err(), Some(OpenError::Malformed));
    }
}
