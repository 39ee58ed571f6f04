//! A scripted screen: what the README's picture and the snapshot tests are drawn from.
//!
//! Spec: README.md. Invariant: the model is filled through [`update`], with answers as a client gives them.

use ratatui::layout::Rect;
use subrosa_client::{
    Answer, Body, Chat, ContactId, Level, Me, Message, MessageId, Millis, Position, RelayState, SendState,
    Standing,
};

use crate::clock::Zone;
use crate::look::Look;
use crate::model::Model;
use crate::model::start::Stage;
use crate::msg::{Cmd, Msg, Opened, Slot};
use crate::update::update;

/// Tue 4 Nov 2025, 09:42 UTC.
pub(crate) const NOW: Millis = Millis(1_762_249_320_000);

const MINUTE: u64 = 60_000;

/// A person's screen with nothing in it yet.
pub(crate) fn empty(look: Look, width: u16, height: u16) -> Model {
    let mut model = Model::new(Stage::Opening, look, Zone::utc());
    model.area = Rect::new(0, 0, width, height);
    drop(update(&mut model, Msg::Tick(NOW.0)));
    model
}

/// An open profile: the vault answers with these chats; the first one opens.
pub(crate) fn chatting(look: Look, width: u16, height: u16) -> Model {
    let mut model = empty(look, width, height);
    let relays = vec![("relay.example.org:4190".into(), RelayState::Online)];
    let cmds = update(&mut model, Msg::Opened(Opened { relays, ..Opened::default() }));
    answer(&mut model, cmds);
    let enter = crossterm::event::KeyEvent::from(crossterm::event::KeyCode::Enter);
    let cmds = update(&mut model, Msg::Key(enter));
    answer(&mut model, cmds);
    // The vault has taken note of what was seen.
    let mut seen = chats();
    seen[0].unread = 0;
    drop(update(&mut model, Msg::Answer(Slot::Chats, Ok(Answer::Chats(seen)))));
    model
}

/// Answers every question as the vault of the script would.
pub(crate) fn answer(model: &mut Model, cmds: Vec<Cmd>) {
    let mut queue: std::collections::VecDeque<Cmd> = cmds.into();
    while let Some(cmd) = queue.pop_front() {
        let Cmd::Ask(slot, _) = cmd else { continue };
        queue.extend(update(model, Msg::Answer(slot, Ok(reply(slot)))));
    }
}

/// What the script's vault holds in a slot.
pub(crate) fn reply(slot: Slot) -> Answer {
    match slot {
        Slot::Me => Answer::Me(Me {
            name: "Bob".into(),
            short: "5b1f90c2e47a88d3".into(),
            relay: Some("subrosa://relay.example.org:4190/r#…".into()),
            receipts: true,
        }),
        Slot::Chats => Answer::Chats(chats()),
        Slot::Invites => Answer::Invites(Vec::new()),
        Slot::Newest(ContactId(1)) => Answer::Messages(messages()),
        Slot::Newest(_) | Slot::Older(_) => Answer::Messages(Vec::new()),
        Slot::Draft(ContactId(1)) => {
            Answer::Draft("How many cells wait, 4,096 bytes each. That is all".into())
        }
        Slot::Draft(_) => Answer::Draft(String::new()),
        Slot::Safety(_) => Answer::Missing,
    }
}

/// The chats of the script.
pub(crate) fn chats() -> Vec<Chat> {
    let verified = |chat: Chat| Chat { verified: true, level: Level::Mutual, ..chat };
    vec![
        Chat { seen: Some(Position(6)), unread: 2, ..verified(chat(1, "Ana")) },
        Chat { unread: 2, ..verified(chat(2, "Sol")) },
        Chat { draft: true, ..chat(3, "Katherine J.") },
        Chat { standing: Standing::Pending, level: Level::Unconfirmed, ..chat(4, "日本の友人") },
        Chat {
            standing: Standing::Request,
            greeting: Some("We met at the meetup".into()),
            ..chat(5, "mallory?")
        },
    ]
}

/// A contact with nothing special about them.
pub(crate) fn chat(id: i64, name: &str) -> Chat {
    Chat {
        id: ContactId(id),
        name: name.into(),
        standing: Standing::Contact,
        verified: false,
        level: Level::Mutual,
        alarm: None,
        unread: 0,
        seen: None,
        draft: false,
        last: None,
        greeting: None,
    }
}

/// The conversation of the script.
pub(crate) fn messages() -> Vec<Message> {
    let day = 24 * 60;
    let mine = |position, back, text: &str, state| Message {
        mine: true,
        state: Some(state),
        ..theirs(position, back, text)
    };
    let reply = Some((message_id(5), "can you restart the relay? it has been up for a year".into()));
    vec![
        theirs(1, day + 30, "Got the link. So nobody had to type a phone number?"),
        mine(2, day + 28, "No number, no account. The link was the whole introduction.", SendState::Read),
        mine(3, day + 27, "Compare the safety number with me when we meet.", SendState::Read),
        theirs(4, day + 20, "Done, all sixty digits."),
        theirs(5, 30, "can you restart the relay? it has been up for a year"),
        Message { reply, ..mine(6, 9, "done", SendState::Delivered) },
        theirs(7, 3, "thanks! And what does it know about us now?"),
        theirs(8, 2, "apart from the counts, I mean"),
    ]
}

/// A text of theirs, so many minutes ago.
pub(crate) fn theirs(position: i64, minutes_ago: u64, text: &str) -> Message {
    Message {
        position: Position(position),
        id: message_id(position),
        mine: false,
        at: Millis(NOW.0 - minutes_ago * MINUTE),
        body: Body::Text(text.into()),
        unread: false,
        reply: None,
        state: None,
    }
}

/// An id made of a position.
pub(crate) fn message_id(position: i64) -> MessageId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&position.to_le_bytes());
    MessageId(id)
}
