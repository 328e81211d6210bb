//! A node that joins a cluster: `holdfast join` against a member on loopback.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast::clock::SystemClock;
use holdfast::home::{CLUSTER, Home};
use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, NewNode, NodeCommand, Submission,
};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{self, Catalog, Door, Outcome, SubmitError};
use holdfast_actors::kernel::{NodeId, NodeName, Sequence, Timestamp};
use holdfast_actors::ports::{Clock, Pending};
use holdfast_actors::shell::Gone;
use holdfast_cluster::identity::{
    Authority, Folder, JoinToken, KeyHash, NODE_LIFE, NodeCertificate, NodeKey, Secret,
};
use holdfast_cluster::join::Usher;
use holdfast_cluster::nodes::Nodes;
use holdfast_cluster::quic::{Config, Endpoint, Ground, Life, Pace, VERSION};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::world::{Ran, holdfast};

/// A catalog of one node that keeps nothing.
struct Book {
    rows: watch::Sender<Rows>,
    table: watch::Sender<Arc<Nodes>>,
}

impl Door for Book {
    fn submit(&self, submission: Submission) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
        let before = self.rows.borrow().clone();
        let (rows, answer) = catalog::apply(&before, before.index.next(), &submission);
        self.table
            .send_replace(Arc::new(Nodes::from(&rows.cluster)));
        self.rows.send_replace(rows);
        Box::pin(async { Ok(answer?) })
    }

    fn catch_up(&self) -> Pending<Result<(), Gone>> {
        Box::pin(async { Ok(()) })
    }
}

/// The first node of a cluster, and an empty place for the second.
struct Member {
    catalog: Catalog,
    root: KeyHash,
    address: SocketAddr,
    place: tempfile::TempDir,
    runtime: Runtime,
    _endpoint: Endpoint,
}

impl Member {
    fn start() -> Self {
        let clock = Arc::new(SystemClock::new());
        let now = clock.now().wall;
        let authority = Authority::found(now).unwrap();
        let issuer = Arc::new(authority.issuer(now).unwrap());
        let (key, one) = (NodeKey::generate().unwrap(), NodeId::new(1));
        let name = NodeName::parse("one").unwrap();
        let chain = issuer.issue(one, &name, key.public(), now, NODE_LIFE);
        let root = issuer.root().clone();
        let certificate = NodeCertificate::new(chain.unwrap(), root, key).unwrap();
        let (rows, seen) = watch::channel(Rows::default());
        let (table, nodes) = watch::channel(Arc::default());
        let catalog = Catalog::behind(Arc::new(Book { rows, table }), seen);
        let row = NewNode {
            name,
            addresses: vec!["127.0.0.1:7443".to_owned()],
            key: *certificate.hash().bytes(),
            roles: Default::default(),
            zone: String::new(),
        };
        let usher = Usher::new(catalog.clone(), issuer, Arc::clone(&clock) as _);
        let config = Config {
            node: one,
            life: Life::default(),
            certificate,
            nodes,
            version: VERSION,
            pace: Pace::default(),
            clock,
            joins: Some(Arc::new(usher)),
            notices: Arc::new(|_| {}),
        };
        let runtime = Runtime::new().unwrap();
        let endpoint = {
            let _inside = runtime.enter();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            Endpoint::open(config, Ground::Socket(socket)).unwrap()
        };
        let member = Self {
            catalog,
            root: authority.thumbprint(),
            address: endpoint.address().unwrap(),
            place: tempfile::tempdir().unwrap(),
            runtime,
            _endpoint: endpoint,
        };
        member.order(ClusterCommand::Node(one, NodeCommand::Add(row)));
        member
    }

    fn order(&self, command: ClusterCommand) -> Outcome {
        let submitted = self.catalog.submit(Submission {
            client: 0,
            sequence: 0,
            by: Actor::System,
            at: SystemClock::new().now().wall,
            command: Command::Cluster(command),
        });
        self.runtime.block_on(submitted).unwrap().0
    }

    /// A token that is good for an hour, in a file.
    fn token(&self, number: u8) -> String {
        let secret = Secret::new([number; 32]);
        let (hash, life) = (*secret.hash().bytes(), Duration::from_secs(3_600));
        self.order(ClusterCommand::Token { hash, life });
        self.written(secret, self.address)
    }

    fn written(&self, secret: Secret, address: SocketAddr) -> String {
        let token = JoinToken {
            addresses: vec![address],
            root: self.root,
            expires: Timestamp::default(),
            secret,
        };
        let file = self.place.path().join("token");
        let text = token.text().to_uppercase();
        fs::write(&file, format!("{}\n{}\n", &text[..60], &text[60..])).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn data(&self, name: &str) -> String {
        self.place.path().join(name).to_str().unwrap().to_owned()
    }
}

fn join(data: &str, token: &str, name: &str) -> Ran {
    let line = [
        "join",
        "--data",
        data,
        "--token-file",
        token,
        "--name",
        name,
    ];
    let more = ["--address", "127.0.0.1:7444", "--zone", "rack-2", "--json"];
    holdfast(&[&line[..], &more].concat())
}

#[test]
fn a_node_that_joins_has_its_home_and_knows_the_others() {
    let member = Member::start();
    let (data, token) = (member.data("two"), member.token(1));
    let ran = join(&data, &token, "two");
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = &ran.json()["cluster"];
    assert_eq!(told["id"], "node-2");
    assert_eq!(told["root"], member.root.to_string());
    let home = Home::open(Path::new(&data)).unwrap();
    let membership = home.membership().unwrap();
    assert_eq!(membership.node, NodeId::new(2));
    assert!(!membership.is_founder());
    assert_eq!(membership.others[0].node, NodeId::new(1));
    assert_eq!(membership.others[0].addresses[0].port(), 7_443);
    let folder = Folder::open(&home.path.join(CLUSTER)).unwrap();
    let node = folder.node().unwrap().unwrap();
    let row = member.catalog.rows().cluster.nodes[&NodeId::new(2)].clone();
    assert_eq!(row.key, *node.hash().bytes());
    assert_eq!(row.zone, "rack-2");
    assert!(folder.issuer().unwrap().is_some(), "it lets others in");
    assert!(folder.joining().unwrap().is_none());
    drop(home);
    let again = join(&data, &token, "two");
    assert_eq!((again.code, again.reason().as_str()), (5, "not-empty"));
    let other = join(&member.data("three"), &token, "three");
    assert_eq!((other.code, other.reason().as_str()), (5, "token-used"));
    assert!(!Path::new(&member.data("three")).exists());
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again_with_the_same_key() {
    let member = Member::start();
    let (data, token) = (member.data("two"), member.token(1));
    // As a join leaves it that was killed in the middle.
    let key = NodeKey::generate().unwrap();
    let folder = Folder::open(&Path::new(&data).join(CLUSTER)).unwrap();
    folder.keep_joining(&key).unwrap();
    fs::create_dir(Path::new(&data).join("extents")).unwrap();
    let node = NewNode {
        name: NodeName::parse("two").unwrap(),
        addresses: vec!["127.0.0.1:7444".to_owned()],
        key: *key.public().hash().bytes(),
        roles: Default::default(),
        zone: String::new(),
    };
    let joined = member.order(ClusterCommand::Join {
        token: *Secret::new([1; 32]).hash().bytes(),
        node: Box::new(node),
    });
    let node = NodeId::new(2);
    assert_eq!(joined, Outcome::Node { node });
    let ran = join(&data, &token, "two");
    assert_eq!(ran.code, 0, "{ran:?}");
    let home = Home::open(Path::new(&data)).unwrap();
    assert_eq!(home.membership().unwrap().node, node);
    let kept = folder.node().unwrap().unwrap();
    assert_eq!(kept.hash(), key.public().hash());
}

#[test]
fn who_is_not_let_in_hears_why_and_keeps_nothing() {
    let member = Member::start();
    let data = member.data("two");
    let unknown = member.written(Secret::new([9; 32]), member.address);
    let ran = join(&data, &unknown, "two");
    assert_eq!((ran.code, ran.reason().as_str()), (3, "no-token"));
    let token = member.token(1);
    let taken = join(&data, &token, "one");
    assert_eq!(
        (taken.code, taken.reason().as_str()),
        (5, "node-name-taken")
    );
    let nobody = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nowhere = member.written(Secret::new([1; 32]), nobody);
    let ran = join(&data, &nowhere, "two");
    assert_eq!((ran.code, ran.reason().as_str()), (6, "unreachable"));
    assert!(!Path::new(&data).exists());
    let plain = holdfast(&[
        "join",
        "--data",
        &data,
        "--token-file",
        &nowhere,
        "--address",
        "127.0.0.1:7444",
    ]);
    assert!(plain.errors.contains("UDP"), "{plain:?}");
    fs::write(&nowhere, "holdfast-join-1-nonsense").unwrap();
    let slip = join(&data, &nowhere, "two");
    assert_eq!((slip.code, slip.reason().as_str()), (2, "usage"));
    assert!(slip.errors.contains("not copied whole"), "{slip:?}");
    let hidden = holdfast(&["join", "--data", &data, "--token-file", &member.token(2)]);
    assert_eq!(hidden.code, 2);
    assert!(hidden.errors.contains("--address"), "{hidden:?}");
    assert!(!Path::new(&data).exists());
}
