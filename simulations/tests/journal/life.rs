//! Lives and deaths of a journal.

use std::cell::Cell;
use std::collections::VecDeque;

use holdfast_actors::shell::Fault;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// One life: what it appends, and how it ends.
#[derive(Clone, Debug)]
struct Life {
    /// Lengths of records, and how many microseconds pass before each is appended.
    appends: Vec<(usize, u64)>,
    /// Makes a snapshot each time so many records are durable.
    snapshot_every: u64,
    latency_micros: u64,
    /// When it ends.
    end_micros: u64,
    /// It ends with the machine's power, not with the process alone.
    power_loss: bool,
    /// A sync fails after so many appends.
    failing_sync: Option<usize>,
    seed: u64,
}

fn a_life() -> impl Strategy<Value = Life> {
    let length = prop_oneof![4 => 8..200_usize, 2 => 200..3_000_usize, 1 => 3_000..12_000_usize];
    let append = (length, prop_oneof![3 => Just(0), 2 => 1..400_u64]);
    let appends = prop::collection::vec(append, 0..40);
    let rest = (
        1..20_u64,
        prop_oneof![Just(0), 1..100_u64],
        0..8_000_u64,
        prop::bool::weighted(0.7),
        prop::option::weighted(0.2, 0..10_usize),
        any::<u64>(),
    );
    (appends, rest).prop_map(|(appends, rest)| Life {
        appends,
        snapshot_every: rest.0,
        latency_micros: rest.1,
        end_micros: rest.2,
        power_loss: rest.3,
        failing_sync: rest.4,
        seed: rest.5,
    })
}

/// What clients of the journal were promised over all lives.
#[derive(Default)]
struct Promises {
    /// The number of the last body handed over; each life begins behind what it found.
    handed_over: u64,
    acknowledged: u64,
    /// The last record of the newest snapshot that was acknowledged.
    kept: u64,
}

/// What the clients of one life have seen so far, whenever it ends.
struct Seen {
    handed_over: Cell<u64>,
    acknowledged: Cell<u64>,
    kept: Cell<u64>,
}

/// Runs lives one behind the other on one disk; the first broken promise is the error.
fn outcome(lives: &[Life], lying_syncs: bool) -> Result<(), TestCaseError> {
    let node = Node::new();
    let mut promises = Promises::default();
    for life in lives {
        node.disk.set_latency(Duration::ZERO);
        node.disk.set_faults(Faults::default());
        in_a_runtime(live(&node, life, &mut promises, lying_syncs))?;
        if life.power_loss {
            node.disk.crash(&mut Dice::of_seed(life.seed));
        } else {
            node.disk.kill();
        }
    }
    node.disk.set_latency(Duration::ZERO);
    node.disk.set_faults(Faults::default());
    in_a_runtime(async {
        let recovered = node.recover().await;
        judge(recovered.map_err(|error| fail(&error))?, &mut promises)
    })?;
    Ok(())
}

fn fail(error: &JournalError) -> TestCaseError {
    TestCaseError::fail(format!("{error:?}"))
}

async fn live(
    node: &Node,
    life: &Life,
    promises: &mut Promises,
    lying_syncs: bool,
) -> Result<(), TestCaseError> {
    let recovered = node.recover().await.map_err(|error| fail(&error))?;
    let last = judge(recovered, promises)?;
    let journal = node.start().await;
    node.disk.set_faults(Faults {
        lying_syncs,
        ..Faults::default()
    });
    node.disk
        .set_latency(Duration::from_micros(life.latency_micros));
    let seen = Seen {
        handed_over: Cell::new(last),
        acknowledged: Cell::new(last),
        kept: Cell::new(promises.kept),
    };
    let work = append_all(node, life, journal, &seen);
    #[expect(clippy::disallowed_methods, reason = "the end of a life is a time")]
    let end = tokio::time::sleep(Duration::from_micros(life.end_micros));
    tokio::select! {
        biased;
        () = end => {}
        result = work => result?,
    }
    promises.handed_over = seen.handed_over.get();
    promises.acknowledged = seen.acknowledged.get();
    promises.kept = seen.kept.get();
    Ok(())
}

async fn append_all(
    node: &Node,
    life: &Life,
    journal: Handle,
    seen: &Seen,
) -> Result<(), TestCaseError> {
    let (handed_over, acknowledged) = (&seen.handed_over, &seen.acknowledged);
    let mut answers = VecDeque::new();
    let mut snapshots = Vec::new();
    for (count, (length, pause)) in life.appends.iter().enumerate() {
        if life.failing_sync == Some(count) {
            node.disk.set_faults(Faults {
                failing_syncs: 1,
                ..Faults::default()
            });
        }
        handed_over.set(handed_over.get() + 1);
        answers.push_back(journal.append(body(handed_over.get(), *length)));
        if *pause > 0 {
            #[expect(clippy::disallowed_methods, reason = "appends come at times")]
            tokio::time::sleep(Duration::from_micros(*pause)).await;
        }
        if answers.len() < 8 {
            continue;
        }
        while let Some(answer) = answers.pop_front() {
            settle(answer.await, acknowledged)?;
        }
        let through = acknowledged.get();
        if through > 0 && through.is_multiple_of(life.snapshot_every) {
            let parts = vec![body(through, 600), body(0, 5_000)];
            let answer = journal.snapshot(Sequence::new(through), parts);
            snapshots.push((through, answer));
        }
    }
    for answer in answers {
        settle(answer.await, acknowledged)?;
    }
    for (through, answer) in snapshots {
        match answer.await {
            Ok(()) => seen.kept.set(through),
            Err(SnapshotError::Busy | SnapshotError::Stale | SnapshotError::Ended) => {}
            // A planted sync error may hit the snapshot.
            Err(SnapshotError::Disk(_)) if life.failing_sync.is_some() => {}
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
        }
    }
    Ok(())
}

/// Answers come in order, and after the first fault there is no other.
fn settle(answer: Result<Sequence, Fault>, acknowledged: &Cell<u64>) -> Result<(), TestCaseError> {
    if let Ok(sequence) = answer {
        prop_assert_eq!(sequence.raw(), acknowledged.get() + 1, "out of order");
        acknowledged.set(sequence.raw());
    }
    Ok(())
}

/// Compares what a recovery found with what was promised; returns the last record's number.
fn judge(recovered: Recovered, promises: &mut Promises) -> Result<u64, TestCaseError> {
    let through = recovered.snapshot.map_or(0, |snapshot| {
        let through = snapshot.through.raw();
        assert_eq!(snapshot.parts, [body(through, 600), body(0, 5_000)]);
        through
    });
    let mut last = through;
    for record in &recovered.records {
        last += 1;
        prop_assert_eq!(record.sequence.raw(), last, "a gap");
        prop_assert_eq!(number_of(&record.body), last, "another record");
        let length = record.body.len();
        prop_assert_eq!(&record.body, &body(last, length), "another body");
    }
    prop_assert_eq!(recovered.position.next().raw(), last + 1);
    prop_assert_eq!(recovered.set_aside, Vec::<String>::new());
    prop_assert!(last >= promises.acknowledged, "acknowledged and lost");
    prop_assert!(
        through >= promises.kept,
        "a snapshot was acknowledged and lost"
    );
    prop_assert!(last <= promises.handed_over, "invented");
    // What was found once is as good as acknowledged: it must not be lost later.
    promises.handed_over = last;
    promises.acknowledged = last;
    promises.kept = through;
    Ok(last)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_acknowledged_outlives_every_crash_once_and_in_order(
        lives in prop::collection::vec(a_life(), 1..6),
    ) {
        outcome(&lives, false)?;
    }
}

#[test]
fn a_disk_whose_syncs_lie_is_found_out() {
    let config = Config {
        cases: 200,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let lives = prop::collection::vec(a_life(), 1..6);
    let found = runner.run(&lives, |lives| outcome(&lives, true));
    found.expect_err("200 plans, and no acknowledged record was lost");
}

#[tokio::test(start_paused = true)]
async fn many_appends_share_a_sync() {
    let node = Node::new();
    let journal = node.start().await;
    node.disk.set_latency(Duration::from_millis(1));
    let answers: Vec<_> = (1..=200)
        .map(|number| journal.append(body(number, 8)))
        .collect();
    let all = async {
        for answer in answers {
            answer.await.unwrap();
        }
    };
    // Three calls make a segment, two write to it: one by one it would be 400 ms.
    let soon = tokio::time::timeout(Duration::from_millis(20), all).await;
    soon.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_ends_the_journal_and_the_node_is_told_once() {
    let node = Node::new();
    let journal = node.start().await;
    journal.append(body(1, 8)).await.unwrap();
    node.disk.set_latency(Duration::from_millis(1));
    node.disk.set_faults(Faults {
        failing_syncs: 1,
        ..Faults::default()
    });
    let answers: Vec<_> = (2..=5)
        .map(|number| journal.append(body(number, 8)))
        .collect();
    for answer in answers {
        answer.await.unwrap_err();
    }
    journal.append(body(6, 8)).await.unwrap_err();
    let refused = journal.snapshot(Sequence::new(1), Vec::new()).await;
    assert!(matches!(refused, Err(SnapshotError::Ended)));
    assert_eq!(node.failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_ends_the_journal_too() {
    let node = Node::new();
    let journal = node.start().await;
    node.disk.set_faults(Faults {
        failing_writes: 1,
        ..Faults::default()
    });
    journal.append(body(1, 8)).await.unwrap_err();
    journal.append(body(2, 8)).await.unwrap_err();
    assert_eq!(node.failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_stops_answers_those_who_wait_with_a_fault() {
    let node = Node::new();
    let journal = node.start().await;
    node.disk.set_latency(Duration::from_secs(1));
    let waiting = journal.append(body(1, 8));
    journal.stop();
    waiting.await.unwrap_err();
    journal.append(body(2, 8)).await.unwrap_err();
    let ended = journal.snapshot(Sequence::new(1), Vec::new()).await;
    assert!(matches!(ended, Err(SnapshotError::Ended)));
}

#[tokio::test(start_paused = true)]
async fn old_segments_and_snapshots_go_once_newer_ones_are_durable() {
    let node = Node::new();
    let journal = node.start().await;
    for number in 1..=20 {
        journal.append(body(number, 4_000)).await.unwrap();
        if number % 5 == 0 {
            let parts = vec![body(number, 600)];
            journal
                .snapshot(Sequence::new(number), parts)
                .await
                .unwrap();
        }
    }
    // Two records a segment; the last two snapshots are of 15 and 20.
    journal.append(body(21, 8)).await.unwrap();
    let left = node.disk.paths();
    let segments = left.iter().filter(|path| path.ends_with(".log"));
    assert_eq!(segments.count(), 3, "{left:?}");
    assert!(left.contains(&"journal/00000000000000000015.log".to_owned()));
    let snapshots: Vec<_> = left
        .iter()
        .filter(|path| path.ends_with("snapshot"))
        .collect();
    assert_eq!(
        snapshots,
        [
            "journal/00000000000000000015.snapshot",
            "journal/00000000000000000020.snapshot"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_or_part_larger_than_a_frame_is_refused() {
    let node = Node::new();
    let journal = node.start().await;
    journal
        .append(Bytes::from(vec![0; (1 << 20) + 1]))
        .await
        .unwrap_err();
    let part = Bytes::from(vec![0; (1 << 20) + 1]);
    let refused = journal.snapshot(Sequence::new(1), vec![part]).await;
    assert!(matches!(refused, Err(SnapshotError::Part(_))));
    journal.append(Bytes::from(vec![0; 1 << 20])).await.unwrap();
    assert_eq!(node.recover().await.unwrap().records.len(), 1);
}
