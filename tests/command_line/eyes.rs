//! Four eyes: what waits for a second operator, and who is one.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::furniture::furnish;
use super::office::{done, office, refused};
use super::world::World;

/// Has an order become a request, and answers with its number and with all that was said of it.
#[track_caller]
fn waits(world: &World, line: &str) -> (String, serde_json::Value) {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    words.push("--json");
    let ran = world.run(&words);
    let refusal = (ran.code, ran.reason());
    assert_eq!(refusal, (4, "pending".to_owned()), "{line}: {ran:?}");
    let answer = ran.json();
    (answer["approval"].to_string(), answer)
}

#[test]
fn what_cannot_be_undone_waits_for_a_second_operator() {
    let world = office();
    done(&world, "tenant add acme");
    done(&world, "operator add mara --role admin --uid 54321");
    let (id, pending) = waits(&world, "tenant remove acme");
    assert_eq!(done(&world, "tenant show acme")["state"], "enabled");
    let data = world.data.display();
    let grant = format!("holdfast --data {data} approval grant {id}");
    let answer = json!({ "state": "pending", "approval": pending["approval"], "grant": grant });
    assert_eq!(pending, answer);
    refused(&world, &format!("approval grant {id}"), 4, "own-request");
    assert_eq!(done(&world, "approval list")[0]["state"], "pending");
    if rustix::process::getuid().is_root() {
        done(&world, &format!("--as mara approval grant {id}"));
        refused(&world, "tenant show acme", 3, "no-tenant");
    } else {
        refused(
            &world,
            &format!("--as mara approval grant {id}"),
            4,
            "not-allowed",
        );
    }
}

#[test]
fn an_order_that_waits_is_told_from_one_that_is_done() {
    let world = office();
    done(&world, "tenant add acme --lease 2099-12-31");
    done(&world, "operator add mara --role admin --uid 54321");
    let ran = world.run(&["tenant", "set", "acme", "--lease", "2098-12-31"]);
    let data = world.data.display();
    let lines: Vec<&str> = ran.out.lines().collect();
    let id = lines[1].strip_prefix("approval  ").unwrap();
    let grant = format!("grant     holdfast --data {data} approval grant {id}");
    assert_eq!(
        lines,
        ["state     pending", &format!("approval  {id}"), &grant]
    );
    let error = format!("error: not done yet: another operator has to grant request {id}");
    assert!(ran.errors.starts_with(&error), "{ran:?}");
    assert_eq!(ran.code, 4);
    assert_eq!(done(&world, "tenant show acme")["lease"], "2099-12-31");
    let (other, _) = waits(&world, "operator remove mara");
    assert_ne!(id, other);
    done(&world, &format!("approval reject {id}"));
}

#[test]
fn two_people_of_the_group_are_two_operators() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can be other users");
        return;
    }
    let (ann, mara, stranger, group) = (54_321, 54_322, 54_323, 54_324);
    let world = World::shared("data", Some(group), |runtime| runtime.block_on(furnish()));
    let above = world.data.parent().unwrap();
    set_permissions(above, Permissions::from_mode(0o711)).unwrap();

    let unknown = world.run_as(ann, group, "tenant list");
    assert_eq!(
        (unknown.code, unknown.reason().as_str()),
        (4, "not-allowed")
    );
    assert!(
        unknown.errors.contains("no operator has the uid 54321"),
        "{unknown:?}"
    );
    let outside = world.run_as(stranger, stranger, "tenant list");
    assert_eq!(
        (outside.code, outside.reason().as_str()),
        (4, "not-allowed")
    );

    for (name, uid) in [("ann", ann), ("mara", mara)] {
        let add = format!("operator add {name} --role admin --uid {uid}");
        if world.run(&add.split(' ').collect::<Vec<_>>()).code == 4 {
            let id = done(&world, "approval list")[0]["id"].to_string();
            let granted = world.run_as(ann, group, &format!("approval grant {id}"));
            assert_eq!(granted.code, 0, "{granted:?}");
        }
    }
    assert_eq!(world.run_as(mara, group, "tenant add acme").code, 0);
    let events = done(&world, "events --tenant acme");
    assert_eq!(events[0]["actor"], "operator mara");
    let pretended = world.run_as(mara, group, "--as ann tenant list");
    assert_eq!(pretended.reason(), "not-allowed");

    let asked = world.run_as(mara, group, "tenant remove acme");
    assert_eq!((asked.code, asked.reason().as_str()), (4, "pending"));
    let grant = format!("approval grant {}", asked.json()["approval"]);
    assert_eq!(world.run_as(mara, group, &grant).reason(), "own-request");
    assert_eq!(world.run_as(ann, group, &grant).code, 0);
    refused(&world, "tenant show acme", 3, "no-tenant");
}
