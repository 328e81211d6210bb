//! Who writes to a repository, and on which nodes its extents lie.
//!
//! Invariants: a repository has one owner, and a new one under a higher epoch, never while the
//! lease of the old one runs. An extent that is sealed, or not begun, has a replica fewer only if
//! the copies that its repository must have are left without it; one that is begun keeps all.

use std::time::Duration;

use super::cluster::ReplicaCommand;
use super::draft::Draft;
use super::events::Code;
use super::rows::{Lease, NodeState, Owner, Replicas};
use super::{Outcome, Refused};
use crate::kernel::{Epoch, ExtentId, NodeId, RepositoryId};

/// How long nobody is told again that a node lost replicas: a disk that goes takes all of them.
const TOLD: Duration = Duration::from_secs(3600);
/// Among how many of the newest events it is looked for.
const TOLD_AMONG: usize = 256;

impl Draft<'_> {
    pub(super) fn own(
        &mut self,
        id: RepositoryId,
        node: NodeId,
        lease: Epoch,
    ) -> Result<Outcome, Refused> {
        let removed = self.known_repository(id)?.removed.is_some();
        let held = self.running(node, lease)?;
        let state = self.rows.cluster.nodes.get(&node).map(|row| row.state);
        let owner = self.rows.cluster.owners.get(&id).copied();
        // One that drains gets nothing new, but may start again.
        let before = owner.is_some_and(|owner| owner.node == node);
        if state == Some(NodeState::Removed) {
            return Err(Refused::NoNode(node));
        }
        if state != Some(NodeState::Active) && !before && !removed {
            return Err(Refused::NotTaken(node));
        }
        if let Some(owner) = owner
            && owner.lease != held.epoch
        {
            if self.running(owner.node, owner.lease).is_ok() {
                return Err(Refused::Owned(id, owner.node));
            }
            self.overtake(owner);
        }
        let owner = Owner { node, lease };
        self.rows.cluster.owners.insert(id, owner);
        self.acquire(id)
    }

    /// The lease under which an owner wrote is over for good. An owner that only slept would renew
    /// it, and take what it had for what is.
    fn overtake(&mut self, owner: Owner) {
        let epoch = Epoch::new(self.rows.index.raw());
        let lease = self.rows.cluster.leases.get_mut(&owner.node);
        if let Some(lease) = lease.filter(|lease| lease.epoch == owner.lease) {
            lease.epoch = epoch;
        }
    }

    pub(super) fn disown(&mut self, id: RepositoryId, epoch: Epoch) -> Result<(), Refused> {
        self.owned(id, epoch)?;
        self.rows.cluster.owners.remove(&id);
        // Whatever the last owner has not finished, it does not finish.
        self.acquire(id).map(|_| ())
    }

    /// A lease that runs, of this very grant.
    fn running(&self, node: NodeId, epoch: Epoch) -> Result<Lease, Refused> {
        let cluster = &self.rows.cluster;
        let held = cluster.leases.get(&node).copied();
        held.filter(|held| held.epoch == epoch && held.until > cluster.now)
            .ok_or(Refused::LeaseLost(node, epoch))
    }

    /// Chooses nodes for a new extent; none on a node that stands alone.
    pub(super) fn place(&mut self, id: RepositoryId, extent: ExtentId) -> Result<(), Refused> {
        let least = self.known_repository(id)?.min_copies as usize;
        let next = self.rows.next_home(id);
        let cluster = &mut self.rows.cluster;
        if cluster.nodes.is_empty() {
            return Ok(());
        }
        let near = cluster.owners.get(&id).map(|owner| owner.node);
        let whole = cluster.choose(extent, [near, next], least);
        let found = whole.len();
        if found < least {
            return Err(Refused::TooFew { found, least });
        }
        for node in &whole {
            *cluster.load.entry(*node).or_default() += 1;
        }
        let filling = Default::default();
        cluster.replicas.insert(extent, Replicas { whole, filling });
        Ok(())
    }

    /// Forgets where an extent is.
    pub(super) fn displace(&mut self, extent: ExtentId) {
        let cluster = &mut self.rows.cluster;
        let replicas = cluster.replicas.remove(&extent).unwrap_or_default();
        for node in replicas.whole.iter().chain(&replicas.filling) {
            lighten(&mut cluster.load, *node);
        }
    }

    pub(super) fn replica(
        &mut self,
        extent: ExtentId,
        node: NodeId,
        command: ReplicaCommand,
    ) -> Result<(), Refused> {
        let row = self.rows.extents.get(&extent);
        let row = row.ok_or(Refused::NoExtent(extent))?;
        // Of one that is not begun nobody was told anything: its owner may go on without a node.
        let is_begun = self.rows.begun.contains(&extent);
        let may_go = command == ReplicaCommand::Drop && !is_begun;
        if row.sealed.is_none() && !may_go {
            return Err(Refused::Open(extent));
        }
        let repository = self.known_repository(row.repository)?;
        let least = repository.min_copies as usize;
        let cluster = &mut self.rows.cluster;
        let mut replicas = cluster.replicas.get(&extent).cloned().unwrap_or_default();
        match command {
            ReplicaCommand::Fill => {
                let known = replicas.whole.contains(&node) || !replicas.filling.insert(node);
                if known || !cluster.is_taking(node) {
                    return Err(Refused::NotTaken(node));
                }
                *cluster.load.entry(node).or_default() += 1;
            }
            ReplicaCommand::Filled => {
                if !replicas.filling.remove(&node) {
                    return Err(Refused::NotTaken(node));
                }
                replicas.whole.insert(node);
            }
            ReplicaCommand::Drop => {
                let was_whole = replicas.whole.remove(&node);
                let found = cluster.reachable(&replicas.whole).count();
                if was_whole && found < least.max(1) {
                    return Err(Refused::TooFew { found, least });
                }
                if was_whole || replicas.filling.remove(&node) {
                    lighten(&mut cluster.load, node);
                }
            }
            ReplicaCommand::Lost | ReplicaCommand::Differs => {
                if !replicas.whole.remove(&node) {
                    return Err(Refused::NotTaken(node));
                }
                let (found, least) = (cluster.reachable(&replicas.whole).count(), 1);
                if found < least {
                    return Err(Refused::TooFew { found, least });
                }
                replicas.filling.insert(node);
            }
            ReplicaCommand::LastDamaged | ReplicaCommand::Undecided => {
                if !replicas.whole.contains(&node) {
                    return Err(Refused::NotTaken(node));
                }
            }
        }
        cluster.replicas.insert(extent, replicas);
        match command {
            ReplicaCommand::Lost => self.tell_lost(extent, node),
            ReplicaCommand::Differs => self.tell_differs(extent, node),
            ReplicaCommand::LastDamaged => self.tell_last_damaged(extent, node),
            ReplicaCommand::Undecided => self.tell_undecided(extent),
            ReplicaCommand::Fill | ReplicaCommand::Filled | ReplicaCommand::Drop => {}
        }
        Ok(())
    }

    fn tell_differs(&mut self, extent: ExtentId, node: NodeId) {
        let text = format!(
            "the replica of {extent} on {node} was read back and differs from those of most nodes; \
             it is copied again from one of them"
        );
        self.event(Code::ReplicaDiffers, None, text, None);
    }

    fn tell_undecided(&mut self, extent: ExtentId) {
        let whose = self.whose(extent);
        self.tell_once(format!(
            "the copies of {extent}{whose} differ, and as many say one thing as another; 'verify' \
             reads which objects are whole"
        ));
    }

    fn tell_last_damaged(&mut self, extent: ExtentId, node: NodeId) {
        let whose = self.whose(extent);
        self.tell_once(format!(
            "the replica of {extent}{whose} on {node} is damaged, and no other node that answers \
             has a sound one; what can still be read of it is kept"
        ));
    }

    /// Whose an extent is, as a part of a sentence.
    fn whose(&self, extent: ExtentId) -> String {
        let row = self.rows.extents.get(&extent).map(|row| row.repository);
        let whose = row.and_then(|id| Some((id, self.rows.repositories.get(&id)?)));
        whose.map_or_else(String::new, |(id, row)| {
            format!(" of '{}' ({id})", row.name)
        })
    }

    /// Of what cannot be mended, as long as the event is kept.
    fn tell_once(&mut self, text: String) {
        if !self.rows.events.values().any(|event| event.text == text) {
            self.event(Code::LastCopyDamaged, None, text, None);
        }
    }

    /// Of many replicas of one node, once an hour.
    fn tell_lost(&mut self, extent: ExtentId, node: NodeId) {
        let begin = format!("{node} has lost");
        let mut latest = self.rows.events.iter().rev().take(TOLD_AMONG);
        let is_told = latest.any(|(_, event)| {
            let same = event.code == Code::ReplicaLost.number() && event.text.starts_with(&begin);
            same && event.at + TOLD > self.at
        });
        if !is_told {
            let text = format!(
                "{begin} its replica of {extent}: it was missing, too short or damaged; this one, \
                 and any that is found in the next hour, is copied again from another node"
            );
            self.event(Code::ReplicaLost, None, text, None);
        }
    }
}

fn lighten(load: &mut imbl::OrdMap<NodeId, u64>, node: NodeId) {
    let left = load.get(&node).map_or(0, |count| count.saturating_sub(1));
    if left == 0 {
        load.remove(&node);
    } else {
        load.insert(node, left);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::cluster::{ClusterCommand, LeaseCommand, NewNode, NodeCommand};
    use super::super::command::{Command, ExtentCommand};
    use super::super::fixture::{Office, add_repository};
    use super::super::rows::{COPIES, Room};
    use super::*;
    use crate::kernel::{NodeName, Size, Timestamp};

    /// An office with a repository and nodes 1 to `count`, in three zones.
    struct Cluster {
        office: Office,
        repository: RepositoryId,
        leases: BTreeMap<NodeId, Epoch>,
    }

    fn epoch(outcome: Outcome) -> Epoch {
        let Outcome::Epoch { epoch } = outcome else {
            panic!("{outcome:?}");
        };
        epoch
    }

    impl Cluster {
        fn of(count: u64) -> Self {
            let mut office = Office::open();
            office.add_tenant("Acme");
            let added = office
                .ann(add_repository("Acme", "main", Size::gib(1), 0))
                .unwrap();
            let Outcome::Repository { id: repository } = added else {
                panic!("{added:?}");
            };
            let leases = BTreeMap::new();
            let mut cluster = Self {
                office,
                repository,
                leases,
            };
            for number in 1..=count {
                cluster.join(number);
            }
            cluster
        }

        fn submit(&mut self, command: ClusterCommand) -> Result<Outcome, Refused> {
            self.office.system(Command::Cluster(command))
        }

        fn join(&mut self, number: u64) {
            let new = NewNode {
                name: NodeName::parse(&format!("n{number}")).unwrap(),
                addresses: Vec::new(),
                key: [u8::try_from(number).unwrap(); 32],
                roles: Default::default(),
                zone: format!("zone-{}", number % 3),
            };
            let id = NodeId::new(number);
            self.submit(ClusterCommand::Node(id, NodeCommand::Add(new)))
                .unwrap();
            self.lease(number);
        }

        fn lease(&mut self, number: u64) {
            let id = NodeId::new(number);
            let wall = Timestamp::from_millis(1);
            let incarnation = number;
            let acquire = LeaseCommand::Acquire { incarnation, wall };
            let granted = self.submit(ClusterCommand::Lease(id, acquire)).unwrap();
            self.leases.insert(id, epoch(granted));
        }

        fn own(&mut self, number: u64) -> Result<Epoch, Refused> {
            let (repository, node) = (self.repository, NodeId::new(number));
            let lease = self.leases[&node];
            let own = ClusterCommand::Own {
                repository,
                node,
                lease,
            };
            self.submit(own).map(epoch)
        }

        /// Time passes and these keep their leases.
        fn pass(&mut self, ticks: u64, alive: &[u64]) {
            for _ in 0..ticks {
                let (term, advance) = (1, super::super::nodes::TICK);
                self.submit(ClusterCommand::Tick { term, advance }).unwrap();
                for number in alive {
                    let id = NodeId::new(*number);
                    let (epoch, wall) = (self.leases[&id], Timestamp::from_millis(1));
                    let renew = LeaseCommand::Renew { epoch, wall };
                    self.submit(ClusterCommand::Lease(id, renew)).unwrap();
                }
            }
        }

        /// A node says whether its disk is full.
        fn fills(&mut self, number: u64, is_full: bool) -> Result<Outcome, Refused> {
            let node = NodeId::new(number);
            let room = Room {
                free: Size::gib(if is_full { 0 } else { 9 }),
                total: Size::gib(10),
                is_full,
            };
            let lease = self.leases[&node];
            self.submit(ClusterCommand::Room { node, lease, room })
        }

        fn open(&mut self, epoch: Epoch) -> Result<ExtentId, Refused> {
            let repository = self.repository;
            let open = ExtentCommand::Open { repository, epoch };
            let opened = self.office.system(Command::Extent(open))?;
            let Outcome::Extent { id } = opened else {
                panic!("{opened:?}");
            };
            Ok(id)
        }

        fn sealed(&mut self, epoch: Epoch) -> ExtentId {
            let extent = self.open(epoch).unwrap();
            let length = 10;
            let seal = ExtentCommand::Seal {
                extent,
                epoch,
                length,
            };
            self.office.system(Command::Extent(seal)).unwrap();
            extent
        }

        fn whole(&self, extent: ExtentId) -> BTreeMap<u64, String> {
            let cluster = &self.office.rows().cluster;
            let nodes = cluster.replicas[&extent].whole.iter();
            let zone = |node: &NodeId| cluster.nodes[node].zone.clone();
            nodes.map(|node| (node.raw(), zone(node))).collect()
        }

        /// Does what is to be repaired until nothing is left; how often.
        fn repair(&mut self) -> usize {
            for count in 0..1_000 {
                let repairs = self.office.rows().repairs(1);
                let Some(repair) = repairs.first().copied() else {
                    return count;
                };
                let (extent, node) = (repair.extent, repair.node);
                let commands = match repair.fill {
                    true => vec![ReplicaCommand::Fill, ReplicaCommand::Filled],
                    false => vec![ReplicaCommand::Drop],
                };
                for command in commands {
                    self.submit(ClusterCommand::Replica {
                        extent,
                        node,
                        command,
                    })
                    .unwrap();
                }
            }
            panic!("repairs never end");
        }
    }

    #[test]
    fn nobody_takes_over_before_the_lease_of_the_owner_has_ended() {
        let mut cluster = Cluster::of(3);
        let first = cluster.own(1).unwrap();
        let owned = Refused::Owned(cluster.repository, NodeId::new(1));
        assert_eq!(cluster.own(2), Err(owned.clone()));
        cluster.pass(6, &[2, 3]);
        assert_eq!(cluster.own(2), Err(owned));
        cluster.pass(1, &[2, 3]);
        let second = cluster.own(2).unwrap();
        assert!(second > first);
        let fenced = cluster.open(first);
        assert!(matches!(fenced, Err(Refused::Fenced { .. })));
        let lost = cluster.own(1);
        assert!(matches!(lost, Err(Refused::LeaseLost(..))));
    }

    #[test]
    fn who_slept_while_another_took_over_does_not_get_the_same_lease_back() {
        let mut cluster = Cluster::of(3);
        let node = NodeId::new(1);
        cluster.own(1).unwrap();
        let renew = |cluster: &mut Cluster| {
            let epoch = cluster.office.rows().cluster.leases[&node].epoch;
            let wall = Timestamp::default();
            (epoch, LeaseCommand::Renew { epoch, wall })
        };
        // Nobody has taken anything: what it knows is what is.
        cluster.pass(8, &[2, 3]);
        let (slept, ask) = renew(&mut cluster);
        let kept = cluster.submit(ClusterCommand::Lease(node, ask.clone()));
        assert_eq!(kept, Ok(Outcome::Epoch { epoch: slept }));
        cluster.pass(8, &[2, 3]);
        cluster.own(2).unwrap();
        let lost = cluster.submit(ClusterCommand::Lease(node, ask));
        assert_eq!(lost, Err(Refused::LeaseLost(node, slept)));
    }

    #[test]
    fn a_node_that_drains_gives_up_what_all_others_have() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(1).unwrap();
        let extents: Vec<_> = (0..4).map(|_| cluster.sealed(epoch)).collect();
        let drains = NodeId::new(3);
        cluster
            .submit(ClusterCommand::Node(drains, NodeCommand::Drain))
            .unwrap();
        assert_eq!(cluster.repair(), 4);
        assert_eq!(cluster.office.rows().holding(drains), 0);
        assert!(extents.iter().all(|it| cluster.whole(*it).len() == 2));
        // One more is not given up: two copies are promised.
        let second = NodeId::new(2);
        cluster
            .submit(ClusterCommand::Node(second, NodeCommand::Drain))
            .unwrap();
        let gives = cluster.office.rows().repairs(9);
        assert!(gives.iter().all(|repair| !repair.fill), "{gives:?}");
        assert_eq!(cluster.office.rows().holding(second), 4);
    }

    #[test]
    fn an_open_extent_on_a_node_that_drains_is_left_by_its_owner_and_sealed_at_home() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(1).unwrap();
        let extent = cluster.open(epoch).unwrap();
        let begin = ExtentCommand::Begin { extent, epoch };
        cluster.office.system(Command::Extent(begin)).unwrap();
        let id = cluster.repository;
        assert!(!cluster.office.rows().stands_badly(id, epoch));
        cluster
            .submit(ClusterCommand::Node(NodeId::new(3), NodeCommand::Drain))
            .unwrap();
        let rows = cluster.office.rows();
        assert!(rows.stands_badly(id, epoch));
        assert!((1..=3).all(|node| rows.forsaken(NodeId::new(node)).is_empty()));
        cluster
            .submit(ClusterCommand::Disown {
                repository: id,
                epoch,
            })
            .unwrap();
        let rows = cluster.office.rows();
        let homes = (1..=3).filter(|node| !rows.forsaken(NodeId::new(*node)).is_empty());
        let homes: Vec<u64> = homes.collect();
        assert_eq!(homes.len(), 1, "{homes:?}");
        let epoch = cluster.own(homes[0]).unwrap();
        // What an earlier owner left is sealed by the next before it serves.
        assert!(!cluster.office.rows().stands_badly(id, epoch));
    }

    #[test]
    fn a_node_that_is_full_gets_nothing_new_until_it_has_room() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(3).unwrap();
        let before = cluster.open(epoch).unwrap();
        let begin = ExtentCommand::Begin {
            extent: before,
            epoch,
        };
        cluster.office.system(Command::Extent(begin)).unwrap();
        cluster.fills(3, true).unwrap();
        let id = cluster.repository;
        assert!(cluster.office.rows().stands_badly(id, epoch));
        let extent = cluster.sealed(epoch);
        assert!(!cluster.whole(extent).contains_key(&3));
        assert_eq!(cluster.repair(), 0, "there is nobody else");
        assert_eq!(cluster.office.rows().lacking().extents, 1);
        cluster.fills(3, false).unwrap();
        assert!(!cluster.office.rows().stands_badly(id, epoch));
        assert_eq!(cluster.repair(), 1);
        assert!(cluster.whole(extent).contains_key(&3));
        let said = cluster.office.rows().events.values();
        let said: Vec<_> = said.filter(|event| event.text.contains("n3'")).collect();
        assert!(said.iter().any(|it| it.text.contains("gets no new data")));
        assert!(said.iter().any(|it| it.text.contains("has room again")));
    }

    #[test]
    fn where_all_are_full_they_say_so_themselves() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(1).unwrap();
        let extent = cluster.open(epoch).unwrap();
        let begin = ExtentCommand::Begin { extent, epoch };
        cluster.office.system(Command::Extent(begin)).unwrap();
        for node in 1..=3 {
            cluster.fills(node, true).unwrap();
        }
        let rows = cluster.office.rows();
        assert!(
            !rows.stands_badly(cluster.repository, epoch),
            "nowhere to go"
        );
        assert!(rows.cluster.room(2).unwrap().is_full);
        let extent = cluster.open(epoch).unwrap();
        assert_eq!(cluster.whole(extent).len(), 3);
        cluster.fills(2, false).unwrap();
        cluster.fills(3, false).unwrap();
        assert!(!cluster.office.rows().cluster.room(2).unwrap().is_full);
        let old = cluster.leases[&NodeId::new(2)];
        cluster.pass(8, &[1, 3]);
        cluster
            .office
            .system(Command::Cluster(ClusterCommand::Lease(
                NodeId::new(2),
                LeaseCommand::Acquire {
                    incarnation: 77,
                    wall: Timestamp::from_millis(1),
                },
            )))
            .unwrap();
        let lost = cluster.fills(2, true);
        assert_eq!(lost, Err(Refused::LeaseLost(NodeId::new(2), old)));
    }

    #[test]
    fn an_owner_that_gives_up_is_followed_at_once() {
        let mut cluster = Cluster::of(2);
        let (repository, epoch) = (cluster.repository, cluster.own(1).unwrap());
        let disown = ClusterCommand::Disown { repository, epoch };
        cluster.submit(disown).unwrap();
        assert!(matches!(cluster.open(epoch), Err(Refused::Fenced { .. })));
        assert!(cluster.own(2).unwrap() > epoch);
    }

    #[test]
    fn a_node_that_drains_gets_no_repository_and_no_extent() {
        let mut cluster = Cluster::of(4);
        let drains = NodeId::new(4);
        cluster
            .submit(ClusterCommand::Node(drains, NodeCommand::Drain))
            .unwrap();
        assert_eq!(cluster.own(4), Err(Refused::NotTaken(drains)));
        let epoch = cluster.own(1).unwrap();
        for _ in 0..20 {
            let extent = cluster.sealed(epoch);
            assert!(!cluster.whole(extent).contains_key(&4));
        }
    }

    #[test]
    fn extents_lie_near_their_writer_in_three_zones_and_are_spread() {
        let mut cluster = Cluster::of(9);
        let epoch = cluster.own(5).unwrap();
        for _ in 0..300 {
            let extent = cluster.sealed(epoch);
            let whole = cluster.whole(extent);
            assert!(whole.contains_key(&5));
            let zones: std::collections::BTreeSet<_> = whole.values().collect();
            assert_eq!(zones.len(), COPIES, "{whole:?}");
        }
        let load = &cluster.office.rows().cluster.load;
        let others = load.iter().filter(|(node, _)| node.raw() != 5);
        let counts: Vec<u64> = others.map(|(_, count)| *count).collect();
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        // Six nodes are in the two other zones.
        assert!(counts.len() == 6 && most - least <= 20, "{counts:?}");
    }

    #[test]
    fn too_few_nodes_are_refused_and_fewer_than_wanted_are_taken() {
        let mut cluster = Cluster::of(2);
        let epoch = cluster.own(1).unwrap();
        let extent = cluster.sealed(epoch);
        assert_eq!(cluster.whole(extent).len(), 2);
        let repository = cluster.repository;
        let row = cluster.office.rows().repositories.get(&repository);
        let least = row.unwrap().min_copies as usize;
        cluster.pass(8, &[1]);
        let opened = cluster.open(epoch);
        match least {
            1 => assert!(opened.is_ok()),
            least => assert_eq!(opened, Err(Refused::TooFew { found: 1, least })),
        }
    }

    #[test]
    fn the_copies_of_a_lost_node_are_made_again_and_those_of_one_that_drains_move() {
        let mut cluster = Cluster::of(6);
        let epoch = cluster.own(1).unwrap();
        let extents: Vec<_> = (0..40).map(|_| cluster.sealed(epoch)).collect();
        assert_eq!(cluster.repair(), 0);
        let lost = NodeId::new(2);
        cluster
            .submit(ClusterCommand::Node(lost, NodeCommand::Remove))
            .unwrap();
        assert!(cluster.repair() > 0);
        let drains = NodeId::new(3);
        cluster
            .submit(ClusterCommand::Node(drains, NodeCommand::Drain))
            .unwrap();
        assert!(cluster.repair() > 0);
        for extent in extents {
            let whole = cluster.whole(extent);
            assert_eq!(whole.len(), COPIES, "{whole:?}");
            assert!(!whole.contains_key(&2) && !whole.contains_key(&3));
        }
        assert_eq!(cluster.office.rows().holding(drains), 0);
        assert_eq!(cluster.office.rows().holding(lost), 0);
    }

    #[test]
    fn a_node_that_is_away_for_a_while_is_waited_for() {
        let mut cluster = Cluster::of(5);
        let epoch = cluster.own(1).unwrap();
        for _ in 0..10 {
            cluster.sealed(epoch);
        }
        cluster.pass(4 * 60 * 14, &[1, 3, 4, 5]);
        assert_eq!(cluster.repair(), 0);
        cluster.pass(4 * 60 * 2, &[1, 3, 4, 5]);
        assert!(cluster.repair() > 0);
    }

    #[test]
    fn a_replica_that_differs_is_copied_again_and_a_last_one_that_is_damaged_is_told_of_once() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(1).unwrap();
        let extent = cluster.sealed(epoch);
        let mut say = |number: u64, command| {
            let node = NodeId::new(number);
            cluster.submit(ClusterCommand::Replica {
                extent,
                node,
                command,
            })
        };
        say(3, ReplicaCommand::Differs).unwrap();
        let again = say(3, ReplicaCommand::Differs);
        assert_eq!(again, Err(Refused::NotTaken(NodeId::new(3))), "it copies");
        for _ in 0..2 {
            say(2, ReplicaCommand::LastDamaged).unwrap();
            say(2, ReplicaCommand::Undecided).unwrap();
        }
        let stranger = say(3, ReplicaCommand::LastDamaged);
        assert_eq!(stranger, Err(Refused::NotTaken(NodeId::new(3))));
        let rows = cluster.office.rows();
        let replicas = &rows.cluster.replicas[&extent];
        assert_eq!(replicas.filling, [NodeId::new(3)].into());
        let told = |code: Code| {
            let events = rows.events.values();
            events.filter(|event| event.code == code.number()).count()
        };
        assert_eq!(told(Code::ReplicaDiffers), 1);
        assert_eq!(told(Code::LastCopyDamaged), 2, "one of each");
    }

    #[test]
    fn the_last_copy_that_answers_is_never_given_up() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(1).unwrap();
        let extent = cluster.sealed(epoch);
        let mut drop = |number: u64| {
            let (node, command) = (NodeId::new(number), ReplicaCommand::Drop);
            cluster.submit(ClusterCommand::Replica {
                extent,
                node,
                command,
            })
        };
        let dropped: Vec<_> = (1..=3).map(|number| drop(number).is_ok()).collect();
        let least = usize::from(dropped[0]) + usize::from(dropped[1]);
        assert!(least < 3 && !dropped[2], "{dropped:?}");
        assert!(!cluster.whole(extent).is_empty());
    }

    #[test]
    fn a_lost_replica_is_copied_again_and_told_of_once_an_hour_and_the_last_one_is_kept() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(1).unwrap();
        let extents = [cluster.sealed(epoch), cluster.sealed(epoch)];
        cluster.office.events();
        let mut say = |extent: ExtentId, number: u64, command: ReplicaCommand| {
            let node = NodeId::new(number);
            cluster.submit(ClusterCommand::Replica {
                extent,
                node,
                command,
            })
        };
        for extent in extents {
            say(extent, 1, ReplicaCommand::Lost).unwrap();
        }
        let twice = say(extents[0], 1, ReplicaCommand::Lost);
        assert_eq!(twice, Err(Refused::NotTaken(NodeId::new(1))));
        say(extents[0], 2, ReplicaCommand::Lost).unwrap();
        let last = say(extents[0], 3, ReplicaCommand::Lost);
        assert_eq!(last, Err(Refused::TooFew { found: 0, least: 1 }));
        say(extents[0], 1, ReplicaCommand::Filled).unwrap();
        say(extents[0], 3, ReplicaCommand::Lost).unwrap();
        let replicas = cluster.office.rows().cluster.replicas[&extents[0]].clone();
        assert_eq!(replicas.whole, [NodeId::new(1)].into());
        assert_eq!(replicas.filling, [2, 3].map(NodeId::new).into());
        assert_eq!(cluster.office.rows().holding(NodeId::new(2)), 2);
        let told = cluster.office.events();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 3, "{told}");
        assert!(
            lines[0].contains("30074") && lines[0].contains("node-1"),
            "{told}"
        );
    }

    #[test]
    fn an_open_extent_that_lost_a_replica_with_its_owner_is_taken_over_by_one_home() {
        let mut cluster = Cluster::of(5);
        let epoch = cluster.own(1).unwrap();
        let extent = cluster.open(epoch).unwrap();
        let begin = ExtentCommand::Begin { extent, epoch };
        cluster.office.system(Command::Extent(begin)).unwrap();
        let forsaken = |cluster: &Cluster| -> Vec<u64> {
            let rows = cluster.office.rows();
            let homes = (1..=5).filter(|node| !rows.forsaken(NodeId::new(*node)).is_empty());
            homes.collect()
        };
        // Its owner may be back.
        cluster.pass(4 * 60 * 14, &[2, 3, 4, 5]);
        assert_eq!(forsaken(&cluster), [0; 0]);
        cluster.pass(4 * 60 * 2, &[2, 3, 4, 5]);
        let homes = forsaken(&cluster);
        assert_eq!(homes.len(), 1, "{homes:?}");
        let epoch = cluster.own(homes[0]).unwrap();
        assert_eq!(forsaken(&cluster), [0; 0]);
        let length = 10;
        let seal = ExtentCommand::Seal {
            extent,
            epoch,
            length,
        };
        cluster.office.system(Command::Extent(seal)).unwrap();
        let lacking = cluster.office.rows().lacking();
        assert_eq!((lacking.extents, lacking.bytes), (1, 10));
        assert!(cluster.repair() > 0);
        assert_eq!(cluster.office.rows().lacking().extents, 0);
    }

    #[test]
    fn an_extent_does_without_a_node_only_while_nobody_was_told_of_it() {
        let mut cluster = Cluster::of(3);
        let epoch = cluster.own(1).unwrap();
        let (node, command) = (NodeId::new(3), ReplicaCommand::Drop);
        let drop = |extent, node| ClusterCommand::Replica {
            extent,
            node,
            command,
        };
        let extent = cluster.open(epoch).unwrap();
        assert_eq!(cluster.submit(drop(extent, node)), Ok(Outcome::Done));
        assert_eq!(cluster.whole(extent).len(), 2);
        let repository = cluster.office.rows().repositories.get(&cluster.repository);
        let least = repository.unwrap().min_copies as usize;
        let fewer = cluster.submit(drop(extent, NodeId::new(2)));
        match least {
            1 => assert_eq!(fewer, Ok(Outcome::Done)),
            least => assert_eq!(fewer, Err(Refused::TooFew { found: 1, least })),
        }
        let extent = cluster.open(epoch).unwrap();
        let begin = ExtentCommand::Begin { extent, epoch };
        cluster.office.system(Command::Extent(begin)).unwrap();
        let late = cluster.submit(drop(extent, node));
        assert_eq!(late, Err(Refused::Open(extent)));
        assert_eq!(cluster.whole(extent).len(), 3);
    }

    #[test]
    fn who_would_be_the_next_owner_has_replicas_as_long_as_it_has_not_many_more_than_others() {
        let mut cluster = Cluster::of(9);
        let epoch = cluster.own(1).unwrap();
        let repository = cluster.repository;
        let next = cluster.office.rows().next_home(repository).unwrap();
        let stands_by = |node| {
            cluster
                .office
                .rows()
                .stands_by(NodeId::new(node), repository)
        };
        let all: Vec<u64> = (1..=9).filter(|node| stands_by(*node)).collect();
        assert_eq!(all, [next.raw()]);
        let zone = |cluster: &Cluster, node: u64| {
            let node = &cluster.office.rows().cluster.nodes[&NodeId::new(node)];
            node.zone.clone()
        };
        let extent = cluster.sealed(epoch);
        if zone(&cluster, next.raw()) != zone(&cluster, 1) {
            assert!(cluster.whole(extent).contains_key(&next.raw()));
        }
        for _ in 0..60 {
            cluster.sealed(epoch);
        }
        let load = &cluster.office.rows().cluster.load;
        let others = load.iter().filter(|(node, _)| node.raw() != 1);
        let most = others.map(|(_, count)| *count).max().unwrap();
        assert!(most <= 40, "{load:?}");
    }

    #[test]
    fn a_home_moves_only_when_its_node_goes() {
        let mut cluster = Cluster::of(5);
        let before: Vec<_> = (0..200)
            .map(|tenant| cluster.office.rows().cluster.home(tenant).unwrap())
            .collect();
        let gone = NodeId::new(3);
        cluster
            .submit(ClusterCommand::Node(gone, NodeCommand::Drain))
            .unwrap();
        let mut moved = 0;
        for (tenant, home) in before.iter().enumerate() {
            let after = cluster.office.rows().cluster.home(tenant as u64).unwrap();
            if *home == gone {
                moved += 1;
                assert_ne!(after, gone);
            } else {
                assert_eq!(after, *home);
            }
        }
        assert!((20..60).contains(&moved), "{moved} of 200 moved");
    }
}
