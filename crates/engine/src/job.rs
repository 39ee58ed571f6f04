//! [`job`]: what the network needs to do an effect.
//!
//! Spec: docs/spec/relay.md. Invariant: an effect whose row is gone is no job; asking changes nothing.

use subrosa_codec::Cell;
use subrosa_crypto::{Link, QueueDescriptor, QueueEntry};
use subrosa_wire::{
    CREDIT, ClaimToken, FetchCap, InviteKind, OwnerCap, ReadCap, RelayAddress, RelayKeyHash, WriteCap,
};

use crate::api::InviteId;
use crate::event::{Effect, Job};
use crate::id::{InboundId, OutboxId};
use crate::rows::{
    Corrupt, Hidden, Inbound, InboundState, Invite, InviteStage, Key, Mine, OutCell, Outbox, Row, Rows,
    Session, Table,
};

/// How long the relay keeps an invite, in days: its 14 and the one that a joiner's clock may be late.
pub(crate) const INVITE_DAYS: u8 = 15;

/// What the network needs for `effect`; `None` when its row is gone or settled: drop the effect then.
///
/// # Errors
/// [`Corrupt`] when a row can't be read.
pub fn job(rows: &impl Rows, effect: &Effect) -> Result<Option<Job>, Corrupt> {
    match *effect {
        Effect::Open(queue) => open(rows, queue),
        Effect::Send(id) => append(rows, id),
        Effect::Ack(queue, upto) => ack(rows, queue, upto),
        Effect::PutInvite(invite) => put_invite(rows, invite),
        Effect::TakeInvite(invite) => take_invite(rows, invite),
        Effect::RevokeInvite(invite) => revoke_invite(rows, invite),
        Effect::CloseQueue(queue) => close(rows, queue),
        Effect::RotateRead(queue) => rotate(rows, queue),
        Effect::Wake(_) | Effect::Tell(_) => Ok(None),
    }
}

/// Reads a typed row.
pub(crate) fn read<T: Row>(rows: &impl Rows, key: Key) -> Result<Option<T>, Corrupt> {
    rows.get(key)?.map(|bytes| T::parse(&bytes)).transpose()
}

/// A relay's address out of a row.
pub(crate) fn relay(table: Table, text: &str) -> Result<RelayAddress, Corrupt> {
    RelayAddress::parse(text).map_err(|_| Corrupt { table })
}

/// 32 bytes of capability out of a row.
pub(crate) fn bytes32(table: Table, hidden: &Hidden) -> Result<[u8; 32], Corrupt> {
    hidden.array().ok_or(Corrupt { table })
}

fn open(rows: &impl Rows, queue: InboundId) -> Result<Option<Job>, Corrupt> {
    let Some(row) = read::<Inbound>(rows, Inbound::key(queue))? else { return Ok(None) };
    if row.state != InboundState::Open {
        return Ok(None);
    }
    Ok(Some(Job::Open {
        relay: relay(Inbound::TABLE, &row.relay)?,
        write: WriteCap::from_bytes(bytes32(Inbound::TABLE, &row.write)?).id(),
        read: ReadCap::from_bytes(bytes32(Inbound::TABLE, &row.read)?),
        credit: CREDIT,
    }))
}

fn ack(rows: &impl Rows, queue: InboundId, upto: u64) -> Result<Option<Job>, Corrupt> {
    let Some(row) = read::<Inbound>(rows, Inbound::key(queue))? else { return Ok(None) };
    Ok(Some(Job::Ack {
        relay: relay(Inbound::TABLE, &row.relay)?,
        write: WriteCap::from_bytes(bytes32(Inbound::TABLE, &row.write)?).id(),
        upto,
    }))
}

fn close(rows: &impl Rows, queue: InboundId) -> Result<Option<Job>, Corrupt> {
    let Some(row) = read::<Inbound>(rows, Inbound::key(queue))? else { return Ok(None) };
    if row.state != InboundState::Closing {
        return Ok(None);
    }
    Ok(Some(Job::CloseQueue {
        relay: relay(Inbound::TABLE, &row.relay)?,
        read: ReadCap::from_bytes(bytes32(Inbound::TABLE, &row.read)?),
    }))
}

fn rotate(rows: &impl Rows, queue: InboundId) -> Result<Option<Job>, Corrupt> {
    let Some(row) = read::<Inbound>(rows, Inbound::key(queue))? else { return Ok(None) };
    let Some(next) = row.next_read.as_ref().filter(|_| row.state == InboundState::Open) else {
        return Ok(None);
    };
    Ok(Some(Job::RotateRead {
        relay: relay(Inbound::TABLE, &row.relay)?,
        read: ReadCap::from_bytes(bytes32(Inbound::TABLE, &row.read)?),
        to: ReadCap::from_bytes(bytes32(Inbound::TABLE, next)?).id(),
    }))
}

fn append(rows: &impl Rows, id: OutboxId) -> Result<Option<Job>, Corrupt> {
    let waits = read::<Outbox>(rows, Outbox::key(id))?.is_some_and(|row| row.accepted.is_none());
    let Some(session) = read::<Session>(rows, Session::key(id.session))?.filter(|_| waits) else {
        return Ok(None);
    };
    let Some(OutCell(cell)) = read(rows, OutCell::key(id))? else { return Ok(None) };
    let broken = Corrupt { table: Session::TABLE };
    let descriptor = QueueDescriptor::parse(session.queue.expose()).map_err(|_| broken)?;
    let entry = entry_of(&descriptor, session.entry).ok_or(broken)?;
    Ok(Some(Job::Append {
        relay: RelayAddress::new(RelayKeyHash::from_bytes(entry.relay), &entry.host, entry.port)
            .map_err(|_| broken)?,
        write: WriteCap::from_bytes(entry.write),
        cell,
    }))
}

/// The entry in use, else the first.
fn entry_of(descriptor: &QueueDescriptor, entry: u8) -> Option<&QueueEntry> {
    descriptor.entries().nth(usize::from(entry)).or_else(|| descriptor.entries().next())
}

fn put_invite(rows: &impl Rows, id: InviteId) -> Result<Option<Job>, Corrupt> {
    let Some(row) = read::<Invite>(rows, Invite::key(id))? else { return Ok(None) };
    let broken = Corrupt { table: Invite::TABLE };
    let (InviteStage::Storing, Some(Mine { owner, relay: at, bundle: Some(bundle), .. })) =
        (row.stage, &row.mine)
    else {
        return Ok(None);
    };
    let link = Link::parse(row.link()).map_err(|_| broken)?;
    Ok(Some(Job::PutInvite {
        relay: relay(Invite::TABLE, at)?,
        id: FetchCap::from_bytes(link.fetch()).id(),
        owner: OwnerCap::from_bytes(bytes32(Invite::TABLE, owner)?).id(),
        kind: if row.reusable { InviteKind::Address } else { InviteKind::OneTime },
        days: INVITE_DAYS,
        bundle: Cell::parse(bundle.expose()).map_err(|_| broken)?,
    }))
}

fn take_invite(rows: &impl Rows, id: InviteId) -> Result<Option<Job>, Corrupt> {
    let Some(row) = read::<Invite>(rows, Invite::key(id))? else { return Ok(None) };
    let (InviteStage::Taking, Some(theirs)) = (row.stage, &row.theirs) else { return Ok(None) };
    let broken = Corrupt { table: Invite::TABLE };
    let link = Link::parse(row.link()).map_err(|_| broken)?;
    Ok(Some(Job::TakeInvite {
        relay: RelayAddress::new(RelayKeyHash::from_bytes(link.relay()), link.host(), link.port())
            .map_err(|_| broken)?,
        fetch: FetchCap::from_bytes(link.fetch()),
        claim: ClaimToken::from_bytes(bytes32(Invite::TABLE, &theirs.claim)?),
    }))
}

fn revoke_invite(rows: &impl Rows, id: InviteId) -> Result<Option<Job>, Corrupt> {
    let Some(row) = read::<Invite>(rows, Invite::key(id))? else { return Ok(None) };
    let (InviteStage::Revoking, Some(mine)) = (row.stage, &row.mine) else { return Ok(None) };
    Ok(Some(Job::RevokeInvite {
        relay: relay(Invite::TABLE, &mine.relay)?,
        owner: OwnerCap::from_bytes(bytes32(Invite::TABLE, &mine.owner)?),
    }))
}
