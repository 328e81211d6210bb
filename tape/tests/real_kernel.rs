//! The way through a real kernel: User-Mode Linux with the kernel's iSCSI initiator and Debian's
//! `tgt` inside, so that there are `/dev/sg*`, `/dev/nst*` and `/dev/sch0` though the machine has
//! no tape. What we write through SG_IO there, `mt` and GNU tar read, and restic restores.
//!
//! The test boots the kernel, which runs the same test once more, inside.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::path::Path;

use restic::Restic;
use tempfile::TempDir;
use uml::{Guest, Outcome};

#[path = "support/books.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod books;
#[path = "kernel/devices.rs"]
mod devices;
#[path = "kernel/inside.rs"]
mod inside;
#[path = "tar_and_restic/restic.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod restic;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod support;
#[path = "support/tgt.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod tgt;
#[path = "kernel/uml.rs"]
mod uml;

#[test]
fn what_goes_through_the_kernel_is_read_by_mt_tar_and_restic() {
    if let Some(folder) = uml::inside() {
        return inside::play(Path::new(&folder));
    }
    let Some(guest) = Guest::find() else {
        return;
    };
    let restic = Restic::new();
    restic.backup("first", 3);
    restic.backup("second", 2);
    let folder = TempDir::new().unwrap();
    let original = restic::without_locks(restic::tree(&restic.repository()));
    for (path, bytes) in &original {
        let path = folder.path().join("repository").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let test = "what_goes_through_the_kernel_is_read_by_mt_tar_and_restic";
    match guest.boot(folder.path(), test) {
        Outcome::Passed => {}
        Outcome::Forbidden(why) => return tgt::skipped(&why),
        Outcome::Failed(told) => panic!("inside:\n{told}"),
    }
    let untarred = folder.path().join("untarred");
    let on_tape = restic::tree(&untarred);
    let is_there = |(path, bytes): (&String, _)| on_tape.get(path) == Some(bytes);
    assert!(original.iter().all(is_there), "an object is not as it was");
    restic.is_good(&untarred);
}
