//! Replicas that are sound by their checksums, and not the same on all nodes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdfast_actors::frame::{HEADER, Header};

use crate::nodes::Cluster;
use crate::pulse::answered;
use crate::wire::Wire;
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

/// Ends all nodes in order, so that what was written is sealed.
fn end_all(cluster: &mut Cluster) {
    for node in &mut cluster.nodes {
        assert_eq!(node.terminate().code(), Some(0));
    }
}

#[test]
fn a_replica_that_differs_from_the_others_is_made_like_them_and_told_of() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 1 << 20);
    work.back_up(&acme);
    // Whoever gives a repository up seals what it wrote.
    end_all(&mut cluster);
    cluster.start_all();
    cluster.settle();
    work.back_up(&acme);
    end_all(&mut cluster);
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

#[test]
fn what_lies_on_a_silent_node_alone_is_told_as_that_and_not_as_damage() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 1 << 20);
    work.back_up(&acme);
    for _ in 0..2 {
        end_all(&mut cluster);
        cluster.start_all();
        cluster.settle();
        work.back_up(&acme);
    }
    end_all(&mut cluster);
    // The largest extent but the last is gone on two nodes, and the third is away.
    let mut found = extents(&cluster.nodes[0].data);
    found.pop_last();
    let name = found.iter().max_by_key(|(_, bytes)| bytes.len());
    let (name, bytes) = name.expect("there is an extent");
    eprintln!(
        "GONE on two of three: {}, {} bytes",
        name.display(),
        bytes.len()
    );
    for at in [0, 1] {
        fs::remove_file(cluster.nodes[at].data.join(name)).unwrap();
        cluster.nodes[at].spawn();
    }
    for at in [0, 1] {
        cluster.nodes[at].ready();
    }
    let wire = Wire::new(&acme);
    cluster.until("the list is answered", |_| {
        let list = wire.attempt("GET", "/main/data/", b"");
        list.is_ok_and(|list| list.status == 200)
    });
    let list: Vec<String> = serde_json::from_str(&answered(&wire, "/main/data/")).unwrap();
    let mut refused = 0;
    for object in &list {
        let reply = wire.attempt("GET", &format!("/main/data/{object}"), b"");
        let reply = reply.unwrap();
        if reply.status == 200 {
            continue;
        }
        refused += 1;
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_eq!(reply.header("x-holdfast-reason"), "unavailable");
        assert_eq!(reply.header("retry-after"), "10");
        assert!(reply.body.contains("do not answer now"), "{reply:?}");
    }
    eprintln!("REFUSED as on silent nodes: {refused} of {}", list.len());
    assert!(refused > 0, "of {}", list.len());
    let said = cluster.nodes[0].plain(&["verify", "acme", "--json"]);
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.err.contains("unread"), "{said:?}");
    assert!(said.out.contains("\"damaged\":0"), "{said:?}");
    assert_eq!(cluster.told(30044, "are damaged"), 0);
    cluster.start(2);
    cluster.settle();
    cluster.until("all of it is read again", |cluster| {
        cluster.nodes[0].plain(&["verify", "acme"]).code == 0
    });
    work.holds(&cluster, "acme");
    assert_eq!(cluster.told(30044, "are damaged"), 0);
}
