//! What cartridges say of themselves, and what operators do with them.

use super::*;

const FOREIGN: Label = Label {
    is_foreign: true,
    ..BLANK
};

#[test]
fn what_nobody_knows_is_what_it_says_it_is() {
    let mut vault = Vault::open();
    vault.inventory(&[1, 2, 3, 4, 5]);
    assert_eq!(vault.content(5), Content::Unrecognized);
    let foreign = |id: Option<u128>| Content::Foreign(id.map(MediumId::new));
    for (label, content) in [
        (BLANK, Content::Empty),
        (said(99), foreign(Some(99))),
        (FOREIGN, foreign(None)),
        // Nobody ever wrote on it, as far as is known here.
        (said(5), foreign(Some(5))),
        (BLANK, Content::Empty),
    ] {
        vault.identify(5, label);
        assert_eq!(vault.content(5), content, "{label:?}");
    }
    let is_worm = true;
    vault.identify(5, Label { is_worm, ..BLANK });
    assert_eq!(vault.row(5).medium.kind, Kind::Worm);
}

#[test]
fn a_cartridge_that_says_it_is_another_takes_its_place() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.identify(2, said(1));
    let barcodes = [1, 2].map(|id| vault.row(id).medium.barcode.clone());
    assert_eq!(barcodes, [Some(barcode(2)), Some(barcode(1))]);
    assert_eq!([1, 2].map(|id| vault.slot(id)), [Some(2), Some(1)]);
    assert!(matches!(vault.content(1), Content::Written(_)));
    assert_eq!(vault.content(2), Content::Empty);
    let told = vault.0.events();
    assert!(
        told.contains("in the place of HF0002L9 says that it is HF0001L9"),
        "{told}"
    );
}

#[test]
fn a_known_cartridge_with_a_new_barcode_is_known_again() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.sees(vec![seen(2, Some(barcode(2))), seen(7, Some(barcode(7)))]);
    assert_eq!(vault.slot(1), None);
    vault.ann(medium(7, MediumCommand::Protect(true))).unwrap();
    vault.identify(7, said(1));
    let row = vault.row(1);
    assert_eq!(
        (vault.slot(1), row.medium.barcode.clone()),
        (Some(7), Some(barcode(7)))
    );
    assert!(row.medium.is_online && row.medium.is_protected);
    assert_eq!(vault.0.rows().tape.media.get(&MediumId::new(7)), None);
}

#[test]
fn another_one_in_the_place_of_ours_only_says_that_ours_is_elsewhere() {
    for label in [BLANK, FOREIGN, said(99)] {
        let mut vault = Vault::open();
        vault.written(9, MediaSet::Daily, 1);
        let before = vault.content(1);
        vault.identify(1, said(1));
        assert!(vault.row(1).medium.is_online);
        vault.identify(1, label);
        assert!(!vault.row(1).medium.is_online);
        assert_eq!(
            (vault.slot(1), vault.content(1)),
            (None, before),
            "{label:?}"
        );
        let told = vault.0.events();
        assert!(told.contains("ours counts as off line"), "{told}");
    }
}

#[test]
fn what_is_not_ours_is_given_up_by_two() {
    let mut vault = Vault::open();
    vault.identify(3, said(99));
    vault.0.hire_bob();
    let asked = vault.ann(medium(3, MediumCommand::MarkFree)).unwrap();
    let Outcome::Pending { approval } = asked else {
        panic!("{asked:?}");
    };
    let told = vault.0.events();
    assert!(
        told.contains("give up what is on cartridge HF0003L9, which is not ours"),
        "{told}"
    );
    assert!(matches!(vault.content(3), Content::Foreign(_)));
    vault.0.bob(grant(approval)).unwrap();
    let given = Content::GivenUp(Some(MediumId::new(99)));
    assert_eq!(vault.content(3), given);
    vault.identify(3, said(99));
    assert_eq!(vault.content(3), given);
    vault.open_set(9, MediaSet::Daily);
    assert_eq!(
        why(vault.begin(9, 3, FOREIGN)),
        "cartridge-refused",
        "another one"
    );
    vault.begin(9, 3, said(99)).unwrap();
    // What turned out to be another one was not given up.
    vault.identify(4, said(98));
    vault.0.ann(medium(4, MediumCommand::MarkFree)).unwrap();
    vault.0.bob(grant(approval + 1)).unwrap_or(Outcome::Done);
    vault.identify(4, said(97));
    assert_eq!(vault.content(4), Content::Foreign(Some(MediumId::new(97))));
}

#[test]
fn what_is_given_up_is_out_of_its_set() {
    let mut vault = Vault::open();
    let free = |id| medium(id, MediumCommand::MarkFree);
    assert_eq!(why(vault.ann(free(1))), "cartridge-refused", "it is empty");
    vault.inventory(&[1, 2, 3, 4, 5]);
    assert_eq!(
        why(vault.ann(free(5))),
        "cartridge-refused",
        "nobody looked"
    );
    vault.written(9, MediaSet::Daily, 1);
    vault.full(9, 1).unwrap();
    vault.begin(9, 2, BLANK).unwrap();
    vault.commit(9, 2, 2).unwrap();
    vault.ann(medium(1, MediumCommand::Protect(true))).unwrap();
    assert_eq!(
        why(vault.ann(free(1))),
        "cartridge-refused",
        "it is protected"
    );
    vault.ann(medium(1, MediumCommand::Protect(false))).unwrap();
    vault.ann(free(1)).unwrap();
    assert_eq!(vault.content(1), Content::GivenUp(Some(MediumId::new(1))));
    assert_eq!(
        (vault.row(1).of, vault.row(1).head),
        (None, Head::default())
    );
    let rows = &vault.0.rows().tape.sets[&SetId::new(9)];
    assert_eq!(rows.media, [MediumId::new(2)].into());
    vault.open_set(10, MediaSet::Daily);
    assert_eq!(
        why(vault.begin(10, 1, BLANK)),
        "cartridge-refused",
        "another one"
    );
    vault.begin(10, 1, said(1)).unwrap();
    vault.ann(free(2)).unwrap();
    assert!(!vault.0.rows().tape.sets.contains_key(&SetId::new(9)));
}

#[test]
fn a_set_does_not_go_on_with_what_was_taken_out_of_use() {
    for command in [
        MediumCommand::Protect(true),
        MediumCommand::Retire,
        MediumCommand::MarkFree,
    ] {
        let mut vault = Vault::open();
        vault.written(9, MediaSet::Daily, 1);
        assert!(!vault.is_closed(9));
        vault.ann(medium(1, command.clone())).unwrap();
        assert!(vault.is_closed(9), "{command:?}");
        assert_ne!(why(vault.commit(9, 1, 4)), "done");
    }
}

#[test]
fn only_what_is_free_is_moved() {
    let mut vault = Vault::open();
    let to = |pool: &str| MediumCommand::Move(Some(name(pool)));
    assert_eq!(why(vault.ann(medium(1, to("none")))), "no-media-pool");
    vault.ann(medium(1, to("gfs"))).unwrap();
    assert_eq!(vault.row(1).medium.pool, Some(vault.pool()));
    vault.ann(medium(1, MediumCommand::Move(None))).unwrap();
    assert_eq!(vault.row(1).medium.pool, None);
    vault.written(9, MediaSet::Daily, 1);
    assert_eq!(why(vault.ann(medium(1, to("gfs")))), "cartridge-not-free");
    let is_worm = true;
    vault.identify(2, Label { is_worm, ..BLANK });
    assert_eq!(why(vault.ann(medium(2, to("gfs")))), "cartridge-kind");
    assert_eq!(why(vault.ann(medium(77, to("gfs")))), "no-cartridge");
    assert_eq!(
        why(vault.ann(medium(3, MediumCommand::Protect(true)))),
        "cartridge-refused"
    );
}

#[test]
fn one_that_could_not_be_written_twice_is_not_used_any_more() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Daily);
    vault.system(medium(1, MediumCommand::Failed)).unwrap();
    assert!(!vault.row(1).medium.is_retired);
    vault.system(medium(1, MediumCommand::Failed)).unwrap();
    assert!(vault.row(1).medium.is_retired);
    assert_eq!(why(vault.begin(9, 1, BLANK)), "cartridge-refused");
}
