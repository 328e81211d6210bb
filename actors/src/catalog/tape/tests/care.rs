//! Cartridges that are read back, and erased.

use expect_test::expect;

use super::*;

fn verified(objects: u64, damaged: u64) -> Command {
    medium(1, MediumCommand::Verified { objects, damaged })
}

fn erase(label: Label) -> Command {
    medium(1, MediumCommand::Erase(label))
}

#[test]
fn what_was_read_back_is_known_and_damage_ends_the_use_of_a_cartridge() {
    let mut vault = Vault::open();
    assert_eq!(why(vault.ann(verified(0, 0))), "cartridge-refused");
    vault.written(9, MediaSet::Daily, 1);
    vault.0.events();
    vault.ann(verified(3, 0)).unwrap();
    assert!(!vault.is_closed(9) && !vault.row(1).medium.is_retired);
    assert_eq!(why(vault.ann(verified(4, 0))), "fewer-on-tape");
    assert_eq!(why(vault.ann(verified(3, 4))), "fewer-on-tape");
    vault.ann(verified(3, 2)).unwrap();
    let check = vault.0.rows().tape.checks[&MediumId::new(1)];
    assert_eq!((check.objects, check.damaged), (3, 2));
    assert!(vault.is_closed(9) && vault.row(1).medium.is_retired);
    vault.days(400);
    vault.open_set(8, MediaSet::Daily);
    assert_eq!(why(vault.begin(8, 1, said(1))), "cartridge-refused");
    let told = vault.0.events();
    let told: String = told
        .lines()
        .take(3)
        .map(|line| format!("{line}\n"))
        .collect();
    expect![[r#"
        30107 operator ann, -: cartridge HF0001L9 was read back: its 3 objects are whole
        30107 operator ann, -: daily set of media pool gfs closed; its cartridges are kept until 2026-12-05: 1
        30109 operator ann, -: cartridge HF0001L9 was read back: of its 3 objects 2 are damaged; it is not written any more, and the next run begins another one
    "#]].assert_eq(&told);
}

#[test]
fn what_was_found_is_forgotten_with_what_was_on_it() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.ann(verified(3, 0)).unwrap();
    vault.ann(medium(1, MediumCommand::MarkFree)).unwrap();
    assert!(vault.0.rows().tape.checks.is_empty());
}

#[test]
fn nothing_is_erased_before_it_may_be_written_over() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    assert_eq!(why(vault.ann(erase(said(1)))), "cartridge-refused");
    vault.close(9);
    vault.days(13);
    assert_eq!(why(vault.ann(erase(said(1)))), "cartridge-refused");
    vault.days(2);
    vault.ann(medium(1, MediumCommand::Protect(true))).unwrap();
    assert_eq!(why(vault.ann(erase(said(1)))), "cartridge-refused");
    vault.ann(medium(1, MediumCommand::Protect(false))).unwrap();
    let is_worm = true;
    let foreign = Label {
        is_foreign: true,
        ..BLANK
    };
    let kept = Label {
        expires: Some(Expiry::Never),
        ..said(1)
    };
    for label in [said(2), foreign, kept, Label { is_worm, ..said(1) }] {
        assert_eq!(
            why(vault.ann(erase(label))),
            "cartridge-refused",
            "{label:?}"
        );
    }
    assert!(matches!(vault.content(1), Content::Written(_)));
    vault.ann(erase(said(1))).unwrap();
    assert_eq!(vault.content(1), Content::GivenUp(Some(MediumId::new(1))));
    vault.identify(1, BLANK);
    assert_eq!(vault.content(1), Content::Empty);
    // One that was blank before is as well.
    vault.ann(erase(BLANK)).unwrap();
    vault.identify(1, BLANK);
    assert_eq!(vault.content(1), Content::Empty);
    let row = vault.row(1);
    assert_eq!(
        (row.of, row.medium.pool, row.head),
        (None, None, Head::default())
    );
}
