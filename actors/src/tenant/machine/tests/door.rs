//! Who is let in, and who is not.

use super::*;
use crate::gateways::{Doors, PoolName, Terms};
use crate::kernel::NodeId;

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
        contract.row = super::contract().row;
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
        contract.subtenants = super::contract().subtenants;
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
fn in_maintenance_a_running_backup_ends_well_and_the_next_of_its_session_is_refused() {
    let snapshot = Intent::Write(Kind::Snapshot, Size::bytes(200));
    Script::new()
        .enter(visit(1, snapshot))
        .leave(1)
        .enter(visit(1, WRITE))
        .change(|contract| contract.maintenance = Some("back at six".to_owned()))
        .enter(visit(1, snapshot))
        .leave(3)
        .enter(visit(1, UNLOCK))
        .enter(visit(1, READ))
        .enter(visit(1, WRITE))
        .change(|contract| contract.maintenance = None)
        .enter(visit(1, WRITE))
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

/// The door of `acme`, which was given pool `a`: node 1 is in that, node 2 in `b`, node 3 in none.
fn pooled(contract: &mut Contract, fails_over: bool, is_cut: bool) {
    let pool = |name| PoolName::parse(name).unwrap();
    contract.doors = Doors {
        terms: Terms {
            pools: [pool("a")].into(),
            fails_over,
        },
        members: [(NodeId::new(1), pool("a")), (NodeId::new(2), pool("b"))]
            .into_iter()
            .collect(),
        is_cut,
    };
}

fn by(gateway: u64, credential: u64) -> Visit {
    Visit {
        gateway: Some(NodeId::new(gateway)),
        ..visit(credential, PROBE)
    }
}

#[test]
fn a_tenant_comes_in_by_the_gateways_of_its_pool_alone() {
    let visits = |script: Script| {
        script
            .enter(by(1, 1))
            .enter(by(2, 2))
            .enter(by(3, 3))
            .answers()
    };
    for is_cut in [false, true] {
        visits(Script::with(|contract| pooled(contract, false, is_cut))).check(&expect![[r#"
            0: ticket-1 in with permit-1 to repository-1
            0: ticket-2 refused: this gateway does not serve this account; connect to the address that the service provider gave for it, or ask the provider for one
            0: ticket-3 refused: this gateway does not serve this account; connect to the address that the service provider gave for it, or ask the provider for one
        "#]]);
    }
}

#[test]
fn with_its_pool_down_a_tenant_comes_in_by_a_free_gateway_if_that_was_agreed() {
    let visits = |script: Script| script.enter(by(2, 2)).enter(by(3, 3)).answers();
    visits(Script::with(|contract| pooled(contract, true, false))).check(&expect![[r#"
        0: ticket-1 refused: this gateway does not serve this account; connect to the address that the service provider gave for it, or ask the provider for one
        0: ticket-2 refused: this gateway takes this account only while none of the account's own gateways works, and one does; connect to that
    "#]]);
    visits(Script::with(|contract| pooled(contract, true, true))).check(&expect![[r#"
        0: ticket-1 refused: this gateway does not serve this account; connect to the address that the service provider gave for it, or ask the provider for one
        0: ticket-2 in with permit-1 to repository-1
    "#]]);
}

#[test]
fn a_session_that_came_by_a_spare_gateway_ends_there_though_the_pool_is_back() {
    Script::with(|contract| pooled(contract, true, true))
        .enter(by(3, 3))
        .change(|contract| contract.doors.is_cut = false)
        .enter(by(3, 3))
        .enter(by(3, 4))
        .change(|contract| contract.doors.terms.fails_over = false)
        .enter(by(3, 3))
        .answers()
        .check(&expect![[r#"
            0: ticket-1 in with permit-1 to repository-1
            0: ticket-2 in with permit-2 to repository-1
            0: ticket-3 refused: this gateway takes this account only while none of the account's own gateways works, and one does; connect to that
            0: ticket-4 refused: this gateway does not serve this account; connect to the address that the service provider gave for it, or ask the provider for one
        "#]]);
}

#[test]
fn a_tenant_without_a_pool_comes_in_by_free_gateways_alone() {
    Script::with(|contract| {
        pooled(contract, true, true);
        contract.doors.terms.pools.clear();
    })
    .enter(by(1, 1))
    .enter(by(3, 3))
    .answers()
    .check(&expect![[r#"
        0: ticket-1 refused: this gateway does not serve this account; connect to the address that the service provider gave for it, or ask the provider for one
        0: ticket-2 in with permit-1 to repository-1
    "#]]);
}
