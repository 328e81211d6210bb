//! Any order of commands about tapes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::super::rows::{Set, Tape};
use super::*;

fn labels() -> impl Strategy<Value = Label> {
    let expires = prop_oneof![
        Just(None),
        Just(Some(Expiry::Always)),
        Just(Some(Expiry::Never))
    ];
    (prop::option::of(1_u128..7), expires, any::<bool>()).prop_map(|(said, expires, is_foreign)| {
        Label {
            medium: said.map(MediumId::new),
            expires,
            is_foreign: is_foreign && said.is_none(),
            is_worm: false,
        }
    })
}

fn orders() -> impl Strategy<Value = Command> {
    // Some that are there from the beginning, and some that inventories find.
    let id = prop::sample::select(vec![1_u128, 2, 3, 4, 101, 103, 105]);
    let of_set = 1_u128..4;
    let begin = |(of, id, label): (u128, u128, Label)| {
        let medium = MediumId::new(id);
        set(of, SetCommand::Begin { medium, label })
    };
    let open = (1_u128..4, 0..5_usize).prop_map(|(id, of)| {
        let open = SetCommand::Open {
            // The first id after a tenant and a repository.
            pool: PoolId::new(3),
            set: MediaSet::ALL[of],
            owner: Some(1),
            one: None,
        };
        set(id, open)
    });
    let commit = (of_set.clone(), id.clone(), 0..9_u64).prop_map(|(of, id, objects)| {
        let medium = MediumId::new(id);
        let head = head(objects);
        set(of, SetCommand::Committed { medium, head })
    });
    let places = prop::collection::vec((1_u16..6, prop::option::of(1_u128..7)), 0..5);
    let inventory = (places, 1_u128..9).prop_map(|(places, draw)| {
        let slots: BTreeMap<u16, Option<u128>> = places.into_iter().collect();
        let all = slots.into_iter().map(|(slot, it)| Seen {
            new: MediumId::new(100 * draw + u128::from(slot)),
            ..seen(slot, it.map(barcode))
        });
        library(LibraryCommand::Inventory(all.collect()))
    });
    let handled = prop_oneof![
        Just(MediumCommand::MarkFree),
        Just(MediumCommand::Failed),
        any::<bool>().prop_map(MediumCommand::Protect),
        Just(MediumCommand::Move(None)),
        prop::option::of(Just(name("safe"))).prop_map(MediumCommand::Vault),
        Just(MediumCommand::Move(Some(name("gfs")))),
        labels().prop_map(MediumCommand::Identified),
        labels().prop_map(MediumCommand::Erase),
        (0..4_u64).prop_map(|damaged| MediumCommand::Verified {
            objects: 3,
            damaged
        }),
    ];
    prop_oneof![
        3 => (of_set.clone(), id.clone(), labels()).prop_map(begin),
        2 => (of_set.clone(), id.clone()).prop_map(move |(of, id)| begin((of, id, BLANK))),
        2 => open,
        2 => commit,
        1 => of_set.clone().prop_map(|of| set(of, SetCommand::Close)),
        1 => (of_set.clone(), id.clone()).prop_map(|(of, id)| {
            set(of, SetCommand::Full { medium: MediumId::new(id) })
        }),
        2 => (of_set.clone(), 0..3_u64).prop_map(|(of, view)| {
            set(of, SetCommand::Run(run(&format!("r{view}"), view / 2)))
        }),
        1 => (of_set, 0..3).prop_map(|(of, view)| {
            set(of, SetCommand::Ran { run: format!("r{view}") })
        }),
        1 => inventory,
        1 => id.clone().prop_map(|id| library(LibraryCommand::Export([MediumId::new(id)].into()))),
        2 => (id, handled).prop_map(|(id, command)| medium(id, command)),
    ]
}

/// A cartridge was begun that bears nothing that counts.
fn is_for_the_taking(old: &Cartridge, new: &Cartridge, today: Date) {
    assert!(!old.medium.is_protected && !old.medium.is_retired && old.medium.is_online);
    assert_eq!(old.medium.kind, Kind::Standard);
    match old.medium.content {
        // Nobody put anything on it since it was begun for the same set.
        Content::Written(it) if !it.is_closed => {
            assert_eq!((old.of, old.head), (new.of, Head::default()));
        }
        Content::Written(it) => assert!(it.expires.is_over(today), "{it:?}"),
        Content::Empty | Content::GivenUp(_) => {}
        Content::Unrecognized | Content::Foreign(_) => panic!("nobody agreed"),
    }
}

/// What was written is known until an operator gives it up, or its day has come.
fn is_remembered(old: &Cartridge, new: Option<&Cartridge>, today: Date, command: &Command) {
    let Content::Written(was) = old.medium.content else {
        return;
    };
    let new = new.expect("one that we wrote is forgotten");
    let free = |it: &Command| {
        matches!(
            it,
            Command::Tape(TapeCommand::Medium(_, MediumCommand::MarkFree))
        )
    };
    match new.medium.content {
        Content::Written(it) if new.generation == old.generation => {
            assert!(it.is_closed || !was.is_closed, "a closed one is open again");
            assert!(new.head.objects >= old.head.objects, "something is lost");
            let is_same = it
                == Written {
                    last: it.last,
                    ..was
                };
            assert!(is_same || !was.is_closed || was.expires == Expiry::Never);
        }
        Content::Written(_) => {}
        Content::GivenUp(_) if was.is_closed && was.expires.is_over(today) => {}
        Content::GivenUp(_) => assert!(free(command)),
        Content::Unrecognized | Content::Empty | Content::Foreign(_) => {
            panic!("{:?} on {today}", new.medium.content)
        }
    }
}

/// A cartridge is in one place, and of one set, at most; what is named is there.
fn fits_together(rows: &Tape) {
    let slots = rows.media.values().filter_map(|row| row.slot.as_ref());
    let slots: Vec<_> = slots.collect();
    let apart: BTreeSet<_> = slots.iter().collect();
    assert_eq!(slots.len(), apart.len(), "two in one slot");
    let barcodes = rows
        .media
        .values()
        .filter_map(|row| row.medium.barcode.as_ref());
    let barcodes: Vec<_> = barcodes.collect();
    let apart: BTreeSet<_> = barcodes.iter().collect();
    assert_eq!(barcodes.len(), apart.len(), "two of one barcode");
    for (id, row) in &rows.sets {
        let places = row.media.iter().map(|medium| rows.media[medium].of);
        let places: Vec<_> = places.map(|of| of.expect("it is of a set")).collect();
        assert!(places.iter().all(|(set, _)| set == id));
        assert!(places.is_sorted_by(|one, next| one.1 < next.1));
        assert!(
            row.closed.is_none() || !row.media.is_empty(),
            "nothing is left of it"
        );
    }
    assert!(rows.vaulted.keys().all(|id| rows.media.contains_key(id)));
    for (id, row) in &rows.media {
        assert_eq!(row.slot.is_some(), row.medium.is_online);
        if let Some(vault) = rows.vaulted.get(id) {
            assert!(!row.medium.is_online && rows.vaults.contains_key(vault));
        }
        let is_written = matches!(row.medium.content, Content::Written(_));
        assert_eq!(row.of.is_some(), is_written);
        assert!(is_written || !rows.checks.contains_key(id));
        if let Some((set, _)) = row.of {
            assert!(rows.sets[&set].media.contains(id));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_is_kept_is_written_over_whatever_is_asked(
        steps in prop::collection::vec((orders(), 0..3_u32), 1..80),
    ) {
        let mut vault = Vault::open();
        vaults::rules(&mut vault);
        for (command, days) in steps {
            if days > 0 {
                vault.days(days);
            }
            let before = vault.0.rows().tape.clone();
            let today = vault.0.rows().clock.today;
            let Command::Tape(order) = &command else {
                unreachable!("all orders are about tapes");
            };
            let done = if order.is_systems() {
                vault.system(command.clone())
            } else {
                vault.0.ann(command.clone())
            };
            let rows = &vault.0.rows().tape;
            if done.is_err() {
                prop_assert_eq!(rows, &before, "a refusal changed something");
            }
            for (id, row) in &rows.media {
                let old = before.media.get(id);
                if let Some(old) = old.filter(|old| old.generation != row.generation) {
                    prop_assert_eq!(row.generation, old.generation + 1);
                    is_for_the_taking(old, row, today);
                }
            }
            for (id, old) in &before.media {
                is_remembered(old, rows.media.get(id), today, &command);
            }
            for (id, row) in &before.sets {
                if row.closed.is_some() && let Some(now) = rows.sets.get(id) {
                    let media = now.media.clone();
                    prop_assert!(media.iter().all(|it| row.media.contains(it)));
                    prop_assert_eq!(&Set { media, ..row.clone() }, now, "it stays as it is");
                }
            }
            fits_together(rows);
        }
        let rows = vault.0.rows();
        prop_assert_eq!(&restore(&snapshot(rows)).unwrap(), rows);
    }
}
