//! The demonstration's node: a process of this very program, started, killed and started again,
//! and given orders over its admin socket.
//!
//! Invariant: no process outlives the demonstration, not even one that is killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, sink};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use holdfast_actors::kernel::NodeName;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use serde::Deserialize;
use serde_json::Value;

use super::stage::{Leash, send};
use super::{said, told};
use crate::admin::client::{self, Part};
use crate::admin::protocol::{Call, VERSION};
use crate::cli::{Failure, Screen};
use crate::commands::Order;
use crate::commands::node::{Demo, Init};

/// A node that serves.
pub(super) struct Node {
    /// Where clients connect.
    pub(super) server: String,
    /// The certificate that they pin.
    pub(super) thumbprint: String,
    data: PathBuf,
    log: PathBuf,
    child: Child,
    leash: Leash,
}

/// The line with which a node says that it serves.
#[derive(Deserialize)]
struct Ready {
    listen: String,
    thumbprint: String,
}

impl Node {
    /// Makes a node in a directory and starts it on a free port.
    pub(super) fn found(path: &Path, leash: &Leash) -> Result<Self, Failure> {
        let data = path.join("node");
        let name = NodeName::parse("demo");
        let mut silent = Screen::on(true, Box::new(sink()), Box::new(sink()));
        crate::node::init(
            &data,
            &Init {
                name,
                ..Init::default()
            },
            &mut silent,
        )?;
        Self::at(data, leash)
    }

    /// Starts a node that has been made, on a free port.
    pub(super) fn at(data: PathBuf, leash: &Leash) -> Result<Self, Failure> {
        let log = data.with_extension("log");
        let (child, ready) = started(&data, &log, SocketAddr::from(([127, 0, 0, 1], 0)), leash)?;
        let Ready {
            listen: server,
            thumbprint,
        } = ready;
        Ok(Self {
            server,
            thumbprint,
            data,
            log,
            child,
            leash: leash.clone(),
        })
    }

    /// Kills the process, so that it can say and save nothing more.
    pub(super) fn kill(&mut self) -> Result<(), Failure> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map_err(|error| told(&error))?;
        self.leash.let_go(self.child.id());
        Ok(())
    }

    /// Stops the process where it stands: to all others it is cut off.
    pub(super) fn freeze(&self) -> Result<(), Failure> {
        send(self.child.id(), Signal::STOP).map_err(|error| told(&error))
    }

    /// Lets it go on.
    pub(super) fn thaw(&self) -> Result<(), Failure> {
        send(self.child.id(), Signal::CONT).map_err(|error| told(&error))
    }

    /// Starts it again where it was.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        let address = self.server.trim_start_matches("https://");
        let address = address.parse().map_err(|error| told(&error))?;
        let (child, ready) = started(&self.data, &self.log, address, &self.leash)?;
        self.child = child;
        if ready.listen != self.server || ready.thumbprint != self.thumbprint {
            return Err(said(
                "the node came back with another address or certificate",
            ));
        }
        Ok(())
    }

    /// Gives an order; its rows and what it ends with.
    pub(super) fn order(&self, command: Order) -> Result<(Vec<Value>, Value), Failure> {
        let mut rows = Vec::new();
        let mut each = |part| {
            if let Part::Item(row) = part {
                rows.push(row);
            }
            ControlFlow::Continue(())
        };
        let call = Call {
            version: VERSION,
            operator: None,
            command,
        };
        let done = client::call(&self.data, &call, &mut each).map_err(|error| told(&error))?;
        Ok((rows, done.unwrap_or_default()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may be dead already.
        drop(self.child.kill());
        drop(self.child.wait());
        self.leash.let_go(self.child.id());
    }
}

fn started(
    data: &Path,
    log: &Path,
    listen: SocketAddr,
    leash: &Leash,
) -> Result<(Child, Ready), Failure> {
    let program = std::env::current_exe().map_err(|error| told(&error))?;
    let errors = File::options().create(true).append(true).open(log);
    let mut child = Command::new(program)
        .args(["demo", "--child-of", &std::process::id().to_string(), "--"])
        .args([
            "serve",
            "--json",
            "--log",
            "warn",
            "--listen",
            &listen.to_string(),
        ])
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors.map_err(|error| told(&error))?)
        // A Ctrl-C is for the demonstration, which takes the node along.
        .process_group(0)
        .spawn()
        .map_err(|error| told(&error))?;
    leash.hold(child.id());
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(|error| told(&error))?;
    }
    if let Ok(ready) = serde_json::from_str(&line) {
        return Ok((child, ready));
    }
    // It is on its way out, or says nonsense.
    drop(child.kill());
    drop(child.wait());
    leash.let_go(child.id());
    let words = std::fs::read_to_string(log).unwrap_or_default();
    let last = words.lines().last().unwrap_or("it said nothing");
    Err(said(&format!("the node does not start: {last}")))
}

/// What the demonstration's child does first: it binds its life to its parent's, and becomes the
/// node.
pub(super) fn become_child(parent: u32, demo: &Demo) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| told(&error))?;
    // A parent that ended before the line above is not heard of any more.
    if getppid()
        .map(Pid::as_raw_nonzero)
        .map(|pid| pid.get().unsigned_abs())
        != Some(parent)
    {
        return Err(said(
            "the demonstration that this process belongs to is gone",
        ));
    }
    let program = std::env::current_exe().map_err(|error| told(&error))?;
    Err(told(&Command::new(program).args(&demo.arguments).exec()))
}
