//! [`handle`]: what each event leads to, one file per noun.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: nothing is written but through the transition.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use subrosa_codec::Millis;

use crate::event::{Event, Transition};
use crate::rows::{Change, Corrupt, Counter, Hidden, Me, Row, Rows};

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
    let _ = (rows, event, now, rng);
    Ok(Transition::default())
}

/// The first rows of a new vault: a new identity, my name, receipts on, no relay.
///
/// `name` is cut to what invites can carry.
pub fn found(name: &str, rng: &mut impl CryptoRng) -> Vec<Change> {
    let seed = zeroize::Zeroizing::new({
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        seed
    });
    let me = Me { seed: Hidden::copy(&*seed), name: name.to_string(), relay: None, receipts: true };
    vec![Change::Put(Me::KEY, me.write()), Change::Put(Counter::KEY, Counter::default().write())]
}
