//! What is written on which cartridge, and until when it is kept.

use super::*;

fn expires(vault: &Vault, id: u128) -> Option<(bool, Expiry)> {
    match vault.content(id) {
        Content::Written(it) => Some((it.is_closed, it.expires)),
        Content::Unrecognized | Content::Empty | Content::Foreign(_) | Content::GivenUp(_) => None,
    }
}

fn on(day: &str) -> Expiry {
    Expiry::On(Date::parse(day).unwrap())
}

#[test]
fn a_set_is_written_on_one_cartridge_behind_the_other_and_kept_until_its_day() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Daily);
    vault.begin(9, 1, BLANK).unwrap();
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
    vault.commit(9, 1, 2).unwrap();
    vault.full(9, 1).unwrap();
    assert_eq!(
        why(vault.commit(9, 1, 3)),
        "cartridge-refused",
        "it is full"
    );
    vault.begin(9, 2, BLANK).unwrap();
    assert_eq!(why(vault.commit(9, 1, 3)), "not-last-cartridge");
    assert_eq!(why(vault.ran(9, "r1")), "not-on-tape-yet");
    vault.commit(9, 2, 1).unwrap();
    assert_eq!(why(vault.commit(9, 2, 0)), "fewer-on-tape");
    let (medium, head) = (
        MediumId::new(2),
        Head {
            root: [9; 32],
            ..head(1)
        },
    );
    let other = SetCommand::Committed { medium, head };
    assert_eq!(why(vault.system(set(9, other))), "fewer-on-tape");
    vault.ran(9, "r1").unwrap();
    vault.ann(set(9, SetCommand::Close)).unwrap();
    let closed = vault.system(set(9, SetCommand::Run(run("r2", 6))));
    let closed = closed.unwrap_err();
    let word = (closed.reason(), closed.class());
    assert_eq!(word, ("media-set-closed", Class::Conflict));
    assert_eq!(why(vault.begin(9, 3, BLANK)), "media-set-closed");
    assert_eq!(why(vault.full(9, 2)), "media-set-closed");
    assert_eq!(why(vault.ran(9, "r1")), "done", "it was before");
    for id in [1, 2] {
        assert_eq!(expires(&vault, id), Some((true, on("2026-12-05"))));
    }

    // Fourteen days later, and not before, it is written over.
    for days in 0..15_u8 {
        let next = 100 + u128::from(days);
        vault.open_set(next, MediaSet::Daily);
        let begun = vault.begin(next, 1, said(1));
        assert_eq!(begun.is_ok(), days == 14, "{days}: {begun:?}");
        vault.days(1);
    }
    let rows = &vault.0.rows().tape;
    assert_eq!(rows.sets[&SetId::new(9)].media, [MediumId::new(2)].into());
    vault.begin(114, 2, said(2)).unwrap();
    let rows = &vault.0.rows().tape;
    assert!(
        !rows.sets.contains_key(&SetId::new(9)),
        "nothing of it is left"
    );
    assert_eq!(vault.row(2).of, Some((SetId::new(114), 2)));
}

#[test]
fn what_the_cartridge_says_is_believed_before_what_the_catalog_says() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Weekly);
    let (expires, is_foreign) = (Some(Expiry::Never), true);
    let kept = Label { expires, ..BLANK };
    let foreign = Label {
        is_foreign,
        ..BLANK
    };
    for label in [said(77), foreign, kept] {
        assert_eq!(
            why(vault.begin(9, 1, label)),
            "cartridge-refused",
            "{label:?}"
        );
    }
    let is_worm = true;
    let worm = Label { is_worm, ..BLANK };
    assert_eq!(why(vault.begin(9, 1, worm)), "cartridge-not-taken");
    vault.begin(9, 1, BLANK).unwrap();
}

#[test]
fn a_clock_that_nobody_believes_ends_nothing_that_is_kept() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.close(9);
    vault.0.set_clock("2026-12-30T10:00:00Z");
    vault.open_set(10, MediaSet::Daily);
    assert_eq!(vault.begin(10, 1, said(1)), Err(Refused::ClockDoubted));
    vault.begin(10, 2, BLANK).unwrap();
    vault.0.confirm("2026-12-30").unwrap();
    vault.begin(10, 1, said(1)).unwrap();
}

#[test]
fn sets_take_nothing_from_each_other() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.close(9);
    vault.days(20);
    vault.open_set(10, MediaSet::Weekly);
    assert_eq!(why(vault.begin(10, 1, said(1))), "cartridge-not-taken");
    let other = MediaPoolCommand::Add {
        description: String::new(),
        is_worm: false,
        takes_free: false,
        sets: sets(&[MediaSet::Daily], 1),
        mixing: Mixing::All,
    };
    let other = TapeCommand::Pool(name("other"), other);
    vault.ann(Command::Tape(other)).unwrap();
    let open = SetCommand::Open {
        pool: vault.0.rows().tape.pools[&name("other")].id,
        set: MediaSet::Daily,
        owner: None,
        one: None,
    };
    vault.system(set(11, open)).unwrap();
    for (id, label) in [(1, said(1)), (2, BLANK)] {
        assert_eq!(why(vault.begin(11, id, label)), "cartridge-not-taken");
    }
    let other = MediumCommand::Move(Some(name("other")));
    vault.ann(medium(2, other)).unwrap();
    vault.begin(11, 2, BLANK).unwrap();
}

/// A crash between the word of the catalog and that of the tape.
#[test]
fn what_was_begun_and_bears_nothing_yet_is_begun_again() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Weekly);
    vault.begin(9, 1, BLANK).unwrap();
    vault.identify(1, BLANK);
    vault.begin(9, 1, said(1)).unwrap();
    assert_eq!(
        (vault.row(1).generation, vault.row(1).of),
        (2, Some((SetId::new(9), 1)))
    );
    let is_foreign = true;
    for label in [
        said(2),
        Label {
            is_foreign,
            ..BLANK
        },
    ] {
        assert_eq!(why(vault.begin(9, 1, label)), "cartridge-refused");
    }
    vault.commit(9, 1, 1).unwrap();
    assert_eq!(why(vault.begin(9, 1, said(1))), "cartridge-refused");
}

#[test]
fn another_retention_holds_for_what_is_closed_later() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.close(9);
    vault.written(10, MediaSet::Daily, 2);
    vault.ann(set_pool(sets(&[MediaSet::Daily], 3))).unwrap();
    vault.close(10);
    assert_eq!(expires(&vault, 1), Some((true, on("2026-12-05"))));
    assert_eq!(expires(&vault, 2), Some((true, on("2026-11-24"))));
    vault.open_set(11, MediaSet::Daily);
    vault.close(11);
    let rows = &vault.0.rows().tape;
    assert!(
        !rows.sets.contains_key(&SetId::new(11)),
        "it never had a cartridge"
    );
}

#[test]
fn a_set_is_for_whom_it_was_begun() {
    let mut vault = Vault::open();
    vault.0.add_tenant("Other");
    let strange = vault.0.add_repository("Other", "main", 0).raw();
    assert_eq!(
        why(vault.opens(9, MediaSet::Daily, None, None)),
        "tenants-apart"
    );
    assert_eq!(
        why(vault.opens(9, MediaSet::Daily, Some(1), Some(77))),
        "no-repository"
    );
    let not_own = vault.opens(9, MediaSet::Daily, Some(1), Some(strange));
    assert_eq!(why(not_own), "not-for-media-set");
    vault.opens(9, MediaSet::Daily, Some(1), Some(2)).unwrap();
    assert_eq!(
        why(vault.opens(9, MediaSet::Daily, Some(1), None)),
        "number-taken"
    );
    let repository = RepositoryId::new(strange);
    let other = Run {
        repository,
        ..run("r1", 5)
    };
    assert_eq!(
        why(vault.system(set(9, SetCommand::Run(other)))),
        "not-for-media-set"
    );
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
}

#[test]
fn runs_have_names_of_their_own() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    let begin = |name: &str, view| set(9, SetCommand::Run(run(name, view)));
    vault.system(begin("r1", 5)).unwrap();
    vault.system(begin("r1", 5)).unwrap();
    assert_eq!(why(vault.system(begin("r1", 6))), "tape-run-taken");
    assert_eq!(why(vault.system(begin("", 6))), "out-of-range");
    assert_eq!(
        why(vault.system(begin(&"r".repeat(257), 6))),
        "out-of-range"
    );
    assert_eq!(why(vault.ran(9, "r2")), "no-tape-run");
    vault.0.events();
    vault.ran(9, "r1").unwrap();
    vault.ran(9, "r1").unwrap();
    vault.system(begin("r1", 5)).unwrap();
    assert_eq!(vault.0.rows().tape.sets[&SetId::new(9)].runs.len(), 1);
    assert_eq!(
        vault.0.events(),
        "10014 system, -: repository main of tenant Acme is on tape as of \
         1970-01-01T00:00:00.005Z: 3 objects, 30B, by tape job nightly\n"
    );
    assert_eq!(why(vault.system(set(8, SetCommand::Close))), "no-media-set");
}

#[test]
fn a_set_that_a_cartridge_left_says_so_until_nothing_of_it_is_left() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.begin(9, 2, BLANK).unwrap();
    vault.commit(9, 2, 3).unwrap();
    let lacking = |vault: &Vault| vault.0.rows().tape.lacking.get(&SetId::new(9)).copied();
    assert_eq!(lacking(&vault), None);
    vault.ann(medium(1, MediumCommand::MarkFree)).unwrap();
    assert_eq!(lacking(&vault), Some(1));
    vault.ann(medium(2, MediumCommand::MarkFree)).unwrap();
    assert_eq!(lacking(&vault), None);
    assert!(!vault.0.rows().tape.sets.contains_key(&SetId::new(9)));
}
