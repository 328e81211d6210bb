//! One run again: its trace alone on stdout, everything else on stderr.

use std::sync::Arc;

use holdfast_simulations::record::{Decision, Recorder, merged};
use holdfast_simulations::scenario::Scenario;
use holdfast_simulations::verdict::Verdict;
use holdfast_simulations::world::{self, Options};

use super::arguments::Replay;
use super::child::outcome;
use super::{broken, source};
use crate::cli::{Failure, Screen};

pub(super) fn run(replay: &Replay, screen: &mut Screen) -> Result<(), Failure> {
    let scenario = source::load(&replay.one, screen)?;
    screen.remark(format!("seed {}", scenario.plan.seed));
    let (verdict, decisions) = recorded(&scenario);
    let decisions: &[Decision] = if replay.trace { &decisions } else { &[] };
    let until = replay.until.map_or(u64::MAX, |until| {
        u64::try_from(until.as_micros()).unwrap_or(u64::MAX)
    });
    for entry in merged(verdict.trace.lines(), decisions) {
        if entry.at() > until {
            break;
        }
        screen.line(entry)?;
    }
    let (hash, count) = (verdict.trace.hash(), verdict.trace.count());
    screen.remark(format!("trace {hash:016x} of {count} lines"));
    let outcome = outcome(&verdict, &scenario.expectations);
    for breach in &outcome.broken {
        screen.remark(format!("{}: {}", breach.invariant, breach.story));
    }
    screen.remark(source::reproduce(&replay.one, &scenario));
    match outcome.broken.first() {
        None => Ok(()),
        Some(first) => Err(broken(format!("the run broke {}", first.invariant))),
    }
}

/// A run in this process, with all that its actors decided.
pub(super) fn recorded(scenario: &Scenario) -> (Verdict, Vec<Decision>) {
    let options = Options {
        mutation: scenario.bug,
        keeps_lines: true,
    };
    let recorder = Arc::new(Recorder::default());
    let verdict = world::run_before(Some(recorder.clone()), &scenario.plan, options);
    (verdict, recorder.decisions())
}
