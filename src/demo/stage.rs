//! Where the demonstration plays: a directory of its own, and the end of all of it, whatever
//! happens.
//!
//! Invariant: behind the demo no process is left, and without `--keep` no file.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use holdfast_actors::ports::{Clock as _, Entropy as _};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::told;
use crate::cli::{Exit, Failure};
use crate::clock::SystemClock;
use crate::commands::values::Moment;
use crate::entropy::SystemEntropy;

/// The process that a signal has to take along; none while it is 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Leash(Arc<AtomicI32>);

impl Leash {
    /// Takes hold of a child of ours, or lets go.
    pub(super) fn hold(&self, child: Option<u32>) {
        let child = child.and_then(|child| i32::try_from(child).ok());
        self.0.store(child.unwrap_or(0), Ordering::SeqCst);
    }

    fn pull(&self) {
        if let Some(child) = Pid::from_raw(self.0.swap(0, Ordering::SeqCst)) {
            // It may have ended by itself.
            let _ = kill_process(child, Signal::KILL);
        }
    }
}

/// The directory of the demonstration, and its clock.
pub(super) struct Stage {
    /// Everything is in here; absolute.
    pub(super) path: PathBuf,
    /// What a signal takes along.
    pub(super) leash: Leash,
    kept: bool,
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
    let wrong = |error: std::io::Error| told(&format!("no temporary directory: {error}"));
    let path = std::env::temp_dir().join(name);
    DirBuilder::new().mode(0o700).create(&path).map_err(wrong)?;
    path.canonicalize().map_err(wrong)
}

fn kept(keep: &Path) -> Result<PathBuf, Failure> {
    let wrong = |error: std::io::Error| told(&format!("{}: {error}", keep.display()));
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

/// On a signal the child and the directory go first, then this process.
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
