//! Rules of the spec that no story shows, one test each.
//!
//! Spec: docs/spec/invite.md, "States". Invariant: each test names the check ids that it shows.

mod world;

use subrosa_codec::Millis;
use subrosa_crypto::Link;
use subrosa_engine::rows::{Invite, InviteStage, Row};
use subrosa_engine::{Effect, Event, Job, RelayAnswer, Table};
use subrosa_wire::{OwnerCap, Refusal};

use world::World;

const ANN: usize = 0;

/// The invites of `who`, in the order in which they were made.
fn invites(world: &World, who: usize) -> Vec<(subrosa_engine::api::InviteId, Invite)> {
    let rows = world.people[who].vault.rows().filter(|(key, _)| key.table == Table::Invite);
    let read = |bytes| Invite::parse(bytes).expect("it can be read");
    rows.map(|(key, bytes)| (subrosa_engine::api::InviteId(key.id), read(bytes))).collect()
}

fn put_answered(world: &mut World, refusal: Refusal) {
    let effect = Effect::PutInvite(invites(world, ANN)[0].0);
    let answer = RelayAnswer::Refused(refusal);
    world.raise(ANN, Event::Finished { effect, answer }).expect("no crash is armed");
}

#[test]
fn who_has_the_link_cannot_take_the_invite_back() {
    // INV-07, INV-15.
    let mut world = World::new(1, 1);
    for reusable in [false, true] {
        world.invite(ANN, reusable);
    }
    let made = invites(&world, ANN);
    let owners: Vec<[u8; 32]> = made
        .iter()
        .map(|(id, row)| {
            let mine = row.mine.as_ref().expect("it is mine");
            let owner = mine.owner.array().expect("a capability");
            let job = world.people[ANN].vault.job(&Effect::PutInvite(*id)).expect("readable");
            let Some(Job::PutInvite { owner: told, .. }) = job else { panic!("it is to be stored") };
            assert_eq!(told, OwnerCap::from_bytes(owner).id());
            let link = Link::parse(row.link()).expect("a link");
            assert_ne!(owner, link.fetch());
            assert_eq!(Millis(row.expires), world.now.day().plus(15).start(), "the end of its 14th day");
            owner
        })
        .collect();
    assert_ne!(owners[0], owners[1]);
}

#[test]
fn an_invite_whose_stored_answer_was_lost_is_ready_all_the_same() {
    // INV-34.
    let mut world = World::new(1, 2);
    world.invite(ANN, false);
    put_answered(&mut world, Refusal::Used);
    let (_, row) = invites(&world, ANN).remove(0);
    assert!(row.stage == InviteStage::Ready && row.mine.expect("mine").bundle.is_none());
}

#[test]
fn an_invite_that_the_relay_refused_is_put_again_within_five_minutes() {
    // INV-35.
    let mut world = World::new(1, 3);
    world.invite(ANN, false);
    world.people[ANN].forget_work();
    put_answered(&mut world, Refusal::Busy);
    assert!(invites(&world, ANN)[0].1.stage == InviteStage::Storing);
    world.live(Millis::SECOND.times(59));
    assert!(invites(&world, ANN)[0].1.stage == InviteStage::Storing, "not at once");
    world.live(Millis::MINUTE.times(5));
    assert!(invites(&world, ANN)[0].1.stage == InviteStage::Ready);
}
