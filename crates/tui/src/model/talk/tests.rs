//! The window of a conversation under every kind of answer.

use subrosa_client::Position;

use super::{Anchor, PAGE, Talk};
use crate::scene::theirs;

fn page(from: i64, to: i64) -> Vec<subrosa_client::Message> {
    (from..=to).map(|position| theirs(position, 0, "x")).collect()
}

fn positions(talk: &Talk) -> Vec<i64> {
    talk.messages().iter().map(|message| message.position.0).collect()
}

#[test]
fn newest_and_older_pages_make_one_sorted_window_without_doubles() {
    let mut talk = Talk::new(None);
    talk.reach();
    assert!(talk.newest(page(101, 200)));
    assert!(!talk.complete);
    talk.older(page(1, 100), PAGE);
    assert_eq!(positions(&talk), (1..=200).collect::<Vec<_>>());
    talk.older(page(1, 100), PAGE);
    assert_eq!(positions(&talk), (1..=200).collect::<Vec<_>>(), "a page that came twice changes nothing");
    let limit = i64::from(talk.reach());
    assert!(talk.newest(page(251 - limit, 250)));
    assert_eq!(positions(&talk), (1..=250).collect::<Vec<_>>());
}

#[test]
fn an_answer_that_leaves_a_hole_is_not_taken_but_asked_for_with_more() {
    let mut talk = Talk::new(None);
    talk.reach();
    assert!(talk.newest(page(1, 100)));
    let limit = talk.reach();
    assert!(!talk.newest(page(500, 500 + i64::from(limit) - 1)));
    assert_eq!(positions(&talk), (1..=100).collect::<Vec<_>>());
    assert!(talk.reach() > limit);
}

#[test]
fn selection_and_anchor_fall_to_an_older_neighbour_when_their_message_goes() {
    let mut talk = Talk::new(None);
    talk.reach();
    assert!(talk.newest(page(1, 10)));
    talk.selected = Some(Position(6));
    talk.anchor = Anchor::At { position: Position(6), row: 2 };
    let mut rest = page(1, 10);
    rest.retain(|message| message.position != Position(6));
    talk.reach();
    assert!(talk.newest(rest));
    assert_eq!(talk.selected, Some(Position(5)));
    assert_eq!(talk.anchor, Anchor::At { position: Position(5), row: 0 });
}
