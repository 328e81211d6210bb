//! The replicated catalog under faults: each seed keeps all promises, and repeats.
//!
//! `HOLDFAST_LONG=1` runs three hundred. The same seeds come again with `holdfast sim run --kind
//! catalog`.

use holdfast_simulations::plan::Plan;
use holdfast_simulations::world::{Options, run};

#[test]
fn every_seed_keeps_its_promises_and_much_is_done() {
    let is_long = std::env::var_os("HOLDFAST_LONG").is_some_and(|value| value != "0");
    let seeds = if is_long { 300 } else { 8 };
    let (mut done, mut forgot) = (0, 0);
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    for seed in 0..seeds {
        let verdict = run(&Plan::catalog(seed), options);
        let lines = verdict.trace.lines();
        forgot += u64::from(lines.iter().any(|line| line.contains(" forgot")));
        let reproduce = format!("holdfast sim replay {seed} --kind catalog");
        assert_eq!(verdict.violations, [], "reproduce: {reproduce}");
        done += verdict.figures.done;
    }
    assert!(done > seeds * 50, "{done} requests");
    // In half of the runs a voter comes back with an older disk; it is told if one led all along.
    assert!(forgot > seeds / 8, "{forgot} of {seeds} seeds");
}

#[test]
fn a_seed_has_one_trace_however_often_it_is_run() {
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    let plan = Plan::catalog(4);
    let (first, second) = (run(&plan, options), run(&plan, options));
    assert_eq!(first.trace.lines(), second.trace.lines());
    assert_eq!(first.trace, second.trace);
}
