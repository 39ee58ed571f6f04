//! The UDP socket, with buffers that hold what arrives while the core commits.
//!
//! Spec: docs/guide/relay.md, "Tuning". Invariant: a system that grants less is served all the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Asked of the system for each direction: with its default of 208 KiB, bursts were lost.
const BUFFER: usize = 4 << 20;

/// Binds `listen`. All addresses of both families when it is `[::]`; of IPv4 where there is no IPv6.
///
/// # Errors
/// Whatever the system reports.
pub(crate) fn bind(listen: SocketAddr) -> io::Result<UdpSocket> {
    match bind_one(listen) {
        Err(_) if listen.is_ipv6() && listen.ip().is_unspecified() && !has_ipv6() => {
            bind_one((Ipv4Addr::UNSPECIFIED, listen.port()).into())
        }
        bound => bound,
    }
}

fn bind_one(listen: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    if listen.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Best effort: the system may grant less, or count it twice.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.bind(&listen.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn has_ipv6() -> bool {
    UdpSocket::bind("[::1]:0").is_ok()
}
