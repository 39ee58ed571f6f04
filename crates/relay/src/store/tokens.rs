//! Admission tokens: made, counted, revoked, and asked for when something new is made.
//!
//! Spec: docs/spec/relay.md, "Access" (D3, D8). Invariant: the token itself is never kept, only its hash; and nothing that is
//! made says which token made it.

use subrosa_codec::Day;
use subrosa_relay_core::{Access, StoreFault, lease_period};
use subrosa_wire::{Admit, AdmitId, Refusal};

use crate::store::rows::{Name, Row, TokenRow};
use crate::store::{SlabStore, day16};

/// The last day of a token without one.
const FOREVER: u16 = u16::MAX;

/// What somebody wants to make.
#[derive(Clone, Copy, Debug)]
pub(super) enum Making {
    Queue,
    /// Invites and blobs, by their size.
    Bytes(u64),
}

/// A use of a token that is still to be noted; `None` where none is needed.
pub(super) type Charge = Option<(AdmitId, TokenRow)>;

/// What a token shall allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Queues that may be made under it in 32 days.
    pub queues: u32,
    /// Bytes of invites and attachments that may be put under it in 32 days.
    pub bytes: u64,
    /// Its last day; `None` is until it is revoked.
    pub expires: Option<Day>,
}

/// A token as the store has it: everything but the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the operator calls it.
    pub number: u32,
    /// What it allows.
    pub allows: NewToken,
    /// Queues made under it in this period of 32 days.
    pub used_queues: u32,
    /// Bytes put under it in this period.
    pub used_bytes: u64,
}

impl SlabStore {
    /// Makes a token. The answer holds the only copy of it.
    ///
    /// # Errors
    /// [`StoreFault`]: the store must not be used again.
    pub fn make_token(&mut self, allows: NewToken) -> Result<Result<(Token, Admit), Refusal>, StoreFault> {
        let random = crate::identity::random().map_err(|_| StoreFault::Broken("no randomness"))?;
        let admit = Admit::from_bytes(*random);
        let Some(id) = admit.id() else { return Err(StoreFault::Broken("no randomness")) };
        if !self.records.reserve()? {
            return Ok(Err(Refusal::Storage));
        }
        let row = TokenRow {
            number: self.next_number(),
            expires: allows.expires.map_or(FOREVER, day16),
            queues: allows.queues,
            bytes: allows.bytes,
            period: lease_period(self.today),
            used_queues: 0,
            used_bytes: 0,
        };
        self.put_record(Row::Token(id, row))?;
        self.sync()?;
        Ok(Ok((self.shown(row), admit)))
    }

    /// All tokens that have not expired, by number.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        let table = self.records.table();
        let rows = table.rows().filter_map(|row| match row {
            Row::Token(_, row) if self.is_alive(row.expires) => Some(self.shown(*row)),
            _ => None,
        });
        let mut tokens: Vec<_> = rows.collect();
        tokens.sort_unstable_by_key(|token| token.number);
        tokens
    }

    /// Revokes the token of this number; whether there was one. Its record is overwritten.
    ///
    /// # Errors
    /// [`StoreFault`]: the store must not be used again.
    pub fn revoke_token(&mut self, number: u32) -> Result<bool, StoreFault> {
        let there = self.records.table().find(Name::Number(number)).is_some();
        self.records.erase(Name::Number(number));
        self.sync()?;
        Ok(there)
    }

    /// Whether `admit` may make this now, and what is to be noted when it was made.
    pub(super) fn admission(&self, admit: Admit, making: Making) -> Result<Charge, Refusal> {
        if self.limits.access == Access::Open {
            return Ok(None);
        }
        let (id, mut row) = self.valid(admit).ok_or(Refusal::NotAdmitted)?;
        let period = lease_period(self.today);
        if row.period != period {
            (row.period, row.used_queues, row.used_bytes) = (period, 0, 0);
        }
        match making {
            Making::Queue => row.used_queues = row.used_queues.saturating_add(1),
            Making::Bytes(bytes) => row.used_bytes = row.used_bytes.saturating_add(bytes),
        }
        let within = row.used_queues <= row.queues && row.used_bytes <= row.bytes;
        if within { Ok(Some((id, row))) } else { Err(Refusal::QuotaExceeded) }
    }

    /// Notes a use, in the commit of what was made.
    pub(super) fn charge(&mut self, charge: Charge) -> Result<(), StoreFault> {
        charge.map_or(Ok(()), |(id, row)| self.put_record(Row::Token(id, row)))
    }

    /// Whether whoever has `admit` may renew a lease.
    pub(super) fn may_renew(&self, admit: Admit) -> bool {
        self.limits.access == Access::Open || self.valid(admit).is_some()
    }

    /// Above every number that stands in a record, of expired tokens too.
    fn next_number(&self) -> u32 {
        let table = self.records.table();
        let numbers = table.rows().filter_map(|row| match row {
            Row::Token(_, row) => Some(row.number),
            _ => None,
        });
        numbers.max().unwrap_or(0).saturating_add(1)
    }

    fn valid(&self, admit: Admit) -> Option<(AdmitId, TokenRow)> {
        let id = admit.id()?;
        let row = self.records.table().token(id)?;
        self.is_alive(row.expires).then_some((id, row))
    }

    fn shown(&self, row: TokenRow) -> Token {
        let now = row.period == lease_period(self.today);
        let expires = (row.expires != FOREVER).then(|| Day(row.expires.into()));
        Token {
            number: row.number,
            allows: NewToken { queues: row.queues, bytes: row.bytes, expires },
            used_queues: if now { row.used_queues } else { 0 },
            used_bytes: if now { row.used_bytes } else { 0 },
        }
    }
}
