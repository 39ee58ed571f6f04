//! Rules of the spec that no story shows, one test each.
//!
//! Spec: docs/spec/README.md, "Check ids". Invariant: each test names the check ids that it shows.

mod world;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use subrosa_codec::{Cell, Millis};
use subrosa_crypto::{Bundle, Identity, IdentitySeed, Introduction, Link, QueueDescriptor, QueueEntry, join};
use subrosa_engine::api::{Command, Standing};
use subrosa_engine::rows::{Contact, Inbound, Invite, InviteStage, Role, Row, Session};
use subrosa_engine::{Effect, Event, InboundId, Job, RelayAnswer, Table};
use subrosa_wire::{OwnerCap, Refusal};

use world::World;

const ANN: usize = 0;
const BOB: usize = 1;

/// The invites of `who`, in the order in which they were made.
fn invites(world: &World, who: usize) -> Vec<(subrosa_engine::api::InviteId, Invite)> {
    let rows = world.people[who].vault.rows().filter(|(key, _)| key.table == Table::Invite);
    let read = |bytes| Invite::parse(bytes).expect("it can be read");
    rows.map(|(key, bytes)| (subrosa_engine::api::InviteId(key.id), read(bytes))).collect()
}

fn put_answered(world: &mut World, refusal: Refusal) {
    let effect = Effect::PutInvite(invites(world, ANN)[0].0);
    let answer = RelayAnswer::Refused(refusal);
    world.raise(ANN, Event::Finished { effect, answer }).expect("no crash is armed");
}

#[test]
fn who_has_the_link_cannot_take_the_invite_back() {
    // INV-07, INV-15.
    let mut world = World::new(1, 1);
    for reusable in [false, true] {
        world.invite(ANN, reusable);
    }
    let made = invites(&world, ANN);
    let owners: Vec<[u8; 32]> = made
        .iter()
        .map(|(id, row)| {
            let mine = row.mine.as_ref().expect("it is mine");
            let owner = mine.owner.array().expect("a capability");
            let job = world.people[ANN].vault.job(&Effect::PutInvite(*id)).expect("readable");
            let Some(Job::PutInvite { owner: told, .. }) = job else { panic!("it is to be stored") };
            assert_eq!(told, OwnerCap::from_bytes(owner).id());
            let link = Link::parse(row.link()).expect("a link");
            assert_ne!(owner, link.fetch());
            assert_eq!(Millis(row.expires), world.now.day().plus(15).start(), "the end of its 14th day");
            owner
        })
        .collect();
    assert_ne!(owners[0], owners[1]);
}

#[test]
fn every_queue_has_capabilities_of_its_own() {
    // REL-12.
    let mut world = World::new(1, 8);
    for reusable in [false, true, false] {
        world.invite(ANN, reusable);
    }
    let rows = world.people[ANN].vault.rows().filter(|(key, _)| key.table == Table::Inbound);
    let queues: Vec<Inbound> =
        rows.map(|(_, bytes)| Inbound::parse(bytes).expect("it can be read")).collect();
    let all = queues.iter().flat_map(|queue| [queue.write.expose(), queue.read.expose()]);
    let different: std::collections::BTreeSet<&[u8]> = all.collect();
    assert_eq!(
        (queues.len(), different.len()),
        (3, 6),
        "the right to read says nothing of the right to write"
    );
}

#[test]
fn an_invite_whose_stored_answer_was_lost_is_ready_all_the_same() {
    // INV-34.
    let mut world = World::new(1, 2);
    world.invite(ANN, false);
    put_answered(&mut world, Refusal::Used);
    let (_, row) = invites(&world, ANN).remove(0);
    assert!(row.stage == InviteStage::Ready && row.mine.expect("mine").bundle.is_none());
}

#[test]
fn an_invite_that_the_relay_refused_is_put_again_within_five_minutes() {
    // INV-35.
    let mut world = World::new(1, 3);
    world.invite(ANN, false);
    world.people[ANN].forget_work();
    put_answered(&mut world, Refusal::Busy);
    assert!(invites(&world, ANN)[0].1.stage == InviteStage::Storing);
    world.live(Millis::SECOND.times(59));
    assert!(invites(&world, ANN)[0].1.stage == InviteStage::Storing, "not at once");
    world.live(Millis::MINUTE.times(5));
    assert!(invites(&world, ANN)[0].1.stage == InviteStage::Ready);
}

/// Bob has joined Ann's address, and she knows it.
fn knocked(seed: u64) -> (World, String) {
    let mut world = World::new(2, seed);
    let link = world.invite(ANN, true);
    world.drain();
    world.join(BOB, &link);
    world.drain();
    (world, link)
}

#[test]
fn a_handshake_that_nobody_answers_is_appended_again_until_its_time_is_over() {
    // HS-12, HS-15, RAT-57.
    let mut world = World::new(2, 4);
    let link = world.invite(ANN, true);
    world.drain();
    world.relay.refuse = 1;
    world.join(BOB, &link);
    while world.work(BOB) {}
    assert_eq!(world.relay.appended(), 0, "refused");
    world.people[ANN].forget_work();
    world.live(Millis::HOUR);
    assert_eq!(world.relay.appended(), 1);
    world.live(Millis::DAY.times(31));
    assert_eq!(world.relay.appended(), 2, "the relay kept it no longer");
    assert!(world.relay.log().iter().all(|cell| *cell == world.relay.log()[0]), "the same bytes");
    assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Pending);
    world.live(Millis::DAY.times(14));
    assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Closed);
    assert_eq!(world.people[BOB].vault.count(Table::Cell), 0);
    // An answer after all that.
    world.accept(ANN);
    world.live(Millis::HOUR);
    assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Contact);
}

#[test]
fn who_asks_again_takes_the_place_of_their_own_request() {
    // HS-31.
    let (mut world, link) = knocked(5);
    let first = world.chat(ANN, BOB).unwrap().id;
    let again = Command::Join { link, greeting: "me again".into(), again: true };
    world.command(BOB, again).unwrap().unwrap();
    world.drain();
    let request = world.chat(ANN, BOB).unwrap();
    assert_ne!(request.id, first);
    assert_eq!((world.chats(ANN).len(), request.greeting.as_deref()), (1, Some("me again")));
}

/// A handshake of somebody who is nobody else, for the address behind `link`.
fn stranger(bundle: &Cell, link: &Link, world: &World, seed: u16) -> Cell {
    let mut bytes = [9; 32];
    bytes[..2].copy_from_slice(&seed.to_le_bytes());
    let me = Identity::derive(&IdentitySeed::from_bytes(bytes), 0);
    let bundle = Bundle::open(link, bundle, me.public(), world.now.day()).expect("it is good");
    let entry = QueueEntry { relay: [2; 32], write: bytes, host: "relay.test".into(), port: 1 };
    let descriptor = QueueDescriptor::new(entry, None).expect("it is valid");
    let intro = Introduction { descriptor, name: format!("s{seed}"), greeting: String::new() };
    join(&me, &bundle, &intro, &mut ChaCha20Rng::from_seed(bytes)).expect("it can be joined").cell
}

#[test]
fn a_flood_of_requests_ends_at_256_and_leaves_no_trace_beyond() {
    // HS-32.
    let mut world = World::new(1, 6);
    let link = Link::parse(&world.invite(ANN, true)).expect("a link");
    let (id, row) = invites(&world, ANN).remove(0);
    let job = world.people[ANN].vault.job(&Effect::PutInvite(id)).expect("readable");
    let Some(Job::PutInvite { bundle, .. }) = job else { panic!("it is to be stored") };
    let queue = InboundId(row.mine.expect("mine").inbound);
    for seed in 0..258 {
        let cell = stranger(&bundle, &link, &world, seed);
        world.raise(ANN, Event::Cell { queue, seq: u64::from(seed), cell }).expect("no crash is armed");
    }
    let count = |world: &World, table| world.people[ANN].vault.count(table);
    assert_eq!((world.chats(ANN).len(), count(&world, Table::Handshake)), (256, 256));
    // One is turned away: there is room again, for one of those who found none as well.
    let first = world.chats(ANN)[0].id;
    world.command(ANN, Command::Reject(first)).unwrap().unwrap();
    let cell = stranger(&bundle, &link, &world, 257);
    world.raise(ANN, Event::Cell { queue, seq: 300, cell }).expect("no crash is armed");
    assert_eq!((world.chats(ANN).len(), count(&world, Table::Handshake)), (256, 257));
}

/// The one contact of `who`, which is no request.
fn contact(world: &World, who: usize) -> Contact {
    let rows = world.people[who].vault.rows().filter(|(key, _)| key.table == Table::Contact);
    let mut all = rows.map(|(_, bytes)| Contact::parse(bytes).expect("it can be read"));
    all.find(|contact| contact.known.is_none()).expect("there is one")
}

fn has_session(world: &World, who: usize, role: Role) -> bool {
    let mut rows = world.people[who].vault.rows().filter(|(key, _)| key.table == Table::Session);
    rows.any(|(_, bytes)| Session::parse(bytes).expect("it can be read").role == role)
}

#[test]
fn confirm_is_sent_once_although_texts_have_used_the_epochs_before() {
    // CON-25, RAT-77, REC-05.
    let mut world = World::new(2, 7);
    let link = world.invite(ANN, false);
    world.drain();
    world.join(BOB, &link);
    world.drain();
    assert_eq!((contact(&world, ANN).given.len(), contact(&world, BOB).given.len()), (1, 0), "hello");
    for (from, to) in [(BOB, ANN), (ANN, BOB), (BOB, ANN)] {
        world.send(from, to, 1);
        world.drain();
    }
    assert_eq!((contact(&world, ANN).given.len(), contact(&world, BOB).given.len()), (1, 0), "not yet");
    world.live(Millis::MINUTE.times(3));
    let keys = |who| (contact(&world, who).given.len(), contact(&world, who).received.is_some());
    assert_eq!((keys(ANN), keys(BOB)), ((2, true), (1, true)), "hello and confirm; confirm");
    world.live(Millis::DAY);
    let keys = |who| contact(&world, who).given.len();
    assert_eq!((keys(ANN), keys(BOB)), (2, 1), "once");
}

#[test]
fn a_void_session_becomes_a_request_when_the_winner_stays_without_an_answer() {
    // RAT-86.
    let mut void = 0;
    for seed in 0..12 {
        let mut world = World::new(2, seed);
        let links = [world.invite(ANN, false), world.invite(BOB, false)];
        world.drain();
        world.join(BOB, &links[0]);
        while world.work(BOB) {}
        // Ann never sees Bob's handshake, and joins him: her session crosses one that nobody will answer.
        world.relay.forget();
        world.join(ANN, &links[1]);
        world.live(Millis::HOUR.times(23));
        if !has_session(&world, BOB, Role::Void) {
            continue;
        }
        void += 1;
        assert_eq!(world.chats(BOB).len(), 1);
        world.live(Millis::HOUR.times(2));
        let asks = world.chats(BOB).into_iter().find(|chat| chat.standing == Standing::KnownAgain);
        assert!(!has_session(&world, BOB, Role::Void));
        world.command(BOB, Command::Accept(asks.expect("it asks now").id)).unwrap().unwrap();
        world.live(Millis::HOUR);
        for (from, to) in [(ANN, BOB), (BOB, ANN)] {
            assert_eq!(world.chat(from, to).expect("one chat").standing, Standing::Contact);
        }
    }
    assert!(void > 2, "the smaller session id was Ann's in nearly every world");
}

#[test]
fn a_recovery_key_is_replaced_after_a_month_behind_a_text_and_never_alone() {
    // REC-03.
    let mut world = World::new(2, 9);
    let link = world.invite(ANN, false);
    world.drain();
    world.join(BOB, &link);
    world.live(Millis::DAY);
    let kept = |world: &World| contact(world, ANN).received.expect("one is kept").expose().to_vec();
    let (first, appended) = (kept(&world), world.relay.appended());
    world.live(Millis::DAY.times(31));
    assert_eq!(
        (kept(&world), world.relay.appended()),
        (first.clone(), appended),
        "an idle chat stays silent"
    );
    world.send(BOB, ANN, 1);
    world.live(Millis::HOUR);
    let second = kept(&world);
    assert_ne!(second, first);
    world.send(BOB, ANN, 1);
    world.live(Millis::HOUR);
    assert_eq!(kept(&world), second, "once");
}
