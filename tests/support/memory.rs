//! A service that keeps everything in memory: what the restic face is tested against.
//!
//! It knows just enough rules to give every kind of answer. It is no model of the real service.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::ports::Pending;
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{
    Entry, Found, Hints, Intent, Listing, Login, PIECE_MAX, Part, Service, Source, Upload,
};
use tokio::sync::watch;

/// What a credential may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Full,
    Append,
    Read,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<String, (String, Scope)>,
    repositories: BTreeMap<(String, String), Repository>,
    refused: Option<Refusal>,
}

struct Repository {
    objects: BTreeMap<(Kind, Hash), Stored>,
    quota: u64,
    reserved: u64,
}

impl Repository {
    /// Reserves room, if there is so much.
    fn take(&mut self, more: u64) -> bool {
        let used: u64 = self.objects.values().map(|stored| stored.length).sum();
        let fits = used + self.reserved + more <= self.quota;
        self.reserved += if fits { more } else { 0 };
        fits
    }
}

#[derive(Clone)]
struct Stored {
    length: u64,
    pieces: Arc<Vec<Bytes>>,
}

/// The service. Clones share everything.
#[derive(Clone)]
pub(crate) struct Memory {
    state: Arc<Mutex<State>>,
    ended: watch::Sender<Option<Refusal>>,
    uploads: watch::Sender<usize>,
    largest: Arc<AtomicUsize>,
    peers: Arc<Mutex<Vec<IpAddr>>>,
    keep: bool,
}

impl Memory {
    /// An empty service. One that does not keep forgets the bytes of `data` objects.
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            state: Arc::default(),
            ended: watch::Sender::new(None),
            uploads: watch::Sender::new(0),
            largest: Arc::default(),
            peers: Arc::default(),
            keep,
        }
    }

    pub(crate) fn account(&self, user: &str, password: &str, scope: Scope) {
        let account = (password.to_owned(), scope);
        self.state().accounts.insert(user.to_owned(), account);
    }

    pub(crate) fn repository(&self, tenant: &str, name: &str, quota: u64) {
        let repository = Repository {
            objects: BTreeMap::new(),
            quota,
            reserved: 0,
        };
        let key = (tenant.to_owned(), name.to_owned());
        self.state().repositories.insert(key, repository);
    }

    /// Refuses every session from now on.
    pub(crate) fn refuse(&self, refusal: Option<Refusal>) {
        self.state().refused = refusal;
    }

    /// Ends the sessions that run.
    pub(crate) fn end(&self, refusal: Refusal) {
        self.ended.send_replace(Some(refusal));
    }

    /// How many uploads run; changes can be waited for.
    pub(crate) fn uploads(&self) -> watch::Receiver<usize> {
        self.uploads.subscribe()
    }

    /// How many objects there are in all.
    pub(crate) fn objects(&self) -> usize {
        let state = self.state();
        let repositories = state.repositories.values();
        repositories
            .map(|repository| repository.objects.len())
            .sum()
    }

    /// How many bytes are reserved by uploads.
    pub(crate) fn reserved(&self) -> u64 {
        let state = self.state();
        let repositories = state.repositories.values();
        repositories.map(|repository| repository.reserved).sum()
    }

    /// The largest piece that an upload ever brought.
    pub(crate) fn largest_piece(&self) -> usize {
        self.largest.load(Ordering::Relaxed)
    }

    /// Where those who logged in were, since this was asked last.
    pub(crate) fn peers(&self) -> Vec<IpAddr> {
        std::mem::take(&mut self.peers.lock().unwrap())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn find(&self, login: &Login, name: &str, intent: Intent) -> Result<Room, Refusal> {
        let state = self.state();
        let account = state.accounts.get(&login.user);
        let scope = match account {
            Some((password, scope)) if password == login.password.expose() => *scope,
            _ => {
                return Err(Refusal::new(
                    Reason::Unauthenticated,
                    "wrong name or password",
                ));
            }
        };
        let tenant = login.user.split('+').next().unwrap().to_owned();
        let key = (tenant, name.to_owned());
        if !state.repositories.contains_key(&key) {
            return Err(Refusal::new(Reason::NotFound, "no such repository"));
        }
        if let Some(refusal) = &state.refused {
            return Err(refusal.clone());
        }
        let allowed = match intent {
            Intent::Delete(Kind::Config) => false,
            Intent::Delete(kind) => scope == Scope::Full || kind == Kind::Lock,
            Intent::Write(kind, _) => scope != Scope::Read || kind == Kind::Lock,
            Intent::Create
            | Intent::Probe
            | Intent::Stat(_)
            | Intent::List(_)
            | Intent::Read(_) => true,
        };
        if !allowed {
            return Err(Refusal::new(
                Reason::Scope,
                "the credential does not allow it",
            ));
        }
        Ok(Room {
            memory: self.clone(),
            key,
        })
    }
}

impl Service for Memory {
    fn enter(
        &self,
        login: Login,
        repository: String,
        intent: Intent,
    ) -> Pending<Result<Arc<dyn Entry>, Refusal>> {
        self.peers.lock().unwrap().push(login.peer);
        let found = self.find(&login, &repository, intent);
        ready(found.map(|room| Arc::new(room) as Arc<dyn Entry>))
    }
}

#[derive(Clone)]
struct Room {
    memory: Memory,
    key: (String, String),
}

impl Room {
    fn with<T>(&self, work: impl FnOnce(&mut Repository) -> T) -> T {
        work(self.memory.state().repositories.get_mut(&self.key).unwrap())
    }
}

impl Entry for Room {
    fn hints(&self) -> Pending<Hints> {
        Box::pin(std::future::ready(Hints::default()))
    }

    fn stat(&self, kind: Kind, name: Hash) -> Pending<Result<Option<Size>, Refusal>> {
        let stored = self.with(|repository| repository.objects.get(&(kind, name)).cloned());
        ready(Ok(stored.map(|stored| Size::bytes(stored.length))))
    }

    fn list(&self, kind: Kind) -> Pending<Result<Listing, Refusal>> {
        let all: Vec<_> = self.with(|repository| {
            let objects = repository.objects.iter();
            let of_kind = objects.filter(|((is, _), _)| *is == kind);
            of_kind
                .map(|((_, name), stored)| (*name, Size::bytes(stored.length)))
                .collect()
        });
        let batches = all.chunks(1024).map(<[_]>::to_vec).collect::<Vec<_>>();
        ready(Ok(Box::new(Parts(batches.into_iter())) as Listing))
    }

    fn read(&self, kind: Kind, name: Hash, part: Part) -> Pending<Result<Found, Refusal>> {
        let stored = self.with(|repository| repository.objects.get(&(kind, name)).cloned());
        let Some(stored) = stored else {
            return ready(Ok(Found::Missing));
        };
        let total = Size::bytes(stored.length);
        let Some(range) = part.of(total) else {
            return ready(Ok(Found::Outside { total }));
        };
        let mut wanted = Vec::new();
        let mut at = 0;
        for piece in stored.pieces.iter() {
            let end = at + piece.len() as u64;
            let (first, last) = (range.start.max(at), range.end.min(end));
            if first < last {
                let inside = (first - at) as usize..(last - at) as usize;
                wanted.push(piece.slice(inside));
            }
            at = end;
        }
        let pieces = Box::new(Parts(wanted.into_iter()));
        ready(Ok(Found::Body {
            total,
            range,
            pieces,
        }))
    }

    fn begin(
        &self,
        kind: Kind,
        name: Hash,
        length: Size,
    ) -> Pending<Result<Box<dyn Upload>, Refusal>> {
        if length > kind.size_max() {
            return ready(Err(Refusal::new(
                Reason::TooLarge,
                "the object is too large",
            )));
        }
        let length = length.as_bytes();
        let refusal = self.with(|repository| {
            if kind == Kind::Config && repository.objects.contains_key(&(kind, name)) {
                return Some(Refusal::new(Reason::Exists, "there is a config"));
            }
            let full = || Refusal::new(Reason::QuotaExceeded, "the quota is used up");
            (!repository.take(length)).then(full)
        });
        if let Some(refusal) = refusal {
            return ready(Err(refusal));
        }
        self.memory.uploads.send_modify(|running| *running += 1);
        ready(Ok(Box::new(Incoming {
            room: self.clone(),
            kind,
            name,
            reserved: length,
            length: 0,
            pieces: Vec::new(),
        }) as Box<dyn Upload>))
    }

    fn delete(&self, kind: Kind, name: Hash) -> Pending<Result<(), Refusal>> {
        self.with(|repository| repository.objects.remove(&(kind, name)));
        ready(Ok(()))
    }

    fn ended(&self) -> Pending<Refusal> {
        let mut ended = self.memory.ended.subscribe();
        Box::pin(async move {
            let refusal = ended.wait_for(Option::is_some).await;
            match refusal.ok().and_then(|refusal| refusal.clone()) {
                Some(refusal) => refusal,
                None => std::future::pending().await,
            }
        })
    }
}

struct Incoming {
    room: Room,
    kind: Kind,
    name: Hash,
    reserved: u64,
    length: u64,
    pieces: Vec<Bytes>,
}

impl Upload for Incoming {
    fn grow(&mut self, more: Size) -> Pending<Result<(), Refusal>> {
        let more = more.as_bytes();
        if Size::bytes(self.reserved + more) > self.kind.size_max() {
            let refusal = Refusal::new(Reason::TooLarge, "the object is too large");
            return ready(Err(refusal));
        }
        let fits = self.room.with(|repository| repository.take(more));
        if !fits {
            let refusal = Refusal::new(Reason::QuotaExceeded, "the quota is used up");
            return ready(Err(refusal));
        }
        self.reserved += more;
        ready(Ok(()))
    }

    fn write(&mut self, piece: Bytes) -> Pending<Result<(), Refusal>> {
        assert!((1..=PIECE_MAX).contains(&piece.len()), "{}", piece.len());
        let largest = &self.room.memory.largest;
        largest.fetch_max(piece.len(), Ordering::Relaxed);
        self.length += piece.len() as u64;
        if self.room.memory.keep || self.kind != Kind::Data {
            self.pieces.push(piece);
        }
        ready(Ok(()))
    }

    fn finish(mut self: Box<Self>, sha256: Hash) -> Pending<Result<(), Refusal>> {
        if self.length != self.reserved {
            return ready(Err(Refusal::new(
                Reason::BadLength,
                "not the announced length",
            )));
        }
        if self.kind != Kind::Config && sha256 != self.name {
            return ready(Err(Refusal::new(
                Reason::BadHash,
                "not the SHA-256 of its name",
            )));
        }
        let stored = Stored {
            length: self.length,
            pieces: Arc::new(std::mem::take(&mut self.pieces)),
        };
        let key = (self.kind, self.name);
        self.room
            .with(|repository| repository.objects.insert(key, stored));
        ready(Ok(()))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let reserved = self.reserved;
        self.room.with(|repository| repository.reserved -= reserved);
        self.room
            .memory
            .uploads
            .send_modify(|running| *running -= 1);
    }
}

struct Parts<T>(std::vec::IntoIter<T>);

impl<T: Send + 'static> Source<T> for Parts<T> {
    fn next(&mut self) -> Pending<Option<Result<T, Refusal>>> {
        ready(self.0.next().map(Ok))
    }
}

fn ready<T: Send + 'static>(value: T) -> Pending<T> {
    Box::pin(std::future::ready(value))
}

/// A refusal as a session meets it in maintenance.
pub(crate) fn maintenance() -> Refusal {
    let pause = Duration::from_secs(600);
    Refusal::retry(Reason::Maintenance, "we are back at noon", pause)
}
