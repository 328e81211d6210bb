//! One request: from its head to its answer.
//!
//! The order is fixed: is it the protocol's, who asks, may they, and only then its body is read.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_actors::kernel::{NodeId, Size};
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Entry, Found, Intent, Login, Part, Progress, Secret, Service};
use http_body_util::{BodyExt as _, Collected};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::answer::{self, Answer, Denial, ListVersion, Outgoing};
use super::attempt;
use super::crew::Crew;
use super::forward::{self, Forward, Step, origin};
use super::limits::Limits;
use super::resume::Resume;
use super::route::{self, Verb};
use super::watch::{Turn, Watch};
use super::{download, range, upload};
use crate::selfservice::server::{Came, Counter};

/// When what is shown was the latest that there was, if it may be old.
const AS_OF: HeaderName = HeaderName::from_static("x-holdfast-as-of");

/// What the requests of one connection share.
#[derive(Clone)]
pub(super) struct Client {
    /// Who decides.
    pub(super) service: Arc<dyn Service>,
    /// Who serves what is no repository's, if anybody.
    pub(super) counter: Option<Arc<dyn Counter>>,
    /// The bounds of the face.
    pub(super) limits: Limits,
    /// A permit for each request that the face serves at once.
    pub(super) turns: Arc<Semaphore>,
    /// Where the connection's tasks run.
    pub(super) crew: Crew,
    /// Who counts the requests, if anybody.
    pub(super) watch: Option<Watch>,
    /// Where requests of tenants who are at home elsewhere go, if there is an elsewhere.
    pub(super) forward: Option<Arc<Forward>>,
    /// Whether another node sends the requests, and says of each whose it is.
    pub(super) is_node: bool,
    /// The client's address.
    pub(super) peer: IpAddr,
    /// The node that took the request from its client; none where nodes stand alone.
    pub(super) gateway: Option<NodeId>,
}

impl Client {
    /// Answers one request. Never fails: a failure is an answer.
    pub(super) async fn answer(
        mut self,
        mut request: Request<Incoming>,
    ) -> Result<Answer, Infallible> {
        let mut turn = Turn::begin(request.method().clone(), self.watch.clone());
        turn.permit = Arc::clone(&self.turns).try_acquire_owned().ok();
        let user = basic(request.headers()).map(|(user, _)| user);
        let step = self.step(request.headers_mut(), user.as_deref());
        let (head, body) = request.into_parts();
        let answer = match turn.permit {
            Some(_) => {
                let user = user.as_deref();
                self.try_on(step, user, (&head, body), &mut turn).await
            }
            None => {
                self.hear_out(&head, body);
                answer::denial(&crowded().into())
            }
        };
        turn.answered.status = answer.status().as_u16();
        tracing::debug!(method = %head.method, status = answer.status().as_u16(), "answered");
        Ok(attempt::shown(&head.method, answer, turn))
    }

    /// Where a request is handled. If another node sent it, its client is known from here on.
    fn step(&mut self, headers: &mut HeaderMap, user: Option<&str>) -> Step {
        let Some(forward) = &self.forward else {
            return Step::Serve;
        };
        if self.is_node {
            let Some(peer) = origin::take(headers) else {
                return Step::Refuse(forward::stranger());
            };
            self.peer = peer;
        }
        forward.step(user, self.is_node)
    }

    /// Lets self-service answer, in no more time than a client is waited for.
    pub(super) async fn at_counter(
        &self,
        counter: Arc<dyn Counter>,
        request: Request<Incoming>,
        turn: &mut Turn,
    ) -> Answer {
        turn.answered.kind = "self-service";
        turn.answered.received = request.body().size_hint().lower();
        let answered = timeout(
            self.limits.piece,
            counter.answer((self.peer, self.gateway), request),
        )
        .await;
        let Ok(answered) = answered else {
            return answer::denial(&Denial::Refusal(late()));
        };
        let (parts, body) = answered.into_parts();
        let whole = body.collect().await;
        let Ok(whole) = whole.map(Collected::to_bytes);
        Response::from_parts(parts, Outgoing::full(whole))
    }

    pub(super) async fn decide(
        &self,
        request: route::Request,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Answer, Denial> {
        let login = login(&head.headers, (self.peer, self.gateway))?;
        let resume = Resume::of(&head.headers)?;
        let intent = match request.verb {
            Verb::Create => Intent::Create,
            Verb::Stat(Kind::Config, _) => Intent::Probe,
            Verb::Stat(kind, _) => Intent::Stat(kind),
            Verb::List(kind) => Intent::List(kind),
            Verb::Read(kind, _) => Intent::Read(kind),
            Verb::Write(kind, _) => {
                let announced = upload::announced(body).unwrap_or(Size::ZERO);
                Intent::Write(kind, resume.map_or(announced, Resume::length))
            }
            Verb::Delete(kind, _) => Intent::Delete(kind),
        };
        let entered = self.service.enter(login, request.repository, intent);
        let entry = entered.await?;
        let as_of = entry.as_of();
        let mut answer = self
            .carry_out(request.verb, entry, resume, head, body)
            .await?;
        let as_of = as_of.and_then(|as_of| HeaderValue::from_str(&as_of.to_string()).ok());
        if let Some(as_of) = as_of {
            answer.headers_mut().insert(AS_OF, as_of);
        }
        Ok(answer)
    }

    /// Does what was let in.
    async fn carry_out(
        &self,
        verb: Verb,
        entry: Arc<dyn Entry>,
        resume: Option<Resume>,
        head: &Parts,
        body: &mut Incoming,
    ) -> Result<Answer, Denial> {
        match verb {
            Verb::Create => Ok(answer::done()),
            Verb::Stat(kind, name) => {
                let size = entry.stat(kind, name).await?;
                let mut answer = answer::size(size.ok_or_else(missing)?);
                if kind == Kind::Config {
                    answer::hint(&mut answer, entry.hints().await);
                }
                Ok(answer)
            }
            Verb::List(kind) => {
                let version = ListVersion::accepted(head.headers.get(header::ACCEPT));
                let listing = entry.list(kind).await?;
                let body = download::list(entry, listing, version, &self.crew, self.limits.piece);
                Ok(answer::list(body, version))
            }
            Verb::Read(kind, name) => self.read(entry, kind, name, &head.headers).await,
            Verb::Write(kind, name) => {
                let (entry, object, idle) = (entry.as_ref(), (kind, name), self.limits.piece);
                match resume {
                    None => upload::receive(entry, object, body, idle).await?,
                    Some(Resume::From { from, length }) => {
                        upload::resume(entry, object, (from, length), body, idle).await?;
                    }
                    Some(Resume::Ask(length)) => {
                        if let Progress::Part(held) = entry.held(kind, name, length).await? {
                            return Ok(answer::held(held));
                        }
                    }
                }
                Ok(answer::done())
            }
            Verb::Delete(kind, name) => {
                entry.delete(kind, name).await?;
                Ok(answer::done())
            }
        }
    }

    async fn read(
        &self,
        entry: Arc<dyn Entry>,
        kind: Kind,
        name: Hash,
        headers: &HeaderMap,
    ) -> Result<Answer, Denial> {
        let range = headers.get(header::RANGE);
        let part = match range.and_then(|range| range.to_str().ok()) {
            Some(range) if kind != Kind::Config => range::part(range),
            _ => Part::Whole,
        };
        let (total, range, pieces) = match entry.read(kind, name, part).await? {
            Found::Missing => return Err(missing().into()),
            Found::Outside { total } => return Err(Denial::Outside(total)),
            Found::Body {
                total,
                range,
                pieces,
            } => (total, range, pieces),
        };
        let length = range.end.saturating_sub(range.start);
        let body = download::object(entry, pieces, length, &self.crew, self.limits.piece).await?;
        if part == Part::Whole || length == 0 {
            Ok(answer::whole(body, total))
        } else {
            Ok(answer::part(body, &range, total))
        }
    }
}

pub(super) fn crowded() -> Refusal {
    let pause = Duration::from_secs(1);
    Refusal::retry(Reason::Busy, "the node serves enough requests", pause)
}

fn late() -> Refusal {
    let pause = Duration::from_secs(5);
    Refusal::retry(Reason::Unavailable, "the request took too long", pause)
}

fn missing() -> Refusal {
    Refusal::new(Reason::NotFound, "there is no such object")
}

/// Reads who asks. restic sends it unasked with each request.
fn login(headers: &HeaderMap, (peer, gateway): Came) -> Result<Login, Refusal> {
    let (user, password) = basic(headers)
        .ok_or_else(|| Refusal::new(Reason::Unauthenticated, "a name and a password are needed"))?;
    Ok(Login {
        user,
        password,
        peer,
        gateway,
    })
}

fn basic(headers: &HeaderMap) -> Option<(String, Secret)> {
    let sent = headers.get(header::AUTHORIZATION)?;
    credentials(sent.to_str().ok()?)
}

fn credentials(value: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), Secret::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, String)> {
        let (user, password) = credentials(value)?;
        Some((user, password.expose().to_owned()))
    }

    #[test]
    fn basic_credentials_are_cut_at_the_first_colon() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(read("Basic YWNtZTpzZWNyZXQ="), pair("acme", "secret"));
        assert_eq!(read("basic YWNtZTpzZWNyZXQ="), pair("acme", "secret"));
        assert_eq!(read("Basic YSt4Omg6Yw=="), pair("a+x", "h:c"));
        assert_eq!(read("Basic Og=="), pair("", ""));
    }

    #[test]
    fn what_is_no_basic_credential_is_nobody() {
        for value in [
            "",
            "Basic",
            "Bearer YWNtZTpzZWNyZXQ=",
            "Basic !",
            "Basic YWNtZQ==",
            "Basic /zp4",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
