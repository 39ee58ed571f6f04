//! What a client pays to keep a state: it reads and writes it whole for every cell.
//!
//! Spec: docs/spec/at-rest.md, "Rows". Invariant: the states are those of real conversations, the row is sealed as the vault
//! seals it, and the disk is left out.

use std::cell::RefCell;
use std::hint::black_box;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subrosa_crypto::{KdfParams, MAX_CLOSED, RowKey, RowRef, Session, StoreHeader, Unlock};

use crate::chat::{Chat, IDA, JON};
use crate::meter::{Meter, clocked};

const HERE: RowRef<'_> = RowRef { row: 1, schema: 1, clear: &[0; 16] };

pub(crate) fn print() {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let params = KdfParams::new(64 * 1024, 3, 1).unwrap();
    let (_, dek) = StoreHeader::create(&Unlock::Keyring(&[1; 32]), params, &mut rng).unwrap();
    let (key, rng) = (dek.row_key(1, 0), RefCell::new(rng));
    let mut chat = Chat::new();
    chat.alternate(MAX_CLOSED + 2);
    let short = chat.sessions[IDA].clone();
    (0..(MAX_CLOSED + 2)).for_each(|_| {
        (0..60).for_each(|_| chat.say(JON));
        chat.say(IDA);
    });
    let long = chat.sessions[IDA].clone();
    let cells = chat.seal_many(JON, 1_000);
    chat.open(IDA, &cells[999]);
    let mut meter = Meter::default();
    row(&mut meter, "ping-pong, 64 closed epochs", (&short, &key, &rng));
    row(&mut meter, "60 cells in each of 64 epochs", (&long, &key, &rng));
    row(&mut meter, "and 999 missing", (&chat.sessions[IDA], &key, &rng));
    meter.print("a state's row: encode and seal; open and decode");
}

fn row<'a>(
    meter: &mut Meter<'a>,
    name: &str,
    (session, key, rng): (&'a Session, &'a RowKey, &'a RefCell<ChaCha20Rng>),
) {
    let sealed = key.seal(&HERE, &session.write(), &mut *rng.borrow_mut()).unwrap();
    let names = [format!("{name}: {} bytes, write", sealed.len()), format!("{name}: read")];
    let [write, read] = names.map(|name| &*name.leak());
    meter.case(write, || {
        clocked(2, || _ = black_box(key.seal(&HERE, &session.write(), &mut *rng.borrow_mut()).unwrap()))
    });
    meter.case(read, move || {
        clocked(2, || _ = black_box(Session::parse(&key.open(&HERE, &sealed).unwrap()).unwrap()))
    });
}
