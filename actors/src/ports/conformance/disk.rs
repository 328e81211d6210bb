//! The suite of the [`Disk`] and [`File`] ports.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::ports::{Disk, File};

/// Checks a disk that holds nothing yet.
///
/// # Panics
/// When the adapter breaks a promise of the port.
pub async fn disk(disk: Arc<dyn Disk>) {
    let disk = disk.as_ref();
    names_come_and_go(disk).await;
    a_renamed_file_replaces_what_had_the_name(disk).await;
    a_removed_file_is_read_by_who_has_it_open(disk).await;
    parts_are_written_one_behind_the_other(disk).await;
    reads_end_at_the_end_of_the_file(disk).await;
    a_cut_file_reads_zeros_when_it_grows(disk).await;
    reserved_space_changes_nothing_that_is_read(disk).await;
    two_handles_see_one_file(disk).await;
    no_more_is_free_than_there_is(disk);
    paths_that_lead_elsewhere_are_refused(disk).await;
}

async fn names_come_and_go(disk: &dyn Disk) {
    assert_eq!(list(disk, "names").await, Vec::<String>::new());
    assert_eq!(missing(disk, "names/b").await, io::ErrorKind::NotFound);
    for path in ["names/b", "names/a.log", "names/below/c"] {
        disk.create(path).await.expect("a new file");
    }
    assert_eq!(list(disk, "names").await, ["a.log", "b"]);
    assert_eq!(list(disk, "names/below").await, ["c"]);
    let taken = disk.create("names/b").await.err().expect("a taken name");
    assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
    disk.remove("names/b").await.expect("a removal");
    disk.remove("names/b")
        .await
        .expect("a removal of what is gone");
    disk.remove("nowhere/b")
        .await
        .expect("a removal from no folder");
    assert_eq!(list(disk, "names").await, ["a.log"]);
    assert_eq!(missing(disk, "names/b").await, io::ErrorKind::NotFound);
    disk.sync_folder("names").await.expect("a folder's sync");
    disk.sync_folder("").await.expect("the root's sync");
    let nowhere = disk.sync_folder("nowhere").await;
    assert_eq!(kind(nowhere), Some(io::ErrorKind::NotFound));
}

async fn a_renamed_file_replaces_what_had_the_name(disk: &dyn Disk) {
    holding(disk, "rename/old", b"old").await;
    let new = holding(disk, "rename/new", b"new").await;
    new.sync().await.expect("a sync");
    disk.rename("rename/new", "rename/old")
        .await
        .expect("a rename");
    assert_eq!(list(disk, "rename").await, ["old"]);
    let file = disk.open("rename/old").await.expect("the renamed file");
    assert_eq!(read(file.as_ref(), 0, 100).await, b"new");
    let nothing = disk.rename("rename/none", "rename/old").await;
    let kind = nothing.expect_err("a rename of nothing").kind();
    assert_eq!(kind, io::ErrorKind::NotFound);
    assert_eq!(list(disk, "rename").await, ["old"]);
}

async fn a_removed_file_is_read_by_who_has_it_open(disk: &dyn Disk) {
    let file = holding(disk, "removed/file", b"still here").await;
    disk.remove("removed/file").await.expect("a removal");
    disk.sync_folder("removed").await.expect("a folder's sync");
    assert_eq!(read(file.as_ref(), 0, 100).await, b"still here");
    let other = holding(disk, "removed/file", b"another").await;
    assert_eq!(read(file.as_ref(), 0, 100).await, b"still here");
    assert_eq!(read(other.as_ref(), 0, 100).await, b"another");
}

async fn parts_are_written_one_behind_the_other(disk: &dyn Disk) {
    let file = holding(disk, "write/file", b"").await;
    let parts = [&b"ab"[..], b"", b"cde"].map(Bytes::from_static);
    file.write(3, parts.to_vec()).await.expect("a write");
    assert_eq!(read(file.as_ref(), 0, 100).await, b"\0\0\0abcde");
    file.write(4, vec![Bytes::from_static(b"BC")])
        .await
        .expect("a write into the middle");
    assert_eq!(read(file.as_ref(), 0, 100).await, b"\0\0\0aBCde");
    file.write(0, Vec::new()).await.expect("a write of nothing");
    assert_eq!(length(file.as_ref()).await, 8);
    // More parts than one system call takes, and a length that is no multiple of anything.
    let many = vec![Bytes::from_static(b"0123456"); 3_000];
    file.write(8, many).await.expect("a write of many parts");
    assert_eq!(length(file.as_ref()).await, 21_008);
    assert_eq!(read(file.as_ref(), 21_001, 100).await, b"0123456");
    file.sync().await.expect("a sync");
}

async fn reads_end_at_the_end_of_the_file(disk: &dyn Disk) {
    let file = holding(disk, "read/file", b"0123456789").await;
    assert_eq!(read(file.as_ref(), 2, 3).await, b"234");
    assert_eq!(read(file.as_ref(), 8, 3).await, b"89");
    assert_eq!(read(file.as_ref(), 10, 3).await, b"");
    assert_eq!(read(file.as_ref(), 1_000, 3).await, b"");
    assert_eq!(read(file.as_ref(), 0, 0).await, b"");
}

async fn a_cut_file_reads_zeros_when_it_grows(disk: &dyn Disk) {
    let file = holding(disk, "truncate/file", b"0123456789").await;
    file.truncate(4).await.expect("a cut");
    assert_eq!(read(file.as_ref(), 0, 100).await, b"0123");
    file.truncate(6).await.expect("an extension");
    assert_eq!(read(file.as_ref(), 0, 100).await, b"0123\0\0");
    file.truncate(0).await.expect("a cut");
    assert_eq!(length(file.as_ref()).await, 0);
    file.sync().await.expect("a sync");
}

async fn reserved_space_changes_nothing_that_is_read(disk: &dyn Disk) {
    let file = holding(disk, "reserve/file", b"abc").await;
    file.reserve(1 << 20).await.expect("a reservation");
    file.reserve(1).await.expect("a smaller reservation");
    assert_eq!(length(file.as_ref()).await, 3);
    assert_eq!(read(file.as_ref(), 0, 100).await, b"abc");
}

async fn two_handles_see_one_file(disk: &dyn Disk) {
    let one = holding(disk, "shared/file", b"abc").await;
    let two = disk.open("shared/file").await.expect("a second handle");
    one.write(3, vec![Bytes::from_static(b"def")])
        .await
        .expect("a write");
    assert_eq!(read(two.as_ref(), 0, 100).await, b"abcdef");
    two.truncate(1).await.expect("a cut");
    assert_eq!(read(one.as_ref(), 0, 100).await, b"a");
}

fn no_more_is_free_than_there_is(disk: &dyn Disk) {
    let storage = disk.storage();
    assert!(storage.is_none_or(|told| told.free <= told.total && told.reserve() < told.total));
}

async fn paths_that_lead_elsewhere_are_refused(disk: &dyn Disk) {
    let long = "x".repeat(256);
    let bad = [
        "", "/", "/etc", "a/", "a//b", "..", "../a", "a/../b", ".a", "a/.b", "A", "a b", "ä",
        "a\\b", "a\0", &long,
    ];
    for path in bad {
        let invalid = Some(io::ErrorKind::InvalidInput);
        assert_eq!(kind(disk.create(path).await), invalid, "create {path:?}");
        assert_eq!(kind(disk.open(path).await), invalid, "open {path:?}");
        assert_eq!(kind(disk.remove(path).await), invalid, "remove {path:?}");
        assert_eq!(kind(disk.rename(path, "a").await), invalid, "from {path:?}");
        assert_eq!(kind(disk.rename("a", path).await), invalid, "to {path:?}");
        if !path.is_empty() {
            assert_eq!(kind(disk.list(path).await), invalid, "list {path:?}");
            let synced = disk.sync_folder(path).await;
            assert_eq!(kind(synced), invalid, "sync folder {path:?}");
        }
    }
    assert_eq!(list(disk, "").await, Vec::<String>::new());
}

async fn holding(disk: &dyn Disk, path: &str, bytes: &'static [u8]) -> Arc<dyn File> {
    let file = disk.create(path).await.expect("a new file");
    let parts = vec![Bytes::from_static(bytes)];
    file.write(0, parts).await.expect("a write");
    file
}

async fn list(disk: &dyn Disk, folder: &str) -> Vec<String> {
    disk.list(folder).await.expect("a listing")
}

async fn read(file: &dyn File, at: u64, length: usize) -> Vec<u8> {
    file.read(at, length).await.expect("a read").to_vec()
}

async fn length(file: &dyn File) -> u64 {
    file.length().await.expect("a length")
}

async fn missing(disk: &dyn Disk, path: &str) -> io::ErrorKind {
    kind(disk.open(path).await).expect("no such file")
}

fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|error| error.kind())
}
