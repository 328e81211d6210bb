//! Planted bugs of what surrounds the nodes of a cluster: each breaks one invariant.

use std::sync::Arc;

use holdfast_actors::kernel::{Epoch, ExtentId, RepositoryId};
use holdfast_actors::ports::Pending;
use holdfast_actors::repository::{Register, Tenure};
use holdfast_actors::shell::Fault;

use crate::mutation::Mutation;

/// A planted bug of the cluster's world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Who has been an owner believes to be one for ever.
    StaleOwner,
    /// Some uploads are acknowledged and not finished.
    ForgottenUpload,
    /// No node gets what is at home there.
    StuckOwner,
}

impl Flaw {
    /// Each with the mutation that plants it.
    const ALL: [(Mutation, Self); 3] = [
        (Mutation::StaleOwner, Self::StaleOwner),
        (Mutation::ForgottenUpload, Self::ForgottenUpload),
        (Mutation::StuckOwner, Self::StuckOwner),
    ];

    /// The flaw that a mutation plants, if it is one of the cluster.
    pub(crate) fn of(mutation: Mutation) -> Option<Self> {
        let planted = Self::ALL.iter().find(|(planted, _)| *planted == mutation);
        planted.map(|(_, flaw)| *flaw)
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
