//! How long a repository is asked for that somebody else may still have.

use std::time::Duration;

use holdfast_actors::catalog::{Outcome, Refused, SubmitError};
use holdfast_actors::kernel::{Epoch, Instant, NodeId};
use holdfast_actors::shell::Fault;

/// How long a repository is waited for: longer than the lease of an owner that is gone lasts.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long nothing is asked after a refusal that time may change, unless its owner changes.
const PAUSE: Duration = Duration::from_millis(100);

/// One wish to write to a repository.
#[derive(Debug)]
pub(super) struct Claiming {
    until: Instant,
}

/// What came of asking once.
#[derive(Debug)]
pub(super) enum Claim {
    Granted(Epoch),
    /// In a moment it may be granted.
    Later(Fault),
    Never(Fault),
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// It is had.
    Done(Epoch),
    /// Ask again after so long, or when its owner is another.
    Wait(Duration),
    /// Give up.
    Fail(Fault),
}

impl Claim {
    /// A node without a lease need not ask; it may have one soon.
    pub(super) fn without_lease(node: NodeId) -> Self {
        Self::Later(Fault(format!("{node} holds no lease")))
    }

    /// What the catalog's answer means.
    pub(super) fn of(answer: Result<Outcome, SubmitError>) -> Self {
        match answer {
            Ok(Outcome::Epoch { epoch }) => Self::Granted(epoch),
            Ok(outcome) => Self::Never(Fault(format!("the catalog answered {outcome:?}"))),
            // The owner before is there until its lease ends, or this node's lease has just ended.
            Err(SubmitError::Refused(refused @ (Refused::Owned(..) | Refused::LeaseLost(..)))) => {
                Self::Later(Fault::of(&refused))
            }
            Err(error) => Self::Never(Fault::of(&error)),
        }
    }
}

impl Claiming {
    /// Begins to ask.
    pub(super) fn begin(now: Instant) -> Self {
        let until = now + PATIENCE;
        Self { until }
    }

    /// What follows from what came of asking.
    pub(super) fn told(&self, now: Instant, claim: Claim) -> Next {
        match claim {
            Claim::Granted(epoch) => Next::Done(epoch),
            Claim::Later(_) if now < self.until => Next::Wait(PAUSE),
            Claim::Later(fault) | Claim::Never(fault) => Next::Fail(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::RepositoryId;
    use holdfast_actors::shell::Gone;
    use proptest::prelude::*;

    use super::*;

    fn refused(refused: Refused) -> Claim {
        Claim::of(Err(refused.into()))
    }

    #[test]
    fn what_time_may_change_is_asked_again_and_nothing_else() {
        let (node, repository) = (NodeId::new(2), RepositoryId::new(7));
        let claiming = Claiming::begin(Instant::default());
        let next = |claim| claiming.told(Instant::default(), claim);
        let epoch = Epoch::new(9);
        let granted = Claim::of(Ok(Outcome::Epoch { epoch }));
        assert!(matches!(next(granted), Next::Done(had) if had == epoch));
        for claim in [
            Claim::without_lease(node),
            refused(Refused::Owned(repository, node)),
            refused(Refused::LeaseLost(node, epoch)),
        ] {
            assert!(matches!(next(claim), Next::Wait(PAUSE)));
        }
        for claim in [
            Claim::of(Ok(Outcome::Done)),
            Claim::of(Err(SubmitError::Gone(Gone))),
            refused(Refused::NotTaken(node)),
        ] {
            assert!(matches!(next(claim), Next::Fail(_)));
        }
    }

    proptest! {
        #[test]
        fn nobody_gives_up_before_there_is_no_patience_left_nor_waits_longer(work in 0..2_000_u64) {
            let begun = Instant::default();
            let (claiming, mut now) = (Claiming::begin(begun), begun);
            while let Next::Wait(pause) =
                claiming.told(now, Claim::without_lease(NodeId::new(1)))
            {
                prop_assert!(now < begun + PATIENCE);
                now = now + pause + Duration::from_millis(work);
            }
            prop_assert!(now >= begun + PATIENCE);
        }
    }
}
