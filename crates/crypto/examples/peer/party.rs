//! [`Party`]: one identity and its sessions, told what to do in lines of words.
//!
//! Spec: docs/spec/README.md, "Randomness". Invariant: nothing here is random; every command brings the bytes that it
//! draws, and takes exactly those. Sessions pass through their stored form after every change, as in a client.

use core::convert::Infallible;
use std::collections::BTreeMap;

use rand_core::{TryCryptoRng, TryRng};
use subrosa_codec::{Cell, Day, Millis};
use subrosa_crypto::{
    Alarm, Bundle, HandshakeId, Identity, IdentityPublic, IdentitySeed, Introduction, InviteKeys, InviteKind,
    InviteTerms, Link, OpenError, Opened, Part, QueueDescriptor, RecoveryIntro, RecoveryKey, SafetyNumber,
    SealError, Session, SessionEvent, Weight, accept, accept_recovery, join, recover,
};

/// The bytes that came with a command, each handed out once.
struct Fed(Vec<u8>);

impl TryRng for Fed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        assert!(bytes.len() <= self.0.len(), "the command brought too few random bytes");
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Fed {}

/// The words of one command. Reading past the end, or a word of another kind, ends the program: the driver is wrong then.
struct Words<'a>(std::str::SplitWhitespace<'a>);

impl Words<'_> {
    fn word(&mut self) -> &str {
        self.0.next().expect("another word")
    }

    fn bytes(&mut self) -> Vec<u8> {
        match self.word() {
            "-" => Vec::new(),
            word => hex::decode(word).expect("hex"),
        }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes().try_into().expect("as many bytes")
    }

    fn number<T: std::str::FromStr>(&mut self) -> T {
        self.word().parse().ok().expect("a number")
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.bytes()).expect("UTF-8")
    }

    fn cell(&mut self) -> Cell {
        Cell::from_vec(self.bytes()).expect("4,096 bytes")
    }

    fn queue(&mut self) -> QueueDescriptor {
        QueueDescriptor::parse(&self.bytes()).expect("a descriptor")
    }

    fn public(&mut self) -> IdentityPublic {
        IdentityPublic::parse(&self.bytes()).expect("a public identity")
    }

    fn rng(&mut self) -> Fed {
        Fed(self.bytes())
    }
}

/// Bytes as a word.
fn word(bytes: &[u8]) -> String {
    if bytes.is_empty() { "-".into() } else { hex::encode(bytes) }
}

type Answer = Result<String, String>;

fn named(error: impl core::fmt::Debug) -> String {
    // The name without what it carries: `Repeat(..)` is `Repeat`.
    format!("{error:?}").split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// What one side of a conversation has.
pub(crate) struct Party {
    me: Identity,
    invite: Option<InviteKeys>,
    accepted: Vec<HandshakeId>,
    sessions: BTreeMap<String, Session>,
}

impl Party {
    pub(crate) fn new() -> Self {
        let me = Identity::derive(&IdentitySeed::from_bytes([0; 32]), 0);
        Self { me, invite: None, accepted: Vec::new(), sessions: BTreeMap::new() }
    }

    /// Does what the line says: `ok` and words, or `err` and the name of an error. Bytes are hex, no bytes are `-`.
    pub(crate) fn answer(&mut self, line: &str) -> String {
        let mut words = Words(line.split_whitespace());
        let command = words.word().to_owned();
        match self.run(&command, &mut words) {
            Ok(answer) => format!("ok {answer}"),
            Err(error) => format!("err {error}"),
        }
    }

    fn session(&self, w: &mut Words<'_>) -> (String, &Session) {
        let name = w.word().to_owned();
        let session = self.sessions.get(&name).expect("a session of this name");
        (name, session)
    }

    /// Through the stored form, as after a restart.
    fn keep(&mut self, name: String, session: &Session) {
        let session = Session::parse(&session.write()).expect("what was written is read back");
        self.sessions.insert(name, session);
    }

    fn run(&mut self, command: &str, w: &mut Words<'_>) -> Answer {
        match command {
            "identity" => {
                self.me = Identity::derive(&IdentitySeed::from_bytes(w.array()), w.number());
                Ok(word(self.me.public().as_bytes()))
            }
            "safety" => {
                let number = SafetyNumber::of(&w.public(), &w.public());
                Ok(format!("{} {}", word(number.to_string().as_bytes()), number.qr_payload()))
            }
            "link" => link(w),
            "invite" => self.invite(w),
            "bundle" => self.open_bundle(w).map(|bundle| word(bundle.name().as_bytes())),
            "join" => self.join(w),
            "accept" => self.accept(w),
            "recover" => self.recover(w),
            "accept-recovery" => self.accept_recovery(w),
            "seal" => self.seal(w),
            "open" => self.open(w),
            "copy" => {
                let (_, session) = self.session(w);
                let session = session.clone();
                self.keep(w.word().to_owned(), &session);
                Ok(String::new())
            }
            "latch" => {
                let (name, session) = self.session(w);
                let latched = session.latched(alarm(w.word()));
                self.keep(name, &latched);
                Ok(String::new())
            }
            "allow" => {
                let (name, session) = self.session(w);
                let next = session.unlatch_for_sending().ok_or("Nothing")?;
                self.keep(name, &next);
                Ok(String::new())
            }
            "age" => {
                let (name, session) = self.session(w);
                let Some((next, events)) = session.age(Millis(w.number())) else { return Ok(String::new()) };
                self.keep(name, &next);
                Ok(events.iter().map(event).collect::<Vec<_>>().join(" "))
            }
            "give-up" => {
                let (name, session) = self.session(w);
                let (next, lost) = session.give_up(w.number(), Millis(w.number())).ok_or("Nothing")?;
                self.keep(name, &next);
                Ok(event(&lost))
            }
            "state" => Ok(state(self.session(w).1)),
            other => panic!("no command: {other}"),
        }
    }

    /// `kind relay host port descriptor name expiry rng` → `link cell`
    fn invite(&mut self, w: &mut Words<'_>) -> Answer {
        let kind = kind(w.number());
        let (relay, host, port) = (w.array(), w.text(), w.number());
        let (queue, name, expires) = (w.queue(), w.text(), Day(w.number()));
        let terms = InviteTerms {
            kind,
            relay_key_hash: relay,
            host: &host,
            port,
            descriptor: &queue,
            name: &name,
            expires,
        };
        let created = InviteKeys::create(&self.me, &terms, &mut w.rng()).map_err(named)?;
        self.invite = Some(created.keys);
        Ok(format!("{} {}", created.link, word(created.bundle.as_bytes())))
    }

    /// `link cell today`
    fn open_bundle(&self, w: &mut Words<'_>) -> Result<Bundle, String> {
        let link = Link::parse(w.word()).map_err(named)?;
        Bundle::open(&link, &w.cell(), self.me.public(), Day(w.number())).map_err(named)
    }

    /// `session link cell today descriptor name greeting rng` → `cell`
    fn join(&mut self, w: &mut Words<'_>) -> Answer {
        let session = w.word().to_owned();
        let bundle = self.open_bundle(w)?;
        let intro = Introduction { descriptor: w.queue(), name: w.text(), greeting: w.text() };
        let joined = join(&self.me, &bundle, &intro, &mut w.rng()).map_err(named)?;
        self.keep(session, &joined.session);
        Ok(word(joined.cell.as_bytes()))
    }

    /// `session cell` → `id public descriptor name greeting`. A one-time invite is burned.
    fn accept(&mut self, w: &mut Words<'_>) -> Answer {
        let session = w.word().to_owned();
        let keys = self.invite.as_mut().expect("an invite");
        let found = accept(&self.me, keys, &w.cell(), |id| self.accepted.contains(id)).map_err(named)?;
        if keys.kind() == InviteKind::OneTime {
            keys.burn();
        }
        self.accepted.push(found.id);
        self.keep(session, &found.session);
        let intro = &found.intro;
        let words = [&found.id.0, found.peer.as_bytes(), &intro.descriptor.write(), intro.name.as_bytes()];
        let words = words.map(word).join(" ");
        Ok(format!("{words} {}", word(intro.greeting.as_bytes())))
    }

    /// `session public key descriptor reason ack_high ack_hash rng` → `cell`
    fn recover(&mut self, w: &mut Words<'_>) -> Answer {
        let session = w.word().to_owned();
        let peer = w.public();
        let key = RecoveryKey::parse(&w.bytes()).map_err(named)?;
        let intro = RecoveryIntro {
            descriptor: w.queue(),
            reason: w.number(),
            ack_high: w.number(),
            ack_hash: w.array(),
        };
        let (next, cell) = recover(&self.me, &peer, &key, &intro, &mut w.rng()).map_err(named)?;
        self.keep(session, &next);
        Ok(word(cell.as_bytes()))
    }

    /// `session public key key cell` → `id descriptor reason ack_high ack_hash`
    fn accept_recovery(&mut self, w: &mut Words<'_>) -> Answer {
        let session = w.word().to_owned();
        let peer = w.public();
        let keys = [w.bytes(), w.bytes()].map(|key| RecoveryKey::parse(&key).expect("a recovery key"));
        let found = accept_recovery(&self.me, &peer, &keys, &w.cell()).map_err(named)?;
        self.keep(session, &found.session);
        let RecoveryIntro { descriptor, reason, ack_high, ack_hash } = &found.intro;
        let (queue, hash) = (word(&descriptor.write()), word(ack_hash));
        Ok(format!("{} {queue} {reason} {ack_high} {hash}", found.used))
    }

    /// `session weight index count content rng` → `cell number`
    fn seal(&mut self, w: &mut Words<'_>) -> Answer {
        let (name, session) = self.session(w);
        let weight = weight(w.word());
        let part = Part { index: w.number(), count: w.number(), content: w.bytes().into() };
        let mut rng = w.rng();
        let sealed = match session.seal(&part, weight, &mut rng) {
            Ok(sealed) => sealed,
            Err(SealError::Latched(alarm)) => return Err(format!("Latched {alarm:?}")),
            Err(error) => return Err(named(error)),
        };
        assert!(rng.0.is_empty(), "160 bytes, no fewer");
        self.keep(name, &sealed.next);
        Ok(format!("{} {}", word(sealed.cell.as_bytes()), sealed.seq))
    }

    /// `session cell now` → `number epoch quiet index count content events…`
    fn open(&mut self, w: &mut Words<'_>) -> Answer {
        let (name, session) = self.session(w);
        match session.open(&self.me, &w.cell(), Millis(w.number())) {
            Ok(opened) => {
                self.keep(name, &opened.next);
                Ok(what_was_opened(&opened))
            }
            Err(error) => Err(refusal(error)),
        }
    }
}

fn what_was_opened(opened: &Opened) -> String {
    let Opened { part, seq, epoch, quiet, events, .. } = opened;
    let (index, count, content) = (part.index, part.count, word(&part.content));
    let mut line = format!("{seq} {epoch} {quiet} {index} {count} {content}");
    for said in events {
        line.push(' ');
        line.push_str(&event(said));
    }
    line
}

fn refusal(error: OpenError) -> String {
    match error {
        OpenError::Alarm(alarm) => format!("Alarm {alarm:?}"),
        OpenError::BadBody { seq, header, body } => {
            format!("BadBody {seq} {} {}", word(&header), word(&body))
        }
        other => named(other),
    }
}

fn event(event: &SessionEvent) -> String {
    match event {
        SessionEvent::Gap { from, to } => format!("Gap,{from},{to}"),
        SessionEvent::Lost { seq } => format!("Lost,{seq}"),
        SessionEvent::Alarm(alarm) => format!("Alarm,{alarm:?}"),
        SessionEvent::Raised(level) => format!("Raised,{level:?}"),
        other => format!("{other:?}"),
    }
}

/// `sid role level latch next low high count since refusal-of-text`
fn state(s: &Session) -> String {
    let latch = s.latch().map_or_else(|| "-".into(), |alarm| format!("{alarm:?}"));
    let unanswered = s.unanswered();
    let since = unanswered.since.map_or(0, |since| since.0);
    let text = s.refusal(Weight::Text).map_or_else(|| "-".into(), named);
    let (sid, role, level) = (word(&s.id().0), s.role(), s.level());
    let (next, low, high) = (s.next_seq(), s.outbox_low(), s.peer_high());
    format!("{sid} {role:?} {level:?} {latch} {next} {low} {high} {} {since} {text}", unanswered.count)
}

/// `link` → `kind relay host port fetch`
fn link(w: &mut Words<'_>) -> Answer {
    let link = Link::parse(&w.text()).map_err(named)?;
    let (relay, host, fetch) = (word(&link.relay()), word(link.host().as_bytes()), word(&link.fetch()));
    Ok(format!("{} {relay} {host} {} {fetch}", link.kind() as u8, link.port()))
}

fn kind(byte: u8) -> InviteKind {
    if byte == 1 { InviteKind::OneTime } else { InviteKind::Address }
}

fn weight(name: &str) -> Weight {
    match name {
        "quiet" => Weight::Quiet,
        "text" => Weight::Text,
        "heartbeat" => Weight::Heartbeat,
        "control" => Weight::Control,
        "hello" => Weight::Hello,
        "replaced" => Weight::Replaced,
        other => panic!("no weight: {other}"),
    }
}

fn alarm(name: &str) -> Alarm {
    match name {
        "Keys" => Alarm::Keys,
        "Closed" => Alarm::Closed,
        "Index" => Alarm::Index,
        "Pn" => Alarm::Pn,
        "Prev" => Alarm::Prev,
        "Ack" => Alarm::Ack,
        "OwnRollback" => Alarm::OwnRollback,
        other => panic!("no alarm: {other}"),
    }
}
