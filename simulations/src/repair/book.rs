//! The catalog of production, without anything that keeps it.

use std::collections::BTreeMap;

use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, ExtentCommand, LeaseCommand, NewNode, NodeCommand,
    ReplicaCommand, Submission,
};
use holdfast_actors::catalog::rows::{Repository, Rows};
use holdfast_actors::catalog::{self, Outcome, Refused};
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, NodeName, RepositoryId, Size, Timestamp};
use holdfast_actors::names::RepositoryName;

const WALL: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// Rows, and the leases under which nodes and owners act.
pub(super) struct Book {
    pub(super) rows: Rows,
    leases: BTreeMap<NodeId, Epoch>,
    owners: BTreeMap<RepositoryId, Epoch>,
    lives: u64,
}

impl Book {
    /// With so many repositories.
    pub(super) fn new(repositories: u64) -> Self {
        let mut rows = Rows::default();
        for number in 1..=repositories {
            if let Ok(name) = RepositoryName::parse(&format!("main-{number}")) {
                let repository = Repository {
                    tenant: number,
                    name,
                    quota: Size::gib(1),
                    hold_days: 0,
                    min_copies: 2,
                    epoch: Epoch::default(),
                    made: WALL,
                    removed: None,
                    verified: None,
                };
                rows.repositories
                    .insert(RepositoryId::new(number), repository);
            }
        }
        rows.last_id = repositories;
        Self {
            rows,
            leases: BTreeMap::new(),
            owners: BTreeMap::new(),
            lives: 0,
        }
    }

    fn submit(&mut self, command: Command) -> Result<Outcome, Refused> {
        let submission = Submission {
            client: 0,
            sequence: 0,
            by: Actor::System,
            at: WALL,
            command,
        };
        let (rows, answer) = catalog::apply(&self.rows, self.rows.index.next(), &submission);
        self.rows = rows;
        answer.map(|(outcome, _)| outcome)
    }

    fn order(&mut self, command: ClusterCommand) -> Result<Outcome, Refused> {
        self.submit(Command::Cluster(command))
    }

    fn node(&mut self, node: NodeId, command: NodeCommand) {
        // One that is in or out already stays so.
        let _ = self.order(ClusterCommand::Node(node, command));
    }

    pub(super) fn join(&mut self, number: u64, zone: &str) {
        let Some(name) = NodeName::parse(&format!("n{number}")) else {
            return;
        };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_le_bytes());
        let new = NewNode {
            name,
            addresses: Vec::new(),
            key,
            roles: Default::default(),
            zone: zone.to_owned(),
        };
        self.node(NodeId::new(number), NodeCommand::Add(new));
        self.lease(NodeId::new(number));
    }

    pub(super) fn drain(&mut self, node: NodeId) {
        self.node(node, NodeCommand::Drain);
    }

    pub(super) fn remove(&mut self, node: NodeId) {
        self.node(node, NodeCommand::Remove);
        self.leases.remove(&node);
    }

    /// A new life of a node takes its lease, once that of the last one has ended.
    pub(super) fn lease(&mut self, node: NodeId) -> bool {
        self.lives += 1;
        let (incarnation, wall) = (self.lives, WALL);
        let acquire = LeaseCommand::Acquire { incarnation, wall };
        match self.order(ClusterCommand::Lease(node, acquire)) {
            Ok(Outcome::Epoch { epoch }) => {
                self.leases.insert(node, epoch);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// A tick passes, and these nodes renew their leases.
    pub(super) fn tick(&mut self, alive: &[NodeId]) {
        let (term, advance) = (1, catalog::TICK);
        let _ = self.order(ClusterCommand::Tick { term, advance });
        for node in alive {
            let Some(epoch) = self.leases.get(node).copied() else {
                continue;
            };
            let renew = LeaseCommand::Renew { epoch, wall: WALL };
            if self.order(ClusterCommand::Lease(*node, renew)).is_err() {
                self.lease(*node);
            }
        }
    }

    pub(super) fn own(&mut self, repository: RepositoryId, node: NodeId) -> Result<(), Refused> {
        let lease = self.leases.get(&node).copied().unwrap_or_default();
        let own = ClusterCommand::Own {
            repository,
            node,
            lease,
        };
        if let Outcome::Epoch { epoch } = self.order(own)? {
            self.owners.insert(repository, epoch);
        }
        Ok(())
    }

    pub(super) fn owner(&self, repository: RepositoryId) -> Epoch {
        self.owners.get(&repository).copied().unwrap_or_default()
    }

    pub(super) fn open(&mut self, repository: RepositoryId) -> Result<ExtentId, Refused> {
        let epoch = self.owner(repository);
        let open = Command::Extent(ExtentCommand::Open { repository, epoch });
        let outcome = self.submit(open)?;
        let Outcome::Extent { id } = outcome else {
            return Err(Refused::NoRepositoryId(repository));
        };
        Ok(id)
    }

    pub(super) fn seal(&mut self, extent: ExtentId, length: u64) -> Result<(), Refused> {
        let row = self.rows.extents.get(&extent);
        let repository = row.map(|row| row.repository).unwrap_or_default();
        let epoch = self.owner(repository);
        let seal = ExtentCommand::Seal {
            extent,
            epoch,
            length,
        };
        self.submit(Command::Extent(seal)).map(|_| ())
    }

    pub(super) fn forget(&mut self, extent: ExtentId) {
        let row = self.rows.extents.get(&extent);
        let repository = row.map(|row| row.repository).unwrap_or_default();
        let epoch = self.owner(repository);
        // One that is not sealed stays.
        let _ = self.submit(Command::Extent(ExtentCommand::Drop { extent, epoch }));
    }

    pub(super) fn replica(
        &mut self,
        extent: ExtentId,
        node: NodeId,
        command: ReplicaCommand,
    ) -> Result<(), Refused> {
        let replica = ClusterCommand::Replica {
            extent,
            node,
            command,
        };
        self.order(replica).map(|_| ())
    }
}
