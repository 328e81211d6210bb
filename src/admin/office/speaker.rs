//! Which operator speaks: by the user that the kernel names, and by the name that was given.
//!
//! Without a name it is the operator whose row has the peer's uid; else the operator [`FIRST`], who
//! stands for whoever owns the machine. With a name it is that operator. Either way its row must
//! have the peer's uid or none, except that root, who could become any user, speaks for all.
//! Whoever came through the socket as a member of its group is the operator of their uid and
//! nobody else.

use holdfast_actors::catalog::command::Actor;
use holdfast_actors::catalog::rows::{Operator, Rows};
use holdfast_actors::catalog::{Deed, Refused, may};
use holdfast_actors::names::OperatorName;

use super::super::{Caller, Problem, ProblemClass};

/// The operator that a new node has, with the role admin.
pub const FIRST: &str = "admin";

/// The user who could become any other.
const ROOT: u32 = 0;

/// The operator who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Speaker {
    name: OperatorName,
}

impl Speaker {
    /// Finds out who speaks.
    pub(super) fn recognise(caller: &Caller, rows: &Rows) -> Result<Self, Problem> {
        let found = match &caller.operator {
            Some(name) => {
                let row = rows.operators.get_key_value(name);
                Some(row.ok_or_else(|| Refused::NoOperator(name.clone()))?)
            }
            None => Self::unnamed(caller.uid, rows),
        };
        let may_be = |row: &Operator| match row.uid {
            Some(uid) => [ROOT, uid].contains(&caller.uid),
            None => caller.owns,
        };
        let found = found.filter(|(_, row)| may_be(row));
        let (name, _) = found.ok_or_else(|| {
            let uid = caller.uid;
            let message = if caller.owns || caller.operator.is_some() {
                format!(
                    "the user with uid {uid} is no operator of that name; say who you are with --as"
                )
            } else {
                format!(
                    "no operator has the uid {uid}; an admin makes one with 'operator add --uid'"
                )
            };
            Problem::new(ProblemClass::Refused, "not-allowed", message)
        })?;
        Ok(Self { name: name.clone() })
    }

    /// The operator whom another node of the cluster recognised.
    pub(super) fn passed(name: OperatorName, rows: &Rows) -> Result<Self, Problem> {
        if rows.operators.contains_key(&name) {
            return Ok(Self { name });
        }
        Err(Refused::NoOperator(name).into())
    }

    /// The operator's name.
    pub(super) const fn name(&self) -> &OperatorName {
        &self.name
    }

    fn unnamed(uid: u32, rows: &Rows) -> Option<(&OperatorName, &Operator)> {
        let known = rows.operators.iter().find(|(_, row)| row.uid == Some(uid));
        known.or_else(|| {
            let mut all = rows.operators.iter();
            all.find(|(name, _)| name.as_str() == FIRST)
        })
    }

    /// On whose behalf commands are given.
    pub(super) fn actor(&self) -> Actor {
        Actor::Operator(self.name.clone())
    }

    /// Passes who may do what is no command of the catalog's.
    pub(super) fn may(&self, rows: &Rows, deed: Deed) -> Result<(), Problem> {
        Ok(may(rows, &self.actor(), deed)?)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::catalog::rows::Role;

    use super::*;

    fn rows(operators: &[(&str, Role, Option<u32>)]) -> Rows {
        let mut rows = Rows::default();
        for (name, role, uid) in operators {
            let name = OperatorName::parse(name).unwrap();
            let row = Operator {
                role: *role,
                uid: *uid,
            };
            rows.operators.insert(name, row);
        }
        rows
    }

    fn who(uid: u32, name: Option<&str>, rows: &Rows) -> String {
        recognised(uid, true, name, rows)
    }

    #[test]
    fn an_operator_whom_another_node_names_must_be_one() {
        let rows = rows(&[("mara", Role::Viewer, Some(7))]);
        let passed = |name| Speaker::passed(OperatorName::parse(name).unwrap(), &rows);
        let mara = passed("mara").unwrap();
        assert_eq!(mara.name().as_str(), "mara");
        assert!(mara.may(&rows, Deed::Stop).is_err(), "and may what she may");
        assert_eq!(passed("eve").unwrap_err().reason, "no-operator");
    }

    fn recognised(uid: u32, owns: bool, name: Option<&str>, rows: &Rows) -> String {
        let operator = name.map(|name| OperatorName::parse(name).unwrap());
        let caller = Caller {
            uid,
            owns,
            operator,
        };
        match Speaker::recognise(&caller, rows) {
            Ok(speaker) => speaker.name.to_string(),
            Err(problem) => problem.reason,
        }
    }

    #[test]
    fn the_owner_of_the_machine_is_the_first_operator() {
        let rows = rows(&[("admin", Role::Admin, None), ("aaron", Role::Admin, None)]);
        assert_eq!(who(0, None, &rows), "admin");
        assert_eq!(who(0, Some("aaron"), &rows), "aaron");
    }

    #[test]
    fn a_user_with_a_row_of_their_own_is_that_operator() {
        let rows = rows(&[
            ("admin", Role::Admin, None),
            ("mara", Role::Viewer, Some(7)),
        ]);
        assert_eq!(who(7, None, &rows), "mara");
        assert_eq!(who(8, Some("mara"), &rows), "not-allowed");
        assert_eq!(who(8, Some("nobody"), &rows), "no-operator");
    }

    #[test]
    fn nobody_speaks_for_a_first_operator_who_became_somebody() {
        let rows = rows(&[("admin", Role::Admin, Some(7))]);
        assert_eq!(who(8, None, &rows), "not-allowed");
        assert_eq!(who(7, None, &rows), "admin");
    }

    #[test]
    fn a_member_of_the_group_is_the_operator_of_their_uid_and_nobody_else() {
        let rows = rows(&[("admin", Role::Admin, None), ("mara", Role::Admin, Some(7))]);
        let member = |uid, name| recognised(uid, false, name, &rows);
        assert_eq!(member(7, None), "mara");
        assert_eq!(member(7, Some("mara")), "mara");
        assert_eq!(member(7, Some("admin")), "not-allowed");
        assert_eq!(member(8, None), "not-allowed");
        assert_eq!(member(8, Some("admin")), "not-allowed");
        assert_eq!(who(8, None, &rows), "admin", "the owner is");
    }

    #[test]
    fn root_speaks_for_all() {
        let rows = rows(&[
            ("admin", Role::Admin, Some(7)),
            ("mara", Role::Admin, Some(8)),
        ]);
        assert_eq!(who(0, None, &rows), "admin");
        assert_eq!(who(0, Some("mara"), &rows), "mara");
        assert_eq!(who(7, Some("mara"), &rows), "not-allowed");
    }

    #[test]
    fn a_viewer_is_no_admin() {
        let rows = rows(&[("admin", Role::Viewer, None)]);
        let caller = Caller {
            uid: 0,
            owns: true,
            operator: None,
        };
        let speaker = Speaker::recognise(&caller, &rows).unwrap();
        let refused = speaker.may(&rows, Deed::Verify).unwrap_err();
        assert_eq!(refused.reason, "not-allowed");
    }
}
