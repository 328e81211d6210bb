//! The drives and the arm of one library, as jobs use them.
//!
//! Every device has a thread of its own that does one order at a time; whether an order may be
//! given, and what its outcome means, is decided by the machines [`Changer`] and [`Drive`], which
//! run as actors beside those threads. A thread that hangs is left alone: its drive is out of
//! service, and whoever waited for it hears so.
//!
//! [`Changer`]: holdfast_actors::tape::Changer
//! [`Drive`]: holdfast_actors::tape::Drive

mod arm;
mod cable;
mod door;
mod drive;
mod identify;
mod inventory;
mod local;
mod mount;
mod real;
mod seats;
mod shelves;
mod trouble;

use std::fmt;
use std::sync::Arc;

use holdfast_actors::catalog::rows::Library;
use holdfast_actors::catalog::tape::Seen;
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::Path;
use holdfast_actors::tape::changer::{Element, Intent};
use holdfast_actors::tape::drive::Purpose;
use ractor::ActorCell;
use tokio::sync::oneshot;

use crate::ports::{Books, Failed, Mount, Reach, Station};
use crate::threads::Threads;
use arm::{Arm, unstarted};
use cable::Cable;
use seats::Seat;

pub use cable::{Connect, Fleet, Reset, Way};
pub use door::{Place, Wanted, door, eject, export, import};
pub(crate) use identify::expiry;
pub use identify::{Stranger, identify, recognise};
pub use inventory::inventory;
pub use local::Local;

/// Where a library's actors stand, and what they work with.
pub struct Site {
    /// The path of the library in the tree of actors.
    pub path: Path,
    /// Who supervises its actors.
    pub above: Option<ActorCell>,
    /// The node's ports.
    pub ports: Ports,
    /// Where moves are noted.
    pub books: Arc<dyn Books>,
    /// Where its devices have their threads.
    pub threads: Arc<dyn Threads>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.path, f)
    }
}

/// A library at work.
struct Robot(Arc<Devices>);

/// Its devices. They end when nobody uses the library any more, and no cartridge of it is mounted.
struct Devices {
    arm: Arm,
    seats: Vec<Seat>,
}

impl Devices {
    fn seat(&self, number: usize) -> Result<&Seat, Failed> {
        let seat = self.seats.get(number);
        seat.ok_or_else(|| Failed::Other(format!("there is no drive {number}")))
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.arm.stop();
        self.seats.iter().for_each(Seat::stop);
    }
}

/// Opens a library of the catalog.
///
/// # Errors
/// When a device is not there or is held by somebody else, or an actor does not start.
pub async fn open(
    name: &TapeName,
    row: &Library,
    reach: &Arc<dyn Reach>,
    site: Site,
) -> Result<Arc<dyn Station>, Failed> {
    let (called, library, reach) = (name.clone(), row.clone(), Arc::clone(reach));
    let reached = aside(&site, move || reach.fleet(&called, &library));
    over(name, row.intent.as_ref(), reached.await?, site).await
}

/// Does something that blocks on a thread of its own.
async fn aside<R: Send + 'static>(
    site: &Site,
    act: impl FnOnce() -> Result<R, Failed> + Send + 'static,
) -> Result<R, Failed> {
    let (tell, told) = oneshot::channel();
    let act = Box::new(move || {
        // Whoever asked may have gone away.
        let _ = tell.send(act());
    });
    let done = site.threads.start("tape-open", act);
    done.map_err(|error| unstarted(&error))?;
    let ended = |_| Failed::Other("the library was given up".to_owned());
    told.await.map_err(ended)?
}

/// The same over devices that are known, such as an embedded library with so many drives.
///
/// # Errors
/// When a device cannot be reached, or an actor does not start.
pub async fn over(
    name: &TapeName,
    intent: Option<&Intent>,
    fleet: impl Into<Fleet>,
    site: Site,
) -> Result<Arc<dyn Station>, Failed> {
    let Fleet { changer, drives } = fleet.into();
    // All of them first: what is laid is let go if another one cannot be.
    let laid = aside(&site, || {
        let at = |(at, drive)| Ok((at, Cable::lay(drive)?));
        let drives: Result<Vec<_>, Failed> = drives.into_iter().map(at).collect();
        Ok((Cable::lay(changer)?, drives?))
    });
    let (changer, drives) = laid.await?;
    let arm = Arm::start(name, intent, changer, &site).await?;
    let mut seats = Vec::new();
    for (number, drive) in drives.into_iter().enumerate() {
        seats.push(Seat::start(number, drive, &site).await?);
    }
    Ok(Arc::new(Robot(Arc::new(Devices { arm, seats }))))
}

impl Station for Robot {
    fn inventory(&self) -> Pending<Result<Vec<Seen>, Failed>> {
        self.0.arm.inventory()
    }

    fn elements(&self) -> Pending<Result<Vec<crate::smc::Element>, Failed>> {
        let devices = Arc::clone(&self.0);
        Box::pin(async move { devices.arm.elements().await })
    }

    fn carry(&self, from: Element, to: Element) -> Pending<Result<(), Failed>> {
        let devices = Arc::clone(&self.0);
        Box::pin(async move { devices.arm.carry(from, to).await })
    }

    fn serve(&self, drive: usize, is_on: bool) -> Pending<Result<(), Failed>> {
        let devices = Arc::clone(&self.0);
        Box::pin(async move { devices.seat(drive)?.serve(is_on).await })
    }

    fn unload(&self, drive: usize) -> Pending<Result<(), Failed>> {
        let devices = Arc::clone(&self.0);
        Box::pin(mount::unload(devices, drive))
    }

    fn mount(&self, slot: Element, purpose: Purpose) -> Pending<Result<Box<dyn Mount>, Failed>> {
        let devices = Arc::clone(&self.0);
        Box::pin(async move {
            let mounted = mount::mount(devices, slot, purpose).await?;
            Ok(Box::new(mounted) as Box<dyn Mount>)
        })
    }
}
