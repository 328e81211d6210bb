//! What tenants' protocols call: the port between any face and the actors behind it.
//!
//! A face (restic REST, native QUIC) and the simulator's clients speak only this. A face parses,
//! hashes and streams; it decides nothing: who may do what, how much, and which answer a name gets
//! is the service's to say.
//!
//! Order of calls: [`Service::enter`] for every request, then one call on its [`Entry`]. All
//! futures may be dropped at any time; what was begun and not finished leaves nothing behind.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::kernel::{Date, NodeId, Size, Timestamp};
use crate::object::{Hash, Hashing, Kind};
use crate::ports::Pending;
use crate::refusal::{Reason, Refusal};

/// The most bytes of one piece of an object, both ways.
pub const PIECE_MAX: usize = 256 << 10;

/// A password or its like: wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for the one place that checks it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Who says they ask, and from where.
#[derive(Clone, Debug)]
pub struct Login {
    /// `TENANT` or `TENANT+SUB`, as sent; may be no name at all.
    pub user: String,
    /// As sent.
    pub password: Secret,
    /// The client's address; an IPv4 address is never wrapped in an IPv6 one.
    pub peer: IpAddr,
    /// The node that took the request; none where nodes stand alone.
    pub gateway: Option<NodeId>,
}

/// What a request is about to do, so that it can be refused before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Ask that the repository be there (`?create=true`): it is, or it is not found.
    Create,
    /// Look whether there is a `config`: every session begins so, and here it is refused as a
    /// whole.
    Probe,
    /// Ask for an object's size.
    Stat(Kind),
    /// List objects.
    List(Kind),
    /// Read an object or a part of it.
    Read(Kind),
    /// Add an object of this many bytes, or of at least so many if nobody says how many.
    Write(Kind, Size),
    /// Delete an object.
    Delete(Kind),
}

/// The service, as a face sees it.
pub trait Service: Send + Sync + 'static {
    /// Opens or continues the session of a login and finds its repository.
    ///
    /// `repository` is as sent. One that is no name, one that is not there and one that is another
    /// tenant's are refused alike: [`NotFound`](crate::refusal::Reason::NotFound), with equal work.
    fn enter(
        &self,
        login: Login,
        repository: String,
        intent: Intent,
    ) -> Pending<Result<Arc<dyn Entry>, Refusal>>;
}

/// One request's way into one repository. Dropping it ends the request.
///
/// A name is [`Hash::ZERO`] where the kind is [`Kind::Config`].
pub trait Entry: Send + Sync + 'static {
    /// What the login may like to know before it begins. Never refused: what cannot be had now is
    /// left out.
    fn hints(&self) -> Pending<Hints>;

    /// When what is shown was the latest that there was, if it may not be that any more: no
    /// majority of the cluster is heard. None if it is.
    fn as_of(&self) -> Option<Timestamp> {
        None
    }

    /// The size of an object; `None` if there is none.
    fn stat(&self, kind: Kind, name: Hash) -> Pending<Result<Option<Size>, Refusal>>;

    /// All objects of one kind as of one instant, in batches of at most 1,024; in any order.
    fn list(&self, kind: Kind) -> Pending<Result<Listing, Refusal>>;

    /// Finds an object to read a part of. Waits while the tenant's download tasks are taken.
    fn read(&self, kind: Kind, name: Hash, part: Part) -> Pending<Result<Found, Refusal>>;

    /// Reserves room for an object of exactly `length` bytes, and of those that [`Upload::grow`]
    /// adds. Waits while the tenant's upload tasks are taken. A name that is taken is no refusal
    /// yet: the same bytes again are a success.
    fn begin(
        &self,
        kind: Kind,
        name: Hash,
        length: Size,
    ) -> Pending<Result<Box<dyn Upload>, Refusal>>;

    /// How much there is of an object of `length` bytes whose upload was cut. Whoever was still
    /// sending it for this login, on a way that is dead, is from now on not heard any more.
    ///
    /// A service that keeps nothing has nothing of it.
    fn held(&self, kind: Kind, name: Hash, length: Size) -> Pending<Result<Progress, Refusal>> {
        let _ = (kind, name, length);
        Box::pin(async { Ok(Progress::Part(Size::ZERO)) })
    }

    /// Goes on with an object of `length` bytes behind its first `from`, or begins it; either way
    /// what came of it is kept for a while once it is cut.
    ///
    /// # Errors
    /// [`Reason::BadLength`] when other than `from` bytes are
    /// held; and what [`Entry::begin`] may say.
    fn resume(
        &self,
        kind: Kind,
        name: Hash,
        length: Size,
        from: Size,
    ) -> Pending<Result<Resumed, Refusal>> {
        if from > Size::ZERO {
            return Box::pin(async { Err(not_held(Size::ZERO)) });
        }
        let begun = self.begin(kind, name, length);
        Box::pin(async move {
            Ok(Resumed {
                upload: begun.await?,
                hashed: Hashing::default(),
            })
        })
    }

    /// Deletes an object; done too if there is none. A `config` is never deleted.
    fn delete(&self, kind: Kind, name: Hash) -> Pending<Result<(), Refusal>>;

    /// Resolves when the session is ended from outside (lease, disable, an operator), and else
    /// never: the face then cuts the transfer and gives the refusal where it still can.
    fn ended(&self) -> Pending<Refusal>;
}

/// What a login may like to know before it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The last day of its lease, UTC; `None` if there is no end.
    pub lease: Option<Date>,
    /// Bytes that still fit; `None` for a view, to which nothing is added.
    pub left: Option<Size>,
}

/// How much there is of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All, and it is stored.
    Stored,
    /// So many of its first bytes; they are not stored yet.
    Part(Size),
}

/// An upload that goes on, or was begun.
pub struct Resumed {
    /// The upload; it takes what follows.
    pub upload: Box<dyn Upload>,
    /// The hash of what it has.
    pub hashed: Hashing,
}

/// The refusal of bytes that do not follow those that are there.
pub fn not_held(held: Size) -> Refusal {
    let held = held.as_bytes();
    let sentence = format!("{held} bytes of the object are held, and other ones came");
    Refusal::new(Reason::BadLength, sentence)
}

/// An object on its way in. Dropping it gives everything back.
pub trait Upload: Send + 'static {
    /// Reserves room for `more` bytes than were announced until now: how a body whose length nobody
    /// said is taken, piece by piece, each before it is written. May wait and be refused as
    /// [`Entry::begin`] may. Not called again before it resolves.
    fn grow(&mut self, more: Size) -> Pending<Result<(), Refusal>>;

    /// Takes the next 1 to [`PIECE_MAX`] bytes; resolves when more may come. Not called again
    /// before that.
    fn write(&mut self, piece: Bytes) -> Pending<Result<(), Refusal>>;

    /// The same, with the hash of all bytes up to these: what came can be gone on with then, once
    /// the upload was cut.
    fn write_on(&mut self, piece: Bytes, hashed: Hashing) -> Pending<Result<(), Refusal>> {
        drop(hashed);
        self.write(piece)
    }

    /// All bytes are there and have this SHA-256. Resolves when the object is durable, or refused
    /// because name and hash, or announced and real length, differ.
    fn finish(self: Box<Self>, sha256: Hash) -> Pending<Result<(), Refusal>>;
}

/// What there is to read.
pub enum Found {
    /// No object of that name.
    Missing,
    /// The part lies outside of the object.
    Outside {
        /// The size of the object.
        total: Size,
    },
    /// The part of the object.
    Body {
        /// The size of the whole object.
        total: Size,
        /// Which of its bytes follow.
        range: Range<u64>,
        /// The bytes, in pieces of 1 to [`PIECE_MAX`].
        pieces: Box<dyn Source<Bytes>>,
    },
}

/// Objects of one kind with their sizes, batch by batch.
pub type Listing = Box<dyn Source<Vec<(Hash, Size)>>>;

/// Something that comes in parts, when asked for.
pub trait Source<T>: Send + 'static {
    /// The next part; `None` at the end. Not called again before the last future has resolved, nor
    /// after a refusal or the end.
    fn next(&mut self) -> Pending<Option<Result<T, Refusal>>>;
}

/// Which bytes of an object are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All.
    Whole,
    /// From this offset to the end.
    From(u64),
    /// From the first offset to the last, both included; cut at the end of the object.
    Between {
        /// The first byte's offset.
        first: u64,
        /// The last byte's offset, not before the first's.
        last: u64,
    },
    /// The last so many bytes, or all if there are fewer.
    Last(u64),
}

impl Part {
    /// The part's bytes in an object of `total` bytes; `None` if it has none of them. Of an empty
    /// object every part is the whole.
    pub fn of(self, total: Size) -> Option<Range<u64>> {
        let total = total.as_bytes();
        let range = match self {
            Self::Whole => 0..total,
            Self::From(first) => first..total,
            Self::Between { first, last } => first..total.min(last.saturating_add(1)),
            Self::Last(count) => total.saturating_sub(count)..total,
        };
        if total == 0 {
            Some(0..0)
        } else {
            Some(range).filter(|range| !range.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_at_the_end_of_its_object() {
        let of = |part: Part, total| part.of(Size::bytes(total));
        assert_eq!(of(Part::Whole, 10), Some(0..10));
        assert_eq!(of(Part::From(2), 10), Some(2..10));
        assert_eq!(of(Part::From(10), 10), None);
        assert_eq!(of(Part::Between { first: 0, last: 3 }, 10), Some(0..4));
        let far = u64::MAX;
        assert_eq!(
            of(
                Part::Between {
                    first: 5,
                    last: far
                },
                10
            ),
            Some(5..10)
        );
        assert_eq!(
            of(
                Part::Between {
                    first: 10,
                    last: far
                },
                10
            ),
            None
        );
        assert_eq!(of(Part::Last(3), 10), Some(7..10));
        assert_eq!(of(Part::Last(30), 10), Some(0..10));
        assert_eq!(of(Part::Last(0), 10), None);
        assert_eq!(of(Part::From(0), 0), Some(0..0));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let login = Login {
            user: "acme".to_owned(),
            password: Secret::new("hunter2".to_owned()),
            peer: IpAddr::from([127, 0, 0, 1]),
            gateway: None,
        };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
