//! What the screen asks, and what it is answered.
//!
//! Spec: docs/ARCHITECTURE.md, "One message".

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::api::{
    AlarmKind, Body, FailReason, InviteId, InviteState, JoinFailure, Level, MessageId, Position, SendState,
    Standing,
};
use crate::mem::MemVault;
use crate::rows::{
    Bytes, Change, Hidden, InviteStage, Key, MessageBody, Mine, Occurrence, Progress, Row, Span,
};

const NOW: Millis = Millis(1_000_000_000_000);
const ANA: ContactId = ContactId(3);
const BOB: ContactId = ContactId(4);

fn vault() -> MemVault {
    MemVault::found("me\u{202e}", &mut ChaCha8Rng::seed_from_u64(1)).unwrap()
}

fn identity(seed: u8) -> Vec<u8> {
    Identity::derive(&IdentitySeed::from_bytes([seed; 32]), 0).public().as_bytes().to_vec()
}

fn contact(claim: &str, since: u64) -> rows::Contact {
    let standing = rows::StandingRow::Contact;
    rows::Contact::new(identity(7), claim.to_string(), standing, Millis(since))
}

fn put(vault: &mut MemVault, key: Key, row: &impl Row) {
    vault.apply(&[Change::Put(key, row.write())]).unwrap();
}

fn text(id: u8, mine: bool, text: &str) -> rows::Message {
    let progress = mine.then(Progress::default);
    let note = rows::Message::note(MessageBody::Text(text.to_string()), NOW);
    rows::Message { id: [id; 16], mine, progress, ..note }
}

fn chats(vault: &MemVault) -> Vec<crate::api::Chat> {
    match vault.query(&Query::Chats, NOW).unwrap() {
        Answer::Chats(chats) => chats,
        other => panic!("{other:?}"),
    }
}

fn messages(vault: &MemVault, before: Option<i64>, limit: u32, now: Millis) -> Vec<crate::api::Message> {
    let query = Query::Messages { chat: ANA, before: before.map(Position), limit };
    match vault.query(&query, now).unwrap() {
        Answer::Messages(messages) => messages,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_i_am_is_a_sanitised_name_and_sixteen_digits() {
    let vault = vault();
    let Answer::Me(me) = vault.query(&Query::Me, NOW).unwrap() else { panic!() };
    assert_eq!((me.name.as_str(), me.relay, me.receipts), ("me", None, true));
    assert_eq!(me.short.len(), 16);
    assert!(me.short.chars().all(|c| c.is_ascii_hexdigit()), "{}", me.short);
}

#[test]
fn a_vault_without_an_owner_is_damaged_and_no_panic() {
    assert_eq!(MemVault::default().query(&Query::Me, NOW), Err(Corrupt { table: Table::Meta }));
}

#[test]
fn chats_stand_by_their_last_activity_and_requests_at_the_end() {
    let mut vault = vault();
    let last = |at, text: &str| Some(rows::Last { at, text: text.to_string() });
    let old = rows::Contact { last: last(50, "old\x1b[2J"), unread: 3, ..contact("old", 900) };
    put(&mut vault, rows::Contact::key(ContactId(1)), &old);
    put(&mut vault, rows::Contact::key(ContactId(2)), &contact("silent", 60));
    put(
        &mut vault,
        rows::Contact::key(ContactId(3)),
        &rows::Contact { last: last(70, "new"), ..contact("new", 1) },
    );
    let asks = |standing, since| rows::Contact { standing, ..contact("asks", since) };
    put(&mut vault, rows::Contact::key(ContactId(4)), &asks(rows::StandingRow::Request, 500));
    put(&mut vault, rows::Contact::key(ContactId(5)), &asks(rows::StandingRow::KnownAgain, 600));
    put(&mut vault, rows::Draft::key(ContactId(2)), &rows::Draft { text: "unsent".to_string() });
    let chats = chats(&vault);
    assert_eq!(chats.iter().map(|chat| chat.id.0).collect::<Vec<_>>(), [3, 2, 1, 5, 4]);
    assert_eq!(chats.iter().map(|chat| chat.draft).collect::<Vec<_>>(), [false, true, false, false, false]);
    assert_eq!(chats[2].last, Some((Millis(50), "old\u{fffd}[2J".to_string())));
    assert_eq!(chats[2].unread, 3);
    assert_eq!(chats[3].standing, Standing::KnownAgain);
}

#[test]
fn a_chat_shows_my_name_for_them_its_trust_and_its_alarm() {
    let mut vault = vault();
    let row = rows::Contact {
        name: Some("Anna".to_string()),
        greeting: Some("hello\nthere\x07".to_string()),
        verified: true,
        alarm: Some(rows::Alarm::Fork),
        level: 2,
        seen: Some(9),
        ..contact("Ana ✓", 0)
    };
    put(&mut vault, rows::Contact::key(ANA), &row);
    let Answer::Chat(chat) = vault.query(&Query::Chat(ANA), NOW).unwrap() else { panic!() };
    assert_eq!((chat.name.as_str(), chat.verified, chat.level), ("Anna", true, Level::Mutual));
    assert_eq!((chat.alarm, chat.seen), (Some(AlarmKind::Fork), Some(Position(9))));
    assert_eq!(chat.greeting.as_deref(), Some("hello there\u{fffd}"));
    put(&mut vault, rows::Contact::key(ANA), &rows::Contact { name: None, ..row });
    let Answer::Chat(chat) = vault.query(&Query::Chat(ANA), NOW).unwrap() else { panic!() };
    assert_eq!(chat.name, "Ana \u{fffd}");
}

#[test]
fn what_is_not_there_is_missing() {
    let vault = vault();
    let window = Query::Messages { chat: BOB, before: None, limit: 5 };
    for query in [Query::Chat(BOB), window, Query::Safety(BOB), Query::Draft(BOB)] {
        assert_eq!(vault.query(&query, NOW), Ok(Answer::Missing), "{query:?}");
    }
}

#[test]
fn a_window_is_oldest_first_and_pages_up() {
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &contact("Ana", 0));
    for at in 1..=9 {
        let row = text(at as u8, false, &format!("m{at}"));
        put(&mut vault, rows::Message::key(ANA, Position(at)), &row);
    }
    put(&mut vault, rows::Message::key(BOB, Position(10)), &text(9, false, "of another chat"));
    let places = |before, limit| -> Vec<i64> {
        messages(&vault, before, limit, NOW).iter().map(|message| message.position.0).collect()
    };
    assert_eq!(places(None, 3), [7, 8, 9]);
    assert_eq!(places(Some(7), 3), [4, 5, 6]);
    assert_eq!(places(Some(2), 3), [1]);
    assert_eq!(places(Some(1), 3), []);
    assert_eq!(places(Some(i64::MIN), 3), []);
    assert_eq!(places(None, 0), []);
    assert_eq!(places(None, u32::MAX).len(), 9);
}

#[test]
fn every_body_is_shown_and_text_is_sanitised() {
    // CON-35.
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &contact("Ana", 0));
    let bodies = [
        (MessageBody::Text("a\n\x1b]0;x\x07".to_string()), Body::Text("a\n\u{fffd}]0;x\u{fffd}".to_string())),
        (MessageBody::Newer(vec![1]), Body::Newer),
        (MessageBody::Gap(2), Body::Gap { cells: 2 }),
        (MessageBody::Lost(1), Body::Lost { cells: 1 }),
        (MessageBody::Event(Occurrence::Closed), Body::Event(Occurrence::Closed.sentence().to_string())),
    ];
    for (at, (body, _)) in (1..).zip(&bodies) {
        put(&mut vault, rows::Message::key(ANA, Position(at)), &rows::Message::note(body.clone(), NOW));
    }
    for (message, (_, body)) in messages(&vault, None, 9, NOW).iter().zip(&bodies) {
        assert_eq!((&message.body, message.state), (body, None));
    }
}

#[test]
fn a_message_says_whether_it_is_unread_wherever_it_stands() {
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &rows::Contact { seen: Some(3), ..contact("ana", 1) });
    for (position, unread) in [(1, false), (2, true), (3, false), (4, true)] {
        let row = rows::Message { unread, ..text(position, false, "x") };
        put(&mut vault, rows::Message::key(ANA, Position(position.into())), &row);
    }
    let unread: Vec<bool> = messages(&vault, None, 9, NOW).iter().map(|message| message.unread).collect();
    assert_eq!(unread, [false, true, false, true]);
}

#[test]
fn a_reply_quotes_its_message_in_the_window_outside_of_it_and_when_it_is_gone() {
    // CON-15.
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &contact("Ana", 0));
    let reply =
        |id, to: u8, mine| rows::Message { reply: Some([to; 16]), reply_mine: mine, ..text(id, true, "re") };
    for (at, row) in [
        (1, text(1, false, "first\nline\x1b")),
        (2, text(2, true, &"long ".repeat(40))),
        (3, reply(3, 1, false)),
        (4, reply(4, 2, true)),
        (5, reply(5, 2, false)),
        (6, reply(6, 4, true)),
    ] {
        put(&mut vault, rows::Message::key(ANA, Position(at)), &row);
    }
    let quotes = |limit| -> Vec<String> {
        messages(&vault, None, limit, NOW)
            .into_iter()
            .filter_map(|m| m.reply.map(|(_, quote)| quote))
            .collect()
    };
    let all = quotes(9);
    assert_eq!(all[0], "first line\u{fffd}");
    assert!(
        all[1].starts_with("long long") && all[1].ends_with('…') && all[1].chars().count() <= 80,
        "{}",
        all[1]
    );
    assert_eq!(all[2], "(a message that is not here)", "the same id of the other author is another message");
    assert_eq!(all[3], "re");
    assert_eq!(quotes(4), all, "outside of the window");
    assert_eq!(messages(&vault, None, 1, NOW)[0].reply.as_ref().unwrap().0, MessageId([4; 16]));
}

#[test]
fn a_message_of_mine_is_unseen_a_day_after_the_relay_stored_it() {
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &contact("Ana", 0));
    let sealed = Progress { cells: 2, unsent: 1, unacked: 2, ..Progress::default() };
    let sent = Progress { unsent: 0, sent: Some(NOW.0), ..sealed };
    let acked = Progress { unacked: 0, ..sent };
    let day = NOW.plus(Millis::DAY);
    for (progress, now, state) in [
        (Progress::default(), NOW, SendState::Queued),
        (sealed, NOW, SendState::Queued),
        (sent, NOW, SendState::Sent),
        (sent, Millis(day.0 - 1), SendState::Sent),
        (sent, day, SendState::Unseen),
        (acked, day, SendState::Sent),
        (Progress { delivered: true, ..sent }, day, SendState::Delivered),
        (Progress { delivered: true, read: true, ..sent }, day, SendState::Read),
        (Progress { failed: 1, ..sealed }, day, SendState::Failed(FailReason::QueueGone)),
    ] {
        let row = rows::Message { progress: Some(progress), ..text(1, true, "x") };
        put(&mut vault, rows::Message::key(ANA, Position(1)), &row);
        assert_eq!(messages(&vault, None, 1, now)[0].state, Some(state), "{progress:?}");
    }
}

#[test]
fn invites_show_what_works_what_failed_and_no_link_that_is_spent() {
    let mut vault = vault();
    let mine = |stage, expires| rows::Invite {
        link: Hidden::copy(b"subrosa://x"),
        reusable: false,
        stage,
        expires,
        mine: Some(Mine {
            keys: Hidden::default(),
            owner: Hidden::default(),
            relay: String::new(),
            bundle: None,
            inbound: 0,
            tried: false,
        }),
        theirs: None,
    };
    let theirs = |stage| rows::Invite { mine: None, ..mine(stage, NOW.0) };
    for (id, row) in [
        (1, mine(InviteStage::Storing, NOW.0 + 1)),
        (2, mine(InviteStage::Ready, NOW.0 + 1)),
        (3, mine(InviteStage::Ready, NOW.0)),
        (4, mine(InviteStage::Used, NOW.0 + 1)),
        (5, mine(InviteStage::Revoking, NOW.0 + 1)),
        (6, mine(InviteStage::Retired, NOW.0 + 1)),
        (7, theirs(InviteStage::Taking)),
        (8, theirs(InviteStage::FailedUsed)),
    ] {
        put(&mut vault, rows::Invite::key(InviteId(id)), &row);
    }
    let Answer::Invites(invites) = vault.query(&Query::Invites, NOW).unwrap() else { panic!() };
    let seen: Vec<_> = invites.iter().map(|i| (i.id.0, i.mine, i.state, i.link.is_some())).collect();
    assert_eq!(
        seen,
        [
            (8, false, InviteState::Failed(JoinFailure::Used), false),
            (7, false, InviteState::Taking, false),
            (4, true, InviteState::Used, false),
            (3, true, InviteState::Expired, false),
            (2, true, InviteState::Ready, true),
            (1, true, InviteState::Storing, true),
        ]
    );
}

#[test]
fn both_sides_are_shown_the_same_safety_number() {
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &rows::Contact { verified: true, ..contact("Ana", 0) });
    let Answer::Safety(safety) = vault.query(&Query::Safety(ANA), NOW).unwrap() else { panic!() };
    let (_, mine) = myself(&vault).unwrap();
    let theirs = IdentityPublic::parse(&identity(7)).unwrap();
    assert_eq!(safety.groups, SafetyNumber::of(&theirs, mine.public()).digits());
    assert!(safety.verified && SafetyNumber::of(&theirs, mine.public()).matches_qr(&safety.qr));
    put(&mut vault, rows::Contact::key(ANA), &rows::Contact { identity: vec![1], ..contact("Ana", 0) });
    assert_eq!(vault.query(&Query::Safety(ANA), NOW), Err(Corrupt { table: Table::Contact }));
}

#[test]
fn a_draft_comes_back_as_it_was_typed() {
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &contact("Ana", 0));
    assert_eq!(vault.query(&Query::Draft(ANA), NOW), Ok(Answer::Draft(String::new())));
    let typed = " two\n\tlines ".to_string();
    put(&mut vault, rows::Draft::key(ANA), &rows::Draft { text: typed.clone() });
    assert_eq!(vault.query(&Query::Draft(ANA), NOW), Ok(Answer::Draft(typed)));
}

/// Counts the rows that an answer reads.
struct Counted<'a>(&'a MemVault, Cell<usize>);

impl Rows for Counted<'_> {
    fn get(&self, key: Key) -> Result<Option<Bytes>, Corrupt> {
        self.1.set(self.1.get() + 1);
        self.0.get(key)
    }

    fn span(&self, span: Span) -> Result<Vec<(Key, Bytes)>, Corrupt> {
        let found = self.0.span(span)?;
        self.1.set(self.1.get() + found.len());
        Ok(found)
    }

    fn position(&self, _: ContactId, _: bool, _: MessageId) -> Result<Option<Position>, Corrupt> {
        panic!("no answer here needs the index");
    }
}

#[test]
fn the_list_and_a_window_read_no_more_than_they_show() {
    let mut vault = vault();
    put(&mut vault, rows::Contact::key(ANA), &contact("Ana", 0));
    put(&mut vault, rows::Contact::key(BOB), &contact("Bob", 0));
    for at in 1..=5_000 {
        put(&mut vault, rows::Message::key(ANA, Position(at)), &text(1, false, "x"));
    }
    let cost = |asked: Query| {
        let counted = Counted(&vault, Cell::new(0));
        query(&counted, &asked, NOW).unwrap();
        counted.1.get()
    };
    assert_eq!(cost(Query::Chats), 2);
    assert_eq!(cost(Query::Messages { chat: ANA, before: Some(Position(4_000)), limit: 50 }), 51);
    assert_eq!(
        cost(Query::Messages { chat: ANA, before: None, limit: u32::MAX }),
        1_001,
        "at most 1,000 at once"
    );
}
