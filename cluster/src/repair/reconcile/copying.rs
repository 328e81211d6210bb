//! Copying sealed extents from nodes that have all of them.

use std::collections::BTreeSet;

use holdfast_actors::catalog::command::ReplicaCommand;
use holdfast_actors::kernel::{Acts, ExtentId, Instant, NodeId};
use serde_json::json;

use super::super::super::extents::Copied;
use super::{Attempt, Effect, FILLS, PIECE, Pulled, Reconcile, Verdict, Wanted};

/// After so many failures of its own disk a node gives an extent back, for another to copy it.
const GIVE_BACK: u32 = 5;

/// An extent that is being copied.
#[derive(Debug)]
pub(super) struct Fill {
    wanted: Wanted,
    attempt: Attempt,
    length: u64,
    /// So far it is copied.
    offset: u64,
    from: Option<NodeId>,
    /// Nodes that could not give it.
    tried: BTreeSet<NodeId>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The next piece may be asked for.
    Ready,
    /// A piece is on its way.
    Pulling,
    /// The disk makes it durable.
    Placing,
    /// It is in its place and to be reported.
    Placed,
    /// The catalog was told.
    Reported,
}

impl Fill {
    /// Another node to copy from; each node begins with another one, so that what one node lost is
    /// read from many.
    fn choose(&mut self, extent: ExtentId, node: NodeId) -> Option<NodeId> {
        let left: Vec<NodeId> = self
            .wanted
            .sources
            .difference(&self.tried)
            .copied()
            .collect();
        let draw = (extent.raw() ^ node.raw()).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let at = draw.checked_rem(left.len() as u64)?;
        self.from = left.get(at as usize).copied();
        self.from
    }

    pub(super) fn waits(&self, extent: ExtentId) -> String {
        let Self { offset, length, .. } = self;
        match (self.stage, self.from) {
            (Stage::Pulling, Some(from)) => {
                format!("{from} to give {extent}, {offset} of {length} bytes so far")
            }
            (Stage::Ready | Stage::Pulling, _) => {
                format!("the budget, to copy {extent}, {offset} of {length} bytes so far")
            }
            (Stage::Placing, _) => format!("the disk makes a copy of {extent} durable"),
            (Stage::Placed | Stage::Reported, _) => {
                format!("the catalog to know of the copy of {extent}")
            }
        }
    }
}

impl Reconcile {
    /// Ends what the catalog does not want any more, or wants otherwise.
    pub(super) fn cancel(&mut self, acts: &mut Acts<Self>) {
        let due = &self.due;
        let is_wanted = |extent: &ExtentId| due.get(extent).is_some_and(|due| due.wanted.fill);
        let ended: Vec<ExtentId> = self
            .fills
            .keys()
            .copied()
            .filter(|extent| !is_wanted(extent))
            .collect();
        for extent in ended {
            self.forget(extent, acts);
        }
    }

    fn forget(&mut self, extent: ExtentId, acts: &mut Acts<Self>) {
        let Some(fill) = self.fills.remove(&extent) else {
            return;
        };
        // What is being put in its place is the store's.
        if matches!(fill.stage, Stage::Ready | Stage::Pulling) {
            acts.show(Effect::Discard {
                repository: fill.wanted.repository,
                extent,
                attempt: fill.attempt,
            });
        }
    }

    pub(super) fn begin_fills(&mut self, now: Instant) {
        let free = FILLS.saturating_sub(self.fills.len());
        let next = self.to_fill.iter().filter(|extent| {
            let waits = self.later.get(extent).is_some_and(|(_, at)| *at > now);
            !waits && !self.fills.contains_key(extent)
        });
        let next: Vec<_> = next
            .filter_map(|extent| {
                let wanted = &self.due.get(extent)?.wanted;
                Some((*extent, wanted.clone(), wanted.sealed?))
            })
            .take(free)
            .collect();
        for (extent, wanted, length) in next {
            self.attempts += 1;
            let fill = Fill {
                wanted,
                attempt: self.attempts,
                length,
                offset: 0,
                from: None,
                tried: BTreeSet::new(),
                // Of nothing there is no file.
                stage: if length == 0 {
                    Stage::Placed
                } else {
                    Stage::Ready
                },
            };
            self.fills.insert(extent, fill);
        }
    }

    /// Whether only the budget holds up a copy.
    pub(super) fn is_held_up(&self) -> bool {
        let mut fills = self.fills.values();
        match self.fills.is_empty() {
            true => self.reading.is_held_up(),
            false => fills.any(|fill| fill.stage == Stage::Ready),
        }
    }

    pub(super) fn go_on_copying(&mut self, now: Instant, acts: &mut Acts<Self>) {
        let node = self.node;
        let mut failed = Vec::new();
        for (extent, fill) in &mut self.fills {
            let extent = *extent;
            match fill.stage {
                Stage::Ready => {}
                Stage::Placed => {
                    if self.later.get(&extent).is_none_or(|(_, at)| *at <= now) {
                        fill.stage = Stage::Reported;
                        let command = ReplicaCommand::Filled;
                        acts.show(Effect::Submit {
                            extent,
                            node,
                            command,
                        });
                    }
                    continue;
                }
                Stage::Pulling | Stage::Placing | Stage::Reported => continue,
            }
            let Some(from) = fill.from.or_else(|| fill.choose(extent, node)) else {
                failed.push(extent);
                continue;
            };
            let length = PIECE.min(fill.length - fill.offset);
            if !self.pace.take(now, length) {
                continue;
            }
            fill.stage = Stage::Pulling;
            acts.show(Effect::Pull {
                extent,
                attempt: fill.attempt,
                repository: fill.wanted.repository,
                from,
                offset: fill.offset,
                length: length as u32,
            });
        }
        for extent in failed {
            self.put_off(now, extent);
            self.forget(extent, acts);
        }
    }

    pub(super) fn pulled(
        &mut self,
        now: Instant,
        extent: ExtentId,
        attempt: Attempt,
        pulled: Pulled,
        acts: &mut Acts<Self>,
    ) {
        let fill = self.fills.get_mut(&extent);
        let Some(fill) = fill.filter(|it| it.attempt == attempt && it.stage == Stage::Pulling)
        else {
            return;
        };
        fill.stage = Stage::Ready;
        match pulled {
            Pulled::Bytes(bytes) => {
                fill.offset += bytes;
                self.copied_bytes += bytes;
                if fill.offset >= fill.length {
                    fill.stage = Stage::Placing;
                    let Wanted {
                        repository, epoch, ..
                    } = fill.wanted;
                    let copied = Copied {
                        extent,
                        repository,
                        epoch,
                        length: fill.length,
                    };
                    acts.show(Effect::Place { attempt, copied });
                }
            }
            Pulled::Missing => fill.tried.extend(fill.from.take()),
            Pulled::Damaged => {
                // What came before it came from the same node, and may be damaged too.
                acts.show(Effect::Discard {
                    repository: fill.wanted.repository,
                    extent,
                    attempt,
                });
                let from = fill.from.take();
                fill.tried.extend(from);
                self.attempts += 1;
                (fill.offset, fill.attempt) = (0, self.attempts);
                if let Some(from) = from {
                    self.lose(now, extent, from, acts);
                }
            }
            Pulled::Disk => self.failed(now, extent, acts),
        }
    }

    /// The disk of this node failed.
    fn failed(&mut self, now: Instant, extent: ExtentId, acts: &mut Acts<Self>) {
        self.forget(extent, acts);
        if self.put_off(now, extent) >= GIVE_BACK {
            let (node, command) = (self.node, ReplicaCommand::Drop);
            acts.show(Effect::Submit {
                extent,
                node,
                command,
            });
        }
    }

    pub(super) fn placed(
        &mut self,
        now: Instant,
        extent: ExtentId,
        attempt: Attempt,
        done: bool,
        acts: &mut Acts<Self>,
    ) {
        let fill = self.fills.get_mut(&extent);
        let Some(fill) = fill.filter(|it| it.attempt == attempt) else {
            return;
        };
        if done {
            fill.stage = Stage::Placed;
            self.later.remove(&extent);
        } else {
            self.failed(now, extent, acts);
        }
    }

    /// The catalog was told that a copy is there.
    pub(super) fn reported(&mut self, now: Instant, extent: ExtentId, verdict: Verdict) {
        let Some(fill) = self.fills.get_mut(&extent) else {
            return;
        };
        match verdict {
            Verdict::Done => {
                self.fills.remove(&extent);
                self.copied += 1;
                // Until the rows that say so are here, it looks as if it were to be copied.
                self.later.insert(extent, (0, now + super::LOOK));
            }
            Verdict::Refused => {
                self.fills.remove(&extent);
                self.put_off(now, extent);
            }
            Verdict::Silent => {
                fill.stage = Stage::Placed;
                self.put_off(now, extent);
            }
        }
    }

    pub(super) fn shown_fills(&self) -> Vec<serde_json::Value> {
        let fills = self.fills.iter().map(|(extent, fill)| {
            json!({
                "extent": extent.to_string(),
                "from": fill.from.map(|node| node.to_string()),
                "bytes": fill.offset,
                "of": fill.length,
            })
        });
        fills.collect()
    }

    /// What is to be copied and cannot be now.
    pub(super) fn waits_to_fill(&self) -> Vec<String> {
        let waits = self.later.keys().filter_map(|extent| {
            let wanted = &self.due.get(extent).filter(|due| due.wanted.fill)?.wanted;
            let why = match wanted.sources.len() {
                0 => "a node that has all of it",
                _ => "the next attempt, after the last one failed",
            };
            let is_idle = !self.fills.contains_key(extent);
            is_idle.then(|| format!("{why}, to copy {extent}"))
        });
        waits.collect()
    }
}
