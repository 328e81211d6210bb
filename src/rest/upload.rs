//! A body on its way in: pieces of 256 KiB, hashed as they pass.
//!
//! Holds one piece and what the connection has buffered, whatever the body's length. Whether hash
//! and length are right is not decided here.

use std::future::Future;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Hashing, Kind};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Entry, PIECE_MAX, Resumed, Upload};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

/// Streams a body into an upload and finishes it. One whose length nobody said (rustic says none)
/// gets its room piece by piece.
pub(super) async fn receive(
    entry: &dyn Entry,
    (kind, name): (Kind, Hash),
    body: &mut Incoming,
    idle: Duration,
) -> Result<(), Refusal> {
    let length = announced(body);
    let begun = entry.begin(kind, name, length.unwrap_or(Size::ZERO));
    let mut upload = begun.await?;
    let streamed = stream(upload.as_mut(), body, idle, length.is_none());
    let sha256 = unless(entry.ended(), streamed).await?;
    upload.finish(sha256).await
}

/// Streams the rest of an object of `length` bytes, behind its first `from`, and finishes it.
pub(super) async fn resume(
    entry: &dyn Entry,
    (kind, name): (Kind, Hash),
    (from, length): (Size, Size),
    body: &mut Incoming,
    idle: Duration,
) -> Result<(), Refusal> {
    if announced(body).is_some_and(|rest| from + rest != length) {
        return Err(broken("the body is not the rest of the object"));
    }
    let resumed = entry.resume(kind, name, length, from).await?;
    let Resumed { mut upload, hashed } = resumed;
    let streamed = stream_on(upload.as_mut(), body, idle, hashed);
    let sha256 = unless(entry.ended(), streamed).await?;
    upload.finish(sha256).await
}

async fn stream_on(
    upload: &mut dyn Upload,
    body: &mut Incoming,
    idle: Duration,
    mut hashed: Hashing,
) -> Result<Hash, Refusal> {
    let mut rest = Bytes::new();
    loop {
        let piece = timeout(idle, gather(body, &mut rest)).await;
        let piece = piece.map_err(|_| broken("the body stopped coming"))??;
        if piece.is_empty() {
            return Ok(hashed.finish());
        }
        hashed.update(&piece);
        upload.write_on(piece, hashed.clone()).await?;
    }
}

/// Does a thing unless the session ends first.
pub(super) async fn unless<T>(
    ended: impl Future<Output = Refusal>,
    work: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    tokio::select! {
        biased;
        refusal = ended => Err(refusal),
        done = work => done,
    }
}

/// The length of a body, if it has one.
pub(super) fn announced(body: &Incoming) -> Option<Size> {
    body.size_hint().exact().map(Size::bytes)
}

async fn stream(
    upload: &mut dyn Upload,
    body: &mut Incoming,
    idle: Duration,
    grows: bool,
) -> Result<Hash, Refusal> {
    let mut hasher = Hashing::default();
    let mut rest = Bytes::new();
    loop {
        let piece = timeout(idle, gather(body, &mut rest)).await;
        let piece = piece.map_err(|_| broken("the body stopped coming"))??;
        if piece.is_empty() {
            return Ok(hasher.finish());
        }
        if grows {
            upload.grow(Size::bytes(piece.len() as u64)).await?;
        }
        hasher.update(&piece);
        upload.write(piece).await?;
    }
}

/// The next piece, full unless it is the last; empty at the end. What does not fit stays in `rest`.
async fn gather(body: &mut Incoming, rest: &mut Bytes) -> Result<Bytes, Refusal> {
    let left = body.size_hint().exact().unwrap_or(u64::MAX);
    let left = left.saturating_add(rest.len() as u64);
    let room = usize::try_from(left).unwrap_or(PIECE_MAX).min(PIECE_MAX);
    let mut piece = BytesMut::with_capacity(room);
    loop {
        let take = rest.len().min(PIECE_MAX - piece.len());
        piece.extend_from_slice(&rest[..take]);
        rest.advance(take);
        if piece.len() == PIECE_MAX {
            return Ok(piece.freeze());
        }
        match body.frame().await {
            None => return Ok(piece.freeze()),
            Some(Err(_)) => return Err(broken("the body ended before its end")),
            Some(Ok(frame)) => *rest = frame.into_data().unwrap_or_default(),
        }
    }
}

fn broken(sentence: &str) -> Refusal {
    Refusal::new(Reason::BadLength, sentence)
}

/// Reads what is left of a body that nobody wants, so that a client which is still sending gets to
/// read its answer and not a reset: of a connection by HTTP/1.1, of a stream by HTTP/2. Gives up
/// after 32 MiB, after `limit`, or when nothing comes any more.
pub(super) async fn discard(mut body: Incoming, limit: Duration) {
    const MOST: usize = 32 << 20;
    const PAUSE: Duration = Duration::from_secs(2);
    let drain = async {
        let mut read = 0;
        while let Ok(Some(Ok(frame))) = timeout(PAUSE, body.frame()).await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > MOST {
                break;
            }
        }
    };
    // The time being over is the other way to be done.
    let _ = timeout(limit, drain).await;
}
