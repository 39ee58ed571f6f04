//! Screens as snapshots, in three sizes and three looks, with a fixed clock.

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::Color;
use subrosa_client::{
    AlarmKind, Answer, Body, Chat, ContactId, FailReason, Invite, InviteId, InviteState, JoinFailure, Level,
    Message, MessageId, Millis, Notice, Position, RelayState, Safety, SendState, Standing,
};

use super::view;
use crate::look::{Look, Role};
use crate::model::overlay::{Add, AddStep, Choice, Invites, Overlay, Question, Then, Verify};
use crate::model::start::{First, Locked, Stage, Step};
use crate::model::{Focus, Model};
use crate::msg::{Joining, Msg, Purpose, Slot};
use crate::scene::{self, NOW, chat, chatting, message_id, theirs};
use crate::update::update;

const SIZES: [(u16, u16); 3] = [(40, 12), (80, 24), (120, 40)];

fn drawn(model: &Model) -> Buffer {
    let mut buf = Buffer::empty(model.area);
    view(model, &mut buf);
    buf
}

/// The cells of a screen as text.
fn cells(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buf.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buf.area.width {
            let symbol = buf[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(crate::text::width(symbol).max(1)).expect("small");
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// Where another style than the plain one begins and what it is, one row of the screen a line.
fn styles(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buf.area.height {
        let mut runs = Vec::new();
        let mut last = None;
        for x in 0..buf.area.width {
            let cell = &buf[(x, y)];
            let style = (cell.fg, cell.bg, cell.modifier);
            if last != Some(style) {
                runs.push(
                    format!("{x} {:?}/{:?} {:?}", cell.fg, cell.bg, cell.modifier).replace("Modifier", ""),
                );
                last = Some(style);
            }
        }
        let _ = writeln!(out, "{y}: {}", runs.join(", "));
    }
    out
}

/// One screen in every size: with colours, in ASCII, and (80 columns) the styles with and without colour.
fn check(name: &str, build: impl Fn(Look, u16, u16) -> Model) {
    let ascii = Look { ascii: true, ..Look::standard() };
    let plain = Look { colour: false, ..Look::standard() };
    let mut out = String::new();
    for (width, height) in SIZES {
        let model = build(Look::standard(), width, height);
        let coloured = drawn(&model);
        let _ = write!(out, "== {width}x{height}\n{}", cells(&coloured));
        let letters = cells(&drawn(&build(ascii, width, height)));
        let rest = letters.replace("日本の友人", "");
        assert!(rest.is_ascii(), "{name} draws more than ASCII in ASCII mode:\n{rest}");
        let colourless = drawn(&build(plain, width, height));
        let bare = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
        assert!(colourless.content().iter().all(bare), "{name} has colours under NO_COLOR");
        if width == 80 {
            let _ = write!(out, "== {width}x{height} ascii\n{letters}");
            let _ = write!(out, "== {width}x{height} styles\n{}", styles(&coloured));
            let _ = write!(out, "== {width}x{height} styles, NO_COLOR\n{}", styles(&colourless));
        }
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, out);
    });
}

/// A chat list and a conversation of the test's own.
fn with(look: Look, size: (u16, u16), chats: Vec<Chat>, messages: Vec<Message>) -> Model {
    let mut model = chatting(look, size.0, size.1);
    let id = chats.first().map(|chat| chat.id);
    drop(update(&mut model, Msg::Answer(Slot::Chats, Ok(Answer::Chats(chats)))));
    if let Some(id) = id {
        model.open = Some(id);
        model.focus = Focus::Chat;
        let talk = model.talks.entry(id).or_insert_with(|| crate::model::talk::Talk::new(None));
        talk.window = None;
        talk.marker = Some(Position(100));
        talk.composer.editor.replace("");
        drop(update(&mut model, Msg::Answer(Slot::Newest(id), Ok(Answer::Messages(messages)))));
    }
    model
}

#[test]
fn the_chats() {
    check("chats", chatting);
}

#[test]
fn a_selected_message_and_a_reply() {
    check("selected", |look, width, height| {
        let mut model = chatting(look, width, height);
        let talk = model.open_talk_mut().expect("open");
        talk.selected = Some(Position(5));
        talk.composer.reply = Some((message_id(7), "thanks! And what does it know about us now?".into()));
        model.focus = Focus::Messages;
        model
    });
}

#[test]
fn nothing_there_yet() {
    check("empty", |look, width, height| {
        let mut model = scene::empty(look, width, height);
        model.stage = Stage::Open;
        model.chats = Some(Vec::new());
        model.hosting =
            Some("This machine hosts your relay: only machines in this network can reach it.".into());
        model
    });
}

#[test]
fn loading_reads_differently_from_nothing() {
    check("loading", |look, width, height| {
        let mut model = scene::empty(look, width, height);
        model.stage = Stage::Open;
        model
    });
}

#[test]
fn an_offline_relay_and_a_trouble() {
    check("offline", |look, width, height| {
        let mut model = chatting(look, width, height);
        let state = RelayState::Offline("connection refused".into());
        drop(update(&mut model, Msg::Notice(Notice::Relay { name: "relay.example.org:4190".into(), state })));
        drop(update(
            &mut model,
            Msg::Notice(Notice::Trouble("The disk is full: nothing was lost; free some space.".into())),
        ));
        model
    });
}

#[test]
fn states_gaps_and_failures() {
    check("failed", |look, width, height| {
        let mine = |position, state| Message {
            mine: true,
            state: Some(state),
            ..theirs(position, 40 - position as u64, "words")
        };
        let row = |position, body| Message { body, ..theirs(position, 40 - position as u64, "") };
        let messages = vec![
            mine(1, SendState::Read),
            mine(2, SendState::Delivered),
            mine(3, SendState::Sent),
            mine(4, SendState::Unseen),
            row(5, Body::Gap { cells: 2 }),
            row(6, Body::Lost { cells: 1 }),
            row(7, Body::Newer),
            row(8, Body::Event("The session was recovered.".into())),
            mine(9, SendState::Queued),
            mine(10, SendState::Failed(FailReason::QueueGone)),
        ];
        with(look, (width, height), vec![chat(1, "Ana")], messages)
    });
}

#[test]
fn an_alarm_that_stops_sending() {
    check("alarm", |look, width, height| {
        let alarmed =
            Chat { alarm: Some(AlarmKind::Fork), verified: true, level: Level::Mutual, ..chat(1, "Ana") };
        with(look, (width, height), vec![alarmed, chat(2, "Sol")], vec![theirs(1, 5, "where are you?")])
    });
}

#[test]
fn a_request() {
    check("request", |look, width, height| {
        let request = Chat {
            standing: Standing::Request,
            greeting: Some("We met at the meetup".into()),
            ..chat(5, "mallory")
        };
        with(look, (width, height), vec![request], Vec::new())
    });
}

#[test]
fn a_request_under_the_name_of_a_contact_warns() {
    let request = Chat { standing: Standing::Request, ..chat(5, "aNA ") };
    let shown = |contact: &str| {
        let chats = vec![request.clone(), chat(1, contact)];
        cells(&drawn(&with(Look::standard(), (120, 24), chats, Vec::new())))
    };
    let warned = shown("Ana");
    let words = "You have a contact called Ana already: this is someone else, or Ana on another identity.";
    assert!(warned.contains(words), "{warned}");
    assert!(!shown("Anna").contains("already"));
}

#[test]
fn a_chat_reads_not_yet_confirmed_below_the_mutual_level() {
    let shown = |level, verified| {
        let chats = vec![Chat { level, verified, ..chat(1, "Ana") }];
        cells(&drawn(&with(Look::standard(), (80, 24), chats, Vec::new())))
    };
    for level in [Level::Unconfirmed, Level::Classical] {
        // HS-42.
        assert!(shown(level, false).contains("not yet confirmed"), "{level:?}");
        assert!(shown(level, true).contains("✓ verified"), "{level:?}");
    }
    let mutual = shown(Level::Mutual, false);
    assert!(mutual.contains("not verified") && !mutual.contains("not yet confirmed"), "{mutual}");
}

#[test]
fn the_header_says_how_my_relay_stands_whatever_another_one_does() {
    for state in [RelayState::WrongKey, RelayState::Offline("no answer".into()), RelayState::Connecting] {
        for width in [60, 100] {
            let mut model = chatting(Look::standard(), width, 24);
            let other = Notice::Relay { name: "192.0.2.7:4190".into(), state: state.clone() };
            drop(update(&mut model, Msg::Notice(other)));
            let screen = cells(&drawn(&model));
            let header = screen.lines().next().expect("a frame");
            assert!(header.contains(" online "), "{header}");
            let trouble = width == 100 && state != RelayState::Connecting;
            assert_eq!(header.contains("trouble with another relay"), trouble, "{header}");
        }
    }
    let mut model = chatting(Look::standard(), 100, 24);
    let mine = "relay.example.org:4190".to_owned();
    drop(update(&mut model, Msg::Notice(Notice::Relay { name: mine, state: RelayState::WrongKey })));
    assert!(cells(&drawn(&model)).contains("wrong relay key"));
}

#[test]
fn a_link_that_is_taken_stands_in_the_invites_and_its_relay_in_the_status() {
    let mut model = chatting(Look::standard(), 80, 24);
    let invite = |id, state, mine| Invite {
        id: InviteId(id),
        link: None,
        reusable: false,
        mine,
        state,
        expires: Millis(NOW.0 + 7 * 86_400_000),
    };
    model.invites = Some(vec![
        invite(9, InviteState::Taking, false),
        invite(3, InviteState::Used, true),
        invite(1, InviteState::Failed(JoinFailure::Gone), false),
    ]);
    let link = LINK.replace("relay.example.org", "192.0.2.7");
    model.joining.push(Joining { invite: InviteId(9), link, greeting: String::new() });
    let name = "192.0.2.7:4190".to_owned();
    drop(update(&mut model, Msg::Notice(Notice::Relay { name, state: RelayState::WrongKey })));
    model.overlays.push(Overlay::Status);
    let status = cells(&drawn(&model));
    assert!(status.contains("relay.example.org:4190 (yours): online"), "{status}");
    assert!(status.contains("192.0.2.7:4190 (of a link that you add: /invites): not the relay"), "{status}");
    let shown = |model: &mut Model, id| {
        let shown = Some(InviteId(id));
        model.overlays = vec![Overlay::Invites(Invites { shown, ..Invites::default() })];
        cells(&drawn(model))
    };
    assert!(shown(&mut model, 3).contains("Invite 1 of 3"));
    let taking = shown(&mut model, 9);
    for words in ["Link 2 of 3", "at the relay 192.0.2.7:4190", "State: taking", "another key"] {
        assert!(taking.contains(words), "{words}: {taking}");
    }
    let failed = shown(&mut model, 1);
    assert!(failed.contains("Link 3 of 3") && failed.contains("ask for a new one"), "{failed}");
    drop(update(&mut model, Msg::Relays(vec![("relay.example.org:4190".into(), RelayState::Online)])));
    assert_eq!(model.relays.len(), 1, "a relay that nobody needs any more is gone");
}

const LINK: &str = "subrosa://relay.example.org:4190/i#AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

#[test]
fn an_invite() {
    check("invite", |look, width, height| {
        let mut model = chatting(look, width, height);
        model.invites = Some(vec![Invite {
            id: InviteId(1),
            link: Some(LINK.into()),
            reusable: false,
            mine: true,
            state: InviteState::Ready,
            expires: Millis(NOW.0 + 7 * 86_400_000),
        }]);
        model.overlays.push(Overlay::Invites(Invites { welcome: true, ..Invites::default() }));
        model
    });
}

#[test]
fn a_safety_number() {
    check("verify", |look, width, height| {
        let mut model = chatting(look, width, height);
        let groups =
            [10_000, 29_384, 3, 48_261, 77_777, 12_345, 90_817, 65_432, 11_111, 22_222, 33_333, 44_444];
        let safety = Safety { groups, qr: "SUBROSA1".repeat(9), verified: false };
        model.overlays.push(Overlay::Verify(Verify { contact: ContactId(1), safety: Some(safety) }));
        model
    });
}

#[test]
fn adding_someone() {
    check("add", |look, width, height| {
        let mut model = chatting(look, width, height);
        let mut add = Add::new(LINK);
        add.step = AddStep::Failed("this invite was already used: ask for a new one".into());
        model.overlays.push(Overlay::Add(add));
        model
    });
}

#[test]
fn help_palette_switcher_question_log_status() {
    check("help", |look, width, height| {
        let mut model = chatting(look, width, height);
        model.overlays.push(Overlay::Help(0));
        model
    });
    check("palette", |look, width, height| {
        let mut model = chatting(look, width, height);
        let mut choice = Choice::new();
        choice.filter.insert("re");
        choice.row = 1;
        model.overlays.push(Overlay::Palette(choice));
        model
    });
    check("switcher", |look, width, height| {
        let mut model = chatting(look, width, height);
        model.overlays.push(Overlay::Switcher(Choice::new()));
        model
    });
    check("question", |look, width, height| {
        let mut model = chatting(look, width, height);
        let text = "Paste 12 lines into the message to Ana? Nothing is sent until you press Enter.".into();
        let then = Then::Paste(ContactId(1), String::new());
        model.overlays.push(Overlay::Question(Question { text, yes: "paste", then }));
        model
    });
    check("log", |look, width, height| {
        let mut model = chatting(look, width, height);
        model.trouble("relay.example.org:4190 can't be reached: connection refused", Role::Warn);
        model.trouble(
            "The clock of this machine is off by a day: set it, or invites expire early.",
            Role::Alarm,
        );
        model.overlays.push(Overlay::Log(0));
        model
    });
    check("status", |look, width, height| {
        let mut model = chatting(look, width, height);
        model.overlays.push(Overlay::Status);
        model
    });
}

fn first(look: Look, width: u16, height: u16, step: Step) -> Model {
    let mut model = scene::empty(look, width, height);
    let mut first = First::new(Some("Only machines in this network can reach it.".into()));
    first.step = step;
    first.name.insert("Bob");
    model.stage = Stage::First(first);
    model
}

#[test]
fn the_first_run() {
    check("first-name", |look, width, height| first(look, width, height, Step::Name));
    check("first-passphrase", |look, width, height| first(look, width, height, Step::Passphrase));
    check("first-place", |look, width, height| first(look, width, height, Step::Place));
    check("locked", |look, width, height| {
        let mut model = scene::empty(look, width, height);
        let mut locked = Locked { error: Some("wrong passphrase: try again".into()), ..Locked::default() };
        locked.field.insert("rosebud");
        model.stage = Stage::Locked(locked);
        model
    });
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_none_panics() {
    for width in 0..50 {
        for height in 0..14 {
            let mut model = chatting(Look::standard(), width, height);
            drop(drawn(&model));
            for step in [Step::Name, Step::Passphrase, Step::Place, Step::Making] {
                drop(drawn(&first(Look::standard(), width, height, step)));
            }
            for overlay in [
                Overlay::Status,
                Overlay::Log(2),
                Overlay::Switcher(Choice::new()),
                Overlay::Verify(Verify { contact: ContactId(1), safety: None }),
                Overlay::Help(3),
                Overlay::Invites(Invites::default()),
                Overlay::Palette(Choice::new()),
                Overlay::Add(Add::new("x")),
            ] {
                model.overlays = vec![overlay];
                drop(drawn(&model));
            }
        }
    }
    let small = cells(&drawn(&chatting(Look::standard(), 29, 8)));
    assert!(small.contains("too small"), "{small}");
}

#[test]
fn what_others_wrote_can_not_steer_the_terminal() {
    let evil = "\u{1b}]0;title\u{7}\u{202e}gnp.exe\u{9b}2J\r\n";
    let mut messages = vec![theirs(1, 5, evil)];
    messages.push(Message { reply: Some((MessageId([1; 16]), evil.into())), ..theirs(2, 4, "fine") });
    messages.push(Message { body: Body::Event(evil.into()), ..theirs(3, 3, "") });
    let request = Chat { standing: Standing::KnownAgain, greeting: Some(evil.into()), ..chat(1, evil) };
    let mut model = with(Look::standard(), (100, 30), vec![request], messages);
    drop(update(&mut model, Msg::Notice(Notice::Trouble(evil.into()))));
    for overlay in [
        None,
        Some(Overlay::Verify(Verify { contact: ContactId(1), safety: None })),
        Some(Overlay::Switcher(Choice::new())),
        Some(Overlay::Log(0)),
    ] {
        model.overlays = overlay.into_iter().collect();
        for cell in drawn(&model).content() {
            let bad = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!cell.symbol().contains(bad), "{:?}", cell.symbol());
        }
    }
}

#[test]
fn a_refused_text_says_so_and_stands_in_the_composer() {
    let mut model = chatting(Look::standard(), 80, 24);
    let purpose = Purpose::Send { chat: ContactId(1), text: "too long".into(), reply: None };
    model.open_talk_mut().expect("open").composer.editor.replace("");
    drop(update(&mut model, Msg::Did(purpose, Err(crate::msg::Failure::Said("that is too long".into())))));
    let screen = cells(&drawn(&model));
    assert!(screen.contains("> too long") && screen.contains("Not sent: that is too long"), "{screen}");
}

#[test]
fn a_long_sentence_takes_two_rows_and_what_is_cut_off_stands_in_the_log() {
    let sentence = "The relay is not the one that it should be, it has another key: nothing was sent to it. Ask for a new one.";
    let mut model = chatting(Look::standard(), 60, 24);
    drop(update(&mut model, Msg::Notice(Notice::Trouble(sentence.into()))));
    let screen = cells(&drawn(&model));
    for half in ["The relay is not the one", "sent to it. Ask for a new one."] {
        assert!(screen.contains(half), "{screen}");
    }
    assert!(screen.contains("> How many cells"), "{screen}");
    drop(update(&mut model, Msg::Notice(Notice::Trouble(sentence.repeat(2)))));
    let screen = cells(&drawn(&model));
    assert!(screen.contains("… /log"), "{screen}");
    model.area.height = 10;
    assert!(cells(&drawn(&model)).contains("… /log"));
}

#[test]
fn a_narrow_header_tells_what_waits_in_other_chats() {
    let header = |width, others: Vec<Chat>| {
        let chats = std::iter::once(Chat { unread: 5, ..chat(1, "Ana") }).chain(others).collect();
        let screen = cells(&drawn(&with(Look::standard(), (width, 24), chats, Vec::new())));
        screen.lines().next().expect("a frame").to_owned()
    };
    let request = Chat { standing: Standing::Request, unread: 1, ..chat(3, "mallory") };
    let unread = Chat { unread: 2, ..chat(2, "Sol") };
    assert!(header(60, vec![chat(2, "Sol")]).contains("─ online "), "this chat is open");
    assert!(header(60, vec![unread.clone(), request.clone()]).contains("2 unread elsewhere · online"));
    assert!(header(60, vec![request.clone()]).contains("a request · online"));
    for (width, hint) in [(40, "─ +3 · online "), (30, "─ +3 ─")] {
        let short = header(width, vec![unread.clone(), request.clone()]);
        assert!(short.contains("Ana  • not verified ") && short.contains(hint), "{short}");
    }
    assert!(!header(80, vec![unread]).contains("elsewhere"), "the list is on screen");
}
