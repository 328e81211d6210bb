//! What holds for the rows whatever anybody submits, in whatever order, however the clock goes.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::command::{
    Actor, ApprovalCommand, ClockCommand, Command, Contract, ContractChange, CredentialCommand,
    ExtentCommand, OperatorCommand, RepositoryCommand, ServiceCommand, Submission,
    SubtenantCommand, TenantCommand,
};
use super::fixture::{
    HOUR, Office, add_repository, add_subtenant, login, maintenance, operator, operator_name,
    purge_tenant, remove_repository, remove_tenant, repository_name, subtenant, tenant,
    tenant_name,
};
use super::record::{restore, snapshot};
use super::rows::{Role, Rows, Scope, SessionResult, Verifier};
use crate::kernel::{CredentialId, Date, Epoch, ExtentId, RepositoryId, Sequence, Size};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Submit(Actor, Command),
    /// The last command comes once more.
    Again,
    Pass(Duration),
    Leap(u64),
    Restart,
}

/// Stands for the epoch of whoever owns the repository then.
const OWNER: Epoch = Epoch::new(1);

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b"])
}

fn days() -> impl Strategy<Value = Date> {
    (20_770_u32..20_800).prop_map(Date::from_days)
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        6 => Just(operator("ann")),
        2 => Just(operator("bob")),
        3 => Just(Actor::System),
        2 => (name(), 1_u64..12).prop_map(|(of, id)| {
            Actor::Tenant(tenant_name(of), CredentialId::new(id))
        }),
    ]
}

fn account() -> impl Strategy<Value = Command> {
    let change = (
        prop::option::of(prop::option::of(days())),
        prop::option::of(0_u32..99),
    );
    let scope = prop::sample::select(vec![Scope::Full, Scope::Append, Scope::Read]);
    let id = (1_u64..16).prop_map(CredentialId::new);
    prop_oneof![
        name().prop_map(|of| tenant(of, TenantCommand::Add(Contract::default()))),
        (name(), change).prop_map(|(of, (lease, bin_days))| {
            let change = ContractChange {
                lease,
                bin_days,
                ..ContractChange::default()
            };
            tenant(of, TenantCommand::Set(change))
        }),
        name().prop_map(|of| tenant(
            of,
            TenantCommand::Disable {
                reason: "late".to_owned()
            }
        )),
        name().prop_map(|of| tenant(of, TenantCommand::Enable)),
        name().prop_map(remove_tenant),
        name().prop_map(purge_tenant),
        (name(), name(), name()).prop_map(|(of, sub, at)| add_subtenant(of, sub, &[at])),
        (name(), name()).prop_map(|(of, sub)| subtenant(of, sub, SubtenantCommand::Remove)),
        (name(), prop::option::of(name()), scope)
            .prop_map(|(of, sub, scope)| { login(of, sub, scope) }),
        id.clone().prop_map(|credential| {
            Command::Credential(CredentialCommand::Revoke { credential })
        }),
        id.prop_map(|credential| {
            let verifier = Verifier::Generated([1; 32]);
            Command::Credential(CredentialCommand::ChangePassword {
                credential,
                verifier,
            })
        }),
        name().prop_map(|of| {
            let (tenant, result) = (tenant_name(of), SessionResult::Success);
            Command::Service(ServiceCommand::SessionEnded { tenant, result })
        }),
    ]
}

fn storage() -> impl Strategy<Value = Command> {
    let repository = || (1_u64..16).prop_map(RepositoryId::new);
    let extent = || (1_u64..24).prop_map(ExtentId::new);
    let epoch = || prop_oneof![3 => Just(OWNER), 1 => (2_u64..40).prop_map(Epoch::new)];
    prop_oneof![
        (name(), name(), 0_u32..9)
            .prop_map(|(of, at, hold)| { add_repository(of, at, Size::gib(1), hold) }),
        (name(), name(), 0_u32..9).prop_map(|(of, at, hold)| {
            Command::Repository(RepositoryCommand::Set {
                tenant: tenant_name(of),
                name: repository_name(at),
                quota: None,
                hold_days: Some(hold),
                min_copies: None,
            })
        }),
        (name(), name()).prop_map(|(of, at)| remove_repository(of, at)),
        repository().prop_map(super::fixture::purge_repository),
        repository().prop_map(|repository| {
            Command::Repository(RepositoryCommand::Acquire { repository })
        }),
        (repository(), epoch()).prop_map(|(repository, epoch)| {
            Command::Repository(RepositoryCommand::Purged { repository, epoch })
        }),
        (repository(), epoch()).prop_map(|(repository, epoch)| {
            Command::Extent(ExtentCommand::Open { repository, epoch })
        }),
        (extent(), epoch(), 0_u64..2).prop_map(|(extent, epoch, length)| {
            Command::Extent(ExtentCommand::Seal {
                extent,
                epoch,
                length,
            })
        }),
        (extent(), epoch())
            .prop_map(|(extent, epoch)| { Command::Extent(ExtentCommand::Drop { extent, epoch }) }),
        (extent(), epoch()).prop_map(|(extent, epoch)| {
            Command::Extent(ExtentCommand::Begin { extent, epoch })
        }),
        (repository(), 0_u64..3).prop_map(|(repository, damaged)| {
            let (objects, finding) = (9, damaged);
            Command::Repository(RepositoryCommand::Scrubbed {
                repository,
                objects,
                damaged,
                finding,
            })
        }),
    ]
}

fn office_work() -> impl Strategy<Value = Command> {
    let role = prop::sample::select(vec![Role::Admin, Role::Viewer]);
    let who = prop::sample::select(vec!["ann", "bob"]);
    prop_oneof![
        (who.clone(), role.clone()).prop_map(|(who, role)| {
            let uid = Some(if who == "ann" { 1000 } else { 1001 });
            Command::Operator(operator_name(who), OperatorCommand::Add { role, uid })
        }),
        (who.clone(), role).prop_map(|(who, role)| {
            let role = Some(role);
            Command::Operator(operator_name(who), OperatorCommand::Set { role, uid: None })
        }),
        who.prop_map(|who| Command::Operator(operator_name(who), OperatorCommand::Remove)),
        (1_u64..16).prop_map(|id| Command::Approval(id, ApprovalCommand::Grant)),
        (1_u64..16).prop_map(|id| Command::Approval(id, ApprovalCommand::Reject { reason: None })),
        days().prop_map(|today| Command::Clock(ClockCommand::Confirm { today })),
        Just(maintenance(None)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let any = prop_oneof![4 => account(), 4 => storage(), 1 => office_work()];
    let ann = prop_oneof![6 => account(), 4 => storage(), 1 => office_work()];
    prop_oneof![
        6 => (actor(), any).prop_map(|(by, command)| Step::Submit(by, command)),
        10 => ann.prop_map(|command| Step::Submit(operator("ann"), command)),
        8 => storage().prop_map(|command| Step::Submit(Actor::System, command)),
        2 => Just(Step::Again),
        1 => (1_u32..48).prop_map(|hours| Step::Pass(HOUR * hours)),
        1 => (20_770_u64..20_800).prop_map(Step::Leap),
        1 => Just(Step::Restart),
    ]
}

/// Puts the owner's own epoch where the plan says so.
fn aim(rows: &Rows, mut command: Command) -> Command {
    let of_extent = |id: &ExtentId| rows.extents.get(id).map(|row| row.repository);
    let (repository, epoch) = match &mut command {
        Command::Repository(RepositoryCommand::Purged { repository, epoch })
        | Command::Extent(ExtentCommand::Open { repository, epoch }) => (Some(*repository), epoch),
        Command::Extent(
            ExtentCommand::Seal { extent, epoch, .. }
            | ExtentCommand::Begin { extent, epoch }
            | ExtentCommand::Keep { extent, epoch }
            | ExtentCommand::Drop { extent, epoch },
        ) => (of_extent(extent), epoch),
        Command::Clock(_)
        | Command::Tenant(..)
        | Command::Subtenant(..)
        | Command::Credential(_)
        | Command::Operator(..)
        | Command::Approval(..)
        | Command::Repository(_)
        | Command::Cluster(_)
        | Command::Pool(..)
        | Command::Tape(_)
        | Command::Service(_) => return command,
    };
    let row = repository.and_then(|id| rows.repositories.get(&id));
    if let Some(row) = row.filter(|_| *epoch == OWNER) {
        *epoch = row.epoch;
    }
    command
}

/// What is true of all rows at all times.
fn holds(rows: &Rows) {
    let served = |id| rows.repositories.contains_key(id);
    for login in rows.credentials.values() {
        assert!(
            rows.tenants.contains_key(&login.tenant),
            "a login without its tenant"
        );
        let subtenant = login.subtenant.clone();
        let key = subtenant.map(|name| (login.tenant.clone(), name));
        assert!(key.is_none_or(|key| rows.subtenants.contains_key(&key)));
    }
    let spaces: BTreeSet<_> = rows.subtenants.values().map(|row| row.space).collect();
    assert_eq!(spaces.len(), rows.subtenants.len(), "a space given twice");
    assert!(
        rows.subtenants
            .keys()
            .all(|(of, _)| rows.tenants.contains_key(of))
    );
    let mut slices = rows.subtenants.values().flat_map(|row| row.slices.keys());
    assert!(slices.all(served));
    assert!(rows.extents.values().all(|row| served(&row.repository)));
    let open = |id| rows.extents.get(id).is_some_and(|row| row.sealed.is_none());
    assert!(rows.begun.iter().all(open), "begun and not open");
    assert!(rows.scrubs.keys().all(served));
    let live: Vec<_> = rows
        .repositories
        .values()
        .filter(|row| row.removed.is_none())
        .collect();
    let names: BTreeSet<_> = live.iter().map(|row| (row.tenant, &row.name)).collect();
    assert_eq!(names.len(), live.len(), "two repositories of one name");
    let tenants: BTreeSet<u64> = rows.tenants.values().map(|row| row.id).collect();
    assert!(
        live.iter().all(|row| tenants.contains(&row.tenant)),
        "served without a tenant"
    );
    let mut ids: Vec<u64> = tenants.into_iter().collect();
    ids.extend(rows.repositories.keys().map(|id| id.raw()));
    ids.extend(rows.extents.keys().map(|id| id.raw()));
    ids.extend(rows.credentials.keys().map(|id| id.raw()));
    ids.extend(rows.approvals.keys());
    ids.extend(spaces.iter().map(|space| space.raw()));
    let count = ids.len();
    let unique: BTreeSet<u64> = ids.into_iter().collect();
    assert_eq!(unique.len(), count, "an id given twice");
    assert!(unique.last().is_none_or(|last| *last <= rows.last_id));
    let first = rows
        .events
        .get_min()
        .map_or(Sequence::new(1), |(at, _)| *at)
        .raw();
    let numbers = rows.events.keys().map(|at| at.raw());
    assert!(
        numbers.zip(first..).all(|(at, wanted)| at == wanted),
        "events rise by one"
    );
    assert!(
        rows.operators.values().any(|row| row.role == Role::Admin),
        "nobody is in charge"
    );
}

/// What never happens from one moment to the next.
fn moves(before: &Rows, after: &Rows, confirmed: bool) {
    assert!(after.last_id >= before.last_id && after.index >= before.index);
    assert!(
        confirmed || after.clock.today >= before.clock.today,
        "the day went back"
    );
    assert!(
        confirmed || after.clock.doubted >= before.clock.doubted,
        "the doubt went by itself"
    );
    for (id, old) in &before.repositories {
        match after.repositories.get(id) {
            Some(new) => {
                assert!(new.hold_days >= old.hold_days, "a hold was shortened");
                assert!(new.epoch >= old.epoch, "an epoch went back");
                let back = old.removed.is_some() && new.removed.is_none();
                assert!(!back, "a removed repository came back");
            }
            None => {
                let removal = old
                    .removed
                    .as_ref()
                    .expect("a served repository was destroyed");
                assert!(removal.purge && !before.clock.doubted);
                assert!(
                    removal.purge_from <= before.clock.today,
                    "destroyed before its time"
                );
            }
        }
    }
}

fn run(steps: Vec<Step>) {
    let mut office = Office::open();
    let mut sequence = 0;
    let mut last = None;
    for step in steps {
        let before = office.rows().clone();
        let mut confirmed = false;
        match step {
            Step::Submit(by, command) => {
                confirmed = matches!(command, Command::Clock(_));
                let command = aim(&before, command);
                sequence += 1;
                let at = office.now();
                let submission = Submission {
                    client: 9,
                    sequence,
                    by,
                    at,
                    command,
                };
                let answer = office.send(submission.clone());
                if answer.is_err() {
                    assert_eq!(*office.rows(), before, "a refusal changed something");
                } else {
                    last = Some((submission, answer));
                }
            }
            Step::Again => {
                if let Some((submission, answer)) = last.clone() {
                    assert_eq!(office.send(submission), answer);
                    assert_eq!(
                        *office.rows(),
                        before,
                        "a repeated command changed something"
                    );
                }
            }
            Step::Pass(time) => office.pass(time),
            Step::Leap(day) => {
                let day = u32::try_from(day).map(Date::from_days).unwrap_or_default();
                office.set_clock(&day.start().to_string());
            }
            Step::Restart => office.stop_for(HOUR),
        }
        holds(office.rows());
        moves(&before, office.rows(), confirmed);
    }
    // The same records make the same rows, and so does a snapshot.
    let rows = office.rows().clone();
    assert_eq!(restore(&snapshot(&rows)).unwrap(), rows);
    office.stop_for(HOUR);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_commands_breaks_the_catalog(steps in prop::collection::vec(step(), 1..120)) {
        run(steps);
    }
}
