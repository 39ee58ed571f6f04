//! The pane in the middle: everything that the relay keeps, as bytes and counts.
//!
//! Spec: docs/guide/chat.md, "The demo". Invariant: it shows `Relay::knowledge`, the call that `disclose` prints, and
//! nothing else.

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

/// How often the relay is asked, in milliseconds.
const EVERY_MS: u64 = 250;

/// What the relay knew when it was asked last.
pub(super) type Known = Arc<Mutex<Knowledge>>;

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
                *theirs.lock().unwrap_or_else(PoisonError::into_inner) = now;
                thread::sleep(Duration::from_millis(EVERY_MS));
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
    shown: Knowledge,
    next: u64,
    row: usize,
    look: Look,
}

impl Pane {
    pub(super) fn new(known: Known, look: Look) -> Self {
        Self { area: Rect::default(), known, shown: Knowledge::default(), next: 0, row: 0, look }
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
        self.next = now + EVERY_MS;
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
fn lines(known: &Knowledge) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    let rows = known.tables.iter().flat_map(|table| &table.rows);
    let bytes: u64 = rows.map(|row| row.bytes).sum();
    lines.push((
        format!("{bytes} bytes in all. No names, no words, no times of day, no addresses of people."),
        Role::Text,
    ));
    lines.push((format!("cells waiting: {}", known.cell_count), Role::Unread));
    for cell in &known.cells {
        let queue = hex(cell.queue.as_bytes(), 4);
        lines.push((format!(" {queue} #{}  {} bytes", cell.seq.0, cell.len), Role::Mine));
        lines.push((format!("   {}...", hex(&cell.head, 12)), Role::Dim));
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
