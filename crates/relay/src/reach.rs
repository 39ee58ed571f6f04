//! [`Reach`]: from where the address that a relay announces can be reached, said plainly.
//!
//! Spec: docs/guide/relay.md, "Who can reach it". Invariant: nothing is sent to find out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// From where an announced host can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A loopback address: programs on this machine.
    ThisMachine,
    /// A private address: machines in the same network.
    ThisNetwork,
    /// A public address: whoever the firewall lets through.
    Internet,
    /// A name: wherever it leads.
    Name,
}

impl Reach {
    /// The reach of `host`: an IP address, with or without brackets, or a name.
    #[must_use]
    pub fn of(host: &str) -> Self {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => Self::of_v4(ip),
            Ok(IpAddr::V6(ip)) => ip.to_ipv4_mapped().map_or_else(|| Self::of_v6(ip), Self::of_v4),
            Err(_) if bare.eq_ignore_ascii_case("localhost") => Self::ThisMachine,
            Err(_) if bare.to_ascii_lowercase().ends_with(".local") => Self::ThisNetwork,
            Err(_) => Self::Name,
        }
    }

    const fn of_v4(ip: Ipv4Addr) -> Self {
        let [a, b, ..] = ip.octets();
        // 100.64.0.0/10 is an access provider's own network (RFC 6598).
        let shared = a == 100 && b & 0xc0 == 64;
        if ip.is_loopback() || ip.is_unspecified() {
            Self::ThisMachine
        } else if ip.is_private() || ip.is_link_local() || ip.is_documentation() || shared {
            Self::ThisNetwork
        } else {
            Self::Internet
        }
    }

    const fn of_v6(ip: Ipv6Addr) -> Self {
        if ip.is_loopback() || ip.is_unspecified() {
            Self::ThisMachine
        } else if ip.is_unique_local() || ip.is_unicast_link_local() {
            Self::ThisNetwork
        } else {
            Self::Internet
        }
    }

    /// One sentence for the person who starts the relay.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ThisMachine => "Only this machine can reach this address.",
            Self::ThisNetwork => {
                "Only machines in this network can reach this address. For friends elsewhere, announce \
                 a public name or address (--host) and forward the UDP port to this machine."
            }
            Self::Internet => {
                "This is a public address: the internet can reach it if the firewall lets the UDP port through."
            }
            Self::Name => {
                "Whoever can resolve this name can reach the relay, if the UDP port is forwarded to this machine."
            }
        }
    }
}

/// The host to announce for a relay that listens on `listen`, when nobody named one: the address itself, or, when
/// it listens on all of them, the one that this machine would use to leave its network.
#[must_use]
pub fn announced_host(listen: SocketAddr) -> String {
    if !listen.ip().is_unspecified() {
        return listen.ip().to_string();
    }
    // Connecting a UDP socket only asks the routing table; the targets are documentation addresses (RFC 5737, 3849).
    let probes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    probes
        .into_iter()
        .filter_map(|(from, to)| {
            let socket = UdpSocket::bind(from).ok()?;
            socket.connect(to).ok()?;
            socket.local_addr().ok()
        })
        .map(|address| address.ip())
        .find(|ip| !ip.is_loopback() && !ip.is_unspecified())
        .map_or_else(|| Ipv4Addr::LOCALHOST.to_string(), |ip| ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_address_is_named() {
        for (host, reach) in [
            ("127.0.0.1", Reach::ThisMachine),
            ("localhost", Reach::ThisMachine),
            ("[::1]", Reach::ThisMachine),
            ("10.1.2.3", Reach::ThisNetwork),
            ("192.168.0.9", Reach::ThisNetwork),
            ("100.64.0.1", Reach::ThisNetwork),
            ("169.254.3.4", Reach::ThisNetwork),
            ("192.0.2.2", Reach::ThisNetwork),
            ("fd00::1", Reach::ThisNetwork),
            ("fe80::1", Reach::ThisNetwork),
            ("box.local", Reach::ThisNetwork),
            ("8.8.8.8", Reach::Internet),
            ("2a00::1", Reach::Internet),
            ("::ffff:10.0.0.1", Reach::ThisNetwork),
            ("relay.example.org", Reach::Name),
        ] {
            assert_eq!(Reach::of(host), reach, "{host}");
        }
    }

    #[test]
    fn a_relay_on_one_address_announces_that_address() {
        assert_eq!(announced_host("127.0.0.1:5".parse().expect("parses")), "127.0.0.1");
        assert!(!announced_host("0.0.0.0:5".parse().expect("parses")).is_empty());
    }
}
