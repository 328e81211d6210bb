//! One life of the node: start, check, rounds of work, and whatever goes wrong meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::journal;
use holdfast_actors::kernel::{Rate, RepositoryId, Size, Timestamp};
use holdfast_actors::node::{Node, Settings};
use holdfast_actors::ports::{self, Ports};
use holdfast_actors::repositories;
use holdfast_actors::repository::Message;
use holdfast_actors::rotation::{self, Certificates as _, Rotation, RotationHands};
use holdfast_actors::service::Service;
use holdfast_actors::shell::{self, Directory, Handle};
use tokio::task::JoinSet;

use super::crowd::{back_up_at_last, work};
use super::onlookers::{audit, watch};
use super::restarts::restart;
use super::{Scene, Tour, faults, pass};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::index::Index;
use crate::invariants::{self, progress, purge, recovery, rot, space, undelete};
use crate::ledger::Ledger;
use crate::ledger::Verdict;
use crate::mutation::{Mutation, lie, mutated};
use crate::office::{Affair, Desk, Kept, Office, Wish};
use crate::passwords::Cheap;
use crate::plan::{DAY, Life, Plan};
use crate::witness;

/// How long after the last client everything is quiet.
const SETTLE: u64 = 10_000;

/// What a life is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Clients work, operators interfere, things break.
    Work,
    /// Nothing breaks: everybody must get on.
    Peace,
    /// Nobody works: what is there is compared with what was promised.
    Judge,
}

/// All that one life needs of the world.
pub(super) struct Stage {
    pub(super) plan: Plan,
    pub(super) life: Life,
    pub(super) purpose: Purpose,
    pub(super) tour: Option<Tour>,
    pub(super) mutation: Option<Mutation>,
    pub(super) disk: Disk,
    pub(super) index: Index,
    pub(super) dice: Dice,
    pub(super) ledger: Ledger,
    pub(super) desk: Arc<Mutex<Desk>>,
    pub(super) wall: Timestamp,
}

/// The ports of one life.
pub(crate) fn ports(
    wall: Timestamp,
    disk: &Disk,
    index: &Index,
    dice: Dice,
) -> (Arc<Clock>, Ports) {
    let clock = Arc::new(Clock::starting_at(wall));
    let shared: Arc<dyn ports::Clock> = clock.clone();
    let ports = Ports {
        clock: shared,
        entropy: Arc::new(Entropy::new(dice)),
        disk: disk.port(),
        index: index.port(),
        directory: Arc::new(Directory::default()),
    };
    (clock, ports)
}

/// What the node of a plan is started with.
pub(super) fn settings(plan: &Plan) -> Settings {
    let (of, usual) = (plan.node, Settings::default());
    let rate = |kib: u64| Rate::per_second(Size::bytes(kib << 10));
    let segment = of.segment_kib.map(|kib| journal::Options {
        segment_bytes: kib << 10,
    });
    Settings {
        bandwidth: of.bandwidth_kib.and_then(rate),
        journal: segment.unwrap_or(usual.journal),
        snapshot_every: of.snapshot_every.unwrap_or(usual.snapshot_every),
    }
}

/// Starts a node and says what it came to: its rows, and what its repositories hold.
pub(super) async fn rehearse(settings: Settings, ports: Ports) -> String {
    match Node::start_with(settings, ports, Arc::new(Cheap)).await {
        Ok(node) => came_to(&node).await,
        Err(error) => format!("{error:?}"),
    }
}

async fn came_to(node: &Node) -> String {
    let rows = node.catalog.rows();
    let mut text = format!("{rows:?}");
    for id in served(&rows) {
        let visit = |door| repositories::Message::Visit(id, door);
        let snapshot = match node.front.repositories.ask(visit).await {
            Ok(visit) => visit.repository.ask(Message::Look).await.ok(),
            Err(_) => None,
        };
        text.push_str(&format!("\n{id} {snapshot:?}"));
    }
    text
}

fn served(rows: &Rows) -> Vec<RepositoryId> {
    rows.repositories.keys().copied().collect()
}

/// A planted bug: the end of the journal is gone.
pub(super) fn forget(disk: &Disk) {
    let journal = disk
        .paths()
        .into_iter()
        .rfind(|path| path.ends_with(".log"));
    let Some(path) = journal else { return };
    let mut bytes = disk.content(&path).unwrap_or_default();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    bytes.truncate(written);
    disk.rot(&path, bytes);
}

impl Stage {
    /// The life, until its rounds are over, its power fails, or the node ends by itself.
    pub(super) async fn play(self, rehearsed: Option<String>) {
        let ledger = self.ledger.clone();
        let cut = self.life.cut.map_or(Duration::MAX, Duration::from_millis);
        if tokio::time::timeout(cut, self.whole(rehearsed))
            .await
            .is_err()
        {
            ledger.say(format_args!("cut off"));
        }
    }

    async fn whole(self, rehearsed: Option<String>) {
        let (clock, ports) = ports(
            self.wall,
            &self.disk,
            &self.index,
            self.dice.fork("entropy"),
        );
        self.ledger.book().life_begins(Arc::clone(&clock));
        witness::seat(&ports.directory, &self.ledger);
        let (shared, directory) = (Arc::clone(&ports.clock), Arc::clone(&ports.directory));
        let kept = ports.clone();
        let started = Node::start_with(settings(&self.plan), ports, Arc::new(Cheap)).await;
        let node = match started {
            Ok(node) => node,
            Err(error) => {
                self.ledger
                    .breach(recovery::ID, format_args!("no start: {error:?}"));
                return;
            }
        };
        if let Some(rehearsed) = rehearsed {
            let real = came_to(&node).await;
            recovery::check(&mut self.ledger.book(), &rehearsed, &real);
        }
        if self.mutation == Some(Mutation::Liar) {
            lie(&node, kept.clone()).await;
        }
        let Some(rotation) = self.rotation(&node, kept).await else {
            let story = format_args!("the rotation does not start");
            return self.ledger.breach(recovery::ID, story);
        };
        let (desk, ledger) = (Arc::clone(&self.desk), self.ledger.clone());
        let (catalog, bug) = (node.catalog.clone(), self.mutation);
        let office = Office::open(desk, ledger, catalog, shared, rotation, bug);
        let front: Arc<dyn Service> = Arc::new(node.front.clone());
        let scene = Scene {
            ledger: self.ledger.clone(),
            front: node.front.clone(),
            service: mutated(front, self.mutation, self.dice.fork("mutation")),
            catalog: node.catalog.clone(),
            office,
            directory,
            mutation: self.mutation,
        };
        let mut beside = JoinSet::new();
        beside.spawn(watch(scene.clone()));
        tokio::select! {
            biased;
            end = node.ended() => {
                self.ledger.say(format_args!("the node ended: {end}"));
            }
            () = self.rounds(&scene, &mut beside) => {}
        }
    }

    /// Starts who switches the node's certificates, as the composition of a real node does.
    async fn rotation(&self, node: &Node, ports: Ports) -> Option<Handle<rotation::Message>> {
        let kept = Kept {
            safe: self
                .desk
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .safe(),
            ledger: self.ledger.clone(),
            clock: Arc::clone(&ports.clock),
            mutation: self.mutation,
        };
        let machine = Rotation::new(kept.standing());
        let hands = RotationHands::new(Arc::new(Mutex::new(kept)), node.catalog.clone());
        let path = shell::Path::node().child("certificate");
        let started = shell::spawn(path, machine, hands, ports, Some(node.root()));
        started.await.ok()
    }

    async fn rounds(&self, scene: &Scene, beside: &mut JoinSet<()>) {
        invariants::check(scene, "after recovery").await;
        match self.purpose {
            Purpose::Judge => {
                return purge::over(&mut self.ledger.book(), scene, &self.disk, &self.index);
            }
            Purpose::Work => self.trouble(scene, beside),
            Purpose::Peace => self.pacify(scene).await,
        }
        let before = scene.catalog.rows();
        for (round, linger) in self.life.rounds.iter().enumerate() {
            let mut clients = JoinSet::new();
            for client in self.clients(scene, round) {
                match self.purpose {
                    Purpose::Peace => clients.spawn(back_up_at_last(client)),
                    Purpose::Work | Purpose::Judge => clients.spawn(work(client)),
                };
            }
            while clients.join_next().await.is_some() {}
            pass(SETTLE).await;
            invariants::check(scene, "at a quiet point").await;
            if self.plan.operators.undelete {
                let mut dice = self.dice.fork(&format!("undelete {round}"));
                undelete::meddle(scene, &mut dice).await;
            }
            pass(*linger).await;
        }
        if self.purpose == Purpose::Peace {
            // A repository does what is due while it is loaded.
            let visits = scene.visits().await;
            pass(space::QUIET).await;
            drop(visits);
            invariants::check(scene, "after a while of peace").await;
            rot::told(scene, &before).await;
            space::check(scene, &self.disk).await;
            purge::over(&mut self.ledger.book(), scene, &self.disk, &self.index);
        }
    }

    /// Everything that interferes with clients.
    fn trouble(&self, scene: &Scene, beside: &mut JoinSet<()>) {
        let (office, operators) = (scene.office.clone(), self.plan.operators.clone());
        beside.spawn(async move {
            office.work(&operators).await;
        });
        beside.spawn(audit(scene.clone(), self.dice.fork("audit")));
        if self.plan.operators.restart {
            beside.spawn(restart(scene.clone(), self.dice.fork("restarts")));
        }
        let (disk, ledger) = (self.disk.clone(), self.ledger.clone());
        match self.life.faults.left_kib {
            Some(kib) => beside.spawn(faults::fill(disk, kib << 10, ledger, self.mutation)),
            None => beside.spawn(faults::break_disk(disk, self.life.faults, self.mutation)),
        };
        let rot = self.life.faults.rot;
        if !rot.is_none() {
            let (disk, ledger, after) = (
                self.disk.clone(),
                self.ledger.clone(),
                self.life.faults.after,
            );
            let mut dice = self.dice.fork("rot at work");
            beside.spawn(async move {
                pass(after).await;
                faults::rot(&disk, &ledger, rot, &mut dice);
            });
        }
        for step in self.life.steps.clone() {
            let (scene, mutation) = (scene.clone(), self.mutation);
            beside.spawn(async move {
                pass(step.at).await;
                scene
                    .ledger
                    .say(format_args!("the wall clock steps by {} ms", step.by));
                scene.ledger.book().step_wall(step.by);
                if mutation == Some(Mutation::DayGoesBack) && step.by < 0 {
                    let days = 1 + step.by.unsigned_abs() / DAY;
                    scene
                        .office
                        .turn_back(u32::try_from(days).unwrap_or(1))
                        .await;
                }
            });
        }
        if self.mutation == Some(Mutation::Panic) {
            beside.spawn(async { panic!("planted") });
        }
    }

    /// Makes again what was removed, and has destroyed what may be.
    fn settle_affairs(&self, scene: &Scene) {
        let book = self.ledger.book();
        let mut wishes = Vec::new();
        for (id, request) in &book.requests {
            if request.verdict == Verdict::Open {
                let is_purge = matches!(request.wish, Wish::Affair(Affair::Purge(_)));
                wishes.push(Wish::Affair(Affair::Decide(*id, is_purge)));
            }
        }
        for at in (0..book.former.len()).filter(|at| !book.former[*at].is_ordered) {
            wishes.push(Wish::Affair(Affair::Purge(at)));
        }
        for tenant in 0..book.accounts.len() {
            wishes.extend(Affair::again(&book, tenant));
        }
        drop(book);
        for wish in wishes {
            scene.office.order(wish);
        }
    }

    /// Takes away all that may stand in a client's way.
    async fn pacify(&self, scene: &Scene) {
        // First of all what was begun before.
        let mut cleared = scene.office.clear().await;
        // What was removed is made again, once news of that have travelled.
        pass(3_000).await;
        self.settle_affairs(scene);
        cleared = cleared.and(scene.office.clear().await);
        let (tenants, shelves) = {
            let book = self.ledger.book();
            let disabled = book.accounts.iter().map(|account| *account.disabled.last());
            let locked_out = book.shelves.iter().map(|shelf| shelf.credential.is_none());
            (disabled.collect::<Vec<_>>(), locked_out.collect::<Vec<_>>())
        };
        scene.office.order(Wish::Maintenance(false));
        for (tenant, is_disabled) in tenants.into_iter().enumerate() {
            if is_disabled {
                scene.office.order(Wish::Enable(tenant));
            }
            scene.office.order(Wish::Lease(tenant, None));
            scene.office.order(Wish::Quota(tenant, 1 << 30));
            scene.office.order(Wish::Tasks(tenant, 16));
        }
        for (shelf, _) in shelves
            .into_iter()
            .enumerate()
            .filter(|(_, locked_out)| *locked_out)
        {
            scene.office.order(Wish::Credential(shelf));
        }
        if cleared.is_ok() {
            cleared = scene.office.confirm().await;
        }
        if cleared.is_err() {
            self.ledger
                .breach(progress::ID, format_args!("the catalog does not answer"));
        }
        // News travel.
        pass(1_000).await;
    }
}
