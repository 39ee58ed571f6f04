//! Padding: what hides a length behind a few sizes.
//!
//! Spec: docs/spec/at-rest.md, "Padding". Invariant: padding is zero, and is checked after the seal was opened.

use alloc::vec::Vec;

use subrosa_codec::{Malformed, Reader, Writer};
use zeroize::Zeroizing;

/// The smallest padded size, in bytes.
const SMALLEST: usize = 128;
/// Length of the length in front, in bytes.
const LENGTH_LEN: usize = 4;
/// The longest text that is padded as one piece: 16 MiB. A row is never longer; files are cut into chunks.
pub(crate) const LONGEST: usize = 16 * 1024 * 1024;

/// `length u32 | text | zeros` of 128 · 2^n bytes.
pub(crate) fn pad(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    // AR-01.
    if text.len() > LONGEST {
        return Err(Malformed);
    }
    let len = u32::try_from(text.len()).map_err(|_| Malformed)?;
    let used = LENGTH_LEN + text.len();
    let total = used.next_power_of_two().max(SMALLEST);
    let mut w = Writer::with_capacity(total);
    w.u32(len).put(text).zeros(total - used);
    Ok(Zeroizing::new(w.into_vec()))
}

/// The text that [`pad`] padded.
pub(crate) fn unpad(padded: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    // AR-02.
    let mut r = Reader::new(padded);
    let len = usize::try_from(r.u32()?).map_err(|_| Malformed)?;
    let text = r.take(len)?;
    let used = LENGTH_LEN + len;
    if padded.len() != used.next_power_of_two().max(SMALLEST) {
        return Err(Malformed);
    }
    r.zeros(r.remaining())?;
    Ok(Zeroizing::new(text.to_vec()))
}

/// The next number of chunks that is 2^n or 1.5 · 2^n: at most a third of what is stored is padding.
pub(crate) fn round_chunks(count: u64) -> Option<u64> {
    // AR-03.
    let power = count.checked_next_power_of_two()?;
    let three_quarters = power / 4 * 3;
    Some(if power >= 4 && count <= three_quarters { three_quarters } else { power })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_text_is_padded_to_128_times_a_power_of_two() {
        // AR-01.
        for (len, total) in [(0, 128), (124, 128), (125, 256), (252, 256), (253, 512), (4096, 8192)] {
            let text = vec![7; len];
            let padded = pad(&text).unwrap();
            assert_eq!(padded.len(), total, "{len}");
            assert_eq!(*unpad(&padded).unwrap(), text);
        }
        assert!(pad(&vec![0; LONGEST + 1]).is_err());
    }

    #[test]
    fn other_padding_is_refused() {
        // AR-02.
        let padded = pad(b"text").unwrap();
        let with = |at: usize, value: u8| {
            let mut other = padded.clone();
            other[at] = value;
            unpad(&other)
        };
        assert!(with(127, 1).is_err());
        assert!(with(8, 1).is_err());
        assert!(with(0, 200).is_err());
        assert!(with(3, 255).is_err());
        assert!(unpad(&[&padded[..], &[0; 128]].concat()).is_err());
        assert!(unpad(&padded[..64]).is_err());
        assert!(unpad(&[]).is_err());
    }

    #[test]
    fn chunk_counts_are_rounded_to_a_few_numbers() {
        // AR-03.
        let want = [1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 12, 12, 16, 16, 16, 16, 24];
        for (count, rounded) in (1..).zip(want) {
            assert_eq!(round_chunks(count), Some(rounded), "{count}");
        }
        assert_eq!(round_chunks(u64::MAX), None);
    }
}
