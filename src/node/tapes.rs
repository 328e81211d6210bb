//! The tape libraries that hang on this node: where their devices are asked.
//!
//! A library is opened when it is first needed. Its cartridges and the rows of all cartridges lie
//! in the folder `tape` of the node's directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::{Destination, Restore, RestorePart, Rows};
use holdfast_actors::catalog::tape::{LibraryCommand, MediumCommand, TapeCommand, TapeRefused};
use holdfast_actors::catalog::{Catalog, Refused, SubmitError};
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Clock, Pending, Ports};
use holdfast_actors::shell;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::device::Account;
use holdfast_actors::tape::drive::Purpose;
use holdfast_actors::tape::media::Content;
use holdfast_actors::tape::{MediaSet, MediumId, SetId};
use holdfast_tape::format::Object;
use holdfast_tape::ports::{self, Failed, Shelf, Station};
use holdfast_tape::restore::plan::{Source, Tape, guess, plan};
use holdfast_tape::restore::{Order, order};
use holdfast_tape::scan::{Caller, Device};
use holdfast_tape::shelf::Files;
use holdfast_tape::station;
use tokio::sync::Mutex;

use crate::admin::answers::{RestorePlan, TapeRun, label};
use crate::admin::office::Tapes;
use crate::admin::{Problem, ProblemClass};
use crate::commands::tape::scan::Scan;
use crate::home::Home;

/// The folder of all that is of tape.
const FOLDER: &str = "tape";
/// In it, that of the cartridges of virtual libraries, and that of what is on cartridges.
const LIBRARIES: &str = "libraries";
const ROWS: &str = "rows";

/// The catalog, for the devices.
struct Clerk {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
}

impl ports::Books for Clerk {
    fn rows(&self) -> Arc<Rows> {
        Arc::new(self.catalog.rows())
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        let at = self.clock.now().wall;
        let decided = self.catalog.order(at, Command::Tape(command));
        Box::pin(async move {
            match decided.await {
                Ok(_) => Ok(()),
                Err(SubmitError::Refused(refused)) => Err(refused.into()),
                Err(gone @ SubmitError::Gone(_)) => Err(Failed::Other(gone.to_string())),
            }
        })
    }
}

/// The libraries of this node. Cheap to clone.
#[derive(Clone)]
pub(super) struct Room(Arc<Inside>);

struct Inside {
    /// Which node of its cluster this is.
    here: Option<NodeId>,
    folder: PathBuf,
    ports: Ports,
    clerk: Arc<dyn ports::Books>,
    stations: Mutex<BTreeMap<TapeName, Arc<dyn Station>>>,
}

impl Room {
    /// The room of the node in this directory.
    pub(super) fn new(home: &Home, catalog: &Catalog, ports: &Ports) -> Self {
        let clerk = Clerk {
            catalog: catalog.clone(),
            clock: Arc::clone(&ports.clock),
        };
        Self(Arc::new(Inside {
            here: home.membership().map(|it| it.node),
            folder: home.path.join(FOLDER),
            ports: ports.clone(),
            clerk: Arc::new(clerk),
            stations: Mutex::default(),
        }))
    }
}

impl Inside {
    /// A library of this node, opened if it is not yet.
    async fn station(&self, name: &TapeName) -> Result<Arc<dyn Station>, Problem> {
        let mut stations = self.stations.lock().await;
        let rows = self.clerk.rows();
        let Some(row) = rows.tape.libraries.get(name) else {
            stations.remove(name);
            return Err(Refused::from(TapeRefused::NoLibrary(name.clone())).into());
        };
        if row.node != self.here {
            let told = format!("library '{name}' hangs on another node");
            return Err(Problem::new(ProblemClass::Refused, "other-node", told));
        }
        if let Some(station) = stations.get(name) {
            return Ok(Arc::clone(station));
        }
        let site = station::Site {
            path: shell::Path::node().child("tape").child(name),
            above: None,
            ports: self.ports.clone(),
            books: Arc::clone(&self.clerk),
        };
        let folder = self.folder.join(LIBRARIES);
        std::fs::create_dir_all(&folder).map_err(Problem::failed)?;
        let opened = station::open(name, row, &folder, site).await;
        let opened = opened.map_err(Problem::failed)?;
        stations.insert(name.clone(), Arc::clone(&opened));
        Ok(opened)
    }

    /// Asks the arm where cartridges are, and those that nobody knows who they are.
    async fn inventory(&self, name: &TapeName) -> Result<(), Problem> {
        let station = self.station(name).await?;
        let seen = station.inventory().await.map_err(problem)?;
        let seen = TapeCommand::Library(name.clone(), LibraryCommand::Inventory(seen));
        self.clerk.submit(seen).await.map_err(problem)?;
        for (id, slot) in unknown(&self.clerk.rows(), name) {
            let mount = station.mount(slot, Purpose::Care).await;
            let mut mount = mount.map_err(problem)?;
            let said = station::identify(mount.as_mut()).await;
            mount.dismount().await.map_err(problem)?;
            let said = MediumCommand::Identified(said.map_err(problem)?);
            let said = TapeCommand::Medium(id, said);
            self.clerk.submit(said).await.map_err(problem)?;
        }
        Ok(())
    }

    fn plan(&self, set: SetId, run: String) -> Result<RestorePlan, Problem> {
        let rows = self.clerk.rows();
        let row = rows.tape.sets.get(&set);
        let row = row.ok_or_else(|| Refused::from(TapeRefused::NoSet(set)))?;
        let found = row.runs.iter().find(|it| it.name == run);
        let found = found.ok_or_else(|| Refused::from(TapeRefused::NoRun(set, run.clone())))?;
        let shelf = Files::open(&self.folder.join(ROWS)).map_err(Problem::failed)?;
        let order = self.asked(&rows, &shelf, (set, run))?;
        let Some(part) = order.parts.first() else {
            return Err(Refused::from(TapeRefused::NoParts).into());
        };
        let exact = part.count;
        let exact = exact.and_then(|count| guess(&order.tapes, &part.source, count));
        // Without its list, whatever is there of the repository may be of the run.
        let wanted = exact.unwrap_or_else(|| all(&order.tapes, &part.source));
        let plan = plan(&order.tapes, &[(&part.source, &wanted)], &BTreeSet::new());
        Ok(RestorePlan {
            run: TapeRun::of(row, found, &rows),
            loads: plan
                .loads
                .iter()
                .map(|it| label(it.medium, &rows))
                .collect(),
            offline: plan.offline.keys().map(|id| label(*id, &rows)).collect(),
            lost: plan.lost.len() as u64,
            objects: plan.objects,
            bytes: holdfast_actors::kernel::Size::bytes(plan.bytes),
        })
    }

    /// What a restore would be that nobody asked for.
    fn asked(
        &self,
        rows: &Rows,
        shelf: &dyn Shelf,
        (set, run): (SetId, String),
    ) -> Result<Order, Problem> {
        let part = RestorePart {
            set,
            run,
            to: Destination::Folder(String::new()),
        };
        let restore = Restore {
            by: String::new(),
            asked: Timestamp::from_millis(0),
            parts: vec![part],
            past_quota: false,
            is_stopping: false,
            begun: None,
            shut: BTreeSet::new(),
            end: None,
        };
        let mut rows = rows.clone();
        let last = rows.tape.restores.keys().next_back();
        let id = last.copied().unwrap_or_default().next();
        rows.tape.restores.insert(id, restore);
        let is_here = |name: &TapeName| {
            let row = rows.tape.libraries.get(name);
            row.is_some_and(|row| row.node == self.here)
        };
        order(&rows, shelf, &is_here, id).map_err(Problem::failed)
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
    holdfast_tape::scan::scan(caller)
        .await
        .map_err(Problem::failed)
}

/// Cartridges of a library that nobody looked at yet, and their slots.
fn unknown(rows: &Rows, library: &TapeName) -> Vec<(MediumId, Element)> {
    let media = rows.tape.media.iter();
    let unknown = media.filter(|(_, row)| row.medium.content == Content::Unrecognized);
    let here = unknown.filter_map(|(id, row)| match &row.slot {
        Some((at, slot)) if at == library => Some((*id, *slot)),
        _ => None,
    });
    here.collect()
}

/// All objects of a repository that are on the cartridges of its set.
fn all(tapes: &[Tape], source: &Source) -> BTreeSet<Object> {
    let tapes = tapes.iter().filter(|tape| tape.set == source.set);
    let rows = tapes.flat_map(|tape| tape.rows.iter());
    let mine = rows.filter(|row| row.path.directory == source.directory);
    let objects = mine.map(|row| row.path.object.clone());
    let is_list = |object: &Object| matches!(object, Object::Run(_));
    objects.filter(|object| !is_list(object)).collect()
}

fn problem(failed: Failed) -> Problem {
    match failed {
        Failed::Refused(refused) => refused.into(),
        failed @ (Failed::Arm(_) | Failed::Drive(_) | Failed::Other(_)) => Problem::failed(failed),
    }
}

impl Tapes for Room {
    fn inventory(&self, library: &TapeName) -> Pending<Result<(), Problem>> {
        let (room, library) = (Arc::clone(&self.0), library.clone());
        Box::pin(async move { room.inventory(&library).await })
    }

    fn scan(&self, scan: Scan) -> Pending<Result<Vec<Device>, Problem>> {
        let here = self.0.here;
        Box::pin(async move { devices(here, scan).await })
    }

    fn run(&self, job: &TapeName, _: MediaSet) -> Pending<Result<(), Problem>> {
        let told = idle(job);
        Box::pin(async move { Err(told) })
    }

    fn stop(&self, job: &TapeName) -> Pending<Result<(), Problem>> {
        let told = idle(job);
        Box::pin(async move { Err(told) })
    }

    fn plan(&self, set: SetId, run: String) -> Pending<Result<RestorePlan, Problem>> {
        let room = Arc::clone(&self.0);
        Box::pin(async move { room.plan(set, run) })
    }
}

fn idle(job: &TapeName) -> Problem {
    let told = format!("tape job '{job}' has no actor on this node");
    Problem::new(ProblemClass::Failed, "unavailable", told)
}
