//! [`Supervisor`]: tells systemd, or whoever speaks as it does, that the relay serves, lives, and stops.
//!
//! Spec: docs/guide/relay.md, "With systemd"; sd_notify(3). Invariant: what is told holds nothing but the relay's own state,
//! and a supervisor that does not listen changes nothing.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

use crate::watch::Watch;

/// The way to a supervisor, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Supervisor {
    socket: Option<Arc<UnixDatagram>>,
    /// How often it wants to hear that the relay lives, at least.
    pace: Option<Duration>,
}

impl Supervisor {
    /// The one that `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` name.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(connect).map(Arc::new);
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        // Without a process named it is for every one.
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let pace = number("WATCHDOG_USEC").filter(|usec| ours && *usec > 0).map(Duration::from_micros);
        Self { socket, pace }
    }

    /// The relay serves.
    pub(crate) fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving");
    }

    /// The relay was told to stop.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=draining");
    }

    /// Says that the relay lives, as often as that is wanted, as long as its core answers. One that hangs is silent, and is
    /// started anew.
    pub(crate) fn keep_watch(&self, runtime: &Handle, watch: Watch) {
        let (Some(pace), true) = (self.pace, self.socket.is_some()) else { return };
        let supervisor = self.clone();
        runtime.spawn(async move {
            let mut pace = interval((pace / 3).max(Duration::from_millis(1)));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                if watch.is_alive().await {
                    supervisor.tell("WATCHDOG=1");
                }
            }
        });
    }

    fn tell(&self, words: &str) {
        if let Some(socket) = &self.socket {
            // It may be gone; its word is not needed to serve.
            let _ = socket.send(words.as_bytes());
        }
    }
}

/// A socket to the path, or to the abstract name after an `@`.
fn connect(name: OsString) -> Option<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok()?,
        [b'/', ..] => SocketAddr::from_pathname(&name).ok()?,
        _ => return None,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.connect_addr(&address).ok()?;
    // A supervisor that reads nothing must not stop the relay.
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}
