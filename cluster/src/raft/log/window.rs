//! The log of consensus as its records say: what of it is there, and what else must not be
//! forgotten. Plain data; recovery applies all records again.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use bytes::Bytes;
use holdfast_actors::schema::{self, SchemaError, Stored};
use openraft::entry::RaftEntry;
use serde::{Deserialize, Serialize};

use super::super::types::{Entry, LogId, Vote};

/// A fact about the log. Part of the journal's format: new ones go to the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all records are entries, and none is kept in memory"
)]
pub(in super::super) enum Record {
    /// This follows in the log.
    Entry(Entry),
    /// Nothing behind this stands any more; none for nothing at all.
    Truncate(Option<LogId>),
    /// All up to this is in a snapshot of the state, and need not be kept.
    Purged(LogId),
    /// Whom the node voted for.
    Vote(Vote),
    /// Up to where the log was known to be agreed on.
    Committed(Option<LogId>),
}

impl Stored for Record {
    const VERSION: u8 = 1;
}

/// The log.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Window {
    pub(in super::super) entries: BTreeMap<u64, Entry>,
    pub(super) purged: Option<LogId>,
    pub(in super::super) vote: Option<Vote>,
    pub(in super::super) committed: Option<LogId>,
}

impl Record {
    pub(in super::super) fn encode(&self) -> Bytes {
        schema::encode(self).into()
    }
}

impl Window {
    /// Takes a fact in.
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Entry(entry) => drop(self.entries.insert(entry.index(), entry)),
            Record::Truncate(after) => {
                let first = after.map_or(0, |id| id.index + 1);
                self.entries.split_off(&first);
            }
            Record::Purged(through) => {
                self.entries = self.entries.split_off(&(through.index + 1));
                self.purged = Some(through);
            }
            Record::Vote(vote) => self.vote = Some(vote),
            Record::Committed(id) => self.committed = id,
        }
    }

    /// Brings a log back from a snapshot of it and the records behind.
    ///
    /// # Errors
    /// When one cannot be read; says which, counted from the snapshot's first part.
    pub(super) fn recover(
        bodies: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self, (usize, SchemaError)> {
        let mut window = Self::default();
        for (at, body) in bodies.into_iter().enumerate() {
            window.apply(schema::decode(&body).map_err(|error| (at, error))?);
        }
        Ok(window)
    }

    /// The log as records that make it again.
    pub(super) fn parts(&self) -> Vec<Bytes> {
        let heads = [
            self.vote.map(Record::Vote),
            self.purged.map(Record::Purged),
            Some(Record::Committed(self.committed)),
        ];
        let entries = self.entries.values().cloned().map(Record::Entry);
        let records = heads.into_iter().flatten().chain(entries);
        records.map(|record| record.encode()).collect()
    }

    pub(super) fn last(&self) -> Option<LogId> {
        let last = self.entries.values().next_back();
        last.map(|it| it.log_id()).or(self.purged)
    }

    pub(super) fn range(&self, range: impl RangeBounds<u64>) -> Vec<Entry> {
        self.entries
            .range(range)
            .map(|(_, it)| it.clone())
            .collect()
    }
}
