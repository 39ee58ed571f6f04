//! [`Pair`]: two real sessions, the wires between them, and what must hold after every act.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use subrosa_codec::{Cell, Day, Millis};

use crate::body::Part;
use crate::dh::SecretKey;
use crate::identity::{Identity, IdentitySeed};
use crate::ratchet::hash::CellHash;
use crate::ratchet::header::{Acks, Header, SEALED_HEADER_LEN};
use crate::ratchet::heard::Heard;
use crate::ratchet::keys::{body_aad, header_aad};
use crate::ratchet::sent::Acknowledged;
use crate::ratchet::turn::Turn;
use crate::ratchet::{
    Alarm, Level, OpenError, Opened, SealError, Sealed, Session, SessionEvent, SessionInit, Weight,
};

/// The joiner.
pub(super) const J: usize = 0;
/// The inviter.
pub(super) const I: usize = 1;

/// One side, with all that it ever did.
pub(super) struct End {
    pub(super) me: Identity,
    pub(super) session: Session,
    /// Sealed and not acknowledged.
    pub(super) outbox: Vec<(u32, Cell)>,
    /// Every content ever sealed, by number. More than one for a number only after a rollback.
    pub(super) sealed: BTreeMap<u32, Vec<Vec<u8>>>,
    /// Every content opened, by number.
    pub(super) opened: BTreeMap<u32, Vec<u8>>,
    pub(super) lost: BTreeSet<u32>,
    pub(super) alarms: Vec<Alarm>,
}

pub(super) struct Pair {
    pub(super) ends: [End; 2],
    /// Cells on their way to each end.
    pub(super) wires: [Vec<Cell>; 2],
    pub(super) now: Millis,
    pub(super) rng: ChaCha20Rng,
    /// What was sealed under each (key, nonce).
    used: BTreeMap<Vec<u8>, Cell>,
    count: u64,
    /// States were restored: two cells of one end can claim one number.
    pub(super) forked: bool,
}

pub(super) fn text(bytes: &[u8]) -> Part {
    Part::single(bytes).unwrap()
}

/// Both ends of a fresh session: as after a handshake.
pub(super) fn sessions(seed: u64, private_queue: bool) -> ([Identity; 2], [Session; 2]) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let ids = [(); 2].map(|()| Identity::derive(&IdentitySeed::generate(&mut rng), 0));
    let mut sid = [0; 32];
    rng.fill_bytes(&mut sid);
    let mut okm = [0; 160];
    rng.fill_bytes(&mut okm);
    let init = || SessionInit {
        sid,
        okm: crate::secret::Secret::copied(&okm),
        private_queue,
        joiner_identity_ek: ids[J].public().kem().clone(),
    };
    let r_j = SecretKey::generate(&mut rng);
    let public = r_j.public();
    let ends = [
        Session::joiner(init(), r_j, Level::Sent),
        Session::inviter(init(), public, Level::Invited).unwrap(),
    ];
    (ids, ends)
}

impl Pair {
    pub(super) fn new(seed: u64) -> Self {
        let (ids, sessions) = sessions(seed, true);
        let mut ids = ids.into_iter();
        let ends = sessions.map(|session| End {
            me: ids.next().unwrap(),
            session,
            outbox: Vec::new(),
            sealed: BTreeMap::new(),
            opened: BTreeMap::new(),
            lost: BTreeSet::new(),
            alarms: Vec::new(),
        });
        let rng = ChaCha20Rng::seed_from_u64(seed ^ 0x5eed);
        let now = Day(20_000).start();
        Self {
            ends,
            wires: [Vec::new(), Vec::new()],
            now,
            rng,
            used: BTreeMap::new(),
            count: 0,
            forked: false,
        }
    }

    /// Seals on the wire; the content is fresh.
    pub(super) fn send(&mut self, from: usize) -> Cell {
        self.try_send(from, Weight::Text).unwrap()
    }

    pub(super) fn try_send(&mut self, from: usize, weight: Weight) -> Result<Cell, SealError> {
        self.count += 1;
        let content = self.count.to_le_bytes();
        let Sealed { next, cell, seq } =
            self.ends[from].session.seal(&text(&content), weight, &mut self.rng)?;
        self.no_nonce_repeats(&next, &cell);
        let end = &mut self.ends[from];
        end.session = next;
        end.outbox.push((seq, cell.clone()));
        end.sealed.entry(seq).or_default().push(content.to_vec());
        self.wires[1 - from].push(cell.clone());
        Ok(cell)
    }

    /// A copy of `of`'s state seals a cell; nothing is put on a wire.
    pub(super) fn send_as(&mut self, copy: &mut Session, of: usize) -> Cell {
        self.count += 1;
        let content = self.count.to_le_bytes();
        let Sealed { next, cell, seq } = copy.seal(&text(&content), Weight::Text, &mut self.rng).unwrap();
        self.no_nonce_repeats(&next, &cell);
        self.ends[of].sealed.entry(seq).or_default().push(content.to_vec());
        *copy = next;
        cell
    }

    /// (header key, nonce) and (message key, nonce) seal one cell only. The chain key after a seal stands for the message
    /// key that came from the same expansion.
    fn no_nonce_repeats(&mut self, next: &Session, cell: &Cell) {
        let (Turn::Calling { sending } | Turn::Leading { sending, .. }) = &next.turn else {
            panic!("just sealed")
        };
        let nonce = &cell.as_bytes()[..24];
        for key in [sending.header.expose(), sending.chain.expose()] {
            let before = self.used.insert([key, nonce].concat(), cell.clone());
            assert!(before.is_none_or(|before| before == *cell), "a (key, nonce) sealed two different cells");
        }
    }

    /// Opens `cell` at `to` and checks what must hold whatever it is.
    pub(super) fn deliver(&mut self, to: usize, cell: &Cell) -> Result<Opened, OpenError> {
        let result = self.ends[to].session.open(&self.ends[to].me, cell, self.now);
        match &result {
            Ok(opened) => self.keep(to, opened),
            Err(OpenError::Alarm(alarm)) => self.ends[to].alarms.push(*alarm),
            Err(OpenError::OwnRollback) => self.ends[to].alarms.push(Alarm::OwnRollback),
            Err(_) => {}
        }
        result
    }

    fn keep(&mut self, to: usize, opened: &Opened) {
        let content = opened.part.content.to_vec();
        let sealed = &self.ends[1 - to].sealed;
        let mut all = sealed.iter().filter(|(seq, _)| self.forked || **seq == opened.seq).map(|(_, all)| all);
        assert!(all.any(|all| all.contains(&content)), "a content that was never sealed there");
        let end = &mut self.ends[to];
        end.session = opened.next.clone();
        let twice = end.opened.insert(opened.seq, content);
        assert_eq!(twice, None, "number {} was opened twice", opened.seq);
        end.outbox.retain(|(seq, _)| *seq >= opened.outbox_low);
        assert_eq!(opened.outbox_low, opened.next.outbox_low());
        self.note(to, &opened.events);
    }

    pub(super) fn note(&mut self, to: usize, events: &[SessionEvent]) {
        for event in events {
            match event {
                SessionEvent::Lost { seq } => {
                    assert!(!self.ends[to].opened.contains_key(seq), "lost after it was opened");
                    assert!(self.ends[to].lost.insert(*seq), "lost twice");
                }
                SessionEvent::Alarm(alarm) => self.ends[to].alarms.push(*alarm),
                SessionEvent::OwnRollback => self.ends[to].alarms.push(Alarm::OwnRollback),
                SessionEvent::Gap { .. } | SessionEvent::Raised(_) => {}
            }
        }
    }

    /// Everything on the wire arrives, in order.
    pub(super) fn deliver_all(&mut self, to: usize) -> Vec<Result<Opened, OpenError>> {
        core::mem::take(&mut self.wires[to]).iter().map(|cell| self.deliver(to, cell)).collect()
    }

    /// `from` says something and the other end hears it.
    pub(super) fn say(&mut self, from: usize) -> Opened {
        self.wires[1 - from].clear();
        let cell = self.send(from);
        self.wires[1 - from].clear();
        self.deliver(1 - from, &cell).unwrap()
    }

    /// Each says something, `times` times: two epochs every time.
    pub(super) fn talk(&mut self, times: usize) {
        for _ in 0..times {
            self.say(J);
            self.say(I);
        }
    }

    /// `from` believes that all its cells were acknowledged: the window of a peer that keeps no rules.
    pub(super) fn forget_window(&mut self, from: usize) {
        let sent = &mut self.ends[from].session.sent;
        let acks = Acks { high: sent.next(), low: sent.next(), hash: sent.last() };
        assert_eq!(sent.acknowledge(&acks), Acknowledged::Fine);
    }

    /// Everything not acknowledged is sent again, until both have heard all.
    pub(super) fn settle(&mut self) {
        for _ in 0..4 {
            for from in [J, I] {
                match self.try_send(from, Weight::Control) {
                    Ok(_) | Err(SealError::WindowFull) => {}
                    Err(error) => panic!("{error}"),
                }
                self.wires[1 - from] = self.ends[from].outbox.iter().map(|(_, cell)| cell.clone()).collect();
                self.deliver_all(1 - from);
            }
        }
    }

    /// After [`settle`](Self::settle): all arrived or was given up, nobody alarmed, both ends hold the same keys.
    pub(super) fn assert_at_rest(&self) {
        for (at, end) in self.ends.iter().enumerate() {
            let other = &self.ends[1 - at];
            assert_eq!(end.alarms, [], "a false alarm");
            for (seq, contents) in &other.sealed {
                assert_eq!(contents.len(), 1);
                let arrived = end.opened.get(seq);
                assert!(
                    arrived == Some(&contents[0]) || end.lost.contains(seq),
                    "number {seq} did not arrive"
                );
            }
            let (ours, theirs) = (&end.session, &other.session);
            assert_eq!(ours.root.expose(), theirs.root.expose());
            assert_eq!(ours.next_sending.expose(), theirs.next_receiving.expose());
            assert_eq!(ours.latch(), None);
            assert_eq!(ours.level(), Level::MutualPq);
        }
    }

    /// The state of one end, kept for later.
    pub(super) fn copy(&self, of: usize) -> Session {
        Session::parse(&self.ends[of].session.write()).unwrap()
    }
}

/// A cell that only the peer itself could make: the header that `from` would seal next, changed by `change`, and sealed
/// in order. The state does not move.
pub(super) fn forge(from: &Session, change: impl FnOnce(&mut [u8])) -> Cell {
    let probe = from.seal(&text(b"forged"), Weight::Text, &mut ChaCha20Rng::seed_from_u64(9)).unwrap().next;
    let (Turn::Calling { sending } | Turn::Leading { sending, .. }) = &probe.turn else {
        panic!("just sealed")
    };
    // The message key of the cell after the probe: as good as any for a header that is refused before its body.
    let (_, message) = sending.chain.advance();
    let acks = probe.turn.heard().map_or(Acks { high: 0, low: 0, hash: CellHash(from.id.0) }, Heard::acks);
    let mut header = Header {
        quiet: false,
        epoch: sending.epoch,
        n: sending.n,
        pn: sending.pn,
        acks,
        prev: probe.sent.last(),
        dh: sending.public.dh.as_bytes(),
        ek: sending.public.ek.as_bytes(),
        ct: sending.ct.as_bytes(),
    }
    .write();
    change(&mut header);
    let body = text(b"forged").write().unwrap();
    let nonce = message.header_nonce(&[0; 32], &header, &body);
    let sealed = sending.header.seal(&nonce, &header_aad(from.id, sending.epoch), &header);
    let aad = body_aad(from.id, sending.epoch, sealed[..].try_into().unwrap());
    Cell::from_vec([sealed, message.seal_body(&nonce, &aad, &body)].concat()).unwrap()
}

/// The cell with one bit of its sealed header changed.
pub(super) fn flip_header(cell: &Cell, bit: usize) -> Cell {
    flip(cell, bit % (SEALED_HEADER_LEN * 8))
}

/// The cell with one bit of its sealed body changed.
pub(super) fn flip_body(cell: &Cell, bit: usize) -> Cell {
    let start = SEALED_HEADER_LEN * 8;
    flip(cell, start + bit % (cell.as_bytes().len() * 8 - start))
}

fn flip(cell: &Cell, bit: usize) -> Cell {
    let mut changed = cell.clone();
    changed.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
    changed
}
