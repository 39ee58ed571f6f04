//! A relay inside the test's process, spoken to over real QUIC.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::ServerName;
use subrosa_relay::{Config, Reach, Relay};
use subrosa_wire::{
    ALPN, BlobCap, BlobPut, CHUNK_LEN, Chunk, FEATURES, Frame, Handle, Hello, InviteKind, InviteState,
    Refusal, RelayKeyHash, Request, Response, Rid, Seq,
};
use support::{PATIENCE, Peer, connect, dial, invite, owner, read, tls};
use tokio::time::timeout;

fn start(folder: &Path) -> Relay {
    Relay::start(Config::local(folder.to_owned())).unwrap()
}

fn memory() -> Relay {
    Relay::start(Config::memory()).unwrap()
}

async fn peer(relay: &Relay) -> Peer {
    Peer::new(relay.local_addr(), relay.address().key()).await
}

#[tokio::test]
async fn what_is_appended_is_delivered_in_order_and_gone_when_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let relay = start(folder.path());
    let (mut ana, mut ben) = (peer(&relay).await, peer(&relay).await);
    let handle = ana.open(1, 16).await.unwrap();
    for byte in 1..=3 {
        ben.append(1, byte).await.unwrap();
    }
    let mut last = Seq(0);
    for byte in 1..=3 {
        let (seq, found) = ana.cell().await;
        assert_eq!(found, byte);
        assert!(seq > last);
        last = seq;
    }
    assert_eq!(relay.knowledge().cell_count, 3);
    ana.reply(Request::Ack { handle, upto: last }).await.unwrap();
    assert_eq!(relay.knowledge().cell_count, 0);
    assert_eq!(ben.append(9, 1).await, Err(Refusal::Missing));
    assert_eq!(ana.reply(Request::Close { read: read(1) }).await, Ok(0));
    assert_eq!(ben.append(1, 1).await, Err(Refusal::Missing));
}

#[tokio::test]
async fn a_second_subscriber_takes_over_and_the_first_is_told() {
    // REL-34.
    let relay = memory();
    let (mut old, mut new, mut writer) = (peer(&relay).await, peer(&relay).await, peer(&relay).await);
    let handle = old.open(1, 16).await.unwrap();
    writer.append(1, 7).await.unwrap();
    let (seq, _) = old.cell().await;
    new.open(1, 16).await.unwrap();
    assert!(matches!(old.unasked().await, Response::Moved { handle: moved } if moved == handle));
    assert!(old.reply(Request::Ack { handle, upto: seq }).await.is_err(), "its later acks are not applied");
    assert_eq!(new.cell().await, (seq, 7));
}

#[tokio::test]
async fn a34_a_one_time_invite_burns_for_everyone_but_the_claim_that_took_it() {
    // REL-43.
    let relay = memory();
    let (mut ana, mut ben) = (peer(&relay).await, peer(&relay).await);
    ana.reply(invite(1, InviteKind::OneTime, 5)).await.unwrap();
    let check = || Request::InviteCheck { owner: owner(1) };
    assert_eq!(ana.reply(check()).await, Ok(InviteState::Unopened as u64));
    assert_eq!(ben.take(1, 1).await, Ok(5));
    assert_eq!(ben.take(1, 1).await, Ok(5), "a lost answer is asked for again");
    assert_eq!(ben.take(1, 2).await, Err(Refusal::Used));
    assert_eq!(ana.reply(check()).await, Ok(InviteState::Opened as u64));
    ana.reply(Request::InviteRevoke { owner: owner(1) }).await.unwrap();
    assert_eq!(ben.take(1, 1).await, Err(Refusal::Missing));
}

#[tokio::test]
async fn a_client_that_expects_another_key_does_not_connect() {
    // REL-03.
    let relay = memory();
    let other = RelayKeyHash::from_bytes([1; 32]);
    let suite = subrosa_relay::provider();
    assert!(connect(relay.local_addr(), other, suite, ALPN).await.is_err());
}

/// Counts the tickets that a relay hands out, and has none to give back.
#[derive(Debug, Default)]
struct Tickets(AtomicUsize);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _server: ServerName<'static>, _group: NamedGroup) {}
    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _server: ServerName<'static>, _session: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _server: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _server: ServerName<'static>, _ticket: Tls13ClientSessionValue) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

#[tokio::test]
async fn a_relay_hands_out_no_ticket_by_which_two_connections_could_be_linked() {
    // REL-05.
    let relay = memory();
    let tickets = Arc::new(Tickets::default());
    let mut tls = tls(relay.address().key(), subrosa_relay::provider(), ALPN);
    let store: Arc<dyn ClientSessionStore> = Arc::<Tickets>::clone(&tickets);
    tls.resumption = Resumption::store(store);
    tls.enable_early_data = true;
    let (mut peer, _) = Peer::on(dial(relay.local_addr(), tls).await.unwrap()).await;
    // Whatever follows a handshake has come before the answer to what was asked after it.
    peer.reply(Request::Ping).await.unwrap();
    assert_eq!(tickets.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a12_a_client_without_the_post_quantum_exchange_or_the_protocol_does_not_connect() {
    // REL-01, REL-02.
    let relay = memory();
    let (at, key) = (relay.local_addr(), relay.address().key());
    let classical = CryptoProvider { kx_groups: vec![kx_group::X25519], ..subrosa_relay::provider() };
    assert!(connect(at, key, classical, ALPN).await.is_err());
    assert!(connect(at, key, subrosa_relay::provider(), b"subrosa/2").await.is_err());
    assert!(connect(at, key, subrosa_relay::provider(), ALPN).await.is_ok());
}

// Of several threads, since stopping blocks this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_address_queues_invites_and_cells() {
    let folder = tempfile::tempdir().unwrap();
    let relay = start(folder.path());
    let (address, local) = (relay.address().clone(), relay.local_addr());
    let mut ana = peer(&relay).await;
    ana.open(1, 1).await.unwrap();
    ana.append(1, 4).await.unwrap();
    ana.reply(invite(2, InviteKind::Address, 6)).await.unwrap();
    relay.stop();
    assert_eq!(ana.cell().await.1, 4);
    assert!(matches!(ana.unasked().await, Response::GoAway(bye) if bye.reason == Refusal::Draining));
    assert_eq!(ana.closed().await, Some(u32::from(Refusal::Draining.code()).into()));
    let relay = start(folder.path());
    assert_eq!((relay.address(), relay.local_addr()), (&address, local), "invites carry it");
    let mut ana = peer(&relay).await;
    ana.open(1, 1).await.unwrap();
    assert_eq!(ana.cell().await.1, 4);
    assert_eq!(ana.take(2, 1).await, Ok(6));
    assert_eq!(ana.take(2, 2).await, Ok(6));
}

#[tokio::test]
async fn a_full_disk_refuses_new_queues_and_says_storage() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::local(folder.path().to_owned());
    config.store.reserve = u64::MAX;
    let relay = Relay::start(config).unwrap();
    let mut ana = peer(&relay).await;
    assert_eq!(ana.open(1, 1).await, Err(Refusal::Storage));
    assert_eq!(ana.reply(invite(1, InviteKind::Address, 6)).await, Err(Refusal::Storage));
    assert!(ana.reply(Request::Ping).await.is_ok());
}

#[tokio::test]
async fn chunks_travel_on_streams_of_their_own() {
    // REL-06.
    let folder = tempfile::tempdir().unwrap();
    let relay = start(folder.path());
    let mut ana = peer(&relay).await;
    let mut chunks = ana.chunk_stream().await;
    let cap = BlobCap::from_bytes([8; 32]);
    let put = |index, byte| {
        let chunk = Chunk::from_vec(vec![byte; CHUNK_LEN]).unwrap();
        let (blob, owner) = (cap.id(), owner(8).id());
        Request::BlobPut(BlobPut { blob, owner, index, of: 2, days: 3, chunk })
    };
    for index in 0..2 {
        assert!(chunks.reply(put(index, 7)).await.is_ok());
    }
    assert_eq!(relay.knowledge().chunk_count, 2);
    let read = BlobCap::from_bytes([8; 32]);
    let Response::Chunk(chunk) = chunks.ask(Request::BlobGet { read, index: 1 }).await else {
        panic!("no chunk")
    };
    assert_eq!(chunk.as_bytes()[..], [7; CHUNK_LEN]);
    drop(chunks);
    assert!(ana.reply(Request::Ping).await.is_ok(), "its end is not that of the connection");
    assert!(ana.reply(Request::BlobDrop { owner: owner(8) }).await.is_ok());
    assert_eq!(relay.knowledge().chunk_count, 0);
}

/// D1.
#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    // REL-08.
    let relay = Relay::start(Config { patience: Duration::from_millis(300), ..Config::memory() }).unwrap();
    let (at, key) = (relay.local_addr(), relay.address().key());
    let silent = connect(at, key, subrosa_relay::provider(), ALPN).await.unwrap();
    let begun = Instant::now();
    let closed = silent.closed().await;
    assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)), "{closed:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mute = connect(at, key, subrosa_relay::provider(), ALPN).await.unwrap();
    let (mut send, _recv) = mute.open_bi().await.unwrap();
    send.write_all(&[1]).await.unwrap();
    let closed = timeout(PATIENCE, mute.closed()).await.expect("its silence has an end");
    assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)), "{closed:?}");
}

/// D1: the first frame has one deadline, however many pieces it comes in.
#[tokio::test]
async fn a_first_frame_that_comes_byte_by_byte_is_not_waited_for() {
    let relay = Relay::start(Config { patience: Duration::from_millis(300), ..Config::memory() }).unwrap();
    let slow = connect(relay.local_addr(), relay.address().key(), subrosa_relay::provider(), ALPN).await;
    let slow = slow.unwrap();
    let (mut send, _recv) = slow.open_bi().await.unwrap();
    let hello = Request::Hello(Hello { minor: 0, features: FEATURES });
    let mut bytes = Frame::new(Rid(1), hello).encode().into_iter();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    let closed = loop {
        tokio::select! {
            closed = slow.closed() => break closed,
            _ = pace.tick() => match bytes.next() {
                Some(byte) => drop(send.write_all(&[byte]).await),
                None => panic!("the whole frame was waited for"),
            },
        }
    };
    assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)), "{closed:?}");
}

/// D2.
#[tokio::test]
async fn connections_above_the_limit_are_refused_until_one_leaves() {
    let mut config = Config::memory();
    config.limits.connections = 2;
    let relay = Relay::start(config).unwrap();
    let (at, key) = (relay.local_addr(), relay.address().key());
    let (one, _two) = (peer(&relay).await, peer(&relay).await);
    assert!(connect(at, key, subrosa_relay::provider(), ALPN).await.is_err());
    one.connection.close(0u32.into(), b"");
    let freed = async { while connect(at, key, subrosa_relay::provider(), ALPN).await.is_err() {} };
    timeout(PATIENCE, freed).await.expect("its place is free again");
}

/// D1: above the limit a newcomer has to prove its address, and does.
#[tokio::test]
async fn a_busy_relay_asks_for_a_retry_and_still_serves() {
    let relay = Relay::start(Config { retry_above: 0, ..Config::memory() }).unwrap();
    let mut ana = peer(&relay).await;
    assert!(ana.reply(Request::Ping).await.is_ok());
}

#[tokio::test]
async fn bytes_that_are_no_frame_close_the_connection_and_say_why() {
    // REL-51.
    let relay = memory();
    let mut ana = peer(&relay).await;
    ana.send_bytes(&[0xff; 64]).await;
    assert!(matches!(ana.unasked().await, Response::GoAway(bye) if bye.reason == Refusal::Malformed));
    assert_eq!(ana.closed().await, Some(u32::from(Refusal::Malformed.code()).into()));
    assert!(peer(&relay).await.reply(Request::Ping).await.is_ok(), "the others are served");
}

/// D5, D7.
#[tokio::test]
async fn a_subscriber_that_never_acknowledges_gets_its_window_and_no_more() {
    let relay = memory();
    let (mut ana, mut ben) = (peer(&relay).await, peer(&relay).await);
    let handle = ana.open(1, 4).await.unwrap();
    for byte in 0..10 {
        ben.append(1, byte).await.unwrap();
    }
    let mut last = Seq(0);
    for byte in 0..4 {
        let (seq, found) = ana.cell().await;
        assert_eq!(found, byte);
        last = seq;
    }
    // The answer to a later request is the next frame: no fifth cell stands before it.
    assert!(ana.reply(Request::Ping).await.is_ok());
    ana.reply(Request::Ack { handle, upto: last }).await.unwrap();
    assert_eq!(ana.cell().await.1, 4);
    assert_eq!(ana.reply(Request::Ack { handle: Handle(99), upto: last }).await, Err(Refusal::Missing));
}

#[test]
fn a_relay_in_memory_leaves_nothing_and_a_stopped_one_answers_nothing() {
    let relay = memory();
    assert_eq!(relay.reach(), Reach::ThisMachine);
    assert_eq!(relay.knowledge().cell_count, 0);
    let at = relay.local_addr();
    relay.stop();
    assert!(std::net::UdpSocket::bind(at).is_ok(), "its port is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_people_write_and_holds_what_was_acknowledged_before_it() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let relay = start(folder.path());
    let mut ana = peer(&relay).await;
    ana.open(1, 1).await.unwrap();
    for byte in 1..=100 {
        ana.append(1, byte).await.unwrap();
    }
    let to = copies.path().join("copy");
    std::thread::scope(|scope| {
        let copying = scope.spawn(|| relay.backup(&to));
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            runtime.block_on(async {
                for byte in 101..=150 {
                    ana.append(1, byte).await.unwrap();
                }
            });
        });
        copying.join().unwrap().unwrap();
    });
    let again = relay.backup(&to).unwrap_err();
    assert!(again.to_string().contains("not empty"), "{again}");
    let address = relay.address().clone();
    relay.stop();
    let report = subrosa_relay::store::check(&to).unwrap();
    assert!(report.is_sound() && (100..=150).contains(&report.cells), "{report:?}");
    let copy = start(&to);
    assert_eq!(copy.address().key(), address.key(), "the same relay");
    let mut ben = peer(&copy).await;
    ben.open(1, 64).await.unwrap();
    assert_eq!(ben.cell().await.1, 1);
}
