//! What a relay lets out about those who use it: its log at every level and in both formats, its figures, its words when it fails,
//! its command line, the names of its threads, and its folder, searched for every address, port, id, capability and piece of
//! ciphertext that was used.
//!
//! Spec: docs/guide/relay.md, "Logs" and "Looking at it". Invariant: a search that finds nothing finds what it must find in the log
//! of the network library, which is why that is never written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]
#![allow(unreachable_pub, dead_code, reason = "modules of tests")]

mod support;

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint};
use rustix::process::{Pid, Signal, kill_process};
use subrosa_codec::{CELL_LEN, Cell};
use subrosa_relay::{Config, RelayAddress};
use subrosa_wire::{
    ALPN, Admit, BlobCap, BlobPut, CHUNK_LEN, Chunk, ClaimToken, FetchCap, Handle, InviteKind, InvitePut,
    Open, OwnerCap, ReadCap, RelayKeyHash, Request, Response, SERVER_NAME, WriteCap,
};
use support::Peer;

/// SplitMix64: bytes that nothing else is likely to hold.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x1234_5678_9abc_def1);
    let word = |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)).to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(word).take(len).collect()
}

/// Base64, either alphabet, without padding.
fn base64(bytes: &[u8], url: bool) -> String {
    let last = if url { "-_" } else { "+/" };
    let alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(last.bytes()).collect();
    bytes
        .chunks_exact(3)
        .flat_map(|three| {
            let word = three.iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte));
            [18, 12, 6, 0].map(|shift| char::from(alphabet[(word >> shift) as usize % 64]))
        })
        .collect()
}

/// What must be nowhere.
#[derive(Default)]
struct Needles {
    bytes: Vec<(Vec<u8>, String)>,
    /// Numbers that count only as a whole: ports.
    ports: BTreeSet<u16>,
    words: BTreeSet<String>,
}

impl Needles {
    /// A piece of these bytes, in every way that programs print bytes.
    fn add(&mut self, bytes: &[u8], what: &str) {
        for (place, piece) in [("start", &bytes[..6]), ("end", &bytes[bytes.len() - 6..])] {
            let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            let list: Vec<_> = piece.iter().map(u8::to_string).collect();
            let escaped: String = piece.iter().map(|byte| byte.escape_ascii().to_string()).collect();
            let mut forms = vec![hex.to_uppercase(), hex, list.join(", "), list.join(","), escaped];
            // Where the piece begins inside its text is known only for the start.
            if place == "start" {
                forms.extend([base64(piece, true), base64(piece, false)]);
            }
            for form in forms {
                self.bytes.push((form.into_bytes(), format!("{what}, its {place}")));
            }
            self.bytes.push((piece.to_vec(), format!("{what}, its {place}, raw")));
        }
    }

    fn add_peer(&mut self, at: SocketAddr) {
        self.ports.insert(at.port());
        self.words.insert(at.ip().to_string());
        self.words.insert(format!("{:?}", at.ip()));
    }

    /// Everything of it that is in `text`.
    fn found_in(&self, text: &[u8]) -> BTreeSet<String> {
        let has = |needle: &[u8]| text.windows(needle.len()).any(|window| window == needle);
        let mut found: BTreeSet<String> =
            self.bytes.iter().filter(|(needle, _)| has(needle)).map(|(_, what)| what.clone()).collect();
        found.extend(self.words.iter().filter(|word| has(word.as_bytes())).cloned());
        let runs = text.split(|byte| !byte.is_ascii_digit()).filter_map(|run| str::from_utf8(run).ok());
        found.extend(
            runs.filter_map(|run| run.parse().ok())
                .filter(|port| self.ports.contains(port))
                .map(|p| format!("port {p}")),
        );
        found
    }
}

/// A connection from an address that is noted, with its command stream.
async fn peer(at: SocketAddr, pin: RelayKeyHash, needles: &mut Needles) -> Peer {
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    needles.add_peer(endpoint.local_addr().unwrap());
    let tls = support::tls(pin, subrosa_relay::provider(), ALPN);
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap())));
    Peer::on(endpoint.connect(at, SERVER_NAME).unwrap().await.unwrap()).await.0
}

struct Caps<'a>(u64, &'a mut Needles);

impl Caps<'_> {
    /// The capability of this number, noted.
    fn bytes(&mut self, n: u64) -> [u8; 32] {
        let bytes: [u8; 32] = noise(self.0 * 1_000 + n, 32).try_into().unwrap();
        self.1.add(&bytes, &format!("capability {n}"));
        bytes
    }

    fn write(&mut self, n: u64) -> WriteCap {
        let cap = WriteCap::from_bytes(self.bytes(n));
        self.1.add(cap.id().as_bytes(), &format!("the id of queue {n}"));
        cap
    }

    fn read(&mut self, n: u64) -> ReadCap {
        let cap = ReadCap::from_bytes(self.bytes(n + 1));
        self.1.add(cap.id().as_bytes(), &format!("the read id of queue {n}"));
        cap
    }

    fn owner(&mut self, n: u64) -> OwnerCap {
        let cap = OwnerCap::from_bytes(self.bytes(n + 1));
        self.1.add(cap.id().as_bytes(), &format!("the owner of thing {n}"));
        cap
    }

    fn cell(&mut self, n: u64) -> Cell {
        let bytes = noise(self.0 * 1_000 + 500 + n, CELL_LEN);
        self.1.add(&bytes, &format!("cell {n}"));
        Cell::from_vec(bytes).unwrap()
    }

    fn open(&mut self, n: u64) -> Request {
        Request::Open(Open { queue: self.write(n).id(), read: self.read(n), admit: Admit::OPEN, credit: 8 })
    }
}

/// Everything that a client can ask for, well and badly.
async fn everything(at: SocketAddr, pin: RelayKeyHash, seed: u64, needles: &mut Needles) {
    let mut one = peer(at, pin, needles).await;
    let mut two = peer(at, pin, needles).await;
    let mut caps = Caps(seed, needles);
    let handle = Handle(u32::try_from(one.reply(caps.open(1)).await.unwrap()).unwrap());
    for n in 0..12 {
        let append = Request::Append { write: caps.write(1), cell: caps.cell(n) };
        // The queue holds ten at most: the last are refused.
        two.reply(append).await.ok();
    }
    let Response::Cell { seq, .. } = one.unasked().await else { panic!("not a cell") };
    one.reply(Request::Ack { handle, upto: seq }).await.unwrap();
    // Taken over, and then by the one who lost it again.
    two.reply(caps.open(1)).await.unwrap();
    one.reply(Request::Ack { handle, upto: seq }).await.ok();
    one.reply(caps.open(1)).await.unwrap();
    one.reply(Request::RotateRead { read: caps.read(1), to: caps.read(4).id() }).await.unwrap();
    one.reply(Request::Close { read: caps.read(8) }).await.unwrap_err();
    one.reply(Request::Close { read: caps.read(4) }).await.unwrap();
    one.reply(caps.open(12)).await.unwrap();
    let (fetch, owner) = (FetchCap::from_bytes(caps.bytes(20)), caps.owner(20));
    caps.1.add(fetch.id().as_bytes(), "an invite's id");
    let put = InvitePut {
        id: fetch.id(),
        owner: owner.id(),
        kind: InviteKind::OneTime,
        days: 3,
        bundle: caps.cell(30),
    };
    one.reply(Request::InvitePut(put)).await.unwrap();
    for n in [22, 23] {
        let (fetch, claim) = (FetchCap::from_bytes(caps.bytes(20)), ClaimToken::from_bytes(caps.bytes(n)));
        caps.1.add(claim.hash().as_bytes(), "a claim");
        two.ask(Request::InviteTake { fetch, claim }).await;
    }
    one.reply(Request::InviteCheck { owner: caps.owner(20) }).await.unwrap();
    one.reply(Request::InviteRevoke { owner: caps.owner(20) }).await.unwrap();
    let (blob, owner) = (BlobCap::from_bytes(caps.bytes(40)), caps.owner(40));
    caps.1.add(blob.id().as_bytes(), "a blob's id");
    let bytes = noise(seed + 77, CHUNK_LEN);
    caps.1.add(&bytes, "a chunk");
    let chunk = Chunk::from_vec(bytes).unwrap();
    let put = BlobPut { blob: blob.id(), owner: owner.id(), index: 0, of: 1, days: 3, chunk };
    let mut chunks = one.chunk_stream().await;
    assert!(matches!(chunks.ask(Request::BlobPut(put)).await, Response::Reply(Ok(_))));
    chunks.ask(Request::BlobGet { read: blob, index: 0 }).await;
    one.reply(Request::BlobDrop { owner: caps.owner(40) }).await.unwrap();
    too_much(two, at, pin, &mut caps).await;
}

/// Too many invites, what is no frame, and a handshake that fails.
async fn too_much(mut two: Peer, at: SocketAddr, pin: RelayKeyHash, caps: &mut Caps<'_>) {
    for n in 0..80 {
        let id = FetchCap::from_bytes(caps.bytes(100 + n)).id();
        let put = InvitePut {
            id,
            owner: caps.owner(200 + n).id(),
            kind: InviteKind::Address,
            days: 3,
            bundle: caps.cell(31),
        };
        two.reply(Request::InvitePut(put)).await.ok();
    }
    let junk = noise(99, 64);
    caps.1.add(&junk, "what is no frame");
    two.send_bytes(&[&[0, 0, 0, 40, 0x7f][..], &junk].concat()).await;
    two.connection.closed().await;
    // A handshake that fails: another protocol.
    support::connect(at, pin, subrosa_relay::provider(), b"other/1").await.unwrap_err();
}

fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_subrosa-relay"));
    command.arg("--data").arg(data).args(words).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command.env("HOME", data).env_remove("XDG_CONFIG_HOME").env_remove("STATE_DIRECTORY");
    command
}

fn start(data: &Path, words: &[&str]) -> (Child, RelayAddress) {
    let mut child = command(data, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = RelayAddress::parse(&line).unwrap_or_else(|error| {
        let mut words = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
        panic!("{error}: {words}")
    });
    (child, address)
}

/// What other people on the machine see of a process: its command line, its environment, its threads' names.
fn seen_from_outside(child: &Child) -> Vec<u8> {
    let process = format!("/proc/{}", child.id());
    let mut seen = std::fs::read(format!("{process}/cmdline")).unwrap();
    seen.extend(std::fs::read(format!("{process}/environ")).unwrap());
    for task in std::fs::read_dir(format!("{process}/task")).unwrap() {
        seen.extend(std::fs::read(task.unwrap().path().join("comm")).unwrap());
    }
    seen
}

async fn nothing_comes_out(format: &str) {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("relay.toml");
    let limits = "[limits]\nqueue_cells = 10\n[store]\ngrow_mib = 1\nreserve_mib = 0\n";
    std::fs::write(&config, format!("[relay]\nlisten = \"127.0.0.1:0\"\nlog = \"trace\"\n{limits}")).unwrap();
    let words = ["--config", config.to_str().unwrap(), "--log-format", format, "run"];
    let (mut child, address) = start(data.path(), &words);
    let at = SocketAddr::new(address.host().parse().unwrap(), address.port());
    let mut needles = Needles::default();
    everything(at, address.key(), 5, &mut needles).await;
    let mut last = peer(at, address.key(), &mut needles).await;
    last.reply(Request::Ping).await.unwrap();
    // What it says when it fails, while it is in use.
    let Output { stdout, stderr, .. } = command(data.path(), &words).output().unwrap();
    let disclosed = command(data.path(), &["check"]).output().unwrap();
    let outside = seen_from_outside(&child);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut log = Vec::new();
    child.stderr.as_mut().unwrap().read_to_end(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // Its own line of who can reach it names no address either.
    let text = String::from_utf8(log.clone()).unwrap();
    assert!(text.contains("serving") && text.contains("stopped"), "{text}");
    for (what, bytes) in [
        ("the log", log),
        ("the words of a second relay", [stdout, stderr].concat()),
        ("the words of another command", [disclosed.stdout, disclosed.stderr].concat()),
        ("what others see of the process", outside),
    ] {
        assert_eq!(
            needles.found_in(&bytes),
            BTreeSet::new(),
            "in {what}: {}",
            String::from_utf8_lossy(&bytes)
        );
    }
    if format == "json" {
        let lines = text.lines().filter(|line| line.starts_with('{'));
        let lines: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().any(|line| line["message"] == "serving" && line["level"] == "INFO"), "{text}");
        assert!(
            lines.iter().all(|line| line["target"].as_str().unwrap().starts_with("subrosa_relay")),
            "{text}"
        );
    }
    in_the_folder(data.path(), &needles);
}

/// The store keeps ids of what stands and sealed bodies, and nothing of where they came from.
fn in_the_folder(data: &Path, needles: &Needles) {
    let caps = needles
        .bytes
        .iter()
        .filter(|(_, what)| what.starts_with("capability") && what.ends_with("start, raw"));
    let caps: HashMap<&[u8], &str> = caps.map(|(bytes, what)| (&bytes[..], &what[..])).collect();
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // These two hold the relay's own address.
        if name == "address" || name == "relay.toml" {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let text: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_graphic).collect();
        assert!(!String::from_utf8_lossy(&text).contains("127.0.0.1"), "an address in {name}");
        // Most of a slab is zeros.
        let there = bytes.windows(6).filter(|window| window[0] != 0);
        let there: BTreeSet<_> = there.filter_map(|window| caps.get(window)).collect();
        assert_eq!(there, BTreeSet::new(), "in {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_trace_no_text_line_holds_an_address_an_id_a_capability_or_ciphertext() {
    nothing_comes_out("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_trace_no_json_line_holds_an_address_an_id_a_capability_or_ciphertext() {
    nothing_comes_out("json").await;
}

/// Everything that is written, kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_library_would_tell_at_trace_and_the_search_finds_it() {
    let kept = Kept::default();
    let writer = kept.clone();
    // Without the relay's filter: a program that embeds it and logs everything.
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    tracing::subscriber::set_global_default(lines.with_writer(move || writer.clone()).finish()).unwrap();
    let relay = subrosa_relay::Relay::start(Config::memory()).unwrap();
    let mut needles = Needles::default();
    peer(relay.local_addr(), relay.address().key(), &mut needles).await;
    let text = kept.0.lock().unwrap().clone();
    let found = needles.found_in(&text);
    assert!(found.contains("127.0.0.1") && found.iter().any(|what| what.starts_with("port")), "{found:?}");
}
