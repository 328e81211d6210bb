//! Planted bugs on the way between clients and the node.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::ports::Pending;
use holdfast_actors::refusal::Refusal;
use holdfast_actors::service::{
    Entry, Found, Hints, Intent, Listing, Login, Part, Service, Source, Upload,
};

use super::Mutation;
use crate::dice::Dice;

/// How many of the requests it could spoil a mutation spoils: one in so many.
const ONE_IN: u64 = 4;

type Shared = Arc<Mutex<Dice>>;
/// What was listed to whom.
type Memory = Arc<Mutex<BTreeMap<(String, Kind), Vec<(Hash, Size)>>>>;

/// The way to the node with a bug in it.
pub(crate) fn mutated(
    service: Arc<dyn Service>,
    mutation: Option<Mutation>,
    dice: Dice,
) -> Arc<dyn Service> {
    match mutation {
        Some(mutation) => Arc::new(Way {
            inner: service,
            mutation,
            dice: Arc::new(Mutex::new(dice)),
            memory: Memory::default(),
        }),
        None => service,
    }
}

struct Way {
    inner: Arc<dyn Service>,
    mutation: Mutation,
    dice: Shared,
    memory: Memory,
}

impl Service for Way {
    fn enter(
        &self,
        login: Login,
        repository: String,
        intent: Intent,
    ) -> Pending<Result<Arc<dyn Entry>, Refusal>> {
        let user = login.user.clone();
        let entered = self.inner.enter(login, repository, intent);
        let (mutation, dice) = (self.mutation, Arc::clone(&self.dice));
        let memory = Arc::clone(&self.memory);
        Box::pin(async move {
            let inner = entered.await?;
            let inside: Arc<dyn Entry> = Arc::new(Inside {
                inner,
                mutation,
                dice,
                user,
                memory,
            });
            Ok(inside)
        })
    }
}

struct Inside {
    inner: Arc<dyn Entry>,
    mutation: Mutation,
    dice: Shared,
    user: String,
    memory: Memory,
}

impl Inside {
    /// Whether this bug strikes now.
    fn strikes(&self, mutation: Mutation) -> bool {
        self.mutation == mutation && one_in(&self.dice)
    }
}

fn one_in(dice: &Shared) -> bool {
    dice.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .one_in(ONE_IN)
}

impl Entry for Inside {
    fn hints(&self) -> Pending<Hints> {
        self.inner.hints()
    }

    fn stat(&self, kind: Kind, name: Hash) -> Pending<Result<Option<Size>, Refusal>> {
        if self.strikes(Mutation::Silence) {
            return Box::pin(std::future::pending());
        }
        self.inner.stat(kind, name)
    }

    fn list(&self, kind: Kind) -> Pending<Result<Listing, Refusal>> {
        let listing = self.inner.list(kind);
        if self.mutation == Mutation::Revenant {
            let (key, memory) = ((self.user.clone(), kind), Arc::clone(&self.memory));
            return Box::pin(async move {
                let inner = listing.await?;
                let listing: Listing = Box::new(Haunted {
                    inner,
                    is_empty: Arc::new(AtomicBool::new(true)),
                    key,
                    memory,
                });
                Ok(listing)
            });
        }
        if !self.strikes(Mutation::StrangeName) {
            return listing;
        }
        Box::pin(async move {
            let listing: Listing = Box::new(Strange {
                inner: listing.await?,
                told: false,
            });
            Ok(listing)
        })
    }

    fn read(&self, kind: Kind, name: Hash, part: Part) -> Pending<Result<Found, Refusal>> {
        let found = self.inner.read(kind, name, part);
        if !self.strikes(Mutation::WrongByte) {
            return found;
        }
        Box::pin(async move {
            Ok(match found.await? {
                Found::Body {
                    total,
                    range,
                    pieces,
                } => Found::Body {
                    total,
                    range,
                    pieces: Box::new(Wrong(pieces)),
                },
                Found::Missing => Found::Missing,
                Found::Outside { total } => Found::Outside { total },
            })
        })
    }

    fn begin(
        &self,
        kind: Kind,
        name: Hash,
        length: Size,
    ) -> Pending<Result<Box<dyn Upload>, Refusal>> {
        let begun = self.inner.begin(kind, name, length);
        let (mutation, early) = (self.mutation, self.strikes(Mutation::EarlyAck));
        Box::pin(async move {
            let inner = begun.await?;
            let upload: Box<dyn Upload> = if early {
                Box::new(Early(inner))
            } else if mutation == Mutation::KeptUpload {
                Box::new(Kept(Some(inner)))
            } else {
                inner
            };
            Ok(upload)
        })
    }

    fn delete(&self, kind: Kind, name: Hash) -> Pending<Result<(), Refusal>> {
        if self.strikes(Mutation::LostDelete) {
            return Box::pin(async { Ok(()) });
        }
        self.inner.delete(kind, name)
    }

    fn ended(&self) -> Pending<Refusal> {
        self.inner.ended()
    }
}

/// A list with a name too many.
struct Strange {
    inner: Listing,
    told: bool,
}

impl Source<Vec<(Hash, Size)>> for Strange {
    fn next(&mut self) -> Pending<Option<Result<Vec<(Hash, Size)>, Refusal>>> {
        if self.told {
            return self.inner.next();
        }
        self.told = true;
        let strange = vec![(Hash::new([7; 32]), Size::bytes(7))];
        Box::pin(async move { Some(Ok(strange)) })
    }
}

/// A list that has what it had before when there is nothing in it.
struct Haunted {
    inner: Listing,
    is_empty: Arc<AtomicBool>,
    key: (String, Kind),
    memory: Memory,
}

impl Source<Vec<(Hash, Size)>> for Haunted {
    fn next(&mut self) -> Pending<Option<Result<Vec<(Hash, Size)>, Refusal>>> {
        let next = self.inner.next();
        let (key, memory) = (self.key.clone(), Arc::clone(&self.memory));
        let is_empty = Arc::clone(&self.is_empty);
        Box::pin(async move {
            let came = next.await;
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            let known = memory.entry(key).or_default();
            match came {
                Some(Ok(names)) => {
                    is_empty.store(false, Ordering::Relaxed);
                    known.extend(names.iter().copied());
                    Some(Ok(names))
                }
                None if is_empty.swap(false, Ordering::Relaxed) && !known.is_empty() => {
                    Some(Ok(std::mem::take(known)))
                }
                other => other,
            }
        })
    }
}

/// A body with a wrong byte in each piece.
struct Wrong(Box<dyn Source<Bytes>>);

impl Source<Bytes> for Wrong {
    fn next(&mut self) -> Pending<Option<Result<Bytes, Refusal>>> {
        let next = self.0.next();
        Box::pin(async move {
            let spoil = |piece: Bytes| {
                let mut bytes = piece.to_vec();
                bytes[0] ^= 1;
                Bytes::from(bytes)
            };
            next.await.map(|piece| piece.map(spoil))
        })
    }
}

/// An upload that is acknowledged and given up.
struct Early(Box<dyn Upload>);

impl Upload for Early {
    fn grow(&mut self, more: Size) -> Pending<Result<(), Refusal>> {
        self.0.grow(more)
    }

    fn write(&mut self, piece: Bytes) -> Pending<Result<(), Refusal>> {
        self.0.write(piece)
    }

    fn finish(self: Box<Self>, _: Hash) -> Pending<Result<(), Refusal>> {
        drop(self.0);
        Box::pin(async { Ok(()) })
    }
}

/// An upload that nobody gives up.
struct Kept(Option<Box<dyn Upload>>);

impl Upload for Kept {
    fn grow(&mut self, more: Size) -> Pending<Result<(), Refusal>> {
        match &mut self.0 {
            Some(inner) => inner.grow(more),
            None => Box::pin(std::future::pending()),
        }
    }

    fn write(&mut self, piece: Bytes) -> Pending<Result<(), Refusal>> {
        match &mut self.0 {
            Some(inner) => inner.write(piece),
            None => Box::pin(std::future::pending()),
        }
    }

    fn finish(mut self: Box<Self>, sha256: Hash) -> Pending<Result<(), Refusal>> {
        match self.0.take() {
            Some(inner) => inner.finish(sha256),
            None => Box::pin(std::future::pending()),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        std::mem::forget(self.0.take());
    }
}
