//! A client of the tests' own: a QUIC connection with a pinned key, and frames by hand.
#![allow(dead_code, unreachable_pub, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, VarInt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use subrosa_codec::{CELL_LEN, Cell};
use subrosa_wire::{
    ALPN, Admit, ClaimToken, Decoder, FetchCap, Frame, Handle, Hello, InviteKind, InvitePut, Open, OwnerCap,
    ReadCap, Refusal, RelayKeyHash, Request, Response, Rid, SERVER_NAME, Seq, Welcome, WriteCap,
};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Pin(RelayKeyHash, Arc<CryptoProvider>);

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match RelayKeyHash::of_spki(end_entity) == self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(cert.as_ref());
        let algorithms = &self.1.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// A connection under `pin`, with the relay's own suite or another.
pub async fn connect(
    at: SocketAddr,
    pin: RelayKeyHash,
    suite: CryptoProvider,
    alpn: &[u8],
) -> Result<Connection, String> {
    dial(at, tls(pin, suite, alpn)).await
}

/// The client's side of TLS under `pin`.
pub fn tls(pin: RelayKeyHash, suite: CryptoProvider, alpn: &[u8]) -> rustls::ClientConfig {
    let provider = Arc::new(suite);
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pin(pin, provider)))
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    tls
}

/// A connection by this TLS.
pub async fn dial(at: SocketAddr, tls: rustls::ClientConfig) -> Result<Connection, String> {
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connecting = endpoint.connect_with(config, at, SERVER_NAME).unwrap();
    let connected = tokio::time::timeout(PATIENCE, connecting).await.map_err(|_| "no answer")?;
    connected.map_err(|error| error.to_string())
}

/// A client with its command stream.
pub struct Peer {
    pub connection: Connection,
    send: SendStream,
    recv: RecvStream,
    decoder: Decoder<Response>,
    left: Vec<u8>,
    rid: u32,
    unasked: VecDeque<Response>,
}

impl Peer {
    /// Connects and says hello.
    pub async fn new(at: SocketAddr, pin: RelayKeyHash) -> Self {
        Self::greet(at, pin).await.0
    }

    pub async fn greet(at: SocketAddr, pin: RelayKeyHash) -> (Self, Welcome) {
        Self::on(connect(at, pin, subrosa_relay::provider(), ALPN).await.unwrap()).await
    }

    /// Says hello on a connection.
    pub async fn on(connection: Connection) -> (Self, Welcome) {
        let (send, recv) = connection.open_bi().await.unwrap();
        let (decoder, left, unasked) = (Decoder::new(), Vec::new(), VecDeque::new());
        let mut peer = Self { connection, send, recv, decoder, left, rid: 0, unasked };
        let hello = Hello { minor: 0, features: subrosa_wire::FEATURES };
        match peer.ask(Request::Hello(hello)).await {
            Response::Welcome(welcome) => (peer, welcome),
            other => panic!("no welcome but {other:?}"),
        }
    }

    /// A further stream of the same connection, for chunks.
    pub async fn chunk_stream(&self) -> Self {
        let connection = self.connection.clone();
        let (send, recv) = connection.open_bi().await.unwrap();
        let (decoder, left, unasked) = (Decoder::new(), Vec::new(), VecDeque::new());
        Self { connection, send, recv, decoder, left, rid: 0, unasked }
    }

    /// Sends without waiting for the answer; its rid.
    pub async fn send(&mut self, request: Request) -> Option<Rid> {
        self.rid += 1;
        let rid = Rid(self.rid);
        self.send.write_all(&Frame::new(rid, request).encode()).await.ok()?;
        Some(rid)
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.send.write_all(bytes).await.unwrap();
    }

    /// The next frame, or `None` when the connection has ended.
    pub async fn frame(&mut self) -> Option<Frame<Response>> {
        tokio::time::timeout(PATIENCE, self.read_frame()).await.expect("the relay answers in time")
    }

    async fn read_frame(&mut self) -> Option<Frame<Response>> {
        loop {
            let mut bytes = &self.left[..];
            let frame = self.decoder.decode(&mut bytes).expect("the relay speaks frames");
            self.left = bytes.to_vec();
            if frame.is_some() {
                return frame;
            }
            let chunk = self.recv.read_chunk(1 << 16, true).await.ok()??;
            self.left = chunk.bytes.to_vec();
        }
    }

    /// Sends and waits for the answer; what comes unasked meanwhile is kept.
    pub async fn ask(&mut self, request: Request) -> Response {
        let rid = self.send(request).await.expect("the stream is open");
        loop {
            let frame = self.frame().await.expect("an answer");
            match frame.rid {
                Rid::NONE => self.unasked.push_back(frame.message),
                answered if answered == rid => return frame.message,
                other => panic!("an answer to {other:?} instead of {rid:?}"),
            }
        }
    }

    /// What comes next without being asked for.
    pub async fn unasked(&mut self) -> Response {
        match self.unasked.pop_front() {
            Some(message) => message,
            None => self.frame().await.expect("a frame").message,
        }
    }

    /// What came unasked while an answer was waited for.
    pub fn heard(&mut self) -> Option<Response> {
        self.unasked.pop_front()
    }

    /// Keeps what came unasked.
    pub fn keep(&mut self, message: Response) {
        self.unasked.push_back(message);
    }

    pub async fn cell(&mut self) -> (Seq, u8) {
        match self.unasked().await {
            Response::Cell { seq, cell, .. } => (seq, cell.as_bytes()[0]),
            other => panic!("not a cell: {other:?}"),
        }
    }

    pub async fn open(&mut self, n: u8, credit: u16) -> Result<Handle, Refusal> {
        let open = Open { queue: write(n).id(), read: read(n), admit: Admit::OPEN, credit };
        match self.ask(Request::Open(open)).await {
            Response::Reply(reply) => reply.map(|handle| Handle(u32::try_from(handle).unwrap())),
            other => panic!("no reply but {other:?}"),
        }
    }

    pub async fn append(&mut self, n: u8, byte: u8) -> Result<u64, Refusal> {
        self.reply(Request::Append { write: write(n), cell: cell(byte) }).await
    }

    pub async fn reply(&mut self, request: Request) -> Result<u64, Refusal> {
        match self.ask(request).await {
            Response::Reply(reply) => reply,
            other => panic!("no reply but {other:?}"),
        }
    }

    pub async fn take(&mut self, invite: u8, claim: u8) -> Result<u8, Refusal> {
        let (fetch, claim) = (FetchCap::from_bytes([invite; 32]), ClaimToken::from_bytes([claim; 32]));
        match self.ask(Request::InviteTake { fetch, claim }).await {
            Response::Bundle(bundle) => Ok(bundle.as_bytes()[0]),
            Response::Reply(Err(refusal)) => Err(refusal),
            other => panic!("no bundle but {other:?}"),
        }
    }

    /// The code with which the relay closed the connection.
    pub async fn closed(&self) -> Option<VarInt> {
        match tokio::time::timeout(PATIENCE, self.connection.closed()).await.expect("it is closed") {
            quinn::ConnectionError::ApplicationClosed(close) => Some(close.error_code),
            _ => None,
        }
    }
}

pub fn write(n: u8) -> WriteCap {
    WriteCap::from_bytes([n; 32])
}

pub fn read(n: u8) -> ReadCap {
    ReadCap::from_bytes([n; 32])
}

pub fn owner(n: u8) -> OwnerCap {
    OwnerCap::from_bytes([n; 32])
}

pub fn cell(byte: u8) -> Cell {
    Cell::from_vec(vec![byte; CELL_LEN]).unwrap()
}

pub fn invite(n: u8, kind: InviteKind, byte: u8) -> Request {
    let (id, owner) = (FetchCap::from_bytes([n; 32]).id(), owner(n).id());
    Request::InvitePut(InvitePut { id, owner, kind, days: 3, bundle: cell(byte) })
}
