//! The log file of the screen: below the user's state folder, without anyone's words.
//!
//! Spec: docs/guide/chat.md, "When something goes wrong". Invariant: only our own crates write to it, and they log no
//! text, name, key or address.

use std::fs::{DirBuilder, OpenOptions, rename};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Mutex;

use directories::ProjectDirs;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// From this size on, in bytes, a new file is begun; one old one is kept.
const FULL: u64 = 1 << 20;

/// Whose lines are written. The network library's name addresses, and are left out at every level.
const OURS: [&str; 3] = ["subrosa", "subrosa_client", "subrosa_relay"];

/// Starts logging. A log that can't be written is no reason not to start: the screen shows what went wrong anyway.
pub(crate) fn start() {
    if let Ok(file) = open() {
        let level = level(std::env::var("SUBROSA_LOG").ok().as_deref());
        let ours = Targets::new().with_targets(OURS.map(|name| (name, level)));
        let lines = tracing_subscriber::fmt::layer().with_writer(Mutex::new(file)).with_ansi(false);
        let _ = tracing_subscriber::registry().with(lines.with_filter(ours)).try_init();
    }
}

/// What `SUBROSA_LOG` asks for: `off`, `error`, `warn`, `info` (also when it says something else) or `debug`.
fn level(asked: Option<&str>) -> LevelFilter {
    asked.and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO).min(LevelFilter::DEBUG)
}

fn open() -> io::Result<std::fs::File> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let dirs = ProjectDirs::from("", "", "subrosa").ok_or_else(missing)?;
    let folder = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir());
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join("subrosa.log");
    if path.metadata().is_ok_and(|meta| meta.len() > FULL) {
        rename(&path, folder.join("subrosa.log.old"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_all_that_can_be_asked_for() {
        assert_eq!(level(None), LevelFilter::INFO);
        assert_eq!(level(Some("warn")), LevelFilter::WARN);
        for text in ["trace", "quinn=trace", "debug,quinn=debug"] {
            assert!(level(Some(text)) <= LevelFilter::DEBUG, "{text}");
        }
    }
}
