//! [`handle`]: what each event leads to, one file per noun.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: nothing is written but through the transition.

mod alarm;
mod arrive;
mod cell;
mod command;
mod content;
mod crossing;
mod forget;
mod gap;
mod heartbeat;
mod hello;
mod invite;
mod join;
mod knock;
mod outbox;
mod queue;
mod receipt;
mod recovery;
mod request;
mod restore;
mod send;
mod timer;
mod watch;

pub(crate) use content::note_last;

use alloc::vec;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::Millis;
use zeroize::Zeroizing;

use crate::event::{Effect, Event, RelayAnswer, Transition};
use crate::rows::{Change, Corrupt, Counter, Hidden, Me, Row, Rows};
use crate::sanitize;
use crate::tx::{Stop, Tx};

/// What `event` leads to at `now`. Pure: the rows are only read; commit [`Transition::changes`] as one unit, then do
/// [`Transition::effects`] in order.
///
/// # Errors
/// [`Corrupt`] when a row that is needed can't be read. Nothing may be committed then, and a cell not be acknowledged.
pub fn handle(
    rows: &impl Rows,
    event: Event,
    now: Millis,
    rng: &mut impl CryptoRng,
) -> Result<Transition, Corrupt> {
    let mut tx = Tx::new(rows, now, rng);
    match event {
        Event::Command(command) => {
            return match tx.command(command) {
                Ok(done) => Ok(tx.finish(Some(Ok(done)))),
                Err(Stop::No(error)) => Ok(Transition { done: Some(Err(error)), ..Transition::default() }),
                Err(Stop::Corrupt(corrupt)) => Err(corrupt),
            };
        }
        Event::Cell { queue, seq, cell } => tx.cell(queue, seq, &cell)?,
        Event::Finished { effect, answer } => tx.finished(effect, answer)?,
        Event::Opened { queue, relay_day } => tx.queue_opened(queue, relay_day)?,
        Event::Moved(queue) => tx.queue_moved(queue)?,
        Event::Due | Event::Online => tx.due()?,
    }
    Ok(tx.finish(None))
}

impl<R: Rows, G: CryptoRng> Tx<'_, R, G> {
    /// A relay answered.
    fn finished(&mut self, effect: Effect, answer: RelayAnswer) -> Result<(), Corrupt> {
        match effect {
            Effect::Send(id) => self.append_answered(id, &answer),
            Effect::Open(queue) => self.open_answered(queue, &answer),
            Effect::RotateRead(queue) => self.rotate_answered(queue, &answer),
            Effect::CloseQueue(queue) => self.close_answered(queue, &answer),
            Effect::PutInvite(invite) => self.put_answered(invite, &answer),
            Effect::RevokeInvite(invite) => self.revoke_answered(invite, &answer),
            Effect::TakeInvite(invite) => self.take_answered(invite, answer),
            // A refused acknowledgement: the cells come again.
            Effect::Ack(..) | Effect::Wake(_) | Effect::Tell(_) => Ok(()),
        }
    }
}

/// The first rows of a new vault: a new identity, my name, receipts on, no relay.
///
/// `name` is cut to what invites can carry.
pub fn found(name: &str, rng: &mut impl CryptoRng) -> Vec<Change> {
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut_slice());
    let me = Me {
        seed: Hidden::copy(seed.as_slice()),
        name: sanitize::name(name),
        relay: None,
        receipts: true,
        words: None,
    };
    vec![Change::Put(Me::KEY, me.write()), Change::Put(Counter::KEY, Counter::default().write())]
}
