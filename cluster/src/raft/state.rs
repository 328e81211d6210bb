//! The state that the log leads to: rows, and who takes part.
//!
//! It is in memory, and rows are cheap to copy, so a snapshot holds nobody up. Snapshots are files
//! of their own (`raft/state/`), in the form of the journal's: checksummed parts and an end that
//! counts them, durable before the log that they stand for is purged. A start reads the newest and
//! applies the log behind it. An index on disk would have to hold the same rows once more and would
//! be rebuilt from the same files: it would gain nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use holdfast_actors::catalog::command::{ClusterCommand, Command, Submission};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{self, Answer};
use holdfast_actors::frame::BODY_MAX;
use holdfast_actors::journal::{Snapshot as Parts, snapshot, snapshot_path};
use holdfast_actors::kernel::Sequence;
use holdfast_actors::ports::{Disk, File};
use holdfast_actors::schema::{self, Stored};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use super::types::{Entry, Kind, LogId, Membership, Proposal, SnapshotMeta};

/// The folder of snapshots of the state.
pub(super) const FOLDER: &str = "raft/state";

/// The first part of a snapshot: up to where it goes, and who took part. The rows are the others.
#[derive(Serialize, Deserialize)]
pub(super) struct Head(pub(super) SnapshotMeta);

impl Stored for Head {
    const VERSION: u8 = 1;
}

/// A snapshot's file, open to be read. It stays readable when a later one takes its place.
#[derive(Clone)]
pub struct Image {
    pub(super) path: String,
    pub(super) through: Sequence,
    pub(super) file: Arc<dyn File>,
    /// In bytes.
    pub(super) length: u64,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image {} of {} bytes", self.path, self.length)
    }
}

/// Callers that wait until a command of theirs is applied here, by its number.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Callers>>);

type Callers = BTreeMap<(u64, u64), Vec<oneshot::Sender<Answer>>>;

impl Waiting {
    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a command from now on.
    pub(super) fn wait(&self, submission: &Submission) -> oneshot::Receiver<Answer> {
        let (tell, told) = oneshot::channel();
        let number = (submission.client, submission.sequence);
        self.callers().entry(number).or_default().push(tell);
        told
    }

    /// Forgets those who turned away.
    pub(super) fn forget(&self, submission: &Submission) {
        let number = (submission.client, submission.sequence);
        let mut callers = self.callers();
        if let Some(waiting) = callers.get_mut(&number) {
            waiting.retain(|caller| !caller.is_closed());
            if waiting.is_empty() {
                callers.remove(&number);
            }
        }
    }

    fn tell(&self, answered: Vec<((u64, u64), Answer)>) {
        let mut callers = self.callers();
        for (number, answer) in answered {
            for caller in callers.remove(&number).unwrap_or_default() {
                // Whoever asked may have gone; what was done is done.
                let _ = caller.send(answer.clone());
            }
        }
    }

    fn is_waited_for(&self, submission: &Submission) -> bool {
        let number = (submission.client, submission.sequence);
        self.callers().contains_key(&number)
    }
}

/// The state of one replica.
pub struct State {
    disk: Arc<dyn Disk>,
    rows: Rows,
    applied: Option<LogId>,
    membership: Membership,
    publish: watch::Sender<Rows>,
    waiting: Waiting,
    newest: Arc<Mutex<Option<(SnapshotMeta, Image)>>>,
}

impl State {
    /// The state as the newest snapshot on the disk says, or an empty one.
    ///
    /// # Errors
    /// When there is a snapshot and it does not check: the log before it is gone.
    pub async fn open(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let mut state = Self {
            disk,
            rows: Rows::default(),
            applied: None,
            membership: Membership::default(),
            publish: watch::Sender::new(Rows::default()),
            waiting: Waiting::default(),
            newest: Arc::default(),
        };
        let names = state.disk.list(FOLDER).await?;
        for name in names.iter().filter(|name| !name.ends_with(".snapshot")) {
            state.disk.remove(&format!("{FOLDER}/{name}")).await?;
        }
        let sequence = |name: &String| {
            let digits = name.strip_suffix(".snapshot")?;
            digits.parse().ok().map(Sequence::new)
        };
        if let Some(through) = names.iter().filter_map(sequence).max() {
            let path = snapshot_path(FOLDER, through);
            let image = open(state.disk.as_ref(), path, through).await?;
            let (meta, rows, _) = read(&image).await?;
            state.take(&meta, rows);
            *lock(&state.newest) = Some((meta, image));
        }
        Ok(state)
    }

    /// What it is made of: rows, up to where, and who takes part.
    pub(super) fn parts(self) -> (Rows, Option<LogId>, Membership) {
        (self.rows, self.applied, self.membership)
    }

    /// Up to where.
    pub(super) const fn applied(&self) -> Option<LogId> {
        self.applied
    }

    pub(super) fn rows(&self) -> watch::Receiver<Rows> {
        self.publish.subscribe()
    }

    pub(super) fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }

    fn take(&mut self, meta: &SnapshotMeta, rows: Rows) {
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.rows = rows;
        self.publish.send_replace(self.rows.clone());
    }
}

type Newest = Mutex<Option<(SnapshotMeta, Image)>>;

fn lock(newest: &Newest) -> MutexGuard<'_, Option<(SnapshotMeta, Image)>> {
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

fn through(meta: &SnapshotMeta) -> Sequence {
    Sequence::new(meta.last_log_id.map_or(0, |id| id.index))
}

async fn open(disk: &dyn Disk, path: String, through: Sequence) -> io::Result<Image> {
    let file = disk.open(&path).await?;
    let length = file.length().await?;
    Ok(Image {
        path,
        through,
        file,
        length,
    })
}

/// Reads a snapshot's file and checks all of it: what it says, and its parts.
pub(super) async fn read(image: &Image) -> io::Result<(SnapshotMeta, Rows, Parts)> {
    let wrong = |what: String| {
        let text = format!("{}: {what}", image.path);
        io::Error::new(io::ErrorKind::InvalidData, text)
    };
    let parts = snapshot::read(image.file.as_ref(), image.through).await;
    let parts = parts.map_err(|error| wrong(error.to_string()))?;
    let (head, rows) = parts
        .parts
        .split_first()
        .ok_or_else(|| wrong("empty".into()))?;
    let head: Head = schema::decode(head).map_err(|error| wrong(error.to_string()))?;
    let rows = catalog::restore(&rows.concat()).map_err(|error| wrong(error.to_string()))?;
    Ok((head.0, rows, parts))
}

/// Whether this is a tick of another term: it waited in its node while somebody else led and
/// counted the same time.
fn is_late(proposal: &Proposal, place: &LogId) -> bool {
    let tick = &proposal.0.command;
    matches!(tick, Command::Cluster(ClusterCommand::Tick { term, .. })
        if *term != place.leader_id.term)
}

/// The rows behind an entry of the log that is no change of members.
pub(super) fn behind(rows: &Rows, entry: &Entry) -> Rows {
    let index = Sequence::new(entry.log_id.index);
    match &entry.payload {
        EntryPayload::Normal(proposal) if !is_late(proposal, &entry.log_id) => {
            catalog::apply(rows, index, &proposal.0).0
        }
        EntryPayload::Normal(_) | EntryPayload::Blank | EntryPayload::Membership(_) => Rows {
            index,
            ..rows.clone()
        },
    }
}

/// Removes all snapshots but this one.
async fn sweep(disk: &dyn Disk, keep: Sequence) -> io::Result<()> {
    let kept = snapshot_path(FOLDER, keep);
    for name in disk.list(FOLDER).await? {
        let path = format!("{FOLDER}/{name}");
        // One that is on its way here goes when another takes its place, or at the next start.
        if path != kept && path.ends_with(".snapshot") {
            disk.remove(&path).await?;
        }
    }
    disk.sync_folder(FOLDER).await
}

/// Writes one snapshot of the state as it was when it was asked for.
pub struct Builder {
    disk: Arc<dyn Disk>,
    meta: SnapshotMeta,
    rows: Rows,
    newest: Arc<Newest>,
}

impl RaftSnapshotBuilder<Kind> for Builder {
    type SnapshotData = Image;

    async fn build_snapshot(
        &mut self,
    ) -> Result<openraft::alias::SnapshotOf<Kind, Image>, io::Error> {
        let through = through(&self.meta);
        let bytes = catalog::snapshot(&self.rows);
        let head = Bytes::from(schema::encode(&Head(self.meta.clone())));
        let pieces = (0..bytes.len()).step_by(BODY_MAX);
        let pieces = pieces.map(|at| bytes.slice(at..bytes.len().min(at + BODY_MAX)));
        let parts = [head].into_iter().chain(pieces).collect();
        snapshot::write(self.disk.as_ref(), FOLDER, Parts { through, parts }).await?;
        let path = snapshot_path(FOLDER, through);
        let image = open(self.disk.as_ref(), path, through).await?;
        *lock(&self.newest) = Some((self.meta.clone(), image.clone()));
        sweep(self.disk.as_ref(), through).await?;
        Ok(Snapshot {
            meta: self.meta.clone(),
            snapshot: image,
        })
    }
}

impl RaftStateMachine<Kind> for State {
    type SnapshotData = Image;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Kind>, io::Error>> + Unpin + OptionalSend,
    {
        let (mut answered, mut responders) = (Vec::new(), Vec::new());
        while let Some((entry, responder)) = entries.try_next().await? {
            let index = Sequence::new(entry.log_id.index);
            match entry.payload {
                EntryPayload::Normal(proposal) if is_late(&proposal, &entry.log_id) => {
                    self.rows.index = index;
                }
                EntryPayload::Normal(proposal) => {
                    let (rows, answer) = catalog::apply(&self.rows, index, &proposal.0);
                    self.rows = rows;
                    if self.waiting.is_waited_for(&proposal.0) {
                        answered.push(((proposal.0.client, proposal.0.sequence), answer));
                    }
                }
                EntryPayload::Membership(membership) => {
                    self.membership = Membership::new(Some(entry.log_id), membership);
                    self.rows.index = index;
                }
                EntryPayload::Blank => self.rows.index = index,
            }
            self.applied = Some(entry.log_id);
            responders.extend(responder);
        }
        // Readers see what was done before those who did it are told.
        self.publish.send_replace(self.rows.clone());
        self.waiting.tell(answered);
        for responder in responders {
            responder.send(());
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            disk: Arc::clone(&self.disk),
            meta: SnapshotMeta {
                last_log_id: self.applied,
                last_membership: self.membership.clone(),
            },
            rows: self.rows.clone(),
            newest: Arc::clone(&self.newest),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        image: Image,
    ) -> Result<(), io::Error> {
        let (found, rows, parts) = read(&image).await?;
        if found != *meta {
            let text = format!("{}: of another state than was said", image.path);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        // It may have come from anywhere; from here on it is this disk's own.
        snapshot::write(self.disk.as_ref(), FOLDER, parts).await?;
        let path = snapshot_path(FOLDER, image.through);
        let image = open(self.disk.as_ref(), path, image.through).await?;
        self.take(meta, rows);
        *lock(&self.newest) = Some((meta.clone(), image.clone()));
        sweep(self.disk.as_ref(), image.through).await
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<openraft::alias::SnapshotOf<Kind, Image>>, io::Error> {
        let newest = lock(&self.newest).clone();
        Ok(newest.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}
