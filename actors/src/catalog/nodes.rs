//! Nodes, their leases, and the ticks by which the catalog's own time goes on.
//!
//! A tick adds at most [`TICK`], whatever the leader's clock says, so that a leader that stood
//! still makes leases longer and never shorter. A lease ends [`LEASE`] and a tick after the command
//! that granted it, and its holder counts [`LEASE`] from before it asked: so it stops first.

use std::time::Duration;

use super::cluster::{ClusterCommand, LeaseCommand, NewNode, NodeCommand};
use super::draft::{Draft, short};
use super::events::Code;
use super::rows::{Lease, Node, NodeState, Room};
use super::tape::TAPE;
use super::{Outcome, Refused};
use crate::gateways::GATEWAY;
use crate::kernel::{Date, Epoch, NodeId, Timestamp};

/// The most that one tick adds.
pub const TICK: Duration = Duration::from_millis(250);
/// How long a lease lasts; its holder counts from before it asked.
pub const LEASE: Duration = Duration::from_millis(1_500);
/// How long after the end of its lease a node counts as down.
const DOWN: Duration = Duration::from_secs(12);
/// How often the day is taken from the wall clocks while nothing else calls for it.
const LOOK: Duration = Duration::from_secs(60);
/// A wall clock that gained or lost less than this was corrected, not set.
const SLEW: Duration = Duration::from_millis(500);
/// The most nodes, those that were removed included.
const NODES_MAX: usize = 4096;
/// The most addresses of a node.
const ADDRESSES_MAX: usize = 8;
/// The most roles of a node.
const ROLES_MAX: usize = 16;
/// The most bytes of a role or a zone.
const LABEL_MAX: usize = 64;
/// The most bytes of an address.
const ADDRESS_MAX: usize = 255;

impl Draft<'_> {
    /// Whether the caller may: the system all of it, an admin what is done with a node that is in.
    pub(super) fn is_operators(command: &ClusterCommand) -> bool {
        matches!(
            command,
            ClusterCommand::Token { .. }
                | ClusterCommand::Revoke { .. }
                | ClusterCommand::Node(
                    _,
                    NodeCommand::Set { key: None, .. }
                        | NodeCommand::Drain
                        | NodeCommand::Undrain
                        | NodeCommand::Remove
                        | NodeCommand::Retire
                        | NodeCommand::Replace { .. }
                        | NodeCommand::Rename { .. }
                )
        )
    }

    pub(super) fn cluster(&mut self, command: &ClusterCommand) -> Result<Outcome, Refused> {
        match command {
            ClusterCommand::Tick { advance, .. } => self.pass_time(*advance),
            ClusterCommand::Node(id, NodeCommand::Add(node)) => self.add_node(*id, node)?,
            ClusterCommand::Node(id, command) => {
                let was_pooled = self.rows.is_all_pooled();
                self.change_node(*id, command)?;
                self.warn_of_pools(was_pooled);
            }
            ClusterCommand::Lease(id, command) => return self.lease(*id, command),
            ClusterCommand::Own {
                repository,
                node,
                lease,
            } => return self.own(*repository, *node, *lease),
            ClusterCommand::Disown { repository, epoch } => self.disown(*repository, *epoch)?,
            ClusterCommand::Replica {
                extent,
                node,
                command,
            } => self.replica(*extent, *node, *command)?,
            ClusterCommand::Token { hash, life } => return self.promise(*hash, *life),
            ClusterCommand::Join { token, node } => return self.join(*token, node),
            ClusterCommand::Revoke { hash } => self.revoke(hash)?,
            ClusterCommand::Turned(turned) => self.turned(turned)?,
            ClusterCommand::Room { node, lease, room } => self.room(*node, *lease, *room)?,
        }
        Ok(Outcome::Done)
    }

    /// A node says what room it has; an event when it gets nothing new from now on, and when it
    /// does again.
    fn room(&mut self, id: NodeId, epoch: Epoch, room: Room) -> Result<(), Refused> {
        let node = self.live_node(id)?;
        let cluster = &mut self.rows.cluster;
        let lease = cluster.leases.get(&id);
        if lease.is_none_or(|lease| lease.epoch != epoch) {
            return Err(Refused::LeaseLost(id, epoch));
        }
        let was_full = cluster.is_full(id);
        cluster.rooms.insert(id, room);
        let (name, free, total) = (node.name, room.free, room.total);
        if room.is_full && !was_full {
            let text = format!(
                "{id} '{name}' gets no new data: {free} of {total} are free on its disk; give it \
                 room, or drain it"
            );
            self.event(Code::NodeFull, None, text, None);
        } else if was_full && !room.is_full {
            let text = format!("{id} '{name}' has room again: {free} of {total}");
            self.event(Code::NodeHasRoom, None, text, None);
        }
        Ok(())
    }

    fn pass_time(&mut self, advance: Duration) {
        let cluster = &mut self.rows.cluster;
        cluster.now = cluster.now.saturating_add(advance.min(TICK));
        let now = cluster.now;
        let silent: Vec<NodeId> = cluster
            .nodes
            .iter()
            .filter(|(_, node)| node.state == NodeState::Active)
            .filter(|(id, _)| {
                let lease = cluster.leases.get(*id);
                lease.is_none_or(|lease| lease.until + DOWN <= now)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.enter(id, NodeState::Down);
        }
        self.forget_removed();
        self.look_at_walls();
    }

    /// Leases of nodes that are of the cluster no more go when they have ended.
    fn forget_removed(&mut self) {
        let cluster = &mut self.rows.cluster;
        let removed = |id: &NodeId| {
            let row = cluster.nodes.get(id);
            row.is_none_or(|row| row.state == NodeState::Removed)
        };
        let ended = cluster
            .leases
            .iter()
            .filter(|(_, it)| it.until <= cluster.now);
        let ended: Vec<NodeId> = ended.map(|(id, _)| *id).filter(removed).collect();
        for id in ended {
            cluster.leases.remove(&id);
        }
    }

    /// Takes the day from the wall clocks of a majority: now and then, when it changes, and at once
    /// when these were set.
    fn look_at_walls(&mut self) {
        let (clock, cluster) = (self.rows.clock, &self.rows.cluster);
        let Some(wall) = cluster.wall() else {
            return;
        };
        let elapsed = cluster.now.saturating_sub(cluster.looked);
        let first = clock.wall == Timestamp::default();
        let expected = clock.wall + elapsed;
        let apart = wall.since(expected).max(expected.since(wall));
        let another_day = Date::of(wall) != Date::of(clock.wall);
        if first || another_day || elapsed >= LOOK || apart > SLEW {
            self.rows.cluster.looked = self.rows.cluster.now;
            self.at = wall;
            self.pass(wall, (!first).then_some(elapsed));
        }
    }

    pub(super) fn add_node(&mut self, id: NodeId, new: &NewNode) -> Result<(), Refused> {
        labels(&new.addresses, new.roles.iter(), &new.zone)?;
        let nodes = &self.rows.cluster.nodes;
        if nodes.contains_key(&id) {
            return Err(Refused::NodeExists(id));
        }
        self.vacant(id, new)?;
        if nodes.len() >= NODES_MAX {
            let (what, most) = ("nodes", NODES_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let node = Node {
            name: new.name.clone(),
            addresses: new.addresses.clone(),
            key: new.key,
            roles: new.roles.clone(),
            zone: new.zone.clone(),
            state: NodeState::Joining,
            incarnation: 0,
            wall: None,
        };
        self.rows.cluster.nodes.insert(id, node);
        let text = format!("{id} '{}' joined", new.name);
        self.event(Code::NodeJoined, None, text, None);
        Ok(())
    }

    fn change_node(&mut self, id: NodeId, command: &NodeCommand) -> Result<(), Refused> {
        let mut node = self.live_node(id)?;
        match command {
            NodeCommand::Add(_) => return Err(Refused::NodeExists(id)),
            NodeCommand::Set {
                addresses,
                key,
                roles,
                zone,
            } => {
                node.addresses = addresses.clone().unwrap_or(node.addresses);
                node.key = key.unwrap_or(node.key);
                node.roles = roles.clone().unwrap_or(node.roles);
                node.zone = zone.clone().unwrap_or(node.zone);
                labels(&node.addresses, node.roles.iter(), &node.zone)?;
                let is_gateway = node.roles.contains(GATEWAY);
                let has_tapes = node.roles.contains(TAPE);
                self.rows.cluster.nodes.insert(id, node);
                if !is_gateway {
                    self.leave_pool(id);
                }
                if !has_tapes {
                    self.leave_tapes(id);
                }
            }
            NodeCommand::Drain => self.enter(id, NodeState::Draining),
            NodeCommand::Undrain if node.state == NodeState::Draining => {
                self.enter(id, NodeState::Active);
            }
            NodeCommand::Undrain => {}
            NodeCommand::Remove => {
                self.leaves_one(id)?;
                self.dismiss(id);
            }
            NodeCommand::Retire => match self.rows.holding(id) {
                0 => {
                    self.leaves_one(id)?;
                    self.dismiss(id);
                }
                held => return Err(Refused::Holds(id, held)),
            },
            NodeCommand::Replace { with } => self.replace(id, &node, *with)?,
            NodeCommand::Rename { name } => self.rename(id, node, name)?,
        }
        Ok(())
    }

    fn lease(&mut self, id: NodeId, command: &LeaseCommand) -> Result<Outcome, Refused> {
        let node = self.live_node(id)?;
        let (now, index) = (self.rows.cluster.now, self.rows.index);
        let held = self.rows.cluster.leases.get(&id).copied();
        let until = now + LEASE + TICK;
        let (lease, wall) = match *command {
            LeaseCommand::Acquire { incarnation, wall }
            | LeaseCommand::Begin {
                incarnation, wall, ..
            } => {
                let speaks = command.speaks();
                self.rows.versed(id, speaks)?;
                if let Some(held) = held.filter(|held| held.until > now)
                    && held.incarnation != incarnation
                {
                    return Err(Refused::Leased(id));
                }
                self.rows.cluster.speak.insert(id, speaks);
                let epoch = Epoch::new(index.raw());
                let lease = Lease {
                    incarnation,
                    epoch,
                    until,
                };
                (lease, wall)
            }
            LeaseCommand::Renew { epoch, wall } => {
                let held = holds(id, held, epoch)?;
                (Lease { until, ..held }, wall)
            }
            LeaseCommand::Release { epoch } => {
                let held = holds(id, held, epoch)?;
                // When it ended stays known: replicas of a node that is back soon count. Its life
                // is nobody's any more, so that a renewal that is late does not bring it back.
                let lease = Lease {
                    incarnation: 0,
                    epoch: Epoch::new(index.raw()),
                    until: held.until.min(now),
                };
                self.rows.cluster.leases.insert(id, lease);
                return Ok(Outcome::Done);
            }
        };
        self.rows.cluster.leases.insert(id, lease);
        let row = Node {
            wall: Some((wall, now)),
            incarnation: lease.incarnation,
            ..node
        };
        let returns = matches!(row.state, NodeState::Joining | NodeState::Down);
        self.rows.cluster.nodes.insert(id, row);
        if returns {
            self.enter(id, NodeState::Active);
        }
        if lease.epoch.raw() == index.raw() {
            self.raise_copies();
        }
        self.raise_version();
        Ok(Outcome::Epoch { epoch: lease.epoch })
    }

    pub(super) fn live_node(&self, id: NodeId) -> Result<Node, Refused> {
        let node = self.rows.cluster.nodes.get(&id);
        let live = node.filter(|node| node.state != NodeState::Removed);
        live.cloned().ok_or(Refused::NoNode(id))
    }

    pub(super) fn enter(&mut self, id: NodeId, state: NodeState) {
        if let Some(node) = self.rows.cluster.nodes.get_mut(&id)
            && node.state != state
        {
            node.state = state;
            if state == NodeState::Removed {
                self.rows.cluster.rooms.remove(&id);
            }
            let text = format!("{id} '{}' is {state}", node.name);
            let code = match state {
                NodeState::Down | NodeState::Removed => Code::NodeLost,
                NodeState::Joining | NodeState::Active | NodeState::Draining => Code::NodeChanged,
            };
            self.event(code, None, text, None);
        }
    }
}

fn holds(id: NodeId, held: Option<Lease>, epoch: Epoch) -> Result<Lease, Refused> {
    held.filter(|held| held.epoch == epoch)
        .ok_or(Refused::LeaseLost(id, epoch))
}

fn labels<'a>(
    addresses: &[String],
    roles: impl ExactSizeIterator<Item = &'a String>,
    zone: &str,
) -> Result<(), Refused> {
    for (what, count, most) in [
        ("addresses", addresses.len(), ADDRESSES_MAX),
        ("roles", roles.len(), ROLES_MAX),
    ] {
        if count > most {
            return Err(Refused::TooMany { what, most });
        }
    }
    for address in addresses {
        short("an address", address, ADDRESS_MAX)?;
    }
    for role in roles {
        short("a role", role, LABEL_MAX)?;
    }
    short("a zone", zone, LABEL_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::apply;
    use super::super::command::{Actor, Command, Submission, Turned, TurnedCause};
    use super::super::joining::own_name;
    use super::super::rows::Rows;
    use super::*;
    use crate::kernel::{NodeName, Sequence};

    /// A cluster whose log the test writes; all clocks show the same, but for what is said.
    struct Log {
        rows: Rows,
        index: u64,
        wall: u64,
    }

    const NOON: u64 = 1_795_262_400_000;

    impl Log {
        /// Nodes 1 to `count`, at work.
        fn of(count: u64) -> Self {
            let rows = Rows::default();
            let mut log = Self {
                rows,
                index: 0,
                wall: NOON,
            };
            for id in 1..=count {
                log.add(id).unwrap();
                log.acquire(id, id * 10).unwrap();
            }
            log
        }

        fn give(&mut self, command: ClusterCommand) -> Result<Outcome, Refused> {
            // Places are left out, as consensus leaves out those of its own entries.
            self.index += 2;
            let submission = Submission {
                client: 0,
                sequence: 0,
                by: Actor::System,
                at: Timestamp::from_millis(self.wall),
                command: Command::Cluster(command),
            };
            let (rows, answer) = apply(&self.rows, Sequence::new(self.index), &submission);
            assert_eq!(rows.index.raw(), self.index);
            assert!(rows.cluster.now >= self.rows.cluster.now);
            assert!(rows.clock.today >= self.rows.clock.today);
            self.rows = rows;
            answer.map(|(outcome, _)| outcome)
        }

        fn add(&mut self, id: u64) -> Result<Outcome, Refused> {
            let node = NewNode {
                name: NodeName::parse(&format!("n{id}")).unwrap(),
                addresses: Vec::new(),
                key: [id as u8; 32],
                roles: BTreeSet::new(),
                zone: String::new(),
            };
            let command = NodeCommand::Add(node);
            self.give(ClusterCommand::Node(NodeId::new(id), command))
        }

        fn node(&mut self, id: u64, command: NodeCommand) -> Result<Outcome, Refused> {
            self.give(ClusterCommand::Node(NodeId::new(id), command))
        }

        fn lease(&mut self, id: u64, command: LeaseCommand) -> Result<Epoch, Refused> {
            let outcome = self.give(ClusterCommand::Lease(NodeId::new(id), command))?;
            let Outcome::Epoch { epoch } = outcome else {
                panic!("{outcome:?}");
            };
            Ok(epoch)
        }

        fn acquire(&mut self, id: u64, incarnation: u64) -> Result<Epoch, Refused> {
            let wall = Timestamp::from_millis(self.wall);
            self.lease(id, LeaseCommand::Acquire { incarnation, wall })
        }

        fn renew(&mut self, id: u64, epoch: Epoch, wall: u64) -> Result<Epoch, Refused> {
            let wall = Timestamp::from_millis(wall);
            self.lease(id, LeaseCommand::Renew { epoch, wall })
        }

        fn epoch(&self, id: u64) -> Epoch {
            self.rows.cluster.leases[&NodeId::new(id)].epoch
        }

        fn tick(&mut self, millis: u64) {
            let advance = Duration::from_millis(millis);
            self.wall += millis.min(250);
            self.give(ClusterCommand::Tick { term: 1, advance })
                .unwrap();
        }

        fn state(&self, id: u64) -> NodeState {
            self.rows.cluster.nodes[&NodeId::new(id)].state
        }

        /// So many seconds in which all of these renew; each says by how much its clock is wrong.
        fn pass(&mut self, seconds: u64, clocks: &[(u64, i64)]) {
            for _ in 0..seconds * 4 {
                self.tick(250);
                for (id, wrong) in clocks {
                    let wall = self.wall.saturating_add_signed(*wrong);
                    self.renew(*id, self.epoch(*id), wall).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_node_that_joined_takes_the_place_of_one_that_is_down_and_of_no_other() {
        let mut log = Log::of(3);
        let with = NodeId::new(2);
        let replace = || NodeCommand::Replace { with };
        let zone = NodeCommand::Set {
            addresses: None,
            key: None,
            roles: Some(["storage".to_owned()].into()),
            zone: Some("cellar".to_owned()),
        };
        log.node(1, zone).unwrap();
        assert_eq!(
            log.node(1, replace()),
            Err(Refused::NotDown(NodeId::new(1)))
        );
        log.pass(20, &[(2, 0), (3, 0)]);
        assert_eq!(log.state(1), NodeState::Down);
        assert_eq!(log.node(2, replace()), Err(Refused::NotTaken(with)));
        log.node(1, replace()).unwrap();
        assert_eq!(log.state(1), NodeState::Removed);
        let heir = &log.rows.cluster.nodes[&with];
        assert_eq!(heir.zone, "cellar");
        assert_eq!(heir.roles, ["storage".to_owned()].into());
        assert_eq!(log.node(1, replace()), Err(Refused::NoNode(NodeId::new(1))));
    }

    #[test]
    fn the_last_node_at_work_is_not_removed() {
        let mut log = Log::of(2);
        log.pass(1, &[(1, 0), (2, 0)]);
        log.node(2, NodeCommand::Remove).unwrap();
        let (found, least) = (0, 1);
        let last = Err(Refused::TooFew { found, least });
        assert_eq!(log.node(1, NodeCommand::Remove), last);
        assert_eq!(log.node(1, NodeCommand::Retire), last);
        assert_eq!(log.state(1), NodeState::Active);
    }

    #[test]
    fn nobody_bears_the_id_of_another_as_a_name() {
        let [one, two] = [1, 2].map(NodeId::new);
        let name = |name: &str| NodeName::parse(name).unwrap();
        let refused = Err(Refused::NodeName(name("node-2"), two));
        assert_eq!(own_name(one, &name("node-2")), refused);
        assert_eq!(own_name(two, &name("node-2")), Ok(()));
        assert_eq!(own_name(one, &name("node-berlin")), Ok(()));
    }

    #[test]
    fn a_node_is_retired_when_it_holds_nothing() {
        let mut log = Log::of(2);
        log.rows.cluster.load.insert(NodeId::new(2), 3);
        let refused = log.node(2, NodeCommand::Retire);
        assert_eq!(refused, Err(Refused::Holds(NodeId::new(2), 3)));
        log.rows.cluster.load.insert(NodeId::new(2), 0);
        log.node(2, NodeCommand::Retire).unwrap();
        assert_eq!(log.state(2), NodeState::Removed);
    }

    #[test]
    fn who_is_turned_away_again_and_again_makes_one_event_a_day() {
        let mut log = Log::of(2);
        let turned = |cause, peer: Option<u64>, from: &str| {
            ClusterCommand::Turned(Turned {
                cause,
                peer: peer.map(NodeId::new),
                from: from.to_owned(),
            })
        };
        let told = |log: &Log| {
            let events = log.rows.events.values();
            let code = Code::NodeTurnedAway.number();
            events.filter(|event| event.code == code).count()
        };
        for _ in 0..3 {
            log.give(turned(TurnedCause::Copy, Some(2), "192.0.2.7"))
                .unwrap();
            log.give(turned(TurnedCause::Removed, Some(2), "192.0.2.7"))
                .unwrap();
            log.give(turned(TurnedCause::Foreign, None, "192.0.2.9"))
                .unwrap();
            log.give(turned(TurnedCause::Foreign, Some(2), "")).unwrap();
        }
        assert_eq!(told(&log), 4);
        for number in 0..200 {
            let from = format!("192.0.2.{number}");
            log.give(turned(TurnedCause::Foreign, None, &from)).unwrap();
        }
        assert_eq!(told(&log), 64, "strangers fill no list");
        log.rows.cluster.minor = 1;
        for _ in 0..3 {
            let from = "192.0.2.7";
            let tokens = [
                (TurnedCause::TokenUsed, Some(2)),
                (TurnedCause::TokenExpired, None),
                (TurnedCause::TokenUnknown, None),
            ];
            for (cause, peer) in tokens {
                log.give(turned(cause, peer, from)).unwrap();
            }
        }
        let tokens = log.rows.events.values();
        let tokens = tokens.filter(|event| event.code == Code::JoinTokenRefused.number());
        let tokens: Vec<&str> = tokens.map(|event| event.text.as_str()).collect();
        assert_eq!(tokens.len(), 3, "behind a crowd of strangers, too");
        let used = "a newcomer from 192.0.2.7 showed the join token that let node-2 'n2' in before";
        assert!(tokens[0].starts_with(used), "{tokens:?}");
        log.wall += 2 * 86_400_000;
        log.give(turned(TurnedCause::Copy, Some(2), "192.0.2.7"))
            .unwrap();
        assert_eq!(told(&log), 65);
    }

    #[test]
    fn a_lease_passes_to_another_life_when_it_has_ended_and_not_before() {
        let mut log = Log::of(1);
        let first = log.epoch(1);
        assert_eq!(log.acquire(1, 77), Err(Refused::Leased(NodeId::new(1))));
        for _ in 0..6 {
            log.tick(250);
        }
        assert_eq!(log.acquire(1, 77), Err(Refused::Leased(NodeId::new(1))));
        log.tick(250);
        // It has ended; nobody took it, so it may still be kept.
        assert_eq!(log.renew(1, first, NOON), Ok(first));
        for _ in 0..7 {
            log.tick(250);
        }
        let second = log.acquire(1, 77).unwrap();
        assert!(second > first);
        let lost = Refused::LeaseLost(NodeId::new(1), first);
        assert_eq!(log.renew(1, first, NOON), Err(lost));
        log.lease(1, LeaseCommand::Release { epoch: first })
            .unwrap_err();
        let release = LeaseCommand::Release { epoch: second };
        log.give(ClusterCommand::Lease(NodeId::new(1), release))
            .unwrap();
        assert_eq!(
            log.renew(1, second, NOON),
            Err(Refused::LeaseLost(NodeId::new(1), second))
        );
        assert!(!log.rows.cluster.is_leased(NodeId::new(1)));
        assert!(log.acquire(1, 78).unwrap() > second, "nobody waits for it");
    }

    #[test]
    fn a_node_that_gave_its_lease_back_is_not_down_before_one_that_was_lost() {
        let mut log = Log::of(1);
        let epoch = log.epoch(1);
        let release = LeaseCommand::Release { epoch };
        log.give(ClusterCommand::Lease(NodeId::new(1), release))
            .unwrap();
        log.tick(250);
        let state = |log: &Log| log.rows.cluster.nodes[&NodeId::new(1)].state;
        assert_eq!(state(&log), NodeState::Active, "it may be back soon");
        (0..48).for_each(|_| log.tick(250));
        assert_eq!(state(&log), NodeState::Down);
    }

    #[test]
    fn a_tick_adds_no_more_than_it_may() {
        let mut log = Log::of(1);
        log.tick(60_000);
        assert_eq!(log.rows.cluster.now, TICK);
    }

    #[test]
    fn a_node_that_is_silent_is_down_and_comes_back_and_one_that_was_removed_never_does() {
        let mut log = Log::of(3);
        log.pass(13, &[(1, 0), (2, 0)]);
        assert_eq!(log.state(3), NodeState::Active);
        log.pass(1, &[(1, 0), (2, 0)]);
        assert_eq!(log.state(3), NodeState::Down);
        log.acquire(3, 30).unwrap();
        assert_eq!(log.state(3), NodeState::Active);
        log.node(3, NodeCommand::Drain).unwrap();
        assert_eq!(log.state(3), NodeState::Draining);
        log.node(3, NodeCommand::Undrain).unwrap();
        log.node(3, NodeCommand::Remove).unwrap();
        assert_eq!(log.acquire(3, 30), Err(Refused::NoNode(NodeId::new(3))));
        assert_eq!(log.add(3), Err(Refused::NodeExists(NodeId::new(3))));
        // It may not have heard: nobody else has what it has before its lease is over.
        assert!(log.rows.cluster.is_leased(NodeId::new(3)));
        log.pass(8, &[(1, 0), (2, 0)]);
        assert!(!log.rows.cluster.leases.contains_key(&NodeId::new(3)));
    }

    #[test]
    fn the_day_follows_the_middle_clock_of_a_majority() {
        let day = 86_400_000;
        let mut log = Log::of(3);
        log.pass(2, &[(1, 0), (2, 0), (3, 0)]);
        let today = log.rows.clock.today;
        assert_eq!(today.to_string(), "2026-11-21");
        log.pass(2, &[(1, 40 * day), (2, 0), (3, -40 * day)]);
        assert_eq!(
            log.rows.clock.today, today,
            "two that are wrong move nothing"
        );
        log.pass(2, &[(1, day), (2, day), (3, 0)]);
        assert_eq!(
            log.rows.clock.today,
            today.plus(1),
            "two of three are enough"
        );
        log.pass(4, &[(1, 9 * day)]);
        assert_eq!(log.rows.clock.today, today.plus(1), "one is not");
        log.pass(70, &[(1, -day), (2, -day), (3, 0)]);
        assert_eq!(log.rows.clock.today, today.plus(1), "never back");
    }

    #[test]
    fn an_hour_of_ticks_is_no_jump() {
        let mut log = Log::of(3);
        log.pass(3600, &[(1, 0), (2, 100), (3, -100)]);
        assert!(!log.rows.clock.doubted);
        assert_eq!(log.rows.unseen, Duration::ZERO);
    }
}
