//! Some people, their vaults and runtimes, one relay, one clock; and what each of them should see.

#![allow(dead_code, reason = "each test binary uses its part of it")]

pub(crate) mod relay;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use subrosa_codec::Millis;
use subrosa_engine::api::{
    Answer, Body, Chat, Command, CommandError, ContactId, Done as Did, InviteId, InviteState, Message,
    MessageId, Notice, Query, SendState, Standing,
};
use subrosa_engine::rows::{Outbox, Row};
use subrosa_engine::{Effect, Event, InboundId, MemVault, Table};
use subrosa_wire::{QueueId, RelayAddress, RelayKeyHash};

use relay::{Done, Relay, Who};

/// Where a crash falls that waits for the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The event was handled, nothing committed.
    BeforeCommit,
    /// It was committed, and no effect carried out.
    AfterCommit,
    /// The relay did what was asked next, and the answer was lost.
    BeforeAnswer,
}

/// One person: vault and runtime.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) vault: MemVault,
    rng: ChaCha8Rng,
    todo: VecDeque<Effect>,
    subscribed: BTreeMap<QueueId, InboundId>,
    wake: Option<Millis>,
    crash: Option<Crash>,
    /// What the screen was told.
    pub(crate) told: Vec<Notice>,
    /// Ids of messages of others that were on the screen.
    shown: BTreeSet<MessageId>,
}

/// The whole world.
pub(crate) struct World {
    pub(crate) now: Millis,
    pub(crate) relay: Relay,
    pub(crate) people: Vec<Person>,
    /// What each one's client showed as queued, to each, in order.
    pub(crate) sent: BTreeMap<(Who, Who), Vec<String>>,
    /// Links that were joined.
    joins: Vec<(Who, InviteId)>,
}

impl Person {
    /// Its runtime is away: whatever it had to do comes again with the next start.
    pub(crate) fn forget_work(&mut self) {
        self.todo.clear();
        self.wake = None;
    }
}

impl World {
    /// The newest link that `who` made.
    pub(crate) fn newest_link(&self, who: Who) -> Option<String> {
        self.invites(who).into_iter().filter(|invite| invite.mine).max_by_key(|invite| invite.id)?.link
    }

    /// Everything that reads rows, on rows that may be damaged; nothing is kept. How often that was said.
    pub(crate) fn poke(&mut self, who: Who) -> usize {
        let now = self.now;
        let cell = self.relay.deliver(who);
        self.relay.disconnect(who);
        let person = &mut self.people[who];
        let mut events = vec![Event::Due, Event::Online];
        if let Some((id, seq, cell)) = cell
            && let Some(queue) = person.subscribed.get(&id)
        {
            events.push(Event::Cell { queue: *queue, seq, cell });
        }
        let chat = ContactId(4);
        events.push(Event::Command(Command::Send { to: chat, text: "x".into(), reply: None }));
        events.push(Event::Command(Command::Forget(chat)));
        let mut errors = 0;
        let before = person.vault.snapshot();
        for event in events {
            errors += usize::from(person.vault.run([event], now, &mut person.rng).is_err());
            person.vault.restore(&before);
        }
        match person.vault.resume(now) {
            Ok(effects) => {
                errors += effects.iter().filter(|effect| person.vault.job(effect).is_err()).count();
            }
            Err(_) => errors += 1,
        }
        let queries = [Query::Me, Query::Chats, Query::Invites, Query::Safety(chat)];
        errors + queries.iter().filter(|query| person.vault.query(query, now).is_err()).count()
    }
}

const NAMES: [&str; 3] = ["ann", "bob", "cid"];

impl World {
    /// `count` people with vaults and the address of the relay.
    pub(crate) fn new(count: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let people = NAMES.iter().take(count).map(|name| Person {
            name,
            vault: MemVault::found(name, &mut rng).unwrap(),
            rng: ChaCha8Rng::from_rng(&mut rng),
            todo: VecDeque::new(),
            subscribed: BTreeMap::new(),
            wake: None,
            crash: None,
            told: Vec::new(),
            shown: BTreeSet::new(),
        });
        let mut world = Self {
            now: Millis::DAY.times(20_000),
            people: people.collect(),
            relay: Relay::default(),
            sent: BTreeMap::new(),
            joins: Vec::new(),
        };
        let relay =
            RelayAddress::new(RelayKeyHash::from_bytes([1; 32]), "relay.test", 1).unwrap().to_string();
        for who in 0..count {
            world.command(who, Command::UseRelay(relay.clone())).unwrap().unwrap();
        }
        world
    }

    /// Raises `event`; `None` when the crash that was armed fell before its commit.
    pub(crate) fn raise(&mut self, who: Who, event: Event) -> Option<Vec<Result<Did, CommandError>>> {
        let now = self.now;
        let person = &mut self.people[who];
        let before = (person.crash == Some(Crash::BeforeCommit)).then(|| person.vault.snapshot());
        let ran = person.vault.run([event], now, &mut person.rng).expect("no row is damaged");
        match person.crash {
            Some(Crash::BeforeCommit) => {
                person.vault.restore(&before.expect("it was taken"));
                self.restart(who);
                return None;
            }
            Some(Crash::AfterCommit) => self.restart(who),
            Some(Crash::BeforeAnswer) | None => {
                for effect in ran.effects {
                    match effect {
                        Effect::Wake(at) => person.wake = Some(person.wake.map_or(at, |wake| wake.min(at))),
                        Effect::Tell(notice) => person.told.push(notice),
                        effect => person.todo.push_back(effect),
                    }
                }
            }
        }
        Some(ran.done)
    }

    /// A command; `None` when it was lost in a crash before its commit.
    pub(crate) fn command(&mut self, who: Who, command: Command) -> Option<Result<Did, CommandError>> {
        let done = self.raise(who, Event::Command(command))?;
        assert_eq!(done.len(), 1, "a command has one answer");
        done.into_iter().next()
    }

    /// Arms a crash.
    pub(crate) fn crash(&mut self, who: Who, crash: Crash) {
        self.people[who].crash = Some(crash);
    }

    /// The process ends and starts again, on what is on disk.
    pub(crate) fn restart(&mut self, who: Who) {
        self.relay.disconnect(who);
        let now = self.now;
        let person = &mut self.people[who];
        person.crash = None;
        person.subscribed.clear();
        person.wake = None;
        let disk = person.vault.snapshot();
        person.vault.restore(&disk);
        person.todo = VecDeque::new();
        for effect in person.vault.resume(now).expect("no row is damaged") {
            match effect {
                Effect::Wake(at) => person.wake = Some(at),
                effect => person.todo.push_back(effect),
            }
        }
        self.raise(who, Event::Online);
    }

    /// Carries out the next effect; whether there was one.
    pub(crate) fn work(&mut self, who: Who) -> bool {
        let person = &mut self.people[who];
        let Some(effect) = person.todo.pop_front() else { return false };
        let Some(job) = person.vault.job(&effect).expect("no row is damaged") else { return true };
        let done = self.relay.perform(who, job, self.now.day());
        if person.crash == Some(Crash::BeforeAnswer) {
            self.restart(who);
            return true;
        }
        match (done, &effect) {
            (Done::Opened(id, relay_day), Effect::Open(queue)) => {
                person.subscribed.insert(id, *queue);
                self.raise(who, Event::Opened { queue: *queue, relay_day });
            }
            (Done::Opened(..), other) => panic!("{other:?} opened a queue"),
            (Done::Answer(answer), _) => drop(self.raise(who, Event::Finished { effect, answer })),
            (Done::Silent, _) => {}
        }
        true
    }

    /// Whether the next effect appends a cell.
    pub(crate) fn will_append(&self, who: Who) -> bool {
        matches!(self.people[who].todo.front(), Some(Effect::Send(_)))
    }

    /// Delivers the next cell; whether there was one.
    pub(crate) fn deliver(&mut self, who: Who) -> bool {
        let Some((id, seq, cell)) = self.relay.deliver(who) else { return false };
        let queue = *self.people[who].subscribed.get(&id).expect("only what was opened is delivered");
        self.raise(who, Event::Cell { queue, seq, cell });
        true
    }

    /// Takes the next cell that the relay has for `who`, and does not show it to them.
    pub(crate) fn intercept(&mut self, who: Who) -> Option<(InboundId, subrosa_codec::Cell)> {
        let (id, _, cell) = self.relay.deliver(who)?;
        self.people[who].subscribed.get(&id).map(|queue| (*queue, cell))
    }

    /// Time passes; timers ring.
    pub(crate) fn pass(&mut self, time: Millis) {
        self.now = self.now.plus(time);
        for who in 0..self.people.len() {
            self.ring(who);
        }
    }

    fn ring(&mut self, who: Who) -> bool {
        let due = self.people[who].wake.is_some_and(|wake| wake <= self.now);
        if due {
            self.people[who].wake = None;
            self.raise(who, Event::Due);
        }
        due
    }

    /// Everybody works and reads until nobody has anything to do at this moment.
    pub(crate) fn drain(&mut self) {
        for round in 0.. {
            assert!(
                round < 100_000,
                "it never comes to rest: {:?}",
                self.people.iter().map(|p| &p.todo).collect::<Vec<_>>()
            );
            let who = 0..self.people.len();
            let busy = who
                .map(|who| self.work(who) | self.deliver(who) | self.ring(who))
                .fold(false, |any, one| any | one);
            if !busy {
                return;
            }
        }
    }

    /// Lives on for `time`, from timer to timer.
    pub(crate) fn live(&mut self, time: Millis) {
        let end = self.now.plus(time);
        loop {
            self.drain();
            match self.people.iter().filter_map(|person| person.wake).min().filter(|wake| *wake < end) {
                Some(wake) => self.now = self.now.max(wake),
                None => break,
            }
        }
        self.now = end;
        self.drain();
    }

    /// A link of `who`, which works once the work is done.
    pub(crate) fn invite(&mut self, who: Who, reusable: bool) -> String {
        let Some(Ok(Did::Invite(id))) = self.command(who, Command::Invite { reusable }) else {
            panic!("no invite")
        };
        let invites = self.invites(who);
        let invite = invites.into_iter().find(|invite| invite.id == id).expect("it is listed at once");
        invite.link.expect("mine has a link")
    }

    /// `who` joins by a link.
    pub(crate) fn join(&mut self, who: Who, link: &str) {
        let command = Command::Join { link: link.to_string(), greeting: "hello".to_string(), again: false };
        match self.command(who, command) {
            Some(Ok(Did::Joining(id))) => self.joins.push((who, id)),
            other => panic!("{other:?}"),
        }
    }

    /// `who` lets in whoever asks.
    pub(crate) fn accept(&mut self, who: Who) {
        for chat in self.chats(who).into_iter().filter(|chat| chat.standing == Standing::Request) {
            if let Some(done) = self.command(who, Command::Accept(chat.id)) {
                done.expect("a request can be accepted");
            }
        }
    }

    /// `from` writes to `to`, when they have a chat.
    pub(crate) fn send(&mut self, from: Who, to: Who, len: usize) {
        let Some(chat) = self.chat(from, to) else { return };
        let sent = self.sent.entry((from, to)).or_default();
        let text = format!("{from}>{to} {} {}", sent.len(), "x".repeat(len));
        let command = Command::Send { to: chat.id, text: text.clone(), reply: None };
        match self.command(from, command) {
            Some(Ok(_)) => self.sent.entry((from, to)).or_default().push(text),
            Some(Err(CommandError::NotAccepted)) | None => {}
            other => panic!("{other:?}"),
        }
    }

    /// `who` looks at the whole chat with `with`.
    pub(crate) fn look(&mut self, who: Who, with: Who) {
        let Some(chat) = self.chat(who, with) else { return };
        let messages = self.messages(who, chat.id);
        let Some(last) = messages.last() else { return };
        let seen = Command::Seen { chat: chat.id, upto: last.position };
        if self.command(who, seen).is_some() {
            self.people[who]
                .shown
                .extend(messages.iter().filter(|message| !message.mine).map(|message| message.id));
        }
    }

    fn ask(&self, who: Who, query: &Query) -> Answer {
        self.people[who].vault.query(query, self.now).expect("no row is damaged")
    }

    /// The chat list of `who`.
    pub(crate) fn chats(&self, who: Who) -> Vec<Chat> {
        let Answer::Chats(chats) = self.ask(who, &Query::Chats) else { panic!("no list") };
        chats
    }

    /// The chat of `who` with `with`.
    pub(crate) fn chat(&self, who: Who, with: Who) -> Option<Chat> {
        let name = self.people[with].name;
        let mut found = self.chats(who).into_iter().filter(|chat| chat.name == name);
        let chat = found.next();
        assert!(found.next().is_none(), "{} has {name} twice", self.people[who].name);
        chat
    }

    /// The whole chat.
    pub(crate) fn messages(&self, who: Who, chat: ContactId) -> Vec<Message> {
        let Answer::Messages(messages) = self.ask(who, &Query::Messages { chat, before: None, limit: 1_000 })
        else {
            panic!("no messages")
        };
        messages
    }

    fn invites(&self, who: Who) -> Vec<subrosa_engine::api::Invite> {
        let Answer::Invites(invites) = self.ask(who, &Query::Invites) else { panic!("no invites") };
        invites
    }

    /// The texts of one side of a chat, in the order of the screen.
    fn texts(&self, who: Who, chat: ContactId, mine: bool) -> Vec<String> {
        let messages = self.messages(who, chat).into_iter().filter(|message| message.mine == mine);
        let text = |message: Message| match message.body {
            Body::Text(text) => Some(text),
            _ => None,
        };
        messages.filter_map(text).collect()
    }

    /// What holds at every moment: nothing doubled, nothing out of order, unread counted right, no alarm.
    pub(crate) fn check(&self) {
        for (who, with) in self.pairs() {
            let Some(chat) = self.chat(who, with) else { continue };
            let names = (self.people[who].name, self.people[with].name);
            let none = Vec::new();
            let mine = self.sent.get(&(who, with)).unwrap_or(&none);
            assert_eq!(
                &self.texts(who, chat.id, true),
                mine,
                "what {names:?} wrote stands in their own chat"
            );
            let sent = self.sent.get(&(with, who)).unwrap_or(&none);
            let got = self.texts(who, chat.id, false);
            let mut rest = sent.iter();
            assert!(
                got.iter().all(|text| rest.any(|sent| sent == text)),
                "{names:?} doubled or reordered: {got:?}"
            );
            let shown = &self.people[who].shown;
            let messages = self.messages(who, chat.id);
            let unread = messages
                .iter()
                .filter(|m| matches!(m.body, Body::Text(_)) && !m.mine && !shown.contains(&m.id));
            assert_eq!(chat.unread as usize, unread.count(), "unread of {names:?}");
            assert_eq!(chat.alarm, None, "{names:?}");
        }
    }

    /// What holds when everybody was left alone for long enough.
    pub(crate) fn check_rest(&self, receipts_arrive: bool) {
        self.check();
        for (who, id) in &self.joins {
            let invite = self.invites(*who).into_iter().find(|invite| invite.id == *id);
            let failed =
                invite.filter(|invite| matches!(invite.state, InviteState::Failed(_) | InviteState::Taking));
            assert_eq!(failed, None, "a link of {} failed", self.people[*who].name);
        }
        for ((from, to), sent) in &self.sent {
            let names = (self.people[*from].name, self.people[*to].name);
            let chat = self.chat(*to, *from).expect("who wrote is there");
            assert_eq!(&self.texts(*to, chat.id, false), sent, "what {names:?} sent arrived, once, in order");
            let shown = &self.people[*to].shown;
            let chat = self.chat(*from, *to).expect("there is a chat");
            for message in self.messages(*from, chat.id).iter().filter(|message| message.mine) {
                let state = message.state.expect("mine has a state");
                let unsure = !receipts_arrive && state == SendState::Unseen;
                assert!(
                    unsure || state == SendState::Sent || state >= SendState::Delivered,
                    "{names:?}: {state:?}"
                );
                if receipts_arrive {
                    let read = shown.contains(&message.id);
                    let reached = if read { SendState::Read } else { SendState::Delivered };
                    assert_eq!(state, reached, "{names:?}: {:?}", message.body);
                }
            }
        }
        for (who, person) in self.people.iter().enumerate() {
            for table in [Table::Unsealed, Table::Part, Table::Gap, Table::Bad, Table::Receipt] {
                assert_eq!(person.vault.count(table), 0, "{table:?} of {} is empty at rest", person.name);
            }
            assert_eq!(self.loud(who), 0, "all that {} said was acknowledged", person.name);
        }
        assert_eq!(self.relay.lying(), 0, "the relay holds nothing at rest");
    }

    /// Cells in the outbox that are not quiet: they wait for the acknowledgement of a peer.
    pub(crate) fn loud(&self, who: Who) -> usize {
        let rows = self.people[who].vault.rows().filter(|(key, _)| key.table == Table::Outbox);
        rows.filter(|(_, row)| !Outbox::parse(row).expect("a row of the outbox").quiet).count()
    }

    fn pairs(&self) -> impl Iterator<Item = (Who, Who)> {
        let count = self.people.len();
        (0..count)
            .flat_map(move |who| (0..count).filter(move |with| *with != who).map(move |with| (who, with)))
    }
}
