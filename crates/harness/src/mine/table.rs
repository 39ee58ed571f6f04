//! The report as a table for people and as JSON for tools.
//!
//! Spec: docs/nothing-to-mine.md. Invariant: both say the same.

use std::fmt::Write as _;

use super::measure::{Cell, Measure, Report};
use super::score::Estimate;
use super::view::{Observer, System};

pub(super) const MEASURES: [(Measure, &str); 11] = [
    (Measure::Links, "who talks to whom (AUC)"),
    (Measure::LinksPrecision, "who talks to whom (precision at k)"),
    (Measure::Sender, "who sent this message (accuracy)"),
    (Measure::Circles, "circles of people (adjusted Rand)"),
    (Measure::Length, "length and kind (bits)"),
    (Measure::Language, "language (accuracy)"),
    (Measure::Topic, "topic (accuracy)"),
    (Measure::Hours, "online hours (correlation)"),
    (Measure::Search, "product: search (reciprocal rank)"),
    (Measure::Emoji, "product: emoji (accuracy)"),
    (Measure::Recommend, "product: recommendation (AUC)"),
];

pub(super) const SYSTEMS: [(System, &str); 3] =
    [(System::Slack, "Slack-like"), (System::Signal, "Signal-like"), (System::Subrosa, "subrosa")];

pub(super) const OBSERVERS: [(Observer, &str); 3] =
    [(Observer::Disk, "disk"), (Observer::Operator, "operator"), (Observer::Network, "network")];

/// JSON.
pub(super) fn json(report: &Report) -> String {
    // Numbers and words only: this can't fail.
    serde_json::to_string_pretty(report).unwrap_or_default()
}

/// A Markdown table per observer, and the checks.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} seeds, {} people, {} days, {} messages; mean and 95 % interval over seeds\n",
        report.seeds.len(),
        report.people,
        report.days,
        report.messages
    );
    for (observer, name) in OBSERVERS {
        let _ =
            writeln!(out, "| {name} | chance | Slack-like | Signal-like | subrosa |\n|---|---|---|---|---|");
        for (measure, what) in MEASURES {
            let _ = write!(out, "| {what} | {}", number(chance(report, measure, observer)));
            for (system, _) in SYSTEMS {
                let cell = find(report, measure, system, observer);
                let _ = write!(out, " | {}", interval(cell.and_then(|cell| cell.estimate)));
            }
            out.push_str(" |\n");
        }
        out.push('\n');
    }
    for check in &report.sanity {
        let verdict = if check.holds { "holds" } else { "FAILS" };
        let _ = writeln!(out, "- {}: {} ({verdict})", check.claim, interval(check.value));
    }
    out
}

pub(super) fn find(report: &Report, measure: Measure, system: System, observer: Observer) -> Option<&Cell> {
    report.cells.iter().find(|cell| (cell.measure, cell.system, cell.observer) == (measure, system, observer))
}

fn chance(report: &Report, measure: Measure, observer: Observer) -> Option<Estimate> {
    find(report, measure, System::Subrosa, observer)?.chance
}

fn number(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(|| "–".to_string(), |one| format!("{:.2}", one.mean))
}

fn interval(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(
        || "nothing to guess from".to_string(),
        |one| format!("{:.2} ({:.2}–{:.2})", one.mean, one.low, one.high),
    )
}
