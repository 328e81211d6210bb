//! The way in: joins gateway, tenants and repositories to the one [`Service`] that faces call.
//!
//! It decides nothing. It asks who is there, then whether they may, then the repository, and hands
//! on what they say.

mod download;
mod place;
mod upload;

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::bandwidth::{self, Way};
use crate::catalog::rows::Rows;
use crate::gateway;
use crate::kernel::{CredentialId, Size, Space, Timestamp};
use crate::object::{Hash, Key, Kind};
use crate::ports::Pending;
use crate::recall;
use crate::refusal::{Reason, Refusal};
use crate::repositories;
use crate::repository::{self, Denied, Moment, Reader, Snapshot};
use crate::service::{
    Entry, Found, Hints, Intent, Listing, Login, Part, Progress, Resumed, Service, Upload,
};
use crate::session::{Direction, Outcome};
use crate::shell::{Gone, Handle};
use crate::tenant::{self, Permit, unavailable};
use crate::tenants;
use place::Place;
use upload::Cut;

pub use place::Recalling;

/// What faces call on this node.
#[derive(Clone, Debug)]
pub struct Front {
    /// Who may come in.
    pub gateway: Handle<gateway::Message>,
    /// Who may do what.
    pub tenants: Handle<tenants::Message>,
    /// What is there.
    pub repositories: Handle<repositories::Message>,
    /// What was there, while no majority is heard, on a node of a cluster.
    pub recall: Option<Recalling>,
    /// How fast, if the node was told its bandwidth.
    pub bandwidth: Option<Handle<bandwidth::Message>>,
}

impl Front {
    /// Tells all parts what the catalog says, so that who is told that a command was done finds it
    /// done. Rows that are older than what a part knows change nothing.
    pub fn follow(&self, rows: &Arc<Rows>) {
        // A part that ended takes the node with it.
        let gateway = gateway::Message::Rows(Box::new(Rows::clone(rows)));
        let _ = self.gateway.tell(gateway);
        let _ = self.tenants.tell(tenants::Message::Rows(Rows::clone(rows)));
        let repositories = repositories::Message::Rows(Arc::clone(rows));
        let _ = self.repositories.tell(repositories);
    }
}

impl Service for Front {
    fn enter(
        &self,
        login: Login,
        repository: String,
        intent: Intent,
    ) -> Pending<Result<Arc<dyn Entry>, Refusal>> {
        let front = self.clone();
        Box::pin(async move {
            let (peer, by) = (login.peer, login.gateway);
            let admitted = front
                .gateway
                .ask(|reply| gateway::Message::Login(login, reply));
            let admitted = admitted.await.unwrap_or_else(|_| Err(unavailable()))?;
            let credential = admitted.credential;
            let way = |bandwidth| Way::new(bandwidth, admitted.tenant.clone());
            let way = front.bandwidth.clone().map(way);
            let visit = Box::new(tenant::Visit {
                admitted,
                peer,
                gateway: by,
                repository,
                intent,
                cut_off: front.cut_off(),
            });
            let permit = front
                .tenants
                .ask(|door| tenants::Message::Enter(visit, door));
            let permit = permit.await.unwrap_or_else(|_| Err(unavailable()))?;
            let place = front.place(&permit.grant()).await?;
            let inside: Arc<dyn Entry> = Arc::new(Inside(Arc::new(Stay {
                permit,
                place,
                credential,
                way,
            })));
            Ok(inside)
        })
    }
}

/// A request that was let in.
struct Inside(Arc<Stay>);

/// What it holds while it is in.
struct Stay {
    permit: Permit,
    place: Place,
    credential: CredentialId,
    /// What it sends shares the node's bandwidth, if there is a limit.
    way: Option<Way>,
}

impl Stay {
    /// The repository itself, which is there to be written to.
    fn repository(&self) -> Result<&Handle<repository::Message>, Refusal> {
        match &self.place {
            Place::Visited(visit) => Ok(&visit.repository),
            Place::Recalled(..) => Err(recall::refused()),
        }
    }

    /// Reads its objects.
    const fn reader(&self) -> &Reader {
        match &self.place {
            Place::Visited(visit) => &visit.reader,
            Place::Recalled(recalled, _) => &recalled.reader,
        }
    }

    /// Tells the repository, if it is there; one that has ended needs not be told.
    fn tell(&self, message: repository::Message) {
        if let Ok(repository) = self.repository() {
            let _ = repository.tell(message);
        }
    }

    /// Asks the repository itself.
    async fn ask<T: Send + 'static>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, Denied>>) -> repository::Message,
    ) -> Result<T, Refusal> {
        let answer = self.repository()?.ask(message);
        settle(answer.await)
    }

    /// Where an object is for this caller. Who sees the past puts locks apart: they guard nothing
    /// there, and must not stand in the way of those who work in the present.
    fn key(&self, kind: Kind, name: Hash) -> Key {
        let grant = self.permit.grant();
        let apart = grant.view.is_some() && kind == Kind::Lock;
        let space = if apart {
            Space::of_view(self.credential)
        } else {
            grant.space
        };
        Key { space, kind, name }
    }

    /// Which state of the repository this caller sees.
    fn moment(&self, kind: Kind) -> Moment {
        let view = self.permit.grant().view.filter(|_| kind != Kind::Lock);
        view.map_or(Moment::Now, |view| Moment::At(view.at))
    }

    async fn look(&self) -> Result<Snapshot, Refusal> {
        self.permit.standing()?;
        let visit = match &self.place {
            Place::Visited(visit) => visit,
            Place::Recalled(recalled, _) => return Ok(recalled.held.clone()),
        };
        let held = settle(visit.repository.ask(repository::Message::Look).await);
        // Somebody else may own it by now, and have let others write.
        if visit.counts() {
            held
        } else {
            Err(unavailable())
        }
    }

    /// Tells the session how the request came out.
    fn told<T>(&self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        self.permit.finish(if result.is_ok() {
            Outcome::Done
        } else {
            Outcome::Refused
        });
        result
    }
}

impl Entry for Inside {
    fn as_of(&self) -> Option<Timestamp> {
        match &self.0.place {
            Place::Visited(_) => None,
            Place::Recalled(_, as_of) => Some(*as_of),
        }
    }

    fn hints(&self) -> Pending<Hints> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let (grant, report) = (stay.permit.grant(), repository::Message::Report);
            let lease = grant.lease;
            if grant.view.is_some() {
                return Hints { lease, left: None };
            }
            let report = stay.ask(report).await.ok();
            let left = report.map(|report| report.left(grant.space, grant.slice));
            Hints { lease, left }
        })
    }

    fn stat(&self, kind: Kind, name: Hash) -> Pending<Result<Option<Size>, Refusal>> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let held = stay.look().await;
            let object = held.map(|held| held.object(&stay.key(kind, name), stay.moment(kind)));
            stay.told(object.map(|object| object.map(|object| object.size)))
        })
    }

    fn list(&self, kind: Kind) -> Pending<Result<Listing, Refusal>> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let held = stay.look().await;
            let listing = held.map(|held| download::listing(held, Arc::clone(&stay), kind));
            stay.told(listing)
        })
    }

    fn read(&self, kind: Kind, name: Hash, part: Part) -> Pending<Result<Found, Refusal>> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let held = stay.look().await?;
            let key = stay.key(kind, name);
            let Some(object) = held.object(&key, stay.moment(kind)) else {
                return stay.told(Ok(Found::Missing));
            };
            let total = object.size;
            let Some(range) = part.of(total) else {
                return stay.told(Ok(Found::Outside { total }));
            };
            let length = Size::bytes(range.end - range.start);
            let task = stay.permit.task(Direction::Download, length).await;
            if task.is_err() {
                return stay.told(task.map(|()| Found::Missing));
            }
            let body = stay.reader().open(&key, object, range.clone()).await;
            let body = match body {
                Ok(mut body) => body.begin().await.map(|()| body),
                Err(error) => Err(error),
            };
            match body {
                Ok(body) => {
                    let pieces = download::pieces(body, stay);
                    Ok(Found::Body {
                        total,
                        range,
                        pieces,
                    })
                }
                Err(error) => stay.told(Err(download::unreadable(&error))),
            }
        })
    }

    fn begin(
        &self,
        kind: Kind,
        name: Hash,
        length: Size,
    ) -> Pending<Result<Box<dyn Upload>, Refusal>> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let begun = async {
                stay.permit.task(Direction::Upload, length).await?;
                upload::Begun::ask(&stay, stay.key(kind, name), length).await
            };
            match begun.await {
                Ok(id) => Ok(upload::upload(id, length, stay, Cut::Gone)),
                Err(refusal) => stay.told(Err(refusal)),
            }
        })
    }

    fn held(&self, kind: Kind, name: Hash, length: Size) -> Pending<Result<Progress, Refusal>> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let held = upload::held(&stay, stay.key(kind, name), length).await;
            stay.told(held)
        })
    }

    fn resume(
        &self,
        kind: Kind,
        name: Hash,
        length: Size,
        from: Size,
    ) -> Pending<Result<Resumed, Refusal>> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let resumed = async {
                stay.permit.task(Direction::Upload, length).await?;
                upload::resumed(&stay, stay.key(kind, name), length, from).await
            };
            match resumed.await {
                Ok(resumed) => Ok(resumed),
                Err(refusal) => stay.told(Err(refusal)),
            }
        })
    }

    fn delete(&self, kind: Kind, name: Hash) -> Pending<Result<(), Refusal>> {
        let stay = Arc::clone(&self.0);
        Box::pin(async move {
            let (key, by) = (stay.key(kind, name), stay.credential);
            let delete = |reply| repository::Message::Delete(key, by, reply);
            let deleted = match stay.permit.standing() {
                Ok(()) => stay.ask(delete).await,
                Err(refusal) => Err(refusal),
            };
            stay.told(deleted)
        })
    }

    fn ended(&self) -> Pending<Refusal> {
        self.0.permit.ended()
    }
}

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.permit, f)
    }
}

/// What a repository's answer means to its caller.
fn settle<T>(answer: Result<Result<T, Denied>, Gone>) -> Result<T, Refusal> {
    answer.map_err(|_| unavailable())?.map_err(Refusal::from)
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let again = std::time::Duration::from_secs(5);
        let reason = match denied {
            Denied::Quota { .. } => Reason::QuotaExceeded,
            Denied::Hash => Reason::BadHash,
            Denied::Length { .. } => Reason::BadLength,
            Denied::Exists => Reason::Exists,
            Denied::TooLarge(_) => Reason::TooLarge,
            Denied::Locks(_) | Denied::Config => Reason::Scope,
            Denied::StorageFull => Reason::StorageFull,
            Denied::Busy => return Self::retry(Reason::Busy, denied.to_string(), again),
            Denied::Moving | Denied::Settling => {
                let soon = std::time::Duration::from_secs(1);
                return Self::retry(Reason::Unavailable, denied.to_string(), soon);
            }
            Denied::NoUpload | Denied::StorageFailed => {
                return Self::retry(Reason::Unavailable, denied.to_string(), again);
            }
        };
        Self::new(reason, denied.to_string())
    }
}
