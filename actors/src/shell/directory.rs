//! Who is alive on this node, for those who look: never used to reach an actor for work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use tokio::sync::oneshot;

use super::watch::{Step, Watch};
use super::{Decision, End, Fault, Gone};
use crate::ports::Pending;

/// Where an actor stands in the supervision tree: `node/tenants/acme`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Path(String);

impl Path {
    /// The root of every tree.
    pub fn node() -> Self {
        Self("node".to_owned())
    }

    /// The path of a child.
    #[must_use]
    pub fn child(&self, name: impl fmt::Display) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this actor stands below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0
            .strip_prefix(&other.0)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl From<&str> for Path {
    fn from(text: &str) -> Self {
        Self(text.trim_matches('/').to_owned())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an actor shows of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The machine's own summary.
    pub state: serde_json::Value,
    /// What it waits for, a sentence each.
    pub waits: Vec<String>,
    /// Its last decisions, oldest first.
    pub decisions: Vec<Decision>,
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Where.
    pub path: Path,
    /// Messages in its mailbox.
    pub depth: usize,
    /// How often it was started again at this place since the node's start.
    pub restarts: u64,
    /// What it does.
    pub standing: Standing,
}

/// What the actor at a place does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It runs.
    Running,
    /// Nobody wants it now; it starts when somebody does.
    Resting,
    /// It failed too often, and its supervisor has given it up for now.
    OutOfService,
}

impl Listing {
    /// One who rests and is not known here.
    pub const fn resting(path: Path) -> Self {
        let (depth, restarts, standing) = (0, 0, Standing::Resting);
        Self {
            path,
            depth,
            restarts,
            standing,
        }
    }

    /// Whether it runs now.
    pub fn is_running(&self) -> bool {
        self.standing == Standing::Running
    }
}

/// An actor as the directory knows it.
pub(super) trait Resident: Send + Sync {
    fn depth(&self) -> usize;
    fn inspect(&self) -> Pending<Result<Inspection, Gone>>;
    fn stop(&self);
    fn fail(&self, fault: Fault);
}

struct Entry {
    resident: Option<Box<dyn Resident>>,
    life: u64,
    failures: u64,
    is_given_up: bool,
    /// Who waits for the end of which life.
    mourners: Vec<(u64, oneshot::Sender<End>)>,
}

impl Entry {
    const fn empty() -> Self {
        Self {
            resident: None,
            life: 0,
            failures: 0,
            is_given_up: false,
            mourners: Vec::new(),
        }
    }

    const fn standing(&self) -> Standing {
        match (&self.resident, self.is_given_up) {
            (Some(_), _) => Standing::Running,
            (None, true) => Standing::OutOfService,
            (None, false) => Standing::Resting,
        }
    }
}

/// The actors of one node by path.
#[derive(Default)]
pub struct Directory {
    entries: Mutex<BTreeMap<Path, Entry>>,
    violations: Mutex<BTreeMap<&'static str, u64>>,
    watch: OnceLock<Box<dyn Watch>>,
}

impl Directory {
    /// Has somebody look on as the actors decide, from now on. The first one stays.
    pub fn watch(&self, watch: Box<dyn Watch>) {
        // A second one sees nothing.
        let _ = self.watch.set(watch);
    }

    /// Whether anybody looks on.
    pub(super) fn is_watched(&self) -> bool {
        self.watch.get().is_some()
    }

    /// Whoever looks on is told of a step.
    pub(super) fn decided<'a>(&self, step: impl FnOnce() -> Step<'a>) {
        if let Some(watch) = self.watch.get() {
            watch.decided(&step(), self);
        }
    }

    /// A machine broke an invariant.
    pub(super) fn broke(&self, invariant: &'static str) {
        let violations = self.violations.lock();
        let mut violations = violations.unwrap_or_else(PoisonError::into_inner);
        *violations.entry(invariant).or_default() += 1;
    }

    /// How often machines broke which invariant since the start, and none that was never broken.
    pub fn violations(&self) -> BTreeMap<&'static str, u64> {
        let violations = self.violations.lock();
        violations.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All actors, in path order.
    pub fn tree(&self) -> Vec<Listing> {
        let listing = |(path, entry): (&Path, &Entry)| Listing {
            path: path.clone(),
            depth: entry
                .resident
                .as_ref()
                .map_or(0, |resident| resident.depth()),
            restarts: entry.failures,
            standing: entry.standing(),
        };
        self.entries().iter().map(listing).collect()
    }

    /// Looks into one actor; `None` if none runs there.
    pub fn inspect(&self, path: &Path) -> Option<Pending<Result<Inspection, Gone>>> {
        self.entries()
            .get(path)?
            .resident
            .as_ref()
            .map(|resident| resident.inspect())
    }

    /// Waits for the end of the actor that runs at this place now, and tells how it ended: once,
    /// whatever is started there afterwards. `None` if none runs there. Dropping it is turning
    /// away.
    pub fn ended(&self, path: &Path) -> Option<Pending<End>> {
        let mut entries = self.entries();
        let entry = entries.get_mut(path)?;
        entry.resident.as_ref()?;
        entry.mourners.retain(|(_, mourner)| !mourner.is_closed());
        let (mourner, end) = oneshot::channel();
        entry.mourners.push((entry.life, mourner));
        // The directory itself is gone only with the whole node.
        Some(Box::pin(async { end.await.unwrap_or(End::Stopped) }))
    }

    /// Stops one actor; its supervisor decides what comes next. False if none runs there.
    pub fn stop(&self, path: &Path) -> bool {
        let entries = self.entries();
        let resident = entries.get(path).and_then(|entry| entry.resident.as_ref());
        if let Some(resident) = resident {
            resident.stop();
        }
        resident.is_some()
    }

    /// Ends one actor with a fault, after what is in its mailbox now, so that its supervisor starts
    /// it again from what is durable. False if none runs there.
    pub fn restart(&self, path: &Path) -> bool {
        let entries = self.entries();
        let resident = entries.get(path).and_then(|entry| entry.resident.as_ref());
        if let Some(resident) = resident {
            resident.fail(Fault("an operator restarts it".to_owned()));
        }
        resident.is_some()
    }

    /// A supervisor has given up, or takes back into service, what stands there. It counts as out
    /// of service until it is started again.
    pub(crate) fn give_up(&self, path: Path, is_given_up: bool) {
        let mut entries = self.entries();
        entries.entry(path).or_insert_with(Entry::empty).is_given_up = is_given_up;
    }

    /// Stops all that stand below `path`, in path order.
    pub(super) fn stop_below(&self, path: &Path) {
        for (_, entry) in self
            .entries()
            .iter()
            .filter(|(below, _)| below.is_below(path))
        {
            if let Some(resident) = &entry.resident {
                resident.stop();
            }
        }
    }

    pub(super) fn enter(&self, path: Path, resident: Box<dyn Resident>) -> u64 {
        let mut entries = self.entries();
        let entry = entries.entry(path).or_insert_with(Entry::empty);
        entry.resident = Some(resident);
        entry.is_given_up = false;
        entry.life += 1;
        entry.life
    }

    /// The actor of the given life ended. A path that never failed is forgotten.
    pub(super) fn leave(&self, path: &Path, life: u64, failed: bool) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(path) else {
            return;
        };
        entry.failures += u64::from(failed);
        for (_, mourner) in entry.mourners.extract_if(.., |(of, _)| *of == life) {
            let end = if failed {
                End::Failed("a fault".to_owned())
            } else {
                End::Stopped
            };
            // Whoever has turned away wants to hear nothing.
            let _ = mourner.send(end);
        }
        if entry.life == life {
            entry.resident = None;
            if entry.failures == 0 && !entry.is_given_up {
                entries.remove(path);
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Path, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().keys()).finish()
    }
}
