//! A node of the cluster over all its lives: its disk, its part in the cluster, its domain.

use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, Contract, CredentialCommand, NewCredential, NewNode,
    NodeCommand, OperatorCommand, RepositoryCommand, Submission, TenantCommand,
};
use holdfast_actors::catalog::rows::{Role, Scope, Verifier};
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::journal;
use holdfast_actors::kernel::{Date, NodeId, NodeName, Size, Timestamp, Version};
use holdfast_actors::names::{OperatorName, RepositoryName, TenantName};
use holdfast_actors::node::{Settings, Stem};
use holdfast_actors::ports::{self, Ports};
use holdfast_actors::shell::{Directory, Fault};
use holdfast_cluster::calls::machine::Limits;
use holdfast_cluster::member::{Links, Member, Options};
use holdfast_cluster::raft::{self, Held};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Flaw;
use super::book::Book;
use super::client::{Client, REPOSITORY, password, reading, tenant};
use super::invariants::progress;
use super::office::Office;
use super::planted::{Flawed, alter};
use super::split::split;
use super::watch::Watch;
use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::{Disk, Faults, Rotten};
use crate::entropy::Entropy;
use crate::fleet::{Main, Program, Stand};
use crate::index::Index;
use crate::passwords::Cheap;
use crate::plan::{DAY, End, Order, Rot};
use crate::timepiece::Timepiece;
use crate::witness::{self, Looker};
use crate::world::pass;

/// Sizes that let logs of a run have several segments and snapshots.
const SEGMENT: u64 = 16 << 10;
const SNAPSHOT_AFTER: u64 = 200;
const KEEP: u64 = 40;
/// Who makes tenants, and changes them.
pub(super) const OPERATOR: &str = "ann";
/// How long who submits a command waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Of each tenant's repository.
const QUOTA: Size = Size::gib(1);

/// One node over all its lives.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) node: NodeId,
    pub(super) all: Vec<NodeId>,
    /// How many of them there are at first.
    pub(super) first: usize,
    pub(super) tenants: u32,
    pub(super) pause: u64,
    pub(super) wall: Timestamp,
    /// By how many millionths its clock is too fast.
    pub(super) drift: i64,
    pub(super) flaw: Option<Flaw>,
    pub(super) disk: Disk,
    pub(super) index: Index,
    pub(super) latency: Duration,
    pub(super) dice: Dice,
    pub(super) book: Book,
    pub(super) witness: Looker,
    pub(super) clock: Option<Arc<Clock>>,
    pub(super) time: Option<Timepiece>,
}

impl Program for Node {
    fn live(&mut self, stand: Stand) -> Option<Main> {
        let dice = stand.dice.fork("disk");
        self.disk.set_pace(self.latency, dice, stand.yields.clone());
        let passed = Duration::from_micros(stand.time.world());
        let clock = Arc::new(Clock::starting_at(self.wall + passed));
        self.clock = Some(Arc::clone(&clock));
        self.time = Some(stand.time);
        let now = stand.time.world();
        self.book.pages().turns(self.node, true, now);
        let directory = Arc::new(Directory::default());
        witness::seat_at(&directory, &self.witness, self.node.to_string(), stand.time);
        let node = self.clone();
        Some(Box::pin(async move {
            let (id, time) = (node.node, stand.time);
            let book = node.book.clone();
            if let Err(fault) = node.serve(stand, clock, directory).await {
                let now = time.world();
                book.say(now, format_args!("{id} fails: {fault}"));
                // A disk that fails ends its node.
                let is_removed = book.pages().removed(id).is_some();
                if !is_removed
                    && !fault.0.contains("planted")
                    && !fault.0.contains("journal has failed")
                {
                    let story = format_args!("{id} failed: {fault}");
                    book.pages().breach(progress::ID, now, story);
                }
            }
        }))
    }

    fn over(&mut self, end: Option<End>) {
        self.clock = None;
        let now = self.time.take().map_or(0, |time| time.world());
        self.book.pages().turns(self.node, false, now);
        self.book.pages().beliefs.remove(&self.node);
        match end.unwrap_or(End::Kill) {
            End::Power => {
                self.disk.crash(&mut self.dice);
                self.index.crash(&mut self.dice);
            }
            End::Kill => {
                self.disk.kill();
                self.index.kill();
            }
        }
        if self.flaw == Some(Flaw::OtherReplica) {
            alter(&self.disk, self.node, &self.book);
        }
        self.disk.set_hanging(false);
        self.disk.set_faults(Faults::default());
    }

    fn disk(&self) -> Option<&Disk> {
        Some(&self.disk)
    }

    fn rot(&mut self, rot: Rot) {
        let mut rotten = Rotten::default();
        let mut dice = self.dice.fork(&format!("rot {}", self.disk.used()));
        self.disk.decay("extents", rot, &mut dice, &mut rotten);
        if !rotten.is_empty() {
            let now = self.time.map_or(0, |time| time.world());
            let mut pages = self.book.pages();
            pages.figures.rotten += 1;
            let node = self.node;
            pages.log.say(now, format_args!("{node} rots: {rotten:?}"));
        }
    }

    fn order(&mut self, order: Order) {
        self.book.pages().wants(self.node, order);
    }

    fn term(&mut self, tenant: u32, days: Option<i64>) {
        let last = days.map(|days| {
            let by = days.saturating_mul(DAY.cast_signed());
            let then = self.wall.as_millis().saturating_add_signed(by);
            Date::of(Timestamp::from_millis(then))
        });
        self.book.pages().lets(tenant as usize, last);
    }

    fn step_wall(&mut self, by: i64) {
        if let Some(clock) = &self.clock {
            let now = ports::Clock::now(clock.as_ref()).wall.as_millis();
            clock.set_wall(Timestamp::from_millis(now.saturating_add_signed(by)));
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
        let is_first = self.all.first() == Some(&self.node);
        let ports = Ports {
            clock: match self.flaw {
                Some(flaw) => flaw.bent(clock, is_first),
                None => clock,
            },
            entropy: Arc::new(Entropy::new(stand.dice.fork("entropy"))),
            disk: self.disk.port(),
            index: self.index.port(),
            directory,
        };
        let ([control, calls, bulk], pump) = split(Arc::clone(&stand.link));
        let links = Links {
            control,
            calls,
            bulk,
        };
        tokio::select! {
            biased;
            () = pump => Ok(()),
            ended = self.take_part(&stand, ports, links) => ended,
        }
    }

    fn options(&self) -> Options {
        let journal = journal::Options {
            segment_bytes: SEGMENT,
        };
        let is_first = self.all.first() == Some(&self.node);
        Options {
            node: self.node,
            catalog: raft::Options {
                known: self.all.clone(),
                journal,
                snapshot_after: SNAPSHOT_AFTER,
                keep: KEEP,
                patience: PATIENCE,
                version: Version::NEWEST,
            },
            replicas: journal,
            limits: Limits::default(),
            founds: is_first.then(|| row(self.node)).flatten(),
        }
    }

    async fn take_part(&self, stand: &Stand, ports: Ports, links: Links) -> Result<(), Fault> {
        let settings = Settings::default();
        let fault = |error: &dyn std::error::Error| Fault(error.to_string());
        let stem = Stem::start(None, &ports).await;
        let stem = stem.map_err(|error| fault(&error))?;
        let member = Member::start(&stem, self.options(), &ports, links).await;
        let member = member.map_err(|error| Fault::of(&error))?;
        let mut ground = member.ground.clone();
        if let Some(flaw) = self.flaw {
            let register = Arc::clone(&ground.register);
            ground.register = Arc::new(Flawed { register, flaw });
        }
        let node = stem.grow(&settings, ground, ports.clone(), Arc::new(Cheap));
        let node = node.await.map_err(|error| fault(&error))?;
        if self.flaw != Some(Flaw::IdleRepair) {
            let tended = member.tend(&node, &ports).await;
            tended.map_err(|error| fault(&error))?;
        }
        let replica = member.replica;
        let mut work = JoinSet::new();
        let tenants = 0..self.tenants as usize;
        let both = tenants.flat_map(|tenant| [(tenant, false), (tenant, true)]);
        for (tenant, only_looks) in both {
            let Ok(name) = TenantName::parse(&self::tenant(tenant)) else {
                continue;
            };
            let client = Client {
                node: self.node,
                tenant,
                name,
                service: Arc::new(node.front.clone()),
                catalog: node.catalog.clone(),
                book: self.book.clone(),
                time: stand.time,
                clock: Arc::clone(&ports.clock),
                dice: stand.dice.fork(&format!("client {tenant} {only_looks}")),
                pause: self.pause,
                only_looks,
                flaw: self.flaw,
            };
            work.spawn(client.work());
        }
        let held = replica.held();
        self.attend(&mut work, (&node.catalog, held), stand, &ports);
        let duties = async {
            if self.all.first() == Some(&self.node) {
                self.set_up(&node.catalog).await;
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            fault = replica.ended() => Err(fault),
            fault = node.ended() => Err(Fault(fault)),
            never = duties => never,
        }
    }

    /// Whoever else looks at the catalog of this node, or brings orders there.
    fn attend(
        &self,
        work: &mut JoinSet<()>,
        (catalog, held): (&Catalog, watch::Receiver<Option<Held>>),
        stand: &Stand,
        ports: &Ports,
    ) {
        let office = Office {
            catalog: catalog.clone(),
            book: self.book.clone(),
            time: stand.time,
            wall: self.wall,
            flaw: self.flaw,
        };
        work.spawn(office.work());
        let is_first = self.all.first() == Some(&self.node);
        let watch = Watch {
            node: self.node,
            book: self.book.clone(),
            time: stand.time,
            clock: Arc::clone(&ports.clock),
            drift: self.drift,
            is_slow: is_first && self.flaw == Some(Flaw::SlowClock),
        };
        work.spawn(watch.clone().rows(catalog.subscribe()));
        work.spawn(watch.believe(held));
    }

    /// Lets the first nodes in, and makes the tenants. Done again, it changes nothing.
    async fn set_up(&self, catalog: &Catalog) {
        let first = self.all.iter().take(self.first);
        let nodes = first.filter_map(|node| {
            let command = ClusterCommand::Node(*node, NodeCommand::Add(row(*node)?));
            Some(Command::Cluster(command))
        });
        let (role, uid) = (Role::Admin, Some(0));
        let Ok(operator) = OperatorName::parse(OPERATOR) else {
            return;
        };
        let hire = Command::Operator(operator.clone(), OperatorCommand::Add { role, uid });
        let ours = nodes.chain([hire]).map(|command| (Actor::System, command));
        let tenants = (0..self.tenants as usize).filter_map(commands).flatten();
        let hers = tenants.map(|command| (Actor::Operator(operator.clone()), command));
        for (number, (by, command)) in (1..).zip(ours.chain(hers)) {
            let submission = Submission {
                client: 1_000 + number,
                sequence: 1,
                by,
                at: self.wall,
                command,
            };
            // Nobody may answer for a while; what is refused was done before.
            while let Err(SubmitError::Gone(_)) = catalog.submit(submission.clone()).await {
                pass(50).await;
            }
        }
    }
}

/// A node's row.
pub(super) fn row(node: NodeId) -> Option<NewNode> {
    Some(NewNode {
        name: NodeName::parse(&node.to_string())?,
        addresses: Vec::new(),
        key: [u8::try_from(node.raw()).ok()?; 32],
        roles: std::collections::BTreeSet::new(),
        zone: String::new(),
    })
}

/// What makes a tenant.
fn commands(number: usize) -> Option<[Command; 4]> {
    let tenant = TenantName::parse(&self::tenant(number)).ok()?;
    let add = RepositoryCommand::Add {
        tenant: tenant.clone(),
        name: RepositoryName::parse(REPOSITORY).ok()?,
        quota: QUOTA,
        hold_days: 0,
        min_copies: 2,
    };
    let login = |scope, password: String| {
        let digest = Sha256::digest(password.as_bytes());
        Command::Credential(CredentialCommand::Add(NewCredential {
            tenant: tenant.clone(),
            subtenant: None,
            scope,
            verifier: Verifier::Generated(digest.into()),
            expires: None,
            label: String::new(),
            view: None,
        }))
    };
    let (full, read) = (
        login(Scope::Full, password(number)),
        login(Scope::Read, reading(number)),
    );
    let add_tenant = Command::Tenant(tenant, TenantCommand::Add(Contract::default()));
    Some([add_tenant, Command::Repository(add), full, read])
}
