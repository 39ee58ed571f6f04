//! People with a client each, and a relay that can be stopped and started.
#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use subrosa_client::{
    Answer, Body, Chat, Client, Command, ContactId, Done, Invite, InviteState, Message, Notice, Notices,
    Options, Query, RelayKeyHash, SendState, Unlock, create, open,
};
use subrosa_relay::{Config, Relay};
use tempfile::TempDir;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A relay with a folder that outlives it.
pub(crate) struct Host {
    folder: TempDir,
    relay: Option<Relay>,
}

impl Host {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Self { folder, relay: None };
        host.up();
        host
    }

    pub(crate) fn up(&mut self) {
        self.relay = Some(Relay::start(Config::local(self.folder.path().to_owned())).unwrap());
    }

    pub(crate) fn down(&mut self) {
        self.relay.take().unwrap().stop();
    }

    pub(crate) fn address(&self) -> String {
        self.relay.as_ref().unwrap().address().to_string()
    }

    pub(crate) fn key(&self) -> RelayKeyHash {
        self.relay.as_ref().unwrap().address().key()
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.relay.as_ref().unwrap().local_addr()
    }

    /// The relay's files, to look for what must not be there.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

/// Someone with a profile; `client` is `None` while it is closed.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    folder: TempDir,
    client: Option<Client>,
    notices: Option<Notices>,
    /// Every notice that was heard.
    pub(crate) heard: Vec<Notice>,
}

impl Person {
    pub(crate) fn new(name: &'static str) -> Self {
        let mut person = Self::closed(name);
        person.open();
        person
    }

    pub(crate) fn closed(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        create(&Options::new(folder.path()), name, &Unlock::None).unwrap();
        Self { name, folder, client: None, notices: None, heard: Vec::new() }
    }

    pub(crate) fn options(&self) -> Options {
        Options::new(self.folder.path())
    }

    pub(crate) fn open(&mut self) {
        self.open_with(self.options());
    }

    pub(crate) fn open_with(&mut self, options: Options) {
        let (client, notices) = open(options, Unlock::None).unwrap();
        (self.client, self.notices) = (Some(client), Some(notices));
    }

    pub(crate) async fn close(&mut self) {
        self.notices = None;
        self.client.take().unwrap().close().await;
    }

    pub(crate) fn client(&self) -> &Client {
        self.client.as_ref().unwrap()
    }

    pub(crate) async fn at(name: &'static str, host: &Host) -> Self {
        let person = Self::new(name);
        person.does(Command::UseRelay(host.address())).await;
        person
    }

    pub(crate) async fn does(&self, command: Command) -> Done {
        self.client().command(command).await.unwrap()
    }

    /// Asks `question` after each notice until it has an answer.
    pub(crate) async fn until<T>(&mut self, what: &str, question: impl AsyncFn(&Client) -> Option<T>) -> T {
        let attempt = async {
            loop {
                if let Some(answer) = question(self.client.as_ref().unwrap()).await {
                    return answer;
                }
                let notice = self.notices.as_mut().unwrap().next().await.unwrap();
                self.heard.push(notice);
            }
        };
        match tokio::time::timeout(PATIENCE, attempt).await {
            Ok(answer) => answer,
            Err(_) => {
                let mut told = String::new();
                for notice in &self.heard {
                    let _ = writeln!(told, "  {notice:?}");
                }
                panic!(
                    "{} waited in vain: {what}; relays {:?}; heard\n{told}",
                    self.name,
                    self.client().relays()
                )
            }
        }
    }

    /// Waits for a notice that `wanted` knows.
    pub(crate) async fn hears<T>(&mut self, what: &str, wanted: impl Fn(&Notice) -> Option<T>) -> T {
        let attempt = async {
            loop {
                let notice = self.notices.as_mut().unwrap().next().await.unwrap();
                let found = wanted(&notice);
                self.heard.push(notice);
                if let Some(found) = found {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, attempt)
            .await
            .unwrap_or_else(|_| panic!("{} never heard: {what}", self.name))
    }

    /// A link that can be taken.
    pub(crate) async fn invites(&mut self, reusable: bool) -> String {
        let Done::Invite(id) = self.does(Command::Invite { reusable }).await else { panic!("no invite") };
        self.until("the invite is ready", async |client| {
            let Answer::Invites(invites) = client.query(Query::Invites).await.unwrap() else {
                panic!("no invites")
            };
            let ready = |invite: &Invite| invite.id == id && invite.state == InviteState::Ready;
            invites.into_iter().find(ready).and_then(|invite| invite.link)
        })
        .await
    }

    pub(crate) async fn joins(&mut self, link: &str) -> ContactId {
        let join = Command::Join { link: link.to_owned(), greeting: String::new(), again: false };
        let Done::Joining(id) = self.does(join).await else { panic!("not joining") };
        self.hears("joined", |notice| match notice {
            Notice::Joined { invite, contact } if *invite == id => Some(*contact),
            Notice::JoinFailed { why, .. } => panic!("{why}"),
            _ => None,
        })
        .await
    }

    pub(crate) async fn chats(&self) -> Vec<Chat> {
        let Answer::Chats(chats) = self.client().query(Query::Chats).await.unwrap() else {
            panic!("no chats")
        };
        chats
    }

    /// The contact of that name, once it is there.
    pub(crate) async fn knows(&mut self, name: &str) -> ContactId {
        self.until("the contact is there", async |client| {
            let Answer::Chats(chats) = client.query(Query::Chats).await.unwrap() else { panic!("no chats") };
            chats.iter().find(|chat| chat.name == name).map(|chat| chat.id)
        })
        .await
    }

    pub(crate) async fn says(&self, to: ContactId, text: &str) {
        self.does(Command::Send { to, text: text.to_owned(), reply: None }).await;
    }

    pub(crate) async fn messages(&self, chat: ContactId) -> Vec<Message> {
        messages(self.client(), chat).await
    }

    /// Waits until exactly `texts` of theirs stand in `chat`, in this order.
    pub(crate) async fn reads(&mut self, chat: ContactId, texts: &[&str]) {
        self.until(&format!("reads {texts:?}"), async |client| {
            let all = messages(client, chat).await;
            let read = texts_of(&all, false);
            assert!(read.len() <= texts.len(), "{read:?} is too much for {texts:?}");
            (read == texts).then_some(())
        })
        .await;
    }

    /// Waits until every message of mine in `chat` has come as far as `state`.
    pub(crate) async fn sent(&mut self, chat: ContactId, state: SendState) {
        self.until(&format!("all are {state:?}"), async |client| {
            let all = messages(client, chat).await;
            all.iter().filter_map(|message| message.state).all(|is| is >= state).then_some(())
        })
        .await;
    }
}

pub(crate) async fn messages(client: &Client, chat: ContactId) -> Vec<Message> {
    let query = Query::Messages { chat, before: None, limit: 1000 };
    let Answer::Messages(messages) = client.query(query).await.unwrap() else { panic!("no messages") };
    messages
}

pub(crate) fn texts_of(messages: &[Message], mine: bool) -> Vec<&str> {
    messages
        .iter()
        .filter(|message| message.mine == mine)
        .filter_map(|message| match &message.body {
            Body::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Two people who met by an invite of the first.
pub(crate) async fn met(ana: &mut Person, bob: &mut Person) -> (ContactId, ContactId) {
    let link = ana.invites(false).await;
    let anas = bob.joins(&link).await;
    let bobs = ana.knows(bob.name).await;
    (bobs, anas)
}
