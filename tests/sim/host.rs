//! Nothing of the host reaches a run: with other chance, other clocks and another environment, a
//! trace is the same to the byte.

use std::io::Write as _;
use std::process::Command;

use crate::tool::Bench;

/// Chance, nanoseconds that each look at a clock adds, seconds that the wall clock is ahead.
const PERTURBATIONS: [(&str, &str, &str); 4] = [
    ("0", "0", "0"),
    ("255", "1000", "-1000000000"),
    ("7", "1000000", "900000000"),
    ("171", "30000000", "1"),
];

/// The library that perturbs; none, and a word about it, where there is no compiler.
fn library(bench: &Bench) -> Option<String> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sim/host.c");
    let library = bench.path("host.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([library.as_os_str(), source.as_ref()])
        .output();
    match compiled {
        Ok(output) if output.status.success() => Some(library.to_str().unwrap().to_owned()),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            skipped(
                "no_chance_and_no_clock_of_the_host_reaches_a_trace",
                &format!("cc: {error}"),
            );
            None
        }
    }
}

fn skipped(name: &str, reason: &str) {
    eprintln!("SKIPPED: {name}: {reason}");
    if let Some(file) = std::env::var_os("HOLDFAST_SKIPS") {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(file);
        writeln!(file.unwrap(), "SKIPPED: {name}: {reason}").unwrap();
    }
}

#[test]
fn no_chance_and_no_clock_of_the_host_reaches_a_trace() {
    let bench = Bench::new();
    let Some(library) = library(&bench) else {
        return;
    };
    let runs = [
        "replay 3 --trace",
        "replay 82 --trace",
        "replay 24 --kind wire --trace",
    ];
    for run in runs {
        let words: Vec<&str> = run.split(' ').collect();
        let plain = bench.with(&words, &[], "").good();
        for (chance, clock, start) in PERTURBATIONS {
            let environment = [
                ("LD_PRELOAD", library.as_str()),
                ("PERTURB_CHANCE", chance),
                ("PERTURB_CLOCK", clock),
                ("PERTURB_START", start),
            ];
            let ran = bench.with(&words, &environment, "");
            let told = ran.errors.lines().last().unwrap_or_default().to_owned();
            let counts: Vec<u64> = told
                .split(' ')
                .filter_map(|word| word.parse().ok())
                .collect();
            assert!(
                counts.len() == 2 && counts.iter().all(|count| *count > 0),
                "{told}"
            );
            assert!(
                ran.good() == plain,
                "{run}: {chance} {clock} {start} changed the trace"
            );
        }
    }
}

#[test]
fn no_environment_reaches_a_trace() {
    let bench = Bench::new();
    let plain = bench.sim("replay 7").good();
    let other = [
        ("TZ", "Pacific/Kiritimati"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "C"),
        ("HOME", "/nowhere"),
        ("USER", "nobody"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "full"),
        ("TOKIO_WORKER_THREADS", "3"),
    ];
    assert_eq!(bench.with(&["replay", "7"], &other, "").good(), plain);
}
