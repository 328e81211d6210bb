//! In which version a cluster writes its log, and speaks.
//!
//! Each life of a node says what it speaks when it asks for its lease. The cluster speaks the
//! newest version that all its nodes speak, those included that are down or have never begun: each
//! of them may be back with the same program, and has to read all that was written meanwhile. So
//! what needs a newer version is refused until the last node is upgraded, and from then on a node
//! that speaks less is refused.
//!
//! Invariant: the version never goes back, and no command that needs a newer one changes a row.

use super::Refused;
use super::cluster::{ClusterCommand, LeaseCommand, NodeCommand, Turned, TurnedCause};
use super::command::{Command, ServiceCommand, TenantCommand};
use super::draft::Draft;
use super::events::Code;
use super::rows::{Cluster, Node, NodeState, Rows, Speaks};
use crate::kernel::{NodeId, Version};

/// The minor version from which on nodes can read a command in their log. Whatever is added to the
/// commands, or to what they hold or make of the rows, is named here with a version of its own.
/// Only [`LeaseCommand::Begin`] is not: it is how versions are told, so whoever cannot read it
/// comes from before there were any.
pub(super) fn needs(command: &Command) -> u16 {
    match command {
        Command::Cluster(
            ClusterCommand::Node(_, NodeCommand::Rename { .. })
            | ClusterCommand::Turned(Turned {
                cause:
                    TurnedCause::Version
                    | TurnedCause::Forgot
                    | TurnedCause::TokenUsed
                    | TurnedCause::TokenExpired
                    | TurnedCause::TokenUnknown,
                ..
            }),
        )
        | Command::Pool(..)
        | Command::Tape(_)
        | Command::Tenant(_, TenantCommand::AddWith(..) | TenantCommand::SetWith(..))
        | Command::Service(ServiceCommand::Exported) => 1,
        Command::Cluster(_)
        | Command::Clock(_)
        | Command::Tenant(..)
        | Command::Subtenant(..)
        | Command::Credential(_)
        | Command::Operator(..)
        | Command::Approval(..)
        | Command::Repository(_)
        | Command::Extent(_)
        | Command::Service(_) => 0,
    }
}

impl LeaseCommand {
    /// What a life that asks like this speaks.
    pub(super) const fn speaks(&self) -> Speaks {
        match self {
            Self::Begin { speaks, .. } => *speaks,
            Self::Acquire { .. } | Self::Renew { .. } | Self::Release { .. } => Speaks {
                oldest: 0,
                newest: 0,
            },
        }
    }
}

impl Cluster {
    /// The version in which this cluster speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version::of_minor(self.minor)
    }

    /// Whether all that read the log know what came with a minor version. A node that stands alone
    /// knows all that it does.
    pub(super) fn has(&self, minor: u16) -> bool {
        self.nodes.is_empty() || self.minor >= minor
    }

    /// The nodes that may have to read the log, and the newest version that each of them speaks; of
    /// one that has not said so, the first.
    fn readers(&self) -> impl Iterator<Item = (NodeId, &Node, u16)> {
        let nodes = self.nodes.iter();
        let live = nodes.filter(|(_, node)| node.state != NodeState::Removed);
        live.map(|(id, node)| {
            let speaks = self.speak.get(id).copied().unwrap_or_default();
            (*id, node, speaks.newest)
        })
    }
}

impl Rows {
    /// Whether a command may be written into the log: all nodes can read it. A node that stands
    /// alone reads what it writes.
    ///
    /// # Errors
    /// [`Refused::NotSpoken`], with the first node that could not.
    pub fn takes(&self, command: &Command) -> Result<(), Refused> {
        let (cluster, needs) = (&self.cluster, needs(command));
        if needs <= cluster.minor {
            return Ok(());
        }
        match cluster.readers().min_by_key(|(_, _, newest)| *newest) {
            Some((node, row, newest)) => Err(Refused::NotSpoken {
                needs: Version::of_minor(needs),
                node,
                name: row.name.clone(),
                speaks: Version::of_minor(newest),
            }),
            None => Ok(()),
        }
    }

    /// Whether a node that speaks this may have a part.
    ///
    /// # Errors
    /// [`Refused::Unversed`], when the cluster speaks something else by now.
    pub fn versed(&self, node: NodeId, speaks: Speaks) -> Result<(), Refused> {
        match speaks.has(self.cluster.minor) {
            true => Ok(()),
            false => Err(Refused::Unversed(node, speaks, self.cluster.version())),
        }
    }
}

impl Draft<'_> {
    /// Goes on to the newest version that all nodes speak, if that is newer.
    pub(super) fn raise_version(&mut self) {
        let all = self.rows.cluster.readers().map(|(_, _, newest)| newest);
        let newest = all.min().unwrap_or_default();
        if newest > self.rows.cluster.minor {
            self.rows.cluster.minor = newest;
            let version = self.rows.cluster.version();
            let text = format!(
                "all nodes speak version {version} between them: what needs it is taken, and a \
                 node that speaks less is refused"
            );
            self.event(Code::VersionRaised, None, text, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::cluster::NewNode;
    use super::super::command::{Actor, Submission};
    use super::super::{Outcome, apply};
    use super::*;
    use crate::kernel::{NodeName, Sequence, Timestamp};

    fn name(text: &str) -> NodeName {
        NodeName::parse(text).unwrap()
    }

    fn rename(node: u64, to: &str) -> ClusterCommand {
        let name = name(to);
        ClusterCommand::Node(NodeId::new(node), NodeCommand::Rename { name })
    }

    fn begin(node: u64, incarnation: u64, oldest: u16, newest: u16) -> ClusterCommand {
        let begin = LeaseCommand::Begin {
            incarnation,
            wall: Timestamp::default(),
            speaks: Speaks { oldest, newest },
        };
        ClusterCommand::Lease(NodeId::new(node), begin)
    }

    fn add(node: u64) -> ClusterCommand {
        let new = NewNode {
            name: name(&format!("n{node}")),
            addresses: Vec::new(),
            key: [node as u8; 32],
            roles: Default::default(),
            zone: String::new(),
        };
        ClusterCommand::Node(NodeId::new(node), NodeCommand::Add(new))
    }

    fn remove(node: u64) -> ClusterCommand {
        ClusterCommand::Node(NodeId::new(node), NodeCommand::Remove)
    }

    #[derive(Default)]
    struct Log(Rows);

    impl Log {
        fn give(&mut self, command: ClusterCommand) -> Result<Outcome, Refused> {
            let submission = Submission {
                client: 0,
                sequence: 0,
                by: Actor::System,
                at: Timestamp::default(),
                command: Command::Cluster(command),
            };
            let index = Sequence::new(self.0.index.raw() + 1);
            let (rows, answer) = apply(&self.0, index, &submission);
            self.0 = rows;
            answer.map(|(outcome, _)| outcome)
        }

        /// Whether a command that needs 1.1 is taken, and what is said if it is not.
        fn renames(&mut self, node: u64, to: &str) -> Result<(), String> {
            let done = self.give(rename(node, to));
            done.map(|_| ()).map_err(|refused| refused.to_string())
        }
    }

    #[test]
    fn what_the_last_old_node_cannot_read_waits_for_its_upgrade() {
        let mut log = Log::default();
        for node in 1..=3 {
            log.give(add(node)).unwrap();
        }
        for (node, newest) in [(1, 1), (2, 0), (3, 1)] {
            log.give(begin(node, node, 0, newest)).unwrap();
        }
        let told = "this needs version 1.1 between nodes, and node-2 'n2' speaks 1.0 at most; \
                    upgrade that node, or start it without --wire-version";
        assert_eq!(log.renames(3, "c").unwrap_err(), told);
        // One that has never said a word may be as old as any.
        log.give(add(4)).unwrap();
        log.give(begin(2, 2, 0, 1)).unwrap();
        let told = log.renames(3, "c").unwrap_err();
        assert!(told.contains("node-4 'n4' speaks 1.0"), "{told}");
        log.give(begin(4, 4, 0, 1)).unwrap();
        log.renames(3, "c").unwrap();
        assert_eq!(log.0.cluster.nodes[&NodeId::new(3)].name, name("c"));
        let raised = log.0.events.values();
        let raised = raised.filter(|event| event.code == Code::VersionRaised.number());
        assert_eq!(raised.count(), 1);
        assert_eq!(
            log.give(begin(2, 2, 0, 0)).unwrap_err().to_string(),
            "node-2 speaks version 1.0 between nodes, and its cluster 1.1 by now; upgrade that node"
        );
        assert_eq!(
            log.give(begin(2, 2, 2, 3)).unwrap_err().reason(),
            "version-outdated"
        );
    }

    #[test]
    fn no_two_nodes_get_one_name_and_a_node_may_get_its_own_again() {
        let mut log = Log::default();
        for node in 1..=2 {
            log.give(add(node)).unwrap();
            log.give(begin(node, node, 0, 1)).unwrap();
        }
        assert_eq!(
            log.renames(1, "n2").unwrap_err(),
            "node-2 is called 'n2' already"
        );
        log.renames(1, "n1").unwrap();
        assert!(log.renames(9, "n9").is_err());
        log.give(remove(2)).unwrap();
        log.renames(1, "n2").unwrap();
    }

    #[test]
    fn a_node_that_is_gone_for_good_holds_nobody_back() {
        let mut log = Log::default();
        for node in 1..=3 {
            log.give(add(node)).unwrap();
        }
        log.give(begin(1, 1, 0, 1)).unwrap();
        log.give(begin(2, 2, 0, 0)).unwrap();
        for gone in [2, 3] {
            assert!(log.renames(1, "a").is_err());
            log.give(remove(gone)).unwrap();
        }
        log.renames(1, "a").unwrap();
    }

    #[test]
    fn a_node_that_stands_alone_reads_what_it_writes() {
        let command = Command::Cluster(rename(1, "a"));
        assert_eq!(Rows::default().takes(&command), Ok(()));
    }

    proptest! {
        /// Against a model that remembers all that nodes ever said.
        #[test]
        fn the_version_is_the_newest_that_all_ever_spoke_and_never_goes_back(
            steps in prop::collection::vec((0..4_u8, 1..5_u64, 0..3_u16, 0..3_u16), 1..60),
        ) {
            let mut log = Log::default();
            let (mut spoke, mut minor) = (BTreeMap::new(), 0);
            for (number, (what, node, oldest, more)) in (0_u64..).zip(steps) {
                let newest = oldest + more;
                match what {
                    0 => {
                        if log.give(add(node)).is_ok() {
                            spoke.insert(node, 0);
                        }
                    }
                    1 => {
                        let is_in = spoke.contains_key(&node);
                        let fits = oldest <= minor && minor <= newest;
                        // The same life again: its lease runs.
                        let done = log.give(begin(node, node, oldest, newest));
                        prop_assert_eq!(done.is_ok(), is_in && fits);
                        if done.is_ok() {
                            spoke.insert(node, newest);
                        }
                    }
                    2 => {
                        if log.give(remove(node)).is_ok() {
                            spoke.remove(&node);
                        }
                    }
                    _ => {
                        let is_in = spoke.contains_key(&node);
                        let done = log.renames(node, &format!("x{number}"));
                        let may = minor >= 1 || spoke.is_empty();
                        prop_assert_eq!(done.is_ok(), may && is_in, "{:?}", done);
                    }
                }
                minor = minor.max(spoke.values().copied().min().unwrap_or_default());
                prop_assert_eq!(log.0.cluster.minor, minor);
            }
        }
    }
}
