//! One node against a catalog, other nodes and a disk that are played here.

use holdfast_actors::kernel::{Act, Epoch, RepositoryId};

use super::*;

const EXTENT: ExtentId = ExtentId::new(7);
const NODE: NodeId = NodeId::new(1);

/// A node, and what it asked for since the last look.
struct Bench {
    machine: Reconcile,
    now: Now,
}

impl Bench {
    /// The catalog wants an extent of this node, which others have.
    fn of(length: u64, fill: bool, sources: &[u64]) -> (Self, Vec<Effect>) {
        let wanted = Wanted {
            repository: RepositoryId::new(3),
            epoch: Epoch::new(5),
            sealed: Some(length),
            fill,
            sources: sources.iter().map(|node| NodeId::new(*node)).collect(),
        };
        let news = News {
            last: 9,
            changed: [(EXTENT, Some(wanted))].into(),
        };
        let (machine, now) = (Reconcile::new(NODE, 0), Now::default());
        let mut bench = Self { machine, now };
        bench.pass(1);
        let effects = bench.step(Event::News(news));
        (bench, effects)
    }

    fn pass(&mut self, seconds: u64) {
        self.now.monotonic = self.now.monotonic + Duration::from_secs(seconds);
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut acts = Acts::default();
        self.machine.step(self.now, event, &mut acts);
        let acts = acts.into_iter().map(|act| match act {
            Act::Persist(never) => match never {},
            Act::Start(effect) | Act::Show(effect) => effect,
        });
        acts.collect()
    }

    /// Waits until it asks for a piece: the attempt, from whom, and from where on.
    fn pull(&mut self, mut effects: Vec<Effect>) -> (Attempt, NodeId, u64) {
        for _ in 0..200 {
            let pull = effects.iter().find_map(|effect| {
                let Effect::Pull {
                    attempt,
                    from,
                    offset,
                    ..
                } = effect
                else {
                    return None;
                };
                Some((*attempt, *from, *offset))
            });
            if let Some(pull) = pull {
                return pull;
            }
            self.pass(1);
            effects = self.step(Event::Nothing);
        }
        panic!("nothing is copied: {:?}", self.machine.waits());
    }

    fn pulled(&mut self, attempt: Attempt, pulled: Pulled) -> Vec<Effect> {
        self.step(Event::Pulled {
            extent: EXTENT,
            attempt,
            pulled,
        })
    }

    fn decided(&mut self, node: NodeId, command: ReplicaCommand, verdict: Verdict) -> Vec<Effect> {
        self.step(Event::Decided {
            extent: EXTENT,
            node,
            command,
            verdict,
        })
    }
}

fn submit(node: NodeId, command: ReplicaCommand) -> Effect {
    Effect::Submit {
        extent: EXTENT,
        node,
        command,
    }
}

#[test]
fn a_node_whose_disk_takes_nothing_gives_the_extent_back() {
    let (mut bench, mut effects) = Bench::of(100, true, &[2]);
    let mut waited = Vec::new();
    for _ in 0..5 {
        let before = bench.now.monotonic;
        let (attempt, _, _) = bench.pull(effects);
        waited.push(before.until(bench.now.monotonic).as_secs());
        effects = bench.pulled(attempt, Pulled::Disk);
    }
    assert_eq!(waited, [0, 1, 2, 4, 8]);
    let given_back = submit(NODE, ReplicaCommand::Drop);
    assert!(effects.contains(&given_back), "{effects:?}");
}

#[test]
fn a_damaged_source_is_told_of_and_the_copy_begins_anew_from_another() {
    let (mut bench, effects) = Bench::of(PIECE + 10, true, &[2, 3]);
    let (attempt, first, _) = bench.pull(effects);
    let effects = bench.pulled(attempt, Pulled::Bytes(PIECE));
    let (_, from, offset) = bench.pull(effects);
    assert_eq!((from, offset), (first, PIECE));
    let effects = bench.pulled(attempt, Pulled::Damaged);
    let told = submit(first, ReplicaCommand::Lost);
    assert!(effects.contains(&told), "{effects:?}");
    let (again, other, offset) = bench.pull(effects);
    assert!(again > attempt && other != first && offset == 0);
    // An answer to what was given up changes nothing.
    let late = bench.pulled(attempt, Pulled::Bytes(PIECE));
    assert_eq!(late, []);
    let effects = bench.pulled(again, Pulled::Bytes(PIECE));
    bench.pull(effects);
    let effects = bench.pulled(again, Pulled::Bytes(10));
    let is_placed = effects
        .iter()
        .any(|it| matches!(it, Effect::Place { attempt, .. } if *attempt == again));
    assert!(is_placed, "{effects:?}");
    let (extent, done) = (EXTENT, true);
    let placed = bench.step(Event::Placed {
        extent,
        attempt: again,
        done,
    });
    assert!(placed.contains(&submit(NODE, ReplicaCommand::Filled)));
}

#[test]
fn what_readers_find_damaged_is_reported_once() {
    let (mut bench, _) = Bench::of(1_000, false, &[2, 3]);
    let found = || Event::Unsound([(EXTENT, NodeId::new(2)), (EXTENT, NODE)].into());
    let lost = [NODE, NodeId::new(2)].map(|node| submit(node, ReplicaCommand::Lost));
    let effects = bench.step(found());
    assert_eq!(effects[..2], lost);
    assert!(effects.contains(&Effect::Watch), "{effects:?}");
    let again = bench.step(found());
    assert!(
        !again.iter().any(|effect| lost.contains(effect)),
        "{again:?}"
    );
}

#[test]
fn a_node_that_does_not_answer_is_left_for_another_and_the_copy_goes_on() {
    let (mut bench, effects) = Bench::of(PIECE + 10, true, &[2, 3]);
    let (attempt, first, _) = bench.pull(effects);
    let effects = bench.pulled(attempt, Pulled::Bytes(PIECE));
    bench.pull(effects);
    let effects = bench.pulled(attempt, Pulled::Missing);
    let (same, other, offset) = bench.pull(effects);
    assert!(same == attempt && other != first && offset == PIECE);
    // When nobody is left, it waits and says so.
    bench.pulled(attempt, Pulled::Missing);
    let waits = bench.machine.waits();
    assert!(waits[0].contains("the next attempt"), "{waits:?}");
}

#[test]
fn the_last_copy_that_is_damaged_is_told_of_again_and_again_and_read_no_more() {
    let (mut bench, _) = Bench::of(100, false, &[]);
    let stage = Some(Stage::Sealed { length: 100 });
    let looked = Event::Looked {
        held: vec![(EXTENT, stage)],
        news: News::default(),
        fresh: true,
    };
    bench.step(looked);
    let mut effects = Vec::new();
    while !effects.iter().any(|it| matches!(it, Effect::Scan { .. })) {
        bench.pass(1);
        effects = bench.step(Event::Nothing);
        assert!(bench.now.monotonic < Instant::default() + Duration::from_secs(300));
    }
    let (extent, offset, scanned) = (EXTENT, 0, Scanned::Damaged);
    let effects = bench.step(Event::Scanned {
        extent,
        offset,
        scanned,
    });
    let lost = submit(NODE, ReplicaCommand::Lost);
    assert!(effects.contains(&lost), "{effects:?}");
    let mut told = 1;
    let mut verdict = bench.decided(NODE, ReplicaCommand::Lost, Verdict::Refused);
    for _ in 0..120 {
        assert!(!verdict.iter().any(|it| matches!(it, Effect::Scan { .. })));
        bench.pass(1);
        verdict = bench.step(Event::Nothing);
        if verdict.contains(&lost) {
            told += 1;
            bench.decided(NODE, ReplicaCommand::Lost, Verdict::Refused);
        }
    }
    assert!((6..=9).contains(&told), "told {told} times");
    let waits = bench.machine.waits();
    let expected = "another node with all of extent-7, of which the replica here is damaged";
    assert_eq!(waits, [expected]);
}

#[test]
fn what_the_catalog_may_not_know_yet_is_not_taken_away() {
    let (mut bench, _) = Bench::of(100, false, &[]);
    let strange = [ExtentId::new(8), ExtentId::new(10)];
    let mut dropped = |fresh| {
        let stage = Some(Stage::Sealed { length: 5 });
        let looked = Event::Looked {
            held: strange.map(|extent| (extent, stage)).into(),
            news: News::default(),
            fresh,
        };
        let effects = bench.step(looked).into_iter();
        effects
            .filter(|it| matches!(it, Effect::Drop(_)))
            .collect::<Vec<_>>()
    };
    assert_eq!(dropped(false), []);
    // It gave out no id behind the ninth.
    assert_eq!(dropped(true), [Effect::Drop(strange[0])]);
}
