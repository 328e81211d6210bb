//! Runs seeds, one after the other: `holdfast-simulations SEED [--trace]`, `--seeds A..B`,
//! `--plan`.
//!
//! The seed stands on the first line, how to reproduce a failure on the last. It decides nothing.

use std::process::ExitCode;

use holdfast_simulations::plan::Plan;
use holdfast_simulations::verdict::Verdict;
use holdfast_simulations::world::{Options, run};

const USAGE: &str = "usage: holdfast-simulations SEED [--trace] [--plan] | --seeds A..B";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let range = arguments
        .iter()
        .skip_while(|argument| *argument != "--seeds")
        .nth(1);
    let range = range.and_then(|range| {
        let (first, end) = range.split_once("..")?;
        Some((first.parse::<u64>().ok()?, end.parse::<u64>().ok()?))
    });
    let seed = arguments
        .iter()
        .find_map(|argument| argument.parse::<u64>().ok());
    match (range, seed) {
        (Some((first, end)), _) => many(first, end),
        (None, Some(seed)) => one(seed, has("--trace"), has("--plan")),
        (None, None) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn one(seed: u64, keeps_lines: bool, shows_plan: bool) -> ExitCode {
    println!("seed {seed}");
    let plan = Plan::from_seed(seed);
    if shows_plan {
        println!("{plan:#?}");
    }
    let verdict = run(
        &plan,
        Options {
            keeps_lines,
            ..Options::default()
        },
    );
    for line in verdict.trace.lines() {
        println!("{line}");
    }
    println!("{:?}", verdict.figures);
    println!(
        "trace {:016x} of {} lines",
        verdict.trace.hash(),
        verdict.trace.count()
    );
    end(&verdict)
}

fn many(first: u64, end_seed: u64) -> ExitCode {
    println!("seeds {first}..{end_seed}");
    let mut code = ExitCode::SUCCESS;
    for seed in first..end_seed {
        let verdict = run(&Plan::from_seed(seed), Options::default());
        if !verdict.is_good() {
            println!("seed {seed}");
            code = end(&verdict);
        }
    }
    code
}

fn end(verdict: &Verdict) -> ExitCode {
    for violation in &verdict.violations {
        println!("{violation}");
    }
    if verdict.is_good() {
        return ExitCode::SUCCESS;
    }
    println!(
        "reproduce: cargo run -p holdfast-simulations -- {} --trace",
        verdict.seed
    );
    ExitCode::FAILURE
}
