//! What the gateway does, event by event.

mod guessing;
mod logins;

use std::net::IpAddr;

use expect_test::{Expect, expect};

use super::*;
use crate::catalog::rows::{Credential, Scope, Subtenant, SubtenantMode, Tenant, Verifier};
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
        self.run(|gateway, now, acts| gateway.step(now, Event::Rows(Box::new(rows)), acts))
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
