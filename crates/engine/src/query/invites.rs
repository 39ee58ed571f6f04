//! Invites of mine that can still be taken, and links of others that are being taken or failed.
//!
//! Spec: docs/spec/invite.md. Invariant: a link is given out only while it works.

use alloc::string::ToString;
use alloc::vec::Vec;

use subrosa_codec::Millis;

use crate::api::{Invite, InviteId, InviteState, JoinFailure};
use crate::rows::{self, Corrupt, InviteStage, Row, Rows, Span, Table};

/// Every invite that a person should see, newest first.
pub(super) fn all(rows: &impl Rows, now: Millis) -> Result<Vec<Invite>, Corrupt> {
    let mut invites = Vec::new();
    for (key, bytes) in rows.span(Span::table(Table::Invite).newest_first())? {
        let row = rows::Invite::parse(&bytes)?;
        let Some(state) = state(&row, now) else { continue };
        let works = row.mine.is_some() && matches!(state, InviteState::Storing | InviteState::Ready);
        invites.push(Invite {
            id: InviteId(key.id),
            link: works.then(|| row.link().to_string()),
            reusable: row.reusable,
            mine: row.mine.is_some(),
            state,
            expires: Millis(row.expires),
        });
    }
    Ok(invites)
}

/// What to show of an invite; `None` when it is over for the person, and kept for the protocol only.
fn state(row: &rows::Invite, now: Millis) -> Option<InviteState> {
    let failed = |why| Some(InviteState::Failed(why));
    match row.stage {
        InviteStage::Storing | InviteStage::Ready if now >= Millis(row.expires) => Some(InviteState::Expired),
        InviteStage::Storing => Some(InviteState::Storing),
        InviteStage::Ready => Some(InviteState::Ready),
        InviteStage::Used => Some(InviteState::Used),
        InviteStage::Revoking | InviteStage::Retired => None,
        InviteStage::Taking => Some(InviteState::Taking),
        InviteStage::FailedUsed => failed(JoinFailure::Used),
        InviteStage::FailedGone => failed(JoinFailure::Gone),
        InviteStage::FailedNotGenuine => failed(JoinFailure::NotGenuine),
        InviteStage::FailedExpired => failed(JoinFailure::Expired),
        InviteStage::FailedNewer => failed(JoinFailure::NewerVersion),
        InviteStage::FailedOwn => failed(JoinFailure::Own),
        InviteStage::FailedKnown => failed(JoinFailure::Known),
    }
}
