//! An office for tests: a catalog, two clocks, and people who give commands. Nothing else in the
//! tests speaks to the machine.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;

use super::command::{
    Actor, ApprovalCommand, ClockCommand, Command, Contract, ContractChange, CredentialCommand,
    ExtentCommand, NewCredential, OperatorCommand, RepositoryCommand, ServiceCommand, Submission,
    SubtenantCommand, TenantCommand,
};
use super::machine::{Effect, Event, Keeper};
use super::record::Record;
use super::rows::{Role, Rows, Scope, SubtenantMode, Verifier};
use super::{Outcome, Refused};
use crate::kernel::{
    Act, Acts, CredentialId, Date, Epoch, ExtentId, Instant, Machine, Now, RepositoryId, Sequence,
    Size, Ticket, Timestamp,
};
use crate::names::{OperatorName, RepositoryName, SubtenantName, TenantName};

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) struct Office {
    keeper: Keeper,
    pub(super) now: Now,
    sequence: u64,
    pub(super) records: Vec<Record>,
    told: Sequence,
}

impl Office {
    /// Opens on 2026-11-21 at 10:00 with the operator ann, the one admin.
    pub(super) fn open() -> Self {
        let wall = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
        let mut office = Self {
            keeper: Keeper::new(Rows::default()),
            now: Now {
                wall,
                monotonic: Instant::default(),
            },
            sequence: 0,
            records: Vec::new(),
            told: Sequence::default(),
        };
        office.wake();
        office
            .add_operator(Actor::System, "ann", Role::Admin, 1000)
            .unwrap();
        office.events();
        office
    }

    pub(super) fn rows(&self) -> &Rows {
        self.keeper.rows()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now.wall
    }

    /// Gives a command and returns its answer.
    pub(super) fn submit(&mut self, by: Actor, command: Command) -> Result<Outcome, Refused> {
        self.sequence += 1;
        let sequence = self.sequence;
        self.send(Submission {
            client: 7,
            sequence,
            by,
            at: self.now.wall,
            command,
        })
        .map(|(outcome, _)| outcome)
    }

    /// Gives a command under its number.
    pub(super) fn send(&mut self, submission: Submission) -> super::Answer {
        let mut acts = Acts::default();
        let ticket = Ticket::new(submission.sequence);
        let event = Event::Submit { ticket, submission };
        self.keeper.step(self.now, event, &mut acts);
        let answer = acts.iter().find_map(|act| match act {
            Act::Show(Effect::Answer { answer, .. }) => Some(answer.clone()),
            Act::Show(Effect::Publish(_)) | Act::Start(_) | Act::Persist(_) => None,
        });
        self.note(acts);
        answer.expect("every command is answered in its step")
    }

    pub(super) fn ann(&mut self, command: Command) -> Result<Outcome, Refused> {
        self.submit(operator("ann"), command)
    }

    pub(super) fn bob(&mut self, command: Command) -> Result<Outcome, Refused> {
        self.submit(operator("bob"), command)
    }

    pub(super) fn system(&mut self, command: Command) -> Result<Outcome, Refused> {
        self.submit(Actor::System, command)
    }

    /// Both clocks move on together, and the machine wakes when it wants to.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while let Some(due) = self.keeper.deadline().filter(|due| *due <= end) {
            self.advance(self.now.monotonic.until(due));
            self.wake();
        }
        self.advance(self.now.monotonic.until(end));
    }

    /// Somebody sets the wall clock; a second later the machine has seen it.
    pub(super) fn set_clock(&mut self, text: &str) {
        self.now.wall = Timestamp::parse(text).unwrap();
        self.pass(Duration::from_secs(1));
    }

    /// The node stops and starts again from what it wrote down.
    pub(super) fn stop_for(&mut self, time: Duration) {
        let bodies: Vec<Bytes> = self.records.iter().map(Record::encode).collect();
        let recovered = Keeper::recover(None, bodies).unwrap();
        assert_eq!(
            recovered.rows(),
            self.keeper.rows(),
            "recovery ends where it left off"
        );
        self.keeper = recovered;
        self.now.wall = self.now.wall + time;
        self.now.monotonic = Instant::default();
        self.wake();
    }

    /// What happened since the last look, a line each.
    pub(super) fn events(&mut self) -> String {
        let mut lines = String::new();
        let (rows, told) = (self.keeper.rows(), self.told);
        for (at, event) in rows.events.iter().filter(|(at, _)| **at > told) {
            self.told = *at;
            let tenant = event.tenant.as_ref().map_or("-", |name| name.as_str());
            let (code, actor, text) = (event.code, &event.actor, &event.text);
            let _ = write!(lines, "{code} {actor}, {tenant}: {text}");
            let _ = match &event.reason {
                Some(reason) => writeln!(lines, " ({reason})"),
                None => writeln!(lines),
            };
        }
        lines
    }

    fn advance(&mut self, time: Duration) {
        self.now.monotonic = self.now.monotonic + time;
        self.now.wall = self.now.wall + time;
    }

    fn wake(&mut self) {
        let mut acts = Acts::default();
        self.keeper.wake(self.now, &mut acts);
        self.note(acts);
    }

    fn note(&mut self, acts: Acts<Keeper>) {
        for act in acts {
            match act {
                Act::Persist(record) => self.records.push(record),
                Act::Show(_) | Act::Start(_) => {}
            }
        }
    }
}

/// Commands as people give them.
impl Office {
    pub(super) fn add_operator(
        &mut self,
        by: Actor,
        name: &str,
        role: Role,
        uid: u32,
    ) -> Result<Outcome, Refused> {
        let command = OperatorCommand::Add {
            role,
            uid: Some(uid),
        };
        self.submit(by, Command::Operator(operator_name(name), command))
    }

    /// Makes bob the second admin, so that four eyes are asked for.
    pub(super) fn hire_bob(&mut self) {
        self.add_operator(operator("ann"), "bob", Role::Admin, 1001)
            .unwrap();
        self.events();
    }

    /// Makes a tenant with the default contract; returns its id.
    pub(super) fn add_tenant(&mut self, name: &str) -> u64 {
        match self.ann(tenant(name, TenantCommand::Add(Contract::default()))) {
            Ok(Outcome::Tenant { id }) => id,
            other => panic!("a tenant was wanted, {other:?} came"),
        }
    }

    pub(super) fn set_lease(&mut self, name: &str, date: &str) -> Result<Outcome, Refused> {
        let lease = Some(Some(Date::parse(date).unwrap()));
        self.set(
            name,
            ContractChange {
                lease,
                ..ContractChange::default()
            },
        )
    }

    pub(super) fn set(&mut self, name: &str, change: ContractChange) -> Result<Outcome, Refused> {
        self.ann(tenant(name, TenantCommand::Set(change)))
    }

    /// Makes a repository of 10 GiB.
    pub(super) fn add_repository(&mut self, of: &str, name: &str, hold_days: u32) -> RepositoryId {
        match self.ann(add_repository(of, name, Size::gib(10), hold_days)) {
            Ok(Outcome::Repository { id }) => id,
            other => panic!("a repository was wanted, {other:?} came"),
        }
    }

    pub(super) fn acquire(&mut self, repository: RepositoryId) -> Epoch {
        let command = RepositoryCommand::Acquire { repository };
        match self.system(Command::Repository(command)) {
            Ok(Outcome::Epoch { epoch }) => epoch,
            other => panic!("an epoch was wanted, {other:?} came"),
        }
    }

    pub(super) fn open_extent(&mut self, repository: RepositoryId, epoch: Epoch) -> ExtentId {
        let command = ExtentCommand::Open { repository, epoch };
        match self.system(Command::Extent(command)) {
            Ok(Outcome::Extent { id }) => id,
            other => panic!("an extent was wanted, {other:?} came"),
        }
    }

    /// Makes a login of a tenant.
    pub(super) fn add_login(&mut self, of: &str, scope: Scope) -> CredentialId {
        match self.ann(login(of, None, scope)) {
            Ok(Outcome::Credential { id }) => id,
            other => panic!("a login was wanted, {other:?} came"),
        }
    }

    pub(super) fn confirm(&mut self, today: &str) -> Result<Outcome, Refused> {
        let today = Date::parse(today).unwrap();
        self.ann(Command::Clock(ClockCommand::Confirm { today }))
    }
}

pub(super) fn operator(name: &str) -> Actor {
    Actor::Operator(operator_name(name))
}

pub(super) fn operator_name(name: &str) -> OperatorName {
    OperatorName::parse(name).unwrap()
}

pub(super) fn tenant_name(name: &str) -> TenantName {
    TenantName::parse(name).unwrap()
}

pub(super) fn tenant(name: &str, command: TenantCommand) -> Command {
    Command::Tenant(tenant_name(name), command)
}

pub(super) fn remove_tenant(name: &str) -> Command {
    tenant(
        name,
        TenantCommand::Remove {
            reason: Some("moved away".to_owned()),
        },
    )
}

pub(super) fn purge_tenant(name: &str) -> Command {
    tenant(name, TenantCommand::Purge { reason: None })
}

pub(super) fn subtenant(of: &str, name: &str, command: SubtenantCommand) -> Command {
    Command::Subtenant(
        tenant_name(of),
        SubtenantName::parse(name).unwrap(),
        command,
    )
}

/// A standalone subtenant with a slice of one repository.
pub(super) fn add_subtenant(of: &str, name: &str, slices: &[&str]) -> Command {
    let slices = slices.iter().map(|name| (repository_name(name), None));
    let command = SubtenantCommand::Add {
        description: String::new(),
        mode: SubtenantMode::Standalone,
        slices: slices.collect(),
        disabled: false,
    };
    subtenant(of, name, command)
}

pub(super) fn login(of: &str, subtenant: Option<&str>, scope: Scope) -> Command {
    Command::Credential(CredentialCommand::Add(NewCredential {
        tenant: tenant_name(of),
        subtenant: subtenant.map(|name| SubtenantName::parse(name).unwrap()),
        scope,
        verifier: Verifier::Generated([7; 32]),
        expires: None,
        label: "laptop".to_owned(),
        view: None,
    }))
}

pub(super) fn repository_name(name: &str) -> RepositoryName {
    RepositoryName::parse(name).unwrap()
}

pub(super) fn add_repository(of: &str, name: &str, quota: Size, hold_days: u32) -> Command {
    Command::Repository(RepositoryCommand::Add {
        tenant: tenant_name(of),
        name: repository_name(name),
        quota,
        hold_days,
        min_copies: 1,
    })
}

pub(super) fn remove_repository(of: &str, name: &str) -> Command {
    Command::Repository(RepositoryCommand::Remove {
        tenant: tenant_name(of),
        name: repository_name(name),
        reason: None,
    })
}

pub(super) fn purge_repository(repository: RepositoryId) -> Command {
    Command::Repository(RepositoryCommand::Purge {
        repository,
        reason: None,
    })
}

pub(super) fn grant(id: u64) -> Command {
    Command::Approval(id, ApprovalCommand::Grant)
}

pub(super) fn reject(id: u64) -> Command {
    Command::Approval(id, ApprovalCommand::Reject { reason: None })
}

pub(super) fn maintenance(notice: Option<&str>) -> Command {
    Command::Service(ServiceCommand::Maintenance(notice.map(str::to_owned)))
}
