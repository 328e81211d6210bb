//! Who may do what with tapes, and who hears of it.

use super::super::super::command::Actor;
use super::super::super::fixture::tenant_name;
use super::super::super::rows::{Role, Scope};
use super::*;
use crate::tape::changer::Record;

#[test]
fn whoever_handles_tapes_handles_media_and_nothing_else() {
    let mut vault = Vault::open();
    let add = |office: &mut Office, who, role, uid| {
        office
            .add_operator(operator("ann"), who, role, uid)
            .unwrap();
    };
    add(&mut vault.0, "tom", Role::TapeOperator, 7);
    add(&mut vault.0, "vic", Role::Viewer, 8);
    let retire = medium(1, MediumCommand::Retire);
    let enable = job(JobCommand::Enable(true));
    for (command, tom, ann, system) in [
        (retire, true, true, false),
        (enable, true, true, false),
        (set(9, SetCommand::Close), true, true, true),
        (
            library(LibraryCommand::Noted(Record::Settled)),
            false,
            false,
            true,
        ),
        (job(JobCommand::Keep(Box::default())), false, false, true),
        (job(JobCommand::Remove), false, true, false),
        (library(LibraryCommand::Remove), false, true, false),
        (pool(MediaPoolCommand::Remove), false, true, false),
        (
            library(LibraryCommand::Inventory(Vec::new())),
            false,
            false,
            true,
        ),
        (library(LibraryCommand::Import), true, true, false),
        (medium(1, MediumCommand::Vault(None)), true, true, false),
        (vaults::safe(VaultCommand::Remove), true, true, false),
        (
            Command::Tape(TapeCommand::Class(1, None)),
            false,
            true,
            false,
        ),
        (medium(1, MediumCommand::Failed), false, false, true),
    ] {
        let may = |office: &mut Office, by| {
            let done = office.submit(by, command.clone());
            !matches!(done, Err(Refused::NotAllowed(_)))
        };
        assert!(!may(&mut vault.0, operator("vic")), "{command:?}");
        assert_eq!(may(&mut vault.0, operator("tom")), tom, "{command:?}");
        assert_eq!(may(&mut vault.0, Actor::System), system, "{command:?}");
        assert_eq!(may(&mut vault.0, operator("ann")), ann, "{command:?}");
    }
}

#[test]
fn tenants_do_nothing_with_tapes_and_hear_nothing_of_them() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
    vault.ran(9, "r1").unwrap();
    let events = vault.0.rows().events.values();
    let of_tape = events.filter(|event| event.code >= 30_100 || event.code == 10_014);
    let of_tape: Vec<_> = of_tape.collect();
    assert!(of_tape.len() >= 3);
    assert!(of_tape.iter().all(|event| event.tenant.is_none()), "I12");
    let tenant = Actor::Tenant(tenant_name("Acme"), vault.0.add_login("Acme", Scope::Full));
    for command in [medium(1, MediumCommand::Retire), set(9, SetCommand::Close)] {
        let answer = vault.0.submit(tenant.clone(), command);
        assert_eq!(why(answer), "not-allowed");
    }
}
