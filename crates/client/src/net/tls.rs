//! TLS 1.3 with X25519MLKEM768 and a pinned raw public key: the only way to speak to a relay.
//!
//! Spec: docs/spec/relay.md, "Transport". Invariant: no byte of ours goes to a relay whose key's hash is not the pin.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, IdleTimeout, TransportConfig, VarInt};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use subrosa_wire::{ALPN, KEEP_ALIVE, RelayKeyHash};

/// After how many milliseconds without a sign of life a relay counts as gone. Shorter than the relay's own
/// limit: a relay that was killed says nothing, and a person waits for the answer.
const SILENCE: u32 = 45_000;
/// Flow control of a stream and of the connection, in bytes: a full window of cells with room.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 256 << 10;

/// How to connect to the relay of one key, and what its handshake said about that key.
#[derive(Clone, Debug)]
pub(crate) struct Pinned {
    /// For quinn.
    pub(crate) config: ClientConfig,
    wrong_key: Arc<AtomicBool>,
}

impl Pinned {
    /// For the relay whose key hashes to `pin`.
    ///
    /// # Errors
    /// What rustls says when the provider can't do TLS 1.3; it can.
    pub(crate) fn new(pin: RelayKeyHash) -> Result<Self, Error> {
        let provider = Arc::new(CryptoProvider {
            // REL-01.
            kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
            ..aws_lc_rs::default_provider()
        });
        let wrong_key = Arc::new(AtomicBool::new(false));
        let verifier = PinVerifier {
            pin,
            wrong_key: Arc::clone(&wrong_key),
            algorithms: provider.signature_verification_algorithms,
        };
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        // No ticket, no early data: every connection is a full post-quantum handshake.
        // REL-05.
        tls.resumption = Resumption::disabled();
        tls.enable_early_data = false;
        let quic = QuicClientConfig::try_from(tls).map_err(|why| Error::General(why.to_string()))?;
        let mut config = ClientConfig::new(Arc::new(quic));
        config.transport_config(Arc::new(transport()));
        Ok(Self { config, wrong_key })
    }

    /// Whether a handshake since the last call met another key.
    pub(crate) fn met_wrong_key(&self) -> bool {
        self.wrong_key.swap(false, Ordering::AcqRel)
    }
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(SILENCE))))
        // REL-08.
        .keep_alive_interval(Some(KEEP_ALIVE))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
        .datagram_receive_buffer_size(None)
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        // Sizes and round trips of packets say less this way.
        .pad_to_mtu(true)
        .allow_spin(false);
    transport
}

/// Accepts exactly one raw public key.
#[derive(Debug)]
struct PinVerifier {
    pin: RelayKeyHash,
    wrong_key: Arc<AtomicBool>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // With raw public keys the "certificate" is the SubjectPublicKeyInfo itself (RFC 7250, section 3).
        // REL-03.
        if RelayKeyHash::of_spki(end_entity) == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            self.wrong_key.store(true, Ordering::Release);
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(cert.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
