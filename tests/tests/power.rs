//! Power cuts under two real clients and their real relay, each on a disk of its own that loses what was not synced.
//!
//! Spec: docs/ARCHITECTURE.md, "Crashes"; docs/adr/0011-records-in-a-slab.md. Invariant: the seed is printed; SUBROSA_SEED
//! repeats a run, SUBROSA_ROUNDS is the number of cuts (10,000 is the long form).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use subrosa_lossyfs::{LossyFs, Volume, Weather, inside_namespace};
use subrosa_tests::{Binaries, Person, RelayProcess, Seed, Typed, binaries, eventually};

const BINARIES: Binaries = binaries!();

/// A machine: its disk, and the folder where that is mounted.
struct Machine {
    at: PathBuf,
    mount: Option<LossyFs>,
}

impl Machine {
    fn new(at: PathBuf) -> Self {
        std::fs::create_dir(&at).unwrap();
        let mount = Some(LossyFs::mount(&at, Volume::new()).unwrap());
        Self { at, mount }
    }

    fn data(&self) -> PathBuf {
        self.at.join("data")
    }

    fn mount(&self) -> &LossyFs {
        self.mount.as_ref().unwrap()
    }

    /// The power fails, unless it has already, and comes back.
    fn cycle(&mut self, seed: u64) {
        let mount = self.mount.take().unwrap();
        mount.cut();
        let left = mount.unmount().unwrap().survivors(Weather::of(seed), seed);
        self.mount = Some(LossyFs::mount(&self.at, left).unwrap());
    }
}

/// Nobody sees a fork, a rollback or a loss where there is none.
fn no_alarm(person: &Person, what: &str) {
    let status = person.ok(&["status"]);
    for contact in status.all("contact") {
        assert!(contact["alarm"].is_null(), "{what}: {contact}");
    }
    let lost = person.ok(&["read", "--last", "1000", "--wait", "0"]);
    let lost: Vec<_> = lost.all("message").filter(|message| message["kind"] == "lost").collect();
    assert!(lost.is_empty(), "{what}: {lost:?}");
}

fn people(root: &Path) -> [Machine; 3] {
    ["relay", "ana", "bob"].map(|name| Machine::new(root.join(name)))
}

#[test]
fn power_cuts_under_clients_and_relay_lose_nothing_double_nothing_and_alarm_nobody() {
    if !inside_namespace("power_cuts_under_clients_and_relay_lose_nothing_double_nothing_and_alarm_nobody") {
        return;
    }
    let rounds = std::env::var("SUBROSA_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let mut seed = Seed::of_run();
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("relay.toml");
    std::fs::write(&config, "[store]\ngrow_mib = 1\nreserve_mib = 0\n").unwrap();
    let mut machines = people(root.path());
    let mut relay = RelayProcess::start_with(BINARIES, &machines[0].data(), Some(config));
    let person = |machine: &Machine, name| Person::new(BINARIES, &machine.data(), name, relay.address());
    let (ana, bob) = (person(&machines[1], "Ana"), person(&machines[2], "Bob"));
    ana.meets(&bob);
    let (mut from_ana, mut from_bob) = (Typed::default(), Typed::default());
    let (begun, mut cuts) = (Instant::now(), [0; 3]);
    for round in 0..rounds {
        let (sender, reader, name, typed) = match seed.below(2) {
            0 => (&ana, &bob, "Bob", &mut from_ana),
            _ => (&bob, &ana, "Ana", &mut from_bob),
        };
        let victim = seed.below(3) as usize;
        machines[victim].mount().cut_after(1 + seed.below([80, 250, 250][victim]));
        let text = format!("text {round}");
        let patience = Duration::from_secs(10);
        let outcome = sender.run_within(&["send", name, &text, "--wait", "2"], patience);
        typed.push(text, outcome.all("queued").count() == 1);
        drop(reader.run_within(&["read", "--wait", "1"], patience));
        if victim == 0 {
            relay.kill();
        }
        machines[victim].cycle(seed.below(u64::MAX));
        if victim == 0 {
            relay.restart();
        }
        cuts[victim] += 1;
        // Whatever was shown is still there, once.
        from_ana.check(&bob.heard(), "Bob's screen");
        from_bob.check(&ana.heard(), "Ana's screen");
        no_alarm(&ana, "Ana");
        no_alarm(&bob, "Bob");
    }
    let each = begun.elapsed() / rounds;
    println!(
        "{rounds} cuts (relay {}, Ana {}, Bob {}), queued {} and {}, {each:?} each",
        cuts[0],
        cuts[1],
        cuts[2],
        from_ana.queued(),
        from_bob.queued()
    );
    eventually("everything that was queued arrives", || {
        let (at_bob, at_ana) = (bob.heard(), ana.heard());
        from_ana.check(&at_bob, "Bob's screen");
        from_bob.check(&at_ana, "Ana's screen");
        from_ana.is_complete(&at_bob) && from_bob.is_complete(&at_ana)
    });
}
