//! Files that are read, and files that are refused.

use super::*;

#[test]
fn a_file_that_says_nothing_is_the_plan_of_its_seed() {
    let scenario = Scenario::parse("version = 1\nseed = 7\n", None).unwrap();
    assert_eq!(scenario.plan, Plan::single(7));
    let scenario = Scenario::parse("version = 1\nseed = 7\n", Some(8)).unwrap();
    assert_eq!(scenario.plan, Plan::single(8));
}

#[test]
fn a_plan_written_down_comes_back_whatever_its_seed_draws() {
    for seed in 0..200 {
        let mut plan = Plan::from_seed(seed);
        plan.seed += 1;
        let mut scenario = Scenario::of_plan(plan.clone());
        scenario.bug = Some(Mutation::LongLease);
        scenario.about = "a \"quoted\" matter".to_owned();
        let line = "\"anybody's request\" refused \"busy\"";
        scenario.expectations = vec![Expectation::parse(line).unwrap()];
        let text = scenario.written();
        let read = Scenario::parse(&text, None).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read.plan, plan);
        assert_eq!(read.bug, scenario.bug);
        assert_eq!(read.about, scenario.about);
        assert_eq!(read.expectations, scenario.expectations);
    }
}

#[test]
fn what_a_file_fixes_is_fixed_and_the_rest_is_drawn() {
    let text = r#"
        version = 1
        start = "2026-02-16T23:59:00Z"
        disk.latency = "2ms"
        rounds = ["0s", "2h"]
        [[tenant]]
        name = "acme"
        lease = "none"
        quota = "1MiB"
        [clients]
        cut = 2
        [operators]
        pause = "none"
        change = ["quota"]
        [[fault]]
        at = "3s"
        kind = "power-cut"
        off = "10s"
        index = "lost last 3"
        [[fault]]
        at = "15s"
        kind = "clock-step"
        by = "-2h"
    "#;
    for seed in 0..20 {
        let plan = Scenario::parse(text, Some(seed)).unwrap().plan;
        let drawn = Plan::single(seed);
        assert_eq!(
            (plan.seed, plan.disk_micros, plan.tenants.len()),
            (seed, 2_000, 1)
        );
        assert_eq!(plan.tenants[0].name.as_deref(), Some("acme"));
        assert_eq!(
            (plan.tenants[0].lease_days, plan.tenants[0].quota_kib),
            (None, 1_024)
        );
        assert_eq!(plan.tenants[0].tasks, drawn.tenants[0].tasks);
        assert_eq!(
            (plan.habits.cut, plan.habits.packs),
            (2, drawn.habits.packs)
        );
        assert_eq!((plan.operators.pause, plan.operators.quota), (0, true));
        assert!(!plan.operators.lease);
        assert_eq!(plan.lives.len(), 2);
        assert_eq!(plan.lives[0].cut, Some(3_000));
        assert_eq!(plan.lives[0].index, crate::plan::Loss::Last(3));
        assert_eq!(
            plan.lives[1].steps[0],
            crate::plan::Step {
                at: 2_000,
                by: -7_200_000
            }
        );
        assert_eq!(plan.lives[1].rounds, [0, 7_200_000]);
    }
}

#[test]
fn any_field_of_a_plan_is_reached_by_its_own_name() {
    let text = "version = 1\nseed = 3\n[plan]\ndisk_micros = 77\n[plan.habits]\ncut = 9\n";
    let plan = Scenario::parse(text, None).unwrap().plan;
    let drawn = Plan::single(3);
    assert_eq!((plan.disk_micros, plan.habits.cut), (77, 9));
    assert_eq!(
        (plan.habits.pause, plan.lives),
        (drawn.habits.pause, drawn.lives)
    );
}

#[test]
fn what_befalls_a_fleet_stands_in_its_plan() {
    use crate::plan::{Members, Mishap, Ways};
    let text = "version = 1\nfleet = { kind = \"register\", nodes = 5, users = 2 }\n\
        fault = [{ at = \"3s\", kind = \"cut\", nodes = [\"node-2\"], ways = \"out\" }, \
        { at = \"1s\", kind = \"pause\", node = \"node-7\", time = \"4s\" }]\n";
    for seed in 0..20 {
        let plan = Scenario::parse(text, Some(seed)).unwrap().plan;
        assert!(plan.lives.is_empty() && plan.tenants.is_empty());
        let fleet = plan.fleet.unwrap();
        let Members::Register {
            replicas, clients, ..
        } = fleet.members
        else {
            panic!("{fleet:?}");
        };
        assert_eq!((replicas, clients), (5, 2));
        let mishaps = fleet.mishaps.into_iter();
        let mishaps: Vec<_> = mishaps.map(|timed| (timed.at, timed.mishap)).collect();
        let (node, millis) = (6, 4_000);
        let (side, ways) = (vec![1], Ways::Out);
        let cut = Mishap::Part { side, ways };
        assert_eq!(
            mishaps,
            [(1_000, Mishap::Sleep { node, millis }), (3_000, cut)]
        );
    }
    let text = "version = 1\nrounds = [\"7s\"]\nfleet = { kind = \"several\", nodes = 2 }\n\
        fault = [{ at = \"3s\", kind = \"kill\", node = \"node-2\" }]\n";
    let fleet = Scenario::parse(text, Some(4)).unwrap().plan.fleet.unwrap();
    let Members::Holdfast { lives } = fleet.members else {
        panic!("{fleet:?}");
    };
    let rounds: Vec<Vec<_>> = lives
        .iter()
        .map(|lives| lives.iter().map(|it| it.rounds[0]).collect())
        .collect();
    assert_eq!(rounds, [vec![7_000], vec![7_000, 7_000]]);
}

#[test]
fn what_operators_order_of_a_cluster_stands_in_its_plan() {
    use crate::plan::{Members, Mishap, Order};
    let text = "version = 1\nfleet = { kind = \"cluster\", nodes = 3, users = 2, joins = 1 }\n\
        fault = [{ at = \"1s\", kind = \"join\", node = \"node-4\" }, \
        { at = \"2s\", kind = \"expel\", node = \"node-1\" }, \
        { at = \"3s\", kind = \"lease-end\", tenant = 1, days = -1 }]\n";
    for seed in 0..20 {
        let fleet = Scenario::parse(text, Some(seed)).unwrap().plan.fleet;
        let fleet = fleet.unwrap();
        let Members::Cluster { nodes, joins, .. } = fleet.members else {
            panic!("{fleet:?}");
        };
        assert_eq!((nodes, joins), (3, 1));
        let order = |node, order| Mishap::Order { node, order };
        let (tenant, days) = (1, Some(-1));
        let wanted = [
            (1_000, order(3, Order::Join)),
            (2_000, order(0, Order::Expel)),
            (3_000, Mishap::Term { tenant, days }),
        ];
        let mishaps = fleet.mishaps.into_iter();
        let mishaps: Vec<_> = mishaps.map(|timed| (timed.at, timed.mishap)).collect();
        assert_eq!(mishaps, wanted);
    }
    let text = "version = 1\nfleet = { kind = \"wire\", lost = 9, twice = 0 }\n";
    let fleet = Scenario::parse(text, Some(4)).unwrap().plan.fleet.unwrap();
    let Members::Wire { lost, twice, .. } = fleet.members else {
        panic!("{fleet:?}");
    };
    assert_eq!((lost, twice), (9, 0));
}

/// What is wrong, and a file that has it.
const WRONG: &[(&str, &str)] = &[
    (
        "an unknown key",
        "version = 1\n[[tenant]]\nname = \"acme\"\ncolour = \"red\"\n",
    ),
    (
        "an unknown part of a plan",
        "version = 1\n[plan.habits]\ncuts = 3\n",
    ),
    (
        "a wrong type in a plan",
        "version = 1\n[plan.habits]\ncut = \"often\"\n",
    ),
    ("a version of tomorrow", "# new\nversion = 2\nnetwork = 1\n"),
    ("no version", "seed = 1\n"),
    ("no TOML", "version = 1\nseed == 1\n"),
    (
        "no time",
        "version = 1\n[[fault]]\nat = \"soon\"\nkind = \"kill\"\n",
    ),
    (
        "a number without a unit",
        "version = 1\n[[fault]]\nat = 3\nkind = \"kill\"\n",
    ),
    (
        "a time when the node is off",
        "version = 1\nfault = [\n  { at = \"3s\", kind = \"power-cut\", off = \"1m\" },\n  \
             { at = \"40s\", kind = \"clock-step\", by = \"1h\" },\n]\n",
    ),
    (
        "a clock before 1970",
        "version = 1\nfault = [{ at = \"1s\", kind = \"clock-step\", by = \"-3000d\" }]\n\
             start = \"1971-01-01T00:00:00Z\"\n",
    ),
    (
        "no instant",
        "version = 1\nstart = \"2026-02-30T00:00:00Z\"\n",
    ),
    (
        "no node",
        "version = 1\nfault = [{ at = \"1s\", kind = \"kill\", node = \"berlin\" }]\n",
    ),
    (
        "a node too many",
        "version = 1\nnode = [{ name = \"a\" }, { name = \"b\" }]\n",
    ),
    (
        "no sentence",
        "version = 1\ntenant = [{ name = \"acme\" }]\n\
             expect = ['''\"acme's upload\" dances''']\n",
    ),
    (
        "nobody",
        "version = 1\ntenant = [{ name = \"acme\", subtenant-clients = 0 }]\n\
             expect = [\n  '''\"bob's upload\" done''',\n]\n",
    ),
    ("a wrong name", "version = 1\n[[tenant]]\nname = \"a/b\"\n"),
    (
        "a name twice",
        "version = 1\ntenant = [{ name = \"a\" }, { name = \"a\" }]\n",
    ),
    (
        "no fault",
        "version = 1\n[[fault]]\nat = \"3s\"\nkind = \"flood\"\n",
    ),
    (
        "a field of another kind",
        "version = 1\n[[fault]]\nat = \"3s\"\nkind = \"kill\"\nby = \"2h\"\n",
    ),
    (
        "a step without a length",
        "version = 1\n[[fault]]\nat = \"3s\"\nkind = \"clock-step\"\n",
    ),
    (
        "a second beginning of disk faults",
        "version = 1\nfault = [{ at = \"1s\", kind = \"sync-failure\" }, \
             { at = \"2s\", kind = \"disk-full\" }]\n",
    ),
    (
        "an index that is half lost",
        "version = 1\n[[fault]]\nat = \"3s\"\nkind = \"kill\"\nindex = \"half\"\n",
    ),
    ("no rounds", "version = 1\nrounds = []\n"),
    (
        "a fault of a network without one",
        "version = 1\n[[fault]]\nat = \"3s\"\nkind = \"cut\"\nnodes = [\"node-1\"]\n",
    ),
    (
        "no node of the fleet",
        "version = 1\nfleet = { kind = \"register\", nodes = 3, users = 2 }\n[[fault]]\n\
             at = \"3s\"\nkind = \"cut\"\nnodes = [\"node-1\", \"node-9\"]\n",
    ),
    (
        "a fault between one node",
        "version = 1\nfleet.kind = \"several\"\n[[fault]]\nat = \"3s\"\n\
             kind = \"slow-link\"\nnodes = [\"node-1\"]\n",
    ),
    (
        "a fault that strikes nobody",
        "version = 1\nfleet.kind = \"several\"\n[[fault]]\nat = \"3s\"\nkind = \"pause\"\n",
    ),
    (
        "a way that there is not",
        "version = 1\nfleet.kind = \"several\"\n[[fault]]\nat = \"3s\"\nkind = \"cut\"\n\
             nodes = [\"node-1\"]\nways = \"up\"\n",
    ),
    (
        "a field of another mishap",
        "version = 1\nfleet.kind = \"several\"\n[[fault]]\nat = \"3s\"\nkind = \"heal\"\n\
             times = 3\n",
    ),
    (
        "too many nodes",
        "version = 1\n[fleet]\nkind = \"register\"\nnodes = 5000\n",
    ),
    (
        "users of no register",
        "version = 1\n[fleet]\nkind = \"several\"\nusers = 5\n",
    ),
    (
        "an order without a cluster",
        "version = 1\nfleet.kind = \"catalog\"\n[[fault]]\nat = \"3s\"\nkind = \"drain\"\n\
             node = \"node-1\"\n",
    ),
    (
        "no tenant of the cluster",
        "version = 1\nfleet = { kind = \"cluster\", users = 2 }\n[[fault]]\nat = \"3s\"\n\
             kind = \"lease-end\"\ntenant = 2\n",
    ),
    (
        "nodes that join no cluster",
        "version = 1\n[fleet]\nkind = \"wire\"\njoins = 1\n",
    ),
    (
        "a fleet of nothing",
        "version = 1\n[fleet]\nkind = \"fish\"\n",
    ),
    ("no planted bug", "version = 1\nbug = \"Ghost\"\n"),
];

#[test]
fn a_wrong_file_is_refused_with_the_place() {
    let mut told = String::new();
    for (what, text) in WRONG {
        let error = Scenario::parse(text, None).unwrap_err();
        told.push_str(&format!("-- {what}\nfile.toml:{error}\n"));
    }
    expect_test::expect_file!["tests/refused.txt"].assert_eq(&told);
}
