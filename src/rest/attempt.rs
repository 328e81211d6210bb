//! What becomes of one request: it is handled here or sent to where its tenant is at home, and
//! tried again while that changes.

use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::recall;
use holdfast_actors::refusal::{Reason, Refusal};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, header};

use super::answer::{self, Answer, Denial, Outgoing};
use super::forward::{self, Fate, Hold, Passed, Passing, Relayed, Step, may_repeat};
use super::request::{Client, crowded};
use super::route::route;
use super::upload;
use super::watch::{self, Turn};
use crate::selfservice::server::serves;

/// The most bytes of another node's refusal.
const SENTENCE_MAX: usize = 4 << 10;

/// What one attempt came to.
pub(super) enum Tried {
    /// This is the answer.
    Answered(Answer),
    /// Nothing was done; the answer, and the body of which nothing was taken.
    Turned(Answer, Incoming),
}

impl Client {
    /// Goes on until there is an answer, or this is the answer: the last refusal.
    pub(super) async fn try_on(
        &self,
        mut step: Step,
        user: Option<&str>,
        (head, mut body): (&Parts, Incoming),
        turn: &mut Turn,
    ) -> Answer {
        let mut hold = Hold::begin();
        loop {
            let tried = self.attempt(&step, user, (head, body), turn).await;
            let (refusal, intact) = match tried {
                Tried::Answered(answer) => return answer,
                Tried::Turned(refusal, intact) => (refusal, intact),
            };
            // Whoever sent it here tries again, and knows better where.
            let forward = self.forward.as_ref().filter(|_| !self.is_node);
            let again = match forward {
                Some(forward) => forward.again(user, &step, &mut hold).await,
                None => None,
            };
            match again {
                Some(next) => (step, body) = (next, intact),
                None => {
                    self.hear_out(head, intact);
                    let cause = forward.and_then(|forward| forward.cause(&step));
                    return cause.map_or(refusal, |cause| answer::denial(&cause.into()));
                }
            }
        }
    }

    async fn attempt(
        &self,
        step: &Step,
        user: Option<&str>,
        (head, body): (&Parts, Incoming),
        turn: &mut Turn,
    ) -> Tried {
        match (step, &self.forward) {
            (Step::Send(node), Some(forward)) => {
                turn.answered.kind = "forwarded";
                let (body, passed) = Passing::new(body);
                let from = (user, self.peer);
                let relayed = forward.relay(*node, from, head, (body, &passed));
                let (fate, refusal) = match relayed.await {
                    Ok(answer) => match refused(answer).await {
                        Ok(answer) => {
                            turn.answered.received = passed.count();
                            self.hear_rest(head, passed);
                            return Tried::Answered(answer);
                        }
                        Err(refusal) => (Fate::Undone, refusal),
                    },
                    Err((fate, refusal)) => (fate, answer::denial(&refusal.into())),
                };
                let (count, has_body) = (passed.count(), passed.has_body);
                turn.answered.received = count;
                match passed.reclaim() {
                    Ok(body) if may_repeat(fate, &head.method, has_body, count) => {
                        return Tried::Turned(refusal, body);
                    }
                    Ok(body) => self.hear_out(head, body),
                    Err(passed) => self.hear_rest(head, *passed),
                }
                Tried::Answered(refusal)
            }
            (Step::Send(_), None) => Tried::Turned(answer::denial(&crowded().into()), body),
            (Step::Refuse(refusal), _) => {
                Tried::Turned(answer::denial(&refusal.clone().into()), body)
            }
            // Self-service shows and changes what may not hold any more.
            (Step::Recall, _) if self.counter.is_some() && serves(head.uri.path()) => {
                Tried::Turned(answer::denial(&recall::refused().into()), body)
            }
            (Step::Serve | Step::Recall, _) => self.serve(head, body, turn).await,
        }
    }

    /// Handles it here.
    async fn serve(&self, head: &Parts, mut body: Incoming, turn: &mut Turn) -> Tried {
        let counter = self.counter.as_ref();
        if let Some(counter) = counter.filter(|_| serves(head.uri.path())) {
            let request = Request::from_parts(head.clone(), body);
            return Tried::Answered(self.at_counter(Arc::clone(counter), request, turn).await);
        }
        let (announced, was_ended) = (body.size_hint().lower(), body.is_end_stream());
        let answer = match route(&head.method, head.uri.path(), head.uri.query()) {
            Ok(request) => {
                turn.answered.kind = watch::kind(request.verb);
                self.decide(request, head, &mut body).await
            }
            Err(stray) => Err(stray.into()),
        };
        let left = body.size_hint().lower();
        turn.answered.received = announced.saturating_sub(left);
        let is_whole = left == announced && body.is_end_stream() == was_ended;
        match answer {
            Err(denial) if is_whole && is_passing(&denial) => {
                Tried::Turned(answer::denial(&denial), body)
            }
            answer => {
                self.hear_out(head, body);
                Tried::Answered(answer.unwrap_or_else(|denial| answer::denial(&denial)))
            }
        }
    }

    /// The same, once another node wants no more of it.
    fn hear_rest(&self, head: &Parts, passed: Passed) {
        if !forward::is_held(&head.headers) {
            let limit = self.limits.piece;
            self.crew.spawn(async move {
                if let Some(rest) = passed.rest().await {
                    upload::discard(rest, limit).await;
                }
            });
        }
    }

    /// Lets a client say what it began to say; one that waits to be asked is not asked.
    pub(super) fn hear_out(&self, head: &Parts, body: Incoming) {
        let waits = head.headers.contains_key(header::EXPECT);
        if !waits && !body.is_end_stream() {
            self.crew.spawn(upload::discard(body, self.limits.piece));
        }
    }
}

/// Whether it may be over in a moment.
const fn is_passing(denial: &Denial) -> bool {
    matches!(
        denial,
        Denial::Refusal(Refusal {
            reason: Reason::Unavailable,
            ..
        })
    )
}

/// Tells an answer from the refusal of a node that cannot serve the tenant now, which is read.
async fn refused(answer: Response<Relayed>) -> Result<Response<Outgoing>, Answer> {
    let reason = answer.headers().get(answer::REASON);
    if reason.is_none_or(|reason| reason != Reason::Unavailable.as_str()) {
        return Ok(answer.map(Outgoing::relayed));
    }
    let (parts, body) = answer.into_parts();
    let sentence = Limited::new(body, SENTENCE_MAX).collect().await;
    let sentence = sentence.map_or_else(|_| Bytes::new(), |whole| whole.to_bytes());
    Err(Response::from_parts(parts, Outgoing::full(sentence)))
}

/// What a client sees of an answer: of a head nothing follows.
pub(super) fn shown(method: &Method, answer: Answer, turn: Turn) -> Answer {
    let (parts, mut content) = answer.into_parts();
    if *method == Method::HEAD {
        // Over HTTP/2 nobody else takes the sentence of a refusal away.
        content = Outgoing::full(Bytes::new());
    }
    Response::from_parts(parts, content.holding(turn))
}
