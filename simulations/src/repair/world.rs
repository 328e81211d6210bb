//! The bag of messages, and who is up.

mod disks;
mod trouble;

use std::collections::BTreeMap;

use holdfast_actors::catalog::command::ReplicaCommand;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{Act, Acts, ExtentId, Instant, Machine, NodeId, Now, RepositoryId};
use holdfast_cluster::extents;
use holdfast_cluster::repair::leader::{self, Leader};
use holdfast_cluster::repair::reconcile::{self, Verdict};

use super::book::Book;
use super::invariants::{self, Nodes};
use super::node::{Node, Wish};
use super::{Flaw, MILLI, Micros, Outcome, SECOND};
use crate::dice::Dice;

/// How many nodes there are in the end.
const NODES: u64 = 7;
/// How many there are in the beginning.
const FIRST: u64 = 5;
/// How long there is trouble.
const TROUBLE: Micros = 90 * SECOND;
/// How long all have to get over it.
const CALM: Micros = 240 * SECOND;
const REPOSITORY: RepositoryId = RepositoryId::new(1);

/// Something on its way.
enum Happening {
    Tick,
    Write,
    /// The replicas of a new extent are there, or are not: it is written and sealed.
    Written(ExtentId, u64),
    Rows(NodeId, u64),
    Store(NodeId, u64, extents::Event),
    Reconcile(NodeId, u64, reconcile::Event),
    Looked(NodeId, u64, extents::Listing),
    Pull(NodeId, u64, reconcile::Effect),
    Scan(NodeId, u64, ExtentId, u64, u32),
    Unlink(NodeId, u64, ExtentId),
    Place(NodeId, u64, ExtentId, u64),
    Submit(NodeId, u64, ExtentId, NodeId, ReplicaCommand),
    Wake(NodeId, u64),
    Leader(leader::Event),
    WakeLeader,
    Crash(NodeId),
    Start(NodeId),
    Heal(NodeId),
    Trouble,
}

struct World {
    now: Micros,
    bag: BTreeMap<(Micros, u64), Happening>,
    count: u64,
    book: Book,
    nodes: Nodes,
    leader: Leader,
    /// Rows as they were a while ago.
    old: Vec<Rows>,
    outcome: Outcome,
    flaw: Option<Flaw>,
    dice: Dice,
    calm: bool,
    drained: bool,
    removed: bool,
}

/// Runs one schedule.
pub fn run(seed: u64, flaw: Option<Flaw>) -> Outcome {
    let mut world = World::new(seed, flaw);
    world.run_until(TROUBLE);
    world.calm = true;
    let ids: Vec<NodeId> = world.nodes.keys().copied().collect();
    for id in ids {
        world.put(0, Happening::Crash(id));
        world.put(0, Happening::Heal(id));
        world.put(SECOND, Happening::Start(id));
    }
    world.run_until(TROUBLE + CALM);
    let found = invariants::end(&world.book.rows, &world.nodes);
    world.outcome.violations.extend(found);
    world.outcome
}

fn at(now: Micros) -> Now {
    Now {
        monotonic: Instant::from_micros(now),
        ..Now::default()
    }
}

impl World {
    fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let mut world = Self {
            now: 0,
            bag: BTreeMap::new(),
            count: 0,
            book: Book::new(1),
            nodes: Nodes::new(),
            leader: Leader::default(),
            old: Vec::new(),
            outcome: Outcome::default(),
            flaw,
            dice: Dice::of_seed(seed).fork("repair"),
            calm: false,
            drained: false,
            removed: false,
        };
        for number in 1..=FIRST {
            world.join(number);
        }
        // The owner writes whatever becomes of its node: only its epoch counts here.
        if let Err(refused) = world.book.own(REPOSITORY, NodeId::new(1)) {
            world.outcome.violations.push(refused.to_string());
        }
        world.put(0, Happening::Tick);
        world.put(0, Happening::WakeLeader);
        world.put(SECOND, Happening::Write);
        world.put(5 * SECOND, Happening::Trouble);
        world
    }

    fn join(&mut self, number: u64) {
        let id = NodeId::new(number);
        let zones = ["", "", "a", "b"];
        let zone = zones[self.dice.below(zones.len() as u64) as usize];
        self.book.join(number, zone);
        self.nodes.insert(id, Node::new(id));
        self.put(0, Happening::Start(id));
    }

    fn put(&mut self, after: Micros, happening: Happening) {
        self.count += 1;
        self.bag.insert((self.now + after, self.count), happening);
    }

    fn run_until(&mut self, end: Micros) {
        while let Some(entry) = self.bag.first_entry().filter(|entry| entry.key().0 <= end) {
            let ((at, _), happening) = entry.remove_entry();
            self.now = at;
            self.happen(happening);
        }
        self.now = end;
    }

    /// How long something is on its way: mostly not long.
    fn delay(&mut self) -> Micros {
        if !self.calm && self.dice.one_in(60) {
            return self.dice.below(3 * SECOND);
        }
        100 + self.dice.below(5 * MILLI)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick => self.tick(),
            Happening::Write => self.write(),
            Happening::Written(extent, length) => self.written(extent, length),
            Happening::Rows(id, life) => self.rows(id, life),
            Happening::Store(id, life, event) => {
                self.at(id, life, |node, now| node.store(now, event));
            }
            Happening::Reconcile(id, life, event) => {
                self.at(id, life, |node, now| node.reconcile(now, event));
            }
            Happening::Wake(id, life) => self.at(id, life, |node, now| node.wake(now)),
            Happening::Looked(id, life, held) => self.looked(id, life, held),
            Happening::Pull(id, life, pull) => self.pull(id, life, &pull),
            Happening::Scan(id, life, extent, offset, length) => {
                self.scan(id, life, extent, offset, length);
            }
            Happening::Unlink(id, life, extent) => self.unlink(id, life, extent),
            Happening::Place(id, life, extent, attempt) => self.place(id, life, extent, attempt),
            Happening::Submit(id, life, extent, node, command) => {
                self.submit(id, life, extent, node, command);
            }
            Happening::WakeLeader => {
                let mut acts = Acts::default();
                self.leader.wake(at(self.now), &mut acts);
                self.lead(acts);
            }
            Happening::Leader(event) => {
                let mut acts = Acts::default();
                self.leader.step(at(self.now), event, &mut acts);
                self.lead(acts);
            }
            Happening::Crash(id) => self.crash(id),
            Happening::Start(id) => self.start(id),
            Happening::Heal(id) => drop(self.nodes.get_mut(&id).map(|node| node.cut = false)),
            Happening::Trouble => self.trouble(),
        }
    }

    /// The catalog's time goes on, and nodes hear of what it says, sooner or later.
    fn tick(&mut self) {
        let up = self.nodes.values().filter(|node| node.up);
        let up: Vec<(NodeId, u64)> = up.map(|node| (node.id, node.life)).collect();
        let alive: Vec<NodeId> = up.iter().map(|(id, _)| *id).collect();
        self.book.tick(&alive);
        if self.dice.one_in(20) {
            self.old.push(self.book.rows.clone());
        }
        for (id, life) in up {
            let after = self.delay();
            self.put(after, Happening::Rows(id, life));
        }
        self.put(250 * MILLI, Happening::Tick);
    }

    /// Something reaches a node, if it still lives that life.
    fn at(&mut self, id: NodeId, life: u64, happens: impl FnOnce(&mut Node, Micros) -> Vec<Wish>) {
        let now = self.now;
        let node = self.nodes.get_mut(&id);
        let Some(node) = node.filter(|node| node.up && node.life == life) else {
            return;
        };
        let wishes = happens(node, now);
        for wish in wishes {
            match wish {
                Wish::Store(effect) => self.grant_store(id, life, effect),
                Wish::Reconcile(effect) => self.grant(id, life, effect),
            }
        }
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let alarm = node.reconcile.deadline();
        if alarm.is_some_and(|at| at <= Instant::from_micros(now)) {
            let text = format!("{id} wants to be woken at a time that has passed");
            self.outcome.violations.push(text);
        }
        if alarm != node.alarm {
            node.alarm = alarm;
            if let Some(alarm) = alarm {
                let after = alarm.as_micros().saturating_sub(now);
                self.put(after, Happening::Wake(id, life));
            }
        }
    }

    fn rows(&mut self, id: NodeId, life: u64) {
        let rows = self.book.rows.clone();
        let news = match self.nodes.get_mut(&id) {
            Some(node) if !node.cut && node.life == life => node.news(&rows),
            _ => return,
        };
        if !news.changed.is_empty() {
            let event = reconcile::Event::News(news);
            self.at(id, life, |node, now| node.reconcile(now, event));
        }
    }

    fn looked(&mut self, id: NodeId, life: u64, held: extents::Listing) {
        let (rows, flaw) = (self.book.rows.clone(), self.flaw);
        let event = match self.nodes.get_mut(&id) {
            Some(node) if node.life == life => {
                let cut = node.cut || flaw == Some(Flaw::Hasty);
                let rows = if cut { node.known() } else { rows };
                let news = node.news(&rows);
                let fresh = !cut || flaw == Some(Flaw::Hasty);
                reconcile::Event::Looked { held, news, fresh }
            }
            _ => return,
        };
        self.at(id, life, |node, now| node.reconcile(now, event));
    }

    /// A command reaches the catalog, and its answer the node, if neither is lost.
    fn submit(
        &mut self,
        id: NodeId,
        life: u64,
        extent: ExtentId,
        node: NodeId,
        command: ReplicaCommand,
    ) {
        let cut = self.nodes.get(&id).is_none_or(|it| it.cut);
        let lost = cut || (!self.calm && self.dice.one_in(40));
        let mut verdict = Verdict::Silent;
        if !lost {
            verdict = self.order(extent, node, command);
        }
        let unheard = !self.calm && self.dice.one_in(40);
        let (after, verdict) = match verdict {
            Verdict::Silent => (2 * SECOND, Verdict::Silent),
            _ if unheard => (2 * SECOND, Verdict::Silent),
            Verdict::Done | Verdict::Refused => (self.delay(), verdict),
        };
        let decided = reconcile::Event::Decided {
            extent,
            node,
            command,
            verdict,
        };
        if verdict != Verdict::Silent {
            self.rows(id, life);
        }
        self.put(after, Happening::Reconcile(id, life, decided));
    }

    /// The catalog decides about a replica.
    fn order(&mut self, extent: ExtentId, node: NodeId, command: ReplicaCommand) -> Verdict {
        let before = invariants::sound(&self.book.rows, &self.nodes, extent);
        if self.book.replica(extent, node, command).is_err() {
            return Verdict::Refused;
        }
        let rows = &self.book.rows;
        let after = invariants::sound(rows, &self.nodes, extent);
        if before > 0
            && after == 0
            && rows
                .extents
                .get(&extent)
                .is_some_and(|it| it.sealed > Some(0))
        {
            let text = format!("{command:?} of {extent} on {node} took the last sound copy out");
            self.outcome.violations.push(text);
        }
        match command {
            ReplicaCommand::Filled => {
                self.outcome.copied += 1;
                let wrong = invariants::report(rows, &self.nodes, extent, node);
                self.outcome.violations.extend(wrong);
            }
            ReplicaCommand::Lost | ReplicaCommand::Differs => self.outcome.lost += 1,
            ReplicaCommand::Fill
            | ReplicaCommand::Drop
            | ReplicaCommand::LastDamaged
            | ReplicaCommand::Undecided => {}
        }
        Verdict::Done
    }

    /// Does what the leader wants.
    fn lead(&mut self, acts: Acts<Leader>) {
        for act in acts {
            let effect = match act {
                Act::Persist(never) => match never {},
                Act::Start(effect) | Act::Show(effect) => effect,
            };
            let after = self.delay();
            let event = match effect {
                leader::Effect::Look => {
                    let rows = Some(Box::new(self.book.rows.clone()));
                    leader::Event::Looked(rows)
                }
                leader::Effect::Submit {
                    extent,
                    node,
                    command,
                } => {
                    let done = self.order(extent, node, command) == Verdict::Done;
                    leader::Event::Decided { extent, node, done }
                }
            };
            self.put(after, Happening::Leader(event));
        }
        if let Some(at) = self.leader.deadline() {
            let after = at.as_micros().saturating_sub(self.now).max(MILLI);
            self.put(after, Happening::WakeLeader);
        }
    }
}
