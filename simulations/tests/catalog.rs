//! The replicated catalog under faults: each seed keeps all promises, and repeats.

use holdfast_simulations::plan::Plan;
use holdfast_simulations::verdict::Verdict;
use holdfast_simulations::world::{Options, run};

/// Seeds that each run of the tests goes through; nights go through more.
const SEEDS: std::ops::Range<u64> = 0..12;

fn verdict(seed: u64) -> Verdict {
    let options = Options {
        keeps_lines: std::env::var_os("LINES").is_some(),
        ..Options::default()
    };
    run(&Plan::catalog(seed), options)
}

#[test]
fn every_seed_keeps_its_promises_and_much_is_done() {
    let mut done = 0;
    let seeds = match std::env::var("SEED")
        .ok()
        .and_then(|text| text.parse().ok())
    {
        Some(seed) => seed..seed + 1,
        None => SEEDS,
    };
    for seed in seeds {
        let begun = std::time::SystemTime::UNIX_EPOCH;
        let _ = begun;
        let verdict = verdict(seed);
        println!(
            "seed {seed}: {:?} {}",
            verdict.figures,
            verdict.trace.count()
        );
        for line in verdict.trace.lines() {
            println!("{line}");
        }
        assert_eq!(verdict.violations, [], "seed {seed}");
        done += verdict.figures.done;
    }
    assert!(done > 500, "{done} requests");
}

#[test]
fn a_seed_repeats() {
    for seed in [1, 2, 3] {
        assert_eq!(
            verdict(seed).trace.hash(),
            verdict(seed).trace.hash(),
            "seed {seed}"
        );
    }
}
