//! A relay in memory: streams with everything they were sent, and short words for what clients do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::vec::Vec;

use subrosa_codec::{Cell, Day};
use subrosa_wire::{
    Admit, Features, Frame, GoAway, Handle, Hello, Open, QueueId, ReadCap, Refusal, Request, Response, Rid,
    Seq, WINDOW, WriteCap,
};

use crate::{Act, ConnId, Core, Input, Limits, MemStore, Service, Store, Stream};

pub(super) const TODAY: Day = Day(32 * 600);

/// What a stream was sent and has not looked at.
#[derive(Default)]
pub(super) struct Socket {
    pub(super) frames: VecDeque<Frame<Response>>,
    /// Bytes of those, not yet said to be written.
    pub(super) bytes: usize,
    pub(super) hung: Option<Refusal>,
    next_rid: u32,
}

pub(super) struct World<S = MemStore> {
    service: Service<S>,
    pub(super) sockets: BTreeMap<ConnId, Socket>,
    next: u64,
    /// Streams whose output stays in the channel.
    pub(super) clogged: BTreeSet<ConnId>,
}

pub(super) fn write(n: u8) -> WriteCap {
    WriteCap::from_bytes([n; 32])
}

pub(super) fn queue(n: u8) -> QueueId {
    write(n).id()
}

pub(super) fn read(n: u8) -> ReadCap {
    ReadCap::from_bytes([n; 32])
}

pub(super) fn cell(n: u32) -> Cell {
    let mut cell = Cell::zeroed();
    cell.as_mut_bytes()[..4].copy_from_slice(&n.to_le_bytes());
    cell
}

pub(super) fn number(cell: &Cell) -> u32 {
    u32::from_le_bytes(cell.as_bytes()[..4].try_into().unwrap())
}

pub(super) fn hello() -> Request {
    Request::Hello(Hello { minor: 0, features: Features::NONE })
}

pub(super) fn open(q: u8, credit: u16) -> Request {
    Request::Open(Open { queue: queue(q), read: read(q), admit: Admit::OPEN, credit })
}

pub(super) fn append(q: u8, n: u32) -> Request {
    Request::Append { write: write(q), cell: cell(n) }
}

pub(super) const fn small() -> Limits {
    Limits {
        access: crate::Access::Open,
        queues: 8,
        queue_cells: 200,
        cells: 1_000,
        invites: 4,
        blob_chunks: 4,
        chunks: 8,
        cell_days: 3,
        lease_days: 64,
        invite_days: 14,
        blob_days: 7,
        connections: 6,
        handles: 4,
        puts: 3,
        output: 1 << 20,
        output_total: 4 << 20,
        sweep: 10,
    }
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        Self::over(limits, MemStore::new(limits))
    }
}

impl<S: Store> World<S> {
    pub(super) fn over(limits: Limits, store: S) -> Self {
        let service = Service::new(Core::new(limits, TODAY), store);
        let mut world = Self { service, sockets: BTreeMap::new(), next: 1, clogged: BTreeSet::new() };
        world.feed([Input::Day(TODAY)]);
        world
    }

    pub(super) fn service(&self) -> &Service<S> {
        &self.service
    }

    /// Runs inputs as one batch; whether the store stood it.
    pub(super) fn feed(&mut self, inputs: impl IntoIterator<Item = Input>) -> bool {
        let sockets = &mut self.sockets;
        let fine = self.service.run(inputs, &mut |act| match act {
            Act::Send(conn, frame) => {
                let socket = sockets.entry(conn).or_default();
                assert_eq!(socket.hung, None, "nothing follows a hang-up");
                socket.bytes += frame.encoded_len();
                socket.frames.push_back(frame);
            }
            Act::Hang(conn, reason) => sockets.entry(conn).or_default().hung = Some(reason),
        });
        self.flush();
        fine.is_ok()
    }

    /// Sockets take what is theirs.
    pub(super) fn flush(&mut self) {
        loop {
            let clogged = &self.clogged;
            let ready = self
                .sockets
                .iter_mut()
                .find(|(conn, s)| s.bytes > 0 && s.hung.is_none() && !clogged.contains(conn));
            let Some((conn, socket)) = ready else { return };
            let input = Input::Writable(*conn, std::mem::take(&mut socket.bytes));
            self.feed_no_flush(input);
        }
    }

    fn feed_no_flush(&mut self, input: Input) {
        let sockets = &mut self.sockets;
        let _ = self.service.run([input], &mut |act| match act {
            Act::Send(conn, frame) => {
                let socket = sockets.entry(conn).or_default();
                socket.bytes += frame.encoded_len();
                socket.frames.push_back(frame);
            }
            Act::Hang(conn, reason) => sockets.entry(conn).or_default().hung = Some(reason),
        });
    }

    /// A stream that has said nothing yet.
    pub(super) fn joined(&mut self, stream: Stream) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        self.sockets.insert(conn, Socket::default());
        self.feed([Input::Joined(conn, stream)]);
        conn
    }

    /// A connection that was welcomed.
    pub(super) fn connect(&mut self) -> ConnId {
        let conn = self.joined(Stream::Command);
        assert!(matches!(self.ask(conn, hello()), Response::Welcome(_)));
        conn
    }

    /// A request without looking at its answer.
    pub(super) fn say(&mut self, conn: ConnId, request: Request) -> Rid {
        let input = self.input(conn, request);
        let Input::Frame(_, ref frame) = input else { unreachable!() };
        let rid = frame.rid;
        self.feed([input]);
        rid
    }

    pub(super) fn input(&mut self, conn: ConnId, request: Request) -> Input {
        let socket = self.sockets.get_mut(&conn).unwrap();
        socket.next_rid += 1;
        Input::Frame(conn, Frame::new(Rid(socket.next_rid), request))
    }

    /// A request and its answer; what else came stays.
    #[track_caller]
    pub(super) fn ask(&mut self, conn: ConnId, request: Request) -> Response {
        let rid = self.say(conn, request);
        self.answer(conn, rid).expect("every request is answered")
    }

    pub(super) fn answer(&mut self, conn: ConnId, rid: Rid) -> Option<Response> {
        let frames = &mut self.sockets.get_mut(&conn)?.frames;
        let at = frames.iter().position(|frame| frame.rid == rid)?;
        frames.remove(at).map(|frame| frame.message)
    }

    /// Opens queue `q`; its handle.
    #[track_caller]
    pub(super) fn open(&mut self, conn: ConnId, q: u8, credit: u16) -> Handle {
        match self.ask(conn, open(q, credit)) {
            Response::Reply(Ok(handle)) => Handle(handle.try_into().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn append(&mut self, conn: ConnId, q: u8, n: u32) {
        assert_eq!(self.ask(conn, append(q, n)), Response::DONE);
    }

    /// Appends cells `numbers`, many in a batch.
    pub(super) fn append_all(&mut self, conn: ConnId, q: u8, numbers: impl IntoIterator<Item = u32>) {
        for n in numbers {
            self.append(conn, q, n);
        }
    }

    #[track_caller]
    pub(super) fn ack(&mut self, conn: ConnId, handle: Handle, upto: Seq) -> Response {
        self.ask(conn, Request::Ack { handle, upto })
    }

    /// Takes the cells that came for `handle`, in order.
    pub(super) fn cells(&mut self, conn: ConnId, of: Handle) -> Vec<(Seq, u32)> {
        let frames = &mut self.sockets.get_mut(&conn).unwrap().frames;
        let (mut taken, mut kept) = (Vec::new(), VecDeque::new());
        for frame in frames.drain(..) {
            match frame.message {
                Response::Cell { handle, seq, ref cell } if handle == of => taken.push((seq, number(cell))),
                _ => kept.push_back(frame),
            }
        }
        *frames = kept;
        taken
    }

    pub(super) fn numbers(&mut self, conn: ConnId, handle: Handle) -> Vec<u32> {
        self.cells(conn, handle).into_iter().map(|(_, n)| n).collect()
    }

    /// Takes and acknowledges cells until none come; their numbers.
    pub(super) fn read_all(&mut self, conn: ConnId, handle: Handle) -> Vec<u32> {
        let mut numbers = Vec::new();
        loop {
            let cells = self.cells(conn, handle);
            assert!(cells.len() <= usize::from(WINDOW));
            let Some((last, _)) = cells.last() else { return numbers };
            let last = *last;
            numbers.extend(cells.into_iter().map(|(_, n)| n));
            assert_eq!(self.ack(conn, handle, last), Response::DONE);
        }
    }

    /// Everything that came and was not taken.
    pub(super) fn rest(&mut self, conn: ConnId) -> Vec<Response> {
        self.sockets.get_mut(&conn).unwrap().frames.drain(..).map(|frame| frame.message).collect()
    }

    #[track_caller]
    pub(super) fn is_hung(&mut self, conn: ConnId, reason: Refusal) {
        let socket = &self.sockets[&conn];
        assert_eq!(socket.hung, Some(reason));
        match socket.frames.back().map(|frame| &frame.message) {
            Some(Response::GoAway(GoAway { reason: told, .. })) => assert_eq!(*told, reason),
            other => panic!("told why before the end: {other:?}"),
        }
    }
}

pub(super) fn refused(refusal: Refusal) -> Response {
    Response::Reply(Err(refusal))
}
