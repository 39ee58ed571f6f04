//! Making a profile, and changing its passphrase.
//!
//! Spec: docs/guide/chat.md, "Profiles". Invariant: a relay address is checked, and an own relay
//! runs, before a profile is made.

use std::time::Duration;

use subrosa_client::{Answer, Command, Options, Query, RelayAddress};

use super::args::{Init, Key, New};
use super::exit::{Exit, Fail};
use super::out::{Out, Printer};
use super::people;
use super::profile::Place;
use super::session::Session;

/// What to do next with a profile without a relay.
const NO_RELAY: &str = "You have no relay yet, and without one you can neither invite nor add anyone: start subrosa with \
     this profile and type /relay ADDRESS, with the address that a relay's operator gave you";

pub(super) async fn init(place: &Place, key: &Key, init: &Init, printer: &Printer) -> Result<Exit, Fail> {
    if place.exists() {
        let why =
            format!("there is a profile in {} already: choose another --profile", place.folder.display());
        return Err(Fail::new(Exit::NoProfile, why));
    }
    if let Some(address) = &init.relay {
        RelayAddress::parse(address).map_err(|why| Fail::new(Exit::Relay, why.to_string()))?;
    }
    let unlock = init.new.unlock(key)?;
    #[cfg(feature = "host")]
    match &init.host {
        Some(host) => crate::hosting::set_up(place, host)?,
        // What a try that failed left.
        None => crate::hosting::forget(place)?,
    }
    // The relay first: if its host or port is no good, there is no profile yet and `init` can be repeated.
    let own = super::session::own_relay(place)?;
    subrosa_client::create(&Options::new(&place.folder), &init.name, &unlock)?;
    let started = super::session::open(place, own, unlock)?;
    #[cfg(feature = "host")]
    let hosted = started.hosted.as_ref().map(|hosted| hosted.address().to_string());
    #[cfg(not(feature = "host"))]
    let hosted: Option<String> = None;
    if let Some(address) = hosted.or_else(|| init.relay.clone()) {
        started.client.command(Command::UseRelay(address)).await?;
    }
    let session = Session::of(started, place);
    people::profile(&session, place, printer).await?;
    if let Answer::Me(me) = session.ask(Query::Me).await?
        && me.relay.is_none()
    {
        printer.note(NO_RELAY);
    }
    session.close().await;
    Ok(Exit::Done)
}

pub(super) async fn passwd(place: &Place, key: &Key, new: &New, printer: &Printer) -> Result<Exit, Fail> {
    let session = Session::open(place, key)?;
    let unlock = new.unlock(&Key::default())?;
    let changed = session.client.set_passphrase(unlock).await;
    session.settle(Duration::ZERO).await;
    session.close().await;
    changed?;
    printer.print(&Out::Done { what: "the passphrase was changed" });
    Ok(Exit::Done)
}
