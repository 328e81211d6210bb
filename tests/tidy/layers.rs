//! Rules about who may know whom: dependencies point one way.

use super::complaint::Complaint;
use super::source::{code, is_within, numbered, paths};

/// What a folder may not name, and what to do instead.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "actors/",
        &["quinn", "hyper", "rustls"],
        "reach other machines through the Link port",
    ),
    ("actors/", &["sled"], "keep indexes behind the Index port"),
    (
        "actors/",
        &["std::fs", "tokio::fs"],
        "reach files through the Journal and extent ports",
    ),
    (
        "actors/",
        SOCKETS,
        "reach other machines through the Link port",
    ),
];

const SOCKETS: &[&str] = &[
    "tokio::net",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
];

/// The domain asks for what it needs through ports.
pub(crate) fn domain(path: &str, text: &str) -> Vec<Complaint> {
    let bans: Vec<_> = FORBIDDEN
        .iter()
        .filter(|(folder, ..)| path.starts_with(folder))
        .collect();
    let mut complaints = Vec::new();
    for (line, named) in paths(&code(text)) {
        for (folder, names, instead) in &bans {
            if let Some(name) = names.iter().find(|name| is_within(&named, name)) {
                let advice = format!("{folder} never names `{name}`: {instead}");
                complaints.push(Complaint::new(path, line, advice));
            }
        }
    }
    complaints
}

/// The cluster carries what it is given and does not know for whom.
pub(crate) fn cluster(path: &str, text: &str) -> Vec<Complaint> {
    if !path.starts_with("cluster/") {
        return Vec::new();
    }
    numbered(text)
        .filter(|(_, content)| content.to_lowercase().contains("tenant"))
        .map(|(line, _)| {
            let advice = "cluster/ does not know whom it serves: speak of actors, keys and owners";
            Complaint::new(path, line, advice)
        })
        .collect()
}

/// The simulated world reaches the binary through one door.
pub(crate) fn simulations(path: &str, text: &str) -> Vec<Complaint> {
    let is_door = path == "src/sim.rs" || path.starts_with("src/sim/");
    if !path.starts_with("src/") || is_door {
        return Vec::new();
    }
    paths(&code(text))
        .iter()
        .filter(|(_, named)| is_within(named, "holdfast_simulations"))
        .map(|(line, _)| {
            let advice = "only src/sim.rs names `holdfast_simulations`: go through it";
            Complaint::new(path, *line, advice)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::complaint::check;
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_the_domain_may_not_name_is_found() {
        let text = "\
use std::{fmt, fs::File, net::IpAddr};
use tokio::{net::TcpStream, sync};
fn a() { sled::open(quinn::B) }
// hyper and rustls in prose are fine
fn b() { rustls::C; hyper_like::D; tokio::fs::read(e) }
";
        check(
            domain,
            "actors/src/a.rs",
            text,
            &expect![[r#"
            actors/src/a.rs:1: actors/ never names `std::fs`: reach files through the Journal and extent ports
            actors/src/a.rs:2: actors/ never names `tokio::net`: reach other machines through the Link port
            actors/src/a.rs:3: actors/ never names `sled`: keep indexes behind the Index port
            actors/src/a.rs:3: actors/ never names `quinn`: reach other machines through the Link port
            actors/src/a.rs:5: actors/ never names `rustls`: reach other machines through the Link port
            actors/src/a.rs:5: actors/ never names `tokio::fs`: reach files through the Journal and extent ports"#]],
        );
        check(domain, "src/a.rs", text, &expect![""]);
    }

    #[test]
    fn a_cluster_that_knows_its_customers_is_found() {
        let text = "//! Keys.\nstruct TenantId;\n// a tenant\n";
        check(
            cluster,
            "cluster/src/a.rs",
            text,
            &expect![[r#"
            cluster/src/a.rs:2: cluster/ does not know whom it serves: speak of actors, keys and owners
            cluster/src/a.rs:3: cluster/ does not know whom it serves: speak of actors, keys and owners"#]],
        );
        check(cluster, "actors/src/a.rs", text, &expect![""]);
    }

    #[test]
    fn a_second_door_to_the_simulation_is_found() {
        let text = "use holdfast_simulations::World;\n";
        check(
            simulations,
            "src/cli.rs",
            text,
            &expect!["src/cli.rs:1: only src/sim.rs names `holdfast_simulations`: go through it"],
        );
        check(simulations, "src/sim/plan.rs", text, &expect![""]);
        check(simulations, "tests/seeds.rs", text, &expect![""]);
    }
}
