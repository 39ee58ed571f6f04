//! [`Refusal`]: every way in which a relay says no, one byte on the wire and one sentence for a person.
//!
//! Spec: docs/spec/relay.md, "Refusals". Invariant: a wrong capability and a missing thing are the same refusal.

/// Why a relay did not do what it was asked; also the reason of a `GOAWAY`.
///
/// Each sentence says what happened and what to do. Its number on the wire is [`Refusal::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such queue, invite or blob, or the capability is not its own.
    #[error(
        "the relay has nothing under this capability: it expired, was closed or was never there; what you sent is kept and tried again"
    )]
    Missing,
    /// A one-time invite that another claim took.
    #[error("this invite was already used by someone else; ask for a new one")]
    Used,
    /// The queue holds as many cells as it may.
    #[error(
        "the other side has not fetched its messages for long, and its queue is full; yours is kept here and tried again"
    )]
    Full,
    /// The relay holds as many queues, invites, cells or blobs as its operator lets it.
    #[error("the relay has reached a limit that its operator set; try again later or use another relay")]
    QuotaExceeded,
    /// The relay serves only those it knows, and the admission is not one of them.
    #[error("this relay is private and did not accept your admission; ask its operator for one")]
    NotAdmitted,
    /// More unanswered requests, subscriptions or invites than one connection may have.
    #[error("too many requests at once on one connection; reconnect, and send fewer at a time")]
    TooMany,
    /// The relay has more to do than it can at the moment.
    #[error("the relay is busy; try again in a moment")]
    Busy,
    /// The relay can't store: its disk is full or failed. What it acknowledged before is not touched.
    #[error(
        "the relay cannot store anything new at the moment (its disk is full or failed); your message is kept and tried again"
    )]
    Storage,
    /// The peer's bytes were not a frame, or a frame that has no place here.
    #[error(
        "the two sides do not understand each other; one of them is damaged or of another version: update both"
    )]
    Malformed,
    /// The relay is about to stop or restart.
    #[error("the relay is restarting; this reconnects by itself in a moment")]
    Draining,
    /// The relay does not offer this.
    #[error("this relay does not offer that; use another relay, or ask its operator to update it")]
    Unsupported,
    /// A lifetime or a number of chunks above what the relay announced.
    #[error("that is longer than this relay keeps things; choose a shorter time or a smaller file")]
    TooLong,
    /// The connection was silent, or did not read what it asked for.
    #[error("the relay closed a connection that stood still; this reconnects by itself")]
    Idle,
    /// A code of a newer relay.
    #[error("the relay refused for a reason that this version does not know (code {0}); update subrosa")]
    Other(u8),
}

impl Refusal {
    /// Its number on the wire, 1..=255; 0 is success.
    #[must_use]
    pub const fn code(self) -> u8 {
        // REL-54.
        match self {
            Self::Missing => 1,
            Self::Used => 2,
            Self::Full => 3,
            Self::QuotaExceeded => 4,
            Self::NotAdmitted => 5,
            Self::TooMany => 6,
            Self::Busy => 7,
            Self::Storage => 8,
            Self::Malformed => 9,
            Self::Draining => 10,
            Self::Unsupported => 11,
            Self::TooLong => 12,
            Self::Idle => 13,
            Self::Other(code) => code,
        }
    }

    /// The refusal with this number; `None` for 0, which is success.
    #[must_use]
    pub const fn parse(code: u8) -> Option<Self> {
        Some(match code {
            0 => return None,
            1 => Self::Missing,
            2 => Self::Used,
            3 => Self::Full,
            4 => Self::QuotaExceeded,
            5 => Self::NotAdmitted,
            6 => Self::TooMany,
            7 => Self::Busy,
            8 => Self::Storage,
            9 => Self::Malformed,
            10 => Self::Draining,
            11 => Self::Unsupported,
            12 => Self::TooLong,
            13 => Self::Idle,
            other => Self::Other(other),
        })
    }

    /// Whether the same request may succeed later without anyone changing anything at this client.
    #[must_use]
    pub const fn passes(self) -> bool {
        match self {
            Self::Missing | Self::Full | Self::QuotaExceeded | Self::TooMany => true,
            Self::Busy | Self::Storage | Self::Draining | Self::Idle => true,
            Self::Used | Self::NotAdmitted | Self::Malformed | Self::Unsupported | Self::TooLong => false,
            Self::Other(_) => true,
        }
    }

    /// Whether it stays until somebody does something: a person should hear of it, even if the request is repeated.
    #[must_use]
    pub const fn lasts(self) -> bool {
        matches!(self, Self::Full | Self::QuotaExceeded | Self::Storage) || !self.passes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn each_code_but_zero_is_one_refusal_and_back() {
        // REL-54.
        assert_eq!(Refusal::parse(0), None);
        for code in 1..=255 {
            assert_eq!(Refusal::parse(code).map(Refusal::code), Some(code));
        }
    }

    #[test]
    fn what_can_never_succeed_lasts_and_what_passes_by_itself_in_moments_does_not() {
        for refusal in (1..=255).filter_map(Refusal::parse) {
            assert!(refusal.passes() || refusal.lasts(), "{refusal:?}");
        }
        for refusal in [Refusal::Missing, Refusal::Busy, Refusal::Draining, Refusal::TooMany, Refusal::Idle] {
            assert!(!refusal.lasts(), "{refusal:?}");
        }
        assert!([Refusal::Full, Refusal::QuotaExceeded, Refusal::Storage].into_iter().all(Refusal::lasts));
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        for code in 1..=14 {
            let sentence = Refusal::parse(code).unwrap().to_string();
            // What happened, then what to do or what is done; the caller puts the full stop.
            let (what, then) = sentence.split_once([';', ',']).expect("two halves");
            assert!(what.len() > 15 && then.len() > 10 && !then.ends_with('.'), "{sentence}");
        }
    }
}
