//! What comes back of sets that the catalog lost.

use super::*;

/// What a cartridge tells that stands in the place of another number.
pub(super) fn told(medium: u128, instead: u128, sequence: u32) -> SetCommand {
    SetCommand::Found(Box::new(Told {
        medium: MediumId::new(medium),
        instead: MediumId::new(instead),
        pool: name("lost"),
        set: MediaSet::Daily,
        owner: Some(TenantName::parse("Acme").unwrap()),
        one: None,
        sequence,
        generation: 2,
        head: head(3),
        is_worm: false,
        written: Timestamp::from_millis(9),
        expires: Expiry::Always,
        runs: vec![Run {
            done: Some(Timestamp::from_millis(5)),
            ..run(&format!("r{sequence}"), u64::from(sequence))
        }],
    }))
}

/// The pool that the told ones name is there.
fn of_gfs(command: SetCommand) -> SetCommand {
    let SetCommand::Found(mut told) = command else {
        unreachable!("it was found");
    };
    told.pool = name("gfs");
    SetCommand::Found(told)
}

/// Two new ones stand in the slots 5 and 6, with the numbers of their slots, and tell their own.
fn vault() -> Vault {
    let mut vault = Vault::open();
    vault.inventory(&[1, 2, 3, 4, 5, 6]);
    vault.identify(5, said(77));
    vault
}

#[test]
fn a_set_of_a_pool_that_nobody_knows_is_imported_and_never_written_to() {
    let mut vault = vault();
    assert_eq!(vault.content(5), Content::Foreign(Some(MediumId::new(77))));
    vault.system(set(9, told(77, 5, 2))).unwrap();
    let rows = &vault.0.rows().tape;
    assert!(!rows.media.contains_key(&MediumId::new(5)));
    assert_eq!((vault.slot(77), vault.row(77).generation), (Some(5), 2));
    let is = Content::Written(Written {
        is_closed: true,
        expires: Expiry::Never,
        last: Timestamp::from_millis(9),
    });
    assert_eq!(vault.content(77), is);
    let row = &rows.sets[&SetId::new(9)];
    assert_eq!((row.owner, row.runs.len()), (Some(1), 1));
    assert_eq!(rows.pool(row.pool).unwrap().0, &name("imported"));
    assert_eq!(
        rows.lacking[&SetId::new(9)],
        1,
        "the first is not found yet"
    );
    // The first comes later, and nobody looked at it before.
    vault.system(set(9, told(78, 6, 1))).unwrap();
    let rows = &vault.0.rows().tape;
    let media: Vec<u128> = rows.sets[&SetId::new(9)]
        .media
        .iter()
        .map(|it| it.raw())
        .collect();
    assert_eq!(media, [78, 77]);
    assert!(rows.lacking.is_empty());
    let names: Vec<&str> = rows.sets[&SetId::new(9)]
        .runs
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["r1", "r2"]);
    // Again it is no news.
    let before = rows.clone();
    vault.system(set(9, told(77, 5, 2))).unwrap();
    assert_eq!(vault.0.rows().tape, before);
    assert_eq!(
        why(vault.system(set(9, SetCommand::Run(run("r3", 9))))),
        "media-set-closed"
    );
    assert_eq!(why(vault.begin(9, 77, said(77))), "media-set-closed");
    // An operator gives it up.
    vault.ann(medium(77, MediumCommand::MarkFree)).unwrap();
    assert!(matches!(vault.content(77), Content::GivenUp(_)));
    let again = vault.system(set(9, told(77, 77, 2)));
    assert_eq!(why(again), "cartridge-known", "what was given up stays so");
}

#[test]
fn the_pool_of_what_is_found_is_the_systems() {
    let mut vault = vault();
    vault.system(set(9, told(77, 5, 1))).unwrap();
    let imported = |command| Command::Tape(TapeCommand::Pool(name("imported"), command));
    assert_eq!(
        why(vault.ann(imported(MediaPoolCommand::Remove))),
        "service-pool"
    );
    let add = JobCommand::Add {
        description: String::new(),
        sources: vec![Source::All],
        pool: name("imported"),
        schedule: Schedule {
            daily: Weekday::ALL.into(),
            ..Schedule::default()
        },
    };
    let add = Command::Tape(TapeCommand::Job(name("other"), add));
    assert_eq!(why(vault.ann(add)), "service-pool");
}

#[test]
fn a_set_of_a_known_pool_comes_back_closed_and_is_kept_as_the_pool_says() {
    let mut vault = vault();
    vault.system(set(9, of_gfs(told(77, 5, 1)))).unwrap();
    let row = &vault.0.rows().tape.sets[&SetId::new(9)];
    assert_eq!((row.pool, row.closed.is_some()), (vault.pool(), true));
    let today = vault.0.rows().clock.today;
    let Content::Written(written) = vault.content(77) else {
        panic!("{:?}", vault.content(77));
    };
    assert_eq!(written.expires, Expiry::On(today.plus(14)));
}

#[test]
fn what_is_known_does_not_come_back_as_something_else() {
    let mut vault = vault();
    vault.written(8, MediaSet::Daily, 1);
    for (id, command) in [(9, told(77, 1, 1)), (9, told(1, 5, 1)), (9, told(78, 5, 1))] {
        let answer = vault.system(set(id, command));
        assert_eq!(why(answer), "cartridge-known");
    }
    assert_eq!(why(vault.system(set(9, told(77, 66, 1)))), "no-cartridge");
    assert_eq!(
        why(vault.system(set(8, told(77, 5, 1)))),
        "cartridge-not-taken"
    );
    // The catalog is older than the tape: its set is not written any more.
    vault.system(set(8, told(77, 5, 2))).unwrap();
    assert!(vault.is_closed(8));
    assert!(matches!(vault.content(1), Content::Written(it) if it.is_closed));
    let set = &vault.0.rows().tape.sets[&SetId::new(8)];
    assert_eq!(set.media.len(), 2);
}
