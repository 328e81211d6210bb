//! A server under test: its process, its directory, and how it is reached. Nothing outlives the
//! bench: dropping a server ends its process and removes what it stored.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// What to do when the peer is missing.
pub(crate) const ADVICE: &str = "rustic-server is neither on PATH nor in target/tools/bin: \
    Holdfast is measured alone. To compare: \
    cargo install rustic_server --version 0.4.4 --locked --root target/tools";

const USER: &str = "bench";
const PEER_PASSWORD: &str = "as good as any";
/// A server that does not listen by then does not start.
const START_MAX: Duration = Duration::from_secs(60);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// Ours.
    Holdfast,
    /// The peer.
    Peer,
}

impl Make {
    /// What it is called in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Holdfast => "holdfast",
            Self::Peer => "rustic-server",
        }
    }
}

/// A server's program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Which server it is.
    pub(crate) make: Make,
    path: PathBuf,
}

impl Program {
    /// A given Holdfast, or else the one that cargo built for this bench.
    pub(crate) fn holdfast(given: Option<&Path>) -> Self {
        let built = Path::new(env!("CARGO_BIN_EXE_holdfast"));
        Self {
            make: Make::Holdfast,
            path: given.unwrap_or(built).to_owned(),
        }
    }
}

/// The peer's program, if it is installed.
pub(crate) fn peer() -> Option<Program> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let folders = std::env::split_paths(&path).chain([tools]);
    let path = folders
        .map(|folder| folder.join("rustic-server"))
        .find(|program| program.is_file())?;
    let make = Make::Peer;
    Some(Program { make, path })
}

/// A running server with one user and one repository, which are all its own.
#[derive(Debug)]
pub(crate) struct Server {
    /// Which server it is.
    pub(crate) make: Make,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// Who may come in.
    pub(crate) user: &'static str,
    /// How they prove it.
    pub(crate) password: String,
    /// The one repository.
    pub(crate) repository: &'static str,
    program: PathBuf,
    base: TempDir,
    child: Option<Child>,
    /// The other nodes, if it is a cluster, and where they listen.
    others: Vec<(Child, u16)>,
}

impl Server {
    /// Makes a server with all that it needs in a folder of its own, and starts it.
    pub(crate) fn start(program: &Program, folder: &Path) -> io::Result<Self> {
        let mut server = Self::new(program, folder)?;
        match server.make {
            Make::Holdfast => {
                let data = server.data();
                server.run(&["init", "--data", &text(&data), "--name", "bench"])?;
                server.serve()?;
                server.let_in()?;
            }
            Make::Peer => server.prepare_peer()?,
        }
        Ok(server)
    }

    /// Makes a cluster of so many nodes of Holdfast, reached through the first of them.
    pub(crate) fn start_cluster(program: &Program, folder: &Path, nodes: u16) -> io::Result<Self> {
        let mut server = Self::new(program, folder)?;
        let (data, pass) = (text(&server.data()), text(&server.path("pass")));
        fs::write(&pass, "as good as any other")?;
        let words = ["init", "--cluster", "--name", "n0", "--data", &data];
        let address = free_address()?;
        server.run(
            &[
                &words[..],
                &["--address", &address, "--passphrase-file", &pass],
            ]
            .concat(),
        )?;
        server.serve()?;
        for number in 1..nodes {
            server.join(number)?;
        }
        server.settle(nodes)?;
        server.let_in()?;
        Ok(server)
    }

    /// Adds a node to a cluster.
    fn join(&mut self, number: u16) -> io::Result<()> {
        let (name, token) = (format!("n{number}"), self.path("token"));
        let (data, address) = (text(&self.path(&name)), free_address()?);
        let made: Value = serde_json::from_str(&self.order(&["--json", "join-token"])?)?;
        fs::write(&token, made["token"].as_str().unwrap_or_default())?;
        let words = [
            "join",
            "--data",
            &data,
            "--name",
            &name,
            "--address",
            &address,
        ];
        self.run(&[&words[..], &["--token-file", &text(&token)]].concat())?;
        let log = File::create(self.path(&format!("{name}.log")))?;
        let port = free_port()?;
        let listen = format!("127.0.0.1:{port}");
        let mut command = Command::new(&self.program);
        command.args(["serve", "--listen", &listen, "--data", &data]);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.others.push((child, port));
        Ok(())
    }

    /// Waits until so many nodes are at work.
    fn settle(&self, nodes: u16) -> io::Result<()> {
        let start = Instant::now();
        loop {
            let listed = self.order(&["--json", "node", "list"])?;
            if listed.matches("\"active\"").count() == usize::from(nodes) {
                return Ok(());
            }
            if start.elapsed() > START_MAX {
                return Err(io::Error::other(format!(
                    "not all nodes are at work: {listed}"
                )));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// From now on clients come to the node that writes the repository, or to one that passes on
    /// to it all that they say.
    pub(crate) fn reach(&mut self, the_owner: bool) -> io::Result<()> {
        let number = (0..=self.others.len()).find(|it| self.owns(*it) == the_owner);
        let number = number.ok_or_else(|| io::Error::other("no such node"))?;
        if let Some(at) = number.checked_sub(1) {
            self.port = self.others[at].1;
        }
        let data = text(&self.data_of(number));
        let pem = self.run(&["--data", &data, "certificate", "show", "--pem"])?;
        fs::write(self.certificate(), pem)
    }

    /// Whether a node has an actor that writes a repository.
    fn owns(&self, number: usize) -> bool {
        let data = text(&self.data_of(number));
        let tree = self.run(&["--data", &data, "--json", "shell", "-c", "tree"]);
        tree.is_ok_and(|tree| tree.contains("node/repositories/repository-"))
    }

    fn data_of(&self, number: usize) -> PathBuf {
        match number {
            0 => self.data(),
            number => self.path(&format!("n{number}")),
        }
    }

    fn new(program: &Program, folder: &Path) -> io::Result<Self> {
        Ok(Self {
            make: program.make,
            port: free_port()?,
            user: USER,
            password: PEER_PASSWORD.to_owned(),
            repository: match program.make {
                Make::Holdfast => "main",
                Make::Peer => USER,
            },
            program: program.path.clone(),
            base: tempfile::tempdir_in(folder)?,
            child: None,
            others: Vec::new(),
        })
    }

    /// Makes the tenant, and trusts the certificate.
    fn let_in(&mut self) -> io::Result<()> {
        self.order(&["tenant", "add", USER, "--tasks", "64"])?;
        self.order(&[
            "repository",
            "add",
            USER,
            self.repository,
            "--quota",
            "64GiB",
        ])?;
        let made: Value = serde_json::from_str(&self.order(&["--json", "password", USER])?)?;
        self.password = made["password"].as_str().unwrap_or_default().to_owned();
        fs::write(
            self.certificate(),
            self.order(&["certificate", "show", "--pem"])?,
        )
    }

    fn prepare_peer(&mut self) -> io::Result<()> {
        fs::create_dir(self.data())?;
        fs::write(self.path("acl.toml"), "")?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        fs::write(self.certificate(), made.cert.pem())?;
        fs::write(self.path("key.pem"), made.signing_key.serialize_pem())?;
        let file = self.path("htpasswd");
        self.run(&[
            "auth",
            "add",
            "-f",
            &text(&file),
            "-u",
            USER,
            "-p",
            PEER_PASSWORD,
        ])?;
        self.serve()?;
        let mut connection = super::client::Connection::open(self)?;
        let path = format!("/{}/?create=true", self.repository);
        connection.post(&path, &[]).map(|_| ())
    }

    /// Starts it and waits until it is ready; for how long, in seconds.
    pub(crate) fn serve(&mut self) -> io::Result<f64> {
        let listen = format!("127.0.0.1:{}", self.port);
        let log = File::create(self.path("log"))?;
        let mut command = Command::new(&self.program);
        command.args(["serve", "--listen", &listen]);
        match self.make {
            Make::Holdfast => command
                .arg("--data")
                .arg(self.data())
                .stdout(Stdio::piped()),
            // With CI in its environment this server ends after three seconds.
            Make::Peer => command
                .args(["--tls", "--private-repos", "--path"])
                .arg(self.data())
                .args(["--tls-key".as_ref(), self.path("key.pem").as_os_str()])
                .args(["--tls-cert".as_ref(), self.certificate().as_os_str()])
                .args([
                    "--htpasswd-file".as_ref(),
                    self.path("htpasswd").as_os_str(),
                ])
                .args(["--acl-path".as_ref(), self.path("acl.toml").as_os_str()])
                .env_remove("CI")
                .stdout(Stdio::null()),
        };
        let start = Instant::now();
        let mut child = command.stdin(Stdio::null()).stderr(log).spawn()?;
        let out = child.stdout.take();
        self.child = Some(child);
        match out {
            Some(out) => {
                let mut said = String::new();
                BufReader::new(out).read_line(&mut said)?;
                if !said.starts_with("ready ") {
                    let log = fs::read_to_string(self.path("log")).unwrap_or_default();
                    return Err(io::Error::other(format!("holdfast did not start: {log}")));
                }
            }
            None => {
                while TcpStream::connect(&listen).is_err() {
                    if start.elapsed() > START_MAX {
                        return Err(io::Error::other("rustic-server did not start"));
                    }
                    std::thread::yield_now();
                }
            }
        }
        Ok(start.elapsed().as_secs_f64())
    }

    /// Asks it to end, and waits until it did.
    pub(crate) fn terminate(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let process = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        child.wait().map(|_| ())
    }

    /// The processes of all its nodes.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let others = self.others.iter().map(|(child, _)| child);
        self.child.iter().chain(others).map(Child::id).collect()
    }

    /// Its process, 0 when it does not run.
    pub(crate) fn process(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// A path below what is removed with it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// Where it stores everything.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The certificate that clients trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("certificate.pem")
    }

    fn order(&self, words: &[&str]) -> io::Result<String> {
        let data = text(&self.data());
        self.run(&[&["--data", &data], words].concat())
    }

    fn run(&self, words: &[&str]) -> io::Result<String> {
        let output = Command::new(&self.program).args(words).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("{words:?}: {said}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let others = self.others.drain(..).map(|(child, _)| child);
        for mut child in self.child.take().into_iter().chain(others) {
            // It may have ended by itself, which the next request would have told.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A place for a node of a cluster that nobody has now.
fn free_address() -> io::Result<String> {
    let free = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    Ok(free.to_string())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
