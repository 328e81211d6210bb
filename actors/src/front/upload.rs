//! An upload on its way from a face to its repository.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Stay, settle};
use crate::kernel::Size;
use crate::object::{Hash, Hashing, Key};
use crate::ports::Pending;
use crate::refusal::Refusal;
use crate::repository::{Denied, Held, Message, UploadId};
use crate::service::{Progress, Resumed, Upload, not_held};
use crate::session::Direction;
use crate::shell::Gone;

/// Pieces on their way to the disk before the face waits for the first.
const WINDOW: usize = 3;

type Written = Pending<Result<Result<(), Denied>, Gone>>;

/// Pieces that were sent and not yet written.
#[derive(Default)]
struct Sent(VecDeque<Written>);

impl Sent {
    /// Waits until at most `left` pieces are on their way.
    async fn settle(&mut self, left: usize) -> Result<(), Refusal> {
        while self.0.len() > left {
            let Some(written) = self.0.pop_front() else {
                break;
            };
            settle(written.await)?;
        }
        Ok(())
    }
}

/// What becomes of an upload that is cut.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// Nothing of it stays.
    Gone,
    /// What came stays for a while.
    Kept,
}

/// Ends an upload that nobody finished.
struct Unfinished {
    id: UploadId,
    stay: Arc<Stay>,
    cut: Cut,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let over = match self.cut {
            Cut::Gone => Message::Abort(self.id),
            Cut::Kept => Message::Park(self.id),
        };
        // A repository that ended has forgotten the upload already; one that finished it, too.
        self.stay.tell(over);
    }
}

/// An answer that is waited for. Whoever goes away meanwhile gives the upload up, whether it was
/// begun or not.
pub(super) struct Begun {
    answer: oneshot::Receiver<Result<UploadId, Denied>>,
    stay: Arc<Stay>,
}

impl Begun {
    /// Begins an upload of so many bytes.
    pub(super) async fn ask(stay: &Arc<Stay>, key: Key, length: Size) -> Result<UploadId, Refusal> {
        let (reply, answer) = oneshot::channel();
        let begin = Message::Begin(key, length, stay.credential, reply);
        // One that ended drops the reply.
        stay.tell(begin);
        let stay = Arc::clone(stay);
        let mut begun = Self { answer, stay };
        settle((&mut begun.answer).await.map_err(|_| Gone))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(Ok(id)) = self.answer.try_recv() {
            self.stay.tell(Message::Abort(id));
        }
    }
}

struct Sending {
    unfinished: Unfinished,
    /// Bytes announced until now.
    announced: Size,
    /// Absent while a piece is being sent: a future that was dropped took it along.
    sent: Arc<tokio::sync::Mutex<Sent>>,
}

/// An upload that its repository began.
pub(super) fn upload(id: UploadId, announced: Size, stay: Arc<Stay>, cut: Cut) -> Box<dyn Upload> {
    Box::new(Sending {
        unfinished: Unfinished { id, stay, cut },
        announced,
        sent: Arc::default(),
    })
}

/// How much there is of an object.
pub(super) async fn held(stay: &Arc<Stay>, key: Key, length: Size) -> Result<Progress, Refusal> {
    let moment = stay.moment(key.kind);
    let there = stay.look().await?.object(&key, moment);
    if there.is_some_and(|object| object.size == length) {
        return Ok(Progress::Stored);
    }
    let held = ask(stay, key, length).await?;
    Ok(Progress::Part(
        held.map_or(Size::ZERO, |held| held.received),
    ))
}

/// Goes on behind the first bytes of an object, or begins it.
pub(super) async fn resumed(
    stay: &Arc<Stay>,
    key: Key,
    length: Size,
    from: Size,
) -> Result<Resumed, Refusal> {
    let (id, hashed) = if from == Size::ZERO {
        (Begun::ask(stay, key, length).await?, Hashing::default())
    } else {
        match ask(stay, key, length).await? {
            Some(held) if held.received == from => (held.upload, held.hashed),
            held => return Err(not_held(held.map_or(Size::ZERO, |held| held.received))),
        }
    };
    let upload = upload(id, length, Arc::clone(stay), Cut::Kept);
    Ok(Resumed { upload, hashed })
}

async fn ask(stay: &Arc<Stay>, key: Key, length: Size) -> Result<Option<Held>, Refusal> {
    let by = stay.credential;
    let resume = |reply| Message::Resume(key, length, by, reply);
    stay.ask(resume).await
}

impl Upload for Sending {
    fn grow(&mut self, more: Size) -> Pending<Result<(), Refusal>> {
        self.announced += more;
        let (id, stay) = (self.unfinished.id, Arc::clone(&self.unfinished.stay));
        let announced = self.announced;
        Box::pin(async move {
            // A body that turns out to be large takes a task from then on.
            stay.permit.task(Direction::Upload, announced).await?;
            let grow = |reply| Message::Grow(id, more, reply);
            stay.ask(grow).await
        })
    }

    fn write(&mut self, piece: Bytes) -> Pending<Result<(), Refusal>> {
        self.send(piece, None)
    }

    fn write_on(&mut self, piece: Bytes, hashed: Hashing) -> Pending<Result<(), Refusal>> {
        self.send(piece, Some(hashed))
    }

    fn finish(self: Box<Self>, sha256: Hash) -> Pending<Result<(), Refusal>> {
        Box::pin(async move {
            let Unfinished { id, stay, .. } = &self.unfinished;
            let finished = async {
                self.sent.lock().await.settle(0).await?;
                // The last piece may have come long before.
                stay.permit.standing()?;
                let finish = |reply| Message::Finish(*id, sha256, reply);
                stay.ask(finish).await
            };
            let finished = finished.await;
            stay.told(finished)
        })
    }
}

impl Sending {
    fn send(&mut self, piece: Bytes, hashed: Option<Hashing>) -> Pending<Result<(), Refusal>> {
        let (id, stay) = (self.unfinished.id, Arc::clone(&self.unfinished.stay));
        let sent = Arc::clone(&self.sent);
        Box::pin(async move {
            let size = Size::bytes(piece.len() as u64);
            stay.permit.charge(Direction::Upload, size).await?;
            if let Some(way) = &stay.way {
                way.charge(size).await?;
                // It may have been cut while it waited.
                stay.permit.standing()?;
            }
            let frame = |reply| Message::Frame(id, piece, hashed, reply);
            let written = stay.repository()?.ask(frame);
            let mut sent = sent.lock().await;
            sent.0.push_back(Box::pin(written));
            sent.settle(WINDOW).await
        })
    }
}
