//! All that happened in a run, in one row: lines of the trace and decisions of actors; and how the
//! actors stood at any moment of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_actors::shell::Listing;
use serde_json::Value;

use crate::line::Line;
use crate::trace::Micros;
use crate::witness::{Moment, Witness};

/// Bytes of text kept of one event or one act, as in the flight recorder of an actor.
const TEXT_MAX: usize = 300;

/// One step of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Since the run began, in microseconds.
    pub at: Micros,
    /// The lines of the trace that came before.
    lines: u64,
    /// Whose.
    pub path: String,
    /// What it was told; none when it has just been started.
    pub event: Option<String>,
    /// What it asked for.
    pub acts: Vec<String>,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A line of the trace.
    Line(&'a str),
    /// A decision, by its number.
    Decision(usize, &'a Decision),
}

/// How one actor stood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stand {
    /// What it says of itself.
    pub state: Value,
    /// What it waits for, a sentence each.
    pub waits: Vec<String>,
}

/// How all actors stood after one decision.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The actors of the node.
    pub tree: Vec<Listing>,
    /// What those that run say of themselves, by path.
    pub stands: BTreeMap<String, Stand>,
}

/// Writes all decisions down.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Decision>>);

/// Takes a picture after the decision with this number.
#[derive(Debug)]
pub struct Camera {
    after: usize,
    seen: Mutex<(usize, Picture)>,
}

impl Recorder {
    /// All decisions so far.
    pub fn decisions(&self) -> Vec<Decision> {
        locked(&self.0).clone()
    }
}

impl Witness for Recorder {
    fn decided(&self, moment: &Moment<'_>) {
        locked(&self.0).push(Decision {
            at: moment.at,
            lines: moment.lines,
            path: moment.step.path.to_string(),
            event: moment.step.event.map(short),
            acts: moment.step.acts.iter().map(|act| short(act)).collect(),
        });
    }
}

impl Camera {
    /// A camera for one decision of a run.
    pub fn after(decision: usize) -> Self {
        Self {
            after: decision,
            seen: Mutex::default(),
        }
    }

    /// The picture; empty if the run ended before.
    pub fn picture(&self) -> Picture {
        locked(&self.seen).1.clone()
    }
}

impl Witness for Camera {
    fn decided(&self, moment: &Moment<'_>) {
        let mut seen = locked(&self.seen);
        let (number, picture) = &mut *seen;
        if *number > self.after {
            return;
        }
        let stand = Stand {
            state: (moment.step.state)(),
            waits: (moment.step.waits)(),
        };
        picture.stands.insert(moment.step.path.to_string(), stand);
        if *number == self.after {
            picture.tree = moment.directory.tree();
            let tree = &picture.tree;
            let runs = |path: &String| {
                tree.iter()
                    .any(|one| one.is_running() && one.path.as_str() == path)
            };
            picture.stands.retain(|path, _| runs(path));
        }
        *number += 1;
    }
}

/// Lines and decisions in the order in which they happened.
pub fn merged<'a>(lines: &'a [String], decisions: &'a [Decision]) -> Vec<Entry<'a>> {
    let mut all = Vec::with_capacity(lines.len() + decisions.len());
    let mut decisions = decisions.iter().enumerate().peekable();
    for (before, line) in lines.iter().enumerate() {
        while let Some((number, decision)) =
            decisions.next_if(|(_, decision)| decision.lines <= before as u64)
        {
            all.push(Entry::Decision(number, decision));
        }
        all.push(Entry::Line(line));
    }
    all.extend(decisions.map(|(number, decision)| Entry::Decision(number, decision)));
    all
}

impl Entry<'_> {
    /// Since the run began, in microseconds.
    pub fn at(&self) -> Micros {
        match self {
            Self::Line(line) => Line::parse(line).map_or(0, |line| line.at),
            Self::Decision(_, decision) => decision.at,
        }
    }

    /// Whether a text stands anywhere in it.
    pub fn has(&self, text: &str) -> bool {
        self.to_string().contains(text)
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line),
            Self::Decision(_, decision) => write!(f, "{decision}"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.at / 1_000_000, self.at % 1_000_000);
        let event = self.event.as_deref().unwrap_or("begins");
        write!(f, "{seconds:>6}.{micros:06} {} {event}", self.path)?;
        self.acts
            .iter()
            .try_for_each(|act| write!(f, "\n{:16}{act}", ""))
    }
}

fn short(text: &str) -> String {
    if text.len() <= TEXT_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT_MAX)])
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::Plan;
    use crate::world::{Options, run_before};

    #[test]
    fn lines_and_decisions_stand_in_the_order_of_time() {
        let options = Options {
            keeps_lines: true,
            ..Options::default()
        };
        let recorder = Arc::new(Recorder::default());
        let verdict = run_before(Some(recorder.clone()), &Plan::from_seed(7), options);
        let decisions = recorder.decisions();
        let all = merged(verdict.trace.lines(), &decisions);
        assert_eq!(all.len(), verdict.trace.lines().len() + decisions.len());
        assert!(all.is_sorted_by_key(Entry::at));
        assert!(all[0].has("node"), "{}", all[0]);
    }

    #[test]
    fn a_picture_shows_how_the_actors_stood_and_is_the_same_each_time() {
        let plan = Plan::from_seed(7);
        let picture = |after| {
            let camera = Arc::new(Camera::after(after));
            run_before(Some(camera.clone()), &plan, Options::default());
            camera.picture()
        };
        let (early, late) = (picture(3), picture(400));
        assert!(early.tree.len() < late.tree.len());
        let gateway = &late.stands["node/gateway"];
        assert!(gateway.state.is_object(), "{gateway:?}");
        assert_eq!(picture(400).stands, late.stands);
        assert!(picture(1 << 40).tree.is_empty());
    }
}
