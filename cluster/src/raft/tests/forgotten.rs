//! A replica whose disk was set back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use holdfast_actors::ports::Pending;
use holdfast_actors::schema;
use openraft::RaftNetworkFactory;
use openraft::impls::EmptyNode;
use openraft::network::RPCOption;
use openraft::network::v2::RaftNetworkV2;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};
use openraft::vote::RaftLeaderId;

use super::super::fixture::Net;
use super::super::memory::Shown;
use super::super::peer::Ways;
use super::super::recall::Recalls;
use super::super::types::{LogId, Vote};
use super::super::wire::{Response, SERVICE};
use super::*;
use crate::calls::{Answers, Rejected};

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
    fleet.three_vote().await;
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
        fleet.start(follower).await;
        is_told(&fleet, follower).await;
        let recalls = &fleet.up[&leader].recalls;
        assert_eq!(recalls.forgetful(), [NodeId::new(follower)].into());
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

/// How often the catalog, as a node knows it, says that somebody forgot.
fn reported(fleet: &Fleet, node: u64) -> usize {
    let rows = fleet.up[&node].catalog().rows();
    let says = |text: &str| text.contains("without what it had acknowledged");
    rows.events
        .values()
        .filter(|event| says(&event.text))
        .count()
}

#[test]
fn the_catalog_hears_who_forgot_though_nobody_leads_it_then() {
    run(async {
        let (mut fleet, leader, follower) = set_back().await;
        let third = 6 - leader - follower;
        let remembers = &fleet.up[&leader];
        remembers.hand_over(NodeId::new(third)).await.unwrap();
        remembers.follows().await;
        fleet.stop(third).await;
        fleet.start(follower).await;
        is_told(&fleet, follower).await;
        // Longer than an order waits for a majority.
        Tasks::sleep(Duration::from_secs(30)).await;
        assert_eq!(reported(&fleet, leader), 0);
        fleet.start(third).await;
        Tasks::sleep(Duration::from_secs(20)).await;
        assert_eq!(reported(&fleet, leader), 1);
    });
}

#[test]
fn who_was_behind_or_restarts_with_all_it_had_has_forgotten_nothing() {
    run(async {
        let mut fleet = Fleet::of(3).await;
        fleet.three_vote().await;
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
            assert!(replica.recalls.forgetful().is_empty());
        }
    });
}

#[test]
fn two_of_three_elect_when_the_third_never_comes_back() {
    run(async {
        let mut fleet = Fleet::of(3).await;
        fleet.three_vote().await;
        for node in 1..=3 {
            fleet.stop(node).await;
        }
        fleet.start(2).await;
        fleet.start(3).await;
        fleet.order(2, certificate("of two")).await;
    });
}

/// A replica of a version that does not ask what it forgot: it gives these answers.
struct Older(Mutex<VecDeque<Response>>);

impl Answers for Older {
    fn answer(&self, _: NodeId, _: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let answer = self.0.lock().unwrap().pop_front().unwrap();
        Box::pin(async move { Ok(schema::encode(&answer).into()) })
    }
}

#[test]
fn consensus_does_not_hear_that_a_replica_lacks_what_it_acknowledged() {
    run(async {
        let net = Net::default();
        let answers = [
            AppendEntriesResponse::Success,
            AppendEntriesResponse::Conflict,
            AppendEntriesResponse::Conflict,
        ];
        let answers = answers.map(Response::Append);
        let older = Older(Mutex::new(answers.into()));
        net.end(2).serve(SERVICE, Arc::new(older));
        let shown = Shown {
            term: 3,
            last: None,
        };
        let calls = net.end(1);
        let recalls = Recalls::new(Arc::clone(&calls), Vec::new(), 1, shown);
        let mut ways = Ways {
            calls,
            recalls: recalls.clone(),
        };
        let mut peer = ways.new_client(2, &EmptyNode {}).await;
        let id = |index| {
            let leader = <Kind as openraft::RaftTypeConfig>::LeaderId::new(3, 1);
            Some(LogId::new(leader.to_committed(), index))
        };
        let mut said = Vec::new();
        for prev_log_id in [id(9), id(10), id(9)] {
            let request = AppendEntriesRequest {
                vote: Vote::new_committed(3, 1),
                prev_log_id,
                entries: Vec::new(),
                leader_commit: None,
            };
            let option = RPCOption::new(Duration::from_secs(1));
            said.push(peer.append_entries(request, option).await.ok());
        }
        let expected = [
            Some(AppendEntriesResponse::Success),
            Some(AppendEntriesResponse::Conflict),
            None,
        ];
        assert_eq!(said, expected);
        assert_eq!(recalls.forgetful(), [NodeId::new(2)].into());
    });
}
