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
mod drive;
mod identify;
mod inventory;
mod mount;
mod seats;
mod shelves;
mod trouble;
mod worker;

use std::fmt;
use std::sync::Arc;

use holdfast_actors::catalog::rows::{Device, Library};
use holdfast_actors::catalog::tape::Seen;
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::Path;
use holdfast_actors::tape::changer::{Element, Intent};
use holdfast_actors::tape::drive::Purpose;
use ractor::ActorCell;

use crate::library::Shared;
use crate::ports::{Books, Failed, Mount, Station};
use arm::Arm;
use seats::Seat;

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
/// in a drive.
///
/// # Errors
/// When its files cannot be opened, or an actor does not start.
pub async fn open(
    name: &TapeName,
    row: &Library,
    folder: &std::path::Path,
    site: Site,
) -> Result<Arc<dyn Station>, Failed> {
    let Device::Virtual {
        drives,
        slots,
        capacity,
    } = row.device;
    let shared = shelves::open(name, (drives, slots), capacity, folder)
        .map_err(|error| Failed::Other(format!("library {name} cannot be opened: {error}")))?;
    over(name, row.intent.as_ref(), (shared, drives), site).await
}

/// The same over an embedded library that is open already, with so many drives.
///
/// # Errors
/// When an actor does not start.
pub async fn over(
    name: &TapeName,
    intent: Option<&Intent>,
    (shared, drives): (Shared, u16),
    site: Site,
) -> Result<Arc<dyn Station>, Failed> {
    let arm = Arm::start(name, intent, &shared, &site).await?;
    let mut seats = Vec::new();
    for number in 0..drives {
        seats.push(Seat::start(number, &shared, &site).await?);
    }
    Ok(Arc::new(Robot(Arc::new(Devices { arm, seats }))))
}

impl Station for Robot {
    fn inventory(&self) -> Pending<Result<Vec<Seen>, Failed>> {
        self.0.arm.inventory()
    }

    fn mount(&self, slot: Element, purpose: Purpose) -> Pending<Result<Box<dyn Mount>, Failed>> {
        let devices = Arc::clone(&self.0);
        Box::pin(async move {
            let mounted = mount::mount(devices, slot, purpose).await?;
            Ok(Box::new(mounted) as Box<dyn Mount>)
        })
    }
}
