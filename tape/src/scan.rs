//! Which tape devices there are: those of the kernel, and those behind an iSCSI portal.
//!
//! Nothing is moved, and a device that another process has open is named and left alone.

mod holders;
mod portal;
mod sysfs;

use std::io;
use std::path::{Path, PathBuf};

use holdfast_actors::kernel::NodeId;
use holdfast_actors::tape::device;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::exchange::{Failure, Identity};
use crate::iscsi::{self, Account};
use crate::scsi::Scsi;
use crate::sg::{self, Sg};
use crate::smc::{Changer, Element, Kind as Place};
use sysfs::Listed;

pub use portal::portal;
pub(crate) use portal::units;

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An arm that carries cartridges.
    Changer,
    /// A tape drive.
    Drive,
}

impl Kind {
    /// The kind with this number of the SCSI standard.
    pub(crate) const fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Drive),
            8 => Some(Self::Changer),
            _ => None,
        }
    }
}

/// A tape device that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Device {
    /// What it is.
    pub kind: Kind,
    /// Where: a file such as `/dev/sg3`, or a target and the number of its unit.
    pub place: String,
    /// Maker.
    pub vendor: String,
    /// Model.
    pub product: String,
    /// Of its firmware.
    pub revision: String,
    /// Serial number, by which it is known from now on; empty if it has none.
    pub serial: String,
    /// Of a drive, the serial number of the changer that reaches it.
    pub changer: Option<String>,
    /// Of such a drive, its address there.
    pub element: Option<u16>,
    /// Why it cannot be used now, or not be asked.
    pub trouble: Option<String>,
}

/// Where the kernel shows what it has.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        let [sys, proc, dev] = ["/sys", "/proc", "/dev"].map(PathBuf::from);
        Self { sys, proc, dev }
    }
}

/// A way to a device that was opened, or why it was not.
pub type Opened = Result<Box<dyn Scsi>, sg::Refused>;

/// The tape devices of the kernel, changers first.
///
/// # Errors
/// When the kernel does not show them.
pub fn local() -> io::Result<Vec<Device>> {
    kernel(&Roots::default(), &mut |path| {
        Sg::open(path).map(|opened| Box::new(opened) as Box<dyn Scsi>)
    })
}

/// The same where the kernel shows things elsewhere, and devices are opened otherwise.
///
/// # Errors
/// When the folders of devices cannot be read.
pub fn kernel(roots: &Roots, open: &mut dyn FnMut(&Path) -> Opened) -> io::Result<Vec<Device>> {
    let mut found = Vec::new();
    for listed in listed(roots)? {
        let mut device = Device {
            kind: listed.kind,
            place: listed.path.display().to_string(),
            vendor: listed.vendor,
            product: listed.product,
            revision: listed.revision,
            serial: listed.serial,
            changer: None,
            element: None,
            trouble: None,
        };
        let told = match listed.holder {
            Some(holder) => Err(format!("in use by {holder}")),
            None => match open(&listed.path) {
                Ok(scsi) => ask(device.kind, scsi).map_err(|failure| failure.to_string()),
                Err(refused) => Err(refused.to_string()),
            },
        };
        let asked = match told {
            Ok(asked) => asked,
            Err(trouble) => {
                device.trouble = Some(trouble);
                Asked::default()
            }
        };
        found.push((device, asked));
    }
    Ok(paired(found))
}

/// What the kernel lists, and who has it open.
///
/// # Errors
/// When the folders of devices cannot be read.
pub(crate) fn listed(roots: &Roots) -> io::Result<Vec<Listed>> {
    let mut found = sysfs::list(&roots.sys, &roots.dev)?;
    for one in &mut found {
        one.holder = holders::of(&roots.proc, &one.nodes);
    }
    Ok(found)
}

/// What a device says when it is asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) identity: Identity,
    /// Of a changer, where its drives are.
    pub(crate) drives: Vec<Element>,
}

/// Asks a device who it is, and a changer who its drives are.
pub(crate) fn ask(kind: Kind, scsi: impl Scsi) -> Result<Asked, Failure> {
    let mut changer = Changer::new(scsi);
    let mut asked = Asked {
        identity: changer.identity()?,
        drives: Vec::new(),
    };
    if kind == Kind::Changer {
        // What it wants attention for is taken; whether it is ready shows in a moment.
        let _ = changer.ready();
        let rows = changer.rows()?;
        asked.drives = changer.elements(&rows, Place::Drive)?;
    }
    Ok(asked)
}

/// Fills in what devices said, and which changer reaches which drive at which address.
pub(crate) fn paired(found: Vec<(Device, Asked)>) -> Vec<Device> {
    let mut places = Vec::new();
    let mut devices = Vec::new();
    for (mut device, asked) in found {
        if device.serial.is_empty() {
            device.serial.clone_from(&asked.identity.serial);
        }
        let at = asked.drives.into_iter();
        places.extend(at.map(|element| (device.serial.clone(), element)));
        devices.push(device);
    }
    let drives = devices.iter().filter(|it| it.kind == Kind::Drive);
    let serials: Vec<String> = drives.map(|it| it.serial.clone()).collect();
    for (changer, element) in &places {
        let Some(serial) = named(element, &serials) else {
            continue;
        };
        for device in devices.iter_mut().filter(|it| it.serial == serial) {
            if device.kind == Kind::Drive {
                device.changer = Some(changer.clone());
                device.element = Some(element.address.0);
            }
        }
    }
    devices.sort_by_key(|device| device.kind);
    devices
}

/// The one drive that a changer means at an element: changers name it by its serial number, alone
/// or behind maker and model. None if it may be several.
pub(crate) fn named<'a>(element: &Element, serials: &'a [String]) -> Option<&'a str> {
    let device = element.device.as_deref()?;
    let only = |is_it: &dyn Fn(&str) -> bool| {
        let mut all = serials.iter().filter(|it| !it.is_empty() && is_it(it));
        let first = all.next()?;
        all.all(|other| other == first).then_some(first.as_str())
    };
    let whole = |serial: &str| device.split_whitespace().any(|word| word == serial);
    only(&whole).or_else(|| only(&|serial| device.ends_with(serial)))
}

/// Who a portal is asked as.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where it is.
    pub portal: std::net::SocketAddr,
    /// Our name.
    pub initiator: String,
    /// What proves who we are, if the portal wants a proof.
    pub account: Option<Account>,
}

impl Caller {
    /// A node of ours, with the secret that is kept in a file, if there is one. What follows the
    /// last line break of the file does not count.
    ///
    /// # Errors
    /// When the file cannot be read, or its secret cannot be sent.
    pub fn of(
        portal: std::net::SocketAddr,
        node: Option<NodeId>,
        account: Option<&device::Account>,
    ) -> Result<Self, Unknown> {
        let proof = |account: &device::Account| {
            let (user, path) = (account.user.as_str(), account.secret.as_str());
            let unread = |error| Unknown::Secret(path.to_owned(), error);
            let secret = std::fs::read_to_string(path).map_err(unread)?;
            let secret = secret.trim_end_matches(['\r', '\n']);
            Account::new(user, secret).map_err(|refused| Unknown::Portal(portal, refused))
        };
        Ok(Self {
            portal,
            initiator: iscsi::own_name(node),
            account: account.map(proof).transpose()?,
        })
    }
}

/// Why it is not known what there is.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The kernel does not say.
    #[error("the devices of the kernel cannot be listed: {0}")]
    Kernel(#[from] io::Error),
    /// The portal does not say.
    #[error("{0}: {1}")]
    Portal(std::net::SocketAddr, iscsi::Refused),
    /// The file with the secret.
    #[error("the secret in {0} cannot be read: {1}")]
    Secret(String, io::Error),
    /// Nobody asked.
    #[error("the search was given up")]
    Ended,
}

/// All devices of the kernel, and those behind a portal. Asks on a thread of its own.
///
/// # Errors
/// When one of both does not say what there is.
pub async fn scan(caller: Option<Caller>) -> Result<Vec<Device>, Unknown> {
    let (tell, told) = oneshot::channel();
    let search = move || {
        // Whoever asked may have gone away.
        let _ = tell.send(all(caller));
    };
    let thread = std::thread::Builder::new().name("tape-scan".to_owned());
    thread.spawn(search)?;
    told.await.map_err(|_| Unknown::Ended)?
}

fn all(caller: Option<Caller>) -> Result<Vec<Device>, Unknown> {
    let mut found = local()?;
    if let Some(caller) = caller {
        let portals = portal(&caller).map_err(|refused| Unknown::Portal(caller.portal, refused))?;
        found.extend(portals);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
