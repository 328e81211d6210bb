//! What a tenant does, event by event.

use std::net::IpAddr;

use expect_test::{Expect, expect};

use super::*;
use crate::catalog::rows::{self, Scope, Subtenant, SubtenantMode, View};
use crate::gateway::Admitted;
use crate::kernel::{Act, CredentialId, Date, Rate, RepositoryId, Space};
use crate::names::RepositoryName;
use crate::object::Kind;

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
        },
        peer: IpAddr::from([192, 0, 2, 1]),
        repository: "main".to_owned(),
        intent,
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

#[test]
fn the_first_request_opens_a_session_and_the_next_ones_go_on_in_it() {
    let mut elsewhere = visit(1, PROBE);
    elsewhere.peer = IpAddr::from([192, 0, 2, 2]);
    Script::new()
        .enter(visit(1, PROBE))
        .leave(1)
        .enter(visit(1, READ))
        .enter(elsewhere)
        .check(&expect![[r#"
            0: session-1 opens: credential-1
            0: session-1 Entered
            0: ticket-1 in with permit-1 to repository-1
            0: session-1 Left(Probe, Done)
            0: session-1 Entered
            0: ticket-2 in with permit-2 to repository-1
            0: session-2 opens: credential-1
            0: session-2 Entered
            0: ticket-3 in with permit-3 to repository-1
        "#]]);
}

#[test]
fn refusals_come_in_their_order() {
    let bad = || {
        let mut visit = subtenant("ann", "nowhere");
        visit.intent = DELETE;
        visit.admitted.scope = Scope::Read;
        visit
    };
    let ann = || SubtenantName::parse("ann").unwrap();
    Script::with(|contract| {
        contract.row = None;
        contract.maintenance = Some("we move house".to_owned());
        contract.subtenants.remove(&ann());
    })
    .enter(bad())
    .change(|contract| {
        contract.row = super::tests::contract().row;
        expire(contract, 0);
        disable(contract);
    })
    .enter(bad())
    .change(|contract| contract.row.as_mut().unwrap().disabled = None)
    .enter(bad())
    .change(|contract| contract.row.as_mut().unwrap().lease = None)
    .enter(bad())
    .change(|contract| contract.maintenance = None)
    .enter(bad())
    .change(|contract| {
        contract.subtenants = super::tests::contract().subtenants;
        contract.subtenants.get_mut(&ann()).unwrap().disabled = Some("gone".to_owned());
    })
    .enter(bad())
    .change(|contract| contract.subtenants.get_mut(&ann()).unwrap().disabled = None)
    .enter(bad())
    .enter(Visit {
        repository: "main".to_owned(),
        ..bad()
    })
    .check(&expect![[r#"
        0: ticket-1 refused: the user name or the password is wrong
        0: ticket-2 refused: this account is disabled: unpaid
        0: ticket-3 refused: the lease ended on 1970-04-10; ask your service provider to extend it
        0: ticket-4 refused: we move house
        0: ticket-5 refused: the user name or the password is wrong
        0: ticket-6 refused: this subtenant is disabled; ask its tenant or the service provider
        0: ticket-7 refused: there is no such repository
        0: ticket-8 refused: this login may only read
    "#]]);
}

#[test]
fn what_holds_for_a_session_is_refused_at_its_probe() {
    Script::with(disable)
        .enter(visit(1, PROBE))
        .check(&expect![[r#"
            0: ticket-1 refused: this account is disabled: unpaid
        "#]]);
    Script::with(|contract| expire(contract, 0))
        .enter(visit(1, PROBE))
        .check(&expect![[r#"
        0: ticket-1 refused: the lease ended on 1970-04-10; ask your service provider to extend it
    "#]]);
    Script::new().enter(visit(99, PROBE)).check(&expect![[r#"
        0: ticket-1 refused: the user name or the password is wrong
    "#]]);
}

#[test]
fn a_lease_lasts_until_the_end_of_its_last_day() {
    Script::with(|contract| {
        contract.row.as_mut().unwrap().lease = Some(Date::from_days(TODAY));
    })
    .enter(visit(1, WRITE))
    .answers()
    .check(&expect![[r#"
        0: ticket-1 in with permit-1 to repository-1
    "#]]);
}

#[test]
fn within_the_grace_reading_and_locks_are_allowed_and_nothing_else() {
    Script::with(|contract| expire(contract, 1))
        .enter(visit(1, PROBE))
        .enter(visit(1, READ))
        .enter(visit(1, LOCK))
        .enter(visit(1, UNLOCK))
        .enter(visit(1, WRITE))
        .enter(visit(1, DELETE))
        .enter(visit(1, Intent::Create))
        .change(|contract| contract.today = Date::from_days(TODAY + 1))
        .enter(visit(1, READ))
        .enter(visit(1, UNLOCK))
        .answers()
        .check(&expect![[r#"
            0: ticket-1 in with permit-1 to repository-1
            0: ticket-2 in with permit-2 to repository-1
            0: ticket-3 in with permit-3 to repository-1
            0: ticket-4 in with permit-4 to repository-1
            0: ticket-5 refused: the lease ended on 1970-04-10; ask your service provider to extend it
            0: ticket-6 refused: the lease ended on 1970-04-10; ask your service provider to extend it
            0: ticket-7 refused: the lease ended on 1970-04-10; ask your service provider to extend it
            0: ticket-8 refused: the lease ended on 1970-04-10; ask your service provider to extend it
            0: ticket-9 refused: the lease ended on 1970-04-10; ask your service provider to extend it
        "#]]);
}

#[test]
fn in_maintenance_new_sessions_read_and_running_ones_go_on() {
    let begin = |contract: &mut Contract| contract.maintenance = Some("back at six".to_owned());
    Script::new()
        .enter(visit(1, PROBE))
        .change(begin)
        .enter(visit(1, WRITE))
        .enter(visit(2, PROBE))
        .enter(visit(2, READ))
        .enter(visit(2, LOCK))
        .enter(visit(2, WRITE))
        .change(|contract| contract.maintenance = None)
        .enter(visit(3, WRITE))
        .answers()
        .check(&expect![[r#"
            0: ticket-1 in with permit-1 to repository-1
            0: ticket-2 in with permit-2 to repository-1
            0: ticket-3 in with permit-3 to repository-1
            0: ticket-4 in with permit-4 to repository-1
            0: ticket-5 in with permit-5 to repository-1
            0: ticket-6 refused: back at six
            0: ticket-7 in with permit-6 to repository-1
        "#]]);
}

#[test]
fn each_scope_reaches_as_far_as_it_says() {
    for scope in [Scope::Read, Scope::Append, Scope::Full] {
        let intents = [
            READ,
            LOCK,
            UNLOCK,
            WRITE,
            DELETE,
            Intent::Delete(Kind::Config),
        ];
        let allowed: Vec<_> = intents
            .into_iter()
            .filter(|intent| {
                let script = Script::new().enter(scoped(scope, *intent));
                script.lines.contains("ticket-1 in")
            })
            .collect();
        let expected: &[Intent] = match scope {
            Scope::Read => &[READ, LOCK, UNLOCK],
            Scope::Append => &[READ, LOCK, UNLOCK, WRITE],
            Scope::Full => &[READ, LOCK, UNLOCK, WRITE, DELETE],
        };
        assert_eq!(allowed, expected, "{scope:?}");
    }
}

#[test]
fn a_view_is_of_one_repository_and_reads_and_locks_only() {
    let view = |repository: &str, intent| {
        let mut visit = visit(1, intent);
        visit.repository = repository.to_owned();
        visit.admitted.view = Some(View {
            repository: RepositoryId::new(1),
            at: Timestamp::default(),
        });
        visit
    };
    Script::new()
        .enter(view("main", READ))
        .enter(view("main", LOCK))
        .enter(view("main", WRITE))
        .enter(view("other", READ))
        .answers()
        .check(&expect![[r#"
            0: ticket-1 in with permit-1 to repository-1
            0: ticket-2 in with permit-2 to repository-1
            0: ticket-3 refused: this login may only read
            0: ticket-4 refused: there is no such repository
        "#]]);
}

#[test]
fn a_subtenant_uses_the_repositories_it_has_a_slice_of() {
    Script::new()
        .enter(subtenant("ann", "main"))
        .enter(subtenant("ann", "other"))
        .enter(subtenant("ann", "nowhere"))
        .enter(subtenant("ann", "No Name"))
        .enter(subtenant("bob", "main"))
        .answers()
        .check(&expect![[r#"
            0: ticket-1 in with permit-1 to repository-1
            0: ticket-2 refused: there is no such repository
            0: ticket-3 refused: there is no such repository
            0: ticket-4 refused: there is no such repository
            0: ticket-5 refused: the user name or the password is wrong
        "#]]);
}

#[test]
fn a_session_learns_of_refusals_and_a_refusal_opens_none() {
    Script::new()
        .enter(scoped(Scope::Read, DELETE))
        .enter(scoped(Scope::Read, READ))
        .enter(scoped(Scope::Read, DELETE))
        .check(&expect![[r#"
            0: ticket-1 refused: this login may only read
            0: session-1 opens: credential-1
            0: session-1 Entered
            0: ticket-2 in with permit-1 to repository-1
            0: session-1 Refused(Scope)
            0: ticket-3 refused: this login may only read
        "#]]);
}

/// Three requests in one session: permits 1, 2 and 3.
fn three() -> Script {
    let script = Script::new().enter(visit(1, WRITE)).enter(visit(1, WRITE));
    script.enter(visit(1, WRITE)).quiet()
}

#[test]
fn surplus_uploads_wait_their_turn_and_small_ones_never() {
    three()
        .upload(1)
        .upload(2)
        .upload(3)
        .task(3, Direction::Upload, Size::bytes((1 << 20) - 1))
        .task(3, Direction::Download, Size::mib(1))
        .leave(1)
        .check(&expect![[r#"
            0: Proceed(ticket-4)
            0: Proceed(ticket-5)
            0: Proceed(ticket-7)
            0: Proceed(ticket-8)
            0: session-1 Left(Write(data, 16777216B), Done)
            0: Proceed(ticket-6)
        "#]]);
}

#[test]
fn a_transfer_that_waited_sixty_seconds_is_told_to_come_again() {
    let script = three().upload(1).upload(2).upload(3);
    script.at(59_999).at(60_000).leave(1).check(&expect![[r#"
        0: Proceed(ticket-4)
        0: Proceed(ticket-5)
        60000: ticket-6 refused: every task of this tenant is taken; try again
        60000: session-1 Left(Write(data, 16777216B), Done)
    "#]]);
}

#[test]
fn transfers_run_in_the_order_of_arrival() {
    three()
        .change(|contract| contract.row.as_mut().unwrap().tasks = 1)
        .upload(3)
        .upload(1)
        .upload(2)
        .leave(3)
        .leave(1)
        .answers()
        .check(&expect![[r#"
            0: Proceed(ticket-4)
            0: Proceed(ticket-5)
            0: Proceed(ticket-6)
        "#]]);
}

#[test]
fn more_tasks_let_those_who_wait_go_on_and_fewer_stop_nobody() {
    three()
        .upload(1)
        .upload(2)
        .change(|contract| contract.row.as_mut().unwrap().tasks = 1)
        .upload(3)
        .leave(1)
        .change(|contract| contract.row.as_mut().unwrap().tasks = 2)
        .answers()
        .check(&expect![[r#"
            0: Proceed(ticket-4)
            0: Proceed(ticket-5)
            0: Proceed(ticket-6)
        "#]]);
}

#[test]
fn a_disabled_tenant_has_no_session_and_everything_is_cut_at_once() {
    let script = three()
        .upload(1)
        .upload(2)
        .upload(3)
        .change(|contract| {
            contract.row.as_mut().unwrap().bandwidth = Rate::parse("1B/s").ok();
        })
        .charge(1, Direction::Upload, Size::mib(1))
        .charge(1, Direction::Upload, Size::mib(1))
        .quiet()
        .change(disable);
    assert!(script.tenant.open.is_empty() && script.tenant.permits.is_empty());
    script
        .upload(2)
        .leave(2)
        .enter(visit(1, PROBE))
        .closed(1)
        .check(&expect![[r#"
            0: session-1 End(Disabled)
            0: ticket-7 refused: this account is disabled: unpaid
            0: ticket-8 refused: this account is disabled: unpaid
            0: permit-1 cut: this account is disabled: unpaid
            0: permit-2 cut: this account is disabled: unpaid
            0: ticket-6 refused: this account is disabled: unpaid
            0: permit-3 cut: this account is disabled: unpaid
            0: ticket-9 refused: the request is over
            0: ticket-10 refused: this account is disabled: unpaid
            0: record the end of credential-1
        "#]]);
}

#[test]
fn the_end_of_the_lease_ends_all_sessions_and_the_grace_lets_them_come_back_to_read() {
    three()
        .change(|contract| expire(contract, 5))
        .enter(visit(1, READ))
        .change(|_| {})
        .check(&expect![[r#"
            0: session-1 End(LeaseExpired)
            0: permit-1 cut: the lease ended on 1970-04-10; ask your service provider to extend it
            0: permit-2 cut: the lease ended on 1970-04-10; ask your service provider to extend it
            0: permit-3 cut: the lease ended on 1970-04-10; ask your service provider to extend it
            0: session-2 opens: credential-1
            0: session-2 Entered
            0: ticket-4 in with permit-4 to repository-1
        "#]]);
}

#[test]
fn a_revoked_credential_ends_its_own_sessions_only() {
    three()
        .enter(visit(2, READ))
        .quiet()
        .change(|contract| {
            contract
                .credentials
                .retain(|id| *id != CredentialId::new(1))
        })
        .check(&expect![[r#"
            0: session-1 End(Unauthenticated)
            0: permit-1 cut: the user name or the password is wrong
            0: permit-2 cut: the user name or the password is wrong
            0: permit-3 cut: the user name or the password is wrong
        "#]]);
}

#[test]
fn a_disabled_subtenant_is_cut_and_its_tenant_goes_on() {
    Script::new()
        .enter(subtenant("ann", "main"))
        .enter(visit(1, READ))
        .quiet()
        .change(|contract| {
            let ann = contract.subtenants.values_mut().next().unwrap();
            ann.disabled = Some("left".to_owned());
        })
        .check(&expect![[r#"
            0: session-1 End(Disabled)
            0: permit-1 cut: this subtenant is disabled; ask its tenant or the service provider
        "#]]);
}

#[test]
fn a_removed_repository_cuts_what_runs_in_it() {
    let mut other = visit(1, READ);
    other.repository = "other".to_owned();
    Script::new()
        .enter(visit(1, WRITE))
        .enter(other)
        .quiet()
        .change(|contract| {
            contract
                .repositories
                .retain(|_, id| *id != RepositoryId::new(1));
        })
        .check(&expect![[r#"
            0: session-1 Left(Write(data, 16777216B), Broken)
            0: permit-1 cut: there is no such repository
        "#]]);
}

#[test]
fn uploads_share_the_bandwidth_and_downloads_are_free() {
    three()
        .change(|contract| {
            contract.row.as_mut().unwrap().bandwidth = Rate::parse("1KB/s").ok();
        })
        .at(100)
        .charge(1, Direction::Upload, Size::bytes(1000))
        .charge(1, Direction::Upload, Size::bytes(1000))
        .charge(2, Direction::Upload, Size::bytes(1000))
        .charge(3, Direction::Download, Size::gib(1))
        .at(1001)
        .at(2001)
        .at(3001)
        .check(&expect![[r#"
            100: session-1 Moved(Upload, 1000B)
            100: Proceed(ticket-4)
            100: session-1 Moved(Download, 1073741824B)
            100: Proceed(ticket-7)
            1001: session-1 Moved(Upload, 1000B)
            1001: Proceed(ticket-6)
            2001: session-1 Moved(Upload, 1000B)
            2001: Proceed(ticket-5)
        "#]]);
}

#[test]
fn a_tenant_without_sessions_rests_after_a_minute() {
    Script::new()
        .enter(visit(1, PROBE))
        .leave(1)
        .at(120_000)
        .closed(1)
        .at(179_999)
        .at(180_000)
        .at(240_000)
        .check(&expect![[r#"
            0: session-1 opens: credential-1
            0: session-1 Entered
            0: ticket-1 in with permit-1 to repository-1
            0: session-1 Left(Probe, Done)
            120000: record the end of credential-1
            180000: Rest(1)
            240000: Rest(1)
        "#]]);
}

#[test]
fn a_request_that_meets_its_closing_session_gets_a_new_one() {
    Script::new()
        .enter(visit(1, PROBE))
        .leave(1)
        .enter(visit(1, READ))
        .quiet()
        .closed(1)
        .leave(2)
        .check(&expect![[r#"
            0: record the end of credential-1
            0: session-2 opens: credential-1
            0: session-2 Entered
            0: session-2 Left(Read(data), Done)
        "#]]);
}

#[test]
fn a_session_that_an_operator_stops_is_cut() {
    three()
        .told(Event::SessionEnded(SessionId(1), None))
        .enter(visit(1, READ))
        .check(&expect![[r#"
            0: record the end of credential-1
            0: permit-1 cut: the session was ended by the operator
            0: permit-2 cut: the session was ended by the operator
            0: permit-3 cut: the session was ended by the operator
            0: session-2 opens: credential-1
            0: session-2 Entered
            0: ticket-4 in with permit-4 to repository-1
        "#]]);
}

#[test]
fn sessions_and_requests_are_bounded() {
    let mut script = Script::new();
    for address in 0..=SESSIONS_MAX {
        let mut visit = visit(1, READ);
        let [high, low] = u16::try_from(address).unwrap().to_be_bytes();
        visit.peer = IpAddr::from([10, 0, high, low]);
        script = script.enter(visit);
    }
    assert_eq!(script.tenant.sessions.len(), SESSIONS_MAX);
    let mut script = Script::new();
    for _ in 0..=PERMITS_MAX {
        script = script.enter(visit(1, READ)).quiet();
    }
    assert_eq!(script.tenant.permits.len(), PERMITS_MAX);
}
