//! The same objects appended to an extent, in this process: what the disk and the code that writes
//! extents give when no client, no wire and no repository stand before them.
//!
//! The extent is the actor of production on a folder of the disk. It is given what a repository
//! gives it: pieces of 256 KiB in frames with their checksums, a few on their way for each object,
//! and behind the last piece an entry that is answered once it is durable, and all before it. Bytes
//! are hashed as they go in, as those of uploads are.

use std::collections::VecDeque;
use std::path::Path as Folders;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use holdfast::clock::SystemClock;
use holdfast::disk::Folder;
use holdfast::entropy::SystemEntropy;
use holdfast::store::Store;
use holdfast_actors::extent::{self, Extent, Message};
use holdfast_actors::frame::{HEADER, Header};
use holdfast_actors::kernel::{Epoch, ExtentId, RepositoryId, Sequence};
use holdfast_actors::object::Hashing;
use holdfast_actors::ports::{Disk as _, Pending, Ports};
use holdfast_actors::repository::FRAME_BYTES;
use holdfast_actors::shell::{self, Directory, Handle, Path};

const REPOSITORY: RepositoryId = RepositoryId::new(1);
const EXTENT: ExtentId = ExtentId::new(1);
const EPOCH: Epoch = Epoch::new(1);
/// The kinds of frames with bytes of objects, and with entries.
const DATA: u8 = 1;
const ENTRY: u8 = 2;
/// Pieces of an object on their way to the disk before anybody waits, as the front has it.
const WINDOW: usize = 3;
/// Bytes of an entry about an object whose pieces lie between those of others.
const ENTRY_BYTES: usize = 1 << 10;

/// An open extent, and where its next frame goes.
struct Log {
    actor: Handle<Message>,
    next: Mutex<(u64, Sequence)>,
}

/// MB/s of objects appended to a new extent with one replica below `base`.
pub(crate) async fn append(base: &Folders, count: usize) -> f64 {
    let log = Arc::new(open(base).await);
    let objects: Vec<_> = (0..count).map(super::body).collect();
    let start = Instant::now();
    let appending = Arc::clone(&log);
    super::share(objects, move |object| {
        let log = Arc::clone(&appending);
        async move { log.object(object).await }
    })
    .await;
    let rate = super::rate(count, start);
    let sealed = log.actor.ask(Message::Seal).await.unwrap();
    assert_eq!(sealed.result, Ok(()));
    assert_eq!(sealed.durable, log.next.lock().unwrap().0);
    log.actor.stop();
    rate
}

/// Makes an extent as a node does: its file is durable with its name before anybody writes to it.
async fn open(base: &Folders) -> Log {
    let folder = base.join("extent");
    std::fs::create_dir(&folder).unwrap();
    let index = Store::open(folder.join("index")).await.unwrap().store;
    let disk = Arc::new(Folder::new(&folder));
    let file = disk.create(&extent::path(REPOSITORY, EXTENT)).await;
    let file = file.unwrap();
    file.sync().await.unwrap();
    let named = disk.sync_folder(&extent::folder(REPOSITORY));
    named.await.unwrap();
    let ports = Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy),
        disk,
        index: Arc::new(index),
        directory: Arc::new(Directory::default()),
    };
    let (machine, hands) = (Extent::new(EXTENT, EPOCH, 0), extent::Hands::new(file));
    let path = Path::node().child(EXTENT);
    let actor = shell::spawn(path, machine, hands, ports, None);
    Log {
        actor: actor.await.unwrap(),
        next: Mutex::default(),
    }
}

impl Log {
    /// Appends an object and what is said of it, and waits until all of it is durable.
    async fn object(&self, object: Bytes) {
        let mut hash = Hashing::default();
        let mut sent = VecDeque::new();
        for at in (0..object.len()).step_by(FRAME_BYTES) {
            let piece = object.slice(at..object.len().min(at + FRAME_BYTES));
            hash.update(&piece);
            sent.push_back(self.frame(DATA, piece, false));
            if sent.len() > WINDOW {
                sent.pop_front().unwrap().await;
            }
        }
        for written in sent {
            written.await;
        }
        let mut entry = hash.finish().as_bytes().to_vec();
        entry.resize(ENTRY_BYTES, 0);
        self.frame(ENTRY, entry.into(), true).await;
    }

    /// Sends a frame to the extent's end; the extent takes them in that order.
    fn frame(&self, kind: u8, body: Bytes, durable: bool) -> Pending<()> {
        let mut next = self.next.lock().unwrap();
        let (offset, sequence) = *next;
        *next = (offset + (HEADER + body.len()) as u64, sequence.next());
        let header = Header::of(kind, EPOCH, sequence, &body).encode();
        let appended = self.actor.ask(|reply| Message::Append {
            epoch: EPOCH,
            offset,
            parts: vec![header, body],
            durable,
            reply,
        });
        Box::pin(async move { appended.await.unwrap().unwrap() })
    }
}
