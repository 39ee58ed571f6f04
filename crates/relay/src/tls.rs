//! QUIC as the relay speaks it: TLS 1.3, one key exchange, a raw public key, and bounds on what a connection costs.
//!
//! Spec: docs/spec/relay.md, "Transport". Invariant: there is no weaker suite to fall back to, no 0-RTT, no ticket.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::{CryptoError, HmacKey};
use quinn::{
    ConnectionId, ConnectionIdGenerator, EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt,
};
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::tls13::{Hkdf, OkmBlock};
use rustls::crypto::{CryptoProvider, hmac};
use rustls::pki_types::CertificateDer;
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use subrosa_wire::{ALPN, BLOB_STREAMS, IDLE};

use crate::identity::{Identity, IdentityError, random};

/// Bytes that one stream may be ahead of the core.
const STREAM_WINDOW: u32 = 64 << 10;
/// Bytes that one connection may be ahead of the core, and behind it.
const CONNECTION_WINDOW: u32 = 256 << 10;
/// Bytes of handshake that may arrive out of order.
const CRYPTO_BUFFER: usize = 8 << 10;
/// Bytes of a connection id.
const CID_LEN: usize = 8;

/// The one suite of version 1: X25519MLKEM768 and nothing else to exchange keys with.
#[must_use]
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        // REL-01.
        kx_groups: vec![kx_group::X25519MLKEM768],
        ..aws_lc_rs::default_provider()
    }
}

/// The server's side of the handshake under `identity`.
///
/// # Errors
/// What rustls and quinn report; none is expected with the suite above.
pub(crate) fn server_config(identity: &Identity) -> Result<ServerConfig, rustls::Error> {
    let key = CertifiedKey::new(vec![CertificateDer::from(identity.spki().to_vec())], identity.signing_key());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(key))));
    // REL-02.
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // REL-05.
    tls.send_tls13_tickets = 0;
    tls.max_early_data_size = 0;
    let quic = quinn::crypto::rustls::QuicServerConfig::try_from(tls)
        .map_err(|_| rustls::Error::General("no initial cipher suite".into()))?;
    let mut config = ServerConfig::with_crypto(Arc::new(quic));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    // Stream limits are the one knob for idle memory: quinn fills its tables in advance.
    transport
        // REL-06.
        .max_concurrent_bidi_streams(VarInt::from(1 + BLOB_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
        .crypto_buffer_size(CRYPTO_BUFFER)
        .datagram_receive_buffer_size(None)
        // REL-08.
        .max_idle_timeout(Some(idle_timeout(IDLE)))
        .pad_to_mtu(true)
        .allow_spin(false);
    transport
}

fn idle_timeout(idle: Duration) -> IdleTimeout {
    IdleTimeout::try_from(idle).unwrap_or_else(|_| VarInt::MAX.into())
}

/// The endpoint's own settings: stateless resets under a stored key, so that clients of the last run notice at once
/// that it is over.
pub(crate) fn endpoint_config(identity: &Identity) -> Result<EndpointConfig, IdentityError> {
    let mut config = EndpointConfig::new(Arc::new(Mac(OkmBlock::new(identity.reset_key()))));
    let seed = random()?;
    config.cid_generator(move || Box::new(RandomIds { mac: Mac(OkmBlock::new(&*seed)), count: 0 }));
    Ok(config)
}

/// Random connection ids. quinn's own are marked by a key of the process, and those of the last run would be taken
/// for noise instead of being answered by a reset.
struct RandomIds {
    mac: Mac,
    count: u64,
}

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        self.count += 1;
        ConnectionId::new(&self.mac.tag(&self.count.to_le_bytes()).as_ref()[..CID_LEN])
    }

    fn cid_len(&self) -> usize {
        CID_LEN
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// HMAC-SHA-256 of the TLS provider, for reset tokens and connection ids.
struct Mac(OkmBlock);

impl Mac {
    fn tag(&self, message: &[u8]) -> hmac::Tag {
        hkdf().hmac_sign(&self.0, message)
    }
}

fn hkdf() -> &'static dyn Hkdf {
    match cipher_suite::TLS13_AES_128_GCM_SHA256 {
        rustls::SupportedCipherSuite::Tls13(suite) => suite.hkdf_provider,
        #[allow(unreachable_patterns, reason = "TLS 1.2 suites exist only with rustls' feature tls12")]
        _ => unreachable!("a TLS 1.3 suite by name"),
    }
}

impl HmacKey for Mac {
    fn sign(&self, data: &[u8], out: &mut [u8]) {
        out.copy_from_slice(self.tag(data).as_ref());
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // Tokens are recomputed, never compared with a guess that can be repeated: quinn only signs.
        if self.tag(data).as_ref() == signature { Ok(()) } else { Err(CryptoError) }
    }
}
