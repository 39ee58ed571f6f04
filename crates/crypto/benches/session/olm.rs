//! The peer: Olm sessions of vodozemac, doing the same work (X25519 only, 100 bytes of text, what it sends as bytes).
//!
//! Spec: docs/performance.md. Invariant: what goes from one side to the other goes as bytes, as our cells do.

use vodozemac::Curve25519PublicKey;
use vodozemac::olm::{Account, OlmMessage, PreKeyMessage, Session, SessionConfig};

/// Two accounts.
pub(crate) struct OlmMeeting {
    jon: Account,
    ida: Account,
}

/// Two sessions that talk.
pub(crate) struct OlmChat(pub(crate) [Session; 2]);

const TEXT: [u8; 100] = [7; 100];

impl OlmMeeting {
    pub(crate) fn new() -> Self {
        Self { jon: Account::new(), ida: Account::new() }
    }

    /// One published one-time key.
    pub(crate) fn invite(&mut self) -> Curve25519PublicKey {
        self.ida.generate_one_time_keys(1);
        let key = self.ida.one_time_keys().into_values().next().expect("one was made");
        self.ida.mark_keys_as_published();
        key
    }

    /// The session, and the first message of it as bytes.
    pub(crate) fn join(&self, key: Curve25519PublicKey) -> (Session, Vec<u8>) {
        let ida = self.ida.curve25519_key();
        let mut session =
            self.jon.create_outbound_session(SessionConfig::version_1(), ida, key).expect("good keys");
        let (_, bytes) = session.encrypt(TEXT).expect("seals").to_parts();
        (session, bytes)
    }

    pub(crate) fn accept(&mut self, bytes: &[u8]) -> Session {
        let message = PreKeyMessage::from_bytes(bytes).expect("a first message");
        let jon = self.jon.curve25519_key();
        let config = SessionConfig::version_1();
        self.ida.create_inbound_session(config, jon, &message).expect("good keys").session
    }
}

impl OlmChat {
    pub(crate) fn new() -> Self {
        let mut meeting = OlmMeeting::new();
        let key = meeting.invite();
        let (jon, bytes) = meeting.join(key);
        let ida = meeting.accept(&bytes);
        let mut chat = Self([jon, ida]);
        chat.alternate(8);
        chat
    }

    pub(crate) fn seal(&mut self, from: usize) -> (usize, Vec<u8>) {
        self.0[from].encrypt(TEXT).expect("seals").to_parts()
    }

    pub(crate) fn open(&mut self, to: usize, (kind, bytes): &(usize, Vec<u8>)) {
        let message = OlmMessage::from_parts(*kind, bytes).expect("decodes");
        self.0[to].decrypt(&message).expect("opens");
    }

    pub(crate) fn say(&mut self, from: usize) {
        let message = self.seal(from);
        self.open(1 - from, &message);
    }

    pub(crate) fn alternate(&mut self, turns: u32) {
        (0..turns).for_each(|_| [1, 0].into_iter().for_each(|from| self.say(from)));
    }

    /// The same states again: opening changes them.
    pub(crate) fn copied(&self) -> Self {
        Self(self.0.each_ref().map(|session| Session::from_pickle(session.pickle())))
    }
}
