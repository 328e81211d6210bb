//! Objects on their way from the thread of a drive to where they are stored.
//!
//! The drive runs ahead of the destination by at most [`AHEAD`] blocks, and no object is ever held
//! whole.

use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::ports::Pending;
use tokio::sync::{Mutex, mpsc};

use crate::format::{Keys, Medium, Reader, Row};
use crate::ports::{Failed, Pieces};
use crate::threads::{Threads, wait};

/// Blocks of 256 KiB that wait for the destination: 16 MiB.
const AHEAD: usize = 64;

/// What the drive says.
enum Said {
    /// The next bytes of the object.
    Piece(Bytes),
    /// No more come: it is sound, or why not.
    End(Result<(), String>),
}

/// The drive's end of the way.
pub(super) struct Feed {
    said: mpsc::Sender<Said>,
    threads: Arc<dyn Threads>,
    keys: Keys,
}

/// The other end: the objects in the order in which they were ordered.
pub(super) struct Tray(Arc<Mutex<Way>>);

struct Way {
    said: mpsc::Receiver<Said>,
    /// How the object under way ended.
    end: Option<Result<(), String>>,
}

/// A way from a drive, for who has these keys open.
pub(super) fn way(threads: &Arc<dyn Threads>, keys: &Keys) -> (Feed, Tray) {
    let (feed, said) = mpsc::channel(AHEAD);
    let way = Way { said, end: None };
    let feed = Feed {
        said: feed,
        threads: Arc::clone(threads),
        keys: keys.clone(),
    };
    (feed, Tray(Arc::new(Mutex::new(way))))
}

impl Feed {
    /// Says it, as soon as there is room; whether anybody listens.
    fn say(&self, said: Said) -> bool {
        matches!(
            wait(self.threads.as_ref(), self.said.send(said)),
            Some(Ok(()))
        )
    }

    /// Reads objects, on the thread of the drive. Stops when nobody listens any more.
    pub(super) fn read(&self, medium: &mut dyn Medium, rows: &[Row]) {
        let mut reader = Reader::at(medium, self.keys.clone());
        for row in rows {
            // What nobody hears ends below.
            let mut piece = |bytes| {
                self.say(Said::Piece(bytes));
            };
            let read = reader.fetch(medium, row, &mut piece);
            let read = read.map_err(|error| words(&error));
            if !self.say(Said::End(read)) {
                return;
            }
        }
    }
}

impl Tray {
    /// The pieces of the object that is next.
    pub(super) fn pieces(&self) -> Box<dyn Pieces> {
        Box::new(Self(Arc::clone(&self.0)))
    }

    /// Goes behind the object that was next, and says whether it was sound; `None` if the drive
    /// did not come so far.
    pub(super) async fn finish(&self) -> Option<Result<(), String>> {
        let mut way = self.0.lock().await;
        loop {
            if let Some(end) = way.end.take() {
                return Some(end);
            }
            way.hear().await?;
        }
    }
}

impl Way {
    async fn hear(&mut self) -> Option<Bytes> {
        match self.said.recv().await? {
            Said::Piece(bytes) => Some(bytes),
            Said::End(end) => {
                self.end = Some(end);
                Some(Bytes::new())
            }
        }
    }
}

impl Pieces for Tray {
    fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>> {
        let way = Arc::clone(&self.0);
        Box::pin(async move {
            let mut way = way.lock().await;
            if way.end.is_none() {
                let heard = way.hear().await;
                let heard = heard.ok_or_else(|| Failed::Other("the drive gave up".to_owned()))?;
                if way.end.is_none() {
                    return Ok(Some(heard));
                }
            }
            match &way.end {
                // What is not sound is never finished by whoever stores it.
                Some(Err(why)) => Err(Failed::Other(why.clone())),
                Some(Ok(())) | None => Ok(None),
            }
        })
    }
}

/// An error and its causes in one sentence.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    holdfast_actors::shell::Fault::of(error).0
}
