//! Calls of 256 bytes from one node to a service on another: alone, beside bulk that fills the
//! machine, and beside a service that is asked far more than it does.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Link, Pending};
use holdfast_cluster::calls::{Answers, Calls as _, Exchange, Rejected};
use holdfast_cluster::quic::Class;
use serde_json::Value;
use tokio::task::JoinSet;

use super::fleet::{self, Member};
use super::{Round, WHILE, row, sorted};

const SMALL: usize = 256;
/// Bytes of a bulk frame.
const LARGE: usize = 256 << 10;
/// Calls that a flooded service is asked at once.
const FLOOD: u64 = 1_000;
/// How long it takes over each.
const SLOWNESS: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers what it is asked, after a while.
struct Echo(Duration);

impl Answers for Echo {
    fn answer(&self, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let slowness = self.0;
        Box::pin(async move {
            if slowness > Duration::ZERO {
                tokio::time::sleep(slowness).await;
            }
            Ok(body)
        })
    }
}

pub(crate) fn measure(folder: &Path) -> Vec<Value> {
    let members = fleet::start(folder, Duration::ZERO);
    let (here, there) = (&members[0], &members[1]);
    there.calls.serve("echo", Arc::new(Echo(Duration::ZERO)));
    there.calls.serve("slow", Arc::new(Echo(SLOWNESS)));
    let mut rows = Vec::new();
    for (in_flight, goal) in [(64, Some(">= 250000")), (1, None)] {
        let round = calls(here, there, in_flight);
        let name = format!("calls/s, {in_flight} in flight");
        rows.push(row(&name, round.rate, goal));
        let name = format!("p99 ms of a call, {in_flight} in flight");
        rows.push(row(&name, round.p99, None));
    }
    let flood: Vec<_> = (0..FLOOD)
        .map(|_| here.spawn(call(here.calls.clone(), there.node, "slow", Instant::now())))
        .collect();
    let beside = calls(here, there, 1);
    let name = "p99 ms of a call, 1 in flight, beside a flood";
    rows.push(row(name, beside.p99, Some("<= 1")));
    flood.into_iter().for_each(|call| call.abort());

    there.spawn(drain(there.endpoint.link(Class::Bulk)));
    let fill = here.spawn(fill(here.endpoint.link(Class::Bulk), there.node));
    let beside = calls(here, there, 1);
    let name = "p99 ms of a call, 1 in flight, beside bulk";
    rows.push(row(name, beside.p99, Some("<= 3")));
    fill.abort();
    rows
}

fn calls(here: &Member, there: &Member, in_flight: u64) -> Round {
    let (start, mut took) = (Instant::now(), Vec::new());
    here.run(async {
        let mut callers = JoinSet::new();
        for _ in 0..in_flight {
            callers.spawn(call(here.calls.clone(), there.node, "echo", start));
        }
        while let Some(called) = callers.join_next().await {
            took.extend(called.unwrap());
        }
    });
    sorted(took, start)
}

async fn call(calls: Exchange, to: NodeId, service: &'static str, start: Instant) -> Vec<f64> {
    let (body, mut took) = (Bytes::from(vec![7; SMALL]), Vec::new());
    while start.elapsed() < WHILE {
        let asked = Instant::now();
        let answer = calls.call(to, service, body.clone(), PATIENCE).await;
        answer.unwrap();
        took.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    took
}

async fn drain(link: Arc<dyn Link>) {
    while link.receive().await.is_some() {}
}

/// Sends as much as permits allow, for ever.
async fn fill(link: Arc<dyn Link>, to: NodeId) {
    let body = Bytes::from(vec![7; LARGE]);
    loop {
        while link.send(to, body.clone()).is_ok() {}
        link.receive().await.unwrap();
    }
}
