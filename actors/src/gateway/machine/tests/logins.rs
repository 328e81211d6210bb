//! Who is let in, by which password.

use super::*;

#[test]
fn a_generated_password_is_let_in_at_once() {
    Script::new()
        .login("acme", 1, 1)
        .login("beta", 2, 1)
        .check(&expect![[r#"
        0: ticket-1 in as credential-11 in space-0
        0: ticket-2 in as credential-21 in space-0
    "#]]);
}

#[test]
fn a_password_is_good_for_its_own_account_alone() {
    Script::new()
        .login("beta", 1, 1)
        .verified(1, Some(12))
        .check(&expect![[r#"
        0: ticket-1 verify []
        0: ticket-1 unauthenticated
    "#]]);
}

#[test]
fn a_chosen_password_is_verified_once_and_remembered_for_a_minute() {
    Script::new()
        .login("acme+ann", 5, 1)
        .login("acme+ann", 5, 2)
        .verified(1, Some(13))
        .at(59_999)
        .login("acme+ann", 5, 1)
        .at(60_000)
        .login("acme+ann", 5, 1)
        .check(&expect![[r#"
            0: ticket-1 verify [credential-13]
            0: ticket-1 in as credential-13 in space-9
            0: ticket-2 in as credential-13 in space-9
            59999: ticket-3 in as credential-13 in space-9
            60000: ticket-4 verify [credential-13]
        "#]]);
}

#[test]
fn no_such_tenant_and_a_wrong_password_take_the_same_way() {
    let wrong = Script::kinds("acme");
    for user in [
        "beta",
        "acme+ann",
        "acme+bob",
        "nobody",
        "no+such+name",
        "",
        "é",
    ] {
        assert_eq!(Script::kinds(user), wrong, "{user}");
    }
    assert_eq!(wrong.len(), 2);
}

#[test]
fn at_most_two_verifications_run_at_once() {
    Script::new()
        .login("acme", 5, 1)
        .login("acme", 6, 2)
        .login("acme", 7, 3)
        .login("beta", 2, 4)
        .verified(2, None)
        .verified(1, Some(12))
        .check(&expect![[r#"
            0: ticket-1 verify [credential-12]
            0: ticket-2 verify [credential-12]
            0: ticket-4 in as credential-21 in space-0
            0: ticket-2 unauthenticated
            0: ticket-3 verify [credential-12]
            0: ticket-1 in as credential-12 in space-0
        "#]]);
}

#[test]
fn a_success_is_forgotten_when_its_credential_is_revoked() {
    Script::new()
        .login("beta", 2, 1)
        .change(|rows| drop(rows.credentials.remove(&CredentialId::new(21))))
        .login("beta", 2, 1)
        .check(&expect![[r#"
            0: ticket-1 in as credential-21 in space-0
            0: ticket-2 verify []
        "#]]);
}

#[test]
fn a_success_is_forgotten_when_its_account_is_disabled_and_the_login_still_known() {
    let script = Script::new().login("beta", 2, 1).change(|rows| {
        let mut row = contract(2);
        row.disabled = Some("by ops".to_owned());
        rows.tenants.insert(tenant("beta"), row);
    });
    assert!(script.gateway.remembered.is_empty());
    script.login("beta", 2, 1).check(&expect![[r#"
        0: ticket-1 in as credential-21 in space-0
        0: ticket-2 in as credential-21 in space-0
    "#]]);
}

#[test]
fn another_tenants_change_forgets_nothing() {
    let script = Script::new().login("beta", 2, 1).change(|rows| {
        rows.credentials.remove(&CredentialId::new(11));
        rows.tenants.remove(&tenant("acme"));
    });
    assert_eq!(script.gateway.remembered.len(), 1);
}

#[test]
fn a_credential_is_good_on_its_last_day_and_not_on_the_next() {
    let expire = |rows: &mut Rows| {
        let mut row = credential("beta", None, Verifier::Generated([2; 32]));
        row.expires = Some(Date::from_days(100));
        rows.credentials.insert(CredentialId::new(21), row);
    };
    Script::new()
        .change(expire)
        .login("beta", 2, 1)
        .change(|rows| rows.clock.today = Date::from_days(101))
        .login("beta", 2, 1)
        .check(&expect![[r#"
            0: ticket-1 in as credential-21 in space-0
            0: ticket-2 verify []
        "#]]);
}

#[test]
fn a_password_that_was_changed_while_it_was_verified_is_no_longer_good() {
    Script::new()
        .login("acme", 5, 1)
        .change(|rows| {
            let new = credential("acme", None, Verifier::Chosen("$new$".to_owned()));
            rows.credentials.insert(CredentialId::new(12), new);
        })
        .verified(1, Some(12))
        .check(&expect![[r#"
            0: ticket-1 verify [credential-12]
            0: ticket-1 unauthenticated
        "#]]);
}
