//! A catalog that is begun anew from what is known of one: after a majority of its voters was lost
//! for good, or from a backup of it.
//!
//! What the lost part decided last is not known here. So that nothing that it gave out is given out
//! again, numbers go on far behind the last one that is known: places in the log, which are the
//! epochs by which writers are fenced, and ids.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::NewNode;
use super::draft::Draft;
use super::events::Code;
use super::rows::{Cluster, Event, Node, NodeState, Replicas, Rows};
use crate::kernel::{ExtentId, NodeId, RepositoryId, Sequence, Timestamp};
use crate::names::TapeName;

/// More commands than a catalog takes in while one of its voters is behind.
const AHEAD: u64 = 1_000_000_000;
/// More things than are made meanwhile.
const IDS_AHEAD: u64 = 1_000_000;

/// A node of a new cluster, and what lies on it.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its number.
    pub node: NodeId,
    /// Its row.
    pub row: NewNode,
    /// Extents of which it has a sound copy.
    pub extents: BTreeSet<ExtentId>,
}

impl Rows {
    /// The catalog as one node has it that goes on alone: all others are removed, so that they are
    /// refused if they return, and every lease has ended.
    #[must_use]
    pub fn recovered(&self, survivor: NodeId, at: Timestamp) -> Self {
        let mut rows = self.clone();
        rows.skip(0);
        let cluster = &mut rows.cluster;
        let mut gone = Vec::new();
        for (id, node) in self.cluster.nodes.iter().filter(|(id, _)| **id != survivor) {
            if node.state != NodeState::Removed {
                gone.push(format!("{id} '{}'", node.name));
            }
            let state = NodeState::Removed;
            let node = Node {
                state,
                ..node.clone()
            };
            cluster.nodes.insert(*id, node);
        }
        if let Some(node) = cluster.nodes.get_mut(&survivor) {
            node.state = NodeState::Active;
        }
        cluster.leases.clear();
        cluster.owners.clear();
        cluster.tokens.clear();
        rows.gateways.members = (rows.gateways.members.into_iter())
            .filter(|(node, _)| *node == survivor)
            .collect();
        let libraries = rows.tape.libraries.clone();
        let other = |at: &TapeName| {
            libraries
                .get(at)
                .is_none_or(|row| row.node != Some(survivor))
        };
        rows.tape.put_away(other);
        let eased = rows.ease();
        let text = format!(
            "the catalog goes on from {survivor} alone, as it was known there up to command {}; \
             given up: {}{eased}",
            self.index.raw(),
            gone.join(", ")
        );
        rows.note(at, Code::CatalogRecovered, text);
        rows
    }

    /// The catalog of a backup on a new node, alone or the first of a cluster; `last` is the
    /// highest number of an extent that lies there. What it knew of its cluster is left behind;
    /// pools stay, for the tenants who were given them, and have no gateway yet; cartridges wait
    /// for the libraries in which they are to be made known again.
    #[must_use]
    pub fn imported(&self, home: Option<&Home>, last: u64, at: Timestamp) -> Self {
        let mut rows = self.clone();
        rows.skip(last);
        rows.cluster = Cluster::default();
        rows.gateways.members.clear();
        rows.tape.libraries.clear();
        rows.tape.put_away(|_| true);
        rows.answers.clear();
        let mut eased = String::new();
        if let Some(home) = home {
            rows.settle(home);
            eased = rows.ease();
        }
        let mut text = format!(
            "the catalog was brought back from a backup, as it was at command {}{eased}",
            self.index.raw()
        );
        if home.is_some() && !rows.gateways.pools.is_empty() {
            text.push_str("; its pools have no gateway until 'pool add' gives them some");
        }
        rows.note(at, Code::CatalogImported, text);
        rows
    }

    /// Has as many copies do as there are nodes: otherwise nothing is taken, not even the lock that
    /// a restore needs. Says of how many repositories this is so from now on, as the end of a
    /// sentence.
    fn ease(&mut self) -> String {
        let most = self.cluster.usual_copies();
        let rows = self.repositories.iter();
        let eased = rows.filter(|(_, row)| row.min_copies > most);
        let eased: Vec<(RepositoryId, u32)> =
            eased.map(|(id, row)| (*id, row.min_copies)).collect();
        for (id, wanted) in &eased {
            // One that was eased before wanted even more.
            self.eased.entry(*id).or_insert(*wanted);
        }
        self.repositories
            .alter(|row| row.min_copies > most, |row| row.min_copies = most);
        match eased.len() {
            0 => String::new(),
            count => format!(
                "; repositories that wanted more copies acknowledge with one until there are nodes \
                 for them: {count}"
            ),
        }
    }

    fn skip(&mut self, last: u64) {
        self.index = Sequence::new(self.index.raw().saturating_add(AHEAD));
        self.last_id = self.last_id.max(last).saturating_add(IDS_AHEAD);
    }

    /// Makes a node the only one, with its extents.
    fn settle(&mut self, home: &Home) {
        let cluster = &mut self.cluster;
        let row = home.row.clone();
        let node = Node {
            name: row.name,
            addresses: row.addresses,
            key: row.key,
            roles: row.roles,
            zone: row.zone,
            state: NodeState::Joining,
            incarnation: 0,
            wall: None,
        };
        cluster.nodes.insert(home.node, node);
        let places: BTreeMap<ExtentId, Replicas> = self
            .extents
            .keys()
            .map(|extent| {
                let here = home.extents.contains(extent).then_some(home.node);
                let whole = here.into_iter().collect();
                let filling = BTreeSet::new();
                (*extent, Replicas { whole, filling })
            })
            .collect();
        let held = places.values().filter(|it| !it.whole.is_empty()).count();
        cluster.load.insert(home.node, held as u64);
        cluster.replicas = places.into_iter().collect();
    }

    fn note(&mut self, at: Timestamp, code: Code, text: String) {
        let event = Event {
            at,
            code: code.number(),
            severity: code.severity(),
            actor: "system".to_owned(),
            tenant: None,
            text,
            reason: None,
        };
        let last = self.events.get_max().map(|(at, _)| at.next());
        self.events.insert(last.unwrap_or(Sequence::new(1)), event);
    }
}

impl Draft<'_> {
    /// A node takes replicas from now on: repositories that did with fewer copies than they wanted
    /// get as many as there are nodes for.
    pub(super) fn raise_copies(&mut self) {
        if self.rows.eased.is_empty() {
            return;
        }
        let cluster = &self.rows.cluster;
        let taking = cluster
            .nodes
            .keys()
            .filter(|node| cluster.is_taking(**node));
        let most = u32::try_from(taking.count()).unwrap_or(u32::MAX);
        let mut raised = Vec::new();
        for (id, wanted) in self.rows.eased.clone() {
            let copies = wanted.min(most);
            let row = self.rows.repositories.get(&id);
            if copies == wanted || row.is_none() {
                self.rows.eased.remove(&id);
            }
            if row.is_some_and(|row| row.min_copies < copies) {
                self.rows
                    .repositories
                    .change(&id, |row| row.min_copies = copies);
                raised.push(id);
            }
        }
        if let [first, ..] = raised.as_slice() {
            let (name, _) = self.called(*first);
            let text = format!(
                "there are nodes for {most} copies, which repositories wait for again that did \
                 with fewer: {} in all, {name} first",
                raised.len()
            );
            self.event(Code::RepositoryChanged, None, text, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::apply;
    use super::super::command::{
        Actor, ClusterCommand, Command, LeaseCommand, NodeCommand, Submission,
    };
    use super::super::fixture::Office;
    use super::*;
    use crate::catalog::rows::{Lease, Token};
    use crate::kernel::{Epoch, NodeName};

    fn row(name: &str) -> NewNode {
        NewNode {
            name: NodeName::parse(name).unwrap(),
            addresses: Vec::new(),
            key: [name.len() as u8; 32],
            roles: BTreeSet::new(),
            zone: String::new(),
        }
    }

    /// Rows of a cluster of these nodes, with leases and a token.
    fn rows(nodes: &[(u64, NodeState)]) -> Rows {
        let mut office = Office::open();
        office.add_tenant("acme");
        let mut rows = office.rows().clone();
        rows.index = Sequence::new(700);
        rows.last_id = 40;
        for (id, state) in nodes {
            let id = NodeId::new(*id);
            let home = Home {
                node: id,
                row: row("n"),
                extents: BTreeSet::new(),
            };
            let mut other = rows.clone();
            other.settle(&home);
            let mut node = other.cluster.nodes[&id].clone();
            node.state = *state;
            rows.cluster.nodes.insert(id, node);
            let lease = Lease {
                incarnation: 1,
                epoch: Epoch::new(5),
                until: std::time::Duration::from_secs(9),
            };
            rows.cluster.leases.insert(id, lease);
        }
        let token = Token {
            expires: Timestamp::default(),
            used: None,
        };
        rows.cluster.tokens.insert([1; 32], token);
        rows
    }

    #[test]
    fn who_goes_on_alone_removes_all_others_and_gives_nothing_out_twice() {
        let before = rows(&[
            (1, NodeState::Active),
            (2, NodeState::Down),
            (3, NodeState::Removed),
        ]);
        let after = before.recovered(NodeId::new(2), Timestamp::default());
        let states: Vec<_> = after.cluster.nodes.values().map(|it| it.state).collect();
        use NodeState::{Active, Removed};
        assert_eq!(states, [Removed, Active, Removed]);
        assert!(after.cluster.leases.is_empty() && after.cluster.tokens.is_empty());
        assert!(after.index > before.index && after.last_id > before.last_id);
        assert_eq!(after.tenants, before.tenants);
        let (_, told) = after.events.get_max().unwrap();
        assert!(told.text.contains("up to command 700"), "{}", told.text);
        assert!(told.text.contains("given up: node-1 'n'"), "{}", told.text);
    }

    #[test]
    fn an_imported_catalog_has_no_cluster_but_the_node_that_it_is_given() {
        let before = rows(&[(1, NodeState::Active), (2, NodeState::Active)]);
        let alone = before.imported(None, 5_000, Timestamp::default());
        assert_eq!(alone.cluster, Cluster::default());
        assert!(
            alone.last_id > 5_000,
            "an extent lies there that is not known"
        );
        assert_eq!(alone.tenants, before.tenants);
        assert_eq!(alone.credentials, before.credentials);
        let home = Home {
            node: NodeId::new(1),
            row: row("new"),
            extents: BTreeSet::new(),
        };
        let first = before.imported(Some(&home), 0, Timestamp::default());
        let nodes: Vec<_> = first.cluster.nodes.iter().collect();
        assert_eq!(nodes.len(), 1);
        assert_eq!(nodes[0].1.name.as_str(), "new");
        assert!(first.cluster.leases.is_empty());
    }

    #[test]
    fn it_is_said_of_how_many_repositories_fewer_copies_are_waited_for_than_they_wanted() {
        let mut office = Office::open();
        office.add_tenant("acme");
        let wanted = office.add_repository("acme", "main", 0);
        office.add_repository("acme", "other", 0);
        let mut before = office.rows().clone();
        before
            .repositories
            .change(&wanted, |row| row.min_copies = 2);
        let home = Home {
            node: NodeId::new(1),
            row: row("new"),
            extents: BTreeSet::new(),
        };
        let imported = before.imported(Some(&home), 0, Timestamp::default());
        let recovered = before.recovered(NodeId::new(1), Timestamp::default());
        for after in [imported, recovered] {
            assert_eq!(after.repositories[&wanted].min_copies, 1);
            let (_, told) = after.events.get_max().unwrap();
            let said = "more copies acknowledge with one until there are nodes for them: 1";
            assert!(told.text.ends_with(said), "{}", told.text);
        }
        let alone = before.imported(None, 0, Timestamp::default());
        let (_, told) = alone.events.get_max().unwrap();
        assert!(!told.text.contains("acknowledge"), "{}", told.text);
    }

    /// Rows in which a node joins and begins.
    fn begins(rows: &Rows, node: u64) -> Rows {
        let new = NewNode {
            key: [node as u8 + 100; 32],
            addresses: vec![format!("192.0.2.{node}:7443")],
            ..row(&format!("n{node}"))
        };
        let begin = LeaseCommand::Acquire {
            incarnation: node,
            wall: Timestamp::default(),
        };
        let id = NodeId::new(node);
        let commands = [
            ClusterCommand::Node(id, NodeCommand::Add(new)),
            ClusterCommand::Lease(id, begin),
        ];
        commands.into_iter().fold(rows.clone(), |rows, command| {
            let submission = Submission {
                client: 0,
                sequence: 0,
                by: Actor::System,
                at: Timestamp::default(),
                command: Command::Cluster(command),
            };
            apply(&rows, rows.index.next(), &submission).0
        })
    }

    #[test]
    fn as_many_copies_are_waited_for_again_as_was_wanted_when_there_are_nodes_for_them() {
        let mut office = Office::open();
        office.add_tenant("acme");
        let ids = ["one", "two", "three"].map(|name| office.add_repository("acme", name, 0));
        let mut before = office.rows().clone();
        for (id, wanted) in ids.iter().zip(1..) {
            before
                .repositories
                .change(id, |row| row.min_copies = wanted);
        }
        let home = Home {
            node: NodeId::new(1),
            row: row("new"),
            extents: BTreeSet::new(),
        };
        let copies = |rows: &Rows| ids.map(|id| rows.repositories[&id].min_copies);
        let told = |rows: &Rows, said: &str| {
            let events = rows.events.values();
            events.filter(|event| event.text.contains(said)).count()
        };
        let rows = before.imported(Some(&home), 0, Timestamp::default());
        let rows = begins(&rows, 1);
        assert_eq!(copies(&rows), [1, 1, 1]);
        assert_eq!(told(&rows, "wait for again"), 0);
        // A catalog that is begun anew twice still knows.
        let rows = rows.recovered(NodeId::new(1), Timestamp::default());
        let rows = begins(&begins(&rows, 1), 2);
        assert_eq!(copies(&rows), [1, 2, 2]);
        assert_eq!(told(&rows, "there are nodes for 2 copies"), 1);
        let rows = begins(&rows, 3);
        assert_eq!(copies(&rows), [1, 2, 3]);
        let said = "there are nodes for 3 copies, which repositories wait for again that did with \
                    fewer: 1 in all, three first";
        assert_eq!(told(&rows, said), 1);
        assert!(rows.eased.is_empty());
    }
}
