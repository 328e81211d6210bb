//! The suite of the [`Index`] port.

use std::io;
use std::sync::Arc;

use crate::ports::{Change, Entries, Index};

/// Checks an index that holds nothing yet.
///
/// # Panics
/// When the adapter breaks a promise of the port.
pub async fn index(index: Arc<dyn Index>) {
    values_are_read_as_they_were_put(index.as_ref()).await;
    scans_are_sorted_and_stay_inside_their_prefix(index.as_ref()).await;
    batches_are_applied_in_order(index.as_ref()).await;
    what_is_too_large_is_refused(index.as_ref()).await;
}

async fn values_are_read_as_they_were_put(index: &dyn Index) {
    assert_eq!(value(index, b"k").await, None, "the index is not empty");
    put(index, b"k", b"one").await;
    assert_eq!(value(index, b"k").await.as_deref(), Some(&b"one"[..]));
    put(index, b"k", b"").await;
    assert_eq!(value(index, b"k").await.as_deref(), Some(&b""[..]));
    let largest = vec![7; 16 << 10];
    put(index, b"k", &largest).await;
    assert_eq!(value(index, b"k").await, Some(largest));
    apply(
        index,
        vec![
            Change::Remove(b"k".to_vec()),
            Change::Remove(b"none".to_vec()),
        ],
    )
    .await;
    assert_eq!(value(index, b"k").await, None, "a removed key is there");
    index.flush().await.expect("a flush");
    index.flush().await.expect("a flush of nothing");
}

async fn scans_are_sorted_and_stay_inside_their_prefix(index: &dyn Index) {
    let keys: [&[u8]; 6] = [b"a", b"b/1", b"b/2", b"b/20", b"b/3", b"b\xff"];
    let puts = keys.iter().rev();
    let batch = puts.map(|key| Change::Put(key.to_vec(), b"v".to_vec()));
    apply(index, batch.collect()).await;
    let all = scan(index, b"", b"", 100).await;
    assert_eq!(keys_of(&all), keys, "the whole index");
    let inside = scan(index, b"b/", b"", 100).await;
    assert_eq!(keys_of(&inside), keys[1..5], "a prefix");
    let later = scan(index, b"b/", b"b/2", 100).await;
    assert_eq!(keys_of(&later), keys[3..5], "after a key that is there");
    let between = scan(index, b"b/", b"b/11", 2).await;
    assert_eq!(keys_of(&between), keys[2..4], "after a key that is not");
    let before = scan(index, b"b/", b"a", 1).await;
    assert_eq!(keys_of(&before), keys[1..2], "after a key below the prefix");
    let behind = scan(index, b"b/", b"c", 100).await;
    assert_eq!(behind, Entries::new(), "after a key above the prefix");
    let edge = scan(index, b"b\xff", b"", 100).await;
    assert_eq!(keys_of(&edge), keys[5..], "a prefix that ends in 255");
    assert_eq!(
        scan(index, b"", b"", 0).await,
        Entries::new(),
        "a limit of 0"
    );
}

async fn batches_are_applied_in_order(index: &dyn Index) {
    let key = b"twice".to_vec();
    let batch = vec![
        Change::Put(key.clone(), b"1".to_vec()),
        Change::Remove(key.clone()),
        Change::Put(key.clone(), b"2".to_vec()),
    ];
    apply(index, batch).await;
    assert_eq!(value(index, &key).await.as_deref(), Some(&b"2"[..]));
    apply(index, Vec::new()).await;
}

async fn what_is_too_large_is_refused(index: &dyn Index) {
    let long_key = Change::Put(vec![b'k'; 256], Vec::new());
    let long_value = Change::Put(b"long".to_vec(), vec![0; (16 << 10) + 1]);
    for change in [long_key, long_value] {
        let before = Change::Put(b"beside".to_vec(), Vec::new());
        let refused = index.apply(vec![before, change]).await;
        let kind = refused.expect_err("too large").kind();
        assert_eq!(kind, io::ErrorKind::InvalidInput);
        assert_eq!(value(index, b"beside").await, None, "half a batch was kept");
    }
}

fn keys_of(entries: &Entries) -> Vec<&[u8]> {
    entries.iter().map(|(key, _)| key.as_slice()).collect()
}

async fn value(index: &dyn Index, key: &[u8]) -> Option<Vec<u8>> {
    index.get(key).await.expect("a look-up")
}

async fn scan(index: &dyn Index, prefix: &[u8], after: &[u8], limit: usize) -> Entries {
    index.scan(prefix, after, limit).await.expect("a scan")
}

async fn put(index: &dyn Index, key: &[u8], value: &[u8]) {
    apply(index, vec![Change::Put(key.to_vec(), value.to_vec())]).await;
}

async fn apply(index: &dyn Index, batch: Vec<Change>) {
    index.apply(batch).await.expect("a batch");
}
