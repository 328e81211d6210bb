//! Planted bugs of what surrounds a replica: each breaks one invariant.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, Now};
use holdfast_actors::ports::{Clock, Disk, File, Pending, Storage};

use crate::mutation::Mutation;

/// A planted bug of the catalog's world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Readers do not wait until they have caught up.
    StaleRead,
    /// Disks sync nothing.
    IdleSync,
    /// A vote that was refused arrives as one that was given.
    ForgedVote,
    /// Nodes' monotonic clocks count half as much again.
    FastTicks,
    /// The clock of the second node is half as fast as it should be, far beyond what leases bear.
    SlowHolder,
    /// What reaches the second node is not always what was sent.
    Garbled,
}

impl Flaw {
    /// Each with the mutation that plants it.
    const ALL: [(Mutation, Self); 6] = [
        (Mutation::StaleRead, Self::StaleRead),
        (Mutation::IdleSync, Self::IdleSync),
        (Mutation::ForgedVote, Self::ForgedVote),
        (Mutation::FastTicks, Self::FastTicks),
        (Mutation::SlowHolder, Self::SlowHolder),
        (Mutation::Garbled, Self::Garbled),
    ];

    /// The flaw that a mutation plants, if it is one of the catalog.
    pub(crate) fn of(mutation: Mutation) -> Option<Self> {
        let planted = Self::ALL.iter().find(|(planted, _)| *planted == mutation);
        planted.map(|(_, flaw)| *flaw)
    }

    /// A frame as it reaches a node.
    pub(super) fn garbled(self, node: NodeId, frame: Bytes) -> Bytes {
        if self == Self::ForgedVote {
            return forged(node, frame);
        }
        let at = frame
            .windows(8)
            .position(|part| part.starts_with(b"value-00"));
        match at {
            Some(at) if self == Self::Garbled && node.raw() == 2 => {
                let mut bytes = frame.to_vec();
                bytes[at + 6] = b'7';
                bytes.into()
            }
            Some(_) | None => frame,
        }
    }
}

/// Makes a given vote of an answer that tells of a vote for somebody else.
fn forged(node: NodeId, frame: Bytes) -> Bytes {
    // A frame's kind and number, then the answer: its version, that it is about a vote, the term,
    // that there was a vote, for whom, that it won nothing yet, and that it was refused.
    let mut bytes = frame.to_vec();
    if let [2, _, _, _, _, _, _, _, _, 1, 1, _, 1, whom, won, given, ..] = &mut bytes[..]
        && *given == 0
    {
        (*whom, *won, *given) = (u8::try_from(node.raw()).unwrap_or(0), 0, 1);
    }
    bytes.into()
}

/// A disk whose syncs do nothing.
pub(super) struct Idle(pub(super) Arc<dyn Disk>);

struct IdleFile(Arc<dyn File>);

type Opened = Pending<io::Result<Arc<dyn File>>>;

fn idle(opened: Opened) -> Opened {
    Box::pin(async move { Ok(Arc::new(IdleFile(opened.await?)) as Arc<dyn File>) })
}

impl Disk for Idle {
    fn create(&self, path: &str) -> Opened {
        idle(self.0.create(path))
    }
    fn open(&self, path: &str) -> Opened {
        idle(self.0.open(path))
    }
    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        self.0.list(folder)
    }
    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        self.0.remove(path)
    }
    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        self.0.sync_folder(folder)
    }
    fn storage(&self) -> Option<Storage> {
        self.0.storage()
    }
}

impl File for IdleFile {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        self.0.write(at, parts)
    }
    fn sync(&self) -> Pending<io::Result<()>> {
        Box::pin(async { Ok(()) })
    }
    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        self.0.read(at, length)
    }
    fn length(&self) -> Pending<io::Result<u64>> {
        self.0.length()
    }
    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        self.0.truncate(length)
    }
    fn reserve(&self, length: u64) -> Pending<io::Result<()>> {
        self.0.reserve(length)
    }
}

/// A clock that counts half as much again.
pub(super) struct Fast(pub(super) Arc<dyn Clock>);

impl Clock for Fast {
    fn now(&self) -> Now {
        let now = self.0.now();
        let micros = now.monotonic.as_micros();
        let monotonic = holdfast_actors::kernel::Instant::from_micros(micros * 3 / 2);
        Now { monotonic, ..now }
    }
}
