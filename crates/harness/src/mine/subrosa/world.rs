//! [`World`]: engines, the relay's service, and a network that takes time, on one virtual clock.
//!
//! Spec: docs/ARCHITECTURE.md, "Arrows". Invariant: what crosses between a client and the relay is a frame, in order,
//! and every frame is recorded as it passes the relay's door.

use std::collections::{BTreeMap, BinaryHeap};

use rand_chacha::ChaCha8Rng;
use subrosa_codec::Millis;
use subrosa_engine::api::{Answer, Command, CommandError, ContactId, Done, Notice, Query, Standing};
use subrosa_engine::{Corrupt, Effect, Event, MemVault, OutboxId};
use subrosa_relay_core::{Act, ConnId, Core, Input, Limits, MemStore, Service, StoreFault, Stream};
use subrosa_wire::{FEATURES, Frame, Hello, MINOR, RelayAddress, RelayKeyHash, Request, Response, Rid};

use super::line::Line;
use super::record::{About, Passed, Record};
use crate::mine::dice::Dice;
use crate::mine::models::COPY_EVERY;
use crate::mine::traffic::{DAY, Moment, SECOND, Traffic};
use crate::mine::view::{Way, nibbles};

/// The first day of everything: the introductions. The record begins with the next.
const START: Millis = Millis::DAY.times(20_000);

/// The run did not go as an honest one must.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Stuck {
    /// A client's rows could not be read.
    #[error("a client's rows are damaged")]
    Rows(#[from] Corrupt),
    /// The relay's store failed.
    #[error("the relay's store failed")]
    Store(#[from] StoreFault),
    /// A client refused what a person may do.
    #[error("a client refused: {0}")]
    Command(#[from] CommandError),
    /// Something did not come to be.
    #[error("it did not happen: {0}")]
    Never(&'static str),
}

/// Something that happens at a moment.
enum Happening {
    Up(usize, ConnId, Frame<Request>, Option<usize>),
    Down(usize, ConnId, Frame<Response>),
    Come(usize),
    Go(usize),
    Say(usize),
    Look(usize, ContactId),
    Ring(usize),
    Copy,
    NewDay,
}

/// In the heap: earliest first, then in the order they were planned.
struct Planned(Millis, u64, Happening);

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Planned {}
impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.0, other.1).cmp(&(self.0, self.1))
    }
}

struct Person {
    vault: MemVault,
    rng: ChaCha8Rng,
    line: Option<Line>,
    wake: Option<Millis>,
    /// The last arrivals on either way: a stream keeps its order.
    last: [Millis; 2],
    chats: BTreeMap<usize, ContactId>,
    cells: BTreeMap<OutboxId, usize>,
}

/// All of it.
pub(super) struct World<'a> {
    traffic: &'a Traffic,
    now: Millis,
    plan: BinaryHeap<Planned>,
    planned: u64,
    service: Service<MemStore>,
    people: Vec<Person>,
    owners: BTreeMap<ConnId, usize>,
    dice: Dice,
    record: Record,
    recording: bool,
    said: usize,
}

impl<'a> World<'a> {
    /// Everybody with a vault and a relay.
    pub(super) fn new(traffic: &'a Traffic) -> Result<Self, Stuck> {
        let limits = Limits::default();
        let dice = Dice::new(traffic.seed, 4);
        let mut people = Vec::new();
        for who in 0..traffic.people.len() {
            let mut rng = Dice::new(traffic.seed, 1_000 + who as u64).rng().clone();
            let vault = MemVault::found(&name(who), &mut rng)?;
            people.push(Person {
                vault,
                rng,
                line: None,
                wake: None,
                last: [Millis::default(); 2],
                chats: BTreeMap::new(),
                cells: BTreeMap::new(),
            });
        }
        // The relay's clock starts with the introductions.
        let service = Service::new(Core::new(limits, START.day()), MemStore::new(limits));
        let mut world = Self {
            traffic,
            now: START,
            plan: BinaryHeap::new(),
            planned: 0,
            service,
            people,
            owners: BTreeMap::new(),
            dice,
            record: Record::default(),
            recording: false,
            said: 0,
        };
        world.feed(Input::Day(START.day()))?;
        let address = RelayAddress::new(RelayKeyHash::from_bytes([1; 32]), "relay.test", 7672)
            .map_err(|_| Stuck::Never("a relay's address"))?
            .to_string();
        for who in 0..world.people.len() {
            world.command(who, Command::UseRelay(address.clone()))?;
        }
        Ok(world)
    }

    /// Every pair that knows each other is introduced, by a link for each; not recorded.
    pub(super) fn meet(&mut self) -> Result<(), Stuck> {
        (0..self.people.len()).for_each(|who| self.plan(self.now, Happening::Come(who)));
        self.run_until(self.now.plus(Millis::MINUTE))?;
        let mut links = Vec::new();
        for tie in &self.traffic.ties {
            let Done::Invite(id) = self.command(tie.a, Command::Invite { reusable: false })? else {
                return Err(Stuck::Never("an invite"));
            };
            let Answer::Invites(invites) = self.people[tie.a].vault.query(&Query::Invites, self.now)? else {
                return Err(Stuck::Never("a list of invites"));
            };
            let link = invites.into_iter().find(|invite| invite.id == id).and_then(|invite| invite.link);
            links.push((tie.b, link.ok_or(Stuck::Never("a link"))?));
        }
        self.run_until(self.now.plus(Millis::MINUTE))?;
        for (who, link) in links {
            self.command(who, Command::Join { link, greeting: String::new(), again: false })?;
        }
        self.run_until(self.now.plus(Millis::HOUR))?;
        (0..self.people.len()).for_each(|who| self.plan(self.now, Happening::Go(who)));
        self.run_until(self.now.plus(Millis::MINUTE))?;
        self.learn_chats()
    }

    fn learn_chats(&mut self) -> Result<(), Stuck> {
        for who in 0..self.people.len() {
            let Answer::Chats(chats) = self.people[who].vault.query(&Query::Chats, self.now)? else {
                return Err(Stuck::Never("a list of chats"));
            };
            for with in 0..self.people.len() {
                let chat = chats.iter().find(|c| c.name == name(with) && c.standing == Standing::Contact);
                if let Some(chat) = chat {
                    self.people[who].chats.insert(with, chat.id);
                }
            }
        }
        let known = self.traffic.ties.iter().all(|tie| {
            self.people[tie.a].chats.contains_key(&tie.b) && self.people[tie.b].chats.contains_key(&tie.a)
        });
        if known { Ok(()) } else { Err(Stuck::Never("all introductions")) }
    }

    /// The traffic's days, recorded.
    pub(super) fn live(&mut self) -> Result<(), Stuck> {
        self.recording = true;
        for (who, person) in self.traffic.people.iter().enumerate() {
            for (from, until) in &person.sessions {
                self.plan(moment(*from), Happening::Come(who));
                self.plan(moment(*until), Happening::Go(who));
            }
        }
        for (index, message) in self.traffic.messages.iter().enumerate() {
            // After the one second that connecting may take.
            self.plan(moment(message.at + SECOND), Happening::Say(index));
        }
        for copy in 1..=self.traffic.end() / COPY_EVERY {
            self.plan(moment(copy * COPY_EVERY), Happening::Copy);
        }
        for day in 0..self.traffic.scale.days {
            self.plan(moment(day * DAY), Happening::NewDay);
        }
        self.run_until(moment(self.traffic.end()))?;
        if self.said == self.traffic.messages.len() { Ok(()) } else { Err(Stuck::Never("every message")) }
    }

    /// What was recorded.
    pub(super) fn into_record(self) -> Record {
        self.record
    }

    fn plan(&mut self, at: Millis, happening: Happening) {
        self.planned += 1;
        self.plan.push(Planned(at, self.planned, happening));
    }

    fn run_until(&mut self, end: Millis) -> Result<(), Stuck> {
        while self.plan.peek().is_some_and(|next| next.0 <= end) {
            let Some(Planned(at, _, happening)) = self.plan.pop() else { break };
            self.now = self.now.max(at);
            self.happen(happening)?;
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Stuck> {
        match happening {
            Happening::Up(who, conn, frame, message) => self.arrive(who, conn, frame, message),
            Happening::Down(who, conn, frame) => self.hear(who, conn, frame),
            Happening::Come(who) => self.come(who),
            Happening::Go(who) => self.go(who),
            Happening::Say(message) => self.say(message),
            Happening::Look(who, chat) => self.look(who, chat),
            Happening::Ring(who) => self.ring(who),
            Happening::Copy => {
                let at = self.moment();
                self.record.copies.push((at, self.service.knowledge(usize::MAX)));
                Ok(())
            }
            Happening::NewDay => self.feed(Input::Day(self.now.day())),
        }
    }

    fn moment(&self) -> Moment {
        self.now.since(moment(0)).0
    }

    /// When something that leaves now gets there, after all that left before it.
    fn lands(&mut self, who: usize, way: usize) -> Millis {
        // Each person lives at a distance of their own.
        let base = 15 + (who as u64 * 7) % 40;
        let lands = self.now.plus(Millis(base + self.dice.exponential(8.0) as u64));
        let last = &mut self.people[who].last[way];
        *last = lands.max(*last);
        *last
    }

    fn upload(&mut self, who: usize, conn: ConnId, frame: Frame<Request>, message: Option<usize>) {
        let at = self.lands(who, 0);
        self.plan(at, Happening::Up(who, conn, frame, message));
    }

    /// The program starts and dials.
    fn come(&mut self, who: usize) -> Result<(), Stuck> {
        if self.people[who].line.is_some() {
            return Ok(());
        }
        self.planned += 1;
        let conn = ConnId(self.planned);
        self.owners.insert(conn, who);
        self.people[who].line = Some(Line::new(conn));
        self.feed(Input::Joined(conn, Stream::Command))?;
        let hello = Request::Hello(Hello { minor: MINOR, features: FEATURES });
        self.upload(who, conn, Frame::new(Rid(1), hello), None);
        Ok(())
    }

    /// The program ends.
    fn go(&mut self, who: usize) -> Result<(), Stuck> {
        let Some(line) = self.people[who].line.take() else { return Ok(()) };
        self.people[who].wake = None;
        self.owners.remove(&line.conn);
        self.feed(Input::Left(line.conn))
    }

    fn say(&mut self, index: usize) -> Result<(), Stuck> {
        let message = &self.traffic.messages[index];
        let Some(to) = self.people[message.from].chats.get(&message.to).copied() else {
            return Err(Stuck::Never("a chat to write in"));
        };
        self.said += 1;
        let command = Command::Send { to, text: message.text.clone(), reply: None };
        self.raise(message.from, Event::Command(command), Some(index)).map(drop)
    }

    fn look(&mut self, who: usize, chat: ContactId) -> Result<(), Stuck> {
        if self.people[who].line.is_none() {
            return Ok(());
        }
        let query = Query::Messages { chat, before: None, limit: 1 };
        let Answer::Messages(messages) = self.people[who].vault.query(&query, self.now)? else {
            return Ok(());
        };
        let Some(last) = messages.last() else { return Ok(()) };
        self.command(who, Command::Seen { chat, upto: last.position }).map(drop)
    }

    fn ring(&mut self, who: usize) -> Result<(), Stuck> {
        if self.people[who].wake.is_some_and(|wake| wake <= self.now) {
            self.people[who].wake = None;
            self.raise(who, Event::Due, None)?;
        }
        Ok(())
    }

    fn command(&mut self, who: usize, command: Command) -> Result<Done, Stuck> {
        let done = self.raise(who, Event::Command(command), None)?;
        Ok(done.into_iter().next().ok_or(Stuck::Never("an answer to a command"))??)
    }

    /// Gives the engine an event and carries out what follows.
    fn raise(
        &mut self,
        who: usize,
        event: Event,
        message: Option<usize>,
    ) -> Result<Vec<Result<Done, CommandError>>, Stuck> {
        let person = &mut self.people[who];
        let ran = person.vault.run([event], self.now, &mut person.rng)?;
        for effect in ran.effects {
            if let (Effect::Send(id), Some(message)) = (&effect, message) {
                self.people[who].cells.insert(*id, message);
            }
            self.carry_out(who, effect);
        }
        self.pump(who)?;
        Ok(ran.done)
    }

    fn carry_out(&mut self, who: usize, effect: Effect) {
        match effect {
            Effect::Wake(at) => {
                let wake = &mut self.people[who].wake;
                let earlier = wake.is_none_or(|wake| at < wake);
                if earlier && self.people[who].line.is_some() {
                    self.people[who].wake = Some(at);
                    self.plan(at.max(self.now), Happening::Ring(who));
                }
            }
            Effect::Tell(Notice::Arrived(chat)) => {
                let reads = Millis((self.dice.lognormal(1.5, 0.8) * 1_000.0) as u64);
                self.plan(self.now.plus(reads), Happening::Look(who, chat));
            }
            Effect::Tell(_) => {}
            effect => {
                if let Some(line) = &mut self.people[who].line {
                    line.give(effect);
                }
            }
        }
    }

    /// Asks for what may be asked.
    fn pump(&mut self, who: usize) -> Result<(), Stuck> {
        loop {
            let person = &mut self.people[who];
            let Some(line) = &mut person.line else { return Ok(()) };
            let Some(effect) = line.next() else { return Ok(()) };
            let Some(job) = person.vault.job(&effect)? else { continue };
            let message = match &effect {
                Effect::Send(id) => person.cells.get(id).copied(),
                _ => None,
            };
            let conn = line.conn;
            if let Some((rid, request)) = line.ask(effect, job) {
                self.upload(who, conn, Frame::new(rid, request), message);
            }
        }
    }

    /// A frame at the client.
    fn hear(&mut self, who: usize, conn: ConnId, frame: Frame<Response>) -> Result<(), Stuck> {
        let person = &mut self.people[who];
        let Some(line) = person.line.as_mut().filter(|line| line.conn == conn) else { return Ok(()) };
        let welcomed = matches!(frame.message, Response::Welcome(_));
        let event =
            line.hear(frame.rid, frame.message).map_err(|_| Stuck::Never("an answer that was asked for"))?;
        if welcomed {
            for effect in self.people[who].vault.resume(self.now)? {
                self.carry_out(who, effect);
            }
        }
        match event {
            Some(event) => self.raise(who, event, None).map(drop),
            None => Ok(()),
        }
    }

    /// A frame at the relay's door.
    fn arrive(
        &mut self,
        who: usize,
        conn: ConnId,
        frame: Frame<Request>,
        message: Option<usize>,
    ) -> Result<(), Stuck> {
        if !self.owners.contains_key(&conn) {
            return Ok(());
        }
        let about = match &frame.message {
            Request::Open(open) => About::Opened(open.queue),
            Request::Append { write, cell } => {
                if let (Some(message), Some(head)) = (message, cell.as_bytes().first_chunk::<32>()) {
                    self.record.heads.insert(*head, message);
                }
                About::Cell(write.id(), Box::new(nibbles(cell.as_bytes())))
            }
            _ => About::Other,
        };
        self.pass(Passed { at: 0, way: Way::Up, who, len: frame.encoded_len(), about, message });
        self.feed(Input::Frame(conn, frame))
    }

    fn pass(&mut self, passed: Passed) {
        if self.recording {
            let at = self.moment();
            self.record.passed.push(Passed { at, ..passed });
        }
    }

    /// Gives the relay an input; what it says goes on its way.
    fn feed(&mut self, input: Input) -> Result<(), Stuck> {
        let mut inputs = vec![input];
        while !inputs.is_empty() {
            let mut acts = Vec::new();
            self.service.run(inputs.drain(..), &mut |act| acts.push(act))?;
            for act in acts {
                match act {
                    Act::Send(conn, frame) => {
                        inputs.push(Input::Writable(conn, frame.encoded_len()));
                        self.leave(conn, frame);
                    }
                    Act::Hang(..) => return Err(Stuck::Never("a relay that serves everybody")),
                }
            }
        }
        Ok(())
    }

    /// A frame leaves the relay.
    fn leave(&mut self, conn: ConnId, frame: Frame<Response>) {
        let Some(who) = self.owners.get(&conn).copied() else { return };
        let (about, message) = match &frame.message {
            Response::Cell { cell, .. } => {
                let head = cell.as_bytes().first_chunk::<32>();
                (About::Delivered, head.and_then(|head| self.record.heads.get(head)).copied())
            }
            _ => (About::Other, None),
        };
        self.pass(Passed { at: 0, way: Way::Down, who, len: frame.encoded_len(), about, message });
        let at = self.lands(who, 1);
        self.plan(at, Happening::Down(who, conn, frame));
    }
}

/// The moment as the engine's clock shows it.
fn moment(at: Moment) -> Millis {
    START.plus(Millis::DAY).plus(Millis(at))
}

fn name(who: usize) -> String {
    format!("p{who:03}")
}
