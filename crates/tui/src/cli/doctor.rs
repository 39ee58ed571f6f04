//! `subrosa doctor`: what on this machine could stand in the way, each with what to do.
//!
//! Spec: docs/guide/chat.md, "When something goes wrong".
//! Invariant: it looks; it changes nothing and says nothing to a peer that
//! opening the profile does not say.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use subrosa_client::{Answer, Notice, Query, RelayState};

use super::args::Key;
use super::exit::{Exit, Fail};
use super::out::{Out, Printer};
use super::profile::Place;
use super::session::{Session, heard};

/// How long a relay gets to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(place: &Place, key: &Key, printer: &Printer) -> Result<Exit, Fail> {
    let mut all = true;
    let mut check = |what, ok, detail: String| {
        all &= ok;
        printer.print(&Out::Check { what, ok, detail });
    };
    let (ok, detail) = terminal();
    check("terminal", ok, detail);
    let (ok, detail) = folder(place);
    check("folder", ok, detail);
    if place.exists() {
        let passphrase = subrosa_client::needs_passphrase(&place.folder)?;
        let how =
            if passphrase { "this profile has one" } else { "none: whoever copies the folder can read it" };
        check("passphrase", true, how.to_owned());
        let session = Session::open(place, key)?;
        #[cfg(feature = "host")]
        if let Some(reach) = session.reach() {
            check("hosting", true, reach.to_owned());
        }
        // A clock that is off is told as trouble when the relay says its day.
        let mut notices = session.client.notices();
        let clock = heard(&mut notices, PATIENCE, |notice| match notice {
            Notice::Trouble(sentence) => Some(Err(sentence)),
            Notice::Relay { state: RelayState::Online, .. } => Some(Ok(())),
            _ => None,
        });
        if let Some(Err(sentence)) = clock.await {
            check("trouble", false, sentence);
        }
        session.settle(PATIENCE).await;
        if session.client.relays().is_empty() {
            let me = session.ask(Query::Me).await?;
            let chosen = matches!(me, Answer::Me(me) if me.relay.is_some());
            let how = if chosen {
                "not asked yet: nothing lies there before your first invite"
            } else {
                "none yet: choose where your friends reach you"
            };
            check("relay", chosen, how.to_owned());
        }
        for (name, state) in session.client.relays() {
            let (ok, how) = match state {
                RelayState::Online => (true, "reached, and it has the pinned key".to_owned()),
                RelayState::WrongKey => (false, "not the pinned key: ask its operator".to_owned()),
                RelayState::Offline(why) => (false, format!("not reached ({why}): is UDP let through?")),
                _ => (false, "no answer yet: is UDP let through?".to_owned()),
            };
            check("relay", ok, format!("{name}: {how}"));
        }
        session.close().await;
    }
    Ok(if all { Exit::Done } else { Exit::Failed })
}

fn terminal() -> (bool, String) {
    let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| value.to_lowercase().replace('-', "").contains("utf8"));
    if !std::io::stdout().is_terminal() {
        return (true, "stdout is no terminal: the command line works, the screen does not".to_owned());
    }
    let Ok((columns, rows)) = crossterm::terminal::size() else {
        return (false, "its size is unknown: the screen may not work here".to_owned());
    };
    let size = format!("{columns} x {rows}");
    if columns < 30 || rows < 8 {
        (false, format!("{size}: the screen needs 30 x 8 at least"))
    } else if utf8 {
        (true, size)
    } else {
        (false, format!("{size}, but the locale is not UTF-8: set LANG, for example to C.UTF-8"))
    }
}

fn folder(place: &Place) -> (bool, String) {
    let folder = place.folder.display();
    match std::fs::metadata(&place.folder) {
        Err(_) => (true, format!("{folder}: no profile yet")),
        Ok(found) if found.mode() & 0o077 != 0 => {
            (false, format!("{folder}: others may look into it; run chmod 700 on it"))
        }
        Ok(_) => (true, folder.to_string()),
    }
}
