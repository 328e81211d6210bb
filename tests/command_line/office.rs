//! The command line over the office and a real catalog: what an operator does in a day.

use expect_test::expect;
use serde_json::json;
use tokio::runtime::Runtime;

use super::furniture::furnish;
use super::world::World;

pub(crate) fn office() -> World {
    World::named("data", |runtime: &Runtime| runtime.block_on(furnish()))
}

#[track_caller]
pub(crate) fn done(world: &World, line: &str) -> serde_json::Value {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    words.push("--json");
    let ran = world.run(&words);
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    ran.json()
}

#[track_caller]
pub(crate) fn refused(world: &World, line: &str, code: i32, reason: &str) {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    words.push("--json");
    let ran = world.run(&words);
    assert_eq!((ran.code, ran.reason().as_str()), (code, reason), "{line}");
}

#[test]
fn a_tenant_has_the_terms_that_were_given_and_else_the_usual_ones() {
    let world = office();
    let made = done(&world, "tenant add acme --description backups");
    let expected = json!({
        "name": "acme", "state": "enabled", "lease": "never", "lease-days-left": null,
        "restore-grace": 0, "purge-hold": 0, "tasks": 16, "bandwidth": null, "bin-days": 7,
        "bin-limit": null, "quota": 0,
        "description": "backups", "reason": null, "last-session": null,
    });
    assert_eq!(made, expected);
    let set = "tenant set acme --lease 2020-01-01 --tasks 4 --bandwidth 50MB/s --bin-limit 1GiB";
    let set = done(&world, set);
    assert_eq!(set["state"], "expired");
    assert_eq!(set["lease"], "2020-01-01");
    assert_eq!(set["bandwidth"], 50_000_000);
    assert_eq!(set["bin-limit"], 1u64 << 30);
    assert_eq!(set["bin-days"], 7);
    let unset = done(
        &world,
        "tenant set acme --bandwidth none --bin-limit quota --lease never",
    );
    for field in ["bandwidth", "bin-limit"] {
        assert_eq!(unset[field], json!(null), "{field}");
    }
    assert_eq!(unset["state"], "enabled");
    done(&world, "tenant disable acme --reason unpaid");
    assert_eq!(done(&world, "tenant show acme")["state"], "disabled");
    refused(&world, "tenant add acme", 5, "tenant-exists");
    refused(&world, "tenant show nobody", 3, "no-tenant");
    refused(&world, "tenant set acme --bin-days 100", 2, "out-of-range");
}

#[test]
fn an_order_that_changes_nothing_is_refused_and_leaves_no_event() {
    let world = office();
    done(&world, "tenant add acme");
    done(&world, "repository add acme main --quota 10GiB");
    let before = done(&world, "events");
    refused(&world, "tenant set acme", 2, "usage");
    refused(&world, "repository set acme main", 2, "usage");
    assert_eq!(done(&world, "events"), before);
    done(&world, "repository set acme main --min-copies 1");
    let events = done(&world, "events");
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!(last["text"], "repository main: copies 1");
}

#[test]
fn a_password_is_shown_once_and_has_256_bits() {
    let world = office();
    done(&world, "tenant add acme");
    let made = done(&world, "password acme --scope append");
    let keys: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["password", "scope", "tenant"]);
    assert_eq!(
        (&made["tenant"], &made["scope"]),
        (&json!("acme"), &json!("append"))
    );
    let password = made["password"].as_str().unwrap();
    assert_eq!(password.len(), 43);
    assert!(
        password
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric())
    );
    let listed = world.run(&["credential", "list", "--json"]);
    assert!(!listed.out.contains(password));
    let id = listed.json()[0]["id"].to_string();
    done(&world, &format!("credential revoke {id}"));
    assert_eq!(done(&world, "credential list acme"), json!([]));
    refused(
        &world,
        &format!("credential revoke {id}"),
        3,
        "no-credential",
    );
    refused(&world, "password nobody", 3, "no-tenant");
}

#[test]
fn a_chosen_password_comes_from_stdin_and_is_not_shown() {
    let world = office();
    done(&world, "tenant add acme");
    let line = ["password", "acme", "--password-file", "-", "--json"];
    let ran = world.run_reading(&line, "correct horse\nbattery\n");
    assert_eq!(ran.code, 0, "{ran:?}");
    let answer = json!({ "tenant": "acme", "scope": "full", "password": null });
    assert_eq!(ran.json(), answer);
    assert_eq!(done(&world, "credential list")[0]["chosen"], true);
    assert_eq!(world.run_reading(&line, "short\n").code, 2);
    assert_eq!(world.run_reading(&line, "").code, 2);
}

#[test]
fn a_repository_is_shown_with_three_figures() {
    let world = office();
    done(&world, "tenant add acme");
    let made = done(
        &world,
        "repository add acme main --quota 10GiB --hold-days 3",
    );
    assert_eq!(made["quota"], 10u64 << 30);
    assert_eq!(made["hold-days"], 3);
    let shown = done(&world, "repository show acme main");
    for (figure, mib) in [("used", 3), ("charged", 4), ("stored", 5), ("bin", 2)] {
        assert_eq!(shown[figure], u64::from(mib as u32) << 20, "{figure}");
    }
    assert_eq!(done(&world, "tenant show acme")["repositories"][0], shown);
    assert_eq!(done(&world, "repository list"), json!([shown]));
    refused(&world, "repository show acme other", 3, "no-repository");
    refused(
        &world,
        "repository set acme main --hold-days 2",
        4,
        "hold-shortened",
    );
    done(&world, "repository remove acme main");
    assert_eq!(done(&world, "repository list acme"), json!([]));
    assert_eq!(done(&world, "repository list --removed")[0]["name"], "main");
}

#[test]
fn no_more_copies_are_promised_than_there_are_nodes() {
    let world = office();
    done(&world, "tenant add acme");
    let add = "repository add acme main --quota 10GiB";
    refused(&world, &format!("{add} --min-copies 2"), 4, "too-few-nodes");
    refused(&world, "repository show acme main", 3, "no-repository");
    assert_eq!(
        done(&world, &format!("{add} --min-copies 1"))["min-copies"],
        1
    );
    let set = "repository set acme main --quota 20GiB";
    refused(&world, &format!("{set} --min-copies 2"), 4, "too-few-nodes");
    assert_eq!(
        done(&world, "repository show acme main")["quota"],
        10u64 << 30
    );
    done(&world, set);
    refused(&world, &format!("{set} --min-copies 0"), 2, "out-of-range");
}

#[test]
fn a_subtenant_has_a_slice_of_the_only_repository() {
    let world = office();
    done(&world, "tenant add acme");
    refused(&world, "subtenant add acme laptop", 2, "usage");
    done(&world, "repository add acme main --quota 10GiB");
    done(&world, "subtenant add acme laptop --limit 1GiB");
    let slices = json!([{ "repository": "main", "limit": 1u64 << 30 }]);
    assert_eq!(done(&world, "subtenant show acme laptop")["slices"], slices);
    done(&world, "subtenant set acme laptop --limit none");
    let slices = json!([{ "repository": "main", "limit": null }]);
    assert_eq!(done(&world, "subtenant list acme")[0]["slices"], slices);
    assert_eq!(
        done(&world, "password acme+laptop")["tenant"],
        "acme+laptop"
    );
    done(&world, "subtenant disable acme laptop");
    assert_eq!(
        done(&world, "subtenant show acme laptop")["state"],
        "disabled"
    );
    done(&world, "subtenant remove acme laptop");
    refused(&world, "subtenant show acme laptop", 3, "no-subtenant");
}

#[test]
fn a_view_is_a_login_that_reads() {
    let world = office();
    done(&world, "tenant add acme");
    done(&world, "repository add acme main --quota 10GiB");
    let view = done(&world, "bin view acme main --at 2020-05-01T12:00:00Z");
    assert_eq!(
        (&view["scope"], &view["repository"]),
        (&json!("read"), &json!("main"))
    );
    let listed = done(&world, "credential list acme");
    assert_eq!(listed[0]["id"], view["credential"]);
    assert_eq!(listed[0]["view"]["at"], "2020-05-01T12:00:00.000Z");
    refused(
        &world,
        "bin view acme main --at 1970-01-01T00:00:01Z",
        4,
        "beyond-bin",
    );
    done(
        &world,
        "bin export acme main --at 2020-05-01T12:00:00Z --to relative",
    );
    done(
        &world,
        "bin restore acme main --at 2020-05-01T12:00:00Z --reason ticket-12",
    );
    refused(
        &world,
        "bin restore acme main --at 1970-01-01T00:00:01Z",
        4,
        "beyond-bin",
    );
    let events = done(&world, "events --tenant acme");
    let events = events.as_array().unwrap().iter();
    let told: Vec<_> = events.filter(|event| event["code"] == 30045).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["actor"], &told[0]["tenant"], &told[0]["reason"]),
        (
            &json!("operator admin"),
            &json!("acme"),
            &json!("ticket-12")
        )
    );
    assert_eq!(done(&world, "bin list acme")[0]["objects"], 3);
}

#[test]
fn damage_is_listed_and_ends_with_1() {
    let world = office();
    assert_eq!(done(&world, "verify"), json!([]));
    done(&world, "tenant add acme");
    done(&world, "repository add acme main --quota 10GiB");
    let ran = world.run(&["verify", "acme", "--json"]);
    assert_eq!((ran.code, ran.reason().as_str()), (1, "damaged"));
    assert_eq!(ran.json()[0]["damaged"], 1);
}

#[test]
fn the_service_is_looked_after() {
    let world = office();
    done(&world, "tenant add acme");
    let on = done(&world, "maintenance on --text later");
    assert_eq!(on, json!({ "maintenance": true, "text": "later" }));
    assert_eq!(done(&world, "status")["maintenance"], true);
    let off = done(&world, "maintenance off");
    assert_eq!(off, json!({ "maintenance": false, "text": null }));
    let today = done(&world, "clock status")["today"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        done(&world, &format!("clock confirm --today {today}"))["doubted"],
        false
    );
    // The wall of the furniture stands; that of the catalog's last tick is another.
    let wall = &done(&world, "clock status")["wall"];
    assert_eq!(wall, "2026-11-21T10:00:00.000Z");
    let usage = done(&world, "usage --month 2026-11");
    assert_eq!(usage[0]["month"], "2026-11");
    assert!(usage[0]["byte-seconds"].as_f64().unwrap() > 1e22);
    let events = done(&world, "events --tenant acme");
    assert_eq!(events[0]["code"], 24110);
    assert_eq!(events[0]["actor"], "operator admin");
    let pem = world.run(&["certificate", "show", "--pem"]);
    assert_eq!(pem.out, "-----BEGIN CERTIFICATE-----\n");
}

#[test]
fn a_certificate_comes_from_files() {
    let world = office();
    let (chain, key) = (world.data.join("chain.pem"), world.data.join("key.pem"));
    std::fs::write(&chain, "chain\n").unwrap();
    std::fs::write(&key, "key\n").unwrap();
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
    done(&world, &format!("certificate import {chain} --key {key}"));
}

#[test]
fn actors_are_looked_into() {
    let world = office();
    let tree = world.run(&["shell", "-c", "tree"]);
    expect![[r#"
        ACTOR       STATE    RESTARTS  MAILBOX
        node        -               -        -
        └─ catalog  running         0        0
    "#]]
    .assert_eq(&tree.out);
    done(&world, "tenant add acme");
    let state = world.run(&["shell", "-c", "show catalog", "--json"]).json();
    assert!(state.is_object(), "{state}");
    let trace = world.run(&["shell", "-c", "trace node/catalog"]).out;
    assert!(trace.contains("Submit"), "{trace}");
    let typed = world.run_reading(&["shell"], "why catalog\nnonsense\nsessions\nquit\ntree\n");
    assert_eq!(typed.out, "it waits for nothing but messages\n");
    assert_eq!(typed.code, 0);
    let ran = world.run(&["shell", "-c", "show nobody", "--json"]);
    assert_eq!((ran.code, ran.reason().as_str()), (3, "no-actor"));
    for (path, code) in [("node/tenants/broken", 0), ("node/tenants/other", 3)] {
        let ran = world.run(&["shell", "-c", &format!("restart --yes {path}")]);
        assert_eq!(
            ran.code, code,
            "what is out of service runs nowhere: {ran:?}"
        );
    }
    let unsure = world.run(&["shell", "-c", "stop node/catalog", "--json"]);
    assert_eq!(
        (unsure.code, unsure.reason().as_str()),
        (4, "not-confirmed")
    );
    let ran = world.run_reading(&["shell", "-c", "stop node/catalog"], "y\n");
    assert_eq!(ran.code, 0, "{ran:?}");
}
