//! Every row of the vault.
//!
//! Spec: docs/ARCHITECTURE.md, "The client's rows". Invariant: bytes that are no row are refused by a value; a row that
//! was read keeps what it says when it is written and read again.

use subrosa_engine::rows::{
    Bad, Clock, Contact, Counter, Draft, Gap, Handshake, Inbound, Invite, Me, Message, OutCell, Outbox, Part,
    RatchetRow, Receipt, Row, Session, Timer, Unsealed,
};

use super::{Target, engine};

pub(super) const TARGETS: &[Target] = &[Target { name: "rows", longest: 4_200, run: rows, seeds }];

/// Reads a row of type `R`; what was read, written once more, is the same.
fn row<R: Row>(bytes: &[u8]) {
    if let Ok(row) = R::parse(bytes) {
        let once = row.write();
        let Ok(again) = R::parse(&once) else { panic!("a row that was read can't be read again") };
        assert!(again.write() == once, "a row changes whenever it is written");
    }
}

const ROWS: [fn(&[u8]); 20] = [
    row::<Contact>,
    row::<Session>,
    row::<RatchetRow>,
    row::<Inbound>,
    row::<Outbox>,
    row::<OutCell>,
    row::<Message>,
    row::<Invite>,
    row::<Handshake>,
    row::<Timer>,
    row::<Part>,
    row::<Unsealed>,
    row::<Draft>,
    row::<Gap>,
    row::<Bad>,
    row::<Receipt>,
    row::<Me>,
    row::<Counter>,
    row::<Clock>,
    |_| {},
];

/// Which row, then its bytes.
fn rows(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else { return };
    ROWS[usize::from(*which) % ROWS.len()](bytes);
}

/// The short rows of two people who have met.
fn seeds() -> Vec<Vec<u8>> {
    let kinds = [16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut seeds = Vec::new();
    for (table, bytes) in engine::rows() {
        let kind = kinds[usize::from(table - 1)];
        let known = seeds.iter().filter(|seed: &&Vec<u8>| seed[0] == kind).count();
        if known < 2 && bytes.len() < 2_000 {
            seeds.push([&[kind][..], &bytes].concat());
        }
    }
    seeds
}
