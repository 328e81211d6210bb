//! Bytes per second, shared: of a tenant by its transfers, and of the node by its tenants.
//!
//! The node's own bandwidth is shared evenly by the tenants that send, and each tenant's share by
//! its transfers in turns (R15.20), beside each tenant's own limit (R15.21). A node that was not
//! told its bandwidth has no such actor, and its transfers ask nobody. Restores are free (R15.24).

mod bucket;
mod hands;
mod machine;

use std::fmt;

use crate::kernel::Size;
use crate::names::TenantName;
use crate::ports::Pending;
use crate::refusal::Refusal;
use crate::shell::Handle;
use crate::tenant::unavailable;

pub(crate) use bucket::Bucket;
pub use hands::{BandwidthHands, Message};
pub use machine::{Bandwidth, Effect, Event};

/// One tenant's way to the node's bandwidth.
#[derive(Clone)]
pub struct Way {
    bandwidth: Handle<Message>,
    tenant: TenantName,
}

impl Way {
    /// The way of `tenant`.
    pub const fn new(bandwidth: Handle<Message>, tenant: TenantName) -> Self {
        Self { bandwidth, tenant }
    }

    /// Waits until `size` bytes may come in. To be asked piece by piece, one at a time.
    ///
    /// # Errors
    /// [`Reason::Busy`](crate::refusal::Reason::Busy) if the tenant has too many pieces waiting.
    pub fn charge(&self, size: Size) -> Pending<Result<(), Refusal>> {
        let tenant = self.tenant.clone();
        let charge = |answer| Message::Charge(tenant, size, answer);
        let charged = self.bandwidth.ask(charge);
        Box::pin(async move { charged.await.unwrap_or_else(|_| Err(unavailable())) })
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Way of {}", self.tenant)
    }
}
