//! The subset of CBOR that contents are written in, and [`Fields`], the map that each of them is.
//!
//! Spec: docs/spec/content.md, "Encoding". Invariant: whatever [`Fields::parse`] accepts has exactly one
//! encoding, so that writing it again gives the same bytes; nothing is allocated before its length was checked.

use alloc::string::String;
use alloc::vec::Vec;

use subrosa_codec::{Malformed, Reader};
use zeroize::Zeroizing;

use super::{CONTENT_MAX, Opaque};

/// Deepest nesting of arrays and maps inside a field.
const DEPTH_MAX: u8 = 4;

/// Most fields of one content.
const FIELDS_MAX: u64 = 64;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;

/// The head of a data item: major type and argument, in its shortest form only.
fn head(r: &mut Reader<'_>) -> Result<(u8, u64), Malformed> {
    // CON-04.
    let first = r.u8()?;
    let major = first >> 5;
    let (value, least) = match first & 0x1f {
        small @ 0..=23 => (u64::from(small), 0),
        24 => (u64::from(r.u8()?), 24),
        25 => (u64::from(u16::from_be_bytes(r.array()?)), 1 << 8),
        26 => (u64::from(u32::from_be_bytes(r.array()?)), 1 << 16),
        27 => (u64::from_be_bytes(r.array()?), 1 << 32),
        // 28 to 30 are unassigned; 31 is an indefinite length or a break.
        _ => return Err(Malformed),
    };
    if value < least { Err(Malformed) } else { Ok((major, value)) }
}

/// A field's key: unsigned, at most 255, above the one before.
fn key(r: &mut Reader<'_>, last: Option<u8>) -> Result<u8, Malformed> {
    // CON-06.
    match head(r)? {
        (UNSIGNED, value) => {
            let key = u8::try_from(value).map_err(|_| Malformed)?;
            if last.is_some_and(|last| key <= last) { Err(Malformed) } else { Ok(key) }
        }
        _ => Err(Malformed),
    }
}

/// Walks over one data item. Every round consumes at least one byte, so a claimed count costs nothing.
fn skip(r: &mut Reader<'_>, depth: u8) -> Result<(), Malformed> {
    // CON-05.
    let (major, value) = head(r)?;
    let len = usize::try_from(value).map_err(|_| Malformed)?;
    match major {
        UNSIGNED | NEGATIVE => Ok(()),
        BYTES => r.take(len).map(|_| ()),
        TEXT => core::str::from_utf8(r.take(len)?).map(|_| ()).map_err(|_| Malformed),
        ARRAY if depth < DEPTH_MAX => {
            for _ in 0..len {
                skip(r, depth + 1)?;
            }
            Ok(())
        }
        MAP if depth < DEPTH_MAX => {
            let mut last = None;
            for _ in 0..len {
                last = Some(key(r, last)?);
                skip(r, depth + 1)?;
            }
            Ok(())
        }
        // false, true, null. No floats, no tags: nothing that could be written in two ways.
        SIMPLE if (20..=22).contains(&value) => Ok(()),
        _ => Err(Malformed),
    }
}

/// The fields of a content that was received: each is taken once, what remains is unknown to this version.
pub(super) struct Fields<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Fields<'a> {
    /// Splits `bytes`, one definite map `{u8 => item}` of at most 64 fields, [`CONTENT_MAX`] bytes long.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > CONTENT_MAX {
            return Err(Malformed);
        }
        let mut r = Reader::new(bytes);
        let (major, count) = head(&mut r)?;
        // CON-07.
        if major != MAP || count > FIELDS_MAX {
            return Err(Malformed);
        }
        let mut fields = Vec::new();
        let mut last = None;
        for _ in 0..count {
            let key = key(&mut r, last)?;
            let mut value = r.clone();
            skip(&mut r, 0)?;
            fields.push((key, value.take(value.remaining() - r.remaining())?));
            last = Some(key);
        }
        r.finish()?;
        Ok(Self(fields))
    }

    fn take(&mut self, key: u8) -> Option<minicbor::Decoder<'a>> {
        let at = self.0.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        let (_, value) = self.0.remove(at);
        Some(minicbor::Decoder::new(value))
    }

    /// An unsigned integer that fits `T`.
    pub(super) fn uint<T: TryFrom<u64>>(&mut self, key: u8) -> Result<Option<T>, Malformed> {
        self.take(key)
            .map(|mut d| d.u64().map_err(|_| Malformed)?.try_into().map_err(|_| Malformed))
            .transpose()
    }

    /// The same without taking it: an enumeration that decides whether this version knows the content at all.
    pub(super) fn peek(&self, key: u8) -> Result<u64, Malformed> {
        let (_, value) = self.0.iter().find(|(have, _)| *have == key).ok_or(Malformed)?;
        minicbor::Decoder::new(value).u64().map_err(|_| Malformed)
    }

    /// `false` or `true`.
    pub(super) fn flag(&mut self, key: u8) -> Result<Option<bool>, Malformed> {
        self.take(key).map(|mut d| d.bool().map_err(|_| Malformed)).transpose()
    }

    /// A text of at most `max` bytes.
    pub(super) fn text(&mut self, key: u8, max: usize) -> Result<Option<String>, Malformed> {
        let Some(mut d) = self.take(key) else { return Ok(None) };
        let text = d.str().map_err(|_| Malformed)?;
        if text.len() > max { Err(Malformed) } else { Ok(Some(String::from(text))) }
    }

    /// A byte string, borrowed.
    pub(super) fn bytes(&mut self, key: u8) -> Result<Option<&'a [u8]>, Malformed> {
        self.take(key).map(|mut d| d.bytes().map_err(|_| Malformed)).transpose()
    }

    /// A byte string of exactly `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, key: u8) -> Result<Option<[u8; N]>, Malformed> {
        self.bytes(key)?.map(|bytes| bytes.try_into().map_err(|_| Malformed)).transpose()
    }

    /// A byte string of exactly `N` bytes that must not be printed.
    pub(super) fn opaque<const N: usize>(&mut self, key: u8) -> Result<Option<Opaque<N>>, Malformed> {
        self.bytes(key)?.map(Opaque::parse).transpose()
    }

    /// What nobody took.
    pub(super) fn rest(self) -> Unknown {
        // CON-31.
        Unknown(self.0.into_iter().map(|(key, value)| (key, Zeroizing::new(value.to_vec()))).collect())
    }
}

/// Fields that this version does not know, as they came: written again unchanged.
#[derive(Clone, Default)]
pub struct Unknown(Vec<(u8, Zeroizing<Vec<u8>>)>);

impl Unknown {
    /// Whether there are none: everything in the content was understood.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(|(key, _)| *key)
    }
}

impl core::fmt::Debug for Unknown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

/// The fields of a content that is being written; the mirror of [`Fields`].
#[derive(Default)]
pub(super) struct Build(Vec<(u8, Zeroizing<Vec<u8>>)>);

type Encoder<'a> = minicbor::Encoder<&'a mut Vec<u8>>;

impl Build {
    /// One field; `encode` cannot fail, because a `Vec` takes every byte.
    fn put(&mut self, key: u8, len: usize, encode: impl FnOnce(&mut Encoder<'_>)) -> &mut Self {
        // 9 bytes: the longest head. The vector never grows, so that no copy stays behind.
        let mut value = Zeroizing::new(Vec::with_capacity(len + 9));
        encode(&mut minicbor::Encoder::new(&mut *value));
        self.0.push((key, value));
        self
    }

    /// An unsigned integer.
    pub(super) fn uint(&mut self, key: u8, value: impl Into<u64>) -> &mut Self {
        let value = value.into();
        self.put(key, 0, |e| drop(e.u64(value)))
    }

    /// `false` or `true`.
    pub(super) fn flag(&mut self, key: u8, value: bool) -> &mut Self {
        self.put(key, 0, |e| drop(e.bool(value)))
    }

    /// A text.
    pub(super) fn text(&mut self, key: u8, value: &str) -> &mut Self {
        self.put(key, value.len(), |e| drop(e.str(value)))
    }

    /// A byte string.
    pub(super) fn bytes(&mut self, key: u8, value: &[u8]) -> &mut Self {
        self.put(key, value.len(), |e| drop(e.bytes(value)))
    }

    /// Fields of another version, as they came.
    pub(super) fn unknown(&mut self, unknown: &Unknown) -> &mut Self {
        // CON-08.
        self.0.extend(unknown.0.iter().cloned());
        self
    }

    /// The map, keys ascending.
    pub(super) fn finish(mut self) -> Zeroizing<Vec<u8>> {
        self.0.sort_by_key(|(key, _)| *key);
        // 9 for the map's head, 2 for each key's.
        let len = 9 + self.0.iter().map(|(_, value)| 2 + value.len()).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        let mut e = minicbor::Encoder::new(&mut *bytes);
        drop(e.map(self.0.len() as u64));
        for (key, value) in &self.0 {
            drop(e.u8(*key));
            e.writer_mut().extend_from_slice(value);
        }
        bytes
    }
}
