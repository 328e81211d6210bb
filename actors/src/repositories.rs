//! All repositories of this node: loaded when somebody comes, put away when nobody has been there
//! for a while. Knows where a repository's log lies, and hands each its settings when they change.

mod hands;
mod load;
mod register;

use std::time::Duration;

use crate::kernel::RepositoryId;
use crate::supervision::{OutOfService, Policy, Supervisor};

pub use hands::{Message, RepositoriesHands, Sink};
pub use load::{LoadError, Loaded};
pub use register::CatalogRegister;

/// The machine of this supervisor.
pub type Repositories = Supervisor<RepositoryId>;

/// A repository that fails again and again is out of service for a minute; the others never notice.
pub const POLICY: Policy = Policy {
    restarts: 3,
    within: Duration::from_secs(60),
    exhausted: OutOfService::For(Duration::from_secs(60)),
};
