//! Which cartridge a media set writes next.
//!
//! A set goes on with its last cartridge while that may be appended to, then takes an empty one of
//! its pool, then the oldest of its own whose time is over, then one of the Free pool (`R10.2` to
//! `R10.4`, 10.8). Sets never take from each other, pools never mix what can be written once with
//! what can be written over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::MediaSet;
use super::media::{Content, Expiry, Kind, Medium, MediumId, PoolId};
use crate::kernel::Date;

/// For how long what a media set wrote is kept, counted from the day on which the set is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retention {
    /// Cyclic: as long as there is room.
    None,
    /// Days.
    Days(u32),
    /// For ever.
    Forever,
}

impl Retention {
    /// From which day on what was closed on this one may be written over.
    pub fn expiry(self, closed: Date) -> Expiry {
        match self {
            Self::None => Expiry::Always,
            Self::Days(days) => Expiry::On(closed.plus(days)),
            Self::Forever => Expiry::Never,
        }
    }

    /// What a set keeps unless an operator says otherwise (`R10.7`).
    pub fn usual(set: MediaSet) -> Self {
        match set {
            MediaSet::Daily => Self::Days(14),
            MediaSet::Weekly => Self::Days(28),
            MediaSet::Monthly => Self::Days(366),
            MediaSet::Quarterly => Self::Days(366),
            MediaSet::Yearly => Self::Forever,
        }
    }
}

/// What a pool says of one of its media sets (10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRules {
    /// See [`Retention`].
    pub retention: Retention,
    /// The next backup goes behind the last on the same cartridge (`R10.3`).
    pub appends: bool,
}

/// A pool of cartridges for the five media sets of GFS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// For cartridges that can be written once, and no others.
    pub is_worm: bool,
    /// The sets that are on.
    pub sets: BTreeMap<MediaSet, SetRules>,
    /// Takes from the Free pool what it lacks (`R10.4`).
    pub takes_free: bool,
}

/// Which cartridge is next, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Behind what it bears.
    Append(MediumId),
    /// From its beginning: nothing that counts is on it.
    Begin(MediumId),
    /// None: the job waits, and the operator is asked for one.
    Wait,
}

impl Pool {
    /// The next cartridge for a set whose last one was `last`, if its set is still open.
    pub fn choose(
        &self,
        (id, set): (PoolId, MediaSet),
        last: Option<MediumId>,
        media: &BTreeMap<MediumId, Medium>,
        today: Date,
    ) -> Choice {
        let appends = self.sets.get(&set).is_some_and(|rules| rules.appends);
        let goes_on = |last: &MediumId| {
            let mine = |it: &&Medium| it.pool == Some(id) && it.set == Some(set);
            let last = media.get(last).filter(mine);
            appends && last.is_some_and(|it| it.may_append().is_ok())
        };
        if let Some(last) = last.filter(goes_on) {
            return Choice::Append(last);
        }
        let free = media
            .iter()
            .filter(|(_, it)| self.suits(it) && it.may_overwrite(today).is_ok());
        let ranked = free.filter_map(|(medium, it)| Some((self.rank(it, id, set)?, *medium)));
        ranked
            .min()
            .map_or(Choice::Wait, |(_, medium)| Choice::Begin(medium))
    }

    /// Whether a cartridge is this set's to take, if its content may be written over.
    pub fn takes(&self, medium: &Medium, (id, set): (PoolId, MediaSet)) -> bool {
        self.suits(medium) && self.rank(medium, id, set).is_some()
    }

    /// `R10.4`: what can be written once is for pools of such, and the other way round.
    pub fn suits(&self, medium: &Medium) -> bool {
        let kind = if self.is_worm {
            Kind::Worm
        } else {
            Kind::Standard
        };
        medium.kind == kind
    }

    /// What is taken first; none for what is not this set's to take.
    fn rank(&self, medium: &Medium, id: PoolId, set: MediaSet) -> Option<(u8, u64)> {
        let written = match medium.content {
            Content::Written(it) => Some(it.last.as_millis()),
            Content::Empty | Content::GivenUp(_) => None,
            Content::Unrecognized | Content::Foreign(_) => return None,
        };
        let bound = medium.set.is_some_and(|its| its != set);
        match (medium.pool, written) {
            (Some(pool), _) if pool != id || bound => None,
            (Some(_), None) => Some((0, 0)),
            (Some(_), Some(last)) => Some((1, last)),
            (None, None) if self.takes_free => Some((2, 0)),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests;
