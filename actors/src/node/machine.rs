//! What the root decides: when the catalog is written down whole.

use serde_json::json;

use crate::kernel::{Acts, Machine, Never, Now, Sequence};
use crate::tenant::SessionEnd;

/// Commands between two snapshots of the catalog, unless whoever starts the node wants others.
pub(super) const SNAPSHOT_EVERY: u64 = 10_000;

/// The root of the tree.
#[derive(Debug)]
pub(super) struct Root {
    /// Commands between two snapshots; none where the catalog keeps its own.
    every: Option<u64>,
    /// The catalog's last command that was heard of.
    index: Sequence,
    /// The last command in a snapshot, or where counting began.
    kept: Option<Sequence>,
    is_keeping: bool,
}

/// What the root is told.
#[derive(Debug)]
pub(super) enum Event {
    /// The catalog changed, by the command with this number.
    Changed(Sequence),
    /// A snapshot was made, or not.
    Kept,
    /// A session ended.
    SessionEnded(Box<SessionEnd>),
}

/// What the root wants done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Tell all parts of the change, and wait for the next.
    Spread,
    /// Write the catalog down whole.
    Keep,
    /// Tell the catalog how a session ended.
    Record(Box<SessionEnd>),
}

impl Root {
    /// A root that has the catalog written down after so many commands, if it is its to do.
    pub(super) fn new(every: Option<u64>) -> Self {
        Self {
            every: every.map(|every| every.max(1)),
            index: Sequence::default(),
            kept: None,
            is_keeping: false,
        }
    }
}

impl Machine for Root {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, _: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Changed(index) => {
                self.index = index;
                acts.show(Effect::Spread);
            }
            // One that failed is tried again after as many commands more.
            Event::Kept => self.is_keeping = false,
            Event::SessionEnded(end) => acts.start(Effect::Record(end)),
        }
        let kept = *self.kept.get_or_insert(self.index);
        let passed = self.index.raw() - kept.raw();
        if !self.is_keeping && self.every.is_some_and(|every| passed >= every) {
            self.is_keeping = true;
            self.kept = Some(self.index);
            acts.start(Effect::Keep);
        }
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn observe(&self) -> serde_json::Value {
        json!({ "index": self.index.raw(), "snapshot": self.kept.map(Sequence::raw) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_is_written_down_after_ten_thousand_commands_and_not_twice_at_once() {
        let mut root = Root::new(Some(SNAPSHOT_EVERY));
        let mut kept = 0;
        for index in 0..35_000 {
            let mut acts = Acts::default();
            root.step(
                Now::default(),
                Event::Changed(Sequence::new(index)),
                &mut acts,
            );
            let keeps = acts
                .iter()
                .filter(|act| format!("{act:?}") == "Start Keep")
                .count();
            kept += keeps;
            if keeps > 0 && index < 20_000 {
                root.step(Now::default(), Event::Kept, &mut Acts::default());
            }
        }
        assert_eq!(kept, 2, "the second one never ended, so there is no third");
    }
}
