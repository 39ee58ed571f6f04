//! Looking at a slab without opening it: what lies in each slot.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Slabs". Invariant: nothing is written, and every byte is looked at.

use std::io;

use crate::slab::{BLOCK, Disk, DiskError, GROUP, HEADER_LEN, Header, Slab, Slot, check};

/// What lies in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lies {
    /// Zeros.
    Nothing,
    /// No header, and yet bytes.
    Remains,
    /// A body with its header.
    Whole(Header),
    /// A header that is none, or that does not fit its body.
    Broken,
}

impl<const BODY: usize> Slab<BODY> {
    /// Shows every slot on `disk` to `see`.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn survey(disk: &dyn Disk, mut see: impl FnMut(Slot, Lies)) -> Result<(), DiskError> {
        let groups = u32::try_from(disk.len() / Self::GROUP_LEN).map_err(io::Error::other)?;
        let (mut block, mut body) = (vec![0; BLOCK], vec![0; BODY]);
        for group in 0..groups {
            disk.read_at(&mut block, u64::from(group) * Self::GROUP_LEN)?;
            for (index, bytes) in (0..).zip(block.as_chunks::<HEADER_LEN>().0) {
                let slot = Slot(group * GROUP + index);
                disk.read_at(&mut body, Self::body_at(slot))?;
                let lies = match Header::parse(bytes) {
                    Ok(None) if body == [0; BODY] => Lies::Nothing,
                    Ok(None) => Lies::Remains,
                    Ok(Some((header, proof))) if check(&bytes[..super::COVERED_LEN], &body) == proof => {
                        Lies::Whole(header)
                    }
                    _ => Lies::Broken,
                };
                see(slot, lies);
            }
        }
        Ok(())
    }

    /// Header and body of a slot, as they lie there.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn raw(disk: &dyn Disk, slot: Slot) -> Result<Vec<u8>, DiskError> {
        let mut bytes = vec![0; HEADER_LEN + BODY];
        let (header, body) = bytes.split_at_mut(HEADER_LEN);
        disk.read_at(header, Self::header_at(slot))?;
        disk.read_at(body, Self::body_at(slot))?;
        Ok(bytes)
    }
}
