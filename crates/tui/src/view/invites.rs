//! The invite screen: link, QR code and how far the invite is.
//!
//! Spec: docs/guide/chat.md, "Inviting and adding". Invariant: the link is shown in full, so that it can be typed off.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use subrosa_client::{Invite, InviteState};

use super::qr::Qr;
use super::{frame, line, pages, paragraph, span};
use crate::keys::{Action, Context};
use crate::layout::status_rows;
use crate::look::Role;
use crate::model::overlay::Invites;
use crate::model::{Model, place};
use crate::text;
use crate::update::{listed, shown};
use crate::words;

/// Least columns of the words beside a code.
const BESIDE: u16 = 30;

pub(super) fn view(model: &Model, screen: &Invites, buf: &mut Buffer) {
    let area = model.area;
    let Some(invite) = shown(model) else { return without(model, screen, buf) };
    let code = invite.link.as_deref().filter(|_| usable(invite)).and_then(Qr::of);
    let size = code.as_ref().map_or((0, 0), Qr::size);
    let beside = area.width > size.0 + BESIDE && area.height >= size.1;
    if let (Some(code), true) = (&code, beside)
        && code.draw(model.look, area, buf)
    {
        let words = Rect { x: area.x + size.0, width: area.width - size.0, ..area };
        facts(model, screen, invite, words, buf);
        return;
    }
    let used = facts(model, screen, invite, area, buf);
    let room = Rect { y: area.y + used, height: area.height.saturating_sub(used + 1), ..frame_inner(area) };
    let drawn = code.as_ref().is_some_and(|code| code.draw(model.look, room, buf));
    if code.is_some() && !drawn && room.height > 1 {
        let words = if model.look.ascii {
            "The QR code needs more than ASCII.".to_owned()
        } else {
            format!(
                "The QR code needs {} columns and {} rows, or {} and {}.",
                size.0 + BESIDE + 1,
                size.1,
                size.0 + 2,
                size.1 + used + 1
            )
        };
        let room = Rect { x: room.x + 1, width: room.width.saturating_sub(2), ..room };
        paragraph(buf, room, 0, &words, model.look.style(Role::Dim));
    }
}

const fn frame_inner(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// Whether the link is of use to anyone.
const fn usable(invite: &Invite) -> bool {
    matches!(invite.state, InviteState::Storing | InviteState::Ready | InviteState::Opened)
}

fn without(model: &Model, screen: &Invites, buf: &mut Buffer) {
    let inner = frame::plain(model, model.area, "Invites", buf);
    let words = match (&model.invites, screen.making) {
        (_, true) => "making the invite…",
        (None, _) => "loading…",
        (Some(_), _) => "You have no invite.",
    };
    let row = paragraph(buf, inner, 1, words, model.look.style(Role::Text));
    let keys = words::keys(Context::Invites, &[Action::NewOnce, Action::NewReusable, Action::Leave]);
    paragraph(buf, inner, row + 1, &keys, model.look.style(Role::Dim));
    status(model, inner, buf);
}

/// The last sentence at the bottom, as on the main screen.
fn status(model: &Model, inner: Rect, buf: &mut Buffer) {
    if model.status.is_some() && inner.height > 0 {
        let height = status_rows(model, inner).min(inner.height);
        frame::status(model, Rect { y: inner.bottom() - height, height, ..inner }, buf);
    }
}

/// The words of an invite in a frame. Answers the rows that they took, the upper edge included.
fn facts(model: &Model, screen: &Invites, invite: &Invite, area: Rect, buf: &mut Buffer) -> u16 {
    let listed = listed(model);
    let at = listed.iter().position(|other| other.id == invite.id).unwrap_or(0);
    let others = if listed.len() > 1 { " (arrows: the others)" } else { "" };
    let what = if invite.mine { "Invite" } else { "Link" };
    let title = format!("{what} {} of {}{others}", at + 1, listed.len());
    let inner = frame::plain(model, area, &title, buf);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let style = |role| model.look.style(role);
    // On a short screen the link comes first; nothing may cut it.
    let gap = u16::from(area.height >= 18);
    let mut row = 0;
    if screen.welcome && invite.mine && !invite.reusable {
        row = paragraph(buf, inner, row, "You are set up. Give this to a friend:", style(Role::Accent)) + gap;
    }
    let link = invite.link.as_deref().filter(|_| usable(invite));
    if let Some(link) = link.filter(|_| gap == 0) {
        row = paragraph(buf, inner, row, &text::visible(link), style(Role::Accent));
    }
    let place = place_of(model, invite);
    row = paragraph(buf, inner, row, &kind(invite, place), style(Role::Text));
    let (words, role) = state(invite.state);
    row =
        line(buf, inner, row, &Line::from(vec![span(model, "State: ", Role::Dim), span(model, words, role)]));
    if let InviteState::Failed(why) = invite.state {
        row = paragraph(buf, inner, row, &why.to_string(), style(Role::Alarm));
    }
    if let Some(relay) = place.and_then(|place| model.relays.get(place)) {
        let (words, role) = pages::relay(relay);
        row = paragraph(buf, inner, row, &format!("Its relay: {words}"), style(role));
    }
    let until = format!("until {}", model.zone.moment(invite.expires, model.now));
    row = paragraph(buf, inner, row, &until, style(Role::Dim)) + gap;
    if let Some(link) = link.filter(|_| gap == 1) {
        row = paragraph(buf, inner, row, &text::visible(link), style(Role::Accent)) + 1;
    }
    let all = [Action::Copy, Action::NewOnce, Action::NewReusable, Action::Revoke, Action::Leave];
    let actions = if invite.mine { &all[..] } else { &all[1..] };
    let row = if gap == 0 {
        let first = if invite.mine { (Action::Copy, "copy") } else { (Action::Revoke, "give up") };
        let short = [first, (Action::NewOnce, "new"), (Action::Leave, "close")];
        paragraph(buf, inner, row, &words::short_keys(Context::Invites, &short), style(Role::Dim))
    } else {
        actions.iter().fold(row, |row, action| {
            paragraph(buf, inner, row, &words::keys(Context::Invites, &[*action]), style(Role::Dim))
        })
    };
    status(model, inner, buf);
    row + 1
}

/// The relay of a link of someone else; the links themselves are known only to the run that was given them.
fn place_of<'a>(model: &'a Model, invite: &Invite) -> Option<&'a str> {
    let joining = model.joining.iter().find(|joining| joining.invite == invite.id)?;
    place(&joining.link)
}

/// What it is, in a sentence; `place` is the relay of a link of someone else, if it is known.
fn kind(invite: &Invite, place: Option<&str>) -> String {
    match (invite.mine, invite.reusable, place) {
        (true, true, _) => "Reusable address: anyone with the link can ask; you accept or reject.".into(),
        (true, false, _) => "For one person: works once. Send it where only they can read it.".into(),
        (false, _, Some(place)) => format!("A link that you add, at the relay {}.", text::one_line(place)),
        (false, _, None) => "A link that you add.".into(),
    }
}

/// How far it is, in words.
pub(crate) const fn state(state: InviteState) -> (&'static str, Role) {
    match state {
        InviteState::Storing => ("storing at the relay", Role::Warn),
        InviteState::Ready => ("ready", Role::Good),
        InviteState::Opened => ("opened by someone", Role::Warn),
        InviteState::Used => ("used", Role::Dim),
        InviteState::Expired => ("expired", Role::Dim),
        InviteState::Taking => ("taking", Role::Warn),
        InviteState::Failed(_) => ("failed", Role::Alarm),
        _ => ("unknown", Role::Dim),
    }
}
