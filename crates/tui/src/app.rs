//! `subrosa` without a verb: the screen of one profile, or its first run.
//!
//! Spec: docs/guide/chat.md, "First run". Invariant: what can be refused without a screen is refused before the terminal
//! is taken.

use std::io::IsTerminal;

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use subrosa_client::Unlock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;

use crate::cli::{Exit, Fail, Key, Place};
use crate::clock::Zone;
use crate::look::Look;
use crate::model::Model;
use crate::model::start::{First, Locked, Stage as Start};
use crate::run::hands::{Hands, Heard, Ready};
use crate::run::seat::Seat;
use crate::run::{Stage, run};
use crate::signals::Ends;
use crate::view::view;

/// How long the screen waits at its end for whatever still hangs, in seconds.
const PATIENCE: u64 = 1;

/// The profile that needs no name.
const USUAL: &str = "default";

/// Refuses to draw where nobody would see it.
///
/// # Errors
/// [`Exit::Usage`] when this is no terminal.
pub(crate) fn need_terminal() -> Result<(), Fail> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    let why = "the screen needs a terminal: start it in one, or use a verb (subrosa --help lists them)";
    Err(Fail::new(Exit::Usage, why))
}

/// The runtime of a screen.
///
/// # Errors
/// What the system said.
pub(crate) fn runtime() -> Result<Runtime, Fail> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|why| Fail::new(Exit::Failed, format!("the program could not start its runtime: {why}")))
}

/// Ends a runtime without waiting for what hangs.
pub(crate) fn end(runtime: Runtime) {
    runtime.shutdown_timeout(std::time::Duration::from_secs(PATIENCE));
}

/// Colours and signs as the environment asks for.
pub(crate) fn look() -> Look {
    Look::from_environment(|name| std::env::var(name).ok())
}

/// The screen of the profile at `place`, or its first run.
///
/// # Errors
/// [`Fail`], after the terminal was restored.
pub(crate) fn screen(place: &Place, key: &Key) -> Result<Exit, Fail> {
    need_terminal()?;
    crate::log::start();
    let runtime = runtime()?;
    let done = runtime.block_on(one(place, key));
    end(runtime);
    done
}

async fn one(place: &Place, key: &Key) -> Result<Exit, Fail> {
    let ends = Ends::listen().map_err(|why| Fail::new(Exit::Failed, format!("no signals: {why}")))?;
    let (mouth, clients) = unbounded_channel();
    let stage = if place.exists() {
        match unlock(place, key)? {
            Some(unlock) => {
                let place = place.clone();
                let started = tokio::task::spawn_blocking(move || crate::cli::start(&place, unlock)).await;
                let started = started.map_err(|why| Fail::new(Exit::Failed, why.to_string()))??;
                let ready = Ready { started, fresh: false };
                let _ = mouth.send((0, Heard::Ready(Ok(Box::new(ready)))));
                Start::Opening
            }
            None => Start::Locked(Locked::default()),
        }
    } else {
        Start::First(First::new(reach()))
    };
    let mut model = Model::new(stage, look(), Zone::system());
    model.profile = Some(place.name.clone()).filter(|name| name != USUAL);
    let mut solo = Solo { seats: [Seat::new(model, Hands::new(0, Some(place.clone()), mouth))] };
    let done = run(&mut solo, clients, ends).await;
    let [seat] = solo.seats;
    seat.close().await;
    done
}

/// What opens the profile without asking on the screen.
fn unlock(place: &Place, key: &Key) -> Result<Option<Unlock>, Fail> {
    if !subrosa_client::needs_passphrase(&place.folder)? {
        return Ok(Some(Unlock::None));
    }
    Ok(key.given()?.map(Unlock::Passphrase))
}

/// From where a relay on this machine could be reached; `None` when this program can't host one.
fn reach() -> Option<String> {
    #[cfg(feature = "host")]
    {
        let (host, sentence) = crate::hosting::suggestion();
        Some(format!("It will be reached at {host}. {sentence}"))
    }
    #[cfg(not(feature = "host"))]
    None
}

/// One person's screen on the whole terminal.
struct Solo {
    seats: [Seat; 1],
}

impl Stage for Solo {
    fn seats(&mut self) -> &mut [Seat] {
        &mut self.seats
    }

    fn active(&self) -> Option<usize> {
        Some(0)
    }

    fn key(&mut self, _: KeyCode, _: KeyModifiers) -> bool {
        false
    }

    fn resize(&mut self, area: Rect) {
        let [seat] = &mut self.seats;
        seat.model.area = area;
        seat.model.dirty = true;
    }

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn tick(&mut self, _: u64) -> bool {
        false
    }

    fn draw(&self, buf: &mut Buffer) {
        let [seat] = &self.seats;
        view(&seat.model, buf);
    }
}
