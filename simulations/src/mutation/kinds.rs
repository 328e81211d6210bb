//! In which plans a planted bug shows.

use super::Mutation;
use crate::calls;
use crate::catalog;
use crate::cluster;
use crate::plan::{Node, Plan};
use crate::register::Flaw;
use crate::wire;

impl Mutation {
    /// A plan of this seed in which the bug can show.
    pub fn plan(self, seed: u64) -> Plan {
        match Flaw::of(self) {
            Some(Flaw::BareRead) => Plan::storm(seed),
            Some(_) => Plan::register(seed),
            None if catalog::Flaw::of(self).is_some() => Plan::catalog(seed),
            None if calls::Flaw::of(self).is_some() => Plan::calls(seed),
            None if wire::Flaw::of(self).is_some() => Plan::wire(seed),
            None if self.is_of_owners() => Plan::deposed(seed),
            None if self == Self::LongTenancy => Plan::ending(seed),
            None if self.is_of_minorities() => Plan::headless(seed),
            None if self == Self::EndlessRot => Plan::decaying(seed),
            None if self.is_of_orders() => Plan::ordered(seed),
            None if cluster::Flaw::of(self).is_some() => Plan::cluster(seed),
            // A disk with a small journal is too small for a reserve.
            None if self == Self::BoastingDisk => Plan {
                node: Node::default(),
                ..Plan::single(seed)
            },
            None if self == Self::HiddenDamage => Plan::rotting(seed),
            None if self.is_of_affairs() => Plan::affairs(seed),
            None if self.is_of_tape() => Plan::tape(seed),
            None => Plan::single(seed),
        }
    }

    /// Whether it shows only where operators do what they do seldom.
    const fn is_of_affairs(self) -> bool {
        matches!(
            self,
            Self::OtherInstant | Self::GrantedInstead | Self::NoPurgeHold | Self::Revenant
        )
    }

    /// Whether it shows only where nodes are cut off that own something.
    const fn is_of_owners(self) -> bool {
        matches!(self, Self::StaleOwner | Self::StuckOwner | Self::SlowClock)
    }

    /// Whether it shows only where no majority of a cluster is up for a while.
    const fn is_of_minorities(self) -> bool {
        matches!(self, Self::HastyGateway | Self::OtherPart | Self::LentLogin)
    }

    /// Whether it shows only where operators of a cluster order something of its nodes.
    const fn is_of_orders(self) -> bool {
        matches!(
            self,
            Self::ForgottenDrain | Self::ForgottenRemoval | Self::OtherReplica | Self::IdleRepair
        )
    }

    /// Whether it shows only where there is a tape library.
    const fn is_of_tape(self) -> bool {
        matches!(
            self,
            Self::LyingTape
                | Self::GuessedPosition
                | Self::RepeatedMove
                | Self::UnnotedMove
                | Self::PartialView
                | Self::ClearText
                | Self::HastyReuse
                | Self::EndlessRestore
        )
    }
}
