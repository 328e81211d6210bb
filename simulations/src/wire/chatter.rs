//! Who sends numbered frames to everybody, and hears what comes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, Link};
use holdfast_cluster::quic::Class;

use super::book::{Book, Mark};
use super::invariants::order;
use crate::dice::Dice;
use crate::timepiece::Timepiece;
use crate::world::pass;

/// Bytes before the filling: the mark.
const MARK: usize = 24;
/// Bytes of a frame at most, most of the time.
const SMALL: u64 = 300;
/// The same for one that takes several turns of the congestion window.
const LARGE: u64 = 100_000;

/// One class of one life of a node.
pub(crate) struct Chatter {
    pub(super) node: NodeId,
    pub(super) life: u64,
    pub(super) class: Class,
    pub(super) peers: Vec<NodeId>,
    pub(super) pause: u64,
    pub(super) link: Arc<dyn Link>,
    pub(super) book: Book,
    pub(super) time: Timepiece,
    pub(super) dice: Dice,
}

/// A frame: its mark, and a filling that follows from it.
fn frame(mark: Mark, length: usize) -> Bytes {
    let mut body = Vec::with_capacity(MARK + length);
    for part in [mark.life, mark.deaths, mark.number] {
        body.extend_from_slice(&part.to_le_bytes());
    }
    body.resize(MARK + length, mark.number as u8);
    body.into()
}

/// The mark of a frame; none if it is not whole.
fn mark(body: &Bytes) -> Option<Mark> {
    let (marks, filling) = body.split_first_chunk::<MARK>()?;
    let (parts, _) = marks.as_chunks::<8>();
    let [life, deaths, number] = [0, 1, 2].map(|at: usize| u64::from_le_bytes(parts[at]));
    let is_whole = filling.iter().all(|byte| *byte == number as u8);
    is_whole.then_some(Mark {
        life,
        deaths,
        number,
    })
}

impl Chatter {
    /// Sends and hears for ever.
    pub(crate) async fn run(self) {
        let (link, book, time) = (Arc::clone(&self.link), self.book.clone(), self.time);
        let (node, class) = (self.node, self.class);
        tokio::select! {
            biased;
            () = hear(&*link, &book, time, (node, class)) => {}
            () = self.send() => {}
        }
    }

    async fn send(mut self) {
        let mut numbers = BTreeMap::new();
        if self.peers.is_empty() {
            return std::future::pending().await;
        }
        loop {
            pass(1 + self.dice.below(self.pause)).await;
            let peer = self.peers[self.dice.below(self.peers.len() as u64) as usize];
            let (burst, most) = match self.class {
                Class::Bulk if self.dice.one_in(8) => (1, LARGE),
                _ if self.dice.one_in(20) => (100, SMALL),
                Class::Bulk | Class::Control | Class::Calls => (1, SMALL),
            };
            if self.book.pages().is_hushed {
                continue;
            }
            let number = numbers.entry(peer).or_insert(0);
            for _ in 0..self.dice.below(burst + 1) {
                let way = (self.node, peer, self.class);
                let mark = Mark {
                    life: self.life,
                    deaths: self.book.pages().deaths(way),
                    number: *number + 1,
                };
                let length = self.dice.below(most) as usize;
                // Without a permit it is not sent, and nothing is owed.
                if self.link.send(peer, frame(mark, length)).is_err() {
                    break;
                }
                *number += 1;
                self.book.pages().sends(way, mark, self.time.world());
            }
        }
    }
}

/// Hears all that comes on a link, until it is closed.
async fn hear(link: &dyn Link, book: &Book, time: Timepiece, (node, class): (NodeId, Class)) {
    while let Some(arrival) = link.receive().await {
        let now = time.world();
        match arrival {
            Arrival::Frame { from, body } => {
                order::check(book, (from, node, class), mark(&body), now);
            }
            Arrival::Down(peer) => {
                book.say(now, format_args!("{node} lost {peer} for {class}"));
                book.pages().hears_of_death((node, peer, class));
            }
            Arrival::Room(_) => {}
        }
    }
}
