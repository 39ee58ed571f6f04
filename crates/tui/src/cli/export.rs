//! `export`: a whole chat as text, Markdown or JSON.
//!
//! Spec: docs/guide/chat.md, "Backups". Invariant: windows of the chat are read, so memory does not grow with it; no text can
//! pass for a line of somebody else, and none is markup.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use subrosa_client::{Answer, Body, Chat, Message, Millis, Position, Query};

use super::args::{Export, Format};
use super::exit::{Exit, Fail};
use super::out::{Line, Out, Printer};
use super::session::Session;
use crate::clock::Zone;

/// Rows asked for at a time.
const PAGE: u32 = 500;

pub(super) async fn export(session: &Session, export: &Export, printer: &Printer) -> Result<Exit, Fail> {
    let chat = session.contact(&export.contact).await?;
    let format = if printer.is_json() { Format::Json } else { export.format };
    let fail = |why: std::io::Error| Fail::new(Exit::Store, format!("the chat could not be written: {why}"));
    let Some(path) = &export.out else {
        let mut out = BufWriter::new(std::io::stdout());
        return match write(session, &chat, format, &mut out).await? {
            // A reader that went away is no error of ours.
            Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(fail(why)),
            _ => Ok(Exit::Done),
        };
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file =
        file.map_err(|why| Fail::new(Exit::Failed, format!("{} can't be made: {why}", path.display())))?;
    let mut out = BufWriter::new(file);
    let written = write(session, &chat, format, &mut out).await?;
    written.and_then(|()| out.get_ref().sync_all()).map_err(fail)?;
    printer.print(&Out::Done { what: "exported; this file is not encrypted" });
    Ok(Exit::Done)
}

/// The outer error is the profile's, the inner one the file's.
async fn write(
    session: &Session,
    chat: &Chat,
    format: Format,
    out: &mut impl Write,
) -> Result<std::io::Result<()>, Fail> {
    let zone = Zone::system();
    // Pages are read from the newest: first where each one ends, then all of them from the oldest.
    let (mut ends, mut before) = (Vec::new(), None);
    loop {
        let page = page(session, chat, before).await?;
        let Some(first) = page.first() else { break };
        ends.push(before);
        before = Some(first.position);
    }
    if format == Format::Markdown
        && let Err(why) = writeln!(out, "# {}", plain(&chat.name))
    {
        return Ok(Err(why));
    }
    for before in ends.into_iter().rev() {
        for message in page(session, chat, before).await? {
            let line = match format {
                Format::Json => Out::Message(Line::of(chat.id, &chat.name, message)).json(),
                Format::Text => text(chat, message, &zone),
                Format::Markdown => markdown(chat, message, &zone),
            };
            if let Err(why) = writeln!(out, "{line}") {
                return Ok(Err(why));
            }
        }
    }
    Ok(out.flush())
}

async fn page(session: &Session, chat: &Chat, before: Option<Position>) -> Result<Vec<Message>, Fail> {
    match session.ask(Query::Messages { chat: chat.id, before, limit: PAGE }).await? {
        Answer::Messages(messages) => Ok(messages),
        _ => Ok(Vec::new()),
    }
}

/// Day with its year, and time.
fn when(zone: &Zone, at: Millis) -> String {
    zone.moment(at, Millis(0))
}

fn text(chat: &Chat, message: Message, zone: &Zone) -> String {
    let at = when(zone, message.at);
    format!("{at}  {}", Line::of(chat.id, &chat.name, message).text())
}

fn markdown(chat: &Chat, message: Message, zone: &Zone) -> String {
    let at = when(zone, message.at);
    let Body::Text(text) = &message.body else {
        return format!("\n*{}* ({at})", plain(&Line::of(chat.id, &chat.name, message).text()));
    };
    let who = plain(if message.mine { "me" } else { &chat.name });
    let reply = message.reply.as_ref().map(|(_, words)| format!(", answers “{}”", plain(words)));
    let lines: Vec<String> = text.lines().map(|line| format!("> {}  ", plain(line))).collect();
    format!("\n**{who}**, {at}{}\n\n{}", reply.unwrap_or_default(), lines.join("\n"))
}

/// Whatever could be markup is not.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(plain("# *hi* <b>[x](y)</b>"), r"\# \*hi\* \<b\>\[x\]\(y\)\<\/b\>");
        assert_eq!(plain("grüße 1"), "grüße 1");
    }
}
