//! A client that is killed at any moment: what it called queued arrives once, in order.

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use subrosa_client::{Command, ContactId, Options, Unlock, open};
use support::{Host, Person, met, texts_of};

const FOLDER: &str = "SUBROSA_TEST_PROFILE";
const CHAT: &str = "SUBROSA_TEST_CHAT";
const ROUND: &str = "SUBROSA_TEST_ROUND";
const ROUNDS: u64 = 8;

/// Not a test of its own: the process that is killed. It says what is queued, as soon as it is.
#[tokio::test]
async fn talk_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let (chat, round) = (ContactId(number(CHAT)), number(ROUND));
    let (client, _notices) = open(Options::new(folder), Unlock::None).unwrap();
    for n in 0..100_000 {
        let text = format!("{round}.{n}");
        client.command(Command::Send { to: chat, text: text.clone(), reply: None }).await.unwrap();
        println!("\nqueued {text}");
        std::io::stdout().flush().unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_a_killed_client_called_queued_arrives_once_and_in_order() {
    // RAT-22.
    let host = Host::start();
    let (mut ana, mut bob) = (Person::at("Ana", &host).await, Person::at("Bob", &host).await);
    let (bobs, anas) = met(&mut ana, &mut bob).await;
    bob.says(anas, "begin").await;
    ana.reads(bobs, &["begin"]).await;
    ana.says(bobs, "go on").await;
    bob.reads(anas, &["go on"]).await;
    bob.close().await;
    let folder = bob.options().folder;
    let mut queued = Vec::new();
    for round in 0..ROUNDS {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["talk_until_killed", "--exact", "--nocapture"])
            .env(FOLDER, &folder)
            .env(CHAT, anas.0.to_string())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = |line: String| line.strip_prefix("queued ").map(str::to_owned);
        // Another moment in each round: after so many texts, and a little.
        queued.extend(lines.by_ref().filter_map(said).take(3 + usize::try_from(round * 3).unwrap()));
        std::thread::sleep(Duration::from_micros(round * 937));
        child.kill().unwrap();
        child.wait().unwrap();
        queued.extend(lines.filter_map(said));
    }
    bob.open();
    bob.says(anas, "end").await;
    let arrived: Vec<String> = ana
        .until("the end", async |client| {
            let all = support::messages(client, bobs).await;
            let texts: Vec<String> = texts_of(&all, false).into_iter().map(str::to_owned).collect();
            (texts.last().is_some_and(|text| text == "end")).then_some(texts)
        })
        .await;
    let once: BTreeSet<&String> = arrived.iter().collect();
    assert_eq!(once.len(), arrived.len(), "something arrived twice");
    assert!(queued.len() > 50, "hardly anything was queued: {}", queued.len());
    let missing: Vec<_> = queued.iter().filter(|text| !once.contains(text)).collect();
    assert!(missing.is_empty(), "lost: {missing:?}");
    let order = |text: &String| {
        text.split_once('.').map(|(r, n)| (r.parse::<u64>().unwrap(), n.parse::<u64>().unwrap()))
    };
    let numbers: Vec<_> = arrived.iter().filter_map(order).collect();
    assert!(numbers.is_sorted(), "out of order: {numbers:?}");
    // What Bob sees of himself is the same.
    let own = bob.messages(anas).await;
    let own = texts_of(&own, true);
    assert_eq!(own, arrived.iter().map(String::as_str).collect::<Vec<_>>());
}
