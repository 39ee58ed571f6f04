//! Asking a UDP port whether QUIC lives there, without a handshake.
//!
//! Spec: docs/guide/relay.md, "Doctor". Invariant: one packet of a version that nobody speaks, which RFC 9000 has every server
//! answer with Version Negotiation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long an answer may take, and how often is asked.
const PATIENCE: Duration = Duration::from_millis(700);
const TRIES: usize = 3;
/// A packet that small would not be answered.
const LEN: usize = 1_200;

/// Whether QUIC answers at `at`.
pub(super) fn answers(at: SocketAddr) -> bool {
    let from: IpAddr = if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let Ok(socket) = UdpSocket::bind((from, 0)) else { return false };
    if socket.connect(at).is_err() || socket.set_read_timeout(Some(PATIENCE)).is_err() {
        return false;
    }
    (0..TRIES).any(|_| asked(&socket))
}

fn asked(socket: &UdpSocket) -> bool {
    let mut packet = [0; LEN];
    // Long header, a version reserved for this (RFC 9000, 15), both connection ids of eight bytes.
    packet[..6].copy_from_slice(&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8]);
    packet[6..14].copy_from_slice(b"subrosa?");
    packet[14] = 8;
    packet[15..23].copy_from_slice(b"doctor??");
    let mut answer = [0; 64];
    socket.send(&packet).is_ok()
        && socket
            .recv(&mut answer)
            .is_ok_and(|len| len >= 7 && answer[0] & 0x80 != 0 && answer[1..5] == [0; 4])
}
