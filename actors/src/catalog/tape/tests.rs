use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::command::Command;
use super::super::fixture::{DAY, Office, grant, operator, operator_name};
use super::super::rows::{Device, Head, Mixing, Role, Run, Source};
use super::super::{Class, Outcome, Refused, restore, snapshot};
use super::*;
use crate::kernel::{Size, Timestamp};
use crate::names::{RepositoryName, TenantName};
use crate::tape::media::{Content, Expiry, Kind};
use crate::tape::pool::Retention;
use crate::tape::{Medium, Weekday};

const BLANK: Label = Label {
    medium: None,
    expires: None,
    is_foreign: false,
    is_worm: false,
};

fn name(text: &str) -> TapeName {
    TapeName::parse(text).unwrap()
}

fn library(command: LibraryCommand) -> Command {
    Command::Tape(TapeCommand::Library(name("robot"), command))
}

fn pool(command: MediaPoolCommand) -> Command {
    Command::Tape(TapeCommand::Pool(name("gfs"), command))
}

fn job(command: JobCommand) -> Command {
    Command::Tape(TapeCommand::Job(name("nightly"), command))
}

fn medium(id: u128, command: MediumCommand) -> Command {
    Command::Tape(TapeCommand::Medium(MediumId::new(id), command))
}

fn set(id: u128, command: SetCommand) -> Command {
    Command::Tape(TapeCommand::Set(SetId::new(id), command))
}

fn barcode(number: u128) -> Barcode {
    Barcode::parse(&format!("HF{number:04}L9")).unwrap()
}

fn seen(slot: u16, barcode: Option<Barcode>) -> Seen {
    Seen {
        slot: Element(slot),
        barcode,
        new: MediumId::new(u128::from(slot)),
    }
}

fn head(objects: u64) -> Head {
    Head {
        objects,
        bytes: objects * 10,
        root: [0; 32],
    }
}

fn run(name: &str, view: u64) -> Run {
    Run {
        name: name.to_owned(),
        job: self::name("nightly"),
        repository: RepositoryId::new(1),
        tenant: TenantName::parse("Acme").unwrap(),
        called: RepositoryName::parse("main").unwrap(),
        view: Timestamp::from_millis(view),
        objects: 3,
        bytes: 30,
        done: None,
    }
}

/// An office with a library of four known, empty cartridges, a pool and a job.
struct Vault(Office);

impl Vault {
    fn open() -> Self {
        let mut office = Office::open();
        office.add_tenant("Acme");
        office.add_repository("Acme", "main", 0);
        let device = Device::Virtual {
            drives: 2,
            slots: 4,
            capacity: Size::mib(64),
        };
        office
            .ann(library(LibraryCommand::Add { node: None, device }))
            .unwrap();
        let rules = |set| SetRules {
            retention: Retention::usual(set),
            appends: set == MediaSet::Daily,
        };
        let sets = MediaSet::ALL.map(|set| (set, rules(set))).into();
        let add = MediaPoolCommand::Add {
            description: String::new(),
            is_worm: false,
            takes_free: true,
            sets,
            mixing: Mixing::Never,
        };
        office.ann(pool(add)).unwrap();
        let schedule = Schedule {
            daily: Weekday::ALL.into(),
            ..Schedule::default()
        };
        let add = JobCommand::Add {
            description: String::new(),
            sources: vec![Source::All],
            pool: name("gfs"),
            schedule,
        };
        office.ann(job(add)).unwrap();
        let mut vault = Self(office);
        vault.inventory(&[1, 2, 3, 4]);
        for id in 1..=4 {
            vault
                .system(medium(id, MediumCommand::Identified(BLANK)))
                .unwrap();
        }
        vault.0.events();
        vault
    }

    fn system(&mut self, command: Command) -> Result<Outcome, Refused> {
        self.0.system(command)
    }

    fn inventory(&mut self, numbers: &[u16]) {
        let all = numbers
            .iter()
            .map(|it| seen(*it, Some(barcode(u128::from(*it)))));
        self.system(library(LibraryCommand::Inventory(all.collect())))
            .unwrap();
    }

    fn pool(&self) -> PoolId {
        self.0.rows().tape.pools[&name("gfs")].id
    }

    fn open_set(&mut self, id: u128, of: MediaSet) {
        let open = SetCommand::Open {
            pool: self.pool(),
            set: of,
            owner: Some(1),
            one: None,
        };
        self.system(set(id, open)).unwrap();
    }

    fn begin(&mut self, id: u128, number: u128, label: Label) -> Result<Outcome, Refused> {
        let medium = MediumId::new(number);
        self.system(set(id, SetCommand::Begin { medium, label }))
    }

    fn medium(&self, id: u128) -> &Medium {
        &self.0.rows().tape.media[&MediumId::new(id)].medium
    }
}

fn said(id: u128) -> Label {
    Label {
        medium: Some(MediumId::new(id)),
        ..BLANK
    }
}

#[test]
fn a_set_is_written_on_one_cartridge_behind_the_other_and_kept_until_its_day() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Daily);
    vault.begin(9, 1, BLANK).unwrap();
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
    let committed = |medium, objects| SetCommand::Committed {
        medium: MediumId::new(medium),
        head: head(objects),
    };
    vault.system(set(9, committed(1, 2))).unwrap();
    let full = SetCommand::Full {
        medium: MediumId::new(1),
    };
    vault.system(set(9, full)).unwrap();
    vault.begin(9, 2, BLANK).unwrap();
    let behind = vault.system(set(9, committed(1, 3))).unwrap_err();
    assert_eq!(behind.reason(), "not-last-cartridge");
    vault.system(set(9, committed(2, 1))).unwrap();
    let fewer = vault.system(set(9, committed(2, 0))).unwrap_err();
    assert_eq!(fewer.reason(), "fewer-on-tape");
    vault
        .system(set(
            9,
            SetCommand::Ran {
                run: "r1".to_owned(),
            },
        ))
        .unwrap();
    vault.0.ann(set(9, SetCommand::Close)).unwrap();
    let closed = vault
        .system(set(9, SetCommand::Run(run("r2", 6))))
        .unwrap_err();
    assert_eq!(
        (closed.reason(), closed.class()),
        ("media-set-closed", Class::Conflict)
    );
    assert!(vault.begin(9, 3, BLANK).is_err());

    // Fourteen days later, and not before, it is written over.
    for days in 0..15 {
        vault.0.now.wall = Timestamp::parse("2026-11-21T12:00:00Z").unwrap() + DAY * days;
        vault.0.pass(DAY / 24);
        vault
            .0
            .confirm(&crate::kernel::Date::of(vault.0.now.wall).to_string())
            .unwrap();
        vault.open_set(100 + u128::from(days), MediaSet::Daily);
        let begun = vault.begin(100 + u128::from(days), 1, said(1));
        assert_eq!(begun.is_ok(), days == 14, "{days}: {begun:?}");
    }
    assert!(
        !vault.0.rows().tape.sets.contains_key(&SetId::new(9)),
        "half of it is gone"
    );
}

#[test]
fn what_the_cartridge_says_is_believed_before_what_the_catalog_says() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Weekly);
    let kept = Label {
        expires: Some(Expiry::Never),
        ..BLANK
    };
    for label in [
        said(77),
        Label {
            is_foreign: true,
            ..BLANK
        },
        kept,
    ] {
        let refused = vault.begin(9, 1, label).unwrap_err();
        assert_eq!(refused.reason(), "cartridge-refused", "{label:?}");
    }
    vault.begin(9, 1, BLANK).unwrap();
}

#[test]
fn a_clock_that_nobody_believes_ends_nothing_that_is_kept() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Daily);
    vault.begin(9, 1, BLANK).unwrap();
    vault.0.ann(set(9, SetCommand::Close)).unwrap();
    vault.0.set_clock("2026-12-30T10:00:00Z");
    vault.open_set(10, MediaSet::Daily);
    assert_eq!(vault.begin(10, 1, said(1)), Err(Refused::ClockDoubted));
    vault.0.confirm("2026-12-30").unwrap();
    vault.begin(10, 1, said(1)).unwrap();
}

#[test]
fn an_inventory_knows_cartridges_by_barcode_and_uses_no_twins() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Daily);
    vault.begin(9, 1, BLANK).unwrap();
    // Two changed their places, one is gone, one is new.
    let now = vec![
        seen(2, Some(barcode(1))),
        seen(1, Some(barcode(2))),
        seen(7, Some(barcode(7))),
        seen(4, Some(barcode(4))),
    ];
    vault
        .system(library(LibraryCommand::Inventory(now)))
        .unwrap();
    let slot = |vault: &Vault, id| {
        let row = vault.0.rows().tape.media[&MediumId::new(id)].clone();
        row.slot.map(|(_, slot)| slot.0)
    };
    assert_eq!(
        [1, 2, 3, 4, 7].map(|id| slot(&vault, id)),
        [Some(2), Some(1), None, Some(4), Some(7)]
    );
    assert!(!vault.medium(3).is_online);
    assert_eq!(vault.medium(7).content, Content::Unrecognized);
    assert!(matches!(vault.medium(1).content, Content::Written(_)));
    let twins = vec![
        seen(1, Some(barcode(4))),
        seen(2, Some(barcode(1))),
        seen(3, Some(barcode(4))),
    ];
    vault.0.events();
    vault
        .system(library(LibraryCommand::Inventory(twins)))
        .unwrap();
    assert_eq!([1, 4].map(|id| slot(&vault, id)), [Some(2), None]);
    let told = vault.0.events();
    assert!(
        told.contains("two cartridges with the barcode HF0004L9"),
        "{told}"
    );
}

#[test]
fn a_cartridge_that_says_it_is_another_takes_its_place() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Daily);
    vault.begin(9, 1, BLANK).unwrap();
    vault
        .system(medium(2, MediumCommand::Identified(said(1))))
        .unwrap();
    let row = |id| vault.0.rows().tape.media[&MediumId::new(id)].clone();
    assert_eq!(row(1).medium.barcode, Some(barcode(2)));
    assert_eq!(row(2).medium.barcode, Some(barcode(1)));
    assert!(matches!(row(1).medium.content, Content::Written(_)));
    // One that lost what was on it is nobody's to write on.
    vault
        .system(medium(1, MediumCommand::Identified(BLANK)))
        .unwrap();
    assert_eq!(vault.medium(1).content, Content::Unrecognized);
    vault
        .system(medium(3, MediumCommand::Identified(said(99))))
        .unwrap();
    assert_eq!(
        vault.medium(3).content,
        Content::Foreign(Some(MediumId::new(99)))
    );
}

#[test]
fn what_is_not_ours_is_given_up_by_two() {
    let mut vault = Vault::open();
    vault
        .system(medium(3, MediumCommand::Identified(said(99))))
        .unwrap();
    vault.0.hire_bob();
    let asked = vault.0.ann(medium(3, MediumCommand::MarkFree)).unwrap();
    let Outcome::Pending { approval } = asked else {
        panic!("{asked:?}");
    };
    assert!(matches!(vault.medium(3).content, Content::Foreign(_)));
    vault.0.bob(grant(approval)).unwrap();
    assert_eq!(
        vault.medium(3).content,
        Content::GivenUp(Some(MediumId::new(99)))
    );
    vault.open_set(9, MediaSet::Daily);
    assert!(
        vault.begin(9, 3, BLANK).is_err(),
        "it is another cartridge by now"
    );
    vault.begin(9, 3, said(99)).unwrap();
}

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
        (library(LibraryCommand::Remove), false, true, false),
        (pool(MediaPoolCommand::Remove), false, true, false),
        (
            library(LibraryCommand::Inventory(Vec::new())),
            false,
            false,
            true,
        ),
        (medium(1, MediumCommand::Failed), false, false, true),
    ] {
        let may = |office: &mut Office, by| {
            let done = office.submit(by, command.clone());
            !matches!(done, Err(Refused::NotAllowed(_)))
        };
        assert!(!may(&mut vault.0, operator("vic")), "{command:?}");
        assert_eq!(may(&mut vault.0, operator("tom")), tom, "{command:?}");
        assert_eq!(
            may(&mut vault.0, super::super::command::Actor::System),
            system,
            "{command:?}"
        );
        assert_eq!(may(&mut vault.0, operator("ann")), ann, "{command:?}");
    }
    assert_eq!(operator_name("tom").to_string(), "tom");
}

#[test]
fn a_job_writes_only_sets_that_its_pool_has() {
    let mut vault = Vault::open();
    let only = |set| {
        let rules = SetRules {
            retention: Retention::Days(7),
            appends: false,
        };
        MediaPoolCommand::Set {
            description: None,
            takes_free: None,
            sets: Some([(set, rules)].into()),
            mixing: None,
        }
    };
    let used = vault.0.ann(pool(only(MediaSet::Weekly))).unwrap_err();
    assert_eq!(used.reason(), "tape-in-use");
    vault.0.ann(pool(only(MediaSet::Daily))).unwrap();
    let weekly = Schedule {
        weekly: Some(Weekday::Friday),
        ..Schedule::default()
    };
    let schedule = |schedule| JobCommand::Set {
        description: None,
        sources: None,
        schedule: Some(schedule),
    };
    let off = vault.0.ann(job(schedule(weekly))).unwrap_err();
    assert_eq!(
        off.to_string(),
        "media pool 'gfs' has no weekly set; switch it on with 'tape pool set'"
    );
    let never = vault.0.ann(job(schedule(Schedule::default()))).unwrap_err();
    assert_eq!(never.reason(), "no-tape-sources");
    let used = vault.0.ann(pool(MediaPoolCommand::Remove)).unwrap_err();
    assert_eq!(used.reason(), "tape-in-use");
}

#[test]
fn tenants_hear_nothing_of_tapes() {
    let mut vault = Vault::open();
    vault.open_set(9, MediaSet::Daily);
    vault.begin(9, 1, BLANK).unwrap();
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
    vault
        .system(set(
            9,
            SetCommand::Ran {
                run: "r1".to_owned(),
            },
        ))
        .unwrap();
    let events = vault.0.rows().events.values();
    let of_tape = events.filter(|event| event.code >= 30_100 || event.code == 10_014);
    let of_tape: Vec<_> = of_tape.collect();
    assert!(of_tape.len() >= 3);
    assert!(of_tape.iter().all(|event| event.tenant.is_none()), "I12");
}

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
    let id = 1_u128..5;
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
            owner: None,
            one: None,
        };
        set(id, open)
    });
    let commit = (of_set.clone(), id.clone(), 0..9_u64).prop_map(|(of, id, objects)| {
        let medium = MediumId::new(id);
        let head = head(objects);
        set(of, SetCommand::Committed { medium, head })
    });
    let places = prop::collection::vec((1_u16..6, prop::option::of(1_u128..5)), 0..5);
    let inventory = places.prop_map(|places| {
        let slots: BTreeMap<u16, Option<u128>> = places.into_iter().collect();
        let all = slots
            .into_iter()
            .map(|(slot, it)| seen(slot, it.map(barcode)));
        library(LibraryCommand::Inventory(all.collect()))
    });
    let handled = prop_oneof![
        Just(MediumCommand::MarkFree),
        Just(MediumCommand::Failed),
        any::<bool>().prop_map(MediumCommand::Protect),
        Just(MediumCommand::Move(None)),
        Just(MediumCommand::Move(Some(name("gfs")))),
        labels().prop_map(MediumCommand::Identified),
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
        1 => (of_set, 0..3).prop_map(|(of, view)| set(of, SetCommand::Ran { run: format!("r{view}") })),
        1 => inventory,
        2 => (id, handled).prop_map(|(id, command)| medium(id, command)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_is_kept_is_written_over_whatever_is_asked(
        steps in prop::collection::vec((orders(), 0..3_u32), 1..80),
    ) {
        let mut vault = Vault::open();
        for (command, days) in steps {
            if days > 0 {
                vault.0.now.wall = vault.0.now.wall + DAY * days;
                vault.0.pass(DAY / 24);
                let today = crate::kernel::Date::of(vault.0.now.wall);
                vault.0.confirm(&today.to_string()).unwrap();
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
            for (id, row) in &rows.media {
                let Some(old) = before.media.get(id) else { continue };
                if row.generation == old.generation {
                    continue;
                }
                prop_assert!(done.is_ok() && row.generation == old.generation + 1);
                prop_assert!(!old.medium.is_protected && old.medium.is_online);
                prop_assert!(old.medium.kind == Kind::Standard);
                match old.medium.content {
                    Content::Written(it) => prop_assert!(it.expires.is_over(today), "{:?}", it),
                    Content::Empty | Content::GivenUp(_) => {}
                    Content::Unrecognized | Content::Foreign(_) => prop_assert!(false, "nobody agreed"),
                }
            }
            for (id, row) in &before.sets {
                if row.closed.is_some() && let Some(now) = rows.sets.get(id) {
                    prop_assert_eq!(row, now, "a closed set stays as it is");
                }
            }
            let slots: Vec<_> = rows.media.values().filter_map(|row| row.slot.clone()).collect();
            let apart: BTreeSet<_> = slots.iter().collect();
            prop_assert_eq!(slots.len(), apart.len(), "two in one slot");
            for (id, row) in &rows.sets {
                for (medium, sequence) in row.media.iter().zip(1..) {
                    prop_assert_eq!(rows.media[medium].of, Some((*id, sequence)));
                }
            }
            for (id, row) in &rows.media {
                if let Some((set, _)) = row.of {
                    prop_assert!(rows.sets[&set].media.contains(id));
                }
            }
        }
        let rows = vault.0.rows();
        prop_assert_eq!(&restore(&snapshot(rows)).unwrap(), rows);
    }
}
