//! Where a node keeps who it is: a folder that nobody else can read.
//!
//! `node.pem` is its chain, the root and its key; `root.sealed`, where the cluster was founded, the
//! root's key under the passphrase; `issuer.pem` and `issuer.key`, on nodes that admit others, the
//! issuer; `starts` how often the node was started. `joining.key` is the key of a node that is not
//! in yet: it asks again with the same one. `copied` says that others refused this directory,
//! because another run of the node counts, or because it lacks what the node had acknowledged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use holdfast_actors::ports::Entropy;
use zeroize::Zeroizing;

use super::authority::Issuer;
use super::certificate::{IdentityError, NodeCertificate};
use super::key::NodeKey;
use super::sealed::{SealError, Sealed};
use crate::quic::Life;

const NODE: &str = "node.pem";
const ROOT: &str = "root.sealed";
const ISSUER: &str = "issuer.pem";
const ISSUER_KEY: &str = "issuer.key";
const STARTS: &str = "starts";
const COPIED: &str = "copied";
/// The key of a node that joins, until it is in.
pub const JOINING: &str = "joining.key";
/// More than any of these files.
const FILE_MAX: u64 = 64 << 10;
/// The bits by which others than the owner could read or write.
const OTHERS: u32 = 0o077;

/// Why a file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system says no.
    #[error("{file}")]
    File {
        /// The file.
        file: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// A key that others can read is no secret.
    #[error("{0} can be read by others: `chmod 600` it, and renew what is in it")]
    Open(PathBuf),
    /// It holds something else than it should.
    #[error("{0} is not what this node wrote")]
    Content(PathBuf),
    /// What it holds is no identity.
    #[error("{file}")]
    Identity {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: IdentityError,
    },
    /// What it holds is no sealed key.
    #[error("{file}")]
    Sealed {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: SealError,
    },
}

/// Why a data directory is not served again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Another run of the node counts.
    Copied,
    /// It lacks what the node had acknowledged.
    SetBack,
}

impl Unfit {
    const fn noted(self) -> &'static [u8] {
        match self {
            Self::Copied => b"another run of this node counts\n",
            Self::SetBack => b"this lacks what the node had acknowledged\n",
        }
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes a folder, and makes it if there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(path);
        made.map_err(|source| FolderError::File {
            file: path.to_owned(),
            source,
        })?;
        Ok(Self(path.to_owned()))
    }

    /// The node's certificate and key; `None` if it never joined.
    ///
    /// # Errors
    /// When the file cannot be read, or by others too.
    pub fn node(&self) -> Result<Option<NodeCertificate>, FolderError> {
        let Some(text) = self.text(NODE)? else {
            return Ok(None);
        };
        let read = NodeCertificate::from_pem(&text);
        read.map(Some).map_err(|source| self.wrong(NODE, source))
    }

    /// Keeps the node's certificate and key.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_node(&self, certificate: &NodeCertificate) -> Result<(), FolderError> {
        self.write(NODE, certificate.pem().as_bytes())
    }

    /// The key with which this node asked to be let in, and does not know the answer.
    ///
    /// # Errors
    /// When the file cannot be read, or by others too.
    pub fn joining(&self) -> Result<Option<NodeKey>, FolderError> {
        let Some(text) = self.text(JOINING)? else {
            return Ok(None);
        };
        let read = NodeKey::from_pem(&text);
        read.map(Some).map_err(|source| self.wrong(JOINING, source))
    }

    /// Keeps the key with which this node asks to be let in.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_joining(&self, key: &NodeKey) -> Result<(), FolderError> {
        self.write(JOINING, key.pem().as_bytes())
    }

    /// Forgets that key: the node is in, or never will be with it.
    ///
    /// # Errors
    /// When the file is there and cannot be deleted.
    pub fn forget_joining(&self) -> Result<(), FolderError> {
        let file = self.0.join(JOINING);
        match fs::remove_file(&file) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(FolderError::File { file, source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The issuer, if this node admits others.
    ///
    /// # Errors
    /// When a file cannot be read, or by others too.
    pub fn issuer(&self) -> Result<Option<Issuer>, FolderError> {
        let (Some(certificates), Some(key)) = (self.text(ISSUER)?, self.text(ISSUER_KEY)?) else {
            return Ok(None);
        };
        let read = Issuer::from_pem(&certificates, &key);
        read.map(Some).map_err(|source| self.wrong(ISSUER, source))
    }

    /// Keeps the issuer.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn keep_issuer(&self, issuer: &Issuer) -> Result<(), FolderError> {
        let pem = issuer.pem();
        self.write(ISSUER_KEY, pem.key.as_bytes())?;
        self.write(ISSUER, pem.certificates.as_bytes())
    }

    /// The root's key under the passphrase, where the cluster was founded.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn root(&self) -> Result<Option<Sealed>, FolderError> {
        let Some(bytes) = self.read(ROOT)? else {
            return Ok(None);
        };
        let read = Sealed::parse(&bytes).map(Some);
        read.map_err(|source| FolderError::Sealed {
            file: self.0.join(ROOT),
            source,
        })
    }

    /// Keeps the root's key.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_root(&self, sealed: &Sealed) -> Result<(), FolderError> {
        self.write(ROOT, sealed.bytes())
    }

    /// Why the others refused this directory for good, if they did.
    pub fn unfit(&self) -> Option<Unfit> {
        let said = fs::read(self.0.join(COPIED)).ok()?;
        Some(match said == Unfit::SetBack.noted() {
            true => Unfit::SetBack,
            false => Unfit::Copied,
        })
    }

    /// Notes that they did. Started again and again, an old copy would count more starts than the
    /// node, and be taken for it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_unfit(&self, why: Unfit) -> Result<(), FolderError> {
        self.write(COPIED, why.noted())
    }

    /// Begins a run of this node: the count is durable when this returns.
    ///
    /// # Errors
    /// When the count cannot be read or written.
    pub fn begin_life(&self, chance: &dyn Entropy) -> Result<Life, FolderError> {
        let count = match self.text(STARTS)? {
            None => 0,
            Some(text) => text
                .trim()
                .parse::<u64>()
                .map_err(|_| FolderError::Content(self.0.join(STARTS)))?,
        };
        let count = count.saturating_add(1);
        self.write(STARTS, format!("{count}\n").as_bytes())?;
        let mut salt = [0; 8];
        chance.fill(&mut salt);
        let salt = u64::from_le_bytes(salt);
        Ok(Life { count, salt })
    }

    fn wrong(&self, name: &str, source: IdentityError) -> FolderError {
        let file = self.0.join(name);
        FolderError::Identity { file, source }
    }

    fn text(&self, name: &str) -> Result<Option<Zeroizing<String>>, FolderError> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned()));
        let content = |_| FolderError::Content(self.0.join(name));
        text.map(Some).map_err(content)
    }

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, FolderError> {
        let file = self.0.join(name);
        let opened = match File::open(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened,
        };
        let read = opened.and_then(|opened| {
            let mode = opened.metadata()?.mode();
            let mut bytes = Zeroizing::new(Vec::new());
            opened.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
            Ok((mode, bytes))
        });
        let (mode, bytes) = read.map_err(|source| FolderError::File {
            file: file.clone(),
            source,
        })?;
        if mode & OTHERS != 0 {
            return Err(FolderError::Open(file));
        }
        if bytes.len() as u64 > FILE_MAX {
            return Err(FolderError::Content(file));
        }
        Ok(Some(bytes))
    }

    /// Writes beside the file and renames: there is the old one or the new one, never half of it.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let (file, beside) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let written = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut opened = options.open(&beside)?;
            opened.write_all(bytes)?;
            opened.sync_all()?;
            fs::rename(&beside, &file)?;
            File::open(&self.0)?.sync_all()
        };
        written().map_err(|source| FolderError::File {
            file: file.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use holdfast_actors::kernel::{NodeId, NodeName, Timestamp};

    use super::super::authority::{Authority, NODE_LIFE};
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_node_finds_again_who_it_is_and_nobody_else_can_read_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("identity")).unwrap();
        assert!(folder.node().unwrap().is_none());
        assert!(folder.issuer().unwrap().is_none());
        let now = Timestamp::parse("2026-05-01T12:00:00Z").unwrap();
        let root = Authority::found(now).unwrap();
        let (issuer, key) = (root.issuer(now).unwrap(), NodeKey::generate().unwrap());
        let name = NodeName::parse("alpha").unwrap();
        let chain = issuer.issue(NodeId::new(1), &name, key.public(), now, NODE_LIFE);
        let node = NodeCertificate::new(chain.unwrap(), issuer.root().clone(), key).unwrap();
        folder.keep_node(&node).unwrap();
        folder.keep_issuer(&issuer).unwrap();
        let sealed = Sealed::seal(&root.key(), "correct horse battery", &Fixed).unwrap();
        folder.keep_root(&sealed).unwrap();
        assert_eq!(folder.node().unwrap().unwrap().hash(), node.hash());
        assert_eq!(folder.issuer().unwrap().unwrap().root(), issuer.root());
        let opened = folder
            .root()
            .unwrap()
            .unwrap()
            .open("correct horse battery");
        let again = Authority::open(root.certificate().clone(), &opened.unwrap()).unwrap();
        assert_eq!(again.key(), root.key());
        for entry in fs::read_dir(&folder.0).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().mode();
            assert_eq!(mode & OTHERS, 0);
        }
        let file = folder.0.join(NODE);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(folder.node(), Err(FolderError::Open(_))));
    }

    #[test]
    fn the_key_of_a_node_that_joins_is_kept_until_it_is_in() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert!(folder.joining().unwrap().is_none());
        folder.forget_joining().unwrap();
        let key = NodeKey::generate().unwrap();
        folder.keep_joining(&key).unwrap();
        let kept = folder.joining().unwrap().unwrap();
        assert_eq!(kept.public(), key.public());
        folder.forget_joining().unwrap();
        assert!(folder.joining().unwrap().is_none());
    }

    #[test]
    fn why_it_is_not_served_again_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert_eq!(folder.unfit(), None);
        for why in [Unfit::Copied, Unfit::SetBack] {
            folder.note_unfit(why).unwrap();
            assert_eq!(folder.unfit(), Some(why));
        }
    }

    #[test]
    fn each_start_counts() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let counts = [0; 3].map(|_| folder.begin_life(&Fixed).unwrap().count);
        assert_eq!(counts, [1, 2, 3]);
        folder.write(STARTS, b"many").unwrap();
        assert!(matches!(
            folder.begin_life(&Fixed),
            Err(FolderError::Content(_))
        ));
    }
}
