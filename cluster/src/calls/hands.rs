//! The hands of a node's calls: frames, callers' replies, and services at work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};

use bytes::Bytes;
use holdfast_actors::kernel::{Machine, Never, NodeId, Ticket};
use holdfast_actors::ports::{Link, Pending};
use holdfast_actors::shell::{Context, End, Fault, Hands, Path};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::envelope::encode;
use super::inbox::{Inbox, Reply, Told};
use super::machine::{Effect, Event, Execution, News, Outcome, Switchboard};
use super::{CallError, Passing, Rejected};

/// What the actor of calls is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something lies in its inbox.
    Look,
}

/// Belongs to the calls of a node. `M` is the [`Switchboard`], or one that a test has spoilt.
pub struct ExchangeHands<M = Switchboard> {
    link: Arc<dyn Link>,
    inbox: Arc<Inbox>,
    is_listening: bool,
    callers: BTreeMap<Ticket, Reply>,
    watchers: BTreeMap<Ticket, oneshot::Sender<Passing>>,
    /// The services at work and the watches for peers; the listener too.
    work: JoinSet<()>,
    running: BTreeMap<(NodeId, Ticket), (AbortHandle, Option<Work>)>,
    /// Frames that the link refused since the last look.
    unsent: Vec<News>,
    /// For whom they are.
    refused: BTreeSet<NodeId>,
    machine: PhantomData<fn() -> M>,
}

impl<M> fmt::Debug for ExchangeHands<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExchangeHands({} callers)", self.callers.len())
    }
}

impl<M> ExchangeHands<M> {
    pub(super) fn new(link: Arc<dyn Link>, inbox: Arc<Inbox>) -> Self {
        Self {
            link,
            inbox,
            is_listening: false,
            callers: BTreeMap::new(),
            watchers: BTreeMap::new(),
            work: JoinSet::new(),
            running: BTreeMap::new(),
            unsent: Vec::new(),
            refused: BTreeSet::new(),
            machine: PhantomData,
        }
    }

    /// Brings what arrives, from the first look on.
    fn listen(&mut self) {
        if self.is_listening {
            return;
        }
        self.is_listening = true;
        let inbox = Arc::clone(&self.inbox);
        self.work.spawn(async move { inbox.attend().await });
        let (link, inbox) = (Arc::clone(&self.link), Arc::clone(&self.inbox));
        self.work.spawn(async move {
            while let Some(arrival) = link.receive().await {
                inbox.arrive(arrival);
                inbox.has_room().await;
            }
            inbox.leave(Told::News(News::Closed));
        });
    }

    /// Takes news apart: who is to be answered stays here.
    fn news(&mut self, told: Told) -> News {
        match told {
            Told::Asked(ask, reply) => {
                self.callers.insert(ask.ticket, reply);
                News::Asked(ask)
            }
            Told::Watches(ticket, node, path, watcher) => {
                self.watchers.insert(ticket, watcher);
                News::Watches { ticket, node, path }
            }
            Told::News(news) => {
                match &news {
                    News::TurnedAway(ticket) => {
                        self.callers.remove(ticket);
                        self.watchers.remove(ticket);
                    }
                    News::Done { from, ticket, .. } | News::Ended { from, ticket, .. } => {
                        self.running.remove(&(*from, *ticket));
                    }
                    News::Unsent { .. }
                    | News::Heard { .. }
                    | News::Garbled(_)
                    | News::Down(_)
                    | News::Room(_)
                    | News::Closed
                    | News::Serves(_)
                    | News::Asked(_)
                    | News::Watches { .. } => {}
                }
                news
            }
        }
    }

    fn send(&mut self, to: NodeId, envelopes: Vec<super::envelope::Envelope>) {
        // A frame must not overtake one that came back.
        let refusal = if self.refused.contains(&to) {
            Some(holdfast_actors::ports::Unsent::NoPermit)
        } else {
            self.link.send_parts(to, encode(&envelopes)).err()
        };
        if let Some(why) = refusal {
            self.refused.insert(to);
            self.unsent.push(News::Unsent { to, envelopes, why });
            self.inbox.ring();
        }
    }

    fn execute(&mut self, execution: Execution) {
        let Execution {
            from,
            ticket,
            service,
            body,
        } = execution;
        let mut due = Due {
            inbox: Arc::clone(&self.inbox),
            call: Some((from, ticket)),
        };
        // Begun here, in the order of calls; tasks would begin in any.
        let service = self.inbox.service(service);
        let Some(service) = service else { return };
        let mut answering = service.answer(from, body);
        match at_once(&mut answering) {
            Poll::Ready(outcome) => return due.settle(outcome),
            Poll::Pending => {}
        }
        let work = Work(Arc::new(Mutex::new(Some(answering))));
        let at_work = work.clone();
        let task = self.work.spawn(async move {
            let answer = at_work.await;
            due.settle(Outcome::from(answer));
        });
        self.running.insert((from, ticket), (task, Some(work)));
    }

    fn mourn(&mut self, from: NodeId, ticket: Ticket, path: &Bytes, context: &Context<Self>)
    where
        Self: Hands,
    {
        let path = Path::from(String::from_utf8_lossy(path).as_ref());
        let ended = context.ports.directory.ended(&path);
        let inbox = Arc::clone(&self.inbox);
        let task = self.work.spawn(async move {
            let passing = match ended {
                None => Passing::Absent,
                Some(end) => match end.await {
                    End::Stopped => Passing::Stopped,
                    End::Failed(_) => Passing::Failed,
                },
            };
            inbox.leave(Told::News(News::Ended {
                from,
                ticket,
                passing,
            }));
        });
        self.running.insert((from, ticket), (task, None));
    }

    fn conclude(&mut self, ticket: Ticket, result: Result<Bytes, CallError>) {
        if let Some(caller) = self.callers.remove(&ticket) {
            // A caller that turns away at this moment does not want to know.
            let _ = caller.send(result);
        }
    }
}

impl<M> Hands for ExchangeHands<M>
where
    M: Machine<Event = Event, Effect = Effect, Record = Never>,
{
    type Machine = M;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        let Message::Look = message;
        self.listen();
        while self.work.try_join_next().is_some() {}
        let left = self.inbox.empty();
        let mut news = std::mem::take(&mut self.unsent);
        self.refused.clear();
        news.reserve(left.len());
        for told in left {
            news.push(self.news(told));
        }
        (!news.is_empty()).then_some(Event(news))
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Send { to, envelopes } => self.send(to, envelopes),
            Effect::Conclude(all) => {
                for (ticket, result) in all {
                    self.conclude(ticket, result);
                }
            }
            Effect::Execute(all) => all.into_iter().for_each(|it| self.execute(it)),
            Effect::Drop(all) => {
                for call in all {
                    if let Some((task, work)) = self.running.remove(&call) {
                        work.iter().for_each(Work::drop_now);
                        task.abort();
                    }
                }
            }
            Effect::Mourn { from, ticket, path } => self.mourn(from, ticket, &path, context),
            Effect::Tell(ticket, passing) => {
                if let Some(watcher) = self.watchers.remove(&ticket) {
                    // As with callers.
                    let _ = watcher.send(passing);
                }
            }
        }
        Ok(None)
    }
}

impl<M> Drop for ExchangeHands<M> {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

type Answering = Pending<Result<Bytes, Rejected>>;

/// What a service answers without having to wait; that needs no task. One that panics has ended.
fn at_once(answering: &mut Answering) -> Poll<Outcome> {
    let mut context = task::Context::from_waker(Waker::noop());
    let polled = catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(&mut context)));
    polled.map_or(Poll::Ready(Outcome::Lost), |answer| {
        answer.map(Outcome::from)
    })
}

impl From<Result<Bytes, Rejected>> for Outcome {
    fn from(answer: Result<Bytes, Rejected>) -> Self {
        match answer {
            Ok(body) => Self::Answer(body),
            Err(rejected) => Self::Rejected(rejected.0),
        }
    }
}

/// A service's work on one call. A task that is aborted drops what it holds later; this is dropped
/// at once, so that what comes in its place never runs beside it.
#[derive(Clone)]
struct Work(Arc<Mutex<Option<Answering>>>);

impl Work {
    fn now(&self) -> MutexGuard<'_, Option<Answering>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_now(&self) {
        drop(self.now().take());
    }
}

impl Future for Work {
    type Output = Result<Bytes, Rejected>;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut work = self.now();
        let Some(answering) = work.as_mut() else {
            // Nobody waits for it any more.
            return Poll::Pending;
        };
        let answer = answering.as_mut().poll(context);
        if answer.is_ready() {
            *work = None;
        }
        answer
    }
}

/// Says that a service has ended without an answer, if it did.
struct Due {
    inbox: Arc<Inbox>,
    call: Option<(NodeId, Ticket)>,
}

impl Due {
    fn settle(&mut self, outcome: Outcome) {
        if let Some((from, ticket)) = self.call.take() {
            self.inbox.leave(Told::News(News::Done {
                from,
                ticket,
                outcome,
            }));
        }
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        self.settle(Outcome::Lost);
    }
}
