//! The flight recorder: the last decisions of an actor, small enough to be always on.

use std::collections::VecDeque;

use serde::Serialize;

use crate::kernel::Now;

/// Decisions kept.
const DECISIONS_MAX: usize = 256;
/// Bytes of text kept.
const BYTES_MAX: usize = 16 << 10;
/// Bytes of text kept of one event or one act.
const LINE_MAX: usize = 200;

/// One step of a machine: what it was told, and what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When, in wall-clock time.
    pub at: String,
    /// The event.
    pub event: String,
    /// The acts, in order.
    pub acts: Vec<String>,
}

/// A bounded queue of decisions.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    kept: VecDeque<(Now, String, Vec<String>)>,
    bytes: usize,
}

impl Recorder {
    /// Keeps one decision and drops the oldest beyond the bounds.
    pub(super) fn record(&mut self, now: Now, event: String, acts: Vec<String>) {
        let event = cut(event);
        let acts: Vec<String> = acts.into_iter().map(cut).collect();
        self.bytes += weight(&event, &acts);
        self.kept.push_back((now, event, acts));
        while self.kept.len() > DECISIONS_MAX || self.bytes > BYTES_MAX {
            let Some((_, event, acts)) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= weight(&event, &acts);
        }
    }

    /// The decisions kept, oldest first.
    pub(super) fn decisions(&self) -> Vec<Decision> {
        let decision = |(now, event, acts): &(Now, String, Vec<String>)| Decision {
            at: now.wall.to_string(),
            event: event.clone(),
            acts: acts.clone(),
        };
        self.kept.iter().map(decision).collect()
    }
}

fn weight(event: &str, acts: &[String]) -> usize {
    event.len() + acts.iter().map(String::len).sum::<usize>()
}

fn cut(mut text: String) -> String {
    if text.len() > LINE_MAX {
        text.truncate(text.floor_char_boundary(LINE_MAX));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorder_never_outgrows_its_bounds() {
        let mut recorder = Recorder::default();
        for at in 0..1000 {
            recorder.record(Now::default(), format!("event {at}"), vec!["x".repeat(500)]);
        }
        assert!(recorder.bytes <= BYTES_MAX);
        let decisions = recorder.decisions();
        assert!(decisions.len() <= DECISIONS_MAX);
        assert_eq!(decisions.last().unwrap().event, "event 999");
    }
}
