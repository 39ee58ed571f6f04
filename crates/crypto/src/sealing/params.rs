//! [`KdfParams`]: what a guess of the passphrase costs.
//!
//! Spec: docs/spec/at-rest.md, "Argon2id"; RFC 9106. Invariant: parameters that exist are within floor and cap.

/// Cost of Argon2id version 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Parameters outside the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the passphrase parameters are outside their limits")]
pub struct KdfParamsError;

impl KdfParams {
    /// The least: 19 MiB, 2 passes, 1 lane. Below it a graphics card guesses too fast; tests use it.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// What a new store uses: 128 MiB, 3 passes, 1 lane; about half a second on a small machine.
    pub const DEFAULT: Self = Self { memory_kib: 128 * 1024, passes: 3, lanes: 1 };
    /// The most: 1 GiB, 16 passes, 4 lanes. Above it an altered header could hang or kill the client.
    pub const CAP: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 4 };

    /// Parameters within floor and cap.
    ///
    /// # Errors
    /// [`KdfParamsError`] outside.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, KdfParamsError> {
        let (floor, cap) = (Self::FLOOR, Self::CAP);
        // AR-08.
        let within = (floor.memory_kib..=cap.memory_kib).contains(&memory_kib)
            && (floor.passes..=cap.passes).contains(&passes)
            && (floor.lanes..=cap.lanes).contains(&lanes);
        if within { Ok(Self { memory_kib, passes, lanes }) } else { Err(KdfParamsError) }
    }

    /// Memory, in KiB.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}
