//! What somebody can cause who puts cells into a queue (A7).
//!
//! Spec: docs/spec/ratchet.md, "Limits". Invariant: after all of it the state is what it was, to the byte.

use std::hint::black_box;

use rand_core::Rng;
use subrosa_codec::{Cell, Millis};
use subrosa_crypto::{MAX_CLOSED, OpenError};

use crate::chat::{Chat, IDA, JON};
use crate::meter::{Meter, clocked};

/// Forged cells that are opened in one sweep.
const FORGED: u32 = 100_000;

pub(crate) fn print() {
    let (mut young, mut old) = (Chat::new(), Chat::new());
    young.say(JON);
    old.alternate(MAX_CLOSED + 2);
    let damaged = damaged(&old.seal(JON));
    let (me, session) = (old.people[IDA].clone(), old.sessions[IDA].clone());
    let mut meter = Meter::default();
    meter.case("a forged cell, young session: 2 header keys tried", || refused(&mut young, 40));
    meter.case("a forged cell, 64 closed epochs: 66 header keys tried", || refused(&mut old, 4));
    meter.case("a damaged body under the next epoch's own header", move || {
        clocked(4, || {
            let refused = black_box(session.open(&me, &damaged, Millis(1)));
            assert!(matches!(refused, Err(OpenError::BadBody { .. })));
        })
    });
    meter.print("hostile cells");
    for (name, chat) in [("young session", &mut young), ("64 closed epochs", &mut old)] {
        let before = chat.sessions[IDA].write();
        let seconds = refused(chat, FORGED) * f64::from(FORGED) * 1e-6;
        assert!(*before == *chat.sessions[IDA].write(), "nothing of it is kept");
        println!("100,000 forged cells, {name:<40} |{seconds:>7.2} s | state unchanged");
    }
}

/// Opens `count` cells that nobody sealed, each another; what one costs.
fn refused(chat: &mut Chat, count: u32) -> f64 {
    let (session, me, rng) = (&chat.sessions[IDA], &chat.people[IDA], &mut chat.rng);
    let mut forged = Cell::zeroed();
    rng.fill_bytes(forged.as_mut_bytes());
    let mut number = 0_u64;
    clocked(count, || {
        number += 1;
        forged.as_mut_bytes()[..8].copy_from_slice(&number.to_le_bytes());
        assert_eq!(session.open(me, &forged, Millis(1)).unwrap_err(), OpenError::NotOurs);
    })
}

/// `cell` with another body.
fn damaged(cell: &Cell) -> Cell {
    let mut other = cell.clone();
    other.as_mut_bytes()[4_000] ^= 1;
    other
}
