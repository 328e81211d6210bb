//! A node whose disk is slow, beside others that are well.

use crate::disks::{SlowDisk, memory};
use crate::node::{Login, skipped};
use crate::nodes::Cluster;
use crate::work::Work;

/// Bytes that do not compress, in each version of the tree.
const BULK: usize = 80 << 20;
/// So many bytes more than before the disk became slow may a node take, less than one backup sends:
/// what is on its way from tenants and to replicas is bounded, however slow those are.
const MEMORY: u64 = 72 << 20;
/// In which time a backup ends that goes on beside the slow disk, in seconds: one extent or two
/// fail before it is left out, and none of what follows waits for it.
const LATE: f64 = 60.0;
/// How long copies may take to be made when the disk is well again, in seconds.
const REPAIRED: f64 = 180.0;

/// A tenant whose repository a node owns, or does not own.
fn tenant(cluster: &mut Cluster, node: usize, owns: bool) -> (Login, Work) {
    for number in 0..20 {
        let login = cluster.tenant(&format!("tenant-{number}"), 0);
        let work = Work::begin(cluster, &login, BULK);
        if (cluster.owner(&login) == node) == owns {
            return (login, work);
        }
    }
    panic!("of twenty tenants none is at home where it should be");
}

/// Has the third node of three have a slow disk, and a tenant back up meanwhile.
fn goes_on(owns: bool) {
    let mut cluster = Cluster::of(2);
    let disk = match SlowDisk::new(cluster.path("n3"), &cluster.path("disk")) {
        Ok(disk) => disk,
        Err(why) => return skipped("a slow disk in a cluster", &why),
    };
    let slow = cluster.join();
    cluster.settle();
    disk.holds(cluster.nodes[slow].pid());
    let (login, work) = tenant(&mut cluster, slow, owns);
    work.back_up(&login);
    let peaks = |cluster: &Cluster| [0, 1, 2].map(|at| memory(cluster.nodes[at].pid()));
    let before = peaks(&cluster);
    // One that its writer waits for, and one that nobody can wait for.
    for (what, bytes, writes) in [("slow", 8 << 20, 60), ("hardly moving", 512 << 10, 8)] {
        disk.pace(bytes, writes).unwrap();
        for _ in 0..2 {
            let begun = cluster.watch.seconds();
            work.back_up(&login);
            let took = cluster.watch.seconds() - begun;
            eprintln!("a backup beside a disk that is {what}: {took:.1} s");
            assert!(took < LATE, "{took} s");
        }
        let grown = peaks(&cluster);
        let grown = [0, 1, 2].map(|at| grown[at].saturating_sub(before[at]));
        eprintln!("memory, above {before:?}: {grown:?}");
        assert!(grown.iter().all(|more| *more < MEMORY), "{grown:?}");
    }
    assert!(disk.written() > BULK as u64, "the disk held nobody up");
    disk.pace(1 << 40, 1 << 30).unwrap();
    cluster.until_within(REPAIRED, "all copies are there", |cluster| {
        let status = cluster.any().try_json(&["status"]).unwrap_or_default();
        status["cluster"]["under-replicated"] == 0 && status["cluster"]["quorum"] == true
    });
    work.holds(&cluster, &login.user);
    cluster.nodes[slow].terminate();
}

#[test]
fn a_replica_on_a_slow_disk_slows_its_writer_or_is_left_behind_and_fills_no_memory() {
    goes_on(false);
}

#[test]
fn an_owner_on_a_slow_disk_goes_on_and_fills_no_memory() {
    goes_on(true);
}
