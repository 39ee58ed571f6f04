//! [`query`]: what a screen asks, answered from the rows alone.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: asking changes nothing; whatever another person wrote has
//! passed [`crate::sanitize`] when it comes out; no answer reads more of a chat than the window that was asked for.

mod chats;
mod invites;
mod messages;
#[cfg(test)]
mod tests;

use subrosa_codec::Millis;
use subrosa_crypto::{Identity, IdentityPublic, IdentitySeed, SafetyNumber};

use crate::api::{Answer, ContactId, Me, Query, Safety};
use crate::job::read;
use crate::rows::{self, Corrupt, Rows, Table};
use crate::sanitize;

/// Answers `query` from `rows` as they stand at `now`.
///
/// # Errors
/// [`Corrupt`] when a row that it needs can't be read.
pub fn query(rows: &impl Rows, query: &Query, now: Millis) -> Result<Answer, Corrupt> {
    match query {
        Query::Me => Ok(Answer::Me(me(rows)?)),
        Query::Chats => Ok(Answer::Chats(chats::all(rows)?)),
        Query::Chat(id) => Ok(chats::one(rows, *id)?.map_or(Answer::Missing, Answer::Chat)),
        Query::Messages { chat, before, limit } => {
            let window = messages::Window { chat: *chat, before: *before, limit: *limit };
            Ok(messages::window(rows, &window, now)?.map_or(Answer::Missing, Answer::Messages))
        }
        Query::Invites => Ok(Answer::Invites(invites::all(rows, now)?)),
        Query::Safety(id) => Ok(safety(rows, *id)?.map_or(Answer::Missing, Answer::Safety)),
        Query::Draft(id) => draft(rows, *id),
    }
}

fn myself(rows: &impl Rows) -> Result<(rows::Me, Identity), Corrupt> {
    let damaged = Corrupt { table: Table::Meta };
    let me: rows::Me = read(rows, rows::Me::KEY)?.ok_or(damaged)?;
    let seed = IdentitySeed::from_bytes(me.seed.array().ok_or(damaged)?);
    let identity = Identity::derive(&seed, 0);
    Ok((me, identity))
}

fn me(rows: &impl Rows) -> Result<Me, Corrupt> {
    let (me, identity) = myself(rows)?;
    let fingerprint = identity.public().fingerprint().0;
    let short = fingerprint.iter().take(8).flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(Me {
        name: sanitize::name(&me.name),
        short: short.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect(),
        relay: me.relay,
        receipts: me.receipts,
    })
}

fn safety(rows: &impl Rows, id: ContactId) -> Result<Option<Safety>, Corrupt> {
    let Some(contact) = read::<rows::Contact>(rows, rows::Contact::key(id))? else { return Ok(None) };
    let theirs = IdentityPublic::parse(&contact.identity).map_err(|_| Corrupt { table: Table::Contact })?;
    let (_, mine) = myself(rows)?;
    let number = SafetyNumber::of(mine.public(), &theirs);
    Ok(Some(Safety { groups: number.digits(), qr: number.qr_payload(), verified: contact.verified }))
}

fn draft(rows: &impl Rows, id: ContactId) -> Result<Answer, Corrupt> {
    if rows.get(rows::Contact::key(id))?.is_none() {
        return Ok(Answer::Missing);
    }
    let draft: Option<rows::Draft> = read(rows, rows::Draft::key(id))?;
    Ok(Answer::Draft(draft.map(|draft| draft.text).unwrap_or_default()))
}
