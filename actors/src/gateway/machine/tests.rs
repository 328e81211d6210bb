//! What the gateway does, event by event.

use std::net::IpAddr;

use expect_test::{Expect, expect};

use super::*;
use crate::catalog::rows::{Credential, Scope, Subtenant, SubtenantMode, Tenant};
use crate::kernel::{Act, Date, Space, Timestamp};
use crate::names::{SubtenantName, TenantName};

/// `acme` has a generated password (digest of 1s) and a chosen one, `acme+ann` a chosen one, and
/// `beta` a generated one (digest of 2s).
fn rows() -> Rows {
    let mut rows = Rows::default();
    rows.clock.today = Date::from_days(100);
    for (id, name) in [(1, "acme"), (2, "beta")] {
        rows.tenants.insert(tenant(name), contract(id));
    }
    let ann = (tenant("acme"), SubtenantName::parse("ann").unwrap());
    let row = Subtenant {
        space: Space::new(9),
        description: String::new(),
        disabled: None,
        mode: SubtenantMode::Standalone,
        slices: imbl::OrdMap::new(),
    };
    rows.subtenants.insert(ann, row);
    let kept = || Verifier::Chosen("$argon2id$".to_owned());
    let logins = [
        (11, "acme", None, Verifier::Generated([1; 32])),
        (12, "acme", None, kept()),
        (13, "acme", Some("ann"), kept()),
        (21, "beta", None, Verifier::Generated([2; 32])),
    ];
    for (id, name, member, verifier) in logins {
        rows.credentials
            .insert(CredentialId::new(id), credential(name, member, verifier));
    }
    rows
}

fn tenant(name: &str) -> TenantName {
    TenantName::parse(name).unwrap()
}

fn contract(id: u64) -> Tenant {
    Tenant {
        id,
        description: String::new(),
        disabled: None,
        lease: None,
        restore_grace: 0,
        purge_hold: 0,
        tasks: 16,
        bandwidth: None,
        bin_days: 7,
        bin_limit: None,
        warned: None,
        ended: false,
        last_session: None,
    }
}

fn credential(name: &str, member: Option<&str>, verifier: Verifier) -> Credential {
    Credential {
        tenant: tenant(name),
        subtenant: member.map(|member| SubtenantName::parse(member).unwrap()),
        scope: Scope::Full,
        verifier,
        made: Timestamp::default(),
        expires: None,
        view: None,
        label: String::new(),
    }
}

/// A gateway and the clock it is told, with the answers so far as text.
struct Script {
    gateway: Gateway,
    rows: Rows,
    millis: u64,
    last_ticket: Ticket,
    lines: String,
}

impl Script {
    fn new() -> Self {
        Self {
            gateway: Gateway::new(rows()),
            rows: rows(),
            millis: 0,
            last_ticket: Ticket::default(),
            lines: String::new(),
        }
    }

    fn at(mut self, millis: u64) -> Self {
        self.millis = millis;
        self.run(|gateway, now, acts| gateway.wake(now, acts))
    }

    /// `password` stands for a password whose digest is all that number.
    fn login(mut self, user: &str, password: u8, peer: u8) -> Self {
        self.last_ticket = self.last_ticket.next();
        let mut key = [password; 32];
        for (byte, letter) in key.iter_mut().skip(1).zip(user.bytes()) {
            *byte = letter;
        }
        let event = Event::Login {
            ticket: self.last_ticket,
            user: user.to_owned(),
            proof: Proof::new(key, [password; 32]),
            peer: Peer::from(IpAddr::from([192, 0, 2, peer])),
        };
        self.run(|gateway, now, acts| gateway.step(now, event, acts))
    }

    fn verified(self, ticket: u64, credential: Option<u64>) -> Self {
        let matched = credential.map(CredentialId::new);
        let event = Event::Verified(Ticket::new(ticket), matched);
        self.run(|gateway, now, acts| gateway.step(now, event, acts))
    }

    fn change(mut self, change: impl FnOnce(&mut Rows)) -> Self {
        change(&mut self.rows);
        let rows = self.rows.clone();
        self.run(|gateway, now, acts| gateway.step(now, Event::Rows(rows), acts))
    }

    fn run(mut self, what: impl FnOnce(&mut Gateway, Now, &mut Acts<Gateway>)) -> Self {
        let now = Now {
            monotonic: Instant::from_micros(self.millis * 1000),
            ..Now::default()
        };
        let mut acts = Acts::default();
        what(&mut self.gateway, now, &mut acts);
        for act in acts {
            let (Act::Show(effect) | Act::Start(effect)) = act;
            let text = match effect {
                Effect::Admit(ticket, who) => {
                    format!("{ticket} in as {} in {}", who.credential, who.space)
                }
                Effect::Refuse(ticket, refusal) => match refusal.retry_after {
                    None => format!("{ticket} {}", refusal.reason),
                    Some(pause) => format!("{ticket} {} for {pause:?}", refusal.reason),
                },
                Effect::Verify(ticket, chosen) => format!("{ticket} verify {chosen:?}"),
            };
            self.lines += &format!("{}: {text}\n", self.millis);
        }
        self
    }

    fn check(self, expected: &Expect) {
        expected.assert_eq(&self.lines);
    }

    /// The kinds of effects that one login leads to, with what says whose it is left out.
    fn kinds(user: &str) -> Vec<String> {
        let script = Self::new().login(user, 7, 1).verified(1, None);
        let kind = |line: &str| line.split('[').next().unwrap_or(line).to_owned();
        script.lines.lines().map(kind).collect()
    }
}

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

/// Guesses one password after the other as fast as answers come; says when each answer came.
fn guess(mut script: Script, user: &str, peer: u8, guesses: u64) -> Script {
    for guess in 0..guesses {
        let ticket = script.last_ticket.next().raw();
        script = script.login(user, 100 + u8::try_from(guess).unwrap(), peer);
        while let Some(due) = script.gateway.deadline() {
            script = script.at(due.as_micros() / 1000);
        }
        script = script.verified(ticket, None);
    }
    script
}

#[test]
fn guessing_from_one_address_gets_slower_and_then_is_refused() {
    guess(Script::new(), "nobody", 1, 12).check(&expect![[r#"
        0: ticket-1 verify []
        0: ticket-1 unauthenticated
        0: ticket-2 verify []
        0: ticket-2 unauthenticated
        0: ticket-3 verify []
        0: ticket-3 unauthenticated
        0: ticket-4 verify []
        0: ticket-4 unauthenticated
        0: ticket-5 verify []
        0: ticket-5 unauthenticated
        250: ticket-6 verify []
        250: ticket-6 unauthenticated
        750: ticket-7 verify []
        750: ticket-7 unauthenticated
        1750: ticket-8 verify []
        1750: ticket-8 unauthenticated
        3750: ticket-9 verify []
        3750: ticket-9 unauthenticated
        7750: ticket-10 verify []
        7750: ticket-10 unauthenticated
        7750: ticket-11 too-many-attempts for 8s
        7750: ticket-12 too-many-attempts for 8s
    "#]]);
}

#[test]
fn guesses_made_at_once_are_slowed_as_those_made_in_turn() {
    let mut script = Script::new();
    for password in 100..112 {
        script = script.login("nobody", password, 1);
    }
    script.at(10_000).check(&expect![[r#"
        0: ticket-1 verify []
        0: ticket-2 verify []
        0: ticket-9 busy for 1s
        0: ticket-10 busy for 1s
        0: ticket-11 busy for 1s
        0: ticket-12 busy for 1s
    "#]]);
}

#[test]
fn an_attacker_locks_nobody_out_who_has_a_generated_password() {
    let mut script = guess(Script::new(), "acme", 1, 12);
    script.lines.clear();
    script
        .login("acme", 1, 2)
        .login("acme", 1, 1)
        .check(&expect![[r#"
        7750: ticket-13 in as credential-11 in space-0
        7750: ticket-14 in as credential-11 in space-0
    "#]]);
}

#[test]
fn an_attacker_slows_a_chosen_password_a_little_and_not_at_all_where_it_was_used_before() {
    let mut script = Script::new().login("acme", 5, 2).verified(1, Some(12));
    for peer in 10..22 {
        script = guess(script, "acme", peer, 1);
    }
    let now = script.millis + 60_000;
    script = script.at(now);
    script = guess(script, "acme", 30, 1);
    script.lines.clear();
    script
        .login("acme", 5, 2)
        .login("acme", 6, 3)
        .at(now + 3_000)
        .check(&expect![[r#"
        69750: ticket-15 verify [credential-12]
        72750: ticket-16 verify [credential-12]
    "#]]);
}

#[test]
fn others_are_not_slowed_by_one_who_guesses() {
    let mut script = guess(Script::new(), "nobody", 1, 12);
    script.lines.clear();
    script.login("acme+ann", 5, 2).check(&expect![[r#"
        7750: ticket-13 verify [credential-13]
    "#]]);
}

#[test]
fn nothing_is_left_of_attempts_that_ended() {
    let mut script = Script::new();
    for user in ["a", "b", "c", "d", "e", "e", "e"] {
        script = script.login(user, 5, 1);
    }
    assert_eq!(script.gateway.attempts.len(), 5);
    script = script.at(10_000);
    for ticket in 1..10 {
        script = script.verified(ticket, None);
    }
    assert_eq!(
        (script.gateway.attempts.len(), script.gateway.running),
        (0, 0)
    );
    assert!(script.gateway.by_proof.is_empty() && script.gateway.waiting.is_empty());
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut script = Script::new();
    let admitted = script
        .gateway
        .accounts
        .admitted(CredentialId::new(21))
        .unwrap();
    let now = Instant::default();
    for number in 0..u32::try_from(REMEMBERED_MAX + 10).unwrap() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_le_bytes());
        let mut acts = Acts::default();
        script
            .gateway
            .admit(now, &[], key, admitted.clone(), &mut acts);
    }
    assert_eq!(script.gateway.remembered.len(), REMEMBERED_MAX);
    for number in 0..FAMILIAR_MAX + 10 {
        let peer = Peer::from(IpAddr::from([10, 0, 0, 1]));
        script.gateway.remember_home(now, number.to_string(), peer);
    }
    assert_eq!(script.gateway.familiar.len(), FAMILIAR_MAX);
}
