//! Everything at once: people who join again, recover, forget and put old copies back, over a relay that does its worst.
//!
//! Nothing can be promised about what arrives; but nothing panics, no row breaks, no effect runs for ever, and after a
//! recovery by choice both can write to each other again.

mod world;

use proptest::prelude::*;
use subrosa_codec::Millis;
use subrosa_engine::api::{Command, ContactId, Standing};
use subrosa_engine::{MemVault, Table};

use world::{Crash, World};

#[derive(Clone, Copy, Debug)]
enum Act {
    Send(usize, usize),
    Work(usize, usize),
    Deliver(usize, usize),
    Look(usize),
    Invite(usize, bool),
    /// Joins the newest link of somebody.
    Join(usize, bool),
    Accept(usize),
    Reject(usize),
    Recover(usize),
    Unlatch(usize),
    Forget(usize),
    Crash(usize, Crash),
    /// Keeps a copy of the disk.
    Copy(usize),
    /// Puts the copy back.
    Restore(usize),
    Restart(usize),
    Pass(u64),
    Evil(u32, usize),
}

struct Chaos {
    world: World,
    links: Vec<(usize, String)>,
    copies: [Option<MemVault>; 2],
}

impl Chaos {
    fn each(&mut self, who: usize, command: impl Fn(ContactId, Standing) -> Option<Command>) {
        for chat in self.world.chats(who) {
            if let Some(command) = command(chat.id, chat.standing) {
                // Refusals are answers, too.
                self.world.command(who, command);
            }
        }
    }

    fn perform(&mut self, act: Act) {
        let asks = |standing| matches!(standing, Standing::Request | Standing::KnownAgain);
        match act {
            Act::Send(who, len) => {
                let text = "x".repeat(len + 1);
                self.each(who, |to, _| Some(Command::Send { to, text: text.clone(), reply: None }));
            }
            Act::Work(who, n) => drop((0..n).take_while(|_| self.world.work(who)).count()),
            Act::Deliver(who, n) => drop((0..n).take_while(|_| self.world.deliver(who)).count()),
            Act::Look(who) => self.each(who, |chat, _| {
                Some(Command::Seen { chat, upto: subrosa_engine::api::Position(i64::MAX) })
            }),
            Act::Invite(who, reusable) => {
                self.world.command(who, Command::Invite { reusable });
                if let Some(link) = self.world.newest_link(who) {
                    self.links.push((who, link));
                }
            }
            Act::Join(who, again) => {
                let link = self.links.iter().rev().find(|(maker, _)| *maker != who);
                if let Some((_, link)) = link {
                    let join = Command::Join { link: link.clone(), greeting: String::new(), again };
                    self.world.command(who, join);
                }
            }
            Act::Accept(who) => self.each(who, |id, standing| asks(standing).then_some(Command::Accept(id))),
            Act::Reject(who) => self.each(who, |id, standing| asks(standing).then_some(Command::Reject(id))),
            Act::Recover(who) => self.each(who, |id, _| Some(Command::Recover(id))),
            Act::Unlatch(who) => self.each(who, |id, _| Some(Command::Unlatch(id))),
            Act::Forget(who) => self.each(who, |id, _| Some(Command::Forget(id))),
            Act::Crash(who, crash) => self.world.crash(who, crash),
            Act::Copy(who) => self.copies[who] = Some(self.world.people[who].vault.snapshot()),
            Act::Restore(who) => {
                if let Some(copy) = &self.copies[who] {
                    self.world.people[who].vault.restore(copy);
                    self.world.restart(who);
                }
            }
            Act::Restart(who) => self.world.restart(who),
            Act::Pass(minutes) => self.world.pass(Millis::MINUTE.times(minutes)),
            Act::Evil(kind, n) => self.evil(kind, n),
        }
    }

    fn evil(&mut self, kind: u32, n: usize) {
        let relay = &mut self.world.relay;
        match kind {
            0 => relay.lose(n),
            1 => relay.swap(n),
            2 => relay.replay(n),
            3 => relay.flip(n * 37),
            4 => relay.spread(),
            5 => relay.reverse(),
            6 => relay.forget(),
            7 => relay.forget_claims(),
            _ => relay.refuse = 3,
        }
    }
}

fn run(seed: u64, acts: &[Act]) {
    let mut chaos = Chaos { world: World::new(2, seed), links: Vec::new(), copies: [None, None] };
    chaos.perform(Act::Invite(0, false));
    chaos.world.drain();
    chaos.perform(Act::Join(1, false));
    chaos.world.live(Millis::HOUR);
    for act in acts {
        chaos.perform(*act);
    }
    let world = &mut chaos.world;
    world.relay.refuse = 0;
    (0..2).for_each(|who| world.restart(who));
    world.live(Millis::DAY.times(120));
    for person in &world.people {
        let vault = &person.vault;
        let state = (vault.count(Table::Session), vault.count(Table::Ratchet));
        assert_eq!(state.0, state.1, "every session has its state");
        assert_eq!(vault.count(Table::Outbox), vault.count(Table::Cell), "every cell has its facts");
        assert!(vault.count(Table::Session) <= 2 * vault.count(Table::Contact), "replaced sessions are gone");
    }
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..2usize;
    let crash = prop_oneof![Just(Crash::BeforeCommit), Just(Crash::AfterCommit), Just(Crash::BeforeAnswer)];
    prop_oneof![
        10 => (who(), 0..4_000usize).prop_map(|(who, len)| Act::Send(who, len)),
        14 => (who(), 1..8usize).prop_map(|(who, n)| Act::Work(who, n)),
        14 => (who(), 1..8usize).prop_map(|(who, n)| Act::Deliver(who, n)),
        2 => who().prop_map(Act::Look),
        3 => (who(), any::<bool>()).prop_map(|(who, reusable)| Act::Invite(who, reusable)),
        3 => (who(), any::<bool>()).prop_map(|(who, again)| Act::Join(who, again)),
        3 => who().prop_map(Act::Accept),
        1 => who().prop_map(Act::Reject),
        2 => who().prop_map(Act::Recover),
        2 => who().prop_map(Act::Unlatch),
        1 => who().prop_map(Act::Forget),
        3 => (who(), crash).prop_map(|(who, crash)| Act::Crash(who, crash)),
        2 => who().prop_map(Act::Copy),
        1 => who().prop_map(Act::Restore),
        2 => who().prop_map(Act::Restart),
        4 => (0..3_000u64).prop_map(Act::Pass),
        4 => (0..9u32, 0..1_000usize).prop_map(|(kind, n)| Act::Evil(kind, n)),
    ]
}

/// `SUBROSA_CASES` raises the number of lists that are tried.
fn config() -> ProptestConfig {
    let cases = std::env::var("SUBROSA_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(16);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_breaks_whatever_people_and_relays_do(
        seed in any::<u64>(), acts in prop::collection::vec(act(), 0..120)
    ) {
        run(seed, &acts);
    }
}
