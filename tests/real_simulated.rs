//! The simulated node is the real one: a process that is given the same script of requests and
//! orders, over TLS and on a real disk, gives the same answers.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::collections::BTreeMap;

use holdfast_actors::object::Kind;
use holdfast_simulations::script::{Ask, Order, QUOTA, Step, Who, name, simulated, whole};
use node::{Node, Stopwatch};
use wire::{Reply, Wire};

/// How long news of an order may take, in seconds.
const NEWS: f64 = 20.0;

fn path(repository: &str, kind: Kind, content: &str) -> String {
    if kind == Kind::Config {
        return format!("/{repository}/config");
    }
    format!("/{repository}/{kind}/{}", name(kind, content))
}

fn answer(wire: &Wire, repository: &str, ask: &Ask) -> String {
    let reply = match ask {
        Ask::Create => wire.ask("POST", &format!("/{repository}/?create=true"), &[]),
        Ask::Stat(kind, content) => wire.ask("HEAD", &path(repository, *kind, content), &[]),
        Ask::List(kind) => wire.ask("GET", &format!("/{repository}/{kind}/"), &[]),
        Ask::Read(kind, content) => wire.ask("GET", &path(repository, *kind, content), &[]),
        Ask::Store(kind, content) => wire.ask(
            "POST",
            &path(repository, *kind, content),
            content.as_bytes(),
        ),
        Ask::Misname(kind, called, content) => {
            wire.ask("POST", &path(repository, *kind, called), content.as_bytes())
        }
        Ask::Delete(kind, content) => wire.ask("DELETE", &path(repository, *kind, content), &[]),
    };
    if reply.status == 200 {
        return done(ask, &reply);
    }
    format!("refused {}", reply.header("x-holdfast-reason"))
}

fn done(ask: &Ask, reply: &Reply) -> String {
    match ask {
        Ask::Stat(..) => format!("done {}", reply.header("content-length")),
        Ask::List(_) => {
            // The body comes in chunks, and so with their lengths in between.
            let names = reply.body.split('"').filter(|part| part.len() == 64);
            format!("done {}", names.count())
        }
        Ask::Read(..) => format!("done {}", reply.body),
        Ask::Create | Ask::Store(..) | Ask::Misname(..) | Ask::Delete(..) => "done".to_owned(),
    }
}

fn order(node: &Node, order: Order) {
    let quota;
    let words: &[&str] = match order {
        Order::Disabled(true) => &["tenant", "disable", "acme"],
        Order::Disabled(false) => &["tenant", "enable", "acme"],
        Order::Lease(day) => &["tenant", "set", "acme", "--lease", day],
        Order::Quota(bytes) => {
            quota = bytes.to_string();
            &["repository", "set", "acme", "main", "--quota", &quota]
        }
    };
    node.json(words);
}

#[test]
fn a_real_process_gives_the_answers_of_the_simulated_node() {
    let script = whole();
    let mut expected = simulated(&script).unwrap().into_iter();
    let node = Node::new();
    node.tenant("acme", "main", &QUOTA.to_string());
    node.tenant("bob", "side", &QUOTA.to_string());
    let logins = BTreeMap::from([
        (Who::Acme, node.login("acme", "main")),
        (Who::Appender, node.scoped("acme", "main", "append")),
        (Who::Reader, node.scoped("acme", "main", "read")),
        (Who::Bob, node.login("bob", "side")),
        (Who::Stranger, node.known("acme", "a guess", "main")),
    ]);
    // Until the next answer, news of the last order may be on their way.
    let mut ordered = false;
    for step in &script {
        let (who, repository, ask) = match step {
            Step::Order(change) => {
                order(&node, *change);
                ordered = true;
                continue;
            }
            Step::Ask(who, repository, ask) => (who, *repository, ask),
        };
        let simulated = expected.next().unwrap();
        let wire = Wire::new(&logins[who]);
        let watch = Stopwatch::start();
        let mut real = answer(&wire, repository, ask);
        while ordered && real != simulated && watch.seconds() < NEWS {
            real = answer(&wire, repository, ask);
        }
        assert_eq!(real, simulated, "{step:?}");
        ordered = false;
    }
}
