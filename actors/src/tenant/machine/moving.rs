//! What those who are inside may move: tasks and bytes, and their end.

use super::super::tasks::{Asked, FREE_MAX};
use super::{Effect, PermitId, Tenant, busy};
use crate::kernel::{Acts, Instant, Size, Ticket};
use crate::object::Kind;
use crate::refusal::{Reason, Refusal};
use crate::service::Intent;
use crate::session::{self, Direction, Outcome};

impl Tenant {
    pub(super) fn ask(
        &mut self,
        now: Instant,
        ticket: Ticket,
        permit: PermitId,
        (direction, size): (Direction, Size),
        acts: &mut Acts<Self>,
    ) {
        let Some(permitted) = self.permits.get(&permit) else {
            return acts.show(Effect::Refuse(ticket, cut()));
        };
        if size < FREE_MAX || is_lock(permitted.visit.intent) {
            return acts.show(Effect::Proceed(ticket));
        }
        let limit = self.tasks();
        let lane = match direction {
            Direction::Upload => &mut self.uploads,
            Direction::Download => &mut self.downloads,
        };
        match lane.ask(now, limit, permit, ticket) {
            Asked::Running => acts.show(Effect::Proceed(ticket)),
            Asked::Waiting => {}
            Asked::Full => acts.show(Effect::Refuse(ticket, busy(TASKS_TAKEN))),
        }
    }

    pub(super) fn charge(
        &mut self,
        ticket: Ticket,
        permit: PermitId,
        (direction, size): (Direction, Size),
        acts: &mut Acts<Self>,
    ) {
        let Some(permitted) = self.permits.get(&permit) else {
            return acts.show(Effect::Refuse(ticket, cut()));
        };
        // Restores are free (R15.24).
        if direction == Direction::Download {
            let moved = session::Event::Moved(direction, size);
            acts.start(Effect::Tell(permitted.session, moved));
            acts.show(Effect::Proceed(ticket));
        } else if !self.bandwidth.charge(permit, ticket, size) {
            let refusal = busy("too many pieces of this body wait for bandwidth");
            acts.show(Effect::Refuse(ticket, refusal));
        }
    }

    pub(super) fn leave(&mut self, permit: PermitId, outcome: Outcome, acts: &mut Acts<Self>) {
        let seniority = self.seniority();
        if let Some(permitted) = self.permits.remove(&permit) {
            self.free(permit, &cut(), acts);
            let stored = matches!(permitted.visit.intent, Intent::Write(Kind::Snapshot, _));
            let sitting = self.sessions.get_mut(&permitted.session);
            if let (true, Outcome::Done, Some(sitting)) = (stored, outcome, sitting) {
                sitting.seat.seniority = seniority;
            }
            let left = session::Event::Left(permitted.visit.intent, outcome);
            acts.start(Effect::Tell(permitted.session, left));
        }
    }

    /// Gives back what a permit held, and answers what it still waited for.
    pub(super) fn free(&mut self, permit: PermitId, refusal: &Refusal, acts: &mut Acts<Self>) {
        let waiting = [
            self.uploads.leave(permit),
            self.downloads.leave(permit),
            self.bandwidth.leave(&permit),
        ];
        for ticket in waiting.into_iter().flatten() {
            acts.show(Effect::Refuse(ticket, refusal.clone()));
        }
    }

    /// Lets on whoever may go on, and turns away whoever has waited too long.
    pub(super) fn settle(&mut self, now: Instant, acts: &mut Acts<Self>) {
        let limit = self.tasks();
        for lane in [&mut self.uploads, &mut self.downloads] {
            while let Some(ticket) = lane.lapsed(now) {
                acts.show(Effect::Refuse(ticket, busy(TASKS_TAKEN)));
            }
            while let Some(ticket) = lane.next(limit) {
                acts.show(Effect::Proceed(ticket));
            }
        }
        while let Some((permit, ticket, size)) = self.bandwidth.next(now) {
            if let Some(permitted) = self.permits.get(&permit) {
                let moved = session::Event::Moved(Direction::Upload, size);
                acts.start(Effect::Tell(permitted.session, moved));
            }
            acts.show(Effect::Proceed(ticket));
        }
    }

    /// The most transfers in one direction; at least one, or nothing would ever move.
    fn tasks(&self) -> usize {
        let tasks = self.contract.row.as_ref().map_or(1, |row| row.tasks);
        usize::try_from(tasks).unwrap_or(usize::MAX).max(1)
    }
}

const TASKS_TAKEN: &str = "every task of this tenant is taken; try again";

fn cut() -> Refusal {
    Refusal::new(Reason::Ended, "the request is over")
}

const fn is_lock(intent: Intent) -> bool {
    matches!(
        intent,
        Intent::Read(Kind::Lock) | Intent::Write(Kind::Lock, _)
    )
}
