//! `backup`, `backup --verify` and `restore`.
//!
//! Spec: docs/guide/chat.md, "Backups". Invariant: no file is replaced and no words are changed without being asked; a
//! backup is opened and read whole before a profile is made of it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use subrosa_client::{Answer, BackupError, Options, Query, RelayAddress};

use super::args::{Backup, Key, Restore};
use super::exit::{Exit, Fail};
use super::out::{Held, Out, Person, Printer};
use super::people;
use super::profile::Place;
use super::session::{Own, Session, is_request};
use super::words;
use crate::clock::Zone;

/// What a restored profile without a relay has to know.
const NO_RELAY: &str = "Your old profile hosted its relay itself, and that relay is not in a backup: start subrosa with \
     this profile and type /relay ADDRESS, with the address that a relay's operator gave you. Your contacts are told then. \
     (Or remove this profile, and restore with --host or --relay.)";
/// What comes with every restore.
const OLD_ONE: &str = "Close the old profile for good, if it still runs anywhere: your contacts answer to this one from \
     now on. Each chat says when it is confirmed again. Your old invites and addresses are gone: make new ones.";

/// Writes a backup.
pub(super) async fn make(session: &Session, order: Backup, printer: &Printer) -> Result<Exit, Fail> {
    let file = match order.file {
        Some(file) => file,
        None => suggested(session).await?,
    };
    let overwrite = order.overwrite || (file.exists() && may_replace(&file)?);
    if order.new_words || !session.client.has_backup_words().await? {
        session.client.keep_backup_words(words::choose()?).await?;
    }
    #[cfg(feature = "host")]
    let hosted = crate::hosting::hosts(&session.place);
    #[cfg(not(feature = "host"))]
    let hosted = false;
    let contents = session.client.backup(file.clone(), (overwrite, hosted)).await?;
    printer.print(&Out::Backup(Held::of(&file, &contents)));
    let asking = session.chats().await?.iter().filter(|chat| is_request(chat)).count();
    if asking > 0 {
        printer.note(format!("{asking} waiting request(s) are not in it: accept them first to keep them"));
    }
    session.settle(Duration::from_secs(order.wait)).await;
    Ok(Exit::Done)
}

/// A name with the day in it, in the folder that one stands in.
async fn suggested(session: &Session) -> Result<PathBuf, Fail> {
    let Answer::Me(me) = session.ask(Query::Me).await? else {
        return Err(Fail::new(Exit::Failed, "say where the backup shall lie"));
    };
    let name: String = me.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let options = Options::new(&session.place.folder);
    let today = Zone::system().date((options.now)());
    Ok(PathBuf::from(format!("subrosa-{name}-{today}.backup")))
}

/// Whether the person lets the file be replaced; nobody there is a no.
fn may_replace(file: &Path) -> Result<bool, Fail> {
    let exists = || Fail::from(BackupError::Exists { file: file.to_owned() });
    if !std::io::stdin().is_terminal() {
        return Err(exists());
    }
    let mut screen = std::io::stderr().lock();
    let asked = write!(screen, "{} is there already. Replace it? [y/N] ", file.display());
    let _ = asked.and_then(|()| screen.flush());
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(_) if answer.trim().eq_ignore_ascii_case("y") => Ok(true),
        _ => Err(exists()),
    }
}

/// Opens a backup and reads all of it.
pub(super) fn verify(order: &Backup, printer: &Printer) -> Result<Exit, Fail> {
    let which = || Fail::new(Exit::Usage, "which backup shall be checked?");
    let file = order.file.as_deref().ok_or_else(which)?;
    there(file)?;
    let contents = subrosa_client::verify_backup(file, &words::of_backup()?)?;
    printer.print(&Out::Backup(Held::of(file, &contents)));
    Ok(Exit::Done)
}

/// Before anybody types 24 words.
fn there(file: &Path) -> Result<(), Fail> {
    match std::fs::metadata(file) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(Fail::new(Exit::Backup, format!("{} is no file", file.display()))),
        Err(why) => Err(Fail::new(Exit::Backup, format!("{} can't be read: {why}", file.display()))),
    }
}

/// Makes a profile of a backup, and tells the contacts.
pub(super) async fn restore(
    place: &Place,
    key: &Key,
    order: Restore,
    printer: &Printer,
) -> Result<Exit, Fail> {
    if place.exists() {
        let why = format!(
            "there is a profile in {} already: restore into another one with --profile NAME or --folder PATH",
            place.folder.display()
        );
        return Err(Fail::new(Exit::NoProfile, why));
    }
    if let Some(address) = &order.relay {
        RelayAddress::parse(address).map_err(|why| Fail::new(Exit::Relay, why.to_string()))?;
    }
    there(&order.file)?;
    let words = words::of_backup()?;
    // Whether it is good, before anything is made.
    let held = subrosa_client::verify_backup(&order.file, &words)?;
    let unlock = order.new.unlock(key)?;
    let (own, relay) = home(place, &order)?;
    let homeless = held.hosted && relay.is_none();
    let options = Options::new(&place.folder);
    let contents = subrosa_client::restore(&options, (&order.file, &words), &unlock, relay)?;
    printer.print(&Out::Restored(Held::of(&order.file, &contents)));
    let session = Session::of(super::session::open(place, own, unlock)?, place);
    session.settle(Duration::from_secs(order.wait)).await;
    people::profile(&session, place, printer).await?;
    for chat in session.chats().await? {
        printer.print(&Out::Contact(Person::of(&chat)));
    }
    printer.note(OLD_ONE);
    let waits = session.trouble().filter(|_| contents.returning > 0 && !homeless);
    session.close().await;
    if homeless {
        printer.note(NO_RELAY);
    }
    Ok(match waits {
        Some(trouble) => {
            printer.note(trouble.sentence);
            Exit::Waiting
        }
        None => Exit::Done,
    })
}

/// The relay that the new profile hosts, and the address of its relay when that is not the backup's.
fn home(place: &Place, order: &Restore) -> Result<(Own, Option<String>), Fail> {
    #[cfg(feature = "host")]
    match &order.host {
        Some(host) => crate::hosting::set_up(place, host)?,
        // What a try that failed left.
        None => crate::hosting::forget(place)?,
    }
    let own = super::session::own_relay(place)?;
    #[cfg(feature = "host")]
    let hosted = own.as_ref().map(|own| own.address().to_string());
    #[cfg(not(feature = "host"))]
    let hosted: Option<String> = None;
    Ok((own, hosted.or_else(|| order.relay.clone())))
}
