//! Stories with a known end: first contact, requests, crossings, clones, recoveries, and a relay that does its worst.
//!
//! The ids are those of docs/security/attacks.md.

mod world;

use subrosa_codec::Millis;
use subrosa_engine::api::{
    AlarmKind, Answer, Body, Command, CommandError, Done, FailReason, InviteState, JoinFailure, Level,
    Notice, Query, SendState, Standing,
};
use subrosa_engine::rows::{Contact, Inbound, OutCell, Outbox, RatchetRow, Row};
use subrosa_engine::{Change, Event, MemVault, OutboxId, Rows, SessionKey, Table};

use subrosa_wire::{Admit, RelayAddress, RelayKeyHash};

use world::{Crash, World};

const ANN: usize = 0;
const BOB: usize = 1;
const CID: usize = 2;

/// Ann and Bob met by a one-time invite, and every automatic cell was exchanged.
fn friends(seed: u64) -> World {
    met(2, seed, false)
}

fn met(people: usize, seed: u64, reusable: bool) -> World {
    let mut world = World::new(people, seed);
    let link = world.invite(ANN, reusable);
    world.drain();
    world.join(BOB, &link);
    world.live(Millis::MINUTE);
    world.accept(ANN);
    world.live(Millis::HOUR);
    world
}

/// What `who` reads from the other in the chat.
fn reads(world: &World, who: usize, from: usize) -> Vec<String> {
    let chat = world.chat(who, from).expect("a chat");
    let messages = world.messages(who, chat.id).into_iter().filter(|message| !message.mine);
    messages
        .map(|message| match message.body {
            Body::Text(text) => text.split(' ').nth(1).unwrap_or_default().to_string(),
            Body::Gap { cells } => format!("gap {cells}"),
            Body::Lost { cells } => format!("lost {cells}"),
            Body::Event(_) => "event".to_string(),
            _ => "newer".to_string(),
        })
        .collect()
}

fn contact(world: &World, who: usize, with: usize) -> Contact {
    let chat = world.chat(who, with).expect("a chat");
    let rows = world.people[who].vault.rows();
    let row = rows.into_iter().find(|(key, _)| (key.table, key.id) == (Table::Contact, chat.id.0));
    Contact::parse(row.expect("it is there").1).expect("it can be read")
}

/// The current session of `who` with `with`.
fn session_with(world: &World, who: usize, with: usize) -> SessionKey {
    SessionKey(contact(world, who, with).session.expect("a session"))
}

fn alarm(world: &World, who: usize, with: usize) -> Option<AlarmKind> {
    world.chat(who, with).and_then(|chat| chat.alarm)
}

fn try_send(world: &mut World, from: usize, to: usize, text: &str) -> Result<Done, CommandError> {
    let to = world.chat(from, to).expect("a chat").id;
    world.command(from, Command::Send { to, text: text.into(), reply: None }).expect("no crash is armed")
}

fn states(world: &World, who: usize, with: usize) -> Vec<SendState> {
    let chat = world.chat(who, with).expect("a chat");
    world.messages(who, chat.id).into_iter().filter_map(|message| message.state).collect()
}

fn do_it(world: &mut World, who: usize, command: Command) -> Done {
    world.command(who, command).expect("no crash is armed").expect("it can be done")
}

mod meeting {
    use super::*;

    #[test]
    fn two_people_meet_talk_and_reach_the_highest_level_without_help() {
        // CON-17, CON-20, CON-24, RAT-74, RAT-75, RAT-76.
        for reusable in [false, true] {
            let mut world = met(2, 7, reusable);
            for (who, with) in [(ANN, BOB), (BOB, ANN)] {
                let chat = world.chat(who, with).unwrap();
                assert_eq!((chat.standing, chat.level), (Standing::Contact, Level::Mutual));
                let row = contact(&world, who, with);
                assert!(row.received.is_some() && !row.given.is_empty(), "recovery keys were exchanged");
            }
            world.send(ANN, BOB, 10);
            world.send(BOB, ANN, 5_000);
            world.live(Millis::MINUTE);
            assert_eq!(states(&world, ANN, BOB), [SendState::Delivered]);
            world.look(BOB, ANN);
            world.live(Millis::MINUTE);
            assert_eq!(states(&world, ANN, BOB), [SendState::Read]);
            world.check();
        }
    }

    /// Bob asks at Ann's address and is let in; her hello and a text are on their way to him.
    fn let_in(seed: u64) -> World {
        let mut world = World::new(2, seed);
        let link = world.invite(ANN, true);
        world.drain();
        world.join(BOB, &link);
        world.live(Millis::MINUTE);
        world.accept(ANN);
        world
    }

    #[test]
    fn a_joiner_that_hears_a_text_before_the_hello_appends_nothing_at_the_address() {
        let mut world = let_in(11);
        world.send(ANN, BOB, 1);
        while world.work(ANN) {}
        world.relay.reverse();
        assert!(world.deliver(BOB), "the text, before the hello");
        assert_eq!(reads(&world, BOB, ANN), ["gap 1", "0"]);
        world.send(BOB, ANN, 1);
        let before = world.relay.appended();
        // Time for his confirm and his receipt, too.
        world.pass(Millis::MINUTE.times(2));
        while world.work(BOB) {}
        assert_eq!(world.relay.appended(), before, "nobody reads ratchet cells at an address");
        assert_eq!(states(&world, BOB, ANN), [SendState::Queued]);
        world.live(Millis::MINUTE.times(2));
        assert_eq!(reads(&world, ANN, BOB), ["0"], "the hello named the queue where all of it went");
        assert_eq!(states(&world, ANN, BOB), [SendState::Delivered]);
        assert_eq!(world.chat(ANN, BOB).unwrap().level, Level::Mutual);
    }

    #[test]
    fn an_answer_that_comes_before_the_relays_lets_go_what_waited_behind_the_hello() {
        let mut world = let_in(12);
        while !world.will_append(ANN) {
            assert!(world.work(ANN), "the hello is appended");
        }
        world.crash(ANN, Crash::BeforeAnswer);
        assert!(world.work(ANN), "and the relay's answer to it is lost");
        world.send(ANN, BOB, 1);
        // Bob confirms before Ann has tried the hello again.
        while world.deliver(BOB) {}
        world.pass(Millis::MINUTE.times(2));
        while world.work(BOB) {}
        let hello = world.relay.appended();
        while !world.deliver(ANN) {
            assert!(world.work(ANN), "she opens her queue first");
        }
        assert_eq!(world.relay.appended(), hello, "her hello was not appended again yet");
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, BOB, ANN), ["0"]);
    }

    #[test]
    fn texts_behind_a_handshake_whose_queue_is_gone_say_so() {
        let mut world = World::new(2, 13);
        let link = world.invite(ANN, false);
        world.drain();
        world.join(BOB, &link);
        while world.chat(BOB, ANN).is_none() {
            assert!(world.work(BOB), "the bundle is taken and opened");
        }
        // Ann's device is away for good.
        world.people[ANN].forget_work();
        world.relay.forget_queues();
        world.send(BOB, ANN, 1);
        world.restart(BOB);
        world.live(Millis::DAY);
        assert_eq!(states(&world, BOB, ANN), [SendState::Queued], "a relay may be mended");
        world.live(Millis::DAY.times(30));
        assert_eq!(states(&world, BOB, ANN), [SendState::Failed(FailReason::QueueGone)]);
    }

    #[test]
    fn a_token_for_the_relay_in_use_goes_with_every_queue_and_invite_there() {
        let mut world = friends(91);
        let address = RelayAddress::new(RelayKeyHash::from_bytes([1; 32]), "relay.test", 1).unwrap();
        let admitted = address.with_admit(Admit::from_bytes([7; 32])).to_string();
        world.command(ANN, Command::UseRelay(admitted.clone())).unwrap().unwrap();
        world.drain();
        let rows = world.people[ANN].vault.rows();
        let queues = rows.filter(|(key, _)| key.table == Table::Inbound);
        let queues: Vec<_> = queues.map(|(_, row)| Inbound::parse(row).unwrap()).collect();
        assert!(!queues.is_empty() && queues.iter().all(|queue| queue.relay == admitted));
        // What others are given holds no token.
        let link = world.invite(ANN, false);
        assert!(!link.contains(admitted.rsplit_once('=').unwrap().1));
        world.send(BOB, ANN, 10);
        world.send(ANN, BOB, 10);
        world.live(Millis::HOUR);
        world.check_rest(true);
    }

    #[test]
    fn a_request_says_nothing_until_it_is_accepted() {
        // CON-19, HS-28, HS-29.
        let mut world = World::new(2, 1);
        let link = world.invite(ANN, true);
        world.drain();
        world.join(BOB, &link);
        world.live(Millis::HOUR);
        let request = world.chat(ANN, BOB).unwrap();
        assert_eq!((request.standing, request.greeting.as_deref()), (Standing::Request, Some("hello")));
        assert_eq!(world.relay.appended(), 1, "the handshake, and no answer");
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Pending);
        assert_eq!(try_send(&mut world, ANN, BOB, "x"), Err(CommandError::NotAccepted));
        // The joiner's text waits for the answer.
        world.send(BOB, ANN, 1);
        world.live(Millis::HOUR);
        assert_eq!(world.relay.appended(), 1);
        assert_eq!(states(&world, BOB, ANN), [SendState::Queued]);
        world.accept(ANN);
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, ANN, BOB), ["0"]);
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Contact);
    }

    #[test]
    fn a_rejected_request_leaves_no_session_and_comes_back_no_more() {
        // HS-30.
        let mut world = World::new(2, 2);
        let link = world.invite(ANN, true);
        world.drain();
        world.join(BOB, &link);
        world.live(Millis::HOUR);
        let request = world.chat(ANN, BOB).unwrap().id;
        do_it(&mut world, ANN, Command::Reject(request));
        for table in [Table::Contact, Table::Session, Table::Ratchet, Table::Message] {
            assert_eq!(world.people[ANN].vault.count(table), 0, "{table:?}");
        }
        // A5: the same bytes again, at once and after a restart.
        for _ in 0..2 {
            world.relay.replay(0);
            world.live(Millis::HOUR);
            assert!(world.chats(ANN).is_empty());
            world.restart(ANN);
        }
        assert_eq!(world.relay.appended(), 1, "the other side learns nothing");
        // They never hear anything, and are told so in the end.
        world.live(Millis::DAY.times(60));
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Closed);
    }

    #[test]
    fn a5_a_handshake_that_comes_twice_makes_one_contact() {
        // HS-27, INV-31, INV-39.
        // A5, A28: before and after a crash between opening and commit.
        let mut world = World::new(2, 3);
        let link = world.invite(ANN, false);
        world.drain();
        world.join(BOB, &link);
        while world.work(BOB) {}
        world.crash(ANN, Crash::BeforeCommit);
        world.deliver(ANN);
        world.relay.replay(0);
        world.relay.replay(0);
        world.live(Millis::HOUR);
        world.restart(ANN);
        world.relay.replay(0);
        world.live(Millis::HOUR);
        assert_eq!(world.chats(ANN).len(), 1);
        assert!(!world.people[ANN].told.iter().any(|told| matches!(told, Notice::SomeoneElseTried(_))));
        assert_eq!(alarm(&world, ANN, BOB), None);
    }

    #[test]
    fn a_repeated_handshake_finds_the_answer_in_the_outbox_and_makes_no_second_one() {
        // HS-20.
        let mut world = World::new(2, 14);
        let link = world.invite(ANN, false);
        world.drain();
        world.join(BOB, &link);
        while world.work(BOB) {}
        world.deliver(ANN);
        let hello = OutCell::key(OutboxId { session: session_with(&world, ANN, BOB), seq: 0 });
        let before = world.people[ANN].vault.get(hello).unwrap().expect("the hello is kept");
        world.relay.replay(0);
        world.restart(ANN);
        while world.work(ANN) | world.deliver(ANN) {}
        let after = world.people[ANN].vault.get(hello).unwrap().expect("until he acknowledges it");
        assert!(before == after, "the very bytes");
        assert_eq!(world.people[ANN].vault.count(Table::Outbox), 1);
        assert_eq!(world.relay.appended(), 2, "the handshake, and one hello");
    }

    #[test]
    fn a_joiner_that_crashed_after_its_commit_appends_the_same_handshake() {
        // HS-11, HS-12.
        let mut world = World::new(2, 15);
        let link = world.invite(ANN, false);
        world.drain();
        world.join(BOB, &link);
        world.crash(BOB, Crash::AfterCommit);
        while world.chat(BOB, ANN).is_none() {
            assert!(world.work(BOB), "the bundle is taken, opened and committed; then he crashes");
        }
        assert_eq!(world.relay.appended(), 0);
        let cell = OutCell::key(OutboxId { session: session_with(&world, BOB, ANN), seq: OutboxId::FIRST });
        let sealed = world.people[BOB].vault.get(cell).unwrap().expect("it was committed with the contact");
        while !world.will_append(BOB) {
            assert!(world.work(BOB), "the restart lists it");
        }
        // And once more: appended, and the relay's answer lost.
        world.crash(BOB, Crash::BeforeAnswer);
        world.work(BOB);
        assert!(world.people[BOB].vault.get(cell).unwrap().expect("still there") == sealed);
        world.live(Millis::HOUR);
        assert_eq!(world.chats(ANN).len(), 1);
        assert!(!world.people[ANN].told.iter().any(|told| matches!(told, Notice::SomeoneElseTried(_))));
        assert_eq!(world.chat(ANN, BOB).unwrap().level, Level::Mutual);
    }

    #[test]
    fn a_handshake_opens_after_its_bundle_has_expired_and_without_an_answer_the_joiner_is_told() {
        // HS-15, INV-37.
        for back_after in [20, 70] {
            let mut world = World::new(2, 16);
            let link = world.invite(ANN, false);
            world.drain();
            world.join(BOB, &link);
            // Ann is away: the handshake lies at the relay, and her bundle expires.
            world.people[ANN].forget_work();
            world.relay.disconnect(ANN);
            world.live(Millis::DAY.times(back_after));
            if back_after < 30 {
                assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Pending);
                world.restart(ANN);
                world.live(Millis::HOUR);
                assert_eq!(world.chat(ANN, BOB).unwrap().level, Level::Mutual);
            } else {
                let chat = world.chat(BOB, ANN).unwrap();
                assert_eq!(chat.standing, Standing::Closed);
                let last = world.messages(BOB, chat.id).pop().unwrap().body;
                assert_eq!(last, Body::Event("There was no answer. Ask for a new invite.".into()));
            }
        }
    }

    #[test]
    fn a_hostile_name_and_greeting_are_shown_clean() {
        // HS-25, CON-44.
        let mut world = World::new(2, 17);
        let link = world.invite(ANN, true);
        world.drain();
        do_it(&mut world, BOB, Command::SetName("a\u{202e}nn\u{200f}".into()));
        let greeting = "hi\u{1b}]0;x\u{7}\u{202e}\u{2066}".to_string();
        let join = Command::Join { link, greeting, again: false };
        do_it(&mut world, BOB, join);
        world.live(Millis::HOUR);
        let asks = world.chats(ANN).pop().expect("a request");
        for shown in [asks.name.clone(), asks.greeting.clone().unwrap_or_default()] {
            let bad = |c: char| {
                c.is_control()
                    || ('\u{200e}'..='\u{200f}').contains(&c)
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
            };
            assert!(!shown.chars().any(bad), "{shown:?}");
        }
    }

    #[test]
    fn a25_the_second_joiner_of_a_one_time_invite_is_told_and_so_is_its_maker() {
        // HS-21, INV-36, INV-41.
        // A25.
        let mut world = World::new(3, 4);
        let link = world.invite(ANN, false);
        world.drain();
        world.join(BOB, &link);
        world.drain();
        world.join(CID, &link);
        world.drain();
        let failed = |told: &Notice| matches!(told, Notice::JoinFailed { why: JoinFailure::Used, .. });
        assert!(world.people[CID].told.iter().any(failed));
        // A relay that hands it out twice.
        world.relay.forget_claims();
        world.join(CID, &link);
        world.live(Millis::HOUR);
        world.relay.replay(1);
        world.live(Millis::HOUR);
        let tried = world.people[ANN].told.iter().filter(|told| matches!(told, Notice::SomeoneElseTried(_)));
        assert_eq!(tried.count(), 1);
        assert_eq!(world.chats(ANN).len(), 1, "nobody else came in");
        assert_eq!(alarm(&world, ANN, BOB), None);
    }

    #[test]
    fn a34_a_lost_answer_to_take_does_not_burn_the_invite() {
        // INV-16.
        // A34.
        let mut world = World::new(3, 5);
        let link = world.invite(ANN, false);
        world.drain();
        world.join(BOB, &link);
        world.crash(BOB, Crash::BeforeAnswer);
        world.work(BOB);
        world.join(CID, &link);
        world.live(Millis::HOUR);
        assert_eq!(world.chat(ANN, BOB).unwrap().level, Level::Mutual);
        assert!(world.chats(CID).is_empty());
    }

    #[test]
    fn the_links_that_do_not_work_say_why() {
        // INV-38, INV-41, REL-64.
        let mut world = World::new(2, 6);
        let link = world.invite(ANN, false);
        world.drain();
        let join = |link: &str| Command::Join { link: link.into(), greeting: String::new(), again: false };
        assert!(matches!(world.command(ANN, join(&link)), Some(Err(CommandError::Link(_)))), "my own");
        assert!(matches!(world.command(BOB, join("hello")), Some(Err(CommandError::Link(_)))));
        let mut typo = link.clone();
        let last = typo.pop().unwrap();
        typo.push(if last == 'A' { 'B' } else { 'A' });
        assert!(matches!(world.command(BOB, join(&typo)), Some(Err(CommandError::Link(_)))));
        // Taken back before anyone came.
        let Answer::Invites(invites) = world.people[ANN].vault.query(&Query::Invites, world.now).unwrap()
        else {
            panic!()
        };
        do_it(&mut world, ANN, Command::Revoke(invites[0].id));
        world.drain();
        assert_eq!(world.people[ANN].vault.count(Table::Invite), 0);
        assert_eq!(world.relay.queues(), 0, "its queue went with it");
        world.join(BOB, &link);
        world.drain();
        let gone = |told: &Notice| matches!(told, Notice::JoinFailed { why: JoinFailure::Gone, .. });
        assert!(world.people[BOB].told.iter().any(gone));
    }

    #[test]
    fn an_address_lives_on_with_fresh_prekeys_and_an_unused_invite_ends() {
        // INV-32, INV-37.
        let mut world = World::new(3, 8);
        let address = world.invite(ANN, true);
        let once = world.invite(BOB, false);
        world.live(Millis::DAY.times(40));
        world.join(CID, &address);
        world.live(Millis::HOUR);
        world.accept(ANN);
        world.live(Millis::HOUR);
        assert_eq!(world.chat(CID, ANN).unwrap().level, Level::Mutual);
        let Answer::Invites(invites) = world.people[BOB].vault.query(&Query::Invites, world.now).unwrap()
        else {
            panic!()
        };
        assert!(invites.iter().all(|invite| invite.state == InviteState::Expired), "{invites:?}");
        world.join(CID, &once);
        world.live(Millis::DAY.times(10));
        assert!(world.chats(BOB).is_empty());
        assert_eq!(world.people[BOB].vault.count(Table::Invite), 0);
        assert_eq!(world.people[BOB].vault.count(Table::Inbound), 0);
    }

    #[test]
    fn forgetting_a_contact_tells_them_and_leaves_nothing() {
        // CON-28, HS-34.
        let mut world = friends(9);
        world.send(BOB, ANN, 1);
        world.live(Millis::HOUR);
        let bob = world.chat(ANN, BOB).unwrap().id;
        do_it(&mut world, ANN, Command::Forget(bob));
        world.live(Millis::HOUR);
        let left = |table| world.people[ANN].vault.count(table);
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Meta) {
            assert_eq!(left(table), 0, "{table:?}");
        }
        let chat = world.chat(BOB, ANN).unwrap();
        assert_eq!(chat.standing, Standing::Closed);
        assert_eq!(try_send(&mut world, BOB, ANN, "x"), Err(CommandError::Closed));
        assert_eq!(world.relay.queues(), 1, "only Bob's own is left");
    }
}

mod again {
    use super::*;

    /// Both made an invite, both join the other's; `order` decides who does what when.
    fn cross(seed: u64, addresses: (bool, bool), order: &[usize]) -> World {
        let mut world = World::new(2, seed);
        let links = [world.invite(ANN, addresses.0), world.invite(BOB, addresses.1)];
        world.drain();
        world.join(ANN, &links[1]);
        world.join(BOB, &links[0]);
        for step in order {
            let who = step % 2;
            if step / 2 % 2 == 0 {
                world.work(who)
            } else {
                world.deliver(who)
            };
            for (from, to) in [(ANN, BOB), (BOB, ANN)] {
                if step % 3 == 0 {
                    world.send(from, to, 5);
                }
            }
        }
        world.live(Millis::HOUR);
        (0..2).for_each(|who| world.accept(who));
        world.live(Millis::HOUR);
        world
    }

    #[test]
    fn a35_crossing_invites_end_in_one_session_in_every_order() {
        // CON-10, RAT-78, RAT-81, RAT-83, RAT-84, RAT-87, RAT-88.
        // A35. Orders are drawn from a counter: every prefix of works and deliveries comes up.
        for seed in 0..24_u64 {
            let order: Vec<usize> = (0..14).map(|bit| ((seed * 2_654_435_761) >> bit) as usize % 4).collect();
            for addresses in [(false, false), (true, false), (true, true)] {
                let mut world = cross(seed, addresses, &order);
                for (from, to) in [(ANN, BOB), (BOB, ANN)] {
                    assert_eq!(world.chats(from).len(), 1, "{seed} {addresses:?}: {:?}", world.chats(from));
                    world.send(from, to, 3);
                }
                world.live(Millis::DAY);
                for (from, to) in [(ANN, BOB), (BOB, ANN)] {
                    let chat = world.chat(from, to).unwrap();
                    assert_eq!((chat.standing, chat.level), (Standing::Contact, Level::Mutual), "{seed}");
                    assert_eq!(chat.alarm, None);
                    assert_eq!(
                        reads(&world, to, from).len(),
                        world.sent[&(from, to)].len(),
                        "{seed} {addresses:?}"
                    );
                }
                world.check();
                // Once the relay's retention is over, one session is left.
                world.live(Millis::DAY.times(40));
                assert_eq!(world.people[ANN].vault.count(Table::Session), 1, "{seed} {addresses:?}");
                assert_eq!(world.people[BOB].vault.count(Table::Session), 1, "{seed} {addresses:?}");
            }
        }
    }

    #[test]
    fn a35_crossing_invites_end_in_one_session_whatever_comes_first() {
        // RAT-83, RAT-84: every order of the first three works and deliveries; of the first five with SUBROSA_ORDERS=1024.
        let orders = std::env::var("SUBROSA_ORDERS").ok().and_then(|n| n.parse().ok()).unwrap_or(64_usize);
        for order in 0..orders {
            let steps: Vec<usize> = (0..5).map(|at| order >> (2 * at) & 3).collect();
            let mut world = cross(order as u64, (order % 2 == 0, order % 3 == 0), &steps);
            for (from, to) in [(ANN, BOB), (BOB, ANN)] {
                assert_eq!(world.chats(from).len(), 1, "{steps:?}");
                world.send(from, to, 3);
            }
            world.live(Millis::DAY);
            for (from, to) in [(ANN, BOB), (BOB, ANN)] {
                let chat = world.chat(from, to).unwrap();
                assert_eq!((chat.standing, chat.level, chat.alarm), (Standing::Contact, Level::Mutual, None));
                assert_eq!(reads(&world, to, from).len(), world.sent[&(from, to)].len(), "{steps:?}");
            }
        }
    }

    fn join_again(world: &mut World, again: bool) {
        let link = world.invite(ANN, false);
        world.drain();
        let join = Command::Join { link, greeting: String::new(), again };
        do_it(world, BOB, join);
        world.live(Millis::HOUR);
    }

    fn asked(world: &World) -> Option<subrosa_engine::api::Chat> {
        world.chats(ANN).into_iter().find(|chat| chat.standing == Standing::KnownAgain)
    }

    #[test]
    fn a_known_inviter_is_joined_again_only_after_a_question() {
        // INV-29, RAT-80.
        let mut world = friends(11);
        join_again(&mut world, false);
        let known = |told: &Notice| matches!(told, Notice::JoinFailed { why: JoinFailure::Known, .. });
        assert!(world.people[BOB].told.iter().any(known));
        assert!(asked(&world).is_none());
    }

    #[test]
    fn a35_a_known_identity_that_comes_again_is_a_request_and_replaces_nothing() {
        // RAT-85.
        // A35: as a thief of Bob's seed would.
        let mut world = friends(12);
        let bob = world.chat(ANN, BOB).unwrap().id;
        do_it(&mut world, ANN, Command::Verify { contact: bob, verified: true });
        join_again(&mut world, true);
        let request = asked(&world).expect("it is visible");
        do_it(&mut world, ANN, Command::Send { to: bob, text: "a a".into(), reply: None });
        world.send(BOB, ANN, 1);
        world.live(Millis::HOUR);
        let chats = world.chats(ANN);
        let chat = chats.iter().find(|chat| chat.id == bob).unwrap();
        assert!(chat.verified && chat.alarm.is_none() && chat.unread == 1, "the old session goes on");
        do_it(&mut world, ANN, Command::Reject(request.id));
        world.send(BOB, ANN, 1);
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, ANN, BOB), ["0", "1"]);
        world.live(Millis::DAY.times(60));
        assert_eq!(world.people[BOB].vault.count(Table::Session), 1, "the attempt is over");
        assert_eq!(reads(&world, BOB, ANN), ["a"]);
    }

    #[test]
    fn a_known_identity_that_is_let_in_again_goes_on_with_lowered_trust() {
        // HS-33, ID-09.
        let mut world = friends(13);
        let bob = world.chat(ANN, BOB).unwrap().id;
        do_it(&mut world, ANN, Command::Verify { contact: bob, verified: true });
        world.send(BOB, ANN, 1);
        world.live(Millis::HOUR);
        join_again(&mut world, true);
        let request = asked(&world).unwrap();
        do_it(&mut world, ANN, Command::Accept(request.id));
        world.live(Millis::HOUR);
        let chat = world.chat(ANN, BOB).unwrap();
        assert_eq!((chat.id, chat.verified, chat.level), (bob, false, Level::Mutual));
        world.send(ANN, BOB, 1);
        world.send(BOB, ANN, 1);
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, ANN, BOB), ["0", "event", "1"]);
        assert_eq!(reads(&world, BOB, ANN), ["0"]);
        world.live(Millis::DAY.times(40));
        for who in [ANN, BOB] {
            assert_eq!(world.people[who].vault.count(Table::Session), 1);
        }
    }

    #[test]
    fn who_lost_everything_comes_back_by_a_new_invite() {
        for seed in 20..28 {
            let mut world = friends(seed);
            // Bob's disk is gone, but not his seed; he never saw Ann.
            let fresh = World::new(2, seed);
            world.people[BOB].vault = fresh.people[BOB].vault.snapshot();
            world.restart(BOB);
            join_again(&mut world, false);
            let request = asked(&world).expect("visible, whichever session id is smaller");
            do_it(&mut world, ANN, Command::Accept(request.id));
            world.live(Millis::HOUR);
            assert!(try_send(&mut world, BOB, ANN, "a b").is_ok());
            assert!(try_send(&mut world, ANN, BOB, "a c").is_ok());
            world.live(Millis::HOUR);
            assert_eq!(reads(&world, ANN, BOB), ["event", "b"]);
            assert_eq!(reads(&world, BOB, ANN), ["c"]);
        }
    }
}

mod copies {
    use super::*;

    /// Bob's disk as it is now, put back after he and Ann talked on.
    fn rolled_back(seed: u64, talk: usize) -> World {
        let mut world = friends(seed);
        let old = world.people[BOB].vault.snapshot();
        for _ in 0..talk {
            world.send(BOB, ANN, 1);
            world.live(Millis::HOUR);
            world.send(ANN, BOB, 1);
            world.live(Millis::HOUR);
        }
        world.people[BOB].vault.restore(&old);
        world.restart(BOB);
        world
    }

    #[test]
    fn a9_an_old_copy_that_is_put_back_alarms_the_peer_at_its_first_cell() {
        // A9, A29.
        for talk in 1..4 {
            let mut world = rolled_back(30, talk);
            assert!(try_send(&mut world, BOB, ANN, "z z").is_ok());
            world.live(Millis::HOUR);
            assert_eq!(alarm(&world, ANN, BOB), Some(AlarmKind::Fork), "{talk}");
            let told = world.people[ANN].told.iter().filter(|t| matches!(t, Notice::Alarm { .. })).count();
            assert_eq!(told, 1);
            assert_eq!(try_send(&mut world, ANN, BOB, "x"), Err(CommandError::Alarmed(AlarmKind::Fork)));
            // It stands after a restart, and ends by a person's choice.
            world.restart(ANN);
            assert_eq!(try_send(&mut world, ANN, BOB, "x"), Err(CommandError::Alarmed(AlarmKind::Fork)));
            let bob = world.chat(ANN, BOB).unwrap().id;
            do_it(&mut world, ANN, Command::Unlatch(bob));
            assert!(try_send(&mut world, ANN, BOB, "y y").is_ok());
        }
    }

    #[test]
    fn an_own_rollback_is_never_dismissed_only_recovered_from() {
        // RAT-70, REC-18.
        let mut world = friends(31);
        let old = world.people[BOB].vault.snapshot();
        world.send(BOB, ANN, 1);
        world.send(BOB, ANN, 1);
        while world.work(BOB) | world.deliver(ANN) {}
        world.people[BOB].vault.restore(&old);
        world.restart(BOB);
        assert!(try_send(&mut world, ANN, BOB, "a a").is_ok());
        world.live(Millis::HOUR);
        assert_eq!(alarm(&world, BOB, ANN), Some(AlarmKind::OwnRollback));
        let ann = world.chat(BOB, ANN).unwrap().id;
        let stopped = CommandError::Alarmed(AlarmKind::OwnRollback);
        assert_eq!(world.command(BOB, Command::Unlatch(ann)).unwrap(), Err(stopped.clone()));
        assert_eq!(try_send(&mut world, BOB, ANN, "x"), Err(stopped));
        do_it(&mut world, BOB, Command::Recover(ann));
        // No text before both are proven.
        assert!(try_send(&mut world, BOB, ANN, "b b").is_ok());
        assert_eq!(states(&world, BOB, ANN).last(), Some(&SendState::Queued));
        world.live(Millis::HOUR);
        assert_eq!(alarm(&world, BOB, ANN), None);
        for (who, with) in [(ANN, BOB), (BOB, ANN)] {
            assert_eq!(world.chat(who, with).unwrap().level, Level::Mutual);
        }
        assert!(try_send(&mut world, ANN, BOB, "c c").is_ok());
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, ANN, BOB), ["0", "1", "event", "b"]);
        assert_eq!(reads(&world, BOB, ANN), ["event", "a", "c"], "sealed again in the new session");
        world.live(Millis::DAY.times(40));
        for who in [ANN, BOB] {
            assert_eq!(world.people[who].vault.count(Table::Session), 1);
        }
    }

    #[test]
    fn a10_a_clone_that_speaks_is_seen_within_one_round_trip() {
        // A10: Cid runs a copy of Bob's vault; both write to Ann.
        let mut world = met(3, 32, false);
        world.people[CID].vault = world.people[BOB].vault.snapshot();
        assert!(try_send(&mut world, BOB, ANN, "b b").is_ok());
        world.live(Millis::HOUR);
        let ann = world.chat(CID, ANN).unwrap().id;
        do_it(&mut world, CID, Command::Send { to: ann, text: "c c".into(), reply: None });
        world.live(Millis::HOUR);
        assert_eq!(alarm(&world, ANN, BOB), Some(AlarmKind::Fork));
        assert_eq!(reads(&world, ANN, BOB), ["b"]);
    }

    #[test]
    fn a_recovery_is_visible_and_stops_a_verified_chat_until_the_person_looked() {
        // ID-09, REC-28, REC-29.
        let mut world = friends(33);
        let (ann, bob) = (world.chat(BOB, ANN).unwrap().id, world.chat(ANN, BOB).unwrap().id);
        do_it(&mut world, ANN, Command::Verify { contact: bob, verified: true });
        do_it(&mut world, BOB, Command::Recover(ann));
        world.live(Millis::HOUR);
        let chat = world.chat(ANN, BOB).unwrap();
        assert_eq!((chat.alarm, chat.verified), (Some(AlarmKind::Recovered), false));
        assert_eq!(reads(&world, ANN, BOB), ["event"]);
        assert!(matches!(try_send(&mut world, ANN, BOB, "x"), Err(CommandError::Alarmed(_))));
        do_it(&mut world, ANN, Command::Unlatch(bob));
        assert!(try_send(&mut world, ANN, BOB, "x y").is_ok());
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, BOB, ANN), ["event", "y"]);
        // The keys were used up, and new ones came with the new session.
        let (mine, theirs) = (contact(&world, BOB, ANN), contact(&world, ANN, BOB));
        assert!(mine.received.is_some() && theirs.received.is_some());
        do_it(&mut world, ANN, Command::Recover(bob));
        world.live(Millis::HOUR);
        assert!(try_send(&mut world, BOB, ANN, "x z").is_ok());
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, ANN, BOB).last().unwrap(), "z");
    }

    #[test]
    fn a30_the_live_device_is_told_when_somebody_recovers_in_its_name() {
        // CON-27, RAT-79, REC-25, REC-26, REC-27.
        // A30: Cid has a copy of Bob's vault and starts a recovery; Bob still reads the old session.
        let mut world = met(3, 34, false);
        world.people[CID].vault = world.people[BOB].vault.snapshot();
        world.restart(BOB);
        let ann = world.chat(CID, ANN).unwrap().id;
        do_it(&mut world, CID, Command::Recover(ann));
        world.live(Millis::HOUR);
        assert_eq!(alarm(&world, BOB, ANN), Some(AlarmKind::Fork));
        assert!(reads(&world, BOB, ANN).contains(&"event".to_string()));
        assert!(reads(&world, ANN, BOB).contains(&"event".to_string()));
        // A second one, with the same key, changes nothing.
        let sessions = world.people[ANN].vault.count(Table::Session);
        world.relay.replay(usize::MAX);
        world.live(Millis::HOUR);
        assert_eq!(world.people[ANN].vault.count(Table::Session), sessions);
    }

    #[test]
    fn a30_a_copy_from_before_two_rotations_recovers_nothing() {
        let mut world = met(3, 35, false);
        let old = world.people[BOB].vault.snapshot();
        for _ in 0..2 {
            world.live(Millis::DAY.times(31));
            // It acknowledges the key before: only then the next one goes out, behind a text of hers.
            world.send(BOB, ANN, 1);
            world.live(Millis::HOUR);
            world.send(ANN, BOB, 1);
            world.live(Millis::HOUR);
        }
        let (sessions, before) = (world.people[ANN].vault.count(Table::Session), contact(&world, ANN, BOB));
        world.people[CID].vault = old;
        let ann = world.chat(CID, ANN).unwrap().id;
        do_it(&mut world, CID, Command::Recover(ann));
        world.live(Millis::HOUR);
        assert_eq!(world.people[ANN].vault.count(Table::Session), sessions);
        assert_eq!(contact(&world, ANN, BOB).session, before.session);
        assert_eq!(reads(&world, ANN, BOB), ["0", "1"], "there is nothing to see: it opened nothing");
        assert_eq!((alarm(&world, ANN, BOB), alarm(&world, BOB, ANN)), (None, None));
    }

    #[test]
    fn two_recoveries_that_meet_end_in_one_session() {
        // RAT-82, REC-31, REC-32.
        for seed in 40..50 {
            let mut world = friends(seed);
            let (ann, bob) = (world.chat(BOB, ANN).unwrap().id, world.chat(ANN, BOB).unwrap().id);
            do_it(&mut world, BOB, Command::Recover(ann));
            do_it(&mut world, ANN, Command::Recover(bob));
            world.send(BOB, ANN, 1);
            world.send(ANN, BOB, 1);
            world.live(Millis::HOUR);
            world.send(BOB, ANN, 1);
            world.send(ANN, BOB, 1);
            world.live(Millis::HOUR);
            for (from, to) in [(ANN, BOB), (BOB, ANN)] {
                assert_eq!(alarm(&world, from, to), None);
                let texts: Vec<_> =
                    reads(&world, to, from).into_iter().filter(|row| row != "event").collect();
                assert_eq!(texts, ["0", "1"], "{seed}");
                assert_eq!(world.chat(from, to).unwrap().level, Level::Mutual);
            }
        }
    }

    /// Both write, both read it, and nobody is alarmed.
    fn check_met(world: &mut World, what: &str) {
        for _ in 0..2 {
            world.send(BOB, ANN, 1);
            world.send(ANN, BOB, 1);
            world.live(Millis::HOUR);
        }
        for (from, to) in [(ANN, BOB), (BOB, ANN)] {
            assert_eq!(alarm(world, from, to), None, "{what}");
            let texts: Vec<_> = reads(world, to, from).into_iter().filter(|row| row != "event").collect();
            assert_eq!(texts, ["0", "1"], "{what}: {from} to {to}");
            assert_eq!(world.chat(from, to).unwrap().level, Level::Mutual, "{what}");
        }
        let sid = |who, with| {
            let key = RatchetRow::key(session_with(world, who, with));
            let rows = world.people[who].vault.rows();
            let (_, bytes) = rows.into_iter().find(|row| *row.0 == key).expect("it is kept");
            RatchetRow::parse(bytes).expect("it can be read").0[8..40].to_vec()
        };
        assert_eq!(sid(ANN, BOB), sid(BOB, ANN), "{what}");
    }

    #[test]
    fn two_recoveries_end_in_one_session_when_an_answer_overtakes_the_recovery_that_it_met() {
        // REC-31, REC-32, RAT-80.
        for seed in 60..68 {
            for wait in [Millis(0), Millis::SECOND.times(3), Millis::MINUTE, Millis::DAY.times(20)] {
                let mut world = friends(seed);
                let (ann, bob) = (world.chat(BOB, ANN).unwrap().id, world.chat(ANN, BOB).unwrap().id);
                do_it(&mut world, ANN, Command::Recover(bob));
                while world.work(ANN) {}
                let held = world.relay.withhold();
                assert_eq!(held.len(), 1, "Ann's recovery is late");
                do_it(&mut world, BOB, Command::Recover(ann));
                // Her answer, if Bob's session is the smaller, is not.
                world.live(wait);
                world.relay.release(held);
                world.live(Millis::HOUR);
                check_met(&mut world, &format!("{seed}, {wait:?}"));
            }
        }
    }

    #[test]
    fn who_recovers_after_a_recovery_that_arrived_meets_in_the_later_session() {
        // REC-40.
        for seed in 70..78 {
            for late in [false, true] {
                let mut world = friends(seed);
                let (ann, bob) = (world.chat(BOB, ANN).unwrap().id, world.chat(ANN, BOB).unwrap().id);
                do_it(&mut world, BOB, Command::Recover(ann));
                while world.work(BOB) {}
                while world.deliver(ANN) {}
                // Ann has accepted it, and her answer is on its way, or late: only she knows what came first.
                while world.work(ANN) {}
                let held = if late { world.relay.withhold() } else { Vec::new() };
                do_it(&mut world, ANN, Command::Recover(bob));
                world.live(Millis::MINUTE);
                world.relay.release(held);
                world.live(Millis::HOUR);
                check_met(&mut world, &format!("{seed}, {late}"));
            }
        }
    }
}

mod relay {
    use super::*;

    #[test]
    fn a31_a_relay_that_forgets_a_thousand_cells_costs_time_only() {
        // RAT-56, RAT-58.
        // A31: while Bob is away Ann writes more than the window holds, and everything expires.
        let mut world = friends(50);
        world.relay.disconnect(BOB);
        for _ in 0..1_000 {
            world.send(ANN, BOB, 0);
            while world.work(ANN) {}
        }
        assert!(world.people[ANN].vault.count(Table::Unsealed) > 0, "the window is full");
        assert!(world.people[ANN].vault.count(Table::Outbox) <= 1_000);
        world.relay.forget();
        world.now = world.now.plus(Millis::DAY.times(31));
        world.restart(ANN);
        world.restart(BOB);
        world.live(Millis::DAY.times(5));
        assert_eq!(reads(&world, BOB, ANN).len(), 1_000);
        world.check();
        assert_eq!(alarm(&world, BOB, ANN), None);
        assert!(states(&world, ANN, BOB).iter().all(|state| *state == SendState::Delivered));
    }

    /// Sessions, contacts and requests of everybody, by key.
    fn relations(world: &World) -> Vec<Vec<(Table, i64, i64)>> {
        let kept = |table| matches!(table, Table::Session | Table::Contact);
        let of = |vault: &MemVault| {
            let keys = vault.rows().map(|(key, _)| (key.table, key.parent, key.id));
            keys.filter(|(table, ..)| kept(*table)).collect()
        };
        world.people.iter().map(|person| of(&person.vault)).collect()
    }

    /// Everything that a relay can do with the cells that it has.
    fn worst(world: &mut World, round: usize) {
        match round % 5 {
            0 => world.relay.spread(),
            1 => world.relay.reverse(),
            2 => (0..20).for_each(|n| world.relay.replay(n * 7 + round)),
            3 => world.relay.flip(round * 131),
            _ => world.relay.lose(round),
        }
    }

    #[test]
    fn a11_no_relay_causes_a_recovery_or_another_session() {
        let mut world = friends(56);
        let before = relations(&world);
        let current = contact(&world, ANN, BOB).session;
        for round in 0..40 {
            world.send(ANN, BOB, 1);
            world.send(BOB, ANN, 1);
            for who in [ANN, BOB] {
                while world.work(who) {}
            }
            worst(&mut world, round);
            world.live(Millis::HOUR);
        }
        // Every handshake and every cell that there ever was, once more, after a restart.
        (0..world.relay.appended()).for_each(|n| world.relay.replay(n));
        (0..2).for_each(|who| world.restart(who));
        world.live(Millis::DAY);
        assert_eq!(relations(&world), before);
        assert_eq!(contact(&world, ANN, BOB).session, current);
        for (who, with) in [(ANN, BOB), (BOB, ANN)] {
            assert!(!reads(&world, who, with).contains(&"event".to_string()));
            assert!(matches!(alarm(&world, who, with), None | Some(AlarmKind::OutOfStep)), "no fork");
        }
    }

    #[test]
    fn a13_a_relay_that_injects_other_members_cells_adds_nobody_to_a_chat() {
        // Three who know each other: every cell of every queue, handshakes too, is put into all the others.
        let mut world = met(3, 57, false);
        let link = world.invite(ANN, true);
        world.drain();
        world.join(CID, &link);
        world.live(Millis::MINUTE);
        world.accept(ANN);
        world.live(Millis::HOUR);
        let before = relations(&world);
        for _ in 0..6 {
            for (from, to) in [(ANN, BOB), (BOB, ANN), (ANN, CID), (CID, ANN)] {
                world.send(from, to, 1);
                while world.work(from) {}
            }
            world.relay.spread();
            world.live(Millis::HOUR);
        }
        assert_eq!(relations(&world), before, "no contact, no request and no session came of it");
        for (from, to) in [(ANN, BOB), (BOB, ANN), (ANN, CID), (CID, ANN)] {
            assert_eq!(
                reads(&world, to, from),
                ["0", "1", "2", "3", "4", "5"],
                "and no text stands elsewhere"
            );
        }
        assert!(world.chat(BOB, CID).is_none() && world.chat(CID, BOB).is_none());
    }

    #[test]
    fn a36_an_idle_pair_sends_nothing_for_thirty_days() {
        // RAT-94.
        // A36.
        let mut world = friends(51);
        world.send(ANN, BOB, 1);
        world.send(BOB, ANN, 1);
        world.look(ANN, BOB);
        world.live(Millis::DAY.times(3));
        let before = world.relay.appended();
        world.live(Millis::DAY.times(30));
        assert_eq!(world.relay.appended(), before);
    }

    #[test]
    fn a_message_that_is_not_fetched_is_unseen_after_a_day() {
        // RAT-60.
        let mut world = friends(52);
        world.relay.disconnect(BOB);
        world.send(ANN, BOB, 1);
        while world.work(ANN) {}
        assert_eq!(states(&world, ANN, BOB), [SendState::Sent]);
        world.people[ANN].told.clear();
        world.pass(Millis::HOUR.times(25));
        assert_eq!(states(&world, ANN, BOB), [SendState::Unseen]);
        assert!(
            world.people[ANN].told.iter().any(|told| matches!(told, Notice::Chat(_))),
            "the screen is told"
        );
        world.restart(BOB);
        world.live(Millis::HOUR);
        assert_eq!(states(&world, ANN, BOB), [SendState::Delivered]);
    }

    #[test]
    fn what_is_missing_is_shown_as_a_gap_and_stands_in_its_place_when_it_comes() {
        // A17.
        let mut world = friends(53);
        for _ in 0..4 {
            world.send(ANN, BOB, 1);
        }
        while world.work(ANN) {}
        world.relay.reverse();
        let mut seen = Vec::new();
        while world.deliver(BOB) {
            seen.push(reads(&world, BOB, ANN));
        }
        assert_eq!(seen[0], ["gap 3", "3"]);
        assert_eq!(seen[1], ["gap 2", "2", "3"]);
        assert_eq!(seen[2], ["gap 1", "1", "2", "3"]);
        assert_eq!(seen[3], ["0", "1", "2", "3"]);
        let chat = world.chat(BOB, ANN).unwrap();
        assert_eq!((chat.unread, chat.alarm), (4, None));
    }

    #[test]
    fn a_late_message_before_the_marker_still_counts_as_unread() {
        let mut world = friends(54);
        world.send(ANN, BOB, 1);
        world.send(ANN, BOB, 1);
        while world.work(ANN) {}
        world.relay.reverse();
        world.deliver(BOB);
        world.look(BOB, ANN);
        assert_eq!(world.chat(BOB, ANN).unwrap().unread, 0);
        world.deliver(BOB);
        assert_eq!(world.chat(BOB, ANN).unwrap().unread, 1);
        world.look(BOB, ANN);
        assert_eq!(world.chat(BOB, ANN).unwrap().unread, 0);
        world.live(Millis::HOUR);
        assert_eq!(states(&world, ANN, BOB), [SendState::Read, SendState::Read]);
    }

    #[test]
    fn cells_that_the_relay_changed_are_given_up_and_raise_no_fork() {
        // RAT-65.
        // A17, A29: three different bodies under one header; the sender's own bytes come again later.
        let mut world = friends(55);
        world.send(ANN, BOB, 1);
        while world.work(ANN) {}
        for at in [3_000, 3_001, 3_002] {
            world.relay.flip(at);
            world.deliver(BOB);
            world.relay.replay(usize::MAX);
        }
        world.live(Millis::MINUTE);
        assert_eq!(alarm(&world, BOB, ANN), None);
        for text in reads(&world, BOB, ANN) {
            assert!(["0", "lost 1"].contains(&text.as_str()), "{text}");
        }
        world.send(ANN, BOB, 1);
        world.live(Millis::DAY.times(3));
        assert_eq!(reads(&world, BOB, ANN).last().unwrap(), "1");
        assert_eq!(alarm(&world, BOB, ANN), None);
    }

    #[test]
    fn three_cells_with_changed_bodies_suggest_a_recovery_and_stop_nothing() {
        // RAT-67.
        let mut world = friends(59);
        for _ in 0..3 {
            world.send(ANN, BOB, 1);
        }
        while world.work(ANN) {}
        world.relay.flip(3_000);
        world.drain();
        assert_eq!(alarm(&world, BOB, ANN), Some(AlarmKind::OutOfStep));
        assert!(try_send(&mut world, BOB, ANN, "x x").is_ok());
        world.send(ANN, BOB, 1);
        world.live(Millis::DAY.times(3));
        assert_eq!(reads(&world, BOB, ANN), ["0", "1", "2", "3"]);
    }

    #[test]
    fn foreign_and_damaged_cells_are_noise_and_at_most_out_of_step() {
        // HS-16, RAT-73, REC-01.
        let mut world = friends(56);
        for round in 0..6 {
            world.send(ANN, BOB, 1);
            while world.work(ANN) {}
            match round {
                0 | 3 => world.relay.spread(),
                1 => world.relay.flip(100),
                2 => world.relay.flip(0),
                4 => (0..20).for_each(|n| world.relay.replay(n)),
                _ => world.relay.reverse(),
            }
            world.live(Millis::HOUR);
            for (who, with) in [(ANN, BOB), (BOB, ANN)] {
                assert!(matches!(alarm(&world, who, with), None | Some(AlarmKind::OutOfStep)), "{round}");
            }
        }
        // Not latched: writing goes on, and what was lost comes again.
        world.live(Millis::DAY.times(3));
        assert_eq!(reads(&world, BOB, ANN), ["0", "1", "2", "3", "4", "5"]);
        assert!(try_send(&mut world, BOB, ANN, "x x").is_ok());
        let ann = world.chat(BOB, ANN).unwrap().id;
        do_it(&mut world, BOB, Command::Unlatch(ann));
        assert_eq!(alarm(&world, BOB, ANN), None);
    }

    #[test]
    fn a_queue_that_is_gone_fails_the_message_and_heals_when_it_comes_back() {
        // RAT-57.
        let mut world = friends(57);
        world.relay.disconnect(BOB);
        world.relay.forget_queues();
        world.send(ANN, BOB, 1);
        world.people[BOB].forget_work();
        world.live(Millis::DAY.times(33));
        assert!(
            matches!(states(&world, ANN, BOB)[..], [SendState::Failed(_)]),
            "{:?}",
            states(&world, ANN, BOB)
        );
        world.restart(BOB);
        world.drain();
        let (bob, message) = {
            let chat = world.chat(ANN, BOB).unwrap().id;
            (chat, world.messages(ANN, chat)[0].id)
        };
        do_it(&mut world, ANN, Command::Retry { chat: bob, message });
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, BOB, ANN), ["0"]);
    }

    #[test]
    fn another_reader_of_my_queue_is_locked_out() {
        // REL-61, REL-62.
        let mut world = friends(58);
        let before: Vec<_> = inbounds(&world, BOB);
        let queue = subrosa_engine::InboundId(before[0].0);
        world.raise(BOB, Event::Moved(queue));
        world.drain();
        let after: Vec<_> = inbounds(&world, BOB);
        assert_ne!(before[0].1.read, after[0].1.read);
        assert!(after[0].1.next_read.is_none());
        world.send(ANN, BOB, 1);
        world.live(Millis::HOUR);
        assert_eq!(reads(&world, BOB, ANN), ["0"]);
    }

    fn inbounds(world: &World, who: usize) -> Vec<(i64, Inbound)> {
        let rows = world.people[who].vault.rows().filter(|(key, _)| key.table == Table::Inbound);
        rows.map(|(key, row)| (key.id, Inbound::parse(row).unwrap())).collect()
    }
}

mod vault {
    use super::*;

    /// Ann and Bob meet and talk, one step at a time; `at` is the step before which a crash is armed.
    fn talk(at: usize, who: usize, crash: Crash) -> (World, usize) {
        let mut world = World::new(2, 60);
        let link = world.invite(ANN, false);
        let mut step = 0;
        let mut lines = 0;
        let mut joined = false;
        while lines < 40 {
            if step == at {
                world.crash(who, crash);
            }
            step += 1;
            let busy = world.work(ANN) | world.deliver(ANN) | world.work(BOB) | world.deliver(BOB);
            if busy {
                continue;
            }
            match lines {
                _ if !joined => {
                    joined = true;
                    let join = Command::Join { link: link.clone(), greeting: String::new(), again: false };
                    // Lost with the crash: the person types it again.
                    if world.command(BOB, join.clone()).is_none() {
                        do_it(&mut world, BOB, join);
                    }
                }
                3 | 9 | 15 => world.send(ANN, BOB, 10),
                6 | 12 | 18 => world.send(BOB, ANN, 2_000),
                20 => world.look(BOB, ANN),
                _ => world.pass(Millis::SECOND.times(7)),
            }
            lines += 1;
        }
        world.live(Millis::DAY.times(3));
        (world, step)
    }

    #[test]
    fn a8_a_crash_at_any_step_of_a_conversation_loses_and_doubles_nothing() {
        // CON-14, HS-11, RAT-22.
        let (world, steps) = talk(usize::MAX, ANN, Crash::BeforeCommit);
        world.check_rest(true);
        assert!(steps > 60, "{steps}");
        // Every step once; who crashes how goes round.
        for at in 0..steps {
            for who in [(at / 3 + at) % 2] {
                for crash in [Crash::BeforeCommit, Crash::AfterCommit, Crash::BeforeAnswer] {
                    let (world, _) = talk(at, who, crash);
                    world.check_rest(true);
                    for (from, to) in [(ANN, BOB), (BOB, ANN)] {
                        assert_eq!(world.chats(from).len(), 1, "{at} {who} {crash:?}");
                        assert_eq!(world.chat(from, to).unwrap().level, Level::Mutual);
                    }
                }
            }
        }
    }

    #[test]
    fn a_damaged_row_is_an_error_and_never_a_panic() {
        let mut world = friends(61);
        world.send(ANN, BOB, 3_000);
        while world.work(ANN) {}
        let rows: Vec<_> = world.people[BOB].vault.rows().map(|(key, row)| (*key, row.clone())).collect();
        let whole = world.people[BOB].vault.snapshot();
        let mut errors = 0;
        for (key, row) in rows {
            for cut in [0, row.len() / 2, row.len() - 1] {
                let mut damaged = row.clone();
                damaged.truncate(cut);
                world.people[BOB].vault.restore(&whole);
                errors += usize::from(world.people[BOB].vault.apply(&[Change::Put(key, damaged)]).is_err());
                errors += world.poke(BOB);
            }
        }
        assert!(errors > 10, "{errors}");
    }

    #[test]
    fn a_clock_that_leaps_ends_nothing_before_a_relay_agrees() {
        // RAT-64.
        let mut world = friends(62);
        world.invite(ANN, false);
        world.drain();
        let ann = world.chat(BOB, ANN).unwrap().id;
        do_it(&mut world, BOB, Command::Recover(ann));
        world.live(Millis::HOUR);
        let count = |world: &World| [Table::Session, Table::Invite].map(|t| world.people[ANN].vault.count(t));
        let before = count(&world);
        let (now, leap) = (world.now, Millis::DAY.times(4_000));
        world.relay.disconnect(ANN);
        world.now = now.plus(leap);
        world.raise(ANN, Event::Due);
        assert_eq!(count(&world), before);
    }

    #[test]
    fn receipts_are_sent_only_when_they_are_on() {
        // CON-21.
        // A22.
        let mut world = friends(63);
        do_it(&mut world, BOB, Command::Receipts(false));
        world.send(ANN, BOB, 1);
        world.live(Millis::HOUR);
        world.look(BOB, ANN);
        world.live(Millis::HOUR);
        assert_eq!(states(&world, ANN, BOB), [SendState::Sent]);
        do_it(&mut world, BOB, Command::Receipts(true));
        world.live(Millis::HOUR);
        assert_eq!(states(&world, ANN, BOB), [SendState::Sent], "nothing is made up for");
        world.send(ANN, BOB, 1);
        world.live(Millis::HOUR);
        assert_eq!(states(&world, ANN, BOB), [SendState::Sent, SendState::Delivered]);
    }

    #[test]
    fn the_outbox_is_empty_when_the_peer_has_everything() {
        let mut world = friends(64);
        for _ in 0..5 {
            world.send(ANN, BOB, 4_000);
            world.live(Millis::HOUR);
            world.send(BOB, ANN, 1);
            world.live(Millis::DAY.times(2));
        }
        for who in [ANN, BOB] {
            let rows = world.people[who].vault.rows().filter(|(key, _)| key.table == Table::Outbox);
            assert!(rows.map(|(_, row)| Outbox::parse(row).unwrap()).all(|row| row.quiet));
            let vault = &world.people[who].vault;
            assert_eq!(vault.count(Table::Outbox), vault.count(Table::Cell));
        }
    }

    #[test]
    fn drafts_names_and_limits() {
        let mut world = friends(65);
        let bob = world.chat(ANN, BOB).unwrap().id;
        do_it(&mut world, ANN, Command::Draft { chat: bob, text: "half a".into() });
        assert!(world.chat(ANN, BOB).unwrap().draft);
        world.restart(ANN);
        do_it(&mut world, ANN, Command::Send { to: bob, text: "half a".into(), reply: None });
        assert!(!world.chat(ANN, BOB).unwrap().draft, "what was sent stands in the composer no more");
        assert_eq!(try_send(&mut world, ANN, BOB, " \n"), Err(CommandError::Empty));
        let long = "x".repeat(subrosa_engine::api::TEXT_MAX + 1);
        assert!(matches!(try_send(&mut world, ANN, BOB, &long), Err(CommandError::TooLong { .. })));
        assert!(try_send(&mut world, ANN, BOB, &long[1..]).is_ok());
        do_it(&mut world, ANN, Command::Rename { contact: bob, name: "Robert".into() });
        assert!(world.chats(ANN).iter().any(|chat| chat.name == "Robert"));
        let nobody = subrosa_engine::api::ContactId(9_999);
        for command in [
            Command::Accept(nobody),
            Command::Forget(nobody),
            Command::Send { to: nobody, text: "x".into(), reply: None },
            Command::Recover(nobody),
            Command::Rename { contact: nobody, name: "x".into() },
        ] {
            assert!(matches!(world.command(ANN, command), Some(Err(CommandError::Missing(_)))));
        }
        assert!(matches!(
            world.command(ANN, Command::UseRelay("example.org".into())),
            Some(Err(CommandError::Address(_)))
        ));
        world.live(Millis::HOUR);
    }
}
