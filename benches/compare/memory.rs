//! What a node needs when it does nothing, and at its worst.

use std::fs;
use std::io;
use std::ops::ControlFlow;

use holdfast::admin::client;
use holdfast::admin::protocol::{Call, VERSION};
use holdfast::commands::Order;
use serde_json::{Value, json};

use super::server::Server;

/// Orders on their way at once, so that one sync serves several.
const CALLERS: usize = 8;

/// Adds tenants, each with a repository and a login.
pub(crate) fn add_tenants(server: &Server, count: usize) -> io::Result<()> {
    std::thread::scope(|scope| {
        let add = |first| {
            scope.spawn(move || {
                let mut mine = (first..count).step_by(CALLERS);
                mine.try_for_each(|number| add_tenant(server, number))
            })
        };
        let added: Vec<_> = (0..CALLERS).map(add).collect();
        added.into_iter().try_for_each(|added| {
            let added = added.join();
            added.unwrap_or_else(|_| Err(io::Error::other("a caller panicked")))
        })
    })
}

fn add_tenant(server: &Server, number: usize) -> io::Result<()> {
    let name = format!("tenant-{number:05}");
    let (main, quota) = (json!({ "tenant": name, "name": "main" }), 10_u64 << 30);
    let orders = [
        json!({ "tenant": { "add": { "name": name } } }),
        json!({ "repository": { "add": { "which": main, "quota": quota } } }),
        json!({ "password": { "login": name, "scope": "full", "expires": "never", "label": "" } }),
    ];
    orders.into_iter().try_for_each(|order| give(server, order))
}

fn give(server: &Server, order: Value) -> io::Result<()> {
    let command: Order = serde_json::from_value(order)?;
    let call = Call {
        version: VERSION,
        operator: None,
        command,
    };
    let answer = client::call(&server.data(), &call, &mut |_| ControlFlow::Continue(()));
    answer.map(|_| ()).map_err(io::Error::other)
}

/// Memory that the server holds now, in MiB.
pub(crate) fn resident(server: &Server) -> io::Result<f64> {
    status(server, "VmRSS:")
}

/// The most memory that the server ever held, in MiB.
pub(crate) fn peak(server: &Server) -> io::Result<f64> {
    status(server, "VmHWM:")
}

fn status(server: &Server, field: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process()))?;
    let mut lines = status.lines().filter_map(|line| line.strip_prefix(field));
    let kib = lines
        .next()
        .and_then(|value| value.split_whitespace().next());
    let kib: Option<f64> = kib.and_then(|kib| kib.parse().ok());
    kib.map(|kib| kib / 1024.0)
        .ok_or_else(|| io::Error::other(format!("no {field} of the server")))
}
