//! The figures in Prometheus' text format, version 0.0.4.
//!
//! Spec: docs/guide/relay.md, "Looking at it". Invariant: every line is of a series in the table, a limit that the operator
//! set, or the relay itself.

use std::fmt::Write;

use subrosa_relay_core::Limits;

use crate::tally::{COMMITS, DELIVERED, HANDSHAKES, Kind, REFUSALS, REQUESTS, SERIES, STORED, STREAMS};

/// A metric's name, its type, the name of its label, and what it tells.
const HELP: &[(&str, &str, &str, &str)] = &[
    (REQUESTS, "counter", "request", "Requests by clients."),
    (REFUSALS, "counter", "reason", "Refusals."),
    (DELIVERED, "counter", "body", "Sealed bodies handed out."),
    (HANDSHAKES, "counter", "newcomer", "Handshakes."),
    (COMMITS, "histogram", "le", "Time of a batch of requests until all of it is on disk and answered."),
    (STREAMS, "gauge", "", "Streams of all clients."),
    (STORED, "gauge", "thing", "What is stored."),
];

/// `figures` are those of the table, rounded.
pub(super) fn write(figures: &[u64], limits: &Limits, ready: bool) -> String {
    let mut out = String::new();
    let head = |out: &mut String, name: &str, kind: &str, help: &str| {
        // Writing to a string does not fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    };
    head(&mut out, "subrosa_info", "gauge", "The version that runs.");
    let _ = writeln!(out, "subrosa_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    head(&mut out, "subrosa_ready", "gauge", "Whether the relay takes requests.");
    let _ = writeln!(out, "subrosa_ready {}", u8::from(ready));
    head(&mut out, "subrosa_limit", "gauge", "What may be stored at most, as the operator set it.");
    for (thing, limit) in [
        ("queues", limits.queues),
        ("invites", limits.invites),
        ("cells", limits.cells),
        ("chunks", limits.chunks),
        ("streams", u64::from(limits.connections)),
    ] {
        let _ = writeln!(out, "subrosa_limit{{thing=\"{thing}\"}} {limit}");
    }
    for (name, kind, label, help) in HELP {
        head(
            &mut out,
            name.trim_end_matches("_bucket"),
            kind,
            &format!("{help} Rounded; at most a minute old."),
        );
        let mut sum = 0;
        for (series, figure) in SERIES.iter().zip(figures).filter(|(series, _)| series.name == *name) {
            // The buckets of a histogram hold those below them: sums of what is rounded tell no more.
            sum = if series.kind == Kind::Bucket { sum + figure } else { *figure };
            let _ = match series.label {
                "" => writeln!(out, "{name} {sum}"),
                value => writeln!(out, "{name}{{{label}=\"{value}\"}} {sum}"),
            };
        }
        if *name == COMMITS {
            let _ = writeln!(out, "subrosa_commit_seconds_count {sum}");
        }
    }
    out
}
