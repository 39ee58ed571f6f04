//! Frames of both directions, and a relay's address.
//!
//! Spec: docs/spec/relay.md, "Frames". Invariant: how a stream is cut into pieces makes no difference, and a decoder holds
//! at most the one frame that is not complete.

use subrosa_codec::Cell;
use subrosa_wire::{Admit, LONGEST_FRAME, QueueId, ReadCap, RelayAddress, RelayKeyHash};
use subrosa_wire::{
    Decoder, Features, Frame, FrameError, HEADER_LEN, Handle, Hello, Message, Open, Refusal, Request,
    Response, Rid, Seq, WriteCap,
};

use super::Target;

pub(super) const TARGETS: &[Target] = &[
    Target { name: "requests", longest: 8_192, run: stream::<Request>, seeds: request_seeds },
    Target { name: "responses", longest: 8_192, run: stream::<Response>, seeds: response_seeds },
    Target { name: "bodies", longest: 4_200, run: bodies, seeds: body_seeds },
    Target { name: "address", longest: 256, run: address, seeds: address_seeds },
];

fn decode_all<M: Message>(bytes: &[u8], step: usize) -> (Vec<Frame<M>>, Option<FrameError>) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for mut piece in bytes.chunks(step) {
        while !piece.is_empty() {
            match decoder.decode(&mut piece) {
                Ok(frame) => frames.extend(frame),
                Err(error) => return (frames, Some(error)),
            }
            assert!(decoder.buffered() <= LONGEST_FRAME);
            assert!(decoder.buffered() <= 256.max(2 * bytes.len()), "more room than was fed");
        }
    }
    (frames, None)
}

/// The size of the pieces, then a stream.
fn stream<M: Message + PartialEq + core::fmt::Debug>(input: &[u8]) {
    let Some((step, bytes)) = input.split_first() else { return };
    let whole = decode_all::<M>(bytes, bytes.len().max(1));
    assert_eq!(whole, decode_all::<M>(bytes, usize::from(*step).max(1)), "pieces of {step}");
    let mut rest = bytes;
    for frame in &whole.0 {
        let encoded = frame.encode();
        assert_eq!(encoded.len(), frame.encoded_len());
        // Frames of later versions are skipped: they stand between ours.
        while rest[4] >= subrosa_wire::SKIPPABLE_FROM {
            rest = &rest[4 + u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize..];
        }
        assert_eq!(rest[..HEADER_LEN], encoded[..HEADER_LEN], "a frame is not where it was");
        let again = decode_all::<M>(&encoded, encoded.len());
        assert_eq!(again.0.first(), Some(frame), "not written back the same");
        rest = &rest[encoded.len()..];
    }
}

fn request_seeds() -> Vec<Vec<u8>> {
    let open = Open {
        queue: QueueId::from_bytes([1; 32]),
        read: ReadCap::from_bytes([2; 32]),
        admit: Admit::OPEN,
        credit: 16,
    };
    let frames = [
        Frame::new(Rid(1), Request::Hello(Hello { minor: 0, features: Features::NONE })),
        Frame::new(Rid(2), Request::Open(open)),
        Frame::new(Rid(4), Request::Ack { handle: Handle(1), upto: Seq(2) }),
        Frame::new(Rid(3), Request::Ping),
    ];
    let append = Request::Append { write: WriteCap::from_bytes([3; 32]), cell: Cell::zeroed() };
    let stream = frames.iter().flat_map(Frame::encode).collect::<Vec<_>>();
    let newer = [&[7][..], &14_u32.to_le_bytes(), &[0xC5, 0, 0, 0, 0], &[9; 9], &stream].concat();
    vec![[&[13][..], &stream].concat(), newer, [&[255][..], &Frame::new(Rid(4), append).encode()].concat()]
}

fn response_seeds() -> Vec<Vec<u8>> {
    let frames = [
        Frame::new(Rid(1), Response::Reply(Ok(7))),
        Frame::new(Rid(2), Response::Reply(Err(Refusal::Full))),
        Frame::new(Rid::NONE, Response::Moved { handle: Handle(7) }),
    ];
    let cell = Response::Cell { handle: Handle(7), seq: Seq(9), cell: Cell::zeroed() };
    let stream = frames.iter().flat_map(Frame::encode).collect::<Vec<_>>();
    vec![[&[3][..], &stream].concat(), [&[99][..], &Frame::new(Rid::NONE, cell).encode()].concat()]
}

/// A type, then its body; short bodies of long types are filled up.
fn bodies(input: &[u8]) {
    let Some((kind, body)) = input.split_first() else { return };
    body_of::<Request>(*kind, body);
    body_of::<Response>(*kind, body);
}

fn body_of<M: Message + PartialEq>(kind: u8, body: &[u8]) {
    let Some(len) = M::body_len(kind) else {
        return assert!(M::parse(kind, body).is_err(), "a type without a length");
    };
    assert!(len <= LONGEST_FRAME - HEADER_LEN);
    if body.len() != len {
        assert!(M::parse(kind, body).is_err(), "a body of another length");
    }
    let mut whole = body.to_vec();
    whole.resize(len, 0);
    if let Ok(message) = M::parse(kind, &whole) {
        assert_eq!(message.kind(), kind);
        let frame = Frame::new(Rid(1), message);
        let written = frame.encode();
        assert_eq!(written.len(), HEADER_LEN + len);
        // Reserved bytes are ignored, and written as zeros: the message is what stays.
        assert!(M::parse(kind, &written[HEADER_LEN..]).is_ok_and(|again| again == frame.message));
    }
}

fn body_seeds() -> Vec<Vec<u8>> {
    let kinds = (1..=0x0E).chain(0x81..=0x87);
    kinds.map(|kind| [&[kind][..], &[1; 40]].concat()).collect()
}

fn address(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(address) = RelayAddress::parse(&text) {
        let written = address.to_string();
        assert_eq!(RelayAddress::parse(&written), Ok(address), "{written}");
    }
    // The checksum can't be guessed: its text is made whole around any host.
    let (host, port) = text.rsplit_once(':').unwrap_or((&text, "4433"));
    let key = RelayKeyHash::from_bytes([7; 32]);
    if let Ok(address) = RelayAddress::new(key, host, port.parse().unwrap_or(1)) {
        assert_eq!(RelayAddress::parse(&address.to_string()), Ok(address));
    }
}

fn address_seeds() -> Vec<Vec<u8>> {
    let key = RelayKeyHash::from_bytes([7; 32]);
    let made = |host: &str, port| RelayAddress::new(key, host, port).unwrap().to_string().into_bytes();
    vec![
        made("relay.example", 4433),
        made("::1", 1),
        b"relay.example:77".to_vec(),
        b"fe80::1%eth0:9".to_vec(),
    ]
}
