//! A disk in memory that forgets as real ones do, behind the [`Disk`](ports::Disk) port.
//!
//! What was written and what is durable are kept apart, for bytes and for names. A crash ends the
//! node's life, so that whatever still runs of it can do nothing, and lets dice judge each write
//! and each name that was not synced. Faults are set from outside; the disk itself draws nothing.

mod decay;
mod faults;
mod files;
mod open;
mod pace;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_actors::kernel::Size;
use holdfast_actors::ports::{self, Pending, is_path};

use crate::dice::Dice;
use crate::yields::Yields;
pub use decay::Rotten;
pub use faults::Faults;
use files::Files;
use open::OpenFile;
use pace::Pace;

/// The disk of one simulated node, over all its lives.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    life: u64,
    files: Files,
    faults: Faults,
    pace: Pace,
    hangs: bool,
}

/// How often a call looks whether a disk that hangs goes on.
const LOOK: Duration = Duration::from_millis(10);

impl Disk {
    /// A handle for the node's present life; it fails once the node has crashed.
    pub fn port(&self) -> Arc<dyn ports::Disk> {
        Arc::new(self.life())
    }

    /// Ends the node's life and judges what was not synced: each write is kept, torn or lost, each
    /// name kept or lost.
    pub fn crash(&self, dice: &mut Dice) {
        let mut state = self.state();
        state.life += 1;
        state.files.crash(dice);
    }

    /// Ends the node's life as `kill -9` does: the machine goes on, and so does all that was
    /// written.
    pub fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.files.kill();
    }

    /// Another disk with the same content, whose node has not crashed yet.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Sets what is wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// How many bytes the files take, with what is reserved for them.
    pub fn used(&self) -> u64 {
        self.state().files.used()
    }

    /// How long each call takes in tokio's time, from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.state().pace = Pace {
            least: latency,
            ..Pace::default()
        };
    }

    /// How long calls take from now on: at least this and at most twice as long, by dice; and where
    /// they step back.
    pub(crate) fn set_pace(&self, latency: Duration, dice: Dice, yields: Yields) {
        self.state().pace = Pace {
            least: latency,
            dice: Some(dice),
            yields,
            times: 1,
        };
    }

    /// Lets every call take so many times as long from now on.
    pub(crate) fn drag(&self, times: u64) {
        self.state().pace.times = times;
    }

    /// Whether calls are not answered until this is taken back.
    pub fn set_hanging(&self, hangs: bool) {
        self.state().hangs = hangs;
    }

    /// The bytes of a file as a process reads them; `None` if there is no such file.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.state().files.content(path).map(<[u8]>::to_vec)
    }

    /// Replaces a file's bytes in place, durably, as rot and misdirected writes do. False if there
    /// is no such file.
    pub fn rot(&self, path: &str, bytes: Vec<u8>) -> bool {
        self.state().files.rot(path, bytes)
    }

    /// Takes a name away, durably, as a bad repair does. False if there is no such file.
    pub fn lose(&self, path: &str) -> bool {
        self.state().files.lose(path)
    }

    /// The paths of all files, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.state().files.paths()
    }

    fn life(&self) -> Life {
        let life = self.state().life;
        let disk = self.clone();
        Life { disk, life }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        #[expect(clippy::disallowed_methods, reason = "a simulated disk takes its time")]
        tokio::time::sleep(time).await;
    }
}

/// The disk as one life of the node sees it.
#[derive(Clone, Debug)]
struct Life {
    disk: Disk,
    life: u64,
}

impl Life {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.life == self.life {
            Ok(state)
        } else {
            Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the node is dead",
            ))
        }
    }

    /// Takes as long as the disk takes, then does the work if the node still lives.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State) -> io::Result<T> + Send + 'static,
    ) -> Pending<io::Result<T>> {
        let life = self.clone();
        Box::pin(async move {
            life.wait().await?;
            work(&mut *life.state()?)
        })
    }

    async fn wait(&self) -> io::Result<()> {
        let (latency, yields) = {
            let mut state = self.state()?;
            (state.pace.draw(), state.pace.yields.clone())
        };
        pass(latency).await;
        yields.pass().await;
        while self.state()?.hangs {
            pass(LOOK).await;
        }
        Ok(())
    }

    fn run_on<T: Send + 'static>(
        &self,
        paths: &[&str],
        work: impl FnOnce(&mut State) -> io::Result<T> + Send + 'static,
    ) -> Pending<io::Result<T>> {
        if paths.iter().all(|path| is_path(path)) {
            return self.run(work);
        }
        Box::pin(async { Err(io::ErrorKind::InvalidInput.into()) })
    }

    fn handle(&self, inode: u64) -> Arc<dyn ports::File> {
        Arc::new(OpenFile::new(self.clone(), inode))
    }
}

impl ports::Disk for Life {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn ports::File>>> {
        let (name, life) = (path.to_owned(), self.clone());
        self.run_on(&[path], move |state| {
            Ok(life.handle(state.files.create(&name)?))
        })
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn ports::File>>> {
        let (name, life) = (path.to_owned(), self.clone());
        self.run_on(&[path], move |state| {
            Ok(life.handle(state.files.open(&name)?))
        })
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        let name = folder.to_owned();
        let check = [folder];
        let paths = if folder.is_empty() { &[] } else { &check[..] };
        self.run_on(paths, move |state| Ok(state.files.list(&name)))
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        let (old, new) = (from.to_owned(), to.to_owned());
        self.run_on(&[from, to], move |state| state.files.rename(&old, &new))
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        let name = path.to_owned();
        self.run_on(&[path], move |state| {
            let is_extent = name.ends_with(".extent");
            if is_extent && state.faults.greedy_removals {
                let next = state.files.paths().into_iter().find(|path| *path > name);
                next.iter().for_each(|next| state.files.remove(next));
            }
            if !(is_extent && state.faults.kept_extents) {
                state.files.remove(&name);
            }
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        let name = folder.to_owned();
        let check = [folder];
        let paths = if folder.is_empty() { &[] } else { &check[..] };
        self.run_on(paths, move |state| state.files.sync_folder(&name))
    }

    fn storage(&self) -> Option<ports::Storage> {
        let state = self.state().ok()?;
        let total = Size::bytes(state.faults.capacity?);
        let free = if state.faults.boasts {
            total
        } else {
            total.minus(Size::bytes(state.files.used()))
        };
        Some(ports::Storage { free, total })
    }
}

#[cfg(test)]
mod tests;
