//! A node that compares its replica with those of others.

use holdfast_actors::kernel::{Act, Epoch, Machine as _, Now, RepositoryId};

use super::super::{Event, News, Wanted};
use super::*;

const EXTENT: ExtentId = ExtentId::new(7);

/// Node 1, which has a whole replica as these others have.
fn node(others: &[u64]) -> Reconcile {
    let mut node = Reconcile::new(NodeId::new(1), 0);
    let wanted = Wanted {
        repository: RepositoryId::new(3),
        epoch: Epoch::new(5),
        sealed: Some(900),
        fill: false,
        sources: others.iter().map(|node| NodeId::new(*node)).collect(),
    };
    let news = News {
        last: 9,
        changed: [(EXTENT, Some(wanted))].into(),
    };
    step(&mut node, Event::News(news));
    node
}

fn step(node: &mut Reconcile, event: Event) -> Vec<(u64, ReplicaCommand)> {
    let mut acts = Acts::default();
    node.step(Now::default(), event, &mut acts);
    acts.into_iter()
        .filter_map(|act| {
            let Act::Show(Effect::Submit { node, command, .. }) = act else {
                return None;
            };
            Some((node.raw(), command))
        })
        .collect()
}

/// What is told when the digests of others begin with these bytes, and this node's with a 1.
fn told(others: &[u64], theirs: &[(u64, u8)]) -> Vec<(u64, ReplicaCommand)> {
    let theirs = theirs.iter();
    let theirs = theirs.map(|(node, first)| (NodeId::new(*node), [*first; 32]));
    let event = Event::Compared {
        extent: EXTENT,
        mine: [1; 32],
        theirs: theirs.collect(),
    };
    step(&mut node(others), event)
}

#[test]
fn whoever_differs_from_most_copies_it_again() {
    assert_eq!(told(&[2, 3], &[(2, 1), (3, 1)]), []);
    let differs = ReplicaCommand::Differs;
    assert_eq!(told(&[2, 3], &[(2, 1), (3, 9)]), [(3, differs)]);
    assert_eq!(told(&[2, 3], &[(2, 9), (3, 9)]), [(1, differs)]);
    let several = told(&[2, 3, 4, 5], &[(2, 1), (3, 8), (4, 1), (5, 9)]);
    assert_eq!(several, [(3, differs), (5, differs)]);
}

#[test]
fn nobody_is_accused_before_a_majority_of_all_is_known() {
    assert_eq!(told(&[2, 3], &[(2, 9)]), [], "the third may say either");
    assert_eq!(told(&[2, 3], &[]), []);
    assert_eq!(told(&[2, 3, 4, 5], &[(2, 9), (3, 9)]), [], "two of five");
    // Who has none that counts says nothing.
    assert_eq!(told(&[2, 3], &[(2, 1), (4, 9)]), []);
    let undecided = [(1, ReplicaCommand::Undecided)];
    assert_eq!(told(&[2], &[(2, 9)]), undecided);
    assert_eq!(told(&[2, 3], &[(2, 8), (3, 9)]), undecided);
}

#[test]
fn a_replica_that_differs_is_told_of_once_until_the_catalog_answers() {
    let mut node = node(&[2, 3]);
    let event = || Event::Compared {
        extent: EXTENT,
        mine: [1; 32],
        theirs: [(NodeId::new(2), [1; 32]), (NodeId::new(3), [9; 32])].into(),
    };
    assert_eq!(step(&mut node, event()).len(), 1);
    assert_eq!(step(&mut node, event()), []);
}

#[test]
fn that_the_last_copy_is_damaged_is_told_once() {
    let mut node = node(&[2]);
    node.damaged.insert(EXTENT);
    let refused = || Event::Decided {
        extent: EXTENT,
        node: NodeId::new(1),
        command: ReplicaCommand::Lost,
        verdict: super::super::Verdict::Refused,
    };
    let last = (1, ReplicaCommand::LastDamaged);
    assert!(step(&mut node, refused()).contains(&last));
    assert!(!step(&mut node, refused()).contains(&last));
}
