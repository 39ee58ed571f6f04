//! The end: drained, or by a fault of the store.

use std::vec::Vec;
use subrosa_wire::{QueueId, Refusal, Request, Response};

use super::world::{TODAY, World, append, hello, open, small};
use crate::{
    ConnId, Core, Input, Knowledge, Limits, MemStore, Op, Outcome, Output, Store, StoreFault, Stream,
};

#[test]
fn draining_answers_what_is_under_way_and_takes_nothing_new() {
    // REL-53.
    let limits = small();
    let mut core = Core::new(limits, TODAY);
    let mut world = World::new(limits);
    let mut out = Vec::new();
    let conn = ConnId(1);
    world.sockets.insert(conn, Default::default());
    core.handle(Input::Joined(conn, Stream::Command), &mut out);
    for request in [hello(), open(1, 1)] {
        let input = world.input(conn, request);
        core.handle(input, &mut out);
    }
    out.clear();
    core.handle(Input::Drain, &mut out);
    assert!(matches!(&out[..], [Output::Send(_, frame)] if matches!(frame.message, Response::GoAway(_))));
    assert!(!core.is_idle());
    let late = world.input(conn, append(1, 1));
    core.handle(late, &mut out);
    core.handle(Input::Joined(ConnId(2), Stream::Command), &mut out);
    let said: Vec<_> = out.drain(..).map(|output| format!("{output:?}")).collect();
    assert!(said[1].contains("Reply(Err(Draining))"), "{said:?}");
    assert!(said[2].contains("GoAway") && said[3].contains("Hang(ConnId(2), Draining)"), "{said:?}");
    // What was under way is answered, then everyone is hung up.
    let op = Op::Open {
        queue: QueueId::from_bytes([0; 32]),
        read: super::world::read(1).id(),
        admit: subrosa_wire::Admit::OPEN,
        renew: TODAY,
    };
    core.handle(Input::Committed(vec![op], vec![Outcome::Opened { last: None }]), &mut out);
    assert!(matches!(&out[..], [Output::Send(..), Output::Hang(ConnId(1), Refusal::Draining)]), "{out:?}");
    assert!(core.is_idle() && core.streams() == 0);
}

#[test]
fn a_drained_relay_turns_everyone_away() {
    let mut world = World::new(small());
    let conn = world.connect();
    world.open(conn, 1, 1);
    world.feed([Input::Drain]);
    world.is_hung(conn, Refusal::Draining);
    let late = world.joined(Stream::Command);
    world.is_hung(late, Refusal::Draining);
    assert!(world.service().is_idle());
}

/// Fails at the commit after `left` others.
struct Failing {
    store: MemStore,
    left: u32,
}

impl Store for Failing {
    type Reader = <MemStore as Store>::Reader;
    fn commit(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, StoreFault> {
        self.left = self.left.checked_sub(1).ok_or(StoreFault::Io)?;
        self.store.commit(ops)
    }
    fn reader(&self) -> Self::Reader {
        self.store.reader()
    }
    fn knowledge(&self, rows: usize) -> Knowledge {
        self.store.knowledge(rows)
    }
}

/// D12: never acknowledge what is not stored.
#[test]
fn a_fault_answers_nothing_of_its_batch_and_hangs_everyone_up() {
    // REL-57.
    let store = Failing { store: MemStore::new(small()), left: 2 };
    let mut world = World::over(small(), store);
    let (one, two) = (world.connect(), world.connect());
    world.open(one, 1, 8);
    let batch = [world.input(two, append(1, 1)), world.input(one, append(1, 2))];
    assert!(!world.feed(batch), "the fault is told to the process");
    for conn in [one, two] {
        world.is_hung(conn, Refusal::Storage);
        let rest = world.rest(conn);
        assert!(rest.iter().all(|frame| matches!(frame, Response::GoAway(_))), "{rest:?}");
    }
    // Nothing happens any more.
    assert!(world.feed([Input::Frame(one, subrosa_wire::Frame::new(subrosa_wire::Rid(9), Request::Ping))]));
    assert_eq!(world.rest(one), []);
}

#[test]
fn outcomes_that_fit_no_request_are_a_fault_and_reach_nobody() {
    let mut core = Core::new(Limits::default(), TODAY);
    let mut out = Vec::new();
    core.handle(Input::Joined(ConnId(1), Stream::Command), &mut out);
    let op = Op::Sweep { today: TODAY, budget: 1 };
    core.handle(Input::Committed(vec![op], vec![Outcome::Done]), &mut out);
    assert!(matches!(out.last(), Some(Output::Hang(ConnId(1), Refusal::Storage))));
}
