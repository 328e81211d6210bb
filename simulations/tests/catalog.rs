//! The replicated catalog under faults: each seed keeps all promises, and repeats.

use holdfast_simulations::plan::Plan;
use holdfast_simulations::verdict::Verdict;
use holdfast_simulations::world::{Options, run};

fn verdict(seed: u64) -> Verdict {
    run(&Plan::catalog(seed), Options::default())
}

#[test]
fn every_seed_keeps_its_promises_and_much_is_done() {
    let mut done = 0;
    let range = std::env::var("SEEDS").unwrap_or("0..8".to_owned());
    let (a, b) = range.split_once("..").unwrap();
    let mut bad = 0;
    for seed in a.parse().unwrap()..b.parse().unwrap() {
        let verdict = verdict(seed);
        done += verdict.figures.done;
        println!(
            "{seed} {} {} {:?}",
            verdict.figures.done, verdict.figures.refused, verdict.violations
        );
        bad += verdict.violations.len();
    }
    assert_eq!(bad, 0);
    assert!(done > 500, "{done} requests");
}

#[test]
fn a_seed_repeats() {
    for seed in [1, 2] {
        let hash = || verdict(seed).trace.hash();
        assert_eq!(hash(), hash(), "seed {seed}");
    }
}
