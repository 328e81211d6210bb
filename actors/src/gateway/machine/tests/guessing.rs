//! What guessing costs, and whom.

use super::*;

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
