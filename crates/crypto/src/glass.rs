//! Locks of glass, for tests and fuzzing only: seals that show what is in them and open for whoever says so.
//!
//! Spec: docs/spec/README.md, "Notation" (the AEAD that this stands in for). Invariant: this file is part of no build
//! but `cfg(test)` of this crate and `cfg(fuzzing)`; the latter does not compile without debug assertions, nor does the
//! messenger's client compile with it, so no program that talks to anybody can hold it.
//!
//! A fuzzer that has to guess a tag of 16 bytes never sees what lies behind it. Within [`through`], a seal is the text
//! itself and a tag whose first byte is the sum of the key's bytes; a seal opens under every key with that sum, whatever
//! its nonce, associated data and the rest of its tag say. So mutated bytes reach the parsers, the trial of several
//! keys still finds one, and cells of a session under glass can be read in a corpus. Signatures and the commitment of a
//! link hold for everything, too. Key agreement, encapsulation and key schedule stay what they are.

use core::cell::Cell;

use chacha20poly1305::aead::common::KeySizeUser;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadCore, AeadInOut, Error, Key, KeyInit, Nonce, Result, Tag, TagPosition};

std::thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body` with all locks of this thread made of glass.
pub fn through<T>(body: impl FnOnce() -> T) -> T {
    let before = ON.replace(true);
    let result = body();
    ON.set(before);
    result
}

/// Whether this thread's locks are of glass.
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// An AEAD that is `C` unless its thread looks [`through`] it.
pub(crate) struct Glass<C> {
    lock: C,
    /// Sum of the key's bytes.
    mark: u8,
}

/// ChaCha20-Poly1305, or glass.
pub(crate) type ChaCha20Poly1305 = Glass<chacha20poly1305::ChaCha20Poly1305>;
/// XChaCha20-Poly1305, or glass.
pub(crate) type XChaCha20Poly1305 = Glass<chacha20poly1305::XChaCha20Poly1305>;

impl<C: KeySizeUser> KeySizeUser for Glass<C> {
    type KeySize = C::KeySize;
}

impl<C: KeyInit> KeyInit for Glass<C> {
    fn new(key: &Key<Self>) -> Self {
        Self { lock: C::new(key), mark: key.iter().fold(0, |sum, byte| sum.wrapping_add(*byte)) }
    }
}

impl<C: AeadCore> AeadCore for Glass<C> {
    type NonceSize = C::NonceSize;
    type TagSize = C::TagSize;
    const TAG_POSITION: TagPosition = C::TAG_POSITION;
}

impl<C: AeadInOut> AeadInOut for Glass<C> {
    fn encrypt_inout_detached(
        &self,
        nonce: &Nonce<Self>,
        aad: &[u8],
        mut text: InOutBuf<'_, '_, u8>,
    ) -> Result<Tag<Self>> {
        if !is_on() {
            return self.lock.encrypt_inout_detached(nonce, aad, text);
        }
        let plain = text.get_in().to_vec();
        text.get_out().copy_from_slice(&plain);
        let mut tag = Tag::<Self>::default();
        if let Some(first) = tag.first_mut() {
            *first = self.mark;
        }
        Ok(tag)
    }

    fn decrypt_inout_detached(
        &self,
        nonce: &Nonce<Self>,
        aad: &[u8],
        mut text: InOutBuf<'_, '_, u8>,
        tag: &Tag<Self>,
    ) -> Result<()> {
        if !is_on() {
            return self.lock.decrypt_inout_detached(nonce, aad, text, tag);
        }
        if tag.first() != Some(&self.mark) {
            return Err(Error);
        }
        let plain = text.get_in().to_vec();
        text.get_out().copy_from_slice(&plain);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
