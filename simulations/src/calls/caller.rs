//! Who asks, and who watches.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::Path;
use holdfast_cluster::calls::{CallError, Calls, Exchange, Watches};

use super::history::History;
use super::invariants::{belong, end};
use super::lodger;
use super::service::{NAMES, answer, question};
use crate::dice::Dice;
use crate::timepiece::Timepiece;
use crate::world::pass;

/// How long callers wait, in milliseconds.
const WITHIN: [u64; 4] = [5, 60, 500, 4_000];
/// Whom nobody knows.
const STRANGER: NodeId = NodeId::new(999);
/// A result comes at most so many milliseconds after the time is over.
const TICK: u64 = 3;
/// Others of the node may work first when its time jumps.
const YIELDS: usize = 500;
/// Bytes of a large question.
const LARGE: u64 = 300_000;

/// One who asks or watches.
pub(super) struct Caller {
    pub(super) node: NodeId,
    pub(super) nodes: Vec<NodeId>,
    pub(super) pause: u64,
    pub(super) calls: Arc<Exchange>,
    pub(super) history: History,
    pub(super) time: Timepiece,
    pub(super) dice: Dice,
}

impl Caller {
    /// Asks for ever.
    pub(super) async fn ask(mut self) {
        loop {
            pass(1 + self.dice.below(self.pause)).await;
            let burst = if self.dice.one_in(20) { 30 } else { 1 };
            let to = self.somebody();
            let questions: Vec<_> = (0..burst).map(|_| self.question(to)).collect();
            for question in questions {
                question.await;
            }
        }
    }

    /// Watches for ever.
    pub(super) async fn watch(mut self) {
        loop {
            pass(1 + self.dice.below(self.pause * 4)).await;
            let node = self.nodes[self.dice.below(self.nodes.len() as u64) as usize];
            let number = self
                .history
                .pages()
                .watches(self.node, node, self.time.world());
            let passing = self.calls.watch(node, &lodger::path(&Path::node())).await;
            self.history
                .pages()
                .hears(number, passing, self.time.world());
        }
    }

    fn somebody(&mut self) -> NodeId {
        if self.dice.one_in(40) {
            return STRANGER;
        }
        self.nodes[self.dice.below(self.nodes.len() as u64) as usize]
    }

    /// Asks one question; the call is made at once, and waited for later.
    fn question(&mut self, to: NodeId) -> impl Future<Output = ()> + use<> {
        let service = NAMES[self.dice.below(NAMES.len() as u64) as usize];
        let millis = WITHIN[self.dice.below(4) as usize];
        let length = if self.dice.one_in(30) { LARGE } else { 200 };
        let length = self.dice.below(length) as usize;
        let leaves = self.dice.one_in(15).then(|| self.dice.below(millis));
        let (history, time) = (self.history.clone(), self.time);
        let number = history.pages().asks(self.node, to, time.world());
        let body = question(number, length);
        let within = Duration::from_millis(millis);
        let call = self.calls.call(to, service, body, within);
        let waited = waits(call, leaves.unwrap_or(millis + TICK));
        let deadline = waited_for(waited);
        async move {
            let told = deadline.await;
            let now = time.world();
            let mut pages = history.pages();
            match told {
                Some(Ok(body)) => {
                    if body != answer(number, to) {
                        belong::breach(&mut pages, number, now);
                    }
                    pages.told(number, Ok(()), now);
                }
                Some(Err(error)) => pages.told(number, Err(error), now),
                None if leaves.is_some() => {}
                None => end::breach(&mut pages, number, now),
            }
        }
    }
}

type Told = Result<Bytes, CallError>;

/// Waits for a result, but no longer than so many milliseconds of this node's time from now on.
fn waits(call: Pending<Told>, millis: u64) -> Pending<Option<Told>> {
    let mut call = call;
    let over = pass(millis);
    Box::pin(async move {
        tokio::pin!(over);
        tokio::select! {
            biased;
            told = &mut call => return Some(told),
            () = &mut over => {}
        }
        // Both may be due at once.
        for _ in 0..YIELDS {
            let told = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            if let Poll::Ready(told) = told {
                return Some(told);
            }
            tokio::task::yield_now().await;
        }
        None
    })
}

/// Starts to wait now, whoever looks when.
fn waited_for(waited: Pending<Option<Told>>) -> impl Future<Output = Option<Told>> {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(waited);
    async move { tasks.join_next().await.and_then(Result::ok).flatten() }
}
