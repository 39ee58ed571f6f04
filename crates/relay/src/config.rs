//! [`Config`]: all that an operator, or an embedding program, may choose.
//!
//! Spec: docs/guide/relay.md, "Configuration". Invariant: `relay.toml` beside this crate's manifest is exactly the
//! defaults, and no key is ignored.

mod file;
mod rates;
mod settings;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use subrosa_relay_core::Limits;
use subrosa_wire::DEFAULT_PORT;

use crate::store::StoreSettings;

pub use file::ConfigError;
pub use rates::Rates;

/// The commented configuration file: every key with its default.
pub const EXAMPLE: &str = include_str!("../relay.toml");

/// How a relay runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where everything that the relay keeps lies; `None` keeps all in memory and nothing after the end.
    pub data: Option<PathBuf>,
    /// The UDP address to serve on. Port 0 is replaced by a free port once, and by the last one from then on.
    pub listen: SocketAddr,
    /// The name or address that invites carry; without one, the address by which this machine is reached.
    pub host: Option<String>,
    /// What is kept and served at most.
    pub limits: Limits,
    /// How it is kept.
    pub store: StoreSettings,
    /// How long a newcomer may take for the handshake and for his first word.
    pub patience: Duration,
    /// Handshakes under way above which newcomers must prove their address first.
    pub retry_above: u32,
    /// What each network prefix may do.
    pub rates: Rates,
    /// How much is logged.
    pub log: LogLevel,
    /// How a log line is written.
    pub log_format: LogFormat,
    /// Where `/healthz`, `/readyz` and `/metrics` are served by HTTP: a loopback address; `None` for nowhere.
    pub http: Option<SocketAddr>,
    /// Starts although the clock moved by more than two days since the last time.
    pub accept_clock: bool,
}

/// How much is logged. No level logs an address, an id or a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What stopped the relay.
    Error,
    /// What an operator should look at.
    Warn,
    /// Start and stop, too.
    Info,
    /// Counts, rounded as those of `/metrics`, for whoever looks for a fault.
    Debug,
    /// All that there is; no more personal than the others.
    Trace,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object for each line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: None,
            listen: (Ipv6Addr::UNSPECIFIED, DEFAULT_PORT).into(),
            host: None,
            limits: Limits::default(),
            store: StoreSettings::default(),
            patience: Duration::from_secs(10),
            retry_above: 64,
            rates: Rates::default(),
            log: LogLevel::Info,
            log_format: LogFormat::Text,
            http: None,
            accept_clock: false,
        }
    }
}

impl Config {
    /// The configuration in the TOML file at `path`; what it leaves out has its default.
    ///
    /// # Errors
    /// [`ConfigError`], with the line and, for an unknown key, the nearest known one.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::default().with_file(path)
    }

    /// This configuration with what the TOML file at `path` says; what it leaves out stays.
    pub(crate) fn with_file(self, path: &Path) -> Result<Self, ConfigError> {
        file::load(path, self)
    }

    /// For a relay inside another program on a person's own machine: on the loopback address with a port of its own
    /// (set [`Config::listen`] to serve others), about 1.1 GB of disk at most and in small steps, and a clock that may
    /// have stood still: such a machine is off for days, and its owner is not asked about it.
    #[must_use]
    pub fn local(data: PathBuf) -> Self {
        Self { data: Some(data), ..Self::memory() }
    }

    /// Like [`Config::local`], but in memory: nothing is left on disk.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            store: StoreSettings { grow: 1 << 20, reserve: 64 << 20 },
            limits: Limits {
                queues: 10_000,
                cells: 200_000,
                invites: 1_000,
                chunks: 4_096,
                connections: 512,
                ..Limits::default()
            },
            accept_clock: true,
            ..Self::default()
        }
    }

    /// The configuration as JSON, by sections.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        settings::json(self)
    }

    /// The keys in which `new` differs and which only a start looks at.
    pub(crate) fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        let mut key = |differs: bool, name| {
            if differs {
                keys.push(name)
            }
        };
        key(self.data != new.data, "data");
        key(self.listen != new.listen, "listen");
        key(self.host != new.host, "host");
        key(self.log != new.log, "log");
        key(self.log_format != new.log_format, "log_format");
        key(self.http != new.http, "http");
        key(self.store.grow != new.store.grow, "grow_mib");
        key(self.store.reserve != new.store.reserve, "reserve_mib");
        keys
    }

    /// The configuration as a commented file that [`Config::load`] reads.
    #[must_use]
    pub fn to_toml(&self) -> String {
        settings::write(self)
    }
}
