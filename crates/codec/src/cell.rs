//! [`Cell`]: the one size that a queue carries.
//!
//! Spec: docs/spec/cell.md. Invariant: a cell is exactly [`CELL_LEN`] bytes, and says nothing about its inside.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::Malformed;

/// Length of every cell, in bytes.
pub const CELL_LEN: usize = 4096;

/// Exactly [`CELL_LEN`] bytes on the heap: ciphertext for whoever carries it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cell(Box<[u8; CELL_LEN]>);

impl Cell {
    /// Takes over `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly [`CELL_LEN`] bytes.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self, Malformed> {
        // GEN-01.
        bytes.try_into().map(Self).map_err(|_| Malformed)
    }

    /// Copies `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly [`CELL_LEN`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() == CELL_LEN { Self::from_vec(bytes.to_vec()) } else { Err(Malformed) }
    }

    /// A cell of zeros, to be filled.
    #[must_use]
    pub fn zeroed() -> Self {
        // Through a Vec: a boxed array would first stand on the stack.
        match vec![0; CELL_LEN].try_into() {
            Ok(bytes) => Self(bytes),
            Err(_) => Self(Box::new([0; CELL_LEN])),
        }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; CELL_LEN] {
        &self.0
    }

    /// The bytes, to be written.
    pub const fn as_mut_bytes(&mut self) -> &mut [u8; CELL_LEN] {
        &mut self.0
    }
}

impl AsRef<[u8]> for Cell {
    fn as_ref(&self) -> &[u8] {
        &*self.0
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cell(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_size_is_a_cell() {
        // GEN-01.
        assert!(Cell::parse(&[0; CELL_LEN]).is_ok());
        assert!(Cell::parse(&[0; CELL_LEN - 1]).is_err());
        assert!(Cell::parse(&[0; CELL_LEN + 1]).is_err());
    }
}
