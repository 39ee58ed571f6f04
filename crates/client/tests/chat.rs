//! Real clients over real QUIC to a real relay, all on 127.0.0.1.

mod support;

use subrosa_client::{ClientError, Command, Notice, RelayState, SendState};
use support::{Host, Person, met, texts_of};

#[tokio::test]
async fn two_people_meet_and_chat_both_ways() {
    let host = Host::start();
    let (mut ana, mut bob) = (Person::at("Ana", &host).await, Person::at("Bob", &host).await);
    let (bobs, anas) = met(&mut ana, &mut bob).await;
    bob.says(anas, "good morning").await;
    ana.reads(bobs, &["good morning"]).await;
    ana.says(bobs, "and to you").await;
    ana.says(bobs, &"a long one ".repeat(2000)).await;
    bob.reads(anas, &["and to you", &"a long one ".repeat(2000)]).await;
    bob.sent(anas, SendState::Delivered).await;
    ana.sent(bobs, SendState::Delivered).await;
    ana.client().idle().await;
    bob.client().idle().await;
    ana.close().await;
    bob.close().await;
}

#[tokio::test]
async fn a_restart_of_the_relay_loses_and_doubles_nothing() {
    let mut host = Host::start();
    let (mut ana, mut bob) = (Person::at("Ana", &host).await, Person::at("Bob", &host).await);
    let (bobs, anas) = met(&mut ana, &mut bob).await;
    ana.says(bobs, "one").await;
    bob.reads(anas, &["one"]).await;
    host.down();
    ana.hears("the relay is away", |notice| match notice {
        Notice::Relay { state: RelayState::Offline(_), .. } => Some(()),
        _ => None,
    })
    .await;
    ana.says(bobs, "two").await;
    ana.says(bobs, "three").await;
    bob.says(anas, "uno").await;
    assert!(ana.messages(bobs).await.iter().any(|message| message.state == Some(SendState::Queued)));
    host.up();
    bob.reads(anas, &["one", "two", "three"]).await;
    ana.reads(bobs, &["uno"]).await;
    ana.sent(bobs, SendState::Sent).await;
    bob.sent(anas, SendState::Sent).await;
}

#[tokio::test]
async fn a_client_that_was_closed_finds_what_came_meanwhile() {
    let host = Host::start();
    let (mut ana, mut bob) = (Person::at("Ana", &host).await, Person::at("Bob", &host).await);
    let (bobs, anas) = met(&mut ana, &mut bob).await;
    ana.says(bobs, "one").await;
    bob.reads(anas, &["one"]).await;
    bob.close().await;
    for text in ["two", "three", "four"] {
        ana.says(bobs, text).await;
    }
    ana.sent(bobs, SendState::Sent).await;
    ana.close().await;
    bob.open();
    bob.reads(anas, &["one", "two", "three", "four"]).await;
    bob.says(anas, "all there").await;
    bob.sent(anas, SendState::Sent).await;
    ana.open();
    ana.reads(bobs, &["all there"]).await;
    assert_eq!(texts_of(&ana.messages(bobs).await, true), ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn people_at_different_relays_chat() {
    let (here, there) = (Host::start(), Host::start());
    let (mut ana, mut bob) = (Person::at("Ana", &here).await, Person::at("Bob", &there).await);
    let (bobs, anas) = met(&mut ana, &mut bob).await;
    bob.says(anas, "from afar").await;
    ana.reads(bobs, &["from afar"]).await;
    ana.says(bobs, "I hear you").await;
    bob.reads(anas, &["I hear you"]).await;
    let mut relays: Vec<_> = ana.client().relays().into_iter().map(|(_, state)| state).collect();
    relays.dedup();
    assert_eq!(relays, [RelayState::Online], "both are in use");
}

#[tokio::test]
async fn what_is_written_while_no_relay_is_there_waits_for_it() {
    let mut host = Host::start();
    let (mut ana, mut bob) = (Person::at("Ana", &host).await, Person::at("Bob", &host).await);
    let (bobs, anas) = met(&mut ana, &mut bob).await;
    ana.says(bobs, "hello").await;
    bob.reads(anas, &["hello"]).await;
    ana.close().await;
    host.down();
    ana.open();
    ana.says(bobs, "are you there?").await;
    ana.close().await;
    host.up();
    ana.open();
    bob.reads(anas, &["hello", "are you there?"]).await;
}

#[tokio::test]
async fn a_relay_with_another_key_is_never_spoken_to() {
    let (real, other) = (Host::start(), Host::start());
    let mut ana = Person::closed("Ana");
    let mut options = ana.options();
    // The address promises the real one; the other one answers.
    options.dial = vec![(real.key(), other.local_addr())];
    ana.open_with(options);
    ana.does(Command::UseRelay(real.address())).await;
    ana.does(Command::Invite { reusable: false }).await;
    let state = ana
        .hears("the wrong key", |notice| match notice {
            Notice::Relay { state, .. } if *state != RelayState::Connecting => Some(state.clone()),
            _ => None,
        })
        .await;
    assert_eq!(state, RelayState::WrongKey);
    let told = ana
        .hears("a sentence", |notice| match notice {
            Notice::Trouble(sentence) => Some(sentence.clone()),
            _ => None,
        })
        .await;
    assert!(told.contains("another key"), "{told}");
    assert_eq!(ana.client().relays().len(), 1);
    assert!(ana.client().relays().iter().all(|(_, state)| *state == RelayState::WrongKey));
}

#[tokio::test]
async fn a_clock_that_is_days_off_is_told_with_the_remedy() {
    let host = Host::start();
    for days in [2_i64, -2] {
        let mut ana = Person::closed("Ana");
        let mut options = ana.options();
        let system = options.now.clone();
        options.now = std::sync::Arc::new(move || {
            subrosa_client::Millis(system().0.saturating_add_signed(days * 86_400_000))
        });
        ana.open_with(options);
        ana.does(Command::UseRelay(host.address())).await;
        ana.does(Command::Invite { reusable: false }).await;
        let told = ana
            .hears("a sentence about the clock", |notice| match notice {
                Notice::Trouble(sentence) if sentence.contains("clock") => Some(sentence.clone()),
                _ => None,
            })
            .await;
        assert!(told.contains("2 day(s)") && told.contains("set the date"), "{told}");
        assert_eq!(told.contains("ahead"), days > 0, "{told}");
    }
}

#[tokio::test]
async fn a_closed_profile_answers_nothing_and_lets_go_of_its_lock() {
    let mut ana = Person::new("Ana");
    let clone = ana.client().clone();
    let mut notices = clone.notices();
    ana.close().await;
    assert_eq!(clone.command(Command::Receipts(false)).await, Err(ClientError::Closed));
    assert_eq!(clone.query(subrosa_client::Query::Me).await, Err(ClientError::Closed));
    drop(clone);
    ana.open();
    ana.does(Command::Receipts(false)).await;
    while notices.next().await.is_some() {}
}

#[tokio::test]
async fn neither_side_keeps_a_word_in_clear() {
    let host = Host::start();
    let (mut ana, mut bob) =
        (Person::at("Ana-of-the-hills", &host).await, Person::at("Bob-of-the-sea", &host).await);
    let (bobs, anas) = met(&mut ana, &mut bob).await;
    bob.says(anas, "meet me under the rose").await;
    ana.reads(bobs, &["meet me under the rose"]).await;
    let folders = [ana.options().folder, bob.options().folder, host.folder()];
    let mut scanned = 0;
    for folder in folders {
        for bytes in support_files(&folder) {
            scanned += bytes.len();
            for secret in ["Ana-of-the-hills", "Bob-of-the-sea", "under the rose"] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} stands in a file of {}", folder.display());
            }
        }
    }
    assert!(scanned > 100_000, "too little was scanned: {scanned}");
}

/// The contents of every file below `folder`.
fn support_files(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(support_files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push(bytes);
        }
    }
    found
}
