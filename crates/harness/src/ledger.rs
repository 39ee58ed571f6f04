//! [`Ledger`]: what each person typed and saw, and which faults were played: what the oracle judges by.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: nothing here comes out of an engine but what a screen showed.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use subrosa_codec::Cell;
use subrosa_engine::OutboxId;
use subrosa_engine::api::{Body, Message, MessageId};

use crate::act::{Act, Evil};

/// What the oracle knows.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// What each one's client took, to each, in order.
    typed: BTreeMap<(usize, usize), Vec<String>>,
    /// Ids of messages of others that were on a screen.
    shown: Vec<BTreeSet<MessageId>>,
    /// The cell of each number of each session that left a client.
    sealed: BTreeMap<(usize, OutboxId), [u8; 32]>,
    /// Who went back to an old copy.
    restored: BTreeSet<usize>,
    /// Who met whom: inviter, joiner.
    pub(crate) met: Vec<(usize, usize)>,
    /// Something that was acknowledged may be gone for a while.
    pub(crate) lossy: bool,
    /// Cells may have lain at a relay for longer than it keeps them.
    pub(crate) expired: bool,
    /// Cells were changed, or put into queues of others.
    pub(crate) forged: bool,
}

/// Both sides of a chat, as one person's screen has it.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) mine: Vec<Message>,
    pub(crate) theirs: Vec<Message>,
}

impl Said {
    /// The texts among `messages`.
    pub(crate) fn of(messages: Vec<Message>) -> Self {
        let texts = messages.into_iter().filter(|message| matches!(message.body, Body::Text(_)));
        let (mine, theirs) = texts.partition(|message| message.mine);
        Self { mine, theirs }
    }
}

/// A message's text.
pub(crate) fn text(message: &Message) -> &str {
    match &message.body {
        Body::Text(text) => text,
        _ => "",
    }
}

impl Ledger {
    pub(crate) fn new(people: usize) -> Self {
        Self {
            typed: BTreeMap::new(),
            shown: vec![BTreeSet::new(); people],
            sealed: BTreeMap::new(),
            restored: BTreeSet::new(),
            met: Vec::new(),
            lossy: false,
            expired: false,
            forged: false,
        }
    }

    /// Notes what an act makes possible.
    pub(crate) fn fault(&mut self, act: &Act) {
        self.lossy |= act.loses();
        match *act {
            Act::Restore { who } => drop(self.restored.insert(who)),
            Act::Meet { inviter, joiner, .. } => self.met.push((inviter, joiner)),
            Act::Evil { evil: Evil::Flip | Evil::Swap, .. } => self.forged = true,
            _ => {}
        }
    }

    /// Whether one of the two went back to an old copy.
    pub(crate) fn went_back(&self, one: usize, other: usize) -> bool {
        self.restored.contains(&one) || self.restored.contains(&other)
    }

    /// Whether anyone did.
    pub(crate) fn anyone_went_back(&self) -> bool {
        !self.restored.is_empty()
    }

    /// The next text, different from every other one.
    pub(crate) fn next(&self, from: usize, to: usize, bytes: usize) -> String {
        format!("{from}>{to} #{} {}", self.typed(from, to).len(), "x".repeat(bytes.min(90_000)))
            .trim()
            .to_owned()
    }

    pub(crate) fn wrote(&mut self, from: usize, to: usize, text: String) {
        self.typed.entry((from, to)).or_default().push(text);
    }

    pub(crate) fn typed(&self, from: usize, to: usize) -> &[String] {
        self.typed.get(&(from, to)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn saw(&mut self, who: usize, ids: impl Iterator<Item = MessageId>) {
        self.shown[who].extend(ids);
    }

    pub(crate) fn has_seen(&self, who: usize, id: &MessageId) -> bool {
        self.shown[who].contains(id)
    }

    /// A cell leaves a client: what is wrong with it, if anything is. One number of one session is one key and one nonce:
    /// other bytes under it are a second use of both.
    pub(crate) fn sealed(&mut self, who: usize, id: OutboxId, cell: &Cell) -> Option<String> {
        let hash: [u8; 32] = Sha256::digest(cell.as_bytes()).into();
        let first = *self.sealed.entry((who, id)).or_insert(hash);
        // An old copy that was put back seals again: that is what the alarm is for.
        let twice = first != hash && !self.restored.contains(&who);
        twice.then(|| format!("p{who} sealed two cells as number {} of one session", id.seq))
    }
}
