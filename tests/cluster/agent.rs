//! The tenant's own client, whose gateways and owners go away in the middle of its work.

use std::fs;
use std::thread;

use crate::node::{noise, plant, text};
use crate::nodes::Cluster;

/// One object of this size is on its way while something happens, in bytes.
pub(crate) const BULK: usize = 24 << 20;
/// What may be sent twice of it, in bytes: what the owner has not made durable yet, for the gateway
/// has a replica, too; and what is on its way.
const TWICE: u64 = 14 << 20;

/// What the sessions of a tenant sent up to now, as the node that serves it counts.
pub(crate) fn uploaded(cluster: &Cluster, owner: usize) -> u64 {
    let rows = cluster.nodes[owner].try_json(&["shell", "-c", "sessions"]);
    let rows = rows.unwrap_or_default();
    let rows = rows.as_array().into_iter().flatten();
    rows.filter_map(|row| row["session"]["uploaded"].as_u64())
        .sum()
}

#[test]
fn an_object_goes_on_where_it_was_when_the_gateway_of_its_agent_is_killed() {
    for way in ["quic", "https"] {
        let mut cluster = Cluster::of(3);
        let acme = cluster.tenant("acme", 0);
        let (small, tree) = (cluster.path("small"), cluster.path("tree"));
        plant(&small, 1);
        acme.agent(&["backup", "--no-cache", "--init", text(&small)])
            .good();
        let owner = cluster.owner(&acme);
        let gateway = cluster.other_than(&[owner]);
        let login = cluster.login("acme", gateway);
        let node = &cluster.nodes[owner];
        node.json(&["tenant", "set", "acme", "--bandwidth", "4MB/s"]);
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("bulk"), noise(7, BULK)).unwrap();
        let before = uploaded(&cluster, owner);
        let words = [
            "backup",
            "--no-cache",
            "--json",
            "--transport",
            way,
            text(&tree),
        ];
        let said = thread::scope(|scope| {
            let backup = scope.spawn(|| login.agent(&words));
            cluster.until("an object is on its way", |cluster| {
                uploaded(cluster, owner) > before + (BULK as u64 / 6 * 5)
            });
            assert!(!backup.is_finished(), "it was not met in its middle");
            cluster.nodes[gateway].kill();
            backup.join().unwrap()
        });
        let said = said.json();
        eprintln!("{way}: {said}");
        assert!(said["uploads-resumed"].as_u64() >= Some(1), "{said}");
        assert!(said["gateways-changed"].as_u64() >= Some(1), "{said}");
        let sent = uploaded(&cluster, owner) - before;
        assert!(sent < BULK as u64 + TWICE, "{sent} bytes were sent");
        let other = cluster.login("acme", owner);
        other.whole();
        other.restores(said["snapshot"].as_str().unwrap(), &tree, &tree);
        assert_eq!(cluster.trouble(), [""; 0]);
    }
}

#[test]
fn an_agent_goes_on_when_the_owner_of_its_repository_is_killed_in_the_middle_of_an_object() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let (small, tree) = (cluster.path("small"), cluster.path("tree"));
    plant(&small, 1);
    acme.agent(&["backup", "--no-cache", "--init", text(&small)])
        .good();
    let owner = cluster.owner(&acme);
    let login = cluster.login("acme", cluster.other_than(&[owner]));
    let node = &cluster.nodes[owner];
    node.json(&["tenant", "set", "acme", "--bandwidth", "4MB/s"]);
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("bulk"), noise(7, BULK)).unwrap();
    let before = uploaded(&cluster, owner);
    let words = ["backup", "--no-cache", "--json", "--transport", "quic"];
    let words = [&words[..], &[text(&tree)]].concat();
    let said = thread::scope(|scope| {
        let backup = scope.spawn(|| login.agent(&words));
        cluster.until("an object is on its way", |cluster| {
            uploaded(cluster, owner) > before + (BULK as u64 / 3)
        });
        cluster.nodes[owner].kill();
        backup.join().unwrap()
    });
    let said = said.json();
    login.whole();
    login.restores(said["snapshot"].as_str().unwrap(), &tree, &tree);
    assert_eq!(cluster.trouble(), [""; 0]);
}
