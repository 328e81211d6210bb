//! The flight recorder: the last decisions of an actor, small enough to be always on.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Write as _};

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

/// The text of a thing as far as it is kept: of a large one no more is made than that.
pub(super) fn line(thing: &dyn Debug) -> String {
    let mut line = Line(String::new());
    // The one failure is that there is no more room.
    let _ = write!(line, "{thing:?}");
    cut(line.0)
}

/// Text that takes a little more than is kept, and then no more.
struct Line(String);

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        if self.0.len() > LINE_MAX {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_thing_no_more_is_written_than_is_kept() {
        let small: Vec<u64> = (0..10).collect();
        assert_eq!(line(&small), format!("{small:?}"));
        let large: Vec<u64> = (1_000_000..3_000_000).collect();
        let kept = line(&large);
        assert_eq!(kept, cut(format!("{:?}", &large[..100])));
        assert!(kept.ends_with('…'), "{kept}");
    }

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
