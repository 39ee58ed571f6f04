//! `check`, `repair`, `backup` and `restore`, for a stopped relay.
//!
//! Spec: docs/guide/relay.md, "Backup, check and repair". Invariant: a store that is not sound ends with code 65, whatever
//! else was printed.

use std::path::Path;

use serde_json::{Value, json};

use crate::admin;
use crate::commands::print;
use crate::exit::Failure;
use crate::store::{self, OpenError, Report};

/// The relay is asked to stop in its own words.
fn running(error: OpenError) -> Failure {
    match error {
        OpenError::InUse => Failure::Running,
        error => error.into(),
    }
}

pub(crate) fn check(folder: &Path, json: bool) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(Failure::NoRelay(folder.display().to_string()));
    }
    let report = store::check(folder).map_err(running)?;
    print(&if json { format!("{:#}\n", as_json(&report)) } else { text(&report) })?;
    sound(&report)
}

pub(crate) fn repair(folder: &Path, json: bool) -> Result<(), Failure> {
    let done = store::repair(folder).map_err(running)?;
    print(&if json {
        let done = json!({
            "before": as_json(&done.before), "queues": done.queues, "blobs": done.blobs,
            "quarantined": done.quarantined, "after": as_json(&done.after),
        });
        format!("{done:#}\n")
    } else {
        format!(
            "before\n{}\nqueues that got a new record: {}\nattachments that got a new record: {}\nset aside in \
             quarantine: {}\n\nafter\n{}",
            text(&done.before),
            done.queues,
            done.blobs,
            done.quarantined,
            text(&done.after)
        )
    })?;
    sound(&done.after)
}

pub(crate) fn backup(folder: &Path, to: &Path, json: bool) -> Result<(), Failure> {
    let to = std::path::absolute(to).map_err(Failure::Admin)?;
    let question = json!({ "ask": "backup", "to": to.to_str().ok_or_else(|| Failure::Usage("the folder's name is no text".to_owned()))? });
    if let Some(answer) = admin::ask(folder, &question) {
        let answer = answer?;
        return print(&if json { format!("{answer:#}\n") } else { told(&answer) });
    }
    copied(&store::copy(folder, &to).map_err(running)?, json)
}

pub(crate) fn restore(from: &Path, folder: &Path, json: bool) -> Result<(), Failure> {
    copied(&store::restore(from, folder).map_err(running)?, json)
}

/// The report of a running relay.
fn told(report: &Value) -> String {
    format!(
        "records: {}\ncells: {}\nchunks: {}\nsound\n",
        report["records"], report["cells"], report["chunks"]
    )
}

fn copied(report: &Report, json: bool) -> Result<(), Failure> {
    print(&if json { format!("{:#}\n", as_json(report)) } else { text(report) })
}

pub(crate) const fn sound(report: &Report) -> Result<(), Failure> {
    if report.is_sound() { Ok(()) } else { Err(Failure::Unsound(report.faults.len())) }
}

fn text(report: &Report) -> String {
    let Report { clean, records, cells, chunks, unfinished, faults } = report;
    let end =
        if *clean { "stopped in order" } else { "not stopped in order; the next start looks at every slot" };
    let mut out = format!("records: {records}\ncells: {cells}\nchunks: {chunks}\n{end}\n");
    if *unfinished > 0 {
        out += &format!("under way when it ended, and never acknowledged: {unfinished}\n");
    }
    for fault in faults {
        out += &format!("FAULT: {fault}\n");
    }
    if faults.is_empty() {
        out += "sound\n";
    }
    out
}

pub(crate) fn as_json(report: &Report) -> Value {
    let Report { clean, records, cells, chunks, unfinished, faults } = report;
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    json!({
        "sound": faults.is_empty(), "clean": clean, "records": records, "cells": cells, "chunks": chunks,
        "unfinished": unfinished, "faults": faults,
    })
}
