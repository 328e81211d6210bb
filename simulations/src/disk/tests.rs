//! What the simulated disk keeps, and what a crash may take from it.

use bytes::Bytes;
use holdfast_actors::ports::conformance;

use super::*;

fn bytes(text: &'static str) -> Vec<Bytes> {
    vec![Bytes::from_static(text.as_bytes())]
}

#[tokio::test]
async fn a_simulated_disk_keeps_the_promises_of_the_port() {
    conformance::disk(Disk::default().port()).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_simulated_disk_keeps_them_too() {
    let disk = Disk::default();
    disk.set_latency(Duration::from_micros(100));
    conformance::disk(disk.port()).await;
}

#[tokio::test]
async fn a_small_simulated_disk_keeps_them_too_and_says_what_is_free() {
    let disk = Disk::default();
    let (total, mib) = (Size::mib(32), 1 << 20);
    disk.set_faults(Faults {
        capacity: Some(total.as_bytes()),
        ..Faults::default()
    });
    let port = disk.port();
    conformance::disk(port.clone()).await;
    let free = || port.storage().map(|storage| storage.free);
    let before = free().unwrap();
    let file = port.create("a").await.unwrap();
    file.reserve(2 * mib).await.unwrap();
    file.write(0, bytes("x")).await.unwrap();
    assert_eq!(free(), Some(before.minus(Size::mib(2))));
    file.write(2 * mib, bytes("12345")).await.unwrap();
    assert_eq!(free(), Some(before.minus(Size::bytes(2 * mib + 5))));
    disk.set_faults(Faults::default());
    assert_eq!(port.storage(), None);
}

#[tokio::test]
async fn a_synced_write_under_a_synced_name_outlives_every_crash() {
    for seed in 0..50 {
        let disk = Disk::default();
        let port = disk.port();
        let file = port.create("a/b").await.unwrap();
        file.write(0, bytes("kept")).await.unwrap();
        file.sync().await.unwrap();
        port.sync_folder("a").await.unwrap();
        file.write(4, bytes(" or not")).await.unwrap();
        disk.crash(&mut Dice::of_seed(seed));
        let left = disk.content("a/b").unwrap();
        assert!(left.starts_with(b"kept"), "{left:?}");
    }
}

#[tokio::test]
async fn a_crash_takes_names_and_writes_that_were_not_synced_now_and_then() {
    let (mut nameless, mut empty, mut whole, mut zeros) = (0, 0, 0, 0);
    for seed in 0..200 {
        let disk = Disk::default();
        let file = disk.port().create("a").await.unwrap();
        file.write(0, bytes("whole")).await.unwrap();
        disk.crash(&mut Dice::of_seed(seed));
        match disk.content("a").as_deref() {
            None => nameless += 1,
            Some(b"") => empty += 1,
            Some(b"whole") => whole += 1,
            Some(b"\0\0\0\0\0") => zeros += 1,
            Some(other) => panic!("a sector was torn: {other:?}"),
        }
    }
    assert!(nameless > 50 && empty > 10 && whole > 10 && zeros > 10);
}

#[tokio::test]
async fn a_write_is_torn_at_sectors_of_the_file() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let disk = Disk::default();
        let port = disk.port();
        let file = port.create("a").await.unwrap();
        port.sync_folder("").await.unwrap();
        let long = vec![Bytes::from(vec![1; 1_200])];
        file.write(100, long).await.unwrap();
        disk.crash(&mut Dice::of_seed(seed));
        let mut left = disk.content("a").unwrap();
        left.resize(1_300, 0);
        let piece = |from: usize, to: usize| {
            let first = left[from];
            assert!(left[from..to].iter().all(|byte| *byte == first));
            first == 1
        };
        kinds.insert([piece(100, 512), piece(512, 1_024), piece(1_024, 1_300)]);
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
}

#[tokio::test]
async fn a_dead_life_can_do_nothing() {
    let disk = Disk::default();
    let port = disk.port();
    let file = port.create("a").await.unwrap();
    disk.crash(&mut Dice::of_seed(1));
    let dead = [
        port.create("b").await.err(),
        port.sync_folder("").await.err(),
        file.write(0, bytes("x")).await.err(),
        file.sync().await.err(),
        file.read(0, 1).await.err(),
    ];
    for error in dead {
        assert_eq!(error.unwrap().kind(), io::ErrorKind::BrokenPipe);
    }
    assert_eq!(
        disk.port().list("").await.unwrap().len(),
        disk.paths().len()
    );
}

#[tokio::test]
async fn a_failed_sync_spoils_the_handle_and_forgets_what_was_written() {
    let mut lost = 0;
    for seed in 0..50 {
        let disk = Disk::default();
        let port = disk.port();
        let file = port.create("a").await.unwrap();
        port.sync_folder("").await.unwrap();
        file.write(0, bytes("x")).await.unwrap();
        disk.set_faults(Faults {
            failing_syncs: 1,
            ..Faults::default()
        });
        file.sync().await.unwrap_err();
        file.write(0, bytes("y")).await.unwrap_err();
        file.sync().await.unwrap_err();
        let again = port.open("a").await.unwrap();
        again.sync().await.unwrap();
        assert_eq!(again.read(0, 10).await.unwrap(), "x");
        disk.crash(&mut Dice::of_seed(seed));
        lost += usize::from(disk.content("a").unwrap() != b"x");
    }
    assert!(lost > 5, "a later sync made forgotten writes durable");
}

#[tokio::test]
async fn a_full_disk_takes_what_fits_and_what_was_reserved() {
    let disk = Disk::default();
    disk.set_faults(Faults {
        capacity: Some(10),
        ..Faults::default()
    });
    let port = disk.port();
    let file = port.create("a").await.unwrap();
    file.reserve(6).await.unwrap();
    let other = port.create("b").await.unwrap();
    let full = other.write(0, bytes("12345")).await.unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.content("b").unwrap(), b"1234");
    let full = file.reserve(7).await.unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    file.write(0, bytes("123456")).await.unwrap();
    drop(other);
    port.remove("b").await.unwrap();
    port.sync_folder("").await.unwrap();
    file.write(6, bytes("7890")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sync_covers_only_what_was_written_before_it_began() {
    let mut lost = 0;
    for seed in 0..50 {
        let disk = Disk::default();
        let port = disk.port();
        let file = port.create("a").await.unwrap();
        port.sync_folder("").await.unwrap();
        file.write(0, bytes("before")).await.unwrap();
        disk.set_latency(Duration::from_millis(2));
        let mut sync = file.sync();
        tokio::select! {
            biased;
            _ = &mut sync => panic!("the sync took no time"),
            () = tokio::time::advance(Duration::from_millis(1)) => {}
        }
        disk.set_latency(Duration::ZERO);
        file.write(0, bytes("during")).await.unwrap();
        sync.await.unwrap();
        disk.crash(&mut Dice::of_seed(seed));
        lost += usize::from(disk.content("a").unwrap() == b"before");
    }
    assert!(lost > 5, "a sync covered a write that came after it");
}

#[tokio::test]
async fn what_rots_at_rest_is_told_to_the_byte() {
    for seed in 0..50 {
        let disk = Disk::default();
        let port = disk.port();
        for path in ["kept/a", "kept/b", "other/c"] {
            let file = port.create(path).await.unwrap();
            let letter = path.as_bytes()[path.len() - 1];
            let bytes = vec![Bytes::from(vec![letter; 2_000])];
            file.write(0, bytes).await.unwrap();
        }
        let (before, mut rotten) = (disk.copy(), Rotten::default());
        let mut dice = Dice::of_seed(seed);
        disk.flip("kept", 3, &mut dice, &mut rotten);
        disk.misdirect("kept", 1, &mut dice, &mut rotten);
        assert!(rotten.is_in("kept") && !rotten.is_in("other"));
        for path in disk.paths() {
            let bytes = [&before, &disk].map(|disk| disk.content(&path).unwrap());
            for (at, (old, new)) in bytes[0].iter().zip(&bytes[1]).enumerate() {
                let is_told = rotten.touches(&path, &(at as u64..at as u64 + 1));
                assert!(old == new || is_told, "{path} at {at}");
            }
            assert_eq!(bytes[0].len(), bytes[1].len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_answers_when_it_goes_on_and_a_slow_one_is_slow() {
    let disk = Disk::default();
    let port = disk.port();
    disk.set_hanging(true);
    let waited = tokio::time::timeout(Duration::from_secs(60), port.list("")).await;
    waited.expect_err("it hung");
    disk.set_hanging(false);
    port.list("").await.unwrap();
    disk.set_latency(Duration::from_millis(2));
    disk.drag(50);
    let soon = tokio::time::timeout(Duration::from_millis(99), port.list("")).await;
    soon.expect_err("it was not slow");
    let later = tokio::time::timeout(Duration::from_millis(101), port.list("")).await;
    later.unwrap().unwrap();
}
