//! How fast the link between two nodes is, over loopback: small frames echoed, alone and beside
//! bulk, and bulk beside a bare quinn stream in the same run.
//!
//! `cargo bench -p holdfast-cluster --bench link`, with `-- --json` for programs. Both nodes share
//! the machine; each has a runtime with one thread. What is promised: 250,000 echoes of 256 bytes a
//! second with 64 in flight, and 99 of 100 echoes within 3 ms while bulk fills the machine.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench reads the clock and spawns what it measures"
)]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, NodeName, Now, Timestamp};
use holdfast_actors::ports::{Arrival, Clock, Link};
use holdfast_cluster::identity::{Authority, Issuer, NODE_LIFE, NodeCertificate, NodeKey};
use holdfast_cluster::nodes::{Node, Nodes};
use holdfast_cluster::quic::{Class, Config, Endpoint, Ground, Life, Pace, VERSION};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;

#[path = "link/bare.rs"]
mod bare;

/// How long each echo is measured.
const WHILE: Duration = Duration::from_secs(3);
/// How often each figure is taken; the middle one is shown.
const ROUNDS: usize = 3;
/// How much bulk is measured.
const BULK: usize = 1 << 30;
/// Bytes of a bulk frame.
const LARGE: usize = 256 << 10;
const SMALL: usize = 256;

/// A clock that stands on a day when all certificates are good.
struct Today;

impl Clock for Today {
    fn now(&self) -> Now {
        let wall = Timestamp::parse("2026-05-01T12:00:00Z").unwrap();
        Now {
            wall,
            ..Now::default()
        }
    }
}

/// One node, and the runtime that it lives in.
struct Side {
    runtime: Runtime,
    endpoint: Endpoint,
    node: NodeId,
}

impl Side {
    fn new(number: u64, issuer: &Issuer, table: &watch::Sender<Arc<Nodes>>) -> (Side, Node) {
        let runtime = runtime();
        let (node, key) = (NodeId::new(number), NodeKey::generate().unwrap());
        let name = NodeName::parse("bench").unwrap();
        let now = Today.now().wall;
        let chain = issuer.issue(node, &name, key.public(), now, NODE_LIFE);
        let certificate = NodeCertificate::new(chain.unwrap(), issuer.root().clone(), key).unwrap();
        let key = certificate.hash();
        let config = Config {
            node,
            life: Life::default(),
            certificate,
            nodes: table.subscribe(),
            version: VERSION,
            pace: Pace {
                idle: Duration::from_secs(10),
                ..Pace::default()
            },
            clock: Arc::new(Today),
            joins: None,
            notices: Arc::new(|_| {}),
        };
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let endpoint = {
            let _inside = runtime.enter();
            Endpoint::open(config, Ground::Socket(socket)).unwrap()
        };
        let addresses = vec![endpoint.address().unwrap()];
        let side = Side {
            runtime,
            endpoint,
            node,
        };
        (side, Node { key, addresses })
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

fn main() {
    let authority = Authority::found(Today.now().wall).unwrap();
    let issuer = authority.issuer(Today.now().wall).unwrap();
    let table = watch::Sender::<Arc<Nodes>>::default();
    let (here, row_here) = Side::new(1, &issuer, &table);
    let (there, row_there) = Side::new(2, &issuer, &table);
    let rows = [(here.node, row_here), (there.node, row_there)];
    table.send_replace(Arc::new(rows.into_iter().collect()));
    there.runtime.spawn(echo(there.endpoint.link(Class::Calls)));
    let taken = Arc::new(AtomicU64::new(0));
    let sink = drain(there.endpoint.link(Class::Bulk), Arc::clone(&taken));
    there.runtime.spawn(sink);

    let mut rows = Vec::new();
    for in_flight in [64, 1, 512] {
        let round = || here.runtime.block_on(echoes(&here, there.node, in_flight));
        let goal = (in_flight == 64).then_some(250_000.0);
        rows.extend(echoed(
            &format!("{in_flight} in flight"),
            middle(round),
            goal,
            None,
        ));
    }
    let busy = here
        .runtime
        .spawn(fill(here.endpoint.link(Class::Bulk), there.node));
    let before = (taken.load(Relaxed), Instant::now());
    for in_flight in [1, 64] {
        let round = || here.runtime.block_on(echoes(&here, there.node, in_flight));
        let name = format!("{in_flight} in flight beside bulk");
        let goal = (in_flight == 1).then_some(3_000.0);
        rows.extend(echoed(&name, middle(round), None, goal));
    }
    let beside = (taken.load(Relaxed) - before.0) as f64 / before.1.elapsed().as_secs_f64();
    rows.push(row("bulk beside echoes, MB/s", beside / 1e6, None));
    busy.abort();
    settle(&taken);
    let ours = middle(|| transfer(&here, there.node, &taken));
    let bare = middle(|| bare::transfer(BULK, LARGE));
    rows.push(row("bulk, MB/s", ours[0], None));
    rows.push(row("bulk, MB a CPU-second, both ends", ours[1], None));
    rows.push(row("a bare quinn stream, MB/s", bare[0], None));
    rows.push(row("a bare quinn stream, MB a CPU-second", bare[1], None));
    rows.push(row("bulk, of the bare stream", ours[0] / bare[0], None));
    report(rows);
}

/// The round in the middle, by its first figure.
fn middle(mut round: impl FnMut() -> Vec<f64>) -> Vec<f64> {
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(|one, other| one[0].total_cmp(&other[0]));
    rounds.swap_remove(ROUNDS / 2)
}

fn row(name: &str, figure: f64, promised: Option<&str>) -> Value {
    json!({ "what": name, "figure": figure, "promised": promised })
}

fn echoed(name: &str, round: Vec<f64>, rate: Option<f64>, p99: Option<f64>) -> [Value; 4] {
    let rate = rate.map(|rate| format!(">= {rate:.0}"));
    let p99 = p99.map(|p99| format!("<= {p99:.0}"));
    [
        row(&format!("echoes/s, {name}"), round[0], rate.as_deref()),
        row(&format!("p50 µs, {name}"), round[1], None),
        row(&format!("p99 µs, {name}"), round[2], p99.as_deref()),
        row(
            &format!("CPU µs an echo, both ends, {name}"),
            round[3],
            None,
        ),
    ]
}

fn report(rows: Vec<Value>) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    if std::env::args().any(|word| word == "--json") {
        println!("{}", json!({ "load": load, "rows": rows }));
        return;
    }
    println!("{:<52} {:>14} {:>12}", "WHAT", "FIGURE", "PROMISED");
    for row in rows {
        let (what, figure) = (
            row["what"].as_str().unwrap(),
            row["figure"].as_f64().unwrap(),
        );
        let promised = row["promised"].as_str().unwrap_or("-");
        let places = if figure < 10.0 { 2 } else { 0 };
        println!("{what:<52} {figure:>14.places$} {promised:>12}");
    }
    println!("load of the machine at the end: {}", load.join(" "));
}

/// Sends and measures for a while: echoes a second, p50 and p99 in microseconds.
async fn echoes(here: &Side, there: NodeId, in_flight: usize) -> Vec<f64> {
    let link = here.endpoint.link(Class::Calls);
    let (start, before) = (Instant::now(), spent());
    let mut took = Vec::with_capacity(1 << 21);
    let mut under_way = 0;
    let send = || {
        let mut body = vec![0; SMALL];
        let sent = start.elapsed().as_nanos() as u64;
        body[..8].copy_from_slice(&sent.to_le_bytes());
        link.send(there, body.into()).unwrap();
    };
    for _ in 0..in_flight {
        send();
        under_way += 1;
    }
    while under_way > 0 {
        match link.receive().await.unwrap() {
            Arrival::Frame { body, .. } => {
                let sent = u64::from_le_bytes(body[..8].try_into().unwrap());
                took.push((start.elapsed().as_nanos() as u64 - sent) as f64 / 1e3);
                under_way -= 1;
            }
            Arrival::Room(_) => {}
            Arrival::Down(peer) => panic!("{peer} is down"),
        }
        if start.elapsed() < WHILE {
            send();
            under_way += 1;
        }
    }
    let rate = took.len() as f64 / start.elapsed().as_secs_f64();
    let cpu = (spent() - before) * 1e6 / took.len() as f64;
    took.sort_by(f64::total_cmp);
    let part = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    vec![rate, part(0.5), part(0.99), cpu]
}

/// Sends back whatever comes.
async fn echo(link: Arc<dyn Link>) {
    while let Some(arrival) = link.receive().await {
        if let Arrival::Frame { from, body } = arrival {
            link.send(from, body).unwrap();
        }
    }
}

async fn drain(link: Arc<dyn Link>, taken: Arc<AtomicU64>) {
    while let Some(arrival) = link.receive().await {
        if let Arrival::Frame { body, .. } = arrival {
            taken.fetch_add(body.len() as u64, Relaxed);
        }
    }
}

/// Sends as much as permits allow, for ever.
async fn fill(link: Arc<dyn Link>, to: NodeId) {
    let body = Bytes::from(vec![7; LARGE]);
    loop {
        while link.send(to, body.clone()).is_ok() {}
        link.receive().await.unwrap();
    }
}

/// Waits until nothing is under way.
fn settle(taken: &AtomicU64) {
    let mut before = u64::MAX;
    while before != taken.load(Relaxed) {
        before = taken.load(Relaxed);
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What the processor has spent on this process, in seconds; a busy machine does not change it.
fn spent() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = text.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// Megabytes a second, and megabytes a second of the processor, of so much bulk.
fn speeds(since: Instant, before: f64) -> Vec<f64> {
    let megabytes = BULK as f64 / 1e6;
    let cpu = spent() - before;
    vec![megabytes / since.elapsed().as_secs_f64(), megabytes / cpu]
}

/// Sends a gibibyte, until all of it was taken.
fn transfer(here: &Side, there: NodeId, taken: &AtomicU64) -> Vec<f64> {
    let (link, goal) = (
        here.endpoint.link(Class::Bulk),
        taken.load(Relaxed) + BULK as u64,
    );
    let (start, before) = (Instant::now(), spent());
    here.runtime.block_on(async {
        let body = Bytes::from(vec![7; LARGE]);
        let mut left = BULK / LARGE;
        while left > 0 {
            if link.send(there, body.clone()).is_ok() {
                left -= 1;
            } else {
                link.receive().await.unwrap();
            }
        }
        while taken.load(Relaxed) < goal {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    speeds(start, before)
}
