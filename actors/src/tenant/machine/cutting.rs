//! What a new contract takes away from those who are inside.

use std::collections::BTreeSet;

use super::super::admission::{self, Seniority};
use super::{Effect, PermitId, Permitted, Tenant};
use crate::kernel::{Acts, Now};
use crate::refusal::Refusal;
use crate::session;
use crate::tenant::{Contract, SessionId};

impl Tenant {
    /// Takes a new contract in. Whatever it does not allow any more is ended at once: all sessions
    /// of a tenant that is gone, disabled, or whose lease ends now; those of a subtenant or
    /// credential that is gone; transfers of a repository that is not theirs any more.
    pub(super) fn follow(&mut self, now: Now, contract: Contract, acts: &mut Acts<Self>) {
        let was_expired = admission::lease_end(&self.contract).is_some();
        self.contract = contract;
        let lease_end = admission::lease_end(&self.contract).filter(|_| !was_expired);
        let closed = admission::closed(&self.contract).or(lease_end);
        let over: Vec<(SessionId, Refusal)> = self
            .open
            .values()
            .filter_map(|session| {
                let refusal = closed.clone().or_else(|| self.verdict(*session))?;
                Some((*session, refusal))
            })
            .collect();
        for (session, refusal) in over {
            self.end(session, &refusal, acts);
        }
        let contract = &self.contract;
        let lost: BTreeSet<_> = (self.permits.iter())
            .filter(|(_, one)| !is_still_theirs(contract, one))
            .map(|(permit, _)| *permit)
            .collect();
        let refusal = admission::not_found();
        for permit in lost {
            self.cut(permit, &refusal, acts);
        }
        if self.contract.maintenance.is_none() {
            let sittings = self.sessions.values_mut();
            sittings.for_each(|sitting| sitting.seat.seniority = Seniority::Before);
        }
        let rate = self.contract.row.as_ref().and_then(|row| row.bandwidth);
        self.bandwidth.limit(now.monotonic, rate);
    }

    /// Why one session may not go on, if it may not.
    fn verdict(&self, session: SessionId) -> Option<Refusal> {
        let sitting = self.sessions.get(&session)?;
        if !self
            .contract
            .credentials
            .contains(&sitting.party.credential)
        {
            return Some(admission::gone());
        }
        admission::membership(&self.contract, sitting.subtenant.as_ref()).err()
    }

    /// Ends a session: it counts as open no more, and its actor closes by itself.
    fn end(&mut self, session: SessionId, refusal: &Refusal, acts: &mut Acts<Self>) {
        self.open.retain(|_, open| *open != session);
        acts.start(Effect::Tell(session, session::Event::End(refusal.reason)));
        self.revoke(|permitted| permitted.session == session, refusal, acts);
    }

    /// Cuts all requests that `which` names.
    pub(super) fn revoke(
        &mut self,
        which: impl Fn(&Permitted) -> bool,
        refusal: &Refusal,
        acts: &mut Acts<Self>,
    ) {
        let cut: Vec<_> = (self.permits.iter())
            .filter(|(_, permitted)| which(permitted))
            .map(|(permit, _)| *permit)
            .collect();
        for permit in cut {
            self.permits.remove(&permit);
            self.free(permit, refusal, acts);
            acts.show(Effect::Revoke(permit, refusal.clone()));
        }
    }

    /// Cuts one request of a session that goes on.
    fn cut(&mut self, permit: PermitId, refusal: &Refusal, acts: &mut Acts<Self>) {
        if let Some(permitted) = self.permits.remove(&permit) {
            self.free(permit, refusal, acts);
            let left = session::Event::Left(permitted.visit.intent, session::Outcome::Broken);
            acts.start(Effect::Tell(permitted.session, left));
            acts.show(Effect::Revoke(permit, refusal.clone()));
        }
    }
}

fn is_still_theirs(contract: &Contract, permitted: &Permitted) -> bool {
    let name = crate::names::RepositoryName::parse(&permitted.visit.repository).ok();
    let grant = admission::place(contract, &permitted.visit, name.as_ref());
    grant.is_some_and(|grant| grant.repository == permitted.grant.repository)
}
