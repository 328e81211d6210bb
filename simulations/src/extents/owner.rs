//! Who owns the repository, or believes so: takes over, writes, and begins another extent on any
//! trouble. What it decides by is what production decides by.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_actors::extent::{self, Append, Extent, Trouble};
use holdfast_actors::kernel::{Act, Acts, Epoch, ExtentId, Machine, NodeId, Ticket};
use holdfast_cluster::extents::{Ask, Fencing, Refusal, Tally, Tell};

use super::catalog::{Command, Outcome, Row};
use super::node::WORD;
use super::{Flaw, Micros, instant};
use crate::dice::Dice;

/// Appends under way at once.
const WINDOW: usize = 4;

/// What an owner wants.
#[derive(Debug)]
pub(super) enum Wish {
    /// Ask a node; the answer comes under this number.
    Call(u64, NodeId, Ask, Bytes),
    /// Ask the catalog.
    Submit(Command),
    /// Look at the clock again then.
    Wake(Micros),
    /// An append is durable: its extent, and where it lies.
    Acknowledge(ExtentId, u64, u64),
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Create,
    Write(u64),
    Sync(u64),
    Fence(ExtentId),
}

/// An extent that is written to.
struct Open {
    id: ExtentId,
    nodes: Vec<NodeId>,
    actor: Extent,
    end: u64,
    /// How many appends come until it is full.
    left: u64,
    sealing: bool,
    waiting: BTreeMap<Ticket, (u64, u64)>,
}

/// One owner, for as long as it lives.
pub(super) struct Owner {
    pub(super) epoch: Epoch,
    /// It hears nothing before.
    pub(super) paused: Micros,
    /// It is not the owner any more, and knows.
    gone: bool,
    /// It takes over and writes nothing.
    quiet: bool,
    flaw: Option<Flaw>,
    calls: BTreeMap<u64, (NodeId, Purpose)>,
    last: u64,
    fencing: BTreeMap<ExtentId, (Vec<NodeId>, Fencing)>,
    /// Extents that are not sealed yet.
    unsealed: usize,
    making: Option<(ExtentId, Vec<NodeId>, Tally)>,
    open: Option<Open>,
    tallies: BTreeMap<u64, Tally>,
    dice: Dice,
    wishes: Vec<Wish>,
}

impl Owner {
    pub(super) fn new(quiet: bool, flaw: Option<Flaw>, dice: Dice) -> Self {
        Self {
            epoch: Epoch::default(),
            paused: 0,
            gone: false,
            quiet,
            flaw,
            calls: BTreeMap::new(),
            last: 0,
            fencing: BTreeMap::new(),
            unsealed: 0,
            making: None,
            open: None,
            tallies: BTreeMap::new(),
            dice,
            wishes: vec![Wish::Submit(Command::Acquire)],
        }
    }

    pub(super) fn wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    fn call(&mut self, node: NodeId, purpose: Purpose, ask: Ask, bytes: Bytes) {
        self.last += 1;
        self.calls.insert(self.last, (node, purpose));
        self.wishes.push(Wish::Call(self.last, node, ask, bytes));
    }

    /// The catalog answers.
    pub(super) fn decided(&mut self, now: Micros, outcome: Outcome) {
        match outcome {
            Outcome::Deposed => self.gone = true,
            Outcome::Owner(epoch, extents) => self.take_over(now, epoch, extents),
            Outcome::Opened(extent, nodes) => {
                let tally = self.tally(&nodes);
                let epoch = self.epoch;
                for node in &nodes {
                    let repository = Default::default();
                    let ask = Ask::Create {
                        repository,
                        extent,
                        epoch,
                    };
                    self.call(*node, Purpose::Create, ask, Bytes::new());
                }
                self.making = Some((extent, nodes, tally));
            }
            Outcome::Begun(extent) => self.begin(now, extent),
            Outcome::Sealed => {
                self.unsealed = self.unsealed.saturating_sub(1);
                self.proceed();
            }
        }
    }

    /// All of them, unless that is what is planted.
    fn tally(&self, nodes: &[NodeId]) -> Tally {
        let needed = match self.flaw {
            Some(Flaw::TwoOfThree) => nodes.len().min(2),
            _ => nodes.len(),
        };
        Tally::new(nodes.iter().copied().take(needed))
    }

    fn take_over(&mut self, now: Micros, epoch: Epoch, extents: Vec<(ExtentId, Row)>) {
        self.epoch = epoch;
        self.unsealed = extents.len();
        for (extent, row) in extents {
            if row.begun {
                self.fence(now, extent, row.nodes);
            } else {
                self.wishes.push(Wish::Submit(Command::Seal(extent, 0)));
            }
        }
        self.proceed();
    }

    fn fence(&mut self, now: Micros, extent: ExtentId, nodes: Vec<NodeId>) {
        let fencing = Fencing::new(nodes.iter().copied());
        let epoch = self.epoch;
        for node in &nodes {
            let ask = Ask::Fence { extent, epoch };
            self.call(*node, Purpose::Fence(extent), ask, Bytes::new());
        }
        self.fencing.insert(extent, (nodes, fencing));
        self.look(now);
    }

    /// Goes through what is being fenced.
    pub(super) fn look(&mut self, now: Micros) {
        let over: Vec<_> = self
            .fencing
            .iter()
            .filter_map(|(extent, (_, it))| Some((*extent, it.outcome(instant(now))?)))
            .collect();
        for (extent, outcome) in over {
            let Some((nodes, _)) = self.fencing.remove(&extent) else {
                continue;
            };
            match outcome {
                Ok(fenced) => {
                    let command = Command::Seal(extent, fenced.length);
                    self.wishes.push(Wish::Submit(command));
                }
                Err(_) => self.fence(now, extent, nodes),
            }
        }
        let deadlines = self.fencing.values().filter_map(|(_, it)| it.deadline());
        if let Some(next) = deadlines.min() {
            self.wishes.push(Wish::Wake(next.as_micros()));
        }
    }

    /// Begins another extent when nothing is left to seal.
    fn proceed(&mut self) {
        let busy = self.open.is_some() || self.making.is_some() || self.unsealed > 0;
        if !busy && !self.quiet && !self.gone {
            let mut nodes: Vec<_> = (0..5).map(NodeId::new).collect();
            while nodes.len() > 3 {
                nodes.remove(self.dice.below(nodes.len() as u64) as usize);
            }
            self.wishes.push(Wish::Submit(Command::Open(nodes)));
        }
    }

    fn begin(&mut self, now: Micros, extent: ExtentId) {
        let Some((id, nodes, _)) = self.making.take().filter(|(id, ..)| *id == extent) else {
            return;
        };
        self.open = Some(Open {
            id,
            nodes,
            actor: Extent::new(extent, self.epoch, 0),
            end: 0,
            left: 5 + self.dice.below(60),
            sealing: false,
            waiting: BTreeMap::new(),
        });
        self.write(now);
    }

    /// Appends as long as there is room, and seals what is full.
    fn write(&mut self, now: Micros) {
        while let Some(open) = &mut self.open {
            if open.left == 0 && open.waiting.is_empty() {
                return self.seal(now);
            }
            if open.left == 0 || open.waiting.len() >= WINDOW {
                return;
            }
            self.last += 1;
            let (ticket, offset) = (Ticket::new(self.last), open.end);
            // Which extent and where: so a byte that is elsewhere than it was put is found.
            let word = (open.id.raw() << 32) | offset;
            let bytes = Bytes::copy_from_slice(&word.to_le_bytes());
            (open.end, open.left) = (offset + WORD, open.left - 1);
            open.waiting.insert(ticket, (offset, open.end));
            let append = Append {
                ticket,
                epoch: self.epoch,
                offset,
                parts: vec![bytes],
                durable: true,
            };
            self.tell(now, extent::Event::Append(append));
        }
    }

    fn seal(&mut self, now: Micros) {
        let Some(open) = self.open.as_mut().filter(|open| !open.sealing) else {
            return;
        };
        (open.left, open.sealing) = (0, true);
        let ticket = Ticket::default();
        self.tell(now, extent::Event::Seal { ticket });
    }

    /// Tells the extent that is written to, and does what it wants.
    fn tell(&mut self, now: Micros, event: extent::Event) {
        let Some(open) = &mut self.open else { return };
        let mut acts = Acts::default();
        open.actor.step(Default::default(), event, &mut acts);
        for act in acts {
            let effect = match act {
                Act::Persist(never) => match never {},
                Act::Start(effect) | Act::Show(effect) => effect,
            };
            self.perform(now, effect);
        }
    }

    fn perform(&mut self, now: Micros, effect: extent::Effect) {
        let Some(open) = &mut self.open else { return };
        let (id, epoch, nodes) = (open.id, self.epoch, open.nodes.clone());
        match effect {
            extent::Effect::Write { offset, parts } => {
                let bytes = Bytes::from(parts.concat());
                let step = self.begin_step(&nodes);
                for node in nodes {
                    let ask = Ask::Append {
                        extent: id,
                        epoch,
                        offset,
                    };
                    self.call(node, Purpose::Write(step), ask, bytes.clone());
                }
            }
            extent::Effect::Sync => {
                let step = self.begin_step(&nodes);
                for node in nodes {
                    let ask = Ask::Sync { extent: id, epoch };
                    self.call(node, Purpose::Sync(step), ask, Bytes::new());
                }
            }
            extent::Effect::Answer { ticket, result } => {
                let appended = open.waiting.remove(&ticket);
                match (appended, result) {
                    (Some((from, to)), Ok(())) => {
                        self.wishes.push(Wish::Acknowledge(id, from, to));
                        self.write(now);
                    }
                    (_, Err(_)) => self.seal(now),
                    (None, Ok(())) => {}
                }
            }
            extent::Effect::Sealed { sealed, .. } => {
                self.open = None;
                self.unsealed += 1;
                let command = Command::Seal(id, sealed.durable);
                self.wishes.push(Wish::Submit(command));
            }
        }
    }

    fn begin_step(&mut self, nodes: &[NodeId]) -> u64 {
        self.last += 1;
        let tally = self.tally(nodes);
        self.tallies.insert(self.last, tally);
        self.last
    }

    /// A node answers, or is silent.
    pub(super) fn answered(&mut self, now: Micros, call: u64, answer: Result<Tell, Refusal>) {
        let Some((node, purpose)) = self.calls.remove(&call) else {
            return;
        };
        match purpose {
            Purpose::Create => self.created(node, answer),
            Purpose::Fence(extent) => self.fenced(now, extent, node, answer),
            Purpose::Write(step) => {
                if let Some(result) = self.count(step, node, answer) {
                    self.tell(now, extent::Event::Written { result });
                }
            }
            Purpose::Sync(step) => {
                if let Some(result) = self.count(step, node, answer) {
                    self.tell(now, extent::Event::Synced { result });
                }
            }
        }
    }

    fn count(
        &mut self,
        step: u64,
        node: NodeId,
        answer: Result<Tell, Refusal>,
    ) -> Option<Result<(), Trouble>> {
        let tally = self.tallies.get_mut(&step)?;
        let told = tally.told(node, answer.map(|_| ()))?;
        self.tallies.remove(&step);
        Some(told.map_err(|_| Trouble::Broken))
    }

    fn created(&mut self, node: NodeId, answer: Result<Tell, Refusal>) {
        let Some((extent, _, tally)) = &mut self.making else {
            return;
        };
        match tally.told(node, answer.map(|_| ())) {
            Some(Ok(())) => self.wishes.push(Wish::Submit(Command::Begin(*extent))),
            Some(Err(_)) => {
                self.wishes.push(Wish::Submit(Command::Seal(*extent, 0)));
                self.making = None;
                self.unsealed += 1;
            }
            None => {}
        }
    }

    fn fenced(
        &mut self,
        now: Micros,
        extent: ExtentId,
        node: NodeId,
        answer: Result<Tell, Refusal>,
    ) {
        if let Some((_, fencing)) = self.fencing.get_mut(&extent) {
            match answer {
                Ok(Tell::Fenced { durable }) => fencing.answered(instant(now), node, durable),
                Ok(Tell::Torn { durable }) => fencing.torn(node, durable),
                Ok(_) | Err(_) => fencing.failed(node),
            }
        }
        self.look(now);
    }
}
