//! Parts: content cut into pieces that each fill one cell's body.
//!
//! Spec: docs/spec/cell.md, "Body". Invariant: a body is exactly [`BODY_LEN`] bytes whatever it carries, and padding
//! that is not zero is refused.

use alloc::vec::Vec;
use core::fmt;

use subrosa_codec::{Malformed, Reader};
use zeroize::Zeroizing;

/// Length of a padded body, in bytes.
pub const BODY_LEN: usize = 1_640;

/// `part index 2 | part count 2 | length 2`.
const PREFIX_LEN: usize = 6;

/// Most content bytes in one part.
pub const PART_LEN: usize = BODY_LEN - PREFIX_LEN;

/// Most parts of one content.
pub const MAX_PARTS: u16 = 64;

/// Most bytes of one content.
pub const MAX_CONTENT: usize = PART_LEN * MAX_PARTS as usize;

/// One piece of a content: what one cell carries.
///
/// The parts of one content have consecutive numbers (`seq`), in order.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// Which piece, from 0.
    pub index: u16,
    /// How many pieces, 1 to [`MAX_PARTS`].
    pub count: u16,
    /// The bytes, at most [`PART_LEN`].
    pub content: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, count, content } = self;
        write!(f, "Part({index} of {count}, {} bytes)", content.len())
    }
}

/// Content longer than [`MAX_CONTENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is longer than {MAX_CONTENT} bytes; send it as a file")]
pub struct TooLong;

/// Not the parts of one content, complete and in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parts do not make up one message")]
pub struct Incomplete;

impl Part {
    /// A content that fits one cell.
    ///
    /// # Errors
    /// [`TooLong`] beyond [`PART_LEN`] bytes.
    pub fn single(content: &[u8]) -> Result<Self, TooLong> {
        if content.len() > PART_LEN {
            return Err(TooLong);
        }
        Ok(Self { index: 0, count: 1, content: Zeroizing::new(content.to_vec()) })
    }

    /// Lays the part out as a padded body of [`BODY_LEN`] bytes.
    pub(crate) fn write(&self) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        // CEL-09.
        let length = u16::try_from(self.content.len()).map_err(|_| Malformed)?;
        if self.content.len() > PART_LEN || !legal(self.index, self.count) {
            return Err(Malformed);
        }
        let mut body = Zeroizing::new(Vec::with_capacity(BODY_LEN));
        for field in [self.index, self.count, length] {
            body.extend_from_slice(&field.to_le_bytes());
        }
        body.extend_from_slice(&self.content);
        body.resize(BODY_LEN, 0);
        Ok(body)
    }

    /// Reads a padded body; the mirror of [`write`](Self::write).
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        // CEL-13.
        let mut r = Reader::new(body);
        let (index, count, length) = (r.u16()?, r.u16()?, usize::from(r.u16()?));
        let padding = PART_LEN.checked_sub(length).ok_or(Malformed)?;
        let content = r.take(length)?;
        r.zeros(padding)?;
        r.finish()?;
        if !legal(index, count) {
            return Err(Malformed);
        }
        Ok(Self { index, count, content: Zeroizing::new(content.to_vec()) })
    }
}

const fn legal(index: u16, count: u16) -> bool {
    count >= 1 && count <= MAX_PARTS && index < count
}

/// Cuts `content` into parts. An empty content is one empty part.
///
/// # Errors
/// [`TooLong`] beyond [`MAX_CONTENT`] bytes.
pub fn split(content: &[u8]) -> Result<Vec<Part>, TooLong> {
    // CEL-10, CEL-12.
    if content.len() > MAX_CONTENT {
        return Err(TooLong);
    }
    if content.is_empty() {
        return Part::single(content).map(|part| Vec::from([part]));
    }
    let count = u16::try_from(content.len().div_ceil(PART_LEN)).map_err(|_| TooLong)?;
    let pieces = (0..count).zip(content.chunks(PART_LEN));
    Ok(pieces.map(|(index, piece)| Part { index, count, content: Zeroizing::new(piece.to_vec()) }).collect())
}

/// Puts the parts of one content together; the mirror of [`split`].
///
/// # Errors
/// [`Incomplete`] unless `parts` are all parts of one content in order.
pub fn assemble(parts: &[Part]) -> Result<Zeroizing<Vec<u8>>, Incomplete> {
    // CON-02.
    let mut content = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.content.len()).sum()));
    for (index, part) in parts.iter().enumerate() {
        if usize::from(part.index) != index || usize::from(part.count) != parts.len() {
            return Err(Incomplete);
        }
        content.extend_from_slice(&part.content);
    }
    if parts.is_empty() { Err(Incomplete) } else { Ok(content) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn content_of_every_length_comes_back() {
        // CEL-10.
        for len in [0, 1, PART_LEN - 1, PART_LEN, PART_LEN + 1, MAX_CONTENT - 1, MAX_CONTENT] {
            let content: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let parts = split(&content).unwrap();
            assert_eq!(parts.len(), len.div_ceil(PART_LEN).max(1));
            let back: Vec<Part> = parts.iter().map(|p| Part::parse(&p.write().unwrap()).unwrap()).collect();
            assert_eq!(back, parts);
            assert_eq!(*assemble(&back).unwrap(), content);
        }
    }

    #[test]
    fn one_byte_too_many_is_refused() {
        // CEL-12.
        assert_eq!(split(&vec![0; MAX_CONTENT + 1]), Err(TooLong));
        assert_eq!(Part::single(&[0; PART_LEN + 1]), Err(TooLong));
        let part = Part { index: 0, count: 1, content: Zeroizing::new(vec![0; PART_LEN + 1]) };
        assert!(part.write().is_err());
    }

    #[test]
    fn bodies_that_break_the_layout_are_refused() {
        // CEL-09, CEL-13.
        let good = Part::single(b"text").unwrap().write().unwrap();
        let changed = |at: usize, value: u8| {
            let mut body = good.to_vec();
            body[at] = value;
            Part::parse(&body)
        };
        assert!(Part::parse(&good).is_ok());
        assert!(changed(0, 1).is_err(), "index reaches count");
        assert!(changed(2, 0).is_err(), "no parts at all");
        assert!(changed(2, 64).is_ok(), "the most parts");
        assert!(changed(2, 65).is_err(), "one part too many");
        assert!(changed(4, 3).is_err(), "content beyond its length");
        assert!(changed(4, 5).is_ok(), "a zero that belongs to the content");
        assert!(changed(5, 0xff).is_err(), "length beyond the body");
        assert!(changed(BODY_LEN - 1, 1).is_err(), "padding that is not zero");
        assert!(Part::parse(&good[..BODY_LEN - 1]).is_err());
        assert!(Part::parse(&[good.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn parts_missing_doubled_or_out_of_order_are_not_assembled() {
        // CEL-14, CON-01, CON-02.
        let parts = split(&[7; 3 * PART_LEN]).unwrap();
        assert_eq!(assemble(&parts[..2]), Err(Incomplete));
        assert_eq!(assemble(&parts[1..]), Err(Incomplete));
        assert_eq!(assemble(&[parts[1].clone(), parts[0].clone(), parts[2].clone()]), Err(Incomplete));
        assert_eq!(assemble(&[parts[0].clone(), parts[0].clone(), parts[2].clone()]), Err(Incomplete));
        assert_eq!(assemble(&[]), Err(Incomplete));
    }
}
