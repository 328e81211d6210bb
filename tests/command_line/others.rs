//! Orders of which other nodes do a part: two offices over one catalog, a third node that is
//! silent, and the command line of the first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use holdfast::admin::books::CatalogBooks;
use holdfast::admin::office::{Books, FIRST, Office};
use holdfast::admin::others::{Errand, Others, Takes};
use holdfast::admin::{Items, Problem, ProblemClass};
use holdfast::clock::SystemClock;
use holdfast::entropy::SystemEntropy;
use holdfast_actors::catalog::rows::{
    Lease, Node, NodeState, Operator, Owner, Repository, Role, Rows, Tenant,
};
use holdfast_actors::catalog::{self, Catalog, Keeper};
use holdfast_actors::kernel::{Epoch, Instant, NodeId, NodeName, RepositoryId, Size, Timestamp};
use holdfast_actors::names::{OperatorName, RepositoryName, TenantName};
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{Directory, Path};
use holdfast_cluster::raft::Standing;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::furniture::{Nothing, Simple};
use super::office::{done, refused};
use super::tape::Shelf;
use super::world::World;

/// Three nodes, and a tenant at home on each: `t1`, `t2`, `t3`.
pub(crate) fn rows() -> Rows {
    let mut rows = Rows::default();
    let admin = Operator {
        role: Role::Admin,
        uid: Some(rustix::process::getuid().as_raw()),
    };
    rows.operators
        .insert(OperatorName::parse(FIRST).unwrap(), admin);
    rows.last_id = 10;
    for number in 1..=3 {
        let id = NodeId::new(number);
        let node = Node {
            name: NodeName::parse(&format!("berlin-{number}")).unwrap(),
            addresses: vec![format!("192.0.2.{number}:7443")],
            key: [number as u8; 32],
            roles: BTreeSet::new(),
            zone: String::new(),
            state: NodeState::Active,
            incarnation: 1,
            wall: None,
        };
        let lease = Lease {
            incarnation: 1,
            epoch: Epoch::new(number),
            until: Duration::from_secs(1 << 30),
        };
        let owner = Owner {
            node: id,
            lease: lease.epoch,
        };
        let tenant = Tenant {
            id: number,
            description: String::new(),
            disabled: None,
            lease: None,
            restore_grace: 0,
            purge_hold: 0,
            tasks: 1,
            bandwidth: None,
            bin_days: 7,
            bin_limit: None,
            warned: None,
            ended: false,
            last_session: None,
        };
        let repository = Repository {
            tenant: number,
            name: RepositoryName::parse("main").unwrap(),
            quota: Size::gib(10),
            hold_days: 0,
            min_copies: 1,
            epoch: lease.epoch,
            made: Timestamp::from_millis(0),
            removed: None,
            verified: None,
        };
        rows.cluster.nodes.insert(id, node);
        rows.cluster.leases.insert(id, lease);
        rows.cluster.owners.insert(RepositoryId::new(number), owner);
        let name = TenantName::parse(&format!("t{number}")).unwrap();
        rows.tenants.insert(name, tenant);
        rows.repositories
            .insert(RepositoryId::new(number), repository);
    }
    rows
}

/// The way from one office to another, without a link between.
struct Wire {
    here: NodeId,
    other: OnceLock<Office>,
    is_cut: Arc<AtomicBool>,
}

impl Others for Wire {
    fn node(&self) -> NodeId {
        self.here
    }

    fn standing(&self) -> Standing {
        Standing {
            leader: Some(NodeId::new(1)),
            term: 5,
            voters: [1, 2, 3].map(NodeId::new).into(),
        }
    }

    fn holds_lease(&self, _: Instant) -> bool {
        true
    }

    fn ask(&self, to: NodeId, errand: Errand, items: Items) -> Pending<Result<Value, Problem>> {
        let other = self.other.get().filter(|_| to == NodeId::new(2));
        match other.filter(|_| !self.is_cut.load(Ordering::Relaxed)) {
            Some(office) => office.take(self.here, errand, items),
            None => Box::pin(async move {
                let told = format!("{to} cannot be reached");
                Err(Problem::new(ProblemClass::Failed, "node-unreachable", told))
            }),
        }
    }
}

/// An office over a catalog.
pub(crate) fn office(catalog: &Catalog, ports: &Ports, others: Arc<dyn Others>) -> Office {
    let clock = Arc::clone(&ports.clock);
    let books = CatalogBooks::new(catalog.clone(), clock, &*ports.entropy);
    Office {
        books: Arc::new(books) as Arc<dyn Books>,
        services: Arc::new(Simple { member: None }),
        tapes: Arc::new(Shelf::default()),
        directory: Arc::clone(&ports.directory),
        entropy: Arc::clone(&ports.entropy),
        others: Some(others),
    }
}

pub(crate) fn ports() -> Ports {
    Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy),
        disk: holdfast_simulations::disk::Disk::default().port(),
        index: holdfast_simulations::index::Index::default().port(),
        directory: Arc::new(Directory::default()),
    }
}

pub(crate) async fn catalog(ports: &Ports, rows: Rows) -> Catalog {
    let path = Path::node().child("catalog");
    let catalog = catalog::start(
        path,
        Keeper::new(rows),
        Arc::new(Nothing),
        ports.clone(),
        None,
    );
    catalog.await.unwrap()
}

/// The first of the nodes, and the cable to the second.
fn cluster() -> (World, Arc<AtomicBool>) {
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&is_cut);
    let world = World::named("data", |runtime: &Runtime| {
        runtime.block_on(async {
            let (ours, theirs) = (ports(), ports());
            let catalog = catalog(&ours, rows()).await;
            let wire = |here| {
                Arc::new(Wire {
                    here: NodeId::new(here),
                    other: OnceLock::new(),
                    is_cut: Arc::clone(&cut),
                })
            };
            let (first, second) = (wire(1), wire(2));
            let office_of_second = office(&catalog, &theirs, second);
            first.other.set(office_of_second).ok().unwrap();
            Arc::new(office(&catalog, &ours, first)) as _
        })
    });
    (world, is_cut)
}

#[test]
fn a_repository_is_shown_whichever_node_has_it() {
    let (world, is_cut) = cluster();
    for tenant in ["t1", "t2"] {
        let shown = done(&world, &format!("repository show {tenant} main"));
        assert_eq!(
            (&shown["objects"], shown.get("missing")),
            (&json!(17), None)
        );
        let set = done(
            &world,
            &format!("repository set {tenant} main --quota 20GiB"),
        );
        assert_eq!(
            (&set["quota"], &set["objects"]),
            (&json!(20u64 << 30), &json!(17))
        );
    }
    is_cut.store(true, Ordering::Relaxed);
    let shown = done(&world, "repository show t2 main");
    assert_eq!(shown.get("objects"), None);
    let missing = shown["missing"].as_str().unwrap();
    assert!(missing.contains("node-2 (berlin-2)"), "{missing}");
    assert_eq!(done(&world, "tenant show t2")["name"], "t2");
}

#[test]
fn a_listing_marks_what_could_not_be_had_and_does_not_fail() {
    let (world, is_cut) = cluster();
    let listed = |line: &str, key: &str| -> Vec<(bool, Option<String>)> {
        let rows = done(&world, line);
        let rows = rows.as_array().unwrap().iter();
        let row = |row: &Value| {
            let missing = row["missing"].as_str().map(str::to_owned);
            (row.get(key).is_some_and(|it| !it.is_null()), missing)
        };
        rows.map(row).collect()
    };
    let silent = |node| Some(format!("node-{node} (berlin-{node}) does not answer"));
    let (had, gone) = ((true, None), (false, silent(3)));
    for line in ["repository list", "bin list"] {
        let all = vec![had.clone(), had.clone(), gone.clone()];
        assert_eq!(listed(line, "objects"), all, "{line}");
    }
    let usage = listed("usage", "byte-seconds");
    assert_eq!(usage[2], gone, "and is not taken for nothing");
    is_cut.store(true, Ordering::Relaxed);
    let all = vec![had, (false, silent(2)), gone];
    assert_eq!(listed("repository list", "objects"), all);
    let ran = world.run(&["repository", "list"]);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.errors.matches("figures are missing").count(),
        2,
        "{ran:?}"
    );
}

#[test]
fn all_is_read_back_where_it_is_and_what_is_not_is_told() {
    let (world, _) = cluster();
    let ran = world.run(&["verify", "t2", "--json"]);
    assert_eq!((ran.code, ran.reason().as_str()), (1, "damaged"));
    assert_eq!(ran.json()[0]["tenant"], "t2");
    let events = done(&world, "events --tenant t2");
    assert_eq!(events[0]["actor"], "operator admin", "who ordered it here");
    // What nobody could read is no damage, and does not count as read back.
    let ran = world.run(&["verify", "t1", "--json"]);
    assert_eq!((ran.code, ran.reason().as_str()), (6, "unread"));
    let row = &ran.json()[0];
    assert_eq!((&row["damaged"], &row["unread"]), (&json!(0), &json!(2)));
    assert_eq!(done(&world, "events --tenant t1"), json!([]));
    let ran = world.run(&["verify", "--json"]);
    assert_eq!((ran.code, ran.reason().as_str()), (1, "not-all"));
    assert_eq!(ran.json().as_array().unwrap().len(), 2);
    assert!(ran.errors.contains("berlin-3"), "{ran:?}");
}

#[test]
fn a_view_is_made_and_a_restore_done_at_home_and_an_export_is_not() {
    let (world, is_cut) = cluster();
    let at = "--at 2020-05-01T12:00:00Z";
    let view = done(&world, &format!("bin view t2 main {at}"));
    assert_eq!(view["scope"], "read");
    done(&world, &format!("bin restore t2 main {at}"));
    done(&world, &format!("bin export t1 main {at} --to x"));
    let export = format!("bin export t2 main {at} --to x");
    refused(&world, &export, 4, "other-node");
    is_cut.store(true, Ordering::Relaxed);
    refused(
        &world,
        &format!("bin restore t2 main {at}"),
        1,
        "node-unreachable",
    );
}

#[test]
fn actors_of_any_node_are_looked_into() {
    let (world, _) = cluster();
    let all = world.run(&["shell", "-c", "tree --cluster"]);
    let titles = ["berlin-1  node-1", "berlin-2  node-2", "berlin-3  node-3"];
    let shown: Vec<&str> = all
        .out
        .lines()
        .filter(|it| it.starts_with("berlin"))
        .collect();
    assert_eq!(shown, titles, "{all:?}");
    assert!(
        all.out.contains("node-3 (berlin-3) does not answer"),
        "{all:?}"
    );
    assert!(all.out.contains("└─ t2"), "{all:?}");
    let own = world.run(&["shell", "-c", "tree"]).out;
    assert!(own.contains("t1") && !own.contains("t2"), "{own}");
    // Only the first of them has actors.
    assert_eq!(world.run(&["shell", "-c", "show berlin-1:catalog"]).code, 0);
    let there = world.run(&["shell", "-c", "show node-2:catalog", "--json"]);
    assert_eq!((there.code, there.reason().as_str()), (3, "no-actor"));
    let broken = "restart --yes berlin-2:tenants/broken";
    assert_eq!(world.run(&["shell", "-c", broken]).code, 0);
}

#[test]
fn the_status_is_that_of_the_cluster_and_a_check_fails_while_something_is_wrong() {
    let (world, is_cut) = cluster();
    let status = done(&world, "status");
    let cluster = &status["cluster"];
    assert_eq!(
        (&cluster["leader"], &cluster["quorum"]),
        (&json!("node-1"), &json!(true))
    );
    assert_eq!(cluster["reachable-voters"], 2);
    let answers: Vec<_> = (0..3).map(|at| &cluster["nodes"][at]["answers"]).collect();
    assert_eq!(answers, [&json!(true), &json!(true), &json!(false)]);
    let checked = world.run(&["status", "--check", "--json"]);
    assert_eq!((checked.code, checked.reason().as_str()), (1, "trouble"));
    assert!(
        checked.errors.contains("node-3 (berlin-3) does not answer"),
        "{checked:?}"
    );
    is_cut.store(true, Ordering::Relaxed);
    let status = done(&world, "status");
    assert_eq!(status["cluster"]["quorum"], false);
    let first = status["trouble"][0].as_str().unwrap();
    assert!(first.starts_with("1 of 3 voters answer"), "{first}");
}
