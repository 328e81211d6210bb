//! The login: who we are, how we prove it, and what both sides can take.
//!
//! A machine: it is told what the target said and says what to send. It ends after
//! [`ROUNDS_MAX`] answers, whatever the target does.

use super::chap::{self, Account, Challenge};
use super::limits::{Limits, OFFERED, OFFERED_ALWAYS};
use super::pdu::{BODY_MAX, Head, Message, opcode};
use super::text::{Gathered, NAME_MAX, is_name, say};
use super::{Names, Refused};

/// Most answers until the login counts as endless.
const ROUNDS_MAX: u32 = 64;
/// The longest text of a target, in bytes.
const TEXT_MAX: usize = 64 << 10;

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Commands to devices of the target.
    Devices,
    /// The names of targets.
    Discovery,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) head: Head,
    pub(super) body: String,
}

/// What follows.
#[derive(Debug)]
pub(super) enum Next {
    /// The login goes on.
    Say(Sent),
    /// We are in.
    Done(Agreed),
}

/// With what a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) limits: Limits,
    /// Number of the answer that is expected next.
    pub(super) status: u32,
    /// Number of the last command that the target would take.
    pub(super) window: u32,
    /// Bytes in a body that we said we take.
    pub(super) takes: usize,
}

/// The number of the first command.
pub(super) const FIRST_COMMAND: u32 = 1;

/// Stages as they are numbered on the wire.
const SECURITY: u8 = 0;
const OPERATIONAL: u8 = 1;
const FULL: u8 = 3;

/// What we said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Offering,
    Choosing,
    Proving,
    Agreeing,
}

/// A login on its way.
#[derive(Debug)]
pub(super) struct Login<'a> {
    names: &'a Names,
    account: Option<&'a Account>,
    purpose: Purpose,
    phase: Phase,
    /// Where our last message wanted to go.
    wished: Option<u8>,
    gathered: Gathered,
    rounds: u32,
    agreed: Agreed,
}

impl<'a> Login<'a> {
    /// The login and its first message.
    pub(super) fn begin(
        names: &'a Names,
        account: Option<&'a Account>,
        purpose: Purpose,
    ) -> Result<(Self, Sent), Refused> {
        let mut login = Self {
            names,
            account,
            purpose,
            phase: Phase::Offering,
            wished: None,
            gathered: Gathered::new(TEXT_MAX),
            rounds: 0,
            agreed: Agreed {
                limits: Limits::default(),
                status: 0,
                window: FIRST_COMMAND,
                takes: super::pdu::BODY_FIRST,
            },
        };
        let mut text = String::new();
        let mut name = |key: &str, name: &str| match is_name(name) {
            true => {
                say(&mut text, key, name);
                Ok(())
            }
            false => Err(Refused::Name(name.chars().take(NAME_MAX).collect())),
        };
        name("InitiatorName", &names.initiator)?;
        match purpose {
            Purpose::Devices => {
                name("TargetName", &names.target)?;
                say(&mut text, "SessionType", "Normal");
            }
            Purpose::Discovery => say(&mut text, "SessionType", "Discovery"),
        }
        let (methods, wish) = match account {
            Some(_) => ("CHAP,None", None),
            None => ("None", Some(OPERATIONAL)),
        };
        say(&mut text, "AuthMethod", methods);
        let sent = login.message(wish, text);
        Ok((login, sent))
    }

    fn stage(&self) -> u8 {
        match self.phase {
            Phase::Offering | Phase::Choosing | Phase::Proving => SECURITY,
            Phase::Agreeing => OPERATIONAL,
        }
    }

    fn message(&mut self, wish: Option<u8>, body: String) -> Sent {
        self.wished = wish;
        let [high, low] = self.names.session.to_be_bytes();
        let mut head = Head::of(opcode::LOGIN | opcode::IMMEDIATE);
        head.bytes[1] = self.stage() << 2 | wish.map_or(0, |to| 0x80 | to);
        // A session of a random kind, told apart by its qualifier.
        head.bytes[8..14].copy_from_slice(&[0x80, 0, 0, 0x71, high, low]);
        head.set(24, FIRST_COMMAND);
        head.set(28, self.agreed.status);
        Sent { head, body }
    }

    /// What follows from what the target said.
    pub(super) fn hear(&mut self, message: &Message) -> Result<Next, Refused> {
        let head = &message.head;
        if head.opcode() != opcode::LOGGED_IN || head.number(16) != 0 {
            return Err(Refused::Nonsense("something else than a login"));
        }
        if head.bytes[36] != 0 {
            return Err(Refused::Login(head.bytes[36], head.bytes[37]));
        }
        self.rounds += 1;
        if self.rounds > ROUNDS_MAX {
            return Err(Refused::Nonsense("a login without end"));
        }
        self.agreed.status = head.number(24).wrapping_add(1);
        self.agreed.window = head.number(32);
        let (goes_on, has_more) = (head.bytes[1] & 0x80 != 0, head.bytes[1] & 0x40 != 0);
        let (from, to) = (head.bytes[1] >> 2 & 3, head.bytes[1] & 3);
        // A target may skip the second stage: then both sides keep to the defaults.
        let may_go = self.wished.is_some_and(|wish| to == wish || to == FULL);
        if from != self.stage() || goes_on && (has_more || !may_go) {
            return Err(Refused::Nonsense("a login that goes astray"));
        }
        self.gathered.add(&message.body)?;
        if has_more {
            return Ok(Next::Say(self.message(None, String::new())));
        }
        let pairs = self.gathered.pairs()?;
        match self.phase {
            Phase::Agreeing => self.agree(&pairs, goes_on),
            Phase::Offering | Phase::Choosing | Phase::Proving if goes_on => Ok(match to {
                FULL => Next::Done(self.agreed),
                _ => Next::Say(self.offer()),
            }),
            Phase::Offering | Phase::Choosing | Phase::Proving => self.prove(&pairs),
        }
    }

    /// The first stage goes on.
    fn prove(&mut self, pairs: &[(String, String)]) -> Result<Next, Refused> {
        let method = pairs.iter().find(|(key, _)| key == "AuthMethod");
        let method = method.map(|(_, method)| method.as_str());
        let (phase, wish, text) = match (self.phase, self.account, method) {
            (Phase::Offering, Some(_), Some("CHAP")) => (Phase::Choosing, None, chap::offer()),
            (Phase::Choosing, Some(account), _) => {
                let proof = account.proof(&Challenge::of(pairs)?);
                (Phase::Proving, Some(OPERATIONAL), proof)
            }
            (Phase::Offering, _, Some("None") | None) | (Phase::Proving, ..) => {
                (self.phase, Some(OPERATIONAL), String::new())
            }
            (_, _, Some("Reject")) => return Err(Refused::Login(2, 1)),
            (Phase::Offering | Phase::Choosing | Phase::Agreeing, ..) => {
                return Err(Refused::Nonsense(
                    "a way to prove ourselves that was not offered",
                ));
            }
        };
        self.phase = phase;
        Ok(Next::Say(self.message(wish, text)))
    }

    /// The second stage begins.
    fn offer(&mut self) -> Sent {
        self.phase = Phase::Agreeing;
        let mut text = String::new();
        let offered = match self.purpose {
            Purpose::Devices => OFFERED,
            Purpose::Discovery => &OFFERED[..OFFERED_ALWAYS],
        };
        for (key, value) in offered {
            say(&mut text, key, value);
        }
        say(&mut text, "MaxRecvDataSegmentLength", BODY_MAX);
        self.agreed.takes = BODY_MAX;
        self.message(Some(FULL), text)
    }

    fn agree(&mut self, pairs: &[(String, String)], goes_on: bool) -> Result<Next, Refused> {
        let mut text = String::new();
        for (key, value) in pairs {
            let is_known = self.agreed.limits.agree(key, value)?;
            // Names of keys are short; whoever sends another one is not answered.
            if !is_known && key.len() < 64 {
                say(&mut text, key, "NotUnderstood");
            }
        }
        if goes_on {
            return Ok(Next::Done(self.agreed));
        }
        if text.len() > super::pdu::BODY_FIRST {
            return Err(Refused::Nonsense("too much that nobody understands"));
        }
        Ok(Next::Say(self.message(Some(FULL), text)))
    }
}

/// What a refusal of the login means, by its class and detail.
pub(super) fn meaning(class: u8, detail: u8) -> &'static str {
    match (class, detail) {
        (1, _) => "the target has moved, and we do not follow",
        (2, 1) => "name or secret are wrong, or the target wants some",
        (2, 2) => "we may not use this target",
        (2, 3) => "there is no such target",
        (2, 4) => "the target was taken away",
        (2, 6) => "the target has too many connections",
        (2, _) => "the target does not want a login like ours",
        (3, 1) => "the target is out of service for now",
        (3, 2) => "the target has no room for another session",
        (3, _) => "the target failed",
        _ => "for no known reason",
    }
}
