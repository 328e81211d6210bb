//! The admin socket with somebody simple behind it: what crosses it, and who may use it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use holdfast::admin::{Caller, Items, Operations, Problem, ProblemClass};
use holdfast::commands::{Order, tenant};
use holdfast_actors::ports::Pending;
use serde_json::{Value, json};

use super::world::World;

/// Answers by the name of the tenant that is shown.
struct Simple;

impl Operations for Simple {
    fn perform(
        &self,
        caller: Caller,
        order: Order,
        items: Items,
    ) -> Pending<Result<Value, Problem>> {
        Box::pin(async move {
            #[expect(clippy::wildcard_enum_match_arm, reason = "all others are alike here")]
            match order {
                Order::Tenant(tenant::Tenant::List) => {
                    items.send(&json!({ "name": "acme" })).await?;
                    items.send(&json!({ "name": "zeta" })).await?;
                    Ok(Value::Null)
                }
                Order::Tenant(tenant::Tenant::Show(named)) => refusal(named.name.as_str()),
                Order::Events(_) => {
                    for number in 0..3 {
                        items.send(&json!({ "sequence": number })).await?;
                    }
                    std::future::pending().await
                }
                _ => Ok(json!({ "node": "n", "uid": caller.uid, "as": caller.operator })),
            }
        })
    }
}

fn refusal(name: &str) -> Result<Value, Problem> {
    let class = match name {
        "usage" => ProblemClass::Usage,
        "missing" => ProblemClass::NotFound,
        "rule" => ProblemClass::Refused,
        "taken" => ProblemClass::Conflict,
        "broken" => ProblemClass::Failed,
        name => return Ok(json!({ "name": name })),
    };
    Err(Problem::new(class, name, format!("it is {name}")))
}

fn simple() -> World {
    World::named("data", |_| Arc::new(Simple))
}

#[test]
fn each_class_of_problem_has_its_exit_code() {
    let world = simple();
    let classes = [
        ("usage", 2),
        ("missing", 3),
        ("rule", 4),
        ("taken", 5),
        ("broken", 1),
    ];
    for (name, code) in classes {
        let ran = world.run(&["tenant", "show", name, "--json"]);
        assert_eq!(ran.code, code, "{ran:?}");
        let error = json!({ "error": { "reason": name, "message": format!("it is {name}") } });
        assert_eq!(serde_json::from_str::<Value>(&ran.errors).unwrap(), error);
        let ran = world.run(&["tenant", "show", name]);
        assert_eq!(ran.errors, format!("error: it is {name}\n"));
    }
}

#[test]
fn a_list_is_one_array() {
    let world = simple();
    let ran = world.run(&["tenant", "list", "--json"]);
    assert_eq!(ran.json(), json!([{ "name": "acme" }, { "name": "zeta" }]));
    assert_eq!(ran.out.lines().count(), 1);
}

#[test]
fn what_is_followed_comes_an_object_a_line() {
    let world = simple();
    let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(["--data", world.data.to_str().unwrap()])
        .args(["events", "--follow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 0..3 {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line, json!({ "sequence": number }));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_gives_the_order_is_known() {
    let world = simple();
    let uid = rustix::process::getuid().as_raw();
    let ran = world.run(&["status", "--json", "--as", "mara"]);
    assert_eq!(ran.json(), json!({ "node": "n", "uid": uid, "as": "mara" }));
}

#[test]
fn the_socket_is_its_owners_alone() {
    let world = simple();
    let mode = std::fs::metadata(world.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_group_reaches_the_socket_and_nothing_else() {
    let group = rustix::process::getgid().as_raw();
    let data = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let path = data.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("file"), "secret").unwrap();
        path
    };
    let inside = ["journal", "tls"].map(open);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let door = holdfast::admin::Door::open(data.path()).unwrap();
    let _door = door.share(group).unwrap();
    let mode = |path: &std::path::Path| {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        mode & 0o7777
    };
    assert_eq!(mode(data.path()), 0o710);
    assert_eq!(mode(&data.path().join("admin.sock")), 0o660);
    for path in inside {
        assert_eq!(mode(&path), 0o700, "{path:?}");
    }
}

#[test]
fn a_group_that_there_is_not_is_no_group() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert_eq!(super::world::holdfast(&["init", "--data", data]).code, 0);
    let serve = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
    let serve = [&serve[..], &["--admin-group", "no such group", "--json"]].concat();
    let ran = super::world::holdfast(&serve);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_long_path_is_no_obstacle() {
    let long = "d".repeat(150);
    let world = World::named(&long, |_| Arc::new(Simple));
    assert!(world.socket().as_os_str().len() > 150);
    assert_eq!(world.run(&["status"]).code, 0);
}

#[test]
fn a_node_that_ended_does_not_answer() {
    let mut world = simple();
    world.stop();
    assert!(!world.socket().exists());
    let ran = world.run(&["status", "--json"]);
    assert_eq!((ran.code, ran.reason().as_str()), (6, "no-answer"));
}

#[test]
fn a_socket_that_a_killed_node_left_is_replaced() {
    let world = World::named("data", |_| Arc::new(Simple));
    let stale = world.data.join("other");
    std::fs::create_dir(&stale).unwrap();
    drop(std::os::unix::net::UnixListener::bind(stale.join("admin.sock")).unwrap());
    let ran = super::world::holdfast(&["--data", stale.to_str().unwrap(), "status"]);
    assert_eq!(ran.code, 6);
    let _inside = world.runtime.enter();
    holdfast::admin::Door::open(&stale).unwrap();
}

/// Sends bytes and reads all that comes back but the signs of life.
fn say(world: &World, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(world.socket()).unwrap();
    // A node that has heard enough hangs up before all is written.
    drop(stream.write_all(bytes));
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    answer.trim().to_owned()
}

#[test]
fn a_line_that_is_no_order_is_refused() {
    let world = simple();
    let answer = say(&world, b"{\"version\":1,\"command\":{\"dance\":{}}}\n");
    assert!(answer.contains("\"malformed\""), "{answer}");
    let answer = say(&world, b"{\"version\":9,\"command\":\"status\"}\n");
    assert!(answer.contains("\"version\""), "{answer}");
    let answer = say(&world, b"\xff\n");
    assert!(answer.contains("\"malformed\""), "{answer}");
    let answer = say(&world, b"{\"version\":1,\"command\":\"status\"}\n");
    assert!(answer.starts_with("{\"done\":"), "{answer}");
}

#[test]
fn a_line_without_an_end_is_cut_off() {
    let world = simple();
    let answer = say(&world, &vec![b' '; 1 << 20]);
    assert!(
        answer.is_empty() || answer.contains("\"too-long\""),
        "{answer}"
    );
    assert_eq!(world.run(&["status"]).code, 0);
}
