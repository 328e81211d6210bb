//! Planted bugs of what surrounds the nodes of a cluster: each breaks one invariant.

use std::sync::Arc;

use holdfast_actors::extent;
use holdfast_actors::kernel::{Epoch, ExtentId, Instant, NodeId, Now, RepositoryId};
use holdfast_actors::ports::{Clock, Pending};
use holdfast_actors::recall::CutOff;
use holdfast_actors::repository::{Register, Tenure};
use holdfast_actors::shell::Fault;

use super::book::Book;
use crate::disk::Disk;
use crate::mutation::Mutation;

/// A planted bug of the cluster's world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Who has been an owner believes to be one for ever.
    StaleOwner,
    /// Some uploads are acknowledged and not finished.
    ForgottenUpload,
    /// Uploads that nobody can store yet are acknowledged, and stored later.
    HastyGateway,
    /// No node gets what is at home there.
    StuckOwner,
    /// Operators are told that a node is drained, and it was not told.
    ForgottenDrain,
    /// Operators are told that a node is removed, and nobody else is.
    ForgottenRemoval,
    /// Where a node ends, a replica on its disk changes.
    OtherReplica,
    /// Nobody sees to copies.
    IdleRepair,
    /// A disk never ends to rot.
    EndlessRot,
    /// What is held of an upload that was cut hashes to something else.
    OtherPart,
    /// Leases of tenants end three days after the day that operators were told.
    LongTenancy,
    /// Nodes' monotonic clocks count half as much again.
    FastClocks,
    /// The first node's monotonic clock counts too little.
    SlowClock,
    /// Whoever wants to read is let in as one who may only read.
    LentLogin,
}

impl Flaw {
    /// Each with the mutation that plants it.
    const ALL: [(Mutation, Self); 14] = [
        (Mutation::StaleOwner, Self::StaleOwner),
        (Mutation::ForgottenUpload, Self::ForgottenUpload),
        (Mutation::HastyGateway, Self::HastyGateway),
        (Mutation::StuckOwner, Self::StuckOwner),
        (Mutation::ForgottenDrain, Self::ForgottenDrain),
        (Mutation::ForgottenRemoval, Self::ForgottenRemoval),
        (Mutation::OtherReplica, Self::OtherReplica),
        (Mutation::IdleRepair, Self::IdleRepair),
        (Mutation::EndlessRot, Self::EndlessRot),
        (Mutation::OtherPart, Self::OtherPart),
        (Mutation::LongTenancy, Self::LongTenancy),
        (Mutation::FastClocks, Self::FastClocks),
        (Mutation::SlowClock, Self::SlowClock),
        (Mutation::LentLogin, Self::LentLogin),
    ];

    /// A clock of a node, as it is with this flaw.
    pub(super) fn bent(self, clock: Arc<dyn Clock>, is_first: bool) -> Arc<dyn Clock> {
        let (counts, of) = match self {
            Self::FastClocks => (3, 2),
            Self::SlowClock if is_first => (1, SLOW),
            Self::StaleOwner
            | Self::ForgottenUpload
            | Self::HastyGateway
            | Self::StuckOwner
            | Self::ForgottenDrain
            | Self::ForgottenRemoval
            | Self::OtherReplica
            | Self::IdleRepair
            | Self::EndlessRot
            | Self::OtherPart
            | Self::LongTenancy
            | Self::SlowClock
            | Self::LentLogin => return clock,
        };
        Arc::new(Uneven { clock, counts, of })
    }

    /// The flaw that a mutation plants, if it is one of the cluster.
    pub(crate) fn of(mutation: Mutation) -> Option<Self> {
        let planted = Self::ALL.iter().find(|(planted, _)| *planted == mutation);
        planted.map(|(_, flaw)| *flaw)
    }
}

/// A clock counts one of so many ticks.
pub(super) const SLOW: u64 = 4;

/// A clock whose monotonic time is a fraction of what has passed.
struct Uneven {
    clock: Arc<dyn Clock>,
    counts: u64,
    of: u64,
}

impl Clock for Uneven {
    fn now(&self) -> Now {
        let now = self.clock.now();
        let micros = now.monotonic.as_micros() * self.counts / self.of;
        let monotonic = Instant::from_micros(micros);
        Now { monotonic, ..now }
    }
}

/// A register that has one of them.
pub(super) struct Flawed {
    pub(super) register: Arc<dyn Register>,
    pub(super) flaw: Flaw,
}

impl Register for Flawed {
    fn acquire(&self, repository: RepositoryId) -> Pending<Result<Epoch, Fault>> {
        if self.flaw == Flaw::StuckOwner {
            return Box::pin(async { Err(Fault("planted".to_owned())) });
        }
        self.register.acquire(repository)
    }

    fn release(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        self.register.release(repository, epoch)
    }

    fn tenure(&self, epoch: Epoch) -> Tenure {
        if self.flaw == Flaw::StaleOwner {
            return Tenure::Held;
        }
        self.register.tenure(epoch)
    }

    fn cut_off(&self) -> Option<CutOff> {
        self.register.cut_off()
    }

    fn extents(&self, repository: RepositoryId) -> Vec<(ExtentId, Option<u64>)> {
        self.register.extents(repository)
    }

    fn open(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<ExtentId, Fault>> {
        self.register.open(repository, epoch)
    }

    fn begin(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        self.register.begin(extent, epoch)
    }

    fn begun(&self, repository: RepositoryId) -> Vec<ExtentId> {
        self.register.begun(repository)
    }

    fn writer(&self, extent: ExtentId) -> Option<Epoch> {
        self.register.writer(extent)
    }

    fn seal(&self, extent: ExtentId, epoch: Epoch, length: u64) -> Pending<Result<(), Fault>> {
        self.register.seal(extent, epoch, length)
    }

    fn keep(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        self.register.keep(extent, epoch)
    }

    fn forget(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        self.register.forget(extent, epoch)
    }
}

/// Changes a byte in the middle of one replica that a node has and others have too.
pub(super) fn alter(disk: &Disk, node: NodeId, book: &Book) {
    let rows = book.pages().rows.clone();
    let theirs = rows.extents.iter().find_map(|(id, row)| {
        let replicas = rows.cluster.replicas.get(id)?;
        let is_shared = replicas.whole.len() > 1 && replicas.whole.first() == Some(&node);
        let length = row.sealed.filter(|length| is_shared && *length > 0)?;
        Some((extent::path(row.repository, *id), length))
    });
    let Some((path, length)) = theirs else { return };
    let middle = usize::try_from(length / 2).unwrap_or(0);
    if let Some(mut bytes) = disk.content(&path).filter(|bytes| bytes.len() > middle) {
        bytes[middle] ^= 1;
        disk.rot(&path, bytes);
    }
}
