//! One run again: its trace alone on stdout, everything else on stderr.

use holdfast_simulations::line::Line;
use holdfast_simulations::world::{self, Options};

use super::arguments::Replay;
use super::child::outcome;
use super::{broken, source};
use crate::cli::{Failure, Screen};

pub(super) fn run(replay: &Replay, screen: &mut Screen) -> Result<(), Failure> {
    let scenario = source::load(&replay.one, screen)?;
    screen.remark(format!("seed {}", scenario.plan.seed));
    let options = Options {
        mutation: scenario.bug,
        keeps_lines: true,
    };
    let verdict = world::run(&scenario.plan, options);
    let until = replay.until.map_or(u64::MAX, |until| {
        u64::try_from(until.as_micros()).unwrap_or(u64::MAX)
    });
    for line in verdict.trace.lines() {
        if Line::parse(line).is_some_and(|line| line.at > until) {
            break;
        }
        screen.line(line)?;
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
