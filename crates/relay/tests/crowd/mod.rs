//! A crowd of real connections at a real relay, and a ledger of what the relay promised each of them.
//!
//! Invariant: a promise is noted when its answer was read, and a wish when it was sent; between the two, both are allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use subrosa_codec::{CELL_LEN, Cell};
use subrosa_relay::RelayAddress;
use subrosa_wire::{
    Admit, BlobCap, BlobPut, CHUNK_LEN, Chunk, ClaimToken, FetchCap, Frame, Handle, InviteKind, InvitePut,
    Open, OwnerCap, ReadCap, Refusal, Request, Response, Rid, Seq, WriteCap,
};

use crate::support::Peer;

/// The binary at work on a folder.
pub struct Relay {
    child: Child,
    address: RelayAddress,
}

impl Relay {
    /// Starts it and waits until it serves.
    pub fn start(data: &Path) -> Self {
        Self::try_start(data).unwrap_or_else(|(code, words)| panic!("it does not start: {code:?} {words}"))
    }

    /// The same, or its exit code and last words.
    pub fn try_start(data: &Path) -> Result<Self, (Option<i32>, String)> {
        loop {
            match Self::start_once(data) {
                // Somebody else on this machine was given its port meanwhile, for a moment.
                Err((Some(69), words)) if words.contains("in use") => {}
                started => return started,
            }
        }
    }

    fn start_once(data: &Path) -> Result<Self, (Option<i32>, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_subrosa-relay"));
        let config = Self::config();
        command.arg("--data").arg(data).arg("--config").arg(&config).arg("run");
        command.env("HOME", "/nonexistent").env_remove("XDG_CONFIG_HOME").env_remove("STATE_DIRECTORY");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if let Ok(address) = RelayAddress::parse(&line) {
            return Ok(Self { child, address });
        }
        let mut words = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
        Err((child.wait().unwrap().code(), words))
    }

    /// Small steps, so that a start reads little; small limits, so that quotas are met.
    fn config() -> PathBuf {
        let path = std::env::temp_dir().join(format!("subrosa-crowd-{}.toml", std::process::id()));
        let text =
            "[relay]\nlisten = \"127.0.0.1:0\"\nlog = \"error\"\n[store]\ngrow_mib = 1\nreserve_mib = 0\n";
        std::fs::write(&path, text).unwrap();
        path
    }

    pub async fn peer(&self) -> Peer {
        let at = SocketAddr::new(self.address.host().parse().unwrap(), self.address.port());
        Peer::new(at, self.address.key()).await
    }

    pub fn signal(&self, signal: Signal) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Ends it; its exit code and last words.
    pub fn end(mut self, signal: Option<Signal>) -> (Option<i32>, String) {
        if let Some(signal) = signal {
            self.signal(signal);
        }
        let mut words = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
        (self.child.wait().unwrap().code(), words)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn caps(n: u32) -> [u8; 32] {
    let mut bytes = [0x5c; 32];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    bytes
}

fn write(n: u32) -> WriteCap {
    WriteCap::from_bytes(caps(n))
}

fn read(n: u32) -> ReadCap {
    ReadCap::from_bytes(caps(n))
}

/// A cell that says which one it is, in every sector.
fn numbered(n: u32) -> Cell {
    let mut unit = [0xc3; 16];
    unit[..4].copy_from_slice(&n.to_le_bytes());
    Cell::from_vec(unit.repeat(CELL_LEN / 16)).unwrap()
}

fn number(cell: &Cell) -> u32 {
    let n = u32::from_le_bytes(*cell.as_bytes().first_chunk().unwrap());
    assert!(*cell == numbered(n), "a cell that nobody wrote");
    n
}

fn chunk(n: u32) -> Chunk {
    Chunk::from_vec(n.to_le_bytes().repeat(CHUNK_LEN / 4)).unwrap()
}

fn open(n: u32, credit: u16) -> Request {
    Request::Open(Open { queue: write(n).id(), read: read(n), admit: Admit::OPEN, credit })
}

/// Something that was asked for, and whether the relay said that it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Never,
    Asked,
    Done,
}

#[derive(Debug, Default)]
struct Line {
    opened: State,
    closed: State,
    /// Numbers of cells in the order in which they were sent.
    sent: Vec<u32>,
    stored: BTreeSet<u32>,
    /// What a reader asked to erase, and what it was told is erased.
    erasing: BTreeSet<u32>,
    erased: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Invitation {
    put: State,
    revoked: State,
    asked: BTreeSet<u32>,
    taken: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Blob {
    stored: BTreeSet<u32>,
    asked: BTreeSet<u32>,
    dropped: State,
}

/// What the relay promised, over all of its lives.
#[derive(Debug, Default)]
pub struct Ledger {
    next: u32,
    lines: BTreeMap<u32, Line>,
    invites: BTreeMap<u32, Invitation>,
    blobs: BTreeMap<u32, Blob>,
    /// Answers that promised something.
    pub promises: u64,
}

/// A hand on the ledger for every member of the crowd.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Ledger>>);

impl Shared {
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap()
    }

    fn fresh(&self) -> u32 {
        let mut ledger = self.ledger();
        ledger.next += 1;
        ledger.next
    }
}

/// Queues that live as long as the crowd; others come and go.
const LINES: u32 = 6;

/// An answer, or `None` when the relay is gone.
async fn ask(peer: &mut Peer, request: Request) -> Option<Response> {
    let rid = peer.send(request).await?;
    loop {
        let frame = next(peer).await?;
        if frame.rid == rid {
            return Some(frame.message);
        }
        assert!(frame.rid == Rid::NONE, "an answer to nobody");
        peer.keep(frame.message);
    }
}

/// The next frame; a relay that was killed does not say goodbye, so silence is an end too.
async fn next(peer: &mut Peer) -> Option<Frame<Response>> {
    let frame = tokio::time::timeout(Duration::from_millis(400), peer.frame()).await.ok()??;
    (!matches!(frame.message, Response::GoAway(_))).then_some(frame)
}

async fn reply(peer: &mut Peer, request: Request) -> Option<Result<u64, Refusal>> {
    match ask(peer, request).await? {
        Response::Reply(reply) => Some(reply),
        other => panic!("no reply but {other:?}"),
    }
}

/// The answer of a relay that is well, however slow.
async fn sure(peer: &mut Peer, request: Request) -> Result<u64, Refusal> {
    peer.reply(request).await
}

async fn surely_take(peer: &mut Peer, n: u32, claim: u32) -> Result<u32, Refusal> {
    match peer.ask(take_of(n, claim)).await {
        Response::Bundle(bundle) => Ok(number(&bundle)),
        Response::Reply(Err(refusal)) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

/// Opens the lasting queues, once for all lives.
pub async fn settle(relay: &Relay, shared: &Shared) {
    let mut peer = relay.peer().await;
    for line in 1..=LINES {
        sure(&mut peer, open(line, 1)).await.unwrap();
        shared.ledger().lines.entry(line).or_default().opened = State::Done;
    }
    shared.ledger().next = 1_000;
}

/// Appends to one queue, up to 8 under way.
pub async fn writer(mut peer: Peer, shared: Shared, line: u32) -> Option<()> {
    let mut under_way: Vec<(Rid, u32)> = Vec::new();
    loop {
        while under_way.len() < 8 {
            let n = shared.fresh();
            shared.ledger().lines.entry(line).or_default().sent.push(n);
            under_way.push((peer.send(Request::Append { write: write(line), cell: numbered(n) }).await?, n));
        }
        let frame = next(&mut peer).await?;
        let at = under_way.iter().position(|(rid, _)| *rid == frame.rid).expect("an answer to an append");
        let (_, n) = under_way.remove(at);
        match frame.message {
            Response::Reply(Ok(_)) => {
                let mut ledger = shared.ledger();
                ledger.promises += 1;
                ledger.lines.entry(line).or_default().stored.insert(n);
            }
            Response::Reply(Err(Refusal::Full | Refusal::Storage)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Reads two queues and acknowledges, every few cells.
pub async fn reader(mut peer: Peer, shared: Shared, lines: [u32; 2], pace: usize) -> Option<()> {
    let mut handles = BTreeMap::new();
    for line in lines {
        let handle = reply(&mut peer, open(line, 16)).await?.unwrap();
        handles.insert(Handle(u32::try_from(handle).unwrap()), (line, Vec::new(), Seq(0)));
    }
    loop {
        // What came while an answer was waited for is taken first.
        let message = match peer.heard() {
            Some(message) => message,
            None => next(&mut peer).await?.message,
        };
        let Response::Cell { handle, seq, cell } = message else { continue };
        let (line, cells, last) = handles.get_mut(&handle).expect("a handle of ours");
        assert!(seq > *last, "in order");
        *last = seq;
        cells.push(number(&cell));
        if cells.len() < pace {
            continue;
        }
        let (line, cells) = (*line, std::mem::take(cells));
        shared.ledger().lines.entry(line).or_default().erasing.extend(&cells);
        let done = reply(&mut peer, Request::Ack { handle, upto: seq }).await?;
        assert_eq!(done, Ok(0));
        let mut ledger = shared.ledger();
        ledger.promises += 1;
        ledger.lines.entry(line).or_default().erased.extend(cells);
    }
}

fn invite(n: u32) -> Request {
    let (id, owner) = (FetchCap::from_bytes(caps(n)).id(), OwnerCap::from_bytes(caps(n)).id());
    Request::InvitePut(InvitePut { id, owner, kind: InviteKind::OneTime, days: 3, bundle: numbered(n) })
}

fn take_of(n: u32, claim: u32) -> Request {
    let (fetch, claim) = (FetchCap::from_bytes(caps(n)), ClaimToken::from_bytes(caps(claim)));
    Request::InviteTake { fetch, claim }
}

async fn take(peer: &mut Peer, n: u32, claim: u32) -> Option<Result<u32, Refusal>> {
    match ask(peer, take_of(n, claim)).await? {
        Response::Bundle(bundle) => Some(Ok(number(&bundle))),
        Response::Reply(Err(refusal)) => Some(Err(refusal)),
        other => panic!("{other:?}"),
    }
}

/// Puts invites, renews some, and revokes some.
pub async fn inviter(mut peer: Peer, shared: Shared) -> Option<()> {
    loop {
        // One connection may put 64.
        let n = shared.fresh();
        shared.ledger().invites.entry(n).or_default().put = State::Asked;
        match reply(&mut peer, invite(n)).await? {
            Ok(_) => {}
            // One connection's share is used up, or the disk is full.
            Err(Refusal::TooMany | Refusal::Storage) => return Some(()),
            Err(other) => panic!("{other:?}"),
        }
        {
            let mut ledger = shared.ledger();
            ledger.promises += 1;
            ledger.invites.entry(n).or_default().put = State::Done;
        }
        if n.is_multiple_of(3) {
            // Again, over itself: it must stand through whatever happens now.
            reply(&mut peer, invite(n)).await?.ok();
        }
        if n.is_multiple_of(5) {
            shared.ledger().invites.entry(n).or_default().revoked = State::Asked;
            let done =
                reply(&mut peer, Request::InviteRevoke { owner: OwnerCap::from_bytes(caps(n)) }).await?;
            assert_eq!(done, Ok(0));
            shared.ledger().invites.entry(n).or_default().revoked = State::Done;
        }
        tokio::task::yield_now().await;
    }
}

/// Takes whatever invite was put last, under a claim of its own, against others who do the same.
pub async fn taker(mut peer: Peer, shared: Shared, claim: u32) -> Option<()> {
    loop {
        let last = shared.ledger().invites.iter().rev().find(|(_, i)| i.put != State::Never).map(|(n, _)| *n);
        let Some(n) = last else {
            reply(&mut peer, Request::Ping).await?.ok();
            continue;
        };
        shared.ledger().invites.entry(n).or_default().asked.insert(claim);
        match take(&mut peer, n, claim).await? {
            Ok(bundle) => {
                assert_eq!(bundle, n);
                let mut ledger = shared.ledger();
                ledger.promises += 1;
                ledger.invites.entry(n).or_default().taken.insert(claim);
            }
            Err(Refusal::Used | Refusal::Missing) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Makes queues with a cell in them, and closes every second.
pub async fn drifter(mut peer: Peer, shared: Shared) -> Option<()> {
    loop {
        let line = shared.fresh();
        shared.ledger().lines.entry(line).or_default().opened = State::Asked;
        // A refusal ends it: the disk is full.
        reply(&mut peer, open(line, 1)).await?.ok()?;
        let n = shared.fresh();
        {
            let mut ledger = shared.ledger();
            let entry = ledger.lines.entry(line).or_default();
            entry.opened = State::Done;
            entry.sent.push(n);
        }
        reply(&mut peer, Request::Append { write: write(line), cell: numbered(n) }).await?.ok()?;
        shared.ledger().lines.entry(line).or_default().stored.insert(n);
        if line.is_multiple_of(2) {
            shared.ledger().lines.entry(line).or_default().closed = State::Asked;
            reply(&mut peer, Request::Close { read: read(line) }).await?.unwrap();
            shared.ledger().lines.entry(line).or_default().closed = State::Done;
        }
        shared.ledger().promises += 3;
    }
}

/// Puts blobs of three chunks, and drops every second.
pub async fn sender(peer: Peer, shared: Shared) -> Option<()> {
    let mut peer = peer.chunk_stream().await;
    loop {
        let n = shared.fresh();
        for index in 0..3 {
            let (blob, owner) = (BlobCap::from_bytes(caps(n)).id(), OwnerCap::from_bytes(caps(n)).id());
            let put = BlobPut { blob, owner, index, of: 3, days: 3, chunk: chunk(n + index) };
            shared.ledger().blobs.entry(n).or_default().asked.insert(index);
            reply(&mut peer, Request::BlobPut(put)).await?.ok()?;
            shared.ledger().blobs.entry(n).or_default().stored.insert(index);
        }
        if n.is_multiple_of(2) {
            shared.ledger().blobs.entry(n).or_default().dropped = State::Asked;
            reply(&mut peer, Request::BlobDrop { owner: OwnerCap::from_bytes(caps(n)) }).await?.unwrap();
            shared.ledger().blobs.entry(n).or_default().dropped = State::Done;
        }
        shared.ledger().promises += 3;
    }
}

/// Everybody at once, until the relay is gone or `end` comes.
pub async fn rush(relay: &Relay, shared: &Shared, end: impl Future<Output = ()>) {
    let mut tasks = tokio::task::JoinSet::new();
    for line in 1..=LINES {
        tasks.spawn(writer(relay.peer().await, shared.clone(), line));
    }
    for (line, pace) in [(1, 1), (3, 5), (5, 9)] {
        tasks.spawn(reader(relay.peer().await, shared.clone(), [line, line + 1], pace));
    }
    tasks.spawn(inviter(relay.peer().await, shared.clone()));
    for claim in 1..=3 {
        tasks.spawn(taker(relay.peer().await, shared.clone(), claim));
    }
    tasks.spawn(drifter(relay.peer().await, shared.clone()));
    tasks.spawn(sender(relay.peer().await, shared.clone()));
    end.await;
    // What was under way when it ended is still read: an answer that came is a promise. Not for long: who waits for
    // room to write waits for a relay that is gone.
    let rest = tokio::time::sleep(Duration::from_millis(500));
    tokio::pin!(rest);
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(ended) => drop(ended.expect("nothing was answered wrongly")),
                None => return,
            },
            () = &mut rest => return tasks.abort_all(),
        }
    }
}

impl Ledger {
    /// Holds the relay to all it promised, and forgets what is gone by now.
    pub async fn check(&mut self, relay: &Relay) {
        let mut peer = relay.peer().await;
        for (id, line) in &mut self.lines {
            line.check(*id, &mut peer).await;
        }
        for (id, invitation) in &mut self.invites {
            invitation.check(*id, &mut peer).await;
        }
        self.invites.retain(|_, invitation| invitation.revoked == State::Never);
        // Some of each are kept to be asked again after the next life; the rest makes place.
        while self.invites.len() > 8 {
            let (id, _) = self.invites.pop_first().unwrap();
            sure(&mut peer, Request::InviteRevoke { owner: OwnerCap::from_bytes(caps(id)) }).await.ok();
        }
        for (id, blob) in &self.blobs {
            blob.check(*id, &mut peer).await;
            sure(&mut peer, Request::BlobDrop { owner: OwnerCap::from_bytes(caps(*id)) }).await.ok();
        }
        self.blobs.clear();
        let gone: Vec<u32> = self.lines.keys().copied().filter(|id| *id > LINES).collect();
        for id in gone {
            sure(&mut peer, Request::Close { read: read(id) }).await.ok();
            self.lines.remove(&id);
        }
    }
}

impl Line {
    async fn check(&mut self, id: u32, peer: &mut Peer) {
        if self.closed == State::Done {
            let append = Request::Append { write: write(id), cell: numbered(0) };
            assert_eq!(sure(peer, append).await, Err(Refusal::Missing), "queue {id} was closed");
            return;
        }
        if self.opened != State::Done || self.closed != State::Never {
            return;
        }
        let found = drain(id, peer).await;
        assert!(
            found.is_sorted_by(|a, b| a < b),
            "queue {id}: in the order of its one writer, none twice: {found:?}"
        );
        let found: BTreeSet<u32> = found.into_iter().collect();
        let sent: BTreeSet<u32> = self.sent.iter().copied().collect();
        let lost: Vec<_> =
            self.stored.iter().filter(|n| !self.erasing.contains(n) && !found.contains(n)).collect();
        let back: Vec<_> = self.erased.intersection(&found).collect();
        assert!(lost.is_empty(), "queue {id}: acknowledged, and lost: {lost:?}");
        assert!(back.is_empty(), "queue {id}: erased, and back: {back:?}");
        assert!(found.is_subset(&sent), "queue {id}: never sent");
        // What was found was erased again here, so that the next life begins empty.
        self.erased.extend(found);
        self.erasing.extend(&self.erased);
        (self.stored, self.sent) = (BTreeSet::new(), Vec::new());
    }
}

/// Reads a queue to its end and acknowledges all of it.
async fn drain(id: u32, peer: &mut Peer) -> Vec<u32> {
    let handle = Handle(u32::try_from(sure(peer, open(id, 64)).await.unwrap()).unwrap());
    let mut found = Vec::new();
    loop {
        let mut last = None;
        // Cells come before the answer to a later request.
        sure(peer, Request::Ping).await.unwrap();
        while let Some(message) = peer.heard() {
            if let Response::Cell { handle: of, seq, cell } = message
                && of == handle
            {
                found.push(number(&cell));
                last = Some(seq);
            }
        }
        let Some(upto) = last else { return found };
        assert_eq!(sure(peer, Request::Ack { handle, upto }).await, Ok(0));
    }
}

impl Invitation {
    async fn check(&mut self, id: u32, peer: &mut Peer) {
        assert!(self.taken.len() <= 1, "invite {id} was taken twice: {self:?}");
        if self.put != State::Done || self.revoked == State::Asked {
            return;
        }
        let (first, second) = match self.taken.first() {
            Some(winner) => (*winner, winner % 3 + 1),
            // Someone may have won without hearing of it.
            None => (9, 10),
        };
        let answers = [surely_take(peer, id, first).await, surely_take(peer, id, second).await];
        match (self.revoked, answers) {
            (State::Done, answers) => {
                assert_eq!(answers, [Err(Refusal::Missing); 2], "invite {id} was revoked")
            }
            (_, [Ok(bundle), Err(Refusal::Used)]) if bundle == id => {
                self.taken.insert(first);
            }
            (_, [Err(Refusal::Used), Err(Refusal::Used)])
                if self.taken.is_empty() && !self.asked.is_empty() =>
            {
                let mut won = Vec::new();
                for claim in self.asked.clone() {
                    won.extend(surely_take(peer, id, claim).await.ok().map(|_| claim));
                }
                assert_eq!(won.len(), 1, "invite {id}: exactly one of those who asked has it");
                self.taken.extend(won);
            }
            (_, answers) => panic!("invite {id}: {answers:?} {self:?}"),
        }
    }
}

impl Blob {
    async fn check(&self, id: u32, peer: &mut Peer) {
        for index in 0..3 {
            let got = peer.ask(Request::BlobGet { read: BlobCap::from_bytes(caps(id)), index }).await;
            match got {
                Response::Chunk(found) => {
                    assert!(
                        self.asked.contains(&index) && found == chunk(id + index),
                        "blob {id}: another chunk"
                    );
                    assert_ne!(self.dropped, State::Done, "blob {id} was dropped");
                }
                Response::Reply(Err(Refusal::Missing)) => {
                    let promised = self.stored.contains(&index) && self.dropped == State::Never;
                    assert!(!promised, "blob {id}: chunk {index} is lost");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
