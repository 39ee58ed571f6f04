//! What a person can do, and in which order hints may come.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use subrosa_client::{
    Answer, Command, ContactId, Done, Invite, InviteId, InviteState, JoinFailure, MessageId, Notice,
    Position, RelayState,
};

use super::update;
use crate::look::Look;
use crate::model::overlay::{AddStep, Invites, Overlay};
use crate::model::start::{First, Stage, Step};
use crate::model::talk::Anchor;
use crate::model::{Focus, Model};
use crate::msg::{Cmd, Failure, Home, Msg, Purpose, Slot};
use crate::scene::{self, answer, chatting};
use crate::view::view;

fn press(model: &mut Model, code: KeyCode, with: KeyModifiers) -> Vec<Cmd> {
    let cmds = update(model, Msg::Key(KeyEvent::new(code, with)));
    let rest = cmds.clone();
    answer(model, cmds);
    rest
}

fn key(model: &mut Model, code: KeyCode) -> Vec<Cmd> {
    press(model, code, KeyModifiers::NONE)
}

fn types(model: &mut Model, text: &str) {
    for c in text.chars() {
        key(model, KeyCode::Char(c));
    }
}

fn written(model: &Model) -> String {
    model.open_talk().expect("a chat is open").composer.editor.text()
}

fn commands(cmds: &[Cmd]) -> Vec<&Command> {
    cmds.iter().filter_map(|cmd| if let Cmd::Do(command, _) = cmd { Some(command) } else { None }).collect()
}

fn go(model: &mut Model, number: char) -> Vec<Cmd> {
    press(model, KeyCode::Char(number), KeyModifiers::ALT)
}

fn screen(model: &Model) -> Buffer {
    let mut buf = Buffer::empty(model.area);
    view(model, &mut buf);
    buf
}

#[test]
fn a_paste_never_sends_and_a_long_one_asks() {
    let mut model = chatting(Look::standard(), 80, 24);
    model.open_talk_mut().expect("open").composer.editor.replace("");
    let cmds = update(&mut model, Msg::Paste("one\ntwo\n".into()));
    assert!(commands(&cmds).is_empty());
    assert_eq!(written(&model), "one\ntwo\n");
    let long = "line\n".repeat(10_000);
    let cmds = update(&mut model, Msg::Paste(long.clone()));
    assert!(commands(&cmds).is_empty());
    assert_eq!(written(&model), "one\ntwo\n", "a long paste waits for a yes");
    assert!(matches!(model.overlays.last(), Some(Overlay::Question(_))));
    key(&mut model, KeyCode::Enter);
    assert_eq!(written(&model), "one\ntwo\n", "Enter is no answer");
    assert!(commands(&key(&mut model, KeyCode::Char('y'))).is_empty());
    assert_eq!(written(&model), format!("one\ntwo\n{long}"));
}

#[test]
fn a_paste_asks_whatever_ends_its_lines() {
    for end in ["\n", "\r", "\r\n"] {
        let mut model = chatting(Look::standard(), 80, 24);
        model.open_talk_mut().expect("open").composer.editor.replace("");
        drop(update(&mut model, Msg::Paste(format!("line{end}").repeat(6))));
        assert!(matches!(model.overlays.last(), Some(Overlay::Question(_))), "{end:?}");
        drop(key(&mut model, KeyCode::Char('y')));
        assert_eq!(written(&model), "line\n".repeat(6));
    }
}

#[test]
fn a_pasted_command_is_a_text() {
    let mut model = chatting(Look::standard(), 80, 24);
    model.open_talk_mut().expect("open").composer.editor.replace("");
    drop(update(&mut model, Msg::Paste("/forget".into())));
    assert!(model.overlays.is_empty());
    let cmds = key(&mut model, KeyCode::Enter);
    assert!(matches!(commands(&cmds)[..], [Command::Send { text, .. }] if text == "/forget"));
}

#[test]
fn enter_sends_to_the_open_chat_and_keeps_the_text_until_it_is_on_disk() {
    let mut model = chatting(Look::standard(), 80, 24);
    model.open_talk_mut().expect("open").composer.editor.replace("");
    types(&mut model, "hello");
    press(&mut model, KeyCode::Enter, KeyModifiers::ALT);
    press(&mut model, KeyCode::Char('j'), KeyModifiers::CONTROL);
    types(&mut model, "world");
    let cmds = key(&mut model, KeyCode::Enter);
    let Some(Cmd::Do(Command::Send { to, text, reply }, purpose)) = cmds.first() else { panic!("{cmds:?}") };
    assert_eq!((*to, text.as_str(), *reply), (ContactId(1), "hello\n\nworld", None));
    assert_eq!(written(&model), "");
    // Quitting now waits for the outcome, and the vault's draft is not overwritten before it.
    let quit = press(&mut model, KeyCode::Char('q'), KeyModifiers::CONTROL);
    assert!(quit.is_empty(), "{quit:?}");
    let done = update(&mut model, Msg::Did(purpose.clone(), Ok(Done::Queued(MessageId([9; 16])))));
    let drafts: Vec<_> = commands(&done).into_iter().cloned().collect();
    assert_eq!(drafts, [Command::Draft { chat: ContactId(1), text: String::new() }]);
    assert!(matches!(done.last(), Some(Cmd::Quit)));
}

#[test]
fn a_refused_text_comes_back_before_what_was_typed_since() {
    let mut model = chatting(Look::standard(), 80, 24);
    model.open_talk_mut().expect("open").composer.editor.replace("first");
    let cmds = key(&mut model, KeyCode::Enter);
    let Some(Cmd::Do(_, purpose)) = cmds.first().cloned() else { panic!("{cmds:?}") };
    types(&mut model, "second");
    go(&mut model, '2');
    drop(update(&mut model, Msg::Did(purpose, Err(Failure::Said("the disk is full".into())))));
    assert_eq!(written(&model), "", "the other chat's composer stays its own");
    go(&mut model, '1');
    assert_eq!(written(&model), "first\nsecond");
}

/// A26: whatever the step of composing, another chat never sees it, and it is there on return.
#[test]
fn drafts_and_reply_targets_stay_with_their_chat_at_every_point() {
    let steps: [fn(&mut Model); 6] = [
        |model| types(model, "for Ana"),
        |model| drop(update(model, Msg::Paste(" only".into()))),
        |model| drop(press(model, KeyCode::Enter, KeyModifiers::ALT)),
        |model| {
            model.focus = Focus::Messages;
            model.open_talk_mut().expect("open").selected = Some(Position(7));
            key(model, KeyCode::Char('r'));
        },
        |model| types(model, "more"),
        |model| drop(key(model, KeyCode::Backspace)),
    ];
    for point in 0..=steps.len() {
        let mut model = chatting(Look::standard(), 80, 24);
        model.open_talk_mut().expect("open").composer.editor.replace("");
        steps[..point].iter().for_each(|step| step(&mut model));
        let mine = written(&model);
        let target = model.open_talk().expect("open").composer.reply.clone();
        let cmds = go(&mut model, '2');
        let kept = commands(&cmds)
            .into_iter()
            .any(|command| matches!(command, Command::Draft { chat: ContactId(1), text } if *text == mine));
        assert!(kept || mine.is_empty() || point == 0, "the draft is written on switching: {cmds:?}");
        assert_eq!(model.open, Some(ContactId(2)));
        let other = &model.open_talk().expect("open").composer;
        assert_eq!((other.editor.text(), other.reply.clone()), (String::new(), None), "point {point}");
        types(&mut model, "for Sol");
        let sent = key(&mut model, KeyCode::Enter);
        assert!(
            matches!(commands(&sent)[..], [Command::Send { to: ContactId(2), text, reply: None }] if text == "for Sol"),
            "{sent:?}"
        );
        go(&mut model, '1');
        let back = &model.open_talk().expect("open").composer;
        assert_eq!((back.editor.text(), back.reply.clone()), (mine, target), "point {point}");
    }
}

#[test]
fn a_reply_names_the_selected_message() {
    let mut model = chatting(Look::standard(), 80, 24);
    model.open_talk_mut().expect("open").composer.editor.replace("");
    key(&mut model, KeyCode::Up);
    key(&mut model, KeyCode::Up);
    assert_eq!(model.open_talk().expect("open").selected, Some(Position(7)));
    key(&mut model, KeyCode::Char('r'));
    types(&mut model, "ok");
    let cmds = key(&mut model, KeyCode::Enter);
    assert!(
        matches!(commands(&cmds)[..], [Command::Send { reply: Some(id), .. }] if *id == scene::message_id(7)),
        "{cmds:?}"
    );
}

#[test]
fn drafts_are_written_a_moment_after_the_last_key_and_on_quitting() {
    let mut model = chatting(Look::standard(), 80, 24);
    assert_eq!(model.deadline(), None);
    types(&mut model, "!");
    let due = model.deadline().expect("a draft is due");
    assert!(commands(&update(&mut model, Msg::Tick(due - 1))).is_empty());
    let cmds = update(&mut model, Msg::Tick(due));
    assert!(matches!(commands(&cmds)[..], [Command::Draft { chat: ContactId(1), .. }]), "{cmds:?}");
    assert_eq!(model.deadline(), None, "idle asks for no wake-up");
    types(&mut model, "!");
    let cmds = press(&mut model, KeyCode::Char('q'), KeyModifiers::CONTROL);
    assert!(matches!(cmds[..], [Cmd::Do(Command::Draft { .. }, _), Cmd::Quit]), "{cmds:?}");
}

#[test]
fn a_draft_of_the_vault_stands_before_what_was_typed_meanwhile() {
    let mut model = scene::empty(Look::standard(), 80, 24);
    drop(update(&mut model, Msg::Opened(crate::msg::Opened::default())));
    drop(update(&mut model, Msg::Answer(Slot::Chats, Ok(Answer::Chats(scene::chats())))));
    drop(update(&mut model, Msg::Key(KeyEvent::from(KeyCode::Enter))));
    drop(update(&mut model, Msg::Key(KeyEvent::from(KeyCode::Char('x')))));
    let early = update(&mut model, Msg::Tick(scene::NOW.0 + 5_000));
    assert!(commands(&early).is_empty(), "the draft that is still to be read is not overwritten");
    drop(update(&mut model, Msg::Answer(Slot::Draft(ContactId(1)), Ok(Answer::Draft("kept ".into())))));
    assert_eq!(written(&model), "kept x");
}

/// Hints in any order, doubled or left out, give the same screen once the questions are answered.
#[test]
fn every_order_of_hints_gives_the_same_view() {
    let hints = [
        Notice::Chats,
        Notice::Chat(ContactId(1)),
        Notice::Chat(ContactId(2)),
        Notice::Arrived(ContactId(1)),
        Notice::Invites,
        Notice::Relay { name: "relay.example.org:4190".into(), state: RelayState::Online },
        Notice::Lagged,
    ];
    let start = chatting(Look::standard(), 100, 30);
    let settle = |order: &[usize]| {
        let mut model = start.clone();
        let mut open: Vec<Cmd> = Vec::new();
        for (at, index) in order.iter().enumerate() {
            open.extend(update(&mut model, Msg::Notice(hints[*index].clone())));
            // Some answers come between the hints, some after all of them.
            if at % 3 == 0 {
                answer(&mut model, std::mem::take(&mut open));
            }
        }
        answer(&mut model, open);
        answer_rest(&mut model);
        screen(&model)
    };
    let first = settle(&[0, 1, 2, 3, 4, 5, 6]);
    let mut seed = 7_u64;
    for _ in 0..200 {
        let order: Vec<usize> = (0..12)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(seed >> 33).expect("small") % hints.len()
            })
            .collect();
        let mut order = order;
        order.push(0);
        assert_eq!(settle(&order), first, "{order:?}");
    }
}

/// Asks once more for the chats, so that every order ends with the same list.
fn answer_rest(model: &mut Model) {
    assert!(model.asked.is_empty(), "every question has its answer: {:?}", model.asked);
    let cmds = update(model, Msg::Notice(Notice::Chats));
    answer(model, cmds);
}

#[test]
fn questions_in_flight_are_not_asked_twice_but_once_more_after_the_answer() {
    let mut model = chatting(Look::standard(), 80, 24);
    let first = update(&mut model, Msg::Notice(Notice::Chats));
    assert_eq!(first.len(), 1);
    for _ in 0..50 {
        assert!(update(&mut model, Msg::Notice(Notice::Chats)).is_empty());
    }
    let again = update(&mut model, Msg::Answer(Slot::Chats, Ok(Answer::Chats(scene::chats()))));
    assert!(matches!(again[..], [Cmd::Ask(Slot::Chats, _)]), "{again:?}");
    let last = update(&mut model, Msg::Answer(Slot::Chats, Ok(Answer::Chats(scene::chats()))));
    assert!(last.is_empty(), "{last:?}");
}

#[test]
fn what_was_on_screen_in_the_foreground_is_reported_seen_once() {
    let mut model = scene::empty(Look::standard(), 80, 24);
    drop(update(&mut model, Msg::Focus(false)));
    let cmds = update(&mut model, Msg::Opened(crate::msg::Opened::default()));
    answer(&mut model, cmds);
    let cmds = update(&mut model, Msg::Key(KeyEvent::from(KeyCode::Enter)));
    answer(&mut model, cmds);
    assert_eq!(model.open_talk().expect("open").seen, Some(Position(6)), "nobody was looking");
    let cmds = update(&mut model, Msg::Focus(true));
    let wanted = Command::Seen { chat: ContactId(1), upto: Position(8) };
    assert_eq!(commands(&cmds), [&wanted]);
    assert!(commands(&update(&mut model, Msg::Focus(true))).is_empty());
}

#[test]
fn the_view_hangs_on_a_message_when_others_come() {
    let mut model = chatting(Look::standard(), 80, 12);
    key(&mut model, KeyCode::PageUp);
    let anchor = model.open_talk().expect("open").anchor;
    assert_ne!(anchor, Anchor::Newest);
    let before = screen(&model);
    let mut more = scene::messages();
    more.push(scene::theirs(9, 0, "and one more"));
    drop(update(&mut model, Msg::Answer(Slot::Newest(ContactId(1)), Ok(Answer::Messages(more)))));
    assert_eq!(model.open_talk().expect("open").anchor, anchor);
    let messages = crate::layout::layout(&model).messages.expect("on screen");
    let after = screen(&model);
    let rows = |buf: &Buffer| {
        let cell = |x, y| buf[(x, y)].symbol().to_owned();
        (messages.y..messages.bottom())
            .flat_map(|y| (messages.x..messages.right()).map(move |x| (x, y)))
            .map(|(x, y)| cell(x, y))
            .collect::<String>()
            .replace("2 new", "n new")
            .replace("3 new", "n new")
    };
    assert_eq!(rows(&before), rows(&after));
}

#[test]
fn a_click_hits_the_row_that_was_drawn() {
    use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let mut model = chatting(Look::standard(), 100, 26);
    let buf = screen(&model);
    let messages = crate::layout::layout(&model).messages.expect("on screen");
    for y in messages.y..messages.bottom() {
        let row: String = (messages.x..messages.right()).map(|x| buf[(x, y)].symbol()).collect();
        model.open_talk_mut().expect("open").selected = None;
        let click = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: messages.x + 20,
            row: y,
            modifiers: KeyModifiers::NONE,
        };
        drop(update(&mut model, Msg::Mouse(click)));
        let hit = model.open_talk().expect("open").selected;
        assert_eq!(hit == Some(Position(7)), row.contains("thanks!"), "{row}");
        if row.contains("───") {
            assert_eq!(hit, None, "date lines and markers can't be selected");
        }
    }
}

#[test]
fn destructive_commands_ask_first_with_the_name() {
    let mut model = chatting(Look::standard(), 80, 24);
    press(&mut model, KeyCode::Char('p'), KeyModifiers::CONTROL);
    types(&mut model, "forget");
    let cmds = key(&mut model, KeyCode::Enter);
    assert!(commands(&cmds).is_empty());
    assert!(
        matches!(model.overlays.last(), Some(Overlay::Question(question)) if question.text.contains("Ana"))
    );
    let cmds = key(&mut model, KeyCode::Char('y'));
    assert_eq!(commands(&cmds), [&Command::Forget(ContactId(1))]);
}

#[test]
fn a_slash_opens_the_palette_only_at_the_start_and_twice_types_one() {
    let mut model = chatting(Look::standard(), 80, 24);
    types(&mut model, "/");
    assert!(model.overlays.is_empty() && written(&model).ends_with('/'));
    model.open_talk_mut().expect("open").composer.editor.replace("");
    types(&mut model, "/");
    assert!(matches!(model.overlays.last(), Some(Overlay::Palette(_))));
    types(&mut model, "/");
    assert!(model.overlays.is_empty());
    assert_eq!(written(&model), "/");
}

#[test]
fn an_alarm_blocks_sending_and_typing() {
    let mut model = chatting(Look::standard(), 80, 24);
    let mut chats = scene::chats();
    chats[0].alarm = Some(subrosa_client::AlarmKind::Fork);
    drop(update(&mut model, Msg::Answer(Slot::Chats, Ok(Answer::Chats(chats)))));
    let before = written(&model);
    assert!(key(&mut model, KeyCode::Enter).is_empty());
    types(&mut model, "x");
    drop(update(&mut model, Msg::Paste("paste".into())));
    assert_eq!(written(&model), before);
    key(&mut model, KeyCode::Char('s'));
    let cmds = key(&mut model, KeyCode::Char('y'));
    assert_eq!(commands(&cmds), [&Command::Unlatch(ContactId(1))]);
}

#[test]
fn a_link_of_a_known_contact_asks_before_joining_again() {
    let mut model = chatting(Look::standard(), 80, 24);
    press(&mut model, KeyCode::Char('p'), KeyModifiers::CONTROL);
    drop(update(&mut model, Msg::Paste("add subrosa://x/i#y\n".into())));
    let cmds = key(&mut model, KeyCode::Enter);
    let Some(Cmd::Do(Command::Join { again: false, .. }, purpose)) = cmds.first().cloned() else {
        panic!("{cmds:?}")
    };
    drop(update(&mut model, Msg::Did(purpose.clone(), Ok(Done::Joining(InviteId(3))))));
    assert!(
        matches!(model.overlays.last(), Some(Overlay::Add(add)) if add.step == AddStep::Taking(InviteId(3)))
    );
    drop(update(
        &mut model,
        Msg::Notice(Notice::JoinFailed { invite: InviteId(3), why: JoinFailure::Known }),
    ));
    assert!(matches!(model.overlays.last(), Some(Overlay::Question(_))));
    let cmds = key(&mut model, KeyCode::Char('y'));
    assert!(
        matches!(commands(&cmds)[..], [Command::Join { link, again: true, .. }] if link == "subrosa://x/i#y"),
        "{cmds:?}"
    );
    let known = Msg::Did(purpose, Err(Failure::Known("Ana".into())));
    drop(update(&mut model, known));
    assert!(
        matches!(model.overlays.last(), Some(Overlay::Question(question)) if question.text.contains("Ana"))
    );
}

#[test]
fn the_first_run_asks_three_things_and_keeps_what_was_typed() {
    let mut model = scene::empty(Look::standard(), 80, 24);
    model.stage = Stage::First(First::new(Some("only this machine".into())));
    key(&mut model, KeyCode::Enter);
    types(&mut model, "Bob q");
    key(&mut model, KeyCode::Enter);
    types(&mut model, "one");
    key(&mut model, KeyCode::Enter);
    types(&mut model, "two");
    key(&mut model, KeyCode::Enter);
    let Stage::First(first) = &model.stage else { panic!("{:?}", model.stage) };
    assert!(first.step == Step::Passphrase && first.error.is_some());
    types(&mut model, "one");
    key(&mut model, KeyCode::Enter);
    let cmds = key(&mut model, KeyCode::Enter);
    let [Cmd::Start(start)] = &cmds[..] else { panic!("{cmds:?}") };
    assert_eq!((start.name.as_str(), &start.home), ("Bob q", &Home::Here));
    assert_eq!(start.passphrase.as_deref().map(String::as_str), Some("one"));
    assert!(!format!("{cmds:?}{model:?}").contains("one\""), "no passphrase in Debug");
    drop(update(&mut model, Msg::NotOpened("the port is in use".into())));
    let Stage::First(first) = &model.stage else { panic!("{:?}", model.stage) };
    assert!(first.step == Step::Place && first.name.text() == "Bob q");
    let again = key(&mut model, KeyCode::Enter);
    assert!(matches!(&again[..], [Cmd::Start(start)] if start.passphrase.is_some()), "{again:?}");
    let opened = crate::msg::Opened { fresh: true, ..Default::default() };
    let cmds = update(&mut model, Msg::Opened(opened));
    assert!(
        cmds.iter().any(|cmd| matches!(cmd, Cmd::Do(Command::Invite { reusable: false }, Purpose::Invite)))
    );
    assert!(matches!(model.overlays.last(), Some(Overlay::Invites(_))));
}

/// A link of someone else's that is being taken.
fn taking(reusable: bool) -> Invite {
    let (id, state) = (InviteId(9), InviteState::Taking);
    Invite { id, link: None, reusable, mine: false, state, expires: scene::NOW }
}

#[test]
fn a_link_that_is_taken_can_be_given_up() {
    let mut model = chatting(Look::standard(), 80, 24);
    model.invites = Some(vec![taking(false)]);
    model.overlays = vec![Overlay::Invites(Invites::default())];
    assert!(commands(&key(&mut model, KeyCode::Char('x'))).is_empty(), "it asks first");
    let cmds = key(&mut model, KeyCode::Char('y'));
    assert_eq!(commands(&cmds), [&Command::Revoke(InviteId(9))]);
}

#[test]
fn who_has_an_address_is_asked_and_who_gave_an_invite_is_added() {
    for (reusable, words) in [(true, "Asked"), (false, "Added")] {
        let mut model = chatting(Look::standard(), 80, 24);
        model.invites = Some(vec![taking(reusable)]);
        let joined = Notice::Joined { invite: InviteId(9), contact: ContactId(4) };
        drop(update(&mut model, Msg::Notice(joined)));
        assert!(model.status.expect("a remark").text.starts_with(words));
    }
}

#[test]
fn relay_without_an_address_shows_the_current_one_and_how_to_change_it() {
    let mut model = chatting(Look::standard(), 80, 24);
    press(&mut model, KeyCode::Char('p'), KeyModifiers::CONTROL);
    types(&mut model, "relay");
    assert!(commands(&key(&mut model, KeyCode::Enter)).is_empty());
    let buf = screen(&model);
    let text: String = buf.content().iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(text.contains("friends reach you at subrosa://relay.example.org"), "{text}");
    assert!(text.contains("another one: /relay ADDRESS"), "{text}");
}
