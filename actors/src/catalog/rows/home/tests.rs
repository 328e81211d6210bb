//! Rows made by hand, with owners, leases and nodes in any state.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{Lease, Node, Repository, Tenant};
use super::*;
use crate::kernel::{Epoch, NodeName, Size, Timestamp};
use crate::names::RepositoryName;

const NOW: Duration = Duration::from_secs(100);
const LEASE: Epoch = Epoch::new(7);

fn name(text: &str) -> TenantName {
    TenantName::parse(text).unwrap()
}

fn node(number: u64) -> NodeId {
    NodeId::new(number)
}

fn tenant(id: u64) -> Tenant {
    Tenant {
        id,
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
    }
}

/// One node of a cluster.
#[derive(Clone, Copy, Debug)]
struct Standing {
    state: NodeState,
    /// Whether its lease runs.
    runs: bool,
    role: Option<&'static str>,
}

const SOUND: Standing = Standing {
    state: NodeState::Active,
    runs: true,
    role: None,
};

impl Standing {
    /// Whether a tenant may be at home there, by the words of the manual.
    fn serves(self) -> bool {
        self.state == NodeState::Active && self.runs && self.role != Some("gateway")
    }
}

fn enter(rows: &mut Rows, number: u64, standing: Standing) {
    let row = Node {
        name: NodeName::parse(&format!("n{number}")).unwrap(),
        addresses: Vec::new(),
        key: [0; 32],
        roles: standing.role.into_iter().map(str::to_owned).collect(),
        zone: String::new(),
        state: standing.state,
        incarnation: 1,
        wall: None,
    };
    let late = if standing.runs { 1 } else { 0 };
    let lease = Lease {
        incarnation: 1,
        epoch: LEASE,
        until: NOW + Duration::from_secs(late),
    };
    rows.cluster.now = NOW;
    rows.cluster.nodes.insert(node(number), row);
    rows.cluster.leases.insert(node(number), lease);
}

/// Gives a tenant a repository, and that an owner under a lease.
fn own(rows: &mut Rows, of: u64, repository: u64, owner: u64, lease: Epoch) {
    let row = Repository {
        tenant: of,
        // The order of names is not that of ids.
        name: RepositoryName::parse(&format!("r{}", 100 - repository)).unwrap(),
        quota: Size::gib(1),
        hold_days: 0,
        min_copies: 1,
        epoch: Epoch::new(1),
        made: Timestamp::default(),
        removed: None,
        verified: None,
    };
    let (id, node) = (RepositoryId::new(repository), node(owner));
    rows.repositories.insert(id, row);
    rows.cluster.owners.insert(id, Owner { node, lease });
}

/// So many sound nodes, and the tenant `acme`.
fn cluster(count: u64) -> Rows {
    let mut rows = Rows::default();
    (1..=count).for_each(|number| enter(&mut rows, number, SOUND));
    rows.tenants.insert(name("acme"), tenant(1));
    rows
}

/// A node that is not at home by its share alone.
fn elsewhere(rows: &Rows) -> u64 {
    let share = rows.home(&name("acme")).unwrap();
    (1..).find(|number| node(*number) != share).unwrap()
}

#[test]
fn a_tenant_stays_where_its_data_is_written() {
    let mut rows = cluster(3);
    let owner = elsewhere(&rows);
    own(&mut rows, 1, 5, owner, LEASE);
    assert_eq!(rows.home(&name("acme")), Some(node(owner)));
    // Under an earlier lease it was another life of that node.
    own(&mut rows, 1, 5, owner, Epoch::new(6));
    assert_ne!(rows.home(&name("acme")), Some(node(owner)));
    // Of two that write, the one with the older repository.
    own(&mut rows, 1, 5, owner, LEASE);
    let other = (1..).find(|number| *number != owner).unwrap();
    own(&mut rows, 1, 4, other, LEASE);
    assert_eq!(rows.home(&name("acme")), Some(node(other)));
    // What somebody else's node writes is nothing to this tenant.
    let theirs = (1..)
        .find(|number| ![owner, other].contains(number))
        .unwrap();
    own(&mut rows, 2, 3, theirs, LEASE);
    assert_eq!(rows.home(&name("acme")), Some(node(other)));
}

#[test]
fn a_tenant_leaves_a_node_that_drains_is_down_or_has_lost_its_lease() {
    let leaving = [
        Standing {
            state: NodeState::Draining,
            ..SOUND
        },
        Standing {
            state: NodeState::Down,
            ..SOUND
        },
        Standing {
            state: NodeState::Removed,
            ..SOUND
        },
        Standing {
            runs: false,
            ..SOUND
        },
    ];
    for standing in leaving {
        let mut rows = cluster(3);
        let owner = elsewhere(&rows);
        own(&mut rows, 1, 5, owner, LEASE);
        let home = rows.home(&name("acme")).unwrap();
        enter(&mut rows, home.raw(), standing);
        let next = rows.home(&name("acme")).unwrap();
        assert_ne!(next, home, "{standing:?}");
    }
}

#[test]
fn whoever_is_no_tenant_is_at_home_too_and_stays_there() {
    let mut rows = cluster(5);
    let home = rows.home(&name("nobody"));
    assert!(home.is_some());
    // Becoming a tenant changes nothing before data is written.
    rows.tenants.insert(name("nobody"), tenant(9));
    assert_eq!(rows.home(&name("nobody")), home);
}

#[test]
fn a_user_goes_where_the_tenant_is() {
    let rows = cluster(3);
    let home = rows.home(&name("acme")).unwrap();
    let other = node(elsewhere(&rows));
    for user in ["acme", "acme+laptop", "acme+", "acme+a+b"] {
        assert_eq!(rows.way(other, true, user), Way::Node(home), "{user}");
        assert_eq!(rows.way(home, true, user), Way::Here, "{user}");
        assert_eq!(rows.way(home, false, user), Way::Nowhere, "{user}");
        assert_eq!(rows.way(other, false, user), Way::Node(home), "{user}");
    }
    for user in ["", "+laptop", "a/b", " acme", "con", "a\0b"] {
        assert_eq!(rows.way(other, true, user), Way::Here, "{user}");
    }
}

#[test]
fn a_node_that_knows_no_node_at_work_serves_nobody() {
    let mut rows = Rows::default();
    assert_eq!(rows.home(&name("acme")), None);
    assert_eq!(rows.way(node(1), false, "acme"), Way::Nowhere);
    enter(
        &mut rows,
        1,
        Standing {
            runs: false,
            ..SOUND
        },
    );
    assert_eq!(rows.home(&name("acme")), None);
    assert_eq!(rows.way(node(1), true, "acme"), Way::Nowhere);
    assert_eq!(rows.way(node(1), true, "no/name"), Way::Here);
}

#[test]
fn homes_stay_the_same_in_all_versions() {
    let rows = cluster(5);
    let homes = ["acme", "b", "Zoo Inc", "x.y", "tenant-0815"]
        .map(|user| rows.home(&name(user)).unwrap().raw());
    assert_eq!(homes, [4, 3, 4, 3, 2]);
}

fn standing() -> impl Strategy<Value = Standing> {
    let states = vec![
        NodeState::Joining,
        NodeState::Active,
        NodeState::Active,
        NodeState::Draining,
        NodeState::Down,
        NodeState::Removed,
    ];
    let roles = vec![None, None, Some("gateway"), Some("storage")];
    let all = (
        prop::sample::select(states),
        prop::bool::weighted(0.7),
        prop::sample::select(roles),
    );
    all.prop_map(|(state, runs, role)| Standing { state, runs, role })
}

/// Nodes, and who owns which repository of a tenant under which lease.
type Plan = (Vec<Standing>, Vec<(u64, u64, u64)>);

fn plan() -> impl Strategy<Value = Plan> {
    let owners = prop::collection::vec((1..6_u64, 1..8_u64, 6..8_u64), 0..4);
    (prop::collection::vec(standing(), 0..7), owners)
}

fn rows_of((nodes, owners): &Plan) -> Rows {
    let mut rows = cluster(0);
    for (number, standing) in (1..).zip(nodes) {
        enter(&mut rows, number, *standing);
    }
    for (repository, owner, lease) in owners {
        own(&mut rows, 1, *repository, *owner, Epoch::new(*lease));
    }
    rows
}

/// The owner that counts, by a slower look at all of it.
fn keeper(rows: &Rows) -> Option<NodeId> {
    let mut owners: Vec<_> = rows.cluster.owners.iter().collect();
    owners.sort_by_key(|(repository, _)| **repository);
    let counts = |owner: &Owner| {
        let runs = rows.cluster.is_leased(owner.node) && owner.lease == LEASE;
        let row = rows.cluster.nodes.get(&owner.node);
        runs && row.is_some_and(|row| row.state == NodeState::Active)
    };
    let found = owners.into_iter().find(|(_, owner)| counts(owner));
    found.map(|(_, owner)| owner.node)
}

proptest! {
    #[test]
    fn a_home_is_a_node_at_work_and_there_is_one_if_any_node_serves(
        plan in plan(),
        user in "[a-d]{1,3}",
    ) {
        let rows = rows_of(&plan);
        let at = |node: NodeId| plan.0[node.raw() as usize - 1];
        match rows.home(&name(&user)) {
            Some(home) => prop_assert!(at(home).serves()),
            None => prop_assert!(!plan.0.iter().any(|standing| standing.serves())),
        }
        let acme = rows.home(&name("acme"));
        match keeper(&rows) {
            Some(keeper) => prop_assert_eq!(acme, Some(keeper)),
            None => prop_assert!(acme.is_none_or(|home| at(home).serves())),
        }
    }

    #[test]
    fn all_nodes_agree_and_exactly_one_serves(plan in plan(), user in "[a-d]{1,3}") {
        let rows = rows_of(&plan);
        let ways: Vec<Way> = (1..=9).map(|number| rows.way(node(number), true, &user)).collect();
        let here = ways.iter().filter(|way| **way == Way::Here).count();
        let home = rows.home(&name(&user));
        let expected = match home {
            Some(_) => 1,
            None => 0,
        };
        prop_assert_eq!(here, expected);
        for (number, way) in (1..).zip(ways) {
            if let Way::Node(target) = way {
                prop_assert_ne!(target, node(number));
                prop_assert_eq!(Some(target), home);
            }
        }
    }

    #[test]
    fn when_a_node_goes_only_its_own_names_move(
        count in 2..9_u64,
        gone in 1..9_u64,
        users in prop::collection::vec("[a-z]{1,8}", 1..40),
    ) {
        let gone = gone.min(count);
        let before = cluster(count);
        let mut after = before.clone();
        enter(&mut after, gone, Standing { runs: false, ..SOUND });
        for user in users.iter().filter(|user| TenantName::parse(user).is_ok()) {
            let (was, is) = (before.home(&name(user)), after.home(&name(user)));
            prop_assert!(was == is || was == Some(node(gone)), "{}", user);
        }
    }
}

#[test]
fn each_node_has_its_share_of_the_names() {
    let rows = cluster(4);
    let mut shares = [0; 4];
    for number in 0..4_000 {
        let home = rows.home(&name(&format!("tenant-{number}"))).unwrap();
        shares[home.raw() as usize - 1] += 1;
    }
    let fair = 800..1_200;
    assert!(
        shares.iter().all(|share| fair.contains(share)),
        "{shares:?}"
    );
}
