//! Arguments that make no sense end with 2, before anything is asked of a node.

use super::world::{holdfast, holdfast_reading};

/// Arguments of a form that is right; there is no `/nowhere`, so they end with 3.
const RIGHT: &[&str] = &[
    "status --data /nowhere",
    "--data /nowhere status",
    "--data /nowhere --json status",
    "status --json --data /nowhere",
    "--data /nowhere tenant add acme",
    "--data /nowhere tenant add acme --lease never --tasks 4 --bandwidth 50MB/s --bin-days 0",
    "--data /nowhere tenant add acme --lease 2027-12-31 --bin-limit 10GiB --restore-grace 3",
    "--data /nowhere tenant set acme --bandwidth none --bin-limit quota --purge-hold 30",
    "--data /nowhere tenant list",
    "--data /nowhere tenant show acme",
    "--data /nowhere tenant disable acme",
    "--data /nowhere tenant enable acme",
    "--data /nowhere tenant remove acme",
    "--data /nowhere tenant purge acme",
    "--data /nowhere subtenant add acme laptop --repository main --limit 5GiB",
    "--data /nowhere subtenant list acme",
    "--data /nowhere subtenant show acme laptop",
    "--data /nowhere subtenant set acme laptop --limit none",
    "--data /nowhere subtenant disable acme laptop",
    "--data /nowhere subtenant enable acme laptop",
    "--data /nowhere subtenant remove acme laptop",
    "--data /nowhere password acme",
    "--data /nowhere password acme+laptop --scope append",
    "--data /nowhere password acme --scope read --expires 2027-01-01 --label web-1",
    "--data /nowhere credential list",
    "--data /nowhere credential list acme+laptop",
    "--data /nowhere credential revoke 3",
    "--data /nowhere credential revoke credential-3",
    "--data /nowhere operator add mara --role tape-operator --uid 1004",
    "--data /nowhere operator list",
    "--data /nowhere operator set mara --role admin",
    "--data /nowhere operator remove mara",
    "--data /nowhere approval list",
    "--data /nowhere --as mara approval grant 3",
    "--data /nowhere approval reject 3 --as mara",
    "--data /nowhere repository add acme main --quota 10GiB",
    "--data /nowhere repository add acme main --quota 1.5TB --hold-days 7 --min-copies 2",
    "--data /nowhere repository list",
    "--data /nowhere repository list acme --removed",
    "--data /nowhere repository show acme main",
    "--data /nowhere repository set acme main --quota 20GiB",
    "--data /nowhere repository remove acme main",
    "--data /nowhere repository purge 7",
    "--data /nowhere bin list",
    "--data /nowhere bin list acme main",
    "--data /nowhere bin view acme main --at 2026-05-01T12:00:00Z",
    "--data /nowhere bin export acme main --at 2026-05-01T12:00:00+02:00 --to out",
    "--data /nowhere bin restore acme main --at 2026-05-01T12:00:00.5Z",
    "--data /nowhere usage",
    "--data /nowhere usage --month 2026-11",
    "--data /nowhere events",
    "--data /nowhere events --follow --json",
    "--data /nowhere maintenance on --text later",
    "--data /nowhere maintenance off",
    "--data /nowhere maintenance status",
    "--data /nowhere clock status",
    "--data /nowhere clock confirm --today 2026-11-21",
    "--data /nowhere certificate show",
    "--data /nowhere certificate show --pem",
    "--data /nowhere certificate rotate",
    "--data /nowhere join-token",
    "--data /nowhere join-token --expires 30m",
    "--data /nowhere node list",
    "--data /nowhere node show berlin-2",
    "--data /nowhere node drain node-2",
    "--data /nowhere node undrain node-2",
    "--data /nowhere node remove node-2",
    "--data /nowhere node rename node-2 --to berlin-3",
    "--data /nowhere verify",
    "--data /nowhere verify acme main",
    "--data /nowhere shell -c tree",
    "--data /nowhere shell -c sessions",
];

/// Arguments that make no sense.
const WRONG: &[&str] = &[
    "",
    "dance",
    "status",
    "tenant list",
    "init",
    "serve",
    "tenant",
    "--data /nowhere tenant add",
    "--data /nowhere tenant add a+b",
    "--data /nowhere tenant add con",
    "--data /nowhere tenant add acme --lease tomorrow",
    "--data /nowhere tenant add acme --lease 2026-02-30",
    "--data /nowhere tenant add acme --lease 9999-01-01",
    "--data /nowhere tenant add acme --tasks many",
    "--data /nowhere tenant add acme --tasks -1",
    "--data /nowhere tenant add acme --bandwidth 0",
    "--data /nowhere tenant add acme --bandwidth fast",
    "--data /nowhere tenant add acme --bin-days 4294967296",
    "--data /nowhere tenant add acme --bin-limit none",
    "--data /nowhere tenant add acme --password secret",
    "--data /nowhere subtenant add acme",
    "--data /nowhere subtenant add acme a/b --repository main",
    "--data /nowhere subtenant add acme laptop --repository Main",
    "--data /nowhere subtenant add acme laptop --limit quota",
    "--data /nowhere password acme+",
    "--data /nowhere password acme --scope all",
    "--data /nowhere password acme secret",
    "--data /nowhere password acme --expires soon",
    "--data /nowhere password acme --password-file /nowhere/at/all",
    "--data /nowhere credential revoke seven",
    "--data /nowhere operator add mara",
    "--data /nowhere operator add mara --role king",
    "--data /nowhere approval grant",
    "--data /nowhere approval grant three",
    "--data /nowhere repository add acme main",
    "--data /nowhere repository add acme main --quota plenty",
    "--data /nowhere repository add acme main --quota 1PB",
    "--data /nowhere repository add acme config --quota 1GiB",
    "--data /nowhere repository add acme a/b --quota 1GiB",
    "--data /nowhere bin view acme main",
    "--data /nowhere bin view acme main --at yesterday",
    "--data /nowhere bin view acme main --at 2026-05-01T12:00:00",
    "--data /nowhere bin export acme main --at 2026-05-01T12:00:00Z",
    "--data /nowhere usage --month 2026-13",
    "--data /nowhere clock confirm",
    "--data /nowhere clock confirm --today never",
    "--data /nowhere certificate import /nowhere/at/all",
    "--data /nowhere join-token --expires soon",
    "--data /nowhere node",
    "--data /nowhere node show",
    "--data /nowhere node remove Berlin",
    "--data /nowhere verify acme MAIN",
    "--data /nowhere shell -c dance",
    "--data /nowhere --as a:b tenant list",
    "serve --data /nowhere --listen localhost",
    "serve --data /nowhere --metrics 9443",
    "init --data /nowhere --name Berlin_1",
    "init --data /nowhere --cluster --address localhost:7443",
    "join",
    "join --data /nowhere",
    "join --data /nowhere --token holdfast-join-1-abc",
    "join --data /nowhere --token-file /nowhere/at/all --address 127.0.0.1:1",
    "agent backup",
];

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn what_is_said_right_looks_for_the_node() {
    for line in RIGHT {
        let ran = holdfast(&words(line));
        assert_eq!(ran.code, 3, "{line}: {ran:?}");
        assert!(ran.out.is_empty(), "{line}: {ran:?}");
    }
}

#[test]
fn what_makes_no_sense_ends_with_2() {
    for line in WRONG {
        let ran = holdfast(&words(line));
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert!(ran.out.is_empty(), "{line}: {ran:?}");
        let mut with_json = words(line);
        with_json.push("--json");
        let ran = holdfast(&with_json);
        assert_eq!(
            (ran.code, ran.reason().as_str()),
            (2, "usage"),
            "{line}: {ran:?}"
        );
    }
}

#[test]
fn every_command_shows_an_example_in_its_help() {
    let commands = [
        "",
        "demo",
        "init",
        "join",
        "serve",
        "tenant",
        "tenant add",
        "tenant purge",
        "subtenant add",
        "password",
        "credential revoke",
        "operator add",
        "approval grant",
        "repository add",
        "bin export",
        "usage",
        "events",
        "maintenance on",
        "clock confirm",
        "certificate import",
        "join-token",
        "node remove",
        "tape library add",
        "tape pool set",
        "tape media free",
        "tape job add",
        "tape restore run",
        "tape drive list",
        "tape scan",
        "verify",
        "status",
        "shell",
        "agent",
    ];
    for command in commands {
        let mut line = words(command);
        line.push("--help");
        let ran = holdfast(&line);
        assert_eq!(ran.code, 0, "{command}");
        assert!(ran.out.contains("Example"), "{command}: {}", ran.out);
    }
}

#[test]
fn only_what_makes_something_new_shows_what_is_usual() {
    for (command, usual) in [
        ("tenant add", "What is not given: --lease never"),
        ("repository add", "What is not given: --hold-days 0"),
        ("tape job add", "What is not given: --at 00:00"),
    ] {
        let mut line = words(command);
        line.push("--help");
        let shown = holdfast(&line).out;
        assert!(shown.contains(usual), "{shown}");
    }
    for command in ["tenant set", "repository set"] {
        let mut line = words(command);
        line.push("--help");
        let shown = holdfast(&line).out;
        assert!(!shown.contains("default"), "{shown}");
        assert!(!shown.contains("What is not given"), "{shown}");
    }
}

#[test]
fn an_error_says_what_happened_to_what_and_what_to_do_next() {
    let ran = holdfast(&["--data", "/nowhere", "status"]);
    assert_eq!(
        ran.errors,
        "error: there is no directory /nowhere; name a node's data directory with --data; \
         'holdfast init' makes a new one\n"
    );
    let ran = holdfast(&["tenant", "list"]);
    assert_eq!(
        ran.errors,
        "error: the node's data directory is not given; add --data DIR\n"
    );
}

#[test]
fn what_ends_an_actor_asks_first() {
    let shell = ["--data", "/nowhere", "--json", "shell", "-c"];
    for verb in ["stop", "restart"] {
        let order = format!("{verb} node/catalog");
        let line = [&shell[..], &[&order]].concat();
        for no in ["", "n\n", "no\n"] {
            let ran = holdfast_reading(&line, no);
            assert_eq!(
                (ran.code, ran.reason().as_str()),
                (4, "not-confirmed"),
                "{order}, {no}"
            );
        }
        assert_eq!(holdfast_reading(&line, "y\n").code, 3, "{order}");
        let sure = format!("{order} --yes");
        assert_eq!(holdfast(&[&shell[..], &[&sure]].concat()).code, 3, "{sure}");
    }
}
