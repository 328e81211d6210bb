//! All tenants of this node: loaded when somebody comes, put away when nobody has been there for a
//! while. Knows which tenants there are, and hands each the part of the catalog that is its own.

mod contracts;
mod hands;

use std::time::Duration;

use crate::names::TenantName;
use crate::supervision::{OutOfService, Policy, Supervisor};

pub use contracts::Contracts;
pub(crate) use contracts::changes;
pub use hands::{Door, Message, TenantsHands};

/// The machine of this supervisor.
pub type Tenants = Supervisor<TenantName>;

/// A tenant that fails again and again is out of service for a minute; the others never notice.
pub const POLICY: Policy = Policy {
    restarts: 5,
    within: Duration::from_secs(60),
    exhausted: OutOfService::For(Duration::from_secs(60)),
};
