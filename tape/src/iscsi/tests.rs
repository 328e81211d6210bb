//! Logins and sessions with targets of every kind, on a clock that nobody waits for.

use expect_test::expect;
use proptest::prelude::*;

use super::pdu::{Head, Message, NO_TAG, opcode};
use super::*;
use fake::{Fake, Said, head, logged_in, names, polite, session};
use holdfast_actors::kernel::Instant;

mod fake;
mod fuzz;
mod late;
mod open;

/// How a login ended, in words.
fn login(script: impl FnMut(&Message) -> Said + 'static, account: Option<&Account>) -> String {
    match Session::open(Fake::new(script), &names(), account) {
        Ok(_) => "in".into(),
        Err(refused) => refused.to_string(),
    }
}

/// The text of a message, a key a word.
fn words(message: &Message) -> String {
    let text = String::from_utf8_lossy(&message.body).into_owned();
    text.trim_end_matches('\0').replace('\0', " ")
}

fn account() -> Account {
    Account::new("backup", "a secret of ours").expect("an account")
}

/// A target that wants this proof, and says the challenge in parts.
fn wants_proof(asked: &Message, proof: &str) -> Said {
    let said = words(asked);
    let stay = |bits: u8, text: &str| {
        let mut answer = logged_in(asked, text);
        answer[0].0.bytes[1] = bits;
        answer
    };
    let refuse = || {
        let mut answer = stay(0, "");
        answer[0].0.bytes[36..38].copy_from_slice(&[2, 1]);
        answer
    };
    match said.as_str() {
        _ if asked.head.bytes[1] & 0x0c != 0 => logged_in(asked, ""),
        text if text.contains("AuthMethod=CHAP,None") => stay(0, "AuthMethod=CHAP\0"),
        "CHAP_A=5" => stay(0x40, "CHAP_A=5\0CHAP_I=0x1\0CHAP_C=0x00010203"),
        "" => stay(0, "0405060708090a0b0c0d0e0f\0"),
        text if text.ends_with(proof) => logged_in(asked, ""),
        _ => refuse(),
    }
}

const PROOF: &str = "CHAP_R=0xe9b640f7037630740011c4d0481455f5";

#[test]
fn a_login_says_who_we_are_and_what_we_take() {
    let fake = Fake::new(polite);
    let seen = std::rc::Rc::clone(&fake.seen);
    drop(Session::open(fake, &names(), None).expect("a session"));
    let seen = seen.borrow();
    let heard = seen.heard.iter();
    let told: Vec<String> = heard
        .map(|one| {
            format!(
                "{:02x} {:02x} {}",
                one.head.bytes[0],
                one.head.bytes[1],
                words(one)
            )
        })
        .collect();
    expect![[r#"
        43 81 InitiatorName=iqn.2026-11.test.holdfast:here TargetName=iqn.2026-11.test.holdfast:there SessionType=Normal AuthMethod=None
        43 87 HeaderDigest=None DataDigest=None ErrorRecoveryLevel=0 DefaultTime2Wait=0 DefaultTime2Retain=0 InitialR2T=No ImmediateData=Yes MaxBurstLength=16776192 FirstBurstLength=1048576 MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes MaxRecvDataSegmentLength=1048576
        46 80 "#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(
        seen.heard[0].head.bytes[8..14],
        [0x80, 0, 0, 0x71, 0x12, 0x34]
    );
}

#[test]
fn who_knows_the_secret_is_let_in_and_nobody_else() {
    let ours = account();
    let wrong = Account::new("backup", "another secret").expect("an account");
    let no = "the target refused the login: name or secret are wrong, or the target wants some \
        (0201)";
    assert_eq!(login(|asked| wants_proof(asked, PROOF), Some(&ours)), "in");
    assert_eq!(login(|asked| wants_proof(asked, PROOF), Some(&wrong)), no);
    assert_eq!(login(|asked| wants_proof(asked, PROOF), None), no);
    // A target that wants no proof gets none.
    assert_eq!(login(polite_without_proof, Some(&ours)), "in");
}

/// A target that goes on when it is asked to, and wants no proof.
fn polite_without_proof(asked: &Message) -> Said {
    let method = match words(asked).contains("AuthMethod=") {
        true => "AuthMethod=None\0",
        false => "",
    };
    logged_in(asked, method)
}

#[test]
fn a_proof_of_another_kind_is_refused() {
    let says = |text: &'static str| {
        move |asked: &Message| {
            let mut answer = logged_in(asked, text);
            answer[0].0.bytes[1] = 0;
            answer
        }
    };
    let ours = account();
    for (text, wanted) in [
        (
            "AuthMethod=KRB5\0",
            "a way to prove ourselves that was not offered",
        ),
        (
            "AuthMethod=CHAP\0CHAP_A=9\0",
            "another proof than CHAP with MD5",
        ),
    ] {
        let told = login(says(text), Some(&ours));
        assert_eq!(told, format!("the target answered nonsense: {wanted}"));
    }
    assert!(login(says("AuthMethod=Reject\0"), Some(&ours)).ends_with("(0201)"));
}

#[test]
fn a_login_in_many_steps_and_parts_is_followed() {
    let mut parts = ["MaxRecvDataSeg", "mentLength=512\0X-com.exam", "ple=1\0"].into_iter();
    let fake = Fake::new(move |asked| match asked.head.opcode() {
        opcode::LOGIN if asked.head.bytes[1] & 0x0c != 0 => {
            let mut answer = logged_in(asked, "");
            match parts.next() {
                // The last part stays, to hear what we say to its key.
                Some(part) => {
                    let more = if part.ends_with("=1\0") { 0 } else { 0x40 };
                    answer[0] = (answer[0].0, part.into());
                    answer[0].0.bytes[1] = 0x04 | more;
                }
                None => assert_eq!(words(asked), "X-com.example=NotUnderstood"),
            }
            answer
        }
        _ => polite(asked),
    });
    let seen = std::rc::Rc::clone(&fake.seen);
    let mut session = Session::open(fake, &names(), None).expect("a session");
    let answer = session.execute(&[10], Data::Out(&[1; 1_000]), Patience::Block);
    assert!(
        matches!(answer, Answer::Lost { .. }),
        "the target took a half: {answer:?}"
    );
    let seen = seen.borrow();
    assert_eq!(seen.of(opcode::COMMAND)[0].body.len(), 512);
}

#[test]
fn a_target_that_skips_a_stage_keeps_to_the_defaults() {
    let skips = |asked: &Message| {
        let mut answer = logged_in(asked, "AuthMethod=None\0");
        answer[0].0.bytes[1] = 0x83;
        answer
    };
    assert_eq!(login(skips, None), "in");
}

#[test]
fn a_login_that_goes_astray_ends() {
    let bits = |bits: u8, text: &'static str| {
        move |asked: &Message| {
            let mut answer = logged_in(asked, text);
            answer[0].0.bytes[1] = bits;
            answer
        }
    };
    let cases: [(u8, &'static str, &str); 7] = [
        (0x00, "", "a login without end"),
        (0x40, "", "a login without end"),
        (0x40, "a=b\0", "a login without end"),
        (0xc1, "", "a login that goes astray"),
        (0x82, "", "a login that goes astray"),
        (0x85, "", "a login that goes astray"),
        (0x00, "AuthMethod\0", "a text without keys"),
    ];
    for (first, text, wanted) in cases {
        let said = login(bits(first, text), None);
        assert_eq!(
            said,
            format!("the target answered nonsense: {wanted}"),
            "{first:02x}"
        );
    }
    let other = |asked: &Message| vec![(head(asked, opcode::RESPONSE, &[]), vec![])];
    assert_eq!(
        login(other, None),
        "the target answered nonsense: something else than a login"
    );
}

#[test]
fn a_text_longer_than_agreed_is_not_even_taken() {
    let huge = |asked: &Message| {
        let mut answer = logged_in(asked, "");
        answer[0].1 = vec![b'a'; 8_193];
        answer
    };
    let told = login(huge, None);
    assert_eq!(
        told,
        "the target answered nonsense: more than it may send at once"
    );
}

#[test]
fn a_refusal_says_why() {
    for (class, detail, wanted) in [
        (1, 1, "the target has moved, and we do not follow (0101)"),
        (2, 3, "there is no such target (0203)"),
        (3, 2, "the target has no room for another session (0302)"),
        (9, 9, "for no known reason (0909)"),
    ] {
        let refuse = move |asked: &Message| {
            let mut answer = logged_in(asked, "");
            answer[0].0.bytes[36..38].copy_from_slice(&[class, detail]);
            answer
        };
        assert_eq!(
            login(refuse, None),
            format!("the target refused the login: {wanted}")
        );
    }
}

#[test]
fn who_does_not_answer_in_half_a_minute_is_silent() {
    let mut silent = Fake::new(|_| vec![]);
    let mut drips = Fake::new(polite);
    drips.pace = (Duration::from_secs(2), 1);
    silent.pace.1 = 1;
    for fake in [silent, drips] {
        let seen = std::rc::Rc::clone(&fake.seen);
        let told = Session::open(fake, &names(), None)
            .err()
            .map(|refused| refused.to_string());
        assert_eq!(told.as_deref(), Some("the target does not answer"));
        assert_eq!(seen.borrow().now, OPENING);
    }
}

#[test]
fn names_that_carry_keys_are_not_sent() {
    let mut names = names();
    names.target = "iqn.a\0AuthMethod=None".into();
    let refused = Session::open(Fake::new(polite), &names, None).err();
    assert!(matches!(refused, Some(Refused::Name(_))));
}

/// What a portal says about its targets, in these parts.
fn lists(parts: &'static [&'static str]) -> Fake {
    let mut parts = parts.iter();
    Fake::new(move |asked| match asked.head.opcode() {
        opcode::LOGIN => {
            assert!(!words(asked).contains("TargetName"), "nobody knows one yet");
            logged_in(asked, "")
        }
        opcode::TEXT => {
            let Some(part) = parts.next() else {
                return vec![];
            };
            let mut answer = head(asked, opcode::TEXT_BACK, &[(1, 0x80)]);
            if parts.len() > 0 {
                answer.bytes[1] = 0x40;
                answer.set(20, 99);
            }
            let mut ping = head(asked, opcode::NOP_IN, &[(1, 0x80)]);
            ping.set(16, NO_TAG);
            ping.set(20, 5);
            vec![(ping, vec![]), (answer, part.as_bytes().to_vec())]
        }
        _ => vec![],
    })
}

#[test]
fn targets_are_listed_in_parts() {
    let fake = lists(&[
        "TargetName=iqn.a\0TargetAddr",
        "ess=10.0.0.1:3260,1\0TargetName=iqn",
        ".b\0",
    ]);
    let seen = std::rc::Rc::clone(&fake.seen);
    let targets = discover_over(fake, &names(), None).expect("targets");
    expect![[r#"{"iqn.a": [Portal { host: "10.0.0.1", port: 3260, group: 1 }], "iqn.b": []}"#]]
        .assert_eq(&format!("{targets:?}"));
    let seen = seen.borrow();
    let asked: Vec<String> = seen.of(opcode::TEXT).into_iter().map(words).collect();
    assert_eq!(asked, ["SendTargets=All", "", ""]);
    assert_eq!(seen.of(opcode::TEXT)[1].head.number(20), 99);
    assert_eq!(seen.of(opcode::NOP_OUT).len(), 3, "its pings were answered");
}

#[test]
fn a_list_without_end_ends() {
    let endless = |asked: &Message| match asked.head.opcode() {
        opcode::LOGIN => logged_in(asked, ""),
        _ => {
            let mut answer = head(asked, opcode::TEXT_BACK, &[]);
            answer.set(20, 99);
            vec![(answer, vec![b'a'; 100])]
        }
    };
    let mut fake = Fake::new(endless);
    fake.pace = (Duration::from_millis(1), 1 << 20);
    let refused = discover_over(fake, &names(), None)
        .err()
        .map(|refused| refused.to_string());
    let wanted = "the target answered nonsense: a text without end";
    assert_eq!(refused.as_deref(), Some(wanted));
    let refused = discover_over(lists(&[]), &names(), None).err();
    assert!(matches!(refused, Some(Refused::Silent)));
}
