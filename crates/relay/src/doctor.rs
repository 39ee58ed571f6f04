//! `doctor`: looks for what would keep people from being served, and says what to do.
//!
//! Spec: docs/guide/relay.md, "Doctor". Invariant: the store is not touched; what is written is one file, which is removed.

mod probe;

use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};
use subrosa_codec::Day;
use subrosa_wire::RelayAddress;

use crate::commands::{folder, known_address, print};
use crate::config::Config;
use crate::exit::Failure;
use crate::identity::Identity;
use crate::{admin, calendar, clock, store};

/// Descriptors that a relay wants: one socket carries all connections, and the rest are files.
const DESCRIPTORS: u64 = 256;
/// What the relay asks for its socket.
const UDP_BUFFER: u64 = 4 << 20;
/// Writes that are made durable to see how long that takes.
const SYNCS: usize = 32;
/// Nothing that really flushes is faster.
const HONEST: Duration = Duration::from_micros(15);
/// Above this, acknowledgements are slow.
const SLOW: Duration = Duration::from_millis(50);
/// No clock that works says an earlier day: 2026-01-01.
const EARLIEST: Day = Day(20_454);
/// File systems without a disk of their own below them, by their magic numbers.
const TMPFS: u64 = 0x0102_1994;
const NFS: u64 = 0x6969;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

/// One check: what was looked at, how it is, and what to do.
struct Finding {
    name: &'static str,
    state: State,
    say: String,
}

fn finding(name: &'static str, state: State, say: impl Into<String>) -> Finding {
    Finding { name, state, say: say.into() }
}

/// `Ok` if `good`, else `bad`, each with its sentence.
fn judged(name: &'static str, good: bool, bad: State, say: String) -> Finding {
    finding(name, if good { State::Ok } else { bad }, say)
}

/// Looks at everything. The configuration was read already.
pub(crate) fn perform(config: &Config, json: bool) -> Result<(), Failure> {
    let folder = folder(config)?;
    let status = admin::ask(&folder, &json!({ "ask": "status" })).transpose()?;
    let address = known_address(config).ok();
    let mut all = vec![
        finding("config", State::Ok, "it is read without an error"),
        data(&folder),
        key(&folder),
        stored(&folder),
        time(),
        descriptors(),
        buffers(),
        space(&folder, config),
    ];
    all.push(sync(&folder));
    all.extend(network(config, status.as_ref(), address.as_ref()));
    report(&all, json)
}

fn report(all: &[Finding], json: bool) -> Result<(), Failure> {
    let word = |state| match state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Fail => "FAIL",
    };
    let failed = all.iter().filter(|finding| finding.state == State::Fail).count();
    print(&if json {
        let row =
            |f: &Finding| json!({ "check": f.name, "state": word(f.state).to_lowercase(), "say": f.say });
        format!("{:#}\n", json!({ "well": failed == 0, "checks": all.iter().map(row).collect::<Vec<_>>() }))
    } else {
        all.iter().map(|f| format!("{:4}  {}: {}\n", word(f.state), f.name, f.say)).collect()
    })?;
    if failed == 0 { Ok(()) } else { Err(Failure::Ill(failed)) }
}

fn data(folder: &Path) -> Finding {
    match fs::metadata(folder) {
        Ok(there) if there.permissions().mode() & 0o077 != 0 => finding(
            "folder",
            State::Warn,
            format!("others on this machine may look into {}: chmod 700", folder.display()),
        ),
        Ok(_) => finding("folder", State::Ok, "its owner's only"),
        Err(error) => finding(
            "folder",
            State::Fail,
            format!("{}: {error}; `subrosa-relay init` makes it", folder.display()),
        ),
    }
}

fn key(folder: &Path) -> Finding {
    match Identity::load(folder) {
        Ok(Some(_)) => finding("key", State::Ok, "relay.key is whole; keep a copy of it"),
        Ok(None) => finding("key", State::Fail, "there is no relay.key; `subrosa-relay init` makes one"),
        Err(error) => finding("key", State::Fail, error.to_string()),
    }
}

fn stored(folder: &Path) -> Finding {
    match store::format(folder) {
        Ok(Some(format)) => {
            finding("store", State::Ok, format!("format {format}; `check` looks at all of it"))
        }
        Ok(None) => finding("store", State::Fail, "there is none; `subrosa-relay init` makes one"),
        Err(error) => finding("store", State::Fail, error.to_string()),
    }
}

fn time() -> Finding {
    let today = clock::wall();
    judged(
        "clock",
        today >= EARLIEST,
        State::Fail,
        format!("this machine says that it is {} (UTC)", calendar::date(today)),
    )
}

fn descriptors() -> Finding {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    judged(
        "file limit",
        limit >= DESCRIPTORS,
        State::Warn,
        format!("{limit} descriptors; {DESCRIPTORS} are enough"),
    )
}

fn buffers() -> Finding {
    let most = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let least = most("rmem_max").into_iter().chain(most("wmem_max")).min();
    match least {
        Some(least) if least < UDP_BUFFER => finding(
            "udp buffers",
            State::Warn,
            format!(
                "the system grants {least} bytes; a busy relay wants net.core.rmem_max and wmem_max of {UDP_BUFFER}"
            ),
        ),
        Some(_) => finding("udp buffers", State::Ok, "the system grants what the relay asks for"),
        None => finding("udp buffers", State::Warn, "this system does not say what it grants"),
    }
}

fn space(folder: &Path, config: &Config) -> Finding {
    let Ok(fs) = rustix::fs::statvfs(folder) else {
        return finding("disk", State::Fail, "the file system does not say how much is free");
    };
    let free = fs.f_bavail.saturating_mul(fs.f_frsize);
    let reserve = config.store.reserve;
    judged(
        "disk",
        free > reserve,
        State::Fail,
        format!("{} MiB are free; below {} MiB nothing new is taken", free >> 20, reserve >> 20),
    )
}

/// Whether a flush reaches a disk, as far as its time tells, and how long it takes.
fn sync(folder: &Path) -> Finding {
    let kind = rustix::fs::statfs(folder).map_or(0, |fs| u64::try_from(fs.f_type).unwrap_or(0));
    if kind == TMPFS {
        return finding(
            "fsync",
            State::Fail,
            "the folder lies in memory: all is lost when the machine stops",
        );
    }
    match median_sync(&folder.join("doctor.part")) {
        Err(error) => finding("fsync", State::Fail, error.to_string()),
        Ok(took) if took < HONEST => finding(
            "fsync",
            State::Warn,
            format!(
                "a flush took {took:?}: no disk is so fast; one that lies about flushes loses what was acknowledged when the power fails"
            ),
        ),
        Ok(took) if took > SLOW || kind == NFS => {
            finding("fsync", State::Warn, format!("a flush took {took:?}: use a local disk, or senders wait"))
        }
        Ok(took) => finding("fsync", State::Ok, format!("a flush took {took:?}")),
    }
}

fn median_sync(path: &Path) -> std::io::Result<Duration> {
    let mut file = File::create(path)?;
    let mut took = Vec::with_capacity(SYNCS);
    let run = (0..SYNCS).try_for_each(|_| {
        file.write_all(&[0x55; 4_096])?;
        let begun = Instant::now();
        file.sync_data()?;
        took.push(begun.elapsed());
        Ok(())
    });
    fs::remove_file(path)?;
    run.map(|()| {
        took.sort_unstable();
        took.get(SYNCS / 2).copied().unwrap_or_default()
    })
}

/// Whether QUIC answers, on this machine's side and under the announced address.
fn network(config: &Config, status: Option<&Value>, address: Option<&RelayAddress>) -> Vec<Finding> {
    let Some(address) = address else {
        return vec![finding(
            "network",
            State::Fail,
            "there is no address yet; `subrosa-relay init` makes one",
        )];
    };
    if status.is_none() {
        return vec![finding("network", State::Warn, "the relay does not run: start it, then ask again")];
    }
    let ip = config.listen.ip();
    let near = SocketAddr::new(
        if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip },
        address.port(),
    );
    let near = judged(
        "udp here",
        probe::answers(near),
        State::Fail,
        format!("QUIC on port {} of this machine", near.port()),
    );
    let found = (address.host(), address.port())
        .to_socket_addrs()
        .map(Iterator::collect::<Vec<_>>)
        .unwrap_or_default();
    if found.is_empty() {
        return vec![near, finding("udp announced", State::Fail, "the announced host can't be looked up")];
    }
    let reached = found.into_iter().any(probe::answers);
    let far = if reached {
        "QUIC answers under the announced address, asked from this machine"
    } else {
        "nothing answers under the announced address, asked from this machine: either the port is not forwarded, or this network does \
         not lead back to itself; try from elsewhere"
    };
    vec![near, judged("udp announced", reached, State::Warn, far.to_owned())]
}
