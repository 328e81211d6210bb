//! The certificates in the node's folder: the one that is served, and the next one.
//!
//! `certificate.pem` holds the chain and the key that are served. `next.pem`, while there is one,
//! holds those that follow, below a first line `switch: TIME`. A file is replaced by a rename. A
//! `next.pem` that is served already stays until the catalog was told of it, across a crash too.
//! Files are mode 0600.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use holdfast_actors::kernel::Timestamp;
use holdfast_actors::rotation::{self, Standing};
use holdfast_actors::shell::Fault;
use serde::Serialize;

use super::{CertificateError, Certificates, Identity, Thumbprint};
use crate::whole;

const SERVED: &str = "certificate.pem";
const NEXT: &str = "next.pem";
const SWITCH: &str = "switch: ";

/// Why a certificate was not stored or not found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or a file in it.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What a file holds.
    #[error("the certificate in {path} is unusable")]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// What is to be served.
    #[error("the certificate cannot be served")]
    Serving(#[from] CertificateError),
    /// There is no next certificate to switch to.
    #[error("no certificate waits to be switched to")]
    NoNext,
}

/// The node's certificates, for whoever changes or shows them.
pub type SharedStore = Arc<Mutex<CertificateStore>>;

/// The node's certificates, on disk and in use.
pub struct CertificateStore {
    folder: PathBuf,
    certificates: Certificates,
    served: Identity,
    next: Option<Next>,
    /// Whether the catalog was not told yet of the one that is served.
    untold: bool,
}

struct Next {
    identity: Identity,
    switch: Timestamp,
}

/// What an operator and a tenant are shown; both thumbprints are to be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateStatus {
    /// The SHA-256 of the certificate that is served.
    pub thumbprint: String,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// When it ends, RFC 3339.
    pub until: String,
    /// The one that follows, during an overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStatus>,
}

/// The certificate that follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStatus {
    /// Its SHA-256.
    pub thumbprint: String,
    /// When it will be served at the latest, RFC 3339.
    pub switch: String,
    /// When it ends, RFC 3339.
    pub until: String,
}

impl CertificateStore {
    /// Puts the first certificate into a folder, made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be written, or the certificate not be served.
    pub fn create(folder: &Path, served: Identity) -> Result<Self, StoreError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(at(folder))?;
        write(folder, SERVED, &served.secret_pem())?;
        Self::with(folder, served, None)
    }

    /// Reads what a folder holds, and switches if that is due. A certificate that has ended is
    /// served all the same: clients that pin it decide.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let path = folder.join(SERVED);
        let text = zeroize::Zeroizing::new(fs::read_to_string(&path).map_err(at(&path))?);
        let served = Identity::read(&text, &text).map_err(|source| StoreError::Content {
            path: path.clone(),
            source,
        })?;
        let thumbprint = served.thumbprint();
        let next = read_next(folder)?;
        let is_next = |next: &Next| next.identity.thumbprint() == thumbprint;
        let untold = next.as_ref().is_some_and(is_next);
        let mut store = Self::with(folder, served, next.filter(|_| !untold))?;
        store.untold = untold;
        if store.due().is_some_and(|due| due <= now) {
            store.switch()?;
        }
        Ok(store)
    }

    fn with(folder: &Path, served: Identity, next: Option<Next>) -> Result<Self, StoreError> {
        Ok(Self {
            folder: folder.to_owned(),
            certificates: Certificates::new(&served)?,
            served,
            next,
            untold: false,
        })
    }

    /// What listeners serve; follows every switch.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The certificate that is served.
    pub const fn served(&self) -> &Identity {
        &self.served
    }

    /// Serves another certificate at once, and forgets the next one (R4.12: between certificates of
    /// an authority that clients trust this is silent).
    ///
    /// # Errors
    /// When it cannot be written; then nothing changes.
    pub fn import(&mut self, identity: Identity) -> Result<(), StoreError> {
        remove(&self.folder, NEXT)?;
        (self.next, self.untold) = (None, false);
        write(&self.folder, SERVED, &identity.secret_pem())?;
        self.serve(identity);
        Ok(())
    }

    /// Keeps a certificate to be served from `switch` on, or when ordered; it takes the place of
    /// one that waits already (D4).
    ///
    /// # Errors
    /// When it cannot be written; then nothing changes.
    pub fn rotate(&mut self, identity: Identity, switch: Timestamp) -> Result<(), StoreError> {
        let mut text = zeroize::Zeroizing::new(format!("{SWITCH}{switch}\n"));
        text.push_str(&identity.secret_pem());
        write(&self.folder, NEXT, &text)?;
        self.untold = false;
        self.next = Some(Next { identity, switch });
        Ok(())
    }

    /// Where the rotation stands.
    pub fn standing(&self) -> Standing {
        let (due, untold) = (self.due(), self.untold);
        Standing { due, untold }
    }

    /// The catalog knows of this certificate.
    ///
    /// # Errors
    /// When the folder cannot be written; then it counts as not told.
    pub fn told(&mut self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        if self.untold && self.served.thumbprint() == thumbprint {
            remove(&self.folder, NEXT)?;
            self.untold = false;
        }
        Ok(())
    }

    /// When the next certificate is to be served; `None` if there is none.
    pub fn due(&self) -> Option<Timestamp> {
        self.next.as_ref().map(|next| next.switch)
    }

    /// Serves the next certificate from now on.
    ///
    /// # Errors
    /// When there is none, or the folder cannot be written; then nothing changes.
    pub fn switch(&mut self) -> Result<(), StoreError> {
        let next = self.next.as_ref().ok_or(StoreError::NoNext)?;
        write(&self.folder, SERVED, &next.identity.secret_pem())?;
        if let Some(next) = self.next.take() {
            self.serve(next.identity);
            self.untold = true;
        }
        Ok(())
    }

    fn serve(&mut self, identity: Identity) {
        self.certificates.switch(&identity);
        self.served = identity;
    }

    /// What is served, and what follows.
    pub fn status(&self) -> CertificateStatus {
        CertificateStatus {
            thumbprint: self.served.thumbprint().to_string(),
            names: self.served.names().to_vec(),
            until: self.served.until().to_string(),
            next: self.next.as_ref().map(|next| NextStatus {
                thumbprint: next.identity.thumbprint().to_string(),
                switch: next.switch.to_string(),
                until: next.identity.until().to_string(),
            }),
        }
    }
}

impl rotation::Certificates for CertificateStore {
    fn standing(&self) -> Standing {
        Self::standing(self)
    }

    fn served(&self) -> (String, u64) {
        (self.served.thumbprint().to_string(), self.served.number())
    }

    fn switch(&mut self, due: Timestamp) -> Result<(), Fault> {
        if self.due() != Some(due) {
            return Ok(());
        }
        Self::switch(self).map_err(|error| Fault::of(&error))
    }

    fn told(&mut self, thumbprint: &str) -> Result<(), Fault> {
        let served = self.served.thumbprint();
        if served.to_string() != thumbprint {
            return Ok(());
        }
        Self::told(self, served).map_err(|error| Fault::of(&error))
    }
}

fn read_next(folder: &Path) -> Result<Option<Next>, StoreError> {
    let path = folder.join(NEXT);
    let text = match fs::read_to_string(&path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(&path)(error)),
    };
    let identity = Identity::read(&text, &text);
    let identity = identity.map_err(|source| StoreError::Content {
        path: path.clone(),
        source,
    })?;
    let line = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix(SWITCH));
    let switch = line.and_then(Timestamp::parse).ok_or_else(|| {
        let damage = io::Error::new(io::ErrorKind::InvalidData, "no line 'switch: TIME'");
        at(&path)(damage)
    })?;
    Ok(Some(Next { identity, switch }))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::File { path, source }
}

/// Replaces a file so that a crash leaves the old or the new one, and waits until it is durable.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), StoreError> {
    let path = folder.join(name);
    whole::keep(&path, text.as_bytes()).map_err(at(&path))
}

fn remove(folder: &Path, name: &str) -> Result<(), StoreError> {
    let path = folder.join(name);
    let removed = match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed,
    };
    let synced = removed.and_then(|()| File::open(folder)?.sync_all());
    synced.map_err(at(&path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn day(text: &str) -> Timestamp {
        Timestamp::parse(&format!("{text}T00:00:00Z")).unwrap()
    }

    fn identity() -> Identity {
        Identity::self_signed("node", day("2026-05-01")).unwrap()
    }

    #[test]
    fn a_rotation_shows_both_thumbprints_until_the_switch() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CertificateStore::create(folder.path(), identity()).unwrap();
        let first = store.served().thumbprint();
        let next = identity();
        let second = next.thumbprint();
        store.rotate(next, day("2026-05-08")).unwrap();
        let status = store.status();
        assert_eq!(status.thumbprint, first.to_string());
        assert_eq!(status.next.unwrap().thumbprint, second.to_string());
        store.switch().unwrap();
        assert_eq!(store.status().thumbprint, second.to_string());
        assert_eq!(store.status().next, None);
        assert!(matches!(store.switch(), Err(StoreError::NoNext)));
    }

    #[test]
    fn a_certificate_that_took_the_place_of_the_next_waits_for_its_own_date() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CertificateStore::create(folder.path(), identity()).unwrap();
        let first = store.served().thumbprint();
        store.rotate(identity(), day("2026-05-08")).unwrap();
        store.rotate(identity(), day("2026-05-18")).unwrap();
        rotation::Certificates::switch(&mut store, day("2026-05-08")).unwrap();
        assert_eq!(store.served().thumbprint(), first);
        rotation::Certificates::switch(&mut store, day("2026-05-18")).unwrap();
        assert_ne!(store.served().thumbprint(), first);
    }

    #[test]
    fn a_rotation_outlives_a_restart_and_ends_at_its_date() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CertificateStore::create(folder.path(), identity()).unwrap();
        let first = store.served().thumbprint();
        let next = identity();
        let second = next.thumbprint();
        store.rotate(next, day("2026-05-08")).unwrap();
        let before = CertificateStore::open(folder.path(), day("2026-05-07")).unwrap();
        assert_eq!(before.served().thumbprint(), first);
        assert_eq!(before.due(), Some(day("2026-05-08")));
        let after = CertificateStore::open(folder.path(), day("2026-05-08")).unwrap();
        assert_eq!(after.served().thumbprint(), second);
        assert!(after.standing().untold);
        let mut later = CertificateStore::open(folder.path(), day("2046-05-08")).unwrap();
        assert_eq!(later.served().thumbprint(), second);
        assert_eq!(later.due(), None);
        assert!(later.standing().untold, "until the catalog was told");
        later.told(second).unwrap();
        let told = CertificateStore::open(folder.path(), day("2046-05-08")).unwrap();
        assert_eq!(told.standing(), Standing::default());
    }

    #[test]
    fn an_import_is_served_at_once_and_ends_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CertificateStore::create(folder.path(), identity()).unwrap();
        store.rotate(identity(), day("2026-05-08")).unwrap();
        let imported = identity();
        let thumbprint = imported.thumbprint();
        store.import(imported).unwrap();
        let store = CertificateStore::open(folder.path(), day("2026-06-01")).unwrap();
        assert_eq!(store.served().thumbprint(), thumbprint);
    }

    #[test]
    fn a_key_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("tls");
        CertificateStore::create(&folder, identity()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.join(SERVED)), 0o600);
        assert_eq!(mode(&folder), 0o700);
    }
}
