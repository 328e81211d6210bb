//! A replica whose disk was set back.

use std::sync::{Arc, Mutex};

use super::*;

/// A copy of a disk as it is now.
fn copied(disk: &Memory) -> Memory {
    let files = disk.0.lock().unwrap();
    let copied = files.iter().map(|(path, body)| {
        let body = body.lock().unwrap().clone();
        (path.clone(), Arc::new(Mutex::new(body)))
    });
    Memory(Arc::new(Mutex::new(copied.collect())))
}

/// A fleet of three, one that leads and one whose disk was set back to before the others agreed
/// with it on more. That one is not up.
async fn set_back() -> (Fleet, u64, u64) {
    let mut fleet = Fleet::of(3).await;
    fleet
        .wait("three vote", |it| it.up[&1].voters().len() == 3)
        .await;
    let leader = fleet.leader().unwrap();
    let follower = leader % 3 + 1;
    fleet.stop(follower).await;
    let old = copied(&fleet.disks[&follower]);
    fleet.start(follower).await;
    for number in 0..5 {
        fleet
            .order(follower, certificate(&format!("{number}")))
            .await;
    }
    fleet.stop(follower).await;
    fleet.disks.insert(follower, old);
    (fleet, leader, follower)
}

async fn is_told(fleet: &Fleet, node: u64) {
    let told = fleet.up[&node].forgot();
    let told = Tasks::timeout(Duration::from_secs(20), told).await;
    assert!(told.is_ok(), "it is told");
}

#[test]
fn who_forgot_is_told_and_the_leader_lives_and_goes_on() {
    run(async {
        let (mut fleet, leader, follower) = set_back().await;
        let forgetful = fleet.up[&leader].forgetful();
        fleet.start(follower).await;
        is_told(&fleet, follower).await;
        assert_eq!(*forgetful.borrow(), [NodeId::new(follower)].into());
        fleet.order(leader, certificate("after it")).await;
        assert_eq!(fleet.leader(), Some(leader));
        // It follows no more either.
        let rows = fleet.up[&follower].catalog().rows();
        let (_, last) = rows.events.get_max().unwrap();
        assert!(!last.text.contains("after it"), "{last:?}");
    });
}

#[test]
fn who_forgot_makes_nobody_lead_who_lacks_what_was_agreed_on() {
    run(async {
        let (mut fleet, leader, follower) = set_back().await;
        let third = 6 - leader - follower;
        // Only the one that is cut off knows what the first two agreed on.
        fleet.start(follower).await;
        is_told(&fleet, follower).await;
        fleet.net.cut(leader, true);
        Tasks::sleep(Duration::from_secs(20)).await;
        assert_eq!(fleet.up[&third].leads(), None);
        assert_eq!(fleet.up[&follower].leads(), None);
        fleet.net.cut(leader, false);
        fleet.order(third, certificate("after it")).await;
    });
}

#[test]
fn who_was_behind_or_restarts_with_all_it_had_has_forgotten_nothing() {
    run(async {
        let mut fleet = Fleet::of(3).await;
        fleet
            .wait("three vote", |it| it.up[&1].voters().len() == 3)
            .await;
        for round in 0..6 {
            let node = round % 3 + 1;
            fleet.stop(node).await;
            let other = node % 3 + 1;
            for number in 0..3 {
                fleet
                    .order(other, certificate(&format!("{round} {number}")))
                    .await;
            }
            fleet.start(node).await;
            fleet.order(node, certificate(&format!("{round}"))).await;
        }
        for node in 1..=3 {
            fleet.stop(node).await;
        }
        for node in 1..=3 {
            fleet.start(node).await;
        }
        fleet.order(1, certificate("all again")).await;
        for replica in fleet.up.values() {
            assert!(replica.forgetful().borrow().is_empty());
        }
    });
}

#[test]
fn two_of_three_elect_when_the_third_never_comes_back() {
    run(async {
        let mut fleet = Fleet::of(3).await;
        fleet
            .wait("three vote", |it| it.up[&1].voters().len() == 3)
            .await;
        for node in 1..=3 {
            fleet.stop(node).await;
        }
        fleet.start(2).await;
        fleet.start(3).await;
        fleet.order(2, certificate("of two")).await;
    });
}
