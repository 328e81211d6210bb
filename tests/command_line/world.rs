//! A data directory with somebody behind its admin socket, and the program to speak to it.

use std::io::Write;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use holdfast::admin::{Door, Operations};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The answer as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The error's word, from JSON.
    pub(crate) fn reason(&self) -> String {
        let error: Value =
            serde_json::from_str(&self.errors).unwrap_or_else(|_| panic!("no JSON: {self:?}"));
        error["error"]["reason"].as_str().unwrap().to_owned()
    }
}

/// Runs the program with nothing to read.
pub(crate) fn holdfast(arguments: &[&str]) -> Ran {
    holdfast_reading(arguments, "")
}

/// Runs the program with something to read.
pub(crate) fn holdfast_reading(arguments: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read ends before all is written.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    Ran::of(child.wait_with_output().unwrap())
}

/// A data directory whose socket is answered.
pub(crate) struct World {
    pub(crate) data: PathBuf,
    pub(crate) runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl World {
    /// One whose path below the temporary directory has this name.
    pub(crate) fn named(name: &str, make: impl FnOnce(&Runtime) -> Arc<dyn Operations>) -> Self {
        Self::shared(name, None, make)
    }

    /// The same with a group that reaches the socket, too.
    pub(crate) fn shared(
        name: &str,
        group: Option<u32>,
        make: impl FnOnce(&Runtime) -> Arc<dyn Operations>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join(name);
        std::fs::create_dir_all(&data).unwrap();
        let runtime = Runtime::new().unwrap();
        let operations = make(&runtime);
        let (stop, stopped) = oneshot::channel::<()>();
        let door = {
            let _inside = runtime.enter();
            let door = Door::open(&data).unwrap();
            match group {
                Some(group) => door.share(group).unwrap(),
                None => door,
            }
        };
        let stopped = Box::pin(async move { drop(stopped.await) });
        let served = runtime.spawn(door.serve(operations, stopped));
        Self {
            data,
            runtime,
            stop: Some(stop),
            served: Some(served),
            _folder: folder,
        }
    }

    /// Runs the program against it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_reading(arguments, "")
    }

    /// The same with something to read.
    pub(crate) fn run_reading(&self, arguments: &[&str], input: &str) -> Ran {
        let mut all = vec!["--data", self.data.to_str().unwrap()];
        all.extend(arguments);
        holdfast_reading(&all, input)
    }

    /// Runs the program as another user, in one group alone; only root can.
    pub(crate) fn run_as(&self, user: u32, group: u32, line: &str) -> Ran {
        let data = ["--data", self.data.to_str().unwrap(), "--json"];
        let output = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(data.into_iter().chain(line.split_whitespace()))
            .uid(user)
            .gid(group)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran::of(output)
    }

    /// Ends the node's side, as SIGTERM would.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(served) = self.served.take() {
            self.runtime.block_on(served).unwrap();
        }
    }

    /// Where the socket is.
    pub(crate) fn socket(&self) -> PathBuf {
        Path::new(&self.data).join("admin.sock")
    }
}
