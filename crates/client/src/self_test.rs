//! [`self_test`]: everything that a client computes with, tried before a key is touched.
//!
//! Spec: docs/security/vectors.md. Invariant: a program that calls it first and ends on an error uses no wrong primitive.

/// A primitive gives a wrong answer on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the self-test of {primitive} failed: subrosa computes wrongly on this computer, and so does nothing at all; install \
     it again, and if that does not help, have the computer's memory tested"
)]
pub struct SelfTestError {
    /// Which one.
    pub primitive: &'static str,
}

impl From<subrosa_crypto::SelfTestError> for SelfTestError {
    fn from(why: subrosa_crypto::SelfTestError) -> Self {
        Self { primitive: why.primitive }
    }
}

impl From<subrosa_wire::SelfTestError> for SelfTestError {
    fn from(_: subrosa_wire::SelfTestError) -> Self {
        Self { primitive: "SHA-256" }
    }
}

/// Known answers of every primitive; about a millisecond in a release build.
///
/// # Errors
/// [`SelfTestError`] at the first wrong answer: end the program.
pub fn self_test() -> Result<(), SelfTestError> {
    subrosa_crypto::self_test()?;
    Ok(subrosa_wire::self_test()?)
}
