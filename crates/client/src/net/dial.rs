//! Finding a relay: its name looked up, its addresses tried, the first that answers taken.
//!
//! Spec: docs/spec/relay.md, "Transport". Invariant: an attempt ends within [`PATIENCE`], whatever the network does.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use quinn::{Connection, Endpoint};
use subrosa_wire::{RelayAddress, RelayKeyHash, SERVER_NAME};

use super::tls::Pinned;

/// How long one attempt may take, all addresses together.
const PATIENCE: Duration = Duration::from_secs(8);
/// The head start of an address before the next one is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 6;

/// Why a relay could not be reached; each a sentence for the status line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("its name could not be looked up: check the network, or the relay's address")]
    Name,
    #[error("this machine has no network of its kind")]
    NoSocket,
    #[error("it does not answer: check the network, or ask its operator whether it runs")]
    Silent,
    #[error("its key is not the one that was promised")]
    WrongKey,
    #[error("it is no subrosa relay of this version: update, or check its address")]
    NotARelay,
    #[error("this client could not prepare the connection: {0}")]
    Tls(#[from] rustls::Error),
}

/// The local ends of all connections, one for each family of addresses.
#[derive(Debug)]
pub(crate) struct Dialler {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
    fixed: Vec<(RelayKeyHash, SocketAddr)>,
}

impl Dialler {
    /// Binds a port for each family that this machine has. `fixed` relays are dialled there and nowhere else.
    /// Must run inside the network's runtime.
    pub(crate) fn bind(fixed: Vec<(RelayKeyHash, SocketAddr)>) -> Self {
        let bind = |addr: SocketAddr| -> io::Result<Endpoint> { Endpoint::client(addr) };
        Self {
            v4: bind((Ipv4Addr::UNSPECIFIED, 0).into()).ok(),
            v6: bind((Ipv6Addr::UNSPECIFIED, 0).into()).ok(),
            fixed,
        }
    }

    /// A connection to `relay`, its key proved.
    ///
    /// # Errors
    /// [`DialError`].
    pub(crate) async fn connect(
        &self,
        relay: &RelayAddress,
        pinned: &Pinned,
    ) -> Result<Connection, DialError> {
        let _ = pinned.met_wrong_key();
        let attempt = async {
            let addresses = self.addresses(relay).await?;
            self.race(&addresses, pinned).await
        };
        match tokio::time::timeout(PATIENCE, attempt).await {
            // Even when another address was merely silent: a wrong key is what the person must hear.
            Ok(Err(_)) | Err(_) if pinned.met_wrong_key() => Err(DialError::WrongKey),
            Ok(result) => result,
            Err(_) => Err(DialError::Silent),
        }
    }

    async fn addresses(&self, relay: &RelayAddress) -> Result<Vec<SocketAddr>, DialError> {
        if let Some((_, addr)) = self.fixed.iter().find(|(key, _)| *key == relay.key()) {
            return Ok(vec![*addr]);
        }
        let found =
            tokio::net::lookup_host((relay.host(), relay.port())).await.map_err(|_| DialError::Name)?;
        let (v6, v4): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv6);
        Ok(interleave(v6, v4))
    }

    async fn race(&self, addresses: &[SocketAddr], pinned: &Pinned) -> Result<Connection, DialError> {
        let mut attempts: FuturesUnordered<_> = (0_u32..)
            .zip(addresses)
            .filter_map(|(turn, addr)| Some((turn, *addr, self.endpoint(*addr)?)))
            .map(|(turn, addr, endpoint)| async move {
                tokio::time::sleep(HEAD_START.saturating_mul(turn)).await;
                one(endpoint, addr, pinned).await
            })
            .collect();
        let mut last = DialError::NoSocket;
        while let Some(result) = attempts.next().await {
            match result {
                Ok(connection) => return Ok(connection),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    const fn endpoint(&self, addr: SocketAddr) -> Option<&Endpoint> {
        if addr.is_ipv4() { self.v4.as_ref() } else { self.v6.as_ref() }
    }

    /// Tells every relay good-bye and waits a moment for the packets to leave.
    pub(crate) async fn close(&self, patience: Duration) {
        for endpoint in self.v4.iter().chain(&self.v6) {
            endpoint.close(quinn::VarInt::from_u32(0), b"");
            let _ = tokio::time::timeout(patience, endpoint.wait_idle()).await;
        }
    }
}

async fn one(endpoint: &Endpoint, addr: SocketAddr, pinned: &Pinned) -> Result<Connection, DialError> {
    use quinn::ConnectionError as E;
    let connecting =
        // REL-04.
        endpoint.connect_with(pinned.config.clone(), addr, SERVER_NAME).map_err(|_| DialError::NoSocket)?;
    connecting.await.map_err(|why| match why {
        E::TransportError(_) | E::VersionMismatch => DialError::NotARelay,
        _ => DialError::Silent,
    })
}

/// The families in turns, IPv6 first, at most [`ADDRESSES`].
fn interleave(v6: Vec<SocketAddr>, v4: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let mut turns = Vec::new();
    loop {
        let (six, four) = (v6.next(), v4.next());
        if (six.is_none() && four.is_none()) || turns.len() >= ADDRESSES {
            return turns;
        }
        turns.extend(six.into_iter().chain(four));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_get_their_turn() {
        let six = |n: u16| SocketAddr::from((Ipv6Addr::LOCALHOST, n));
        let four = |n: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, n));
        assert_eq!(
            interleave(vec![six(1), six(2), six(3)], vec![four(1)]),
            [six(1), four(1), six(2), six(3)]
        );
        assert!(interleave(Vec::new(), Vec::new()).is_empty());
        assert!(interleave((0..100).map(six).collect(), Vec::new()).len() <= ADDRESSES);
    }
}
