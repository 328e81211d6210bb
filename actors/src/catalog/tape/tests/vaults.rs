//! Places for what is off line.

use expect_test::expect;

use super::*;

/// What is done with the vault of these tests.
pub(super) fn safe(command: VaultCommand) -> Command {
    Command::Tape(TapeCommand::Vault(name("safe"), command))
}

fn add() -> Command {
    safe(VaultCommand::Add {
        description: String::new(),
    })
}

fn put(number: u128, vault: Option<&str>) -> Command {
    medium(number, MediumCommand::Vault(vault.map(name)))
}

fn rule(set: MediaSet, vault: Option<&str>) -> Command {
    pool(MediaPoolCommand::Vaults([(set, vault.map(name))].into()))
}

fn export(number: u128) -> Command {
    library(LibraryCommand::Export([MediumId::new(number)].into()))
}

fn inside(vault: &Vault, number: u128) -> Option<&TapeName> {
    vault.0.rows().tape.vaulted.get(&MediumId::new(number))
}

/// One that takes the fourth cartridge, and what the daily set exports.
pub(super) fn keeps(vault: &mut Vault) {
    vault.ann(add()).unwrap();
    vault.inventory(&[1, 2, 3]);
    vault.ann(put(4, Some("safe"))).unwrap();
    vault.ann(rule(MediaSet::Daily, Some("safe"))).unwrap();
}

/// One that takes what the daily and the weekly set export.
pub(super) fn rules(vault: &mut Vault) {
    vault.ann(add()).unwrap();
    for set in [MediaSet::Daily, MediaSet::Weekly] {
        vault.ann(rule(set, Some("safe"))).unwrap();
    }
}

#[test]
fn only_what_is_off_line_is_put_into_a_vault_and_it_leaves_when_it_is_seen_again() {
    let mut vault = Vault::open();
    assert_eq!(why(vault.ann(put(1, Some("safe")))), "no-vault");
    vault.ann(add()).unwrap();
    assert_eq!(why(vault.ann(add())), "tape-name-taken");
    let refused = vault.ann(put(1, Some("safe"))).unwrap_err();
    assert_eq!(refused.reason(), "cartridge-in-library");
    let told = refused.to_string();
    assert!(
        told.contains("'tape library export robot HF0001L9'"),
        "{told}"
    );
    vault.inventory(&[1, 2]);
    vault.ann(put(3, Some("safe"))).unwrap();
    vault.ann(put(4, Some("safe"))).unwrap();
    assert_eq!(inside(&vault, 3), Some(&name("safe")));
    assert_eq!(why(vault.ann(safe(VaultCommand::Remove))), "tape-in-use");
    vault.inventory(&[1, 2, 3]);
    assert_eq!([3, 4].map(|it| inside(&vault, it).is_some()), [false, true]);
    vault.ann(put(4, None)).unwrap();
    // That it is in none is no news.
    vault.ann(put(4, None)).unwrap();
    vault.ann(safe(VaultCommand::Remove)).unwrap();
    assert_eq!(why(vault.ann(safe(VaultCommand::Remove))), "no-vault");
    expect![[r#"
        30101 operator ann, -: vault safe made known
        30100 system, -: tape library robot has 2 cartridges: 0 new, 0 back, 2 gone
        30107 operator ann, -: cartridge HF0003L9 put into vault safe
        30107 operator ann, -: cartridge HF0004L9 put into vault safe
        30107 system, -: cartridge HF0003L9 left vault safe: a library has it again
        30100 system, -: tape library robot has 3 cartridges: 0 new, 1 back, 0 gone
        30107 operator ann, -: cartridge HF0004L9 taken out of vault safe
        30103 operator ann, -: vault safe forgotten
    "#]]
    .assert_eq(&vault.0.events());
}

#[test]
fn what_a_set_exports_goes_into_its_vault() {
    let mut vault = Vault::open();
    vault.ann(add()).unwrap();
    assert_eq!(
        why(vault.ann(rule(MediaSet::Daily, Some("other")))),
        "no-vault"
    );
    vault.ann(rule(MediaSet::Daily, Some("safe"))).unwrap();
    vault.written(9, MediaSet::Daily, 1);
    vault.written(8, MediaSet::Weekly, 2);
    for number in [1, 2, 3] {
        vault.ann(export(number)).unwrap();
    }
    assert_eq!(
        [1, 2, 3].map(|it| inside(&vault, it).is_some()),
        [true, false, false]
    );
    // The robot did not carry it.
    vault.inventory(&[1, 4]);
    assert_eq!(inside(&vault, 1), None);
    assert_eq!(why(vault.ann(safe(VaultCommand::Remove))), "tape-in-use");
    vault.ann(rule(MediaSet::Daily, None)).unwrap();
    vault.ann(export(1)).unwrap();
    assert_eq!(inside(&vault, 1), None);
    vault.ann(safe(VaultCommand::Remove)).unwrap();
}

#[test]
fn a_set_that_is_switched_off_has_no_vault() {
    let mut vault = Vault::open();
    vault.ann(add()).unwrap();
    vault.ann(rule(MediaSet::Weekly, Some("safe"))).unwrap();
    vault.ann(set_pool(sets(&[MediaSet::Daily], 7))).unwrap();
    assert!(vault.0.rows().tape.vault_of.is_empty());
    let off = vault.ann(rule(MediaSet::Weekly, Some("safe")));
    assert_eq!(why(off), "media-set-off");
}

#[test]
fn a_cartridge_that_was_mistaken_for_another_one_leaves_its_vault_too() {
    let mut vault = Vault::open();
    vault.ann(add()).unwrap();
    vault.written(9, MediaSet::Daily, 1);
    vault.inventory(&[2, 3, 4]);
    vault.ann(put(1, Some("safe"))).unwrap();
    // It was put in under another label.
    vault.identify(2, said(1));
    assert_eq!(vault.slot(1), Some(2));
    assert_eq!(inside(&vault, 1), None);
}
