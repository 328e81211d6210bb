//! The tenant's decisions: who comes in, what runs at once, and what is cut.
//!
//! Invariants: no more transfers run than the contract says, unless it said more before (I4); a
//! disabled or expired tenant has no session, but those that read within its grace (I5).

mod cutting;
mod moving;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::admission::{self, Seat, Seniority};
use super::tasks::Lane;
use super::{Contract, Grant, PermitId, SessionEnd, SessionId, Visit};
use crate::bandwidth::Bucket;
use crate::catalog::rows::SessionResult;
use crate::gateways::Door;
use crate::kernel::{Acts, Instant, Machine, Never, Now, Size, Ticket, Timestamp};
use crate::names::{SubtenantName, TenantName};
use crate::refusal::{Reason, Refusal};
use crate::session::{self, Direction, Outcome, Party, Report};

/// The most sessions open at once.
const SESSIONS_MAX: usize = 256;
/// The most requests let in at once: half of what a node serves at once, so that one tenant alone
/// never shuts out the others.
const PERMITS_MAX: usize = 512;
/// The most pieces of one transfer that wait.
const PIECES_MAX: usize = 16;
/// How long a tenant without sessions stays loaded.
const REST: Duration = Duration::from_secs(60);
/// When a caller may try again that was too many.
const PAUSE: Duration = Duration::from_secs(5);

/// What a tenant learns.
#[derive(Debug)]
pub enum Event {
    /// The catalog says this of the tenant from now on.
    Contract(Box<Contract>),
    /// A request stands at the door.
    Enter(Ticket, Box<Visit>),
    /// A request that was let in wants to move a body of this size.
    Task(Ticket, PermitId, Direction, Size),
    /// It wants to move this many bytes now.
    Charge(Ticket, PermitId, Direction, Size),
    /// It is over.
    Leave(PermitId, Outcome),
    /// A session has closed, with its report, or was lost.
    SessionEnded(SessionId, Option<Report>),
}

/// What a tenant wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let the request in.
    Grant(Ticket, PermitId, Grant),
    /// Do not let it in, or on.
    Refuse(Ticket, Refusal),
    /// Let it take its task, or move its bytes.
    Proceed(Ticket),
    /// Cut a request that was let in.
    Revoke(PermitId, Refusal),
    /// Start a session.
    Open(SessionId, Party),
    /// Tell a session.
    Tell(SessionId, session::Event),
    /// Tell the catalog that a session is over.
    Record(Box<SessionEnd>),
    /// Nobody is here: the tenant may be put away, if these many requests are all there were.
    Rest(u64),
}

/// One tenant.
#[derive(Debug)]
pub struct Tenant {
    name: TenantName,
    contract: Contract,
    sessions: BTreeMap<SessionId, Sitting>,
    /// The open session of each party.
    open: BTreeMap<Party, SessionId>,
    permits: BTreeMap<PermitId, Permitted>,
    uploads: Lane,
    downloads: Lane,
    bandwidth: Bucket<PermitId>,
    last_session: SessionId,
    last_permit: PermitId,
    /// Requests passed on by the supervisor so far.
    seen: u64,
    refused: u64,
    /// Since when nobody is here.
    idle: Instant,
}

/// A session as its tenant knows it.
#[derive(Debug)]
struct Sitting {
    party: Party,
    subtenant: Option<SubtenantName>,
    seat: Seat,
    opened: Timestamp,
}

/// A request that was let in.
#[derive(Debug)]
struct Permitted {
    session: SessionId,
    visit: Box<Visit>,
    grant: Grant,
}

impl Machine for Tenant {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let was_empty = self.is_empty();
        match event {
            Event::Contract(contract) => self.follow(now, *contract, acts),
            Event::Enter(ticket, visit) => self.enter(now, ticket, visit, acts),
            Event::Task(ticket, permit, direction, size) => {
                self.ask(now.monotonic, ticket, permit, (direction, size), acts);
            }
            Event::Charge(ticket, permit, direction, size) => {
                self.charge(ticket, permit, (direction, size), acts);
            }
            Event::Leave(permit, outcome) => self.leave(permit, outcome, acts),
            Event::SessionEnded(session, report) => self.ended(now, session, report, acts),
        }
        self.settle(now.monotonic, acts);
        if !was_empty {
            self.idle = now.monotonic;
        }
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let rest = self.is_empty().then(|| self.idle + REST);
        let lanes = [self.uploads.deadline(), self.downloads.deadline()];
        let all = lanes.into_iter().chain([self.bandwidth.deadline(), rest]);
        all.flatten().min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.settle(now.monotonic, acts);
        if self.is_empty() && self.idle + REST <= now.monotonic {
            self.idle = now.monotonic;
            acts.start(Effect::Rest(self.seen));
        }
    }

    fn broken(&self) -> Option<&'static str> {
        let row = self.contract.row.as_ref();
        let is_over = row.and_then(|row| row.lease);
        let is_over = is_over.is_some_and(|last| self.contract.today > last);
        let mut inside = self.permits.values();
        (is_over && inside.any(|permitted| admission::writes(permitted.visit.intent)))
            .then_some("lease")
    }

    fn observe(&self) -> serde_json::Value {
        let row = self.contract.row.as_ref();
        let lane = |lane: &Lane| {
            let (running, waiting) = lane.figures();
            json!({ "running": running, "waiting": waiting })
        };
        json!({
            "tenant": self.name.as_str(),
            "state": row.map(|row| row.state(self.contract.today)),
            "lease": row.and_then(|row| row.lease).map(|last| last.to_string()),
            "tasks": row.map(|row| row.tasks),
            "bandwidth": row.and_then(|row| row.bandwidth).map(|rate| rate.to_string()),
            "sessions": self.open.len(),
            "requests": self.permits.len(),
            "uploads": lane(&self.uploads),
            "downloads": lane(&self.downloads),
            "pieces-waiting": self.bandwidth.waiting(),
            "refused": self.refused,
        })
    }

    fn waits(&self) -> Vec<String> {
        let figures = [
            (self.uploads.figures().1, "uploads wait for a task"),
            (self.downloads.figures().1, "downloads wait for a task"),
            (self.bandwidth.waiting(), "pieces wait for bandwidth"),
        ];
        let some = figures.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

impl Tenant {
    /// A tenant that was just loaded, with its contract.
    pub fn new(name: TenantName, contract: Contract, now: Now) -> Self {
        let mut bandwidth = Bucket::new(PIECES_MAX);
        let rate = contract.row.as_ref().and_then(|row| row.bandwidth);
        bandwidth.limit(now.monotonic, rate);
        Self {
            name,
            contract,
            sessions: BTreeMap::new(),
            open: BTreeMap::new(),
            permits: BTreeMap::new(),
            uploads: Lane::default(),
            downloads: Lane::default(),
            bandwidth,
            last_session: SessionId(0),
            last_permit: PermitId(0),
            seen: 0,
            refused: 0,
            idle: now.monotonic,
        }
    }

    fn enter(&mut self, now: Now, ticket: Ticket, visit: Box<Visit>, acts: &mut Acts<Self>) {
        self.seen += 1;
        let party = Party {
            credential: visit.admitted.credential,
            peer: visit.peer,
        };
        let open = self.open.get(&party).copied();
        let sitting = open.and_then(|session| self.sessions.get(&session));
        let seat = sitting.map_or(self.seat(), |sitting| sitting.seat);
        let decided = admission::decide(&self.contract, &visit, seat);
        let decided = decided.and_then(|grant| self.room(open).map(|()| grant));
        let grant = match decided {
            Ok(grant) => grant,
            Err(refusal) => {
                self.refused += 1;
                if let Some(session) = open {
                    let event = session::Event::Refused(refusal.reason);
                    acts.start(Effect::Tell(session, event));
                }
                return acts.show(Effect::Refuse(ticket, refusal));
            }
        };
        let member = visit.admitted.subtenant.clone();
        let session = open.unwrap_or_else(|| self.sit(now, party, member, seat, acts));
        if self.contract.doors.door(visit.gateway) == Door::Spare
            && let Some(sitting) = self.sessions.get_mut(&session)
        {
            sitting.seat.by_spare = true;
        }
        self.last_permit = PermitId(self.last_permit.0 + 1);
        let permit = self.last_permit;
        self.permits.insert(
            permit,
            Permitted {
                session,
                visit,
                grant,
            },
        );
        acts.start(Effect::Tell(session, session::Event::Entered));
        acts.show(Effect::Grant(ticket, permit, grant));
    }

    /// Limits of our own, after all rules of the contract.
    fn room(&self, open: Option<SessionId>) -> Result<(), Refusal> {
        if self.permits.len() >= PERMITS_MAX {
            return Err(busy("too many requests of this tenant are in progress"));
        }
        if open.is_none() && self.sessions.len() >= SESSIONS_MAX {
            return Err(busy("too many sessions of this tenant are open"));
        }
        Ok(())
    }

    fn sit(
        &mut self,
        now: Now,
        party: Party,
        subtenant: Option<SubtenantName>,
        seat: Seat,
        acts: &mut Acts<Self>,
    ) -> SessionId {
        self.last_session = SessionId(self.last_session.0 + 1);
        let session = self.last_session;
        let sitting = Sitting {
            party,
            subtenant,
            seat,
            opened: now.wall,
        };
        self.sessions.insert(session, sitting);
        self.open.insert(party, session);
        acts.start(Effect::Open(session, party));
        session
    }

    fn ended(
        &mut self,
        now: Now,
        session: SessionId,
        report: Option<Report>,
        acts: &mut Acts<Self>,
    ) {
        let Some(sitting) = self.sessions.remove(&session) else {
            return;
        };
        let is_open = self.open.get(&sitting.party) == Some(&session);
        if is_open {
            self.open.remove(&sitting.party);
        }
        let lost = report.is_none();
        acts.start(Effect::Record(Box::new(SessionEnd {
            tenant: self.name.clone(),
            subtenant: sitting.subtenant.clone(),
            credential: sitting.party.credential,
            peer: sitting.party.peer,
            report: report.unwrap_or_else(|| lost_report(sitting.opened, now.wall)),
        })));
        if lost {
            let refusal = Refusal::new(Reason::Ended, "the session was ended by the operator");
            self.revoke(|permitted| permitted.session == session, &refusal, acts);
        } else if is_open {
            self.reseat(now, session, sitting, acts);
        }
    }

    /// A request came in while its session was closing for idleness: it gets a new one.
    fn reseat(&mut self, now: Now, old: SessionId, sitting: Sitting, acts: &mut Acts<Self>) {
        let left = self
            .permits
            .values()
            .filter(|permitted| permitted.session == old);
        let count = left.count();
        if count == 0 {
            return;
        }
        let by_spare = sitting.seat.by_spare;
        let seat = Seat {
            by_spare,
            ..self.seat()
        };
        let new = self.sit(now, sitting.party, sitting.subtenant, seat, acts);
        for permitted in self.permits.values_mut().filter(|one| one.session == old) {
            permitted.session = new;
        }
        for _ in 0..count {
            acts.start(Effect::Tell(new, session::Event::Entered));
        }
    }

    /// Of a session that is opened now, or whose backup is complete now.
    const fn seniority(&self) -> Seniority {
        match self.contract.maintenance {
            Some(_) => Seniority::During,
            None => Seniority::Before,
        }
    }

    /// Of a session that would be opened now.
    const fn seat(&self) -> Seat {
        Seat {
            seniority: self.seniority(),
            by_spare: false,
        }
    }

    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.permits.is_empty()
    }
}

fn busy(sentence: &str) -> Refusal {
    Refusal::retry(Reason::Busy, sentence, PAUSE)
}

const fn lost_report(opened: Timestamp, closed: Timestamp) -> Report {
    Report {
        opened,
        closed,
        result: SessionResult::Failed,
        requests: 0,
        uploaded: Size::ZERO,
        downloaded: Size::ZERO,
        snapshots: 0,
        reason: Some(Reason::Ended),
    }
}

#[cfg(test)]
mod tests;
