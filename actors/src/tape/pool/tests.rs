//! Choices of a pool among any cartridges; none is written.

use proptest::prelude::*;

use super::super::media::Written;
use super::super::media::tests::{TODAY, medium};
use super::*;
use crate::kernel::Timestamp;

const POOL: PoolId = PoolId::new(1);

fn pool(appends: bool) -> Pool {
    let rules = |set| SetRules {
        retention: Retention::usual(set),
        appends,
    };
    Pool {
        is_worm: false,
        sets: MediaSet::ALL
            .into_iter()
            .map(|set| (set, rules(set)))
            .collect(),
        takes_free: true,
    }
}

/// One in the pool that is empty.
fn empty() -> Medium {
    Medium {
        barcode: None,
        kind: Kind::Standard,
        content: Content::Empty,
        pool: Some(POOL),
        set: None,
        is_online: true,
        is_protected: false,
        is_write_protected: false,
        is_retired: false,
        write_errors: 0,
    }
}

fn written(set: MediaSet, last: u64, expires: Expiry) -> Medium {
    Medium {
        content: Content::Written(Written {
            is_closed: false,
            expires,
            last: Timestamp::from_millis(last),
        }),
        set: Some(set),
        ..empty()
    }
}

fn choose(pool: &Pool, set: MediaSet, last: Option<u128>, media: &[Medium]) -> Choice {
    let media = media.iter().zip(0..);
    let media = media
        .map(|(it, id)| (MediumId::new(id), it.clone()))
        .collect();
    pool.choose((POOL, set), last.map(MediumId::new), &media, TODAY)
}

/// `R10.3`, `R10.2`, 10.8, `R10.4` in this order.
#[test]
fn a_set_goes_on_then_takes_empty_ones_then_its_own_oldest_then_free_ones() {
    let mut media = vec![
        Medium {
            pool: None,
            ..empty()
        },
        written(MediaSet::Weekly, 9, Expiry::Always),
        written(MediaSet::Weekly, 5, Expiry::On(TODAY)),
        empty(),
        written(MediaSet::Weekly, 7, Expiry::Never),
    ];
    let pool = pool(true);
    let next = |media: &[Medium], last| choose(&pool, MediaSet::Weekly, last, media);
    assert_eq!(next(&media, Some(4)), Choice::Append(MediumId::new(4)));
    assert_eq!(next(&media, None), Choice::Begin(MediumId::new(3)));
    media[3].is_online = false;
    assert_eq!(next(&media, None), Choice::Begin(MediumId::new(2)));
    media[2].is_protected = true;
    assert_eq!(next(&media, None), Choice::Begin(MediumId::new(1)));
    media[1].is_retired = true;
    assert_eq!(next(&media, None), Choice::Begin(MediumId::new(0)));
    media[0].kind = Kind::Worm;
    assert_eq!(next(&media, None), Choice::Wait);
}

/// `R10.3`.
#[test]
fn where_a_set_does_not_append_each_backup_begins_a_cartridge() {
    let media = [written(MediaSet::Daily, 1, Expiry::Never), empty()];
    let next = choose(&pool(false), MediaSet::Daily, Some(0), &media);
    assert_eq!(next, Choice::Begin(MediumId::new(1)));
}

/// T10.12.
#[test]
fn a_set_whose_cartridge_was_protected_begins_another() {
    let mut media = [written(MediaSet::Daily, 1, Expiry::Never), empty()];
    media[0].is_protected = true;
    let next = choose(&pool(true), MediaSet::Daily, Some(0), &media);
    assert_eq!(next, Choice::Begin(MediumId::new(1)));
}

#[test]
fn retention_counts_from_the_day_on_which_a_set_was_closed() {
    let closed = Date::from_days(100);
    let expiry = Retention::Days(14).expiry(closed);
    assert!(!expiry.is_over(Date::from_days(113)));
    assert!(expiry.is_over(Date::from_days(114)));
    assert!(Retention::None.expiry(closed).is_over(closed));
    assert!(
        !Retention::usual(MediaSet::Yearly)
            .expiry(closed)
            .is_over(Date::from_days(u32::MAX))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_set_takes_what_another_wrote_and_no_pool_what_is_another_s(
        media in prop::collection::vec(medium(), 0..12),
        set in 0..5_usize,
        last in prop::option::of(0..12_u128),
        is_worm: bool,
        appends: bool,
    ) {
        let set = MediaSet::ALL[set];
        let pool = Pool { is_worm, ..pool(appends) };
        let (medium, begins) = match choose(&pool, set, last, &media) {
            Choice::Wait => return Ok(()),
            Choice::Append(medium) => (medium, false),
            Choice::Begin(medium) => (medium, true),
        };
        let at = (0..).zip(&media).find(|(id, _)| MediumId::new(*id) == medium);
        let (_, medium): (u128, &Medium) = at.unwrap();
        prop_assert!(medium.set.is_none_or(|its| its == set));
        prop_assert!(medium.pool.is_none_or(|its| its == POOL));
        prop_assert!(!begins || medium.may_overwrite(TODAY).is_ok());
        prop_assert!(begins || medium.may_append().is_ok());
        prop_assert_eq!(begins && is_worm, begins && medium.kind == Kind::Worm);
    }
}
