//! Pools by script; in `orders` against any order of commands.

mod orders;

use super::super::command::{
    Actor, ClusterCommand, Command, Contract, NewNode, NodeCommand, Submission, TenantCommand,
};
use super::super::fixture::{remove_tenant, tenant, tenant_name};
use super::super::rows::{NodeState, Operator, Role, Rows};
use super::super::{Class, apply};
use super::*;
use crate::kernel::{NodeName, Sequence, Timestamp};
use crate::names::OperatorName;

/// A log of commands on a cluster; ann gives them.
struct Log {
    rows: Rows,
    told: usize,
}

impl Log {
    /// Nodes 1 to `count`, all of them gateways but node 9.
    fn of(count: u64) -> Self {
        let mut rows = Rows::default();
        let (role, uid) = (Role::Admin, None);
        rows.operators.insert(ann(), Operator { role, uid });
        rows.cluster.minor = 1;
        let mut log = Self { rows, told: 0 };
        for id in 1..=count {
            log.add(id);
        }
        log.events();
        log
    }

    fn give(&mut self, by: Actor, command: Command) -> Result<Outcome, Refused> {
        let submission = Submission {
            client: 0,
            sequence: 0,
            by,
            at: Timestamp::default(),
            command,
        };
        let index = Sequence::new(self.rows.index.raw() + 1);
        let (rows, answer) = apply(&self.rows, index, &submission);
        if answer.is_err() {
            let index = self.rows.index;
            assert_eq!(
                Rows {
                    index,
                    ..rows.clone()
                },
                self.rows,
                "a refusal changed something"
            );
        }
        self.rows = rows;
        holds(&self.rows);
        answer.map(|(outcome, _)| outcome)
    }

    fn ann(&mut self, command: Command) -> Result<Outcome, Refused> {
        self.give(Actor::Operator(ann()), command)
    }

    fn pool(&mut self, name: &str, command: PoolCommand) -> Result<Outcome, Refused> {
        self.ann(Command::Pool(pool(name), command))
    }

    fn create(&mut self, name: &str, nodes: &[u64]) -> Result<Outcome, Refused> {
        self.pool(name, create(nodes))
    }

    fn add(&mut self, id: u64) {
        let role = if id == 9 { "storage" } else { GATEWAY };
        let node = NewNode {
            name: NodeName::parse(&format!("n{id}")).unwrap(),
            addresses: Vec::new(),
            key: [id as u8; 32],
            roles: [role.to_owned()].into(),
            zone: String::new(),
        };
        let add = ClusterCommand::Node(NodeId::new(id), NodeCommand::Add(node));
        self.give(Actor::System, Command::Cluster(add)).unwrap();
    }

    fn node(&mut self, id: u64, command: NodeCommand) -> Result<Outcome, Refused> {
        self.ann(Command::Cluster(ClusterCommand::Node(
            NodeId::new(id),
            command,
        )))
    }

    /// What happened since the last look, a line each.
    fn events(&mut self) -> Vec<String> {
        let new = self.rows.events.values().skip(self.told).map(line);
        let new: Vec<String> = new.collect();
        self.told += new.len();
        new
    }
}

fn line(event: &super::super::rows::Event) -> String {
    format!("{} {:?} {}", event.code, event.severity, event.text)
}

fn ann() -> OperatorName {
    OperatorName::parse("ann").unwrap()
}

fn pool(name: &str) -> PoolName {
    PoolName::parse(name).unwrap()
}

fn nodes(nodes: &[u64]) -> BTreeSet<NodeId> {
    nodes.iter().map(|id| NodeId::new(*id)).collect()
}

fn create(of: &[u64]) -> PoolCommand {
    PoolCommand::Create {
        description: String::new(),
        nodes: nodes(of),
    }
}

fn add(of: &[u64]) -> PoolCommand {
    PoolCommand::Add { nodes: nodes(of) }
}

fn terms(pools: &[&str], fails_over: bool) -> Terms {
    let pools = pools.iter().map(|name| pool(name)).collect();
    Terms { pools, fails_over }
}

fn add_tenant(name: &str, terms: Terms) -> Command {
    tenant(name, TenantCommand::AddWith(Box::default(), terms))
}

fn set_pools(name: &str, pools: &[&str]) -> Command {
    let change = TermsChange {
        pools: Some(terms(pools, false).pools),
        fails_over: None,
    };
    tenant(name, TenantCommand::SetWith(Box::default(), change))
}

/// What is true of all rows.
fn holds(rows: &Rows) {
    let gateways = &rows.gateways;
    for (id, pool) in &gateways.members {
        assert!(
            gateways.pools.contains_key(pool),
            "{id} is in no pool at all"
        );
        let row = &rows.cluster.nodes[id];
        let is_gateway = row.state != NodeState::Removed && row.roles.contains(GATEWAY);
        assert!(is_gateway, "{id} is no gateway");
    }
    let ids: BTreeSet<u64> = rows.tenants.values().map(|row| row.id).collect();
    for (id, terms) in &gateways.terms {
        assert!(ids.contains(id), "terms of nobody");
        let is_there = |pool: &PoolName| gateways.pools.contains_key(pool);
        assert!(
            terms.pools.iter().all(is_there),
            "a pool that was given is gone"
        );
    }
}

fn told(refused: Result<Outcome, Refused>) -> (Class, &'static str, String) {
    let refused = refused.unwrap_err();
    (refused.class(), refused.reason(), refused.to_string())
}

#[test]
fn a_pool_is_made_changed_and_removed_with_an_event_each() {
    let mut log = Log::of(4);
    log.create("west", &[1, 2]).unwrap();
    log.pool("west", PoolCommand::Add { nodes: nodes(&[3]) })
        .unwrap();
    log.pool(
        "west",
        PoolCommand::Take {
            node: NodeId::new(1),
        },
    )
    .unwrap();
    assert_eq!(log.rows.gateways.of(&pool("west")).count(), 2);
    assert_eq!(
        log.rows.free_gateways().collect::<BTreeSet<_>>(),
        nodes(&[1, 4])
    );
    log.pool("west", PoolCommand::Remove).unwrap();
    assert_eq!(
        log.events(),
        [
            "30090 Information pool west made of node-1 'n1', node-2 'n2'",
            "30091 Information pool west has node-3 'n3' too",
            "30091 Information pool west has node-1 'n1' no more",
            "30092 Warning pool west removed; its gateways are in none",
        ]
    );
    assert_eq!(log.rows.gateways, Default::default());
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let mut log = Log::of(9);
    log.create("west", &[1, 2]).unwrap();
    log.create("east", &[3]).unwrap();
    let take = |node| PoolCommand::Take {
        node: NodeId::new(node),
    };
    let (missing, conflict, rule) = (Class::NotFound, Class::Conflict, Class::Rule);
    for (name, command, class, reason, sentence) in [
        (
            "west",
            create(&[4]),
            conflict,
            "pool-exists",
            "there is a pool 'west' already",
        ),
        (
            "none-such",
            add(&[4]),
            missing,
            "no-pool",
            "there is no pool 'none-such'",
        ),
        (
            "west",
            add(&[4, 77]),
            missing,
            "no-node",
            "there is no node-77",
        ),
        (
            "west",
            add(&[4, 3]),
            conflict,
            "node-in-pool",
            "node-3 is in pool 'east' already; take it out of that first",
        ),
        (
            "new",
            create(&[9]),
            rule,
            "not-a-gateway",
            "node-9 does not have the role gateway, and only gateways are in pools",
        ),
        (
            "west",
            take(4),
            conflict,
            "node-not-in-pool",
            "node-4 is not in pool 'west'",
        ),
        (
            "east",
            take(3),
            conflict,
            "last-in-pool",
            "node-3 is the only gateway of pool 'east'; add another first, or remove the pool",
        ),
        (
            "new",
            create(&[]),
            Class::Usage,
            "out-of-range",
            "the gateways that are named must be 1 to 4096, not 0",
        ),
    ] {
        let expected = (class, reason, sentence.to_owned());
        assert_eq!(told(log.pool(name, command)), expected);
    }
}

#[test]
fn pools_are_an_operators_and_a_clusters() {
    let mut log = Log::of(4);
    let system = Command::Pool(pool("new"), create(&[4]));
    assert!(matches!(
        log.give(Actor::System, system),
        Err(Refused::NotAllowed(_))
    ));
    assert_eq!(Log::of(0).create("west", &[1]), Err(Refused::Alone));
}

#[test]
fn a_pool_that_tenants_were_given_stays() {
    let mut log = Log::of(2);
    log.create("west", &[1]).unwrap();
    log.ann(add_tenant("acme", terms(&["west"], true))).unwrap();
    log.ann(add_tenant("beta", terms(&["west"], false)))
        .unwrap();
    let sentence = "pool 'west' is used by 2 tenants, 'acme' among them; give others first, or \
                    none: 'tenant set --pools'";
    let expected = (Class::Conflict, "pool-in-use", sentence.to_owned());
    assert_eq!(told(log.pool("west", PoolCommand::Remove)), expected);
    log.ann(set_pools("acme", &[])).unwrap();
    log.ann(remove_tenant("beta")).unwrap();
    log.pool("west", PoolCommand::Remove).unwrap();
    let acme = log.rows.tenants[&tenant_name("acme")].id;
    assert_eq!(
        log.rows.gateways.terms(acme),
        terms(&[], true),
        "the rest stays"
    );
    let unknown = log.ann(set_pools("acme", &["north"]));
    assert_eq!(unknown, Err(PoolRefused::NoPool(pool("north")).into()));
}

#[test]
fn a_later_tenant_of_the_same_name_has_none_of_the_formers_pools() {
    let mut log = Log::of(2);
    log.create("west", &[1]).unwrap();
    log.ann(add_tenant("acme", terms(&["west"], true))).unwrap();
    log.ann(remove_tenant("acme")).unwrap();
    log.ann(tenant("acme", TenantCommand::Add(Contract::default())))
        .unwrap();
    let acme = log.rows.tenants[&tenant_name("acme")].id;
    assert_eq!(log.rows.gateways.terms(acme), Terms::default());
}

#[test]
fn with_every_gateway_in_a_pool_no_tenant_is_left_without_one() {
    let mut log = Log::of(2);
    log.create("west", &[1]).unwrap();
    log.ann(tenant("auto", TenantCommand::Add(Contract::default())))
        .unwrap();
    log.ann(add_tenant("acme", terms(&["west"], false)))
        .unwrap();
    log.events();
    log.pool("west", PoolCommand::Add { nodes: nodes(&[2]) })
        .unwrap();
    assert_eq!(
        log.events().last().unwrap(),
        "30093 Warning every gateway is in a pool: none serves tenants without a pool, who are 1 \
         now, and no other can be added"
    );
    let none_free = Err(PoolRefused::NoneFree.into());
    let add = tenant("late", TenantCommand::Add(Contract::default()));
    assert_eq!(log.ann(add.clone()), none_free);
    assert_eq!(log.ann(set_pools("acme", &[])), none_free);
    log.ann(add_tenant("late", terms(&["west"], false)))
        .unwrap();
    log.add(3);
    log.ann(set_pools("acme", &[])).unwrap();
    // The last free one may also go.
    log.events();
    log.node(3, NodeCommand::Remove).unwrap();
    assert!(log.events().last().unwrap().starts_with("30093 Warning"));
}

#[test]
fn a_node_that_goes_leaves_its_pool_and_whoever_takes_its_place_is_in_it() {
    let mut log = Log::of(4);
    log.create("west", &[1, 2]).unwrap();
    log.create("east", &[3]).unwrap();
    log.node(1, NodeCommand::Remove).unwrap();
    let left = log.rows.gateways.of(&pool("west")).collect::<BTreeSet<_>>();
    assert_eq!(left, nodes(&[2]));
    let node = log.rows.cluster.nodes.get_mut(&NodeId::new(2)).unwrap();
    node.state = NodeState::Down;
    let with = NodeId::new(3);
    log.node(2, NodeCommand::Replace { with }).unwrap();
    assert_eq!(log.rows.gateways.members.get(&with), Some(&pool("west")));
    let roles = Some(["storage".to_owned()].into());
    let set = NodeCommand::Set {
        addresses: None,
        key: None,
        roles,
        zone: None,
    };
    log.events();
    log.node(3, set).unwrap();
    let empty = "30091 Information pool west has node-3 'n3' no more, and so no gateway at all";
    assert_eq!(log.events(), [empty]);
}

#[test]
fn a_catalog_that_is_begun_anew_keeps_pools_and_who_was_given_them() {
    let mut log = Log::of(2);
    log.create("west", &[1, 2]).unwrap();
    log.ann(add_tenant("acme", terms(&["west"], true))).unwrap();
    let recovered = log.rows.recovered(NodeId::new(2), Timestamp::default());
    let left: Vec<NodeId> = recovered.gateways.of(&pool("west")).collect();
    assert_eq!(left, [NodeId::new(2)]);
    let imported = log.rows.imported(None, 0, Timestamp::default());
    assert!(imported.gateways.members.is_empty());
    for rows in [recovered, imported] {
        assert_eq!(rows.gateways.terms, log.rows.gateways.terms);
        assert_eq!(rows.gateways.pools, log.rows.gateways.pools);
        holds(&rows);
    }
}
