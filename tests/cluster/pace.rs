//! Copies of a lost node's extents are made while tenants work.

use crate::load::{Load, Until, lose, repair};
use crate::nodes::Cluster;

/// How long the copies of a few objects may take to be made again, in seconds.
const REPAIRED: f64 = 120.0;

/// How fast both go is measured by the bench `repair`, on a machine that does nothing else.
#[test]
fn a_lost_nodes_copies_are_made_again_while_a_tenant_uploads() {
    let mut cluster = Cluster::of(4);
    let acme = cluster.tenant("acme", 0);
    let load = Load::new();
    load.store(&acme, 2, Until::Objects(24));
    let owner = cluster.owner(&acme);
    let victim = cluster.other_than(&[0, owner]);
    let before = load.store(&acme, 2, Until::Seconds(2.0));
    lose(&mut cluster, victim);
    let beside = load.store(&acme, 2, Until::Seconds(5.0));
    eprintln!("{before:.0} bytes a second before, {beside:.0} beside the repair");
    assert!(beside > 0.0);
    cluster.until_within(REPAIRED, "all copies are there", |cluster| {
        repair(cluster).0 == 0
    });
    assert_eq!(cluster.trouble(), [""; 0]);
}
