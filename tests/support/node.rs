//! A real node as its operator meets it: `holdfast serve` as a child on a directory of its own, the
//! command line beside it, and Debian's restic as its tenants.
//!
//! Nothing here outlives the test: every child is told by the kernel when its parent ends.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

#[path = "ground.rs"]
mod ground;

pub(crate) use ground::*;

/// The program under test.
pub(crate) const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");
/// What encrypts the repositories of the tests.
pub(crate) const KEY: &str = "a password that the provider never learns";
/// Longer than any one command here takes, in seconds.
const LIMIT: u32 = 90;

/// What a program said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code; 124 when it took longer than it may.
    pub(crate) code: i32,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
}

impl Said {
    /// Fails unless it ended well; its standard output.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// Fails unless it ended badly by itself; all that it said.
    pub(crate) fn bad(self) -> String {
        assert!(
            ![0, 124].contains(&self.code),
            "{}: {}{}",
            self.code,
            self.out,
            self.err
        );
        self.out + &self.err
    }

    /// One JSON value.
    pub(crate) fn json(self) -> Value {
        let out = self.good();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
}

/// Runs a program to its end. It ends with this thread, and after a time limit in seconds.
pub(crate) fn run(limit: u32, program: &str, words: &[&str], with: &[(&str, &str)]) -> Said {
    let limit = limit.to_string();
    let output = bound("TERM", "timeout")
        .args(["-k", "5", &limit, "setpriv", "--pdeathsig", "KILL", program])
        .args(words)
        .envs(with.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A program that gets a signal when the thread that starts it ends.
pub(crate) fn bound(signal: &str, program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal, program]);
    command
}

/// A node, its directory, and the process that serves it.
pub(crate) struct Node {
    /// Where the test may keep files.
    pub(crate) base: TempDir,
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// The port it listens on, the same after each start.
    pub(crate) port: u16,
    child: Option<Child>,
}

impl Node {
    /// A new node that serves.
    pub(crate) fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let data = base.path().join("data");
        Self::at(base, data)
    }

    /// A new node that serves from a directory that is empty or does not exist.
    pub(crate) fn at(base: TempDir, data: PathBuf) -> Self {
        let mut node = Self {
            base,
            data,
            port: free_port(),
            child: None,
        };
        node.plain(&["init", "--name", "n1"]).good();
        node.start();
        let pem = node.plain(&["certificate", "show", "--pem"]).good();
        fs::write(node.certificate(), pem).unwrap();
        node
    }

    /// The command that serves this node.
    pub(crate) fn serving(&self) -> Vec<String> {
        let listen = format!("127.0.0.1:{}", self.port);
        let words = [
            HOLDFAST,
            "serve",
            "--data",
            text(&self.data),
            "--listen",
            &listen,
        ];
        words.map(str::to_owned).to_vec()
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(&mut self) {
        let words = self.serving();
        self.start_as(&words);
    }

    /// Starts it by a command of one's own, and waits until it is ready.
    pub(crate) fn start_as(&mut self, words: &[String]) {
        assert!(self.child.is_none(), "the node runs");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let mut child = bound("KILL", &words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("setpriv must be installed");
        let mut said = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut said).unwrap();
        self.child = Some(child);
        assert!(said.starts_with("ready "), "{said}{}", self.logged());
    }

    /// The process that serves.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the node runs").id()
    }

    /// `kill -9`, and no word from it since.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the node runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to end, and waits until it did.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the node runs");
        run(5, "kill", &["-TERM", &child.id().to_string()], &[]).good();
        child.wait().unwrap()
    }

    fn log(&self) -> PathBuf {
        self.base.path().join("serve.log")
    }

    /// All that it logged.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The file that clients trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.base.path().join("ca.pem")
    }

    /// A path below the test's own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// Runs one command of the operator's.
    pub(crate) fn plain(&self, words: &[&str]) -> Said {
        let words = [&["--data", text(&self.data)], words].concat();
        run(LIMIT, HOLDFAST, &words, &[])
    }

    /// Runs one command of the operator's and reads its JSON.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        self.plain(&[&["--json"], words].concat()).json()
    }

    /// A tenant with a repository.
    pub(crate) fn tenant(&self, name: &str, repository: &str, quota: &str) {
        self.json(&["tenant", "add", name]);
        self.repository(name, repository, quota);
    }

    /// A repository of a tenant's.
    pub(crate) fn repository(&self, tenant: &str, name: &str, quota: &str) {
        self.json(&["repository", "add", tenant, name, "--quota", quota]);
    }

    /// A new login that is good for everything.
    pub(crate) fn login(&self, user: &str, repository: &str) -> Login {
        self.scoped(user, repository, "full")
    }

    /// A new login of a scope.
    pub(crate) fn scoped(&self, user: &str, repository: &str, scope: &str) -> Login {
        let made = self.json(&["password", user, "--scope", scope]);
        let password = made["password"].as_str().unwrap().to_owned();
        self.known(user, &password, repository)
    }

    /// A login whose password is known.
    pub(crate) fn known(&self, user: &str, password: &str, repository: &str) -> Login {
        Login {
            user: user.to_owned(),
            password: password.to_owned(),
            repository: repository.to_owned(),
            port: self.port,
            certificate: self.certificate(),
            base: self.base.path().to_owned(),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            // What a failing test shows.
            eprintln!("the node's log:\n{}", self.logged());
        }
    }
}

/// Who asks, and for which repository.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) repository: String,
    pub(crate) port: u16,
    pub(crate) certificate: PathBuf,
    /// Where its files are kept.
    pub(crate) base: PathBuf,
}

impl Login {
    /// The same login for another repository.
    pub(crate) fn on(&self, repository: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            ..self.clone()
        }
    }

    /// What restic calls the repository.
    pub(crate) fn url(&self) -> String {
        let Self {
            user,
            password,
            port,
            repository,
            ..
        } = self;
        format!("rest:https://{user}:{password}@localhost:{port}/{repository}/")
    }

    /// Runs restic; it must be installed.
    pub(crate) fn restic(&self, words: &[&str]) -> Said {
        self.restic_with(LIMIT, words, &[])
    }

    /// The same, with a time limit in seconds and an environment.
    pub(crate) fn restic_with(&self, limit: u32, words: &[&str], with: &[(&str, &str)]) -> Said {
        let words = [&["--cacert", text(&self.certificate), "--no-cache"], words].concat();
        let (url, home) = (self.url(), text(&self.base));
        let mine = [
            ("RESTIC_REPOSITORY", url.as_str()),
            ("RESTIC_PASSWORD", KEY),
            ("HOME", home),
        ];
        run(limit, "restic", &words, &[&mine, with].concat())
    }

    /// Makes the repository at the tenant's side.
    pub(crate) fn init(&self) {
        self.restic(&["init"]).good();
    }

    /// Backs a tree up; the beginning of the snapshot's id.
    pub(crate) fn backup(&self, tree: &Path) -> String {
        saved(&self.restic(&["backup", "--json", text(tree)]).good())
    }

    /// The ids of all snapshots, as restic lists them.
    pub(crate) fn snapshots(&self) -> Vec<String> {
        let list = self.restic(&["snapshots", "--json"]).json();
        let ids = list.as_array().unwrap().iter();
        ids.map(|snapshot| snapshot["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Restores a snapshot of a tree and compares every byte with a tree on disk.
    pub(crate) fn restores(&self, snapshot: &str, tree: &Path, like: &Path) {
        let back = tempfile::tempdir_in(&self.base).unwrap();
        self.restic(&["restore", snapshot, "--target", text(back.path())])
            .good();
        same(like, &back.path().join(tree.strip_prefix("/").unwrap()));
    }

    /// Reads back every byte.
    pub(crate) fn whole(&self) {
        let said = self.restic(&["check", "--read-data"]).good();
        assert!(said.contains("no errors were found"), "{said}");
    }

    /// Runs the tenant's own client.
    pub(crate) fn agent(&self, words: &[&str]) -> Said {
        let (password, key) = (self.base.join("password"), self.base.join("key"));
        File::create(&password)
            .unwrap()
            .write_all(self.password.as_bytes())
            .unwrap();
        File::create(&key)
            .unwrap()
            .write_all(KEY.as_bytes())
            .unwrap();
        let server = format!("https://localhost:{}", self.port);
        let with = [
            ("HOLDFAST_SERVER", server.as_str()),
            ("HOLDFAST_USER", &self.user),
            ("HOLDFAST_PASSWORD_FILE", text(&password)),
            ("HOLDFAST_CACERT", text(&self.certificate)),
            ("HOLDFAST_REPOSITORY", &self.repository),
            ("HOLDFAST_REPOSITORY_PASSWORD_FILE", text(&key)),
            ("HOME", text(&self.base)),
        ];
        run(LIMIT, HOLDFAST, &[&["agent"], words].concat(), &with)
    }
}

/// The snapshot that `restic backup --json` reports.
pub(crate) fn saved(said: &str) -> String {
    let last = said.lines().last().unwrap_or_default();
    let summary: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{said}"));
    summary["snapshot_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{said}"))
        .to_owned()
}

/// A port that is free, below those that the kernel gives to clients: a node that starts again
/// finds it free again.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let mut ports = (first..32_000).chain(20_000..first);
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("some port is free")
}
