//! How replicas are asked from node to node.
//!
//! ```text
//! | length of the word | word … | bytes … |
//! ```
//!
//! The length has two bytes, little-endian.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::Pending;
use holdfast_actors::schema::{self, Stored};
use holdfast_actors::shell::Handle;
use serde::{Deserialize, Serialize};

use super::{Answer, Ask, Message, Refusal, Tell};
use crate::calls::{Answers, CallError, Calls, Rejected};
use crate::repair::digests::{self, Digest, Digests};

/// The name under which a node is asked for its replicas.
pub const SERVICE: &str = "replicas";

/// The most bytes that travel behind one word.
pub(super) const CHUNK: usize = 512 << 10;

/// A replica that says nothing for so long is too slow to write to.
const PATIENCE: Duration = Duration::from_secs(2);

/// The word of an answer.
#[derive(Serialize, Deserialize)]
struct Word(Result<Tell, Refusal>);

impl Stored for Word {
    const VERSION: u8 = 1;
}

/// Replicas of this node, for others to ask.
#[derive(Debug)]
pub struct Replicas(pub Handle<Message>);

impl Answers for Replicas {
    fn answer(&self, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let asked = decode::<Ask>(&body).map(|(ask, bytes)| {
            // In the order in which calls arrive: whoever appends relies on it.
            self.0.ask(|reply| Message::Ask(ask, bytes, reply))
        });
        Box::pin(async move {
            let Some(asked) = asked else {
                return Err(Rejected("no word for replicas".to_owned()));
            };
            let answer = asked.await.unwrap_or(Err(Refusal::Broken));
            let (word, bytes) = match answer {
                Ok((tell, bytes)) => (Ok(tell), bytes),
                Err(refusal) => (Err(refusal), Bytes::new()),
            };
            Ok(encode(&Word(word), &[bytes]))
        })
    }
}

/// Replicas of all nodes.
#[derive(Clone)]
pub struct Remote(Arc<dyn Calls>);

impl Remote {
    /// Asks over these.
    pub fn new(calls: Arc<dyn Calls>) -> Self {
        Self(calls)
    }

    /// Asks a node. One that cannot be asked, or does not answer in time, is [`Refusal::Silent`].
    pub fn ask(&self, node: NodeId, ask: &Ask) -> Pending<Answer> {
        self.put(node, question(ask, &[]))
    }

    /// Asks a node with these bytes, which may be the same for many.
    pub(super) fn put(&self, node: NodeId, body: Bytes) -> Pending<Answer> {
        let called = self.0.call(node, SERVICE, body, PATIENCE);
        Box::pin(async move {
            let body = called.await.map_err(|error| silent(node, &error))?;
            let (Word(word), bytes) = decode(&body).ok_or(Refusal::Broken)?;
            word.map(|tell| (tell, bytes))
        })
    }
}

impl Remote {
    /// What another node's replica of an extent came to when it was read back; none if it was not,
    /// or the node does not answer.
    pub(crate) fn digest(&self, node: NodeId, extent: ExtentId) -> Pending<Option<Digest>> {
        let body = schema::encode(&digests::Wanted(extent)).into();
        let called = self.0.call(node, digests::SERVICE, body, PATIENCE);
        Box::pin(async move {
            let body = called.await.ok()?;
            schema::decode::<digests::Told>(&body).ok()?.0
        })
    }

    /// Lets others ask for the digests of this node.
    pub(crate) fn show(&self, digests: Arc<Digests>) {
        self.0
            .serve(digests::SERVICE, Arc::new(digests::Shown(digests)));
    }
}

fn silent(node: NodeId, error: &CallError) -> Refusal {
    tracing::warn!(%node, %error, "a replica is silent");
    Refusal::Silent(node)
}

/// The bytes of a question, and of what travels behind it.
pub(super) fn question(ask: &Ask, parts: &[Bytes]) -> Bytes {
    encode(ask, parts)
}

fn encode<T: Stored>(word: &T, parts: &[Bytes]) -> Bytes {
    let word = schema::encode(word);
    let length: usize = parts.iter().map(Bytes::len).sum();
    let mut body = BytesMut::with_capacity(2 + word.len() + length);
    // Words are a few numbers.
    body.put_u16_le(u16::try_from(word.len()).unwrap_or(u16::MAX));
    body.put_slice(&word);
    for part in parts {
        body.put_slice(part);
    }
    body.freeze()
}

fn decode<T: Stored>(body: &Bytes) -> Option<(T, Bytes)> {
    let (length, rest) = body.split_first_chunk()?;
    let length = usize::from(u16::from_le_bytes(*length));
    let word = schema::decode(rest.get(..length)?).ok()?;
    Some((word, body.slice(2 + length..)))
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::Epoch;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>) {
            let body = Bytes::from(body);
            if let Some((ask, bytes)) = decode::<Ask>(&body) {
                let again = encode(&ask, std::slice::from_ref(&bytes));
                prop_assert_eq!(decode::<Ask>(&again), Some((ask, bytes)));
            }
        }
    }

    #[test]
    fn a_word_and_its_bytes_come_back() {
        let (extent, epoch, offset) = (ExtentId::new(300), Epoch::new(2), 70_000);
        let ask = Ask::Append {
            extent,
            epoch,
            offset,
        };
        let parts = [Bytes::from_static(b"a"), Bytes::from_static(b"bc")];
        let body = encode(&ask, &parts);
        let hex: String = body.iter().map(|b| format!("{b:02x}")).collect();
        expect_test::expect!["0b000101fb2c0102fc70110100616263"].assert_eq(&hex);
        assert_eq!(decode(&body), Some((ask, Bytes::from_static(b"abc"))));
    }
}
