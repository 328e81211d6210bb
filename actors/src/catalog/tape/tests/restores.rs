//! Whom restores shut out, and what they keep from being written over.

use super::super::super::command::TenantCommand;
use super::super::super::fixture::tenant;
use super::super::super::rows::{Destination, RestoreEnd, RestorePart};
use super::*;
use crate::kernel::RestoreId;

fn restore(id: u64, command: RestoreCommand) -> Command {
    Command::Tape(TapeCommand::Restore(RestoreId::new(id), command))
}

fn ask(to: &[Destination]) -> RestoreCommand {
    let part = |to: &Destination| RestorePart {
        set: SetId::new(9),
        run: "r1".to_owned(),
        to: to.clone(),
    };
    RestoreCommand::Ask {
        parts: to.iter().map(part).collect(),
        past_quota: false,
    }
}

fn folder(path: &str) -> Destination {
    Destination::Folder(path.to_owned())
}

/// A vault with a run on cartridge 1.
fn vault() -> Vault {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Weekly);
    vault.begin(9, 1, BLANK).unwrap();
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
    vault.commit(9, 1, 4).unwrap();
    vault.ran(9, "r1").unwrap();
    vault.close(9);
    vault.0.events();
    vault
}

fn shut(vault: &Vault) -> Option<String> {
    let name = TenantName::parse("Acme").unwrap();
    vault.0.rows().tenants.get(&name).unwrap().disabled.clone()
}

#[test]
fn a_restore_that_misses_a_cartridge_says_in_which_vault_it_is() {
    let mut vault = vault();
    vaults::rules(&mut vault);
    let going = [MediumId::new(1)].into();
    vault.ann(library(LibraryCommand::Export(going))).unwrap();
    vault.ann(restore(1, ask(&[folder("/tmp/a")]))).unwrap();
    let missed = RestoreEnd::Offline(vec!["HF0001L9".to_owned(), "HF0009L9".to_owned()]);
    vault.0.events();
    vault
        .system(restore(1, RestoreCommand::End(missed)))
        .unwrap();
    let told = vault.0.events();
    let wanted = "put in HF0001L9 in vault safe, HF0009L9";
    assert!(told.contains(wanted), "{told}");
    let row = vault.0.rows().tape.restores.values().next().unwrap();
    let (_, end) = row.end.as_ref().unwrap();
    assert!(format!("{end:?}").contains("HF0001L9 in vault safe"));
}

#[test]
fn whoever_is_shut_out_is_let_in_however_the_restore_ends() {
    let ends = [
        RestoreEnd::Complete,
        RestoreEnd::Stopped,
        RestoreEnd::Failed("no drive".to_owned()),
        RestoreEnd::Incomplete {
            lost: 1,
            named: vec!["config".to_owned(); 1000],
        },
    ];
    let mut vault = vault();
    for (id, end) in (1..).zip(ends) {
        vault
            .ann(restore(id, ask(&[Destination::Original])))
            .unwrap();
        assert_eq!(shut(&vault), None, "nothing is touched yet");
        vault.system(restore(id, RestoreCommand::Begin)).unwrap();
        let why = shut(&vault).unwrap();
        assert!(!why.contains("tape"), "tenants see it: {why}");
        // A crash, and it goes on.
        vault.system(restore(id, RestoreCommand::Begin)).unwrap();
        vault.system(restore(id, RestoreCommand::End(end))).unwrap();
        assert_eq!(shut(&vault), None);
    }
    let told = vault.0.events();
    for word in [
        "is complete",
        "was stopped",
        "failed: no drive",
        "1 objects",
    ] {
        assert!(told.contains(word), "{told}");
    }
    let again = vault.system(restore(1, RestoreCommand::End(RestoreEnd::Complete)));
    assert_eq!(why(again), "restore-ended");
}

#[test]
fn a_tenant_that_somebody_else_shut_out_stays_so() {
    let disable = |reason: &str| {
        let reason = reason.to_owned();
        tenant("Acme", TenantCommand::Disable { reason })
    };
    let end = || RestoreCommand::End(RestoreEnd::Complete);
    let mut vault = vault();
    vault.ann(disable("has not paid")).unwrap();
    vault
        .ann(restore(1, ask(&[Destination::Original])))
        .unwrap();
    vault.system(restore(1, RestoreCommand::Begin)).unwrap();
    vault.system(restore(1, end())).unwrap();
    assert_eq!(shut(&vault).unwrap(), "has not paid", "before");
    vault.ann(tenant("Acme", TenantCommand::Enable)).unwrap();
    vault
        .ann(restore(2, ask(&[Destination::Original])))
        .unwrap();
    vault.system(restore(2, RestoreCommand::Begin)).unwrap();
    vault.ann(disable("has not paid")).unwrap();
    vault.system(restore(2, end())).unwrap();
    assert_eq!(shut(&vault).unwrap(), "has not paid", "meanwhile");
}

#[test]
fn a_restore_is_asked_for_once_and_to_places_of_its_own() {
    let mut vault = vault();
    assert_eq!(why(vault.ann(restore(1, ask(&[])))), "no-restore-parts");
    let two = ask(&[folder("/a"), folder("/a")]);
    assert_eq!(why(vault.ann(restore(1, two))), "restore-place-taken");
    assert_eq!(
        why(vault.ann(restore(2, ask(&[folder("/a")])))),
        "restore-taken"
    );
    let same = Destination::Repository(RepositoryId::new(2));
    let two = ask(&[Destination::Original, same.clone()]);
    assert_eq!(why(vault.ann(restore(1, two))), "restore-place-taken");
    vault
        .ann(restore(1, ask(&[Destination::Original])))
        .unwrap();
    assert_eq!(
        why(vault.ann(restore(2, ask(&[same])))),
        "restore-place-taken"
    );
    assert_eq!(
        why(vault.ann(restore(7, RestoreCommand::Stop))),
        "no-restore"
    );
    vault.ann(restore(1, RestoreCommand::Stop)).unwrap();
    assert!(vault.0.rows().tape.restores[&RestoreId::new(1)].is_stopping);
}

#[test]
fn what_a_restore_reads_is_not_given_up() {
    let mut vault = vault();
    vault.ann(restore(1, ask(&[folder("/a")]))).unwrap();
    let free = || medium(1, MediumCommand::MarkFree);
    assert_eq!(why(vault.ann(free())), "cartridge-being-restored");
    let end = RestoreCommand::End(RestoreEnd::Stopped);
    vault.system(restore(1, end)).unwrap();
    vault.ann(free()).unwrap();
}

#[test]
fn restores_that_have_ended_make_room() {
    let mut vault = vault();
    for id in 1..=300 {
        vault.ann(restore(id, ask(&[folder("/a")]))).unwrap();
        let end = RestoreCommand::End(RestoreEnd::Stopped);
        vault.system(restore(id, end)).unwrap();
    }
    let kept = &vault.0.rows().tape.restores;
    assert_eq!((kept.len(), kept.keys().next().unwrap().raw()), (256, 45));
}

#[test]
fn a_quota_is_passed_by_a_restore_that_was_told_to_and_while_it_is_under_way() {
    let two = RepositoryId::new(2);
    for to in [Destination::Original, Destination::Repository(two)] {
        let mut vault = vault();
        let past = |vault: &Vault| vault.0.rows().tape.is_past_quota(two);
        vault
            .ann(restore(1, ask(std::slice::from_ref(&to))))
            .unwrap();
        vault.system(restore(1, RestoreCommand::Begin)).unwrap();
        assert!(!past(&vault), "nobody said so");
        let end = || RestoreCommand::End(RestoreEnd::Complete);
        vault.system(restore(1, end())).unwrap();
        let RestoreCommand::Ask { parts, .. } = ask(&[to]) else {
            unreachable!("it asks");
        };
        let past_quota = true;
        let ask = RestoreCommand::Ask { parts, past_quota };
        vault.ann(restore(2, ask)).unwrap();
        assert!(!past(&vault), "it is not begun");
        vault.system(restore(2, RestoreCommand::Begin)).unwrap();
        assert!(past(&vault));
        let other = RepositoryId::new(3);
        assert!(!vault.0.rows().tape.is_past_quota(other));
        vault.system(restore(2, end())).unwrap();
        assert!(!past(&vault), "it is over");
    }
}
