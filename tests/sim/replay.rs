//! One run again: the same bytes, in another process and whatever ran before.

use holdfast_simulations::plan::Plan;
use holdfast_simulations::world::{Options, run};

use crate::tool::Bench;

#[test]
fn a_seed_has_one_trace_in_two_processes() {
    let bench = Bench::new();
    for seed in ["0", "7", "95", "24 --kind wire"] {
        let first = bench.sim(&format!("replay {seed}")).good();
        assert!(first.lines().count() > 20, "{first}");
        assert_eq!(first, bench.sim(&format!("replay {seed}")).good());
    }
}

#[test]
fn a_trace_does_not_depend_on_what_ran_before() {
    let alone = Bench::new().sim("replay 5").good();
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    run(&Plan::from_seed(4), options);
    let after: String = run(&Plan::from_seed(5), options)
        .trace
        .lines()
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(alone, after);
}

#[test]
fn stdout_is_the_trace_alone_and_ends_where_it_is_told_to() {
    let bench = Bench::new();
    let ran = bench.sim("replay 7");
    let lines: Vec<&str> = ran.errors.lines().collect();
    assert_eq!(lines[0], "seed 7");
    assert!(lines[1].starts_with("trace "), "{lines:?}");
    assert_eq!(lines[2], "reproduce: holdfast sim replay 7");
    let whole = ran.good();
    let early = bench.sim("replay 7 --until 150ms").good();
    assert!(
        whole.starts_with(&early) && early.lines().count() > 20,
        "{early}"
    );
    let next = whole.lines().nth(early.lines().count()).unwrap();
    assert!(
        next.trim_start().as_bytes() > b"0.150000".as_slice(),
        "{next}"
    );
}

#[test]
fn a_file_of_another_commit_says_so_and_runs_its_plan() {
    let bench = Bench::new();
    bench.sim("run --seeds 11..12 --bug LongLease");
    let kept = std::fs::read_to_string(bench.path("corpus/seed-11-approvals.toml")).unwrap();
    // The plan counts, not what this build draws from its seed.
    let older = kept
        .replace("seed = 11", "seed = 12")
        .replace("commit = \"", "commit = \"old-");
    bench.write("older.toml", &older);
    let ran = bench.sim("replay older.toml");
    assert!(
        ran.errors
            .starts_with("older.toml was stored at commit old-"),
        "{ran:?}"
    );
    assert_eq!(ran.code, 1);
}

#[test]
fn the_decisions_of_actors_stand_between_the_lines_where_they_were_made() {
    let bench = Bench::new();
    let (plain, whole) = (
        bench.sim("replay 7").good(),
        bench.sim("replay 7 --trace").good(),
    );
    assert_eq!(whole, bench.sim("replay 7 --trace").good());
    let is_decision = |line: &&str| line.starts_with("                ") || line.contains(" node");
    let left: Vec<&str> = whole.lines().filter(|line| !is_decision(line)).collect();
    let lines: Vec<&str> = plain.lines().filter(|line| !is_decision(line)).collect();
    assert_eq!(left, lines);
    assert!(whole.lines().count() > 10 * plain.lines().count());
    assert!(whole.contains(" node/journal Append {"), "{whole}");
}
