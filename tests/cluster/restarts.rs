//! Nodes that are restarted one after the other, as an upgrade does it.

use std::thread;

use crate::nodes::Cluster;
use crate::pulse::Pulse;
use crate::work::Work;

/// How long a tenant may wait while a node is restarted, in seconds.
const GAP_MAX: f64 = 15.0;

#[test]
fn backups_go_on_while_all_nodes_are_restarted_one_after_the_other() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    let gateways = [0, 1, 2].map(|at| cluster.login("acme", at));
    thread::scope(|scope| {
        let ending = work.ending();
        let backups = scope.spawn(|| work.back_up_always(&gateways));
        for at in 0..3 {
            let done = work.count();
            cluster.until("a backup is done", |_| work.count() > done);
            let pulse = Pulse::new(&cluster.login("acme", (at + 1) % 3));
            thread::scope(|scope| {
                let _ending = pulse.ending();
                scope.spawn(|| pulse.beat());
                pulse.gap(pulse.now());
                let told = pulse.now();
                let status = cluster.nodes[at].terminate();
                let took = pulse.now() - told;
                assert_eq!(status.code(), Some(0), "{status}");
                cluster.start(at);
                cluster.settle();
                pulse.gap(pulse.now());
                let gap = pulse.longest();
                eprintln!("GAP in the restart of node {at}: {gap:.2} s; it ended in {took:.2} s");
                assert!(gap < GAP_MAX, "{gap} s");
            });
            pulse.holds_at(cluster.nodes[at].port);
        }
        drop(ending);
        backups.join().unwrap();
    });
    eprintln!("{} backups were made meanwhile", work.count());
    work.holds(&cluster, "acme");
    for node in &cluster.nodes {
        let log = node.logged();
        let told = log.lines().find(|line| line.contains("a stranger"));
        assert_eq!(told, None, "nodes that joined later are no strangers");
    }
    assert_eq!(cluster.trouble(), [""; 0]);
}
