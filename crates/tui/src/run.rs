//! The loop: what comes from the terminal, the clients and the clock goes into the models; what they ask for is done;
//! what changed is drawn.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: a burst is taken in whole before anything is drawn, and nothing is
//! drawn, or woken, while nothing happens.

pub(crate) mod hands;
pub(crate) mod seat;
pub(crate) mod terminal;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures::StreamExt;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use crate::cli::{Exit, Fail};
use crate::msg::Msg;
use crate::signals::Ends;
use hands::Heard;
use seat::{Outward, Seat};
use terminal::Screen;

/// Messages that are taken in before the screen is drawn.
const BURST: usize = 512;

/// What is on the terminal: one person's screen, or the demo's three panes.
pub(crate) trait Stage {
    /// Every person's screen.
    fn seats(&mut self) -> &mut [Seat];
    /// The one that the keys go to; `None` when they go to something else.
    fn active(&self) -> Option<usize>;
    /// A key that is not for a person's screen. Answers whether it was taken.
    fn key(&mut self, code: KeyCode, with: KeyModifiers) -> bool;
    /// The terminal has this size.
    fn resize(&mut self, area: Rect);
    /// When something besides the seats has to happen, in milliseconds since the Unix epoch.
    fn deadline(&self) -> Option<u64>;
    /// The clock. Answers whether something has to be drawn.
    fn tick(&mut self, now: u64) -> bool;
    /// Draws everything.
    fn draw(&self, buf: &mut Buffer);
}

/// The clock, in milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    End,
}

/// The terminal's events, read by a task of their own: the stream takes no second waker, so that it can't be asked
/// in passing whether there is more.
struct Keys {
    reader: JoinHandle<()>,
    events: UnboundedReceiver<std::io::Result<Event>>,
}

impl Keys {
    fn read() -> Self {
        let (heard, events) = unbounded_channel();
        let reader = tokio::spawn(async move {
            let mut stream = EventStream::new();
            while let Some(event) = stream.next().await {
                if heard.send(event).is_err() {
                    return;
                }
            }
        });
        Self { reader, events }
    }

    /// Ends the reading, so that whoever has the terminal next gets every key.
    async fn end(self) {
        self.reader.abort();
        let _ = self.reader.await;
    }
}

/// Everything that the loop listens to.
struct Ears {
    keys: Keys,
    clients: UnboundedReceiver<(usize, Heard)>,
    ends: Ends,
    back: Signal,
}

/// What happened.
enum Woken {
    Terminal(Option<std::io::Result<Event>>),
    Client(Option<(usize, Heard)>),
    Ended,
    Back,
    Deadline,
}

impl Ears {
    async fn next(&mut self, deadline: Option<u64>) -> Woken {
        let wait = deadline.map(|at| Duration::from_millis(at.saturating_sub(now())));
        tokio::select! {
            biased;
            () = self.ends.next() => Woken::Ended,
            event = self.keys.events.recv() => Woken::Terminal(event),
            heard = self.clients.recv() => Woken::Client(heard),
            _ = self.back.recv() => Woken::Back,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => Woken::Deadline,
        }
    }

    /// What else is there already.
    fn more(&mut self) -> Option<Woken> {
        if let Ok(event) = self.keys.events.try_recv() {
            return Some(Woken::Terminal(Some(event)));
        }
        self.clients.try_recv().ok().map(|heard| Woken::Client(Some(heard)))
    }
}

/// Runs `stage` on the terminal until someone ends it. The terminal is as it was before when this returns.
///
/// # Errors
/// [`Fail`] when the terminal is gone, or the profile can't be opened.
pub(crate) async fn run(
    stage: &mut impl Stage,
    clients: UnboundedReceiver<(usize, Heard)>,
    ends: Ends,
) -> Result<Exit, Fail> {
    let back = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).map_err(lost)?;
    let mut screen = Screen::enter().map_err(lost)?;
    let mut ears = Ears { keys: Keys::read(), clients, ends, back };
    stage.resize(screen.area().map_err(lost)?);
    let mut dirty = true;
    loop {
        dirty |= stage.tick(now());
        let mut flow = tick(stage, &mut screen)?;
        dirty |= stage.seats().iter_mut().any(|seat| std::mem::take(&mut seat.model.dirty));
        if dirty && flow == Flow::On {
            // The terminal may have another size by now than the last event told: what is drawn fits the buffer.
            let draw = |buf: &mut Buffer| {
                stage.resize(buf.area);
                stage.draw(buf);
            };
            screen.draw(draw).map_err(lost)?;
            stage.seats().iter_mut().for_each(|seat| seat.model.dirty = false);
            dirty = false;
        }
        if flow == Flow::On {
            let deadlines = stage.seats().iter().filter_map(|seat| seat.model.deadline()).min();
            let deadline = deadlines.into_iter().chain(stage.deadline()).min();
            let woken = ears.next(deadline).await;
            dirty |= matches!(woken, Woken::Client(_) | Woken::Back);
            flow = take_in(stage, &mut screen, &mut ears, woken).await?;
        }
        if flow == Flow::End || terminal::broken() {
            return Ok(Exit::Done);
        }
    }
}

fn lost(why: std::io::Error) -> Fail {
    Fail::new(Exit::Failed, format!("the terminal can't be used: {why}"))
}

fn tick(stage: &mut impl Stage, screen: &mut Screen) -> Result<Flow, Fail> {
    let mut flow = Flow::On;
    for index in 0..stage.seats().len() {
        if give(stage, screen, index, Msg::Tick(now()))? == Flow::End {
            flow = Flow::End;
        }
    }
    Ok(flow)
}

/// Takes in what happened, and what else is there already.
async fn take_in(
    stage: &mut impl Stage,
    screen: &mut Screen,
    ears: &mut Ears,
    woken: Woken,
) -> Result<Flow, Fail> {
    let mut next = Some(woken);
    for _ in 0..BURST {
        let Some(woken) = next else { break };
        let flow = match woken {
            Woken::Terminal(Some(Ok(event))) => terminal_event(stage, screen, event)?,
            // The terminal went away.
            Woken::Terminal(_) | Woken::Client(None) => end(stage, screen)?,
            Woken::Client(Some((index, heard))) => client_said(stage, screen, index, heard)?,
            Woken::Ended => end(stage, screen)?,
            Woken::Back => {
                screen.enter_again().map_err(lost)?;
                Flow::On
            }
            Woken::Deadline => Flow::On,
        };
        if flow == Flow::End {
            return Ok(flow);
        }
        if screen.take_suspension() {
            suspend(screen, ears).await?;
            stage.resize(screen.area().map_err(lost)?);
        }
        next = ears.more();
    }
    Ok(Flow::On)
}

/// Hands the terminal back and stops; when the shell brings us forward, goes on where it was.
async fn suspend(screen: &mut Screen, ears: &mut Ears) -> Result<(), Fail> {
    // The reader must not steal what is typed at the shell.
    let none = Keys { reader: tokio::spawn(async {}), events: unbounded_channel().1 };
    std::mem::replace(&mut ears.keys, none).end().await;
    terminal::restore();
    // As the terminal itself would do it: everything of this job stops.
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
    screen.enter_again().map_err(lost)?;
    ears.keys = Keys::read();
    Ok(())
}

/// Ends in order: drafts are given to the vault first.
fn end(stage: &mut impl Stage, screen: &mut Screen) -> Result<Flow, Fail> {
    for index in 0..stage.seats().len() {
        give(stage, screen, index, Msg::End)?;
    }
    Ok(Flow::End)
}

fn terminal_event(stage: &mut impl Stage, screen: &mut Screen, event: Event) -> Result<Flow, Fail> {
    let message = match event {
        Event::Resize(width, height) => {
            stage.resize(Rect::new(0, 0, width, height));
            return Ok(Flow::On);
        }
        Event::Key(key) if key.kind != KeyEventKind::Release && stage.key(key.code, key.modifiers) => {
            return Ok(Flow::On);
        }
        Event::FocusGained => Msg::Focus(true),
        Event::FocusLost => Msg::Focus(false),
        Event::Key(key) => Msg::Key(key),
        Event::Mouse(mouse) => Msg::Mouse(mouse),
        Event::Paste(text) => Msg::Paste(text),
    };
    match (message, stage.active()) {
        (Msg::Focus(focused), _) => {
            for index in 0..stage.seats().len() {
                give(stage, screen, index, Msg::Focus(focused))?;
            }
            Ok(Flow::On)
        }
        (message, Some(index)) => give(stage, screen, index, message),
        (Msg::Key(key), None) if is_quit(key.code, key.modifiers) => end(stage, screen),
        _ => Ok(Flow::On),
    }
}

fn is_quit(code: KeyCode, with: KeyModifiers) -> bool {
    with.contains(KeyModifiers::CONTROL) && matches!(code, KeyCode::Char('q' | 'c'))
}

fn client_said(
    stage: &mut impl Stage,
    screen: &mut Screen,
    index: usize,
    heard: Heard,
) -> Result<Flow, Fail> {
    let Some(seat) = stage.seats().get_mut(index) else { return Ok(Flow::On) };
    let message = seat.heard(heard)?;
    give(stage, screen, index, message)
}

/// One person's screen takes a message; what it asks of the terminal is done here.
fn give(stage: &mut impl Stage, screen: &mut Screen, index: usize, message: Msg) -> Result<Flow, Fail> {
    let Some(seat) = stage.seats().get_mut(index) else { return Ok(Flow::On) };
    let mut flow = Flow::On;
    for outward in seat.take(message) {
        match outward {
            Outward::Copy(text) => screen.copy(&text).map_err(lost)?,
            Outward::Bell => screen.bell().map_err(lost)?,
            Outward::Redraw => screen.clear().map_err(lost)?,
            Outward::Suspend => screen.ask_suspension(),
            Outward::Quit => flow = Flow::End,
        }
    }
    Ok(flow)
}
