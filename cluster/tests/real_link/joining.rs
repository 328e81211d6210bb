//! Nodes that join over the network, and those that are not let in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, NewNode, NodeCommand, Submission,
};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{self, Catalog, Door, Outcome, SubmitError};
use holdfast_actors::kernel::{NodeId, NodeName, Sequence};
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::Gone;
use holdfast_cluster::identity::{Issuer, JoinToken, NodeKey, Secret, thumbprint};
use holdfast_cluster::join::{ALPN, Admits, JoinError, Newcomer, Usher, Welcome};
use holdfast_cluster::nodes::Nodes;
use holdfast_cluster::quic::{self, Notice};
use tokio::sync::watch;

use crate::support::{Cluster, Running, Start, Still, raw, soon, talk, today};

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

/// A cluster whose first node lets others in.
struct Town {
    cluster: Cluster,
    catalog: Catalog,
    first: Running,
}

fn order(catalog: &Catalog, command: ClusterCommand) -> Pending<Result<Outcome, SubmitError>> {
    let told = catalog.submit(Submission {
        client: 0,
        sequence: 0,
        by: Actor::System,
        at: today(),
        command: Command::Cluster(command),
    });
    Box::pin(async { Ok(told.await?.0) })
}

impl Town {
    async fn found() -> Self {
        let cluster = Cluster::found();
        let (rows, seen) = watch::channel(Rows::default());
        let table = cluster.table.clone();
        let catalog = Catalog::behind(Arc::new(Book { rows, table }), seen);
        let issuer = Arc::new(cluster.spare_issuer());
        let usher = Usher::new(catalog.clone(), issuer, Arc::new(Still(today())));
        let start = Start {
            joins: Some(Arc::new(usher)),
            ..Start::default()
        };
        let certificate = cluster.certificate(1);
        let first = cluster.run(1, certificate, start);
        let node = NewNode {
            name: NodeName::parse("first").unwrap(),
            addresses: vec![first.endpoint.address().unwrap().to_string()],
            key: *first.key.bytes(),
            roles: Default::default(),
            zone: String::new(),
        };
        let add = ClusterCommand::Node(NodeId::new(1), NodeCommand::Add(node));
        order(&catalog, add).await.unwrap();
        Self {
            cluster,
            catalog,
            first,
        }
    }

    /// A token with this secret, good for so long.
    async fn token(&self, number: u8, life: u64) -> JoinToken {
        let secret = Secret::new([number; 32]);
        let (hash, life) = (*secret.hash().bytes(), Duration::from_secs(life));
        let made = order(&self.catalog, ClusterCommand::Token { hash, life }).await;
        let Outcome::Token { expires } = made.unwrap() else {
            panic!("no token");
        };
        JoinToken {
            addresses: vec![self.first.endpoint.address().unwrap()],
            root: thumbprint(self.cluster.issuer.root()),
            expires,
            secret,
        }
    }

    /// Starts the node that this welcome makes.
    fn start(&self, welcome: Welcome, at: SocketAddr, joins: Option<Arc<dyn Admits>>) -> Running {
        let start = Start {
            bind: at,
            joins,
            ..Start::default()
        };
        self.cluster
            .run(welcome.node.raw(), welcome.certificate, start)
    }
}

fn free_port() -> SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

fn newcomer(token: &JoinToken, name: &str, key: &NodeKey, at: SocketAddr) -> Newcomer {
    Newcomer {
        token: token.clone(),
        key: NodeKey::from_der(&key.der()).unwrap(),
        name: NodeName::parse(name).unwrap(),
        addresses: vec![at],
        roles: ["storage".to_owned()].into(),
        zone: "rack-1".to_owned(),
        clock: Arc::new(Still(today())),
    }
}

fn key() -> NodeKey {
    NodeKey::generate().unwrap()
}

async fn join(token: &JoinToken, name: &str, key: &NodeKey) -> Result<u64, String> {
    let joining = newcomer(token, name, key, free_port()).join();
    match soon("answer", joining).await {
        Ok(welcome) => Ok(welcome.node.raw()),
        Err(JoinError::Refused { reason, .. }) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn a_node_that_joins_talks_at_once_and_lets_the_next_one_in() {
    let town = Town::found().await;
    let (token, at) = (town.token(1, 60).await, free_port());
    let welcome = soon("welcome", newcomer(&token, "b", &key(), at).join()).await;
    let welcome = welcome.unwrap();
    assert_eq!(welcome.node, NodeId::new(2));
    let known: Vec<_> = welcome.nodes.iter().map(|(node, _)| node.raw()).collect();
    assert_eq!(known, [1]);
    assert_eq!(welcome.nodes[0].1.addresses, token.addresses);
    let row = town.catalog.rows().cluster.nodes[&NodeId::new(2)].clone();
    assert_eq!((row.zone.as_str(), row.roles.len()), ("rack-1", 1));
    let issuer: Arc<Issuer> = welcome.issuer.clone().unwrap();
    let usher = Usher::new(town.catalog.clone(), issuer, Arc::new(Still(today())));
    let second = town.start(welcome, at, Some(Arc::new(usher)));
    talk(&second, &town.first).await;
    // The founder is not needed any more.
    let token = JoinToken {
        addresses: vec![at],
        ..town.token(2, 60).await
    };
    let at = free_port();
    let third = soon("welcome", newcomer(&token, "c", &key(), at).join()).await;
    let third = town.start(third.unwrap(), at, None);
    talk(&third, &second).await;
    talk(&third, &town.first).await;
}

#[tokio::test]
async fn a_token_lets_one_key_in_and_again_when_the_answer_was_lost() {
    let town = Town::found().await;
    let (token, second) = (town.token(1, 60).await, key());
    assert_eq!(join(&token, "b", &second).await, Ok(2));
    assert_eq!(join(&token, "b", &second).await, Ok(2));
    assert_eq!(
        join(&token, "c", &key()).await,
        Err("token-used".to_owned())
    );
    assert_eq!(
        town.first.refusal().await,
        "the join token was used by node-2"
    );
    assert_eq!(
        join(&token, "c", &key()).await,
        Err("token-used".to_owned())
    );
    assert_eq!(town.first.refusals(), 1, "one notice for each reason");
}

#[tokio::test]
async fn who_has_no_good_token_or_no_key_of_his_own_is_refused() {
    let town = Town::found().await;
    let old = town.token(1, 60).await;
    let unknown = JoinToken {
        secret: Secret::new([9; 32]),
        ..old.clone()
    };
    assert_eq!(
        join(&unknown, "b", &key()).await,
        Err("no-token".to_owned())
    );
    let second = key();
    assert_eq!(join(&town.token(2, 60).await, "b", &second).await, Ok(2));
    // Its data directory was copied.
    let token = town.token(3, 60).await;
    assert_eq!(
        join(&token, "c", &second).await,
        Err("node-key-taken".to_owned())
    );
    assert_eq!(
        join(&token, "b", &key()).await,
        Err("node-name-taken".to_owned())
    );
    let remove = ClusterCommand::Node(NodeId::new(2), NodeCommand::Remove);
    order(&town.catalog, remove).await.unwrap();
    assert_eq!(
        join(&token, "b", &second).await,
        Err("node-key-removed".to_owned())
    );
    assert_eq!(join(&token, "b", &key()).await, Ok(3));
}

#[tokio::test]
async fn a_token_that_expired_is_refused() {
    let town = Town::found().await;
    let token = town.token(1, 1).await;
    let later = Submission {
        client: 0,
        sequence: 0,
        by: Actor::System,
        at: today() + Duration::from_secs(1),
        command: Command::Clock(catalog::command::ClockCommand::Pass {
            wall: today() + Duration::from_secs(1),
            elapsed: None,
        }),
    };
    town.catalog.submit(later).await.unwrap();
    let joining = newcomer(&token, "b", &key(), free_port()).join();
    let told = soon("answer", joining).await.unwrap_err().to_string();
    assert_eq!(told, "the join token expired at 2026-05-01T12:00:01.000Z");
}

#[tokio::test]
async fn a_newcomer_trusts_nobody_but_the_root_of_its_token() {
    let (town, theirs) = (Town::found().await, Town::found().await);
    let token = JoinToken {
        addresses: theirs.token(1, 60).await.addresses,
        ..town.token(1, 60).await
    };
    let joining = newcomer(&token, "b", &key(), free_port()).join();
    let told = soon("answer", joining).await;
    assert!(matches!(told, Err(JoinError::Stranger(_))), "{told:?}");
    // The secret was not shown to it: it still lets a node in here.
    let both = JoinToken {
        addresses: [token.addresses.clone(), town.token(2, 60).await.addresses].concat(),
        ..token
    };
    assert_eq!(
        join(&both, "b", &key()).await,
        Ok(2),
        "the next address will do"
    );
}

#[tokio::test]
async fn a_member_without_an_issuer_says_so_and_none_at_all_is_told_from_it() {
    let town = Town::found().await;
    let plain = town.cluster.join(5, Start::default());
    let here = JoinToken {
        addresses: vec![plain.endpoint.address().unwrap()],
        ..town.token(1, 60).await
    };
    let told = join(&here, "b", &key()).await.unwrap_err();
    assert!(told.ends_with("it lets no nodes in"), "{told}");
    let nowhere = JoinToken {
        addresses: vec![free_port()],
        ..here
    };
    let told = join(&nowhere, "b", &key()).await.unwrap_err();
    assert!(
        told.starts_with("no node of the cluster answers at"),
        "{told}"
    );
}

#[tokio::test]
async fn who_shows_no_certificate_gets_no_further_than_a_petition() {
    let town = Town::found().await;
    let (root, address) = (
        town.cluster.issuer.root(),
        town.first.endpoint.address().unwrap(),
    );
    let bare = raw::connect_bare(root, quic::ALPN, town.first.node, address).await;
    let bare = bare.unwrap();
    let closed = soon("end", bare.closed()).await.to_string();
    assert!(closed.contains("it shows no certificate"), "{closed}");
    assert_eq!(town.first.refusal().await, "it shows no certificate");
    for odd in [vec![7; 100], vec![0; 9_000]] {
        let guest = raw::connect_bare(root, ALPN, town.first.node, address).await;
        let guest = guest.unwrap();
        let mut send = guest.open_uni().await.unwrap();
        // A petition that is too long is not read to its end.
        let _ = send.write_all(&odd).await;
        let _ = send.finish();
        soon("refusal", async {
            let told = |notice: &Notice| {
                let told = notice.to_string();
                told.contains("petition") || told.contains("too long") || told.contains("proof")
            };
            town.first.told(told).await
        })
        .await;
    }
    assert_eq!(town.catalog.rows().cluster.nodes.len(), 1);
}
