//! The same objects appended to an extent with one replica, on another node of this process: what
//! the link, the disk and the code that writes extents give when no client and no repository stand
//! before them.
//!
//! The extent is the actor of production, its replica another behind the link of nodes, each on a
//! thread of its own. It is given what a repository gives it: pieces of 256 KiB in frames with
//! their checksums, a few on their way for each object, and behind the last piece an entry that is
//! answered once it is durable, and all before it. Bytes are hashed as they go in, as those of
//! uploads are.

use std::collections::VecDeque;
use std::path::Path as Folders;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_actors::extent::{self, Extent, Message};
use holdfast_actors::frame::{HEADER, Header};
use holdfast_actors::journal;
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, RepositoryId, Sequence};
use holdfast_actors::object::Hashing;
use holdfast_actors::ports::Pending;
use holdfast_actors::repository::FRAME_BYTES;
use holdfast_actors::shell::{self, Handle, Path};
use holdfast_cluster::calls::Calls as _;
use holdfast_cluster::extents::{self, Extents, Remote, Replicas, StoreHands};

use super::fleet::{self, Member};

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

/// MB/s of objects appended to a new extent below `base`.
pub(crate) fn append(base: &Folders, count: usize) -> f64 {
    let members = fleet::start(&base.join("nodes"), Duration::ZERO);
    let (here, there) = (&members[0], &members[1]);
    there.run(serve(there));
    let log = Arc::new(here.run(open(here, there)));
    let objects: Vec<_> = (0..count).map(super::body).collect();
    let start = Instant::now();
    let appending = Arc::clone(&log);
    here.run(super::share(objects, move |object| {
        let log = Arc::clone(&appending);
        async move { log.object(object).await }
    }));
    let rate = super::rate(count, start);
    let sealed = here.run(log.actor.ask(Message::Seal)).unwrap();
    assert_eq!(sealed.result, Ok(()));
    assert_eq!(sealed.durable, log.next.lock().unwrap().0);
    rate
}

/// Has a node keep replicas.
async fn serve(there: &Member) {
    let path = Path::node().child("replicas");
    let notes = there.ports.disk.as_ref();
    let position = journal::recover(notes).await.unwrap().position;
    let notes = journal::start(
        path.child("journal"),
        position,
        journal::Options::default(),
        there.ports.clone(),
        None,
        Box::new(|fault| panic!("the notes of replicas failed: {fault}")),
    );
    let hands = StoreHands::new(Arc::new(notes.await.unwrap()));
    let machine = extents::recover(&there.ports.disk, []).await.unwrap();
    let store = shell::spawn(path, machine, hands, there.ports.clone(), None);
    let store = store.await.unwrap();
    there
        .bulk()
        .await
        .serve(extents::SERVICE, Arc::new(Replicas(store)));
}

/// Makes an extent whose one replica lies on the other node.
async fn open(here: &Member, there: &Member) -> Log {
    let (ports, bulk) = (here.ports.clone(), Arc::new(here.bulk().await));
    let extents = Extents::new(Remote::new(bulk), Arc::clone(&ports.clock), here.node);
    let nodes: (&[NodeId], &[NodeId]) = (&[there.node], &[]);
    let made = extents.create(REPOSITORY, EXTENT, EPOCH, nodes, 1).await;
    let (file, failed) = made.unwrap();
    assert!(failed.is_empty(), "the extent has no replica");
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
