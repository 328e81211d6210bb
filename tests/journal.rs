//! The journal on a real filesystem: what simulation cannot show is that the real adapter is used
//! in the same way.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

use std::sync::Arc;

use bytes::Bytes;
use holdfast::clock::SystemClock;
use holdfast::disk::Folder;
use holdfast::entropy::SystemEntropy;
use holdfast::store::Store;
use holdfast_actors::journal::{self, Handle, JournalError, Options, Recovered, recover};
use holdfast_actors::kernel::Sequence;
use holdfast_actors::ports::Ports;
use holdfast_actors::shell::{Directory, Path};

async fn start(folder: &std::path::Path) -> (Handle, Recovered) {
    let disk = Arc::new(Folder::new(folder));
    let store = Store::open(folder.join("index")).await.unwrap().store;
    let recovered = recover(disk.as_ref()).await.unwrap();
    let ports = Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy),
        disk,
        index: Arc::new(store),
        directory: Arc::new(Directory::default()),
    };
    let options = Options {
        segment_bytes: 64 << 10,
    };
    let path = Path::node().child("journal");
    let position = recovered.position.clone();
    let on_failure = Box::new(|fault| panic!("{fault}"));
    let started = journal::start(path, position, options, ports, None, on_failure).await;
    (started.unwrap(), recovered)
}

fn record(number: u64) -> Bytes {
    let mut bytes = vec![0x5a; 500];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_on_a_real_disk_are_found_again_and_rot_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = start(folder.path()).await;
    assert_eq!(found.position.next(), Sequence::new(1));
    let answers: Vec<_> = (1..=1_000)
        .map(|number| journal.append(record(number)))
        .collect();
    for (answer, number) in answers.into_iter().zip(1..) {
        assert_eq!(answer.await.unwrap(), Sequence::new(number));
    }
    let parts = vec![
        Bytes::from_static(b"the state"),
        Bytes::from(vec![1; 1 << 20]),
    ];
    let through = Sequence::new(700);
    journal.snapshot(through, parts.clone()).await.unwrap();
    journal.stop();

    let (journal, found) = start(folder.path()).await;
    assert_eq!(found.cut, None);
    assert_eq!(found.snapshot.unwrap().parts, parts);
    assert_eq!(found.records.len(), 300);
    for (found, number) in found.records.iter().zip(701..) {
        assert_eq!(found.sequence, Sequence::new(number));
        assert_eq!(found.body, record(number));
    }
    let next = journal.append(record(1_001)).await.unwrap();
    assert_eq!(next, Sequence::new(1_001));
    journal.stop();

    // Each frame has 532 bytes, so each segment of 64 KiB has 123.
    let path = folder.path().join("journal/00000000000000000739.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[10 * 532 + 40] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = recover(&Folder::new(folder.path())).await.unwrap_err();
    let damaged = matches!(
        error,
        JournalError::Damaged { sequence, offset: 5_320, .. } if sequence == Sequence::new(749)
    );
    assert!(damaged, "{error}");
}
