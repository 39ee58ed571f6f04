//! The pane in the middle: everything that the relay keeps, as bytes and counts.
//!
//! Spec: docs/guide/chat.md, "The demo". Invariant: it shows `Relay::knowledge`, the call that `disclose` prints, and
//! says so of what it merely remembers.

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
    lines.push((format!("cells waiting: {}", known.cell_count), Role::Unread));
    let cells = |waiting: bool| {
        let role = if waiting { Role::Mine } else { Role::Dim };
        found.passed.iter().filter(move |cell| cell.waiting == waiting).flat_map(move |cell| {
            let first = (format!(" {} 4096 bytes", hex(&cell.queue, 4)), role);
            [first, (format!("   {}...", hex(&cell.head, 14)), Role::Dim)]
        })
    };
    lines.extend(cells(true));
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
    // Not the relay's knowledge but this pane's memory: the relay has overwritten them.
    lines.push((format!("passed so far: {} cells; erased, the last of them:", found.count), Role::Dim));
    lines.extend(cells(false));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_the_relay_erased_is_remembered_as_erased_and_counted_once() {
        let mut found = Found::default();
        let passed = |seq, waiting| Passed { queue: vec![1; 32], seq, head: vec![seq as u8; 32], waiting };
        found.passed = (0..20).map(|seq| passed(seq, seq == 19)).collect();
        found.take(Knowledge::default());
        assert_eq!(found.passed.len(), PASSED);
        assert!(found.passed.iter().all(|cell| !cell.waiting));
        let words: Vec<String> = lines(&found).into_iter().map(|(words, _)| words).collect();
        let at = |start: &str| words.iter().position(|line| line.starts_with(start)).expect("is shown");
        assert!(at("cells waiting: 0") < at("passed so far: 0"));
        assert!(words.iter().skip(at("passed so far")).any(|line| line.contains("000000000000")));
    }
}
