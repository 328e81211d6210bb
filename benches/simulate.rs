//! How many seconds pass in a simulated fleet while the processor spends one on it, beside a small
//! replicated register on as many nodes, as the yardstick.
//!
//! `cargo bench --bench simulate`, with `-- --json` for programs. What is promised: with 5 nodes
//! and turns of a millisecond 100 times real time under light load and 40 times under a busy one,
//! with 100 nodes and turns of five milliseconds 20 times.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use holdfast_simulations::coverage::Counter;
use holdfast_simulations::witness::Witness;
use holdfast_simulations::yardstick::{Distance, Load, production, register};
use serde_json::{Value, json};

/// A run of a fleet; a witness of it, if there is one, takes time.
type Fleet = fn(Load, Option<Arc<dyn Witness>>) -> Distance;

/// What is measured: a name, the load, and how many times real time are promised.
const CASES: [(&str, Load, f64); 3] = [
    ("5 nodes, light", load(5, 1_000, 30_000, 10_000), 100.0),
    ("5 nodes, busy", load(5, 1_000, 10_000, 5), 40.0),
    ("100 nodes, light", load(100, 5_000, 10_000, 10_000), 20.0),
];

const fn load(nodes: u32, quantum: u64, millis: u64, pause: u64) -> Load {
    Load {
        nodes,
        quantum,
        millis,
        pause,
    }
}

fn main() {
    let json = std::env::args().any(|word| word == "--json");
    let mut rows = Vec::new();
    if !json {
        println!(
            "{:<17} {:<10} {:>12} {:>14} {:>9}",
            "FLEET", "WHAT", "TIMES REAL", "EVENTS/CPU-S", "PROMISED"
        );
    }
    for (name, load, promised) in CASES {
        let fleets: [(&str, Fleet, f64); 2] = [
            ("holdfast", production, promised),
            ("yardstick", register, 0.0),
        ];
        for (what, fleet, promised) in fleets {
            let row = measured(name, what, fleet, load, promised);
            if !json {
                println!("{}", shown(&row));
            }
            rows.push(row);
        }
    }
    if json {
        println!("{}", Value::from(rows));
    }
}

fn measured(name: &str, what: &str, fleet: Fleet, load: Load, promised: f64) -> Value {
    let before = spent();
    let distance = fleet(load, None);
    let cpu = (spent() - before).as_secs_f64().max(1e-9);
    let counter = Arc::new(Counter::default());
    assert_eq!(fleet(load, Some(counter.clone())), distance);
    let events = counter.counted([]).decisions;
    json!({
        "fleet": name,
        "what": what,
        "nodes": load.nodes,
        "quantum-micros": load.quantum,
        "simulated-seconds": distance.simulated.as_secs_f64(),
        "cpu-seconds": cpu,
        "times-real": distance.simulated.as_secs_f64() / cpu,
        "events": events,
        "events-per-cpu-second": events as f64 / cpu,
        "requests": distance.requests,
        "promised": if promised > 0.0 { Value::from(promised) } else { Value::Null },
    })
}

fn shown(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let number = |key: &str| row[key].as_f64().unwrap_or_default();
    let promised = row["promised"].as_f64();
    let promised = promised.map_or("-".to_owned(), |promised| format!(">= {promised:.0}"));
    format!(
        "{:<17} {:<10} {:>11.1}x {:>14.0} {promised:>9}",
        text("fleet"),
        text("what"),
        number("times-real"),
        number("events-per-cpu-second")
    )
}

/// What the processor has spent on this thread, which runs every fleet.
fn spent() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = text.split_whitespace().next().unwrap().parse().unwrap();
    Duration::from_nanos(nanos)
}
