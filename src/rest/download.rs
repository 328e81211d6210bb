//! Bodies on their way out: what the service gives piece by piece, sent as fast as it is taken.
//!
//! At most two pieces of a body are held. A client that takes nothing for too long, or whose
//! session ends, is cut.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Entry, Listing, PIECE_MAX, Source};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::answer::{ListText, ListVersion, Outgoing, Piece};
use super::crew::Crew;
use super::upload::unless;

/// A body of exactly `length` bytes. A small one is read at once, so that a failure still gets a
/// status; a large one is filled by a task of the crew.
pub(super) async fn object(
    entry: Arc<dyn Entry>,
    mut pieces: Box<dyn Source<Bytes>>,
    length: u64,
    crew: &Crew,
    idle: Duration,
) -> Result<Outgoing, Refusal> {
    if length <= PIECE_MAX as u64 {
        return gather(pieces.as_mut(), length).await.map(Outgoing::full);
    }
    let (sender, receiver) = mpsc::channel(1);
    crew.spawn(async move {
        let sent = async {
            while let Some(piece) = pieces.next().await {
                send(&sender, Piece::Data(piece?), idle).await?;
            }
            Ok(())
        };
        log_cut(unless(entry.ended(), sent).await);
    });
    Ok(Outgoing::streamed(receiver, Some(length)))
}

async fn gather(pieces: &mut dyn Source<Bytes>, length: u64) -> Result<Bytes, Refusal> {
    let mut all = BytesMut::new();
    let mut only = Bytes::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if piece.len() as u64 == length {
            only = piece;
        } else {
            all.extend_from_slice(&piece);
        }
    }
    let bytes = if all.is_empty() { only } else { all.freeze() };
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(Refusal::new(
            Reason::Unavailable,
            "the object could not be read in full",
        ))
    }
}

/// A list, streamed.
pub(super) fn list(
    entry: Arc<dyn Entry>,
    mut listing: Listing,
    version: ListVersion,
    crew: &Crew,
    idle: Duration,
) -> Outgoing {
    let (sender, receiver) = mpsc::channel(1);
    crew.spawn(async move {
        let sent = async {
            let mut text = ListText::new(version);
            while let Some(batch) = listing.next().await {
                let bytes = text.batch(&batch?);
                if !bytes.is_empty() {
                    send(&sender, Piece::Data(bytes), idle).await?;
                }
            }
            send(&sender, Piece::Data(text.end()), idle).await?;
            send(&sender, Piece::End, idle).await
        };
        log_cut(unless(entry.ended(), sent).await);
    });
    Outgoing::streamed(receiver, None)
}

async fn send(sender: &mpsc::Sender<Piece>, piece: Piece, idle: Duration) -> Result<(), Refusal> {
    match timeout(idle, sender.send(piece)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Refusal::new(Reason::Ended, "the client takes nothing more")),
    }
}

fn log_cut(sent: Result<(), Refusal>) {
    if let Err(refusal) = sent {
        tracing::debug!(reason = %refusal.reason, "download cut");
    }
}
