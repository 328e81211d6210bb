//! Calls over a simulated link: a number joins an answer to its question.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, Link, Pending};
use holdfast_cluster::calls::{Answers, CallError, Calls, Rejected};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::Flaw;

const ASKS: u8 = 1;
const TELLS: u8 = 2;
const REJECTS: u8 = 3;
const LACKS: u8 = 4;

type Answer = Result<Bytes, CallError>;

/// One node's end.
pub(super) struct Ways {
    link: Arc<dyn Link>,
    flaw: Option<Flaw>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    arrived: u64,
    waiting: BTreeMap<u64, (NodeId, oneshot::Sender<Answer>)>,
    services: BTreeMap<String, Arc<dyn Answers>>,
}

/// The same, to be handed on.
#[derive(Clone)]
pub(super) struct End(pub(super) Arc<Ways>);

impl Ways {
    pub(super) fn new(link: Arc<dyn Link>, flaw: Option<Flaw>) -> Self {
        let state = Mutex::default();
        Self { link, flaw, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many frames arrived before this one.
    fn arrived(&self) -> u64 {
        let mut state = self.state();
        state.arrived += 1;
        state.arrived - 1
    }

    /// Takes what arrives, for as long as the link is open.
    pub(super) async fn serve(self: Arc<Self>) {
        let mut work = JoinSet::new();
        loop {
            let arrival = tokio::select! {
                biased;
                arrival = self.link.receive() => arrival,
                Some(_) = work.join_next() => continue,
            };
            match arrival {
                None => return,
                Some(Arrival::Room(_)) => {}
                Some(Arrival::Down(peer)) => self.down(peer),
                Some(Arrival::Frame { from, body }) => {
                    let body = match self.flaw {
                        Some(flaw) => flaw.garbled(self.link.node(), self.arrived(), body),
                        None => body,
                    };
                    let ways = Arc::clone(&self);
                    match parse(body) {
                        Some((ASKS, id, body)) => {
                            work.spawn(async move { ways.answer(from, id, body).await });
                        }
                        Some((kind, id, body)) => self.told(kind, id, body),
                        None => {}
                    }
                }
            }
        }
    }

    fn down(&self, peer: NodeId) {
        let mut state = self.state();
        let lost: Vec<u64> = state
            .waiting
            .iter()
            .filter(|(_, (to, _))| *to == peer)
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            if let Some((_, caller)) = state.waiting.remove(&id) {
                let _ = caller.send(Err(CallError::Unknown(peer)));
            }
        }
    }

    fn told(&self, kind: u8, id: u64, body: Bytes) {
        let waiting = self.state().waiting.remove(&id);
        if let Some((to, caller)) = waiting {
            let answer = match kind {
                TELLS => Ok(body),
                REJECTS => Err(Rejected(String::from_utf8_lossy(&body).into_owned()).into()),
                _ => Err(CallError::NoService(to, String::new())),
            };
            // Whoever asked may have turned away.
            let _ = caller.send(answer);
        }
    }

    async fn answer(&self, from: NodeId, id: u64, mut body: Bytes) {
        let Some(length) = body.try_get_u8().ok().map(usize::from) else {
            return;
        };
        if body.len() < length {
            return;
        }
        let service = body.split_to(length);
        let service = String::from_utf8_lossy(&service).into_owned();
        let is_unread = self.flaw.is_some_and(|flaw| flaw.is_unread(&body));
        let service = self.state().services.get(&service).map(Arc::clone);
        let (kind, body) = match service {
            None => (LACKS, Bytes::new()),
            Some(_) if is_unread => (REJECTS, Bytes::new()),
            Some(service) => match service.answer(from, body).await {
                Ok(body) => (TELLS, body),
                Err(rejected) => (REJECTS, rejected.0.into()),
            },
        };
        // An answer for which there is no permit is lost, as one on a dead connection is.
        let _ = self.link.send(from, frame(kind, id, &[&body]));
    }
}

fn frame(kind: u8, id: u64, parts: &[&[u8]]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(kind);
    frame.put_u64(id);
    parts.iter().for_each(|part| frame.put_slice(part));
    frame.freeze()
}

fn parse(mut frame: Bytes) -> Option<(u8, u64, Bytes)> {
    let kind = frame.try_get_u8().ok()?;
    let id = frame.try_get_u64().ok()?;
    Some((kind, id, frame))
}

impl Calls for End {
    fn node(&self) -> NodeId {
        self.0.link.node()
    }

    fn call(
        &self,
        to: NodeId,
        service: &'static str,
        body: Bytes,
        within: Duration,
    ) -> Pending<Answer> {
        let ways = Arc::clone(&self.0);
        Box::pin(async move {
            let (caller, told) = oneshot::channel();
            let id = {
                let mut state = ways.state();
                state.last += 1;
                let id = state.last;
                state.waiting.insert(id, (to, caller));
                id
            };
            let length = [u8::try_from(service.len()).unwrap_or(u8::MAX)];
            let frame = frame(ASKS, id, &[&length, service.as_bytes(), &body]);
            if ways.link.send(to, frame).is_err() {
                ways.state().waiting.remove(&id);
                return Err(CallError::Unreachable(to));
            }
            let answer = tokio::time::timeout(within, told).await;
            ways.state().waiting.remove(&id);
            match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Err(CallError::Unknown(to)),
            }
        })
    }

    fn serve(&self, service: &'static str, answers: Arc<dyn Answers>) {
        self.0.state().services.insert(service.to_owned(), answers);
    }
}
