//! A disk that is full, or nearly.

use super::*;

#[tokio::test(start_paused = true)]
async fn on_a_full_disk_appends_wait_for_space() {
    let node = Node::new();
    let journal = node.start().await;
    journal.append(body(1, 5_000)).await.unwrap();
    node.disk.set_faults(Faults {
        capacity: Some(SEGMENT + 100),
        ..Faults::default()
    });
    // There is room in the segment, which was reserved, and none for a record in the next.
    journal.append(body(2, 3_000)).await.unwrap();
    let mut third = journal.append(body(3, 3_000));
    let early = tokio::time::timeout(Duration::from_secs(60), &mut third).await;
    early.expect_err("there was no space");
    node.disk.set_faults(Faults::default());
    assert_eq!(third.await.unwrap(), Sequence::new(3));
    assert_eq!(node.failures(), 0);
    node.disk.crash(&mut Dice::of_seed(1));
    assert_eq!(node.recover().await.unwrap().records.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_nearly_full_disk_takes_records_into_a_segment_that_it_has_no_room_for() {
    let node = Node::new();
    let journal = node.start().await;
    journal.append(body(1, 5_000)).await.unwrap();
    node.disk.set_faults(Faults {
        capacity: Some(SEGMENT + 5_000),
        ..Faults::default()
    });
    // It goes to the next segment, of which a part fits.
    journal.append(body(2, 3_500)).await.unwrap();
    journal.append(body(3, 1_000)).await.unwrap();
    node.disk.crash(&mut Dice::of_seed(1));
    let journal = node.start().await;
    // The start finds no room for all of a segment either, and goes on all the same.
    journal.append(body(4, 100)).await.unwrap();
    assert_eq!(node.failures(), 0);
    node.disk.crash(&mut Dice::of_seed(2));
    assert_eq!(node.recover().await.unwrap().records.len(), 4);
}
