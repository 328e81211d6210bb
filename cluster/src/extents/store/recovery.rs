//! What the replicas of a node are after a start.
//!
//! Of a replica that was open, nobody remembers how far it was durable. Its frames say how far it
//! is sound: behind a torn one there is nothing that its writer was told of, since whatever it was
//! told of had been synced; unless the disk has damaged it since, which looks the same. So who asks
//! how far the replica goes hears that it is broken off. What is sound is made durable before
//! anybody hears of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::extent;
use holdfast_actors::frame::{BODY_MAX, HEADER, Header};
use holdfast_actors::kernel::{ExtentId, Machine as _, RepositoryId};
use holdfast_actors::ports::{Disk, File};
use holdfast_actors::schema::{self, SchemaError};

use super::super::word::{Record, Stage};
use super::Store;

impl Store {
    /// A start found a replica that was open: nobody writes to it any more, and what was found of
    /// it is durable.
    pub fn found(&mut self, extent: ExtentId, durable: u64) {
        if let Some(row) = self.replicas.get_mut(&extent)
            && row.stage == Stage::Open
        {
            row.stage = Stage::Closed { durable };
        }
    }

    /// A start found that the file of a replica does not end where its last sound frame does.
    pub fn torn(&mut self, extent: ExtentId) {
        self.torn.insert(extent);
    }

    /// A start found no file of a replica that was there: whoever asks for it hears that.
    pub fn lost(&mut self, extent: ExtentId) {
        self.lost.insert(extent);
    }
}

/// Bytes read at once.
const WINDOW: usize = 2 * (HEADER + BODY_MAX);
/// The end of what is sound is written again: after a failed sync the kernel shows bytes that it
/// will never write. More than the actor of a replica leaves unsynced, unless a sync hangs.
const REWRITE: u64 = 32 << 20;

/// The replicas as the records and the files have them.
///
/// # Errors
/// When a record cannot be read. A file that is missing or cannot be read is no error: whoever asks
/// for its replica hears that there is none, and the extent is copied from another.
pub async fn recover(
    disk: &Arc<dyn Disk>,
    records: impl IntoIterator<Item = Bytes>,
) -> Result<Store, SchemaError> {
    let mut store = Store::default();
    let mut gone = BTreeMap::new();
    for record in records {
        let record = schema::decode::<Record>(&record)?;
        if let Record::Removed { extent } = record
            && let Some(row) = store.replica(extent)
        {
            gone.insert(extent, row.repository);
        }
        store.apply(&record);
    }
    clear(disk, &store, gone).await;
    let open = store.replicas().filter(|(_, row)| row.stage == Stage::Open);
    let open: Vec<_> = open.map(|(extent, row)| (extent, row.repository)).collect();
    for (extent, repository) in open {
        match walk(disk, repository, extent).await {
            Ok((length, is_torn)) => {
                store.found(extent, length);
                if is_torn {
                    tracing::warn!(%extent, length, "a replica is broken off");
                    store.torn(extent);
                }
            }
            Err(error) => {
                tracing::error!(%extent, %error, "a replica is lost");
                store.lost(extent);
            }
        }
    }
    check(disk, &mut store).await;
    Ok(store)
}

/// Files that were to go when the node ended.
async fn clear(disk: &Arc<dyn Disk>, store: &Store, gone: BTreeMap<ExtentId, RepositoryId>) {
    for (extent, repository) in gone {
        if store.replica(extent).is_some() {
            continue;
        }
        if let Err(error) = disk.remove(&extent::path(repository, extent)).await {
            tracing::warn!(%extent, %error, "a replica nobody wants is still there");
        }
    }
}

/// A sealed replica is as long as its extent, or lost.
async fn check(disk: &Arc<dyn Disk>, store: &mut Store) {
    let rows: Vec<_> = store.replicas().collect();
    for (extent, row) in rows {
        let Stage::Sealed { length } = row.stage else {
            continue;
        };
        let found = async {
            disk.open(&extent::path(row.repository, extent))
                .await?
                .length()
                .await
        };
        match found.await {
            Ok(found) if found == length => {}
            Ok(found) => {
                tracing::error!(%extent, found, length, "a replica is not as long as its extent");
                store.lost(extent);
            }
            Err(error) => {
                tracing::error!(%extent, %error, "a replica is lost");
                store.lost(extent);
            }
        }
    }
}

/// Up to where the frames of a file are sound, durable from now on; and whether more is there. That
/// stays until the extent is sealed, so that the next start finds it too.
async fn walk(
    disk: &Arc<dyn Disk>,
    repository: RepositoryId,
    extent: ExtentId,
) -> io::Result<(u64, bool)> {
    let file = disk.open(&extent::path(repository, extent)).await?;
    let at = sound(file.as_ref()).await?;
    settle(file.as_ref(), at).await?;
    Ok((at, at < file.length().await?))
}

/// Up to where the frames of a file are sound: each is read and checked.
pub(in super::super) async fn sound(file: &dyn File) -> io::Result<u64> {
    let end = file.length().await?;
    let mut window = Bytes::new();
    let (mut begin, mut at) = (0, 0);
    while at < end {
        let mut inside = (at - begin) as usize;
        if total(&window, inside).is_none_or(|total| inside + total > window.len()) {
            window = file.read(at, WINDOW).await?;
            (begin, inside) = (at, 0);
        }
        match frame(&window[inside..]) {
            Some(length) => at += length,
            None => break,
        }
    }
    Ok(at)
}

/// The length of the frame that begins there, if its header is in the window.
fn total(window: &Bytes, at: usize) -> Option<usize> {
    let header = Header::decode(window.get(at..)?).ok()?;
    Some(header.total() as usize)
}

/// The length of a sound frame.
fn frame(bytes: &[u8]) -> Option<u64> {
    let header = Header::decode(bytes).ok()?;
    let body = bytes.get(HEADER..header.total() as usize)?;
    header.check(body).is_ok().then(|| header.total())
}

async fn settle(file: &dyn File, end: u64) -> io::Result<()> {
    let mut at = end.saturating_sub(REWRITE);
    while at < end {
        let bytes = file.read(at, WINDOW.min((end - at) as usize)).await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let next = at + bytes.len() as u64;
        file.write(at, vec![bytes]).await?;
        at = next;
    }
    file.sync().await
}
