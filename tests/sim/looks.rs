//! One run looked at closely: made small, told as a story, counted, and stepped through.

use std::fs;

use holdfast_simulations::plan::{End, Faults, Life, Loss, Plan, Step};
use holdfast_simulations::scenario::Scenario;
use holdfast_simulations::shrink::faults;

use crate::tool::Bench;

/// A plan of seed 11 in which many things go wrong that have nothing to do with its lease.
fn of_sixty_faults() -> Scenario {
    let mut plan = Plan::from_seed(11);
    let life = |number: u64| Life {
        rounds: vec![0],
        cut: Some(3_000 + number),
        end: if number.is_multiple_of(2) {
            End::Power
        } else {
            End::Kill
        },
        off: 1_000,
        index: if number.is_multiple_of(3) {
            Loss::All
        } else {
            Loss::Last(2)
        },
        faults: Faults {
            after: 500,
            syncs: 1,
            writes: 1,
            full_kib: None,
            ..Faults::default()
        },
        steps: vec![Step { at: 100, by: 5 }, Step { at: 200, by: -5 }],
    };
    let last = plan.lives.pop().unwrap();
    plan.lives.extend((0..10).map(life));
    plan.lives.push(last);
    let mut scenario = Scenario::of_plan(plan);
    scenario.bug = holdfast_simulations::mutation::Mutation::parse("LongLease");
    scenario
}

#[test]
fn a_plan_of_sixty_faults_is_made_small_and_breaks_the_same_promise() {
    let bench = Bench::new();
    let scenario = of_sixty_faults();
    assert!(faults(&scenario.plan) >= 60, "{}", faults(&scenario.plan));
    bench.write("large.toml", &scenario.written());
    let out = bench.sim("shrink large.toml -o small.toml --for 4m").good();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "seed 11");
    assert!(lines[1].starts_with("approvals: at "), "{out}");
    assert_eq!(lines[3], "reproduce: holdfast sim replay small.toml");
    let small = fs::read_to_string(bench.path("small.toml")).unwrap();
    let small = Scenario::parse(&small, None).unwrap();
    assert_eq!(faults(&small.plan), 0, "{:#?}", small.plan);
    assert!(small.plan.lives.len() <= 3 && small.plan.tenants.len() == 1);
    assert_eq!(small.found.unwrap().broken, ["approvals"]);
    let again = bench.sim("replay small.toml");
    assert_eq!(again.code, 1);
    assert!(again.out.contains("BROKEN approvals"));
}

#[test]
fn a_planted_bug_of_a_register_is_told_and_made_small() {
    let bench = Bench::new();
    let small = "shrink 1 --bug SmallQuorum -o small.toml --for 30s";
    let out = bench.sim(small).good();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[1].starts_with("register-kept: at "), "{out}");
    assert!(
        lines[2].contains(" faults, 0 lives and 5 clients became "),
        "{out}"
    );
    let small = fs::read_to_string(bench.path("small.toml")).unwrap();
    let small = Scenario::parse(&small, None).unwrap().plan;
    let large = Plan::register(1);
    // How small it gets depends on how fast the machine is.
    assert!(faults(&large) > 40 && faults(&small) < 30, "{small:#?}");
    let text = bench.sim("explain small.toml").good();
    assert!(text.starts_with("BROKEN register-"), "{text}");
    for part in [
        "BROKEN register-kept: at ",
        "\nA register that node-1 to node-6 keep",
        "asks to ",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let whole = bench.sim("explain 1 --bug SmallQuorum").good();
    assert!(text.lines().count() < whole.lines().count());
    assert!(whole.contains("  world    mishap: "), "{whole}");
}

#[test]
fn the_shell_shows_all_nodes_of_a_fleet_at_one_moment() {
    let bench = Bench::new();
    let words = [
        "shell", "7", "--kind", "several", "--at", "3s", "-c", "tree",
    ];
    let out = bench.with(&words, &[], "").good();
    let roots = out.lines().filter(|line| line.starts_with("node-"));
    assert!(roots.count() > 1, "{out}");
    let words = ["shell", "7", "--kind", "register", "--at", "1s", "-c"];
    let ask = |command| bench.with(&[&words[..], &[command]].concat(), &[], "");
    let shown = ask("show node-2/register").good();
    assert!(shown.contains("\"kept\""), "{shown}");
    let decided = ask("trace node-2/register").good();
    assert!(decided.contains("Heard { from: node-"), "{decided}");
    assert_eq!(ask("show node-77/register").code, 3);
}

#[test]
fn a_good_run_cannot_be_made_small() {
    let bench = Bench::new();
    let ran = bench.sim("shrink 7 -o small.toml");
    assert_eq!(ran.code, 4);
    assert!(ran.errors.contains("breaks no promise"), "{ran:?}");
    assert!(!bench.path("small.toml").exists());
}

#[test]
fn a_story_says_first_what_was_broken() {
    let bench = Bench::new();
    let text = bench.sim("explain 11 --bug WrongByte").good();
    assert!(text.starts_with("BROKEN acknowledged: at "), "{text}");
    assert!(text.contains("\n*  ") && text.contains("\n!!  "), "{text}");
    assert!(
        bench
            .sim("explain 7")
            .good()
            .starts_with("no promise was broken\n")
    );
}

#[test]
fn a_page_stands_alone() {
    let bench = Bench::new();
    assert_eq!(
        bench.sim("explain 11 --bug LongLease -o story.html").good(),
        ""
    );
    let page = fs::read_to_string(bench.path("story.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("tenant-0 let in: Probe with Nothing allowed"));
    assert!(page.contains("\"kind\":\"decision\""));
}

#[test]
fn coverage_names_what_was_reached_and_what_never() {
    let bench = Bench::new();
    let told = bench.sim("coverage --count 6 --json").json();
    let points = |kind: &str| told[kind].as_array().unwrap().clone();
    let has = |of: &str, machine: &str, name: &str| {
        points(of)
            .iter()
            .any(|one| one["machine"] == machine && one["name"] == name)
    };
    assert!(told["decisions"].as_u64().unwrap() > 1_000);
    assert!(has("reached", "Tenant", "Enter") && has("reached", "Repository", "Stored"));
    assert!(
        has("reached", "Tenant", "Enter: Grant")
            || has("reached", "Tenant", "Enter: Open, Tell, Grant")
    );
    assert!(has("never", "Keeper", "NotEmpty") && !has("not-reached", "Tenant", "Enter"));
    assert!(!has("not-reached", "Keeper", "NotEmpty"));
    let text = bench.sim("coverage --count 2").good();
    assert!(text.starts_with("seeds 0..2\nMACHINE "), "{text}");
    assert_eq!(
        text.lines().last(),
        Some("reproduce: holdfast sim coverage --count 2")
    );
    assert!(
        text.contains("\n  Keeper refusal NotEmpty: whoever destroys"),
        "{text}"
    );
}

#[test]
fn the_shell_goes_forward_and_back_and_shows_the_same_each_time() {
    let bench = Bench::new();
    let words = [
        "where",
        "step 3",
        "break 'store config'",
        "run",
        "tree",
        "show gateway",
        "trace tenants/tenant-0",
        "why journal",
        "sessions",
        "back 40",
        "tree",
        "run",
        "show gateway",
        "run-until 3s",
        "clear",
        "run",
        "tree",
    ];
    let typed = words.join("\n");
    let ran = bench.with(&["shell", "7"], &[], &typed);
    assert_eq!(ran, bench.with(&["shell", "7"], &[], &typed));
    let out = ran.good();
    let shown: Vec<&str> = out.lines().collect();
    assert!(
        shown[0].starts_with("0/") && shown[0].ends_with("nothing has happened yet"),
        "{out}"
    );
    assert!(shown[1].starts_with("3/"), "{out}");
    assert!(out.contains("store config/00000000 17B Whole"), "{out}");
    assert!(
        out.contains("└─ tenants") && out.contains("   ├─ tenant-0"),
        "{out}"
    );
    assert!(out.contains("Enter("), "{out}");
    let gateways: Vec<&str> = out.split("\"account-failures\"").collect();
    assert!(gateways.len() < 2 || gateways[1] == gateways[2]);
    assert!(
        out.trim_end().ends_with("ACTOR  STATE  RESTARTS  MAILBOX") || out.contains("Power ends")
    );
}

#[test]
fn the_shell_begins_where_it_is_told_and_changes_nothing() {
    let bench = Bench::new();
    let ran = bench.with(&["shell", "7", "--at", "150ms", "-c", "where"], &[], "");
    let out = ran.good();
    // What an actor asked for stands indented below what it was told.
    let last = out.lines().rfind(|line| !line.starts_with(' ')).unwrap();
    assert!(last.contains(" 0.1"), "{out}");
    for (command, code, part) in [
        ("restart --yes gateway", 4, "a run is what its plan says"),
        ("show nobody", 3, "no actor runs at node/nobody"),
        ("dance", 2, "unrecognized subcommand"),
        ("run-until soon", 2, "'soon' is no time"),
    ] {
        let ran = bench.with(&["shell", "7", "--at", "1s", "-c", command], &[], "");
        assert_eq!(ran.code, code, "{command}: {ran:?}");
        assert!(ran.errors.contains(part), "{command}: {ran:?}");
    }
}
