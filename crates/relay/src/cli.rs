//! The command line of `subrosa-relay`.
//!
//! Spec: docs/guide/relay.md, "Commands". Invariant: an option given on the command line wins over the file.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::announced::Announced;
use crate::config::{Config, LogFormat, LogLevel};
use crate::exit::Failure;
use crate::relay::StartError;

/// A relay for subrosa: keeps sealed messages until they are fetched, and has nothing else to tell.
#[derive(Debug, Parser)]
#[command(name = "subrosa-relay", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Configuration file [default: relay.toml in /etc/subrosa-relay or ~/.config/subrosa-relay, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for everything the relay keeps [default: /var/lib/subrosa-relay or ~/.local/share/subrosa-relay]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// UDP address and port to serve on [default: as last time, or [::]:7672]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Name or address that invites carry [default: as last time, or the address by which this machine is reached]
    #[arg(long, global = true)]
    host: Option<String>,
    /// How much is logged: error, warn, info, debug, trace
    #[arg(long, global = true, value_name = "LEVEL", value_parser = log_level)]
    log: Option<LogLevel>,
    /// How a log line is written: text, json
    #[arg(long, global = true, value_name = "FORMAT", value_parser = log_format)]
    log_format: Option<LogFormat>,
    /// Start although the clock moved by more than two days since the last time
    #[arg(long, global = true)]
    accept_clock: bool,
}

/// What to do; `run` without a word.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve; everything that is missing is made [default]
    Run,
    /// Make the data folder, the key and an empty store, and print the address
    Init {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the address that people give to `subrosa`
    Address {
        /// As a QR code too
        #[arg(long)]
        qr: bool,
        /// As JSON
        #[arg(long, conflicts_with = "qr")]
        json: bool,
    },
    /// Print what the running relay is doing, in counts
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have the running relay read its configuration again: limits, access and rates. As SIGHUP
    Reload {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Admission tokens of a private relay (access = "token")
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print everything that this relay keeps and could hand over, running or not; nothing is written
    Disclose {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Rows of each table
        #[arg(long, default_value_t = 100, value_name = "N")]
        rows: usize,
    },
    /// Check the store of a stopped relay; writes nothing
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Repair the store of a stopped relay: saves what is whole, sets the rest aside in `quarantine`
    Repair {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy the store, its key included, while the relay runs or not
    Backup {
        /// An empty folder, or one that is not there yet
        to: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring a backup back into an empty data folder
    Restore {
        /// The backup
        from: PathBuf,
        /// Only check that it could be brought back
        #[arg(long)]
        verify: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Look for what would keep people from being served: key, clock, disk, limits, network
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Whether this version can serve the store
    Upgrade {
        /// Try it on a copy beside the data folder; the store itself is left alone
        #[arg(long, required = true)]
        check: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print completions for a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with tokens.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make one and print the address that holds it, once
    New {
        /// Queues that may be made under it in 32 days
        #[arg(long, default_value_t = 100, value_name = "N")]
        queues: u32,
        /// Bytes of invites and attachments that may be put under it in 32 days; K, M and G are understood
        #[arg(long, default_value = "256M", value_name = "M", value_parser = bytes)]
        bytes: u64,
        /// Its last day, as 2030-12-31, or days from today, as 30d [default: until it is revoked]
        #[arg(long, value_name = "DATE")]
        expires: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print all, with their use
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End one, by its number
    Revoke {
        /// Its number in the list
        number: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read it and say what is wrong
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print it as a commented file, with everything that the command line changes
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

fn bytes(text: &str) -> Result<u64, &'static str> {
    let (digits, unit) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) => (digits, text.as_bytes().last()),
        None => (text, None),
    };
    let shift = match unit {
        Some(b'K') => 10,
        Some(b'M') => 20,
        Some(b'G') => 30,
        _ => 0,
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or("must be a number of bytes, as 4096 or 256M")
}

fn log_level(word: &str) -> Result<LogLevel, &'static str> {
    LogLevel::parse(word).ok_or("must be one of: error, warn, info, debug, trace")
}

fn log_format(word: &str) -> Result<LogFormat, &'static str> {
    LogFormat::parse(word).ok_or("must be one of: text, json")
}

impl Options {
    /// The configuration that these options ask for.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        self.over(Config::default())
    }

    /// The same for the relay in the data folder: what it announced stands where nobody asks for anything else.
    pub(crate) fn config_there(&self) -> Result<Config, Failure> {
        let config = self.config()?;
        let Some(folder) = &config.data else { return Ok(config) };
        let kept =
            Announced::load(folder).map_err(|error| StartError::Folder { path: folder.clone(), error })?;
        kept.map_or(Ok(config), |kept| self.over(kept.under(Config::default())))
    }

    /// The file over `config`, and the command line over both.
    fn over(&self, config: Config) -> Result<Config, Failure> {
        let file = self.config.clone().or_else(|| default_file().filter(|path| path.exists()));
        let mut config = match file {
            Some(path) => config.with_file(&path)?,
            None => config,
        };
        config.data = Some(match self.data.clone().or(config.data) {
            Some(data) => data,
            None => default_data().ok_or_else(no_home)?,
        });
        config.listen = self.listen.unwrap_or(config.listen);
        config.host = self.host.clone().or(config.host);
        config.log = self.log.unwrap_or(config.log);
        config.log_format = self.log_format.unwrap_or(config.log_format);
        config.accept_clock |= self.accept_clock;
        Ok(config)
    }
}

fn no_home() -> Failure {
    Failure::Usage("no folder for the data: HOME is not set; give one with --data".to_owned())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder that the environment names, or one under the home.
fn folder(variable: &str, under_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(home()?.join(under_home)))
}

fn default_file() -> Option<PathBuf> {
    if is_root() {
        return Some(PathBuf::from("/etc/subrosa-relay/relay.toml"));
    }
    Some(folder("XDG_CONFIG_HOME", ".config")?.join("subrosa-relay").join("relay.toml"))
}

fn default_data() -> Option<PathBuf> {
    // A supervisor's word counts most: systemd names the folder that it made.
    if let Some(folder) = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from) {
        return Some(folder);
    }
    if is_root() {
        return Some(PathBuf::from("/var/lib/subrosa-relay"));
    }
    Some(folder("XDG_DATA_HOME", ".local/share")?.join("subrosa-relay"))
}
