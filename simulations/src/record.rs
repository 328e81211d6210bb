//! All that happened in a run, in one row: lines of the trace and decisions of actors; and how the
//! actors stood at any moment of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_actors::shell::{Listing, Path};
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
    /// The lines of the trace that came before; none if several nodes write to it.
    lines: Option<u64>,
    /// On which of several nodes; empty if there is only one.
    node: String,
    /// Whose; below the name of its node if there are several.
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
    /// A decision.
    Decision(&'a Decision),
}

/// How one actor stood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stand {
    /// What it says of itself.
    pub state: Value,
    /// What it waits for, a sentence each.
    pub waits: Vec<String>,
}

/// How all actors stood at one moment.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The actors of all nodes.
    pub tree: Vec<Listing>,
    /// What those that run say of themselves, by path.
    pub stands: BTreeMap<String, Stand>,
}

/// Writes all decisions down.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Decision>>);

/// Takes a picture when so much has been decided on each node: among several, what stands in the
/// order of time is not the order in which nodes had their turns.
#[derive(Debug)]
pub struct Camera {
    wanted: BTreeMap<String, usize>,
    seen: Mutex<(BTreeMap<String, usize>, Picture)>,
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
            node: moment.node.to_owned(),
            path: moment.place(moment.step.path).to_string(),
            event: moment.step.event.map(short),
            acts: moment.step.acts.iter().map(|act| short(act)).collect(),
        });
    }
}

impl Camera {
    /// A camera for the moment when these things have happened, and nothing else.
    pub fn after(happened: &[Entry<'_>]) -> Self {
        let mut wanted = BTreeMap::new();
        for entry in happened {
            if let Entry::Decision(decision) = entry {
                *wanted.entry(decision.node.clone()).or_default() += 1;
            }
        }
        Self {
            wanted,
            seen: Mutex::default(),
        }
    }

    /// The picture; without the nodes whose run ended before.
    pub fn picture(&self) -> Picture {
        locked(&self.seen).1.clone()
    }
}

impl Witness for Camera {
    fn decided(&self, moment: &Moment<'_>) {
        let wanted = self.wanted.get(moment.node).copied().unwrap_or_default();
        let mut seen = locked(&self.seen);
        let (counts, picture) = &mut *seen;
        let count = counts.entry(moment.node.to_owned()).or_default();
        if *count == wanted {
            return;
        }
        *count += 1;
        let stand = Stand {
            state: (moment.step.state)(),
            waits: (moment.step.waits)(),
        };
        let place = |path| moment.place(path).to_string();
        picture.stands.insert(place(moment.step.path), stand);
        if *count == wanted {
            picture.develop(moment);
        }
    }
}

impl Picture {
    /// Of this moment's node, what runs stays, and all that is known of it comes in.
    fn develop(&mut self, moment: &Moment<'_>) {
        let mut tree = moment.directory.tree();
        for one in &mut tree {
            one.path = moment.place(&one.path);
        }
        let runs = |path: &String| {
            tree.iter()
                .any(|one| one.is_running() && one.path.as_str() == path)
        };
        let root = moment.place(&Path::node());
        let is_here = |path: &String| path == root.as_str() || Path::from(&**path).is_below(&root);
        self.stands.retain(|path, _| !is_here(path) || runs(path));
        self.tree.extend(tree);
        self.tree.sort_by(|one, other| one.path.cmp(&other.path));
    }
}

/// Lines and decisions in the order in which they happened.
pub fn merged<'a>(lines: &'a [String], decisions: &'a [Decision]) -> Vec<Entry<'a>> {
    let mut all = Vec::with_capacity(lines.len() + decisions.len());
    let mut sorted: Vec<&Decision> = decisions.iter().collect();
    sorted.sort_by_key(|decision| decision.at);
    let mut decisions = sorted.into_iter().peekable();
    for (before, line) in lines.iter().enumerate() {
        let at = Line::parse(line).map_or(0, |line| line.at);
        // Of several nodes it is not known which line was the last; most follow from decisions.
        let is_before = |decision: &&Decision| match decision.lines {
            Some(lines) => lines <= before as u64,
            None => decision.at <= at,
        };
        while let Some(decision) = decisions.next_if(is_before) {
            all.push(Entry::Decision(decision));
        }
        all.push(Entry::Line(line));
    }
    all.extend(decisions.map(Entry::Decision));
    all
}

impl Entry<'_> {
    /// Since the run began, in microseconds.
    pub fn at(&self) -> Micros {
        match self {
            Self::Line(line) => Line::parse(line).map_or(0, |line| line.at),
            Self::Decision(decision) => decision.at,
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
            Self::Decision(decision) => write!(f, "{decision}"),
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

    /// All that happens in a run of this plan.
    fn happening(plan: &Plan) -> (Vec<String>, Vec<Decision>) {
        let options = Options {
            keeps_lines: true,
            ..Options::default()
        };
        let recorder = Arc::new(Recorder::default());
        let verdict = run_before(Some(recorder.clone()), plan, options);
        (verdict.trace.lines().to_vec(), recorder.decisions())
    }

    #[test]
    fn lines_and_decisions_stand_in_the_order_of_time() {
        for plan in [Plan::single, Plan::several, Plan::register] {
            let (lines, decisions) = happening(&plan(7));
            let all = merged(&lines, &decisions);
            assert_eq!(all.len(), lines.len() + decisions.len());
            assert!(!decisions.is_empty() && all.is_sorted_by_key(Entry::at));
            assert!(all[0].has("node"), "{}", all[0]);
        }
    }

    #[test]
    fn a_picture_shows_how_the_actors_stood_and_is_the_same_each_time() {
        let actors = ["node/gateway", "node-2/gateway", "node-2/register"];
        let plans = [Plan::single(7), Plan::several(7), Plan::register(7)];
        for (plan, actor) in plans.iter().zip(actors) {
            let (lines, decisions) = happening(plan);
            let all = merged(&lines, &decisions);
            let picture = |count| {
                let camera = Arc::new(Camera::after(&all[..count]));
                run_before(Some(camera.clone()), plan, Options::default());
                camera.picture()
            };
            let (early, late) = (picture(3), picture(400));
            assert!(early.tree.len() < late.tree.len());
            let stand = &late.stands[actor];
            assert!(stand.state.is_object(), "{stand:?}");
            assert_eq!(picture(400).stands, late.stands);
            assert!(picture(0).tree.is_empty());
        }
    }

    #[test]
    fn a_picture_of_several_nodes_is_of_one_moment() {
        let plan = Plan::several(7);
        let (lines, decisions) = happening(&plan);
        let all = merged(&lines, &decisions);
        let camera = Arc::new(Camera::after(&all[..2_000]));
        run_before(Some(camera.clone()), &plan, Options::default());
        let picture = camera.picture();
        let roots: BTreeMap<&str, usize> =
            picture.tree.iter().fold(BTreeMap::new(), |mut all, one| {
                let root = one.path.as_str().split('/').next().unwrap();
                *all.entry(root).or_default() += 1;
                all
            });
        assert!(roots.len() > 1 && !roots.contains_key("node"), "{roots:?}");
        // What an actor says of itself is what it said last before then, on its own node.
        for (path, stand) in &picture.stands {
            let mine = all[..2_000].iter().rev();
            let is_mine = |entry: &&Entry<'_>| match entry {
                Entry::Decision(decision) => decision.path == *path,
                Entry::Line(_) => false,
            };
            assert!(
                mine.clone().any(|entry| is_mine(&entry)),
                "{path} {stand:?}"
            );
        }
    }
}
