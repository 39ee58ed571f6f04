//! The two queues of a descriptor: which of them a cell goes to.
//!
//! Spec: docs/spec/invite.md, "Queue descriptor". Invariant: the second is used only after the first refused, and a joiner
//! stays with the one that took the handshake.

mod world;

use subrosa_crypto::{QueueDescriptor, QueueEntry};
use subrosa_engine::rows::{Hidden, Outbox, Row, Session};
use subrosa_engine::{Change, Effect, Event, Job, OutboxId, RelayAnswer, SessionKey, Table};
use subrosa_wire::Refusal;

use world::World;

const ANN: usize = 0;
const BOB: usize = 1;

/// Bob's one session.
fn session(world: &World) -> (SessionKey, Session) {
    let mut rows = world.people[BOB].vault.rows();
    let (key, bytes) = rows.find(|(key, _)| key.table == Table::Session).expect("a session");
    (SessionKey(key.id), Session::parse(bytes).expect("it can be read"))
}

/// Ann's queue gets a second entry, at another relay.
fn give_second_entry(world: &mut World) {
    let (key, mut row) = session(world);
    let descriptor = QueueDescriptor::parse(row.queue.expose()).expect("a descriptor");
    let first = descriptor.entries().next().expect("one").clone();
    let second = QueueEntry { relay: [2; 32], write: [3; 32], host: "second.test".into(), port: 2 };
    row.queue = Hidden::copy(&QueueDescriptor::new(first, Some(second)).expect("both are valid").write());
    let put = Change::Put(Session::key(key), row.write());
    world.people[BOB].vault.apply(&[put]).expect("no row is damaged");
}

/// The host that the oldest cell that waits would be sent to, and its number.
fn goes_to(world: &World) -> (String, i64) {
    let (session, _) = session(world);
    let mut rows = world.people[BOB].vault.rows();
    let waits = |bytes: &[u8]| Outbox::parse(bytes).is_ok_and(|row| row.accepted.is_none());
    let (key, _) =
        rows.find(|(key, bytes)| key.table == Table::Outbox && waits(bytes)).expect("a cell waits");
    let send = Effect::Send(OutboxId { session, seq: key.id });
    let Some(Job::Append { relay, .. }) = world.people[BOB].vault.job(&send).expect("readable") else {
        panic!("it is to be sent")
    };
    (relay.host().to_owned(), key.id)
}

fn answer(world: &mut World, seq: i64, answer: RelayAnswer) {
    let (session, _) = session(world);
    let effect = Effect::Send(OutboxId { session, seq });
    world.raise(BOB, Event::Finished { effect, answer }).expect("no crash is armed");
}

fn write(world: &mut World) {
    world.send(BOB, ANN, 1);
    world.people[BOB].forget_work();
}

/// Bob has sealed a handshake to Ann's one-time invite, and no relay has it.
fn knocking() -> World {
    let mut world = World::new(2, 1);
    let link = world.invite(ANN, false);
    world.drain();
    world.join(BOB, &link);
    while world.people[BOB].vault.count(Table::Session) == 0 {
        assert!(world.work(BOB));
    }
    world.people[BOB].forget_work();
    give_second_entry(&mut world);
    world
}

#[test]
fn the_second_queue_is_used_only_after_the_first_refused() {
    // INV-03.
    let mut world = World::new(2, 2);
    let link = world.invite(ANN, false);
    world.drain();
    world.join(BOB, &link);
    world.live(subrosa_codec::Millis::DAY);
    give_second_entry(&mut world);
    write(&mut world);
    let (host, seq) = goes_to(&world);
    assert_eq!(host, "relay.test");
    answer(&mut world, seq, RelayAnswer::Refused(Refusal::Full));
    assert_eq!(goes_to(&world), ("second.test".to_owned(), seq), "the same cell");
    answer(&mut world, seq, RelayAnswer::Refused(Refusal::Full));
    assert_eq!(goes_to(&world), ("relay.test".to_owned(), seq), "and back, after a while");
    assert!(session(&world).1.hold.is_some());
}

#[test]
fn a_joiner_stays_with_the_queue_that_took_the_handshake() {
    // INV-04.
    for second in [false, true] {
        let mut world = knocking();
        let taken = if second { "second.test" } else { "relay.test" };
        assert_eq!(goes_to(&world), ("relay.test".to_owned(), OutboxId::FIRST));
        if second {
            answer(&mut world, OutboxId::FIRST, RelayAnswer::Refused(Refusal::Full));
        }
        assert_eq!(goes_to(&world), (taken.to_owned(), OutboxId::FIRST));
        answer(&mut world, OutboxId::FIRST, RelayAnswer::Ok(0));
        write(&mut world);
        for _ in 0..2 {
            assert_eq!(goes_to(&world), (taken.to_owned(), 0));
            answer(&mut world, 0, RelayAnswer::Refused(Refusal::Full));
        }
        assert_eq!(goes_to(&world), (taken.to_owned(), 0), "refused, and still no other way");
    }
}
