//! What those who are inside may move, and when they are cut.

use super::*;

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

#[test]
fn a_write_that_is_let_in_behind_the_lease_is_counted() {
    let mut script = Script::new().enter(visit(1, READ)).enter(visit(2, LOCK));
    let yesterday = Some(Date::from_days(TODAY - 1));
    let lease = |script: &mut Script, lease| {
        script.tenant.contract.row.as_mut().unwrap().lease = lease;
    };
    lease(&mut script, yesterday);
    assert_eq!(script.tenant.broken(), None, "reading, and a lock");
    lease(&mut script, None);
    let mut script = script.enter(visit(3, WRITE));
    assert_eq!(script.tenant.broken(), None);
    // No contract comes this way: the machine has not heard of the end.
    lease(&mut script, yesterday);
    assert_eq!(script.tenant.broken(), Some("lease"));
}
