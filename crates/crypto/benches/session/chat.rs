//! [`Meeting`] and [`Chat`]: two people, and the cost of the rest of the world left out.
//!
//! Spec: docs/spec/handshake.md, docs/spec/ratchet.md. Invariant: only the public API is used, as the engine uses it.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subrosa_codec::{Cell, Day, Millis};
use subrosa_crypto::{
    Accepted, Bundle, Created, Identity, IdentitySeed, Introduction, InviteKeys, InviteKind, InviteTerms,
    Joined, Part, QueueDescriptor, QueueEntry, Session, Weight, accept, join,
};

pub(crate) const JON: usize = 0;
pub(crate) const IDA: usize = 1;

/// Two people who talk.
#[derive(Clone)]
pub(crate) struct Chat {
    pub(crate) people: [std::rc::Rc<Identity>; 2],
    pub(crate) sessions: [Session; 2],
    pub(crate) part: Part,
    pub(crate) rng: ChaCha20Rng,
}

/// What first contact is made of.
#[derive(Clone)]
pub(crate) struct Meeting {
    pub(crate) people: [std::rc::Rc<Identity>; 2],
    place: QueueDescriptor,
    pub(crate) rng: ChaCha20Rng,
}

impl Meeting {
    pub(crate) fn new() -> Self {
        let people = [1, 2].map(|seed| Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0).into());
        let entry = QueueEntry { relay: [1; 32], write: [2; 32], host: "relay.example".into(), port: 1 };
        let place = QueueDescriptor::new(entry, None).unwrap();
        Self { people, place, rng: ChaCha20Rng::from_seed([7; 32]) }
    }

    pub(crate) fn invite(&mut self) -> Created {
        let terms = InviteTerms {
            kind: InviteKind::OneTime,
            relay_key_hash: [1; 32],
            host: "relay.example",
            port: 1,
            descriptor: &self.place,
            name: "Ida",
            expires: Day(7),
        };
        InviteKeys::create(&self.people[IDA], &terms, &mut self.rng).unwrap()
    }

    /// Opens and verifies the bundle, and answers it.
    pub(crate) fn join(&mut self, created: &Created) -> Joined {
        let jon = &self.people[JON];
        let bundle = Bundle::open(&created.link, &created.bundle, jon.public(), Day(0)).unwrap();
        let (name, greeting) = ("Jon".into(), String::new());
        let intro = Introduction { descriptor: self.place.clone(), name, greeting };
        join(jon, &bundle, &intro, &mut self.rng).unwrap()
    }

    pub(crate) fn accept(&self, keys: &InviteKeys, cell: &Cell) -> Accepted {
        accept(&self.people[IDA], keys, cell, |_| false).unwrap()
    }
}

impl Chat {
    pub(crate) fn new() -> Self {
        let mut meeting = Meeting::new();
        let created = meeting.invite();
        let joined = meeting.join(&created);
        let accepted = meeting.accept(&created.keys, &joined.cell);
        let Meeting { people, place: _, rng } = meeting;
        let sessions = [joined.session, accepted.session];
        Self { people, sessions, part: Part::single(&[7; 100]).unwrap(), rng }
    }

    pub(crate) fn seal(&mut self, from: usize) -> Cell {
        let sealed = self.sessions[from].seal(&self.part, Weight::Text, &mut self.rng).unwrap();
        self.sessions[from] = sealed.next;
        sealed.cell
    }

    /// `count` cells that nobody opens; heartbeats, as texts wait earlier.
    pub(crate) fn seal_many(&mut self, from: usize, count: usize) -> Vec<Cell> {
        let mut seal = || {
            let sealed = self.sessions[from].seal(&self.part, Weight::Heartbeat, &mut self.rng).unwrap();
            self.sessions[from] = sealed.next;
            sealed.cell
        };
        (0..count).map(|_| seal()).collect()
    }

    pub(crate) fn open(&mut self, to: usize, cell: &Cell) {
        self.sessions[to] = self.sessions[to].open(&self.people[to], cell, Millis(1)).unwrap().next;
    }

    /// Both states go through their bytes, as they do between two transactions of a client.
    pub(crate) fn store(&mut self) {
        self.sessions = self.sessions.each_ref().map(|session| Session::parse(&session.write()).unwrap());
    }

    pub(crate) fn say(&mut self, from: usize) {
        let cell = self.seal(from);
        self.open(1 - from, &cell);
    }

    /// Both speak `turns` times, a step for each.
    pub(crate) fn alternate(&mut self, turns: usize) {
        (0..turns).for_each(|_| [JON, IDA].into_iter().for_each(|from| self.say(from)));
    }
}
