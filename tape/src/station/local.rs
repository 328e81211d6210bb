//! The devices that this node reaches.

use std::path::PathBuf;

use holdfast_actors::catalog::rows::{Device, Library};
use holdfast_actors::names::TapeName;

use super::{Fleet, real, shelves};
use crate::ports::{Failed, Reach};

/// Those of the kernel, of iSCSI targets, and embedded libraries.
///
/// Real devices are held as long as the library is open. An embedded one has no power of its own
/// that would keep cartridges in a drive: they stand in their slots whenever it is opened.
#[derive(Clone, Debug)]
pub struct Local {
    /// Where embedded libraries have their cartridges, as directories.
    pub libraries: PathBuf,
}

impl Reach for Local {
    fn fleet(&self, name: &TapeName, row: &Library) -> Result<Fleet, Failed> {
        let unopened =
            |why: String| Failed::Other(format!("library {name} cannot be opened: {why}"));
        let found = match &row.device {
            Device::Virtual {
                drives,
                slots,
                capacity,
            } => {
                let shared = shelves::open(name, (*drives, *slots), *capacity, &self.libraries);
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
            } => real::target(row.node, (*portal, target), account.as_ref()),
        };
        found.map_err(|failed| unopened(failed.to_string()))
    }
}
