//! Sending and reading.
//!
//! Spec: docs/guide/chat.md, "The command line". Invariant: a message is marked read only after it was printed.

use std::io::Read as _;
use std::time::Duration;

use subrosa_client::{
    Answer, Chat, Command, ContactId, Done, Message, MessageId, Notice, Notices, Position, Query, SendState,
    Standing,
};

use super::args::{Read, Send};
use super::exit::{Exit, Fail};
use super::out::{Line, Out, Printer, hex};
use super::session::{Session, heard, is_request};
use crate::signals::Ends;

/// Rows asked for at a time.
const PAGE: u32 = 200;
/// How many of the newest rows a sent message is looked for in.
const NEWEST: u32 = 50;

pub(super) async fn send(session: &Session, send: Send, printer: &Printer) -> Result<Exit, Fail> {
    let chat = session.contact(&send.contact).await?;
    let text = if send.text == "-" { from_stdin()? } else { send.text };
    let mut notices = session.client.notices();
    let Done::Queued(id) = session.tell(Command::Send { to: chat.id, text, reply: None }).await? else {
        return Err(Fail::new(Exit::Failed, "the message was not queued"));
    };
    printer.print(&Out::Queued { contact: chat.id.0, message: hex(id) });
    let past = session
        .until(Duration::from_secs(send.wait), || async {
            Ok(state(session, chat.id, id).await?.filter(|state| *state != SendState::Queued))
        })
        .await?;
    match past {
        Some(SendState::Failed(why)) => Err(Fail::new(Exit::Failed, format!("not sent: {why}"))),
        Some(_) => {
            printer.print(&Out::Sent { contact: chat.id.0, message: hex(id) });
            Ok(Exit::Done)
        }
        None => {
            if chat.standing == Standing::Pending {
                let name = &chat.name;
                printer.note(format!("{name} has not accepted your request yet: it goes out when they do"));
            } else if chat.standing == Standing::Restored {
                let name = &chat.name;
                printer.note(format!(
                    "this chat was restored, and {name} has not answered yet: it goes out when they do"
                ));
            } else if let Some(sentence) =
                told(&mut notices).await.or_else(|| Some(session.trouble()?.sentence))
            {
                printer.note(sentence);
            }
            Ok(Exit::Waiting)
        }
    }
}

/// What the relay said against it, if it said anything.
async fn told(notices: &mut Notices) -> Option<String> {
    let trouble = |notice| match notice {
        Notice::Trouble(sentence) => Some(sentence),
        _ => None,
    };
    heard(notices, Duration::ZERO, trouble).await
}

async fn state(session: &Session, chat: ContactId, id: MessageId) -> Result<Option<SendState>, Fail> {
    let window = messages(session, chat, None, NEWEST).await?;
    Ok(window.into_iter().find(|message| message.mine && message.id == id).and_then(|message| message.state))
}

fn from_stdin() -> Result<String, Fail> {
    let mut text = String::new();
    std::io::stdin()
        .take(subrosa_client::TEXT_MAX as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|why| Fail::new(Exit::Failed, format!("the text could not be read: {why}")))?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

async fn messages(
    session: &Session,
    chat: ContactId,
    before: Option<Position>,
    limit: u32,
) -> Result<Vec<Message>, Fail> {
    match session.ask(Query::Messages { chat, before, limit }).await? {
        Answer::Messages(messages) => Ok(messages),
        _ => Ok(Vec::new()),
    }
}

pub(super) async fn read(session: &Session, read: &Read, printer: &Printer) -> Result<Exit, Fail> {
    let mut notices = session.client.notices();
    // From here on a signal ends it in order, also while it still waits for what lies at the relay.
    let mut ends = Ends::listen().map_err(|why| Fail::new(Exit::Failed, format!("no signals: {why}")))?;
    session.settle(Duration::from_secs(read.wait)).await;
    let chats = wanted(session, read).await?;
    if let Some(last) = read.last {
        for chat in &chats {
            for message in messages(session, chat.id, None, last).await? {
                printer.print(&Out::Message(Line::of(chat.id, &chat.name, message)));
            }
        }
    } else {
        print_unread(session, &chats, printer).await?;
    }
    if !read.follow {
        // Receipts go out with a delay of their own; what is due now goes now.
        session.settle(Duration::from_secs(read.wait)).await;
        return Ok(Exit::Done);
    }
    loop {
        tokio::select! {
            notice = notices.next() => if notice.is_none() { return Ok(Exit::Done) },
            () = ends.next() => return Ok(Exit::Done),
        }
        let chats = wanted(session, read).await?;
        print_unread(session, &chats, printer).await?;
    }
}

async fn wanted(session: &Session, read: &Read) -> Result<Vec<Chat>, Fail> {
    match &read.contact {
        Some(who) => Ok(vec![session.contact(who).await?]),
        None => Ok(session.chats().await?.into_iter().filter(|chat| !is_request(chat)).collect()),
    }
}

/// Prints what was not seen of each chat, oldest first, then moves its marker.
async fn print_unread(session: &Session, chats: &[Chat], printer: &Printer) -> Result<(), Fail> {
    for chat in chats {
        let unseen = unseen(session, chat).await?;
        let Some(upto) = unseen.last().map(|message| message.position) else { continue };
        for message in unseen.into_iter().filter(|message| !message.mine) {
            printer.print(&Out::Message(Line::of(chat.id, &chat.name, message)));
        }
        session.tell(Command::Seen { chat: chat.id, upto }).await?;
    }
    Ok(())
}

/// Rows after the marker, and messages before it that came late into an old gap; oldest first.
async fn unseen(session: &Session, chat: &Chat) -> Result<Vec<Message>, Fail> {
    let after_marker = |message: &Message| chat.seen.is_none_or(|seen| message.position > seen);
    let (mut found, mut late) = (Vec::new(), chat.unread);
    let mut before = None;
    loop {
        let page = messages(session, chat.id, before, PAGE).await?;
        let Some(first) = page.first() else { return Ok(found) };
        before = Some(first.position);
        late = late.saturating_sub(count(page.iter().filter(|message| message.unread)));
        let end = !after_marker(first) && late == 0;
        found.splice(0..0, page.into_iter().filter(|message| message.unread || after_marker(message)));
        if end {
            return Ok(found);
        }
    }
}

fn count<T>(of: impl Iterator<Item = T>) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}
