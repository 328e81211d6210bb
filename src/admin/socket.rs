//! Where the admin socket lies, and how it is reached when its folder's path is long.
//!
//! The kernel takes at most 108 bytes of path for a socket, so both sides go through a descriptor
//! of the folder: `/proc/self/fd/N/admin.sock`.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// The socket's name in the data directory.
const NAME: &str = "admin.sock";
/// Connections that may wait until they are accepted.
const BACKLOG: i32 = 64;

/// What of a mode opens a file to others than its owner.
const CLOSED: u32 = 0o077;

/// The folder of the socket, held open.
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Opens the data directory.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(data, flags, Mode::empty())?))
    }

    /// Who owns the data directory.
    pub(super) fn owner(&self) -> io::Result<u32> {
        Ok(rustix::fs::fstat(&self.0)?.st_uid)
    }

    /// Lets a group through to the socket, by its number. What else is in the folder is closed to
    /// all but its owner first, so that the group sees nothing but the socket.
    pub(super) fn share(&self, group: u32) -> io::Result<()> {
        for entry in fs::read_dir(self.place())? {
            let entry = entry?;
            let mode = entry.metadata()?.permissions().mode();
            if !entry.file_type()?.is_symlink() && mode & CLOSED != 0 {
                fs::set_permissions(entry.path(), Permissions::from_mode(mode & !CLOSED))?;
            }
        }
        chown(self.path(), None, Some(group))?;
        fs::set_permissions(self.path(), Permissions::from_mode(0o660))?;
        chown(self.place(), None, Some(group))?;
        fs::set_permissions(self.place(), Permissions::from_mode(0o710))
    }

    /// Connects to the node that listens.
    pub(super) fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.path())
    }

    /// Listens, in the place of whoever listened before. The caller holds the directory's lock, so
    /// nobody does any more.
    pub(super) fn listen(&self) -> io::Result<UnixListener> {
        self.remove()?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let family = AddressFamily::UNIX;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        // Linux gives the name the mode of the socket, so it is never open to others, not even
        // between two system calls.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(self.path())?)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(UnixListener::from(socket))
    }

    /// Takes the socket's name away.
    pub(super) fn remove(&self) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, NAME, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self) -> PathBuf {
        self.place().join(NAME)
    }

    fn place(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}
