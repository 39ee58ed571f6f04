//! Invites and blobs through frames.

use std::vec::Vec;

use subrosa_wire::{
    BlobCap, BlobPut, CHUNK_LEN, Chunk, ClaimToken, FetchCap, InviteKind, InvitePut, InviteState, OwnerCap,
    Refusal, Request, Response,
};

use super::world::{World, cell, refused, small};
use crate::{ConnId, Limits, Stream};

fn fetch(n: u8) -> FetchCap {
    FetchCap::from_bytes([n; 32])
}

fn owner(n: u8) -> OwnerCap {
    OwnerCap::from_bytes([n; 32])
}

/// One-time invite `n`, with the cell of that number as its bundle.
pub(super) fn invite_put(n: u8, days: u8) -> Request {
    let (id, owner, bundle) = (fetch(n).id(), owner(n).id(), cell(n.into()));
    Request::InvitePut(InvitePut { id, owner, kind: InviteKind::OneTime, days, bundle })
}

pub(super) fn take(n: u8, claim: u8) -> Request {
    Request::InviteTake { fetch: fetch(n), claim: ClaimToken::from_bytes([claim; 32]) }
}

fn check(n: u8) -> Request {
    Request::InviteCheck { owner: owner(n) }
}

#[test]
fn an_invite_goes_from_unopened_to_opened_to_gone() {
    // REL-44.
    let mut world = World::new(small());
    let (host, guest, late) = (world.connect(), world.connect(), world.connect());
    let state = |state: InviteState| Response::Reply(Ok(state as u64));
    assert_eq!(world.ask(host, check(1)), state(InviteState::Gone));
    assert_eq!(world.ask(host, invite_put(1, 14)), Response::DONE);
    assert_eq!(world.ask(host, check(1)), state(InviteState::Unopened));
    assert_eq!(world.ask(guest, take(1, 1)), Response::Bundle(cell(1)));
    assert_eq!(world.ask(late, take(1, 2)), refused(Refusal::Used));
    // A34: the answer was lost.
    assert_eq!(world.ask(guest, take(1, 1)), Response::Bundle(cell(1)));
    assert_eq!(world.ask(host, check(1)), state(InviteState::Opened));
    assert_eq!(world.ask(host, Request::InviteRevoke { owner: owner(1) }), Response::DONE);
    assert_eq!(world.ask(guest, take(1, 1)), refused(Refusal::Missing));
    assert_eq!(world.ask(host, check(1)), state(InviteState::Gone));
}

/// A25: two joiners in one batch, and one of them gets it.
#[test]
fn of_two_who_take_an_invite_at_once_one_gets_it() {
    let mut world = World::new(small());
    let (host, one, two) = (world.connect(), world.connect(), world.connect());
    world.ask(host, invite_put(1, 14));
    let batch = [world.input(one, take(1, 1)), world.input(two, take(1, 2))];
    world.feed(batch);
    assert_eq!(world.rest(one), [Response::Bundle(cell(1))]);
    assert_eq!(world.rest(two), [refused(Refusal::Used)]);
}

#[test]
fn a_blob_goes_up_and_down_in_chunks_beside_the_command_stream() {
    let mut world = World::new(small());
    let up = world.joined(Stream::Chunks(ConnId(0)));
    let down = world.connect();
    let (cap, owner) = (|| BlobCap::from_bytes([5; 32]), || OwnerCap::from_bytes([6; 32]));
    let chunk = |n: u8| Chunk::from_vec(vec![n; CHUNK_LEN]).unwrap();
    for index in 0..3_u8 {
        let (blob, owner, index, chunk) = (cap().id(), owner().id(), index.into(), chunk(index));
        let put = Request::BlobPut(BlobPut { blob, owner, index, of: 3, days: 7, chunk });
        assert_eq!(world.ask(up, put), Response::DONE);
    }
    for index in 0..3_u8 {
        let get = Request::BlobGet { read: cap(), index: index.into() };
        assert!(world.ask(down, get) == Response::Chunk(chunk(index)));
    }
    let get = |index| Request::BlobGet { read: cap(), index };
    assert_eq!(world.ask(down, get(3)), refused(Refusal::Missing));
    assert_eq!(world.ask(up, Request::BlobDrop { owner: owner() }), Response::DONE);
    assert_eq!(world.ask(down, get(0)), refused(Refusal::Missing));
}

/// D7: chunks that nobody takes are not read into memory without end.
#[test]
fn chunks_wait_in_the_store_while_all_sockets_are_full() {
    let limits = Limits { output: 1 << 20, output_total: 100_000, ..small() };
    let mut world = World::new(limits);
    let conn = world.connect();
    let (cap, owner) = (|| BlobCap::from_bytes([5; 32]), OwnerCap::from_bytes([6; 32]).id());
    let chunk = Chunk::from_vec(vec![1; CHUNK_LEN]).unwrap();
    let put = BlobPut { blob: cap().id(), owner, index: 0, of: 1, days: 7, chunk };
    assert_eq!(world.ask(conn, Request::BlobPut(put)), Response::DONE);
    world.clogged.insert(conn);
    let answers: Vec<_> =
        (0..4).map(|_| world.ask(conn, Request::BlobGet { read: cap(), index: 0 })).collect();
    let given = answers.iter().filter(|answer| matches!(answer, Response::Chunk(_))).count();
    assert_eq!((given, answers.last()), (2, Some(&refused(Refusal::Busy))));
    world.clogged.clear();
    world.flush();
    assert!(matches!(world.ask(conn, Request::BlobGet { read: cap(), index: 0 }), Response::Chunk(_)));
}
