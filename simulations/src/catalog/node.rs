//! A node that keeps the catalog, over all its lives: its disk, its replica, its clients.

use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, NewNode, NodeCommand, OperatorCommand, Submission,
};
use holdfast_actors::catalog::rows::Role;
use holdfast_actors::journal;
use holdfast_actors::kernel::{NodeId, NodeName, Timestamp, Version};
use holdfast_actors::names::OperatorName;
use holdfast_actors::ports::{self, Ports};
use holdfast_actors::shell::{Directory, Fault, Path};
use holdfast_cluster::raft::{Options, Replica};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::Flaw;
use super::book::{Belief, Book, Image};
use super::calls::{End as Way, Ways};
use super::client::{Client, OPERATOR};
use super::invariants::progress;
use super::planted::{Fast, Leaping};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::{Disk, Faults};
use crate::entropy::Entropy;
use crate::fleet::{Main, Program, Stand};
use crate::index::Index;
use crate::plan::End;
use crate::timepiece::Timepiece;
use crate::trace::Micros;
use crate::witness::{self, Looker};
use crate::world::pass;

/// Sizes that let logs of a run have several segments and snapshots.
const SEGMENT: u64 = 16 << 10;
const SNAPSHOT_AFTER: u64 = 150;
const KEEP: u64 = 30;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked who leads, in milliseconds.
const LOOK: u64 = 20;

/// One node over all its lives.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) node: NodeId,
    pub(super) all: Vec<NodeId>,
    /// How many clients it has, and how many milliseconds they rest at most.
    pub(super) clients: u32,
    pub(super) pause: u64,
    pub(super) wall: Timestamp,
    /// By how many millionths its clock is too fast.
    pub(super) drift: i64,
    pub(super) flaw: Option<Flaw>,
    pub(super) disk: Disk,
    /// What it was once.
    pub(super) former: Option<Disk>,
    pub(super) latency: Duration,
    pub(super) dice: Dice,
    pub(super) book: Book,
    pub(super) witness: Looker,
    pub(super) clock: Option<Arc<Clock>>,
    /// By how many milliseconds it was set, in this life.
    pub(super) set: i64,
}

impl Program for Node {
    fn live(&mut self, stand: Stand) -> Option<Main> {
        if self.book.pages().forgot.contains(&self.node) {
            return None;
        }
        let image = self.book.pages().images.remove(&self.node);
        match image {
            Some(Image::Taken) => self.former = Some(self.disk.copy()),
            Some(Image::Restored) => self.disk = self.former.take().unwrap_or_default(),
            None => {}
        }
        let dice = stand.dice.fork("disk");
        self.disk.set_pace(self.latency, dice, stand.yields.clone());
        let passed = Duration::from_micros(stand.time.world());
        let clock = Arc::new(Clock::starting_at(self.wall + passed));
        self.clock = Some(Arc::clone(&clock));
        self.set = 0;
        self.book.pages().clocks.set(self.node, self.wall);
        let directory = Arc::new(Directory::default());
        witness::seat_at(&directory, &self.witness, self.node.to_string(), stand.time);
        let node = self.clone();
        Some(Box::pin(async move {
            let (id, time) = (node.node, stand.time);
            let book = node.book.clone();
            if let Err(fault) = node.serve(stand, clock, directory).await {
                let now = time.world();
                book.say(now, format_args!("{id} fails: {fault}"));
                if !fault.0.contains("planted") {
                    let story = format_args!("{id} failed: {fault}");
                    book.pages().breach(progress::ID, now, story);
                }
            }
        }))
    }

    fn over(&mut self, end: Option<End>) {
        self.book.pages().beliefs.remove(&self.node);
        self.clock = None;
        match end.unwrap_or(End::Kill) {
            End::Power => self.disk.crash(&mut self.dice),
            End::Kill => self.disk.kill(),
        }
        self.disk.set_hanging(false);
        self.disk.set_faults(Faults::default());
    }

    fn disk(&self) -> Option<&Disk> {
        Some(&self.disk)
    }

    fn step_wall(&mut self, by: i64) {
        if let Some(clock) = &self.clock {
            let now = ports::Clock::now(clock.as_ref()).wall.as_millis();
            clock.set_wall(Timestamp::from_millis(now.saturating_add_signed(by)));
            self.set = self.set.saturating_add(by);
            let then = self.wall.as_millis().saturating_add_signed(self.set);
            let then = Timestamp::from_millis(then);
            self.book.pages().clocks.set(self.node, then);
        }
    }
}

impl Node {
    /// Serves until something fails.
    async fn serve(
        self,
        stand: Stand,
        clock: Arc<Clock>,
        directory: Arc<Directory>,
    ) -> Result<(), Fault> {
        let clock: Arc<dyn ports::Clock> = clock;
        let ports = Ports {
            clock: match self.flaw {
                Some(Flaw::FastTicks) => Arc::new(Fast(clock)),
                Some(Flaw::LeapingDay) => Arc::new(Leaping(clock)),
                Some(_) | None => clock,
            },
            entropy: Arc::new(Entropy::new(stand.dice.fork("entropy"))),
            disk: self.disk.port(),
            index: Index::default().port(),
            directory,
        };
        let ways = Arc::new(Ways::new(Arc::clone(&stand.link), self.flaw));
        let (failed, failure) = oneshot::channel();
        let on_failure = Box::new(move |fault: Fault| drop(failed.send(fault)));
        let life = async {
            let calls = Arc::new(Way(Arc::clone(&ways)));
            let path = Path::node().child("catalog");
            let options = self.options();
            let replica = Replica::start(&path, options, ports.clone(), calls, None, on_failure);
            let replica = replica.await.map_err(|error| Fault::of(&error))?;
            self.take_part(replica, &stand, &ports).await
        };
        tokio::select! {
            biased;
            failure = failure => {
                Err(failure.unwrap_or_else(|_| Fault("the log is gone".to_owned())))
            }
            () = Arc::clone(&ways).serve() => Ok(()),
            ended = life => ended,
        }
    }

    fn options(&self) -> Options {
        Options {
            known: self.all.clone(),
            journal: journal::Options {
                segment_bytes: SEGMENT,
            },
            snapshot_after: SNAPSHOT_AFTER,
            keep: KEEP,
            patience: PATIENCE,
            version: Version::NEWEST,
        }
    }

    async fn take_part(&self, replica: Replica, stand: &Stand, ports: &Ports) -> Result<(), Fault> {
        let mut work = JoinSet::new();
        let catalog = replica.catalog();
        let (book, node, time) = (self.book.clone(), self.node, stand.time);
        let mut rows = catalog.subscribe();
        work.spawn(async move {
            while rows.changed().await.is_ok() {
                let rows = rows.borrow_and_update().clone();
                book.shows(node, &rows, time.world());
            }
        });
        work.spawn(
            self.clone()
                .believe(replica.held(), time, Arc::clone(&ports.clock)),
        );
        for number in 0..self.clients {
            let client = Client {
                node,
                catalog: catalog.clone(),
                book: self.book.clone(),
                time,
                dice: stand.dice.fork(&format!("client {number}")),
                pause: self.pause,
                flaw: self.flaw,
                number: stand.dice.fork(&format!("number {number}")).below(1 << 60) + 1_000_000,
                sequence: 0,
            };
            work.spawn(client.work());
        }
        let forgot = replica.forgot();
        let duties = async {
            if self.all.first() == Some(&node) {
                // It is founded once; a later life is told that it was.
                let _ = replica.found().await;
                self.set_up(&catalog).await;
            }
            loop {
                let boasts = self.flaw == Some(Flaw::Boaster) && replica.leader().is_some();
                let known = || self.book.pages().leaders.keys().next_back().copied();
                if let Some(term) = replica.leads().or_else(|| boasts.then(known)?) {
                    self.book.leads(node, term, time.world());
                }
                pass(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            fault = replica.ended() => Err(fault),
            () = forgot => {
                self.book.say(time.world(), format_args!("{node} forgot"));
                self.book.pages().forgot.insert(node);
                Ok(())
            }
            never = duties => never,
        }
    }

    /// Writes down until when this life holds the node's lease.
    async fn believe(
        self,
        mut held: tokio::sync::watch::Receiver<Option<holdfast_cluster::raft::Held>>,
        time: Timepiece,
        clock: Arc<dyn ports::Clock>,
    ) {
        while held.changed().await.is_ok() {
            let held = *held.borrow_and_update();
            let mut pages = self.book.pages();
            let Some(held) = held else {
                pages.beliefs.remove(&self.node);
                continue;
            };
            let left = clock.now().monotonic.until(held.until).as_micros();
            let rate = 1_000_000_u128.saturating_add_signed(i128::from(self.drift));
            let mut left = Micros::try_from(left * 1_000_000 / rate.max(1)).unwrap_or(0);
            if self.flaw == Some(Flaw::LongHold) {
                left += 60_000_000;
            }
            let belief = Belief {
                epoch: held.epoch,
                until: time.world() + left,
            };
            pages.beliefs.insert(self.node, belief);
        }
    }

    /// Lets all nodes in, and makes the operator. Done again, it changes nothing.
    async fn set_up(&self, catalog: &holdfast_actors::catalog::Catalog) {
        let nodes = self.all.iter().filter_map(|node| {
            let new = NewNode {
                name: NodeName::parse(&node.to_string())?,
                addresses: Vec::new(),
                key: [u8::try_from(node.raw()).ok()?; 32],
                roles: std::collections::BTreeSet::new(),
                zone: String::new(),
            };
            let command = ClusterCommand::Node(*node, NodeCommand::Add(new));
            Some(Command::Cluster(command))
        });
        let (role, uid) = (Role::Admin, Some(0));
        let hire = OperatorName::parse(OPERATOR).ok();
        let hire = hire.map(|name| Command::Operator(name, OperatorCommand::Add { role, uid }));
        for (number, command) in (1..).zip(hire.into_iter().chain(nodes)) {
            let submission = Submission {
                client: number,
                sequence: 1,
                by: Actor::System,
                at: Timestamp::default(),
                command,
            };
            loop {
                match catalog.submit(submission.clone()).await {
                    Ok(_) | Err(holdfast_actors::catalog::SubmitError::Refused(_)) => break,
                    Err(holdfast_actors::catalog::SubmitError::Gone(_)) => {}
                }
            }
        }
    }
}
