//! What the replicas of a node came to when they were last read back, for others to compare.
//!
//! Reading back proves that frames are whole; that they are the same on all nodes, it does not. So
//! whoever has read a replica to its end keeps its digest, and asks the others for theirs. Nobody
//! reads anything for it: a node that has not come to an extent yet says so, and asks when it has.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::Pending;
use holdfast_actors::schema::{self, Stored};
use serde::{Deserialize, Serialize};

use crate::calls::{Answers, Rejected};

/// The name under which a node is asked for its digests.
pub const SERVICE: &str = "digests";

/// SHA-256 of all bytes of a replica.
pub type Digest = [u8; 32];

/// What is asked.
#[derive(Serialize, Deserialize)]
pub(crate) struct Wanted(pub(crate) ExtentId);

/// What is answered; none if it was not read yet.
#[derive(Serialize, Deserialize)]
pub(crate) struct Told(pub(crate) Option<Digest>);

impl Stored for Wanted {
    const VERSION: u8 = 1;
}

impl Stored for Told {
    const VERSION: u8 = 1;
}

/// The digests of one node.
#[derive(Debug, Default)]
pub struct Digests(Mutex<BTreeMap<ExtentId, Digest>>);

impl Digests {
    fn known(&self) -> MutexGuard<'_, BTreeMap<ExtentId, Digest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A replica was read to its end.
    pub(super) fn keep(&self, extent: ExtentId, digest: Digest) {
        self.known().insert(extent, digest);
    }

    /// It is another one from now on, or gone.
    pub(super) fn forget(&self, extent: ExtentId) {
        self.known().remove(&extent);
    }

    /// What a replica came to.
    pub(super) fn of(&self, extent: ExtentId) -> Option<Digest> {
        self.known().get(&extent).copied()
    }
}

/// Lets others ask.
#[derive(Debug)]
pub(crate) struct Shown(pub(crate) std::sync::Arc<Digests>);

impl Answers for Shown {
    fn answer(&self, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let told = schema::decode::<Wanted>(&body).map(|Wanted(extent)| Told(self.0.of(extent)));
        Box::pin(async move { Ok(schema::encode(&told?).into()) })
    }
}

/// A digest that is being made.
pub(super) struct Making(Context);

impl Default for Making {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Making {
    /// The next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What all of them came to.
    pub(super) fn end(self) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}
