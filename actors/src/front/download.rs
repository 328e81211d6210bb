//! Lists and objects on their way from a repository to a face.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::Stay;
use crate::kernel::Size;
use crate::object::{Hash, Kind};
use crate::ports::Pending;
use crate::refusal::{Reason, Refusal};
use crate::repository::{Body, Moment, ReadError, Snapshot};
use crate::service::{Listing, Source};
use crate::session::{Direction, Outcome};
use crate::shell::Fault;

/// Objects in one batch of a list.
const BATCH: usize = 1024;
/// When it may be worth asking again for what lies on silent nodes.
const SILENCE: Duration = Duration::from_secs(10);

/// A list as of one instant, whatever happens while it is read.
struct Lines {
    held: Snapshot,
    stay: Arc<Stay>,
    kind: Kind,
    moment: Moment,
    after: Option<Hash>,
    is_over: bool,
}

/// The objects of one kind.
pub(super) fn listing(held: Snapshot, stay: Arc<Stay>, kind: Kind) -> Listing {
    let moment = stay.moment(kind);
    Box::new(Lines {
        held,
        stay,
        kind,
        moment,
        after: None,
        is_over: false,
    })
}

impl Source<Vec<(Hash, Size)>> for Lines {
    fn next(&mut self) -> Pending<Option<Result<Vec<(Hash, Size)>, Refusal>>> {
        let space = self.stay.key(self.kind, Hash::ZERO).space;
        let rest = self.held.list(space, self.kind, self.moment, self.after);
        let batch = rest.map(|(name, object)| (name, object.size));
        let batch: Vec<_> = if self.is_over {
            Vec::new()
        } else {
            batch.take(BATCH).collect()
        };
        self.is_over = batch.len() < BATCH;
        self.after = batch.last().map(|(name, _)| *name);
        Box::pin(std::future::ready((!batch.is_empty()).then_some(Ok(batch))))
    }
}

/// An object's bytes; the session learns whether they were all sent.
struct Pieces {
    body: Arc<Mutex<Body>>,
    stay: Arc<Stay>,
}

/// The bytes of a part of an object.
pub(super) fn pieces(body: Body, stay: Arc<Stay>) -> Box<dyn Source<Bytes>> {
    Box::new(Pieces {
        body: Arc::new(Mutex::new(body)),
        stay,
    })
}

impl Source<Bytes> for Pieces {
    fn next(&mut self) -> Pending<Option<Result<Bytes, Refusal>>> {
        let (body, stay) = (Arc::clone(&self.body), Arc::clone(&self.stay));
        Box::pin(async move {
            match body.lock().await.next().await {
                Some(Ok(piece)) => {
                    let size = Size::bytes(piece.len() as u64);
                    let charged = stay.permit.charge(Direction::Download, size).await;
                    Some(charged.map(|()| piece))
                }
                Some(Err(error)) => Some(stay.told(Err(unreadable(&error)))),
                None => {
                    stay.permit.finish(Outcome::Done);
                    None
                }
            }
        })
    }
}

/// What a caller is told of an object that cannot be read; the log says what is wrong with it.
pub(super) fn unreadable(error: &ReadError) -> Refusal {
    let fault = Fault::of(error);
    if error.is_silent() {
        tracing::warn!(error = %fault, "object on silent nodes");
        let sentence = "the object lies on nodes that do not answer now; try again later";
        return Refusal::retry(Reason::Unavailable, sentence, SILENCE);
    }
    tracing::error!(error = %fault, "object unreadable");
    Refusal::new(
        Reason::Unavailable,
        "the object is damaged at the provider; ask the provider",
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::kernel::ExtentId;

    #[test]
    fn what_lies_on_silent_nodes_is_told_apart_from_damage() {
        let (extent, offset) = (ExtentId::new(3), 7);
        let source = io::ErrorKind::TimedOut.into();
        let silent = unreadable(&ReadError::Silent { extent, source });
        assert_eq!(silent.reason, Reason::Unavailable);
        assert!(silent.retry_after.is_some());
        let told = "the object lies on nodes that do not answer now; try again later";
        assert_eq!(silent.sentence, told);
        let damaged = unreadable(&ReadError::Elsewhere { extent, offset });
        assert_eq!(damaged.reason, Reason::Unavailable);
        assert_eq!(damaged.retry_after, None);
        assert!(damaged.sentence.contains("damaged"), "{damaged}");
    }
}
