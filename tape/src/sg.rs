//! A way to a device through the kernel: `/dev/sg*` and its one call SG_IO.
//!
//! A device is held alone as long as its [`Sg`] lives. A command is given to the kernel once: what
//! the kernel, the bus or the path could not finish is lost, and nobody here tries it again.

mod call;
mod meaning;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;

use crate::scsi::{Answer, Data, Patience, Scsi};

/// Why a device is not ours.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Another process has it open.
    #[error("{} is in use by another process", .0.display())]
    Held(PathBuf),
    /// A file of another kind, such as a disk or `/dev/nst0`.
    #[error("{} is no SCSI generic device (/dev/sg*)", .0.display())]
    Other(PathBuf),
    /// It cannot be opened.
    #[error("{} cannot be opened: {}", .0.display(), .1)]
    Closed(PathBuf, io::Error),
}

/// A device of the kernel that is open, and nobody else's. Clones are ways to the same device; it
/// executes one command at a time, whoever sends it.
#[derive(Clone, Debug)]
pub struct Sg {
    file: Arc<File>,
    gone: Arc<AtomicBool>,
}

/// The number that all of `/dev/sg*` have.
const MAJOR: u64 = 21;

impl Sg {
    /// Opens a device for nobody but us.
    ///
    /// # Errors
    /// When another process has it, it is of another kind, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Refused> {
        let closed = |error| Refused::Closed(path.to_owned(), error);
        let told = path.metadata().map_err(closed)?;
        if !told.file_type().is_char_device() || major(told.rdev()) != MAJOR {
            return Err(Refused::Other(path.to_owned()));
        }
        // Without NONBLOCK it would wait until the other process has closed it.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_EXCL | libc::O_NONBLOCK)
            .open(path);
        let file = opened.map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => Refused::Held(path.to_owned()),
            Some(_) | None => closed(error),
        })?;
        Ok(Self {
            file: Arc::new(file),
            gone: Arc::default(),
        })
    }

    /// The kernel has lost the device: nothing reaches it through this any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Resets the device, which also ends a command that hangs; that one is lost. Returns when the
    /// kernel is through, which may take as long as it likes.
    ///
    /// # Errors
    /// When the kernel could not.
    pub fn reset(&self) -> io::Result<()> {
        Ok(call::reset(&self.file)?)
    }
}

/// The upper number of a device, as Linux packs it.
const fn major(device: u64) -> u64 {
    (device >> 8) & 0xfff | (device >> 32) & !0xfff
}

impl Scsi for Sg {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        let told = call::execute(&self.file, cdb, data, patience.limit());
        if told == Err(nix::errno::Errno::ENODEV) {
            self.gone.store(true, Ordering::Relaxed);
        }
        meaning::of(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_generic_device_is_not_opened() {
        for other in ["/dev/null", "/"] {
            let refused = Sg::open(Path::new(other)).expect_err("it is another kind");
            assert!(matches!(refused, Refused::Other(_)), "{refused}");
        }
        let refused = Sg::open(Path::new("/dev/sg-none")).expect_err("it is not there");
        assert!(matches!(refused, Refused::Closed(..)), "{refused}");
    }

    #[test]
    fn numbers_of_devices_are_unpacked_as_linux_packs_them() {
        assert_eq!(major(0x1503), 21);
        assert_eq!(major(0x0010_1503), 21);
        assert_eq!(major(0x0000_1000_0000_1503), 0x1015);
    }
}
