//! One request at a time, as a face would pass it on: what was asked, what was answered, and what
//! follows from that for the ledger.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Entry, Found, Intent, Login, Part, Secret, Service};
use sha2::{Digest, Sha256};

use crate::invariants::{acknowledged, bin, progress, reserve, shut};
use crate::ledger::Ledger;
use crate::oracle::{End, Name, ShelfId};

/// How long a client waits for one step of a request.
const PATIENCE: Duration = Duration::from_secs(600);

/// How an upload goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// To its end.
    Whole,
    /// To its end, after so many milliseconds in which nothing happens.
    Late(u64),
    /// The client goes away after so many pieces.
    Cut(usize),
    /// One byte is not what the name says.
    Wrong,
}

/// A client's way to the service.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) number: usize,
    pub(crate) shelf: ShelfId,
    pub(crate) ledger: Ledger,
    pub(crate) service: Arc<dyn Service>,
    /// Does not hear when its session is ended.
    pub(crate) is_deaf: bool,
}

impl Caller {
    /// The repository of the tenant.
    pub(crate) fn repository(&self) -> String {
        let book = self.ledger.book();
        let tenant = book.shelves[self.shelf].tenant;
        book.accounts[tenant].repository.to_owned()
    }

    /// Comes in. Who has no password yet, or no more, tries with a wrong one.
    pub(crate) async fn enter(
        &self,
        repository: String,
        intent: Intent,
    ) -> Result<Arc<dyn Entry>, Refusal> {
        let (login, started) = {
            let book = self.ledger.book();
            let shelf = &book.shelves[self.shelf];
            let password = shelf.password.clone().unwrap_or_default();
            let address = Ipv4Addr::new(10, 0, 0, self.number as u8);
            let peer = IpAddr::V4(address);
            let login = Login {
                user: shelf.user.clone(),
                password: Secret::new(password),
                peer,
                gateway: None,
            };
            (login, book.now())
        };
        let entered = self
            .patient("enter", self.service.enter(login, repository, intent))
            .await;
        let mut book = self.ledger.book();
        let result = entered
            .as_ref()
            .map(|_| ())
            .map_err(|refusal| refusal.reason);
        shut::entered(&mut book, self.shelf, started, intent, result);
        entered
    }

    pub(super) async fn inside(&self, intent: Intent) -> Result<Arc<dyn Entry>, Refusal> {
        self.enter(self.repository(), intent).await
    }

    /// The size of an object.
    pub(crate) async fn stat(&self, name: Name, intent: Intent) -> Result<Option<Size>, Refusal> {
        let told = async {
            let entry = self.inside(intent).await?;
            let tick = self.ledger.book().oracle.tick();
            let size = self.cut(&entry, "stat", entry.stat(name.0, name.1)).await?;
            let mut book = self.ledger.book();
            acknowledged::stat(&mut book, self.shelf, &name, tick, size);
            Ok(size)
        };
        let told = told.await;
        self.note(format_args!("stat {}", show(&name)), &told);
        told
    }

    /// The names of all objects of a kind.
    pub(crate) async fn list(&self, kind: Kind) -> Result<Vec<(Hash, Size)>, Refusal> {
        let told = async {
            let entry = self.inside(Intent::List(kind)).await?;
            let tick = self.ledger.book().oracle.tick();
            let mut listing = self.cut(&entry, "list", entry.list(kind)).await?;
            let mut names = Vec::new();
            while let Some(batch) = self.cut_some(&entry, "list", listing.next()).await? {
                names.extend(batch);
            }
            let mut book = self.ledger.book();
            acknowledged::listing(&mut book, self.shelf, kind, tick, &names);
            Ok(names)
        };
        let told: Result<Vec<_>, Refusal> = told.await;
        self.note(
            format_args!("list {kind}"),
            &told.as_ref().map(Vec::len).map_err(Clone::clone),
        );
        told
    }

    /// Reads an object back, and compares.
    pub(crate) async fn read(&self, name: Name) -> Result<(), Refusal> {
        let told = async {
            let entry = self.inside(Intent::Read(name.0)).await?;
            let tick = self.ledger.book().oracle.tick();
            let found = self
                .cut(&entry, "read", entry.read(name.0, name.1, Part::Whole))
                .await?;
            let mut digest = Sha256::new();
            let mut length = None;
            if let Found::Body { mut pieces, .. } = found {
                let mut read = 0;
                while let Some(piece) = self.cut_some(&entry, "read", pieces.next()).await? {
                    digest.update(&piece);
                    read += piece.len() as u64;
                }
                length = Some((read, Hash::new(digest.finalize().into())));
            }
            acknowledged::read(&mut self.ledger.book(), self.shelf, &name, tick, length);
            Ok(())
        };
        let told = told.await;
        self.note(format_args!("read {}", show(&name)), &told);
        told
    }

    /// Deletes an object.
    pub(crate) async fn delete(&self, name: Name) -> Result<(), Refusal> {
        let started = self.ledger.now();
        let (act, before) = {
            let mut book = self.ledger.book();
            let before = book.highest_wall();
            (book.oracle.deletes(self.shelf, name), before)
        };
        let entered = self.inside(Intent::Delete(name.0)).await;
        let (end, told) = match entered {
            Err(refusal) => (End::Refused, Err(refusal)),
            Ok(entry) => match self
                .cut(&entry, "delete", entry.delete(name.0, name.1))
                .await
            {
                Ok(()) => (End::Done, Ok(())),
                Err(refusal) if is_certain(refusal.reason) => (End::Refused, Err(refusal)),
                Err(refusal) => (End::Unknown, Err(refusal)),
            },
        };
        {
            let mut book = self.ledger.book();
            if told.is_ok() {
                book.figures.deleted += 1;
                shut::done(&mut book, self.shelf, started, name.0);
            }
            reserve::deleted(&mut book, started, &told);
            if let Some(act) = act {
                let changed = book.oracle.ends(&act, end);
                bin::deleted(&mut book, &act, started, before, changed);
            }
        }
        self.note(format_args!("delete {}", show(&name)), &told);
        told
    }

    /// Waits for a step, unless the session is ended: as a face does.
    pub(super) async fn cut<T>(
        &self,
        entry: &Arc<dyn Entry>,
        what: &str,
        step: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        if self.is_deaf {
            return self.patient(what, step).await;
        }
        let ended = entry.ended();
        self.patient(what, async {
            tokio::select! {
                biased;
                refusal = ended => Err(refusal),
                told = step => told,
            }
        })
        .await
    }

    async fn cut_some<T>(
        &self,
        entry: &Arc<dyn Entry>,
        what: &str,
        step: impl Future<Output = Option<Result<T, Refusal>>>,
    ) -> Result<Option<T>, Refusal> {
        self.cut(entry, what, async { step.await.transpose() })
            .await
    }

    /// Waits for a step, but not for ever.
    pub(super) async fn patient<T>(
        &self,
        what: &str,
        step: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        if let Ok(told) = tokio::time::timeout(PATIENCE, step).await {
            return told;
        }
        let story = format_args!(
            "client {}: no answer to {what} in {PATIENCE:?}",
            self.number
        );
        self.ledger.breach(progress::ID, story);
        Err(Refusal::new(Reason::Unavailable, "no answer"))
    }

    pub(super) fn note<T: fmt::Debug>(&self, what: fmt::Arguments<'_>, told: &Result<T, Refusal>) {
        let mut book = self.ledger.book();
        let now = book.now();
        let (number, user) = (self.number, book.shelves[self.shelf].user.clone());
        match told {
            Ok(told) => {
                book.figures.done += 1;
                book.trace
                    .say(now, format_args!("client {number} {user} {what}: {told:?}"));
            }
            Err(refusal) => {
                book.figures.refused += 1;
                let reason = refusal.reason;
                book.trace
                    .say(now, format_args!("client {number} {user} {what}: {reason}"));
            }
        }
    }
}

/// Whether a refusal of the last step says that nothing was done.
pub(super) const fn is_certain(reason: Reason) -> bool {
    match reason {
        Reason::BadHash
        | Reason::BadLength
        | Reason::Exists
        | Reason::TooLarge
        | Reason::Scope
        | Reason::WrongGateway
        | Reason::SpareGateway
        | Reason::Invalid
        | Reason::QuotaExceeded => true,
        // The session may have been cut while the answer was on its way.
        Reason::LeaseExpired
        | Reason::Disabled
        | Reason::Maintenance
        | Reason::Busy
        | Reason::NotFound
        | Reason::Unauthenticated
        | Reason::TooManyAttempts
        | Reason::StorageFull
        | Reason::Ended
        | Reason::Unavailable => false,
    }
}

/// A name as the trace shows it.
pub(crate) fn show(name: &Name) -> String {
    format!("{}/{:?}", name.0, name.1)
}
