//! [`Session`]: an open profile for the length of one command, its relay running where it hosts one.
//!
//! Spec: docs/guide/chat.md, "The command line". Invariant: a wait ends by its time limit.

use std::future::Future;
use std::time::Duration;

use subrosa_client::{
    Answer, Chat, Client, Command, ContactId, Done, Notice, Notices, Options, Query, RelayState, Standing,
};
use tokio::time::{Instant, timeout, timeout_at};

use super::args::Key;
use super::exit::{Exit, Fail};
use super::profile::Place;
#[cfg(feature = "host")]
use crate::hosting::Hosted;

/// With nothing told for this long, everything that lay at the relay has come.
const QUIET: Duration = Duration::from_millis(300);

/// A client, what it tells, and the relay that this process runs for it.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) client: Client,
    pub(crate) notices: Notices,
    #[cfg(feature = "host")]
    pub(crate) hosted: Option<Hosted>,
}

/// The relay that a profile hosts, if it does.
#[cfg(feature = "host")]
pub(crate) type Own = Option<Hosted>;
/// This program can't host one.
#[cfg(not(feature = "host"))]
pub(crate) type Own = Option<std::convert::Infallible>;

/// Starts the relay that the profile at `place` hosts, if it does.
pub(crate) fn own_relay(place: &Place) -> Result<Own, Fail> {
    #[cfg(feature = "host")]
    return crate::hosting::start(place);
    #[cfg(not(feature = "host"))]
    {
        let _ = place;
        Ok(None)
    }
}

/// Opens the profile at `place`, its own relay first.
pub(crate) fn start(place: &Place, unlock: subrosa_client::Unlock) -> Result<Started, Fail> {
    open(place, own_relay(place)?, unlock)
}

/// Opens the profile at `place` beside its own relay.
pub(crate) fn open(place: &Place, own: Own, unlock: subrosa_client::Unlock) -> Result<Started, Fail> {
    let mut options = Options::new(&place.folder);
    #[cfg(feature = "host")]
    let hosted = own;
    #[cfg(feature = "host")]
    options.dial.extend(hosted.as_ref().map(Hosted::dial));
    #[cfg(not(feature = "host"))]
    let _ = (own, &mut options);
    let (client, notices) = subrosa_client::open(options, unlock)?;
    Ok(Started {
        client,
        notices,
        #[cfg(feature = "host")]
        hosted,
    })
}

/// An open profile.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) place: Place,
    #[cfg(feature = "host")]
    hosted: Option<Hosted>,
}

impl Session {
    pub(crate) fn open(place: &Place, key: &Key) -> Result<Self, Fail> {
        let unlock = key.unlock(&place.folder)?;
        Ok(Self::of(start(place, unlock)?, place))
    }

    /// A profile that was started.
    pub(crate) fn of(started: Started, place: &Place) -> Self {
        Self {
            client: started.client,
            place: place.clone(),
            #[cfg(feature = "host")]
            hosted: started.hosted,
        }
    }

    /// From where the profile's own relay can be reached, if it hosts one.
    #[cfg(feature = "host")]
    pub(crate) fn reach(&self) -> Option<&'static str> {
        self.hosted.as_ref().map(Hosted::reach)
    }

    /// Writes everything back; the relay last, which may still take what the client says.
    pub(crate) async fn close(self) {
        self.client.close().await;
        #[cfg(feature = "host")]
        if let Some(hosted) = self.hosted {
            hosted.stop();
        }
    }

    pub(crate) async fn ask(&self, query: Query) -> Result<Answer, Fail> {
        Ok(self.client.query(query).await?)
    }

    pub(crate) async fn tell(&self, command: Command) -> Result<Done, Fail> {
        Ok(self.client.command(command).await?)
    }

    pub(crate) async fn chats(&self) -> Result<Vec<Chat>, Fail> {
        match self.ask(Query::Chats).await? {
            Answer::Chats(chats) => Ok(chats),
            _ => Ok(Vec::new()),
        }
    }

    /// The one chat that `who` means: its number, its name, or the beginning of only one name.
    pub(crate) async fn find(&self, who: &str, wanted: impl Fn(&Chat) -> bool) -> Result<Chat, Fail> {
        let chats: Vec<Chat> = self.chats().await?.into_iter().filter(wanted).collect();
        pick(chats, who)
    }

    /// A contact, not a request.
    pub(crate) async fn contact(&self, who: &str) -> Result<Chat, Fail> {
        self.find(who, |chat| !is_request(chat)).await
    }

    /// Waits, at most until `deadline`, until nothing is left to do and nothing more is told: what lay at the relays is here.
    pub(crate) async fn settle(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        let mut notices = self.client.notices();
        // An unreachable relay keeps the client busy: the deadline ends it.
        while timeout_at(deadline, self.client.idle()).await.is_ok() {
            let now = Instant::now();
            if now >= deadline || timeout(QUIET.min(deadline - now), notices.next()).await.is_err() {
                return;
            }
        }
    }

    /// Asks `done` again after each notice, at most for `wait`; `None` when the time is over.
    pub(crate) async fn until<T, F>(
        &self,
        wait: Duration,
        mut done: impl FnMut() -> F,
    ) -> Result<Option<T>, Fail>
    where
        F: Future<Output = Result<Option<T>, Fail>>,
    {
        let mut notices = self.client.notices();
        let deadline = Instant::now() + wait;
        loop {
            if let Some(found) = done().await? {
                return Ok(Some(found));
            }
            match timeout_at(deadline, notices.next()).await {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }

    /// The sentence of a relay that keeps the profile waiting, if one does.
    pub(crate) fn trouble(&self) -> Option<Fail> {
        let relays = self.client.relays();
        let silent = relays.iter().find(|(_, state)| *state == RelayState::Connecting).map(|(name, _)| {
            let why = format!("the relay {name} can't be reached (no answer yet): tried again by itself");
            Fail::new(Exit::Waiting, why)
        });
        let refused = relays.into_iter().find_map(|(name, state)| match state {
            RelayState::WrongKey => Some(Fail::new(
                Exit::Relay,
                format!("the relay {name} is not the pinned one: nothing was said to it. Ask its operator"),
            )),
            RelayState::Offline(why) => Some(Fail::new(
                Exit::Waiting,
                format!("the relay {name} can't be reached ({why}): tried again by itself"),
            )),
            _ => None,
        });
        refused.or(silent)
    }
}

/// Whether it waits for accept or reject.
pub(crate) const fn is_request(chat: &Chat) -> bool {
    matches!(chat.standing, Standing::Request | Standing::KnownAgain)
}

fn pick(chats: Vec<Chat>, who: &str) -> Result<Chat, Fail> {
    if let Some(chat) = who.parse().ok().and_then(|id| chats.iter().find(|chat| chat.id == ContactId(id))) {
        return Ok(chat.clone());
    }
    let wanted = who.to_lowercase();
    let exact: Vec<&Chat> = chats.iter().filter(|chat| chat.name.to_lowercase() == wanted).collect();
    let begins = chats.iter().filter(|chat| chat.name.to_lowercase().starts_with(&wanted));
    let found = if exact.is_empty() { begins.collect() } else { exact };
    match found.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(Fail::new(
            Exit::NotFound,
            format!("nobody here is called {who:?}: `subrosa contacts` lists them"),
        )),
        _ => Err(Fail::new(
            Exit::NotFound,
            format!("{who:?} could be more than one: use the number from `subrosa contacts`"),
        )),
    }
}

/// Waits for a notice that `pick` takes.
pub(crate) async fn heard<T>(
    notices: &mut Notices,
    wait: Duration,
    mut pick: impl FnMut(Notice) -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + wait;
    while let Ok(Some(notice)) = timeout_at(deadline, notices.next()).await {
        if let Some(found) = pick(notice) {
            return Some(found);
        }
    }
    None
}
