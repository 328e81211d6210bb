//! Orders about the nodes of a cluster, over the office and a real catalog.

use std::time::Duration;

use holdfast::admin::office::Member;
use holdfast_actors::catalog::command::{
    ClusterCommand, Command, LeaseCommand, NewNode, NodeCommand,
};
use holdfast_actors::catalog::rows::Speaks;
use holdfast_actors::kernel::{NodeId, NodeName, Timestamp};
use holdfast_cluster::identity::{JoinToken, KeyHash};
use serde_json::json;
use tokio::runtime::Runtime;

use super::furniture::{furnish, furnish_as};
use super::office::{done, refused};
use super::world::World;

fn add(id: u64) -> Command {
    let node = NewNode {
        name: NodeName::parse(&format!("berlin-{id}")).unwrap(),
        addresses: vec![format!("192.0.2.{id}:7443")],
        key: [id as u8; 32],
        roles: ["gateway", "storage"].map(str::to_owned).into(),
        zone: if id == 1 {
            String::new()
        } else {
            "rack-1".to_owned()
        },
    };
    Command::Cluster(ClusterCommand::Node(
        NodeId::new(id),
        NodeCommand::Add(node),
    ))
}

/// A node begins, and speaks what this program does.
fn begin(id: u64) -> Command {
    let begin = LeaseCommand::Begin {
        incarnation: id,
        wall: Timestamp::default(),
        speaks: Speaks {
            oldest: 0,
            newest: 1,
        },
    };
    Command::Cluster(ClusterCommand::Lease(NodeId::new(id), begin))
}

/// Of nodes that have never been at work.
pub(crate) fn cluster() -> World {
    made(vec![add(1), add(2)])
}

/// Of nodes that are at work.
pub(crate) fn at_work() -> World {
    made(vec![add(1), add(2), begin(1), begin(2)])
}

fn made(nodes: Vec<Command>) -> World {
    let member = Member {
        node: NodeId::new(2),
        root: KeyHash::new([7; 32]),
    };
    World::named("data", |runtime: &Runtime| {
        runtime.block_on(furnish_as(Some(member), nodes))
    })
}

#[test]
fn nodes_are_listed_shown_drained_and_removed() {
    let world = cluster();
    let first = json!({
        "id": "node-1", "name": "berlin-1", "state": "joining", "zone": null,
        "roles": ["gateway", "storage"], "pool": null, "addresses": ["192.0.2.1:7443"],
        "replicas": 0, "key": "01".repeat(32), "speaks": null, "cluster-speaks": "1.0",
    });
    let listed = done(&world, "node list");
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]), (2, &first));
    assert_eq!(done(&world, "node show node-1"), first);
    assert_eq!(done(&world, "node show berlin-2")["zone"], "rack-1");
    assert_eq!(done(&world, "node drain berlin-2")["state"], "draining");
    assert_eq!(done(&world, "node undrain node-2")["state"], "active");
    refused(&world, "node remove berlin-2", 4, "too-few-copies");
    done(&world, "node drain node-1");
    assert_eq!(done(&world, "node undrain node-1")["state"], "active");
    assert_eq!(done(&world, "node remove berlin-2")["state"], "removed");
    assert_eq!(done(&world, "node list").as_array().unwrap().len(), 1);
    refused(&world, "node drain node-2", 3, "no-node");
    refused(&world, "node show berlin-2", 3, "no-node");
    refused(&world, "node show node-9", 3, "no-node");
    let events = done(&world, "events");
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!(last["text"], "node-2 'berlin-2' is removed");
    assert_eq!(last["actor"], "operator admin");
}

#[test]
fn a_token_says_where_the_cluster_is_and_is_shown_once() {
    let world = cluster();
    done(&world, "node undrain node-1");
    let made = done(&world, "join-token --expires 2h");
    let token = JoinToken::parse(made["token"].as_str().unwrap()).unwrap();
    assert_eq!(token.root, KeyHash::new([7; 32]));
    assert_eq!(token.addresses[0].to_string(), "192.0.2.2:7443", "here");
    assert_eq!(made["expires"], token.expires.to_string());
    let plain = world.run(&["join-token"]);
    assert_eq!(plain.code, 0, "{plain:?}");
    assert!(plain.errors.contains("one node in until"), "{plain:?}");
    let other = JoinToken::parse(&plain.out).unwrap();
    assert_ne!(other.secret, token.secret);
    assert!(token.expires.since(other.expires) > Duration::from_secs(3_000));
    refused(&world, "join-token --expires 8d", 2, "out-of-range");
    let events = world.run(&["events", "--json"]).out;
    assert_eq!(events.matches("a join token was made").count(), 2);
    assert!(!events.contains("holdfast-join"));
}

#[test]
fn a_node_that_stands_alone_has_no_cluster_to_speak_of() {
    let world = World::named("data", |runtime: &Runtime| runtime.block_on(furnish()));
    for line in [
        "node list",
        "node drain node-1",
        "join-token",
        "pool list",
        "pool create west node-1",
    ] {
        refused(&world, line, 4, "alone");
    }
}
