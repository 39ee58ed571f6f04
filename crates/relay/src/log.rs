//! Where log lines go, and whose.
//!
//! Spec: docs/guide/relay.md, "Logs". Invariant: only this crate's own lines are written, at every level: those of the
//! libraries below name addresses, ports and keys, and no variable of the environment lets them out.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::config::{LogFormat, LogLevel};

/// Logs to stderr from now on.
pub(crate) fn to_stderr(level: LogLevel, format: LogFormat) {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    // A second subscriber in one process is a test's.
    let _ = tracing_subscriber::registry().with(lines.with_filter(ours(level))).try_init();
}

/// Only this crate's own lines.
fn ours(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_target("subrosa_relay", level)
}
