//! The tapes of this node, as operators ask them: a room of actors does the work.
//!
//! All of it lies in the folder `tape` of the node's directory: what is on cartridges, the key that
//! signs them, and the cartridges of virtual libraries.

mod clerk;
mod keep;
mod plan;

use std::fs;
use std::sync::Arc;

use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::TapeRefused;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::names::TapeName;
use holdfast_actors::node::Node;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::Handle;
use holdfast_actors::tape::device::Account;
use holdfast_actors::tape::{MediaSet, SetId};
use holdfast_cluster::calls::Calls;
use holdfast_tape::ports::{Books, Failed, Shelf};
use holdfast_tape::room::Message;
use holdfast_tape::scan::{Caller, Device, scan};
use holdfast_tape::shelf::Files;
use holdfast_tape::{job, station};
use tokio::sync::watch;

use super::failure;
use super::stock::{Counter, Everywhere, SERVICE, Stock};
use crate::admin::answers::RestorePlan;
use crate::admin::office::Tapes;
use crate::admin::{Problem, ProblemClass};
use crate::cli::Failure;
use crate::commands::tape::scan::Scan;
use crate::home::Home;
use clerk::Clerk;
use keep::Keep;

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
    room: watch::Receiver<Option<Handle<Message>>>,
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
        let shelf: Arc<dyn Shelf> = Arc::new(Files::open(&folder.join(ROWS)).map_err(at)?);
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
        let (door, room) = watch::channel(None);
        let keep = Keep::new(
            (home, &folder),
            (Arc::new(repositories), &node.catalog),
            (Arc::clone(&books), Arc::clone(&shelf)),
            ports,
            door,
        );
        let keep = keep.map_err(at)?;
        let desk = Self {
            here: home.membership().map(|it| it.node),
            books,
            shelf,
            room,
        };
        Ok((desk, keep))
    }

    fn room(&self) -> Result<Handle<Message>, Problem> {
        self.room.borrow().clone().ok_or_else(resting)
    }

    async fn inventory(self, name: TapeName) -> Result<(), Problem> {
        let asked = self.room()?;
        let asked = asked.ask(|reply| Message::Station(name.clone(), reply));
        let station = asked.await.map_err(|_| resting())?.map_err(problem)?;
        let done = station::inventory(&name, &station, &self.books).await;
        done.map_err(problem)
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

/// The devices that this node reaches.
async fn devices(here: Option<NodeId>, wanted: Scan) -> Result<Vec<Device>, Problem> {
    let account = match (wanted.user, wanted.secret_file) {
        (Some(user), Some(secret)) => Some(Account { user, secret }),
        (_, _) => None,
    };
    let portal = wanted.portal;
    let caller = portal.map(|portal| Caller::of(portal, here, account.as_ref()));
    let caller = caller.transpose().map_err(Problem::failed)?;
    scan(caller).await.map_err(Problem::failed)
}

impl Tapes for TapeDesk {
    fn inventory(&self, library: &TapeName) -> Pending<Result<(), Problem>> {
        let Some(row) = self.rows().tape.libraries.get(library).cloned() else {
            let refused = Refused::from(TapeRefused::NoLibrary(library.clone()));
            return Box::pin(async { Err(refused.into()) });
        };
        if row.node != self.here {
            let told = format!("library '{library}' hangs on another node");
            let problem = Problem::new(ProblemClass::Refused, "other-node", told);
            return Box::pin(async { Err(problem) });
        }
        Box::pin(self.clone().inventory(library.clone()))
    }

    fn scan(&self, scan: Scan) -> Pending<Result<Vec<Device>, Problem>> {
        let here = self.here;
        Box::pin(async move { devices(here, scan).await })
    }

    fn run(&self, job: &TapeName, set: MediaSet) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().tell(job.clone(), job::Message::Full(set)))
    }

    fn stop(&self, job: &TapeName) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().tell(job.clone(), job::Message::Stop))
    }

    fn plan(&self, set: SetId, run: String) -> Pending<Result<RestorePlan, Problem>> {
        let desk = self.clone();
        Box::pin(async move {
            let shelf = desk.shelf.as_ref();
            plan::plan(&desk.rows(), shelf, desk.here, (set, run))
        })
    }
}
