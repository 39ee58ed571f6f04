//! The network: connections that are made, carry frames in order, and break; and what both ends do about it.
//!
//! Spec: docs/spec/relay.md, "Transport". Invariant: frames of one direction of a connection arrive in order or not at all;
//! those of different connections overtake each other.

use subrosa_codec::Millis;
use subrosa_engine::api::{CommandError, Done};
use subrosa_engine::{Effect, Event, Job};
use subrosa_relay_core::ConnId;
use subrosa_wire::{Features, Frame, Hello, MINOR, Request, Response, Rid};

use super::{Conn, Due, World, relay_of};
use crate::client::Link;
use crate::desk::{Desk, Heard};
use crate::plant::Plant;
use crate::relay::Said;

/// The longest wait between two attempts to reach a relay.
const LONGEST: Millis = Millis::MINUTE;

impl World {
    /// Raises an event at a client; the answer to a command that was committed.
    pub(super) fn raise(&mut self, who: usize, event: Event) -> Option<Result<Done, CommandError>> {
        let name = name(&event);
        let (now, plant) = (self.now, self.setting.plant);
        let handled = match self.clients[who].handle(event, now, plant) {
            Ok(handled) => handled,
            Err(corrupt) => {
                self.accuse(format!("p{who}: {corrupt}"));
                return None;
            }
        };
        self.tally.commits += 1;
        self.changed[who] = true;
        self.line(|| {
            format!("p{who} {name} effects={} committed={}", handled.effects.len(), handled.committed)
        });
        for (effect, job) in handled.early {
            self.give(who, effect, job);
        }
        self.carry_out(who, handled.effects);
        if handled.dies {
            self.restart(who);
        }
        handled.done
    }

    fn carry_out(&mut self, who: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Wake(at) => {
                    let client = &mut self.clients[who];
                    client.wake = Some(client.wake.map_or(at, |wake| wake.min(at)));
                    self.alarm_clock(who);
                }
                Effect::Tell(_) => {}
                effect => match self.clients[who].vault.job(&effect) {
                    Ok(Some(job)) => self.give(who, effect, job),
                    Ok(None) => {}
                    Err(corrupt) => self.accuse(format!("p{who}: {corrupt}")),
                },
            }
        }
    }

    /// Gives a job to the connection that is in use, or sees to it that there will be one, which begins with all rows.
    fn give(&mut self, who: usize, effect: Effect, job: Job) {
        let relay = relay_of(job.relay());
        match self.clients[who].links.get_mut(relay) {
            Some(Link::Up(_, desk)) => desk.give(effect, job),
            Some(Link::Away) => return self.dial_in(who, relay, Millis(1)),
            _ => return,
        }
        self.pump(who, relay);
    }

    fn pump(&mut self, who: usize, relay: usize) {
        loop {
            let Some(Link::Up(conn, desk)) = self.clients[who].links.get_mut(relay) else { return };
            let conn = *conn;
            let Some((frame, effect)) = desk.next_request() else { return };
            if let (Effect::Send(id), Request::Append { cell, .. }) = (&effect, &frame.message)
                && let Some(what) = self.ledger.sealed(who, *id, cell)
            {
                self.accuse(what);
            }
            self.send_up(conn, frame);
        }
    }

    fn send_up(&mut self, conn: ConnId, frame: Frame<Request>) {
        let Some(Conn { who, up, .. }) = self.conns.get(&conn) else { return };
        let at = (*up).max(self.now.plus(Millis(1 + self.dice.below(self.clients[*who].latency))));
        if let Some(open) = self.conns.get_mut(&conn) {
            open.up = at;
        }
        self.when(at, Due::ToRelay(conn, frame));
    }

    pub(super) fn say(&mut self, relay: usize, said: Vec<Said>) {
        for said in said {
            match said {
                Said::Frame(conn, frame) => {
                    for frame in self.relays[relay].operator.answered(frame) {
                        self.send_down(conn, Due::ToClient(conn, frame));
                    }
                }
                Said::Hang(conn) => self.send_down(conn, Due::Hung(conn)),
            }
        }
    }

    fn send_down(&mut self, conn: ConnId, due: Due) {
        let Some(Conn { who, down, .. }) = self.conns.get(&conn) else { return };
        let at = (*down).max(self.now.plus(Millis(1 + self.dice.below(self.clients[*who].latency))));
        if let Some(open) = self.conns.get_mut(&conn) {
            open.down = at;
        }
        self.when(at, due);
    }

    pub(super) fn arrives_at_relay(&mut self, conn: ConnId, frame: Frame<Request>) {
        let Some(relay) = self.conns.get(&conn).map(|conn| conn.relay) else { return };
        self.tally.frames += 1;
        self.tally.cells += u64::from(matches!(frame.message, Request::Append { .. }));
        self.line(|| format!("c{} up {}", conn.0, subrosa_wire::Message::kind(&frame.message)));
        if let Some(answer) = self.relays[relay].operator.asked(&frame) {
            return self.send_down(conn, Due::ToClient(conn, answer));
        }
        let mut said = Vec::new();
        self.relays[relay].relay.frame(conn, frame, &mut said);
        self.say(relay, said);
    }

    pub(super) fn arrives_at_client(&mut self, conn: ConnId, frame: Frame<Response>) {
        let Some(Conn { who, relay, closing: false, .. }) = self.conns.get(&conn) else { return };
        let (who, relay) = (*who, *relay);
        self.tally.frames += 1;
        self.line(|| format!("c{} down {}", conn.0, subrosa_wire::Message::kind(&frame.message)));
        let heard = match &mut self.clients[who].links[relay] {
            Link::Greeting(_) => {
                if let Response::Welcome(welcome) = frame.message {
                    return self.welcomed(who, relay, Desk::new(&welcome));
                }
                Heard::GoAway
            }
            Link::Up(_, desk) => desk.hear(frame),
            Link::Away | Link::Dialling => return,
        };
        match heard {
            Heard::Event(event) => {
                self.raise(who, event);
                self.pump(who, relay);
            }
            Heard::Nothing => self.pump(who, relay),
            Heard::GoAway => self.close(conn),
            Heard::Breach => {
                self.accuse(format!("the relay broke the protocol on connection {}", conn.0));
            }
        }
    }

    fn welcomed(&mut self, who: usize, relay: usize, desk: Desk) {
        let (now, plant) = (self.now, self.setting.plant);
        let client = &mut self.clients[who];
        client.tries[relay] = 0;
        let Some(conn) = client.links[relay].conn() else { return };
        client.links[relay] = Link::Up(conn, desk);
        match client.resume(now, plant) {
            Ok(jobs) => {
                for (effect, job) in jobs.into_iter().filter(|(_, job)| relay_of(job.relay()) == relay) {
                    self.give(who, effect, job);
                }
                self.raise(who, Event::Online);
            }
            Err(corrupt) => self.accuse(format!("p{who}: {corrupt}")),
        }
    }

    pub(super) fn dial_in(&mut self, who: usize, relay: usize, delay: Millis) {
        if let Some(link @ Link::Away) = self.clients[who].links.get_mut(relay) {
            *link = Link::Dialling;
            self.at(delay, Due::Dial(who, relay));
        }
    }

    /// Tries to reach a relay, if there is anything to do there.
    pub(super) fn dial(&mut self, who: usize, relay: usize) {
        let (now, plant) = (self.now, self.setting.plant);
        let client = &mut self.clients[who];
        if !matches!(client.links[relay], Link::Dialling) {
            return;
        }
        client.links[relay] = Link::Away;
        let work = client.resume(now, plant);
        let wanted = work.is_ok_and(|jobs| jobs.iter().any(|(_, job)| relay_of(job.relay()) == relay));
        if !client.online || !wanted {
            return;
        }
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        client.links[relay] = Link::Greeting(conn);
        self.conns.insert(conn, Conn { who, relay, up: now, down: now, closing: false });
        self.line(|| format!("p{who} dials r{relay}: c{}", conn.0));
        let mut said = Vec::new();
        self.relays[relay].relay.joined(conn, &mut said);
        self.say(relay, said);
        let hello = Request::Hello(Hello { minor: MINOR, features: Features::NONE });
        self.send_up(conn, Frame::new(Rid(1), hello));
    }

    /// The client closes its end; what it sent before arrives.
    pub(super) fn close(&mut self, conn: ConnId) {
        let Some(Conn { who, relay, up, closing, .. }) = self.conns.get_mut(&conn) else { return };
        *closing = true;
        let (who, relay, at) = (*who, *relay, *up);
        self.when(at, Due::Left(conn));
        self.away(who, relay);
    }

    /// Everything that is under way is lost, and both ends know.
    pub(super) fn reset(&mut self, conn: ConnId) {
        let Some(Conn { who, relay, .. }) = self.conns.remove(&conn) else { return };
        let mut said = Vec::new();
        self.relays[relay].relay.left(conn, &mut said);
        self.say(relay, said);
        self.away(who, relay);
    }

    fn away(&mut self, who: usize, relay: usize) {
        let client = &mut self.clients[who];
        client.links[relay] = Link::Away;
        client.tries[relay] += 1;
        let wait = Millis::SECOND.times(1 << client.tries[relay].min(6)).min(LONGEST);
        let jitter = Millis(self.dice.below(1_000));
        self.dial_in(who, relay, wait.plus(jitter));
    }

    pub(super) fn left(&mut self, conn: ConnId) {
        let Some(Conn { relay, .. }) = self.conns.remove(&conn) else { return };
        let mut said = Vec::new();
        self.relays[relay].relay.left(conn, &mut said);
        self.say(relay, said);
    }

    pub(super) fn hung(&mut self, conn: ConnId) {
        if let Some(Conn { who, relay, closing: false, .. }) = self.conns.remove(&conn) {
            self.away(who, relay);
        }
    }

    /// The client's process ends and starts again.
    pub(super) fn restart(&mut self, who: usize) {
        self.tally.crashes += 1;
        self.line(|| format!("p{who} restarts"));
        for conn in self.of(|conn| conn.who == who) {
            self.close(conn);
        }
        if let Err(corrupt) = self.clients[who].start(self.now) {
            self.accuse(format!("p{who}: {corrupt}"));
        }
        self.alarm_clock(who);
        self.changed[who] = true;
        (0..self.relays.len()).for_each(|relay| self.dial_in(who, relay, Millis::SECOND));
    }

    pub(super) fn of(&self, which: impl Fn(&Conn) -> bool) -> Vec<ConnId> {
        self.conns.iter().filter(|(_, conn)| !conn.closing && which(conn)).map(|(id, _)| *id).collect()
    }

    pub(super) fn alarm_clock(&mut self, who: usize) {
        let client = &self.clients[who];
        if let Some(at) = client.wake.map(|wake| client.world(wake)) {
            self.when(at, Due::Ring(who));
        }
    }

    pub(super) fn ring(&mut self, who: usize) {
        let client = &mut self.clients[who];
        let deaf = self.setting.plant == Some(Plant::TimersNeverRing);
        if !deaf && client.wake.is_some_and(|wake| wake <= client.clock(self.now)) {
            client.wake = None;
            self.raise(who, Event::Due);
        }
    }
}

const fn name(event: &Event) -> &'static str {
    match event {
        Event::Command(_) => "command",
        Event::Cell { .. } => "cell",
        Event::Finished { .. } => "finished",
        Event::Opened { .. } => "opened",
        Event::Moved(_) => "moved",
        Event::Due => "due",
        Event::Online => "online",
        _ => "other",
    }
}
