//! Seeds that must be good: those that once were not, each with its sentence, and a range of all.
//!
//! `HOLDFAST_LONG=1` runs a thousand. One process per seed is the rule where many run at once; in
//! one process they take turns, and come to the same traces.

use std::ops::Range;
use std::time::Duration;

use holdfast_simulations::plan::{Habits, Node, Operators, Plan, Rot};
use holdfast_simulations::world::{Options, run};
use holdfast_simulations::yardstick::{Load, production, register};

/// Seeds that found something, and what. Each still does where its repair is taken out.
const FOUND: [(u64, &str); 6] = [
    (
        82,
        "a confirmed day ended the doubt, and the bin was emptied by the wall clock that was wrong",
    ),
    (
        93,
        "an extent whose sync had failed was believed from the page cache, and an object lost",
    ),
    (
        201,
        "the same, and the repository could not be recovered any more",
    ),
    (330, "the same, within minutes"),
    (
        164,
        "a client that does not listen finished its upload long after its tenant was shut out",
    ),
    (
        699,
        "an index went above a quota that was lowered, as it may: the world's fault, not the node's",
    ),
];

/// Plans of one seed.
const KINDS: [fn(u64) -> Plan; 6] = [
    Plan::single,
    Plan::several,
    Plan::register,
    Plan::calls,
    Plan::wire,
    Plan::tape,
];

fn is_long() -> bool {
    std::env::var_os("HOLDFAST_LONG").is_some_and(|value| value != "0")
}

fn good(seeds: impl IntoIterator<Item = u64>) {
    good_of(seeds, "", Plan::from_seed);
}

fn good_of(seeds: impl IntoIterator<Item = u64>, kind: &str, plan: fn(u64) -> Plan) {
    for seed in seeds {
        let verdict = run(&plan(seed), Options::default());
        let violations: Vec<String> = verdict.violations.iter().map(ToString::to_string).collect();
        let reproduce = format!("holdfast sim replay {seed} {kind}");
        assert!(
            violations.is_empty(),
            "seed {seed}: {violations:#?}\nreproduce: {reproduce}"
        );
    }
}

#[test]
fn seeds_that_once_found_something_are_good() {
    good_of(FOUND.iter().map(|(seed, _)| *seed), "--kind single", found);
}

/// The seeds are cut in four, so that two cores run them side by side.
fn quarter(number: u64) {
    let all: Range<u64> = if is_long() { 0..1_000 } else { 0..100 };
    let share = (all.end - all.start) / 4;
    good(all.start + number * share..all.start + (number + 1) * share);
}

#[test]
fn the_first_quarter_of_seeds_is_good() {
    quarter(0);
}

#[test]
fn the_second_quarter_of_seeds_is_good() {
    quarter(1);
}

#[test]
fn the_third_quarter_of_seeds_is_good() {
    quarter(2);
}

#[test]
fn the_fourth_quarter_of_seeds_is_good() {
    quarter(3);
}

/// The plan of a seed without what was not drawn yet when it found something.
fn found(seed: u64) -> Plan {
    let mut plan = Plan::sound(seed);
    plan.rot = Rot::default();
    plan.node = Node::default();
    plan.habits = Habits {
        undo: 0,
        absent: 0,
        misstate: 0,
        oversize: 0,
        heap: 0,
        hasty: 0,
        guess: 0,
        hog: 0,
        ..plan.habits
    };
    plan.operators = Operators {
        wrong: 0,
        eyes: false,
        remove: false,
        undelete: false,
        chosen: false,
        managed: false,
        restart: false,
        flood: false,
        ..plan.operators
    };
    for tenant in &mut plan.tenants {
        tenant.purge_hold_days = 0;
    }
    plan
}

/// So many seeds of one kind.
fn some(kind: &str, plan: fn(u64) -> Plan) {
    let count = if is_long() { 300 } else { 12 };
    good_of(0..count, kind, plan);
}

#[test]
fn seeds_of_several_nodes_are_good() {
    some("--kind several", Plan::several);
}

#[test]
fn seeds_of_the_register_are_good() {
    some("--kind register", Plan::register);
}

#[test]
fn seeds_of_calls_are_good() {
    some("--kind calls", Plan::calls);
}

/// The drawn faults and crashes of all these must have met something.
#[test]
fn seeds_of_a_tape_library_are_good_and_much_happens_in_them() {
    let mut sum = holdfast_simulations::verdict::Figures::default();
    for seed in 0..if is_long() { 300 } else { 25 } {
        let verdict = run(&Plan::tape(seed), Options::default());
        let violations: Vec<String> = verdict.violations.iter().map(ToString::to_string).collect();
        assert!(
            violations.is_empty(),
            "seed {seed}: {violations:#?}\nreproduce: holdfast sim replay {seed} --kind tape"
        );
        sum += verdict.figures;
    }
    assert!(sum.stored > 700 && sum.deleted > 60, "{sum:?}");
    assert!(
        sum.crashes > 90 && sum.backups >= 25 && sum.views > 2,
        "{sum:?}"
    );
}

#[test]
fn a_seed_has_one_trace_however_often_it_is_run_in_a_process() {
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    for plan in [3, 17]
        .into_iter()
        .flat_map(|seed| KINDS.map(|kind| kind(seed)))
    {
        let (first, second) = (run(&plan, options), run(&plan, options));
        assert_eq!(first.trace.lines(), second.trace.lines());
        assert_eq!(first.trace, second.trace);
        assert_eq!(first.figures, second.figures);
    }
}

#[test]
fn a_hundred_nodes_run() {
    let load = Load {
        nodes: 100,
        quantum: 5_000,
        millis: 3_000,
        pause: 500,
    };
    let distance = register(load, None);
    assert_eq!(distance.simulated, Duration::from_secs(3));
    assert!(distance.turns >= 100 * 600, "{distance:?}");
    assert!(distance.requests > 300, "{distance:?}");
    assert!(distance.frames > 5_000, "{distance:?}");
}

#[test]
fn production_nodes_run_side_by_side() {
    let load = Load {
        nodes: 5,
        quantum: 1_000,
        millis: 2_000,
        pause: 5,
    };
    let distance = production(load, None);
    assert_eq!(distance.simulated, Duration::from_secs(2));
    assert!(distance.requests > 30, "{distance:?}");
    assert_eq!(distance, production(load, None));
}

#[test]
fn much_happens_in_a_few_seeds() {
    let mut sum = holdfast_simulations::verdict::Figures::default();
    for seed in 0..25 {
        let figures = run(&Plan::single(seed), Options::default()).figures;
        sum.stored += figures.stored;
        sum.deleted += figures.deleted;
        sum.refused += figures.refused;
        sum.crashes += figures.crashes;
        sum.views += figures.views;
        sum.commands += figures.commands;
    }
    assert!(
        sum.stored > 1_000 && sum.deleted > 200 && sum.refused > 100,
        "{sum:?}"
    );
    assert!(
        sum.crashes > 75 && sum.views > 100 && sum.commands > 300,
        "{sum:?}"
    );
}

/// Few, for each costs as much as several of another kind.
#[test]
fn seeds_of_the_real_link_are_good() {
    let count = if is_long() { 100 } else { 6 };
    good_of(0..count, "--kind wire", Plan::wire);
}

/// What the last node of three shows to who may only read is judged by `cluster-recalled`.
#[test]
fn a_cluster_that_lost_its_majority_still_shows_what_it_had() {
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    let mut shown = 0;
    for seed in 0..if is_long() { 100 } else { 3 } {
        let verdict = run(&Plan::headless(seed), options);
        assert!(verdict.is_good(), "seed {seed}: {:?}", verdict.violations);
        let lines = verdict.trace.lines().iter();
        shown += lines.filter(|it| it.contains("that may be old")).count();
    }
    assert!(shown > 0, "nobody was shown anything");
}
