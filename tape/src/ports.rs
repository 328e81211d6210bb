//! What jobs on tapes use, whatever it is made of: drives and an arm, repositories, the catalog,
//! and the rows of the tapes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::rows::{Library, Rows};
use holdfast_actors::catalog::tape::{Seen, TapeCommand};
use holdfast_actors::kernel::{RepositoryId, Size, Timestamp};
use holdfast_actors::names::TapeName;
use holdfast_actors::object::Key;
use holdfast_actors::ports::Pending;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::{self, Element};
use holdfast_actors::tape::drive::{self, Purpose};
use tokio::sync::oneshot;

use crate::format::{Medium, Row, Sum};
use crate::smc;
use crate::station::Fleet;

/// Why something did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The catalog says no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The arm did not move a cartridge.
    #[error(transparent)]
    Arm(#[from] changer::Failed),
    /// A drive cannot be had, or had trouble.
    #[error(transparent)]
    Drive(#[from] drive::Refused),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}

/// How the devices of a library are reached from this node.
pub trait Reach: Send + Sync + 'static {
    /// The ways to the devices that a row names. It blocks, for up to half a minute.
    ///
    /// # Errors
    /// When a device is not there, or is held by somebody else.
    fn fleet(&self, name: &TapeName, row: &Library) -> Result<Fleet, Failed>;
}

/// The drives and the arm of one library. Cheap to clone behind its [`Arc`].
pub trait Station: Send + Sync + 'static {
    /// Asks the robot where everything is.
    fn inventory(&self) -> Pending<Result<Vec<Seen>, Failed>>;

    /// Every element of the library, and what stands in it.
    fn elements(&self) -> Pending<Result<Vec<smc::Element>, Failed>>;

    /// Has a cartridge carried from one element to another.
    fn carry(&self, from: Element, to: Element) -> Pending<Result<(), Failed>>;

    /// Puts a drive into service, or takes it out: whoever has it keeps it.
    fn serve(&self, drive: usize, is_on: bool) -> Pending<Result<(), Failed>>;

    /// Has what is in a drive that nobody wants carried home.
    fn unload(&self, drive: usize) -> Pending<Result<(), Failed>>;

    /// Waits for a drive, has the cartridge of this slot put into it and made ready, rewound.
    fn mount(&self, slot: Element, purpose: Purpose) -> Pending<Result<Box<dyn Mount>, Failed>>;
}

/// The libraries that a node has open, as of now: whoever holds this sees each that comes or goes.
#[derive(Clone, Default)]
pub struct Stations(Arc<Mutex<Open>>);

type Open = BTreeMap<TapeName, Arc<dyn Station>>;

impl fmt::Debug for Stations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl FromIterator<(TapeName, Arc<dyn Station>)> for Stations {
    fn from_iter<I: IntoIterator<Item = (TapeName, Arc<dyn Station>)>>(all: I) -> Self {
        Self(Arc::new(Mutex::new(all.into_iter().collect())))
    }
}

impl Stations {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The library of that name.
    pub fn get(&self, name: &TapeName) -> Option<Arc<dyn Station>> {
        self.open().get(name).cloned()
    }

    /// All their names.
    pub fn names(&self) -> BTreeSet<TapeName> {
        self.open().keys().cloned().collect()
    }

    /// One is open from now on.
    pub fn insert(&self, name: TapeName, station: Arc<dyn Station>) {
        self.open().insert(name, station);
    }

    /// One is not any more.
    pub fn remove(&self, name: &TapeName) {
        self.open().remove(name);
    }
}

/// What is done with a cartridge in a drive, order by order.
pub type Work = Box<dyn FnOnce(&mut dyn Medium) + Send>;

/// A cartridge in a drive that is lent. One that is dropped is unloaded and carried home as well,
/// but nobody hears how that went.
pub trait Mount: Send {
    /// Whether the drive says that the cartridge can be written once.
    fn is_worm(&self) -> bool;

    /// Does some work on the thread of the drive; resolves when it is done, or when the drive is
    /// given up and nobody knows how far it came. Orders of the work fail by themselves.
    fn work(&mut self, work: Work) -> Pending<Result<(), Failed>>;

    /// Unloads the cartridge and has it carried back to its slot; the drive is free then.
    fn dismount(self: Box<Self>) -> Pending<Result<(), Failed>>;
}

/// Does something on the thread of the drive, and brings back what came of it.
///
/// # Errors
/// When the drive was given up.
pub async fn ask<T: Send + 'static>(
    mount: &mut dyn Mount,
    work: impl FnOnce(&mut dyn Medium) -> T + Send + 'static,
) -> Result<T, Failed> {
    let (tell, told) = oneshot::channel();
    let work = move |medium: &mut dyn Medium| {
        // Nobody listens any more when whoever asked was ended.
        let _ = tell.send(work(medium));
    };
    mount.work(Box::new(work)).await?;
    let gone = |_| Failed::Other("the drive was given up".to_owned());
    told.await.map_err(gone)
}

/// An object of a repository, as a view shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which. Never a lock.
    pub key: Key,
    /// Its bytes.
    pub length: Size,
    /// Their sum.
    pub sha256: Sum,
}

/// Cloud repositories, to be read from and written to.
pub trait Repositories: Send + Sync + 'static {
    /// All that a repository showed at an instant: config, keys, snapshots, index, data.
    fn view(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<Vec<Item>, Failed>>;

    /// The bytes of one object, piece by piece.
    fn read(&self, id: RepositoryId, item: Item) -> Pending<Result<Box<dyn Pieces>, Failed>>;

    /// Stores one object; done means durable. One that is there already is no error.
    fn write(
        &self,
        id: RepositoryId,
        item: Item,
        from: Box<dyn Pieces>,
    ) -> Pending<Result<(), Failed>>;

    /// Hides an object, as a deletion does.
    fn hide(&self, id: RepositoryId, key: Key) -> Pending<Result<(), Failed>>;
}

/// Bytes that come one piece after the other, of at most 1 MiB each.
pub trait Pieces: Send {
    /// The next piece; none at the end.
    fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>>;
}

/// The catalog, as far as it is about tapes.
pub trait Books: Send + Sync + 'static {
    /// All rows as of now.
    fn rows(&self) -> Arc<Rows>;

    /// Has a command decided, as the system's; resolves when what came of it is durable.
    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>>;
}

/// The rows of tapes: what is on them, beside the catalog. What is lost here is read from the tape.
pub trait Shelf: Send + Sync + 'static {
    /// All rows of a cartridge, in the order in which they are on it; none if it is not known.
    ///
    /// # Errors
    /// When they cannot be read, or are damaged.
    fn rows(&self, medium: MediumId) -> Pending<Result<Option<Vec<Row>>, Failed>>;

    /// Adds rows behind those that are there; durable when it returns.
    ///
    /// # Errors
    /// When they cannot be written.
    fn add(&self, medium: MediumId, rows: &[Row]) -> Pending<Result<(), Failed>>;

    /// Forgets all rows of a cartridge: it begins anew.
    ///
    /// # Errors
    /// When they cannot be taken away.
    fn clear(&self, medium: MediumId) -> Pending<Result<(), Failed>>;
}
