//! How the node and its cluster are, for people; and for monitoring, whether all is well.

use std::fmt::Write;

use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::layout::{self, Column, bytes, plain, printable, rate};

const STATUS: &[Column] = &[
    plain("node"),
    plain("version"),
    plain("listen"),
    plain("metrics"),
    plain("thumbprint"),
    bytes("free"),
    bytes("reserve"),
    plain("reads-as-of"),
    plain("today"),
    plain("doubted"),
    plain("maintenance"),
    plain("tenants"),
    plain("repositories"),
    plain("approvals"),
    plain("verified"),
    plain("damaged"),
    plain("violations"),
];
const CLUSTER: &[Column] = &[
    plain("here"),
    plain("leader"),
    plain("term"),
    plain("voters"),
    plain("quorum"),
    plain("under-replicated"),
    plain("without-copy"),
    bytes("bytes-to-copy"),
    plain("copying"),
    plain("speaks"),
];
const NODES: &[Column] = &[
    plain("id"),
    plain("name"),
    plain("state"),
    plain("answers"),
    plain("lease"),
    plain("epoch"),
    plain("owns"),
    plain("replicas"),
    plain("copying"),
    rate("copy-rate"),
    plain("behind"),
    plain("version"),
    plain("speaks"),
];

/// The whole status as text.
pub(super) fn shown(status: &Value) -> String {
    let mut text = layout::record(STATUS, status);
    if let Some(cluster) = status.get("cluster") {
        let mut record = cluster.clone();
        let (reachable, voters) = (&cluster["reachable-voters"], cluster["voters"].as_array());
        let voters = voters.map_or(0, Vec::len);
        let has = if cluster["quorum"] == json!(true) {
            "yes"
        } else {
            "no"
        };
        record["quorum"] = json!(format!("{has}: {reachable} of {voters} voters answer"));
        let _ = write!(text, "\n{}", layout::record(CLUSTER, &record));
        let nodes = cluster["nodes"].as_array();
        let nodes = nodes.map_or(&[][..], Vec::as_slice);
        let _ = write!(text, "\n{}", layout::table(NODES, nodes));
        text.push_str(&waits(nodes));
    }
    let trouble = status["trouble"].as_array();
    let sentences = trouble.into_iter().flatten().filter_map(Value::as_str);
    for (at, sentence) in sentences.enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{gap}! {}", printable(sentence));
    }
    text
}

/// What the actors of each node wait for.
fn waits(nodes: &[Value]) -> String {
    let mut text = String::new();
    for node in nodes {
        let waits = node["waits"].as_array();
        for wait in waits.into_iter().flatten() {
            let part = |key: &str| printable(wait[key].as_str().unwrap_or("-"));
            let name = printable(node["name"].as_str().unwrap_or("-"));
            let gap = if text.is_empty() { "\n" } else { "" };
            let _ = writeln!(
                text,
                "{gap}{name}:{} waits for {}",
                part("path"),
                part("what")
            );
        }
        if let Some(more) = node["more-waits"].as_u64().filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more");
        }
    }
    text
}

/// For monitoring: a failure that says what needs somebody's attention, if anything does.
pub(super) fn checked(status: &Value) -> Result<(), Failure> {
    let trouble = status["trouble"].as_array();
    let sentences: Vec<&str> = trouble
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if sentences.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Other, "trouble", sentences.join("; ")))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn status(trouble: &[&str]) -> Value {
        json!({
            "node": "berlin-1", "version": "1", "tenants": 3, "trouble": trouble,
            "cluster": {
                "here": "node-1", "leader": "node-2", "term": 7,
                "voters": ["node-1", "node-2", "node-3"], "reachable-voters": 2, "quorum": true,
                "under-replicated": 5, "without-copy": 0, "bytes-to-copy": 1 << 30, "copying": 4,
                "speaks": "1.0",
                "nodes": [
                    { "id": "node-1", "name": "berlin-1", "state": "active", "answers": true,
                      "lease": 2, "epoch": 9, "owns": 1, "replicas": 8, "copying": 4,
                      "copy-rate": 1 << 20, "behind": 0, "version": "1", "speaks": "1.1",
                      "waits": [{ "path": "node/copies", "what": "the catalog" }],
                      "more-waits": 2 },
                    { "id": "node-3", "name": "berlin-3", "state": "down", "answers": false,
                      "lease": null, "epoch": 4, "owns": 0, "replicas": 5, "copying": 0,
                      "copy-rate": null, "behind": null, "version": null, "speaks": "1.0",
                      "waits": [], "more-waits": 0 },
                ],
            },
        })
    }

    #[test]
    fn a_cluster_is_shown_node_by_node_with_what_is_wrong_at_the_end() {
        let text = shown(&status(&["node-3 (berlin-3) is down"]));
        expect![[r#"
            node     berlin-1
            version  1
            tenants  3

            here              node-1
            leader            node-2
            term              7
            voters            node-1, node-2, node-3
            quorum            yes: 2 of 3 voters answer
            under-replicated  5
            without-copy      0
            bytes-to-copy     1GiB
            copying           4
            speaks            1.0

            ID      NAME      STATE   ANSWERS  LEASE  EPOCH  OWNS  REPLICAS  COPYING  COPY RATE  BEHIND  VERSION  SPEAKS
            node-1  berlin-1  active  yes          2      9     1         8        4     1MiB/s       0  1        1.1
            node-3  berlin-3  down    no           -      4     0         5        0          -       -  -        1.0

            berlin-1:node/copies waits for the catalog
              and 2 more

            ! node-3 (berlin-3) is down
        "#]].assert_eq(&text);
    }

    #[test]
    fn a_check_fails_with_what_is_wrong_and_else_does_not() {
        assert!(checked(&status(&[])).is_ok());
        let failure = checked(&status(&["a is down", "b is slow"])).unwrap_err();
        assert_eq!(failure.reason, "trouble");
        assert!(failure.to_string().contains("a is down; b is slow"));
    }
}
