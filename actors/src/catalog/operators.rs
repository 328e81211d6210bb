//! Operators: who they are and what they may do.
//!
//! Invariants: no two operators are the same local user, and once there is an admin there always is
//! one.

use super::command::OperatorCommand;
use super::draft::Draft;
use super::events::Code;
use super::rows::{Operator, Role};
use super::{Outcome, Refused};
use crate::names::OperatorName;

/// The most operators.
const OPERATORS_MAX: usize = 1000;

impl Draft<'_> {
    pub(super) fn operator(
        &mut self,
        name: &OperatorName,
        command: &OperatorCommand,
    ) -> Result<Outcome, Refused> {
        match command {
            OperatorCommand::Add { role, uid } => self.add_operator(name, *role, *uid),
            OperatorCommand::Set { role, uid } => self.set_operator(name, *role, *uid),
            OperatorCommand::Remove => self.remove_operator(name),
        }
    }

    fn add_operator(
        &mut self,
        name: &OperatorName,
        role: Role,
        uid: Option<u32>,
    ) -> Result<Outcome, Refused> {
        let same = |other: &&OperatorName| other.as_str().eq_ignore_ascii_case(name.as_str());
        if let Some(other) = self.rows.operators.keys().find(same) {
            return Err(Refused::OperatorExists(other.clone()));
        }
        if self.rows.operators.len() >= OPERATORS_MAX {
            return Err(Refused::TooMany {
                what: "operators",
                most: OPERATORS_MAX,
            });
        }
        self.free_uid(name, uid)?;
        self.rows
            .operators
            .insert(name.clone(), Operator { role, uid });
        let text = format!("operator {name} added as {role}");
        self.event(Code::OperatorAdded, None, text, None);
        Ok(Outcome::Done)
    }

    fn set_operator(
        &mut self,
        name: &OperatorName,
        role: Option<Role>,
        uid: Option<u32>,
    ) -> Result<Outcome, Refused> {
        self.free_uid(name, uid)?;
        let row = self.known_operator(name)?;
        let new = Operator {
            role: role.unwrap_or(row.role),
            uid: uid.or(row.uid),
        };
        if new.role != Role::Admin {
            self.spare_admin(name)?;
        }
        let text = format!("operator {name} is {:?} now", new.role);
        self.rows.operators.insert(name.clone(), new);
        self.event(Code::OperatorChanged, None, text, None);
        Ok(Outcome::Done)
    }

    fn remove_operator(&mut self, name: &OperatorName) -> Result<Outcome, Refused> {
        self.known_operator(name)?;
        self.spare_admin(name)?;
        self.rows.operators.remove(name);
        self.event(
            Code::OperatorRemoved,
            None,
            format!("operator {name} removed"),
            None,
        );
        self.withdraw(name);
        Ok(Outcome::Done)
    }

    fn known_operator(&self, name: &OperatorName) -> Result<&Operator, Refused> {
        let row = self.rows.operators.get(name);
        row.ok_or_else(|| Refused::NoOperator(name.clone()))
    }

    /// Refuses to take the one admin away who can log in, or the last of all.
    fn spare_admin(&self, name: &OperatorName) -> Result<(), Refused> {
        let is_admin = self.known_operator(name)?.role == Role::Admin;
        let mut others = self
            .rows
            .operators
            .iter()
            .filter(|(other, _)| *other != name);
        if is_admin && !others.any(|(_, row)| row.decides()) {
            return Err(Refused::LastAdmin(name.clone()));
        }
        Ok(())
    }

    fn free_uid(&self, name: &OperatorName, uid: Option<u32>) -> Result<(), Refused> {
        let Some(uid) = uid else { return Ok(()) };
        let mut others = self
            .rows
            .operators
            .iter()
            .filter(|(other, _)| *other != name);
        match others.find(|(_, row)| row.uid == Some(uid)) {
            Some((other, _)) => Err(Refused::UidTaken(uid, other.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Refused;
    use super::super::command::{Actor, Command, OperatorCommand};
    use super::super::fixture::{Office, maintenance, operator, operator_name};
    use super::super::rows::Role;

    fn change(name: &str, command: OperatorCommand) -> Command {
        Command::Operator(operator_name(name), command)
    }

    #[test]
    fn the_system_makes_the_first_operator_and_no_other() {
        let mut office = Office::open();
        let second = office.add_operator(Actor::System, "eve", Role::Admin, 1002);
        assert_eq!(second, Err(Refused::NotAllowed("system".to_owned())));
    }

    #[test]
    fn an_admin_may_and_a_viewer_may_only_look() {
        let mut office = Office::open();
        for (name, role, uid) in [
            ("vic", Role::Viewer, 2000),
            ("tom", Role::TapeOperator, 2001),
        ] {
            office
                .add_operator(operator("ann"), name, role, uid)
                .unwrap();
            let refused = office.submit(operator(name), maintenance(None));
            assert_eq!(
                refused,
                Err(Refused::NotAllowed(format!("operator {name}")))
            );
        }
        assert!(office.ann(maintenance(None)).is_ok());
        let stranger = office.submit(operator("eve"), maintenance(None));
        assert_eq!(
            stranger,
            Err(Refused::NotAllowed("operator eve".to_owned()))
        );
    }

    #[test]
    fn the_last_admin_cannot_go_or_step_down() {
        let mut office = Office::open();
        office
            .add_operator(operator("ann"), "vic", Role::Viewer, 2000)
            .unwrap();
        let last = Err(Refused::LastAdmin(operator_name("ann")));
        assert_eq!(office.ann(change("ann", OperatorCommand::Remove)), last);
        let role = Some(Role::Viewer);
        assert_eq!(
            office.ann(change("ann", OperatorCommand::Set { role, uid: None })),
            last
        );
    }

    #[test]
    fn two_operators_are_never_one_person() {
        let mut office = Office::open();
        let taken = Err(Refused::UidTaken(1000, operator_name("ann")));
        assert_eq!(
            office.add_operator(operator("ann"), "bob", Role::Admin, 1000),
            taken
        );
        office
            .add_operator(operator("ann"), "vic", Role::Viewer, 2000)
            .unwrap();
        let set = OperatorCommand::Set {
            role: None,
            uid: Some(1000),
        };
        assert_eq!(office.ann(change("vic", set)), taken);
        let same = office.add_operator(operator("ann"), "VIC", Role::Viewer, 3000);
        assert_eq!(same, Err(Refused::OperatorExists(operator_name("vic"))));
    }
}
