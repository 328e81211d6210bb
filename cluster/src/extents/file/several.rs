//! What travels: bytes in chunks, and the answers of several nodes as they come.

use std::future::poll_fn;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use holdfast_actors::ports::Pending;

use super::super::Answer;
use super::super::remote::CHUNK;

/// Cuts and joins parts into as few chunks as there can be.
pub(super) fn chunks(parts: Vec<Bytes>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut small = BytesMut::new();
    for mut part in parts {
        while !part.is_empty() {
            let piece = part.split_to(part.len().min(CHUNK));
            if small.len() + piece.len() > CHUNK {
                chunks.push(small.split().freeze());
            }
            if piece.len() == CHUNK {
                chunks.push(piece);
            } else {
                small.extend_from_slice(&piece);
            }
        }
    }
    if !small.is_empty() {
        chunks.push(small.freeze());
    }
    chunks
}

/// Answers of several nodes, as they come. All are asked in the order in which they were pushed.
pub(super) struct Several<K>(Vec<(K, Pending<Answer>)>);

impl<K> Default for Several<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K> Several<K> {
    pub(super) fn push(&mut self, key: K, asked: Pending<Answer>) {
        self.0.push((key, asked));
    }

    /// The next; none when there is none left.
    pub(super) async fn next(&mut self) -> Option<(K, Answer)> {
        if self.0.is_empty() {
            return None;
        }
        let (at, answer) = poll_fn(|context| {
            for (at, (_, asked)) in self.0.iter_mut().enumerate() {
                if let Poll::Ready(answer) = asked.as_mut().poll(context) {
                    return Poll::Ready((at, answer));
                }
            }
            Poll::Pending
        })
        .await;
        let (key, _) = self.0.remove(at);
        Some((key, answer))
    }
}
