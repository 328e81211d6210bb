//! Debian's restic, unmodified, against the restic face with a service in memory.

use std::fs;

use crate::memory::maintenance;
use crate::world::{good, tree, world};
use holdfast_actors::refusal::{Reason, Refusal};

#[tokio::test(flavor = "multi_thread")]
async fn restic_backs_up_checks_prunes_and_restores() {
    let world = world().await;
    let source = world.folder.path().join("source");
    tree(&source, 24, 300_000);
    let from = source.to_str().unwrap();
    let restic = |arguments: &[&str]| good(&world.restic("r", arguments));
    restic(&["init"]);
    restic(&["backup", from]);
    tree(&source.join("more"), 8, 100_000);
    fs::remove_file(source.join("file-3")).unwrap();
    restic(&["backup", from]);
    let listed = restic(&["snapshots", "--json"]);
    let snapshots: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(snapshots.as_array().unwrap().len(), 2);
    restic(&["check", "--read-data"]);
    restic(&["forget", "--prune", "--keep-last", "1"]);
    let out = restic(&["check", "--read-data"]);
    assert!(out.contains("no errors were found"), "{out}");
    let target = world.folder.path().join("target");
    restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    let restored = target.join(from.trim_start_matches('/'));
    for entry in fs::read_dir(source.join("more")).unwrap() {
        let name = entry.unwrap().file_name();
        let (was, is) = (
            source.join("more").join(&name),
            restored.join("more").join(&name),
        );
        assert!(fs::read(was).unwrap() == fs::read(is).unwrap(), "{name:?}");
    }
    assert!(!restored.join("file-3").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn restic_is_told_at_once_why_it_may_not() {
    let world = world().await;
    good(&world.restic("r", &["init"]));
    let refusals = [
        Refusal::new(Reason::LeaseExpired, "the lease has ended"),
        Refusal::new(Reason::Disabled, "the tenant is disabled"),
        maintenance(),
    ];
    for refusal in refusals {
        world.memory.refuse(Some(refusal));
        let output = world.restic("r", &["snapshots"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restic_makes_no_repository_that_the_provider_did_not_make() {
    let world = world().await;
    let output = world.restic("new", &["init"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("404"), "{said}");
}
