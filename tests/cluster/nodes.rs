//! A cluster on loopback: nodes as processes of the built program, made, joined, and ended by their
//! own process ids. Nothing outlives the test.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::member::Member;
use crate::node::{Login, Said, Stopwatch, run, text};
use crate::spaces::Spaces;
use crate::wire::Wire;
use serde_json::Value;

/// The passphrase of the cluster's root.
const PASSPHRASE: &str = "correct horse battery staple";
/// Longer than any state of a cluster here takes to come, in seconds.
pub(crate) const PATIENCE: f64 = 60.0;
/// An owner that reaches too few replicas ends and begins anew, and says it in these words.
const TOO_FEW: &str = "a node with a copy of it is silent";
/// How often a state is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Where nodes listen for each other, and where they say that they do, by their place and port.
pub(crate) type Places = Box<dyn Fn(usize, u16) -> Vec<String> + Sync>;

/// Nodes that are one.
pub(crate) struct Cluster {
    /// Where the test may keep files.
    pub(crate) base: TempDir,
    /// In the order in which they came.
    pub(crate) nodes: Vec<Member>,
    /// Since the cluster was made.
    pub(crate) watch: Stopwatch,
    places: Places,
    /// What the processes of new nodes find in their environment.
    pub(crate) environment: Vec<(String, String)>,
    /// What they are told when they are to serve.
    pub(crate) arguments: Vec<String>,
    /// Where each node listens for the others, in their order.
    pub(crate) links: Vec<u16>,
    ports: Vec<u16>,
    /// Where the nodes have networks of their own, if they have.
    pub(crate) spaces: Option<Spaces>,
    passwords: BTreeMap<String, String>,
}

/// On loopback, IPv4.
pub(crate) fn loopback(_: usize, port: u16) -> Vec<String> {
    let address = format!("127.0.0.1:{port}");
    ["--address", &address].map(str::to_owned).to_vec()
}

impl Cluster {
    /// So many nodes that serve, all of them at work.
    pub(crate) fn of(count: usize) -> Self {
        Self::placed(count, Box::new(loopback))
    }

    /// The same, at other places.
    pub(crate) fn placed(count: usize, places: Places) -> Self {
        let mut cluster = Self::empty(places);
        cluster.make(count);
        cluster
    }

    /// No node yet; it is known where they will be.
    pub(crate) fn empty(places: Places) -> Self {
        let mut ports = free_ports(20);
        Self {
            base: tempfile::tempdir().unwrap(),
            nodes: Vec::new(),
            watch: Stopwatch::start(),
            places,
            environment: Vec::new(),
            arguments: Vec::new(),
            links: ports.split_off(10),
            ports,
            spaces: None,
            passwords: BTreeMap::new(),
        }
    }

    /// Makes so many nodes, and waits until all are at work.
    pub(crate) fn make(&mut self, count: usize) {
        self.found();
        for _ in 1..count {
            self.join();
        }
        self.settle();
    }

    fn found(&mut self) {
        let passphrase = self.path("passphrase");
        fs::write(&passphrase, PASSPHRASE).unwrap();
        let (member, place) = self.newcomer();
        let words = ["init", "--cluster", "--name", &member.name];
        let secret = ["--passphrase-file", text(&passphrase)];
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        member.plain(&[&words[..], &secret, &place].concat()).good();
        self.take_in(member);
    }

    /// Lets one more node in; its place among them.
    pub(crate) fn join(&mut self) -> usize {
        let token = self.path("token");
        fs::write(&token, self.any().plain(&["join-token"]).good()).unwrap();
        let (member, place) = self.newcomer();
        let words = ["join", "--name", &member.name, "--token-file", text(&token)];
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        member.plain(&[&words[..], &place].concat()).good();
        self.take_in(member)
    }

    /// How often an event of this number says this.
    pub(crate) fn told(&self, code: u64, text: &str) -> usize {
        let events = self.any().try_json(&["events"]).unwrap_or_default();
        let events = events.as_array().cloned().unwrap_or_default();
        let says = |event: &Value| event["text"].as_str().is_some_and(|it| it.contains(text));
        let told = |it: &&Value| it["code"] == code && says(it);
        events.iter().filter(told).count()
    }

    /// A newcomer that tries to join with a token, and what it is told.
    pub(crate) fn tries_to_join(&mut self, token: &str) -> Said {
        let file = self.path("another token");
        fs::write(&file, token).unwrap();
        let (member, place) = self.newcomer();
        let words = ["join", "--name", "stranger", "--token-file", text(&file)];
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        member.plain(&[&words[..], &place].concat())
    }

    /// The first node of another cluster, at the address of one of this that does not run.
    pub(crate) fn stranger(&mut self, at: usize) -> Member {
        let place = (self.places)(at, self.links[at]);
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let mut stranger = Member::new("stranger", self.path("stranger"), self.free_port());
        let passphrase = self.path("passphrase");
        let words = ["init", "--cluster", "--name", "stranger"];
        let secret = ["--passphrase-file", text(&passphrase)];
        let said = stranger.plain(&[&words[..], &secret, &place].concat());
        said.good();
        stranger.start();
        stranger
    }

    fn newcomer(&mut self) -> (Member, Vec<String>) {
        let at = self.nodes.len();
        let (name, link) = (format!("n{}", at + 1), self.links[at]);
        let mut member = Member::new(&name, self.path(&name), self.free_port());
        member.environment.clone_from(&self.environment);
        member.arguments.clone_from(&self.arguments);
        if let Some(spaces) = &self.spaces {
            member.space = Some(spaces.place(at, member.port));
        }
        (member, (self.places)(at, link))
    }

    fn take_in(&mut self, member: Member) -> usize {
        self.nodes.push(member);
        let at = self.nodes.len() - 1;
        self.start(at);
        let pems = self.nodes.iter().map(|node| node.data.join("tls"));
        let pems = pems.map(|folder| fs::read_to_string(folder.join("certificate.pem")).unwrap());
        fs::write(self.path("ca.pem"), pems.collect::<String>()).unwrap();
        at
    }

    /// Starts a node and waits until it is ready.
    pub(crate) fn start(&mut self, at: usize) {
        self.nodes[at].start();
    }

    /// Starts all nodes at once, and waits until all are ready: none is before a majority runs.
    pub(crate) fn start_all(&mut self) {
        for node in &mut self.nodes {
            node.spawn();
        }
        for node in &mut self.nodes {
            node.ready();
        }
    }

    /// A copy of the directory of a node.
    pub(crate) fn copy(&mut self, at: usize) -> Member {
        let original = &self.nodes[at];
        let data = self.path("copy");
        run(30, "cp", &["-a", text(&original.data), text(&data)], &[]).good();
        Member::new("copy", data, self.free_port())
    }

    /// A port that nobody has.
    pub(crate) fn free_port(&mut self) -> u16 {
        self.ports.pop().unwrap()
    }

    /// A path below the test's own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// The places of the nodes that run.
    pub(crate) fn running(&self) -> Vec<usize> {
        let all = 0..self.nodes.len();
        all.filter(|at| self.nodes[*at].runs()).collect()
    }

    /// A node that runs, to give orders to.
    pub(crate) fn any(&self) -> &Member {
        let running = self.running();
        &self.nodes[*running.first().expect("a node runs")]
    }

    /// Looks until something is so; fails after [`PATIENCE`].
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        self.until_within(PATIENCE, what, is_so);
    }

    /// The same; fails after so many seconds.
    pub(crate) fn until_within(&self, limit: f64, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = self.watch.seconds();
        while !is_so(self) {
            let passed = self.watch.seconds() - begun;
            assert!(passed < limit, "{what}: not within {limit} s");
            // There is nothing to wait at: other processes are looked at.
            thread::sleep(LOOK);
        }
    }

    /// Waits until all nodes that run are at work in the eyes of each of them, and one leads.
    pub(crate) fn settle(&self) {
        self.until("all nodes that run are active", |cluster| {
            let running = cluster.running();
            let names: Vec<&str> = running
                .iter()
                .map(|at| cluster.nodes[*at].name.as_str())
                .collect();
            running.iter().all(|at| {
                let states = cluster.nodes[*at].states();
                let active = |name: &&str| states.get(*name).is_some_and(|it| it == "active");
                names.iter().all(active)
            }) && cluster.led_by().is_some()
        });
    }

    /// Which node leads the catalog, if one does.
    pub(crate) fn led_by(&self) -> Option<usize> {
        let running = self.running().into_iter();
        let terms = running.filter_map(|at| {
            let said = self.nodes[at].try_json(&["shell", "-c", "show node/catalog/steward"])?;
            said["leads"].as_u64().map(|term| (term, at))
        });
        terms.max().map(|(_, at)| at)
    }

    /// Which node leads the catalog, once one does.
    pub(crate) fn leader(&self) -> usize {
        self.until("somebody leads", |cluster| cluster.led_by().is_some());
        self.led_by().expect("it was there a moment ago")
    }

    /// Who votes, as the leader says.
    pub(crate) fn voters(&self) -> usize {
        let leader = &self.nodes[self.leader()];
        let said = leader.try_json(&["shell", "-c", "show node/catalog/steward"]);
        said.map_or(0, |said| said["voters"].as_array().unwrap().len())
    }

    /// Which node writes a repository, if one has it at work.
    pub(crate) fn owned_by(&self, repository: &str) -> Option<usize> {
        let path = format!("node/repositories/{repository}");
        self.running().into_iter().find(|at| {
            let tree = self.nodes[*at].try_json(&["shell", "-c", "tree"]);
            let tree = tree.unwrap_or_default();
            let rows = tree.as_array().into_iter().flatten();
            rows.into_iter()
                .any(|row| row["path"] == path.as_str() && row["state"] == "running")
        })
    }

    /// Which node writes a tenant's repository, once one does.
    pub(crate) fn owner(&self, login: &Login) -> usize {
        let words = ["repository", "show", &login.user, &login.repository];
        let id = &self.any().json(&words)["id"];
        let name = format!("repository-{id}");
        self.until("somebody owns it", |cluster| {
            cluster.owned_by(&name).is_some()
        });
        self.owned_by(&name).expect("it was there a moment ago")
    }

    /// A node that runs and is none of these.
    pub(crate) fn other_than(&self, these: &[usize]) -> usize {
        let mut running = self.running().into_iter();
        running
            .find(|at| !these.contains(at))
            .expect("another node runs")
    }

    /// A tenant with the repositories `main` and `pulse`, and its login at a gateway.
    pub(crate) fn tenant(&mut self, name: &str, gateway: usize) -> Login {
        let node = self.any();
        node.json(&["tenant", "add", name]);
        for repository in ["main", "pulse"] {
            node.json(&["repository", "add", name, repository, "--quota", "10GiB"]);
        }
        let made = node.json(&["password", name]);
        let password = made["password"].as_str().unwrap().to_owned();
        self.passwords.insert(name.to_owned(), password);
        let login = self.login(name, gateway);
        let known = format!("/{}/data/", login.repository);
        // Gateways hear of a new tenant a moment later than the node that took it in.
        self.until("every gateway knows the tenant", |cluster| {
            cluster.running().into_iter().all(|at| {
                let wire = Wire::new(&cluster.login(name, at));
                let reply = wire.attempt("GET", &known, b"");
                reply.is_ok_and(|reply| [200, 404].contains(&reply.status))
            })
        });
        login
    }

    /// A tenant's login at a gateway, for `main`.
    pub(crate) fn login(&self, tenant: &str, gateway: usize) -> Login {
        Login {
            user: tenant.to_owned(),
            password: self.passwords[tenant].clone(),
            repository: "main".to_owned(),
            port: self.nodes[gateway].port,
            certificate: self.path("ca.pem"),
            base: self.base.path().to_owned(),
        }
    }

    /// The same at a node that is none of these yet.
    pub(crate) fn login_at(&self, tenant: &str, node: &Member) -> Login {
        let certificate = node.data.join("tls/certificate.pem");
        Login {
            user: tenant.to_owned(),
            password: self.passwords[tenant].clone(),
            repository: "main".to_owned(),
            port: node.port,
            certificate,
            base: self.base.path().to_owned(),
        }
    }

    /// Has a node that was made elsewhere be the first of these.
    pub(crate) fn begin_with(&mut self, first: Member) {
        self.take_in(first);
    }

    /// The rows of the logs that tell of trouble.
    pub(crate) fn trouble(&self) -> Vec<String> {
        let logs = self.nodes.iter().flat_map(|node| {
            let lines: Vec<String> = node.logged().lines().map(str::to_owned).collect();
            lines
                .into_iter()
                .map(|line| format!("{}: {line}", node.name))
        });
        logs.filter(|line| line.contains("ERROR") || line.contains("panicked"))
            .filter(|line| !line.contains(TOO_FEW))
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            node.end();
        }
        if thread::panicking() {
            for node in &self.nodes {
                eprintln!("the log of {}:\n{}", node.name, node.logged());
            }
        }
    }
}

/// Whether there is time for what takes long.
pub(crate) fn is_long() -> bool {
    std::env::var_os("HOLDFAST_LONG").is_some()
}

/// Ports that are free for TCP and UDP, below those that the kernel gives to clients: a node that
/// starts again finds its own free.
fn free_ports(count: usize) -> Vec<u16> {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let ports = (first..32_000).chain(20_000..first);
    let free = ports.filter(|port| {
        let stream = TcpListener::bind(("127.0.0.1", *port));
        stream.is_ok() && UdpSocket::bind(("::", *port)).is_ok()
    });
    free.take(count).collect()
}
