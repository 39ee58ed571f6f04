//! A client whose disk is full.

use subrosa_engine::api::{CommandError, InviteState};
use subrosa_wire::{RelayAddress, RelayKeyHash};

use super::*;

fn nowhere() -> String {
    // Port 9 discards; nobody listens on it here.
    RelayAddress::new(RelayKeyHash::from_bytes([1; 32]), "127.0.0.1", 9).unwrap().to_string()
}

#[tokio::test]
async fn a_full_disk_refuses_the_command_with_a_sentence_and_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    create(&options, "Ana", &Unlock::None).unwrap();
    let vault = Vault::open(&Profile::at(folder.path()), &Unlock::None).unwrap();
    vault.confine(8);
    let (client, _notices) = start(vault, options.clone()).unwrap();
    client.command(Command::UseRelay(nowhere())).await.unwrap();
    let mut made = 0;
    let why = loop {
        match client.command(Command::Invite { reusable: false }).await {
            Ok(_) => made += 1,
            Err(why) => break why,
        }
        assert!(made < 50, "the disk is never full");
    };
    assert_eq!(why, ClientError::DiskFull);
    assert!(why.to_string().contains("free some space"), "{why}");
    let Answer::Invites(invites) = client.query(Query::Invites).await.unwrap() else { panic!("no invites") };
    assert_eq!(invites.len(), made, "half an invite was kept, or a whole one was lost");
    let Answer::Me(me) = client.query(Query::Me).await.unwrap() else { panic!("nobody") };
    assert_eq!(me.relay, Some(nowhere()));
    client.close().await;
    // With room again it works.
    let (client, _notices) = open(options, Unlock::None).unwrap();
    client.command(Command::Invite { reusable: false }).await.unwrap();
    let Answer::Invites(invites) = client.query(Query::Invites).await.unwrap() else { panic!("no invites") };
    assert_eq!(invites.len(), made + 1);
    assert!(invites.iter().all(|invite| invite.state == InviteState::Storing));
    client.close().await;
}

#[tokio::test]
async fn a_command_that_the_engine_refuses_is_answered_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    create(&options, "Ana", &Unlock::None).unwrap();
    let (client, _notices) = open(options, Unlock::None).unwrap();
    let why = client.command(Command::Invite { reusable: false }).await.unwrap_err();
    assert_eq!(why, ClientError::Refused(CommandError::NoRelay));
    client.idle().await;
    client.close().await;
}

#[tokio::test]
async fn another_passphrase_is_asked_for_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    create(&options, "Ana", &Unlock::None).unwrap();
    let (client, _notices) = open(options.clone(), Unlock::None).unwrap();
    client.set_passphrase(Unlock::passphrase("a new one")).await.unwrap();
    assert_eq!(client.set_passphrase(Unlock::passphrase("")).await, Err(ClientError::EmptyPassphrase));
    client.close().await;
    assert!(needs_passphrase(folder.path()).unwrap());
    assert!(matches!(open(options.clone(), Unlock::None), Err(OpenError::PassphraseNeeded)));
    open(options, Unlock::passphrase("a new one")).unwrap().0.close().await;
}
