//! The demo's two people, introduced by a real invite.
//!
//! Spec: docs/guide/chat.md, "The demo". Invariant: nothing is shared between them but the link.

use std::path::Path;
use std::time::Duration;

use subrosa_client::{
    Answer, Chat, Client, ClientError, Command, ContactId, InviteState, Notices, Options, Query, Standing,
    Unlock,
};
use subrosa_relay::Relay;
use tokio::time::timeout;

use crate::cli::{Exit, Fail, Started};

/// How long the introduction may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One of the two: an open profile, and the other as their contact.
pub(super) struct Person {
    /// The open profile.
    pub(super) started: Started,
    /// The other one.
    pub(super) friend: ContactId,
}

/// Makes both, and lets Bob join by Alice's invite.
///
/// # Errors
/// [`Fail`] when a vault or the relay does not do its part.
pub(super) async fn introduce(folder: &Path, relay: &Relay) -> Result<[Person; 2], Fail> {
    timeout(PATIENCE, both(folder, relay)).await.unwrap_or_else(|_| {
        Err(Fail::new(
            Exit::Relay,
            "the demo's relay does not answer on this machine: is UDP on 127.0.0.1 blocked?",
        ))
    })
}

async fn both(folder: &Path, relay: &Relay) -> Result<[Person; 2], Fail> {
    let mut alice = person(folder, "Alice", relay).await?;
    let mut bob = person(folder, "Bob", relay).await?;
    alice.client.command(Command::Invite { reusable: false }).await?;
    let link = until(&mut alice, ready_link).await?;
    bob.client.command(Command::Join { link, greeting: String::new(), again: false }).await?;
    let bob_of_alice = until(&mut alice, friend).await?;
    let alice_of_bob = until(&mut bob, friend).await?;
    // The screens begin here; what the introduction told is over.
    for person in [&mut alice, &mut bob] {
        person.notices = person.client.notices();
    }
    Ok([Person { started: alice, friend: bob_of_alice }, Person { started: bob, friend: alice_of_bob }])
}

async fn person(folder: &Path, name: &str, relay: &Relay) -> Result<Started, Fail> {
    let mut options = Options::new(folder.join(name));
    options.dial.push((relay.address().key(), relay.local_addr()));
    let name = name.to_owned();
    let made = tokio::task::spawn_blocking(move || {
        subrosa_client::create(&options, &name, &Unlock::None)?;
        let (client, notices) = subrosa_client::open(options, Unlock::None)?;
        Ok::<_, Fail>(Started { client, notices, hosted: None })
    });
    let started = made.await.map_err(|why| Fail::new(Exit::Failed, why.to_string()))??;
    started.client.command(Command::UseRelay(relay.address().to_string())).await?;
    Ok(started)
}

/// Asks again after each notice until the answer is there.
async fn until<T, F>(person: &mut Started, ask: impl Fn(Client) -> F) -> Result<T, Fail>
where
    F: Future<Output = Result<Option<T>, ClientError>>,
{
    loop {
        if let Some(found) = ask(person.client.clone()).await? {
            return Ok(found);
        }
        wait(&mut person.notices).await?;
    }
}

async fn wait(notices: &mut Notices) -> Result<(), Fail> {
    let heard = notices.next().await;
    heard.map(drop).ok_or_else(|| Fail::new(Exit::Failed, "the demo's client ended by itself"))
}

async fn ready_link(client: Client) -> Result<Option<String>, ClientError> {
    let Answer::Invites(invites) = client.query(Query::Invites).await? else { return Ok(None) };
    Ok(invites.into_iter().find(|invite| invite.state == InviteState::Ready).and_then(|invite| invite.link))
}

async fn friend(client: Client) -> Result<Option<ContactId>, ClientError> {
    let Answer::Chats(chats) = client.query(Query::Chats).await? else { return Ok(None) };
    let is_friend = |chat: &&Chat| matches!(chat.standing, Standing::Contact | Standing::Pending);
    Ok(chats.iter().find(is_friend).map(|chat| chat.id))
}
