//! The tape devices that the kernel lists below `/sys`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Kind;
use super::holders::Holder;
use crate::exchange::words;

/// A device as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The file that takes commands, such as `/dev/sg3`.
    pub(crate) path: PathBuf,
    /// All files that stand for it, this one too.
    pub(crate) nodes: Vec<PathBuf>,
    /// Who has one of them open, once somebody has looked.
    pub(crate) holder: Option<Holder>,
    /// What it is.
    pub(crate) kind: Kind,
    /// Maker.
    pub(crate) vendor: String,
    /// Model.
    pub(crate) product: String,
    /// Of its firmware.
    pub(crate) revision: String,
    /// Serial number; empty if the kernel has not asked for it.
    pub(crate) serial: String,
}

/// The folders of a device in which others of its files are named.
const ELSEWHERE: [&str; 2] = ["scsi_tape", "scsi_changer"];
/// Bytes before the serial number in page 80h.
const HEAD: usize = 4;

/// The drives and changers, in the order of their numbers. A kernel that knows no such devices has
/// none.
pub(crate) fn list(sys: &Path, dev: &Path) -> io::Result<Vec<Listed>> {
    let folder = match fs::read_dir(sys.join("class/scsi_generic")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        folder => folder?,
    };
    let mut found = Vec::new();
    for entry in folder {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // One that has gone since says nothing any more.
        let listed = listed(&name, &entry.path().join("device"), dev);
        found.extend(listed.map(|one| ((name.len(), name), one)));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found.into_iter().map(|(_, one)| one).collect())
}

fn listed(name: &str, device: &Path, dev: &Path) -> Option<Listed> {
    let text = |file| fs::read(device.join(file)).map(|bytes| words(&bytes));
    let kind = text("type").ok()?.parse().ok().and_then(Kind::of)?;
    let serial = fs::read(device.join("vpd_pg80")).unwrap_or_default();
    let path = dev.join(name);
    let mut nodes = vec![path.clone()];
    for folder in ELSEWHERE {
        let others = fs::read_dir(device.join(folder)).into_iter().flatten();
        nodes.extend(others.flatten().map(|it| dev.join(it.file_name())));
    }
    Some(Listed {
        path,
        nodes,
        holder: None,
        kind,
        vendor: text("vendor").unwrap_or_default(),
        product: text("model").unwrap_or_default(),
        revision: text("rev").unwrap_or_default(),
        serial: words(serial.get(HEAD..).unwrap_or_default()),
    })
}
