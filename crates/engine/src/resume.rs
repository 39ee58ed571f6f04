//! [`resume`]: every row that still needs the network.
//!
//! Spec: docs/ARCHITECTURE.md, "One message", the table of crash points. Invariant: after a crash or a reconnect
//! this list and the relay's deliveries are enough to go on.

use alloc::vec::Vec;

use subrosa_codec::Millis;

use crate::api::InviteId;
use crate::event::Effect;
use crate::id::{InboundId, OutboxId, SessionKey};
use crate::rows::{
    Corrupt, Inbound, InboundState, Invite, InviteStage, Outbox, Row, Rows, Session, Span, Table, Timer,
};

/// What has to be done over the network, in order: after start, and after each reconnect.
///
/// # Errors
/// [`Corrupt`] when a row can't be read.
pub fn resume(rows: &impl Rows, now: Millis) -> Result<Vec<Effect>, Corrupt> {
    let mut effects = Vec::new();
    for (key, bytes) in rows.span(Span::table(Table::Inbound))? {
        queue(InboundId(key.id), &Inbound::parse(&bytes)?, &mut effects);
    }
    for (key, bytes) in rows.span(Span::table(Table::Invite))? {
        let id = InviteId(key.id);
        match Invite::parse(&bytes)?.stage {
            InviteStage::Storing => effects.push(Effect::PutInvite(id)),
            InviteStage::Taking => effects.push(Effect::TakeInvite(id)),
            InviteStage::Revoking => effects.push(Effect::RevokeInvite(id)),
            _ => {}
        }
    }
    for (key, bytes) in rows.span(Span::table(Table::Session))? {
        let held = Session::parse(&bytes)?.hold.is_some_and(|until| until > now.0);
        if !held {
            effects.extend(unaccepted(rows, SessionKey(key.id))?.into_iter().map(Effect::Send));
        }
    }
    effects.extend(next_timer(rows)?.map(Effect::Wake));
    Ok(effects)
}

fn queue(id: InboundId, row: &Inbound, effects: &mut Vec<Effect>) {
    match row.state {
        InboundState::Closing => effects.push(Effect::CloseQueue(id)),
        InboundState::Open => {
            // The rotation first: should the relay have done it already, its refusal says so.
            if row.next_read.is_some() {
                effects.push(Effect::RotateRead(id));
            } else {
                effects.push(Effect::Open(id));
            }
        }
    }
}

/// The cells of a session to be appended now, in order: those that no relay has stored; only the one that begins the
/// session while it is among them, and nothing else at an address (HS-13, HS-14). What overtakes a handshake is nobody's;
/// what comes to an address beside it is dropped there.
pub(crate) fn unaccepted(rows: &impl Rows, session: SessionKey) -> Result<Vec<OutboxId>, Corrupt> {
    let row = rows.get(Session::key(session))?.map(|row| Session::parse(&row)).transpose()?;
    let heard = row.as_ref().is_none_or(|session| session.heard);
    let at_address = row.is_some_and(|session| session.at_address);
    let mut ids = unstored(rows, session)?;
    let begins = |id: &OutboxId| id.seq == OutboxId::FIRST || (id.seq == 0 && !heard);
    if let Some(first) = ids.iter().position(begins) {
        ids.truncate(first + 1);
    } else if at_address {
        ids.clear();
    }
    Ok(ids)
}

/// All cells of a session that no relay has stored, in order.
pub(crate) fn unstored(rows: &impl Rows, session: SessionKey) -> Result<Vec<OutboxId>, Corrupt> {
    let mut ids = Vec::new();
    for (key, bytes) in rows.span(Span::under(Table::Outbox, session.0))? {
        if Outbox::parse(&bytes)?.accepted.is_none() {
            ids.push(Outbox::id(key));
        }
    }
    Ok(ids)
}

/// When the next timer rings.
pub(crate) fn next_timer(rows: &impl Rows) -> Result<Option<Millis>, Corrupt> {
    let mut next: Option<u64> = None;
    for (_, bytes) in rows.span(Span::table(Table::Timer))? {
        let at = Timer::parse(&bytes)?.at;
        next = Some(next.map_or(at, |other| other.min(at)));
    }
    Ok(next.map(Millis))
}
