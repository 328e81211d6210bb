//! A node with callers, services and watchers.

use std::sync::{Arc, Mutex};

use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::ports::Ports;
use holdfast_actors::shell::{Directory, Path};
use holdfast_cluster::calls::machine::{Limits, Switchboard};
use holdfast_cluster::calls::{Calls, Exchange};
use tokio::task::JoinSet;

use super::caller::Caller;
use super::flaw::{Flaw, Spoilt};
use super::history::History;
use super::lodger::lodge;
use super::run::Shape;
use super::service::{NAMES, Service};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::fleet::{Main, Program, Stand};
use crate::index::Index;
use crate::plan::End;
use crate::wire::Berth;
use crate::witness::{self, Looker};

/// One node over all its lives.
pub(super) struct CallsNode {
    pub(super) node: NodeId,
    pub(super) nodes: Vec<NodeId>,
    pub(super) shape: Shape,
    pub(super) flaw: Option<Flaw>,
    pub(super) history: History,
    pub(super) witness: Looker,
    /// Its place on the network, if it makes its connections itself.
    pub(super) berth: Option<Berth>,
}

impl CallsNode {
    fn ports(&self, stand: &Stand) -> Ports {
        let directory = Arc::new(Directory::default());
        witness::seat_at(&directory, &self.witness, self.node.to_string(), stand.time);
        Ports {
            clock: Arc::new(Clock::starting_at(Timestamp::from_millis(1))),
            entropy: Arc::new(Entropy::new(stand.dice.fork("entropy"))),
            disk: Disk::default().port(),
            index: Index::default().port(),
            directory,
        }
    }
}

impl Program for CallsNode {
    fn live(&mut self, stand: Stand) -> Option<Main> {
        let ports = self.ports(&stand);
        let (link, chatter) = match &mut self.berth {
            // Without an endpoint nobody hears of it, which breaks a promise soon enough.
            Some(berth) => berth.begin(&stand).ok()?,
            None => (Arc::clone(&stand.link), Vec::new()),
        };
        let exchange = Arc::new(Exchange::new(self.node, ports.entropy.as_ref()));
        for name in &NAMES[..3] {
            let service = Service {
                node: self.node,
                name,
                window: self.shape.window,
                history: self.history.clone(),
                time: stand.time,
                dice: Arc::new(Mutex::new(stand.dice.fork(name))),
            };
            exchange.serve(name, Arc::new(service));
        }
        let caller = |label: String| Caller {
            node: self.node,
            nodes: self.nodes.clone(),
            pause: self.shape.pause,
            calls: Arc::clone(&exchange),
            history: self.history.clone(),
            time: stand.time,
            dice: stand.dice.fork(&label),
        };
        let (mut callers, mut watchers) = (Vec::new(), Vec::new());
        for number in 0..self.shape.callers {
            callers.push(caller(format!("caller {number}")));
            watchers.push(caller(format!("watcher {number}")));
        }
        let (node, history, flaw) = (self.node, self.history.clone(), self.flaw);
        let limits = Limits {
            window: self.shape.window,
            ..Limits::default()
        };
        Some(Box::pin(async move {
            let at = Path::node().child("calls");
            let started = match flaw {
                None => {
                    let machine = Switchboard::new(node, limits);
                    let start = exchange.start_with(at, link, machine, ports.clone(), None);
                    start.await
                }
                Some(flaw) => {
                    let machine = Spoilt::new(node, limits, flaw);
                    let start = exchange.start_with(at, link, machine, ports.clone(), None);
                    start.await
                }
            };
            let Ok(_actor) = started else { return };
            let mut work = JoinSet::new();
            let dice = stand.dice.fork("lodger");
            work.spawn(lodge(node, ports, history, stand.time, dice));
            for chatter in chatter {
                work.spawn(chatter.run());
            }
            for caller in callers {
                work.spawn(caller.ask());
            }
            for watcher in watchers {
                work.spawn(watcher.watch());
            }
            // Nothing of it ends by itself.
            while work.join_next().await.is_some() {}
        }))
    }

    fn over(&mut self, _: Option<End>) {
        self.history.pages().forget(self.node);
        if let Some(berth) = &mut self.berth {
            berth.over();
        }
    }

    fn sever(&mut self, peer: NodeId) {
        if let Some(berth) = &self.berth {
            berth.sever(peer);
        }
    }
}
