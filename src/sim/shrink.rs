//! The smallest plan that still breaks the same promise: each try in a process of its own.

use std::ops::ControlFlow;

use holdfast_actors::kernel::Instant;
use holdfast_actors::ports::Clock as _;
use holdfast_simulations::plan::Plan;
use holdfast_simulations::scenario::Scenario;
use holdfast_simulations::shrink;

use super::arguments::Shrink;
use super::child::{Breach, Job, Outcome};
use super::{corpus, pool, source};
use crate::cli::progress::Progress;
use crate::cli::{Exit, Failure, Screen};
use crate::clock::SystemClock;

/// Seconds of the processor that one try may take: a plan that takes longer is not smaller.
const CPU_SECONDS_MAX: u64 = 20;

/// Runs smaller and smaller plans, and keeps the last that fails.
struct Search<'a> {
    scenario: &'a Scenario,
    broken: Breach,
    jobs: usize,
    tried: u64,
    smallest: Outcome,
    ended: Result<(), Failure>,
}

pub(super) fn run(shrink: &Shrink, screen: &mut Screen) -> Result<(), Failure> {
    let mut scenario = source::load(&shrink.one, screen)?;
    screen.line(format!("seed {}", scenario.plan.seed))?;
    let smallest = Job::of(&scenario).run()?;
    let Some(broken) = smallest.broken.first().cloned() else {
        let message = "the run breaks no promise, so there is nothing to make small";
        return Err(Failure::new(Exit::Refused, "nothing-broken", message));
    };
    let plan = scenario.plan.clone();
    let mut search = Search {
        scenario: &scenario,
        broken: broken.clone(),
        jobs: pool::jobs(shrink.jobs),
        tried: 1,
        smallest,
        ended: Ok(()),
    };
    let clock = SystemClock::new();
    let mut progress = Progress::counting(!screen.json);
    let small = shrink::shrink(&plan, &mut |plans| {
        let in_time = Instant::default().until(clock.now().monotonic) < shrink.time;
        let found = if in_time {
            search.first_failing(plans)
        } else {
            None
        };
        progress.advance(search.tried, search.tried, "plans tried");
        found
    });
    progress.clear();
    let Search {
        tried,
        smallest,
        ended,
        ..
    } = search;
    ended?;
    let (before, after) = (shrink::size(&plan), shrink::size(&small));
    scenario.plan = small;
    scenario.found = Some(corpus::origin(&smallest));
    corpus::write(&shrink.output, &scenario)?;
    let users = if plan.tenants.is_empty() {
        "clients"
    } else {
        "tenants"
    };
    screen.line(format!("{}: {}", broken.invariant, broken.story))?;
    screen.line(format!(
        "{} faults, {} lives and {} {users} became {}, {} and {}; {tried} plans were tried",
        before.faults, before.lives, before.users, after.faults, after.lives, after.users,
    ))?;
    screen.line(format!(
        "reproduce: holdfast sim replay {}",
        shrink.output.display()
    ))
}

impl Search<'_> {
    /// The first of these plans that breaks the same promise.
    fn first_failing(&mut self, plans: &[Plan]) -> Option<usize> {
        let mut results: Vec<Option<Outcome>> = vec![None; plans.len()];
        let job = |plan: &Plan| {
            let mut scenario = self.scenario.clone();
            scenario.plan = plan.clone();
            Job::of(&scenario).within(CPU_SECONDS_MAX).run()
        };
        let (broken, tried) = (&self.broken, &mut self.tried);
        let mut ended = Ok(());
        pool::each(self.jobs, plans.iter(), job, |place, outcome| {
            *tried += 1;
            match outcome {
                Ok(outcome) => results[place] = Some(outcome),
                Err(failure) => ended = Err(failure),
            }
            // Earlier ones that still run may fail, too, and would count.
            let first = results
                .iter()
                .position(|outcome| fails(outcome.as_ref(), broken));
            let settled = first.is_some_and(|first| results[..first].iter().all(Option::is_some));
            if settled || ended.is_err() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if let Err(failure) = ended {
            self.ended = Err(failure);
            return None;
        }
        let first = results
            .iter()
            .position(|outcome| fails(outcome.as_ref(), broken))?;
        self.smallest = results.swap_remove(first).unwrap_or_default();
        Some(first)
    }
}

/// Whether a run broke the same promise; of expectations, the same one.
fn fails(outcome: Option<&Outcome>, wanted: &Breach) -> bool {
    let is_expected = wanted.story.starts_with("it did not come as expected");
    outcome.is_some_and(|outcome| {
        outcome.broken.iter().any(|breach| {
            breach.invariant == wanted.invariant && (!is_expected || breach.story == wanted.story)
        })
    })
}
