//! The relay that a profile hosts: set up once, started with the profile, or kept running by `subrosa host`.
//!
//! Spec: docs/guide/chat.md, "Where your friends reach you". Invariant: one process runs it; every other of the same profile
//! uses that one over loopback.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use subrosa_client::{RelayAddress, RelayKeyHash};
use subrosa_relay::reach::{Reach, announced_host};
use subrosa_relay::store::OpenError;
use subrosa_relay::{Config, Relay, StartError};

use crate::cli::{Exit, Fail, Out, Place, Printer};

/// What the profile remembers of its relay.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Where it listens; port 0 until it ran once.
    listen: SocketAddr,
    /// What it announces.
    host: String,
    /// Its address, once it ran.
    #[serde(default)]
    address: Option<String>,
}

/// The profile's relay: run by this process, or by another one of the same profile.
#[derive(Debug)]
pub(crate) struct Hosted {
    relay: Option<Relay>,
    address: RelayAddress,
    local: SocketAddr,
}

impl Hosted {
    /// The address that invites carry.
    pub(crate) const fn address(&self) -> &RelayAddress {
        &self.address
    }

    /// How this machine reaches it, whatever it announces.
    pub(crate) fn dial(&self) -> (RelayKeyHash, SocketAddr) {
        (self.address.key(), self.local)
    }

    /// From where others reach it, in one sentence.
    pub(crate) fn reach(&self) -> &'static str {
        Reach::of(self.address.host()).sentence()
    }

    /// Whether this process runs it.
    pub(crate) const fn is_ours(&self) -> bool {
        self.relay.is_some()
    }

    /// Resolves when it ended by itself, which it does when its disk fails.
    async fn ended(&self) -> Result<(), Fail> {
        match &self.relay {
            Some(relay) => relay.ended().await.map_err(|why| Fail::new(Exit::Store, why.to_string())),
            None => std::future::pending().await,
        }
    }

    /// Ends it, if it is ours, after everything is on disk.
    pub(crate) fn stop(self) {
        if let Some(relay) = self.relay {
            relay.stop();
        }
    }
}

fn record_file(place: &Place) -> PathBuf {
    place.folder.join("hosting.json")
}

/// Whether the profile hosts a relay.
pub(crate) fn hosts(place: &Place) -> bool {
    record_file(place).is_file()
}

/// What would be announced when nobody names a host, and from where that can be reached.
pub(crate) fn suggestion() -> (String, &'static str) {
    let host = announced_host(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    let reach = Reach::of(&host).sentence();
    (host, reach)
}

/// Makes the profile host a relay announced at `host`, `host:port`, or (empty) this machine's own address.
pub(crate) fn set_up(place: &Place, host: &str) -> Result<(), Fail> {
    let (host, port) = split(host)?;
    let host = if host.is_empty() { suggestion().0 } else { host };
    let listen = SocketAddr::new(listens(&host), port);
    write(place, &Record { listen, host, address: None })
}

/// Where a relay announced at `host` has to listen: no wider than whom it is for.
fn listens(host: &str) -> IpAddr {
    match (Reach::of(host), host.parse()) {
        (Reach::ThisMachine, Ok(IpAddr::V6(_))) => Ipv6Addr::LOCALHOST.into(),
        (Reach::ThisMachine, _) => Ipv4Addr::LOCALHOST.into(),
        // Both families; IPv4 alone where there is no other.
        (Reach::ThisNetwork | Reach::Internet | Reach::Name, _) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// How this machine reaches what listens on `listen`, at the port that it has.
fn loopback(listen: SocketAddr, port: u16) -> SocketAddr {
    match listen.ip() {
        IpAddr::V6(ip) if ip.is_loopback() => (ip, port).into(),
        _ => (Ipv4Addr::LOCALHOST, port).into(),
    }
}

/// Makes the profile host no relay: another try of the first run chose otherwise. What a relay kept stays.
pub(crate) fn forget(place: &Place) -> Result<(), Fail> {
    let file = record_file(place);
    match fs::remove_file(&file) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            Err(Fail::new(Exit::Store, format!("{} could not be removed: {why}", file.display())))
        }
        _ => Ok(()),
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, or nothing.
fn split(text: &str) -> Result<(String, u16), Fail> {
    let bad = || Fail::new(Exit::Usage, format!("{text:?} is no HOST or HOST:PORT (1 to 65535)"));
    let (host, port) = match text.rsplit_once(':') {
        // Colons inside brackets, or more than one without: an IPv6 address alone.
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, None),
        Some((host, port)) if !host.is_empty() => (host, Some(port)),
        Some(_) => return Err(bad()),
        None => (text, None),
    };
    let port = match port {
        Some(port) => port.parse::<NonZeroU16>().map_err(|_| bad())?.get(),
        None => 0,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), port))
}

fn read(place: &Place) -> Result<Record, Fail> {
    let file = record_file(place);
    let bad = |why: String| {
        let file = file.display();
        Fail::new(
            Exit::Store,
            format!("{file} could not be read ({why}): set the relay up again with `subrosa init --host`"),
        )
    };
    let text = fs::read(&file).map_err(|why| bad(why.to_string()))?;
    serde_json::from_slice(&text).map_err(|why| bad(why.to_string()))
}

/// Replaces the record in one step: a crash leaves the old one or the new one.
fn write(place: &Place, record: &Record) -> Result<(), Fail> {
    let file = record_file(place);
    let new = file.with_extension("json.new");
    let write = || -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&place.folder)?;
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        out.write_all(&serde_json::to_vec_pretty(record)?)?;
        out.sync_all()?;
        fs::rename(&new, &file)
    };
    write().map_err(|why| Fail::new(Exit::Store, format!("{} could not be written: {why}", file.display())))
}

/// Starts the relay of a profile that hosts one, or finds it running.
pub(crate) fn start(place: &Place) -> Result<Option<Hosted>, Fail> {
    if !hosts(place) {
        return Ok(None);
    }
    let mut record = read(place)?;
    let mut config = Config::local(place.folder.join("relay"));
    config.listen = record.listen;
    config.host = Some(record.host.clone());
    match Relay::start(config) {
        Ok(relay) => {
            let address = relay.address().clone();
            let local = loopback(record.listen, relay.local_addr().port());
            let text = Some(address.to_string());
            if record.address != text {
                record.address = text;
                record.listen.set_port(local.port());
                write(place, &record)?;
            }
            Ok(Some(Hosted { relay: Some(relay), address, local }))
        }
        Err(StartError::Store(OpenError::InUse)) => {
            // `subrosa host`, or a screen: it wrote down where it is.
            let address = record.address.as_deref().and_then(|address| RelayAddress::parse(address).ok());
            let address = address.ok_or_else(|| {
                Fail::new(
                    Exit::InUse,
                    "another subrosa is starting this profile's relay: try again in a moment",
                )
            })?;
            let local = loopback(record.listen, record.listen.port());
            Ok(Some(Hosted { relay: None, address, local }))
        }
        Err(why) => Err(Fail::new(Exit::Relay, why.to_string())),
    }
}

/// `subrosa host`: runs the relay until SIGTERM or SIGINT.
pub(crate) fn serve(place: &Place, printer: &Printer) -> Result<Exit, Fail> {
    if !place.exists() {
        let why = "there is no such profile: make one with `subrosa init --name NAME --host`";
        return Err(Fail::new(Exit::NoProfile, why));
    }
    if !hosts(place) {
        return Err(Fail::new(Exit::Relay, "this profile uses another relay and hosts none"));
    }
    // Before the relay starts, so that no signal meets a relay without an ear.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Fail::new(Exit::Failed, format!("no runtime: {why}")))?;
    let signals = runtime.block_on(async { crate::signals::Ends::listen() });
    let mut signals = signals.map_err(|why| Fail::new(Exit::Failed, format!("no signals: {why}")))?;
    let Some(hosted) = start(place)?.filter(Hosted::is_ours) else {
        return Err(Fail::new(Exit::InUse, "this profile's relay is running already, in another subrosa"));
    };
    printer.print(&Out::Hosting { address: hosted.address().to_string(), reach: hosted.reach().to_owned() });
    let end = runtime.block_on(async {
        tokio::select! {
            () = signals.next() => Ok(()),
            end = hosted.ended() => end,
        }
    });
    hosted.stop();
    end.map(|()| Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_comes_with_or_without_its_port() {
        let split = |text| split(text).unwrap();
        assert_eq!(split("relay.example.org"), ("relay.example.org".to_owned(), 0));
        assert_eq!(split("10.0.0.1:4000"), ("10.0.0.1".to_owned(), 4000));
        assert_eq!(split("[2001:db8::1]:4000"), ("2001:db8::1".to_owned(), 4000));
        assert_eq!(split("2001:db8::1"), ("2001:db8::1".to_owned(), 0));
        assert_eq!(split(""), (String::new(), 0));
    }

    #[test]
    fn it_listens_where_its_announced_host_leads_and_no_wider() {
        for (host, ip) in [
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("::1", "::1"),
            ("192.168.0.9", "::"),
            ("2001:db8::1", "::"),
            ("relay.example.org", "::"),
        ] {
            assert_eq!(listens(host), ip.parse::<IpAddr>().unwrap(), "{host}");
        }
        let on = |listen: &str| loopback(listen.parse().unwrap(), 7).to_string();
        assert_eq!((on("[::]:0"), on("[::1]:0")), ("127.0.0.1:7".into(), "[::1]:7".into()));
    }

    #[test]
    fn a_relay_announced_at_an_ipv6_address_is_reached_over_loopback() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { name: "test".into(), folder: folder.path().to_owned() };
        set_up(&place, "[fd00::7]:0").unwrap_err();
        set_up(&place, "fd00::7").unwrap();
        let hosted = start(&place).unwrap().unwrap();
        assert!(hosted.address().to_string().starts_with("subrosa://[fd00::7]:"));
        assert!(hosted.dial().1.ip().is_loopback());
        hosted.stop();
    }

    #[test]
    fn a_port_that_is_none_is_refused() {
        for text in [":1", "a:b", "a:0", "a:70000"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
