//! Who is shown what a node recalls that hears no majority: never somebody who can delete.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::admission::decide;
use super::*;
use crate::gateways::{PoolName, Terms};
use crate::kernel::{Instant, NodeId};
use crate::recall::{self, CutOff};

const SEAT: Seat = Seat {
    seniority: Seniority::Before,
    by_spare: false,
};

fn since(today: u32) -> Option<CutOff> {
    Some(CutOff {
        since: Instant::from_micros(7),
        as_of: Timestamp::from_millis(5),
        today: Date::from_days(today),
    })
}

fn cut_off(scope: Scope, intent: Intent) -> Visit {
    Visit {
        cut_off: since(TODAY),
        ..scoped(scope, intent)
    }
}

fn intents() -> impl Strategy<Value = Intent> {
    let kinds = [
        Kind::Config,
        Kind::Data,
        Kind::Lock,
        Kind::Snapshot,
        Kind::Index,
    ];
    select(kinds.to_vec()).prop_flat_map(|kind| {
        select(vec![
            Intent::Create,
            PROBE,
            Intent::Stat(kind),
            Intent::List(kind),
            Intent::Read(kind),
            Intent::Write(kind, Size::bytes(1)),
            Intent::Delete(kind),
        ])
    })
}

proptest! {
    #[test]
    fn what_may_be_old_is_shown_to_those_alone_who_can_delete_no_data_and_only_to_read(
        intent in intents(),
        scope in select(vec![Scope::Full, Scope::Append, Scope::Read]),
        is_view: bool,
    ) {
        let mut visit = cut_off(scope, intent);
        visit.admitted.view = is_view.then(|| View {
            repository: RepositoryId::new(1),
            at: Timestamp::default(),
        });
        let only_reads = is_view || scope == Scope::Read;
        let is_read = matches!(
            intent,
            Intent::Probe | Intent::Stat(_) | Intent::List(_) | Intent::Read(_)
        );
        let decided = decide(&contract(), &visit, SEAT);
        match &decided {
            Ok(grant) => {
                prop_assert!(only_reads && is_read);
                prop_assert_eq!(grant.recalled, visit.cut_off);
                // It can delete nothing where a majority is heard, but locks.
                for kind in [Kind::Data, Kind::Snapshot, Kind::Index, Kind::Key] {
                    visit.cut_off = None;
                    visit.intent = Intent::Delete(kind);
                    prop_assert!(decide(&contract(), &visit, SEAT).is_err());
                }
            }
            Err(refusal) => {
                prop_assert!(!(only_reads && is_read), "{:?}", refusal);
                visit.cut_off = None;
                let heard = decide(&contract(), &visit, SEAT);
                let refused = heard.map(|_| ()).err().unwrap_or_else(recall::refused);
                prop_assert_eq!(refusal, &refused);
            }
        }
    }

    #[test]
    fn who_hears_a_majority_is_shown_what_is_there(intent in intents()) {
        if let Ok(grant) = decide(&contract(), &visit(1, intent), SEAT) {
            prop_assert_eq!(grant.recalled, None);
        }
    }
}

#[test]
fn who_is_revoked_disabled_or_over_by_what_the_node_knows_is_refused() {
    let read = || cut_off(Scope::Read, READ);
    let reason = |contract: &Contract, visit: &Visit| {
        let decided = decide(contract, visit, SEAT);
        decided.err().map(|refusal| refusal.reason)
    };
    assert_eq!(reason(&contract(), &read()), None);
    let mut revoked = contract();
    revoked.credentials.clear();
    assert_eq!(reason(&revoked, &read()), Some(Reason::Unauthenticated));
    let mut disabled = contract();
    disable(&mut disabled);
    assert_eq!(reason(&disabled, &read()), Some(Reason::Disabled));

    let mut leased = contract();
    leased.row.as_mut().unwrap().lease = Some(Date::from_days(TODAY + 1));
    let on = |today: u32, expires: Option<u32>| {
        let mut visit = read();
        visit.cut_off = since(today);
        visit.admitted.expires = expires.map(Date::from_days);
        visit
    };
    assert_eq!(reason(&leased, &on(TODAY + 1, None)), None);
    let over = reason(&leased, &on(TODAY + 2, None));
    assert_eq!(
        over,
        Some(Reason::LeaseExpired),
        "the catalog's day stands still"
    );
    assert_eq!(reason(&contract(), &on(TODAY + 1, Some(TODAY + 1))), None);
    let over = reason(&contract(), &on(TODAY + 2, Some(TODAY + 1)));
    assert_eq!(over, Some(Reason::Unauthenticated));
}

#[test]
fn a_gateway_that_may_stand_in_does_when_nobody_knows_whether_it_has_to() {
    let pool = PoolName::parse("eu").unwrap();
    let mut contract = contract();
    contract.doors = Doors {
        terms: Terms {
            pools: [pool.clone()].into(),
            fails_over: true,
        },
        members: [(NodeId::new(1), pool)].into_iter().collect(),
        is_cut: false,
    };
    let by = |cut_off| Visit {
        gateway: Some(NodeId::new(2)),
        cut_off,
        ..scoped(Scope::Read, READ)
    };
    let refused = decide(&contract, &by(None), SEAT).err();
    assert_eq!(refused.map(|it| it.reason), Some(Reason::SpareGateway));
    assert!(decide(&contract, &by(since(TODAY)), SEAT).is_ok());
    contract.doors.terms.fails_over = false;
    let refused = decide(&contract, &by(since(TODAY)), SEAT).err();
    assert_eq!(refused.map(|it| it.reason), Some(Reason::WrongGateway));
}
