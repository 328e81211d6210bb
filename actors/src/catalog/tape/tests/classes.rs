//! Who shares a media set.

use super::*;
use crate::kernel::RepositoryId;

fn class(tenant: u64, class: Option<&str>) -> Command {
    Command::Tape(TapeCommand::Class(tenant, class.map(name)))
}

fn by_class() -> Command {
    pool(MediaPoolCommand::Set {
        description: None,
        takes_free: None,
        sets: None,
        mixing: Some(Mixing::Class),
    })
}

fn share(vault: &Vault, id: u128, class: &str) -> Command {
    let share = SetCommand::Share {
        pool: vault.pool(),
        set: MediaSet::Weekly,
        class: name(class),
        one: None,
    };
    set(id, share)
}

/// A set that the tenants of a class share.
pub(super) fn shared(vault: &mut Vault, id: u128) {
    vault.ann(class(1, Some("gold"))).unwrap();
    vault.ann(by_class()).unwrap();
    vault.system(share(vault, id, "gold")).unwrap();
}

fn of(repository: u64, view: u64) -> SetCommand {
    SetCommand::Run(Run {
        repository: RepositoryId::new(repository),
        ..run(&format!("r{repository}-{view}"), view)
    })
}

#[test]
fn tenants_of_one_class_share_a_set_and_nobody_else_does() {
    let mut vault = Vault::open();
    // The pool and the job took the numbers between.
    vault.0.add_tenant("Beta");
    vault.0.add_tenant("Corp");
    for tenant in ["Beta", "Corp"] {
        vault.0.add_repository(tenant, "main", 0);
    }
    let rows = vault.0.rows();
    let tenants: BTreeMap<u64, u64> = rows
        .repositories
        .iter()
        .map(|(id, row)| (row.tenant, id.raw()))
        .collect();
    let [(acme, first), (beta, second), (corp, third)] =
        <[(u64, u64); 3]>::try_from(tenants.into_iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(why(vault.ann(class(999, Some("gold")))), "no-tenant");
    // The pool keeps all apart.
    assert_eq!(why(vault.system(share(&vault, 9, "gold"))), "tenants-apart");
    vault.ann(class(acme, Some("gold"))).unwrap();
    vault.ann(class(beta, Some("gold"))).unwrap();
    vault.ann(by_class()).unwrap();
    vault.system(share(&vault, 9, "gold")).unwrap();
    vault.system(set(9, of(first, 1))).unwrap();
    vault.system(set(9, of(second, 1))).unwrap();
    assert_eq!(why(vault.system(set(9, of(third, 1)))), "not-for-media-set");
    // One without a class has sets of its own, and a set of all is refused.
    vault.opens(8, MediaSet::Weekly, Some(corp), None).unwrap();
    vault.system(set(8, of(third, 1))).unwrap();
    let all = vault.opens(7, MediaSet::Weekly, None, None);
    assert_eq!(why(all), "tenants-apart");
    // What was begun goes on; what comes later goes to another set.
    vault.ann(class(beta, Some("silver"))).unwrap();
    vault.system(set(9, of(second, 1))).unwrap();
    assert_eq!(
        why(vault.system(set(9, of(second, 2)))),
        "not-for-media-set"
    );
    vault.ann(class(acme, None)).unwrap();
    assert_eq!(why(vault.system(set(9, of(first, 2)))), "not-for-media-set");
    vault.close(9);
    assert!(
        vault.0.rows().tape.class_of.is_empty(),
        "it had no cartridge"
    );
}

#[test]
fn who_is_of_which_class_is_forgotten_with_the_tenant() {
    let mut vault = Vault::open();
    vault.ann(class(1, Some("gold"))).unwrap();
    vault.ann(remove_tenant("Acme")).unwrap();
    assert!(vault.0.rows().tape.classes.is_empty());
}
