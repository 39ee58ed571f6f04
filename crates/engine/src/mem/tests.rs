//! The vault in memory: all of a change or nothing, and an index that a restart builds the same.
//!
//! Spec: docs/adr/0004-rows.md.

use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::rows::{Message, MessageBody, Row};

const CHAT: ContactId = ContactId(5);

fn key(id: i64) -> Key {
    Key::new(Table::Message, CHAT.0, id)
}

fn message(id: u8, mine: bool) -> Bytes {
    let note = Message::note(MessageBody::Text("hi".to_string()), Millis(0));
    Message { id: [id; 16], mine, ..note }.write()
}

fn put(at: i64, id: u8, mine: bool) -> Change {
    Change::Put(key(at), message(id, mine))
}

fn ids(vault: &MemVault, span: Span) -> Vec<i64> {
    vault.span(span).unwrap().iter().map(|(key, _)| key.id).collect()
}

#[test]
fn a_span_keeps_its_bounds_its_order_and_its_limit() {
    let mut vault = MemVault::default();
    let rows: Vec<_> = (1..=9).map(|at| put(at, 1, true)).collect();
    vault.apply(&rows).unwrap();
    vault.apply(&[Change::Put(Key::new(Table::Message, 6, 3), message(1, true))]).unwrap();
    vault.apply(&[Change::Put(Key::new(Table::Draft, CHAT.0, 3), message(1, true))]).unwrap();
    let under = Span::under(Table::Message, CHAT.0);
    assert_eq!(ids(&vault, under), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(ids(&vault, under.from(3).to(5)), [3, 4, 5]);
    assert_eq!(ids(&vault, under.newest_first().limit(2)), [9, 8]);
    assert_eq!(ids(&vault, under.to(5).newest_first().limit(2)), [5, 4]);
    assert_eq!(ids(&vault, under.from(6).to(5)), []);
    assert_eq!(ids(&vault, under.limit(0)), []);
    assert_eq!(ids(&vault, Span::table(Table::Message).from(3).to(3)), [3, 3], "of both parents");
    assert_eq!(ids(&vault, Span::table(Table::Message).newest_first().limit(1)), [3], "the other chat's");
}

#[test]
fn a_change_is_seen_by_the_index_whether_or_not_the_chat_was_asked_for_before() {
    let mut vault = MemVault::default();
    let at = |vault: &MemVault, id, mine| vault.position(CHAT, mine, MessageId([id; 16])).unwrap();
    vault.apply(&[put(10, 1, true), put(20, 2, false)]).unwrap();
    assert_eq!(at(&vault, 1, true), Some(Position(10)));
    assert_eq!(at(&vault, 1, false), None, "the author is a part of the name");
    vault.apply(&[put(30, 3, false), Change::Erase(key(10))]).unwrap();
    assert_eq!(at(&vault, 3, false), Some(Position(30)));
    assert_eq!(at(&vault, 1, true), None);
    vault.apply(&[put(20, 4, false)]).unwrap();
    assert_eq!((at(&vault, 2, false), at(&vault, 4, false)), (None, Some(Position(20))), "overwritten");
    vault.apply(&[put(40, 3, false), Change::Erase(key(30))]).unwrap();
    assert_eq!(at(&vault, 3, false), Some(Position(40)), "moved");
    vault.apply(&[Change::EraseAll { table: Table::Message, parent: CHAT.0 }, put(50, 5, true)]).unwrap();
    assert_eq!((at(&vault, 4, false), at(&vault, 5, true)), (None, Some(Position(50))));
}

#[test]
fn a_row_that_is_no_message_has_no_name() {
    let mut vault = MemVault::default();
    let gap = Message::note(MessageBody::Gap(3), Millis(0)).write();
    vault.apply(&[Change::Put(key(1), gap)]).unwrap();
    assert_eq!(vault.position(CHAT, false, MessageId([0; 16])).unwrap(), None);
}

#[test]
fn a_list_of_changes_with_a_damaged_row_changes_nothing() {
    let mut vault = MemVault::default();
    vault.apply(&[put(1, 1, true)]).unwrap();
    assert!(vault.position(CHAT, true, MessageId([1; 16])).unwrap().is_some());
    let damaged = Change::Put(key(3), Bytes::new(vec![0xff]));
    let before: Vec<_> = vault.rows().map(|(key, row)| (*key, row.clone())).collect();
    let failed = vault.apply(&[put(2, 2, true), Change::Erase(key(1)), damaged]);
    assert_eq!(failed, Err(Corrupt { table: Table::Message }));
    let after: Vec<_> = vault.rows().map(|(key, row)| (*key, row.clone())).collect();
    assert_eq!(after, before);
    assert_eq!(vault.position(CHAT, true, MessageId([1; 16])).unwrap(), Some(Position(1)));
    assert_eq!(vault.position(CHAT, true, MessageId([2; 16])).unwrap(), None);
}

#[test]
fn a_damaged_row_is_reported_and_never_a_panic() {
    let mut vault = MemVault::default();
    vault.apply(&[Change::Put(key(3), Bytes::new(vec![0xff]))]).unwrap();
    let asked = vault.position(CHAT, true, MessageId([1; 16]));
    assert_eq!(asked, Err(Corrupt { table: Table::Message }));
}

#[test]
fn a_snapshot_is_what_a_restart_finds() {
    let mut vault = MemVault::default();
    vault.apply(&[put(1, 1, true)]).unwrap();
    let snapshot = vault.snapshot();
    vault.apply(&[put(2, 2, true), Change::Erase(key(1))]).unwrap();
    vault.restore(&snapshot);
    assert_eq!(ids(&vault, Span::table(Table::Message)), [1]);
    assert_eq!(vault.position(CHAT, true, MessageId([2; 16])).unwrap(), None);
    assert_eq!(vault.position(CHAT, true, MessageId([1; 16])).unwrap(), Some(Position(1)));
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..6i64;
    prop_oneof![
        6 => (at.clone(), 0..4u8, any::<bool>()).prop_map(|(at, id, mine)| put(at, id, mine)),
        2 => at.prop_map(|at| Change::Erase(key(at))),
        1 => Just(Change::EraseAll { table: Table::Message, parent: CHAT.0 }),
    ]
}

proptest! {
    /// Ids are unique per author: a change that would break this is left out.
    #[test]
    fn the_index_that_was_kept_agrees_with_one_built_anew(changes in prop::collection::vec(change(), 1..40)) {
        let mut kept = MemVault::default();
        for change in changes {
            let unique = match &change {
                Change::Put(key, row) => {
                    let row = Message::parse(row).unwrap();
                    let there = kept.position(CHAT, row.mine, MessageId(row.id)).unwrap();
                    there.is_none_or(|there| there.0 == key.id)
                }
                _ => true,
            };
            if !unique {
                continue;
            }
            kept.apply(&[change]).unwrap();
            let anew = kept.snapshot();
            for name in (0..4).flat_map(|id| [(true, MessageId([id; 16])), (false, MessageId([id; 16]))]) {
                prop_assert_eq!(kept.position(CHAT, name.0, name.1), anew.position(CHAT, name.0, name.1));
            }
        }
    }
}
