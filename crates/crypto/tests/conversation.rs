//! Two people through the public API alone: an invite, a handshake, a chat with restarts, loss and long messages.
//!
//! Spec: docs/spec/ratchet.md. Invariant: every state passes through its stored form before it is used again, as it does
//! in a client.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subrosa_codec::{Cell, Day, Millis};
use subrosa_crypto::{
    Bundle, Identity, IdentitySeed, Introduction, InviteKeys, InviteKind, InviteTerms, Level, OpenError,
    Opened, Part, QueueDescriptor, QueueEntry, RecoveryIntro, RecoveryKey, SealError, Session, SessionEvent,
    Weight, accept, accept_recovery, assemble, join, recover, split,
};

const JON: usize = 0;
const IDA: usize = 1;

struct Chat {
    people: [Identity; 2],
    sessions: [Session; 2],
    rng: ChaCha20Rng,
}

fn place() -> QueueDescriptor {
    let entry = QueueEntry { relay: [1; 32], write: [2; 32], host: "relay.example".into(), port: 1 };
    QueueDescriptor::new(entry, None).unwrap()
}

impl Chat {
    fn new(kind: InviteKind) -> Self {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let people = [1, 2].map(|seed| Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0));
        let place = place();
        let terms = InviteTerms {
            kind,
            relay_key_hash: [1; 32],
            host: "relay.example",
            port: 1,
            descriptor: &place,
            name: "Ida",
            expires: Day(7),
        };
        let created = InviteKeys::create(&people[IDA], &terms, &mut rng).unwrap();
        let bundle = Bundle::open(&created.link, &created.bundle, people[JON].public(), Day(0)).unwrap();
        let intro = Introduction { descriptor: place.clone(), name: "Jon".into(), greeting: String::new() };
        let joined = join(&people[JON], &bundle, &intro, &mut rng).unwrap();
        let accepted = accept(&people[IDA], &created.keys, &joined.cell, |_| false).unwrap();
        Self { people, sessions: [joined.session, accepted.session], rng }
    }

    fn seal(&mut self, from: usize, part: &Part, weight: Weight) -> Result<Cell, SealError> {
        let sealed = self.sessions[from].seal(part, weight, &mut self.rng)?;
        self.sessions[from] = Session::parse(&sealed.next.write()).unwrap();
        Ok(sealed.cell)
    }

    fn open(&mut self, to: usize, cell: &Cell) -> Result<Opened, OpenError> {
        let opened = self.sessions[to].open(&self.people[to], cell, Millis(1))?;
        self.sessions[to] = Session::parse(&opened.next.write()).unwrap();
        Ok(opened)
    }

    fn say(&mut self, from: usize, text: &str) -> Opened {
        let cell = self.seal(from, &Part::single(text.as_bytes()).unwrap(), Weight::Text).unwrap();
        let opened = self.open(1 - from, &cell).unwrap();
        assert_eq!(*opened.part.content, text.as_bytes());
        opened
    }
}

#[test]
fn two_people_meet_talk_and_reach_mutual_proof() {
    let mut chat = Chat::new(InviteKind::OneTime);
    assert_eq!(chat.sessions[JON].id(), chat.sessions[IDA].id());
    chat.say(JON, "already?");
    assert_eq!(chat.say(IDA, "hello").events, [SessionEvent::Raised(Level::PeerPq)]);
    assert_eq!(chat.say(JON, "hi").events, [SessionEvent::Raised(Level::MutualPq)]);
    assert_eq!(chat.say(IDA, "good").events, [SessionEvent::Raised(Level::MutualPq)]);
    for turn in 0..300 {
        let opened = chat.say(turn % 3 % 2, "and so on");
        assert_eq!(opened.events, []);
    }
}

#[test]
fn a_joiner_at_an_address_says_nothing_before_the_answer() {
    let mut chat = Chat::new(InviteKind::Address);
    let early = chat.seal(JON, &Part::single(b"too early").unwrap(), Weight::Text);
    assert_eq!(early.unwrap_err(), SealError::WaitForPeer);
    chat.say(IDA, "come in");
    chat.say(JON, "thanks");
}

#[test]
fn a_long_message_arrives_whole_in_any_order() {
    // CEL-11, CEL-14.
    let mut chat = Chat::new(InviteKind::OneTime);
    chat.say(IDA, "hello");
    let long: Vec<u8> = (0..50_000u32).map(|i| i as u8).collect();
    let cells: Vec<Cell> =
        split(&long).unwrap().iter().map(|part| chat.seal(JON, part, Weight::Text).unwrap()).collect();
    let mut parts: Vec<Part> = cells.iter().rev().map(|cell| chat.open(IDA, cell).unwrap().part).collect();
    parts.sort_by_key(|part| part.index);
    assert_eq!(*assemble(&parts).unwrap(), long);
}

#[test]
fn a_cell_is_sent_again_until_it_is_acknowledged() {
    // RAT-20.
    let mut chat = Chat::new(InviteKind::OneTime);
    let lost = chat.seal(JON, &Part::single(b"lost").unwrap(), Weight::Text).unwrap();
    assert_eq!(chat.say(JON, "heard").events, [SessionEvent::Gap { from: 0, to: 0 }]);
    assert_eq!(chat.say(IDA, "what was the first?").outbox_low, 0);
    assert_eq!((chat.sessions[JON].outbox_low(), chat.sessions[JON].peer_high()), (0, 2));
    chat.open(IDA, &lost).unwrap();
    assert_eq!(chat.say(IDA, "ah").outbox_low, 2);
    assert_eq!(chat.open(IDA, &lost).unwrap_err(), OpenError::Duplicate);
}

#[test]
fn a_restored_backup_meets_again_through_recovery() {
    let mut chat = Chat::new(InviteKind::OneTime);
    chat.say(IDA, "hello");
    let key = RecoveryKey::generate(&mut chat.rng);
    let intro = RecoveryIntro { descriptor: place(), reason: 0, ack_high: 0, ack_hash: [0; 32] };
    let peer = chat.people[IDA].public().clone();
    let (session, cell) = recover(&chat.people[JON], &peer, &key, &intro, &mut chat.rng).unwrap();
    let back = accept_recovery(&chat.people[IDA], chat.people[JON].public(), &[key], &cell).unwrap();
    let old = core::mem::replace(&mut chat.sessions, [session, back.session]);
    assert_ne!(old[JON].id(), chat.sessions[JON].id());
    // The recovery cell is of no ratchet.
    assert_eq!(chat.open(JON, &cell).unwrap_err(), OpenError::NotOurs);
    chat.say(JON, "it's me");
    chat.say(IDA, "welcome back");
    chat.say(JON, "thanks");
    chat.say(IDA, "…");
    assert_eq!([chat.sessions[JON].level(), chat.sessions[IDA].level()], [Level::MutualPq; 2]);
    // The old session says that it was replaced, even under a latch, and drains.
    let replaced =
        old[IDA].seal(&Part::single(b"replaced").unwrap(), Weight::Replaced, &mut chat.rng).unwrap();
    assert!(old[JON].open(&chat.people[JON], &replaced.cell, Millis(1)).is_ok());
}
