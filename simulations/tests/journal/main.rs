//! The journal on a disk that forgets: what was acknowledged is there after every crash, in order,
//! once, and nothing else is; and damage is told apart from a torn tail.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::journal::{
    self, Handle, JournalError, Options, Recovered, SnapshotError, recover,
};
use holdfast_actors::kernel::{Sequence, Timestamp};
use holdfast_actors::ports::Ports;
use holdfast_actors::shell::{Directory, Path};
use holdfast_simulations::clock::Clock;
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::{Disk, Faults};
use holdfast_simulations::entropy::Entropy;
use holdfast_simulations::index::Index;
use proptest::prelude::*;

mod damage;
mod full;
mod life;

const SEGMENT: u64 = 8 << 10;

/// A node that has only a journal.
struct Node {
    disk: Disk,
    failures: Arc<AtomicUsize>,
}

impl Node {
    fn new() -> Self {
        Self {
            disk: Disk::default(),
            failures: Arc::default(),
        }
    }

    async fn recover(&self) -> Result<Recovered, JournalError> {
        recover(self.disk.port().as_ref()).await
    }

    /// Recovers the journal and starts it with segments of [`SEGMENT`].
    async fn start(&self) -> Handle {
        self.start_with(SEGMENT).await
    }

    async fn start_with(&self, segment_bytes: u64) -> Handle {
        let position = self.recover().await.unwrap().position;
        let ports = Ports {
            clock: Arc::new(Clock::starting_at(Timestamp::from_millis(1))),
            entropy: Arc::new(Entropy::new(Dice::of_seed(0))),
            disk: self.disk.port(),
            index: Index::default().port(),
            directory: Arc::new(Directory::default()),
        };
        let options = Options { segment_bytes };
        let failures = Arc::clone(&self.failures);
        let on_failure = Box::new(move |_| {
            failures.fetch_add(1, Ordering::Relaxed);
        });
        let path = Path::node().child("journal");
        let started = journal::start(path, position, options, ports, None, on_failure).await;
        started.unwrap()
    }

    fn failures(&self) -> usize {
        self.failures.load(Ordering::Relaxed)
    }
}

/// A record that can be told from all others, of any length from 8 bytes on.
fn body(number: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length.max(8)];
    // Neither all zeros nor without zeros: both kinds of sectors must occur.
    if length.is_multiple_of(3) {
        bytes.fill(0xa5);
    }
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

fn number_of(body: &Bytes) -> u64 {
    u64::from_le_bytes(*body.first_chunk().unwrap())
}

/// Runs one life of a node in a runtime of its own, whose time is paused.
fn in_a_runtime<T>(life: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(life)
}
