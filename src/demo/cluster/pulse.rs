//! A tenant that writes small objects all the time and goes on at another node when one does not
//! answer: what it saw of a loss.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::object::Hash;
use sha2::{Digest as _, Sha256};

use super::nodes::Address;
use crate::agent::Remote;
use crate::cli::Failure;
use crate::demo::stage::Stage;
use crate::demo::tenant::Tenant;
use crate::demo::{said, told};

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(20);

/// When a write was begun, when it was acknowledged, and of what.
type Beat = (f64, f64, String);

/// One tenant's writes.
pub(super) struct Pulse<'a> {
    stage: &'a Stage,
    gateways: Vec<Remote>,
    /// The number of the first object.
    first: usize,
    /// In order.
    acknowledged: Mutex<Vec<Beat>>,
    ended: AtomicBool,
}

impl<'a> Pulse<'a> {
    /// One that writes through these nodes, the first as long as it answers.
    pub(super) fn new(
        stage: &'a Stage,
        tenant: &Tenant,
        first: usize,
        gateways: &[Address],
    ) -> Result<Self, Failure> {
        let remote = |gateway: &Address| {
            let tenant = tenant.through(gateway.pair())?;
            tenant.impatient().map_err(|error| told(&error))
        };
        Ok(Self {
            stage,
            gateways: gateways.iter().map(remote).collect::<Result<_, _>>()?,
            first,
            acknowledged: Mutex::default(),
            ended: AtomicBool::new(false),
        })
    }

    /// Writes until it is told to end.
    pub(super) fn beat(&self) {
        let mut gateway = 0;
        for number in self.first.. {
            if self.ended.load(Ordering::Relaxed) {
                break;
            }
            let bytes = Bytes::from(format!("small object {number}"));
            let object = Hash::new(Sha256::digest(&bytes).into()).to_string();
            let (path, begun) = (format!("data/{object}"), self.stage.seconds());
            match self.gateways[gateway].store(&path, &[bytes]) {
                Ok(()) => {
                    let beat = (begun, self.stage.seconds(), object);
                    self.beats().push(beat);
                }
                Err(_) => gateway = (gateway + 1) % self.gateways.len(),
            }
            thread::sleep(PAUSE);
        }
    }

    fn beats(&self) -> MutexGuard<'_, Vec<Beat>> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells it to end.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// How many writes are acknowledged that were begun after an instant.
    pub(super) fn since(&self, instant: f64) -> usize {
        self.beats().iter().filter(|beat| beat.0 > instant).count()
    }

    /// From an instant to the acknowledgement of the next write that was begun after it.
    pub(super) fn gap(&self, instant: f64, most: f64) -> Result<f64, Failure> {
        while self.stage.seconds() - instant < most {
            let next = self
                .beats()
                .iter()
                .find(|beat| beat.0 > instant)
                .map(|beat| beat.1);
            if let Some(next) = next {
                return Ok(next - instant);
            }
            thread::sleep(PAUSE);
        }
        let line = format!("no write was acknowledged for {most} s after a node was lost");
        Err(said(&line))
    }

    /// What was acknowledged.
    pub(super) fn objects(&self) -> Vec<String> {
        self.beats().iter().map(|beat| beat.2.clone()).collect()
    }
}
