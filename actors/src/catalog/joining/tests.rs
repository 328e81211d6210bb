//! Tokens and nodes, by script and against any order of commands.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::command::{Actor, ClusterCommand, Command, NodeCommand, Submission};
use super::super::record::{restore, snapshot};
use super::super::rows::{Role, Rows};
use super::super::{AddressRefused, Family, apply};
use super::*;
use crate::kernel::{NodeId, NodeName, Sequence};
use crate::names::OperatorName;

const NOON: u64 = 1_795_262_400_000;

/// A log of commands on a cluster of one node, whose key is 100 and whose clock the test sets.
struct Log {
    rows: Rows,
    index: u64,
    wall: u64,
}

impl Log {
    fn new() -> Self {
        let mut log = Self {
            rows: Rows::default(),
            index: 0,
            wall: NOON,
        };
        log.rows.cluster.minor = 1;
        let add = NodeCommand::Add(node("founder", 100));
        log.system(ClusterCommand::Node(NodeId::new(1), add))
            .unwrap();
        log
    }

    fn give(&mut self, by: Actor, command: ClusterCommand) -> Result<Outcome, Refused> {
        self.index += 1;
        let submission = Submission {
            client: 0,
            sequence: 0,
            by,
            at: Timestamp::from_millis(self.wall),
            command: Command::Cluster(command),
        };
        let (rows, answer) = apply(&self.rows, Sequence::new(self.index), &submission);
        self.rows = rows;
        answer.map(|(outcome, _)| outcome)
    }

    fn system(&mut self, command: ClusterCommand) -> Result<Outcome, Refused> {
        self.give(Actor::System, command)
    }

    fn token(&mut self, number: u8, life: u64) -> Result<Outcome, Refused> {
        let life = Duration::from_secs(life);
        self.system(ClusterCommand::Token {
            hash: [number; 32],
            life,
        })
    }

    fn join(&mut self, number: u8, name: &str, key: u8) -> Result<u64, Refused> {
        let token = [number; 32];
        let node = Box::new(node(name, key));
        let outcome = self.system(ClusterCommand::Join { token, node })?;
        let Outcome::Node { node } = outcome else {
            panic!("{outcome:?}");
        };
        Ok(node.raw())
    }

    fn remove(&mut self, id: u64) -> Result<Outcome, Refused> {
        self.system(ClusterCommand::Node(NodeId::new(id), NodeCommand::Remove))
    }

    fn pass(&mut self, seconds: u64) {
        self.wall += seconds * 1_000;
    }
}

fn node(name: &str, key: u8) -> NewNode {
    NewNode {
        name: NodeName::parse(name).unwrap(),
        addresses: vec![format!("192.0.2.{key}:7443")],
        key: [key; 32],
        roles: BTreeSet::new(),
        zone: String::new(),
    }
}

fn id(id: u64) -> NodeId {
    NodeId::new(id)
}

#[test]
fn a_token_lets_one_node_in_once() {
    let mut log = Log::new();
    let expires = Timestamp::from_millis(NOON + 3_600_000);
    assert_eq!(log.token(1, 3_600), Ok(Outcome::Token { expires }));
    assert_eq!(log.join(2, "a", 1), Err(Refused::NoToken));
    assert_eq!(log.join(1, "a", 1), Ok(2));
    assert_eq!(log.join(1, "a", 1), Ok(2), "the answer was lost");
    assert_eq!(log.join(1, "b", 2), Err(Refused::TokenUsed(id(2))));
    assert_eq!(log.token(1, 90), Err(Refused::TokenExists));
    log.pass(9_999);
    assert_eq!(log.join(1, "a", 1), Ok(2), "the answer was lost for long");
    let row = &log.rows.cluster.nodes[&id(2)];
    assert_eq!((row.key, row.state), ([1; 32], NodeState::Joining));
}

#[test]
fn a_token_that_expired_lets_nobody_in() {
    let mut log = Log::new();
    log.token(1, 60).unwrap();
    log.pass(60);
    let at = Timestamp::from_millis(NOON + 60_000);
    assert_eq!(log.join(1, "a", 1), Err(Refused::TokenExpired(at)));
    log.token(2, 60).unwrap();
    assert_eq!(log.join(1, "a", 1), Err(Refused::NoToken), "forgotten");
}

#[test]
fn a_clock_that_is_wrong_neither_ends_a_token_nor_prolongs_it() {
    let mut log = Log::new();
    log.rows.clock.wall = Timestamp::from_millis(NOON);
    log.rows.cluster.looked = Duration::from_secs(10);
    log.rows.cluster.now = Duration::from_secs(15);
    log.wall = NOON * 2;
    let expires = Timestamp::from_millis(NOON + 65_000);
    assert_eq!(log.token(1, 60), Ok(Outcome::Token { expires }));
    log.wall = NOON / 2;
    log.rows.cluster.now = Duration::from_secs(75);
    assert_eq!(log.join(1, "a", 1), Err(Refused::TokenExpired(expires)));
}

#[test]
fn a_removed_node_returns_with_nothing_that_it_had() {
    let mut log = Log::new();
    log.token(1, 60).unwrap();
    log.join(1, "a", 1).unwrap();
    log.remove(2).unwrap();
    assert_eq!(log.join(1, "a", 1), Err(Refused::TokenUsed(id(2))));
    log.token(2, 60).unwrap();
    assert_eq!(log.join(2, "a", 1), Err(Refused::NodeKeyRemoved(id(2))));
    assert_eq!(
        log.join(2, "a", 2),
        Ok(3),
        "the name is free, the number not"
    );
    assert_eq!(log.remove(2), Err(Refused::NoNode(id(2))));
}

#[test]
fn names_keys_and_limits_hold() {
    let mut log = Log::new();
    log.token(1, 60).unwrap();
    let name = NodeName::parse("founder").unwrap();
    assert_eq!(
        log.join(1, "founder", 2),
        Err(Refused::NodeName(name, id(1)))
    );
    assert_eq!(log.join(1, "b", 100), Err(Refused::NodeKey(id(1))));
    let nowhere = NewNode {
        addresses: Vec::new(),
        ..node("b", 2)
    };
    let (token, node) = ([1; 32], Box::new(nowhere));
    let nowhere = log.system(ClusterCommand::Join { token, node });
    assert_eq!(nowhere, Err(AddressRefused::Missing.into()));
    for odd in [0, 86_400 * 7 + 1] {
        assert!(matches!(log.token(9, odd), Err(Refused::Range { .. })));
    }
    for number in 2..=64 {
        log.token(number, 60).unwrap();
    }
    assert!(matches!(log.token(65, 60), Err(Refused::TooMany { .. })));
    log.join(1, "b", 2).unwrap();
    log.token(65, 60).unwrap();
    let read = restore(&snapshot(&log.rows)).unwrap();
    assert_eq!(read, log.rows);
}

/// A newcomer that is reached there.
fn at(number: u8, addresses: &[&str]) -> ClusterCommand {
    let new = NewNode {
        addresses: addresses.iter().map(|it| (*it).to_owned()).collect(),
        ..node(&format!("n{number}"), number)
    };
    let (token, node) = ([number; 32], Box::new(new));
    ClusterCommand::Join { token, node }
}

#[test]
fn no_two_nodes_are_reached_at_one_address() {
    let mut log = Log::new();
    for number in 1..4 {
        log.token(number, 60).unwrap();
    }
    let founder = NodeName::parse("founder").unwrap();
    let taken = AddressRefused::Taken("192.0.2.100:7443".to_owned(), id(1), founder);
    for address in ["192.0.2.100:7443", "[::ffff:192.0.2.100]:7443"] {
        let refused = log.system(at(1, &["192.0.2.1:7443", address]));
        assert_eq!(refused, Err(taken.clone().into()));
    }
    log.system(at(1, &["192.0.2.100:7444"])).unwrap();
    // Who is gone needs none any more.
    assert!(log.system(at(2, &["192.0.2.100:7444"])).is_err());
    log.remove(2).unwrap();
    log.system(at(2, &["192.0.2.100:7444"])).unwrap();
    // Whoever cannot know the rule must come to the same end.
    log.rows.cluster.minor = 0;
    log.system(at(3, &["192.0.2.100:7444"])).unwrap();
}

#[test]
fn a_node_is_let_in_that_every_other_can_reach() {
    let mut log = Log::new();
    for number in 1..4 {
        log.token(number, 60).unwrap();
    }
    let apart = AddressRefused::Apart {
        ours: Family::V6,
        theirs: Family::V4,
        node: id(1),
        name: NodeName::parse("founder").unwrap(),
    };
    let refused = log.system(at(1, &["[2001:db8::1]:7443"]));
    assert_eq!(refused, Err(apart.clone().into()));
    assert_eq!(
        apart.to_string(),
        "the others reach this node by IPv6 alone, and node-1 'founder' by IPv4 alone, so that the \
         two would never reach each other"
    );
    let both = ["[2001:db8::1]:7443", "192.0.2.1:7443"];
    log.system(at(1, &both)).unwrap();
    log.remove(1).unwrap();
    log.system(at(2, &["[2001:db8::2]:7443"])).unwrap();
    let apart = log.system(at(3, &["192.0.2.3:7443"])).unwrap_err();
    assert_eq!(apart.reason(), "addresses-apart");
}

#[test]
fn a_node_that_stands_alone_makes_no_tokens() {
    let mut log = Log::new();
    log.rows = Rows::default();
    assert_eq!(log.token(1, 60), Err(Refused::Alone));
}

#[test]
fn an_admin_makes_tokens_and_nobody_but_the_system_lets_nodes_in() {
    let mut log = Log::new();
    let name = |text: &str| OperatorName::parse(text).unwrap();
    for (operator, role) in [("ann", Role::Admin), ("vic", Role::Viewer)] {
        let row = super::super::rows::Operator { role, uid: None };
        log.rows.operators.insert(name(operator), row);
    }
    let (ann, vic) = (Actor::Operator(name("ann")), Actor::Operator(name("vic")));
    let token = |number: u8| ClusterCommand::Token {
        hash: [number; 32],
        life: Duration::from_secs(60),
    };
    assert!(log.give(ann.clone(), token(1)).is_ok());
    assert!(matches!(
        log.give(vic, token(2)),
        Err(Refused::NotAllowed(_))
    ));
    let join = ClusterCommand::Join {
        token: [1; 32],
        node: Box::new(node("a", 1)),
    };
    assert!(matches!(log.give(ann, join), Err(Refused::NotAllowed(_))));
}

#[derive(Clone, Debug)]
enum Step {
    Token(u8, u64),
    Join(u8, &'static str, u8),
    Remove(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let names = prop::sample::select(vec!["a", "b", "c", "d"]);
    prop_oneof![
        (0..6_u8, 0..100_u64).prop_map(|(number, life)| Step::Token(number, life)),
        (0..6_u8, names, 0..6_u8).prop_map(|(number, name, key)| Step::Join(number, name, key)),
        (2..8_u64).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn whatever_is_asked_a_token_lets_one_key_in_and_a_key_has_one_number(
        steps in prop::collection::vec((0..10_u64, step()), 0..80),
    ) {
        let mut log = Log::new();
        // By the moment in which it was made: a token that was forgotten may be made again.
        let mut made: BTreeMap<u8, (Timestamp, Option<u8>)> = BTreeMap::new();
        let mut numbers: BTreeMap<u8, u64> = BTreeMap::new();
        let mut ever: BTreeSet<u64> = [1].into();
        for (passed, step) in steps {
            log.pass(passed);
            match step {
                Step::Token(number, life) => {
                    if let Ok(Outcome::Token { expires }) = log.token(number, life) {
                        made.insert(number, (expires, None));
                    }
                }
                Step::Join(number, name, key) => {
                    let Ok(node) = log.join(number, name, key) else { continue };
                    let (expires, used) = made.get_mut(&number).unwrap();
                    match used {
                        Some(before) => prop_assert_eq!(*before, key, "a token let two keys in"),
                        None => {
                            prop_assert!(expires.as_millis() > log.wall, "an expired token");
                            prop_assert!(ever.insert(node), "a number came twice");
                            *used = Some(key);
                        }
                    }
                    let number = *numbers.entry(key).or_insert(node);
                    prop_assert_eq!(number, node, "a key has two numbers");
                }
                Step::Remove(node) => {
                    let _ = log.remove(node);
                }
            }
            let live = |node: &&super::super::rows::Node| node.state != NodeState::Removed;
            let nodes = &log.rows.cluster.nodes;
            let names: BTreeSet<_> = nodes.values().filter(live).map(|node| &node.name).collect();
            prop_assert_eq!(names.len(), nodes.values().filter(live).count(), "a name twice");
            let keys: BTreeSet<_> = nodes.values().map(|node| node.key).collect();
            prop_assert_eq!(keys.len(), nodes.len(), "a key twice");
        }
    }
}

#[test]
fn a_token_that_was_revoked_lets_nobody_in_and_one_that_was_used_stays_known() {
    let mut log = Log::new();
    log.token(1, 60).unwrap();
    log.token(2, 60).unwrap();
    log.join(2, "a", 1).unwrap();
    let revoke = |number: u8| ClusterCommand::Revoke { hash: [number; 32] };
    log.system(revoke(1)).unwrap();
    assert_eq!(log.join(1, "b", 2), Err(Refused::NoToken));
    assert_eq!(log.system(revoke(1)), Err(Refused::NoToken));
    assert_eq!(log.system(revoke(2)), Err(Refused::TokenUsed(id(2))));
    assert_eq!(log.join(2, "a", 1), Ok(2));
}
