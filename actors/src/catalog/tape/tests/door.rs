//! Cartridges that are let go, and taken in.

use expect_test::expect;

use super::super::super::rows::{Destination, RestorePart};
use super::*;

fn export(numbers: &[u128]) -> Command {
    let going = numbers.iter().map(|it| MediumId::new(*it)).collect();
    library(LibraryCommand::Export(going))
}

#[test]
fn what_is_let_go_is_closed_and_off_line_and_whoever_did_it_is_named() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.0.events();
    vault.ann(export(&[1, 2])).unwrap();
    assert!(vault.is_closed(9));
    assert_eq!([1, 2, 3].map(|id| vault.slot(id)), [None, None, Some(3)]);
    assert!(!vault.row(2).medium.is_online);
    // The robot did not carry the second.
    vault.inventory(&[2, 3, 4]);
    assert_eq!([1, 2].map(|id| vault.slot(id)), [None, Some(2)]);
    vault.ann(library(LibraryCommand::Import)).unwrap();
    vault.inventory(&[1, 2, 3, 4]);
    assert_eq!(vault.slot(1), Some(1));
    expect![[r#"
        30107 operator ann, -: daily set of media pool gfs closed; its cartridges are kept until 2026-12-05: 1
        30107 operator ann, -: cartridge HF0001L9 goes out by the door of tape library robot
        30107 operator ann, -: cartridge HF0002L9 goes out by the door of tape library robot
        30100 system, -: tape library robot has 3 cartridges: 0 new, 1 back, 0 gone
        30100 operator ann, -: what stands behind the door of tape library robot is taken in
        30100 system, -: tape library robot has 4 cartridges: 0 new, 1 back, 0 gone
    "#]].assert_eq(&vault.0.events());
}

#[test]
fn what_is_used_is_not_let_go_and_then_nothing_is() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.written(8, MediaSet::Weekly, 3);
    vault.system(job(super::jobs::began())).unwrap();
    let refused = vault.ann(export(&[1, 2])).unwrap_err();
    assert_eq!(refused.reason(), "cartridge-being-written");
    assert!(
        refused.to_string().contains("'tape job stop nightly'"),
        "{refused}"
    );
    assert!(!vault.is_closed(9));
    assert_eq!([1, 2].map(|id| vault.slot(id)), [Some(1), Some(2)]);
    // The run writes to another set.
    vault.ann(export(&[3])).unwrap();
    vault.system(job(JobCommand::Keep(Box::default()))).unwrap();
    vault.ann(export(&[1])).unwrap();
    assert_eq!(why(vault.ann(export(&[1]))), "cartridges-offline");
    assert_eq!(why(vault.ann(export(&[77]))), "no-cartridge");
    assert_ne!(why(vault.ann(export(&[]))), "done");
}

#[test]
fn what_is_in_use_stays_in_its_drive_and_whoever_ejected_another_one_is_named() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.system(job(super::jobs::began())).unwrap();
    vault.0.events();
    let eject = |number| medium(number, MediumCommand::Eject);
    assert_eq!(why(vault.ann(eject(1))), "cartridge-being-written");
    assert_eq!(why(vault.ann(eject(77))), "no-cartridge");
    vault.ann(eject(2)).unwrap();
    assert_eq!(vault.slot(2), Some(2));
    expect![[r#"
        30107 operator ann, -: cartridge HF0002L9 goes back to its slot
    "#]]
    .assert_eq(&vault.0.events());
}

#[test]
fn what_a_run_writes_is_not_taken_away_from_it() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.system(job(super::jobs::began())).unwrap();
    let taken = "cartridge-being-written";
    for command in [MediumCommand::MarkFree, MediumCommand::Protect(true)] {
        assert_eq!(why(vault.ann(medium(1, command.clone()))), taken);
        assert_eq!(vault.0.rows().tape.unused(MediumId::new(2)), Ok(()));
    }
    vault.system(job(JobCommand::Keep(Box::default()))).unwrap();
    vault.ann(medium(1, MediumCommand::Protect(true))).unwrap();
    assert!(vault.is_closed(9));
}

#[test]
fn what_a_restore_reads_is_not_let_go() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
    vault.ran(9, "r1").unwrap();
    let part = RestorePart {
        set: SetId::new(9),
        run: "r1".to_owned(),
        to: Destination::Folder("/tmp/a".into()),
    };
    let ask = RestoreCommand::Ask {
        parts: vec![part],
        past_quota: false,
    };
    let restore = TapeCommand::Restore(RestoreId::new(1), ask);
    vault.ann(Command::Tape(restore)).unwrap();
    let taken = "cartridge-being-restored";
    assert_eq!(why(vault.ann(export(&[1]))), taken);
    for command in [
        MediumCommand::MarkFree,
        MediumCommand::Protect(true),
        MediumCommand::Eject,
    ] {
        assert_eq!(why(vault.ann(medium(1, command))), taken);
    }
}
