//! One node of a cluster: its process, and what its operator asks it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::node::{HOLDFAST, Said, Stopwatch, bound, run, text};
use crate::nodes::PATIENCE;
use crate::spaces::Space;

impl Drop for Member {
    fn drop(&mut self) {
        self.end();
    }
}

/// One node.
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: String,
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// Where tenants reach it.
    pub(crate) port: u16,
    /// The network that it runs in, if that is its own.
    pub(crate) space: Option<Space>,
    /// What its process finds in its environment.
    pub(crate) environment: Vec<(String, String)>,
    /// What else it is told when it is to serve.
    pub(crate) arguments: Vec<String>,
    child: Option<Child>,
    /// Whether it is stopped by a signal.
    frozen: bool,
}

impl Member {
    /// One that does not run.
    pub(crate) fn new(name: &str, data: PathBuf, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            data,
            port,
            space: None,
            environment: Vec::new(),
            arguments: Vec::new(),
            child: None,
            frozen: false,
        }
    }

    /// Ends it, if it runs.
    pub(crate) fn end(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(&mut self) {
        self.spawn();
        self.ready();
    }

    /// Starts it.
    pub(crate) fn spawn(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.name);
        let log = File::options().create(true).append(true).open(self.log());
        let host = self.space.as_ref().map_or("127.0.0.1", |it| &it.address);
        let listen = format!("{host}:{}", self.port);
        let words = ["serve", "--data", text(&self.data), "--listen", &listen];
        let mut command = match &self.space {
            Some(space) => {
                let mut command = bound("KILL", "ip");
                command.args(["netns", "exec", &space.name, HOLDFAST]);
                command
            }
            None => bound("KILL", HOLDFAST),
        };
        let child = command
            .args(words)
            .args(&self.arguments)
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .spawn()
            .expect("setpriv must be installed");
        self.child = Some(child);
    }

    /// Waits until it is ready.
    pub(crate) fn ready(&mut self) {
        let mut said = String::new();
        let child = self.child.as_mut().expect("the node runs");
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut said).unwrap();
        assert!(said.starts_with("ready "), "{said}{}", self.logged());
    }

    /// Whether it runs, and is not stopped.
    pub(crate) fn runs(&self) -> bool {
        self.child.is_some() && !self.frozen
    }

    /// `kill -9`, and no word from it since.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the node runs");
        child.kill().unwrap();
        child.wait().unwrap();
        self.frozen = false;
    }

    /// Asks it to end, and waits until it did.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.take().expect("the node runs").wait().unwrap()
    }

    /// Waits until it ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the node runs");
        let begun = Stopwatch::start();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if begun.seconds() > PATIENCE {
                child.kill().unwrap();
                panic!("{} does not end: {}", self.name, self.logged());
            }
            // There is nothing to wait at with a limit.
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Tries to serve from its directory for so many seconds: what came of it, and the log of it.
    pub(crate) fn tries(&self, seconds: u32) -> Said {
        let listen = format!("127.0.0.1:{}", self.port);
        let words = ["serve", "--data", text(&self.data), "--listen", &listen];
        let more: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let words = [&words[..], &more].concat();
        run(seconds, HOLDFAST, &words, &[("NO_COLOR", "1")])
    }

    /// Stops it where it stands.
    pub(crate) fn freeze(&mut self) {
        self.signal("STOP");
        self.frozen = true;
    }

    /// Lets it go on.
    pub(crate) fn thaw(&mut self) {
        self.signal("CONT");
        self.frozen = false;
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        run(5, "kill", &[&format!("-{name}"), &pid], &[]).good();
    }

    fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    /// All that it logged.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the node runs").id()
    }

    /// Runs one command of the operator's on it.
    pub(crate) fn plain(&self, words: &[&str]) -> Said {
        run(
            60,
            HOLDFAST,
            &[&["--data", text(&self.data)], words].concat(),
            &[],
        )
    }

    /// Runs one command of the operator's and reads its JSON.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        self.plain(&[&["--json"], words].concat()).json()
    }

    /// The same, if it answers in time and well.
    pub(crate) fn try_json(&self, words: &[&str]) -> Option<Value> {
        let words = [&["--data", text(&self.data), "--json"], words].concat();
        let said = run(10, HOLDFAST, &words, &[]);
        (said.code == 0).then(|| said.json())
    }

    /// All nodes as this one sees them: the name, and a word.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let rows = self.try_json(&["node", "list"]).unwrap_or_default();
        let rows = rows.as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| (word(row, "name"), word(row, "state")))
            .collect()
    }

    /// How many replicas another node has, as this one sees it.
    pub(crate) fn replicas(&self, name: &str) -> u64 {
        let shown = self.json(&["node", "show", name]);
        shown["replicas"].as_u64().unwrap()
    }
}
