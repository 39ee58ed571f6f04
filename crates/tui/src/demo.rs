//! `subrosa demo`: two people and everything that their relay knows, side by side.
//!
//! Spec: docs/guide/chat.md, "The demo". Invariant: all of it is real (vaults, clients, QUIC on loopback, a relay), and
//! nothing of it is left when it ends, also by a signal or a panic.

mod folder;
mod meet;
mod relay;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use subrosa_relay::{Config, Relay};
use tokio::sync::mpsc::unbounded_channel;

use crate::app::{end, look, need_terminal, runtime};
use crate::cli::{Exit, Fail};
use crate::clock::Zone;
use crate::look::{Look, Role};
use crate::model::Model;
use crate::model::start::Stage as Start;
use crate::msg::Msg;
use crate::run::hands::{Hands, Heard, Ready};
use crate::run::seat::Seat;
use crate::run::{Stage, run};
use crate::signals::Ends;
use crate::view::view;
use folder::Folder;
use meet::Person;
use relay::{Pane, Watch};

/// Columns from which the three panes stand side by side.
const WIDE: u16 = 96;

/// Runs the demo.
///
/// # Errors
/// [`Fail`], after the terminal was restored and the folder removed.
pub(crate) fn demo() -> Result<Exit, Fail> {
    need_terminal()?;
    let folder =
        Folder::new().map_err(|why| Fail::new(Exit::Store, format!("no folder for the demo: {why}")))?;
    let runtime = runtime()?;
    let done = runtime.block_on(three(&folder));
    end(runtime);
    drop(folder);
    done
}

async fn three(folder: &Folder) -> Result<Exit, Fail> {
    let mut ends = Ends::listen().map_err(|why| Fail::new(Exit::Failed, format!("no signals: {why}")))?;
    eprintln!("Starting a relay, Alice and Bob on this machine…");
    let relay = tokio::task::spawn_blocking(|| Relay::start(Config::memory())).await;
    let relay = relay.map_err(|why| Fail::new(Exit::Failed, why.to_string()))?;
    let relay = Arc::new(relay.map_err(|why| Fail::new(Exit::Relay, why.to_string()))?);
    let people = tokio::select! {
        people = meet::introduce(folder.path(), &relay) => people?,
        () = ends.next() => return Ok(Exit::Done),
    };
    let watch = Watch::start(&relay);
    let done = show(people, Pane::new(watch.knowledge(), look()), ends).await;
    watch.stop();
    let _ = tokio::task::spawn_blocking(move || drop(relay)).await;
    done
}

async fn show(people: [Person; 2], pane: Pane, ends: Ends) -> Result<Exit, Fail> {
    let (mouth, clients) = unbounded_channel();
    let mut index = 0;
    let seats = people.map(|person| {
        let model = Model::new(Start::Opening, look(), Zone::system());
        let ready = Ready { started: person.started, fresh: false };
        let _ = mouth.send((index, Heard::Ready(Ok(Box::new(ready)))));
        let _ = mouth.send((index, Heard::Say(Msg::Show(person.friend))));
        let hands = Hands::new(index, None, mouth.clone());
        index += 1;
        Seat::new(model, hands)
    });
    drop(mouth);
    let mut demo = Demo { seats, pane, active: 0, area: Rect::default(), look: look() };
    let done = run(&mut demo, clients, ends).await;
    for seat in demo.seats {
        seat.close().await;
    }
    done
}

/// The three panes: 0 is Alice, 1 the relay, 2 Bob.
struct Demo {
    seats: [Seat; 2],
    pane: Pane,
    active: usize,
    area: Rect,
    look: Look,
}

impl Demo {
    /// The rectangles of the panes; an empty one is not on screen.
    fn panes(&self) -> [Rect; 3] {
        // A line above names the panes, a line below the keys.
        let area = Rect { y: self.area.y + 1, height: self.area.height.saturating_sub(2), ..self.area };
        if area.width < WIDE {
            let shown = |index| if index == self.active { area } else { Rect::default() };
            return [shown(0), shown(1), shown(2)];
        }
        let third = area.width / 3;
        let middle = area.width - 2 * third;
        [
            Rect { width: third, ..area },
            Rect { x: area.x + third, width: middle, ..area },
            Rect { x: area.x + third + middle, width: third, ..area },
        ]
    }

    fn place(&mut self) {
        let [alice, relay, bob] = self.panes();
        self.pane.area = relay;
        let active = self.active;
        for ((index, area), seat) in [(0, alice), (2, bob)].into_iter().zip(&mut self.seats) {
            seat.model.area = area;
            seat.model.keyed = index == active;
            seat.model.dirty = true;
        }
    }
}

impl Stage for Demo {
    fn seats(&mut self) -> &mut [Seat] {
        &mut self.seats
    }

    fn active(&self) -> Option<usize> {
        match self.active {
            0 => Some(0),
            2 => Some(1),
            _ => None,
        }
    }

    fn key(&mut self, code: KeyCode, with: KeyModifiers) -> bool {
        match (code, self.active) {
            (KeyCode::Tab, _) => self.active = (self.active + 1) % 3,
            (KeyCode::BackTab, _) => self.active = (self.active + 2) % 3,
            (KeyCode::Up, 1) => self.pane.scroll(-1),
            (KeyCode::Down, 1) => self.pane.scroll(1),
            (KeyCode::PageUp, 1) => self.pane.scroll(-10),
            (KeyCode::PageDown, 1) => self.pane.scroll(10),
            // Stopping the demo in the middle would leave its folder behind.
            (KeyCode::Char('z'), _) if with.contains(KeyModifiers::CONTROL) => {}
            _ => return false,
        }
        self.place();
        true
    }

    fn resize(&mut self, area: Rect) {
        self.area = area;
        self.place();
    }

    fn deadline(&self) -> Option<u64> {
        Some(self.pane.next())
    }

    fn tick(&mut self, now: u64) -> bool {
        self.pane.look_again(now)
    }

    fn draw(&self, buf: &mut Buffer) {
        for seat in &self.seats {
            if seat.model.area.width > 0 {
                view(&seat.model, buf);
            }
        }
        if self.pane.area.width > 0 {
            self.pane.draw(self.active == 1, buf);
        }
        self.names(buf);
        let keys = " Tab next pane · Ctrl-Q ends; nothing of this is left behind";
        let y = self.area.bottom().saturating_sub(1);
        buf.set_stringn(self.area.x, y, keys, usize::from(self.area.width), self.look.style(Role::Dim));
    }
}

impl Demo {
    /// Whose pane is whose; where only one fits, which of them it is.
    fn names(&self, buf: &mut Buffer) {
        let mut next = self.area.x;
        for (index, (name, pane)) in
            ["Alice's screen", "Their relay", "Bob's screen"].into_iter().zip(self.panes()).enumerate()
        {
            let role = if index == self.active { Role::Selected } else { Role::Dim };
            let x = if self.area.width < WIDE { next } else { pane.x };
            let room = usize::from(self.area.right().saturating_sub(x));
            (next, _) = buf.set_stringn(x, self.area.y, format!(" {name} "), room, self.look.style(role));
        }
    }
}
