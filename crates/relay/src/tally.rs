//! [`Tally`]: what a relay did and has, in counts that name nobody.
//!
//! Spec: docs/guide/relay.md, "Looking at it". Invariant: everything is counted as it happens, in memory; nothing is found
//! by looking through the store, and nothing leaves this module but rounded.

mod rounding;
mod text;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use subrosa_relay_core::{Act, Amounts, Input, Limits};
use subrosa_wire::{Refusal, Request, Response};

use rounding::{Rounded, random};

/// How long a published figure stands at least.
const MINUTE: Duration = Duration::from_secs(60);
/// Upper bounds of the buckets of a commit's time, in milliseconds; one more bucket is without a bound.
const BOUNDS: [u64; 7] = [1, 3, 10, 30, 100, 300, 1_000];

/// What is counted: a metric's name, its label, and what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Series {
    name: &'static str,
    label: &'static str,
    kind: Kind,
}

/// Which way a count goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Up only.
    Counter,
    /// Up and down.
    Gauge,
    /// A bucket of the commit histogram.
    Bucket,
}

const REQUESTS: &str = "subrosa_requests_total";
const REFUSALS: &str = "subrosa_refusals_total";
const DELIVERED: &str = "subrosa_delivered_total";
const HANDSHAKES: &str = "subrosa_handshakes_total";
const STORED: &str = "subrosa_stored";
const STREAMS: &str = "subrosa_streams";
const COMMITS: &str = "subrosa_commit_seconds_bucket";

const fn counter(name: &'static str, label: &'static str) -> Series {
    Series { name, label, kind: Kind::Counter }
}

const fn gauge(name: &'static str, label: &'static str) -> Series {
    Series { name, label, kind: Kind::Gauge }
}

const fn bucket(label: &'static str) -> Series {
    Series { name: COMMITS, label, kind: Kind::Bucket }
}

/// Every series, in the order in which they are printed.
const SERIES: &[Series] = &[
    counter(REQUESTS, "hello"),
    counter(REQUESTS, "open"),
    counter(REQUESTS, "append"),
    counter(REQUESTS, "ack"),
    counter(REQUESTS, "close"),
    counter(REQUESTS, "invite"),
    counter(REQUESTS, "blob"),
    counter(REQUESTS, "other"),
    counter(REFUSALS, "missing"),
    counter(REFUSALS, "quota"),
    counter(REFUSALS, "access"),
    counter(REFUSALS, "busy"),
    counter(REFUSALS, "storage"),
    counter(REFUSALS, "malformed"),
    counter(REFUSALS, "other"),
    counter(DELIVERED, "cell"),
    counter(DELIVERED, "bundle"),
    counter(DELIVERED, "chunk"),
    counter(HANDSHAKES, "begun"),
    counter(HANDSHAKES, "retried"),
    counter(HANDSHAKES, "turned_away"),
    bucket("0.001"),
    bucket("0.003"),
    bucket("0.01"),
    bucket("0.03"),
    bucket("0.1"),
    bucket("0.3"),
    bucket("1"),
    bucket("+Inf"),
    gauge(STREAMS, ""),
    gauge(STORED, "queues"),
    gauge(STORED, "invites"),
    gauge(STORED, "cells"),
    gauge(STORED, "chunks"),
];

/// What became of a newcomer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Newcomer {
    /// His handshake began.
    Begun,
    /// He must prove his address first.
    Retried,
    /// There was no room.
    TurnedAway,
}

/// The counts of one relay.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: [AtomicU64; SERIES.len()],
    draining: AtomicBool,
    limits: Mutex<Limits>,
    published: Mutex<Published>,
}

/// What was published last, and when.
#[derive(Debug)]
struct Published {
    at: Option<Instant>,
    figures: Vec<Rounded>,
}

impl Tally {
    pub(crate) fn new(limits: Limits) -> Self {
        let figures = SERIES.iter().map(|_| Rounded::new(&mut random)).collect();
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            draining: AtomicBool::new(false),
            limits: Mutex::new(limits),
            published: Mutex::new(Published { at: None, figures }),
        }
    }

    /// The relay takes nothing new any more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Other limits from now on.
    pub(crate) fn set_limits(&self, limits: Limits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    fn count(&self, name: &str, label: &str) -> Option<&AtomicU64> {
        let at = SERIES.iter().position(|series| series.name == name && series.label == label)?;
        self.counts.get(at)
    }

    fn add(&self, name: &str, label: &str) {
        if let Some(count) = self.count(name, label) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn set(&self, name: &str, label: &str, value: u64) {
        if let Some(count) = self.count(name, label) {
            count.store(value, Ordering::Relaxed);
        }
    }

    pub(crate) fn newcomer(&self, newcomer: Newcomer) {
        self.add(
            HANDSHAKES,
            match newcomer {
                Newcomer::Begun => "begun",
                Newcomer::Retried => "retried",
                Newcomer::TurnedAway => "turned_away",
            },
        );
    }

    /// What came from a stream.
    pub(crate) fn heard(&self, input: &Input) {
        match input {
            Input::Frame(_, frame) => self.add(REQUESTS, request(&frame.message)),
            Input::Garbled(_) => self.add(REFUSALS, "malformed"),
            _ => {}
        }
    }

    /// What goes to a stream.
    pub(crate) fn said(&self, act: &Act) {
        let Act::Send(_, frame) = act else { return };
        match &frame.message {
            Response::Cell { .. } => self.add(DELIVERED, "cell"),
            Response::Bundle(_) => self.add(DELIVERED, "bundle"),
            Response::Chunk(_) => self.add(DELIVERED, "chunk"),
            Response::Reply(Err(refusal)) => self.add(REFUSALS, reason(*refusal)),
            _ => {}
        }
    }

    /// What is there after a batch, and how long the batch took if it had requests in it.
    pub(crate) fn settled(&self, took: Option<Duration>, streams: usize, amounts: Amounts) {
        if let Some(took) = took {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let at = BOUNDS.iter().position(|bound| millis < *bound).unwrap_or(BOUNDS.len());
            let mut buckets = SERIES.iter().filter(|series| series.kind == Kind::Bucket);
            if let Some(bucket) = buckets.nth(at) {
                self.add(bucket.name, bucket.label);
            }
        }
        self.set(STREAMS, "", streams as u64);
        self.set(STORED, "queues", amounts.queues);
        self.set(STORED, "invites", amounts.invites);
        self.set(STORED, "cells", amounts.cells);
        self.set(STORED, "chunks", amounts.chunks);
    }

    /// The figures as Prometheus reads them, at most a minute old; those of the last minute stand until it is over.
    pub(crate) fn text(&self) -> String {
        self.text_at(Instant::now(), &mut random)
    }

    fn text_at(&self, now: Instant, draw: &mut dyn FnMut() -> u64) -> String {
        let figures = self.publish(now, draw);
        let limits = *self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        text::write(&figures, &limits, !self.is_draining())
    }

    fn publish(&self, now: Instant, draw: &mut dyn FnMut() -> u64) -> Vec<u64> {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if published.at.is_none_or(|at| now.saturating_duration_since(at) >= MINUTE) {
            published.at = Some(now);
            for (figure, count) in published.figures.iter_mut().zip(&self.counts) {
                figure.update(count.load(Ordering::Relaxed), draw);
            }
        }
        published.figures.iter().map(Rounded::shown).collect()
    }

    /// For the log: what is not zero.
    pub(crate) fn line(&self) -> String {
        let figures = self.publish(Instant::now(), &mut random);
        let shown = SERIES.iter().zip(figures).filter(|(_, figure)| *figure > 0);
        let words = shown.map(|(series, figure)| format!("{} {} {figure}", series.name, series.label));
        words.collect::<Vec<_>>().join(", ")
    }
}

const fn request(request: &Request) -> &'static str {
    match request {
        Request::Hello(_) => "hello",
        Request::Open(_) => "open",
        Request::Append { .. } => "append",
        Request::Ack { .. } => "ack",
        Request::Close { .. } => "close",
        Request::InvitePut(_) | Request::InviteTake { .. } | Request::InviteCheck { .. } => "invite",
        Request::InviteRevoke { .. } => "invite",
        Request::BlobPut(_) | Request::BlobGet { .. } | Request::BlobDrop { .. } => "blob",
        _ => "other",
    }
}

const fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Missing => "missing",
        Refusal::Full | Refusal::QuotaExceeded | Refusal::TooMany | Refusal::TooLong => "quota",
        Refusal::NotAdmitted => "access",
        Refusal::Busy => "busy",
        Refusal::Storage => "storage",
        Refusal::Malformed => "malformed",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
