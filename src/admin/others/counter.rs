//! The side of the node that is asked: takes orders of other nodes, and works on each as long as
//! it is asked for more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Instant, NodeId};
use holdfast_actors::ports::{Clock, Pending};
use holdfast_cluster::calls::{Answers, Rejected};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::protocol::Line;
use super::super::{Items, Problem};
use super::Takes;
use super::wire::{self, Asked, REPLY_MAX};

/// How long an asker waits for lines until it hears that there are none yet.
const POLL: Duration = Duration::from_millis(500);
/// How long a line waits for others to travel with.
const GATHER: Duration = Duration::from_millis(20);
/// Orders that wait to be asked about again. An asker does so at once.
const WAITING_MAX: usize = 256;
/// After which nobody will ask again.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// Where other nodes pass orders.
pub struct Counter(Arc<Inner>);

struct Inner {
    takes: Arc<dyn Takes>,
    clock: Arc<dyn Clock>,
    waiting: Mutex<Waiting>,
}

/// Orders that are not done, between two calls.
#[derive(Default)]
struct Waiting {
    last: u64,
    works: BTreeMap<(NodeId, u64), (Instant, Work)>,
}

/// An order that is being carried out. It goes on only while it is asked about.
struct Work {
    result: Option<Pending<Result<Value, Problem>>>,
    lines: mpsc::Receiver<Line>,
    /// Lines for the next answer.
    ready: Vec<u8>,
    /// A line that did not fit into the answer before.
    held: Option<Vec<u8>>,
}

impl Counter {
    /// Has these orders carried out there.
    pub fn new(takes: Arc<dyn Takes>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            takes,
            clock,
            waiting: Mutex::default(),
        }))
    }
}

impl Answers for Counter {
    fn answer(&self, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let mut work = match wire::asked(&body).map_err(Rejected)? {
                Asked::Begin(errand) => {
                    let (items, lines) = Items::pipe();
                    let result = inner.takes.take(from, *errand, items);
                    Work {
                        result: Some(result),
                        lines,
                        ready: Vec::new(),
                        held: None,
                    }
                }
                Asked::Go(ticket) => inner.again(from, ticket)?,
            };
            let is_over = work.proceed().await;
            let bytes = std::mem::take(&mut work.ready);
            let ticket = match is_over {
                true => None,
                false => Some(inner.put(from, work)?),
            };
            Ok(Bytes::from(wire::reply(ticket, &bytes)))
        })
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().monotonic;
        let is_due = |since: Instant| since + FORGOTTEN > now;
        waiting.works.retain(|_, (since, _)| is_due(*since));
        waiting
    }

    fn again(&self, from: NodeId, ticket: u64) -> Result<Work, Rejected> {
        let work = self.waiting().works.remove(&(from, ticket));
        let gone = || Rejected("it was not asked about for too long, and has ended".to_owned());
        work.map(|(_, work)| work).ok_or_else(gone)
    }

    fn put(&self, from: NodeId, work: Work) -> Result<u64, Rejected> {
        let now = self.clock.now().monotonic;
        let mut waiting = self.waiting();
        if waiting.works.len() >= WAITING_MAX {
            return Err(Rejected(
                "too many orders are under way; try again".to_owned(),
            ));
        }
        waiting.last += 1;
        let ticket = waiting.last;
        waiting.works.insert((from, ticket), (now, work));
        Ok(ticket)
    }
}

impl Work {
    /// Works until there are lines, or for a moment, or to the end; whether it is that.
    async fn proceed(&mut self) -> bool {
        timeout(POLL, self.gather()).await.unwrap_or(false)
    }

    async fn gather(&mut self) -> bool {
        if let Some(line) = self.held.take() {
            self.ready = line;
        }
        loop {
            let within = if self.ready.is_empty() { POLL } else { GATHER };
            let line = match timeout(within, self.line()).await {
                Ok(Some(line)) => wire::line(&line),
                Ok(None) => return true,
                Err(_) => return false,
            };
            if self.ready.len() + line.len() > REPLY_MAX {
                self.held = Some(line);
                return false;
            }
            self.ready.extend(line);
        }
    }

    /// The next line; none behind the last. Nothing is lost if it is not waited for.
    async fn line(&mut self) -> Option<Line> {
        if let Some(result) = &mut self.result {
            let done = tokio::select! {
                biased;
                Some(line) = self.lines.recv() => return Some(line),
                done = result => done,
            };
            self.result = None;
            // Behind what was sent before it.
            let mut rest: Vec<Line> = Vec::new();
            while let Ok(line) = self.lines.try_recv() {
                rest.push(line);
            }
            rest.push(done.map_or_else(Line::Error, Line::Done));
            self.lines = lines_of(rest);
        }
        self.lines.try_recv().ok()
    }
}

/// A channel that has these lines, and then ends.
fn lines_of(all: Vec<Line>) -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(all.len().max(1));
    for line in all {
        // There is room for each.
        drop(sender.try_send(line));
    }
    lines
}
