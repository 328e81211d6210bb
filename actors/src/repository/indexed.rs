//! Which repositories the index knows something of, whether they are there or not.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::checkpoint::{forget, prefix};
use crate::kernel::RepositoryId;
use crate::ports::Index;

/// What rows of a repository begin with, and its stamp.
const FAMILIES: [&[u8]; 3] = [b"stamp/", b"object/", b"bin/"];
/// Longer than what follows the id in any key.
const REST_MAX: usize = 64;

/// The repositories of which the index has rows, or a stamp. Costs a look-up for each.
///
/// # Errors
/// When the index fails.
pub async fn indexed(index: &Arc<dyn Index>) -> io::Result<BTreeSet<RepositoryId>> {
    let mut known = BTreeSet::new();
    for family in FAMILIES {
        let mut after = Vec::new();
        while let Some((key, _)) = index.scan(family, &after, 1).await?.pop() {
            let id = key.get(family.len()..).and_then(<[u8]>::first_chunk);
            match id {
                Some(id) => {
                    let id = RepositoryId::new(u64::from_be_bytes(*id));
                    known.insert(id);
                    after = prefix(family, id);
                    after.extend_from_slice(&[u8::MAX; REST_MAX]);
                }
                // What is no row of ours is passed over.
                None => after = key,
            }
        }
    }
    Ok(known)
}

/// Takes what was destroyed out of the index. What stays, since the index failed, is found at the
/// node's next start.
pub async fn clear(index: &Arc<dyn Index>, id: RepositoryId) {
    if let Err(error) = forget(index, id).await {
        tracing::warn!(repository = %id, %error, "the index keeps what was destroyed");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;
    use crate::ports::{Change, Entries, Pending};

    /// An index in memory.
    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

    impl Index for Memory {
        fn get(&self, key: &[u8]) -> Pending<io::Result<Option<Vec<u8>>>> {
            let value = self.0.lock().unwrap().get(key).cloned();
            Box::pin(async move { Ok(value) })
        }

        fn scan(&self, prefix: &[u8], after: &[u8], limit: usize) -> Pending<io::Result<Entries>> {
            let rows = self.0.lock().unwrap();
            let found = rows.iter().filter(|(key, _)| key.starts_with(prefix));
            let found = found.filter(|(key, _)| key.as_slice() > after).take(limit);
            let found = found.map(|(key, value)| (key.clone(), value.clone()));
            let found = found.collect();
            Box::pin(async move { Ok(found) })
        }

        fn apply(&self, batch: Vec<Change>) -> Pending<io::Result<()>> {
            let mut rows = self.0.lock().unwrap();
            for change in batch {
                match change {
                    Change::Put(key, value) => drop(rows.insert(key, value)),
                    Change::Remove(key) => drop(rows.remove(&key)),
                }
            }
            Box::pin(async { Ok(()) })
        }

        fn flush(&self) -> Pending<io::Result<()>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[test]
    fn each_repository_is_found_by_whatever_the_index_has_of_it_and_not_once_it_is_forgotten() {
        let key = |family: &[u8], id: u64, rest: &[u8]| {
            [prefix(family, RepositoryId::new(id)), rest.to_vec()].concat()
        };
        let rows = [
            key(b"stamp/", 1, b""),
            key(b"object/", 1, &[0; 41]),
            key(b"object/", 1, &[255; 41]),
            key(b"object/", 2, &[255; 41]),
            key(b"bin/", u64::MAX, &[255; 49]),
            b"object/odd".to_vec(),
            b"other/00000003".to_vec(),
        ];
        let index: Arc<dyn Index> = Arc::new(Memory::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let put = rows.map(|key| Change::Put(key, Vec::new()));
            index.apply(put.to_vec()).await.unwrap();
            let ids = |ids: &[u64]| ids.iter().map(|id| RepositoryId::new(*id)).collect();
            let all: BTreeSet<RepositoryId> = ids(&[1, 2, u64::MAX]);
            assert_eq!(indexed(&index).await.unwrap(), all);
            super::super::forget(&index, RepositoryId::new(1))
                .await
                .unwrap();
            let left: BTreeSet<RepositoryId> = ids(&[2, u64::MAX]);
            assert_eq!(indexed(&index).await.unwrap(), left);
        });
    }
}
