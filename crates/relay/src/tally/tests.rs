//! Rounding, and what is shown when.

use std::collections::BTreeSet;

use subrosa_relay_core::ConnId;
use subrosa_wire::{Frame, Rid};

use super::rounding::STEP;
use super::*;

const ID: ConnId = ConnId(1);

fn value(text: &str, series: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)).expect("is there");
    line.trim().parse().expect("is a number")
}

#[test]
fn a_figure_is_a_multiple_of_a_hundred_near_the_count_and_a_counter_never_falls() {
    let mut seed = 7_u64;
    let mut draw = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed >> 33
    };
    let mut figure = Rounded::new(&mut draw);
    let mut last = 0;
    for count in 0..20_000 {
        figure.update(count, &mut draw);
        assert_eq!(figure.shown() % STEP, 0);
        assert!(figure.shown() >= last && figure.shown().abs_diff(count) < STEP * 3 / 2, "{count}");
        last = figure.shown();
    }
    for count in (0..20_000).rev() {
        figure.update(count, &mut draw);
        assert!(figure.shown().abs_diff(count) < STEP * 3 / 2, "{count}");
    }
}

#[test]
fn one_event_moves_a_figure_by_a_chance_of_one_in_a_hundred_whatever_the_others_are() {
    for others in [0, 49, 50, 99, 100, 149, 150, 250, 999, 10_049] {
        // Every draw, once: a chance is a count.
        let shown = |count| {
            (0..STEP).map(move |first| {
                let mut figure = Rounded::new(&mut || first);
                figure.update(count, &mut || 0);
                figure.shown()
            })
        };
        let moved = shown(others).zip(shown(others + 1)).filter(|(without, with)| without != with).count();
        assert!(moved <= 1, "{others} and one more: {moved} of {STEP}");
    }
}

#[test]
fn what_is_shown_stands_for_a_minute() {
    let tally = Tally::new(Limits::default());
    let (start, mut draw) = (Instant::now(), || 0);
    let append = "subrosa_requests_total{request=\"append\"}";
    let first = tally.text_at(start, &mut draw);
    assert_eq!(value(&first, append), 0);
    for _ in 0..1_000 {
        tally.add(REQUESTS, "append");
    }
    assert_eq!(tally.text_at(start + Duration::from_secs(59), &mut draw), first);
    let text = tally.text_at(start + MINUTE, &mut draw);
    assert!(value(&text, append).abs_diff(1_000) < STEP * 3 / 2);
}

#[test]
fn what_is_heard_said_and_stored_is_counted_under_a_name_of_the_table() {
    let tally = Tally::new(Limits::default());
    for _ in 0..500 {
        tally.heard(&Input::Garbled(ID));
        tally.heard(&Input::Frame(ID, Frame::new(Rid(1), Request::Ping)));
        tally.said(&Act::Send(ID, Frame::new(Rid(1), Response::Reply(Err(Refusal::Full)))));
        let amounts = Amounts { queues: 700, cells: 3, ..Amounts::default() };
        tally.settled(Some(Duration::from_millis(2)), 1_200, amounts);
        tally.settled(Some(Duration::from_secs(9)), 1_200, amounts);
        tally.newcomer(Newcomer::Retried);
    }
    let text = tally.text();
    for (series, count) in [
        ("subrosa_requests_total{request=\"other\"}", 500),
        ("subrosa_refusals_total{reason=\"malformed\"}", 500),
        ("subrosa_refusals_total{reason=\"quota\"}", 500),
        ("subrosa_handshakes_total{newcomer=\"retried\"}", 500),
        ("subrosa_stored{thing=\"queues\"}", 700),
        ("subrosa_stored{thing=\"cells\"}", 0),
        ("subrosa_streams", 1_200),
        ("subrosa_commit_seconds_bucket{le=\"0.001\"}", 0),
        ("subrosa_commit_seconds_bucket{le=\"0.003\"}", 500),
        ("subrosa_commit_seconds_bucket{le=\"1\"}", 500),
        ("subrosa_commit_seconds_bucket{le=\"+Inf\"}", 1_000),
        ("subrosa_commit_seconds_count", 1_000),
        ("subrosa_ready", 1),
    ] {
        let (shown, exact) = (value(&text, series), count < 10);
        // A sum of two buckets is as far away as both together.
        assert!(if exact { shown == count } else { shown.abs_diff(count) < STEP * 3 }, "{series} {shown}");
    }
    tally.drain();
    assert_eq!(value(&tally.text(), "subrosa_ready"), 0);
}

/// The dashboard in `dist` asks for what is there, and shows all of it.
#[test]
fn every_query_of_the_dashboard_names_a_metric_and_every_metric_is_shown() {
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../dist/grafana.json")).expect("is JSON");
    let panels = dashboard["panels"].as_array().expect("has panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("has queries"));
    let asked: Vec<&str> = targets.map(|target| target["expr"].as_str().expect("has a query")).collect();
    let names: BTreeSet<&str> = asked
        .iter()
        .flat_map(|query| query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|word| word.starts_with("subrosa_"))
        .collect();
    let text = Tally::new(Limits::default()).text();
    let there: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    assert_eq!(names, there);
    // Labels, too: those of the queries are those of the metrics.
    for query in asked {
        for part in query.split("by (").skip(1) {
            let label = part.split([')', ',']).next().expect("has a label");
            assert!(text.contains(&format!("{label}=\"")), "{query}");
        }
        assert_eq!(query.matches('(').count(), query.matches(')').count(), "{query}");
    }
}
