//! An index in memory that forgets as sled does, behind the [`Index`] port.
//!
//! A crash takes any suffix of the batches that were not flushed. Damage, which sled does not
//! notice, takes flushed ones as well, or all. It never takes half a batch.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::ports::{self, Change, Entries, Pending};

use crate::dice::Dice;

/// How many batches back damage can reach.
const HISTORY_MAX: usize = 4_096;
const KEY_MAX: usize = 255;
const VALUE_MAX: usize = 16 << 10;

/// The index of one simulated node, over all its lives.
#[derive(Clone, Debug, Default)]
pub struct Index(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    life: u64,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What takes each of the last batches back, oldest first.
    undos: VecDeque<Vec<Change>>,
    /// How many of them are not flushed.
    unflushed: usize,
}

impl Index {
    /// A handle for the node's present life; it fails once the node has crashed.
    pub fn port(&self) -> Arc<dyn ports::Index> {
        let life = self.state().life;
        let index = self.clone();
        Arc::new(Life { index, life })
    }

    /// Ends the node's life and takes a suffix of what was not flushed.
    pub fn crash(&self, dice: &mut Dice) {
        let mut state = self.state();
        state.life += 1;
        let lost = dice.below(state.unflushed as u64 + 1);
        for _ in 0..lost {
            state.undo();
        }
        state.unflushed = 0;
    }

    /// Ends the node's life as `kill -9` does: nothing is taken.
    pub fn kill(&self) {
        self.state().life += 1;
    }

    /// Another index with the same content.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Takes the last `batches`, flushed or not, as silent damage does.
    pub fn shorten(&self, batches: usize) {
        let mut state = self.state();
        for _ in 0..batches {
            state.undo();
        }
    }

    /// How many entries there are of a repository.
    pub(crate) fn of_repository(&self, id: RepositoryId) -> usize {
        let number = id.raw().to_be_bytes();
        let families: [&[u8]; 3] = [b"object/", b"bin/", b"stamp/"];
        let prefixes = families.map(|family| [family, &number].concat());
        let state = self.state();
        let keys = state.entries.keys();
        keys.filter(|key| prefixes.iter().any(|prefix| key.starts_with(prefix)))
            .count()
    }

    /// Takes everything.
    pub fn empty(&self) {
        let mut state = self.state();
        let life = state.life;
        *state = State {
            life,
            ..State::default()
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn undo(&mut self) {
        let Some(changes) = self.undos.pop_back() else {
            return;
        };
        self.unflushed = self.unflushed.saturating_sub(1);
        for change in changes.into_iter().rev() {
            self.change(change);
        }
    }

    /// Makes a change and returns what takes it back.
    fn change(&mut self, change: Change) -> Change {
        let (key, before) = match change {
            Change::Put(key, value) => {
                let before = self.entries.insert(key.clone(), value);
                (key, before)
            }
            Change::Remove(key) => {
                let before = self.entries.remove(&key);
                (key, before)
            }
        };
        match before {
            Some(value) => Change::Put(key, value),
            None => Change::Remove(key),
        }
    }

    fn apply(&mut self, batch: Vec<Change>) -> io::Result<()> {
        let too_large = batch.iter().any(|change| match change {
            Change::Put(key, value) => key.len() > KEY_MAX || value.len() > VALUE_MAX,
            Change::Remove(key) => key.len() > KEY_MAX,
        });
        if too_large {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let undo = batch.into_iter().map(|change| self.change(change));
        let undo = undo.collect();
        self.undos.push_back(undo);
        self.unflushed += 1;
        if self.undos.len() > HISTORY_MAX && self.unflushed < self.undos.len() {
            self.undos.pop_front();
        }
        Ok(())
    }

    fn scan(&self, prefix: &[u8], after: &[u8], limit: usize) -> Entries {
        let first = prefix.max(after).to_vec();
        let entries = self.entries.range(first..);
        let later = entries.filter(|(key, _)| key.as_slice() > after || after.is_empty());
        let inside = later.take_while(|(key, _)| key.starts_with(prefix));
        let copies = inside.map(|(key, value)| (key.clone(), value.clone()));
        copies.take(limit).collect()
    }
}

/// The index as one life of the node sees it.
#[derive(Debug)]
struct Life {
    index: Index,
    life: u64,
}

impl Life {
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State) -> io::Result<T> + Send + 'static,
    ) -> Pending<io::Result<T>> {
        let (index, life) = (self.index.clone(), self.life);
        Box::pin(async move {
            let mut state = index.state();
            if state.life != life {
                return Err(io::Error::new(
                    io::ErrorKind::BrokenPipe,
                    "the node is dead",
                ));
            }
            work(&mut state)
        })
    }
}

impl ports::Index for Life {
    fn get(&self, key: &[u8]) -> Pending<io::Result<Option<Vec<u8>>>> {
        let key = key.to_vec();
        self.run(move |state| Ok(state.entries.get(&key).cloned()))
    }

    fn scan(&self, prefix: &[u8], after: &[u8], limit: usize) -> Pending<io::Result<Entries>> {
        let (prefix, after) = (prefix.to_vec(), after.to_vec());
        self.run(move |state| Ok(state.scan(&prefix, &after, limit)))
    }

    fn apply(&self, batch: Vec<Change>) -> Pending<io::Result<()>> {
        self.run(move |state| state.apply(batch))
    }

    fn flush(&self) -> Pending<io::Result<()>> {
        self.run(|state| {
            state.unflushed = 0;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::ports::conformance;

    use super::*;

    #[tokio::test]
    async fn a_simulated_index_keeps_the_promises_of_the_port() {
        conformance::index(Index::default().port()).await;
    }

    #[tokio::test]
    async fn a_crash_takes_a_suffix_of_what_was_not_flushed() {
        let mut seen = [false; 4];
        for seed in 0..100 {
            let index = Index::default();
            let port = index.port();
            for step in 1..=4_u8 {
                let batch = vec![Change::Put(b"step".to_vec(), vec![step])];
                port.apply(batch).await.unwrap();
                if step == 1 {
                    port.flush().await.unwrap();
                }
            }
            index.crash(&mut Dice::of_seed(seed));
            let kind = port.get(b"step").await.unwrap_err().kind();
            assert_eq!(kind, io::ErrorKind::BrokenPipe);
            let left = index.port().get(b"step").await.unwrap().unwrap();
            seen[usize::from(left[0]) - 1] = true;
        }
        assert_eq!(seen, [true; 4]);
    }

    #[tokio::test]
    async fn damage_takes_what_was_flushed() {
        let index = Index::default();
        let port = index.port();
        for step in 1..=3_u8 {
            let batch = vec![
                Change::Put(vec![step], vec![]),
                Change::Remove(vec![step - 1]),
            ];
            port.apply(batch).await.unwrap();
        }
        port.flush().await.unwrap();
        index.shorten(1);
        let entries = port.scan(b"", b"", 10).await.unwrap();
        assert_eq!(entries, [(vec![2], vec![])]);
        index.empty();
        assert_eq!(port.scan(b"", b"", 10).await.unwrap(), Entries::new());
    }
}
