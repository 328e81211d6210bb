//! What a tenant does, event by event.

mod cut_off;
mod door;
mod inside;

use std::net::IpAddr;

use expect_test::{Expect, expect};

use super::*;
use crate::catalog::rows::{self, Scope, Subtenant, SubtenantMode, View};
use crate::gateway::Admitted;
use crate::gateways::Doors;
use crate::kernel::{Act, CredentialId, Date, Rate, RepositoryId, Space};
use crate::names::RepositoryName;
use crate::object::Kind;
use crate::service::Intent;

const PROBE: Intent = Intent::Probe;
const READ: Intent = Intent::Read(Kind::Data);
const WRITE: Intent = Intent::Write(Kind::Data, Size::mib(16));
const LOCK: Intent = Intent::Write(Kind::Lock, Size::bytes(200));
const UNLOCK: Intent = Intent::Delete(Kind::Lock);
const DELETE: Intent = Intent::Delete(Kind::Data);
const TODAY: u32 = 100;

/// `acme` with one repository, credentials 1 to 9, two tasks, and a subtenant with half of it.
fn contract() -> Contract {
    let slices = [(RepositoryId::new(1), Some(Size::gib(1)))];
    let ann = Subtenant {
        space: Space::new(9),
        description: String::new(),
        disabled: None,
        mode: SubtenantMode::Standalone,
        slices: slices.into_iter().collect(),
    };
    let name = |text| RepositoryName::parse(text).unwrap();
    Contract {
        row: Some(rows::Tenant {
            id: 7,
            description: String::new(),
            disabled: None,
            lease: None,
            restore_grace: 0,
            purge_hold: 0,
            tasks: 2,
            bandwidth: None,
            bin_days: 7,
            bin_limit: None,
            warned: None,
            ended: false,
            last_session: None,
        }),
        subtenants: [(SubtenantName::parse("ann").unwrap(), ann)].into(),
        credentials: (1..10).map(CredentialId::new).collect(),
        repositories: [
            (name("main"), RepositoryId::new(1)),
            (name("other"), RepositoryId::new(2)),
        ]
        .into(),
        maintenance: None,
        today: Date::from_days(TODAY),
        doors: Doors::default(),
    }
}

fn disable(contract: &mut Contract) {
    contract.row.as_mut().unwrap().disabled = Some("unpaid".to_owned());
}

fn expire(contract: &mut Contract, grace: u32) {
    let row = contract.row.as_mut().unwrap();
    row.lease = Some(Date::from_days(TODAY - 1));
    row.restore_grace = grace;
}

fn visit(credential: u64, intent: Intent) -> Visit {
    Visit {
        admitted: Admitted {
            tenant: TenantName::parse("acme").unwrap(),
            tenant_id: 7,
            subtenant: None,
            space: Space::TENANT,
            credential: CredentialId::new(credential),
            scope: Scope::Full,
            view: None,
            expires: None,
        },
        peer: IpAddr::from([192, 0, 2, 1]),
        gateway: None,
        repository: "main".to_owned(),
        intent,
        cut_off: None,
    }
}

fn scoped(scope: Scope, intent: Intent) -> Visit {
    let mut visit = visit(1, intent);
    visit.admitted.scope = scope;
    visit
}

fn subtenant(name: &str, repository: &str) -> Visit {
    let mut visit = visit(2, PROBE);
    visit.admitted.subtenant = SubtenantName::parse(name).ok();
    visit.admitted.space = Space::new(9);
    visit.repository = repository.to_owned();
    visit
}

/// A tenant and the clock it is told, with what it did as text.
struct Script {
    tenant: Tenant,
    contract: Contract,
    now: Now,
    last_ticket: Ticket,
    lines: String,
}

impl Script {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Contract)) -> Self {
        let mut contract = contract();
        change(&mut contract);
        let name = TenantName::parse("acme").unwrap();
        Self {
            tenant: Tenant::new(name, contract.clone(), Now::default()),
            contract,
            now: Now::default(),
            last_ticket: Ticket::default(),
            lines: String::new(),
        }
    }

    fn at(mut self, millis: u64) -> Self {
        self.now.monotonic = Instant::from_micros(millis * 1000);
        self.run(|tenant, now, acts| tenant.wake(now, acts))
    }

    fn told(self, event: Event) -> Self {
        self.run(|tenant, now, acts| tenant.step(now, event, acts))
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket = self.last_ticket.next();
        self.last_ticket
    }

    fn enter(mut self, visit: Visit) -> Self {
        let ticket = self.ticket();
        self.told(Event::Enter(ticket, Box::new(visit)))
    }

    fn task(mut self, permit: u64, direction: Direction, size: Size) -> Self {
        let ticket = self.ticket();
        self.told(Event::Task(ticket, PermitId(permit), direction, size))
    }

    fn upload(self, permit: u64) -> Self {
        self.task(permit, Direction::Upload, Size::mib(16))
    }

    fn charge(mut self, permit: u64, direction: Direction, size: Size) -> Self {
        let ticket = self.ticket();
        self.told(Event::Charge(ticket, PermitId(permit), direction, size))
    }

    fn leave(self, permit: u64) -> Self {
        self.told(Event::Leave(PermitId(permit), Outcome::Done))
    }

    fn change(mut self, change: impl FnOnce(&mut Contract)) -> Self {
        change(&mut self.contract);
        let contract = Box::new(self.contract.clone());
        self.told(Event::Contract(contract))
    }

    fn closed(self, session: u64) -> Self {
        let report = lost_report(Timestamp::default(), Timestamp::default());
        let report = Report {
            reason: None,
            ..report
        };
        self.told(Event::SessionEnded(SessionId(session), Some(report)))
    }

    fn quiet(mut self) -> Self {
        self.lines.clear();
        self
    }

    fn run(mut self, what: impl FnOnce(&mut Tenant, Now, &mut Acts<Tenant>)) -> Self {
        let mut acts = Acts::default();
        what(&mut self.tenant, self.now, &mut acts);
        let millis = self.now.monotonic.as_micros() / 1000;
        for act in acts {
            let (Act::Show(effect) | Act::Start(effect)) = act;
            let text = match effect {
                Effect::Grant(ticket, permit, grant) => {
                    format!("{ticket} in with {permit:?} to {}", grant.repository)
                }
                Effect::Refuse(ticket, refusal) => format!("{ticket} refused: {refusal}"),
                Effect::Revoke(permit, refusal) => format!("{permit:?} cut: {refusal}"),
                Effect::Open(session, party) => format!("{session} opens: {}", party.credential),
                Effect::Tell(session, event) => format!("{session} {event:?}"),
                Effect::Record(end) => format!("record the end of {}", end.credential),
                other @ (Effect::Proceed(_) | Effect::Rest(_)) => format!("{other:?}"),
            };
            self.lines += &format!("{millis}: {text}\n");
        }
        self
    }

    fn check(self, expected: &Expect) {
        expected.assert_eq(&self.lines);
    }

    /// The answers alone.
    fn answers(mut self) -> Self {
        let lines = self.lines.lines().filter(|line| line.contains("ticket-"));
        self.lines = lines.map(|line| format!("{line}\n")).collect();
        self
    }
}

/// Three requests in one session: permits 1, 2 and 3.
fn three() -> Script {
    let script = Script::new().enter(visit(1, WRITE)).enter(visit(1, WRITE));
    script.enter(visit(1, WRITE)).quiet()
}
