//! Every frame of both directions: round trips, published bytes, truncations, wrong lengths, and random input.

use proptest::prelude::*;
use subrosa_codec::{Cell, Day};
use subrosa_wire::{
    Admit, BlobCap, BlobId, BlobPut, CHUNK_LEN, Chunk, ClaimToken, Decoder, Features, FetchCap, Frame,
    FrameError, GoAway, HEADER_LEN, Handle, Hello, InviteId, InviteKind, InvitePut, LONGEST_FRAME, Message,
    Open, OwnerCap, OwnerId, QueueId, ReadCap, ReadId, Refusal, Request, Response, Rid, SKIPPABLE_FROM, Seq,
    Terms, Welcome, WriteCap,
};

fn cell(fill: u8) -> Cell {
    Cell::from_vec(vec![fill; 4096]).unwrap()
}

/// One request of each type, in the order of their type bytes.
fn requests() -> Vec<Request> {
    let owner = || OwnerCap::from_bytes([0x11; 32]);
    let read = || ReadCap::from_bytes([0x22; 32]);
    let (queue, blob) = (QueueId::from_bytes([0x33; 32]), BlobId::from_bytes([0x44; 32]));
    let owner_id = OwnerId::from_bytes([0x55; 32]);
    let (id, kind) = (InviteId::from_bytes([0x66; 32]), InviteKind::Address);
    let chunk = Chunk::from_vec(vec![0x77; CHUNK_LEN]).unwrap();
    vec![
        Request::Hello(Hello { minor: 0x0102, features: Features(0x03) }),
        Request::Open(Open { queue, read: read(), admit: Admit::from_bytes([0x99; 32]), credit: 16 }),
        Request::Append { write: WriteCap::from_bytes([0xaa; 32]), cell: cell(0xbb) },
        Request::Ack { handle: Handle(0x0102_0304), upto: Seq(0x0506) },
        Request::Close { read: read() },
        Request::InvitePut(InvitePut { id, owner: owner_id, kind, days: 14, bundle: cell(0xcc) }),
        Request::InviteTake { fetch: FetchCap::from_bytes([1; 32]), claim: ClaimToken::from_bytes([2; 32]) },
        Request::InviteCheck { owner: owner() },
        Request::InviteRevoke { owner: owner() },
        Request::BlobPut(BlobPut { blob, owner: owner_id, index: 1, of: 2, days: 30, chunk }),
        Request::BlobGet { read: BlobCap::from_bytes([3; 32]), index: 9 },
        Request::BlobDrop { owner: owner() },
        Request::RotateRead { read: read(), to: ReadId::from_bytes([4; 32]) },
        Request::Ping,
    ]
}

/// One response of each type, in the order of their type bytes; both forms of `REPLY`.
fn responses() -> Vec<Response> {
    let terms = Terms {
        queue_cells: 1_200,
        cell_days: 30,
        lease_days: 384,
        invite_days: 31,
        blob_days: 32,
        blob_chunks: 2_048,
        handles: 4_096,
        window: 64,
        unanswered: 33,
    };
    vec![
        Response::Welcome(Welcome { minor: 1, features: Features::BLOBS, day: Day(20_000), terms }),
        Response::Reply(Ok(u64::MAX)),
        Response::Reply(Err(Refusal::Full)),
        Response::Cell { handle: Handle(7), seq: Seq(1 << 33), cell: cell(0xdd) },
        Response::Moved { handle: Handle(7) },
        Response::GoAway(GoAway { reason: Refusal::Draining, retry: 5, jitter: 60 }),
        Response::Bundle(cell(0xee)),
        Response::Chunk(Chunk::from_vec(vec![0xff; CHUNK_LEN]).unwrap()),
    ]
}

/// The request number that a message of this type may carry.
fn rid_for<M: Message>(message: &M) -> Rid {
    if message.rid_fits(Rid(7)) { Rid(7) } else { Rid::NONE }
}

fn frames<M: Message>(messages: Vec<M>) -> Vec<Frame<M>> {
    messages.into_iter().map(|message| Frame::new(rid_for(&message), message)).collect()
}

/// Everything in `bytes`, fed in pieces of `step`.
fn decode_all<M: Message>(bytes: &[u8], step: usize) -> Result<Vec<Frame<M>>, FrameError> {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for mut piece in bytes.chunks(step) {
        while !piece.is_empty() {
            frames.extend(decoder.decode(&mut piece)?);
        }
    }
    Ok(frames)
}

fn round_trips<M: Message + PartialEq + std::fmt::Debug>(messages: fn() -> Vec<M>) {
    let stream: Vec<u8> = frames(messages()).iter().flat_map(Frame::encode).collect();
    for step in [1, 7, HEADER_LEN, 4_096, stream.len()] {
        assert_eq!(decode_all(&stream, step), Ok(frames(messages())), "in pieces of {step}");
    }
}

#[test]
fn every_frame_comes_back_whatever_the_pieces() {
    round_trips(requests);
    round_trips(responses);
}

#[test]
fn every_request_has_one_type_byte_from_01_to_0e() {
    let kinds: Vec<u8> = requests().iter().map(Message::kind).collect();
    assert_eq!(kinds, (0x01..=0x0E).collect::<Vec<_>>());
}

/// What a request names: a thing by a capability of whoever asks, a subscription of its own, or nothing. A new request
/// fails here until somebody has answered that question for it.
fn names(request: &Request) -> &'static str {
    match request {
        Request::Hello(_) | Request::Ping => "nothing",
        Request::Open(_) | Request::Append { .. } | Request::Close { .. } | Request::RotateRead { .. } => {
            "a queue"
        }
        Request::Ack { .. } => "a subscription",
        Request::InvitePut(_)
        | Request::InviteTake { .. }
        | Request::InviteCheck { .. }
        | Request::InviteRevoke { .. } => "an invite",
        Request::BlobPut(_) | Request::BlobGet { .. } | Request::BlobDrop { .. } => "a blob",
        other => panic!("what does {other:?} name?"),
    }
}

#[test]
fn a6_no_request_names_a_person_or_asks_for_a_persons_keys() {
    let known = ["nothing", "a queue", "a subscription", "an invite", "a blob"];
    assert!(requests().iter().all(|request| known.contains(&names(request))));
    // What hands out keys is the bundle of one invite, to whoever holds that invite's own capability.
    let bundles = responses().iter().filter(|response| matches!(response, Response::Bundle(_))).count();
    assert!(bundles >= 1 && requests().iter().any(|request| matches!(request, Request::InviteTake { .. })));
}

#[test]
fn every_response_has_one_type_byte_from_81_to_87() {
    let mut kinds: Vec<u8> = responses().iter().map(Message::kind).collect();
    kinds.dedup();
    assert_eq!(kinds, (0x81..=0x87).collect::<Vec<_>>());
}

/// The published bytes: type, whole length, and at most the first 64 bytes of each frame.
#[test]
fn every_frame_has_its_published_length_and_first_bytes() {
    // REL-21, REL-22.
    let mut lines = Vec::new();
    let mut line = |bytes: &[u8]| {
        let head = hex::encode(&bytes[..bytes.len().min(64)]);
        lines.push(format!("{:02x} {} {head}", bytes[4], bytes.len()));
    };
    frames(requests()).iter().for_each(|frame| line(&frame.encode()));
    frames(responses()).iter().for_each(|frame| line(&frame.encode()));
    let published = include_str!("vectors/frames.txt");
    let published: Vec<&str> = published.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, published);
}

fn no_truncation_is_a_frame<M: Message>(messages: Vec<M>) {
    for frame in frames(messages) {
        let bytes = frame.encode();
        assert_eq!(bytes.len(), frame.encoded_len());
        assert!(bytes.len() <= LONGEST_FRAME);
        // Each cut of a short frame, some of a long one.
        for cut in (0..bytes.len()).filter(|cut| *cut < 200 || cut % 1_009 == 0 || cut + 3 > bytes.len()) {
            assert_eq!(decode_all::<M>(&bytes[..cut], 512).map(|frames| frames.len()), Ok(0), "cut at {cut}");
        }
        let body = &bytes[HEADER_LEN..];
        assert!(M::parse(bytes[4], body).is_ok());
        if !body.is_empty() {
            assert!(M::parse(bytes[4], &body[1..]).is_err(), "a body without its last byte");
        }
        assert!(M::parse(bytes[4], &[body, &[0]].concat()).is_err(), "a body with one more byte");
    }
}

#[test]
fn a_truncated_frame_is_no_frame() {
    no_truncation_is_a_frame(requests());
    no_truncation_is_a_frame(responses());
}

fn a_wrong_length_is_refused_at_the_header<M: Message>(messages: Vec<M>) {
    for frame in frames(messages) {
        let mut bytes = frame.encode();
        let kind = bytes[4];
        let len = u32::from_le_bytes(bytes[..4].try_into().unwrap());
        for wrong in
            [0, 4, len - 1, len + 1, LONGEST_FRAME as u32, u32::MAX].into_iter().filter(|w| *w != len)
        {
            bytes[..4].copy_from_slice(&wrong.to_le_bytes());
            let mut decoder = Decoder::<M>::new();
            let refused = decoder.decode(&mut &bytes[..HEADER_LEN]).err();
            assert_eq!(refused, Some(FrameError::Length { kind }), "length {wrong} of type {kind:#04x}");
        }
    }
}

#[test]
fn a_wrong_length_is_refused_before_the_body_is_read() {
    // REL-15.
    a_wrong_length_is_refused_at_the_header(requests());
    a_wrong_length_is_refused_at_the_header(responses());
}

#[test]
fn the_frames_of_the_other_direction_are_unknown() {
    for frame in frames(responses()) {
        let kind = frame.message.kind();
        let error = decode_all::<Request>(&frame.encode(), 4_096).unwrap_err();
        assert_eq!(error, FrameError::Unknown { kind });
    }
    for frame in frames(requests()) {
        let kind = frame.message.kind();
        let error = decode_all::<Response>(&frame.encode(), 4_096).unwrap_err();
        assert_eq!(error, FrameError::Unknown { kind });
    }
}

#[test]
fn a_type_from_c0_is_skipped_without_being_kept() {
    // REL-16.
    let mut bytes = Vec::new();
    for (kind, body) in [(SKIPPABLE_FROM, 0), (0xD1, 5_000), (0xFF, LONGEST_FRAME - HEADER_LEN)] {
        bytes.extend_from_slice(&(5 + body as u32).to_le_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(&[0; 4]);
        bytes.resize(bytes.len() + body, 0xab);
    }
    bytes.extend(Frame::new(Rid(1), Request::Ping).encode());
    let mut decoder = Decoder::<Request>::new();
    let mut seen = Vec::new();
    for mut piece in bytes.chunks(100) {
        while !piece.is_empty() {
            seen.extend(decoder.decode(&mut piece).unwrap());
            assert!(decoder.buffered() <= HEADER_LEN, "what is skipped is not held");
        }
    }
    assert_eq!(seen, [Frame::new(Rid(1), Request::Ping)]);
}

#[test]
fn an_unknown_type_below_c0_ends_the_stream_for_good() {
    // REL-17.
    let mut decoder = Decoder::<Request>::new();
    let bytes = [5, 0, 0, 0, SKIPPABLE_FROM - 1, 1, 0, 0, 0];
    let error = FrameError::Unknown { kind: SKIPPABLE_FROM - 1 };
    assert_eq!(decoder.decode(&mut &bytes[..]), Err(error));
    let ping = Frame::new(Rid(1), Request::Ping).encode();
    assert_eq!(decoder.decode(&mut &ping[..]), Err(error));
}

#[test]
fn a_field_out_of_its_range_is_refused() {
    // REL-17.
    let patched = |request: Request, at: usize, byte: u8| {
        let mut bytes = Frame::new(Rid(1), request).encode();
        bytes[HEADER_LEN + at] = byte;
        decode_all::<Request>(&bytes, 4_096)
    };
    let nth = |n: usize| requests().swap_remove(n);
    let refused = |kind| Err(FrameError::Body { kind });
    assert_eq!(patched(nth(1), 96, 0), refused(2), "no credit");
    for kind in [0, 3, 255] {
        assert_eq!(patched(nth(5), 64, kind), refused(6), "an invite of kind {kind}");
    }
    assert_eq!(patched(nth(5), 65, 0), refused(6), "an invite for no day");
    assert_eq!(patched(nth(9), 64, 2), refused(10), "a chunk beyond its blob");
    assert_eq!(patched(nth(9), 68, 0), refused(10), "a chunk of an empty blob");
    assert_eq!(patched(nth(9), 72, 0), refused(10), "a chunk for no day");
}

#[test]
fn a_refusal_has_no_value_and_a_farewell_has_a_reason() {
    // REL-55.
    let patched = |response: Response, at: usize, byte: u8| {
        let mut bytes = Frame::new(rid_for(&response), response).encode();
        bytes[HEADER_LEN + at] = byte;
        decode_all::<Response>(&bytes, 4_096)
    };
    assert_eq!(patched(Response::Reply(Err(Refusal::Full)), 3, 1), Err(FrameError::Body { kind: 0x82 }));
    let bye = GoAway { reason: Refusal::Busy, retry: 0, jitter: 0 };
    assert_eq!(patched(Response::GoAway(bye), 0, 0), Err(FrameError::Body { kind: 0x85 }));
}

#[test]
fn a_later_minor_version_may_write_into_the_reserved_bytes_of_welcome() {
    // REL-24.
    let welcome = responses().swap_remove(0);
    let mut bytes = Frame::new(Rid(1), welcome).encode();
    *bytes.last_mut().unwrap() = 0xff;
    let welcome = responses().swap_remove(0);
    assert_eq!(decode_all(&bytes, 4_096), Ok(vec![Frame::new(Rid(1), welcome)]));
}

#[test]
fn a_request_has_a_number_and_what_answers_none_has_none() {
    // REL-18.
    let with_rid = |mut bytes: Vec<u8>, rid: u8| {
        bytes[5] = rid;
        bytes
    };
    for frame in frames(requests()) {
        let kind = frame.message.kind();
        let bytes = with_rid(frame.encode(), 0);
        assert_eq!(decode_all::<Request>(&bytes, 4_096), Err(FrameError::Body { kind }));
    }
    for frame in frames(responses()) {
        let kind = frame.message.kind();
        let other = if frame.rid == Rid::NONE { 7 } else { 0 };
        let bytes = with_rid(frame.encode(), other);
        assert_eq!(decode_all::<Response>(&bytes, 4_096), Err(FrameError::Body { kind }));
    }
}

#[test]
fn a_header_alone_reserves_nothing() {
    // REL-15.
    for frame in frames(requests()).iter().filter(|frame| frame.encoded_len() > HEADER_LEN) {
        let mut decoder = Decoder::<Request>::new();
        assert_eq!(decoder.decode(&mut &frame.encode()[..HEADER_LEN]), Ok(None));
        assert_eq!(decoder.buffered(), 0);
    }
}

#[test]
fn nothing_of_a_capability_is_printed_with_its_request() {
    for request in requests() {
        let text = format!("{request:?}");
        for byte in ["17", "34", "51", "68", "85", "102", "170", "0x"] {
            assert!(!text.contains(&format!("[{byte}")), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic_and_are_never_held_beyond_what_was_fed(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        step in 1_usize..64,
    ) {
        bounded::<Request>(&bytes, step)?;
        bounded::<Response>(&bytes, step)?;
    }

    #[test]
    fn random_bodies_under_a_true_header_parse_or_are_refused(
        kind in 0_u8..0xA0,
        rid: u32,
        fill in proptest::collection::vec(any::<u8>(), 1..300),
        step in 1_usize..5_000,
    ) {
        body::<Request>(kind, rid, &fill, step)?;
        body::<Response>(kind, rid, &fill, step)?;
    }

    #[test]
    fn damage_to_a_stream_of_frames_never_panics(
        at in 0_usize..9_000, byte: u8, step in 1_usize..5_000,
    ) {
        let frames = frames(requests());
        let mut stream: Vec<u8> = frames.iter().take(8).flat_map(Frame::encode).collect();
        let at = at % stream.len();
        stream[at] = byte;
        bounded::<Request>(&stream, step)?;
    }
}

/// Feeds `bytes` and looks at what is held after each piece.
fn bounded<M: Message>(bytes: &[u8], step: usize) -> Result<(), TestCaseError> {
    let mut decoder = Decoder::<M>::new();
    let mut fed = 0;
    for mut piece in bytes.chunks(step) {
        fed += piece.len();
        while !piece.is_empty() {
            if decoder.decode(&mut piece).is_err() {
                prop_assert_eq!(decoder.buffered(), 0, "a lost stream holds nothing");
                return Ok(());
            }
            prop_assert!(decoder.buffered() <= LONGEST_FRAME);
            prop_assert!(decoder.buffered() <= (2 * fed).max(256), "{} held of {}", decoder.buffered(), fed);
        }
    }
    Ok(())
}

/// A frame of type `kind` with its true length and any body: what parses is what was written.
fn body<M: Message + PartialEq + std::fmt::Debug>(
    kind: u8,
    rid: u32,
    fill: &[u8],
    step: usize,
) -> Result<(), TestCaseError> {
    let Some(len) = M::body_len(kind) else { return Ok(()) };
    let mut bytes = (5 + len as u32).to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend_from_slice(&rid.to_le_bytes());
    bytes.extend(fill.iter().cycle().take(len));
    match decode_all::<M>(&bytes, step) {
        Ok(frames) => {
            prop_assert_eq!(frames.len(), 1);
            let again = frames[0].encode();
            prop_assert_eq!(again.len(), bytes.len());
            prop_assert_eq!(&decode_all::<M>(&again, step).unwrap(), &frames);
            // Only WELCOME has bytes that are ignored.
            prop_assert!(kind == 0x81 || again == bytes);
        }
        Err(error) => prop_assert_eq!(error, FrameError::Body { kind }),
    }
    Ok(())
}
