//! Many nodes in one thread: each has a runtime of its own, and all share one time.
//!
//! Time passes in quanta no longer than the least delay between two nodes, so that nothing sent in
//! one can arrive in it. In each quantum every node has a turn, in an order that the dice draw:
//! what is due for it arrives at its time, and everything that can run does. Nodes' own clocks may
//! run fast or slow, and a node that sleeps has no turns.
//!
//! A crash is: fence, judge, drop. The node's life on the network and on its disk ends first; then
//! its runtime goes, and all that still runs of it.

mod log;
mod program;
mod timetable;

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::kernel::NodeId;
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::disk::{Disk, Faults};
use crate::network::{Event, Network};
use crate::plan::{End, Order, Rot, Wire};
use crate::runtime;
use crate::timepiece::Timepiece;
use crate::trace::{Micros, Trace};
use crate::yields::Yields;

pub(crate) use log::Log;
pub(crate) use program::{Main, Program, Stand};
pub(crate) use timetable::{Timetable, member};

/// All nodes of a world.
pub(crate) struct Fleet {
    pub(crate) network: Network,
    pub(crate) log: Log,
    quantum: Micros,
    now: Micros,
    dice: Dice,
    order: Dice,
    berths: BTreeMap<NodeId, Berth>,
    turns: u64,
}

/// Where a node runs, or has run.
struct Berth {
    program: Box<dyn Program>,
    dice: Dice,
    drift: i64,
    lives: u64,
    body: Option<Body>,
    is_asleep: bool,
}

/// One life of a node.
struct Body {
    // Dropped in this order: what still holds on to the runtime first.
    main: Main,
    runtime: Runtime,
    time: Timepiece,
}

impl Fleet {
    /// A fleet of nobody. The quantum is in microseconds, and not above the wire's least delay.
    pub(crate) fn new(quantum: Micros, wire: Wire, dice: Dice, trace: Trace) -> Self {
        let quantum = quantum.clamp(1, wire.least.max(1));
        Self {
            network: Network::new(wire, &dice.fork("network")),
            log: Log::new(trace),
            quantum,
            now: 0,
            order: dice.fork("order"),
            dice,
            berths: BTreeMap::new(),
            turns: 0,
        }
    }

    /// Adds a node that is not up. Its clock is `drift` millionths too fast.
    pub(crate) fn add(&mut self, node: NodeId, drift: i64, program: Box<dyn Program>) {
        let berth = Berth {
            program,
            dice: self.dice.fork(&format!("{node}")),
            drift,
            lives: 0,
            body: None,
            is_asleep: false,
        };
        self.berths.insert(node, berth);
    }

    /// The world's time.
    pub(crate) const fn now(&self) -> Micros {
        self.now
    }

    /// Turns that nodes have had.
    pub(crate) const fn turns(&self) -> u64 {
        self.turns
    }

    /// Starts a node that is not up.
    pub(crate) fn start(&mut self, node: NodeId) {
        let Some(berth) = self.berths.get_mut(&node) else {
            return;
        };
        if berth.body.is_some() {
            return;
        }
        berth.lives += 1;
        self.log
            .say(self.now, format_args!("{node} starts life {}", berth.lives));
        let dice = berth.dice.fork(&format!("life {}", berth.lives));
        let runtime = runtime::paused(&mut dice.fork("runtime"));
        let entered = runtime.enter();
        let time = Timepiece::starting_at(self.now, berth.drift);
        let yields = Yields::new(dice.fork("yields"));
        let link = self.network.join(node, time, yields.clone());
        let datagrams = self.network.socket(node, time);
        let main = berth.program.live(Stand {
            link,
            datagrams,
            time,
            dice,
            yields,
        });
        drop(entered);
        berth.body = main.map(|main| Body {
            main,
            runtime,
            time,
        });
        if berth.body.is_none() {
            self.network.leave(node, self.now);
        }
    }

    /// How long a node is off whose life ended by itself.
    pub(crate) fn rest(&self, node: NodeId) -> Micros {
        self.berths
            .get(&node)
            .map_or(0, |berth| berth.program.rest())
    }

    /// Whether nobody is up.
    pub(crate) fn is_quiet(&self) -> bool {
        self.berths.values().all(|berth| berth.body.is_none())
    }

    /// Ends a node's life: as told, or as its program wants it if nobody tells.
    pub(crate) fn crash(&mut self, node: NodeId, end: Option<End>) {
        let Some(berth) = self.berths.get_mut(&node) else {
            return;
        };
        let Some(body) = berth.body.take() else {
            return;
        };
        berth.is_asleep = false;
        self.log.say(self.now, format_args!("{node} ends"));
        self.network.leave(node, self.now);
        {
            let _entered = body.runtime.enter();
            berth.program.over(end);
        }
        drop(body);
    }

    /// Lets a node stand still, as a laptop does whose lid is shut.
    pub(crate) fn sleep(&mut self, node: NodeId) {
        if let Some(berth) = self.berths.get_mut(&node).filter(|it| it.body.is_some()) {
            berth.is_asleep = true;
            self.network.sleep(node, self.now);
            self.log.say(self.now, format_args!("{node} falls asleep"));
        }
    }

    /// Lets it go on; its clocks have gone on meanwhile.
    pub(crate) fn wake(&mut self, node: NodeId) {
        if let Some(berth) = self.berths.get_mut(&node).filter(|it| it.is_asleep) {
            berth.is_asleep = false;
            self.network.wake(node, self.now);
            self.log.say(self.now, format_args!("{node} wakes"));
        }
    }

    /// Lets the connection between two nodes die: one of them ends it, and the other too unless it
    /// is not to notice.
    pub(crate) fn kill(&mut self, one: NodeId, other: NodeId, both_know: bool) {
        if both_know {
            self.network.kill(one, other, self.now);
            self.sever(other, one);
        } else {
            self.network.forget(one, other, self.now);
        }
        self.sever(one, other);
    }

    /// Lets a node end what connections it has made with another itself.
    fn sever(&mut self, node: NodeId, peer: NodeId) {
        if let Some(berth) = self.berths.get_mut(&node)
            && let Some(body) = &berth.body
        {
            let _entered = body.runtime.enter();
            berth.program.sever(peer);
        }
    }

    /// Lets a node's disk answer nothing, or go on.
    pub(crate) fn hang(&self, node: NodeId, hangs: bool) {
        if let Some(disk) = self.disk(node) {
            disk.set_hanging(hangs);
        }
    }

    /// Lets a node's disk take so many times as long.
    pub(crate) fn drag(&self, node: NodeId, times: u64) {
        if let Some(disk) = self.disk(node) {
            disk.drag(times);
        }
    }

    /// Lets a node's disk fail as said from now on.
    pub(crate) fn spoil(&self, node: NodeId, faults: Faults) {
        if let Some(disk) = self.disk(node) {
            disk.set_faults(faults);
        }
    }

    /// Lets something of what a node's disk holds rot, if the node is up.
    pub(crate) fn rot(&mut self, node: NodeId, rot: Rot) {
        if let Some(berth) = self.berths.get_mut(&node).filter(|it| it.body.is_some()) {
            berth.program.rot(rot);
        }
    }

    /// Operators order something of a node; who joins starts.
    pub(crate) fn order(&mut self, node: NodeId, order: Order) {
        if let Some(berth) = self.berths.get_mut(&node) {
            berth.program.order(order);
        }
        if order == Order::Join {
            self.start(node);
        }
    }

    /// Operators let a tenant's lease end: one of the nodes hears of it, for all of them.
    pub(crate) fn term(&mut self, tenant: u32, days: Option<i64>) {
        if let Some(berth) = self.berths.values_mut().next() {
            berth.program.term(tenant, days);
        }
    }

    /// Sets a node's wall clock.
    pub(crate) fn step_wall(&mut self, node: NodeId, by: i64) {
        if let Some(berth) = self.berths.get_mut(&node)
            && let Some(body) = &berth.body
        {
            let _entered = body.runtime.enter();
            berth.program.step_wall(by);
        }
    }

    /// Mends the network, and all that is wrong with these nodes; who of them is not up starts.
    pub(crate) fn mend<'a>(&mut self, nodes: impl IntoIterator<Item = &'a NodeId>) {
        self.network.heal(self.now);
        for node in nodes.into_iter().copied() {
            self.hang(node, false);
            self.drag(node, 1);
            self.spoil(node, Faults::default());
            self.wake(node);
            self.start(node);
        }
    }

    fn disk(&self, node: NodeId) -> Option<&Disk> {
        self.berths.get(&node)?.program.disk()
    }

    /// Lets time pass until then; tells which nodes ended by themselves meanwhile.
    pub(crate) fn run_until(&mut self, then: Micros) -> Vec<NodeId> {
        let mut ended = Vec::new();
        while self.now < then && ended.is_empty() {
            if self.is_quiet() {
                self.now = then;
            } else {
                ended = self.step();
            }
        }
        ended
    }

    /// One quantum; tells which nodes ended by themselves.
    fn step(&mut self) -> Vec<NodeId> {
        let end = self.now + self.quantum;
        let mut due: BTreeMap<NodeId, Vec<(Micros, Event)>> = BTreeMap::new();
        for (at, event) in self.network.due(end) {
            due.entry(event.node()).or_default().push((at, event));
        }
        let mut ended = Vec::new();
        for node in self.shuffled() {
            let events = due.remove(&node).unwrap_or_default();
            if self.turn(node, end, events) {
                ended.push(node);
            }
        }
        self.now = end;
        for node in &ended {
            self.crash(*node, None);
        }
        ended
    }

    /// Nodes that have a turn, in the order of this quantum.
    fn shuffled(&mut self) -> Vec<NodeId> {
        let awake = |berth: &Berth| berth.body.is_some() && !berth.is_asleep;
        let nodes = self.berths.iter().filter(|(_, berth)| awake(berth));
        let mut nodes: Vec<NodeId> = nodes.map(|(node, _)| *node).collect();
        for last in (1..nodes.len()).rev() {
            let other = self.order.below(last as u64 + 1) as usize;
            nodes.swap(last, other);
        }
        nodes
    }

    /// One node's turn; true if its life ended.
    fn turn(&mut self, node: NodeId, end: Micros, events: Vec<(Micros, Event)>) -> bool {
        let Some(body) = self
            .berths
            .get_mut(&node)
            .and_then(|berth| berth.body.as_mut())
        else {
            return false;
        };
        self.turns += 1;
        let (network, log, time) = (&self.network, &self.log, body.time);
        let (main, start) = (&mut body.main, self.now);
        body.runtime.block_on(async move {
            catch_up(&time, start).await;
            let pace = async {
                for (at, event) in events {
                    tokio::time::sleep_until(time.own(at)).await;
                    let now = time.world();
                    let shown = format!("{event:?}");
                    if network.deliver(event, now) {
                        log.say(now, format_args!("{shown}"));
                    }
                }
                tokio::time::sleep_until(time.own(end)).await;
            };
            tokio::select! {
                biased;
                () = main.as_mut() => true,
                () = pace => false,
            }
        })
    }
}

/// A node that slept sees its clock jump, and all that was due meanwhile is due at once.
#[expect(
    clippy::disallowed_methods,
    reason = "the world moves the clock that it made"
)]
async fn catch_up(time: &Timepiece, start: Micros) {
    let gap = time.own(start).duration_since(tokio::time::Instant::now());
    if gap > SLACK {
        // A clock that stood between two milliseconds would stay there, and every wait be longer.
        let whole = gap.as_millis().try_into().unwrap_or(u64::MAX);
        tokio::time::advance(Duration::from_millis(whole)).await;
    }
}

/// A runtime's clock counts whole milliseconds, so it may lag by as much.
const SLACK: Duration = Duration::from_millis(2);

impl Drop for Fleet {
    fn drop(&mut self) {
        let nodes: Vec<NodeId> = self.berths.keys().copied().collect();
        for node in nodes {
            self.crash(node, None);
        }
    }
}

#[cfg(test)]
mod tests;
