//! Subscriptions: order, credit, takeover, acknowledging.

use std::vec::Vec;
use subrosa_wire::{Handle, Refusal, Request, Response, Seq, WINDOW};

use super::world::{World, append, open, queue, read, refused, small};
use crate::{ConnId, Input, Limits};

#[test]
fn a_fresh_cell_goes_to_its_subscriber_and_a_waiting_one_to_the_next() {
    // REL-35.
    let mut world = World::new(small());
    let (reader, writer) = (world.connect(), world.connect());
    let handle = world.open(reader, 1, 16);
    world.append(writer, 1, 1);
    assert_eq!(world.numbers(reader, handle), [1]);
    world.append(writer, 1, 2);
    assert_eq!(world.numbers(reader, handle), [2]);
    // Nothing was acknowledged: all of it comes again.
    let other = world.connect();
    let handle = world.open(other, 1, 16);
    assert_eq!(world.numbers(other, handle), [1, 2]);
}

#[test]
fn the_handle_comes_before_its_cells() {
    // REL-37.
    let mut world = World::new(small());
    let (one, two) = (world.connect(), world.connect());
    world.open(one, 1, 16);
    world.append_all(one, 1, 0..3);
    world.say(two, open(1, 16));
    let came = world.rest(two);
    let Response::Reply(Ok(handle)) = came[0] else { panic!("{came:?}") };
    let cells = came[1..]
        .iter()
        .map(|frame| matches!(frame, Response::Cell { handle: h, .. } if u64::from(h.0) == handle));
    assert_eq!(cells.collect::<Vec<_>>(), [true; 3]);
}

#[test]
fn credit_is_never_exceeded_and_each_ack_brings_the_next_cells_in_order() {
    // REL-36.
    let mut world = World::new(small());
    let (reader, writer) = (world.connect(), world.connect());
    let handle = world.open(reader, 1, 5);
    world.append_all(writer, 1, 0..12);
    let cells = world.cells(reader, handle);
    assert_eq!(cells.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    // A part of them, cumulative.
    assert_eq!(world.ack(reader, handle, cells[2].0), Response::DONE);
    assert_eq!(world.numbers(reader, handle), [5, 6, 7]);
    assert_eq!(world.ack(reader, handle, cells[4].0), Response::DONE);
    assert_eq!(world.numbers(reader, handle), [8, 9]);
    // The same again gives no credit.
    assert_eq!(world.ack(reader, handle, cells[4].0), Response::DONE);
    assert_eq!(world.numbers(reader, handle), [] as [u32; 0]);
}

#[test]
fn a_connection_never_holds_more_than_its_window_over_all_queues() {
    // REL-36.
    let mut world = World::new(small());
    let (reader, writer) = (world.connect(), world.connect());
    let handles = [1, 2, 3].map(|q| world.open(reader, q, u16::MAX));
    for q in 1..=3 {
        world.append_all(writer, q, 0..50);
    }
    let counts = handles.map(|handle| world.cells(reader, handle).len());
    assert_eq!(counts.iter().sum::<usize>(), usize::from(WINDOW), "{counts:?}");
    // Whoever waits is served as soon as another's cells are done with.
    let held = world.ack(reader, handles[0], Seq(u64::MAX));
    assert_eq!(held, Response::DONE);
    assert_eq!(world.numbers(reader, handles[1]), (14..50).collect::<Vec<_>>());
    let all = handles.map(|handle| world.cells(reader, handle).len());
    assert_eq!(all.iter().sum::<usize>() + 36, 50, "as many as were acknowledged: {all:?}");
}

#[test]
fn all_queues_of_a_connection_get_their_turn() {
    // REL-36.
    let mut world = World::new(small());
    let (reader, writer) = (world.connect(), world.connect());
    let handles = [1, 2, 3, 4].map(|q| world.open(reader, q, 40));
    for q in 1..=4 {
        world.append_all(writer, q, 0..150);
    }
    let mut seen = [const { Vec::new() }; 4];
    for _ in 0..200 {
        for (handle, seen) in handles.iter().zip(&mut seen) {
            let cells = world.cells(reader, *handle);
            if let Some((last, _)) = cells.last() {
                let last = *last;
                seen.extend(cells.into_iter().map(|(_, n)| n));
                world.ack(reader, *handle, last);
            }
        }
    }
    for seen in seen {
        assert_eq!(seen, (0..150).collect::<Vec<_>>());
    }
}

#[test]
fn an_ack_erases_and_never_beyond_what_was_sent() {
    // REL-31.
    let mut world = World::new(small());
    let (reader, writer) = (world.connect(), world.connect());
    let handle = world.open(reader, 1, 4);
    world.append_all(writer, 1, 0..10);
    assert_eq!(world.numbers(reader, handle), [0, 1, 2, 3]);
    assert_eq!(world.ack(reader, handle, Seq(u64::MAX)), Response::DONE);
    assert_eq!(world.service().knowledge(0).cell_count, 6, "cells that the reader never had stay");
    assert_eq!(world.read_all(reader, handle), [4, 5, 6, 7, 8, 9]);
    assert_eq!(world.service().knowledge(0).cell_count, 0);
}

#[test]
fn acks_that_acknowledge_nothing_cost_no_commit() {
    let mut core = crate::Core::new(small(), super::world::TODAY);
    let mut world = World::new(small());
    let conn = world.connect();
    let handle = world.open(conn, 1, 4);
    for _ in 0..100 {
        assert_eq!(world.ack(conn, handle, Seq(u64::MAX)), Response::DONE);
    }
    assert!(world.service().is_idle());
    // And of the core alone: no operation is given out.
    let mut out = Vec::new();
    core.handle(Input::Joined(conn, crate::Stream::Command), &mut out);
    let frames = [super::world::hello(), Request::Ack { handle: Handle(1), upto: Seq(9) }];
    for (n, request) in (1..).zip(frames) {
        core.handle(Input::Frame(conn, subrosa_wire::Frame::new(subrosa_wire::Rid(n), request)), &mut out);
    }
    assert!(!out.iter().any(|output| matches!(output, crate::Output::Commit(_))));
}

#[test]
fn a_second_subscriber_takes_over_and_the_first_is_told() {
    // REL-34.
    let mut world = World::new(small());
    let (one, two, writer) = (world.connect(), world.connect(), world.connect());
    let first = world.open(one, 1, 16);
    world.append_all(writer, 1, 0..3);
    let seen = world.cells(one, first);
    assert_eq!(seen.len(), 3);
    let second = world.open(two, 1, 16);
    assert_eq!(world.rest(one), [Response::Moved { handle: first }]);
    // What the first acknowledges now is not applied.
    assert_eq!(world.ack(one, first, seen[2].0), refused(Refusal::Missing));
    assert_eq!(world.service().knowledge(0).cell_count, 3);
    world.append(writer, 1, 3);
    assert_eq!(world.numbers(two, second), [0, 1, 2, 3]);
    assert_eq!(world.rest(one), []);
    // And back: a handle is never used twice.
    let third = world.open(one, 1, 16);
    assert_ne!(third, first);
    assert_eq!(world.rest(two), [Response::Moved { handle: second }]);
    assert_eq!(world.numbers(one, third), [0, 1, 2, 3]);
}

#[test]
fn opening_again_on_the_same_connection_starts_over_under_a_new_handle() {
    // REL-27.
    let mut world = World::new(small());
    let conn = world.connect();
    let first = world.open(conn, 1, 2);
    world.append_all(conn, 1, 0..5);
    assert_eq!(world.numbers(conn, first), [0, 1]);
    let second = world.open(conn, 1, 4);
    assert_ne!(first, second);
    assert_eq!(world.ack(conn, first, Seq(u64::MAX)), refused(Refusal::Missing));
    assert_eq!(world.numbers(conn, second), [0, 1, 2, 3]);
    // The window of the old one is free again: a hundred times would exhaust it.
    for _ in 0..100 {
        let handle = world.open(conn, 1, 64);
        assert_eq!(world.numbers(conn, handle).len(), 5);
    }
    assert!(!world.rest(conn).iter().any(|frame| matches!(frame, Response::Moved { .. })));
}

#[test]
fn a_wrong_right_does_not_move_the_subscriber() {
    let mut world = World::new(small());
    let (one, two) = (world.connect(), world.connect());
    let handle = world.open(one, 1, 16);
    let Request::Open(mut wrong) = open(1, 16) else { unreachable!() };
    wrong.read = read(9);
    assert_eq!(world.ask(two, Request::Open(wrong)), refused(Refusal::Missing));
    assert_eq!(world.rest(one), []);
    world.append(two, 1, 7);
    assert_eq!(world.numbers(one, handle), [7]);
}

#[test]
fn a_rotated_right_ends_the_subscription_of_whoever_had_the_old_one() {
    // REL-33.
    let mut world = World::new(small());
    let (thief, owner) = (world.connect(), world.connect());
    let stolen = world.open(thief, 1, 16);
    let rotate = || Request::RotateRead { read: read(1), to: read(99).id() };
    assert_eq!(world.ask(owner, rotate()), Response::DONE);
    assert_eq!(world.rest(thief), [Response::Moved { handle: stolen }]);
    assert_eq!(world.ask(thief, open(1, 16)), refused(Refusal::Missing));
    // Lost answer: again, and nobody is moved by it.
    let Request::Open(mut fresh) = open(1, 16) else { unreachable!() };
    fresh.read = read(99);
    assert!(matches!(world.ask(owner, Request::Open(fresh)), Response::Reply(Ok(_))));
    assert_eq!(world.ask(thief, rotate()), Response::DONE);
    assert_eq!(world.rest(owner), []);
}

#[test]
fn closing_a_queue_ends_its_subscription_and_its_cells() {
    // REL-32.
    let mut world = World::new(small());
    let (one, two) = (world.connect(), world.connect());
    let handle = world.open(one, 1, 1);
    world.append_all(two, 1, 0..3);
    assert_eq!(world.ask(two, Request::Close { read: read(1) }), Response::DONE);
    assert_eq!(world.numbers(one, handle), [0]);
    assert_eq!(world.rest(one), [Response::Moved { handle }]);
    assert_eq!(world.ask(two, append(1, 9)), refused(Refusal::Missing));
    assert_eq!(world.ask(two, Request::Close { read: read(1) }), refused(Refusal::Missing));
    assert_eq!(world.service().knowledge(9).cell_count, 0);
    // Made anew, it is another queue.
    let again = world.open(one, 1, 4);
    world.append(two, 1, 5);
    assert_eq!(world.numbers(one, again), [5]);
}

#[test]
fn who_leaves_is_forgotten_and_the_queue_goes_on() {
    let mut world = World::new(small());
    let (one, two) = (world.connect(), world.connect());
    world.open(one, 1, 16);
    world.append_all(two, 1, 0..3);
    world.feed([Input::Left(one)]);
    world.append(two, 1, 3);
    let handle = world.open(two, 1, 16);
    assert_eq!(world.read_all(two, handle), [0, 1, 2, 3]);
    // One that leaves in the batch in which it asks.
    let gone = world.connect();
    let ask = world.input(gone, open(1, 16));
    world.feed([ask, Input::Left(gone)]);
    world.append(two, 1, 4);
    assert_eq!(world.numbers(two, handle), [4], "a subscriber is not moved by one who is gone");
}

#[test]
fn expired_cells_are_not_delivered_from_their_day_on() {
    // REL-40.
    let mut world = World::new(small());
    let conn = world.connect();
    let handle = world.open(conn, 1, 1);
    world.append_all(conn, 1, 0..20);
    assert_eq!(world.numbers(conn, handle), [0]);
    world.feed([Input::Day(super::world::TODAY.plus(3))]);
    world.append(conn, 1, 99);
    // 3 full days are over: on the fourth nothing of the first is left, though a sweep erases 10 at a time.
    world.feed([Input::Day(super::world::TODAY.plus(4))]);
    assert_eq!(world.service().knowledge(0).cell_count, 11);
    assert_eq!(world.ack(conn, handle, Seq(u64::MAX)), Response::DONE);
    assert_eq!(world.numbers(conn, handle), [99]);
}

#[test]
fn a_day_is_swept_piece_by_piece_and_only_when_it_is_due() {
    // REL-49.
    let mut world = World::new(small());
    let conn = world.connect();
    world.open(conn, 1, 1);
    world.append_all(conn, 1, 0..35);
    let later = super::world::TODAY.plus(4);
    let left: Vec<u64> = (0..5)
        .map(|_| {
            world.feed([Input::Day(later)]);
            world.service().knowledge(0).cell_count
        })
        .collect();
    assert_eq!(left, [25, 15, 5, 0, 0]);
    // A day that is not later changes nothing.
    world.append(conn, 1, 1);
    world.feed([Input::Day(super::world::TODAY)]);
    assert_eq!(world.service().knowledge(0).cell_count, 1);
    assert_eq!(world.ask(conn, Request::Ping), Response::Reply(Ok(later.0.into())));
}

#[test]
fn a_cell_that_a_read_brought_is_not_sent_again_from_memory() {
    // The read is answered after the commit, and before the core learns of it.
    let mut driver = super::races::Loose::new(small());
    let conn = driver.join();
    driver.ask(conn, open(1, 8));
    driver.settle();
    driver.ask(conn, append(1, 1));
    driver.commit(1);
    // Another subscriber opens: its read sees cell 1; cell 2 is committed before the read, told after it.
    let two = driver.join();
    driver.tell();
    driver.ask(two, open(1, 8));
    driver.commit(9);
    driver.tell();
    driver.ask(conn, append(1, 2));
    driver.commit(9);
    driver.read();
    driver.tell();
    driver.settle();
    assert_eq!(driver.received(two, queue(1)), [1, 2]);
}

#[test]
fn a_stream_that_does_not_drain_is_left_behind_and_catches_up() {
    // REL-38.
    // Half of the output's bound is room for four cells.
    let limits = Limits { output: 8 * 4_200, ..small() };
    let mut world = World::new(limits);
    let (reader, writer) = (world.connect(), world.connect());
    let handle = world.open(reader, 1, 64);
    world.clogged.insert(reader);
    world.append_all(writer, 1, 0..30);
    let held = world.sockets[&reader].frames.len();
    assert!((4..=5).contains(&held), "{held} cells wait for a socket that takes none");
    // It reads again, and acknowledges nothing.
    world.clogged.clear();
    world.flush();
    assert_eq!(world.numbers(reader, handle), (0..30).collect::<Vec<_>>());
}

#[test]
fn what_waits_for_all_sockets_together_is_bounded_and_everyone_catches_up() {
    let limits = Limits { output_total: 20 * 4_200, queue_cells: 400, ..small() };
    let mut world = World::new(limits);
    let writer = world.connect();
    let readers = [1, 2, 3].map(|q| {
        let conn = world.connect();
        (conn, q, world.open(conn, q, 64))
    });
    world.clogged.extend(readers.map(|(conn, ..)| conn));
    for (_, q, _) in readers {
        world.append_all(writer, q, 0..60);
    }
    let held: usize = world.sockets.values().map(|socket| socket.bytes).sum();
    assert!(held <= limits.output_total + 4_200, "{held} bytes wait");
    world.clogged.clear();
    world.flush();
    for (conn, _, handle) in readers {
        assert_eq!(world.numbers(conn, handle), (0..60).collect::<Vec<_>>());
    }
}

/// A stream takes all room there is, with `cells` in its queue; another waits; then `free` makes room.
fn one_waits_for_another(cells: u32, free: fn(&mut World, ConnId)) {
    let limits = Limits { output_total: 20 * 4_200, queue_cells: 400, ..small() };
    let mut world = World::new(limits);
    let (writer, clogged, waiting) = (world.connect(), world.connect(), world.connect());
    world.open(clogged, 1, 64);
    world.clogged.insert(clogged);
    world.append_all(writer, 1, 0..cells);
    let handle = world.open(waiting, 2, 64);
    world.append_all(writer, 2, 0..9);
    let before = world.numbers(waiting, handle).len();
    assert!(before < 3, "there is no room for all");
    free(&mut world, clogged);
    assert_eq!(before + world.numbers(waiting, handle).len(), 9);
}

#[test]
fn who_leaves_makes_room_for_those_who_wait() {
    one_waits_for_another(60, |world, clogged| {
        world.sockets.get_mut(&clogged).unwrap().bytes = 0;
        world.feed([Input::Left(clogged)]);
    });
}

#[test]
fn who_reads_at_last_makes_room_for_those_who_wait() {
    // Its own queue has nothing more to give: the room is another's.
    one_waits_for_another(20, |world, clogged| {
        world.feed([Input::Writable(clogged, usize::MAX)]);
    });
}

#[test]
fn an_ack_on_a_queue_whose_lease_has_lapsed_is_not_applied() {
    let mut world = World::new(small());
    let (one, two) = (world.connect(), world.connect());
    let handle = world.open(one, 1, 8);
    world.append(two, 1, 1);
    world.feed([Input::Day(super::world::TODAY.plus(96))]);
    let Request::Open(mut anew) = open(1, 8) else { unreachable!() };
    anew.read = read(9);
    let batch = [
        world.input(two, Request::Open(anew)),
        world.input(two, append(1, 2)),
        world.input(one, Request::Ack { handle, upto: Seq(u64::MAX) }),
    ];
    world.feed(batch);
    assert_eq!(world.service().knowledge(0).cell_count, 1);
}

#[test]
fn a_subscriber_that_acknowledges_nothing_takes_a_window_of_memory_and_no_more() {
    // REL-56.
    // D5: it reads from its socket, and never acknowledges.
    let mut world = World::new(small());
    let (reader, writer) = (world.connect(), world.connect());
    let handle = world.open(reader, 1, u16::MAX);
    for n in 0..200 {
        world.append(writer, 1, n);
    }
    assert_eq!(world.numbers(reader, handle), (0..64).collect::<Vec<_>>());
    assert_eq!(world.ask(writer, append(1, 200)), refused(Refusal::Full));
    assert_eq!(world.numbers(reader, handle), [] as [u32; 0]);
}

#[test]
fn what_was_appended_in_a_batch_comes_in_that_order() {
    let mut world = World::new(small());
    let (reader, writer) = (world.connect(), world.connect());
    let handle = world.open(reader, 1, 64);
    let batch: Vec<_> = (0..20).map(|n| world.input(writer, append(1, n))).collect();
    world.feed(batch);
    assert_eq!(world.numbers(reader, handle), (0..20).collect::<Vec<_>>());
    let cells: Vec<_> = world.rest(writer);
    assert_eq!(cells, (0..20).map(|_| Response::DONE).collect::<Vec<_>>());
}
