//! A relay that does not keep to the protocol: disconnected, told to the person, and nothing else happens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, RecvStream, SendStream, ServerConfig};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use subrosa_client::{
    Client, Command, Notice, Notices, Options, RelayAddress, RelayKeyHash, RelayState, Unlock, create, open,
};
use subrosa_codec::{Cell, Day};
use subrosa_wire::{
    ALPN, Decoder, FEATURES, Frame, GoAway, Handle, MINOR, Refusal, Request, Response, Rid, Seq, Terms,
    Welcome,
};
use tempfile::TempDir;

/// An Ed25519 key of 32 sevens, as PKCS #8 (RFC 8410).
fn key() -> CertifiedKey {
    let mut der =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([7; 32]);
    let key = aws_lc_rs::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(der)).unwrap();
    let public = CertificateDer::from(key.public_key().unwrap().as_ref().to_vec());
    CertifiedKey::new(vec![public], key)
}

fn rogue() -> (Endpoint, RelayAddress) {
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
        ..aws_lc_rs::default_provider()
    });
    let key = Arc::new(key());
    let pin = RelayKeyHash::of_spki(key.cert.first().unwrap());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let port = endpoint.local_addr().unwrap().port();
    (endpoint, RelayAddress::new(pin, "127.0.0.1", port).unwrap())
}

const TERMS: Terms = Terms {
    queue_cells: 1000,
    cell_days: 30,
    lease_days: 90,
    invite_days: 14,
    blob_days: 14,
    blob_chunks: 0,
    handles: 1000,
    window: 64,
    unanswered: 32,
};

fn today() -> Day {
    (Options::new("").now)().day()
}

fn welcome() -> Vec<u8> {
    let welcome = Welcome { minor: MINOR, features: FEATURES, day: today(), terms: TERMS };
    Frame::new(Rid(1), Response::Welcome(welcome)).encode()
}

/// What the rogue answers to the first request after HELLO.
type Answer = fn(Rid) -> Vec<u8>;

/// Serves connections one after the other: WELCOME, then `answer` to each request.
async fn misbehave(endpoint: Endpoint, answer: Answer) {
    while let Some(incoming) = endpoint.accept().await {
        let Ok(connection) = incoming.await else { continue };
        let Ok((send, recv)) = connection.accept_bi().await else { continue };
        tokio::spawn(converse(send, recv, answer));
    }
}

async fn converse(mut send: SendStream, mut recv: RecvStream, answer: Answer) {
    let mut decoder = Decoder::<Request>::new();
    let mut buffer = [0; 8192];
    while let Ok(Some(len)) = recv.read(&mut buffer).await {
        let mut rest = &buffer[..len];
        while let Ok(Some(frame)) = decoder.decode(&mut rest) {
            let bytes = match frame.message {
                Request::Hello(_) => welcome(),
                _ => answer(frame.rid),
            };
            if send.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

/// A client whose relay is `address`, with an invite to store there.
async fn victim(address: &RelayAddress) -> (TempDir, Client, Notices) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    create(&options, "Ana", &Unlock::None).unwrap();
    let (client, notices) = open(options, Unlock::None).unwrap();
    client.command(Command::UseRelay(address.to_string())).await.unwrap();
    client.command(Command::Invite { reusable: false }).await.unwrap();
    (folder, client, notices)
}

async fn hears<T>(notices: &mut Notices, wanted: impl Fn(Notice) -> Option<T>) -> T {
    let heard = async {
        loop {
            let notice = notices.next().await.unwrap();
            if let Some(found) = wanted(notice) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap()
}

#[tokio::test]
async fn wrong_answers_end_the_connection_with_a_sentence_and_nothing_else() {
    let answers: [(&str, Answer); 6] = [
        ("garbage", |_| vec![0xff; 64]),
        ("a frame of a client", |rid| Frame::new(rid, Request::Ping).encode()),
        ("an answer to nothing", |_| Frame::new(Rid(999), Response::DONE).encode()),
        ("a bundle", |rid| Frame::new(rid, Response::Bundle(Cell::zeroed())).encode()),
        ("a cell of no queue", |_| {
            Frame::new(Rid::NONE, Response::Cell { handle: Handle(5), seq: Seq(1), cell: Cell::zeroed() })
                .encode()
        }),
        ("a second welcome", |_| welcome()),
    ];
    for (what, answer) in answers {
        let (endpoint, address) = rogue();
        let server = tokio::spawn(misbehave(endpoint.clone(), answer));
        let (_folder, client, mut notices) = victim(&address).await;
        let told = hears(&mut notices, |notice| match notice {
            Notice::Trouble(sentence) => Some(sentence),
            _ => None,
        })
        .await;
        assert!(
            told.contains("does not keep to the protocol") && told.contains("nothing was lost"),
            "{what}: {told}"
        );
        // The client goes on.
        client.command(Command::Receipts(false)).await.unwrap();
        client.close().await;
        server.abort();
        endpoint.close(0_u32.into(), b"");
    }
}

#[tokio::test]
async fn a_relay_that_sends_everyone_away_is_left_alone_as_long_as_it_asked() {
    // REL-52.
    let (endpoint, address) = rogue();
    let answer: Answer = |_| {
        Frame::new(Rid::NONE, Response::GoAway(GoAway { reason: Refusal::Draining, retry: 3600, jitter: 0 }))
            .encode()
    };
    let server = tokio::spawn(misbehave(endpoint.clone(), answer));
    let (_folder, client, mut notices) = victim(&address).await;
    let why = hears(&mut notices, |notice| match notice {
        Notice::Relay { state: RelayState::Offline(why), .. } => Some(why),
        _ => None,
    })
    .await;
    assert!(why.contains("restarting"), "{why}");
    // New work does not make it come back before.
    client.command(Command::Invite { reusable: true }).await.unwrap();
    let early = tokio::time::timeout(
        Duration::from_millis(1500),
        hears(&mut notices, |notice| match notice {
            Notice::Relay { state: RelayState::Connecting | RelayState::Online, .. } => Some(()),
            _ => None,
        }),
    );
    assert!(early.await.is_err(), "it was dialled again");
    client.close().await;
    server.abort();
}
