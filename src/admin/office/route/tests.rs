//! Orders of every kind, given to the first of three nodes.

use std::time::Duration;

use holdfast_actors::catalog::rows::{Lease, Node, Owner, Repository as Row, Tenant as TenantRow};
use holdfast_actors::kernel::{Epoch, NodeName, RepositoryId, Size, Timestamp};
use holdfast_actors::names::RepositoryName;
use serde_json::json;

use super::*;

const HERE: NodeId = NodeId::new(1);

fn name(text: &str) -> TenantName {
    TenantName::parse(text).unwrap()
}

fn order(words: serde_json::Value) -> Order {
    serde_json::from_value(words).unwrap()
}

/// Three nodes; the tenant `t1` is at home on the first and so on, as owners say.
pub(in crate::admin::office) fn rows() -> Rows {
    let mut rows = Rows::default();
    rows.cluster.now = Duration::from_secs(100);
    for number in 1..=3 {
        let id = NodeId::new(number);
        let node = Node {
            name: NodeName::parse(&format!("berlin-{number}")).unwrap(),
            addresses: Vec::new(),
            key: [0; 32],
            roles: BTreeSet::new(),
            zone: String::new(),
            state: NodeState::Active,
            incarnation: 1,
            wall: None,
        };
        let lease = Lease {
            incarnation: 1,
            epoch: Epoch::new(number),
            until: Duration::from_secs(103),
        };
        let owner = Owner {
            node: id,
            lease: lease.epoch,
        };
        let tenant = TenantRow {
            id: number,
            description: String::new(),
            disabled: None,
            lease: None,
            restore_grace: 0,
            purge_hold: 0,
            tasks: 1,
            bandwidth: None,
            bin_days: 0,
            bin_limit: None,
            warned: None,
            ended: false,
            last_session: None,
        };
        let repository = Row {
            tenant: number,
            name: RepositoryName::parse("main").unwrap(),
            quota: Size::gib(1),
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
        rows.tenants.insert(name(&format!("t{number}")), tenant);
        rows.repositories
            .insert(RepositoryId::new(number), repository);
    }
    rows
}

fn view(tenant: &str) -> serde_json::Value {
    json!({ "tenant": tenant, "repository": "main", "at": "2026-05-01T12:00:00Z" })
}

fn all_nodes() -> BTreeSet<NodeId> {
    [1, 2, 3].map(NodeId::new).into()
}

#[track_caller]
fn goes(words: serde_json::Value) -> Result<Route, String> {
    route(&order(words), &rows(), Some(HERE)).map_err(|problem| problem.reason)
}

#[test]
fn what_visits_a_repository_goes_to_its_home() {
    let restore = |tenant: &str| json!({ "bin": { "restore": { "view": view(tenant) } } });
    for (tenant, at) in [("t1", Route::Here), ("t2", Route::At(NodeId::new(2)))] {
        let named = json!({ "tenant": tenant, "name": "main" });
        for words in [
            json!({ "tenant": { "show": { "name": tenant } } }),
            json!({ "repository": { "show": named } }),
            json!({ "bin": { "view": view(tenant) } }),
            restore(tenant),
        ] {
            assert_eq!(goes(words.clone()), Ok(at.clone()), "{words}");
        }
    }
    let unknown = json!({ "tenant": { "show": { "name": "nobody" } } });
    assert_eq!(
        goes(unknown),
        Ok(Route::Here),
        "any node says that there is none"
    );
}

#[test]
fn an_export_is_ordered_where_its_directory_is() {
    let export = |tenant: &str| {
        let words = json!({ "bin": { "export": {
            "view": view(tenant), "to": "/x",
        } } });
        route(&order(words), &rows(), Some(HERE))
    };
    assert_eq!(export("t1").unwrap(), Route::Here);
    let refused = export("t2").unwrap_err();
    assert_eq!(refused.reason, "other-node");
    assert!(
        refused.message.ends_with("order it on node-2 (berlin-2)"),
        "{refused}"
    );
}

#[test]
fn what_is_about_all_goes_to_each_home_and_looks_to_each_node() {
    for words in [
        json!({ "repository": { "list": {} } }),
        json!({ "bin": { "list": {} } }),
        json!({ "usage": {} }),
        json!({ "verify": {} }),
        json!("status"),
        json!({ "shell": "sessions" }),
        json!({ "shell": { "tree": { "cluster": true } } }),
    ] {
        assert_eq!(goes(words.clone()), Ok(Route::Each(all_nodes())), "{words}");
    }
    let second = Ok(Route::Each([NodeId::new(2)].into()));
    assert_eq!(goes(json!({ "verify": { "tenant": "t2" } })), second);
    assert_eq!(
        goes(json!({ "repository": { "list": { "tenant": "t2" } } })),
        second
    );
    let mut rows = rows();
    rows.cluster.nodes[&NodeId::new(3)].state = NodeState::Removed;
    let all = route(&Order::Status, &rows, Some(HERE)).unwrap();
    assert_eq!(all, Route::Each([1, 2].map(NodeId::new).into()));
}

#[test]
fn what_the_catalog_does_is_done_anywhere() {
    for words in [
        json!({ "tenant": "list" }),
        json!({ "repository": { "list": { "removed": true } } }),
        json!({ "events": { "follow": true } }),
        json!({ "node": "list" }),
        json!({ "shell": { "tree": {} } }),
        json!({ "shell": { "why": { "path": "node/catalog" } } }),
        json!({ "shell": { "why": { "path": "berlin-1:node/catalog" } } }),
    ] {
        assert_eq!(goes(words.clone()), Ok(Route::Here), "{words}");
    }
}

#[test]
fn a_look_goes_to_the_node_that_it_names() {
    let why = |node: &str| json!({ "shell": { "why": { "path": format!("{node}:catalog") } } });
    let second = Ok(Route::At(NodeId::new(2)));
    assert_eq!(goes(why("berlin-2")), second);
    assert_eq!(goes(why("node-2")), second);
    let stop = json!({ "shell": { "stop": { "path": "node-2:node/catalog" } } });
    assert_eq!(goes(stop), second);
    assert_eq!(goes(why("node-9")), Err("no-node".to_owned()));
    assert_eq!(goes(why("paris")), Err("no-node".to_owned()));
    let mut rows = rows();
    rows.cluster.nodes[&NodeId::new(2)].state = NodeState::Removed;
    let gone = route(&order(why("node-2")), &rows, Some(HERE)).unwrap_err();
    assert_eq!(gone.reason, "no-node");
}

#[test]
fn a_node_that_stands_alone_has_no_other() {
    let alone = |words| route(&order(words), &Rows::default(), None);
    assert_eq!(alone(json!("status")).unwrap(), Route::Here);
    assert_eq!(alone(json!({ "usage": {} })).unwrap(), Route::Here);
    let cluster = alone(json!({ "shell": { "tree": { "cluster": true } } }));
    assert_eq!(cluster.unwrap_err(), Problem::from(Refused::Alone));
    let other = alone(json!({ "shell": { "show": { "path": "node-2:node" } } }));
    assert_eq!(other.unwrap_err(), Problem::from(Refused::Alone));
}
