//! Invites of mine, and joining by a link.
//!
//! Spec: docs/guide/chat.md, "Inviting and adding". Invariant: a link is printed only where it was asked for.

use std::io::Read;
use std::time::Duration;

use subrosa_client::{Answer, Command, Done, Invite, InviteId, InviteState, Notice, Query};

use super::args::Add;
use super::exit::{Exit, Fail};
use super::out::{Out, Printer};
use super::session::{Session, heard};

/// Longest link that is read from stdin, in bytes.
const LONGEST: u64 = 4096;

async fn all(session: &Session) -> Result<Vec<Invite>, Fail> {
    match session.ask(Query::Invites).await? {
        Answer::Invites(invites) => Ok(invites),
        _ => Ok(Vec::new()),
    }
}

async fn one(session: &Session, id: InviteId) -> Result<Option<Invite>, Fail> {
    Ok(all(session).await?.into_iter().find(|invite| invite.id == id))
}

pub(super) async fn invite(
    session: &Session,
    reusable: bool,
    wait: u64,
    printer: &Printer,
) -> Result<Exit, Fail> {
    let Done::Invite(id) = session.tell(Command::Invite { reusable }).await? else {
        return Err(Fail::new(Exit::Failed, "the invite was not made"));
    };
    let ready = session
        .until(Duration::from_secs(wait), || async {
            Ok(one(session, id).await?.filter(|invite| invite.state != InviteState::Storing))
        })
        .await?;
    let (invite, exit) = match ready {
        Some(invite) => (Some(invite), Exit::Done),
        None => (one(session, id).await?, Exit::Waiting),
    };
    if let Some(invite) = invite {
        printer.print(&Out::invite(invite));
    }
    if exit == Exit::Waiting {
        return Err(session.trouble().unwrap_or_else(|| {
            Fail::new(exit, "the relay does not have the invite yet: it works once the relay was reached")
        }));
    }
    Ok(exit)
}

pub(super) async fn list(session: &Session, printer: &Printer) -> Result<Exit, Fail> {
    for invite in all(session).await? {
        printer.print(&Out::invite(invite));
    }
    Ok(Exit::Done)
}

pub(super) async fn revoke(session: &Session, id: i64, wait: u64, printer: &Printer) -> Result<Exit, Fail> {
    session.tell(Command::Revoke(InviteId(id))).await?;
    session.settle(Duration::from_secs(wait)).await;
    printer.print(&Out::Done { what: "taken back" });
    Ok(Exit::Done)
}

pub(super) async fn add(session: &Session, add: Add, printer: &Printer) -> Result<Exit, Fail> {
    let link = if add.link == "-" { from_stdin()? } else { add.link };
    let wait = Duration::from_secs(add.wait);
    let mut notices = session.client.notices();
    let command = Command::Join { link, greeting: add.greeting, again: add.again };
    let Done::Joining(id) = session.tell(command).await? else {
        return Err(Fail::new(Exit::Failed, "the link was not taken"));
    };
    let address = one(session, id).await?.is_some_and(|invite| invite.reusable);
    let outcome = heard(&mut notices, wait, |notice| match notice {
        Notice::Joined { invite, contact } if invite == id => Some(Ok(contact)),
        Notice::JoinFailed { invite, why } if invite == id => Some(Err(why)),
        _ => None,
    })
    .await;
    match outcome {
        Some(Ok(contact)) => {
            // The handshake should be at the relay before this process ends.
            session.settle(wait).await;
            let Answer::Chat(chat) = session.ask(Query::Chat(contact)).await? else {
                return Err(Fail::new(Exit::NotFound, "the contact was erased meanwhile"));
            };
            printer.print(&Out::joined(id, chat, address));
            Ok(Exit::Done)
        }
        Some(Err(why)) => Err(why.into()),
        None => {
            printer.print(&Out::Joining { invite: id.0 });
            Err(session.trouble().unwrap_or_else(|| {
                Fail::new(
                    Exit::Waiting,
                    "the relay of the link did not answer yet: tried again by itself next time",
                )
            }))
        }
    }
}

fn from_stdin() -> Result<String, Fail> {
    let mut link = String::new();
    std::io::stdin()
        .take(LONGEST)
        .read_to_string(&mut link)
        .map_err(|why| Fail::new(Exit::Link, format!("the link could not be read: {why}")))?;
    Ok(link)
}
