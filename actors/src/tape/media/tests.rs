//! The safeguards one by one against any cartridge; none is written.

use proptest::prelude::*;

use super::*;

pub(in crate::tape) const TODAY: Date = Date::from_days(20_000);

fn expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        Just(Expiry::Always),
        Just(Expiry::Never),
        (19_990..20_010_u32).prop_map(|days| Expiry::On(Date::from_days(days))),
    ]
}

fn id() -> impl Strategy<Value = MediumId> {
    (0..3_u128).prop_map(MediumId::new)
}

fn content() -> impl Strategy<Value = Content> {
    let written = (any::<bool>(), expiry(), 0..100_u64);
    prop_oneof![
        Just(Content::Unrecognized),
        Just(Content::Empty),
        Just(Content::Foreign(None)),
        prop::option::of(id()).prop_map(Content::GivenUp),
        written.prop_map(|(is_closed, expires, last)| Content::Written(Written {
            is_closed,
            expires,
            last: Timestamp::from_millis(last),
        })),
    ]
}

pub(in crate::tape) fn medium() -> impl Strategy<Value = Medium> {
    let kind = prop_oneof![
        4 => Just(Kind::Standard),
        2 => Just(Kind::Worm),
        1 => Just(Kind::Cleaning),
    ];
    let place = (
        prop::option::of((0..2_u64).prop_map(PoolId::new)),
        prop::option::of((0..5_usize).prop_map(|it| MediaSet::ALL[it])),
    );
    let flags = prop::array::uniform4(prop::bool::weighted(0.1));
    (kind, content(), place, flags, 0..3_u32).prop_map(
        |(kind, content, (pool, set), flags, write_errors)| Medium {
            barcode: None,
            kind,
            content,
            pool,
            set: set.filter(|_| matches!(content, Content::Written(_))),
            is_online: !flags[0],
            is_protected: flags[1],
            is_write_protected: flags[2],
            is_retired: flags[3],
            write_errors,
        },
    )
}

fn label() -> impl Strategy<Value = Label> {
    let parts = (prop::option::of(id()), prop::option::of(expiry()));
    (parts, any::<bool>(), any::<bool>()).prop_map(|((medium, expires), is_foreign, is_worm)| {
        Label {
            medium,
            expires,
            is_foreign,
            is_worm,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The safeguards one by one, so that a rule that is lost in the code is missed here.
    #[test]
    fn nothing_is_written_over_before_every_safeguard_agrees(
        medium in medium(), label in label(), id in id(),
    ) {
        if medium.may_begin(id, label, TODAY).is_err() {
            return Ok(());
        }
        prop_assert!(medium.is_online && !medium.is_protected && !medium.is_write_protected);
        prop_assert!(!medium.is_retired && medium.write_errors < ERRORS_MAX);
        prop_assert!(medium.kind != Kind::Cleaning);
        let is_bare = label.medium.is_none() && !label.is_foreign;
        prop_assert!(!label.is_worm || is_bare);
        match medium.content {
            Content::Written(it) => {
                prop_assert!(it.expires.is_over(TODAY));
                prop_assert!(medium.kind == Kind::Standard);
                prop_assert!(label.medium.is_none_or(|it| it == id) && !label.is_foreign);
                prop_assert!(label.expires.is_none_or(|it| it.is_over(TODAY)));
            }
            Content::Empty => {
                prop_assert!(label.medium.is_none_or(|it| it == id) && !label.is_foreign);
                prop_assert!(label.expires.is_none_or(|it| it.is_over(TODAY)));
            }
            Content::GivenUp(said) => prop_assert_eq!(label.medium, said),
            Content::Unrecognized | Content::Foreign(_) => prop_assert!(false, "nobody agreed"),
        }
    }

    #[test]
    fn nothing_is_appended_to_what_is_closed_protected_or_not_ours(medium in medium()) {
        if medium.may_append().is_ok() {
            let open = matches!(medium.content, Content::Written(it) if !it.is_closed);
            prop_assert!(open && !medium.is_protected && !medium.is_write_protected);
        }
    }

    #[test]
    fn a_barcode_reads_what_it_writes_and_nothing_else_is_one(text in "[A-Z0-9a-z. ]{0,10}") {
        let fits = text.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
        let parsed = Barcode::parse(&text);
        prop_assert_eq!(parsed.is_ok(), fits && text.len() == 8);
        if let Ok(barcode) = parsed {
            prop_assert_eq!(barcode.to_string(), text);
        }
    }
}

#[test]
fn a_barcode_says_what_a_cartridge_is_made_for() {
    for (text, kind) in [
        ("BK0001L9", Kind::Standard),
        ("BK0001LA", Kind::Standard),
        ("BK0001M8", Kind::Standard),
        ("BK0001LZ", Kind::Worm),
        ("BK0001LV", Kind::Worm),
        ("CLN001CU", Kind::Cleaning),
        ("CLN001L1", Kind::Cleaning),
    ] {
        assert_eq!(Barcode::parse(text).unwrap().kind(), kind, "{text}");
    }
}

#[test]
fn what_an_operator_protected_is_neither_freed_nor_written() {
    let medium = Medium {
        barcode: None,
        kind: Kind::Standard,
        content: Content::Written(Written {
            is_closed: false,
            expires: Expiry::Always,
            last: Timestamp::default(),
        }),
        pool: None,
        set: None,
        is_online: true,
        is_protected: true,
        is_write_protected: false,
        is_retired: false,
        write_errors: 0,
    };
    assert_eq!(medium.may_append(), Err(Refused::Protected));
    assert_eq!(medium.may_overwrite(TODAY), Err(Refused::Protected));
    assert_eq!(medium.may_mark_free(), Err(Refused::Protected));
    assert_eq!(medium.may_protect(), Ok(()));
}
