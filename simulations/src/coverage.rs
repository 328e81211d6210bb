//! What many runs reach of what the machines can do, and what none of them reaches.
//!
//! Counted are events, facts, effects and refusals by name, and transitions: an event with all that
//! was asked for because of it. Names are read from what machines show of themselves.

mod list;
mod never;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use holdfast_actors::refusal::Reason;
use serde::{Deserialize, Serialize};

use crate::line::{Line, Told, Who};
use crate::witness::{Moment, Witness};

/// Under which name stands what clients are told, whichever machine said no.
const CLIENTS: &str = "Clients";

/// How often each thing was seen, by machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Steps of all machines.
    pub decisions: u64,
    /// By the machine's name.
    pub machines: BTreeMap<String, Reached>,
}

/// What one kind of machine came to, each with how often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// What it was told.
    pub events: BTreeMap<String, u64>,
    /// What it made durable.
    pub facts: BTreeMap<String, u64>,
    /// What it asked for.
    pub effects: BTreeMap<String, u64>,
    /// Why it said no.
    pub refusals: BTreeMap<String, u64>,
    /// An event, and what was asked for because of it.
    pub transitions: BTreeMap<String, u64>,
}

/// Something that can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Point {
    /// Of which machine.
    pub machine: String,
    /// `event`, `fact`, `effect`, `refusal` or `transition`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// How often it was reached.
    pub count: u64,
}

/// Counts as a run goes by.
#[derive(Debug, Default)]
pub struct Counter(Mutex<Coverage>);

impl Counter {
    /// What was counted, with what the lines of the trace say of clients.
    pub fn counted<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> Coverage {
        let mut coverage = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for line in lines.into_iter().filter_map(Line::parse) {
            if let (Who::Client(..), Some(Told::Refused(reason))) = (line.who, line.told) {
                coverage.machine(CLIENTS).refusals.add(reason);
            }
        }
        coverage
    }
}

impl Witness for Counter {
    fn decided(&self, moment: &Moment<'_>) {
        // An actor that has just been started has decided nothing yet.
        let Some(event) = moment.step.event else {
            return;
        };
        let mut coverage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        coverage.decisions += 1;
        let reached = coverage.machine(type_of(moment.step.machine));
        let event = first_word(event);
        reached.events.add(event);
        let mut asked: Vec<String> = Vec::new();
        for act in moment.step.acts {
            let name = match Act::of(act) {
                Act::Fact(name) => {
                    reached.facts.add(name);
                    format!("persist {name}")
                }
                Act::Effect(name, None) => {
                    reached.effects.add(name);
                    name.to_owned()
                }
                Act::Effect(name, Some(refusal)) => {
                    reached.effects.add(name);
                    reached.refusals.add(refusal);
                    format!("{name} ({refusal})")
                }
            };
            if asked.last() != Some(&name) {
                asked.push(name);
            }
        }
        let asked = if asked.is_empty() {
            "nothing".to_owned()
        } else {
            asked.join(", ")
        };
        reached.transitions.add(&format!("{event}: {asked}"));
    }
}

impl Coverage {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: Self) {
        self.decisions += other.decisions;
        for (name, reached) in other.machines {
            let mine = self.machine(&name);
            let pairs = [
                (&mut mine.events, reached.events),
                (&mut mine.facts, reached.facts),
                (&mut mine.effects, reached.effects),
                (&mut mine.refusals, reached.refusals),
                (&mut mine.transitions, reached.transitions),
            ];
            for (mine, other) in pairs {
                for (name, count) in other {
                    *mine.entry(name).or_default() += count;
                }
            }
        }
    }

    /// All that there is to reach, and all that was reached, in the order of machines and kinds.
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        let mut told: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        told.sort_unstable();
        let nothing = Reached::default();
        let mut all = |machine: &str, kind, names: &[&str], counts: &BTreeMap<String, u64>| {
            let point = |name: &str, count: u64| Point {
                machine: machine.to_owned(),
                kind,
                name: name.to_owned(),
                count,
            };
            let listed = names.iter().map(|name| point(name, counts.of(name)));
            // A name that the list does not know is worth seeing more than any other.
            let others = counts
                .iter()
                .filter(|(name, _)| !names.contains(&name.as_str()));
            points.extend(listed);
            points.extend(others.map(|(name, count)| point(name, *count)));
        };
        for machine in list::MACHINES {
            let reached = self.machines.get(machine.name).unwrap_or(&nothing);
            all(machine.name, "event", machine.events, &reached.events);
            all(machine.name, "fact", machine.facts, &reached.facts);
            all(machine.name, "effect", machine.effects, &reached.effects);
            all(machine.name, "refusal", machine.refusals, &reached.refusals);
            all(machine.name, "transition", &[], &reached.transitions);
        }
        let clients = self.machines.get(CLIENTS).unwrap_or(&nothing);
        all(CLIENTS, "refusal", &told, &clients.refusals);
        points
    }

    /// Why something is never reached, if that is so by design.
    pub fn why_never(point: &Point) -> Option<&'static str> {
        let is_it = |never: &&never::Never| {
            (never.machine, never.kind, never.name)
                == (point.machine.as_str(), point.kind, point.name.as_str())
        };
        never::NEVER.iter().find(is_it).map(|never| never.why)
    }

    fn machine(&mut self, name: &str) -> &mut Reached {
        self.machines.entry(name.to_owned()).or_default()
    }
}

/// Counts by name.
trait Counts {
    fn add(&mut self, name: &str);
    fn of(&self, name: &str) -> u64;
}

impl Counts for BTreeMap<String, u64> {
    fn add(&mut self, name: &str) {
        match self.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.insert(name.to_owned(), 1)),
        }
    }

    fn of(&self, name: &str) -> u64 {
        self.get(name).copied().unwrap_or_default()
    }
}

/// An act as it shows itself.
#[derive(Debug, PartialEq, Eq)]
enum Act<'a> {
    Fact(&'a str),
    Effect(&'a str, Option<&'a str>),
}

impl<'a> Act<'a> {
    fn of(act: &'a str) -> Self {
        let (verb, what) = act.split_once(' ').unwrap_or(("", act));
        if verb == "Persist" {
            // The catalog's facts are commands; those of a repository have their number in front.
            let fact = what
                .split_once("command: ")
                .map_or(what, |(_, command)| command);
            let capital = fact.find(|letter: char| letter.is_ascii_uppercase());
            return Self::Fact(first_word(&fact[capital.unwrap_or(0)..]));
        }
        let name = first_word(what);
        let behind = |words: &str| what.split_once(words).map(|(_, rest)| first_word(rest));
        let refusal = match name {
            "Deny" => what.split(' ').nth(2).map(first_word),
            "Refuse" | "Revoke" | "RefuseSnapshot" => behind("reason: "),
            "Answer" | "Sealed" => behind("Err("),
            _ => None,
        };
        Self::Effect(name, refusal)
    }
}

/// The name of a type, without its modules and parameters.
fn type_of(machine: &str) -> &str {
    let plain = machine.split('<').next().unwrap_or(machine);
    plain.rsplit(':').next().unwrap_or(plain)
}

/// The first name in a text.
fn first_word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::Plan;
    use crate::world::{Options, run, run_before};

    #[test]
    fn an_act_is_read_by_its_name_and_its_refusal() {
        let commanded = "Persist Record { index: #1, submission: Submission { command: Clock(Tick";
        assert_eq!(Act::of(commanded), Act::Fact("Clock"));
        assert_eq!(
            Act::of("Persist #10 Stored 0:config 17B"),
            Act::Fact("Stored")
        );
        assert_eq!(Act::of("Start Open"), Act::Effect("Open", None));
        let denied = "Show Deny ticket-109 Quota { quota: 1B }";
        assert_eq!(Act::of(denied), Act::Effect("Deny", Some("Quota")));
        let refused = "Show Refuse(ticket-1, Refusal { reason: Busy, sentence: \"no\" })";
        assert_eq!(Act::of(refused), Act::Effect("Refuse", Some("Busy")));
        let broken = "Show Answer ticket-41 Err(Broken)";
        assert_eq!(Act::of(broken), Act::Effect("Answer", Some("Broken")));
        assert_eq!(
            type_of("a::machine::Supervisor<a::b::RepositoryId>"),
            "Supervisor"
        );
    }

    #[test]
    fn everything_that_a_few_runs_reach_has_a_name_in_the_list() {
        let mut all = Coverage::default();
        let options = Options {
            keeps_lines: true,
            ..Options::default()
        };
        for seed in 0..10 {
            let counter = Arc::new(Counter::default());
            let verdict = run_before(Some(counter.clone()), &Plan::from_seed(seed), options);
            all.add(counter.counted(verdict.trace.lines().iter().map(String::as_str)));
        }
        let listed = Coverage::default().points();
        let names: Vec<_> = listed
            .iter()
            .map(|point| (&point.machine, point.kind, &point.name))
            .collect();
        let points = all.points();
        for point in points.iter().filter(|point| point.kind != "transition") {
            let name = (&point.machine, point.kind, &point.name);
            assert!(names.contains(&name), "{point:?}");
        }
        let reached = points
            .iter()
            .filter(|point| point.count > 0 && point.kind != "transition");
        assert!(reached.count() > 60);
        assert!(all.decisions > 5_000);
    }

    #[test]
    fn a_witness_changes_nothing() {
        for seed in [0, 7, 82] {
            let plan = Plan::from_seed(seed);
            let seen = run_before(
                Some(Arc::new(Counter::default())),
                &plan,
                Options::default(),
            );
            assert_eq!(seen.trace, run(&plan, Options::default()).trace);
        }
    }
}
