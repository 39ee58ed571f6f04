//! [`Decoder`]: bytes in any pieces in, frames out, without a socket.
//!
//! Spec: docs/spec/relay.md, "Frames". Invariant: it holds at most the one frame that is not yet complete, and
//! never more than twice what it was fed of it (or 256 bytes); a type and its length are judged from the header alone.

use core::marker::PhantomData;

use zeroize::{Zeroize, Zeroizing};

use crate::frame::{Frame, FrameError, HEADER_LEN, Header, Message, SKIPPABLE_FROM};

/// What is asked for at first while a body arrives; all frames but cells and chunks fit.
const FIRST_ROOM: usize = 256;

/// Reads frames of one direction: a relay has a `Decoder<Request>`, a client a `Decoder<Response>`, per stream.
///
/// ```text
/// Header ──known type, its length──▶ Body ──complete──▶ frame, Header
///    │ ╰──unknown type from 0xC0──▶ Skip ──complete──▶ Header
///    ╰──anything else──▶ FrameError, for good
/// ```
#[derive(Debug)]
pub struct Decoder<M> {
    state: State,
    message: PhantomData<fn() -> M>,
}

enum State {
    Header { bytes: [u8; HEADER_LEN], filled: usize },
    Body { header: Header, bytes: Zeroizing<alloc::vec::Vec<u8>> },
    Skip { left: usize },
    Failed(FrameError),
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Header { .. } => "Header",
            Self::Body { .. } => "Body",
            Self::Skip { .. } => "Skip",
            Self::Failed(_) => "Failed",
        })
    }
}

const EMPTY: State = State::Header { bytes: [0; HEADER_LEN], filled: 0 };

impl<M: Message> Decoder<M> {
    /// At the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: EMPTY, message: PhantomData }
    }

    /// Takes bytes from the front of `input` up to the end of the next frame, and gives that frame; `None`
    /// when `input` is used up first. Call it again while `input` is not empty.
    ///
    /// # Errors
    /// [`FrameError`] when the bytes are no frame of this direction. It stays so: the stream is lost.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Frame<M>>, FrameError> {
        let step = self.advance(input);
        if let Err(error) = step {
            // REL-17.
            self.state = State::Failed(error);
        }
        step
    }

    /// How many bytes are held of a frame that is not complete.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match &self.state {
            State::Header { filled, .. } => *filled,
            State::Body { bytes, .. } => bytes.capacity(),
            State::Skip { .. } | State::Failed(_) => 0,
        }
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Frame<M>>, FrameError> {
        loop {
            match &mut self.state {
                State::Failed(error) => return Err(*error),
                State::Header { bytes, filled } => {
                    let missing = bytes.get_mut(*filled..).unwrap_or_default();
                    let piece = take(input, missing.len());
                    for (to, from) in missing.iter_mut().zip(piece) {
                        *to = *from;
                    }
                    *filled += piece.len();
                    if *filled < HEADER_LEN {
                        return Ok(None);
                    }
                    self.state = Self::judge(&Header::parse(bytes)?)?;
                }
                // REL-16.
                State::Skip { left } => {
                    *left -= take(input, *left).len();
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = EMPTY;
                }
                State::Body { header, bytes } => {
                    let header = *header;
                    let piece = take(input, header.body.saturating_sub(bytes.len()));
                    if piece.len() == header.body {
                        // The whole body lies in the input: nothing is copied.
                        self.state = EMPTY;
                        return Frame::parse(&header, piece).map(Some);
                    }
                    append(bytes, piece, header.body);
                    if bytes.len() < header.body {
                        return Ok(None);
                    }
                    let frame = Frame::parse(&header, bytes);
                    self.state = EMPTY;
                    return frame.map(Some);
                }
            }
        }
    }

    /// What follows a header.
    fn judge(header: &Header) -> Result<State, FrameError> {
        // REL-15.
        let kind = header.kind;
        match M::body_len(kind) {
            Some(len) if len == header.body => {
                Ok(State::Body { header: *header, bytes: Zeroizing::default() })
            }
            Some(_) => Err(FrameError::Length { kind }),
            None if kind >= SKIPPABLE_FROM => Ok(State::Skip { left: header.body }),
            None => Err(FrameError::Unknown { kind }),
        }
    }
}

impl<M: Message> Default for Decoder<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// Up to `len` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (head, rest) = input.split_at_checked(len).unwrap_or((*input, &[]));
    *input = rest;
    head
}

/// Appends `piece`, doubling the room at most up to `whole`; what is outgrown is erased, since a capability may
/// stand in it.
fn append(bytes: &mut Zeroizing<alloc::vec::Vec<u8>>, piece: &[u8], whole: usize) {
    let needed = bytes.len() + piece.len();
    if needed > bytes.capacity() {
        let room = needed.max(bytes.capacity() * 2).max(FIRST_ROOM).min(whole);
        let mut grown = Zeroizing::new(alloc::vec::Vec::with_capacity(room));
        grown.extend_from_slice(bytes);
        bytes.zeroize();
        *bytes = grown;
    }
    bytes.extend_from_slice(piece);
}
