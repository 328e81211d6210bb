//! The metrics over HTTP: what is counted is shown, and only what is there is served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast::metrics::{
    Gauges, Method, Metrics, Probe, RepositoryLabels, RequestLabels, Source, Way, serve,
};
use holdfast_actors::ports::Pending;
use tokio::runtime::Runtime;

#[derive(Default)]
struct Sampled {
    ready: AtomicBool,
}

impl Probe for Sampled {
    fn sample(&self, gauges: &Gauges) -> Pending<()> {
        gauges.quota_used.clear();
        let labels = RepositoryLabels {
            tenant: "acme \"ltd\"".to_owned(),
            repository: "main".to_owned(),
        };
        gauges.quota_used.get_or_create(&labels).set(4096);
        gauges.reclaimable.get_or_create(&labels).set(512);
        Box::pin(async {})
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

fn ask(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn figures_are_served_as_prometheus_reads_them() {
    let runtime = Runtime::new().unwrap();
    let metrics = Arc::new(Metrics::new());
    let probe = Arc::new(Sampled::default());
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let source = Source {
        metrics: Arc::clone(&metrics),
        probe: Arc::clone(&probe) as Arc<dyn Probe>,
    };
    runtime.spawn(serve(listener, source, Box::pin(std::future::pending())));

    let labels = RequestLabels {
        method: Method::Post,
        kind: "data",
        status: 200,
    };
    metrics.request(&labels, Duration::from_millis(3));
    metrics.transferred(Way::Up, 1000);
    metrics.journal_synced(Duration::from_micros(700));

    let shown = ask(address, "GET /metrics");
    assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
    for line in [
        r#"holdfast_requests_total{method="POST",kind="data",status="200"} 1"#,
        r#"holdfast_transferred_bytes_total{way="up"} 1000"#,
        "holdfast_request_duration_seconds_count 1",
        "holdfast_journal_sync_duration_seconds_count 1",
        r#"holdfast_quota_used_bytes{tenant="acme \"ltd\"",repository="main"} 4096"#,
        r#"holdfast_reclaimable_bytes{tenant="acme \"ltd\"",repository="main"} 512"#,
        "# EOF",
    ] {
        assert!(shown.contains(line), "{line} is not in {shown}");
    }
    assert!(ask(address, "GET /healthz").starts_with("HTTP/1.1 200"));
    assert!(ask(address, "GET /readyz").starts_with("HTTP/1.1 503"));
    probe.ready.store(true, Ordering::Relaxed);
    assert!(ask(address, "GET /readyz").starts_with("HTTP/1.1 200"));
    assert!(ask(address, "GET /").starts_with("HTTP/1.1 404"));
    assert!(ask(address, "POST /metrics").starts_with("HTTP/1.1 405"));
}
