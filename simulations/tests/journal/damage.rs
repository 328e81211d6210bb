//! Rot, lost files and torn tails: what recovery must say to each.

use expect_test::{Expect, expect};

use super::*;

/// What a frame is made of, and where each field lies.
const FIELDS: [(&str, std::ops::Range<usize>); 9] = [
    ("magic", 0..2),
    ("version", 2..3),
    ("kind", 3..4),
    ("length", 4..8),
    ("epoch", 8..16),
    ("sequence", 16..24),
    ("body crc", 24..28),
    ("header crc", 28..32),
    ("body", 32..82),
];
const FRAME: usize = 82;

/// Nine records of 50 bytes in three segments of four, four and one; the writes are of the given
/// numbers of records.
async fn nine_records(writes: &[u64]) -> Node {
    assert_eq!(writes.iter().sum::<u64>(), 9);
    let node = Node::new();
    let journal = node.start_with(4 * FRAME as u64).await;
    let mut number = 0;
    for write in writes {
        // The first is in the disk's hands before the others arrive, unless they come at once.
        node.disk.set_latency(Duration::from_micros(10));
        let answers: Vec<_> = (0..*write)
            .map(|_| {
                number += 1;
                journal.append(body(number, 50))
            })
            .collect();
        for answer in answers {
            answer.await.unwrap();
        }
    }
    node.disk.set_latency(Duration::ZERO);
    node
}

fn segment(first: u64) -> String {
    format!("journal/{first:020}.log")
}

fn snapshot(through: u64) -> String {
    format!("journal/{through:020}.snapshot")
}

/// What recovery says, in a line.
async fn outcome(node: &Node) -> String {
    let found = match node.recover().await {
        Ok(found) => found,
        Err(error) => return error.to_string().replace("000000000000000", "…"),
    };
    let through = found.snapshot.map_or(0, |snapshot| snapshot.through.raw());
    let last = found.position.next().raw() - 1;
    let numbers = found.records.iter().map(|record| record.sequence.raw());
    assert!(numbers.eq(through + 1..=last), "records are missing");
    for record in &found.records {
        assert_eq!(record.body, body(record.sequence.raw(), record.body.len()));
    }
    let cut = found.cut.map_or(0, |cut| cut.bytes);
    let aside = found.set_aside.len();
    format!("up to {last}, snapshot {through}, cut {cut}, aside {aside}")
}

/// Flips a byte, looks, and puts everything back.
async fn outcome_of_flip(node: &Node, path: &str, at: usize) -> String {
    let sound = node.disk.content(path).unwrap();
    let mut rotten = sound.clone();
    rotten[at] ^= 0x40;
    outcome_of_content(node, path, rotten).await
}

/// Replaces a file, looks, and puts everything back.
async fn outcome_of_content(node: &Node, path: &str, bytes: Vec<u8>) -> String {
    let before: Vec<_> = node.disk.paths().into_iter().collect();
    let contents: Vec<_> = before
        .iter()
        .map(|path| node.disk.content(path).unwrap())
        .collect();
    assert!(node.disk.rot(path, bytes));
    let outcome = outcome(node).await;
    for path in node.disk.paths() {
        node.disk.lose(&path);
    }
    for (path, bytes) in before.iter().zip(contents) {
        node.disk.port().create(path).await.unwrap();
        node.disk.rot(path, bytes);
    }
    outcome
}

#[tokio::test(start_paused = true)]
async fn a_flipped_byte_in_any_field_of_any_record_is_named_unless_it_is_the_last_one() {
    let node = nine_records(&[1; 9]).await;
    assert_eq!(outcome(&node).await, "up to 9, snapshot 0, cut 0, aside 0");
    for (first, count) in [(1, 4), (5, 4), (9, 1)] {
        for place in 0..count {
            let sequence = first + place as u64;
            let offset = place * FRAME;
            for (field, range) in FIELDS {
                for at in range {
                    let said = outcome_of_flip(&node, &segment(first), offset + at).await;
                    let required = if sequence == 9 {
                        "up to 8, snapshot 0, cut 82, aside 0".to_owned()
                    } else {
                        let file = segment(first).replace("000000000000000", "…");
                        format!("record #{sequence} in {file} at offset {offset} is damaged")
                    };
                    assert_eq!(said, required, "{field} of {sequence}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flipped_byte_inside_the_last_write_is_named_too() {
    // One write of four records that ends the journal: nothing was written behind it.
    let node = nine_records(&[1, 1, 1, 1, 5]).await;
    node.disk.lose(&segment(9));
    for place in 0..4 {
        for at in 0..FRAME {
            let said = outcome_of_flip(&node, &segment(5), place * FRAME + at).await;
            let offset = place * FRAME;
            let required = if place == 3 {
                "up to 7, snapshot 0, cut 82, aside 0".to_owned()
            } else {
                let sequence = 5 + place;
                let file = segment(5).replace("000000000000000", "…");
                format!("record #{sequence} in {file} at offset {offset} is damaged")
            };
            assert_eq!(said, required, "byte {at} of place {place}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tail_torn_at_any_length_is_cut_off() {
    let node = nine_records(&[1; 9]).await;
    let path = segment(5);
    node.disk.lose(&segment(9));
    let whole = node.disk.content(&path).unwrap();
    for cut in 3 * FRAME..4 * FRAME {
        let left = cut - 3 * FRAME;
        let short = whole[..cut].to_vec();
        let said = outcome_of_content(&node, &path, short).await;
        let required = format!("up to 7, snapshot 0, cut {left}, aside 0");
        assert_eq!(said, required, "short by {left}");
        let mut zeros = whole[..cut].to_vec();
        zeros.resize(whole.len() + 1_000, 0);
        let said = outcome_of_content(&node, &path, zeros).await;
        // The body of a record may end in zeros, which no tear takes away.
        let required = if whole[cut..].iter().all(|byte| *byte == 0) {
            "up to 8, snapshot 0, cut 1000, aside 0"
        } else {
            "up to 7, snapshot 0, cut 1082, aside 0"
        };
        assert_eq!(said, required, "zeros from {left} on");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_repair_the_journal_goes_on_and_stays_sound() {
    let node = nine_records(&[1; 9]).await;
    let path = segment(9);
    let mut torn = node.disk.content(&path).unwrap();
    torn.truncate(40);
    node.disk.rot(&path, torn);
    assert_eq!(outcome(&node).await, "up to 8, snapshot 0, cut 40, aside 0");
    assert_eq!(outcome(&node).await, "up to 8, snapshot 0, cut 0, aside 0");
    let journal = node.start_with(4 * FRAME as u64).await;
    let sequence = journal.append(body(9, 50)).await.unwrap();
    assert_eq!(sequence, Sequence::new(9));
    node.disk.crash(&mut Dice::of_seed(1));
    assert_eq!(outcome(&node).await, "up to 9, snapshot 0, cut 0, aside 0");
}

async fn check_loss(node: &Node, harm: impl FnOnce(&Disk), expected: Expect) {
    harm(&node.disk);
    expected.assert_eq(&outcome(node).await);
}

#[tokio::test(start_paused = true)]
async fn lost_and_misplaced_records_are_named() {
    let lose = |first| move |disk: &Disk| assert!(disk.lose(&segment(first)));
    let put = |first, bytes| move |disk: &Disk| assert!(disk.rot(&segment(first), bytes));
    let node = || nine_records(&[1; 9]);
    let content = node().await;
    let content = |first| content.disk.content(&segment(first)).unwrap();
    let first = expect!["record #1 is missing: looked for in journal/…00005.log at offset 0"];
    check_loss(&node().await, lose(1), first).await;
    let middle = expect!["record #5 is missing: looked for in journal/…00001.log at offset 328"];
    check_loss(&node().await, lose(5), middle).await;
    let last = expect!["up to 8, snapshot 0, cut 0, aside 0"];
    check_loss(&node().await, lose(9), last).await;
    let short = expect!["record #7 is missing: looked for in journal/…00005.log at offset 164"];
    check_loss(
        &node().await,
        put(5, content(5)[..2 * FRAME].to_vec()),
        short,
    )
    .await;
    let empty = expect!["record #1 is missing: looked for in journal/…00001.log at offset 0"];
    check_loss(&node().await, put(1, Vec::new()), empty).await;
    let swapped = expect!["journal/…00005.log holds #1 at offset 0, where record #5 belongs"];
    check_loss(&node().await, put(5, content(1)), swapped).await;
    let twice = [content(9), content(9)].concat();
    let repeated = expect!["journal/…00009.log holds #9 at offset 82, where record #10 belongs"];
    check_loss(&node().await, put(9, twice), repeated).await;
    let hole = [&content(5)[..FRAME], &content(5)[2 * FRAME..]].concat();
    let gap = expect!["journal/…00005.log holds #7 at offset 82, where record #6 belongs"];
    check_loss(&node().await, put(5, hole), gap).await;
    let mut newer = content(9);
    newer[2] = 2;
    let checksum = crc32c::crc32c(&newer[..28]);
    newer[28..32].copy_from_slice(&checksum.to_le_bytes());
    let newer_format = expect!["record #9 in journal/…00009.log at offset 0 is of a newer format"];
    check_loss(&node().await, put(9, newer), newer_format).await;
    let junk = [content(9), vec![0x55; 700]].concat();
    let behind_the_end = expect!["up to 9, snapshot 0, cut 700, aside 0"];
    check_loss(&node().await, put(9, junk), behind_the_end).await;
}

/// Nine records and snapshots of the third and the seventh.
async fn two_snapshots() -> Node {
    let node = Node::new();
    let journal = node.start_with(4 * FRAME as u64).await;
    for number in 1..=9 {
        journal.append(body(number, 50)).await.unwrap();
        if number == 3 || number == 7 {
            let parts = vec![body(number, 600), body(0, 50)];
            journal
                .snapshot(Sequence::new(number), parts)
                .await
                .unwrap();
        }
    }
    node
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_rots_is_set_aside_while_the_older_one_serves() {
    let node = two_snapshots().await;
    assert_eq!(outcome(&node).await, "up to 9, snapshot 7, cut 0, aside 0");
    let path = snapshot(7);
    let whole = node.disk.content(&path).unwrap();
    let served = "up to 9, snapshot 3, cut 0, aside 1";
    for at in 0..whole.len() {
        assert_eq!(outcome_of_flip(&node, &path, at).await, served, "byte {at}");
        let short = whole[..at].to_vec();
        assert_eq!(outcome_of_content(&node, &path, short).await, served);
        let older = outcome_of_flip(&node, &snapshot(3), at).await;
        assert_eq!(older, "up to 9, snapshot 7, cut 0, aside 0");
    }
    let long = [whole.clone(), vec![0]].concat();
    assert_eq!(outcome_of_content(&node, &path, long).await, served);
    node.disk.rot(&path, whole[..100].to_vec());
    assert_eq!(outcome(&node).await, served);
    assert!(node.disk.content(&format!("{path}.damaged")).is_some());
    // The journal goes on from the older one.
    assert_eq!(outcome(&node).await, "up to 9, snapshot 3, cut 0, aside 0");
    let journal = node.start_with(4 * FRAME as u64).await;
    let parts = vec![body(9, 600)];
    journal.snapshot(Sequence::new(9), parts).await.unwrap();
    assert_eq!(outcome(&node).await, "up to 9, snapshot 9, cut 0, aside 0");
}

#[tokio::test(start_paused = true)]
async fn without_the_older_one_or_a_record_since_a_rotten_snapshot_is_an_error() {
    let error =
        "journal/…00007.snapshot does not check at offset 0, and what came before it is gone";
    for lost in [snapshot(3), segment(5)] {
        let node = two_snapshots().await;
        // Without the older snapshot the first segment is enough; so it goes as well.
        node.disk.lose(&segment(1));
        node.disk.lose(&lost);
        let mut rotten = node.disk.content(&snapshot(7)).unwrap();
        rotten[0] ^= 1;
        node.disk.rot(&snapshot(7), rotten);
        assert_eq!(outcome(&node).await, error);
        assert!(
            node.disk.content(&snapshot(7)).is_some(),
            "evidence is gone"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_a_snapshot_contains_may_be_gone_and_those_after_it_may_not() {
    let node = two_snapshots().await;
    node.disk.lose(&segment(1));
    assert_eq!(outcome(&node).await, "up to 9, snapshot 7, cut 0, aside 0");
    let bytes = node.disk.content(&segment(5)).unwrap();
    node.disk.lose(&segment(9));
    node.disk.rot(&segment(5), bytes[..FRAME].to_vec());
    expect!["record #6 is missing: looked for in journal/…00005.log at offset 82"]
        .assert_eq(&outcome(&node).await);
    node.disk.lose(&segment(5));
    expect!["record #8 is missing: looked for in journal/…00008.log at offset 0"]
        .assert_eq(&outcome(&node).await);
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_snapshot_is_removed() {
    let node = two_snapshots().await;
    let path = format!("{}.new", snapshot(8));
    node.disk.port().create(&path).await.unwrap();
    assert_eq!(outcome(&node).await, "up to 9, snapshot 7, cut 0, aside 0");
    assert!(!node.disk.paths().contains(&path));
}
