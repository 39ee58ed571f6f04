//! Pages to read: the log and the status.
//!
//! Spec: docs/guide/chat.md, "When something goes wrong". Invariant: no message text stands here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use subrosa_client::{Invite, InviteState, RelayState};

use super::{frame, line, paragraph, span};
use crate::look::Role;
use crate::model::{Model, place};
use crate::text;

pub(super) fn log(model: &Model, row: usize, buf: &mut Buffer) {
    let inner = frame::plain(model, model.area, "Log (Esc closes)", buf);
    let columns = usize::from(inner.width);
    if model.log.is_empty() {
        paragraph(buf, inner, 1, " Nothing went wrong since the start.", model.look.style(Role::Dim));
        return;
    }
    let lines = model.log.iter().rev().flat_map(|remark| {
        let at = format!("{}  ", model.zone.moment(remark.at, model.now));
        let wrapped = text::wrap(&remark.text, columns.saturating_sub(text::width(&at) + 1));
        let (role, blank) = (remark.role, " ".repeat(text::width(&at)));
        wrapped.into_iter().enumerate().map(move |(index, words)| {
            let start = if index == 0 { at.clone() } else { blank.clone() };
            (start, words, role)
        })
    });
    for (at, (start, words, role)) in (0..inner.height).zip(lines.skip(row)) {
        line(buf, inner, at, &Line::from(vec![span(model, start, Role::Dim), span(model, words, role)]));
    }
}

pub(super) fn status(model: &Model, buf: &mut Buffer) {
    let inner = frame::plain(model, model.area, "Status (Esc closes)", buf);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let style = |role| model.look.style(role);
    let mut row = 1;
    if let Some(me) = &model.me {
        row = paragraph(
            buf,
            inner,
            row,
            &format!("{} ({})", text::one_line(&me.name), me.short),
            style(Role::Accent),
        );
        let relay = me.relay.as_deref();
        let (relay, change) = relay.map_or_else(
            || ("you have no relay yet: nobody can reach you".into(), "choose one: /relay ADDRESS"),
            |relay| (format!("friends reach you at {relay}"), "another one: /relay ADDRESS"),
        );
        row = paragraph(buf, inner, row, &relay, style(Role::Text));
        row = paragraph(buf, inner, row, change, style(Role::Dim));
        let receipts = if me.receipts { "receipts are sent" } else { "receipts are not sent" };
        row = paragraph(buf, inner, row, receipts, style(Role::Text)) + 1;
    }
    if let Some(hosting) = &model.hosting {
        row = paragraph(buf, inner, row, hosting, style(Role::Text)) + 1;
    }
    if let Some(profile) = &model.profile {
        row = paragraph(buf, inner, row, &format!("profile {profile}"), style(Role::Dim)) + 1;
    }
    for (name, state) in &model.relays {
        let (words, role) = relay(state);
        row = paragraph(buf, inner, row, &format!("{name} ({}): {words}", whose(model, name)), style(role));
    }
}

/// What a relay is for.
fn whose(model: &Model, name: &str) -> &'static str {
    if model.my_relay() == Some(name) {
        return "yours";
    }
    // The links themselves are known only to the run that was given them.
    let known = |invite: &Invite| model.joining.iter().find(|joining| joining.invite == invite.id);
    let taken = || model.taken().filter(|invite| invite.state == InviteState::Taking).map(known);
    if taken().flatten().any(|joining| place(&joining.link) == Some(name)) {
        "of a link that you add: /invites"
    } else if taken().any(|joining| joining.is_none()) {
        "of a contact, or of a link that you add: /invites"
    } else {
        "of a contact, or of a link"
    }
}

/// How a relay stands, in a sentence.
pub(crate) fn relay(state: &RelayState) -> (String, Role) {
    match state {
        RelayState::Online => ("online".into(), Role::Good),
        RelayState::Connecting => ("connecting".into(), Role::Dim),
        RelayState::Offline(why) => (format!("offline: {why}"), Role::Warn),
        RelayState::WrongKey => {
            ("not the relay it should be (another key): nothing was sent to it".into(), Role::Alarm)
        }
        _ => ("unknown".into(), Role::Dim),
    }
}
