//! [`Hands`]: what a screen asks for, done by a client.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: questions are answered and commands are done in the order in which
//! they were given, and the screen never waits for either.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use subrosa_client::{
    Answer, Client, ClientError, Command, CommandError, Done, Notice, Notices, Options, Query, RelayAddress,
    RelayState, Unlock,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::cli::{Exit, Fail, Place, Started};
#[cfg(feature = "host")]
use crate::hosting::Hosted;
#[cfg(feature = "host")]
use crate::msg::Msg;
use crate::msg::{Failure, Home, Opened, Purpose, Slot, Start};

/// How long the last commands may take when the program ends.
const LAST: Duration = Duration::from_secs(5);
/// How often the relays are looked at when nothing is told.
const GLANCE: Duration = Duration::from_secs(10);

/// What the hands bring.
pub(crate) enum Heard {
    /// A question was answered.
    Answer(Slot, Result<Answer, ClientError>),
    /// A command was done or refused.
    Did(Purpose, Result<Done, ClientError>),
    /// The client tells something.
    Notice(Notice),
    /// Every relay in use and how it stands: no notice tells that one is not needed any more.
    Relays(Vec<(String, RelayState)>),
    /// Something for the screen, from the program itself: how the demo begins.
    #[cfg(feature = "host")]
    Say(Msg),
    /// The profile is open, or is not.
    Ready(Result<Box<Ready>, Fail>),
}

/// An open profile.
pub(crate) struct Ready {
    /// The client, what it tells, and the relay that runs for it.
    pub(crate) started: Started,
    /// Whether the profile was made just now.
    pub(crate) fresh: bool,
}

/// What an opened profile works with.
struct Open {
    client: Client,
    questions: UnboundedSender<(Slot, Query)>,
    commands: UnboundedSender<(Command, Purpose)>,
    doing: JoinHandle<()>,
    #[cfg(feature = "host")]
    hosted: Option<Hosted>,
}

/// What a screen asks for, done by a client.
pub(crate) struct Hands {
    index: usize,
    place: Option<Place>,
    mouth: UnboundedSender<(usize, Heard)>,
    open: Option<Open>,
    /// What the profile was made with in this run: another try opens it with the same.
    made: Arc<Mutex<Option<Made>>>,
}

/// What a profile was made with.
#[derive(Clone)]
struct Made {
    name: String,
    unlock: Unlock,
}

impl Hands {
    /// Hands for the screen at `index`; a profile at `place` can be made or opened by them.
    pub(crate) fn new(index: usize, place: Option<Place>, mouth: UnboundedSender<(usize, Heard)>) -> Self {
        Self { index, place, mouth, open: None, made: Arc::default() }
    }

    /// Asks; the answer comes as [`Heard::Answer`].
    pub(crate) fn ask(&self, slot: Slot, query: Query) {
        if let Some(open) = &self.open {
            // A receiver that is gone means that the program ends.
            let _ = open.questions.send((slot, query));
        }
    }

    /// Gives a command; its outcome comes as [`Heard::Did`].
    pub(crate) fn tell(&self, command: Command, purpose: Purpose) {
        if let Some(open) = &self.open {
            let _ = open.commands.send((command, purpose));
        }
    }

    /// Makes the profile and opens it.
    pub(crate) fn begin(&self, start: Start) {
        let Some(place) = self.place.clone() else { return };
        let made = Arc::clone(&self.made);
        self.work(move || begin(&place, &start, &made));
    }

    /// Opens the profile.
    pub(crate) fn unlock(&self, passphrase: Zeroizing<String>) {
        let Some(place) = self.place.clone() else { return };
        self.work(move || {
            let started = crate::cli::start(&place, Unlock::Passphrase(passphrase))?;
            Ok(Box::new(Ready { started, fresh: false }))
        });
    }

    /// Does something slow beside the screen.
    fn work(&self, work: impl FnOnce() -> Result<Box<Ready>, Fail> + Send + 'static) {
        let (index, mouth) = (self.index, self.mouth.clone());
        tokio::task::spawn_blocking(move || {
            let _ = mouth.send((index, Heard::Ready(work())));
        });
    }

    /// Takes an open profile over. Answers what the screen should know about it.
    pub(crate) fn take_over(&mut self, ready: Ready) -> Opened {
        let Ready { started, fresh } = ready;
        #[cfg(feature = "host")]
        let Started { client, notices, hosted } = started;
        #[cfg(not(feature = "host"))]
        let Started { client, notices } = started;
        let (questions, asked) = unbounded_channel();
        let (commands, told) = unbounded_channel();
        tokio::spawn(hear(self.index, client.clone(), notices, self.mouth.clone()));
        tokio::spawn(answer(self.index, client.clone(), asked, self.mouth.clone()));
        let doing = tokio::spawn(act(self.index, client.clone(), told, self.mouth.clone()));
        #[cfg(feature = "host")]
        let hosting =
            hosted.as_ref().map(|hosted| format!("This machine hosts your relay. {}", hosted.reach()));
        #[cfg(not(feature = "host"))]
        let hosting = None;
        let opened = Opened { relays: client.relays(), fresh, hosting };
        self.open = Some(Open {
            client,
            questions,
            commands,
            doing,
            #[cfg(feature = "host")]
            hosted,
        });
        opened
    }

    /// Does what was told last, then closes the profile; its relay, if it is ours, last.
    pub(crate) async fn close(self) {
        let Some(open) = self.open else { return };
        drop(open.commands);
        // A disk that hangs must not keep the program.
        let _ = timeout(LAST, open.doing).await;
        let _ = timeout(LAST, open.client.close()).await;
        #[cfg(feature = "host")]
        if let Some(hosted) = open.hosted {
            let _ = tokio::task::spawn_blocking(move || hosted.stop()).await;
        }
    }
}

async fn hear(index: usize, client: Client, mut notices: Notices, mouth: UnboundedSender<(usize, Heard)>) {
    let mut relays = client.relays();
    loop {
        if let Ok(notice) = timeout(GLANCE, notices.next()).await {
            let Some(notice) = notice else { return };
            if mouth.send((index, Heard::Notice(notice))).is_err() {
                return;
            }
        }
        let now = client.relays();
        if now != relays && mouth.send((index, Heard::Relays(now.clone()))).is_err() {
            return;
        }
        relays = now;
    }
}

async fn answer(
    index: usize,
    client: Client,
    mut asked: UnboundedReceiver<(Slot, Query)>,
    mouth: UnboundedSender<(usize, Heard)>,
) {
    while let Some((slot, query)) = asked.recv().await {
        let answer = client.query(query).await;
        if mouth.send((index, Heard::Answer(slot, answer))).is_err() {
            return;
        }
    }
}

async fn act(
    index: usize,
    client: Client,
    mut told: UnboundedReceiver<(Command, Purpose)>,
    mouth: UnboundedSender<(usize, Heard)>,
) {
    while let Some((command, purpose)) = told.recv().await {
        let outcome = client.command(command).await;
        // At the end of the program nobody listens any more; the commands are done all the same.
        let _ = mouth.send((index, Heard::Did(purpose, outcome)));
    }
}

impl From<ClientError> for Failure {
    fn from(why: ClientError) -> Self {
        match why {
            ClientError::Refused(CommandError::Known { name }) => Self::Known(name),
            why => Self::Said(why.to_string()),
        }
    }
}

/// Makes the profile that the first run asked for and opens it. A second try after a failure goes on where the first
/// one stopped.
fn begin(place: &Place, start: &Start, made: &Mutex<Option<Made>>) -> Result<Box<Ready>, Fail> {
    let address = match &start.home {
        Home::At(address) => Some(
            RelayAddress::parse(address).map_err(|why| Fail::new(Exit::Relay, why.to_string()))?.to_string(),
        ),
        Home::Here => None,
    };
    host(place, &start.home)?;
    let own = crate::cli::own_relay(place)?;
    let made = make(&place.folder, start, made)?;
    let started = crate::cli::open(place, own, made.unlock.clone())?;
    Handle::current().block_on(correct(&started.client, start, &made))?;
    #[cfg(feature = "host")]
    let hosted = started.hosted.as_ref().map(|hosted| hosted.address().to_string());
    #[cfg(not(feature = "host"))]
    let hosted: Option<String> = None;
    if let Some(address) = hosted.or(address) {
        Handle::current().block_on(started.client.command(Command::UseRelay(address)))?;
    }
    Ok(Box::new(Ready { started, fresh: true }))
}

/// What opens the profile that `start` asks for.
fn wanted(start: &Start) -> Unlock {
    start.passphrase.clone().map_or(Unlock::None, Unlock::Passphrase)
}

/// Makes the vault, unless an earlier try of this run did. Answers what it was made with.
fn make(folder: &Path, start: &Start, made: &Mutex<Option<Made>>) -> Result<Made, Fail> {
    let mut made =
        made.lock().map_err(|_| Fail::new(Exit::Failed, "an earlier try broke off: start again"))?;
    if let Some(made) = &*made {
        return Ok(made.clone());
    }
    let unlock = wanted(start);
    subrosa_client::create(&Options::new(folder), &start.name, &unlock)?;
    Ok(made.insert(Made { name: start.name.clone(), unlock }).clone())
}

/// Gives a profile that an earlier try made the name and the passphrase that were typed since.
async fn correct(client: &Client, start: &Start, made: &Made) -> Result<(), ClientError> {
    if made.name != start.name {
        client.command(Command::SetName(start.name.clone())).await?;
    }
    match (&made.unlock, wanted(start)) {
        (Unlock::None, Unlock::None) => Ok(()),
        (Unlock::Passphrase(old), Unlock::Passphrase(new)) if *old == new => Ok(()),
        (_, unlock) => client.set_passphrase(unlock).await,
    }
}

/// Sets this machine up to host the profile's relay, or not to.
fn host(place: &Place, home: &Home) -> Result<(), Fail> {
    #[cfg(feature = "host")]
    return match home {
        Home::Here => crate::hosting::set_up(place, ""),
        Home::At(_) => crate::hosting::forget(place),
    };
    #[cfg(not(feature = "host"))]
    match home {
        Home::Here => {
            Err(Fail::new(Exit::Usage, "this subrosa was built without hosting: give a relay's address"))
        }
        Home::At(_) => {
            let _ = place;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_try_of_the_first_run_takes_the_name_and_passphrase_that_were_typed_last() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { name: "test".into(), folder: folder.path().to_owned() };
        // A relay that is not there: nothing answers on port 9 of this machine.
        let home = RelayAddress::new(subrosa_client::RelayKeyHash::from_bytes([7; 32]), "127.0.0.1", 9);
        let home = Home::At(home.unwrap().to_string());
        let typed = |name: &str, passphrase: &str| Start {
            name: name.into(),
            passphrase: Some(Zeroizing::new(passphrase.into())),
            home: home.clone(),
        };
        let made = Mutex::default();
        make(&place.folder, &typed("An", "first"), &made).map(drop).unwrap();
        let second = typed("Ana", "second");
        let begun = {
            let place = place.clone();
            tokio::task::spawn_blocking(move || begin(&place, &second, &made)).await.unwrap()
        };
        begun.map(|ready| ready.started.client).unwrap().close().await;
        let open = |passphrase: &str| {
            subrosa_client::open(Options::new(folder.path()), Unlock::passphrase(passphrase))
        };
        assert!(open("first").is_err());
        let (client, _notices) = open("second").unwrap();
        let Ok(Answer::Me(me)) = client.query(Query::Me).await else { panic!("who am I?") };
        assert_eq!(me.name, "Ana");
        client.close().await;
    }
}
