//! Contacts, requests, safety numbers, and who I am.
//!
//! Spec: docs/guide/chat.md, "The command line". Invariant: what is shown of a peer was sanitised by the client.

use std::time::Duration;

use subrosa_client::{Answer, Chat, Command, Query, RelayState};

use super::args::Verify;
use super::exit::{Exit, Fail};
use super::out::{Out, Person, Printer};
use super::profile::Place;
use super::session::{Session, is_request};

pub(super) async fn contacts(session: &Session, printer: &Printer) -> Result<Exit, Fail> {
    for chat in session.chats().await?.iter().filter(|chat| !is_request(chat)) {
        printer.print(&Out::Contact(Person::of(chat)));
    }
    Ok(Exit::Done)
}

pub(super) async fn requests(session: &Session, wait: u64, printer: &Printer) -> Result<Exit, Fail> {
    session.settle(Duration::from_secs(wait)).await;
    let chats = session.chats().await?;
    for chat in chats.iter().filter(|chat| is_request(chat)) {
        printer.print(&Out::Request(Person::among(chat, &chats)));
    }
    Ok(Exit::Done)
}

/// Accepts or rejects the request that `who` means.
pub(super) async fn decide(
    session: &Session,
    (who, accept): (&str, bool),
    wait: u64,
    printer: &Printer,
) -> Result<Exit, Fail> {
    // It may lie at the relay still.
    let here = session.chats().await?.iter().any(is_request);
    if !here {
        session.settle(Duration::from_secs(wait)).await;
    }
    let request = session.find(who, is_request).await.map_err(|fail| {
        Fail::new(fail.exit, fail.sentence.replace("`subrosa contacts`", "`subrosa requests`"))
    })?;
    let command = if accept { Command::Accept(request.id) } else { Command::Reject(request.id) };
    session.tell(command).await?;
    session.settle(Duration::from_secs(wait)).await;
    if accept {
        print_chat(session, &request, printer).await
    } else {
        printer.print(&Out::Done { what: "turned away" });
        Ok(Exit::Done)
    }
}

async fn print_chat(session: &Session, chat: &Chat, printer: &Printer) -> Result<Exit, Fail> {
    if let Answer::Chat(chat) = session.ask(Query::Chat(chat.id)).await? {
        printer.print(&Out::Contact(Person::of(&chat)));
    }
    Ok(Exit::Done)
}

pub(super) async fn rename(
    session: &Session,
    who: &str,
    name: String,
    printer: &Printer,
) -> Result<Exit, Fail> {
    let chat = session.contact(who).await?;
    session.tell(Command::Rename { contact: chat.id, name }).await?;
    print_chat(session, &chat, printer).await
}

pub(super) async fn forget(session: &Session, who: &str, wait: u64, printer: &Printer) -> Result<Exit, Fail> {
    let chat = session.contact(who).await?;
    session.tell(Command::Forget(chat.id)).await?;
    session.settle(Duration::from_secs(wait)).await;
    printer.print(&Out::Done { what: "forgotten" });
    Ok(Exit::Done)
}

pub(super) async fn unlatch(session: &Session, who: &str, printer: &Printer) -> Result<Exit, Fail> {
    let chat = session.contact(who).await?;
    session.tell(Command::Unlatch(chat.id)).await?;
    print_chat(session, &chat, printer).await
}

pub(super) async fn recover(
    session: &Session,
    who: &str,
    wait: u64,
    printer: &Printer,
) -> Result<Exit, Fail> {
    let chat = session.contact(who).await?;
    session.tell(Command::Recover(chat.id)).await?;
    session.settle(Duration::from_secs(wait)).await;
    print_chat(session, &chat, printer).await
}

pub(super) async fn verify(session: &Session, verify: &Verify, printer: &Printer) -> Result<Exit, Fail> {
    let chat = session.contact(&verify.contact).await?;
    if verify.yes || verify.no {
        session.tell(Command::Verify { contact: chat.id, verified: verify.yes }).await?;
    }
    let Answer::Safety(safety) = session.ask(Query::Safety(chat.id)).await? else {
        return Err(Fail::new(Exit::NotFound, "this contact has no safety number yet"));
    };
    let groups: Vec<String> = safety.groups.iter().map(|group| format!("{group:05}")).collect();
    printer.print(&Out::Safety {
        contact: chat.id.0,
        name: chat.name,
        number: groups.join(" "),
        qr: safety.qr,
        verified: safety.verified,
    });
    if !safety.verified {
        printer.note("Compare these 60 digits by voice or side by side; then: subrosa verify CONTACT --yes");
    }
    Ok(Exit::Done)
}

/// Prints who I am.
pub(super) async fn profile(session: &Session, place: &Place, printer: &Printer) -> Result<(), Fail> {
    if let Answer::Me(me) = session.ask(Query::Me).await? {
        #[cfg(feature = "host")]
        let hosting = crate::hosting::hosts(place);
        #[cfg(not(feature = "host"))]
        let hosting = false;
        printer.print(&Out::Profile {
            name: me.name,
            fingerprint: me.short,
            relay: me.relay,
            hosting,
            folder: place.folder.display().to_string(),
        });
    }
    Ok(())
}

pub(super) async fn status(session: &Session, wait: u64, printer: &Printer) -> Result<Exit, Fail> {
    session.settle(Duration::from_secs(wait)).await;
    profile(session, &session.place, printer).await?;
    for (name, state) in session.client.relays() {
        let (state, detail) = match state {
            RelayState::Connecting => ("connecting", None),
            RelayState::Online => ("online", None),
            RelayState::Offline(why) => ("offline", Some(why)),
            RelayState::WrongKey => {
                ("wrong_key", Some("nothing was said to it, ask its operator".to_owned()))
            }
            _ => ("other", None),
        };
        printer.print(&Out::Relay { name, state, detail });
    }
    let chats = session.chats().await?;
    for chat in &chats {
        let person = Person::among(chat, &chats);
        printer.print(&if is_request(chat) { Out::Request(person) } else { Out::Contact(person) });
    }
    Ok(Exit::Done)
}
