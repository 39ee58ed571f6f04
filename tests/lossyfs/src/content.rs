//! [`Content`]: the bytes of a file, sparse and cheap to clone.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: a byte that was never written is zero.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Blocks are shared between clones until one of them writes.
const BLOCK: u64 = 4096;
const BLOCK_LEN: usize = 4096;

/// The bytes of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    len: u64,
    blocks: BTreeMap<u64, Arc<[u8; BLOCK_LEN]>>,
}

impl Content {
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Makes it `len` bytes long; what is cut off is gone, what is new is zero.
    pub(crate) fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.blocks.split_off(&len.div_ceil(BLOCK));
            if let Some(block) = self.blocks.get_mut(&(len / BLOCK)) {
                Arc::make_mut(block)[(len % BLOCK) as usize..].fill(0);
            }
        }
        self.len = len;
    }

    /// Writes `bytes` at `at`; the file grows as needed.
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        let mut rest = bytes;
        let mut place = at;
        while !rest.is_empty() {
            let within = (place % BLOCK) as usize;
            let (now, later) = rest.split_at(rest.len().min(BLOCK_LEN - within));
            let block = self.blocks.entry(place / BLOCK).or_insert_with(|| Arc::new([0; BLOCK_LEN]));
            Arc::make_mut(block)[within..within + now.len()].copy_from_slice(now);
            place += now.len() as u64;
            rest = later;
        }
        self.len = self.len.max(place);
    }

    /// Up to `len` bytes from `at`.
    pub(crate) fn read(&self, at: u64, len: usize) -> Vec<u8> {
        let end = self.len.min(at.saturating_add(len as u64));
        let mut bytes = vec![0; end.saturating_sub(at) as usize];
        let mut place = at;
        while place < end {
            let within = (place % BLOCK) as usize;
            let run = (BLOCK_LEN - within).min((end - place) as usize);
            if let Some(block) = self.blocks.get(&(place / BLOCK)) {
                let start = (place - at) as usize;
                bytes[start..start + run].copy_from_slice(&block[within..within + run]);
            }
            place += run as u64;
        }
        bytes
    }

    /// The blocks that were ever written and lie inside the file, with their places.
    pub(crate) fn written(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.blocks.iter().filter_map(|(number, block)| {
            let at = number * BLOCK;
            let len = self.len.saturating_sub(at).min(BLOCK) as usize;
            (len > 0).then(|| (at, &block[..len]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_back_across_blocks_and_holes_are_zero() {
        let mut content = Content::default();
        content.write(5_000, &[7; 10_000]);
        assert_eq!(content.len(), 15_000);
        assert_eq!(content.read(4_990, 20), [[0; 10], [7; 10]].concat());
        assert_eq!(content.read(14_990, 100), [7; 10]);
        assert_eq!(content.read(20_000, 100), []);
    }

    #[test]
    fn what_was_cut_off_does_not_come_back_with_the_length() {
        let mut content = Content::default();
        content.write(0, &[9; 9_000]);
        content.set_len(5_000);
        content.set_len(9_000);
        assert_eq!(content.read(4_999, 2), [9, 0]);
        assert_eq!(content.read(8_500, 500), [0; 500]);
    }
}
