//! The pane in the middle: everything that the relay keeps, as bytes and counts.
//!
//! Spec: docs/guide/chat.md, "The demo". Invariant: it shows `Relay::knowledge`, the call that `disclose` prints, and
//! nothing else.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use subrosa_relay::{Knowledge, Relay};

use crate::layout::inset;
use crate::look::{Look, Role};
use crate::text;

/// How often the relay is asked, in milliseconds: a cell lies there only until its reader's disk has it.
const ASK_MS: u64 = 10;
/// How often the pane looks at what was found, in milliseconds.
const LOOK_MS: u64 = 100;
/// Cells that are remembered after the relay erased them.
const PASSED: usize = 8;

/// What the relay knew when it was asked last, and what passed through it lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    now: Knowledge,
    passed: VecDeque<Passed>,
    count: u64,
}

/// A cell that was seen at the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Passed {
    queue: Vec<u8>,
    seq: u64,
    head: Vec<u8>,
    waiting: bool,
}

impl Found {
    /// Takes in what the relay keeps now.
    fn take(&mut self, now: Knowledge) {
        for passed in &mut self.passed {
            passed.waiting = false;
        }
        for cell in &now.cells {
            let (queue, seq) = (cell.queue.as_bytes(), cell.seq.0);
            let known = self.passed.iter_mut().find(|passed| passed.queue == queue && passed.seq == seq);
            if let Some(known) = known {
                known.waiting = true;
                continue;
            }
            self.count += 1;
            let (queue, head) = (queue.to_vec(), cell.head.to_vec());
            self.passed.push_front(Passed { queue, seq, head, waiting: true });
        }
        while self.passed.len() > PASSED && self.passed.back().is_some_and(|passed| !passed.waiting) {
            self.passed.pop_back();
        }
        self.now = now;
    }
}

/// What was found, shared with the thread that asks.
pub(super) type Known = Arc<Mutex<Found>>;

/// A thread that asks the relay.
pub(super) struct Watch {
    known: Known,
    end: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Watch {
    /// Begins to ask.
    pub(super) fn start(relay: &Arc<Relay>) -> Self {
        let (known, end): (Known, _) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (relay, theirs, ended) = (Arc::clone(relay), Arc::clone(&known), Arc::clone(&end));
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let now = relay.knowledge();
                theirs.lock().unwrap_or_else(PoisonError::into_inner).take(now);
                thread::sleep(Duration::from_millis(ASK_MS));
            }
        });
        Self { known, end, thread }
    }

    /// What it found.
    pub(super) fn knowledge(&self) -> Known {
        Arc::clone(&self.known)
    }

    /// Ends it, and with it its hold on the relay.
    pub(super) fn stop(self) {
        self.end.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// The pane.
pub(super) struct Pane {
    /// Where it stands.
    pub(super) area: Rect,
    known: Known,
    shown: Found,
    next: u64,
    row: usize,
    look: Look,
}

impl Pane {
    pub(super) fn new(known: Known, look: Look) -> Self {
        Self { area: Rect::default(), known, shown: Found::default(), next: 0, row: 0, look }
    }

    /// When it looks again.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Looks whether the relay knows something else now.
    pub(super) fn look_again(&mut self, now: u64) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + LOOK_MS;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == self.shown {
            return false;
        }
        self.shown.clone_from(&known);
        true
    }

    pub(super) fn scroll(&mut self, rows: isize) {
        let last = lines(&self.shown).len().saturating_sub(1);
        self.row = self.row.saturating_add_signed(rows).min(last);
    }

    pub(super) fn draw(&self, active: bool, buf: &mut Buffer) {
        let title = "All that the relay knows";
        let inner = crate::view::framed(self.look, self.area, title, buf);
        if active {
            buf.set_style(
                Rect { height: 1, ..self.area },
                ratatui::style::Style::new().add_modifier(Modifier::BOLD),
            );
        }
        debug_assert_eq!(inner, inset(self.area));
        let wrapped = lines(&self.shown).into_iter().flat_map(|(words, role)| {
            text::wrap(&words, usize::from(inner.width)).into_iter().map(move |words| (words, role))
        });
        for (y, (words, role)) in (inner.y..inner.bottom()).zip(wrapped.skip(self.row)) {
            buf.set_stringn(inner.x, y, words, usize::from(inner.width), self.look.style(role));
        }
    }
}

/// Everything, as lines.
fn lines(found: &Found) -> Vec<(String, Role)> {
    let known = &found.now;
    let mut lines = Vec::new();
    let bytes: u64 = known.tables.iter().flat_map(|table| &table.rows).map(|row| row.bytes).sum();
    let total = format!("{bytes} bytes in all. No names, no words, no times of day, no addresses of people.");
    lines.push((total, Role::Text));
    lines
        .push((format!("cells waiting: {} ({} passed so far)", known.cell_count, found.count), Role::Unread));
    for cell in &found.passed {
        let state = if cell.waiting { "waiting" } else { "erased" };
        let role = if cell.waiting { Role::Mine } else { Role::Dim };
        lines.push((format!(" {} 4096 bytes, {state}", hex(&cell.queue, 4)), role));
        lines.push((format!("   {}...", hex(&cell.head, 14)), Role::Dim));
    }
    for table in &known.tables {
        lines.push((format!("{}: {}", table.name, table.count), Role::Accent));
        lines.push((format!("  {}", table.about), Role::Dim));
        let fields: Vec<&str> = table.fields.iter().map(|field| field.name).collect();
        lines.push((format!("  of each: {}", fields.join(", ")), Role::Dim));
        for row in &table.rows {
            let until = row.expires.map(|day| format!("  until day {}", day.0)).unwrap_or_default();
            lines.push((format!(" {}...  {} bytes{until}", hex(&row.key, 8), row.bytes), Role::Text));
        }
    }
    lines.push((format!("chunks of attachments: {}", known.chunk_count), Role::Accent));
    lines
}

/// The first `count` bytes in hex.
fn hex(bytes: &[u8], count: usize) -> String {
    bytes.iter().take(count).fold(String::new(), |mut out, byte| {
        // Writing to a string can't fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
