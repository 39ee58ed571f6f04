//! What the command line prints, as text and as JSON.

use super::*;
use crate::scene::chat;

#[test]
fn a_request_under_a_contacts_name_says_so_in_json_and_in_text() {
    let request = Chat { standing: Standing::Request, ..chat(2, "ANA") };
    let chats = [chat(1, "Ana"), request.clone()];
    let same = Person::among(&request, &chats);
    assert_eq!(serde_json::to_value(&same).unwrap()["same_name"], true);
    assert!(same.text().contains("a contact called Ana already"), "{}", same.text());
    let other = Person::among(&Chat { name: "Anna".into(), ..request.clone() }, &chats);
    assert_eq!(serde_json::to_value(&other).unwrap()["same_name"], false);
    // A known identity that came again is the contact itself.
    let again = Person::among(&Chat { standing: Standing::KnownAgain, ..request }, &chats);
    assert!(!again.same_name);
}

#[test]
fn a_link_that_only_asked_does_not_read_like_a_contact() {
    let pending = Chat { standing: Standing::Pending, level: Level::Unconfirmed, ..chat(2, "Bob") };
    let asked = Out::joined(InviteId(1), pending.clone(), true);
    assert!(asked.text().contains("must accept") && !asked.text().contains("is contact"));
    let json = serde_json::to_value(&asked).unwrap();
    assert_eq!((&json["standing"], &json["confirmed"]), (&"pending".into(), &false.into()));
    let invited = Out::joined(InviteId(1), pending, false);
    assert!(invited.text().contains("not yet confirmed"), "{}", invited.text());
    let contact = Out::joined(InviteId(1), chat(2, "Bob"), true);
    assert_eq!(contact.text(), "Bob is contact 2");
    assert_eq!(serde_json::to_value(&contact).unwrap()["confirmed"], true);
}

#[test]
fn a_wrong_key_is_said_in_words() {
    let relay = Out::Relay { name: "h:1".into(), state: "wrong_key", detail: None };
    assert_eq!(relay.text(), "relay h:1 wrong key (not the pinned one)");
}

#[test]
fn no_line_of_a_text_passes_for_someone_elses() {
    let line = Line {
        contact: 1,
        name: "Mallory".into(),
        id: String::new(),
        mine: false,
        at: 0,
        kind: "text",
        text: Some("hello\nme: I agree".into()),
        cells: None,
        reply: None,
        state: None,
    };
    assert_eq!(line.text(), "Mallory: hello\n    me: I agree");
}
