//! `kill -9` of relay and clients at random moments: what a client showed as queued arrives exactly once, in order.
//!
//! Spec: docs/ARCHITECTURE.md, "Crashes". Invariant: the seed is printed; SUBROSA_SEED repeats a run, SUBROSA_ROUNDS makes
//! it longer (500 is the long form).

use std::time::Duration;

use subrosa_tests::{Binaries, Person, RelayProcess, Seed, Typed, binaries, eventually};

const BINARIES: Binaries = binaries!();

#[test]
fn a8_what_was_queued_arrives_exactly_once_and_in_order_through_kill_9() {
    let rounds = std::env::var("SUBROSA_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let mut seed = Seed::of_run();
    let folder = tempfile::tempdir().unwrap();
    let mut relay = RelayProcess::start(BINARIES, &folder.path().join("relay"));
    let ana = Person::new(BINARIES, &folder.path().join("ana"), "Ana", relay.address());
    let bob = Person::new(BINARIES, &folder.path().join("bob"), "Bob", relay.address());
    ana.meets(&bob);
    let (mut from_ana, mut from_bob) = (Typed::default(), Typed::default());
    let mut kills = [0; 3];
    for round in 0..rounds {
        let (sender, name, typed) =
            if seed.below(2) == 0 { (&ana, "Bob", &mut from_ana) } else { (&bob, "Ana", &mut from_bob) };
        let text = format!("text {round}");
        let args = ["send", name, &text, "--wait", "2"];
        // Half of them while a client starts, opens its vault and queues; half while it sends.
        let within = [40, 400][seed.below(2) as usize];
        let delay = Duration::from_millis(seed.below(within));
        let outcome = match seed.below(4) {
            0 => {
                kills[0] += 1;
                sender.run_and_kill(&args, delay)
            }
            1 => {
                kills[1] += 1;
                std::thread::scope(|scope| {
                    let sending = scope.spawn(|| sender.run(&args));
                    std::thread::sleep(delay);
                    relay.kill();
                    relay.restart();
                    sending.join().unwrap()
                })
            }
            2 => {
                // The other side dies while it takes in what came so far.
                kills[2] += 1;
                let reader = if name == "Bob" { &bob } else { &ana };
                let outcome = sender.run(&args);
                drop(reader.run_and_kill(&["read"], delay));
                outcome
            }
            _ => sender.run(&args),
        };
        typed.push(text, outcome.all("queued").count() == 1);
    }
    println!(
        "{rounds} rounds, kills of sender {}, relay {}, reader {}; queued {} and {}",
        kills[0],
        kills[1],
        kills[2],
        from_ana.queued(),
        from_bob.queued()
    );
    assert!(kills.iter().all(|kills| *kills > 0) && from_ana.queued() + from_bob.queued() > rounds / 2);
    // Each start sends what waits, and takes in what came.
    eventually("everything that was queued arrives", || {
        let (at_bob, at_ana) = (bob.heard(), ana.heard());
        from_ana.check(&at_bob, "Bob's screen");
        from_bob.check(&at_ana, "Ana's screen");
        from_ana.is_complete(&at_bob) && from_bob.is_complete(&at_ana)
    });
}
