//! Acts, performed.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: an act draws from its own seed only.

use subrosa_codec::Millis;
use subrosa_relay_core::ConnId;

use super::World;
use crate::Seed;
use crate::act::{Act, Evil, Step};
use crate::client::NEAR;
use crate::relay::OPERATOR;

/// From this on a relay may have dropped what lay there: a day before its retention ends.
const RETENTION: Millis = Millis::DAY.times(29);

impl World {
    /// Performs one step, and checks what must hold at every moment.
    pub fn perform(&mut self, step: &Step) {
        if self.wrong.is_some() {
            return;
        }
        let seed = Seed(step.seed);
        self.dice = seed.sub("network", 0).dice();
        for (n, client) in (0..).zip(&mut self.clients) {
            client.rng = seed.sub("client", n).rng();
        }
        self.line(|| format!("act {:?}", step.act));
        if step.act.fits(self.clients.len(), self.relays.len()) {
            self.act(&step.act);
        }
        self.acts += 1;
        self.check();
    }

    fn act(&mut self, act: &Act) {
        self.ledger.fault(act);
        match *act {
            Act::Meet { inviter, joiner, reusable } => self.meet(inviter, joiner, reusable),
            Act::Accept { who } => self.accept(who),
            Act::Send { from, to, bytes } => self.write(from, to, bytes),
            Act::Look { who, with } => self.look(who, with),
            Act::Pass { seconds } => self.live(Millis::SECOND.times(seconds)),
            Act::Offline { who } => {
                self.clients[who].offline_since = Some(self.now);
                self.offline(who);
            }
            Act::Online { who } => self.online(who),
            Act::Reset { who } => {
                self.of(|conn| conn.who == who).into_iter().for_each(|conn| self.reset(conn))
            }
            Act::Latency { who, millis } => self.clients[who].latency = millis.max(1),
            Act::Crash { who, at } => self.clients[who].crash = Some(at),
            Act::Skew { who, seconds } => self.skew(who, seconds),
            Act::Keep { who } => self.clients[who].kept = Some(self.clients[who].vault.snapshot()),
            Act::Restore { who } => self.restore(who),
            Act::CrashRelay { relay } => {
                self.tally.crashes += 1;
                let node = &mut self.relays[relay].relay;
                let before = node.cells();
                node.power_cut(self.now.day());
                let after = node.cells();
                if before != after {
                    // Everything that came was answered: nothing of it may be lost, nothing that was erased come back.
                    self.accuse(format!(
                        "relay {relay} had {before} cells before a power cut, and {after} after it"
                    ));
                }
                self.cut_off(relay);
            }
            Act::LoseDisk { relay } => {
                self.relays[relay].relay.lose_disk(self.now.day());
                self.cut_off(relay);
            }
            Act::Evil { relay, evil } => self.evil(relay, evil),
            Act::Quiesce => self.quiesce(),
        }
        self.take_links();
    }

    fn offline(&mut self, who: usize) {
        self.clients[who].online = false;
        self.of(|conn| conn.who == who).into_iter().for_each(|conn| self.reset(conn));
    }

    fn online(&mut self, who: usize) {
        let since = self.clients[who].offline_since.take();
        self.ledger.expired |= since.is_some_and(|since| since.plus(RETENTION) <= self.now);
        self.clients[who].online = true;
        (0..self.relays.len()).for_each(|relay| self.dial_in(who, relay, Millis::SECOND));
    }

    fn skew(&mut self, who: usize, seconds: i64) {
        self.clients[who].skew = seconds.saturating_mul(1_000);
        self.alarm_clock(who);
    }

    fn restore(&mut self, who: usize) {
        if let Some(copy) = &self.clients[who].kept {
            let copy = copy.snapshot();
            self.clients[who].vault.restore(&copy);
            self.restart(who);
        }
    }

    fn cut_off(&mut self, relay: usize) {
        self.of(|conn| conn.relay == relay).into_iter().for_each(|conn| self.reset(conn));
    }

    fn evil(&mut self, relay: usize, evil: Evil) {
        let n = self.dice.any();
        let node = &mut self.relays[relay];
        node.operator.plan(evil);
        if evil == Evil::Replay
            && let Some(frame) = node.operator.old(n)
        {
            let mut said = Vec::new();
            let conn: ConnId = OPERATOR;
            node.relay.joined(conn, &mut said);
            let hello = subrosa_wire::Request::Hello(subrosa_wire::Hello {
                minor: subrosa_wire::MINOR,
                features: subrosa_wire::Features::NONE,
            });
            node.relay.frame(conn, subrosa_wire::Frame::new(subrosa_wire::Rid(1), hello), &mut said);
            node.relay.frame(conn, frame, &mut said);
            node.relay.left(conn, &mut said);
            // What is said to the operator's own connection goes nowhere; what it says to others goes on.
            self.say(relay, said);
        }
    }

    /// Ends every fault and lives on until everything had its chance.
    fn quiesce(&mut self) {
        for who in 0..self.clients.len() {
            self.clients[who].latency = NEAR;
            self.clients[who].crash = None;
            self.skew(who, 0);
            self.offline(who);
            self.restart(who);
            self.online(who);
        }
        self.relays.iter_mut().for_each(|relay| relay.operator.give_up());
        for _ in 0..4 {
            self.live(Millis::HOUR);
            self.take_links();
            (0..self.clients.len()).for_each(|who| self.accept(who));
        }
        if !self.ledger.lossy && !self.ledger.expired && self.wrong.is_none() {
            self.check_prompt();
        }
        if self.ledger.lossy || self.ledger.expired {
            // A lost text is appended again when the relay's retention has passed; a lost receipt, when its gap is
            // named by the next word of the other side.
            self.live(Millis::DAY.times(75));
            for _ in 0..2 {
                let count = self.clients.len();
                (0..count).for_each(|from| {
                    (0..count).filter(|to| *to != from).for_each(|to| self.write(from, to, 0))
                });
                self.live(Millis::DAY.times(4));
            }
        }
        self.live(Millis::DAY.times(4));
        if self.wrong.is_none() {
            self.check_rest();
        }
    }
}
