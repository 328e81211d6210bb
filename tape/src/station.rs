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
mod mount;
mod real;
mod seats;
mod shelves;
mod trouble;
mod worker;

use std::fmt;
use std::sync::Arc;

use holdfast_actors::catalog::rows::{Device, Library};
use holdfast_actors::catalog::tape::Seen;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::Path;
use holdfast_actors::tape::changer::{Element, Intent};
use holdfast_actors::tape::drive::Purpose;
use ractor::ActorCell;
use tokio::sync::oneshot;

use crate::ports::{Books, Failed, Mount, Station};
use arm::{Arm, unstarted};
use cable::Cable;
use seats::Seat;

pub use cable::{Connect, Fleet, Reset, Way};
pub use door::{Place, Wanted, door, export, import};
pub use identify::identify;
pub use inventory::inventory;

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

impl Drop for Devices {
    fn drop(&mut self) {
        self.arm.stop();
        self.seats.iter().for_each(Seat::stop);
    }
}

/// Opens a library of the catalog. The cartridges of an embedded one are directories of `folder`,
/// and stand in their slots whenever it is opened: it has no power of its own that would keep them
/// in a drive. Real devices are held as long as the library is open.
///
/// # Errors
/// When its files cannot be opened, a device is not there or is held by somebody else, or an actor
/// does not start.
pub async fn open(
    name: &TapeName,
    row: &Library,
    folder: &std::path::Path,
    site: Site,
) -> Result<Arc<dyn Station>, Failed> {
    let (called, device, node) = (name.clone(), row.device.clone(), row.node);
    let folder = folder.to_owned();
    let found = aside("tape-open", move || fleet(&called, &device, node, &folder)).await?;
    over(name, row.intent.as_ref(), found, site).await
}

/// The devices that a row names.
fn fleet(
    name: &TapeName,
    device: &Device,
    node: Option<NodeId>,
    folder: &std::path::Path,
) -> Result<Fleet, Failed> {
    let unopened = |why: String| Failed::Other(format!("library {name} cannot be opened: {why}"));
    let found = match device {
        Device::Virtual {
            drives,
            slots,
            capacity,
        } => {
            let shared = shelves::open(name, (*drives, *slots), *capacity, folder);
            return shared
                .map(|shared| Fleet::from((shared, *drives)))
                .map_err(|error| unopened(error.to_string()));
        }
        Device::Scsi { changer, drives } => {
            let drives: Vec<_> = drives.iter().map(ToString::to_string).collect();
            real::kernel(changer.as_str(), &drives)
        }
        Device::Iscsi {
            portal,
            target,
            account,
        } => real::target(node, (*portal, target), account.as_ref()),
    };
    found.map_err(|failed| unopened(failed.to_string()))
}

/// Does something that blocks on a thread of its own.
async fn aside<R: Send + 'static>(
    name: &str,
    act: impl FnOnce() -> Result<R, Failed> + Send + 'static,
) -> Result<R, Failed> {
    let (tell, told) = oneshot::channel();
    let done = worker::aside(name, move || {
        // Whoever asked may have gone away.
        let _ = tell.send(act());
    });
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
    let laid = aside("tape-open", || {
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

    fn mount(&self, slot: Element, purpose: Purpose) -> Pending<Result<Box<dyn Mount>, Failed>> {
        let devices = Arc::clone(&self.0);
        Box::pin(async move {
            let mounted = mount::mount(devices, slot, purpose).await?;
            Ok(Box::new(mounted) as Box<dyn Mount>)
        })
    }
}
