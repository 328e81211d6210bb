//! How a repository is given up in order, so that another node may have it.
//!
//! It takes nothing new, and waits a while for the uploads under way. Then its open extents are
//! sealed, which tells the next owner how far they go, and when all that was answered is durable it
//! ends. Whoever is turned away meanwhile may come again, and finds the next owner.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Repository;
use crate::kernel::{Acts, ExtentId, Instant};
use crate::repository::denied::Denied;
use crate::repository::event::{Effect, Event};

/// How long uploads under way are waited for: less than who wants to come in has patience.
pub(super) const UPLOADS: Duration = Duration::from_secs(3);
/// How long the catalog is waited for, to be told how long the extents are.
const SEALS: Duration = Duration::from_secs(1);

/// How far it has got.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Yielding {
    /// Nobody asked for it.
    #[default]
    No,
    /// Uploads are waited for until then.
    Uploads(Instant),
    /// These extents are being sealed, and are waited for until then.
    Seals(BTreeSet<ExtentId>, Instant),
    /// It ends.
    Done,
}

impl Yielding {
    pub(super) const fn is_begun(&self) -> bool {
        !matches!(self, Self::No)
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Uploads(until) | Self::Seals(_, until) => Some(*until),
            Self::No | Self::Done => None,
        }
    }
}

impl Repository {
    pub(super) fn begin_to_yield(&mut self, now: Instant) {
        if !self.yielding.is_begun() {
            self.yielding = Yielding::Uploads(now + UPLOADS);
        }
    }

    /// Turns away what another owner is to do; whether it was.
    pub(super) fn turns_away(&mut self, event: &Event, acts: &mut Acts<Self>) -> bool {
        let is_last = match self.yielding {
            Yielding::No => return false,
            Yielding::Uploads(_) => false,
            Yielding::Seals(..) | Yielding::Done => true,
        };
        let is_new = matches!(
            event,
            Event::Begin(_) | Event::Resume(_) | Event::Delete(_) | Event::Restore(_)
        );
        let is_turned = is_new || (is_last && event.writes());
        if !is_turned {
            return false;
        }
        if let Some((ticket, _)) = event.caller() {
            let denied = Denied::Moving;
            acts.show(Effect::Deny { ticket, denied });
        }
        true
    }

    /// An extent takes no more.
    pub(super) fn ended(&mut self, extent: ExtentId) {
        if let Yielding::Seals(left, _) = &mut self.yielding {
            left.remove(&extent);
        }
    }

    /// Goes on giving it up, if it is.
    pub(super) fn give_up(&mut self, now: Instant, acts: &mut Acts<Self>) {
        if let Yielding::Uploads(until) = self.yielding
            && (self.uploads.is_quiet() || until <= now)
        {
            self.uploads.end_all();
            let open = self.tail.end_all();
            for extent in open.iter().copied() {
                acts.start(Effect::Seal { extent });
            }
            self.yielding = Yielding::Seals(open, now + SEALS);
        }
        if let Yielding::Seals(left, until) = &self.yielding {
            if left.is_empty() {
                acts.show(Effect::Yielded);
                self.yielding = Yielding::Done;
            } else if *until <= now {
                // The next owner finds out by itself.
                acts.start(Effect::Yielded);
                self.yielding = Yielding::Done;
            }
        }
    }
}
