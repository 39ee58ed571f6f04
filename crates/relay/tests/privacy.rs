//! What lies in the files of a relay that fifty clients use: searched byte for byte, while it runs and after it.
//!
//! Spec: docs/spec/relay.md, "What a relay keeps"; docs/security/threat-model.md, "The relay's operator, or whoever seizes the relay". Invariant: every
//! byte of every file is accounted for, and each needle is found where it must be before it is not found where it must not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]
#![allow(unreachable_pub, dead_code, reason = "modules of tests")]

mod crowd;
mod support;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crowd::Relay;
use rustix::process::Signal;
use subrosa_codec::{CELL_LEN, Cell};
use subrosa_wire::{
    Admit, BlobCap, BlobPut, CHUNK_LEN, Chunk, ClaimToken, FetchCap, Handle, InviteKind, InvitePut, Open,
    OwnerCap, ReadCap, Request, Response, WriteCap,
};
use support::Peer;

/// SplitMix64: what sealed bytes look like.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x1234_5678_9abc_def1);
    let word = |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(word).take(len).collect()
}

fn secret(seed: u64) -> [u8; 32] {
    noise(seed, 32).try_into().unwrap()
}

/// Needles and whose they are, by their first eight bytes.
#[derive(Default)]
struct Needles(HashMap<u64, String>);

impl Needles {
    fn add(&mut self, bytes: &[u8], what: impl Into<String>) {
        self.0.insert(u64::from_le_bytes(*bytes.first_chunk().unwrap()), what.into());
    }

    /// A body: every sector of it.
    fn add_body(&mut self, body: &[u8], what: &str) {
        body.chunks(512).for_each(|sector| self.add(sector, what));
    }

    fn forget(&mut self, bytes: &[u8]) {
        bytes
            .chunks(512)
            .for_each(|sector| drop(self.0.remove(&u64::from_le_bytes(*sector.first_chunk().unwrap()))));
    }

    /// All that are in some file of `folder`, at whatever place.
    fn found_in(&self, folder: &Path) -> HashSet<&str> {
        let mut found = HashSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            // The operator's socket holds nothing.
            if !entry.file_type().unwrap().is_file() {
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let mut at = 0;
            while at + 8 <= bytes.len() {
                let window = u64::from_le_bytes(*bytes[at..].first_chunk().unwrap());
                // Most of a slab is zeros.
                if window == 0 {
                    at += bytes[at..]
                        .iter()
                        .position(|byte| *byte != 0)
                        .unwrap_or(bytes.len())
                        .saturating_sub(7)
                        .max(1);
                    continue;
                }
                found.extend(self.0.get(&window).map(String::as_str));
                at += 1;
            }
        }
        found
    }
}

/// One of fifty: what it has at the relay, and what it has no more.
struct Client {
    seed: u64,
    peer: Peer,
    handle: Handle,
}

impl Client {
    fn cap(&self, n: u64) -> [u8; 32] {
        secret(self.seed * 1_000 + n)
    }

    async fn new(relay: &Relay, seed: u64) -> Self {
        let mut client = Self { seed, peer: relay.peer().await, handle: Handle(0) };
        client.handle = client.open(1).await;
        client
    }

    async fn open(&mut self, n: u64) -> Handle {
        let queue = WriteCap::from_bytes(self.cap(n)).id();
        let read = ReadCap::from_bytes(self.cap(n + 1));
        let open = Request::Open(Open { queue, read, admit: Admit::OPEN, credit: 64 });
        Handle(u32::try_from(self.peer.reply(open).await.unwrap()).unwrap())
    }

    async fn do_it(&mut self, request: Request) {
        self.peer.reply(request).await.unwrap();
    }
}

fn cell(seed: u64) -> Cell {
    Cell::from_vec(noise(seed, CELL_LEN)).unwrap()
}

/// Everything that a client does in its life, and what of it must lie there afterwards or must not.
async fn live(client: &mut Client, living: &mut Needles, dead: &mut Needles, never: &mut Needles) {
    let seed = client.seed;
    // A conversation: five cells, of which three are read and acknowledged.
    let cells: Vec<_> = (0..5).map(|n| cell(seed * 100 + n)).collect();
    for cell in &cells {
        let write = WriteCap::from_bytes(client.cap(1));
        client.do_it(Request::Append { write, cell: cell.clone() }).await;
        living.add_body(cell.as_bytes(), &format!("a waiting cell of {seed}"));
    }
    let mut upto = None;
    for _ in 0..3 {
        let Response::Cell { seq, .. } = client.peer.unasked().await else { panic!("not a cell") };
        upto = Some(seq);
    }
    let ack = Request::Ack { handle: client.handle, upto: upto.unwrap() };
    client.do_it(ack).await;
    for cell in &cells[..3] {
        living.forget(cell.as_bytes());
        dead.add_body(cell.as_bytes(), &format!("an acknowledged cell of {seed}"));
    }
    // A queue that is closed, with a cell in it; its names go with it.
    client.open(10).await;
    let lost = cell(seed * 100 + 50);
    client.do_it(Request::Append { write: WriteCap::from_bytes(client.cap(10)), cell: lost.clone() }).await;
    client.do_it(Request::Close { read: ReadCap::from_bytes(client.cap(11)) }).await;
    dead.add_body(lost.as_bytes(), "a cell of a closed queue");
    dead.add(WriteCap::from_bytes(client.cap(10)).id().as_bytes(), "the id of a closed queue");
    dead.add(ReadCap::from_bytes(client.cap(11)).id().as_bytes(), "the read id of a closed queue");
    // A read capability that was replaced.
    client.open(20).await;
    let to = ReadCap::from_bytes(client.cap(22)).id();
    client.do_it(Request::RotateRead { read: ReadCap::from_bytes(client.cap(21)), to }).await;
    dead.add(ReadCap::from_bytes(client.cap(21)).id().as_bytes(), "a read id that was replaced");
    living.add(to.as_bytes(), "a read id");
    invite(client, living, dead).await;
    blob(client, living, dead).await;
    for n in [1, 2, 10, 11, 20, 21, 22, 30, 31, 32, 40, 41, 50, 51, 60, 61] {
        never.add(&client.cap(n), format!("capability {n} of {seed}"));
    }
}

/// One invite that is taken and revoked, one that stands and was renewed.
async fn invite(client: &mut Client, living: &mut Needles, dead: &mut Needles) {
    let seed = client.seed;
    let put = |client: &Client, n: u64, kind, bundle: Cell| {
        let (id, owner) =
            (FetchCap::from_bytes(client.cap(n)).id(), OwnerCap::from_bytes(client.cap(n + 1)).id());
        Request::InvitePut(InvitePut { id, owner, kind, days: 9, bundle })
    };
    let taken = cell(seed * 100 + 60);
    let request = put(client, 30, InviteKind::OneTime, taken.clone());
    client.do_it(request).await;
    let (fetch, claim) = (FetchCap::from_bytes(client.cap(30)), ClaimToken::from_bytes(client.cap(32)));
    dead.add(claim.hash().as_bytes(), "the claim of a revoked invite");
    assert!(matches!(client.peer.ask(Request::InviteTake { fetch, claim }).await, Response::Bundle(_)));
    client.do_it(Request::InviteRevoke { owner: OwnerCap::from_bytes(client.cap(31)) }).await;
    dead.add_body(taken.as_bytes(), "the bundle of a revoked invite");
    dead.add(FetchCap::from_bytes(client.cap(30)).id().as_bytes(), "the id of a revoked invite");
    dead.add(OwnerCap::from_bytes(client.cap(31)).id().as_bytes(), "the owner of a revoked invite");
    let [old, new] = [61, 62].map(|n| cell(seed * 100 + n));
    for bundle in [&old, &new] {
        let request = put(client, 40, InviteKind::Address, bundle.clone());
        client.do_it(request).await;
    }
    dead.add_body(old.as_bytes(), "the bundle of an address before its renewal");
    living.add_body(new.as_bytes(), "the bundle of an address");
}

/// One blob that is dropped, and one that stands.
async fn blob(client: &mut Client, living: &mut Needles, dead: &mut Needles) {
    // A few: a chunk is 64 KiB.
    if !client.seed.is_multiple_of(10) {
        return;
    }
    for (n, dropped) in [(50, true), (60, false)] {
        let bytes = noise(client.seed * 100 + n + 20, CHUNK_LEN);
        let (blob, owner) =
            (BlobCap::from_bytes(client.cap(n)).id(), OwnerCap::from_bytes(client.cap(n + 1)));
        let chunk = Chunk::from_vec(bytes.clone()).unwrap();
        client
            .do_it(Request::BlobPut(BlobPut { blob, owner: owner.id(), index: 0, of: 1, days: 9, chunk }))
            .await;
        if dropped {
            dead.add(owner.id().as_bytes(), "the owner of a dropped blob");
            dead.add(blob.as_bytes(), "the id of a dropped blob");
            dead.add_body(&bytes, "a chunk of a dropped blob");
            client.do_it(Request::BlobDrop { owner }).await;
        } else {
            living.add_body(&bytes, "a chunk");
        }
    }
}

/// Every byte of the slabs: layouts with their fields, bodies that were sent, and zeros.
fn account_for(folder: &Path, living: &Needles) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    let mut count = |what| *counts.entry(what).or_default() += 1;
    let records = std::fs::read(folder.join("records.slab")).unwrap();
    for record in records.as_chunks::<128>().0.iter().filter(|record| **record != [0; 128]) {
        let zero = |range: std::ops::Range<usize>| assert!(record[range].iter().all(|byte| *byte == 0));
        match record[..2] {
            [1, 1] => (zero(2..8), zero(10..16), zero(80..112), count("queue")).3,
            [2, 1] => (zero(4..8), zero(14..16), zero(96..112), count("invite")).3,
            [3, 1] => (zero(2..8), zero(14..16), zero(80..112), count("blob")).3,
            [77, 1] => (zero(3..4), zero(40..112), count("store")).2,
            _ => panic!("a record of no known kind"),
        }
    }
    for (file, body) in [("cells.slab", CELL_LEN), ("chunks.slab", CHUNK_LEN)] {
        let slab = std::fs::read(folder.join(file)).unwrap();
        for group in slab.chunks_exact(CELL_LEN + 64 * body) {
            let (headers, bodies) = group.split_at(CELL_LEN);
            for (header, body) in headers.chunks_exact(64).zip(bodies.chunks_exact(body)) {
                if header == [0; 64] {
                    assert!(body.iter().all(|byte| *byte == 0), "bytes in a free slot of {file}");
                    continue;
                }
                assert!(header[1] == 0 && header[60..] == [0; 4]);
                count(["", "cell", "bundle", "chunk"][usize::from(header[0])]);
                for sector in body.chunks(512) {
                    let key = u64::from_le_bytes(*sector.first_chunk().unwrap());
                    assert!(living.0.contains_key(&key), "a sector that nobody sent, or that was deleted");
                }
            }
        }
    }
    counts
}

#[tokio::test]
async fn after_fifty_clients_the_folder_holds_ciphertext_hashes_and_days_and_nothing_that_is_gone() {
    const CLIENTS: u64 = 50;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let relay = Relay::start(&data);
    let (mut living, mut dead, mut never) = (Needles::default(), Needles::default(), Needles::default());
    for seed in 1..=CLIENTS {
        let mut client = Client::new(&relay, seed).await;
        live(&mut client, &mut living, &mut dead, &mut never).await;
        if seed.is_multiple_of(10) {
            // The relay runs, and has answered: nothing waits for a sweep, a segment or an end.
            assert_eq!(dead.found_in(&data), HashSet::new(), "deleted and still there");
            assert_eq!(never.found_in(&data), HashSet::new(), "a capability");
            let there = living.found_in(&data);
            assert_eq!(
                there.len(),
                living.0.values().collect::<HashSet<_>>().len(),
                "the control: it is found"
            );
        }
    }
    relay.end(Some(Signal::KILL));
    assert_eq!(dead.found_in(&data), HashSet::new(), "after kill -9");
    let counts = account_for(&data, &living);
    let expected = [
        ("blob", 5),
        ("bundle", 50),
        ("cell", 100),
        ("chunk", 5),
        ("invite", 50),
        ("queue", 100),
        ("store", 1),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    let mut files: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let known = [
        "MANIFEST",
        "address",
        "admin.sock",
        "cells.slab",
        "chunks.slab",
        "lock",
        "records.slab",
        "relay.key",
        "reset.key",
    ];
    assert_eq!(files, known);
    assert_eq!(std::fs::metadata(data.join("lock")).unwrap().len(), 0);
    let manifest = std::fs::read_to_string(data.join("MANIFEST")).unwrap();
    assert!(
        manifest.starts_with("subrosa relay store\nformat 2\nstore ") && manifest.lines().count() == 3,
        "{manifest}"
    );
    disclosed(&data);
}

/// What `disclose` prints is what was counted, and has no field beside these.
fn disclosed(data: &Path) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_subrosa-relay"));
    let output =
        command.arg("--data").arg(data).args(["disclose", "--json", "--rows", "1000"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let fields: BTreeMap<&str, Vec<&str>> = BTreeMap::from([
        ("queues", vec!["cells", "lease", "read id", "write id"]),
        ("invites", vec!["claim", "expires", "invite id", "kind", "owner id", "state"]),
        ("blobs", vec!["blob id", "chunks", "expires", "owner id"]),
        ("store", vec!["opened", "store id", "until"]),
    ]);
    for table in json["tables"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        for row in table["rows"].as_array().unwrap() {
            let mut found: Vec<&str> =
                row["values"].as_object().unwrap().keys().map(String::as_str).collect();
            found.sort_unstable();
            assert_eq!(Some(&found), fields.get(name), "{name}");
        }
    }
    assert_eq!((&json["cell_count"], &json["chunk_count"]), (&100.into(), &5.into()));
    assert!(json["cells"].as_array().unwrap().iter().all(|cell| cell["bytes"] == 4_096));
}
