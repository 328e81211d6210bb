//! A folder that becomes a repository as restic lays it out.
//!
//! A file has its name only when all its bytes were written and seen to be right; [`MARK`] stands
//! in the folder until all is durable, so that a restore finds its own folder again after a crash,
//! and nobody else's.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::ports::Disk;

use super::words::Held;
use crate::format::{Object, Place};
use crate::ports::{Failed, Pieces};

/// Says whose folder it is while it is not complete.
const MARK: &str = "restore.partial";
/// Behind the name of a file that is not whole.
const PARTIAL: &str = ".partial";

/// The folder of one part of a restore.
#[derive(Clone)]
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    /// What its mark says.
    mark: String,
    /// It was begun before a crash: without a mark it is complete.
    is_begun: bool,
}

fn other(what: &str, error: &io::Error) -> Failed {
    Failed::Other(format!("{what} cannot be written or read: {error}"))
}

/// All folders of a repository, but its root.
fn folders() -> impl Iterator<Item = String> {
    let four = ["index", "keys", "locks", "snapshots", "data"].map(str::to_owned);
    four.into_iter()
        .chain((0..=255_u8).map(|two| format!("data/{two:02x}")))
}

impl Folder {
    /// A folder, and by what it is known again.
    pub(super) const fn new(disk: Arc<dyn Disk>, mark: String, is_begun: bool) -> Self {
        Self {
            disk,
            mark,
            is_begun,
        }
    }

    /// What is there whole.
    ///
    /// # Errors
    /// When something is there, and this restore did not put it there.
    pub(super) async fn look(&self) -> Result<BTreeMap<Object, Held>, Failed> {
        let mut names = Vec::new();
        for folder in std::iter::once(String::new()).chain(folders()) {
            let found = self
                .disk
                .list(&folder)
                .await
                .map_err(|error| other("it", &error))?;
            let before = if folder.is_empty() {
                folder
            } else {
                folder + "/"
            };
            names.extend(found.into_iter().map(|name| format!("{before}{name}")));
        }
        if names.iter().any(|name| name == MARK) {
            self.is_ours().await?;
        } else if let Some(name) = names.first().filter(|_| !self.is_begun) {
            let why = format!("the folder is not empty: {name} is in it; choose another");
            return Err(Failed::Other(why));
        }
        let places = names.iter().filter_map(|name| Place::parse(name));
        let mut held = BTreeMap::new();
        for place in places.filter(|place| place.directory.is_none()) {
            let path = place.object.to_string();
            let file = self
                .disk
                .open(&path)
                .await
                .map_err(|error| other(&path, &error))?;
            let length = file.length().await.map_err(|error| other(&path, &error))?;
            let sha256 = None;
            held.insert(place.object, Held { length, sha256 });
        }
        Ok(held)
    }

    async fn is_ours(&self) -> Result<(), Failed> {
        let read = async {
            let file = self.disk.open(MARK).await?;
            file.read(0, self.mark.len() + 1).await
        };
        let said = read.await.map_err(|error| other(MARK, &error))?;
        // A crash may have come between the name and the words.
        if said == self.mark.as_bytes() || said.is_empty() {
            return Ok(());
        }
        let why = "another restore was at work in the folder, and did not end: choose another";
        Err(Failed::Other(why.to_owned()))
    }

    /// Makes the folder this restore's.
    pub(super) async fn begin(&self) -> Result<(), Failed> {
        let write = async {
            let file = match self.disk.open(MARK).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.disk.create(MARK).await?
                }
                file => file?,
            };
            file.write(0, vec![Bytes::copy_from_slice(self.mark.as_bytes())])
                .await?;
            file.sync().await?;
            self.disk.sync_folder("").await
        };
        write.await.map_err(|error| other(MARK, &error))
    }

    /// Writes one object. It has its name only if the pieces came to their end.
    pub(super) async fn write(
        &self,
        object: &Object,
        mut from: Box<dyn Pieces>,
    ) -> Result<(), Failed> {
        let path = object.to_string();
        let partial = format!("{path}{PARTIAL}");
        let failed = |error: io::Error| other(&path, &error);
        self.disk.remove(&partial).await.map_err(failed)?;
        let file = self.disk.create(&partial).await.map_err(failed)?;
        let mut at = 0;
        while let Some(piece) = from.next().await? {
            let length = piece.len() as u64;
            file.write(at, vec![piece]).await.map_err(failed)?;
            at += length;
        }
        file.sync().await.map_err(failed)?;
        self.disk.rename(&partial, &path).await.map_err(failed)
    }

    /// Makes all of it durable, and takes away what was not finished and the mark, that last.
    pub(super) async fn finish(&self) -> Result<(), Failed> {
        let finish = async {
            for folder in folders().chain([String::new()]) {
                let names = self.disk.list(&folder).await?;
                let before = if folder.is_empty() {
                    String::new()
                } else {
                    format!("{folder}/")
                };
                for name in names
                    .iter()
                    .filter(|name| name.ends_with(PARTIAL) && *name != MARK)
                {
                    self.disk.remove(&format!("{before}{name}")).await?;
                }
                if !names.is_empty() {
                    self.disk.sync_folder(&folder).await?;
                }
            }
            self.disk.remove(MARK).await?;
            self.disk.sync_folder("").await
        };
        finish.await.map_err(|error| other("it", &error))
    }
}
