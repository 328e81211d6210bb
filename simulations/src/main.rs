//! Runs seeds, one after the other.
//!
//! ```text
//! holdfast-simulations SEED [KIND] [--trace] [--plan] [--bug NAME]
//! holdfast-simulations --seeds A..B [KIND] [--bug NAME]
//! ```
//!
//! A kind is `--single`, `--several`, `--register` or `--storm`; without one the seed draws it.
//!
//! The seed stands on the first line, how to reproduce a failure on the last. With a planted bug, a
//! run in which its invariant stays silent is the failure. It decides nothing.

use std::ops::Range;
use std::process::ExitCode;

use holdfast_simulations::mutation::Mutation;
use holdfast_simulations::plan::Plan;
use holdfast_simulations::verdict::Verdict;
use holdfast_simulations::world::{Options, run};

const USAGE: &str = "usage: holdfast-simulations \
    (SEED [--trace] [--plan] | --seeds A..B) [KIND] [--bug NAME]";

/// The plan of a seed.
type Draw = fn(u64) -> Plan;

/// Whose plans are run, if not those that seeds draw.
const KINDS: [(&str, Draw); 4] = [
    ("--single", Plan::single),
    ("--several", Plan::several),
    ("--register", Plan::register),
    ("--storm", Plan::storm),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let value = |flag: &str| {
        arguments
            .iter()
            .skip_while(|argument| *argument != flag)
            .nth(1)
    };
    let bug = value("--bug").map(|name| {
        Mutation::ALL
            .into_iter()
            .find(|(mutation, _)| format!("{mutation:?}") == *name)
    });
    let range = value("--seeds").and_then(|range| {
        let (first, end) = range.split_once("..")?;
        Some((first.parse::<u64>().ok()?, end.parse::<u64>().ok()?))
    });
    let seed = arguments
        .iter()
        .find_map(|argument| argument.parse::<u64>().ok());
    let plan = KINDS
        .iter()
        .find(|(kind, _)| has(kind))
        .map_or(Plan::from_seed as Draw, |(_, plan)| *plan);
    let mutation = bug.flatten().map(|(mutation, _)| mutation);
    match (range, seed, bug) {
        (_, _, Some(None)) | (None, None, _) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        (Some((first, end)), _, Some(Some((mutation, invariant)))) => {
            tally(first..end, mutation, invariant)
        }
        (Some((first, end)), _, None) => many(first..end, plan),
        (None, Some(seed), _) => {
            let options = Options {
                keeps_lines: has("--trace"),
                mutation,
            };
            one(&plan(seed), options, has("--plan"))
        }
    }
}

fn one(plan: &Plan, options: Options, shows_plan: bool) -> ExitCode {
    println!("seed {}", plan.seed);
    if shows_plan {
        println!("{plan:#?}");
    }
    let verdict = run(plan, options);
    for line in verdict.trace.lines() {
        println!("{line}");
    }
    println!("{:?}", verdict.figures);
    println!(
        "trace {:016x} of {} lines",
        verdict.trace.hash(),
        verdict.trace.count()
    );
    end(plan, &verdict)
}

fn many(seeds: Range<u64>, plan: impl Fn(u64) -> Plan) -> ExitCode {
    println!("seeds {}..{}", seeds.start, seeds.end);
    let mut code = ExitCode::SUCCESS;
    for seed in seeds {
        let plan = plan(seed);
        let verdict = run(&plan, Options::default());
        if !verdict.is_good() {
            println!("seed {seed}");
            code = end(&plan, &verdict);
        }
    }
    code
}

fn tally(seeds: Range<u64>, mutation: Mutation, invariant: &str) -> ExitCode {
    let all = seeds.end.saturating_sub(seeds.start);
    let options = Options {
        mutation: Some(mutation),
        keeps_lines: false,
    };
    let verdicts = seeds.map(|seed| run(&mutation.plan(seed), options));
    let caught = verdicts.filter(|verdict| verdict.breaks(invariant)).count();
    println!("{mutation:?}: {caught} of {all} seeds break {invariant}");
    if caught > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn end(plan: &Plan, verdict: &Verdict) -> ExitCode {
    for violation in &verdict.violations {
        println!("{violation}");
    }
    if verdict.is_good() {
        return ExitCode::SUCCESS;
    }
    let seed = plan.seed;
    let kind = KINDS.iter().find(|(_, of)| of(seed) == *plan);
    let kind = kind.map_or("", |(kind, _)| *kind);
    println!("reproduce: cargo run -p holdfast-simulations -- {seed} {kind} --trace");
    ExitCode::FAILURE
}
