//! Replicas that are sound by their checksums, and not the same on all nodes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdfast_actors::frame::{HEADER, Header};

use crate::nodes::Cluster;
use crate::work::Work;

/// A node begins to read its replicas back a minute after its start; then all of them, in seconds.
const A_ROUND: f64 = 200.0;

/// The extents in a node's directory, by their names there.
fn extents(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(data.join("extents")).unwrap().flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let name = file.path().strip_prefix(data).unwrap().to_owned();
            found.insert(name, fs::read(file.path()).unwrap());
        }
    }
    found
}

/// Changes a byte in the body of a frame, and its checksum with it: as sound as before.
fn changed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    while let Ok(header) = Header::decode(bytes.get(at..)?) {
        let total = header.total() as usize;
        let body = bytes.get(at + HEADER..at + total)?;
        if body.len() > 1000 {
            let mut body = body.to_vec();
            body[500] ^= 1;
            let body = Bytes::from(body);
            let header = Header::of(header.kind, header.epoch, header.sequence, &body);
            let mut whole = bytes.to_vec();
            whole[at..at + HEADER].copy_from_slice(&header.encode());
            whole[at + HEADER..at + total].copy_from_slice(&body);
            return Some(whole);
        }
        at += total;
    }
    None
}

#[test]
fn a_replica_that_differs_from_the_others_is_made_like_them_and_told_of() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 1 << 20);
    work.back_up(&acme);
    // Whoever gives a repository up seals what it wrote.
    for node in &mut cluster.nodes {
        assert_eq!(node.terminate().code(), Some(0));
    }
    cluster.start_all();
    cluster.settle();
    work.back_up(&acme);
    for node in &mut cluster.nodes {
        assert_eq!(node.terminate().code(), Some(0));
    }
    let first = extents(&cluster.nodes[0].data);
    let odd = cluster.nodes[2].data.clone();
    let (name, whole) = extents(&odd)
        .into_iter()
        .filter(|(name, bytes)| first.get(name) == Some(bytes))
        .find_map(|(name, bytes)| Some((name, changed(&bytes)?)))
        .expect("there is an extent with something in it");
    fs::write(odd.join(&name), &whole).unwrap();
    cluster.start_all();
    cluster.settle();
    let text = "on node-3 was read back and differs from those of most nodes";
    cluster.until_within(A_ROUND, "an event tells of it", |cluster| {
        cluster.told(30078, text) > 0
    });
    cluster.until("it is as the others are", |_| {
        fs::read(odd.join(&name)).ok().as_ref() == first.get(&name)
    });
    assert_eq!(cluster.told(30078, text), 1);
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}
