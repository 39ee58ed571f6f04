//! The screen in a real terminal: first run, two people, pastes, resizes, signals, and what is left after each end.
//!
//! Spec: docs/guide/chat.md. Invariant: what is typed goes through a pseudo-terminal, and what is asserted stands on it.

use rustix::process::Signal;
use subrosa_tests::{Binaries, Person, RelayProcess, Screen, binaries, eventually};

const BINARIES: Binaries = binaries!();

const CTRL_J: &str = "\x0a";
const CTRL_Q: &str = "\x11";
const CTRL_Z: &str = "\x1a";
const DOWN: &str = "\x1b[B";
const ESC: &str = "\x1b";

struct Stage {
    folder: tempfile::TempDir,
    relay: RelayProcess,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
        Self { folder, relay }
    }

    fn person(&self, name: &str) -> Person {
        Person::new(BINARIES, &self.folder.path().join(name), name, self.relay.address())
    }

    /// Two contacts, met through the command line.
    fn pair(&self) -> (Person, Person) {
        let (ana, bob) = (self.person("Ana"), self.person("Bob"));
        ana.meets(&bob);
        (ana, bob)
    }
}

fn screen(person: &Person) -> Screen {
    Screen::start(BINARIES, person.folder(), &[])
}

/// Opens the only chat, with `name`.
fn open_chat(screen: &mut Screen, name: &str) {
    screen.wait_for(name);
    screen.type_keys("\x1b1");
    screen.wait_for(&format!("to: {name}"));
}

/// Ctrl-Q, and the terminal is as it was.
fn quits(mut screen: Screen) {
    screen.type_keys(CTRL_Q);
    assert_eq!(screen.ended(), 0, "{}", screen.text());
    assert!(screen.is_restored() && screen.is_cooked(), "{}", screen.text());
}

#[test]
fn a_first_run_leads_to_an_invite_in_three_answers() {
    let stage = Stage::new();
    let folder = stage.folder.path().join("new");
    let mut screen = Screen::start(BINARIES, &folder, &[]);
    screen.wait_for("What do your friends call you?");
    screen.type_keys("Newcomer\r");
    screen.wait_for("A passphrase for this profile, or none");
    screen.type_keys("\r");
    screen.wait_for("Where do your friends reach you?");
    screen.type_keys(DOWN);
    screen.paste(stage.relay.address());
    screen.type_keys("\r");
    screen.wait_for("Give this to a friend");
    screen.wait_for("State: ready");
    screen.type_keys("c");
    eventually("the link is copied", || screen.copied().is_some());
    let link = screen.copied().unwrap();
    quits(screen);
    let bob = stage.person("Bob");
    assert_eq!(bob.ok(&["add", &link]).one("joined")["name"], "Newcomer");
}

#[test]
fn a_first_run_that_hosts_needs_no_one_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut screen = Screen::start(BINARIES, &folder.path().join("host"), &[]);
    screen.wait_for("What do your friends call you?");
    screen.type_keys("Host\r");
    screen.wait_for("A passphrase for this profile, or none");
    screen.type_keys("\r");
    screen.wait_for("(x) This machine hosts a relay");
    screen.type_keys("\r");
    screen.wait_for("State: ready");
    quits(screen);
}

#[test]
fn two_screens_meet_and_chat_until_both_have_read() {
    let stage = Stage::new();
    let (ana, bob) = (stage.person("Ana"), stage.person("Bob"));
    let (mut at_ana, mut at_bob) = (screen(&ana), screen(&bob));
    at_ana.wait_for("No chats yet");
    at_ana.type_keys("i");
    at_ana.wait_for("State: ready");
    at_ana.type_keys("c");
    eventually("the link is copied", || at_ana.copied().is_some());
    let link = at_ana.copied().unwrap();
    at_ana.type_keys(ESC);

    at_bob.wait_for("No chats yet");
    at_bob.type_keys("a");
    at_bob.wait_for("Paste the link");
    at_bob.paste(&link);
    at_bob.type_keys("\r");
    at_bob.wait_for("Ana");
    open_chat(&mut at_bob, "Ana");
    at_bob.type_keys("hello Ana\r");
    open_chat(&mut at_ana, "Bob");
    at_ana.wait_for("hello Ana");
    at_ana.type_keys("hello Bob\r");
    at_bob.wait_for("hello Bob");
    for screen in [&at_ana, &at_bob] {
        screen.wait("a message that was read", |text| text.contains("✓✓"));
    }
    quits(at_ana);
    quits(at_bob);
}

#[test]
fn a_paste_of_ten_thousand_lines_sends_nothing() {
    let stage = Stage::new();
    let (ana, bob) = stage.pair();
    let mut at_ana = screen(&ana);
    open_chat(&mut at_ana, "Bob");
    let lines: String = (0..10_000).map(|line| format!("line {line}\r")).collect();
    at_ana.paste(&lines);
    at_ana.wait_for("lines");
    at_ana.type_keys("n");
    // A short one goes into the box, with its lines, and stays there.
    at_ana.paste("one\rtwo");
    at_ana.wait_for("two");
    at_ana.type_keys(CTRL_J);
    at_ana.type_keys("three");
    at_ana.wait_for("three");
    assert_eq!(bob.unread(), Vec::<String>::new());
    at_ana.type_keys("\r");
    bob.hears(&["one\ntwo\nthree"]);
    quits(at_ana);
}

#[test]
fn a_storm_of_sizes_ends_with_the_whole_screen() {
    let stage = Stage::new();
    let (ana, _bob) = stage.pair();
    let mut at_ana = screen(&ana);
    open_chat(&mut at_ana, "Bob");
    at_ana.type_keys("words in the box");
    // Not in one go: crossterm may hold keys that come with a change of size until the next key.
    at_ana.wait_for("words in the box");
    for step in 0..200_u16 {
        at_ana.resize(1 + step * 7 % 140, 1 + step * 5 % 60);
    }
    at_ana.resize(29, 7);
    at_ana.wait_for("too small");
    at_ana.resize(120, 40);
    at_ana.wait_for("words in the box");
    at_ana.wait_for("to: Bob");
    quits(at_ana);
}

#[test]
fn a_signal_ends_it_in_order() {
    let stage = Stage::new();
    let (ana, _bob) = stage.pair();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut at_ana = screen(&ana);
        open_chat(&mut at_ana, "Bob");
        at_ana.type_keys(&format!("before {signal:?}"));
        at_ana.wait_for(&format!("before {signal:?}"));
        at_ana.signal(signal);
        assert_eq!(at_ana.ended(), 0, "{signal:?}");
        assert!(at_ana.is_restored() && at_ana.is_cooked(), "{signal:?}: {}", at_ana.text());
        // The draft was written.
        let mut again = screen(&ana);
        open_chat(&mut again, "Bob");
        again.wait_for(&format!("before {signal:?}"));
        again.type_keys("\x15");
        quits(again);
    }
}

#[test]
fn after_kill_9_draft_and_messages_are_there_and_nothing_is_doubled() {
    let stage = Stage::new();
    let (ana, bob) = stage.pair();
    let mut at_ana = screen(&ana);
    open_chat(&mut at_ana, "Bob");
    for text in ["first", "second", "third"] {
        at_ana.type_keys(&format!("{text}\r"));
        at_ana.wait(text, |screen| screen.contains(&format!("me   {text}")));
    }
    at_ana.type_keys("unsent words");
    at_ana.wait_for("draft");
    // It is written a moment after the last key: nothing on the screen tells.
    std::thread::sleep(std::time::Duration::from_secs(2));
    at_ana.signal(Signal::KILL);
    at_ana.ended();
    let mut again = screen(&ana);
    open_chat(&mut again, "Bob");
    again.wait_for("> unsent words");
    for text in ["first", "second", "third"] {
        again.wait_for(text);
        assert_eq!(again.text().matches(&format!("me   {text}")).count(), 1, "{}", again.text());
    }
    bob.hears(&["first", "second", "third"]);
    quits(again);
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_goes_on() {
    let stage = Stage::new();
    let (ana, bob) = stage.pair();
    let mut shell = Screen::shell(BINARIES, ana.folder());
    shell.wait_for("the-shell$");
    shell.type_keys("\"$SUBROSA\" --folder \"$FOLDER\"\r");
    open_chat(&mut shell, "Bob");
    shell.type_keys("half a ");
    shell.wait_for("half a");
    shell.type_keys(CTRL_Z);
    shell.wait("the shell's prompt", |text| text.trim_end().ends_with("the-shell$"));
    assert!(shell.is_restored() && shell.is_cooked());
    shell.type_keys("echo $((6 * 7))\r");
    shell.wait_for("42");
    shell.type_keys("fg\r");
    shell.wait_for("to: Bob");
    shell.type_keys("sentence\r");
    bob.hears(&["half a sentence"]);
    shell.type_keys(CTRL_Q);
    shell.wait("the shell's prompt", |text| text.trim_end().ends_with("the-shell$"));
    assert!(shell.is_restored());
    shell.type_keys("exit\r");
    shell.ended();
}

#[test]
fn the_demo_shows_a_message_at_both_ends_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let unused = folder.path().join("unused");
    let mut demo = Screen::start(BINARIES, &unused, &["demo"]);
    demo.resize(150, 40);
    demo.wait_for("to: Bob");
    demo.type_keys("hello from the demo\r");
    demo.wait("it at both ends", |text| text.matches("hello from the demo").count() >= 2);
    let made = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(made >= 1, "its folder lies here");
    demo.type_keys(CTRL_Q);
    assert_eq!(demo.ended(), 0);
    assert!(demo.is_restored() && demo.is_cooked());
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let left: Vec<_> = left.iter().filter(|path| !path.ends_with("unused.state")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn idle_costs_nothing_on_the_wire_to_the_terminal() {
    let stage = Stage::new();
    let (ana, _bob) = stage.pair();
    let mut at_ana = screen(&ana);
    open_chat(&mut at_ana, "Bob");
    at_ana.wait_for("online");
    // What the start brings has its time; then nothing is written but at a change of the minute.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let before = at_ana.written();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(at_ana.written() - before < 200, "{} bytes in three idle seconds", at_ana.written() - before);
    quits(at_ana);
}
