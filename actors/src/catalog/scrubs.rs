//! What reading repositories back brought: by order, or in their turn.

use super::draft::Draft;
use super::events::Code;
use super::rows::Scrub;
use super::{Outcome, Refused};
use crate::kernel::RepositoryId;
use crate::names::TenantName;

impl Draft<'_> {
    pub(super) fn verified(
        &mut self,
        id: RepositoryId,
        objects: u64,
        damaged: u64,
    ) -> Result<Outcome, Refused> {
        let scrub = Scrub {
            at: self.at,
            objects,
            damaged,
            finding: 0,
        };
        self.read_back(id, scrub)?;
        if damaged > 0 {
            self.damaged(id, scrub);
        } else {
            let (name, tenant) = self.called(id);
            let text = format!("repository {name}: {objects} objects read back, all as they were");
            self.event(Code::RepositoryVerified, tenant.as_ref(), text, None);
        }
        Ok(Outcome::Done)
    }

    /// Nobody asked for it, so nobody is told but of damage, and of each finding once.
    pub(super) fn scrubbed(
        &mut self,
        id: RepositoryId,
        objects: u64,
        damaged: u64,
        finding: u64,
    ) -> Result<Outcome, Refused> {
        let scrub = Scrub {
            at: self.at,
            objects,
            damaged,
            finding,
        };
        let told = self.rows.scrubs.get(&id);
        let told = told.map(|last| (last.damaged, last.finding));
        self.read_back(id, scrub)?;
        if scrub.damaged > 0 && told != Some((scrub.damaged, scrub.finding)) {
            self.damaged(id, scrub);
        }
        Ok(Outcome::Done)
    }

    fn read_back(&mut self, id: RepositoryId, scrub: Scrub) -> Result<(), Refused> {
        let at = Some(scrub.at);
        if !self.rows.repositories.change(&id, |row| row.verified = at) {
            return Err(Refused::NoRepositoryId(id));
        }
        self.rows.scrubs.insert(id, scrub);
        Ok(())
    }

    fn damaged(&mut self, id: RepositoryId, scrub: Scrub) {
        let (name, tenant) = self.called(id);
        let Scrub {
            objects, damaged, ..
        } = scrub;
        let text = format!("repository {name}: {damaged} of {objects} objects are damaged");
        self.event(Code::RepositoryDamaged, tenant.as_ref(), text, None);
    }

    /// What people call a repository, and whose it is if somebody has it.
    pub(super) fn called(&self, id: RepositoryId) -> (String, Option<TenantName>) {
        let row = self.rows.repositories.get(&id);
        let name = row.map_or_else(|| id.to_string(), |row| row.name.to_string());
        let tenant = row.and_then(|row| self.rows.tenant_name(row.tenant));
        (name, tenant.cloned())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::command::{Command, RepositoryCommand};
    use super::super::fixture::{DAY, Office};
    use super::*;

    fn scrubbed(repository: RepositoryId, damaged: u64, finding: u64) -> Command {
        Command::Repository(RepositoryCommand::Scrubbed {
            repository,
            objects: 9,
            damaged,
            finding,
        })
    }

    #[test]
    fn damage_is_told_once_for_each_finding_and_a_sound_repository_not_at_all() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let id = office.add_repository("Acme", "main", 0);
        office.events();
        for (damaged, finding) in [(0, 0), (2, 77), (2, 77), (2, 78), (3, 78), (0, 0), (3, 78)] {
            office.pass(DAY);
            office.system(scrubbed(id, damaged, finding)).unwrap();
            let (at, rows) = (office.now(), office.rows());
            assert_eq!(rows.repositories[&id].verified, Some(at));
            assert_eq!(
                (rows.scrubs[&id].at, rows.scrubs[&id].damaged),
                (at, damaged)
            );
        }
        expect![[r#"
            30044 system, Acme: repository main: 2 of 9 objects are damaged
            30044 system, Acme: repository main: 2 of 9 objects are damaged
            30044 system, Acme: repository main: 3 of 9 objects are damaged
            30044 system, Acme: repository main: 3 of 9 objects are damaged
        "#]]
        .assert_eq(&office.events());
    }

    #[test]
    fn only_the_system_says_that_a_repository_was_read_back_in_its_turn() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let id = office.add_repository("Acme", "main", 0);
        assert!(office.ann(scrubbed(id, 0, 0)).is_err());
        let strange = RepositoryId::new(99);
        assert_eq!(
            office.system(scrubbed(strange, 0, 0)),
            Err(Refused::NoRepositoryId(strange))
        );
    }
}
