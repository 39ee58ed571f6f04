//! `status`: what a running relay is doing, in counts.
//!
//! Spec: docs/guide/relay.md, "Commands". Invariant: counts come from memory, never from scanning (D11), and name nobody.

use serde_json::{Value, json};
use subrosa_relay_core::Access;

use crate::admin::Office;
use crate::exit::Failure;
use crate::manage::{Errand, Told};

/// The answer to `status`.
pub(crate) fn status(office: &Office) -> Result<Value, Failure> {
    let config = office.config();
    let limits = config.limits;
    let (streams, subscriptions) = office.remote.load().ok_or(Failure::Ending)?;
    let Told::Counts(totals) = office.manage(Errand::Count)? else { return Err(Failure::Ending) };
    let free = rustix::fs::statvfs(&office.folder).map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize));
    let of = |count: u64, limit: u64| json!({ "now": count, "limit": limit });
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "address": office.address.to_string(),
        "access": if limits.access == Access::Open { "open" } else { "token" },
        "hours_up": office.started.elapsed().as_secs() / 3_600,
        "streams": of(streams as u64, limits.connections.into()),
        "subscriptions": subscriptions,
        "queues": of(totals.queues, limits.queues),
        "cells": of(totals.cells, limits.cells),
        "invites": of(totals.invites, limits.invites),
        "blobs": totals.blobs,
        "chunks": of(totals.promised, limits.chunks),
        "tokens": totals.tokens,
        "disk_free": free,
        "disk_reserve": config.store.reserve,
        "takes_new": free >= config.store.reserve,
    }))
}

/// The answer, for a person.
pub(crate) fn text(status: &Value) -> String {
    let mut out = String::new();
    for (name, value) in status.as_object().into_iter().flatten() {
        let name = name.replace('_', " ");
        out += &match (value.get("now"), value.get("limit")) {
            (Some(now), Some(limit)) => format!("{name}: {now} of {limit}\n"),
            _ => format!("{name}: {}\n", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        };
    }
    out
}
