//! Reading sealed replicas back, each in its turn.

use std::ops::Bound;
use std::time::Duration;

use holdfast_actors::kernel::{Acts, ExtentId, Instant};
use serde_json::json;

use super::super::super::extents::Stage;
use super::{Effect, PIECE, Reconcile, Scanned};

/// From one round to the next. A round begins anew with a start of the node, somewhere else.
const PERIOD: Duration = Duration::from_secs(14 * 24 * 3600);
/// From a start of the node to the first round.
const SETTLING: Duration = Duration::from_secs(60);
/// What a byte that is read back costs of the budget of copies: it is not urgent.
const PRICE: u64 = 4;

/// One round through the replicas.
#[derive(Debug)]
pub(super) struct Reading {
    /// Where the first round begins.
    draw: u64,
    /// When the next round begins; none before the first step.
    due: Option<Instant>,
    /// In a round: where it began and whether it came by the last one.
    round: Option<Round>,
    /// How many replicas were sound, and not, in this round and the one before.
    sound: u64,
    unsound: u64,
    finished: Option<Instant>,
}

#[derive(Debug)]
struct Round {
    first: ExtentId,
    /// The next one is behind this.
    after: Option<ExtentId>,
    wrapped: bool,
    /// What is read, up to where, and whether a piece is on its way.
    current: Option<(ExtentId, u64, u64, bool)>,
}

impl Reading {
    pub(super) fn new(draw: u64) -> Self {
        Self {
            draw,
            due: None,
            round: None,
            sound: 0,
            unsound: 0,
            finished: None,
        }
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.round.is_some()
    }

    pub(super) fn is_held_up(&self) -> bool {
        let current = self.round.as_ref().and_then(|round| round.current);
        current.is_some_and(|(_, _, _, pulling)| !pulling)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| self.round.is_none())
    }

    pub(super) fn shown(&self) -> serde_json::Value {
        let current = self.round.as_ref().and_then(|round| round.current);
        json!({
            "now": current.map(|(extent, ..)| extent.to_string()),
            "sound": self.sound,
            "damaged": self.unsound,
            "finished": self.finished.map(Instant::as_micros),
        })
    }
}

impl Reconcile {
    /// Sealed replicas of this node that the catalog counts on, in order.
    fn readable(
        &self,
        range: (Bound<ExtentId>, Bound<ExtentId>),
    ) -> impl Iterator<Item = (ExtentId, u64)> {
        self.held.range(range).filter_map(|(extent, stage)| {
            let due = self.due.get(extent)?;
            let counts = !due.wanted.fill && !self.damaged.contains(extent);
            match stage {
                Some(Stage::Sealed { length }) if counts && *length > 0 => Some((*extent, *length)),
                _ => None,
            }
        })
    }

    pub(super) fn go_on_reading(&mut self, now: Instant, acts: &mut Acts<Self>) {
        let due = *self.reading.due.get_or_insert(now + SETTLING);
        if self.reading.round.is_none() && due <= now {
            self.begin_round(now);
        }
        // Copies go first.
        if !self.fills.is_empty() {
            return;
        }
        let next = self.next_to_read();
        let Some(round) = &mut self.reading.round else {
            return;
        };
        if round.current.is_none() {
            let Some((extent, length, wrapped)) = next else {
                self.reading.round = None;
                self.reading.due = Some(now + PERIOD);
                self.reading.finished = Some(now);
                return;
            };
            round.wrapped |= wrapped;
            round.after = Some(extent);
            round.current = Some((extent, 0, length, false));
        }
        let Some((extent, offset, length, under_way)) = &mut round.current else {
            return;
        };
        let piece = PIECE.min(*length - *offset);
        if !*under_way && self.pace.take(now, piece * PRICE) {
            *under_way = true;
            acts.show(Effect::Scan {
                extent: *extent,
                offset: *offset,
                length: piece as u32,
            });
        }
    }

    fn begin_round(&mut self, now: Instant) {
        let all = (Bound::Unbounded, Bound::Unbounded);
        let count = self.readable(all).count() as u64;
        let Some(at) = self.reading.draw.checked_rem(count) else {
            self.reading.due = Some(now + SETTLING);
            return;
        };
        let first = self.readable(all).nth(at as usize);
        let Some((first, _)) = first else { return };
        self.reading.round = Some(Round {
            first,
            after: None,
            wrapped: false,
            current: None,
        });
        (self.reading.sound, self.reading.unsound) = (0, 0);
    }

    /// The next replica of the round, and whether it begins anew at the lowest number.
    fn next_to_read(&self) -> Option<(ExtentId, u64, bool)> {
        let round = self.reading.round.as_ref()?;
        let from = round
            .after
            .map_or(Bound::Included(round.first), Bound::Excluded);
        if !round.wrapped {
            let next = self.readable((from, Bound::Unbounded)).next();
            if let Some((extent, length)) = next {
                return Some((extent, length, false));
            }
        }
        let from = if round.wrapped {
            from
        } else {
            Bound::Unbounded
        };
        let next = self.readable((from, Bound::Excluded(round.first))).next();
        next.map(|(extent, length)| (extent, length, true))
    }

    pub(super) fn scanned(&mut self, extent: ExtentId, offset: u64, scanned: Scanned) {
        let Some(round) = &mut self.reading.round else {
            return;
        };
        let Some((at, begin, length, under_way)) = &mut round.current else {
            return;
        };
        if *at != extent || *begin != offset {
            return;
        }
        *under_way = false;
        match scanned {
            Scanned::Bytes(bytes) => {
                *begin += bytes;
                if *begin >= *length {
                    self.reading.sound += 1;
                    round.current = None;
                    self.to_compare.insert(extent);
                }
            }
            Scanned::Gone => round.current = None,
            Scanned::Damaged => {
                self.reading.unsound += 1;
                round.current = None;
                self.damaged.insert(extent);
            }
        }
    }

    /// Reports what was found damaged, until the catalog has it copied again.
    pub(super) fn lose_damaged(&mut self, now: Instant, acts: &mut Acts<Self>) {
        let damaged: Vec<ExtentId> = self.damaged.iter().copied().collect();
        for extent in damaged {
            match self.due.get(&extent) {
                Some(due) if !due.wanted.fill => self.lose(now, extent, self.node, acts),
                _ => drop(self.damaged.remove(&extent)),
            }
        }
    }
}
