//! What a screen says to a client and hears from it: [`Command`], [`Query`] and [`Notice`], plain data.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: no key, capability or socket can be named here, so a
//! screen (or, later, another process) can neither hold nor leak one. The one secret that passes is an invite's link.

use alloc::string::String;
use alloc::vec::Vec;

use subrosa_codec::Millis;

/// A contact, and the chat with them. Local to one vault, never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId(pub i64);

/// An invite of ours, or a link of someone else's that we are taking. Local to one vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteId(pub i64);

/// A message: 16 random bytes, unique per contact and author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

/// Where a message stands in its chat: greater is later. Never reused, stable once shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

/// What a person asks the client to do. Each is one transaction; what it starts goes on after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// My name as invites will carry it, at most 64 bytes of UTF-8 after sanitising.
    SetName(String),
    /// The relay where my new queues and invites live, as `subrosa://host:port/r#…`.
    UseRelay(String),
    /// A new invite at my relay. Answers [`Done::Invite`]; its link is in [`Query::Invites`] at once.
    Invite {
        /// `false`: one person, burns when taken. `true`: an address that anyone with the link may ask at.
        reusable: bool,
    },
    /// Takes an invite back: its bundle is deleted at the relay and its prekey erased here.
    Revoke(InviteId),
    /// Joins by a link. Answers [`Done::Joining`]; [`Notice::Joined`] or [`Notice::JoinFailed`] follows.
    Join {
        /// The link as pasted; white space around it is ignored.
        link: String,
        /// Shown to the owner of an address beside the request, at most 80 bytes; empty for none.
        greeting: String,
        /// The person was asked and wants to join although the inviter is a contact already.
        again: bool,
    },
    /// Lets a request in: it becomes a contact.
    Accept(ContactId),
    /// Turns a request away and erases its session; the other side learns nothing.
    Reject(ContactId),
    /// Queues a text. Answers [`Done::Queued`] once it is on disk.
    Send {
        /// The chat it belongs to.
        to: ContactId,
        /// UTF-8, at most [`TEXT_MAX`] bytes.
        text: String,
        /// The message of this chat that it answers.
        reply: Option<MessageId>,
    },
    /// Tries a failed message again.
    Retry {
        /// The chat.
        chat: ContactId,
        /// The failed message.
        message: MessageId,
    },
    /// Keeps what stands in the composer of a chat; empty erases it.
    Draft {
        /// The chat.
        chat: ContactId,
        /// The composer's text.
        text: String,
    },
    /// Everything up to and including `upto` was on the screen of a focused terminal.
    Seen {
        /// The chat.
        chat: ContactId,
        /// The last position shown.
        upto: Position,
    },
    /// The person compared the safety number (or takes that back).
    Verify {
        /// The contact.
        contact: ContactId,
        /// Whether it matched.
        verified: bool,
    },
    /// My own name for a contact.
    Rename {
        /// The contact.
        contact: ContactId,
        /// The new name.
        name: String,
    },
    /// The person read an alarm of this contact and chose to go on sending. Not possible after an own rollback.
    Unlatch(ContactId),
    /// Starts a visible recovery of a session that is out of step, forked or rolled back.
    Recover(ContactId),
    /// Whether delivered and read receipts are sent.
    Receipts(bool),
    /// Erases a contact: messages, session, queues at the relay. The other side is told `close`.
    Forget(ContactId),
    /// Comes back to every contact that was restored from a backup, as far as that has not begun.
    Reestablish,
    /// A backup is on the disk: asks every contact for a fresh recovery key, which only the next one will hold.
    BackedUp,
}

/// Longest text of one message, in bytes: 60 cells' worth.
pub const TEXT_MAX: usize = 96_000;

/// What a [`Command`] did, on disk by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Done {
    /// Nothing more to say.
    Done,
    /// The invite was made; it is usable once [`InviteState::Ready`].
    Invite(InviteId),
    /// The link is being taken.
    Joining(InviteId),
    /// The message is in the outbox.
    Queued(MessageId),
}

/// Why a [`Command`] was not done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No contact, request, invite or message of that id.
    #[error("there is no such {0} any more")]
    Missing(&'static str),
    /// The text, name or greeting is too long.
    #[error("that is too long: {len} bytes, at most {max} are possible")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Nothing to send.
    #[error("there is nothing in it to send")]
    Empty,
    /// No relay of my own yet.
    #[error(
        "you have no relay yet: choose where your friends reach you by /relay ADDRESS on the screen, or when you make a \
         profile (subrosa init --relay ADDRESS, or --host)"
    )]
    NoRelay,
    /// The relay address can't be used; the sentence says why.
    #[error("{0}")]
    Address(String),
    /// The link can't be used; the sentence says why and what to do.
    #[error("{0}")]
    Link(String),
    /// The inviter is a contact already.
    #[error("you already have this contact as {name}: join again only if they asked you to")]
    Known {
        /// Their name here.
        name: String,
    },
    /// The chat's alarm blocks sending until the person chose.
    #[error("sending is stopped: {0}")]
    Alarmed(AlarmKind),
    /// The request was not accepted yet.
    #[error("accept the request before you write")]
    NotAccepted,
    /// The contact closed the chat, or never answered.
    #[error("this chat is closed: ask for a new invite")]
    Closed,
    /// A recovery needs a recovery key of the contact, which never arrived.
    #[error("this chat can't be recovered: ask for a new invite")]
    NoRecoveryKey,
}

/// A question about what the vault holds. Reading changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// [`Answer::Me`].
    Me,
    /// [`Answer::Chats`]: contacts, newest activity first, then requests.
    Chats,
    /// [`Answer::Chat`].
    Chat(ContactId),
    /// [`Answer::Messages`]: at most `limit` messages, oldest first.
    Messages {
        /// The chat.
        chat: ContactId,
        /// Only those before this position (for paging up); `None` for the newest.
        before: Option<Position>,
        /// At most this many.
        limit: u32,
    },
    /// [`Answer::Invites`]: mine that still can be taken, and links being taken.
    Invites,
    /// [`Answer::Safety`].
    Safety(ContactId),
    /// [`Answer::Draft`].
    Draft(ContactId),
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Who I am.
    Me(Me),
    /// The chat list.
    Chats(Vec<Chat>),
    /// One chat.
    Chat(Chat),
    /// A window of messages, oldest first.
    Messages(Vec<Message>),
    /// Invites.
    Invites(Vec<Invite>),
    /// A safety number.
    Safety(Safety),
    /// The composer's text of a chat.
    Draft(String),
    /// Nothing of that id.
    Missing,
}

/// Who I am here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// My name as invites carry it.
    pub name: String,
    /// First 8 bytes of my identity's fingerprint, in hex: for people, not for machines.
    pub short: String,
    /// My relay's address, when I have one.
    pub relay: Option<String>,
    /// Whether receipts are sent.
    pub receipts: bool,
}

/// A line of the chat list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The contact.
    pub id: ContactId,
    /// The name to show, sanitised: mine for them, else their own claim.
    pub name: String,
    /// What they are to me.
    pub standing: Standing,
    /// Whether the safety number was compared.
    pub verified: bool,
    /// How far the session is authenticated.
    pub level: Level,
    /// An alarm that nobody has dismissed.
    pub alarm: Option<AlarmKind>,
    /// Messages of theirs after the marker.
    pub unread: u32,
    /// The marker: the last position that was seen.
    pub seen: Option<Position>,
    /// Whether the composer holds a draft.
    pub draft: bool,
    /// The newest message, its first words, sanitised, one line.
    pub last: Option<(Millis, String)>,
    /// The greeting of a request.
    pub greeting: Option<String>,
}

/// What a contact is to me.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Standing {
    /// Someone asked at my address and waits for accept or reject.
    Request,
    /// A known identity came with another handshake and waits for accept or reject.
    KnownAgain,
    /// I joined; they have not answered yet ("not yet confirmed").
    Pending,
    /// We can write to each other.
    Contact,
    /// They closed the chat, or never answered within the prekey's retention.
    Closed,
    /// Out of a backup: they are being told, and nothing is confirmed until they answer.
    Restored,
}

/// How far a session is authenticated; docs/spec/handshake.md, "Levels".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing heard yet.
    Unconfirmed,
    /// Authenticated against today's attackers (or, for the joiner, the inviter against tomorrow's too).
    Classical,
    /// Both sides authenticated, against quantum attackers too.
    Mutual,
}

/// Why a chat is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AlarmKind {
    /// Two devices speak with this contact's keys: a copy of their (or my) data is in use.
    #[error("a second copy of this contact's keys is in use (a clone, or an old copy that was put back)")]
    Fork,
    /// My own data is older than what the contact has seen of it.
    #[error(
        "this profile is older than what your contact has already seen: an old copy of your data was put back"
    )]
    OwnRollback,
    /// Several cells that nobody can open: not latched, sending goes on.
    #[error("several cells of this chat could not be opened: compare with your contact, or recover the chat")]
    OutOfStep,
    /// A verified contact came back through a recovery.
    #[error("this contact restored from a backup: compare the safety number again")]
    Recovered,
}

/// One row of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the chat.
    pub position: Position,
    /// Its id.
    pub id: MessageId,
    /// Whether I wrote it.
    pub mine: bool,
    /// When it was written (mine) or received (theirs), on this machine's clock.
    pub at: Millis,
    /// What it is.
    pub body: Body,
    /// Whether it is theirs and was not seen yet, wherever it stands: what fills an old gap lies before the marker.
    pub unread: bool,
    /// The message that it answers: id and first words, one sanitised line.
    pub reply: Option<(MessageId, String)>,
    /// How far mine has come; `None` for theirs.
    pub state: Option<SendState>,
}

/// What a row of a conversation says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// A text, sanitised (it may hold line breaks).
    Text(String),
    /// A kind that this version does not know: "needs a newer version".
    Newer,
    /// Cells are missing here: `from..=to` messages of theirs were not received (yet).
    Gap {
        /// How many cells are missing.
        cells: u32,
    },
    /// Cells that will never come.
    Lost {
        /// How many cells.
        cells: u32,
    },
    /// Something that happened to the chat, in one sentence.
    Event(String),
}

/// How far a message of mine has come. States only move forward, but for a retry after [`SendState::Failed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SendState {
    /// ◌ On this disk, not yet at the relay.
    Queued,
    /// ○ At the relay's disk.
    Sent,
    /// ○ At the relay for 24 h, and the contact has not acknowledged it.
    Unseen,
    /// ✓ On the contact's disk, by their receipt.
    Delivered,
    /// ✓✓ On the contact's screen, by their receipt.
    Read,
    /// ! Not sent, and not tried again by itself.
    Failed(FailReason),
}

/// Why a message failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FailReason {
    /// The chat's queue is gone at the relay for longer than its retention.
    #[error("the contact's queue is gone: ask for a new invite")]
    QueueGone,
    /// The session ended before it was sealed.
    #[error("the chat was closed before it could be sent")]
    Closed,
}

/// An invite of mine, or a link being taken.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// Its id.
    pub id: InviteId,
    /// The link, for mine: a secret until it is used.
    pub link: Option<String>,
    /// Whether anyone may ask at it.
    pub reusable: bool,
    /// Whether it is mine, or a link that I am taking.
    pub mine: bool,
    /// How far it is.
    pub state: InviteState,
    /// When it stops to work.
    pub expires: Millis,
}

impl core::fmt::Debug for Invite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { id, link: _, reusable, mine, state, expires } = self;
        f.debug_struct("Invite")
            .field("id", id)
            .field("link", &"..")
            .field("reusable", reusable)
            .field("mine", mine)
            .field("state", state)
            .field("expires", expires)
            .finish()
    }
}

/// How far an invite is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InviteState {
    /// On the way to the relay.
    Storing,
    /// Can be taken.
    Ready,
    /// The relay says that someone fetched it (the relay's word, not evidence).
    Opened,
    /// A handshake came in by it.
    Used,
    /// Past its day.
    Expired,
    /// A link of someone else's, being fetched.
    Taking,
    /// A link of someone else's that did not work.
    Failed(JoinFailure),
}

/// Why a link did not lead to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum JoinFailure {
    /// Another claim took it.
    #[error("this invite was already used: ask for a new one, and tell them that someone else took it")]
    Used,
    /// The relay has none: expired or revoked.
    #[error("this invite is gone (expired or taken back): ask for a new one")]
    Gone,
    /// The bundle is not what the link promises: the relay lies, or the link is not genuine.
    #[error(
        "this invite is not genuine: what the relay keeps does not match the link. Do not trust this relay; ask for a new invite another way"
    )]
    NotGenuine,
    /// Past its day on this machine's clock.
    #[error(
        "this invite has expired (or this machine's clock is wrong): check the clock, or ask for a new one"
    )]
    Expired,
    /// Made by a newer subrosa.
    #[error("this invite needs a newer version of subrosa: please update")]
    NewerVersion,
    /// It is my own.
    #[error("this is your own invite: send it to someone else")]
    Own,
    /// The inviter is a contact already, and the person was not asked.
    #[error("you already have this contact: join again only if they asked you to")]
    Known,
}

/// A safety number to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safety {
    /// 12 groups of 5 digits.
    pub groups: [u32; 12],
    /// What the QR code holds.
    pub qr: String,
    /// Whether it was compared.
    pub verified: bool,
}

/// What the client tells the screen. Only ever a hint: whoever misses one asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The chat list changed (names, unread, order, requests).
    Chats,
    /// Messages or states of this chat changed.
    Chat(ContactId),
    /// Invites changed.
    Invites,
    /// A message of theirs arrived in this chat.
    Arrived(ContactId),
    /// Someone asks at my address, or a known identity came again.
    Request(ContactId),
    /// A link led to a contact.
    Joined {
        /// The link.
        invite: InviteId,
        /// The contact.
        contact: ContactId,
    },
    /// A link did not.
    JoinFailed {
        /// The link.
        invite: InviteId,
        /// Why.
        why: JoinFailure,
    },
    /// A chat's alarm; sending stops until the person chose (but see [`AlarmKind::OutOfStep`]).
    Alarm {
        /// The chat.
        contact: ContactId,
        /// Why.
        kind: AlarmKind,
    },
    /// A second joiner tried a one-time invite.
    SomeoneElseTried(InviteId),
    /// A relay came or went.
    Relay {
        /// Its `host:port`.
        name: String,
        /// How it stands.
        state: RelayState,
    },
    /// Something went wrong that the person should know, in one sentence with the remedy.
    Trouble(String),
    /// Notices were missed: ask everything again.
    Lagged,
}

/// How a relay stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayState {
    /// Being reached.
    Connecting,
    /// In use.
    Online,
    /// Not reachable; tried again by itself. The sentence says why.
    Offline(String),
    /// Its key is not the pinned one: never spoken to.
    WrongKey,
}
