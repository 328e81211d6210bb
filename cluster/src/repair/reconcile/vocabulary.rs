//! What can happen to a node's replicas, seen from the catalog, and what is asked for.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_actors::catalog::command::ReplicaCommand;
use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, RepositoryId};
use imbl::ordmap::DiffItem;

use super::super::super::extents::{Copied, Stage};
use super::super::digests::Digest;

/// What a node is to have of one extent, as the catalog says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of which repository.
    pub repository: RepositoryId,
    /// Of the extent's one writer.
    pub epoch: Epoch,
    /// The extent's length; none while it is written to.
    pub sealed: Option<u64>,
    /// Whether the node is to copy it; otherwise it has all of it.
    pub fill: bool,
    /// Which other nodes of the cluster have all of it.
    pub sources: BTreeSet<NodeId>,
}

impl Wanted {
    /// What the rows say of an extent to a node; none if it has nothing to do with it.
    fn of(rows: &Rows, node: NodeId, extent: ExtentId) -> Option<Self> {
        let replicas = rows.cluster.replicas.get(&extent)?;
        let fill = replicas.filling.contains(&node);
        if !fill && !replicas.whole.contains(&node) {
            return None;
        }
        let row = rows.extents.get(&extent)?;
        let is_member = |it: &NodeId| {
            let row = rows.cluster.nodes.get(it);
            row.is_some_and(|row| row.state != NodeState::Removed)
        };
        let others = replicas.whole.iter().copied();
        let others = others.filter(|it| *it != node && is_member(it));
        Some(Self {
            repository: row.repository,
            epoch: row.epoch,
            sealed: row.sealed,
            fill,
            sources: others.collect(),
        })
    }
}

/// What is new in the catalog, to one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The last id that the catalog gave out: it knows nothing of what comes behind.
    pub last: u64,
    /// Extents of which it says something else than before; none of those that are not of this node
    /// any more.
    pub changed: BTreeMap<ExtentId, Option<Wanted>>,
}

impl News {
    /// What later rows say to a node, and earlier ones did not.
    pub fn between(node: NodeId, before: &Rows, after: &Rows) -> Self {
        let extents = before.extents.diff(&after.extents).map(|item| *key(&item));
        let replicas = before.cluster.replicas.diff(&after.cluster.replicas);
        let touched: BTreeSet<ExtentId> = extents.chain(replicas.map(|it| *key(&it))).collect();
        let changed = touched.into_iter().filter_map(|extent| {
            let wanted = Wanted::of(after, node, extent);
            let is_new = Wanted::of(before, node, extent) != wanted;
            is_new.then_some((extent, wanted))
        });
        Self {
            last: after.last_id,
            changed: changed.collect(),
        }
    }
}

fn key<'a, K, V>(item: &DiffItem<'a, 'a, K, V>) -> &'a K {
    match item {
        DiffItem::Add(key, _) | DiffItem::Remove(key, _) => key,
        DiffItem::Update { new: (key, _), .. } => key,
    }
}

/// What came of copying a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// So many bytes are written, and sound as far as can be said.
    Bytes(u64),
    /// The other node has not got them, or does not answer.
    Missing,
    /// What the other node has is damaged.
    Damaged,
    /// This node's disk does not take it.
    Disk,
}

/// What came of reading a piece of a replica back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// So many bytes are as they were.
    Bytes(u64),
    /// There is no such replica any more.
    Gone,
    /// It is damaged, too short, or the disk cannot read it.
    Damaged,
}

/// What the catalog made of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// It does not agree.
    Refused,
    /// Nobody answered; it may have been done.
    Silent,
}

/// One attempt to copy one extent.
pub type Attempt = u64;

/// What can happen to a node's replicas, seen from the catalog.
pub enum Event {
    /// The catalog says something else than before.
    News(News),
    /// A look at the store came to an end: the replicas that there were, and what the catalog says
    /// since the last news. It is fresh if the rows are no older than the replicas: whatever was
    /// made for a command is there together with the command.
    Looked {
        /// The replicas; without a stage where the file is gone.
        held: Vec<(ExtentId, Option<Stage>)>,
        /// What the catalog says.
        news: News,
        /// Whether that is no older than the replicas.
        fresh: bool,
    },
    /// The store does not answer.
    Blind,
    /// Copying a piece came to an end.
    Pulled {
        /// Of which extent.
        extent: ExtentId,
        /// In which attempt.
        attempt: Attempt,
        /// How.
        pulled: Pulled,
    },
    /// A copy took its place in the store, or could not.
    Placed {
        /// Of which extent.
        extent: ExtentId,
        /// In which attempt.
        attempt: Attempt,
        /// Whether it has its place.
        done: bool,
    },
    /// Reading a piece back came to an end.
    Scanned {
        /// Of which extent.
        extent: ExtentId,
        /// From where on.
        offset: u64,
        /// How.
        scanned: Scanned,
    },
    /// A command came to an end.
    Decided {
        /// About which extent.
        extent: ExtentId,
        /// On which node.
        node: NodeId,
        /// What.
        command: ReplicaCommand,
        /// What the catalog made of it.
        verdict: Verdict,
    },
    /// The digests of an extent's replicas, as they were last read back.
    Compared {
        /// Of which extent.
        extent: ExtentId,
        /// Of this node's.
        mine: Digest,
        /// Of others', as far as they read them.
        theirs: BTreeMap<NodeId, Digest>,
    },
    /// Somebody on this node read something damaged of these, and another replica has it sound.
    Unsound(BTreeSet<(ExtentId, NodeId)>),
    /// So many bytes were appended by writers on this node since it started.
    Appended(u64),
    /// Nobody waits for this.
    Nothing,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::News(news) => write!(f, "News of {}", news.changed.len()),
            Self::Looked { held, news, fresh } => {
                let (held, changed) = (held.len(), news.changed.len());
                write!(f, "Looked {held}, news of {changed}, fresh: {fresh}")
            }
            Self::Blind => f.write_str("Blind"),
            Self::Pulled {
                extent,
                attempt,
                pulled,
            } => write!(f, "Pulled {extent} attempt {attempt}: {pulled:?}"),
            Self::Placed {
                extent,
                attempt,
                done,
            } => write!(f, "Placed {extent} attempt {attempt}: {done}"),
            Self::Scanned {
                extent,
                offset,
                scanned,
            } => write!(f, "Scanned {extent} at {offset}: {scanned:?}"),
            Self::Decided {
                extent,
                node,
                command,
                verdict,
            } => write!(f, "Decided {command:?} of {extent} on {node}: {verdict:?}"),
            Self::Compared { extent, theirs, .. } => {
                write!(f, "Compared {extent} with {} others", theirs.len())
            }
            Self::Unsound(replicas) => write!(f, "Unsound {replicas:?}"),
            Self::Appended(bytes) => write!(f, "Appended {bytes}"),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}

/// What is asked of the hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Say when the catalog says something else to this node.
    Watch,
    /// Look which replicas the store has, and at rows that are not older.
    Look,
    /// Tell the store that an extent is sealed.
    Seal(ExtentId, u64),
    /// Tell the store that nobody wants a replica.
    Drop(ExtentId),
    /// Copy a piece from another node; the first one begins the file anew.
    Pull {
        /// Of which extent.
        extent: ExtentId,
        /// In which attempt.
        attempt: Attempt,
        /// Of which repository.
        repository: RepositoryId,
        /// From which node.
        from: NodeId,
        /// From where on.
        offset: u64,
        /// How many bytes.
        length: u32,
    },
    /// Make a copy durable and let it take its place.
    Place {
        /// Made in which attempt.
        attempt: Attempt,
        /// Of what.
        copied: Copied,
    },
    /// Forget a copy that is not whole.
    Discard {
        /// Of which repository.
        repository: RepositoryId,
        /// Of which extent.
        extent: ExtentId,
        /// Made in which attempt.
        attempt: Attempt,
    },
    /// Read a piece of this node's own replica and check it.
    Scan {
        /// Of which extent.
        extent: ExtentId,
        /// From where on.
        offset: u64,
        /// How many bytes.
        length: u32,
    },
    /// Ask others what their replicas came to that were read to their end.
    Compare {
        /// Of which extent.
        extent: ExtentId,
        /// Who they are.
        with: Vec<NodeId>,
    },
    /// Give the catalog a command.
    Submit {
        /// About which extent.
        extent: ExtentId,
        /// On which node.
        node: NodeId,
        /// What.
        command: ReplicaCommand,
    },
    /// Ask how many bytes writers have appended.
    Count,
}
