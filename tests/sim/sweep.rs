//! Many seeds: what is told, what is kept, and how it ends.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::tool::{Bench, files};

#[test]
fn a_range_of_good_seeds_ends_well_and_says_how_to_run_it_again() {
    let bench = Bench::new();
    let out = bench.sim("run --seeds 3..9 --jobs 2").good();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "seeds 3..9");
    assert!(lines[1].starts_with("6 runs, 0 broke a promise; "), "{out}");
    assert_eq!(lines[2], "reproduce: holdfast sim run --seeds 3..9");
    assert_eq!(lines.len(), 3);
    assert!(files(&bench.path("corpus")).is_empty());
}

#[test]
fn fresh_seeds_are_others_each_time_and_the_first_line_tells_which() {
    let bench = Bench::new();
    let first = bench.sim("run --count 1").good();
    let second = bench.sim("run --count 1").good();
    assert_ne!(first.lines().next(), second.lines().next());
    let again = first
        .lines()
        .last()
        .unwrap()
        .strip_prefix("reproduce: holdfast sim ");
    let again = bench.sim(again.unwrap()).good();
    assert_eq!(again.lines().next(), first.lines().next());
}

#[test]
fn a_seed_that_breaks_a_promise_is_told_kept_and_breaks_it_again() {
    let bench = Bench::new();
    let ran = bench.sim("run --seeds 8..12 --bug WrongByte");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("\nseed 11 acknowledged: at "), "{ran:?}");
    let last = ran.out.lines().last().unwrap();
    assert_eq!(
        last,
        "reproduce: holdfast sim replay corpus/seed-11-acknowledged.toml"
    );
    assert_eq!(ran.errors, "error: 1 of 4 runs broke a promise\n");
    assert_eq!(files(&bench.path("corpus")), ["seed-11-acknowledged.toml"]);
    let kept = std::fs::read_to_string(bench.path("corpus/seed-11-acknowledged.toml")).unwrap();
    for part in [
        "commit = ",
        "version = \"0.",
        "broken = [\"acknowledged\"]",
        "seed = 11",
    ] {
        assert!(kept.contains(part), "{part} is missing in\n{kept}");
    }
    let again = bench.sim("replay corpus/seed-11-acknowledged.toml");
    let whole = bench.sim("replay 11 --bug WrongByte");
    assert_eq!((again.code, &again.out), (1, &whole.out));
    assert!(again.out.contains("BROKEN acknowledged"), "{again:?}");
}

#[test]
fn programs_read_one_object_with_all_of_it() {
    let bench = Bench::new();
    let ran = bench.sim("run --seeds 11..13 --bug WrongByte --corpus kept --json");
    assert_eq!(ran.code, 1);
    let told = ran.json();
    assert_eq!(
        (told["first"].as_u64(), told["runs"].as_u64()),
        (Some(11), Some(2))
    );
    assert!(told["figures"]["done"].as_u64().unwrap() > 100);
    assert_eq!(told["failed"][0]["seed"], 11);
    assert_eq!(told["failed"][0]["broken"][0]["invariant"], "acknowledged");
    assert_eq!(told["failed"][0]["file"], "kept/seed-11-acknowledged.toml");
    let error: serde_json::Value = serde_json::from_str(&ran.errors).unwrap();
    assert_eq!(error["error"]["reason"], "violation");
}

#[test]
fn a_scenario_fixes_its_part_in_every_run_and_its_expectations_count() {
    let bench = Bench::new();
    let fixed = "version = 1\nfault = []\ntenant = [{ name = \"acme\", clients = 1 }]\n";
    bench.write(
        "peace.toml",
        &format!("{fixed}expect = ['''\"acme's upload\" done''']\n"),
    );
    bench.sim("run --scenario peace.toml --seeds 0..4").good();
    bench.write(
        "war.toml",
        &format!("{fixed}expect = ['''not \"acme's upload\" done''']\n"),
    );
    let ran = bench.sim("run --scenario war.toml --seeds 2..3");
    assert_eq!(ran.code, 1);
    let story = "expectation: it did not come as expected: not \"acme's upload\" done";
    assert!(ran.out.contains(story), "{ran:?}");
    assert_eq!(
        files(&bench.path("corpus")),
        ["war-seed-2-expectation.toml"]
    );
    assert_eq!(
        bench.sim("replay corpus/war-seed-2-expectation.toml").code,
        1
    );
}

#[test]
fn no_run_begins_after_the_time_that_was_given() {
    let bench = Bench::new();
    let out = bench.sim("run --for 1ms --jobs 1").good();
    assert!(
        out.lines().nth(1).unwrap().starts_with("0 runs") || out.contains("1 runs"),
        "{out}"
    );
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_runs() {
    let bench = Bench::new();
    let wrong = "version = 1\n\n[[tenant]]\nname = \"acme\"\ncolour = \"red\"\n";
    bench.write("wrong.toml", wrong);
    bench.write("tomorrow.toml", "version = 2\n");
    for (words, code, part) in [
        (
            "run --seeds 5..5",
            2,
            "'5..5' is not a range with a seed in it",
        ),
        ("run --seeds 5", 2, "'5' is not seeds, for example 0..500"),
        ("run --seeds 1..2 --count 3", 2, "cannot be used with"),
        ("run --for soon", 2, "'soon' is no time"),
        ("run --jobs 0", 2, "0 is not in 1..=1024"),
        (
            "run --bug Ghost",
            2,
            "there is no planted bug 'Ghost'; there is LyingSync, ",
        ),
        ("run --scenario none.toml", 3, "none.toml: No such file"),
        ("replay none.toml", 3, "none.toml: No such file"),
        (
            "replay 9223372036854775808",
            2,
            "a seed, a number below 2^63",
        ),
        (
            "replay wrong.toml",
            2,
            "wrong.toml:5:1: unknown field `colour`",
        ),
        (
            "run --scenario wrong.toml",
            2,
            "5 | colour = \"red\"\n  | ^^^^^^",
        ),
        (
            "replay tomorrow.toml",
            2,
            "tomorrow.toml:1:11: this file is of version 2",
        ),
    ] {
        let ran = bench.sim(words);
        assert_eq!(ran.code, code, "{words}: {ran:?}");
        assert!(ran.errors.contains(part), "{words}: {ran:?}");
        assert_eq!(ran.out, "", "{words}");
    }
}

#[test]
fn a_process_that_is_not_of_the_pool_does_nothing() {
    let ran = Bench::new().with(&["child", "--of", "1"], &[], "{}");
    assert_eq!(ran.code, 1);
    assert!(
        ran.errors.contains("that this process belongs to is gone"),
        "{ran:?}"
    );
}

#[test]
fn an_interrupt_ends_all_processes_and_says_what_there_was_until_then() {
    let bench = Bench::new();
    let mut command = bench.command(&["run", "--seeds", "0..100000", "--jobs", "2", "--json"]);
    let sweep = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = sweep.id();
    // Whoever has begun processes listens.
    let children = || {
        let task = Path::new("/proc").join(pid.to_string()).join("task");
        let tasks = std::fs::read_dir(task).unwrap();
        let of = |task: &Path| std::fs::read_to_string(task.join("children")).unwrap_or_default();
        let all = tasks.filter_map(|task| Some(of(&task.ok()?.path())));
        let all: Vec<String> = all.collect();
        let all = all.iter().flat_map(|line| line.split(' '));
        let all = all.filter(|word| !word.is_empty()).map(str::to_owned);
        all.collect::<Vec<String>>()
    };
    let started = loop {
        let children = children();
        if children.len() == 2 {
            break children;
        }
        std::thread::yield_now();
    };
    let process = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
    let ended = sweep.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let said: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(said["runs"].as_u64().unwrap() < 100_000, "{said}");
    assert_eq!(said["failed"].as_array().unwrap().len(), 0, "{said}");
    let error: Value = serde_json::from_slice(&ended.stderr).unwrap();
    assert_eq!(error["error"]["reason"], "interrupted");
    for child in started {
        let path = Path::new("/proc").join(&child).join("cmdline");
        let runs = std::fs::read_to_string(path).unwrap_or_default();
        assert!(!runs.contains("sim\0child"), "{child} runs on: {runs}");
    }
}
