//! The bag of messages, and who is up.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_actors::extent::Trouble;
use holdfast_actors::kernel::{ExtentId, NodeId, Ticket};
use holdfast_cluster::extents::{Ask, Refusal, Tell};

use super::catalog::{Catalog, Command, Outcome as Decision};
use super::invariants::{self, Acknowledged};
use super::node::{self, Node, Work};
use super::owner::{self, Owner};
use super::{Flaw, MILLI, Micros, Outcome, SECOND};
use crate::dice::Dice;

/// How long there is trouble.
const TROUBLE: Micros = 40 * SECOND;
/// How long all have to get over it.
const CALM: Micros = 30 * SECOND;
/// A call that was not answered by then is not answered.
const PATIENCE: Micros = 2 * SECOND;

/// Something on its way.
#[derive(Debug)]
enum Happening {
    Call {
        owner: usize,
        call: u64,
        to: NodeId,
        ask: Ask,
        bytes: Bytes,
    },
    Answer {
        owner: usize,
        call: u64,
        answer: Result<Tell, Refusal>,
    },
    Submit {
        owner: usize,
        command: Command,
    },
    Decided {
        owner: usize,
        decision: Decision,
    },
    Wake {
        owner: usize,
    },
    Disk {
        node: NodeId,
        life: u64,
        extent: ExtentId,
        work: Work,
    },
    Sealed {
        node: NodeId,
        extent: ExtentId,
        length: u64,
    },
    Crash(NodeId),
    Start(NodeId),
    Owner {
        quiet: bool,
    },
}

struct World {
    now: Micros,
    bag: BTreeMap<(Micros, u64), Happening>,
    count: u64,
    catalog: Catalog,
    nodes: BTreeMap<NodeId, Node>,
    owners: Vec<Owner>,
    /// Whom an answer under a ticket is for.
    callers: BTreeMap<(NodeId, Ticket), (usize, u64)>,
    /// When the last call of an owner reaches a node: they do not overtake each other.
    paths: BTreeMap<(usize, NodeId), Micros>,
    acknowledged: Acknowledged,
    outcome: Outcome,
    flaw: Option<Flaw>,
    dice: Dice,
    calm: bool,
}

/// Runs one schedule.
pub fn run(seed: u64, flaw: Option<Flaw>) -> Outcome {
    let mut world = World::new(seed, flaw);
    world.run_until(TROUBLE);
    world.calm = true;
    for node in 0..5 {
        world.put(0, Happening::Start(NodeId::new(node)));
    }
    world.put(SECOND, Happening::Owner { quiet: true });
    world.run_until(TROUBLE + CALM);
    world.reconcile();
    world.run_until(TROUBLE + 2 * CALM);
    let found = invariants::contents(&world.catalog, &world.acknowledged, &world.nodes);
    world.outcome.violations.extend(found);
    world.outcome
}

impl World {
    fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let nodes = (0..5).map(|id| (NodeId::new(id), Node::new(flaw)));
        let mut world = Self {
            now: 0,
            bag: BTreeMap::new(),
            count: 0,
            catalog: Catalog::default(),
            nodes: nodes.collect(),
            owners: Vec::new(),
            callers: BTreeMap::new(),
            paths: BTreeMap::new(),
            acknowledged: Acknowledged::new(),
            outcome: Outcome::default(),
            flaw,
            dice: Dice::of_seed(seed).fork("extents"),
            calm: false,
        };
        let mut at = 0;
        while at < TROUBLE {
            world.put(at, Happening::Owner { quiet: false });
            at += SECOND + world.dice.below(8 * SECOND);
        }
        // Some schedules are quieter than others.
        let pause = SECOND << world.dice.below(5);
        let mut at = world.dice.below(pause);
        while at < TROUBLE {
            let node = NodeId::new(world.dice.below(5));
            world.put(at, Happening::Crash(node));
            let off = 20 * MILLI + world.dice.below(3 * SECOND);
            world.put(at + off, Happening::Start(node));
            at += world.dice.below(2 * pause);
        }
        world
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

    fn is_lost(&mut self) -> bool {
        !self.calm && self.dice.one_in(80)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Call {
                owner,
                call,
                to,
                ask,
                bytes,
            } => self.call(owner, call, to, ask, bytes),
            Happening::Submit { owner, command } => self.submit(owner, command),
            Happening::Answer { owner, .. }
            | Happening::Decided { owner, .. }
            | Happening::Wake { owner }
                if self.owners[owner].paused > self.now =>
            {
                let wait = self.owners[owner].paused - self.now;
                self.put(wait, happening);
            }
            Happening::Answer {
                owner,
                call,
                answer,
            } => {
                self.owners[owner].answered(self.now, call, answer);
                self.grant(owner);
            }
            Happening::Decided { owner, decision } => {
                self.owners[owner].decided(self.now, decision);
                self.grant(owner);
            }
            Happening::Wake { owner } => {
                self.owners[owner].look(self.now);
                self.grant(owner);
            }
            Happening::Disk {
                node,
                life,
                extent,
                work,
            } => self.disk(node, life, extent, work),
            Happening::Sealed {
                node,
                extent,
                length,
            } => {
                let now = self.now;
                self.at(node, |it| it.seal(now, extent, length));
            }
            Happening::Crash(node) => {
                if let Some(it) = self.nodes.get_mut(&node).filter(|it| it.up) {
                    it.crash(&mut self.dice);
                }
            }
            Happening::Start(node) => {
                if let Some(it) = self.nodes.get_mut(&node).filter(|it| !it.up) {
                    it.start();
                }
            }
            Happening::Owner { quiet } => {
                let dice = self.dice.fork(&format!("owner {}", self.owners.len()));
                self.owners.push(Owner::new(quiet, self.flaw, dice));
                self.outcome.takeovers += 1;
                self.grant(self.owners.len() - 1);
            }
        }
    }

    /// Does what an owner wants. Now and then it is stopped for seconds and knows nothing of it.
    fn grant(&mut self, owner: usize) {
        if !self.calm && self.dice.one_in(400) {
            self.owners[owner].paused = self.now + self.dice.below(12 * SECOND);
        }
        for wish in self.owners[owner].wishes() {
            match wish {
                owner::Wish::Call(call, to, ask, bytes) => {
                    let arrives = self.now + self.delay();
                    let path = self.paths.entry((owner, to)).or_default();
                    *path = arrives.max(*path + 1);
                    let after = *path - self.now;
                    if !self.is_lost() {
                        self.put(
                            after,
                            Happening::Call {
                                owner,
                                call,
                                to,
                                ask,
                                bytes,
                            },
                        );
                    }
                    let answer = Err(Refusal::Silent(to));
                    self.put(
                        PATIENCE,
                        Happening::Answer {
                            owner,
                            call,
                            answer,
                        },
                    );
                }
                owner::Wish::Submit(command) => {
                    let after = self.delay();
                    if !self.is_lost() {
                        self.put(after, Happening::Submit { owner, command });
                    }
                }
                owner::Wish::Wake(at) => {
                    let after = at.saturating_sub(self.now);
                    self.put(after, Happening::Wake { owner });
                }
                owner::Wish::Acknowledge(extent, from, to) => {
                    self.outcome.acknowledged += 1;
                    self.acknowledged
                        .entry(extent)
                        .or_default()
                        .push((from, to));
                    self.check(extent);
                }
            }
        }
    }

    fn check(&mut self, extent: ExtentId) {
        let found = invariants::lengths(&self.catalog, &self.acknowledged, extent);
        self.outcome.violations.extend(found);
    }

    fn call(&mut self, owner: usize, call: u64, to: NodeId, ask: Ask, bytes: Bytes) {
        self.count += 1;
        let (ticket, now) = (Ticket::new(self.count), self.now);
        self.callers.insert((to, ticket), (owner, call));
        self.at(to, |node| node.ask(now, ticket, ask, bytes));
    }

    fn disk(&mut self, node: NodeId, life: u64, extent: ExtentId, work: Work) {
        let result = match self.dice.below(400) {
            0 if !self.calm => Err(Trouble::Full),
            1 if !self.calm => Err(Trouble::Broken),
            _ => Ok(()),
        };
        let now = self.now;
        let mine = self.nodes.get(&node).is_some_and(|it| it.life == life);
        if mine {
            self.at(node, |it| it.done(now, extent, work, result));
        }
    }

    /// Something reaches a node, if it is up.
    fn at(&mut self, id: NodeId, happens: impl FnOnce(&mut Node) -> Vec<node::Wish>) {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.up) else {
            return;
        };
        let wishes = happens(node);
        let life = node.life;
        for wish in wishes {
            match wish {
                node::Wish::Disk(extent, work) => {
                    let slow = !self.calm && self.dice.one_in(100);
                    let most = if slow { SECOND } else { MILLI };
                    let after = 20 + self.dice.below(most);
                    self.put(
                        after,
                        Happening::Disk {
                            node: id,
                            life,
                            extent,
                            work,
                        },
                    );
                }
                node::Wish::Tell(ticket, answer) => {
                    let after = self.delay();
                    let caller = self.callers.remove(&(id, ticket));
                    if let Some((owner, call)) = caller.filter(|_| !self.is_lost()) {
                        self.put(
                            after,
                            Happening::Answer {
                                owner,
                                call,
                                answer,
                            },
                        );
                    }
                }
            }
        }
    }

    fn submit(&mut self, owner: usize, command: Command) {
        let extent = match &command {
            Command::Seal(extent, _) => Some(*extent),
            Command::Acquire | Command::Open(_) | Command::Begin(_) => None,
        };
        let decision = self.catalog.decide(self.owners[owner].epoch, command);
        if let Some(extent) = extent {
            self.check(extent);
            self.announce(extent);
        }
        let after = self.delay();
        if !self.is_lost() {
            self.put(after, Happening::Decided { owner, decision });
        }
    }

    /// The nodes of a sealed extent hear of it.
    fn announce(&mut self, extent: ExtentId) {
        let Some(row) = self.catalog.extents.get(&extent) else {
            return;
        };
        let (nodes, Some(length)) = (row.nodes.clone(), row.sealed) else {
            return;
        };
        self.outcome.sealed += 1;
        for node in nodes {
            let after = self.delay();
            self.put(
                after,
                Happening::Sealed {
                    node,
                    extent,
                    length,
                },
            );
        }
    }

    /// All nodes hear again what is sealed, as they do when they start.
    fn reconcile(&mut self) {
        let extents: Vec<_> = self.catalog.extents.keys().copied().collect();
        for extent in extents {
            self.announce(extent);
        }
    }
}
