//! [`Chat`]: two people who talk in a given [`Shape`] over a prompt or a late network, with heartbeats by the rules.
//!
//! Spec: docs/spec/ratchet.md, "Heartbeats". Invariant: everything is drawn from one seed.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use subrosa_codec::{Cell, Day, Millis};
use subrosa_crypto::{
    Bundle, Identity, IdentitySeed, Introduction, InviteKeys, InviteKind, InviteTerms, Part, QueueDescriptor,
    QueueEntry, Session, Weight, accept, join,
};

/// Who speaks when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// By turns, a minute apart.
    PingPong,
    /// One of the two says nine of ten, by chance; a minute apart.
    TenNinety,
    /// Fifty by one, fifty by the other; a minute apart.
    Bursts,
    /// One speaks every ten minutes, the other's client sends heartbeats.
    OneSided,
    /// One speaks every three hours, the other's client sends heartbeats.
    OneSidedSlow,
}

/// A cell on the wire.
pub(crate) struct Flight {
    pub(crate) from: usize,
    pub(crate) epoch: u32,
    pub(crate) cell: Cell,
    pub(crate) opened: bool,
    due: u32,
}

pub(crate) struct Chat {
    pub(crate) people: [Identity; 2],
    pub(crate) sessions: [Session; 2],
    pub(crate) wire: Vec<Flight>,
    pub(crate) now: Millis,
    pub(crate) rng: ChaCha20Rng,
    shape: Shape,
    late: bool,
    talker: usize,
    act: u32,
    /// For each side, the first unanswered cell's time and the chance part drawn with it.
    patience: [Option<(Millis, Millis)>; 2],
}

pub(crate) fn seed_of(who: usize) -> [u8; 32] {
    [who as u8 + 1; 32]
}

impl Chat {
    pub(crate) fn new(shape: Shape, late: bool, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let people = [0, 1].map(|who| Identity::derive(&IdentitySeed::from_bytes(seed_of(who)), 0));
        let entry = QueueEntry { relay: [1; 32], write: [2; 32], host: "relay.example".into(), port: 1 };
        let place = QueueDescriptor::new(entry, None).unwrap();
        let terms = InviteTerms {
            kind: InviteKind::OneTime,
            relay_key_hash: [1; 32],
            host: "relay.example",
            port: 1,
            descriptor: &place,
            name: "Ida",
            expires: Day(7),
        };
        let created = InviteKeys::create(&people[1], &terms, &mut rng).unwrap();
        let bundle = Bundle::open(&created.link, &created.bundle, people[0].public(), Day(0)).unwrap();
        let intro = Introduction { descriptor: place.clone(), name: "Jon".into(), greeting: String::new() };
        let joined = join(&people[0], &bundle, &intro, &mut rng).unwrap();
        let accepted = accept(&people[1], &created.keys, &joined.cell, |_| false).unwrap();
        let talker = (rng.next_u32() % 2) as usize;
        let sessions = [joined.session, accepted.session];
        let (wire, now, patience) = (Vec::new(), Millis::HOUR, [None; 2]);
        Self { people, sessions, wire, now, rng, shape, late, talker, act: 0, patience }
    }

    /// The next text, what arrives after it, and the heartbeats that are due then.
    pub(crate) fn act(&mut self) {
        let minutes = match self.shape {
            Shape::PingPong | Shape::TenNinety | Shape::Bursts => 1,
            Shape::OneSided => 10,
            Shape::OneSidedSlow => 180,
        };
        self.now = self.now.plus(Millis(minutes * 60_000));
        let turn = (self.act as usize / if self.shape == Shape::Bursts { 50 } else { 1 }) % 2;
        let from = match self.shape {
            Shape::PingPong | Shape::Bursts => turn,
            Shape::TenNinety if self.rng.next_u32().is_multiple_of(10) => 1 - self.talker,
            Shape::TenNinety | Shape::OneSided | Shape::OneSidedSlow => self.talker,
        };
        self.seal(from, Weight::Text);
        self.arrive();
        for side in [0, 1] {
            if self.heartbeat_is_due(side) {
                self.seal(side, Weight::Heartbeat);
            }
        }
        self.arrive();
        self.act += 1;
    }

    fn seal(&mut self, from: usize, weight: Weight) {
        if self.sessions[from].refusal(weight).is_some() {
            return;
        }
        let part = Part::single(&self.wire.len().to_le_bytes()).unwrap();
        let sealed = self.sessions[from].seal(&part, weight, &mut self.rng).unwrap();
        self.sessions[from] = sealed.next;
        let delay = match self.rng.next_u32() % 50 {
            _ if !self.late => 0,
            0 => 40,
            chance => chance % 5,
        };
        let epoch = self.sessions[from].epoch_sent().unwrap();
        self.wire.push(Flight { from, epoch, cell: sealed.cell, opened: false, due: self.act + delay });
    }

    fn arrive(&mut self) {
        for flight in self.wire.iter_mut().filter(|flight| !flight.opened && flight.due <= self.act) {
            let to = 1 - flight.from;
            self.sessions[to] =
                self.sessions[to].open(&self.people[to], &flight.cell, self.now).unwrap().next;
            flight.opened = true;
        }
    }

    fn heartbeat_is_due(&mut self, side: usize) -> bool {
        let (session, hours) = (&self.sessions[side], 3_600_000);
        let unanswered = session.unanswered();
        if self.patience[side].map(|(since, _)| since) != unanswered.since {
            let extra = Millis(self.rng.next_u64() % (6 * hours));
            self.patience[side] = unanswered.since.map(|since| (since, extra));
        }
        let waited = self.patience[side]
            .is_some_and(|(since, extra)| self.now >= since.plus(Millis(24 * hours)).plus(extra));
        session.my_turn() && (unanswered.count >= 50 || waited || session.refusal(Weight::Text).is_some())
    }
}
