//! One life of a node with a tape room: it starts as in production, people come, and it is cut off,
//! or comes to its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::node::{Node, Settings};
use holdfast_actors::ports::{Disk, Ports};
use holdfast_cluster::folder::Folder;
use holdfast_tape::archive::Site;
use holdfast_tape::clerk::Clerk;
use holdfast_tape::format::{Signer, Text};
use holdfast_tape::ports::{Books, Stations};
use holdfast_tape::restore::Folders;
use holdfast_tape::room::{Keep, Tools};
use holdfast_tape::shelf::Files;
use holdfast_tape::stock::Stock;

use super::books::{Reader, Times};
use super::desk::Desk;
use super::judge;
use super::repositories::Partial;
use super::robot::{Robots, Ways};
use super::shop::Shop;
use crate::dice::Dice;
use crate::disk;
use crate::index::Index;
use crate::invariants::recovery;
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::passwords::Cheap;
use crate::plan;
use crate::threads::Turns;
use crate::witness;
use crate::world::ports;

/// Where the rows of tapes lie.
const ROWS: &str = "tape/rows";
/// Where restores have their folders.
const FOLDERS: &str = "tape/folders";
/// The name of the cluster, on labels.
const CLUSTER: &str = "simulated";

/// What a life is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Things go wrong.
    Work,
    /// Nothing goes wrong: all that was begun comes to an end.
    Peace,
    /// Nobody comes: what is there is judged.
    Judge,
}

/// All that one life needs of the world.
pub(super) struct Stage {
    pub(super) shape: plan::Tape,
    pub(super) cut: Option<u64>,
    pub(super) purpose: Purpose,
    pub(super) disk: disk::Disk,
    pub(super) index: Index,
    pub(super) dice: Dice,
    pub(super) ledger: Ledger,
    pub(super) wall: Timestamp,
    pub(super) robots: Robots,
    pub(super) ways: Ways,
    pub(super) turns: Turns,
    pub(super) times: Times,
    pub(super) shop: Arc<Mutex<Shop>>,
    pub(super) mutation: Option<Mutation>,
}

impl Stage {
    /// The life, until its time is over or the node ends by itself.
    pub(super) async fn play(self) {
        let cut = self.cut.map_or(Duration::MAX, Duration::from_millis);
        let ledger = self.ledger.clone();
        if tokio::time::timeout(cut, self.whole()).await.is_err() {
            ledger.say(format_args!("cut off"));
        }
    }

    async fn whole(self) {
        let dice = self.dice.fork("entropy");
        let (clock, ports) = ports(self.wall, &self.disk, &self.index, dice);
        self.ledger.book().life_begins(clock);
        witness::seat(&ports.directory, &self.ledger);
        let started = Node::start_with(Settings::default(), ports.clone(), Arc::new(Cheap)).await;
        let node = match started {
            Ok(node) => node,
            Err(error) => {
                let story = format_args!("no start: {error:?}");
                return self.ledger.breach(recovery::ID, story);
            }
        };
        let tools = self.tools(&node, &ports);
        let repositories = Arc::clone(&tools.site.repositories);
        let books = Arc::clone(&tools.site.books);
        let libraries = node.catalog.rows().tape.libraries;
        let intent = libraries.values().find_map(|row| row.intent.as_ref());
        self.robots.watch.found(intent.map(|intent| intent.way()));
        let (keep, room) = Keep::new(tools, node.catalog.clone(), ports.clone());
        let desk = Desk {
            shape: self.shape.clone(),
            catalog: node.catalog.clone(),
            clock: Arc::clone(&ports.clock),
            room,
            books,
            repositories,
            robots: self.robots.clone(),
            times: self.times.clone(),
            shop: Arc::clone(&self.shop),
            ledger: self.ledger.clone(),
            mutation: self.mutation,
        };
        self.ledger.say(format_args!(
            "{:?} at {}",
            self.purpose,
            ports.clock.now().wall
        ));
        tokio::select! {
            biased;
            end = node.ended() => {
                self.ledger.say(format_args!("the node ended: {end}"));
            }
            () = keep.until(Box::pin(std::future::pending())) => {}
            () = self.people(desk) => {}
        }
    }

    async fn people(&self, desk: Desk) {
        let mut dice = self.dice.fork("people");
        match self.purpose {
            Purpose::Work => {
                let barcodes = self.robots.barcodes();
                let count = usize::try_from(self.shape.faults).unwrap_or_default();
                let drives = usize::from(self.shape.drives);
                let seed = dice.below(u64::MAX);
                self.robots.spoil(seed, count, &barcodes, drives);
                desk.work(&mut dice).await;
            }
            Purpose::Peace => desk.make_peace(&mut dice).await,
            Purpose::Judge => desk.judge(),
        }
    }

    fn tools(&self, node: &Node, ports: &Ports) -> Tools {
        let clerk: Arc<dyn Books> = Arc::new(Clerk {
            catalog: node.catalog.clone(),
            clock: Arc::clone(&ports.clock),
        });
        let reader = Reader {
            inner: clerk,
            robots: self.robots.clone(),
            times: self.times.clone(),
            ledger: self.ledger.clone(),
            keep_days: self.shape.keep_days,
            mutation: self.mutation,
        };
        let own = Partial {
            inner: Arc::new(Stock::new(node.front.clone())),
            leaves_out: self.mutation == Some(Mutation::PartialView),
        };
        let disk = Arc::clone(&ports.disk);
        let folders: Folders = Arc::new(move |path| {
            let folder = Folder::new(Arc::clone(&disk), &format!("{FOLDERS}/{path}"));
            Ok(Arc::new(folder) as Arc<dyn Disk>)
        });
        #[expect(clippy::expect_used, reason = "both are constants of this file")]
        let (signer, cluster) = Signer::from_seed(&[7; 32])
            .zip(Text::parse(CLUSTER))
            .expect("a key and a name");
        Tools {
            here: None::<NodeId>,
            reach: Arc::new(self.ways.clone()),
            threads: Arc::new(self.turns.clone()),
            folders,
            site: Site {
                stations: Stations::default(),
                repositories: Arc::new(own),
                books: Arc::new(reader),
                shelf: Arc::new(Files::new(Arc::clone(&ports.disk), ROWS)),
                signer,
                cluster,
                settings: judge::settings(),
                keys: judge::keys(),
            },
        }
    }
}
