//! Gateway, tenants and sessions as actors, in a runtime whose time is paused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_actors::catalog::rows::{
    Credential, Repository, Rows, Scope, SessionResult, Tenant, Verifier,
};
use holdfast_actors::gateway::{self, Admitted, Gateway, GatewayHands};
use holdfast_actors::kernel::{CredentialId, Date, Epoch, RepositoryId, Size, Timestamp};
use holdfast_actors::names::{RepositoryName, TenantName};
use holdfast_actors::object::Kind;
use holdfast_actors::ports::{Passwords, Pending, Ports};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Intent, Login, Secret};
use holdfast_actors::session::{Direction, Outcome};
use holdfast_actors::shell::{self, Directory, Handle, Path};
use holdfast_actors::supervision::Supervisor;
use holdfast_actors::tenant::{Permit, SessionEnd, Visit};
use holdfast_actors::tenants::{self, TenantsHands};
use holdfast_simulations::clock::Clock;
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::Disk;
use holdfast_simulations::entropy::Entropy;
use holdfast_simulations::index::Index;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

const WRITE: Intent = Intent::Write(Kind::Data, Size::mib(16));
const SNAPSHOT: Intent = Intent::Write(Kind::Snapshot, Size::bytes(300));

/// Keeps a chosen password as it is, and counts how often it is asked.
#[derive(Default)]
struct Plain {
    asked: AtomicUsize,
    guessed: Mutex<Vec<String>>,
}

impl Passwords for Plain {
    fn verify(&self, kept: Option<&str>, password: &[u8]) -> Pending<bool> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let password = String::from_utf8_lossy(password).into_owned();
        let is_right = kept == Some(password.as_str());
        self.guessed.lock().unwrap().push(password);
        Box::pin(std::future::ready(is_right))
    }

    fn keep(&self, password: &[u8]) -> Pending<String> {
        let kept = String::from_utf8_lossy(password).into_owned();
        Box::pin(std::future::ready(kept))
    }
}

/// `acme` with one task, one repository, and a generated and a chosen password.
fn rows() -> Rows {
    let acme = TenantName::parse("acme").unwrap();
    let mut rows = Rows::default();
    rows.tenants.insert(
        acme.clone(),
        Tenant {
            id: 7,
            description: String::new(),
            disabled: None,
            lease: None,
            restore_grace: 0,
            purge_hold: 0,
            tasks: 1,
            bandwidth: None,
            bin_days: 7,
            bin_limit: None,
            warned: None,
            ended: false,
            last_session: None,
        },
    );
    let generated = Verifier::Generated(Sha256::digest("generated").into());
    for (id, verifier) in [(1, generated), (2, Verifier::Chosen("chosen".to_owned()))] {
        rows.credentials.insert(
            CredentialId::new(id),
            Credential {
                tenant: acme.clone(),
                subtenant: None,
                scope: Scope::Full,
                verifier,
                made: Timestamp::default(),
                expires: None,
                view: None,
                label: String::new(),
            },
        );
    }
    rows.repositories.insert(
        RepositoryId::new(1),
        Repository {
            tenant: 7,
            name: RepositoryName::parse("main").unwrap(),
            quota: Size::gib(1),
            hold_days: 0,
            min_copies: 1,
            epoch: Epoch::new(1),
            made: Timestamp::default(),
            removed: None,
            verified: None,
        },
    );
    rows
}

/// A node that lets people in and has nothing to give them.
struct Node {
    ports: Ports,
    passwords: Arc<Plain>,
    gateway: Handle<gateway::Message>,
    tenants: Handle<tenants::Message>,
    ends: mpsc::UnboundedReceiver<SessionEnd>,
}

impl Node {
    async fn start() -> Self {
        let ports = Ports {
            clock: Arc::new(Clock::starting_at(Timestamp::from_millis(1))),
            entropy: Arc::new(Entropy::new(Dice::of_seed(0))),
            disk: Disk::default().port(),
            index: Index::default().port(),
            directory: Arc::new(Directory::default()),
        };
        let passwords = Arc::new(Plain::default());
        let known: Arc<dyn Passwords> = passwords.clone();
        let hands = GatewayHands::new(known, ports.entropy.as_ref());
        let path = Path::node().child("gateway");
        let gateway = shell::spawn(path, Gateway::new(rows()), hands, ports.clone(), None);
        let gateway = gateway.await.unwrap();
        let (sink, ends) = mpsc::unbounded_channel();
        let hands = TenantsHands::new(rows(), Arc::new(move |end| drop(sink.send(end))));
        let path = Path::node().child("tenants");
        let machine = Supervisor::new(tenants::POLICY);
        let tenants = shell::spawn(path, machine, hands, ports.clone(), None)
            .await
            .unwrap();
        Self {
            ports,
            passwords,
            gateway,
            tenants,
            ends,
        }
    }

    async fn login(&self, user: &str, password: &str) -> Result<Admitted, Refusal> {
        let login = Login {
            user: user.to_owned(),
            password: Secret::new(password.to_owned()),
            peer: IpAddr::from([192, 0, 2, 1]),
            gateway: None,
        };
        let answer = self
            .gateway
            .ask(|reply| gateway::Message::Login(login, reply));
        answer.await.unwrap()
    }

    async fn enter(&self, intent: Intent) -> Result<Permit, Refusal> {
        let visit = Box::new(Visit {
            admitted: self.login("acme", "generated").await.unwrap(),
            peer: IpAddr::from([192, 0, 2, 1]),
            gateway: None,
            repository: "main".to_owned(),
            intent,
            cut_off: None,
        });
        self.tenants
            .ask(|door| tenants::Message::Enter(visit, door))
            .await
            .unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Tenant)) {
        self.change_all(|_, acme| change(acme));
    }

    fn change_all(&self, change: impl FnOnce(&mut Rows, &mut Tenant)) {
        let mut rows = rows();
        let name = TenantName::parse("acme").unwrap();
        let mut acme = rows.tenants.remove(&name).unwrap();
        change(&mut rows, &mut acme);
        rows.tenants.insert(name, acme);
        self.tenants.tell(tenants::Message::Rows(rows)).unwrap();
    }

    fn runs(&self, path: &str) -> bool {
        let tree = self.ports.directory.tree();
        tree.iter()
            .any(|line| line.path == Path::from(path) && line.is_running())
    }

    /// Lets all actors do what they can do without time passing, until `path` is gone.
    async fn gone(&self, path: &str) {
        for _ in 0..10_000 {
            if !self.runs(path) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{path} is still there");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_closes_after_120_idle_seconds_and_its_tenant_rests_a_minute_later() {
    let mut node = Node::start().await;
    let permit = node.enter(SNAPSHOT).await.unwrap();
    assert!(node.runs("node/tenants/acme"));
    permit.finish(Outcome::Done);
    let end = node.ends.recv().await.unwrap();
    assert_eq!(
        end.report.closed.since(end.report.opened),
        Duration::from_secs(120)
    );
    assert_eq!(end.report.result, SessionResult::Success);
    assert_eq!((end.report.requests, end.report.snapshots), (1, 1));
    node.gone("node/tenants/acme/session-1").await;
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(node.runs("node/tenants/acme"));
    tokio::time::advance(Duration::from_secs(2)).await;
    node.gone("node/tenants/acme").await;
    node.enter(Intent::Probe).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn disabling_a_tenant_cuts_a_running_transfer() {
    let mut node = Node::start().await;
    let permit = node.enter(WRITE).await.unwrap();
    permit.task(Direction::Upload, Size::mib(16)).await.unwrap();
    node.change(|acme| acme.disabled = Some("unpaid".to_owned()));
    assert_eq!(permit.ended().await.reason, Reason::Disabled);
    let charged = permit.charge(Direction::Upload, Size::mib(1)).await;
    assert_eq!(charged.unwrap_err().reason, Reason::Ended);
    let end = node.ends.recv().await.unwrap();
    assert_eq!(end.report.result, SessionResult::Failed);
    assert_eq!(end.report.reason, Some(Reason::Disabled));
    assert_eq!(end.report.closed, end.report.opened);
    assert_eq!(
        node.enter(Intent::Probe).await.unwrap_err().reason,
        Reason::Disabled
    );
    node.change(|_| {});
    node.enter(WRITE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_lease_cuts_a_running_transfer() {
    let node = Node::start().await;
    let permit = node.enter(WRITE).await.unwrap();
    node.change_all(|rows, acme| {
        rows.clock.today = Date::from_days(11);
        acme.lease = Some(Date::from_days(10));
    });
    assert_eq!(permit.ended().await.reason, Reason::LeaseExpired);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_gives_its_task_to_the_next() {
    let mut node = Node::start().await;
    let first = node.enter(WRITE).await.unwrap();
    let second = node.enter(WRITE).await.unwrap();
    first.task(Direction::Upload, Size::mib(16)).await.unwrap();
    let waiting = second.task(Direction::Upload, Size::mib(16));
    drop(first);
    waiting.await.unwrap();
    drop(second);
    assert_eq!(
        node.ends.recv().await.unwrap().report.result,
        SessionResult::Failed
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_is_waited_for_sixty_seconds() {
    let node = Node::start().await;
    let first = node.enter(WRITE).await.unwrap();
    let second = node.enter(WRITE).await.unwrap();
    first.task(Direction::Upload, Size::mib(16)).await.unwrap();
    let before = node.ports.clock.now().monotonic;
    let refusal = second
        .task(Direction::Upload, Size::mib(16))
        .await
        .unwrap_err();
    let waited = before.until(node.ports.clock.now().monotonic);
    assert_eq!(refusal.reason, Reason::Busy);
    assert!((60_000..60_010).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_an_operator_stops_is_cut_and_a_new_one_opens() {
    let mut node = Node::start().await;
    let permit = node.enter(WRITE).await.unwrap();
    // The session's actor is there once it has answered.
    let path = Path::from("node/tenants/acme/session-1");
    while !node.runs(path.as_str()) {
        tokio::task::yield_now().await;
    }
    assert!(node.ports.directory.stop(&path));
    assert_eq!(permit.ended().await.reason, Reason::Ended);
    assert_eq!(
        node.ends.recv().await.unwrap().report.result,
        SessionResult::Failed
    );
    node.enter(WRITE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_stopped_cuts_its_requests_and_comes_back_when_wanted() {
    let node = Node::start().await;
    let permit = node.enter(WRITE).await.unwrap();
    assert!(node.ports.directory.stop(&Path::from("node/tenants/acme")));
    assert_eq!(permit.ended().await.reason, Reason::Unavailable);
    node.gone("node/tenants/acme").await;
    let again = node.enter(WRITE).await.unwrap();
    again.task(Direction::Upload, Size::mib(16)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_and_users_that_are_not_there_cost_the_same() {
    let node = Node::start().await;
    assert!(node.login("acme", "generated").await.is_ok());
    assert_eq!(node.passwords.asked.load(Ordering::Relaxed), 0);
    let mut refusals = Vec::new();
    for (count, user) in ["acme", "nobody", "no such+user"].into_iter().enumerate() {
        refusals.push(node.login(user, "guess").await.unwrap_err());
        assert_eq!(
            node.passwords.asked.load(Ordering::Relaxed),
            count + 1,
            "{user}"
        );
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(*node.passwords.guessed.lock().unwrap(), ["guess"; 3]);
    let admitted = node.login("acme", "chosen").await.unwrap();
    assert_eq!(admitted.credential, CredentialId::new(2));
    assert_eq!(node.login("acme", "chosen").await.unwrap(), admitted);
    assert_eq!(node.passwords.asked.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_far_too_long_is_wrong_and_never_verified() {
    let node = Node::start().await;
    let refusal = node.login("acme", &"x".repeat(100_000)).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::Unauthenticated);
    assert_eq!(*node.passwords.guessed.lock().unwrap(), [""]);
}
