//! The table of settings: one line each feeds reading, writing, checking and the commented example.
//!
//! Spec: docs/guide/relay.md, "Configuration". Invariant: a setting that is not in the table does not exist.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use subrosa_relay_core::Access;

use crate::config::{Config, LogFormat, LogLevel};

/// A value in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A string.
    Text(String),
    /// A whole number.
    Number(u64),
}

/// One key of the file.
pub(super) struct Setting {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    about: &'static str,
    /// Written, as a comment, where there is no value.
    example: &'static str,
    read: fn(&Config) -> Option<Item>,
    /// What is wrong with the value, if it is.
    pub(super) write: fn(&mut Config, &Item) -> Result<(), &'static str>,
}

/// A setting that is a number; `$unit` is what one of it is in the field.
macro_rules! number {
    ($section:literal . $name:literal, $($field:ident).+ $(* $unit:ident)?, $about:literal) => {
        Setting {
            section: $section,
            name: $name,
            about: $about,
            example: "",
            read: |config| {
                let value = u64::try_from(config.$($field).+).unwrap_or(u64::MAX);
                Some(Item::Number(value $(/ $unit)?))
            },
            write: |config, item| {
                let Item::Number(value) = *item else { return Err("must be a whole number") };
                $(let value = value.checked_mul($unit).ok_or("is too large")?;)?
                config.$($field).+ = value.try_into().map_err(|_| "is too large")?;
                Ok(())
            },
        }
    };
}

const MIB: u64 = 1 << 20;

/// Every setting, in the order of the file.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        section: "relay",
        name: "data",
        about: "Folder for everything that the relay keeps. It must be on a local disk.",
        example: "/var/lib/subrosa-relay",
        read: |config| config.data.as_ref().map(|path| Item::Text(path.display().to_string())),
        write: |config, item| {
            config.data = Some(PathBuf::from(text(item)?));
            Ok(())
        },
    },
    Setting {
        section: "relay",
        name: "listen",
        about: "UDP address and port to serve on. Port 0 takes a free one once, and keeps it. Without it: as last time, or this.",
        example: "",
        read: |config| Some(Item::Text(config.listen.to_string())),
        write: |config, item| {
            let address = text(item)?.parse();
            config.listen = address.map_err(|_| "must be an address and a port, as in \"[::]:7672\"")?;
            Ok(())
        },
    },
    Setting {
        section: "relay",
        name: "host",
        about: "Name or address that invites carry. Without it: the one given last time, or the address by which this machine is reached.",
        example: "relay.example.org",
        read: |config| config.host.clone().map(Item::Text),
        write: |config, item| {
            config.host = Some(text(item)?.to_owned());
            Ok(())
        },
    },
    Setting {
        section: "relay",
        name: "log",
        about: "How much is logged: error, warn, info, debug, trace. No level logs an address, an id or a capability.",
        example: "",
        read: |config| Some(Item::Text(config.log.name().to_owned())),
        write: |config, item| {
            config.log =
                LogLevel::parse(text(item)?).ok_or("must be one of: error, warn, info, debug, trace")?;
            Ok(())
        },
    },
    Setting {
        section: "relay",
        name: "log_format",
        about: "How a log line is written: text, json.",
        example: "",
        read: |config| Some(Item::Text(config.log_format.name().to_owned())),
        write: |config, item| {
            config.log_format = LogFormat::parse(text(item)?).ok_or("must be one of: text, json")?;
            Ok(())
        },
    },
    Setting {
        section: "relay",
        name: "access",
        about: "Who may make queues, invites and attachments: open (everyone), token (whoever has an address by `token new`).",
        example: "",
        read: |config| Some(word(config.limits.access == Access::Open, "open", "token")),
        write: |config, item| {
            let open = choice(item, "open", "token").ok_or("must be one of: open, token")?;
            config.limits.access = if open { Access::Open } else { Access::Token };
            Ok(())
        },
    },
    number!("limits"."connections", limits.connections, "Streams of all clients at once: a client has one, and up to four more while it moves attachments."),
    number!("limits"."queues", limits.queues, "Queues. One is one direction of one conversation."),
    number!("limits"."queue_cells", limits.queue_cells, "Cells that wait in one queue, at 4 KiB; more wait at their sender, who runs 1,000 ahead at most."),
    number!("limits"."cells", limits.cells, "Cells that wait in all queues, at 4 KiB."),
    number!("limits"."invites", limits.invites, "Invites, at 4 KiB."),
    number!("limits"."chunks", limits.chunks, "Chunks of attachments, at 64 KiB. 0 offers no attachments."),
    number!("limits"."blob_chunks", limits.blob_chunks, "Chunks of one attachment."),
    number!("limits"."cell_days", limits.cell_days, "Days that a cell is kept."),
    number!("limits"."lease_days", limits.lease_days, "Days that a queue outlives its last use."),
    number!("limits"."invite_days", limits.invite_days, "Longest life of an invite, in days."),
    number!("limits"."blob_days", limits.blob_days, "Longest life of an attachment, in days."),
    number!("limits"."handles", limits.handles, "Queues that one client reads at once."),
    number!("limits"."puts", limits.puts, "Invites that one connection may put."),
    number!("limits"."output", limits.output, "Bytes that wait for a client who does not read, before it is hung up."),
    number!("limits"."output_total", limits.output_total, "Bytes that wait for all clients together; above that, cells stay on disk."),
    number!("limits"."sweep", limits.sweep, "Expired things erased per second."),
    number!("store"."grow_mib", store.grow * MIB, "How much disk is taken at once when more is needed, in MiB."),
    number!("store"."reserve_mib", store.reserve * MIB, "Free disk, in MiB, below which nothing new is taken. Delivering and deleting go on."),
    Setting {
        section: "network",
        name: "patience",
        about: "Seconds that a newcomer may take for the handshake, and then for the first word.",
        example: "",
        read: |config| Some(Item::Number(config.patience.as_secs())),
        write: |config, item| match *item {
            Item::Number(seconds @ 1..=600) => {
                config.patience = Duration::from_secs(seconds);
                Ok(())
            }
            _ => Err("must be a number of seconds from 1 to 600"),
        },
    },
    number!("network"."retry_above", retry_above, "Handshakes under way above which a newcomer must prove its address first."),
    number!("network"."prefix_connections", rates.connections, "Connections at once from one network prefix (/24 of IPv4, /48 of IPv6)."),
    number!("network"."prefix_knocks", rates.knocks, "New connections from one network prefix in a minute."),
    number!("network"."prefix_makes", rates.makes, "Queues opened and invites put from one network prefix in a minute; what is more waits its turn."),
    Setting {
        section: "network",
        name: "loopback",
        about: "Whether connections from this machine itself count as those of a prefix: exempt, counted.",
        example: "",
        read: |config| Some(word(config.rates.loopback, "counted", "exempt")),
        write: |config, item| {
            config.rates.loopback =
                choice(item, "counted", "exempt").ok_or("must be one of: exempt, counted")?;
            Ok(())
        },
    },
    Setting {
        section: "observe",
        name: "http",
        about: "Address and port, on this machine only, of /healthz, /readyz and /metrics. Without it: nowhere.",
        example: "127.0.0.1:9672",
        read: |config| config.http.map(|address| Item::Text(address.to_string())),
        write: |config, item| {
            config.http = Some(loopback(item)?);
            Ok(())
        },
    },
];

fn word(first: bool, one: &str, other: &str) -> Item {
    Item::Text(if first { one } else { other }.to_owned())
}

/// Whether the first of two words was written; `None` when neither was.
fn choice(item: &Item, one: &str, other: &str) -> Option<bool> {
    let Item::Text(text) = item else { return None };
    if text == one { Some(true) } else { (text == other).then_some(false) }
}

fn text(item: &Item) -> Result<&str, &'static str> {
    match item {
        Item::Text(text) if text.is_empty() => Err("must not be empty"),
        Item::Text(text) => Ok(text),
        Item::Number(_) => Err("must be a string"),
    }
}

impl LogLevel {
    /// Its word in the file and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace]
            .into_iter()
            .find(|level| level.name() == word)
    }
}

impl LogFormat {
    /// Its word in the file and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// The format with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|format| format.name() == word)
    }
}

/// What is told there is told without asking who is there.
fn loopback(item: &Item) -> Result<SocketAddr, &'static str> {
    let address: SocketAddr =
        text(item)?.parse().map_err(|_| "must be a loopback address and a port, as in \"127.0.0.1:9672\"")?;
    if !address.ip().is_loopback() {
        return Err(
            "must be a loopback address, as in \"127.0.0.1:9672\": whoever reaches it is answered, so it is for this \
                    machine only; to look at it from elsewhere, go through ssh -L or a proxy that asks who is there",
        );
    }
    Ok(address)
}

/// The configuration as a commented file.
pub(super) fn write(config: &Config) -> String {
    let mut out = String::from(
        "# The configuration of subrosa-relay: every key with its value. Leave out what should have its default.\n\
         # `subrosa-relay config check` reads it without starting; docs/guide/relay.md explains.\n",
    );
    let mut section = "";
    for setting in SETTINGS {
        if section != setting.section {
            section = setting.section;
            out += &format!("\n[{section}]\n");
        }
        out += &format!("# {}\n", setting.about);
        out += &match (setting.read)(config) {
            Some(Item::Text(text)) => format!("{} = {}\n", setting.name, quoted(&text)),
            Some(Item::Number(number)) => format!("{} = {number}\n", setting.name),
            None => format!("# {} = {}\n", setting.name, quoted(setting.example)),
        };
    }
    out
}

/// The same as JSON; what has no value is null.
pub(super) fn json(config: &Config) -> serde_json::Value {
    let mut all = serde_json::json!({});
    for setting in SETTINGS {
        all[setting.section][setting.name] = match (setting.read)(config) {
            Some(Item::Text(text)) => text.into(),
            Some(Item::Number(number)) => number.into(),
            None => serde_json::Value::Null,
        };
    }
    all
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}
