//! Where the demonstration plays: a directory of its own, and the end of all of it, whatever
//! happens.
//!
//! Invariant: behind the demo no process is left, and without `--keep` no file.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::ports::{Clock as _, Entropy as _};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::told;
use crate::cli::{Exit, Failure};
use crate::clock::SystemClock;
use crate::commands::values::Moment;
use crate::entropy::SystemEntropy;

/// The processes that a signal has to take along.
#[derive(Clone, Debug, Default)]
pub(super) struct Leash(Arc<Mutex<BTreeSet<u32>>>);

impl Leash {
    /// Takes hold of a child of ours.
    pub(super) fn hold(&self, child: u32) {
        self.held().insert(child);
    }

    /// Lets go of one that has ended.
    pub(super) fn let_go(&self, child: u32) {
        self.held().remove(&child);
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pull(&self) {
        for child in std::mem::take(&mut *self.held()) {
            // It may have ended by itself.
            let _ = send(child, Signal::KILL);
        }
    }
}

/// Sends a signal to a child of ours that has not been waited for.
pub(super) fn send(child: u32, signal: Signal) -> io::Result<()> {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    let child = child.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(child, signal)?)
}

/// The directory of the demonstration, and its clock.
pub(super) struct Stage {
    /// Everything is in here; absolute.
    pub(super) path: PathBuf,
    /// What a signal takes along.
    pub(super) leash: Leash,
    /// Whether all of it stays.
    pub(super) kept: bool,
    clock: SystemClock,
    _signals: Runtime,
}

impl Stage {
    /// A new directory, or an empty one that is to be kept.
    pub(super) fn set(keep: Option<&Path>) -> Result<Self, Failure> {
        let path = match keep {
            Some(keep) => kept(keep)?,
            None => temporary()?,
        };
        let leash = Leash::default();
        let signals = on_signal(leash.clone(), keep.is_none().then(|| path.clone()))?;
        let clock = SystemClock::new();
        Ok(Self {
            path,
            leash,
            kept: keep.is_some(),
            clock,
            _signals: signals,
        })
    }

    /// Seconds since the demonstration began.
    pub(super) fn seconds(&self) -> f64 {
        self.clock.now().monotonic.as_micros() as f64 / 1e6
    }

    /// The wall clock.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.clock.now().wall)
    }

    /// A place in the directory.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Takes something away that is not needed any more.
    pub(super) fn clear(&self, path: &Path) -> Result<(), Failure> {
        fs::remove_dir_all(path).map_err(|error| told(&format!("{}: {error}", path.display())))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.leash.pull();
        if !self.kept {
            // Nobody is left to tell; the system's own cleaning gets what stays.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

fn temporary() -> Result<PathBuf, Failure> {
    let mut chance = [0; 4];
    SystemEntropy.fill(&mut chance);
    let name = format!("holdfast-demo-{:08x}", u32::from_be_bytes(chance));
    let wrong = |error: io::Error| told(&format!("no temporary directory: {error}"));
    let path = std::env::temp_dir().join(name);
    DirBuilder::new().mode(0o700).create(&path).map_err(wrong)?;
    path.canonicalize().map_err(wrong)
}

fn kept(keep: &Path) -> Result<PathBuf, Failure> {
    let wrong = |error: io::Error| told(&format!("{}: {error}", keep.display()));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(keep)
        .map_err(wrong)?;
    if fs::read_dir(keep).map_err(wrong)?.next().is_some() {
        let message = format!(
            "{} is not empty; name a new directory to keep",
            keep.display()
        );
        return Err(Failure::new(Exit::Conflict, "not-empty", message));
    }
    keep.canonicalize().map_err(wrong)
}

/// On a signal the children and the directory go first, then this process.
fn on_signal(leash: Leash, directory: Option<PathBuf>) -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| told(&error))?;
    let watch = async move {
        let interrupt = signal(SignalKind::interrupt());
        let terminate = signal(SignalKind::terminate());
        let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        leash.pull();
        if let Some(directory) = directory {
            drop(fs::remove_dir_all(directory));
        }
        eprintln!("error: interrupted");
        std::process::exit(Exit::Other as i32);
    };
    drop(runtime.spawn(watch));
    Ok(runtime)
}
