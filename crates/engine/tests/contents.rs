//! What the contents of a peer do, those among them that no client of ours sends.
//!
//! Spec: docs/spec/content.md. Invariant: each test names the check ids that it shows.

mod world;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use subrosa_codec::{Cell, Millis};
use subrosa_crypto::{Part, QueueDescriptor, Session as Ratchet, Weight, split};
use subrosa_engine::api::{Body, Chat, Command, Message, MessageId, SendState};
use subrosa_engine::content::{
    Content, Control, Edit, Kind, Opaque, Profile, RECOVERY_LEN, Reached, Receipt, Text, Timer,
};
use subrosa_engine::rows::{Contact, Inbound, MessageBody, RatchetRow, Row, Session};
use subrosa_engine::{Change, Event, InboundId, Key, Table};

use world::World;

const ANN: usize = 0;
const BOB: usize = 1;

fn rows<T: Row>(world: &World, who: usize) -> Vec<(Key, T)> {
    let rows = world.people[who].vault.rows().filter(|(key, _)| key.table == T::TABLE);
    rows.map(|(key, bytes)| (*key, T::parse(bytes).expect("it can be read"))).collect()
}

/// Bob joined Ann; both are confirmed, and nothing is under way.
fn friends(seed: u64) -> World {
    let mut world = World::new(2, seed);
    let link = world.invite(ANN, false);
    world.drain();
    world.join(BOB, &link);
    world.live(Millis::DAY);
    world
}

/// `from` seals what no command makes, with the state that lies in their vault.
fn seal(world: &mut World, from: usize, part: &Part) -> Cell {
    let (key, ratchet) = rows::<RatchetRow>(world, from).remove(0);
    let ratchet = Ratchet::parse(&ratchet.0).expect("a state");
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(ratchet.next_seq()));
    let sealed = ratchet.seal(part, Weight::Control, &mut rng).expect("nothing bars it");
    let next = RatchetRow(subrosa_engine::Bytes::new(sealed.next.write().to_vec()));
    world.people[from].vault.apply(&[Change::Put(key, next.write())]).expect("no row is damaged");
    sealed.cell
}

fn deliver(world: &mut World, to: usize, cell: Cell) {
    let (key, _) =
        rows::<Inbound>(world, to).into_iter().find(|(_, row)| row.contact.is_some()).expect("a queue");
    let (queue, seq) = (InboundId(key.id), 1_000);
    world.raise(to, Event::Cell { queue, seq, cell }).expect("no crash is armed");
}

/// `bytes` come to the other one as a content of one part.
fn says(world: &mut World, from: usize, bytes: &[u8]) {
    let cell = seal(world, from, &split(bytes).expect("it fits")[0]);
    deliver(world, 1 - from, cell);
}

fn say(world: &mut World, from: usize, kind: Kind) {
    says(world, from, &Content::of(kind).write().expect("it can be written"));
}

fn chat(world: &World, who: usize) -> (Chat, Vec<Message>) {
    let chat = world.chats(who).remove(0);
    let messages = world.messages(who, chat.id);
    (chat, messages)
}

#[test]
fn a_content_without_an_id_is_never_answered() {
    // CON-16, CON-33.
    let mut world = friends(1);
    world.look(ANN, BOB);
    let appended = world.relay.appended();
    let target = MessageId([7; 16]);
    say(&mut world, BOB, Kind::Edit(Edit { text: "new".into(), target, revision: 1 }));
    say(&mut world, BOB, Kind::Timer(Timer { seconds: 60, revision: 1 }));
    let shown: Vec<_> = chat(&world, ANN).1.into_iter().filter(|m| matches!(m.body, Body::Newer)).collect();
    assert_eq!(shown.len(), 2, "one row each");
    world.look(ANN, BOB);
    assert_eq!(world.people[ANN].vault.count(Table::Receipt), 0);
    world.live(Millis::HOUR);
    assert_eq!(world.relay.appended(), appended);
    // What has an id is answered, so this test can see an answer.
    let text = Content::text(MessageId([8; 16]), Text { text: "hi".into(), ..Text::default() });
    says(&mut world, BOB, &text.write().expect("it can be written"));
    world.live(Millis::HOUR);
    assert_eq!(world.relay.appended(), appended + 1);
}

#[test]
fn what_is_no_content_is_kept_and_shown_as_newer() {
    // CON-34.
    let mut world = friends(2);
    says(&mut world, BOB, b"no map");
    let (_, messages) = chat(&world, ANN);
    assert!(messages.iter().any(|message| matches!(message.body, Body::Newer)));
    let kept = rows::<subrosa_engine::rows::Message>(&world, ANN);
    let kept = kept.iter().find_map(|(_, row)| match &row.body {
        MessageBody::Newer(bytes) => Some(bytes.clone()),
        _ => None,
    });
    assert_eq!(kept.as_deref(), Some(&b"no map"[..]), "byte for byte");
    // The conversation goes on.
    world.send(ANN, BOB, 1);
    world.live(Millis::HOUR);
    assert_eq!(chat(&world, ANN).0.alarm, None);
}

#[test]
fn a_receipt_for_what_was_never_written_changes_nothing() {
    // CON-17, CON-18.
    let mut world = friends(3);
    world.send(ANN, BOB, 1);
    while world.work(ANN) {}
    let mine = chat(&world, ANN).1.into_iter().find(|message| message.mine).expect("it was written");
    let receipt = |reached, id| Kind::Receipt(Receipt { reached, ids: vec![id] });
    let state =
        |world: &World| chat(world, ANN).1.into_iter().find(|message| message.mine).and_then(|m| m.state);
    say(&mut world, BOB, receipt(Reached::Read, MessageId([9; 16])));
    assert_eq!(state(&world), Some(SendState::Sent));
    say(&mut world, BOB, receipt(Reached::Read, mine.id));
    assert_eq!(state(&world), Some(SendState::Read), "read implies delivered");
    say(&mut world, BOB, receipt(Reached::Delivered, mine.id));
    assert_eq!(state(&world), Some(SendState::Read), "and never back");
}

#[test]
fn a_name_that_i_gave_is_not_replaced_by_their_claim() {
    // CON-23.
    let mut world = friends(4);
    let claim = |name: &str| Kind::Profile(Profile { name: name.into() });
    say(&mut world, BOB, claim("Robert\u{1b}[2J"));
    let (shown, _) = chat(&world, ANN);
    assert_eq!(shown.name, "Robert\u{fffd}[2J", "a claim, sanitised");
    world.command(ANN, Command::Rename { contact: shown.id, name: "bob".into() }).unwrap().unwrap();
    say(&mut world, BOB, claim("Somebody else"));
    assert_eq!(chat(&world, ANN).0.name, "bob");
}

#[test]
fn a_recovery_key_that_comes_late_does_not_replace_a_newer_one() {
    // CON-26, REC-04.
    let mut world = friends(5);
    let key = |byte| Opaque::<RECOVERY_LEN>::parse(&[byte; RECOVERY_LEN]).expect("36 bytes");
    let [old, new] = [1, 2].map(|byte| {
        let content = Content::of(Kind::Control(Control::Recovery { key: key(byte), renew: false }));
        let part = split(&content.write().expect("it can be written")).expect("it fits").remove(0);
        seal(&mut world, BOB, &part)
    });
    let kept = |world: &World| {
        let contact = rows::<Contact>(world, ANN).remove(0).1;
        contact.received.expect("one is kept").expose().to_vec()
    };
    deliver(&mut world, ANN, new);
    assert_eq!(kept(&world), [2; RECOVERY_LEN]);
    deliver(&mut world, ANN, old);
    assert_eq!(kept(&world), [2; RECOVERY_LEN]);
}

#[test]
fn only_the_joiner_follows_hello_and_only_to_a_queue_that_is_one() {
    // CON-24, CON-30.
    let mut world = friends(6);
    let of = |world: &World, who| rows::<Session>(world, who).remove(0).1.queue.expose().to_vec();
    let other = {
        let entry = subrosa_crypto::QueueEntry { relay: [1; 32], write: [2; 32], host: "h".into(), port: 1 };
        QueueDescriptor::new(entry, None).expect("it is valid").write()
    };
    let hello = |queue: &[u8], key| {
        let queue = Some(Opaque::parse(queue).expect("340 bytes"));
        let recovery = Some(Opaque::<RECOVERY_LEN>::parse(&[key; RECOVERY_LEN]).expect("36 bytes"));
        Kind::Control(Control::Hello { queue, recovery })
    };
    let kept = |world: &World, who| {
        rows::<Contact>(world, who).remove(0).1.received.expect("one is kept").expose()[0]
    };
    let before = [of(&world, ANN), of(&world, BOB)];
    say(&mut world, BOB, hello(&other, 1));
    assert_eq!((of(&world, ANN), kept(&world, ANN)), (before[0].clone(), 1), "the inviter stays where it is");
    say(&mut world, ANN, hello(&[5; 340], 2));
    assert_eq!(
        (of(&world, BOB), kept(&world, BOB)),
        (before[1].clone(), 2),
        "no descriptor, and the key counts"
    );
    say(&mut world, ANN, hello(&other, 3));
    assert_eq!((of(&world, BOB), kept(&world, BOB)), (other.to_vec(), 3));
}

#[test]
fn a_content_that_stays_incomplete_is_never_shown_and_goes_after_90_days() {
    // CON-03.
    let mut world = friends(7);
    let parts = split(&[b'x'; 2_000]).expect("it fits");
    let cell = seal(&mut world, BOB, &parts[0]);
    let before = chat(&world, ANN).1.len();
    deliver(&mut world, ANN, cell);
    for (days, kept) in [(89, 1), (3, 0)] {
        world.live(Millis::DAY.times(days));
        assert_eq!((world.people[ANN].vault.count(Table::Part), chat(&world, ANN).1.len()), (kept, before));
    }
}
