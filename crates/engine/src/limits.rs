//! The times and numbers of the client, each with its reason.
//!
//! Spec: docs/spec/README.md, "Limits". Invariant: whatever waits, waits for one of these.

use subrosa_codec::Millis;

/// How long a relay keeps a cell.
pub(crate) const RETENTION: Millis = Millis::DAY.times(30);

/// How long a bundle may be taken: what [`subrosa_crypto::BUNDLE_DAYS`] allows a joiner to accept.
pub(crate) const INVITE_DAYS: u32 = 14;

/// How long after it was sent a handshake can still be answered: the bundle's days, and the relay's retention.
pub(crate) const NO_ANSWER: Millis = Millis::DAY.times(14 + 30);

/// An address gets a fresh prekey this often: half of a bundle's days, so that one always is valid.
pub(crate) const RENEW: Millis = Millis::DAY.times(7);

/// Read capabilities are replaced, and leases renewed, this often.
pub(crate) const ROTATE: Millis = Millis::DAY.times(7);

/// The automatic `confirm` is delayed at random up to this, so that it does not mark the moment of a first contact.
pub(crate) const CONFIRM_JITTER: Millis = Millis::MINUTE;

/// The same in a session that began with a recovery, in which texts wait for it.
pub(crate) const RECONFIRM_JITTER: Millis = Millis::SECOND.times(5);

/// A recovery that nobody answered for so long, although the other side's relay has it, is told to the person.
pub(crate) const NO_RECOVERY: Millis = Millis::DAY.times(7);

/// Receipts wait at least this, and at most [`RECEIPT_LATEST`] (A22).
pub(crate) const RECEIPT_EARLIEST: Millis = Millis::SECOND;

/// See [`RECEIPT_EARLIEST`].
pub(crate) const RECEIPT_LATEST: Millis = Millis::SECOND.times(5);

/// A heartbeat is due this long after the first unanswered cell, and up to [`BEAT_JITTER`] later.
pub(crate) const BEAT_AFTER: Millis = Millis::DAY;

/// See [`BEAT_AFTER`].
pub(crate) const BEAT_JITTER: Millis = Millis::HOUR.times(6);

/// So many unanswered cells make a heartbeat due at once.
pub(crate) const BEAT_COUNT: u32 = 50;

/// What they send again asks for a heartbeat when my last cell is so old: it never arrived. Long enough that a relay
/// which repeats cells on purpose learns and costs next to nothing (A36).
pub(crate) const OWED: Millis = Millis::DAY.times(7);

/// A cell that the peer misses for so long, although it has later ones, is appended again; twice as long later for the
/// second time, and so on up to [`RETENTION`].
pub(crate) const STUCK: Millis = Millis::DAY;

/// How often cells that lie at the relay are looked after.
pub(crate) const WATCH: Millis = Millis::HOUR;

/// Parts of a content that never became whole are erased after this: as long as skipped keys live.
pub(crate) const PARTS: Millis = Millis::DAY.times(90);

/// A new recovery key is given after this, when a text goes out anyway: two of them are 60 days.
pub(crate) const REKEY: Millis = Millis::DAY.times(30);

/// A recovery key is given beside the monthly ones, because of a backup on either side, when the last one is so old.
pub(crate) const REKEY_ASKED: Millis = Millis::DAY;

/// First wait after a refusal; doubled each time.
pub(crate) const BACKOFF_FIRST: Millis = Millis::SECOND.times(5);

/// Longest wait after a refusal.
pub(crate) const BACKOFF_LONGEST: Millis = Millis::HOUR;

/// How many requests may wait for the person: a flood at an address ends here.
pub(crate) const REQUESTS: usize = 256;

/// So many different cells that nobody can open raise [`crate::api::AlarmKind::OutOfStep`].
pub(crate) const STRANGE: usize = 3;

/// So many different bad bodies under one header give the cell up.
pub(crate) const BAD_BODIES: usize = 3;

/// Characters of a preview.
pub(crate) const PREVIEW: usize = 80;

/// Nothing is given up by age unless a relay's day agreed with mine at most so many days ago: a clock that leaps must
/// not end sessions.
pub(crate) const CLOCK_TRUST_DAYS: u32 = 8;
