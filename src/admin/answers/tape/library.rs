//! The shape of a tape library.

use holdfast_actors::catalog::rows::{self, Device, Rows};
use holdfast_actors::kernel::Size;
use holdfast_actors::names::TapeName;
use serde::Serialize;

use crate::commands::values::Moment;

/// A tape library.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TapeLibrary {
    /// Its name.
    pub name: TapeName,
    /// The node that it hangs on, such as `node-2 (berlin-2)`; none where a node stands alone.
    pub node: Option<String>,
    /// What it is made of: `virtual`, `scsi` for devices of the node, or `iscsi` for a target.
    pub device: &'static str,
    /// The serial number of its changer, or its target and where that is; none of a virtual one.
    pub at: Option<String>,
    /// How many drives; none of a target, which has as many as it has.
    pub drives: Option<usize>,
    /// Their serial numbers, of devices of the node.
    pub serials: Vec<String>,
    /// How many slots, of a virtual one.
    pub slots: Option<u16>,
    /// Bytes that one cartridge holds, of a virtual one.
    pub capacity: Option<Size>,
    /// How many cartridges are in it.
    pub cartridges: usize,
    /// When it was made known.
    pub made: Moment,
}

impl TapeLibrary {
    /// The library as the rows have it.
    pub fn of(name: &TapeName, row: &rows::Library, rows: &Rows) -> Self {
        let media = rows.tape.media.values();
        let inside = media.filter(|it| it.slot.as_ref().is_some_and(|(at, _)| at == name));
        let node = row.node.map(|id| match rows.cluster.nodes.get(&id) {
            Some(node) => format!("{id} ({})", node.name),
            None => id.to_string(),
        });
        let shown = Self {
            name: name.clone(),
            node,
            device: "virtual",
            at: None,
            drives: None,
            serials: Vec::new(),
            slots: None,
            capacity: None,
            cartridges: inside.count(),
            made: Moment(row.made),
        };
        match &row.device {
            Device::Virtual {
                drives,
                slots,
                capacity,
            } => Self {
                drives: Some(usize::from(*drives)),
                slots: Some(*slots),
                capacity: Some(*capacity),
                ..shown
            },
            Device::Scsi { changer, drives } => Self {
                device: "scsi",
                at: Some(changer.to_string()),
                drives: Some(drives.len()),
                serials: drives.iter().map(ToString::to_string).collect(),
                ..shown
            },
            Device::Iscsi { portal, target, .. } => Self {
                device: "iscsi",
                at: Some(format!("{target} at {portal}")),
                ..shown
            },
        }
    }
}
