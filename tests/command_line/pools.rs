//! Orders about pools of gateways, and about the pools of tenants, over the office and a real
//! catalog.

use serde_json::{Value, json};

use super::nodes::at_work;
use super::office::{done, refused};
use super::world::World;

/// The words of an order, and its answer.
fn told(world: &World, words: &[&str]) -> Value {
    let said = world.run(&[words, &["--json"]].concat());
    assert_eq!(said.code, 0, "{words:?}: {said:?}");
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn pools_are_made_shown_changed_and_removed() {
    let world = at_work();
    let words = [
        "pool",
        "create",
        "west",
        "berlin-1",
        "--description",
        "the fast line",
    ];
    let made = told(&world, &words);
    assert_eq!(
        (&made["name"], &made["gateways"]),
        (&json!("west"), &json!(["berlin-1"]))
    );
    assert_eq!(
        (&made["tenants"], &made["given-to"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(done(&world, "node show berlin-1")["pool"], "west");
    assert_eq!(done(&world, "node show berlin-2")["pool"], Value::Null);
    let added = done(&world, "tenant add acme --pools west --fail-over on");
    assert_eq!(
        (&added["pools"], &added["fail-over"]),
        (&json!("west"), &json!(true))
    );
    let listed = done(&world, "pool list");
    assert_eq!(listed[0]["tenants"], 1);
    assert_eq!(listed[0]["given-to"], Value::Null);
    assert_eq!(done(&world, "pool show west")["given-to"], json!(["acme"]));
    let plain = world.run(&["pool", "list"]);
    let plain: Vec<&str> = plain.out.lines().collect();
    assert_eq!(plain[0], "NAME  GATEWAYS  DOWN  TENANTS  DESCRIPTION");
    assert_eq!(plain[1], "west  berlin-1  -           1  the fast line");
    refused(&world, "pool remove west", 5, "pool-in-use");
    let set = done(&world, "tenant set acme --pools none --tasks 3");
    assert_eq!((&set["pools"], &set["tasks"]), (&json!("none"), &json!(3)));
    assert_eq!(set["fail-over"], true, "what is not given stays");
    done(&world, "pool remove west");
    refused(&world, "pool show west", 3, "no-pool");
    let events = done(&world, "events");
    let last: Vec<&str> = events
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .take(4)
        .rev()
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        last,
        [
            "pool west made of node-1 'berlin-1'",
            "tenant acme added",
            "tenant acme updated: tasks, pools",
            "pool west removed; its gateways are in none",
        ]
    );
}

#[test]
fn what_cannot_be_is_refused_in_words_and_by_its_exit_code() {
    let world = at_work();
    done(&world, "pool create west berlin-1");
    refused(&world, "pool create west berlin-1", 5, "pool-exists");
    refused(&world, "pool create east berlin-1", 5, "node-in-pool");
    refused(&world, "pool create east berlin-9", 3, "no-node");
    refused(&world, "pool add west node-9", 3, "no-node");
    refused(
        &world,
        "pool add north berlin-2 --confirm x",
        4,
        "not-confirmed",
    );
    refused(&world, "pool take west berlin-2", 5, "node-not-in-pool");
    refused(&world, "pool take west berlin-1", 5, "last-in-pool");
    refused(&world, "pool create none berlin-2", 2, "usage");
    refused(&world, "pool create west", 2, "usage");
    refused(&world, "tenant add acme --pools north", 3, "no-pool");
    refused(&world, "tenant add acme --pools a,,b", 2, "usage");
    refused(&world, "tenant add acme --fail-over maybe", 2, "usage");
}

#[test]
fn the_last_free_gateway_is_pooled_only_by_somebody_who_knows_what_that_means() {
    let world = at_work();
    done(&world, "tenant add auto");
    done(&world, "pool create west berlin-1");
    let said = world.run(&["pool", "add", "west", "berlin-2"]);
    assert_eq!(said.code, 4, "{said:?}");
    let sentence = "then every gateway is in a pool: tenant auto has none and is not served, and \
                    no tenant can be added without a pool; add --confirm 'pool every gateway' to \
                    go on";
    assert!(said.errors.contains(sentence), "{said:?}");
    assert_eq!(done(&world, "node show berlin-2")["pool"], Value::Null);
    let words = [
        "pool",
        "add",
        "west",
        "berlin-2",
        "--confirm",
        "pool every gateway",
    ];
    told(&world, &words);
    refused(&world, "tenant add acme", 4, "no-free-gateway");
    refused(&world, "tenant set auto --pools none", 4, "no-free-gateway");
    done(&world, "tenant add acme --pools west");
    let events = done(&world, "events");
    let told = events
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["code"] == 30093);
    assert_eq!(told.unwrap()["severity"], "warning");
    done(&world, "node remove berlin-2");
    assert_eq!(
        done(&world, "pool show west")["gateways"],
        json!(["berlin-1"])
    );
}
