//! The right to write to a repository, and what its owner asks of the catalog.

use crate::kernel::{Epoch, ExtentId, RepositoryId};
use crate::ports::Pending;
use crate::recall::CutOff;
use crate::shell::Fault;

/// The part of the catalog that a repository needs.
pub trait Register: Send + Sync + 'static {
    /// The right to write to a repository, until somebody else acquires it.
    fn acquire(&self, repository: RepositoryId) -> Pending<Result<Epoch, Fault>>;
    /// Gives that right back, so that the next owner need not wait.
    fn release(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<(), Fault>>;
    /// What the right acquired under this epoch is worth at this moment.
    fn tenure(&self, epoch: Epoch) -> Tenure;
    /// Whether this node hears no majority of its cluster at this moment; never of one that stands
    /// alone.
    fn cut_off(&self) -> Option<CutOff> {
        None
    }
    /// A repository's extents in their order, each with its sealed length if it has one, as of all
    /// that was answered so far. Once a repository is acquired, only the owner adds to them.
    fn extents(&self, repository: RepositoryId) -> Vec<(ExtentId, Option<u64>)>;
    /// A new extent for the owner with this epoch.
    fn open(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<ExtentId, Fault>>;
    /// The file of an extent is durable; resolves before anything is written to it that somebody
    /// is told of.
    fn begin(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>>;
    /// The open extents of a repository whose files were durable once.
    fn begun(&self, repository: RepositoryId) -> Vec<ExtentId>;
    /// The one epoch that ever writes to an extent; none of one that is forgotten.
    fn writer(&self, extent: ExtentId) -> Option<Epoch>;
    /// The final length of an extent.
    fn seal(&self, extent: ExtentId, epoch: Epoch, length: u64) -> Pending<Result<(), Fault>>;
    /// An emptied extent stays, because an object in it cannot be read: an operator wants to know.
    fn keep(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>>;
    /// Forgets a sealed extent in which nothing counts any more.
    fn forget(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>>;
}

/// What the right to write to a repository is worth. Writes are judged by those who store them;
/// this is for what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// Nobody else has acquired since.
    Held,
    /// Somebody else may have.
    Doubted,
    /// It ended: to read or write, the repository is acquired once more.
    Lost,
}
