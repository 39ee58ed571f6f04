//! The relay's core over its model store, driven by a list of acts and by raw streams.
//!
//! Spec: docs/spec/relay.md. Invariant: nothing follows a hang-up; every request of a living connection is answered once;
//! a subscriber gets the cells of his queue in order, and each place once; when all have left, nothing is under way.

use std::collections::{BTreeMap, BTreeSet};

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{Access, Act, ConnId, Core, Input, Limits, MemStore, Service, Stream};
use subrosa_wire::{
    Admit, BlobCap, BlobPut, CHUNK_LEN, Chunk, ClaimToken, Decoder, Features, FetchCap, Frame, Handle, Hello,
    InviteKind, InvitePut, Open, OwnerCap, QueueId, ReadCap, Request, Response, Rid, Seq, WriteCap,
};

use super::Target;

pub(super) const TARGETS: &[Target] = &[Target { name: "relay", longest: 1_024, run: relay, seeds }];

const TODAY: Day = Day(32 * 600);

const LIMITS: Limits = Limits {
    access: Access::Open,
    queues: 5,
    queue_cells: 20,
    cells: 60,
    invites: 3,
    blob_chunks: 3,
    chunks: 5,
    cell_days: 3,
    lease_days: 64,
    invite_days: 14,
    blob_days: 7,
    connections: 4,
    handles: 3,
    puts: 3,
    output: 1 << 19,
    output_total: 1 << 20,
    sweep: 10,
};

/// Bytes that become choices; zeros when they run out.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: u8) -> u8 {
        self.next() % end
    }
}

/// A connection as its client sees it.
#[derive(Default)]
struct Socket {
    decoder: Decoder<Request>,
    /// What each unanswered request asked: the number of a queue, when it opens one.
    asked: BTreeMap<Rid, Option<u8>>,
    /// Queues by handle, with the last place that came.
    open: BTreeMap<Handle, (u8, Seq)>,
    /// Bytes not yet said to be written.
    unwritten: usize,
    hung: bool,
    /// It said what the structured acts do not know of.
    raw: bool,
}

struct World {
    service: Service<MemStore>,
    sockets: BTreeMap<ConnId, Socket>,
    next_conn: u64,
    next_rid: u32,
    today: Day,
    /// Numbers of cells by the queue that they went to.
    sent: BTreeSet<(u8, u32)>,
    next_cell: u32,
    failed: bool,
}

fn relay(input: &[u8]) {
    let mut choices = Choices(input);
    let mut world = World {
        service: Service::new(Core::new(LIMITS, TODAY), MemStore::new(LIMITS)),
        sockets: BTreeMap::new(),
        next_conn: 1,
        next_rid: 1,
        today: TODAY,
        sent: BTreeSet::new(),
        next_cell: 1,
        failed: false,
    };
    world.feed(vec![Input::Day(TODAY)]);
    while !choices.0.is_empty() && !world.failed {
        let mut inputs = Vec::new();
        // Some inputs are drained together: what the first asks for is not committed when the second comes.
        for _ in 0..=choices.below(4) {
            inputs.extend(world.act(&mut choices));
        }
        world.feed(inputs);
    }
    world.rest();
}

impl World {
    fn act(&mut self, choices: &mut Choices<'_>) -> Option<Input> {
        match choices.below(12) {
            0 => {
                let stream = if choices.below(4) == 0 { Stream::Chunks(ConnId(1)) } else { Stream::Command };
                let conn = ConnId(self.next_conn);
                self.next_conn += 1;
                self.sockets.insert(conn, Socket::default());
                Some(Input::Joined(conn, stream))
            }
            1 => {
                let conn = self.pick(choices)?;
                self.sockets.remove(&conn);
                Some(Input::Left(conn))
            }
            2 => {
                let conn = self.pick(choices)?;
                let unwritten = &mut self.sockets.get_mut(&conn)?.unwritten;
                let some = *unwritten * usize::from(choices.below(4)) / 3;
                *unwritten -= some;
                Some(Input::Writable(conn, some))
            }
            3 => {
                self.today = self.today.plus(u32::from(choices.below(40)));
                Some(Input::Day(self.today))
            }
            4 => self.raw(choices),
            5 if choices.next() == 5 => Some(Input::Drain),
            _ => self.ask(choices),
        }
    }

    fn pick(&self, choices: &mut Choices<'_>) -> Option<ConnId> {
        let at = usize::from(choices.next()) % self.sockets.len().max(1);
        self.sockets.keys().nth(at).copied()
    }

    /// Bytes as they might come from a network.
    fn raw(&mut self, choices: &mut Choices<'_>) -> Option<Input> {
        let conn = self.pick(choices)?;
        let socket = self.sockets.get_mut(&conn)?;
        socket.raw = true;
        let (mut bytes, rest) = choices.0.split_at(usize::from(choices.0.first()? % 64).min(choices.0.len()));
        choices.0 = rest;
        match socket.decoder.decode(&mut bytes) {
            Ok(frame) => Some(Input::Frame(conn, frame?)),
            Err(_) => Some(Input::Garbled(conn)),
        }
    }

    fn ask(&mut self, choices: &mut Choices<'_>) -> Option<Input> {
        let conn = self.pick(choices)?;
        let queue = choices.below(6);
        let message = self.request(choices, queue);
        let rid = Rid(self.next_rid);
        self.next_rid += 1;
        let socket = self.sockets.get_mut(&conn)?;
        if !socket.hung {
            let opens = matches!(message, Request::Open(_)).then_some(queue);
            socket.asked.insert(rid, opens);
        }
        Some(Input::Frame(conn, Frame::new(rid, message)))
    }

    fn request(&mut self, choices: &mut Choices<'_>, n: u8) -> Request {
        let id = [n; 32];
        let owner = || OwnerCap::from_bytes([choices.clone_next(); 32]);
        match choices.0.first().copied().unwrap_or(0) % 16 {
            0 | 1 => Request::Hello(Hello { minor: 0, features: Features::BLOBS }),
            2 | 3 => {
                choices.next();
                let queue: QueueId = WriteCap::from_bytes(id).id();
                let read = ReadCap::from_bytes([n ^ (choices.next() / 250); 32]);
                Request::Open(Open { queue, read, admit: Admit::OPEN, credit: u16::from(choices.below(70)) })
            }
            4..=6 => {
                choices.next();
                self.next_cell += 1;
                self.sent.insert((n, self.next_cell));
                let mut cell = Cell::zeroed();
                cell.as_mut_bytes()[..4].copy_from_slice(&self.next_cell.to_le_bytes());
                Request::Append { write: WriteCap::from_bytes(id), cell }
            }
            7 => {
                choices.next();
                let (handle, upto) = (Handle(u32::from(choices.below(5))), u64::from(choices.next()));
                // Places begin at the boot counter's.
                Request::Ack { handle, upto: Seq(upto | u64::from(choices.below(2)) << 32) }
            }
            8 => Request::Close { read: ReadCap::from_bytes(id) },
            9 => Request::InvitePut(InvitePut {
                id: FetchCap::from_bytes(id).id(),
                owner: owner().id(),
                kind: if n.is_multiple_of(2) { InviteKind::OneTime } else { InviteKind::Address },
                days: n * 3,
                bundle: Cell::zeroed(),
            }),
            10 => Request::InviteTake { fetch: FetchCap::from_bytes(id), claim: ClaimToken::from_bytes(id) },
            11 => Request::InviteCheck { owner: owner() },
            12 => Request::InviteRevoke { owner: owner() },
            13 => Request::BlobPut(BlobPut {
                blob: BlobCap::from_bytes(id).id(),
                owner: owner().id(),
                index: u32::from(n % 3),
                of: u32::from(n % 4),
                days: n,
                chunk: Chunk::from_vec(vec![n; CHUNK_LEN]).expect("its length"),
            }),
            14 => Request::BlobGet { read: BlobCap::from_bytes(id), index: u32::from(n % 3) },
            _ => Request::RotateRead {
                read: ReadCap::from_bytes(id),
                to: ReadCap::from_bytes([n ^ 1; 32]).id(),
            },
        }
    }

    fn feed(&mut self, inputs: Vec<Input>) {
        let Self { service, sockets, sent, .. } = self;
        let fine = service.run(inputs, &mut |act| match act {
            Act::Hang(conn, _) => {
                if let Some(socket) = sockets.get_mut(&conn) {
                    assert!(!socket.hung, "hung up twice");
                    socket.hung = true;
                }
            }
            Act::Send(conn, frame) => {
                if let Some(socket) = sockets.get_mut(&conn) {
                    assert!(!socket.hung, "a frame follows a hang-up");
                    socket.unwritten += frame.encoded_len();
                    socket.hear(frame, sent);
                }
            }
        });
        self.failed = fine.is_err();
        assert!(!self.failed, "the model store does not fail");
    }

    /// Everything is written, everyone leaves.
    fn rest(&mut self) {
        for _ in 0..1_000 {
            let waiting = self.sockets.iter_mut().filter(|(_, socket)| socket.unwritten > 0 && !socket.hung);
            let written: Vec<Input> =
                waiting.map(|(conn, s)| Input::Writable(*conn, std::mem::take(&mut s.unwritten))).collect();
            if written.is_empty() {
                break;
            }
            self.feed(written);
        }
        for (conn, socket) in &self.sockets {
            assert!(socket.hung || socket.raw || socket.asked.is_empty(), "{conn:?}: {:?}", socket.asked);
        }
        let left = std::mem::take(&mut self.sockets).into_keys().map(Input::Left).collect();
        self.feed(left);
        assert!(self.service.is_idle(), "something is under way, and nobody is there");
        let _ = self.service.knowledge(3);
    }
}

impl Choices<'_> {
    /// The first of what is left, which stays.
    fn clone_next(&self) -> u8 {
        self.0.first().map_or(0, |byte| byte % 4)
    }
}

impl Socket {
    fn hear(&mut self, frame: Frame<Response>, sent: &BTreeSet<(u8, u32)>) {
        let answers =
            !matches!(frame.message, Response::Cell { .. } | Response::Moved { .. } | Response::GoAway(_));
        if answers && !self.raw {
            let Some(opened) = self.asked.remove(&frame.rid) else { panic!("{:?} was not asked", frame.rid) };
            if let (Some(queue), Response::Reply(Ok(handle))) = (opened, &frame.message) {
                self.open.insert(Handle(*handle as u32), (queue, Seq(0)));
            }
        }
        if let Response::Cell { handle, seq, cell } = frame.message
            && !self.raw
        {
            let (queue, last) = self.open.get_mut(&handle).expect("a handle that was given");
            assert!(seq > *last, "a place twice, or out of order");
            *last = seq;
            let number = u32::from_le_bytes(*cell.as_bytes().first_chunk().expect("4 bytes"));
            assert!(sent.contains(&(*queue, number)), "a cell of another queue");
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    vec![
        // Join, hello, open, append twice, acknowledge, leave.
        vec![
            0, 0, 1, 0, 6, 0, 1, 0, 0, 6, 0, 1, 2, 9, 0, 6, 0, 1, 4, 0, 6, 0, 1, 5, 0, 7, 0, 1, 7, 0, 1, 1,
            0, 1, 0,
        ],
        (0..=255).collect(),
        (0..=255).map(|byte: u8| byte.wrapping_mul(37)).collect(),
    ]
}
