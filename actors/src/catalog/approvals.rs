//! The four-eyes rule (2.3): what cannot be taken back needs a second operator.
//!
//! It holds as soon as there are two admins who can log in. Nobody agrees with himself, and a
//! request that nobody decides in [`WINDOW`] lapses. What touches an admin is under it as well:
//! else a thief would make himself the second operator.

use std::time::Duration;

use super::command::{
    Actor, ApprovalCommand, Command, ContractChange, OperatorCommand, RepositoryCommand,
    TapeCommand, TenantCommand, TermsChange,
};
use super::draft::{Draft, TEXT_MAX, short};
use super::events::Code;
use super::rows::{Approval, ApprovalState, Repository, Role, Rows, Tenant};
use super::tape::MediumCommand;
use super::{Outcome, Refused};
use crate::gateways::NONE;
use crate::kernel::Timestamp;
use crate::names::{OperatorName, RepositoryName, TenantName};
use crate::tape::media::Content;

/// How long a request waits.
pub(super) const WINDOW: Duration = Duration::from_secs(7 * 86_400);
/// The most requests that wait at once.
const PENDING_MAX: usize = 256;
/// The most requests kept, decided ones included; the oldest decided ones go first.
const KEPT_MAX: usize = 1024;

impl Draft<'_> {
    /// Whether the command must wait for a second operator.
    pub(super) fn wants_second(&self, command: &Command) -> bool {
        let operator = matches!(self.by, Actor::Operator(_));
        operator && self.rows.four_eyes() && self.is_grave(command)
    }

    fn is_grave(&self, command: &Command) -> bool {
        match command {
            Command::Tenant(name, command) => match command {
                TenantCommand::Remove { .. } | TenantCommand::Purge { .. } => true,
                TenantCommand::Set(change) => self.is_shortened(name, change),
                TenantCommand::SetWith(change, _) => self.is_shortened(name, change),
                TenantCommand::Add(_)
                | TenantCommand::AddWith(..)
                | TenantCommand::Disable { .. }
                | TenantCommand::Enable => false,
            },
            Command::Repository(command) => matches!(
                command,
                RepositoryCommand::Remove { .. } | RepositoryCommand::Purge { .. }
            ),
            Command::Operator(name, command) => {
                let row = self.rows.operators.get(name);
                let is_admin = row.is_some_and(|row| row.role == Role::Admin);
                let becomes_admin = match command {
                    OperatorCommand::Add { role, .. } => *role == Role::Admin,
                    OperatorCommand::Set { role, .. } => *role == Some(Role::Admin),
                    OperatorCommand::Remove => false,
                };
                is_admin || becomes_admin
            }
            // What is on it is somebody else's.
            Command::Tape(TapeCommand::Medium(id, MediumCommand::MarkFree)) => {
                let row = self.rows.tape.media.get(id);
                row.is_some_and(|row| matches!(row.medium.content, Content::Foreign(_)))
            }
            Command::Clock(_)
            | Command::Tape(_)
            | Command::Subtenant(..)
            | Command::Credential(_)
            | Command::Approval(..)
            | Command::Extent(_)
            | Command::Cluster(_)
            | Command::Pool(..)
            | Command::Service(_) => false,
        }
    }

    /// Whether a change takes something from a tenant that it has.
    fn is_shortened(&self, name: &TenantName, change: &ContractChange) -> bool {
        let tenant = self.rows.tenants.get(name);
        tenant.is_some_and(|tenant| shortens(tenant, change))
    }

    /// Files a request, unless the command would be refused anyway.
    pub(super) fn request(&mut self, command: &Command) -> Result<Outcome, Refused> {
        let Actor::Operator(by) = self.by else {
            return self.execute(command);
        };
        self.clone().execute(command)?;
        let rows = &mut self.rows.approvals;
        let waiting = rows
            .values()
            .filter(|row| row.state == ApprovalState::Pending);
        if waiting.count() >= PENDING_MAX {
            return Err(Refused::TooMany {
                what: "approval requests",
                most: PENDING_MAX,
            });
        }
        if rows.len() >= KEPT_MAX {
            let decided = |(_, row): &(&u64, &Approval)| row.state != ApprovalState::Pending;
            let oldest = rows.iter().find(decided).map(|(id, _)| *id);
            oldest.and_then(|id| rows.remove(&id));
        }
        let id = self.fresh();
        let text = sentence(&self.rows, command);
        let approval = Approval {
            by: by.clone(),
            at: self.at,
            command: command.clone(),
            text: text.clone(),
            state: ApprovalState::Pending,
            decided_by: None,
        };
        self.rows.approvals.insert(id, approval);
        let tenant = tenant_of(command);
        self.event(
            Code::ApprovalRequested,
            tenant,
            format!("request {id}: {text}"),
            None,
        );
        Ok(Outcome::Pending { approval: id })
    }

    pub(super) fn approval(
        &mut self,
        id: u64,
        command: &ApprovalCommand,
    ) -> Result<Outcome, Refused> {
        let Actor::Operator(me) = self.by else {
            return Err(Refused::NotAllowed(self.by.to_string()));
        };
        let row = self.rows.approvals.get(&id).cloned();
        let row = row.ok_or(Refused::NoApproval(id))?;
        if row.state != ApprovalState::Pending || self.at.since(row.at) >= WINDOW {
            return Err(Refused::Decided(id));
        }
        match command {
            ApprovalCommand::Reject { reason } => {
                short("a reason", reason.as_deref().unwrap_or_default(), TEXT_MAX)?;
                self.settle(id, ApprovalState::Rejected, Some(me), reason.as_deref());
                Ok(Outcome::Done)
            }
            ApprovalCommand::Grant if row.by == *me => Err(Refused::OwnRequest(me.clone())),
            ApprovalCommand::Grant => {
                self.settle(id, ApprovalState::Approved, Some(me), None);
                let asked = Actor::Operator(row.by);
                let mut granted = Draft {
                    rows: self.rows.clone(),
                    by: &asked,
                    at: self.at,
                    agreed: Some(me),
                };
                granted.admit(&row.command)?;
                let outcome = granted.execute(&row.command)?;
                self.rows = granted.rows;
                Ok(outcome)
            }
        }
    }

    /// Ends the requests that waited too long.
    pub(super) fn lapse(&mut self, now: Timestamp) {
        self.settle_all(ApprovalState::Lapsed, None, |row| {
            now.since(row.at) >= WINDOW
        });
    }

    /// Ends the requests of an operator who is none any more.
    pub(super) fn withdraw(&mut self, operator: &OperatorName) {
        let reason = Some("its operator was removed");
        self.settle_all(ApprovalState::Rejected, reason, |row| row.by == *operator);
    }

    /// Ends the requests about a tenant that is gone: a later one of its name is another.
    pub(super) fn withdraw_of_tenant(&mut self, tenant: &TenantName) {
        let reason = Some("its tenant was removed");
        self.settle_all(ApprovalState::Rejected, reason, |row| {
            tenant_of(&row.command) == Some(tenant)
        });
    }

    /// Ends the requests to remove a repository that is gone.
    pub(super) fn withdraw_of_repository(&mut self, tenant: &TenantName, name: &RepositoryName) {
        let reason = Some("its repository was removed");
        self.settle_all(ApprovalState::Rejected, reason, |row| {
            let Command::Repository(RepositoryCommand::Remove {
                tenant: of,
                name: what,
                ..
            }) = &row.command
            else {
                return false;
            };
            of == tenant && what == name
        });
    }

    fn settle_all(
        &mut self,
        state: ApprovalState,
        reason: Option<&str>,
        which: impl Fn(&Approval) -> bool,
    ) {
        let waits = |row: &Approval| row.state == ApprovalState::Pending && which(row);
        let rows = self.rows.approvals.iter();
        let ids: Vec<u64> = rows
            .filter(|(_, row)| waits(row))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.settle(id, state, None, reason);
        }
    }

    fn settle(
        &mut self,
        id: u64,
        state: ApprovalState,
        decided_by: Option<&OperatorName>,
        reason: Option<&str>,
    ) {
        let Some(row) = self.rows.approvals.get_mut(&id) else {
            return;
        };
        row.state = state;
        row.decided_by = decided_by.cloned();
        let row = row.clone();
        let code = match state {
            ApprovalState::Approved => Code::ApprovalGranted,
            ApprovalState::Lapsed => Code::ApprovalLapsed,
            ApprovalState::Pending | ApprovalState::Rejected => Code::ApprovalRejected,
        };
        let text = format!("request {id} of operator {}: {}", row.by, row.text);
        self.event(code, tenant_of(&row.command), text, reason);
    }
}

/// Whether a change takes time away that was promised.
fn shortens(tenant: &Tenant, change: &ContractChange) -> bool {
    let fewer = |new: Option<u32>, old: u32| new.is_some_and(|new| new < old);
    let earlier = match (change.lease, tenant.lease) {
        (Some(Some(new)), Some(old)) => new < old,
        (Some(Some(_)), None) => true,
        (Some(None) | None, _) => false,
    };
    earlier
        || fewer(change.bin_days, tenant.bin_days)
        || fewer(change.restore_grace, tenant.restore_grace)
        || fewer(change.purge_hold, tenant.purge_hold)
}

fn tenant_of(command: &Command) -> Option<&TenantName> {
    match command {
        Command::Tenant(name, _) => Some(name),
        Command::Repository(
            RepositoryCommand::Add { tenant, .. }
            | RepositoryCommand::Set { tenant, .. }
            | RepositoryCommand::Remove { tenant, .. }
            | RepositoryCommand::Restore { tenant, .. },
        ) => Some(tenant),
        Command::Repository(
            RepositoryCommand::Purge { .. }
            | RepositoryCommand::Acquire { .. }
            | RepositoryCommand::Purged { .. }
            | RepositoryCommand::Verified { .. }
            | RepositoryCommand::Scrubbed { .. },
        )
        | Command::Clock(_)
        | Command::Subtenant(..)
        | Command::Credential(_)
        | Command::Operator(..)
        | Command::Approval(..)
        | Command::Extent(_)
        | Command::Cluster(_)
        | Command::Pool(..)
        | Command::Tape(_)
        | Command::Service(_) => None,
    }
}

/// What a grave change of a contract changes.
fn changes(change: &ContractChange, terms: Option<&TermsChange>) -> String {
    let mut parts = Vec::new();
    if let Some(lease) = change.lease {
        let lease = lease.map_or("never".to_owned(), |date| date.to_string());
        parts.push(format!("lease {lease}"));
    }
    let days = [
        ("bin days", change.bin_days),
        ("restore grace", change.restore_grace),
        ("purge hold", change.purge_hold),
    ];
    let days = days
        .into_iter()
        .filter_map(|(what, days)| Some((what, days?)));
    parts.extend(days.map(|(what, days)| format!("{what} {days}")));
    if let Some(pools) = terms.and_then(|terms| terms.pools.as_ref()) {
        let pools: Vec<String> = pools.iter().map(ToString::to_string).collect();
        let pools = if pools.is_empty() {
            NONE.to_owned()
        } else {
            pools.join(", ")
        };
        parts.push(format!("pools {pools}"));
    }
    if let Some(fails_over) = terms.and_then(|terms| terms.fails_over) {
        let fails_over = if fails_over { "on" } else { "off" };
        parts.push(format!("fail over {fails_over}"));
    }
    parts.join(", ")
}

/// A grave command as people read it.
fn sentence(rows: &Rows, command: &Command) -> String {
    match command {
        Command::Tenant(name, TenantCommand::Remove { .. }) => format!("remove tenant {name}"),
        Command::Tenant(name, TenantCommand::Purge { .. }) => {
            format!("destroy the data of tenant {name}")
        }
        Command::Tenant(name, TenantCommand::Set(change)) => {
            format!("set {} of tenant {name}", changes(change, None))
        }
        Command::Tenant(name, TenantCommand::SetWith(change, terms)) => {
            format!("set {} of tenant {name}", changes(change, Some(terms)))
        }
        Command::Tape(TapeCommand::Medium(id, MediumCommand::MarkFree)) => {
            let row = rows.tape.media.get(id);
            let named = row.map_or_else(|| id.to_string(), |row| row.label(*id));
            format!("give up what is on cartridge {named}, which is not ours")
        }
        Command::Repository(RepositoryCommand::Remove { tenant, name, .. }) => {
            format!("remove repository {name} of tenant {tenant}")
        }
        Command::Repository(RepositoryCommand::Purge { repository, .. }) => {
            match rows.repositories.get(repository) {
                Some(Repository {
                    name,
                    removed: Some(removal),
                    ..
                }) => {
                    let tenant = &removal.tenant;
                    format!(
                        "destroy the data of repository {name} of tenant {tenant}, {repository}"
                    )
                }
                // Refused before anybody is asked.
                Some(_) | None => format!("destroy the data of {repository}"),
            }
        }
        Command::Operator(name, OperatorCommand::Add { role, uid }) => {
            let uid = uid.map_or("no uid".to_owned(), |uid| format!("uid {uid}"));
            format!("add operator {name} as {role}, {uid}")
        }
        Command::Operator(name, OperatorCommand::Set { role, uid }) => {
            let role = role.map(|role| format!("role {role}"));
            let uid = uid.map(|uid| format!("uid {uid}"));
            let parts: Vec<_> = role.into_iter().chain(uid).collect();
            format!("change operator {name}: {}", parts.join(", "))
        }
        Command::Operator(name, OperatorCommand::Remove) => format!("remove operator {name}"),
        Command::Tenant(
            _,
            TenantCommand::Add(_)
            | TenantCommand::AddWith(..)
            | TenantCommand::Disable { .. }
            | TenantCommand::Enable,
        )
        | Command::Repository(_)
        | Command::Clock(_)
        | Command::Subtenant(..)
        | Command::Credential(_)
        | Command::Approval(..)
        | Command::Extent(_)
        | Command::Cluster(_)
        | Command::Pool(..)
        | Command::Tape(_)
        | Command::Service(_) => format!("{command:?}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::command::{ContractChange, OperatorCommand};
    use super::super::fixture::{
        DAY, Office, grant, operator, operator_name, purge_repository, reject, remove_repository,
        remove_tenant, tenant_name,
    };
    use super::*;
    use crate::kernel::Date;

    /// Gives a command of ann's that must wait, and returns the request's id.
    fn ask(office: &mut Office, command: Command) -> u64 {
        match office.ann(command) {
            Ok(Outcome::Pending { approval }) => approval,
            other => panic!("a request was wanted, {other:?} came"),
        }
    }

    fn state(office: &Office, id: u64) -> ApprovalState {
        office.rows().approvals[&id].state
    }

    #[test]
    fn one_operator_alone_needs_nobody() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        assert_eq!(office.ann(remove_tenant("Acme")), Ok(Outcome::Done));
    }

    #[test]
    fn with_two_admins_a_tenant_goes_only_when_both_agree() {
        let mut office = Office::open();
        office.hire_bob();
        office.add_tenant("Acme");
        let id = ask(&mut office, remove_tenant("Acme"));
        assert!(office.rows().tenants.contains_key(&tenant_name("Acme")));
        let own = Err(Refused::OwnRequest(operator_name("ann")));
        assert_eq!(office.ann(grant(id)), own);
        assert_eq!(office.bob(grant(id)), Ok(Outcome::Done));
        assert!(office.rows().tenants.is_empty());
        assert_eq!(state(&office, id), ApprovalState::Approved);
        assert_eq!(office.bob(grant(id)), Err(Refused::Decided(id)));
        expect![[r#"
            24110 operator ann, Acme: tenant Acme added
            30020 operator ann, Acme: request 2: remove tenant Acme
            30021 operator bob, Acme: request 2 of operator ann: remove tenant Acme
            24120 operator ann, Acme: tenant Acme deleted; its data stays until it is purged (moved away; agreed by operator bob)
        "#]]
        .assert_eq(&office.events());
    }

    #[test]
    fn a_request_does_not_outlive_what_it_is_about() {
        let mut office = Office::open();
        office.hire_bob();
        office.add_tenant("Acme");
        office.add_repository("Acme", "main", 0);
        let again = ask(&mut office, remove_repository("Acme", "main"));
        let granted = ask(&mut office, remove_repository("Acme", "main"));
        assert_eq!(office.bob(grant(granted)), Ok(Outcome::Done));
        assert_eq!(state(&office, again), ApprovalState::Rejected);
        let tenant = ask(&mut office, remove_tenant("Acme"));
        let other = ask(&mut office, remove_tenant("Acme"));
        assert_eq!(office.bob(grant(other)), Ok(Outcome::Done));
        assert_eq!(state(&office, other), ApprovalState::Approved);
        // A later tenant of that name is another.
        office.add_tenant("Acme");
        assert_eq!(office.bob(grant(tenant)), Err(Refused::Decided(tenant)));
        assert!(office.rows().tenants.contains_key(&tenant_name("Acme")));
    }

    #[test]
    fn a_request_nobody_decides_lapses_after_seven_days() {
        let mut office = Office::open();
        office.hire_bob();
        office.add_tenant("Acme");
        let id = ask(&mut office, remove_tenant("Acme"));
        office.pass(DAY * 7 - std::time::Duration::from_secs(120));
        assert_eq!(state(&office, id), ApprovalState::Pending);
        office.pass(std::time::Duration::from_secs(240));
        assert_eq!(state(&office, id), ApprovalState::Lapsed);
        assert_eq!(office.bob(grant(id)), Err(Refused::Decided(id)));
        assert!(office.rows().tenants.contains_key(&tenant_name("Acme")));
    }

    #[test]
    fn the_requester_may_reject_and_so_may_the_other() {
        let mut office = Office::open();
        office.hire_bob();
        office.add_tenant("Acme");
        for by in ["ann", "bob"] {
            let id = ask(&mut office, remove_tenant("Acme"));
            assert_eq!(office.submit(operator(by), reject(id)), Ok(Outcome::Done));
            assert_eq!(state(&office, id), ApprovalState::Rejected);
        }
    }

    #[test]
    fn taking_promised_time_away_needs_both_and_giving_more_needs_one() {
        let mut office = Office::open();
        office.hire_bob();
        office.add_tenant("Acme");
        let day = |text| Some(Some(Date::parse(text).unwrap()));
        let all = ContractChange {
            restore_grace: Some(5),
            purge_hold: Some(5),
            bin_days: Some(9),
            ..Default::default()
        };
        assert_eq!(office.set("Acme", all), Ok(Outcome::Done));
        for change in [
            ContractChange {
                lease: day("2027-01-01"),
                ..Default::default()
            },
            ContractChange {
                bin_days: Some(8),
                ..Default::default()
            },
            ContractChange {
                restore_grace: Some(4),
                ..Default::default()
            },
            ContractChange {
                purge_hold: Some(4),
                ..Default::default()
            },
        ] {
            let pending = office.set("Acme", change).unwrap();
            assert!(matches!(pending, Outcome::Pending { .. }));
        }
        let tasks = ContractChange {
            tasks: Some(1),
            ..Default::default()
        };
        assert_eq!(office.set("Acme", tasks), Ok(Outcome::Done));
        let id = *office.rows().approvals.keys().next().unwrap();
        assert_eq!(office.bob(grant(id)), Ok(Outcome::Done));
        let later = ContractChange {
            lease: day("2027-02-01"),
            ..Default::default()
        };
        assert_eq!(office.set("Acme", later), Ok(Outcome::Done));
    }

    #[test]
    fn a_request_says_in_words_whose_data_goes_and_who_an_operator_becomes() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let main = office.add_repository("Acme", "main", 0);
        office.ann(remove_repository("Acme", "main")).unwrap();
        office.pass(DAY * 9);
        office.hire_bob();
        let (role, uid) = (Role::Admin, None);
        let add = OperatorCommand::Add { role, uid };
        let set = OperatorCommand::Set {
            role: Some(Role::TapeOperator),
            uid: Some(7),
        };
        let operator = |name, command| Command::Operator(operator_name(name), command);
        let all = [
            purge_repository(main),
            operator("eve", add),
            operator("bob", set),
        ];
        let mut lines = String::new();
        for command in all {
            let id = ask(&mut office, command);
            lines += &format!("{}\n", office.rows().approvals[&id].text);
        }
        expect![[r#"
            destroy the data of repository main of tenant Acme, repository-2
            add operator eve as admin, no uid
            change operator bob: role tape-operator, uid 7
        "#]]
        .assert_eq(&lines);
    }

    #[test]
    fn an_admin_cannot_make_himself_a_second_or_get_rid_of_the_other() {
        let mut office = Office::open();
        office.hire_bob();
        let add = OperatorCommand::Add {
            role: Role::Admin,
            uid: Some(6),
        };
        let remove = OperatorCommand::Remove;
        let demote = OperatorCommand::Set {
            role: Some(Role::Viewer),
            uid: None,
        };
        for (name, command) in [("eve", add), ("bob", remove), ("bob", demote)] {
            let id = ask(&mut office, Command::Operator(operator_name(name), command));
            assert_eq!(state(&office, id), ApprovalState::Pending);
        }
        let viewer = office.add_operator(operator("ann"), "vic", Role::Viewer, 2000);
        assert_eq!(viewer, Ok(Outcome::Done));
    }

    #[test]
    fn what_would_be_refused_anyway_makes_no_request() {
        let mut office = Office::open();
        office.hire_bob();
        let refused = office.ann(remove_tenant("Acme"));
        assert_eq!(refused, Err(Refused::NoTenant(tenant_name("Acme"))));
        assert!(office.rows().approvals.is_empty());
    }

    #[test]
    fn the_requests_of_a_removed_operator_are_rejected() {
        let mut office = Office::open();
        office.hire_bob();
        office.add_tenant("Acme");
        office.add_repository("Acme", "main", 0);
        let wish = office.bob(remove_repository("Acme", "main"));
        let Ok(Outcome::Pending { approval: wish }) = wish else {
            panic!("{wish:?}")
        };
        let bob = Command::Operator(operator_name("bob"), OperatorCommand::Remove);
        let dismissal = ask(&mut office, bob);
        assert_eq!(office.bob(grant(dismissal)), Ok(Outcome::Done));
        assert_eq!(state(&office, wish), ApprovalState::Rejected);
        assert!(!office.rows().four_eyes());
    }
}
