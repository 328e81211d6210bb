//! The tapes of this node, as operators ask them: a room of actors does the work.
//!
//! All of it lies in the folder `tape` of the node's directory: what is on cartridges, the key that
//! signs them, and the cartridges of virtual libraries.

mod face;
mod hold;
mod plan;
mod recovered;
mod tools;
mod using;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::TapeRefused;
use holdfast_actors::kernel::{NodeId, Size};
use holdfast_actors::names::TapeName;
use holdfast_actors::node::Node;
use holdfast_actors::ports::Ports;
use holdfast_actors::shell::Handle;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::device::Account;
use holdfast_cluster::calls::Calls;
use holdfast_tape::archive::House;
use holdfast_tape::clerk::Clerk;
use holdfast_tape::format::Row;
use holdfast_tape::ports::{Books, Failed, Mount, Shelf, Station};
use holdfast_tape::room::{Keep, Message};
use holdfast_tape::scan::{self, Caller, Device};
use holdfast_tape::shelf::Files;
use holdfast_tape::stock::Stock;
use holdfast_tape::{care, job, station};
use tokio::sync::watch;

use super::failure;
use super::stock::{Counter, Everywhere, SERVICE};
use crate::admin::answers::{CartridgeCopied, CartridgeFound, label};
use crate::admin::protocol::Progress;
use crate::admin::{Items, Problem, ProblemClass};
use crate::cli::Failure;
use crate::commands::tape::scan::Scan;
use crate::disk;
use crate::home::Home;
use crate::keyring::{self, Keyring};
use tools::tools;
use using::Using;

/// The folder of all that is of tape, and in it that of what is on cartridges.
const FOLDER: &str = "tape";
const ROWS: &str = "rows";

/// The tapes of the node. Cheap to clone.
#[derive(Clone)]
pub(super) struct TapeDesk {
    /// Which node of its cluster this is.
    here: Option<NodeId>,
    books: Arc<dyn Books>,
    shelf: Arc<dyn Shelf>,
    keyring: Keyring,
    room: watch::Receiver<Option<Handle<Message>>>,
    using: Using,
    /// In whose name its cartridges are written.
    house: House,
}

impl TapeDesk {
    /// The desk of the node in this directory, and what is at work behind it.
    pub(super) fn open(
        home: &Home,
        node: &Node,
        (ports, calls): (&Ports, Option<Arc<dyn Calls>>),
    ) -> Result<(Self, Keep), Failure> {
        let folder = home.path.join(FOLDER);
        let at = |error| {
            let told = format!("{}: {error}", folder.display());
            failure(&std::io::Error::other(told))
        };
        fs::create_dir_all(&folder).map_err(at)?;
        let disk = Arc::new(disk::Folder::new(&folder));
        let shelf: Arc<dyn Shelf> = Arc::new(Files::new(disk, ROWS));
        let books: Arc<dyn Books> = Arc::new(Clerk {
            catalog: node.catalog.clone(),
            clock: Arc::clone(&ports.clock),
        });
        let own = Stock::new(node.front.clone());
        if let Some(calls) = &calls {
            calls.serve(SERVICE, Arc::new(Counter(own.clone())));
        }
        let repositories = Everywhere {
            own,
            catalog: node.catalog.clone(),
            calls,
        };
        let keyring = Keyring::open(keyring::folder(&folder)).map_err(at)?;
        let tools = tools(
            (home, &folder),
            Arc::new(repositories),
            (Arc::clone(&books), Arc::clone(&shelf)),
            ports.entropy.as_ref(),
            keyring.keys().clone(),
        );
        let tools = tools.map_err(at)?;
        let house = tools.site.house();
        let (keep, room) = Keep::new(tools, node.catalog.clone(), ports.clone());
        let desk = Self {
            here: home.membership().map(|it| it.node),
            books,
            shelf,
            keyring,
            room,
            using: Using::default(),
            house,
        };
        Ok((desk, keep))
    }

    fn room(&self) -> Result<Handle<Message>, Problem> {
        self.room.borrow().clone().ok_or_else(resting)
    }

    /// A library of this node.
    async fn station(&self, name: &TapeName) -> Result<Arc<dyn Station>, Problem> {
        let rows = self.rows();
        let row = rows.tape.libraries.get(name);
        let row = row.ok_or_else(|| Refused::from(TapeRefused::NoLibrary(name.clone())))?;
        if row.node != self.here {
            let told = format!("library '{name}' hangs on another node");
            return Err(Problem::new(ProblemClass::Refused, "other-node", told));
        }
        let asked = self.room()?;
        let asked = asked.ask(|reply| Message::Station(name.clone(), reply));
        asked.await.map_err(|_| resting())?.map_err(problem)
    }

    async fn inventory(self, name: TapeName) -> Result<(), Problem> {
        let station = self.station(&name).await?;
        let done = station::inventory(&name, &station, &self.books).await;
        done.map_err(problem)
    }

    /// Whatever was moved, the catalog hears where all is now.
    async fn export(self, name: TapeName, slots: Vec<station::Wanted>) -> Result<(), Problem> {
        let station = self.station(&name).await?;
        let moved = station::export(&station, &slots).await;
        self.settle(name, moved).await
    }

    async fn import(self, name: TapeName) -> Result<(), Problem> {
        let station = self.station(&name).await?;
        let moved = station::import(&station).await;
        self.settle(name, moved).await
    }

    async fn settle(self, name: TapeName, moved: Result<u64, Failed>) -> Result<(), Problem> {
        let seen = self.inventory(name).await;
        if let (Err(_), Err(unseen)) = (&moved, &seen) {
            tracing::warn!(%unseen, "where cartridges are is not known; take an inventory");
        }
        moved.map_err(problem)?;
        seen
    }

    /// A cartridge in a drive, of a library of this node; the cartridge is looked at first.
    async fn mounted(&self, medium: MediumId) -> Result<Box<dyn Mount>, Problem> {
        let rows = self.rows();
        let begun = rows.tape.media.get(&medium).map(|row| row.generation);
        let mut mount = self.filled(medium).await?;
        let who = (medium, begun.unwrap_or_default());
        let stranger = match station::recognise(mount.as_mut(), who).await {
            Ok(Ok(())) => return Ok(mount),
            Ok(Err(stranger)) => Ok(stranger),
            Err(failed) => Err(problem(failed)),
        };
        mount.dismount().await.map_err(problem)?;
        let stranger = stranger?;
        let label = label(medium, &rows);
        let told = format!(
            "what stands in the slot of cartridge {label} is not it: {stranger}; take an inventory \
             to see what is where"
        );
        Err(Problem::new(ProblemClass::Refused, "cartridge-other", told))
    }

    async fn verify(self, medium: MediumId, items: Items) -> Result<CartridgeFound, Problem> {
        let _held = self.takes(medium, "read back")?;
        let rows = self.known(medium).await?;
        let total = rows.iter().map(|row| row.length).sum();
        let tell = progress(items, "read back", total);
        let mut mount = self.mounted(medium).await?;
        let found = care::verify(mount.as_mut(), rows, self.keyring.keys(), &tell).await;
        mount.dismount().await.map_err(problem)?;
        let found = found.map_err(problem)?;
        Ok(CartridgeFound {
            barcode: label(medium, &self.rows()),
            objects: found.objects,
            bytes: Size::bytes(found.bytes),
            damaged: found.damaged,
            told: found.named,
        })
    }

    /// What the catalog counts on a cartridge, and nothing less.
    async fn known(&self, medium: MediumId) -> Result<Vec<Row>, Problem> {
        let rows = self.rows();
        let row = rows.tape.media.get(&medium);
        let row = row.ok_or_else(|| Refused::from(TapeRefused::NoMedium(medium)))?;
        let counted = usize::try_from(row.head.objects).map_err(Problem::failed)?;
        let mut known = self
            .shelf
            .rows(medium)
            .await
            .map_err(problem)?
            .unwrap_or_default();
        if known.len() < counted {
            let (label, there) = (label(medium, &rows), known.len());
            let told = format!(
                "of the {counted} objects of cartridge {label} this node knows {there}; \
                 'tape recover-catalog' reads the others from it"
            );
            return Err(Problem::new(
                ProblemClass::Failed,
                "cartridge-unknown",
                told,
            ));
        }
        known.truncate(counted);
        Ok(known)
    }

    async fn copy(
        self,
        medium: MediumId,
        to: PathBuf,
        items: Items,
    ) -> Result<CartridgeCopied, Problem> {
        let _held = self.takes(medium, "copied")?;
        care::vacant(&to).map_err(problem)?;
        let rows = self.rows();
        let head = rows.tape.media.get(&medium).map(|row| row.head.bytes);
        let tell = progress(items, "from tape", head.unwrap_or_default());
        let mut mount = self.mounted(medium).await?;
        let copied = care::copy(mount.as_mut(), &to, &tell).await;
        mount.dismount().await.map_err(problem)?;
        let copied = copied.map_err(problem)?;
        Ok(CartridgeCopied {
            barcode: label(medium, &rows),
            files: copied.files,
            bytes: Size::bytes(copied.bytes),
            to: to.display().to_string(),
        })
    }

    async fn tell(self, job: TapeName, message: job::Message) -> Result<(), Problem> {
        let asked = self.room()?;
        let asked = asked.ask(|reply| Message::Job(job.clone(), message, reply));
        if asked.await.map_err(|_| resting())? {
            return Ok(());
        }
        let told = format!("tape job '{job}' has no actor on this node");
        Err(Problem::new(ProblemClass::Failed, "unavailable", told))
    }

    fn rows(&self) -> Arc<Rows> {
        self.books.rows()
    }
}

/// The devices that this node reaches.
async fn devices(here: Option<NodeId>, scan: Scan) -> Result<Vec<Device>, Problem> {
    let account = match (scan.user, scan.secret_file) {
        (Some(user), Some(secret)) => Some(Account { user, secret }),
        (_, _) => None,
    };
    let caller = scan
        .portal
        .map(|portal| Caller::of(portal, here, account.as_ref()));
    let caller = caller.transpose().map_err(Problem::failed)?;
    scan::scan(caller).await.map_err(Problem::failed)
}

/// Says how far something is, of so many bytes or somewhat more.
fn progress(items: Items, what: &'static str, total: u64) -> impl Fn(u64) + Send + Sync {
    move |done| {
        items.progress(Progress {
            done,
            total: total.max(done),
            what: what.to_owned(),
        });
    }
}

fn resting() -> Problem {
    let told = "the tape room of this node is being started again; try in a moment";
    Problem::new(ProblemClass::Failed, "unavailable", told)
}

fn problem(failed: Failed) -> Problem {
    match failed {
        Failed::Refused(refused) => refused.into(),
        failed @ (Failed::Arm(_) | Failed::Drive(_) | Failed::Other(_)) => Problem::failed(failed),
    }
}
