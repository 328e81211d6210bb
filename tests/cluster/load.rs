//! Tenants that upload as fast as they are let, and how fast that is; and nodes that are lost, so
//! that copies are made again beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::Value;

use crate::node::{Login, Stopwatch, noise};
use crate::nodes::Cluster;
use crate::wire::{Wire, name};

/// The length of an object.
pub(crate) const OBJECT: usize = 1 << 20;

/// Objects that were never stored before, all with other bytes.
pub(crate) struct Load {
    next: AtomicU64,
    bytes: Vec<u8>,
}

impl Load {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicU64::new(0),
            bytes: noise(1, OBJECT),
        }
    }

    /// Stores so many objects, over so many connections at once, or as many as go into a time; how
    /// many bytes a second were acknowledged.
    pub(crate) fn store(&self, login: &Login, connections: u64, until: Until) -> f64 {
        let (watch, first) = (Stopwatch::start(), self.next.load(Ordering::Relaxed));
        let done = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    let (wire, mut bytes) = (Wire::new(login), self.bytes.clone());
                    loop {
                        let is_over = match until {
                            Until::Objects(most) => {
                                self.next.load(Ordering::Relaxed) - first >= most
                            }
                            Until::Seconds(most) => watch.seconds() >= most,
                        };
                        if is_over {
                            break;
                        }
                        let number = self.next.fetch_add(1, Ordering::Relaxed);
                        bytes[..8].copy_from_slice(&number.to_le_bytes());
                        let path = format!("/{}/data/{}", login.repository, name(&bytes));
                        let reply = wire.attempt("POST", &path, &bytes);
                        // What is refused while an owner changes is not counted.
                        if reply.is_ok_and(|reply| reply.status == 200) {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        (done.into_inner() * OBJECT as u64) as f64 / watch.seconds()
    }
}

/// When a load ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After so many objects.
    Objects(u64),
    /// After so many seconds.
    Seconds(f64),
}

/// How much is to be copied, in extents and in bytes a second that nodes may copy now.
pub(crate) fn repair(cluster: &Cluster) -> (u64, u64) {
    let status = cluster.any().try_json(&["status"]).unwrap_or_default();
    let status = &status["cluster"];
    let rate = |node: &Value| node["copy-rate"].as_u64().unwrap_or_default();
    let rates = status["nodes"].as_array().into_iter().flatten().map(rate);
    let lacking = status["under-replicated"].as_u64();
    (lacking.unwrap_or(u64::MAX), rates.sum())
}

/// A node is lost for good: its disk and all.
pub(crate) fn lose(cluster: &mut Cluster, at: usize) {
    cluster.nodes[at].kill();
    let name = cluster.nodes[at].name.clone();
    let phrase = format!("remove {name}");
    let words = ["node", "remove", &name, "--force", "--confirm", &phrase];
    cluster.any().json(&words);
}
