//! The node's data directory: what it is, of which format, and that one process holds it.
//!
//! ```text
//! DIR/holdfast.json    the format and the node's name
//! DIR/lock             held by the process that serves
//! DIR/admin.sock       where operators' commands arrive
//! DIR/cluster/         on a node of a cluster: who it is there
//! DIR/tls/             the certificate and its key
//! DIR/journal/         facts, in order: the truth
//! DIR/extents/         what tenants sent: the truth
//! DIR/index/           what both can be found by; rebuilt when it is gone
//! ```

mod membership;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use holdfast_actors::kernel::NodeName;
use holdfast_cluster::identity::JOINING;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

pub use membership::{FOLDER as CLUSTER, Membership, Other};

/// The format that this program makes and reads.
const FORMAT: u32 = 1;
const CARD: &str = "holdfast.json";
const LOCK: &str = "lock";
/// What holds the truth; each may be a disk of its own, so each bears a mark.
const FOLDERS: [&str; 2] = ["extents", "journal"];
const MARK: &str = "mark";
/// What may lie in a directory in which a join came to no end.
const LEFT: [&str; 5] = ["cluster", "tls", "extents", "journal", "holdfast.json.new"];

/// A data directory that this process holds.
#[derive(Debug)]
pub struct Home {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// Whose it is.
    pub name: NodeName,
    /// The user who owns it.
    pub owner: u32,
    membership: Option<Membership>,
    _lock: File,
}

/// Why a directory is no node's, or not ours now.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is something in it.
    #[error("{0} is not empty; name a directory that is empty or does not exist")]
    NotEmpty(PathBuf),
    /// There is no node in it.
    #[error("{0} is not a node's data directory")]
    NoNode(PathBuf),
    /// What holds the truth is gone. Starting without it would look like an empty node.
    #[error("{0} is not there; is a disk not mounted? Nothing was changed")]
    Absent(PathBuf),
    /// It was made by a newer program.
    #[error("{path} has format {found}, and this program reads up to {FORMAT}; update holdfast")]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It is a node of a cluster, and what says which one cannot be read.
    #[error(
        "cannot tell which node of its cluster {path} is, from its file cluster/member.json: \
         {source}; bring that file back, or let a new node take this one's place"
    )]
    Membership {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process serves it.
    #[error("another process serves {0}; stop it first")]
    Held(PathBuf),
    /// The operating system says no.
    #[error("cannot use {path}: {source}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Card {
    format: u32,
    name: NodeName,
    /// Whether it is a node of a cluster: without its membership it must not serve alone.
    #[serde(default)]
    cluster: bool,
}

/// Makes an empty directory a node's. The mark is written last: a directory without it is nobody's.
///
/// A node of a cluster has its membership written into a folder of its own.
///
/// # Errors
/// When there is anything in the directory, or it cannot be made.
pub fn create(
    path: &Path,
    name: &NodeName,
    membership: Option<&Membership>,
    furnish: impl FnOnce(&Path) -> Result<(), HomeError>,
) -> Result<(), HomeError> {
    let at = |source| HomeError::Io {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(at)?;
    vacate(path)?;
    furnish(path)?;
    if let Some(membership) = membership {
        let folder = path.join(CLUSTER);
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&folder);
        made.and_then(|()| membership.keep(&folder)).map_err(at)?;
    }
    for folder in FOLDERS {
        mark(&path.join(folder)).map_err(at)?;
    }
    let card = serde_json::to_vec_pretty(&Card {
        format: FORMAT,
        name: name.clone(),
        cluster: membership.is_some(),
    });
    let card = card.map_err(|error| at(io::Error::other(error)))?;
    let (new, whole) = (path.join("holdfast.json.new"), path.join(CARD));
    fs::write(&new, card).map_err(at)?;
    File::open(&new)
        .and_then(|file| file.sync_all())
        .map_err(at)?;
    fs::rename(&new, &whole).map_err(at)?;
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(at)
}

/// Makes sure that a node can be made in a directory: there is nothing in it, or nothing but what a
/// join left that came to no end. That is cleared away, all but the key with which it asks again.
///
/// # Errors
/// When there is anything else in the directory, or it cannot be read.
pub fn vacate(path: &Path) -> Result<(), HomeError> {
    let at = |source| HomeError::Io {
        path: path.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(at)? {
        names.push(entry.map_err(at)?.file_name());
    }
    let left = |name: &OsString| LEFT.iter().any(|it| name == it);
    let joining = path.join(CLUSTER).join(JOINING).exists();
    let ours = names.is_empty() || joining && names.iter().all(left);
    if !ours {
        return Err(HomeError::NotEmpty(path.to_owned()));
    }
    for name in names {
        clear(&path.join(&name)).map_err(at)?;
    }
    Ok(())
}

/// Takes away the files of a folder, and what is left of the folder if it is not needed. What is
/// deeper was not made by a join, and stays in the way.
fn clear(path: &Path) -> io::Result<()> {
    if path.is_file() {
        return fs::remove_file(path);
    }
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if !file.ends_with(Path::new(CLUSTER).join(JOINING)) {
            fs::remove_file(file)?;
        }
    }
    if path.ends_with(CLUSTER) {
        return Ok(());
    }
    fs::remove_dir(path)
}

/// Makes a folder that is known again by its mark.
fn mark(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)?;
    let mark = folder.join(MARK);
    fs::write(&mark, "holdfast\n")?;
    File::open(&mark)?.sync_all()?;
    File::open(folder)?.sync_all()
}

impl Home {
    /// Takes a node's directory for this process, until it is dropped.
    ///
    /// # Errors
    /// When it is no node's, of a newer format, held by another process, or not writable.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let at = |source| HomeError::Io {
            path: path.to_owned(),
            source,
        };
        let path = fs::canonicalize(path).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                HomeError::NoNode(path.to_owned())
            } else {
                at(source)
            }
        })?;
        let card = match fs::read(path.join(CARD)) {
            Ok(card) => card,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(HomeError::NoNode(path));
            }
            Err(error) => return Err(at(error)),
        };
        let format: serde_json::Value =
            serde_json::from_slice(&card).map_err(|error| at(io::Error::other(error)))?;
        let found = format
            .get("format")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default();
        if found != u64::from(FORMAT) {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(HomeError::Newer { path, found });
        }
        let card: Card =
            serde_json::from_slice(&card).map_err(|error| at(io::Error::other(error)))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK));
        let lock = lock.map_err(at)?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(HomeError::Held(path));
        }
        let marks = FOLDERS.map(|folder| path.join(folder).join(MARK));
        if let Some(mark) = marks.iter().find(|mark| !mark.exists()) {
            return Err(HomeError::Absent(mark.clone()));
        }
        let owner = fs::metadata(&path).map_err(at)?.uid();
        let read = card.cluster.then(|| Membership::read(&path.join(CLUSTER)));
        let membership = read.transpose().map_err(|source| HomeError::Membership {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            name: card.name,
            owner,
            membership,
            _lock: lock,
        })
    }

    /// Which node of its cluster it is; none if it stands alone.
    pub const fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use holdfast_actors::kernel::NodeId;

    use super::*;

    fn made(name: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let name = NodeName::parse(name).unwrap();
        create(folder.path(), &name, None, |_| Ok(())).unwrap();
        folder
    }

    #[test]
    fn a_directory_with_anything_in_it_is_refused() {
        let folder = made("one");
        let name = NodeName::parse("two").unwrap();
        let again = create(folder.path(), &name, None, |_| Ok(()));
        assert!(matches!(again, Err(HomeError::NotEmpty(_))));
        assert_eq!(Home::open(folder.path()).unwrap().name.as_str(), "one");
    }

    #[test]
    fn what_a_join_left_is_cleared_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = folder.path().join(CLUSTER);
        for name in [CLUSTER, "extents", "tls"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(cluster.join("node.pem"), "half").unwrap();
        fs::write(folder.path().join("extents/mark"), "").unwrap();
        let told = vacate(folder.path());
        assert!(matches!(told, Err(HomeError::NotEmpty(_))), "nobody joins");
        fs::write(cluster.join(JOINING), "key").unwrap();
        fs::write(folder.path().join("letter"), "").unwrap();
        assert!(
            vacate(folder.path()).is_err(),
            "a letter is nothing of ours"
        );
        assert!(cluster.join("node.pem").exists());
        fs::remove_file(folder.path().join("letter")).unwrap();
        vacate(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        let left: Vec<_> = fs::read_dir(&cluster).unwrap().collect();
        assert_eq!(left[0].as_ref().unwrap().file_name(), JOINING);
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn a_disk_that_is_not_mounted_is_not_taken_for_an_empty_node() {
        for folder in FOLDERS {
            let home = made("one");
            fs::remove_dir_all(home.path().join(folder)).unwrap();
            assert!(matches!(Home::open(home.path()), Err(HomeError::Absent(_))));
        }
    }

    #[test]
    fn a_node_of_a_cluster_that_lost_its_membership_does_not_stand_alone() {
        let folder = tempfile::tempdir().unwrap();
        let membership = Membership {
            node: NodeId::new(1),
            name: NodeName::parse("one").unwrap(),
            bind: ([0, 0, 0, 0], 7_443).into(),
            addresses: vec![([192, 0, 2, 7], 7_443).into()],
            roles: BTreeSet::new(),
            zone: String::new(),
            others: vec![],
        };
        let name = membership.name.clone();
        create(folder.path(), &name, Some(&membership), |_| Ok(())).unwrap();
        let home = Home::open(folder.path()).unwrap();
        assert_eq!(home.membership(), Some(&membership));
        drop(home);
        fs::remove_dir_all(folder.path().join(CLUSTER)).unwrap();
        let told = Home::open(folder.path());
        assert!(matches!(told, Err(HomeError::Membership { .. })));
        assert_eq!(Home::open(made("two").path()).unwrap().membership(), None);
    }

    #[test]
    fn one_process_holds_a_directory_at_a_time() {
        let folder = made("one");
        let held = Home::open(folder.path()).unwrap();
        assert!(matches!(Home::open(folder.path()), Err(HomeError::Held(_))));
        drop(held);
        assert!(Home::open(folder.path()).is_ok());
    }

    #[test]
    fn a_newer_format_and_no_node_are_told_apart() {
        let folder = made("one");
        fs::write(
            folder.path().join(CARD),
            r#"{"format":2,"name":"one","more":1}"#,
        )
        .unwrap();
        assert!(matches!(
            Home::open(folder.path()),
            Err(HomeError::Newer { found: 2, .. })
        ));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(
            Home::open(empty.path()),
            Err(HomeError::NoNode(_))
        ));
    }
}
