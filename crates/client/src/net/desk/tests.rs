//! What a relay may answer, and what it may not.

use subrosa_codec::Cell;
use subrosa_engine::api::InviteId;
use subrosa_engine::{OutboxId, SessionKey};
use subrosa_wire::{
    Admit, ClaimToken, Decoder, FEATURES, FetchCap, MINOR, QueueId, ReadCap, RelayAddress, RelayKeyHash,
    Terms, WriteCap,
};

use super::*;
use crate::runtime::activity::Activity;

const TERMS: Terms = Terms {
    queue_cells: 1000,
    cell_days: 30,
    lease_days: 90,
    invite_days: 14,
    blob_days: 14,
    blob_chunks: 0,
    handles: 1000,
    window: 64,
    unanswered: UNANSWERED,
};

fn desk() -> Desk {
    Desk::new(
        &Welcome { minor: MINOR, features: FEATURES, day: Day(20_000), terms: TERMS },
        Admit::from_bytes([3; 32]),
    )
}

fn relay() -> RelayAddress {
    RelayAddress::new(RelayKeyHash::from_bytes([1; 32]), "relay.example", 7672).unwrap()
}

fn task(effect: Effect) -> Task {
    let relay = relay();
    let job = match &effect {
        Effect::Open(queue) => Job::Open {
            relay,
            write: QueueId::from_bytes([queue.0.to_le_bytes()[0]; 32]),
            read: ReadCap::from_bytes([2; 32]),
            credit: 16,
        },
        Effect::Ack(queue, upto) => {
            Job::Ack { relay, write: QueueId::from_bytes([queue.0.to_le_bytes()[0]; 32]), upto: *upto }
        }
        Effect::TakeInvite(_) => Job::TakeInvite {
            relay,
            fetch: FetchCap::from_bytes([3; 32]),
            claim: ClaimToken::from_bytes([4; 32]),
        },
        _ => Job::Append { relay, write: WriteCap::from_bytes([5; 32]), cell: Cell::zeroed() },
    };
    Task { effect, job, busy: Activity::new().start() }
}

fn send(n: i64) -> Effect {
    Effect::Send(OutboxId { session: SessionKey(1), seq: n })
}

/// Everything that the desk asks now.
fn asked(desk: &mut Desk) -> Vec<(Rid, Request)> {
    let mut found = Vec::new();
    while let Some(bytes) = desk.next_request() {
        let frame = Decoder::<Request>::new().decode(&mut bytes.as_slice()).unwrap().unwrap();
        found.push((frame.rid, frame.message));
    }
    found
}

fn only(desk: &mut Desk) -> Rid {
    let asked = asked(desk);
    assert_eq!(asked.len(), 1);
    asked[0].0
}

fn done(rid: Rid, value: u64) -> Frame<Response> {
    Frame::new(rid, Response::Reply(Ok(value)))
}

fn cell(handle: u32, seq: u64) -> Frame<Response> {
    Frame::new(Rid::NONE, Response::Cell { handle: Handle(handle), seq: Seq(seq), cell: Cell::zeroed() })
}

#[test]
fn no_more_than_32_requests_wait_and_they_leave_in_order() {
    let mut desk = desk();
    (0..100).for_each(|n| desk.give(task(send(n))));
    let first = asked(&mut desk);
    assert_eq!(first.len(), usize::from(UNANSWERED));
    assert!(first.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for (n, (rid, _)) in (0..).zip(&first) {
        let Heard::Event(Event::Finished { effect, answer: RelayAnswer::Ok(9) }, Some(_)) =
            desk.hear(done(*rid, 9)).unwrap()
        else {
            panic!("not finished")
        };
        assert_eq!(effect, send(n));
    }
    assert_eq!(asked(&mut desk).len(), usize::from(UNANSWERED));
}

#[test]
fn what_is_listed_again_is_asked_once_at_a_time() {
    let mut desk = desk();
    desk.give(task(send(1)));
    desk.give(task(send(1)));
    let rid = only(&mut desk);
    desk.give(task(send(1)));
    assert!(asked(&mut desk).is_empty());
    desk.hear(done(rid, 0)).unwrap();
    assert!(desk.is_idle());
    desk.give(task(send(1)));
    assert_eq!(asked(&mut desk).len(), 1, "once it is answered it may be asked again");
}

#[test]
fn a_cell_reaches_the_queue_whose_handle_it_names() {
    let mut desk = desk();
    desk.give(task(Effect::Open(InboundId(1))));
    desk.give(task(Effect::Open(InboundId(2))));
    let rids = asked(&mut desk);
    desk.hear(done(rids[0].0, 71)).unwrap();
    desk.hear(done(rids[1].0, 72)).unwrap();
    let heard = desk.hear(cell(72, 5)).unwrap();
    assert!(
        matches!(heard, Heard::Event(Event::Cell { queue: InboundId(2), seq: 5, .. }, None)),
        "{heard:?}"
    );
    assert_eq!(desk.hear(cell(73, 1)).unwrap_err(), Breach::UnknownHandle);
}

#[test]
fn an_ack_waits_for_its_queue_and_is_dropped_when_nobody_opens_it() {
    let mut desk = desk();
    desk.give(task(Effect::Open(InboundId(1))));
    desk.give(task(Effect::Ack(InboundId(1), 4)));
    desk.give(task(Effect::Ack(InboundId(2), 4)));
    let open = only(&mut desk);
    assert!(!desk.is_idle());
    let heard = desk.hear(done(open, 9)).unwrap();
    assert!(matches!(
        heard,
        Heard::Event(Event::Opened { queue: InboundId(1), relay_day: Day(20_000) }, Some(_))
    ));
    let acks = asked(&mut desk);
    assert!(matches!(acks.as_slice(), [(_, Request::Ack { handle: Handle(9), upto: Seq(4) })]), "{acks:?}");
    desk.hear(done(acks[0].0, 0)).unwrap();
    assert!(desk.is_idle());
}

#[test]
fn a_refused_open_lets_its_acks_go() {
    let mut desk = desk();
    desk.give(task(Effect::Open(InboundId(1))));
    desk.give(task(Effect::Ack(InboundId(1), 4)));
    let open = only(&mut desk);
    let refused = Frame::new(open, Response::Reply(Err(Refusal::QuotaExceeded)));
    let heard = desk.hear(refused).unwrap();
    assert!(matches!(
        heard,
        Heard::Event(
            Event::Finished {
                effect: Effect::Open(InboundId(1)),
                answer: RelayAnswer::Refused(Refusal::QuotaExceeded)
            },
            _
        )
    ));
    assert!(desk.is_idle());
}

#[test]
fn a_queue_that_moved_away_is_told_once_and_its_late_cells_are_not_taken() {
    let mut desk = desk();
    desk.give(task(Effect::Open(InboundId(1))));
    let open = only(&mut desk);
    desk.hear(done(open, 9)).unwrap();
    let moved = || Frame::new(Rid::NONE, Response::Moved { handle: Handle(9) });
    assert!(matches!(desk.hear(moved()).unwrap(), Heard::Event(Event::Moved(InboundId(1)), None)));
    assert!(matches!(desk.hear(moved()).unwrap(), Heard::Nothing));
    assert!(matches!(desk.hear(cell(9, 1)).unwrap(), Heard::Nothing));
    // Opened again: the new handle is in force.
    desk.give(task(Effect::Open(InboundId(1))));
    let open = only(&mut desk);
    desk.hear(done(open, 10)).unwrap();
    assert!(matches!(desk.hear(cell(10, 1)).unwrap(), Heard::Event(Event::Cell { .. }, None)));
}

#[test]
fn answers_that_nobody_asked_for_end_the_connection() {
    let breach = |frame: Frame<Response>| {
        let mut desk = desk();
        desk.give(task(Effect::TakeInvite(InviteId(1))));
        desk.give(task(Effect::Open(InboundId(1))));
        assert_eq!(asked(&mut desk).iter().map(|(rid, _)| rid.0).collect::<Vec<_>>(), [2, 3]);
        desk.hear(frame).unwrap_err()
    };
    let bundle = |rid| Frame::new(rid, Response::Bundle(Cell::zeroed()));
    assert_eq!(breach(done(Rid(7), 0)), Breach::Unasked);
    assert_eq!(breach(done(Rid(1), 0)), Breach::Unasked);
    assert_eq!(breach(done(Rid(2), 0)), Breach::WrongAnswer, "a bundle was asked for");
    assert_eq!(breach(bundle(Rid(3))), Breach::WrongAnswer, "a handle was asked for");
    assert_eq!(breach(done(Rid(3), u64::MAX)), Breach::WrongAnswer, "no handle");
    assert_eq!(breach(cell(1, 1)), Breach::UnknownHandle);
    assert_eq!(breach(Frame::new(Rid::NONE, Response::Moved { handle: Handle(1) })), Breach::UnknownHandle);
}

#[test]
fn a_handle_that_is_given_twice_ends_the_connection() {
    let mut desk = desk();
    desk.give(task(Effect::Open(InboundId(1))));
    desk.give(task(Effect::Open(InboundId(2))));
    let rids = asked(&mut desk);
    desk.hear(done(rids[0].0, 9)).unwrap();
    assert_eq!(desk.hear(done(rids[1].0, 9)).unwrap_err(), Breach::WrongAnswer);
}

#[test]
fn what_a_relay_puts_off_because_it_stops_is_no_answer_and_stays_to_be_done() {
    let mut desk = desk();
    desk.give(task(send(1)));
    let rid = only(&mut desk);
    let refused = Frame::new(rid, Response::Reply(Err(Refusal::Draining)));
    assert!(matches!(desk.hear(refused).unwrap(), Heard::Nothing));
    assert!(!desk.is_idle());
}
