//! [`Reader`] and [`Writer`]: the only way to touch bytes that have a layout.
//!
//! Spec: docs/spec/README.md, "Notation": integers are little-endian, lengths are checked before reading,
//! trailing bytes are an error.

use alloc::vec::Vec;

/// Bytes that do not have the layout they should have: too short, too long, or a field out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed bytes")]
pub struct Malformed;

/// Reads fixed-layout fields from the front of a byte slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader over the whole of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `len` bytes, borrowed.
    ///
    /// # Errors
    /// [`Malformed`] when fewer remain; nothing is consumed then.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        // GEN-23, GEN-24.
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as a borrowed array.
    ///
    /// # Errors
    /// [`Malformed`] when fewer remain.
    pub fn array_ref<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes, copied.
    ///
    /// # Errors
    /// [`Malformed`] when fewer remain.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.array_ref().copied()
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    /// Two bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformed`] when fewer remain.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformed`] when fewer remain.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformed`] when fewer remain.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// `len` bytes that must all be zero (padding that a rule says to check).
    ///
    /// # Errors
    /// [`Malformed`] when fewer remain or one is not zero.
    pub fn zeros(&mut self, len: usize) -> Result<(), Malformed> {
        // GEN-03.
        // No early exit: the padding may stand beside secret lengths.
        let bits = self.take(len)?.iter().fold(0, |bits, byte| bits | byte);
        if bits == 0 { Ok(()) } else { Err(Malformed) }
    }

    /// A length byte and that many bytes out of a field of `N`, the rest zero: `len 1 | bytes N`.
    ///
    /// # Errors
    /// [`Malformed`] when the length exceeds `N`, when fewer bytes remain, or when padding is not zero.
    pub fn padded<const N: usize>(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::from(self.u8()?);
        let mut field = Reader::new(self.take(N)?);
        let text = field.take(len)?;
        field.zeros(N - len)?;
        Ok(text)
    }

    /// How many bytes remain.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Everything that remains, borrowed.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`Malformed`] when bytes remain.
    pub const fn finish(self) -> Result<(), Malformed> {
        // GEN-01.
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// Appends fixed-layout fields; the mirror of [`Reader`].
///
/// For secrets, give it a capacity that is never exceeded: a `Vec` that grows leaves its old bytes behind.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    /// Appends `bytes` as they are.
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    /// Appends two bytes, little-endian.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends four bytes, little-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends `len` zero bytes.
    pub fn zeros(&mut self, len: usize) -> &mut Self {
        self.bytes.resize(self.bytes.len() + len, 0);
        self
    }

    /// Appends `text` as `len 1 | bytes N`, zero padded; the mirror of [`Reader::padded`].
    ///
    /// # Errors
    /// [`Malformed`] when `text` is longer than `N` or than 255 bytes; nothing is appended then.
    pub fn padded<const N: usize>(&mut self, text: &[u8]) -> Result<&mut Self, Malformed> {
        let len = u8::try_from(text.len()).map_err(|_| Malformed)?;
        let zeros = N.checked_sub(text.len()).ok_or(Malformed)?;
        Ok(self.u8(len).put(text).zeros(zeros))
    }

    /// How many bytes were written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes so far.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_was_written() {
        let mut w = Writer::default();
        w.u8(1).u16(0x0203).u32(4).u64(5).put(&[6, 7]).zeros(2);
        w.padded::<4>(b"hi").expect("fits");
        let bytes = w.into_vec();
        let mut r = Reader::new(&bytes);
        assert_eq!(r.u8(), Ok(1));
        assert_eq!(r.u16(), Ok(0x0203));
        assert_eq!(r.u32(), Ok(4));
        assert_eq!(r.u64(), Ok(5));
        assert_eq!(r.array(), Ok([6, 7]));
        assert_eq!(r.zeros(2), Ok(()));
        assert_eq!(r.padded::<4>(), Ok(&b"hi"[..]));
        assert_eq!(r.finish(), Ok(()));
    }

    #[test]
    fn short_input_is_refused_and_consumes_nothing() {
        // GEN-24.
        let mut r = Reader::new(&[1, 2, 3]);
        assert_eq!(r.u32(), Err(Malformed));
        assert_eq!(r.remaining(), 3);
    }

    #[test]
    fn trailing_bytes_are_refused() {
        // GEN-01.
        assert_eq!(Reader::new(&[0]).finish(), Err(Malformed));
    }

    #[test]
    fn padding_that_is_not_zero_is_refused() {
        // GEN-03.
        assert_eq!(Reader::new(&[0, 0, 1]).zeros(3), Err(Malformed));
        assert_eq!(Reader::new(&[1, b'a', 1]).padded::<2>(), Err(Malformed));
    }

    #[test]
    fn a_length_beyond_its_field_is_refused() {
        assert_eq!(Reader::new(&[3, 1, 1]).padded::<2>(), Err(Malformed));
        assert!(Writer::default().padded::<2>(b"abc").is_err());
    }
}
