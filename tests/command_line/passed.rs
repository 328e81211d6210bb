//! Orders passed between two real endpoints on loopback, as far as the office of the second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast::admin::office::Office;
use holdfast::admin::others::{Counter, Errand, Others, Passing, SERVICE, Takes};
use holdfast::admin::protocol::Line;
use holdfast::admin::{Items, Problem, Progress};
use holdfast_actors::kernel::{NodeId, Sequence};
use holdfast_actors::names::OperatorName;
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::Path;
use holdfast_cluster::calls::machine::Limits;
use holdfast_cluster::calls::{Calls, Exchange};
use holdfast_cluster::quic::{Class, Endpoint};
use holdfast_cluster::raft::Standing;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::endpoints::Cluster;
use super::others::{catalog, office, ports, rows};

const OTHER: NodeId = NodeId::new(2);

/// One end: a node that calls and is called.
struct End {
    endpoint: Endpoint,
    calls: Arc<dyn Calls>,
}

impl End {
    async fn new(cluster: &Cluster, node: NodeId) -> Self {
        let (endpoint, ports) = (cluster.endpoint(node), ports());
        let exchange = Exchange::new(node, ports.entropy.as_ref());
        let (path, link) = (Path::node().child("calls"), endpoint.link(Class::Calls));
        let started = exchange.start(path, link, Limits::default(), ports, None);
        started.await.unwrap();
        Self {
            endpoint,
            calls: Arc::new(exchange),
        }
    }

    fn others(&self) -> Passing {
        let stands = Arc::new(Standing::default);
        Passing::new(Arc::clone(&self.calls), stands, watch::channel(None).1)
    }

    fn takes(&self, takes: Arc<dyn Takes>) {
        let counter = Counter::new(takes, ports().clock);
        self.calls.serve(SERVICE, Arc::new(counter));
    }
}

/// Two ends that know each other; the numbers are those of their nodes.
async fn ends(one: u64) -> (End, End, Cluster) {
    let cluster = Cluster::found();
    let other = End::new(&cluster, OTHER).await;
    let one = End::new(&cluster, NodeId::new(one)).await;
    (one, other, cluster)
}

fn errand(by: &str, order: Value) -> Errand {
    Errand {
        by: OperatorName::parse(by).unwrap(),
        seen: Sequence::new(0),
        order: serde_json::from_value(order).unwrap(),
    }
}

async fn asked(end: &End, errand: Errand) -> (Vec<Line>, Result<Value, Problem>) {
    let (items, mut lines) = Items::pipe();
    let asked = end.others().ask(OTHER, errand, items);
    let read = async {
        let mut all = Vec::new();
        while let Some(line) = lines.recv().await {
            all.push(line);
        }
        all
    };
    let (end, lines) = tokio::join!(asked, read);
    (lines, end)
}

/// An office of the second node, over the rows of three.
async fn real_office(end: &End) -> Office {
    let ports = ports();
    let catalog = catalog(&ports, rows()).await;
    office(&catalog, &ports, Arc::new(end.others()))
}

#[tokio::test]
async fn an_order_is_carried_out_for_the_operator_who_gave_it() {
    let (one, other, _cluster) = ends(1).await;
    other.takes(Arc::new(real_office(&other).await));
    let show = json!({ "repository": { "show": { "tenant": "t2", "name": "main" } } });
    let (_, shown) = asked(&one, errand("admin", show.clone())).await;
    assert_eq!(shown.unwrap()["objects"], 17);
    let (rows, end) = asked(
        &one,
        errand("admin", json!({ "repository": { "list": {} } })),
    )
    .await;
    assert_eq!(
        (rows.len(), end.is_ok()),
        (1, true),
        "its part alone: {rows:?}"
    );

    let (_, stranger) = asked(&one, errand("eve", show.clone())).await;
    assert_eq!(stranger.unwrap_err().reason, "no-operator");
    let elsewhere = json!({ "repository": { "show": { "tenant": "t3", "name": "main" } } });
    let (_, moving) = asked(&one, errand("admin", elsewhere)).await;
    assert_eq!(
        moving.unwrap_err().reason,
        "moving",
        "and it is not passed on"
    );

    let mut early = errand("admin", show);
    early.seen = Sequence::new(1 << 40);
    let (_, behind) = asked(&one, early).await;
    assert_eq!(behind.unwrap_err().reason, "behind");
}

#[tokio::test]
async fn a_node_that_the_catalog_does_not_know_is_not_believed() {
    let (stranger, other, _cluster) = ends(9).await;
    other.takes(Arc::new(real_office(&other).await));
    let (_, refused) = asked(&stranger, errand("admin", json!("status"))).await;
    assert_eq!(refused.unwrap_err().reason, "not-allowed");
}

/// Sends what it was told to, and then waits for ever if it is to.
struct Script {
    rows: usize,
    bytes: usize,
    is_endless: bool,
    is_dropped: Arc<AtomicBool>,
}

struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Takes for Script {
    fn take(&self, _: NodeId, _: Errand, items: Items) -> Pending<Result<Value, Problem>> {
        let (rows, bytes, is_endless) = (self.rows, self.bytes, self.is_endless);
        let dropped = Dropped(Arc::clone(&self.is_dropped));
        Box::pin(async move {
            let _dropped = dropped;
            for row in 0..rows {
                let text = "x".repeat(bytes);
                items.send(&json!({ "row": row, "text": text })).await?;
            }
            items.progress(Progress {
                done: 1,
                total: 2,
                what: "half of it".to_owned(),
            });
            if is_endless {
                std::future::pending::<()>().await;
            }
            Ok(json!("done"))
        })
    }
}

fn script(rows: usize, bytes: usize, is_endless: bool) -> (Arc<Script>, Arc<AtomicBool>) {
    let is_dropped = Arc::new(AtomicBool::new(false));
    let script = Script {
        rows,
        bytes,
        is_endless,
        is_dropped: Arc::clone(&is_dropped),
    };
    (Arc::new(script), is_dropped)
}

#[tokio::test]
async fn an_answer_of_many_frames_arrives_in_order() {
    let (one, other, _cluster) = ends(1).await;
    other.takes(script(100, 60_000, false).0);
    let (lines, end) = asked(&one, errand("admin", json!("status"))).await;
    assert_eq!(end.unwrap(), "done");
    let rows: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Item(row) => row["row"].as_u64(),
            Line::Progress(_) | Line::Done(_) | Line::Error(_) => None,
        })
        .collect();
    assert_eq!(rows, (0..100).collect::<Vec<u64>>());
}

#[tokio::test]
async fn what_is_too_large_is_refused_on_either_way() {
    let (one, other, _cluster) = ends(1).await;
    other.takes(script(1, 1 << 20, false).0);
    let (_, long) = asked(&one, errand("admin", json!("status"))).await;
    assert_eq!(long.unwrap_err().reason, "answer-too-long");
    let text = "x".repeat(300 << 10);
    let order = json!({ "tenant": { "disable": { "name": "t2", "reason": text } } });
    let (_, order) = asked(&one, errand("admin", order)).await;
    assert_eq!(order.unwrap_err().reason, "too-long");
}

#[tokio::test]
async fn work_ends_when_nobody_asks_for_more_of_it() {
    let (one, other, _cluster) = ends(1).await;
    let (endless, is_dropped) = script(1, 10, true);
    other.takes(endless);
    let waiting = asked(&one, errand("admin", json!("status")));
    let late = tokio::time::timeout(Duration::from_secs(2), waiting).await;
    assert!(late.is_err(), "it is at work");
    for _ in 0..100 {
        if is_dropped.load(Ordering::SeqCst) {
            return;
        }
        drop(tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>()).await);
    }
    panic!("the work goes on");
}

#[tokio::test]
async fn a_node_that_is_gone_is_told_from_one_that_was_never_asked() {
    let (one, other, _cluster) = ends(1).await;
    let (_, nobody) = asked(&one, errand("admin", json!("status"))).await;
    let no_office = nobody.unwrap_err();
    assert_eq!(no_office.reason, "node-unreachable", "it has no office yet");
    other.takes(script(1, 10, true).0);
    let asking = asked(&one, errand("admin", json!("status")));
    let severing = async {
        drop(tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await);
        other.endpoint.close().await;
    };
    let ((_, end), ()) = tokio::join!(asking, severing);
    assert_eq!(
        end.unwrap_err().reason,
        "node-silent",
        "it may have been done"
    );
}
