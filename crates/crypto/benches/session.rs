//! What a session costs, on one thread: `cargo bench -p subrosa-crypto --bench session`.
//!
//! Spec: docs/spec/ratchet.md, "Limits". Invariant: every figure is the median of rounds over the public API, printed and
//! compared with nothing: the machine decides, and floors are for the reader.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use subrosa_codec::{Cell, Day, Millis};
use subrosa_crypto::{
    Bundle, Identity, IdentitySeed, Introduction, InviteKeys, InviteKind, InviteTerms, MAX_CLOSED, OpenError,
    Part, QueueDescriptor, QueueEntry, Session, Weight, accept, join,
};

const JON: usize = 0;
const IDA: usize = 1;
/// Forged cells that are opened in one sweep.
const FORGED: u32 = 100_000;
/// Rounds that a median is taken of: many and short, so that another program's turn falls into few of them.
const ROUNDS: usize = 101;

/// Two people who talk, and the cost of the rest of the world left out.
struct Chat {
    people: [Identity; 2],
    sessions: [Session; 2],
    part: Part,
    rng: ChaCha20Rng,
}

/// What first contact is made of.
struct Meeting {
    people: [Identity; 2],
    place: QueueDescriptor,
    rng: ChaCha20Rng,
}

impl Meeting {
    fn new() -> Self {
        let people = [1, 2].map(|seed| Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0));
        let entry = QueueEntry { relay: [1; 32], write: [2; 32], host: "relay.example".into(), port: 1 };
        let place = QueueDescriptor::new(entry, None).unwrap();
        Self { people, place, rng: ChaCha20Rng::from_seed([7; 32]) }
    }

    /// The invite, and what the joiner answers to it.
    fn meet(&mut self) -> (InviteKeys, Cell, [Session; 2]) {
        let [jon, ida] = &self.people;
        let terms = InviteTerms {
            kind: InviteKind::OneTime,
            relay_key_hash: [1; 32],
            host: "relay.example",
            port: 1,
            descriptor: &self.place,
            name: "Ida",
            expires: Day(7),
        };
        let created = InviteKeys::create(ida, &terms, &mut self.rng).unwrap();
        let bundle = Bundle::open(&created.link, &created.bundle, jon.public(), Day(0)).unwrap();
        let (name, greeting) = ("Jon".into(), String::new());
        let intro = Introduction { descriptor: self.place.clone(), name, greeting };
        let joined = join(jon, &bundle, &intro, &mut self.rng).unwrap();
        let accepted = accept(ida, &created.keys, &joined.cell, |_| false).unwrap();
        (created.keys, joined.cell, [joined.session, accepted.session])
    }
}

impl Chat {
    fn new() -> Self {
        let mut meeting = Meeting::new();
        let (_, _, sessions) = meeting.meet();
        let Meeting { people, place: _, rng } = meeting;
        Self { people, sessions, part: Part::single(&[7; 100]).unwrap(), rng }
    }

    fn seal(&mut self, from: usize) -> Cell {
        let sealed = self.sessions[from].seal(&self.part, Weight::Text, &mut self.rng).unwrap();
        self.sessions[from] = sealed.next;
        sealed.cell
    }

    fn open(&mut self, to: usize, cell: &Cell) {
        self.sessions[to] = self.sessions[to].open(&self.people[to], cell, Millis(1)).unwrap().next;
    }

    fn say(&mut self, from: usize) {
        let cell = self.seal(from);
        self.open(1 - from, &cell);
    }

    /// Both speak `turns` times, a step for each.
    fn alternate(&mut self, turns: u32) {
        (0..turns).for_each(|_| [JON, IDA].into_iter().for_each(|from| self.say(from)));
    }
}

/// What one of `count` operations costs, where `round` does all of them and says how long they took.
fn report(name: &str, count: u32, mut round: impl FnMut() -> Duration) {
    let mut rounds = [0.0; ROUNDS].map(|_: f64| round().as_secs_f64() * 1e6 / f64::from(count));
    rounds.sort_by(f64::total_cmp);
    println!("{name:<56}{:>9.1} µs", rounds[ROUNDS / 2]);
}

/// How long `count` calls take.
fn timed(count: u32, mut call: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..count).for_each(|_| call());
    start.elapsed()
}

fn first_contact() {
    let mut meeting = Meeting::new();
    let (keys, cell, _) = meeting.meet();
    report("invite, bundle, join and accept together", 2, || timed(2, || _ = black_box(meeting.meet())));
    let accept = || accept(&meeting.people[IDA], &keys, &cell, |_| false).unwrap();
    report("accept a handshake", 4, || timed(4, || _ = black_box(accept())));
}

/// The daily figures, in a chat that remembers as many closed chains as there can be.
fn talk() {
    let mut chat = Chat::new();
    chat.alternate(MAX_CLOSED as u32 + 2);
    report("alternating, seal + open, a step for each message", 8, || timed(4, || chat.alternate(1)));
    report("one chain, seal + open", 60, || {
        chat.alternate(1);
        chat.say(IDA);
        chat.say(JON);
        timed(60, || chat.say(JON))
    });
    chat.alternate(MAX_CLOSED as u32 + 2);
    let state = chat.sessions[IDA].write();
    println!("{:<56}{:>9} bytes", "state in a chat", state.len());
    report("state, write", 40, || timed(40, || _ = black_box(chat.sessions[IDA].write())));
    report("state, parse", 40, || timed(40, || _ = black_box(Session::parse(&state).unwrap())));
}

/// The parts of the daily figures: nothing is kept.
fn parts() {
    let mut chat = Chat::new();
    chat.alternate(MAX_CLOSED as u32 + 2);
    let Chat { people: [_, ida], sessions: [joiner, inviter], part, rng } = &mut chat;
    let step = joiner.seal(part, Weight::Text, rng).unwrap();
    report("seal with a step", 8, || {
        timed(8, || _ = black_box(joiner.seal(part, Weight::Text, rng).unwrap()))
    });
    report("open with a step", 8, || {
        timed(8, || _ = black_box(inviter.open(ida, &step.cell, Millis(1)).unwrap()))
    });
    let inviter = inviter.open(ida, &step.cell, Millis(1)).unwrap().next;
    let joiner = step.next;
    let next = joiner.seal(part, Weight::Text, rng).unwrap();
    report("seal in a chain", 40, || {
        timed(40, || _ = black_box(joiner.seal(part, Weight::Text, rng).unwrap()))
    });
    report("open in a chain", 40, || {
        timed(40, || _ = black_box(inviter.open(ida, &next.cell, Millis(1)).unwrap()))
    });
}

/// What somebody can cause who puts cells into a queue (A7).
fn hostile() {
    let mut chat = Chat::new();
    chat.alternate(MAX_CLOSED as u32 + 2);
    let damaged = flipped(&chat.seal(JON));
    let (session, me) = (&chat.sessions[IDA], &chat.people[IDA]);
    let refused = |cell: &Cell| session.open(me, cell, Millis(1)).unwrap_err();
    report("a damaged body under the next epoch's header", 8, || {
        timed(8, || assert!(matches!(refused(&damaged), OpenError::BadBody { .. })))
    });
    let before = session.write();
    let mut forged = Cell::zeroed();
    let rng = &mut chat.rng;
    let mut attempt = || {
        rng.fill_bytes(&mut forged.as_mut_bytes()[..64]);
        assert_eq!(refused(&forged), OpenError::NotOurs);
    };
    report("a forged cell: all 66 header keys tried", 5, || timed(5, &mut attempt));
    let all = timed(FORGED, attempt);
    assert!(*before == *session.write(), "nothing of it is kept");
    println!("{:<56}{:>9.1} s", "100,000 forged cells", all.as_secs_f64());
    (0..949).for_each(|_| _ = chat.seal(JON));
    let far = chat.seal(JON);
    let (session, me) = (&chat.sessions[IDA], &chat.people[IDA]);
    report("open past 950 missing cells", 1, || {
        timed(1, || _ = black_box(session.open(me, &far, Millis(1)).unwrap()))
    });
}

/// `cell` with another body.
fn flipped(cell: &Cell) -> Cell {
    let mut other = cell.clone();
    other.as_mut_bytes()[4_000] ^= 1;
    other
}

fn main() {
    first_contact();
    talk();
    parts();
    hostile();
}
