//! Pools of gateways: who is served by which, what becomes of that when gateways go, and what
//! restic and the agent make of it.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::thread;

use crate::agent::{BULK, uploaded};
use crate::node::{Login, noise, plant, text};
use crate::nodes::Cluster;
use crate::wire::{Reply, Wire};
use serde_json::Value;

/// How a gateway answers a tenant who looks for an object that is not there.
fn asked(cluster: &Cluster, tenant: &str, gateway: usize) -> Reply {
    let path = format!("/main/data/{}", "00".repeat(32));
    Wire::new(&cluster.login(tenant, gateway)).ask("GET", &path, b"")
}

/// What a gateway says to a tenant: its status, and the word for it.
fn said(cluster: &Cluster, tenant: &str, gateway: usize) -> (u16, String) {
    let reply = asked(cluster, tenant, gateway);
    (reply.status, reply.header("x-holdfast-reason").to_owned())
}

/// The ports of the gateways that a gateway tells a tenant of, those of spare ones apart.
fn told(cluster: &Cluster, tenant: &str, gateway: usize) -> (Vec<u16>, Vec<u16>) {
    let wire = Wire::new(&cluster.login(tenant, gateway));
    let reply = wire.ask("GET", "/.holdfast/v1/gateways", b"");
    assert_eq!(reply.status, 200, "{reply:?}");
    let list: Value = serde_json::from_str(&reply.body).unwrap();
    let rows = list["gateways"].as_array().unwrap().iter();
    let port = |row: &Value| {
        let address = row["addresses"][0].as_str().unwrap();
        address.rsplit_once(':').unwrap().1.parse().unwrap()
    };
    let (spare, own): (Vec<&Value>, Vec<&Value>) = rows.partition(|row| row["spare"] == true);
    let ports = |rows: Vec<&Value>| {
        let mut ports: Vec<u16> = rows.into_iter().map(port).collect();
        ports.sort_unstable();
        ports
    };
    (ports(own), ports(spare))
}

fn order(cluster: &Cluster, line: &str) -> Value {
    cluster.any().json(&line.split(' ').collect::<Vec<_>>())
}

/// Gives a pool gateways, by their places among the nodes.
fn create(cluster: &Cluster, pool: &str, gateways: &[usize]) {
    let names = gateways.iter().map(|at| cluster.nodes[*at].name.as_str());
    let names: Vec<&str> = names.collect();
    order(cluster, &format!("pool create {pool} {}", names.join(" ")));
}

/// A tree that was backed up by the agent.
fn begun(cluster: &Cluster, login: &Login) {
    let small = cluster.path("small");
    plant(&small, 1);
    login
        .agent(&["backup", "--no-cache", "--init", text(&small)])
        .good();
}

#[test]
fn a_tenant_is_served_by_the_gateways_of_its_pool_and_by_no_other() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    cluster.tenant("beta", 2);
    create(&cluster, "west", &[0]);
    create(&cluster, "east", &[1]);
    order(&cluster, "tenant set acme --pools west");
    let ports = [0, 1, 2].map(|at: usize| cluster.nodes[at].port);
    let port = |at: usize| ports[at];
    let not_yet = || (403, "wrong-gateway".to_owned());
    cluster.until("all nodes know of the pools", |cluster| {
        [1, 2]
            .iter()
            .all(|at| said(cluster, "acme", *at) == not_yet())
    });
    // Who may come by which: the pool's alone, and those in none for who has no pool.
    for (tenant, statuses) in [("acme", [404, 403, 403]), ("beta", [403, 403, 404])] {
        let seen = [0, 1, 2].map(|at| said(&cluster, tenant, at).0);
        assert_eq!(seen, statuses, "{tenant}");
    }
    for at in [0, 1, 2] {
        assert_eq!(told(&cluster, "acme", at), (vec![port(0)], vec![]));
        assert_eq!(told(&cluster, "beta", at), (vec![port(2)], vec![]));
    }
    // Nobody learns whose a tenant is who does not know its password.
    let mut stranger = cluster.login("acme", 1);
    stranger.password = "a guess".to_owned();
    assert_eq!(
        Wire::new(&stranger).ask("GET", "/main/config", b"").status,
        401
    );

    let tree = cluster.path("tree");
    plant(&tree, 2);
    acme.init();
    let snapshot = acme.backup(&tree);
    let refused = cluster.login("acme", 1).restic(&["snapshots"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("403"), "{refused:?}");
    let sentence = asked(&cluster, "acme", 1).body;
    assert!(sentence.starts_with("this gateway does not serve this account; connect to"));
    // The agent is told of the right one even by a wrong one, and goes there.
    let lost = cluster.login("acme", 2);
    let words = ["backup", "--no-cache", "--json", text(&tree)];
    let moved = lost.agent(&words).json();
    assert!(moved["gateways-changed"].as_u64() >= Some(1), "{moved}");

    goes_and_comes_back(&mut cluster, ports, (&tree, &snapshot));
    assert_eq!(cluster.trouble(), [""; 0]);
}

/// What becomes of a tenant whose pool, the first node, goes and comes back.
fn goes_and_comes_back(cluster: &mut Cluster, ports: [u16; 3], (tree, snapshot): (&Path, &str)) {
    let refused = || (403, "wrong-gateway".to_owned());
    let lost = cluster.login("acme", 2);
    let words = ["backup", "--no-cache", "--json", text(tree)];
    // All of the pool is gone: cut off, and told so.
    cluster.nodes[0].kill();
    cluster.until("the others have noticed", |cluster| {
        order(cluster, "pool show west")["down"]
            .as_array()
            .map(Vec::len)
            == Some(1)
    });
    cluster.until("the others serve the tenant at home", |cluster| {
        [1, 2]
            .iter()
            .all(|at| said(cluster, "acme", *at) == refused())
    });
    assert_eq!(told(cluster, "acme", 2), (vec![], vec![]));
    let cut_off = lost.agent(&words);
    assert_eq!(cut_off.code, 4, "{cut_off:?}");
    assert!(
        cut_off.err.contains("does not serve this account"),
        "{cut_off:?}"
    );

    // With the flag a free gateway takes it, and the other pool's never does.
    order(cluster, "tenant set acme --fail-over on");
    cluster.until("the free gateway takes it", |cluster| {
        said(cluster, "acme", 2).0 == 404
    });
    assert_eq!(said(cluster, "acme", 1), refused());
    assert_eq!(told(cluster, "acme", 1), (vec![], vec![ports[2]]));
    lost.restores(snapshot, tree, tree);
    let by_other = cluster.login("acme", 1).agent(&words).json();
    assert!(
        by_other["gateways-changed"].as_u64() >= Some(1),
        "{by_other}"
    );
    lost.whole();

    // The pool is back: who comes by a spare one is sent there, but may end what it began.
    cluster.nodes[0].start();
    let guests = Cell::new(9);
    cluster.until("the pool is back", |cluster| {
        // Each time somebody new.
        guests.set(guests.get() + 1);
        let wire = Wire::new(&cluster.login("acme", 2)).from(guests.get());
        let reply = wire.ask("GET", "/main/config", b"");
        reply.status == 503 && reply.header("x-holdfast-reason") == "spare-gateway"
    });
    assert_eq!(said(cluster, "acme", 2).0, 404);
}

#[test]
fn an_agent_moves_inside_of_its_pool_and_out_of_it_only_if_it_may_when_a_gateway_is_killed() {
    for fails_over in [false, true] {
        let mut cluster = Cluster::of(3);
        let acme = cluster.tenant("acme", 0);
        begun(&cluster, &acme);
        let owner = cluster.owner(&acme);
        let gateway = cluster.other_than(&[owner]);
        // Where it may go: to the other one of its pool, or, alone in it, to one in none.
        let pool = if fails_over {
            vec![gateway]
        } else {
            vec![gateway, owner]
        };
        create(&cluster, "west", &pool);
        let flag = if fails_over { "on" } else { "off" };
        let set = format!("tenant set acme --bandwidth 4MB/s --pools west --fail-over {flag}");
        order(&cluster, &set);
        let third = cluster.other_than(&[owner, gateway]);
        cluster.until("all nodes know of the pool", |cluster| {
            let reason = if fails_over {
                "spare-gateway"
            } else {
                "wrong-gateway"
            };
            said(cluster, "acme", third).1 == reason && said(cluster, "acme", gateway).0 == 404
        });
        let login = cluster.login("acme", gateway);
        let tree = cluster.path("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("bulk"), noise(7, BULK)).unwrap();
        let before = uploaded(&cluster, owner);
        let words = ["backup", "--no-cache", "--json", text(&tree)];
        let backup = thread::scope(|scope| {
            let backup = scope.spawn(|| login.agent(&words));
            cluster.until("an object is on its way", |cluster| {
                uploaded(cluster, owner) > before + (BULK as u64 / 3)
            });
            assert!(!backup.is_finished(), "it was not met in its middle");
            cluster.nodes[gateway].kill();
            backup.join().unwrap()
        });
        let done = backup.json();
        eprintln!("fails over {flag}: {done}");
        assert!(done["gateways-changed"].as_u64() >= Some(1), "{done}");
        cluster.login("acme", owner).whole();
        assert_eq!(cluster.trouble(), [""; 0]);
    }
}
