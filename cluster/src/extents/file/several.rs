//! What travels: bytes in chunks, and the answers of several nodes as they come.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use holdfast_actors::ports::Pending;

use super::super::Answer;
use super::super::remote::CHUNK;

/// Cuts and puts together parts to as few chunks as there can be, each in its parts.
pub(super) fn chunks(parts: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let (mut chunks, mut room) = (Vec::<Vec<Bytes>>::new(), 0);
    for mut part in parts {
        while !part.is_empty() {
            if room == 0 {
                chunks.push(Vec::new());
                room = CHUNK;
            }
            let piece = part.split_to(part.len().min(room));
            room -= piece.len();
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(piece);
            }
        }
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
