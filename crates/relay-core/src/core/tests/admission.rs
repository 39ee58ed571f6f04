//! Who may ask what, how much, and what it costs the relay: D2..D8.

use std::vec::Vec;

use subrosa_codec::Day;
use subrosa_wire::{
    BlobCap, BlobPut, CHUNK_LEN, Chunk, Features, OwnerCap, Refusal, Request, Response, UNANSWERED,
    UNANSWERED_CHUNKS,
};

use super::things::{invite_put, take};
use super::world::{TODAY, World, append, hello, open, read, refused, small};
use crate::{ConnId, Input, Limits, Output, Stream};

#[test]
fn welcome_tells_the_limits_and_the_day() {
    // REL-24.
    let mut world = World::new(small());
    let conn = world.joined(Stream::Command);
    let Response::Welcome(welcome) = world.ask(conn, hello()) else { panic!() };
    assert_eq!(welcome.day, TODAY);
    assert_eq!(welcome.terms, small().terms());
    assert!(welcome.features.has(Features::BLOBS));
    let none = Limits { chunks: 0, ..small() };
    assert_eq!((none.features(), none.terms().blob_chunks), (Features::NONE, 0));
}

#[test]
fn hello_comes_first_and_once() {
    // REL-23.
    for first in [Request::Ping, open(1, 1), append(1, 1)] {
        let mut world = World::new(small());
        let conn = world.joined(Stream::Command);
        world.say(conn, first);
        world.is_hung(conn, Refusal::Malformed);
    }
    let mut world = World::new(small());
    let conn = world.connect();
    world.say(conn, hello());
    world.is_hung(conn, Refusal::Malformed);
}

#[test]
fn a_stream_for_chunks_takes_chunks_only() {
    // REL-07.
    for wrong in [hello(), open(1, 1), append(1, 1), Request::Close { read: read(1) }] {
        let mut world = World::new(small());
        let conn = world.joined(Stream::Chunks(ConnId(0)));
        assert!(matches!(world.ask(conn, Request::Ping), Response::Reply(Ok(_))));
        world.say(conn, wrong);
        world.is_hung(conn, Refusal::Malformed);
    }
}

#[test]
fn bytes_that_are_no_frame_end_the_connection_and_no_other() {
    let mut world = World::new(small());
    let (one, two) = (world.connect(), world.connect());
    world.feed([Input::Garbled(one)]);
    world.is_hung(one, Refusal::Malformed);
    assert!(matches!(world.ask(two, Request::Ping), Response::Reply(Ok(_))));
}

/// D4: of a thousand requests in one breath, 32 are taken.
#[test]
fn more_unanswered_requests_than_allowed_end_the_connection_before_they_are_kept() {
    // REL-20.
    let mut core = crate::Core::new(small(), TODAY);
    let mut out = Vec::new();
    let conn = ConnId(1);
    core.handle(Input::Joined(conn, Stream::Command), &mut out);
    let mut world = World::new(small());
    world.sockets.insert(conn, Default::default());
    let greeting = world.input(conn, hello());
    core.handle(greeting, &mut out);
    for n in 0..1_000 {
        let request = world.input(conn, append(1, n));
        core.handle(request, &mut out);
    }
    let commits = out.iter().filter(|output| matches!(output, Output::Commit(_))).count();
    assert_eq!(commits, usize::from(UNANSWERED));
    assert!(matches!(out.last(), Some(Output::Hang(_, Refusal::TooMany))));
    assert_eq!(core.streams(), 0);
}

#[test]
fn as_many_as_allowed_are_answered() {
    let mut world = World::new(small());
    let conn = world.connect();
    world.open(conn, 1, 1);
    for _ in 0..10 {
        let batch: Vec<_> =
            (0..u32::from(UNANSWERED)).map(|_| world.input(conn, Request::Close { read: read(9) })).collect();
        world.feed(batch);
        let answers = world.rest(conn);
        assert_eq!(answers.len(), usize::from(UNANSWERED));
        assert!(answers.iter().all(|answer| *answer == refused(Refusal::Missing)));
    }
}

#[test]
fn requests_that_pin_chunks_are_counted_more_strictly() {
    // REL-20.
    let mut world = World::new(small());
    let conn = world.joined(Stream::Chunks(ConnId(0)));
    let get = |index| Request::BlobGet { read: BlobCap::from_bytes([1; 32]), index };
    let batch: Vec<_> = (0..u32::from(UNANSWERED_CHUNKS)).map(|n| world.input(conn, get(n))).collect();
    world.feed(batch);
    assert_eq!(world.rest(conn).len(), usize::from(UNANSWERED_CHUNKS));
    let batch: Vec<_> = (0..=u32::from(UNANSWERED_CHUNKS)).map(|n| world.input(conn, get(n))).collect();
    world.feed(batch);
    world.is_hung(conn, Refusal::TooMany);
}

/// D5, D7: it asks and never reads; what waits for it is bounded, and then it is gone.
#[test]
fn a_peer_that_does_not_read_its_answers_is_hung_up() {
    // REL-39.
    let limits = Limits { output: 1_000, ..small() };
    let mut world = World::new(limits);
    let conn = world.connect();
    world.clogged.insert(conn);
    for _ in 0..100 {
        if world.sockets[&conn].hung.is_none() {
            world.say(conn, Request::Ping);
        }
        assert!(world.sockets[&conn].bytes <= limits.output + 14);
    }
    world.is_hung(conn, Refusal::Idle);
}

/// D2: streams over the limit are turned away, and those before them stay.
#[test]
fn connections_over_the_limit_are_turned_away() {
    let mut world = World::new(small());
    let conns: Vec<_> = (0..6).map(|_| world.connect()).collect();
    let late = world.joined(Stream::Command);
    world.is_hung(late, Refusal::Busy);
    assert!(matches!(world.ask(conns[5], Request::Ping), Response::Reply(Ok(_))));
    world.feed([Input::Left(conns[0])]);
    world.connect();
}

/// D3: queues without end.
#[test]
fn queues_are_limited_on_a_connection_and_over_all() {
    // REL-56.
    let mut world = World::new(small());
    let (one, two, three) = (world.connect(), world.connect(), world.connect());
    for q in 0..4 {
        world.open(one, q, 1);
        world.open(two, 10 + q, 1);
    }
    // Nine in one breath count before their answers.
    assert_eq!(world.ask(one, open(99, 1)), refused(Refusal::TooMany));
    assert_eq!(world.ask(three, open(99, 1)), refused(Refusal::QuotaExceeded));
    // Those that are there go on.
    world.append(three, 13, 1);
    world.open(three, 13, 1);
    let batch: Vec<_> = (20..30).map(|q| world.input(three, open(q, 1))).collect();
    world.feed(batch);
    let answers = world.rest(three);
    assert_eq!(answers.iter().filter(|a| **a == refused(Refusal::TooMany)).count(), 7, "{answers:?}");
}

/// D6: a writer that fills a queue, and one that fills the relay.
#[test]
fn a_full_queue_and_a_full_relay_refuse_and_lose_nothing() {
    // REL-29.
    let limits = Limits { queue_cells: 10, cells: 15, ..small() };
    let mut world = World::new(limits);
    let (reader, writer) = (world.connect(), world.connect());
    let handles = [1, 2].map(|q| world.open(reader, q, 1));
    world.append_all(writer, 1, 0..10);
    assert_eq!(world.ask(writer, append(1, 10)), refused(Refusal::Full));
    world.append_all(writer, 2, 0..5);
    assert_eq!(world.ask(writer, append(2, 5)), refused(Refusal::QuotaExceeded));
    assert_eq!(world.read_all(reader, handles[0]), (0..10).collect::<Vec<_>>());
    world.append(writer, 2, 5);
    assert_eq!(world.read_all(reader, handles[1]), (0..6).collect::<Vec<_>>());
}

/// D8: invites without end, from one connection and over all.
#[test]
fn invites_are_limited_on_a_connection_and_over_all() {
    // REL-56.
    let mut world = World::new(small());
    let (one, two) = (world.connect(), world.connect());
    for n in 0..3 {
        assert_eq!(world.ask(one, invite_put(n, 14)), Response::DONE);
    }
    assert_eq!(world.ask(one, invite_put(3, 14)), refused(Refusal::TooMany));
    assert_eq!(world.ask(two, invite_put(3, 14)), Response::DONE);
    assert_eq!(world.ask(two, invite_put(4, 14)), refused(Refusal::QuotaExceeded));
    assert!(matches!(world.ask(one, take(3, 1)), Response::Bundle(_)));
}

#[test]
fn what_should_last_longer_than_the_relay_keeps_things_is_refused() {
    let mut world = World::new(small());
    let conn = world.connect();
    assert_eq!(world.ask(conn, invite_put(1, 15)), refused(Refusal::TooLong));
    let put = |of, days| {
        let (blob, owner) = (BlobCap::from_bytes([1; 32]).id(), OwnerCap::from_bytes([2; 32]).id());
        let chunk = Chunk::from_vec(vec![1; CHUNK_LEN]).unwrap();
        Request::BlobPut(BlobPut { blob, owner, index: 0, of, days, chunk })
    };
    assert_eq!(world.ask(conn, put(5, 7)), refused(Refusal::TooLong));
    assert_eq!(world.ask(conn, put(4, 8)), refused(Refusal::TooLong));
    assert_eq!(world.ask(conn, put(4, 7)), Response::DONE);
}

#[test]
fn a_relay_without_blobs_says_so_before_its_store_is_asked() {
    // REL-48.
    let mut world = World::new(Limits { chunks: 0, ..small() });
    let conn = world.connect();
    let get = Request::BlobGet { read: BlobCap::from_bytes([1; 32]), index: 0 };
    assert_eq!(world.ask(conn, get), refused(Refusal::Unsupported));
    let drop = Request::BlobDrop { owner: OwnerCap::from_bytes([1; 32]) };
    assert_eq!(world.ask(conn, drop), refused(Refusal::Unsupported));
}

#[test]
fn a_lease_lasts_its_days_and_opening_renews_it() {
    // REL-26.
    let mut world = World::new(small());
    let conn = world.connect();
    world.open(conn, 1, 1);
    world.open(conn, 2, 1);
    // 64 days from the first of a period: the third period is the last.
    let days = |n: u32| Input::Day(Day(TODAY.0 + n));
    world.feed([days(64 + 31)]);
    world.open(conn, 2, 1);
    world.feed([days(96)]);
    assert_eq!(world.ask(conn, append(1, 1)), refused(Refusal::Missing));
    world.append(conn, 2, 1);
}
