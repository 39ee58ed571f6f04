//! What two people do before they are forgotten: the same for the same seed, on every run.
//!
//! Spec: docs/security/erasure.md. Invariant: nothing here copies a secret but what is left on purpose.

use core::hint::black_box;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::convert::Infallible;

use subrosa_codec::{Cell, Millis};
use zeroize::Zeroizing;

use crate::testing::{TODAY, descriptor, terms};
use crate::{
    Bundle, Identity, IdentitySeed, Introduction, InviteKeys, InviteKind, KdfParams, Part, RecoveryIntro,
    RecoveryKey, RowRef, Session, StoreHeader, Unlock, Weight, accept, accept_recovery, join, recover,
};

const NOW: Millis = Millis(1_700_000_000_000);

/// Randomness that keeps nothing: one byte at a time, none of which stays in the state as it was given.
struct Bytes(u64);

impl rand_core::TryRng for Bytes {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("nothing of ours draws words")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("nothing of ours draws words")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            *byte = (self.0 >> 56) as u8 ^ (self.0 >> 40) as u8;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Bytes {}

/// Two people in one conversation.
struct Pair {
    people: [Identity; 2],
    sessions: [Session; 2],
    rng: Bytes,
}

const JON: usize = 0;
const IDA: usize = 1;

/// Everything, and nothing of it kept.
pub(super) fn all() {
    drop(conversation());
}

/// Runs `acts` far enough down the stack that whoever waits afterwards treads on nothing of theirs.
#[inline(never)]
pub(super) fn deep<T>(acts: impl FnOnce() -> T) -> T {
    let pad = [0_u8; 1 << 16];
    black_box(&pad);
    acts()
}

/// Everything, and what `left` says is left behind.
#[inline(never)]
pub(super) fn leaving(left: &str) -> Option<Box<dyn Any>> {
    match left {
        "nothing" => all(),
        "sessions" => return Some(Box::new(conversation().sessions)),
        "freed" => drop(black_box(seed_of(&conversation()).to_vec())),
        // Far enough down that erasing the rest does not tread on it.
        "stack" => {
            let pair = conversation();
            deep(|| tread(seed_of(&pair)));
        }
        _ => unreachable!("{left}"),
    }
    None
}

/// The secret that the controls make a copy of.
fn seed_of(pair: &Pair) -> &[u8; 64] {
    pair.people[JON].kem().expose()
}

/// Leaves a copy in a frame that ends.
#[inline(never)]
fn tread(seed: &[u8; 64]) {
    let copy = *seed;
    black_box(&copy);
}

fn conversation() -> Pair {
    let mut pair = first_contact();
    stored(&mut pair);
    for _ in 0..2 {
        pair.say(IDA);
        pair.say(JON);
        pair.say(JON);
    }
    let late = pair.seal(IDA);
    pair.say(IDA);
    pair.say(JON);
    pair.open(JON, &late);
    recovered(&mut pair);
    pair.say(IDA);
    pair.say(JON);
    // One that never comes: its key waits.
    drop(pair.seal(IDA));
    pair.say(IDA);
    stored(&mut pair);
    pair
}

fn first_contact() -> Pair {
    let mut rng = Bytes(7);
    let person = |rng: &mut Bytes| Identity::derive(&IdentitySeed::generate(rng), 0);
    let people = [person(&mut rng), person(&mut rng)];
    let place = descriptor(3);
    let terms = terms(InviteKind::OneTime, &place);
    let mut created = InviteKeys::create(&people[IDA], &terms, &mut rng).unwrap();
    let bundle = Bundle::open(&created.link, &created.bundle, people[JON].public(), TODAY).unwrap();
    let intro = Introduction { descriptor: descriptor(5), name: "Jon".into(), greeting: "hi".into() };
    let joined = join(&people[JON], &bundle, &intro, &mut rng).unwrap();
    let keys = InviteKeys::parse(&created.keys.write()).unwrap();
    let accepted = accept(&people[IDA], &keys, &joined.cell, |_| false).unwrap();
    created.keys.burn();
    Pair { people, sessions: [joined.session, accepted.session], rng }
}

/// Both sessions go to the disk, sealed, and come back.
fn stored(pair: &mut Pair) {
    let mut key = Zeroizing::new([0; 32]);
    rand_core::Rng::fill_bytes(&mut pair.rng, key.as_mut_slice());
    let unlock = Unlock::Keyring(&key);
    let (header, dek) = StoreHeader::create(&unlock, KdfParams::FLOOR, &mut pair.rng).unwrap();
    let row_key = dek.row_key(1, 0);
    let at = RowRef { row: 1, schema: 1, clear: &[] };
    for session in &mut pair.sessions {
        let row = row_key.seal(&at, &session.write(), &mut pair.rng).unwrap();
        let again = header.open(&unlock).unwrap().row_key(1, 0);
        *session = Session::parse(&again.open(&at, &row).unwrap()).unwrap();
    }
}

/// Jon comes back without his session.
fn recovered(pair: &mut Pair) {
    let Pair { people: [jon, ida], sessions, rng } = pair;
    let key = RecoveryKey::generate(rng);
    let key = RecoveryKey::parse(&key.write()).unwrap();
    let intro = RecoveryIntro { descriptor: descriptor(5), reason: 1, ack_high: 0, ack_hash: [0; 32] };
    let (session, cell) = recover(jon, ida.public(), &key, &intro, rng).unwrap();
    let keys = Vec::from([key]);
    let other = accept_recovery(ida, jon.public(), &keys, &cell).unwrap();
    *sessions = [session, other.session];
}

impl Pair {
    fn say(&mut self, from: usize) {
        let cell = self.seal(from);
        self.open(1 - from, &cell);
    }

    fn seal(&mut self, from: usize) -> Cell {
        let part = Part::single(b"text").unwrap();
        let sealed = self.sessions[from].seal(&part, Weight::Text, &mut self.rng).unwrap();
        self.sessions[from] = sealed.next;
        sealed.cell
    }

    fn open(&mut self, to: usize, cell: &Cell) {
        self.sessions[to] = self.sessions[to].open(&self.people[to], cell, NOW).unwrap().next;
    }
}
