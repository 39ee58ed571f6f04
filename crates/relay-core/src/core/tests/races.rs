//! Appends against subscribes, reads against commits, takeovers against acks: in every order that a runtime may
//! choose.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::vec::Vec;

use proptest::prelude::*;
use subrosa_codec::Cell;
use subrosa_wire::{Frame, Handle, QueueId, Request, Response, Rid, Seq, WINDOW};

use super::world::{TODAY, append, hello, number, open, queue, read, small};
use crate::{ConnId, Core, Input, Limits, MemStore, Op, Outcome, Output, Store, StoreRead, Stream, Ticket};

/// A core whose commits, their news, reads and their news happen when the test says so.
pub(super) struct Loose {
    core: Core,
    store: MemStore,
    /// Given out, not committed.
    ops: VecDeque<Op>,
    /// Committed, not told.
    done: VecDeque<(Op, Outcome)>,
    /// Asked for, not read.
    reads: VecDeque<(Ticket, QueueId, Seq, u32)>,
    /// Read, not told.
    found: VecDeque<(Ticket, Vec<(Seq, Cell)>)>,
    clients: BTreeMap<ConnId, Client>,
    next: u64,
    /// Cells that were stored and not erased with their queue; cells that anyone received.
    stored: BTreeSet<(QueueId, u32)>,
    received: BTreeSet<(QueueId, u32)>,
}

#[derive(Default)]
struct Client {
    rid: u32,
    /// `OPEN`s not answered, and what they open.
    opening: BTreeMap<Rid, QueueId>,
    /// `CLOSE`s not answered, and what they close.
    closing: BTreeMap<Rid, QueueId>,
    handles: BTreeMap<Handle, Reading>,
    /// Everything that ever came, by queue.
    received: Vec<(QueueId, u32)>,
}

/// One subscription, as its client sees it.
struct Reading {
    queue: QueueId,
    credit: usize,
    unacked: VecDeque<Seq>,
    last: Seq,
}

const CREDIT: u16 = 5;

impl Loose {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            core: Core::new(limits, TODAY),
            store: MemStore::new(limits),
            ops: VecDeque::new(),
            done: VecDeque::new(),
            reads: VecDeque::new(),
            found: VecDeque::new(),
            clients: BTreeMap::new(),
            next: 1,
            stored: BTreeSet::new(),
            received: BTreeSet::new(),
        }
    }

    pub(super) fn join(&mut self) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        self.clients.insert(conn, Client::default());
        self.input(Input::Joined(conn, Stream::Command));
        self.ask(conn, hello());
        conn
    }

    pub(super) fn leave(&mut self, conn: ConnId) {
        self.clients.remove(&conn);
        self.input(Input::Left(conn));
    }

    pub(super) fn ask(&mut self, conn: ConnId, request: Request) {
        let client = self.clients.get_mut(&conn).unwrap();
        client.rid += 1;
        let rid = Rid(client.rid);
        if let Request::Open(open) = &request {
            client.opening.insert(rid, open.queue);
        }
        if let Request::Close { read: right } = &request {
            client.closing.extend((1..=3).find(|q| read(*q) == *right).map(|q| (rid, queue(q))));
        }
        self.input(Input::Frame(conn, Frame::new(rid, request)));
    }

    /// Acknowledges the first `count` cells of one subscription.
    fn ack(&mut self, conn: ConnId, pick: usize, count: usize) {
        let client = self.clients.get_mut(&conn).unwrap();
        let open = client.handles.len();
        let Some((handle, reading)) = client.handles.iter_mut().nth(pick % open.max(1)) else { return };
        let count = count.min(reading.unacked.len());
        let Some(upto) = reading.unacked.drain(..count).next_back() else { return };
        let handle = *handle;
        self.ask(conn, Request::Ack { handle, upto });
    }

    /// Commits up to `count` operations.
    pub(super) fn commit(&mut self, count: usize) {
        let count = count.min(self.ops.len());
        let ops: Vec<_> = self.ops.drain(..count).collect();
        let outcomes = self.store.commit(&ops).unwrap();
        for (op, outcome) in ops.iter().zip(&outcomes) {
            match (op, outcome) {
                (Op::Append { queue, cell, .. }, Outcome::Appended(_)) => {
                    self.stored.insert((*queue, number(cell)));
                }
                (_, Outcome::Closed(queue)) => self.stored.retain(|(of, _)| of != queue),
                _ => {}
            }
        }
        self.done.extend(ops.into_iter().zip(outcomes));
    }

    /// Tells the core what was committed.
    pub(super) fn tell(&mut self) {
        let (ops, outcomes) = self.done.drain(..).unzip();
        self.input(Input::Committed(ops, outcomes));
    }

    /// Reads what was asked for first.
    pub(super) fn read(&mut self) {
        if let Some((ticket, queue, after, max)) = self.reads.pop_front() {
            self.found.push_back((ticket, self.store.reader().cells(queue, after, max).unwrap()));
        }
    }

    /// Tells the core what was read first, or last.
    fn bring(&mut self, last: bool) {
        let found = if last { self.found.pop_back() } else { self.found.pop_front() };
        if let Some((ticket, cells)) = found {
            self.input(Input::Cells(ticket, cells));
        }
    }

    /// Until nothing is under way.
    pub(super) fn settle(&mut self) {
        while !(self.ops.is_empty() && self.done.is_empty() && self.reads.is_empty() && self.found.is_empty())
        {
            self.commit(usize::MAX);
            self.tell();
            self.read();
            self.bring(false);
        }
        assert!(self.core.is_idle());
    }

    /// With nothing under way, the core's books agree with what its clients hold.
    pub(super) fn is_balanced(&self) {
        assert_eq!((self.core.reserved, self.core.queued, self.core.closing), (0, 0, 0));
        for (conn, client) in &self.clients {
            let books = &self.core.conns[conn];
            let held: usize = client.handles.values().map(|reading| reading.unacked.len()).sum();
            assert_eq!((books.reserved, usize::from(books.inflight)), (0, held));
            assert_eq!((books.unanswered, books.opening, books.queued), (0, 0, 0));
            assert_eq!(books.handles.len(), client.handles.len());
            assert!(books.waiting.len() <= books.handles.len());
        }
    }

    pub(super) fn received(&self, conn: ConnId, queue: QueueId) -> Vec<u32> {
        let all = self.clients[&conn].received.iter();
        all.filter(|(from, _)| *from == queue).map(|(_, n)| *n).collect()
    }

    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.core.handle(input, &mut out);
        for output in out {
            match output {
                Output::Commit(op) => self.ops.push_back(op),
                Output::FetchCells { ticket, queue, after, max } => {
                    self.reads.push_back((ticket, queue, after, max));
                }
                Output::Send(conn, frame) => self.receive(conn, frame),
                other => panic!("{other:?}"),
            }
        }
    }

    /// A client's side, with everything that it may rely on.
    fn receive(&mut self, conn: ConnId, frame: Frame<Response>) {
        let len = frame.encoded_len();
        let client = self.clients.get_mut(&conn).expect("nothing is sent to one who left");
        match frame.message {
            Response::Reply(Ok(value)) => {
                if let Some(queue) = client.closing.remove(&frame.rid) {
                    client.handles.retain(|_, reading| reading.queue != queue);
                }
                if let Some(queue) = client.opening.remove(&frame.rid) {
                    client.handles.retain(|_, reading| reading.queue != queue);
                    let credit = usize::from(CREDIT);
                    let reading = Reading { queue, credit, unacked: VecDeque::new(), last: Seq(0) };
                    let new = client.handles.insert(Handle(value.try_into().unwrap()), reading);
                    assert!(new.is_none(), "a handle is never used twice");
                }
            }
            Response::Cell { handle, seq, cell } => {
                let reading = client.handles.get_mut(&handle).expect("cells of a living handle only");
                assert!(seq > reading.last, "in order, each once");
                reading.last = seq;
                reading.unacked.push_back(seq);
                assert!(reading.unacked.len() <= reading.credit, "never more than the credit");
                client.received.push((reading.queue, number(&cell)));
                self.received.insert((reading.queue, number(&cell)));
                let held: usize = client.handles.values().map(|reading| reading.unacked.len()).sum();
                assert!(held <= usize::from(WINDOW), "never more than the window");
            }
            Response::Moved { handle } => {
                assert!(client.handles.remove(&handle).is_some(), "a handle ends once");
            }
            _ => {}
        }
        self.input(Input::Writable(conn, len));
    }
}

/// Found by the property below: the places of a queue that is made anew begin again.
#[test]
fn an_ack_of_a_closed_queues_cell_does_not_erase_its_successors() {
    let mut driver = Loose::new(small());
    let (reader, other) = (driver.join(), driver.join());
    driver.ask(reader, open(2, CREDIT));
    driver.ask(other, append(2, 1));
    driver.settle();
    assert_eq!(driver.received(reader, queue(2)), [1]);
    // One after the other, all before the first is committed; the last by another right, to and fro.
    driver.ask(other, Request::RotateRead { read: read(2), to: read(3).id() });
    driver.ask(other, Request::Close { read: read(3) });
    driver.ask(other, open(2, CREDIT));
    driver.ask(other, append(2, 2));
    driver.ack(reader, 0, 1);
    driver.commit(usize::MAX);
    assert_eq!(stored(&driver, 2), [2]);
    driver.settle();
    assert_eq!(driver.received(other, queue(2)), [2]);
    // The same where the subscriber itself has rotated, before.
    driver.ask(other, Request::RotateRead { read: read(2), to: read(4).id() });
    driver.settle();
    driver.ask(reader, Request::Close { read: read(4) });
    driver.ask(reader, open(2, CREDIT));
    driver.ask(reader, append(2, 3));
    driver.ack(other, 0, 1);
    driver.commit(usize::MAX);
    assert_eq!(stored(&driver, 2), [3]);
}

#[test]
fn opening_the_same_queue_again_and_again_on_a_full_stream_keeps_one_place_in_its_line() {
    let mut driver = Loose::new(Limits { output: 0, ..small() });
    let conn = ConnId(77);
    driver.core.conns.insert(conn, super::super::stream::Conn::new(Stream::Command));
    let asker = super::super::stream::Asker { conn, rid: Rid(1), chunk: false };
    let opened = |q| super::super::outcome::Opened {
        queue: queue(q),
        read: read(q).id(),
        lease: u16::MAX,
        credit: 5,
        last: Some(Seq(1)),
    };
    // Without room for a single cell, and without answers, which would find none either.
    for _ in 0..50 {
        driver.core.limits.output = 1 << 20;
        driver.core.subscribe(asker, &opened(1), &mut Vec::new());
        driver.core.conns.get_mut(&conn).unwrap().inflight = WINDOW;
        driver.core.subscribe(asker, &opened(2), &mut Vec::new());
    }
    let books = &driver.core.conns[&conn];
    assert!(books.waiting.len() <= 2, "{}", books.waiting.len());
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize, u8),
    Open(usize, u8),
    Ack(usize, usize, usize),
    Close(usize, u8),
    Replace(usize),
    Commit(usize),
    Tell,
    Read,
    Bring(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let (conn, queue) = (0_usize..3, 1_u8..=3);
    prop_oneof![
        8 => (conn.clone(), queue.clone()).prop_map(|(c, q)| Step::Append(c, q)),
        3 => (conn.clone(), queue.clone()).prop_map(|(c, q)| Step::Open(c, q)),
        4 => (conn.clone(), 0_usize..3, 1_usize..6).prop_map(|(c, h, n)| Step::Ack(c, h, n)),
        1 => (conn.clone(), queue).prop_map(|(c, q)| Step::Close(c, q)),
        1 => conn.prop_map(Step::Replace),
        5 => (1_usize..4).prop_map(Step::Commit),
        5 => Just(Step::Tell),
        5 => Just(Step::Read),
        5 => any::<bool>().prop_map(Step::Bring),
    ]
}

proptest! {
    #[test]
    fn in_any_order_of_commits_and_reads_nothing_is_lost_doubled_or_out_of_order(
        steps in proptest::collection::vec(step(), 1..160),
    ) {
        // REL-19.
        let limits = Limits { queue_cells: 1_000, ..small() };
        let mut driver = Loose::new(limits);
        let mut conns = [0; 3].map(|_| driver.join());
        for (n, step) in (0..).zip(steps) {
            act(&mut driver, &mut conns, (n, step));
        }
        driver.settle();
        driver.is_balanced();
        // Nothing is erased that nobody had.
        let left: BTreeSet<_> = (1..=3).flat_map(|q| stored(&driver, q).into_iter().map(move |n| (queue(q), n))).collect();
        for lost in driver.stored.difference(&left) {
            prop_assert!(driver.received.contains(lost), "cell {} was erased and never delivered", lost.1);
        }
        // Whatever happened: one who opens now gets exactly what the store holds, in order.
        let last = driver.join();
        for q in 1..=3 {
            driver.ask(last, open(q, CREDIT));
        }
        driver.settle();
        let expected: Vec<Vec<u32>> = (1..=3).map(|q| stored(&driver, q)).collect();
        for _ in 0..200 {
            for pick in 0..3 {
                driver.ack(last, pick, 3);
                driver.settle();
            }
        }
        for (q, expected) in (1..=3).zip(expected) {
            prop_assert_eq!(driver.received(last, queue(q)), expected);
            prop_assert!(stored(&driver, q).is_empty(), "everything was acknowledged");
        }
    }
}

fn stored(driver: &Loose, q: u8) -> Vec<u32> {
    let cells = driver.store.reader().cells(queue(q), Seq(0), u32::MAX).unwrap();
    cells.iter().map(|(_, cell)| number(cell)).collect()
}

fn act(driver: &mut Loose, conns: &mut [ConnId; 3], (n, step): (u32, Step)) {
    // The bound of unanswered requests has its own test.
    if driver.ops.len() + driver.done.len() > 20 {
        driver.commit(usize::MAX);
        driver.tell();
    }
    match step {
        Step::Append(c, q) => driver.ask(conns[c], append(q, n)),
        Step::Open(c, q) => driver.ask(conns[c], open(q, CREDIT)),
        Step::Ack(c, pick, count) => driver.ack(conns[c], pick, count),
        Step::Close(c, q) => driver.ask(conns[c], Request::Close { read: read(q) }),
        Step::Replace(c) => {
            driver.leave(conns[c]);
            conns[c] = driver.join();
        }
        Step::Commit(count) => driver.commit(count),
        Step::Tell => driver.tell(),
        Step::Read => driver.read(),
        Step::Bring(last) => driver.bring(last),
    }
}
