//! Backups, restores, and recoveries that meet, repeat, crash, come late or from a thief.
//!
//! Spec: docs/spec/backup.md, docs/spec/recovery.md. The ids are those of docs/security/attacks.md.

mod world;

use std::convert::Infallible;

use subrosa_codec::Millis;
use subrosa_engine::api::{
    AlarmKind, Body, Command, CommandError, Done, Level, MessageId, SendState, Standing,
};
use subrosa_engine::backup::{Backup, Contents, Import, ImportError, Settings, export};
use subrosa_engine::rows::{Contact, Hidden, Inbound, Row};
use subrosa_engine::{MemVault, Table};

use world::{Crash, World};

const ANN: usize = 0;
const BOB: usize = 1;
const CID: usize = 2;

/// Ann and Bob met by a one-time invite, and every automatic cell was exchanged.
fn friends(people: usize, seed: u64) -> World {
    let mut world = World::new(people, seed);
    let link = world.invite(ANN, false);
    world.drain();
    world.join(BOB, &link);
    world.live(Millis::HOUR);
    world
}

/// The content of a backup of `who`.
fn backup(world: &World, who: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut take = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    };
    export(&world.people[who].vault, Backup { now: world.now, hosted: false }, &mut take).unwrap();
    bytes
}

/// The vault that a backup makes, read in pieces of `step` bytes.
fn vault_of(now: Millis, content: &[u8], step: usize) -> Result<(MemVault, Contents), ImportError> {
    let mut import = Import::new(Settings { now, relay: None, words: Hidden::copy(&[7; 32]) });
    let mut vault = MemVault::default();
    for piece in content.chunks(step) {
        vault.apply(&import.take(piece)?).unwrap();
    }
    let (changes, contents) = import.finish()?;
    vault.apply(&changes).unwrap();
    Ok((vault, contents))
}

/// `who` lost everything, and puts a backup into an empty vault.
fn restore(world: &mut World, who: usize, content: &[u8]) {
    world.people[who].vault = vault_of(world.now, content, 65_496).unwrap().0;
    world.restart(who);
    do_it(world, who, Command::Reestablish);
}

/// The program of `who` does not run until it is started again.
fn away(world: &mut World, who: usize) {
    world.relay.disconnect(who);
    world.people[who].forget_work();
}

fn do_it(world: &mut World, who: usize, command: Command) -> Done {
    world.command(who, command).expect("no crash is armed").expect("it can be done")
}

fn say(world: &mut World, from: usize, to: usize, text: &str) -> Result<Done, CommandError> {
    let to = world.chat(from, to).expect("a chat").id;
    world.command(from, Command::Send { to, text: text.into(), reply: None }).expect("no crash is armed")
}

/// Both sides of the chat of `who`, in the order of the screen; events by their first words.
fn screen(world: &World, who: usize, with: usize) -> Vec<String> {
    let chat = world.chat(who, with).expect("a chat");
    let row = |body| match body {
        Body::Text(text) => text,
        Body::Event(text) => text.split(['.', ':']).next().unwrap_or_default().to_string(),
        Body::Lost { cells } => format!("lost {cells}"),
        other => format!("{other:?}"),
    };
    world.messages(who, chat.id).into_iter().map(|message| row(message.body)).collect()
}

fn texts(world: &World, who: usize, with: usize) -> Vec<String> {
    let all = world.messages(who, world.chat(who, with).expect("a chat").id);
    let text = |body| if let Body::Text(text) = body { Some(text) } else { None };
    all.into_iter().filter_map(|message| text(message.body)).collect()
}

fn contact(world: &World, who: usize, with: usize) -> Contact {
    let chat = world.chat(who, with).expect("a chat");
    let mut rows = world.people[who].vault.rows();
    let row = rows.find(|(key, _)| (key.table, key.id) == (Table::Contact, chat.id.0));
    Contact::parse(row.expect("it is there").1).expect("it can be read")
}

fn alarm(world: &World, who: usize, with: usize) -> Option<AlarmKind> {
    world.chat(who, with).and_then(|chat| chat.alarm)
}

/// Both write, both read it, both are proven.
fn check_talk(world: &mut World, what: &str) {
    for (from, to) in [(ANN, BOB), (BOB, ANN)] {
        let text = format!("{from}>{to} after all");
        assert!(say(world, from, to, &text).is_ok(), "{what}");
        world.live(Millis::HOUR);
        assert_eq!(texts(world, to, from).last(), Some(&text), "{what}");
        let chat = world.chat(from, to).unwrap();
        assert_eq!((chat.level, chat.standing), (Level::Mutual, Standing::Contact), "{what}");
        assert_eq!(chat.alarm, None, "{what}");
        let last = world.messages(from, chat.id).pop().unwrap();
        assert_eq!(last.state, Some(SendState::Delivered), "{what}");
    }
}

mod content {
    use super::*;

    #[test]
    fn a_backup_brings_back_who_i_am_and_everything_that_was_said() {
        // BAK-01.
        let mut world = friends(2, 100);
        let ann = world.chat(BOB, ANN).unwrap().id;
        say(&mut world, ANN, BOB, "one").unwrap();
        say(&mut world, BOB, ANN, "two").unwrap();
        world.live(Millis::HOUR);
        world.look(BOB, ANN);
        let answered = world.messages(BOB, ann).iter().find(|message| !message.mine).unwrap().id;
        let reply = Command::Send { to: ann, text: "three".into(), reply: Some(answered) };
        do_it(&mut world, BOB, reply);
        do_it(&mut world, BOB, Command::Rename { contact: ann, name: "ann".into() });
        do_it(&mut world, BOB, Command::Verify { contact: ann, verified: true });
        do_it(&mut world, BOB, Command::Draft { chat: ann, text: "not yet".into() });
        do_it(&mut world, BOB, Command::Receipts(false));
        world.live(Millis::HOUR);
        say(&mut world, ANN, BOB, "four").unwrap();
        world.live(Millis::HOUR);
        let (before, safety) = (world.messages(BOB, ann), world.people[BOB].vault.snapshot());
        let content = backup(&world, BOB);
        restore(&mut world, BOB, &content);
        let again = world.chat(BOB, ANN).unwrap();
        let after = world.messages(BOB, again.id);
        assert_eq!(after.len(), before.len() + 1, "and one row says that it was restored");
        for (was, is) in before.iter().zip(&after) {
            let same = (was.id, was.mine, was.at, &was.body, &was.reply, was.state, was.unread);
            assert_eq!((is.id, is.mine, is.at, &is.body, &is.reply, is.state, is.unread), same);
        }
        assert!(again.verified && again.draft && again.unread == 1);
        assert_eq!((again.standing, again.level), (Standing::Restored, Level::Unconfirmed));
        for query in [subrosa_engine::api::Query::Me, subrosa_engine::api::Query::Safety(again.id)] {
            let old = match &query {
                subrosa_engine::api::Query::Safety(_) => subrosa_engine::api::Query::Safety(ann),
                other => other.clone(),
            };
            let now = world.now;
            assert_eq!(world.people[BOB].vault.query(&query, now), safety.query(&old, now));
        }
    }

    #[test]
    fn a9_no_capability_to_read_no_state_and_no_invite_is_in_a_backup() {
        // AR-26.
        let mut world = friends(2, 101);
        world.invite(BOB, true);
        say(&mut world, BOB, ANN, "a text on its way").unwrap();
        world.drain();
        let content = backup(&world, BOB);
        let holds = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
        let vault = &world.people[BOB].vault;
        let mut looked = 0;
        for (key, row) in vault.rows() {
            match key.table {
                Table::Inbound => {
                    let inbound = Inbound::parse(row).unwrap();
                    assert!(!holds(inbound.read.expose()));
                    assert!(!holds(inbound.write.expose()), "not even the names of my own queues");
                }
                Table::Ratchet | Table::Cell => {
                    // Sixteen bytes of anything in it would be found.
                    let chunks = row.chunks_exact(16).filter(|part| part.iter().any(|byte| *byte != 0));
                    let public = contact(&world, BOB, ANN).identity;
                    let own = |part: &[u8]| public.windows(16).any(|window| window == part);
                    assert!(chunks.into_iter().all(|part| !holds(part) || own(part)), "{key:?}");
                }
                Table::Invite => assert!(!holds(row)),
                _ => continue,
            }
            looked += 1;
        }
        assert!(looked > 4, "{looked}");
        assert!(
            holds(contact(&world, BOB, ANN).received.unwrap().expose()),
            "the search finds what is there"
        );
    }

    #[test]
    fn a_backup_that_is_cut_damaged_or_of_a_newer_version_is_refused_whole() {
        // BAK-02, BAK-04.
        let mut world = friends(2, 102);
        for text in ["one", "two"] {
            say(&mut world, ANN, BOB, text).unwrap();
        }
        world.live(Millis::HOUR);
        let (content, now) = (backup(&world, ANN), world.now);
        for step in [1, 7, 65_496] {
            let (vault, contents) = vault_of(now, &content, step).unwrap();
            assert_eq!((contents.contacts, contents.returning, contents.messages), (1, 1, 2));
            assert_eq!(vault.count(Table::Message), 2);
        }
        for len in (0..content.len()).step_by(13) {
            assert_eq!(vault_of(now, &content[..len], 4_096).err(), Some(ImportError::Malformed), "{len}");
        }
        // What is authentic can still be wrong: no panic, and a count that fits or nothing.
        for at in 0..content.len() {
            let mut other = content.clone();
            other[at] ^= 0x11;
            let _ = vault_of(now, &other, 65_496);
        }
        let twice = [&content[..], &content].concat();
        assert_eq!(vault_of(now, &twice, 4_096).err(), Some(ImportError::Malformed));
        let mut newer = content.clone();
        // kind, length 4, map head, key 0, then the version.
        assert_eq!(newer[7], 1);
        newer[7] = 2;
        assert_eq!(vault_of(now, &newer, 4_096).err(), Some(ImportError::NewerVersion));
        let long = [&[3, 1, 0, 4, 0][..], &content].concat();
        assert_eq!(vault_of(now, &long, 4_096).err(), Some(ImportError::Malformed));
    }

    #[test]
    fn records_and_fields_of_a_later_version_are_passed_over() {
        // BAK-03.
        let world = friends(2, 103);
        let content = backup(&world, ANN);
        let head = 5 + u32::from_le_bytes(content[1..5].try_into().unwrap()) as usize;
        let later = [&content[..head], &[99, 2, 0, 0, 0, 1, 2], &content[head..]].concat();
        assert!(vault_of(world.now, &later, 4_096).is_ok());
    }
}

mod coming_back {
    use super::*;

    #[test]
    fn a_restored_chat_says_so_until_the_other_side_answers_and_goes_on_to_the_receipts() {
        // REC-34.
        let mut world = friends(2, 110);
        say(&mut world, ANN, BOB, "before").unwrap();
        world.live(Millis::HOUR);
        let content = backup(&world, BOB);
        say(&mut world, ANN, BOB, "after the backup").unwrap();
        world.live(Millis::HOUR);
        restore(&mut world, BOB, &content);
        let chat = world.chat(BOB, ANN).unwrap();
        assert_eq!((chat.standing, chat.level), (Standing::Restored, Level::Unconfirmed));
        assert_eq!(screen(&world, BOB, ANN), ["before", "Restored from a backup"]);
        // No text before both are proven; it waits, and says so.
        assert!(say(&mut world, BOB, ANN, "is this on?").is_ok());
        world.drain();
        assert_eq!(world.messages(BOB, chat.id).pop().unwrap().state, Some(SendState::Queued));
        world.live(Millis::MINUTE);
        assert_eq!(texts(&world, ANN, BOB), ["before", "after the backup", "is this on?"]);
        check_talk(&mut world, "restored");
        let told: Vec<_> =
            screen(&world, ANN, BOB).into_iter().filter(|row| row.contains("recovered")).collect();
        assert_eq!(told, ["Your contact recovered this chat"], "one visible recovery");
        world.live(Millis::DAY.times(40));
        for who in [ANN, BOB] {
            assert_eq!(world.people[who].vault.count(Table::Session), 1);
            assert_eq!(world.people[who].vault.count(Table::Inbound), 1, "the old queue is gone");
        }
    }

    #[test]
    fn texts_that_were_on_their_way_on_either_side_arrive_once() {
        let mut world = friends(2, 111);
        away(&mut world, ANN);
        say(&mut world, BOB, ANN, "one").unwrap();
        world.drain();
        say(&mut world, BOB, ANN, "two").unwrap();
        // "one" is at the relay, "two" nowhere; and Ann's waits on her side.
        let content = backup(&world, BOB);
        assert!(say(&mut world, ANN, BOB, "from Ann").is_ok());
        world.people[ANN].forget_work();
        restore(&mut world, BOB, &content);
        world.restart(ANN);
        world.live(Millis::HOUR);
        let mut at_ann: Vec<_> =
            texts(&world, ANN, BOB).into_iter().filter(|text| text != "from Ann").collect();
        at_ann.sort();
        assert_eq!(at_ann, ["one", "two"]);
        let at_bob = texts(&world, BOB, ANN);
        assert_eq!(at_bob.iter().filter(|text| *text == "from Ann").count(), 1, "{at_bob:?}");
        check_talk(&mut world, "unsent");
    }

    #[test]
    fn without_a_relay_of_ones_own_the_chats_wait_for_one() {
        // REC-35.
        let mut world = friends(2, 112);
        let hosted = {
            let mut bytes = Vec::new();
            let mut take = |piece: &[u8]| {
                bytes.extend_from_slice(piece);
                Ok::<(), Infallible>(())
            };
            let now = world.now;
            export(&world.people[BOB].vault, Backup { now, hosted: true }, &mut take).unwrap();
            bytes
        };
        let relay = match world.people[BOB].vault.query(&subrosa_engine::api::Query::Me, world.now).unwrap() {
            subrosa_engine::api::Answer::Me(me) => me.relay.unwrap(),
            other => panic!("{other:?}"),
        };
        restore(&mut world, BOB, &hosted);
        world.live(Millis::HOUR);
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Restored);
        assert_eq!(world.people[BOB].vault.count(Table::Session), 0);
        do_it(&mut world, BOB, Command::UseRelay(relay));
        world.live(Millis::HOUR);
        check_talk(&mut world, "with a relay");
    }

    #[test]
    fn a_contact_who_is_away_longer_than_the_relay_keeps_anything_answers_all_the_same() {
        // REC-36.
        let mut world = friends(2, 113);
        let content = backup(&world, BOB);
        away(&mut world, ANN);
        restore(&mut world, BOB, &content);
        world.live(Millis::DAY.times(29));
        let rows = screen(&world, BOB, ANN);
        assert_eq!(rows, ["Restored from a backup", "No answer yet"], "the person is told once");
        world.relay.forget();
        world.live(Millis::DAY.times(20));
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Restored);
        world.restart(ANN);
        world.live(Millis::HOUR);
        check_talk(&mut world, "late");
    }

    #[test]
    fn a_recovery_that_comes_again_changes_nothing_before_or_after_a_restart() {
        // REC-30.
        let mut world = friends(2, 114);
        let content = backup(&world, BOB);
        restore(&mut world, BOB, &content);
        world.live(Millis::HOUR);
        let sessions = world.people[ANN].vault.count(Table::Session);
        for n in 0..40 {
            world.relay.replay(n);
            if n % 5 == 0 {
                world.restart(ANN);
            }
            world.live(Millis::MINUTE);
        }
        assert_eq!(world.people[ANN].vault.count(Table::Session), sessions);
        let told = screen(&world, ANN, BOB);
        assert_eq!(told, ["Your contact recovered this chat"]);
        check_talk(&mut world, "repeated");
    }

    #[test]
    fn a_crash_at_any_step_of_a_restore_on_either_side_loses_and_doubles_nothing() {
        // REC-17.
        fn run(at: usize, who: usize, crash: Crash) -> (World, usize) {
            let mut world = friends(2, 115);
            say(&mut world, ANN, BOB, "before").unwrap();
            world.live(Millis::HOUR);
            let content = backup(&world, BOB);
            world.people[BOB].vault = vault_of(world.now, &content, 65_496).unwrap().0;
            world.restart(BOB);
            let (mut step, mut begun, mut idle) = (0, false, 0);
            while idle < 12 {
                if step == at {
                    world.crash(who, crash);
                }
                step += 1;
                if !begun {
                    // A command that was lost with a crash is given again.
                    begun = world.command(BOB, Command::Reestablish).is_some();
                    continue;
                }
                let busy = world.work(ANN) | world.deliver(ANN) | world.work(BOB) | world.deliver(BOB);
                if !busy {
                    idle += 1;
                    if idle == 2 {
                        // What was armed and did not fall must not fall here.
                        if world.chat(ANN, BOB).is_some() {
                            world.send(ANN, BOB, 3);
                            world.send(BOB, ANN, 3);
                        }
                    }
                    world.pass(Millis::SECOND.times(3));
                }
            }
            for who in [ANN, BOB] {
                world.restart(who);
            }
            world.live(Millis::DAY);
            (world, step)
        }
        let (_, steps) = run(usize::MAX, ANN, Crash::BeforeCommit);
        assert!(steps > 20, "{steps}");
        for at in 0..steps {
            for crash in [Crash::BeforeCommit, Crash::AfterCommit, Crash::BeforeAnswer] {
                // Every step once for each crash; whose it is goes round.
                for who in [(at + at / 3) % 2] {
                    let (mut world, _) = run(at, who, crash);
                    let what = format!("step {at}, {who}, {crash:?}");
                    for (who, with) in [(ANN, BOB), (BOB, ANN)] {
                        let mut all = texts(&world, who, with);
                        assert_eq!(all.remove(0), "before", "{what}");
                        let count = all.len();
                        all.sort();
                        all.dedup();
                        assert_eq!(all.len(), count, "doubled: {what}");
                    }
                    let recovered =
                        screen(&world, ANN, BOB).iter().filter(|row| row.contains("recovered")).count();
                    assert_eq!(recovered, 1, "{what}");
                    check_talk(&mut world, &what);
                }
            }
        }
    }

    #[test]
    fn a_chat_that_nobody_had_confirmed_a_request_and_a_closed_one_come_back_as_what_they_can_be() {
        // BAK-07.
        let mut world = World::new(3, 116);
        // Bob joined Ann and had no answer; Cid asks at Bob's address.
        let (one, address) = (world.invite(ANN, false), world.invite(BOB, true));
        world.drain();
        away(&mut world, ANN);
        world.join(BOB, &one);
        world.join(CID, &address);
        world.drain();
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Pending);
        assert_eq!(world.chat(BOB, CID).unwrap().standing, Standing::Request);
        let content = backup(&world, BOB);
        restore(&mut world, BOB, &content);
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Closed);
        assert_eq!(screen(&world, BOB, ANN), ["Restored from a backup that can't bring this chat back"]);
        assert_eq!(say(&mut world, BOB, ANN, "x"), Err(CommandError::Closed));
        assert!(world.chat(BOB, CID).is_none(), "who asked asks again");
        // Ann answers into a queue that nobody reads; a new invite mends it.
        world.restart(ANN);
        world.live(Millis::HOUR);
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Closed);
        let link = world.invite(ANN, false);
        world.drain();
        do_it(&mut world, BOB, Command::Join { link, greeting: String::new(), again: true });
        world.live(Millis::HOUR);
        let again = world.chats(ANN).into_iter().find(|chat| chat.standing == Standing::KnownAgain);
        do_it(&mut world, ANN, Command::Accept(again.expect("a visible request").id));
        world.live(Millis::HOUR);
        check_talk(&mut world, "by a new invite");
    }

    #[test]
    fn a_closed_chat_stays_closed() {
        let mut world = friends(2, 117);
        let bob = world.chat(ANN, BOB).unwrap().id;
        do_it(&mut world, ANN, Command::Forget(bob));
        world.live(Millis::HOUR);
        let rows = screen(&world, BOB, ANN);
        let content = backup(&world, BOB);
        restore(&mut world, BOB, &content);
        world.live(Millis::HOUR);
        assert_eq!(world.chat(BOB, ANN).unwrap().standing, Standing::Closed);
        assert_eq!(screen(&world, BOB, ANN), rows, "nothing new is said");
        assert_eq!(world.people[BOB].vault.count(Table::Session), 0);
    }
}

mod meeting {
    use super::*;

    #[test]
    fn the_restored_side_wins_over_a_recovery_that_it_can_no_longer_read() {
        // REC-33.
        // adr/0010: by the smaller session alone, half of these would end in two sides that never hear each other.
        for seed in 120..128 {
            let mut world = friends(2, seed);
            let content = backup(&world, BOB);
            let bob = world.chat(ANN, BOB).unwrap().id;
            do_it(&mut world, ANN, Command::Recover(bob));
            restore(&mut world, BOB, &content);
            world.live(Millis::HOUR);
            check_talk(&mut world, &format!("{seed}"));
        }
    }

    #[test]
    fn an_answer_of_the_lost_device_does_not_bring_the_session_before_the_restore_back() {
        // REC-33.
        for seed in 140..144 {
            let mut world = friends(2, seed);
            let content = backup(&world, ANN);
            let ann = world.chat(BOB, ANN).unwrap().id;
            do_it(&mut world, BOB, Command::Recover(ann));
            while world.work(BOB) {}
            while world.deliver(ANN) {}
            while world.work(ANN) {}
            // Ann's answer waits in one of Bob's queues, her recovery in another: he may read the later one first.
            let held = world.relay.withhold();
            restore(&mut world, ANN, &content);
            world.live(Millis::MINUTE);
            world.relay.release(held);
            world.live(Millis::HOUR);
            check_talk(&mut world, &format!("{seed}"));
        }
    }

    #[test]
    fn two_who_both_restored_do_not_hear_each_other_are_told_and_meet_again_by_an_invite() {
        // REC-37.
        let mut world = friends(2, 130);
        let (anns, bobs) = (backup(&world, ANN), backup(&world, BOB));
        restore(&mut world, ANN, &anns);
        restore(&mut world, BOB, &bobs);
        world.live(Millis::DAY.times(8));
        for (who, with) in [(ANN, BOB), (BOB, ANN)] {
            assert_eq!(screen(&world, who, with), ["Restored from a backup", "No answer yet"]);
            assert_eq!(world.chat(who, with).unwrap().standing, Standing::Restored);
        }
        let link = world.invite(ANN, false);
        world.drain();
        do_it(&mut world, BOB, Command::Join { link, greeting: String::new(), again: true });
        world.live(Millis::HOUR);
        let again = world.chats(ANN).into_iter().find(|chat| chat.standing == Standing::KnownAgain);
        do_it(&mut world, ANN, Command::Accept(again.expect("a visible request").id));
        world.live(Millis::HOUR);
        check_talk(&mut world, "by a new invite");
    }
}

mod copies {
    use super::*;

    #[test]
    fn a30_the_old_device_that_lives_on_is_told_and_stopped_and_what_it_said_before_is_seen() {
        // REC-38.
        // Cid's machine holds the restored copy of Bob's profile, Bob's old one runs on.
        let mut world = friends(3, 140);
        let content = backup(&world, BOB);
        restore(&mut world, CID, &content);
        // Before the notice reached it.
        away(&mut world, BOB);
        while world.work(CID) | world.work(ANN) | world.deliver(ANN) {}
        assert!(say(&mut world, BOB, ANN, "from the old device").is_ok());
        world.restart(BOB);
        world.live(Millis::HOUR);
        assert!(texts(&world, ANN, BOB).contains(&"from the old device".to_string()));
        assert!(screen(&world, ANN, BOB).contains(&"Your contact recovered this chat".to_string()));
        assert_eq!(alarm(&world, BOB, ANN), Some(AlarmKind::Fork));
        let told = screen(&world, BOB, ANN);
        assert!(told.iter().any(|row| row.contains("recovered in your name")), "{told:?}");
        assert_eq!(say(&mut world, BOB, ANN, "x"), Err(CommandError::Alarmed(AlarmKind::Fork)));
        // Its own recovery key was used up with the other's.
        let ann = world.chat(BOB, ANN).unwrap().id;
        do_it(&mut world, BOB, Command::Recover(ann));
        world.live(Millis::HOUR);
        let recovered = screen(&world, ANN, BOB).iter().filter(|row| row.contains("recovered")).count();
        assert_eq!(recovered, 1);
        // The restored one goes on.
        assert!(say(&mut world, CID, ANN, "from the new device").is_ok());
        world.live(Millis::HOUR);
        assert_eq!(texts(&world, ANN, BOB).last().unwrap(), "from the new device");
    }

    #[test]
    fn a30_the_thief_of_a_backup_and_its_words_gets_one_visible_recovery_and_no_second() {
        // REC-06, REC-39.
        let mut world = friends(3, 141);
        let content = backup(&world, BOB);
        for _ in 0..3 {
            restore(&mut world, CID, &content);
            world.live(Millis::HOUR);
        }
        let recovered =
            |world: &World| screen(world, ANN, BOB).iter().filter(|row| row.contains("recovered")).count();
        assert_eq!(recovered(&world), 1);
        assert_eq!(alarm(&world, BOB, ANN), Some(AlarmKind::Fork));
        assert_eq!(world.chat(CID, ANN).unwrap().standing, Standing::Restored, "the last one has no answer");
    }

    #[test]
    fn a_verified_contact_who_restores_stops_the_chat_until_the_person_looked() {
        let mut world = friends(2, 142);
        let bob = world.chat(ANN, BOB).unwrap().id;
        do_it(&mut world, ANN, Command::Verify { contact: bob, verified: true });
        let content = backup(&world, BOB);
        restore(&mut world, BOB, &content);
        world.live(Millis::HOUR);
        assert_eq!(alarm(&world, ANN, BOB), Some(AlarmKind::Recovered));
        do_it(&mut world, ANN, Command::Unlatch(bob));
        check_talk(&mut world, "after the comparison");
    }
}

mod rotation {
    use super::*;

    fn backed_up(world: &mut World, who: usize) -> Vec<u8> {
        let content = backup(world, who);
        do_it(world, who, Command::BackedUp);
        world.live(Millis::DAY.times(2));
        content
    }

    #[test]
    fn a30_a_new_backup_makes_the_one_before_it_useless_to_a_thief() {
        // REC-08.
        let mut world = friends(3, 150);
        world.live(Millis::DAY.times(2));
        let first = backed_up(&mut world, BOB);
        let second = backed_up(&mut world, BOB);
        // The first one is two keys old: refused without a trace but the note after a week.
        restore(&mut world, CID, &first);
        world.live(Millis::DAY.times(8));
        assert_eq!(screen(&world, ANN, BOB), Vec::<String>::new());
        assert_eq!((alarm(&world, ANN, BOB), alarm(&world, BOB, ANN)), (None, None));
        assert_eq!(screen(&world, CID, ANN), ["Restored from a backup", "No answer yet"]);
        check_talk(&mut world, "nothing happened");
        // The newest one works, and so does the next.
        restore(&mut world, BOB, &second);
        world.live(Millis::HOUR);
        check_talk(&mut world, "the newest backup");
    }

    #[test]
    fn backups_of_somebody_whose_contact_is_away_take_no_key_from_that_contact() {
        // REC-07.
        let mut world = friends(2, 151);
        world.live(Millis::DAY.times(2));
        let anns = backup(&world, ANN);
        away(&mut world, ANN);
        let given = contact(&world, BOB, ANN).given;
        for _ in 0..6 {
            backed_up(&mut world, BOB);
            say(&mut world, BOB, ANN, "are you there?").unwrap();
            world.live(Millis::DAY.times(31));
        }
        let now = contact(&world, BOB, ANN).given;
        assert_eq!(now.len(), 2);
        assert!(given.contains(&now[0]), "what Ann holds is still accepted");
        restore(&mut world, ANN, &anns);
        world.live(Millis::HOUR);
        check_talk(&mut world, "Ann's backup");
    }

    #[test]
    fn a36_a_key_that_is_asked_for_is_answered_once_and_never_in_turn() {
        // REC-09.
        let mut world = friends(2, 152);
        world.live(Millis::DAY.times(2));
        world.live(Millis::HOUR);
        let before = world.relay.appended();
        do_it(&mut world, BOB, Command::BackedUp);
        do_it(&mut world, BOB, Command::BackedUp);
        world.live(Millis::DAY.times(30));
        assert_eq!(world.relay.appended() - before, 2, "one each");
    }
}

#[test]
fn ids_of_messages_stay_what_they_were() {
    // BAK-06.
    // Answers and receipts name them.
    let mut world = friends(2, 160);
    say(&mut world, BOB, ANN, "before").unwrap();
    world.live(Millis::HOUR);
    let ids = |world: &World, who: usize, with: usize| -> Vec<MessageId> {
        let all = world.messages(who, world.chat(who, with).unwrap().id);
        all.iter().filter(|message| matches!(message.body, Body::Text(_))).map(|message| message.id).collect()
    };
    let before = ids(&world, ANN, BOB);
    let content = backup(&world, BOB);
    restore(&mut world, BOB, &content);
    world.live(Millis::HOUR);
    assert_eq!(ids(&world, BOB, ANN), before);
    world.look(ANN, BOB);
    world.live(Millis::HOUR);
    let chat = world.chat(BOB, ANN).unwrap().id;
    let state = world.messages(BOB, chat).into_iter().find(|message| message.id == before[0]).unwrap().state;
    assert_eq!(state, Some(SendState::Read), "a receipt that comes in the new session finds it");
}
