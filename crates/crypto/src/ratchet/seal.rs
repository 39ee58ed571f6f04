//! Sealing: one part into one cell.
//!
//! Spec: docs/spec/ratchet.md, "Sealing". Invariant: a message key seals one body, and no two different cells are
//! sealed under one (key, nonce), even from a rolled-back state with a stuck generator (A33).

use alloc::sync::Arc;

use subrosa_codec::Cell;

use super::chain::SendingChain;
use super::hash::CellHash;
use super::header::{Acks, Header, SEALED_HEADER_LEN};
use super::heard::Heard;
use super::keys::{EpochKem, EpochKeys, Published, StepInput, body_aad, cell_hash, header_aad};
use super::turn::Turn;
use super::{MAX_SEQ, SealError, Sealed, Session, SessionId, Weight};
use crate::body::Part;
use crate::dh::SecretKey;
use crate::kem::KemSeed;
use crate::secret::Secret;

/// Randomness of one seal, in this order: `x25519 32 | ML-KEM seed 64 | coins 32 | hedge 32`.
///
/// Drawn whether or not a step is due, so that what is drawn does not depend on the state.
struct Randomness {
    dh: SecretKey,
    kem: KemSeed,
    coins: Secret<Coins>,
    hedge: Secret<Hedge>,
}

enum Coins {}
enum Hedge {}

impl Randomness {
    fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
        // GEN-19.
        // The fields of a literal are evaluated in the order in which they are written.
        Self {
            dh: SecretKey::generate(rng),
            kem: KemSeed::generate(rng),
            coins: Secret::generate(rng),
            hedge: Secret::generate(rng),
        }
    }
}

/// What one cell is made of, beside the chain that seals it.
struct Draft<'a> {
    id: SessionId,
    quiet: bool,
    acks: Acks,
    prev: CellHash,
    body: &'a [u8],
}

impl Session {
    /// Why a cell of this weight would not be sealed now; `None` when it would.
    #[must_use]
    pub fn refusal(&self, weight: Weight) -> Option<SealError> {
        // RAT-14.
        let alarm = self.latch.bars_sealing().filter(|_| weight != Weight::Replaced);
        if let Some(alarm) = alarm {
            return Some(SealError::Latched(alarm));
        }
        // RAT-15.
        if self.waits_for_peer && self.turn.heard().is_none() {
            return Some(SealError::WaitForPeer);
        }
        let last_epoch = self.my_turn() && self.epoch_received() == Some(u32::MAX);
        // RAT-16.
        if self.sent.next() == MAX_SEQ || last_epoch {
            return Some(SealError::Exhausted);
        }
        // RAT-17.
        (self.sent.open() >= weight.limit()).then_some(SealError::WindowFull)
    }

    /// Seals `part` into a cell. [`Sealed::next`] replaces `self`; on `Err`, `self` is still current.
    ///
    /// Draws 160 bytes from `rng`. Store the next session and the cell in one transaction, then send; the same bytes
    /// are sent again until [`outbox_low`](Self::outbox_low) lies above [`Sealed::seq`]. A content is never sealed twice
    /// in one session.
    ///
    /// # Errors
    /// [`SealError::WindowFull`] at [`Weight::limit`] unacknowledged cells, [`SealError::WaitForPeer`],
    /// [`SealError::Latched`], [`SealError::Exhausted`], [`SealError::BadPart`].
    ///
    /// Spec: docs/spec/ratchet.md, "Sealing".
    pub fn seal(
        &self,
        part: &Part,
        weight: Weight,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Sealed, SealError> {
        // RAT-13.
        let body = part.write()?;
        if let Some(refusal) = self.refusal(weight) {
            return Err(refusal);
        }
        let Randomness { dh, kem, coins, hedge } = Randomness::generate(rng);
        let mut next = match &self.turn {
            Turn::Calling { .. } | Turn::Leading { .. } => self.clone(),
            // RAT-18.
            Turn::Called { heard, peer } => self.stepped(heard, (peer, 0), (dh, kem), &coins)?,
            Turn::Following { ended, heard, peer } => {
                self.stepped(heard, (peer, ended.n), (dh, kem), &coins)?
            }
        };
        // RAT-20.
        let acks = self.turn.heard().map_or(Acks { high: 0, low: 0, hash: CellHash(self.id.0) }, Heard::acks);
        // RAT-21.
        let draft = Draft { id: self.id, quiet: weight.quiet(), acks, prev: self.sent.last(), body: &body };
        let (Turn::Calling { sending } | Turn::Leading { sending, .. }) = &mut next.turn else {
            unreachable!("a step was taken if one was due")
        };
        let (cell, hash) = sending.seal(&draft, hedge.expose());
        next.sent.push(hash);
        if let Some(heard) = next.turn.heard_mut() {
            heard.tally.answered(acks.high);
        }
        Ok(Sealed { next, cell, seq: self.sent.next() })
    }

    /// The sending step: a new epoch of ours, with fresh keys, after the peer's newest.
    fn stepped(
        &self,
        heard: &Heard,
        (peer, pn): (&Published, u32),
        (dh, mut kem): (SecretKey, KemSeed),
        coins: &Secret<Coins>,
    ) -> Result<Self, SealError> {
        let epoch = heard.chain.epoch.checked_add(1).ok_or(SealError::Exhausted)?;
        // The private half is at hand for the answer while this state stays in memory; stored is its seed.
        let public = Published { dh: dh.public(), ek: kem.expand() };
        let (ct, encapsulated) = peer.ek.encapsulate(coins.expose());
        let agreed = dh.agree(&peer.dh).map_err(|_| SealError::DamagedState)?;
        let step =
            StepInput { id: self.id, epoch, before: peer, after: &public, ct: &ct, agreed, encapsulated };
        let keys = self.root.step(&step);
        let sending = SendingChain {
            epoch,
            chain: keys.chain,
            // RAT-19.
            header: self.next_sending.clone(),
            n: 0,
            pn,
            own: Arc::new(EpochKeys { dh, kem: EpochKem::Fresh(kem) }),
            public: Arc::new(public),
            ct: Arc::new(ct),
        };
        let turn = Turn::Leading { sending, heard: heard.clone() };
        Ok(Self { root: keys.root, next_sending: keys.header, turn, ..self.clone() })
    }
}

impl SendingChain {
    /// Seals one cell and moves on.
    fn seal(&mut self, draft: &Draft<'_>, hedge: &[u8; 32]) -> (Cell, CellHash) {
        let (chain, message) = self.chain.advance();
        let header = Header {
            quiet: draft.quiet,
            epoch: self.epoch,
            n: self.n,
            pn: self.pn,
            acks: draft.acks,
            prev: draft.prev,
            // CEL-07.
            dh: self.public.dh.as_bytes(),
            ek: self.public.ek.as_bytes(),
            ct: self.ct.as_bytes(),
        }
        .write();
        let nonce = message.header_nonce(hedge, &header, draft.body);
        let sealed = self.header.seal(&nonce, &header_aad(draft.id, self.epoch), &header);
        let Some(sealed) = sealed.first_chunk::<SEALED_HEADER_LEN>() else { unreachable!("2,400 and 40") };
        let body = message.seal_body(&nonce, &body_aad(draft.id, self.epoch, sealed), draft.body);
        let mut cell = Cell::zeroed();
        let (front, back) = cell.as_mut_bytes().split_at_mut(SEALED_HEADER_LEN);
        front.copy_from_slice(sealed);
        back.copy_from_slice(&body);
        // RAT-12.
        self.chain = chain;
        // Bounded by the session's numbers, which were checked.
        self.n = self.n.saturating_add(1);
        (cell, cell_hash(sealed))
    }
}
