//! A few seeds reach all that the machines can do, but for what stands in the list of what is never
//! reached, and why.
//!
//! Whoever changes what seeds draw finds other seeds: `holdfast sim coverage` says what is missing.

use std::sync::Arc;

use holdfast_simulations::coverage::{Counter, Coverage};
use holdfast_simulations::plan::Plan;
use holdfast_simulations::world::{Options, run_before};

/// Seeds that reach everything, each something that none of the others does.
const SEEDS: [u64; 16] = [
    10, 16, 60, 113, 131, 245, 277, 290, 298, 348, 379, 385, 402, 417, 458, 41_982,
];

#[test]
fn a_few_seeds_reach_everything_but_what_is_never_reached() {
    let mut all = Coverage::default();
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    for seed in SEEDS {
        let counter = Arc::new(Counter::default());
        let verdict = run_before(Some(counter.clone()), &Plan::from_seed(seed), options);
        assert!(verdict.is_good(), "seed {seed}: {:?}", verdict.violations);
        all.add(counter.counted(verdict.trace.lines().iter().map(String::as_str)));
    }
    let (mut wrong, mut missing) = (Vec::new(), Vec::new());
    for point in all
        .points()
        .iter()
        .filter(|point| point.kind != "transition")
    {
        let name = format!("{} {} {}", point.machine, point.kind, point.name);
        match (point.count, Coverage::why_never(point)) {
            (0, None) => missing.push(name),
            (1.., Some(why)) => wrong.push(format!("{name}, of which is said: {why}")),
            (0, Some(_)) | (1.., None) => {}
        }
    }
    assert!(wrong.is_empty(), "reached: {wrong:#?}");
    assert!(missing.is_empty(), "not reached: {missing:#?}");
}
