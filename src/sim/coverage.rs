//! What many seeds reach of what the machines can do, and what none of them does.

use std::ops::ControlFlow;

use holdfast_simulations::coverage::{Coverage, Point};
use holdfast_simulations::scenario::Scenario;
use serde_json::json;

use super::arguments;
use super::child::Job;
use super::pool;
use crate::cli::progress::Progress;
use crate::cli::{Failure, Screen};

pub(super) fn run(coverage: &arguments::Coverage, screen: &mut Screen) -> Result<(), Failure> {
    let count = coverage.count;
    if !screen.json {
        screen.line(format!("seeds 0..{count}"))?;
    }
    let reached = counted(coverage, screen)?;
    let points = reached.points();
    let (seen, never): (Vec<&Point>, Vec<&Point>) =
        points.iter().partition(|point| point.count > 0);
    if screen.json {
        let (expected, never) = apart(&never);
        let expected: Vec<_> = expected
            .iter()
            .map(
                |(
                    Point {
                        machine,
                        kind,
                        name,
                        ..
                    },
                    why,
                )| {
                    json!({ "machine": machine, "kind": kind, "name": name, "why": why })
                },
            )
            .collect();
        let all = json!({
            "seeds": count, "decisions": reached.decisions, "reached": seen,
            "not-reached": never, "never": expected,
        });
        return screen.object(&all);
    }
    screen.text(&table(&seen))?;
    let named = |points: &[&Point]| points.iter().filter(|one| one.kind != "transition").count();
    let (seen, all) = (named(&seen), named(&seen) + never.len());
    let decisions = reached.decisions;
    screen.line(format!(
        "\n{seen} of {all} were reached in {decisions} decisions"
    ))?;
    let (expected, missed) = apart(&never);
    if !missed.is_empty() {
        screen.line("not reached:")?;
    }
    for point in &missed {
        screen.line(format!("  {} {} {}", point.machine, point.kind, point.name))?;
    }
    screen.line("never, and why:")?;
    for (
        Point {
            machine,
            kind,
            name,
            ..
        },
        why,
    ) in &expected
    {
        screen.line(format!("  {machine} {kind} {name}: {why}"))?;
    }
    screen.line(format!("reproduce: holdfast sim coverage --count {count}"))
}

/// What is never reached by design, with the reason, and what merely was not.
fn apart<'a>(never: &[&'a Point]) -> (Vec<(&'a Point, &'static str)>, Vec<&'a Point>) {
    let (mut expected, mut missed) = (Vec::new(), Vec::new());
    for point in never {
        match Coverage::why_never(point) {
            Some(why) => expected.push((*point, why)),
            None => missed.push(*point),
        }
    }
    (expected, missed)
}

fn counted(coverage: &arguments::Coverage, screen: &Screen) -> Result<Coverage, Failure> {
    let mut sum = Coverage::default();
    let mut done = 0;
    let mut ended = Ok(());
    let mut progress = Progress::counting(!screen.json);
    pool::each(
        pool::jobs(coverage.jobs),
        0..coverage.count,
        |seed| Job::counting(&Scenario::of_seed(seed)).run(),
        |_, outcome| {
            match outcome {
                Ok(outcome) => sum.add(outcome.coverage),
                Err(failure) => ended = Err(failure),
            }
            done += 1;
            progress.advance(done, coverage.count, "seeds");
            if ended.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    progress.clear();
    ended.map(|()| sum)
}

/// A line for each thing that was reached, with how often.
fn table(points: &[&Point]) -> String {
    let mut text = format!(
        "{:<12} {:<10} {:>10}  {}\n",
        "MACHINE", "KIND", "COUNT", "NAME"
    );
    for point in points {
        let Point {
            machine,
            kind,
            name,
            count,
        } = point;
        text.push_str(&format!("{machine:<12} {kind:<10} {count:>10}  {name}\n"));
    }
    text
}
