//! [`Oracle`]: knows what each device ever sealed, and under which keys and nonces.
//!
//! Spec: docs/spec/ratchet.md, "Sealing", "Stored state". Invariant: two different cells are never sealed under one (key,
//! nonce), neither their headers nor their bodies, whoever was rolled back or copied and however stuck his randomness is.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use subrosa_codec::Cell;
use subrosa_crypto::{Sealed, SessionId};

use super::line::{Kind, Print};
use super::{Fault, must};

/// Where the sending chain stands in a stored state that has just sealed (docs/spec/ratchet.md, "Stored state"): behind
/// `8 | id 32 | root 32 | two header keys 64`, then `epoch 4 | n 4 | pn 4`.
const CHAIN_KEY: usize = 8 + 4 * 32 + 12;
const HEADER_KEY: usize = CHAIN_KEY + 32;

/// A content, as it was handed to be sealed.
type Content = Vec<u8>;

#[derive(Default)]
pub(super) struct Oracle {
    /// What lies in which cell: who sealed it, in which session, under which number.
    sealed: BTreeMap<Print, (usize, SessionId, u32, Content)>,
    /// The cell that each (key, nonce) sealed.
    used: BTreeMap<Vec<u8>, Print>,
    /// Sessions in which a copy or an old state has spoken, or an end is older than what it sent.
    pub(super) forked: BTreeSet<SessionId>,
}

/// Names a cell.
pub(super) fn print(cell: &Cell) -> Print {
    Sha256::digest(cell.as_bytes()).into()
}

impl Oracle {
    /// Takes down a cell of the ratchet, and looks at what it was sealed under.
    pub(super) fn sealed(&mut self, who: usize, sealed: &Sealed, content: &[u8]) -> Result<(), Fault> {
        let (print, sid) = (print(&sealed.cell), sealed.next.id());
        let state = sealed.next.write();
        let nonce = &sealed.cell.as_bytes()[..24];
        // The chain key after the seal stands for the message key: both come from one expansion, and the body's key
        // and nonce from the message key and the header's nonce.
        for key in [&state[HEADER_KEY..HEADER_KEY + 32], &state[CHAIN_KEY..CHAIN_KEY + 32]] {
            self.once(key, nonce, print)?;
        }
        self.sealed.insert(print, (who, sid, sealed.seq, content.to_vec()));
        Ok(())
    }

    /// A cell whose nonce stands in front, under a key that `key` names.
    pub(super) fn once(&mut self, key: &[u8], nonce: &[u8], print: Print) -> Result<(), Fault> {
        let before = self.used.insert([key, nonce].concat(), print);
        must!(before.is_none_or(|before| before == print), "a (key, nonce) sealed two different cells");
        Ok(())
    }

    /// Whether this is what `who` sealed in that cell.
    pub(super) fn check(
        &self,
        print: Print,
        (who, sid, seq): (usize, SessionId, u32),
        content: &[u8],
    ) -> Result<(), Fault> {
        let Some((from, in_sid, in_seq, sealed)) = self.sealed.get(&print) else {
            return Err("opened what nobody sealed".into());
        };
        must!(*from == who && *in_sid == sid, "opened as another's cell");
        // A state that was rolled back together with its randomness may begin the same epoch after fewer cells: then the
        // receiver counts from where the first one began it.
        must!(*in_seq == seq || self.forked.contains(&sid), "opened under another number");
        must!(sealed == content, "another content than was sealed");
        Ok(())
    }

    /// Whether a copy or an old state has spoken there.
    pub(super) fn is_forked(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Ratchet { sid, .. } if self.forked.contains(&sid))
    }
}
