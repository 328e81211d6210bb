//! A world for tests: disks in memory that survive their nodes, and calls between nodes in one
//! runtime whose time stands still while anybody works.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, NewNode, NodeCommand, OperatorCommand, Submission,
};
use holdfast_actors::catalog::rows::Role;
use holdfast_actors::journal;
use holdfast_actors::kernel::{Instant, NodeId, NodeName, Now, Timestamp, Version};
use holdfast_actors::names::OperatorName;
use holdfast_actors::ports::{
    Change, Clock, Disk, Entries, Entropy, File, Index, Pending, Ports, Storage,
};
use holdfast_actors::shell::{Directory, Path};
use openraft::async_runtime::{AsyncRuntime, Instant as _};

use super::{Options, Replica, StartError, Tasks};
use crate::calls::{Answers, CallError, Calls};

type Bodies = Arc<Mutex<Vec<u8>>>;

/// A disk that loses nothing.
#[derive(Clone, Default)]
pub(super) struct Memory(pub(super) Arc<Mutex<BTreeMap<String, Bodies>>>);

struct Open(Bodies);

fn done<T: Send + 'static>(value: io::Result<T>) -> Pending<io::Result<T>> {
    Box::pin(async move {
        // As a disk does, it answers later.
        Tasks::sleep(Duration::from_micros(50)).await;
        value
    })
}

impl Memory {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Bodies>> {
        self.0.lock().unwrap()
    }

    /// The paths of all files.
    pub(super) fn paths(&self) -> Vec<String> {
        self.files().keys().cloned().collect()
    }

    /// The bytes of a file.
    pub(super) fn body(&self, path: &str) -> Bodies {
        Arc::clone(&self.files()[path])
    }
}

impl Disk for Memory {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let mut files = self.files();
        if files.contains_key(path) {
            return done(Err(io::ErrorKind::AlreadyExists.into()));
        }
        let body = Bodies::default();
        files.insert(path.to_owned(), Arc::clone(&body));
        done(Ok(Arc::new(Open(body))))
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let file = self.files().get(path).map(Arc::clone);
        let file = file.ok_or_else(|| io::ErrorKind::NotFound.into());
        done(file.map(|body| Arc::new(Open(body)) as Arc<dyn File>))
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        let folder = format!("{folder}/");
        let files = self.files();
        let names = files.keys().filter_map(|path| path.strip_prefix(&folder));
        let names = names.filter(|name| !name.contains('/')).map(str::to_owned);
        done(Ok(names.collect()))
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        let mut files = self.files();
        let moved = files.remove(from).ok_or(io::ErrorKind::NotFound.into());
        done(moved.map(|body| drop(files.insert(to.to_owned(), body))))
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        self.files().remove(path);
        done(Ok(()))
    }

    fn sync_folder(&self, _: &str) -> Pending<io::Result<()>> {
        done(Ok(()))
    }

    fn storage(&self) -> Option<Storage> {
        None
    }
}

impl File for Open {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        let (mut body, at) = (self.0.lock().unwrap(), at as usize);
        let bytes = parts.concat();
        let end = body.len().max(at + bytes.len());
        body.resize(end, 0);
        body[at..at + bytes.len()].copy_from_slice(&bytes);
        done(Ok(()))
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        done(Ok(()))
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let body = self.0.lock().unwrap();
        let at = body.len().min(at as usize);
        let end = body.len().min(at + length);
        done(Ok(Bytes::copy_from_slice(&body[at..end])))
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        done(Ok(self.0.lock().unwrap().len() as u64))
    }

    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        self.0.lock().unwrap().resize(length as usize, 0);
        done(Ok(()))
    }

    fn reserve(&self, _: u64) -> Pending<io::Result<()>> {
        done(Ok(()))
    }
}

/// Tokio's time, beginning on 2026-11-21 at 10:00.
struct Watch(<Tasks as AsyncRuntime>::Instant);

impl Clock for Watch {
    fn now(&self) -> Now {
        let passed = <Tasks as AsyncRuntime>::Instant::now() - self.0;
        let begin = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
        let micros = u64::try_from(passed.as_micros()).unwrap();
        Now {
            monotonic: Instant::from_micros(micros),
            wall: begin + passed,
        }
    }
}

/// Numbers that rise, a stream for each life.
struct Counter(Mutex<u64>);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for byte in bytes {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (*state >> 56) as u8;
        }
    }
}

/// What nothing here may use.
struct Nothing;

fn nothing<T: Send + 'static>() -> Pending<io::Result<T>> {
    Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
}

impl Index for Nothing {
    fn get(&self, _: &[u8]) -> Pending<io::Result<Option<Vec<u8>>>> {
        nothing()
    }
    fn scan(&self, _: &[u8], _: &[u8], _: usize) -> Pending<io::Result<Entries>> {
        nothing()
    }
    fn apply(&self, _: Vec<Change>) -> Pending<io::Result<()>> {
        nothing()
    }
    fn flush(&self) -> Pending<io::Result<()>> {
        nothing()
    }
}

pub(super) fn ports(disk: &Memory, seed: u64) -> Ports {
    Ports {
        clock: Arc::new(Watch(<Tasks as AsyncRuntime>::Instant::now())),
        entropy: Arc::new(Counter(Mutex::new(seed))),
        disk: Arc::new(disk.clone()),
        index: Arc::new(Nothing),
        directory: Arc::new(Directory::default()),
    }
}

/// All nodes, the ways between them, and what was said on them.
#[derive(Clone, Default)]
pub(super) struct Net(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    services: BTreeMap<(NodeId, &'static str), Arc<dyn Answers>>,
    cut: BTreeSet<NodeId>,
    calls: u64,
}

struct End(NodeId, Net);

impl Net {
    pub(super) fn end(&self, node: u64) -> Arc<dyn Calls> {
        Arc::new(End(NodeId::new(node), self.clone()))
    }

    /// Cuts a node off, or lets it be heard again.
    pub(super) fn cut(&self, node: u64, is_cut: bool) {
        let (mut state, node) = (self.0.lock().unwrap(), NodeId::new(node));
        if is_cut {
            state.cut.insert(node);
        } else {
            state.cut.remove(&node);
        }
    }

    /// Nobody answers for a node any more.
    pub(super) fn leave(&self, node: u64) {
        let mut state = self.0.lock().unwrap();
        state.services.retain(|(it, _), _| it.raw() != node);
    }
}

impl Calls for End {
    fn node(&self) -> NodeId {
        self.0
    }

    fn call(
        &self,
        to: NodeId,
        service: &'static str,
        body: Bytes,
        within: Duration,
    ) -> Pending<Result<Bytes, CallError>> {
        assert!(body.len() <= 1 << 20, "a frame carries 1 MiB");
        let (from, net) = (self.0, self.1.clone());
        Box::pin(async move {
            Tasks::sleep(Duration::from_micros(300)).await;
            let called = {
                let mut state = net.0.lock().unwrap();
                state.calls += 1;
                let is_cut = state.cut.contains(&from) || state.cut.contains(&to);
                (!is_cut).then(|| state.services.get(&(to, service)).map(Arc::clone))
            };
            let Some(called) = called else {
                Tasks::sleep(within).await;
                return Err(CallError::Unknown(to));
            };
            let called = called.ok_or(CallError::NoService(to, service.to_owned()))?;
            match Tasks::timeout(within, called.answer(from, body)).await {
                Ok(answer) => Ok(answer?),
                Err(_) => Err(CallError::Unknown(to)),
            }
        })
    }

    fn serve(&self, service: &'static str, answers: Arc<dyn Answers>) {
        let mut state = self.1.0.lock().unwrap();
        state.services.insert((self.0, service), answers);
    }
}

/// A paused runtime, so that seconds cost nothing.
pub(super) fn run<F: Future>(work: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

/// Many nodes.
#[derive(Default)]
pub(super) struct Fleet {
    pub(super) net: Net,
    pub(super) disks: BTreeMap<u64, Memory>,
    pub(super) up: BTreeMap<u64, Replica>,
    lives: u64,
    sequence: u64,
}

impl Fleet {
    /// Small numbers, so that a test meets segments and snapshots.
    pub(super) fn options() -> Options {
        Options {
            known: vec![NodeId::new(1)],
            journal: journal::Options {
                segment_bytes: 4096,
            },
            snapshot_after: 100,
            keep: 20,
            patience: Duration::from_secs(20),
            version: Version::NEWEST,
        }
    }

    pub(super) async fn try_start(&mut self, node: u64) -> Result<(), StartError> {
        self.lives += 1;
        let disk = self.disks.entry(node).or_default();
        let ports = ports(disk, self.lives * 1000 + node);
        let path = Path::node().child(format!("n{node}"));
        let fails = Box::new(|fault| panic!("the log failed: {fault}"));
        let calls = self.net.end(node);
        let replica = Replica::start(&path, Self::options(), ports, calls, None, fails).await?;
        self.up.insert(node, replica);
        Ok(())
    }

    pub(super) async fn start(&mut self, node: u64) {
        self.try_start(node).await.unwrap();
    }

    pub(super) async fn stop(&mut self, node: u64) {
        self.net.leave(node);
        self.up.remove(&node).unwrap().stop().await;
    }

    /// Nodes 1 to `count`, all of which take part.
    pub(super) async fn of(count: u64) -> Self {
        let mut fleet = Self::default();
        for node in 1..=count {
            fleet.start(node).await;
        }
        fleet.up[&1].found().await.unwrap();
        for node in 1..=count {
            fleet.join(node).await;
        }
        fleet
    }

    /// Lets a node in.
    pub(super) async fn join(&mut self, node: u64) {
        let new = NewNode {
            name: NodeName::parse(&format!("n{node}")).unwrap(),
            addresses: vec![format!("192.0.2.{node}:7000")],
            key: [node as u8; 32],
            roles: BTreeSet::new(),
            zone: String::new(),
        };
        let command = ClusterCommand::Node(NodeId::new(node), NodeCommand::Add(new));
        self.order(1, Command::Cluster(command)).await;
    }

    /// Gives a command on a node.
    pub(super) async fn order(&mut self, on: u64, command: Command) {
        self.sequence += 1;
        let submission = Submission {
            client: 99,
            sequence: self.sequence,
            by: Actor::System,
            at: Timestamp::default(),
            command,
        };
        let answer = self.up[&on].catalog().submit(submission).await;
        answer.unwrap();
    }

    /// Waits until all of three nodes vote.
    pub(super) async fn three_vote(&self) {
        let voters = |it: &Self| it.up[&1].voters().len();
        self.wait("three vote", |it| voters(it) == 3).await;
    }

    /// Waits until `is_so` of a node.
    pub(super) async fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..2000 {
            if is_so(self) {
                return;
            }
            Tasks::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}");
    }

    pub(super) fn leader(&self) -> Option<u64> {
        let mut leaders = self.up.iter().filter(|(_, it)| it.leads().is_some());
        leaders.next().map(|(id, _)| *id)
    }
}

/// A command of an admin's making.
pub(super) fn hire(name: &str) -> Command {
    let (role, uid) = (Role::Admin, Some(0));
    let name = OperatorName::parse(name).unwrap();
    Command::Operator(name, OperatorCommand::Add { role, uid })
}
