//! How many transfers of a tenant run at once (R15.30): the others wait in order, and not for ever.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::PermitId;
use crate::kernel::{Instant, Size, Ticket};

/// Bodies below this many bytes take no task.
pub const FREE_MAX: Size = Size::mib(1);
/// How long a transfer waits for a task before it is refused.
pub const TASK_WAIT: Duration = Duration::from_secs(60);
/// The most transfers that wait in one direction.
const WAITING_MAX: usize = 1024;

/// The tasks of one direction.
#[derive(Debug, Default)]
pub(super) struct Lane {
    running: BTreeSet<PermitId>,
    /// In the order of arrival, which is also that of the deadlines.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    permit: PermitId,
    ticket: Ticket,
    until: Instant,
}

/// What became of asking for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It runs.
    Running,
    /// It waits for its turn.
    Waiting,
    /// Too many wait already.
    Full,
}

impl Lane {
    /// Asks for a task. A permit has at most one; asking again is answered at once.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        limit: usize,
        permit: PermitId,
        ticket: Ticket,
    ) -> Asked {
        let is_free = self.waiting.is_empty() && self.running.len() < limit;
        if self.running.contains(&permit) || is_free {
            self.running.insert(permit);
            Asked::Running
        } else if self.waiting.len() < WAITING_MAX {
            let until = now + TASK_WAIT;
            self.waiting.push_back(Waiting {
                permit,
                ticket,
                until,
            });
            Asked::Waiting
        } else {
            Asked::Full
        }
    }

    /// The next in line if a task is free; it runs from now on.
    pub(super) fn next(&mut self, limit: usize) -> Option<Ticket> {
        if self.running.len() >= limit {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.running.insert(next.permit);
        Some(next.ticket)
    }

    /// A permit is gone; returns its tickets that waited.
    pub(super) fn leave(&mut self, permit: PermitId) -> Vec<Ticket> {
        self.running.remove(&permit);
        let tickets = self
            .waiting
            .iter()
            .filter(|waiting| waiting.permit == permit);
        let tickets = tickets.map(|waiting| waiting.ticket).collect();
        self.waiting.retain(|waiting| waiting.permit != permit);
        tickets
    }

    /// Somebody who has waited too long.
    pub(super) fn lapsed(&mut self, now: Instant) -> Option<Ticket> {
        let lapsed = self.waiting.pop_front_if(|waiting| waiting.until <= now)?;
        Some(lapsed.ticket)
    }

    /// When the first in line has waited too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|waiting| waiting.until)
    }

    /// How many run and how many wait.
    pub(super) fn figures(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Ask,
        Leave(usize),
        Pass(u64),
        Limit(usize),
    }

    /// A list of all transfers in order, looked through from the start each time.
    #[derive(Default)]
    struct Naive(Vec<(u64, u64, bool)>);

    impl Naive {
        fn running(&self) -> usize {
            self.0.iter().filter(|(_, _, runs)| *runs).count()
        }

        fn settle(&mut self, now: u64, limit: usize, granted: &mut Vec<u64>) {
            self.0.retain(|(_, until, runs)| *runs || *until > now);
            while self.running() < limit
                && let Some(next) = self.0.iter_mut().find(|(_, _, runs)| !runs)
            {
                next.2 = true;
                granted.push(next.0);
            }
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Ask),
            4 => (0_usize..20).prop_map(Step::Leave),
            2 => (1_u64..50).prop_map(Step::Pass),
            1 => (1_usize..5).prop_map(Step::Limit),
        ]
    }

    proptest! {
        #[test]
        fn tasks_are_given_as_a_naive_list_would_and_never_too_many(
            steps in prop::collection::vec(step(), 0..200),
        ) {
            let (mut lane, mut naive) = (Lane::default(), Naive::default());
            let (mut now, mut limit, mut last) = (0, 2, 0);
            let (mut granted, mut expected) = (Vec::new(), Vec::new());
            for step in steps {
                let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
                let before = naive.running();
                match step {
                    Step::Ask => {
                        last += 1;
                        let asked = lane.ask(at(now), limit, PermitId(last), Ticket::new(last));
                        if asked == Asked::Running {
                            granted.push(last);
                        }
                        naive.0.push((last, now + 60, false));
                    }
                    Step::Leave(nth) if nth < naive.0.len() => {
                        let (id, ..) = naive.0.remove(nth);
                        lane.leave(PermitId(id));
                    }
                    Step::Leave(_) => {}
                    Step::Pass(seconds) => now += seconds,
                    Step::Limit(new) => limit = new,
                }
                while lane.lapsed(at(now)).is_some() {}
                while let Some(ticket) = lane.next(limit) {
                    granted.push(ticket.raw());
                }
                naive.settle(now, limit, &mut expected);
                prop_assert_eq!(&granted, &expected);
                prop_assert_eq!(lane.figures().0, naive.running());
                prop_assert!(lane.figures().0 <= limit.max(before));
            }
        }
    }
}
