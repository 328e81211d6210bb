//! One node's domain, put together: the same in production and in simulation, whoever made the
//! ports.
//!
//! ```text
//! node
//! ├── journal        facts, in order
//! ├── catalog        what is rare and precious
//! ├── gateway        who may come in
//! ├── bandwidth      how fast, if the node was told its bandwidth
//! ├── tenants ── tenant ── session
//! ├── repositories ── repository ── extent
//! └── caretaker      bins that are due, data to be read back or destroyed
//! ```
//!
//! A tenant or a repository that fails is started again by its supervisor and goes out of service
//! alone when that does not help. If one of the others fails, nothing right can be said any
//! more: the node ends, and its start is its recovery.

mod hands;
mod machine;

use std::sync::Arc;

use bytes::Bytes;
use ractor::{ActorCell, SpawnErr};
use tokio::sync::watch;

use crate::bandwidth::{self, Bandwidth, BandwidthHands};
use crate::caretaker::{self, Caretaker, CaretakerHands};
use crate::catalog::{self, Catalog, Keeper, RecoverError};
use crate::front::Front;
use crate::gateway::{Gateway, GatewayHands};
use crate::journal::{self, JournalError};
use crate::kernel::Rate;
use crate::ports::{Journal, Passwords, Pending, Ports};
use crate::repositories::{self, CatalogRegister, RepositoriesHands};
use crate::repository::Register;
use crate::shell::{self, Fault, Handle, Path};
use crate::supervision::Supervisor;
use crate::tenant::SessionSink;
use crate::tenants::{self, TenantsHands};

use hands::NodeHands;
use machine::Root;

/// Why a node does not start. Nothing was changed that a later start could miss.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[from] JournalError),
    /// The catalog cannot be brought back.
    #[error("the catalog cannot be read")]
    Catalog(#[from] RecoverError),
    /// An actor did not start.
    #[error("the node's actors do not start")]
    Spawn(#[from] SpawnErr),
}

/// What whoever starts a node may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What all tenants together send at most (R15.20); none for no limit.
    pub bandwidth: Option<Rate>,
    /// How the journal is cut.
    pub journal: journal::Options,
    /// Commands between two snapshots of the catalog, at least one: what a start replays at most.
    pub snapshot_every: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bandwidth: None,
            journal: journal::Options::default(),
            snapshot_every: machine::SNAPSHOT_EVERY,
        }
    }
}

/// A node at work.
pub struct Node {
    /// What faces call.
    pub front: Front,
    /// What operators' commands change.
    pub catalog: Catalog,
    root: Handle<hands::Message>,
    ended: watch::Receiver<Option<String>>,
}

impl Node {
    /// Reads what is durable and starts all actors.
    ///
    /// # Errors
    /// When the journal or the catalog cannot be read.
    pub async fn start(ports: Ports, passwords: Arc<dyn Passwords>) -> Result<Self, StartError> {
        Self::start_with(Settings::default(), ports, passwords).await
    }

    /// As [`Node::start`], with what can be chosen.
    ///
    /// # Errors
    /// When the journal or the catalog cannot be read.
    pub async fn start_with(
        settings: Settings,
        ports: Ports,
        passwords: Arc<dyn Passwords>,
    ) -> Result<Self, StartError> {
        let recovered = journal::recover(ports.disk.as_ref()).await?;
        let snapshot = recovered.snapshot.map(|snapshot| snapshot.parts.concat());
        let records = recovered.records.into_iter().map(|record| record.body);
        let keeper = Keeper::recover(snapshot.as_deref(), records)?;

        let path = Path::node();
        let (end, ended) = watch::channel(None);
        let hands = NodeHands::new(end.clone());
        let root = Root::new(settings.snapshot_every);
        let root = shell::spawn(path.clone(), root, hands, ports.clone(), None).await?;
        let above = Some(root.cell());

        let failed = Box::new(move |fault: Fault| drop(end.send_replace(Some(fault.to_string()))));
        let journal = journal::start(
            path.child("journal"),
            recovered.position,
            settings.journal,
            ports.clone(),
            above.clone(),
            failed,
        );
        let journal = journal.await?;
        let log: Arc<dyn Journal> = Arc::new(Log(journal.clone()));
        let catalog = catalog::start(
            path.child("catalog"),
            keeper,
            log,
            ports.clone(),
            above.clone(),
        );
        let catalog = catalog.await?;

        let (mut front, caretaker) = furnish(&path, &catalog, &ports, passwords, &root).await?;
        if let Some(rate) = settings.bandwidth {
            front.bandwidth = Some(share(rate, &path, &ports, above).await?);
        }
        let following = hands::Following {
            front: front.clone(),
            caretaker,
            catalog: catalog.clone(),
            journal,
        };
        // The root was started a moment ago and only fails when one of its parts does.
        let _ = root.tell(hands::Message::Follow(Box::new(following)));
        Ok(Self {
            front,
            catalog,
            root,
            ended,
        })
    }

    /// Resolves when the node has failed, with what failed.
    pub fn ended(&self) -> Pending<String> {
        let mut ended = self.ended.clone();
        Box::pin(async move {
            let end = ended.wait_for(Option::is_some).await;
            end.ok()
                .and_then(|end| end.clone())
                .unwrap_or_else(|| "the node stopped".to_owned())
        })
    }

    /// The root of the tree, for parts that the binary adds. If one of them fails, the node ends.
    pub fn root(&self) -> ActorCell {
        self.root.cell()
    }

    /// Stops all actors. What was acknowledged is durable; what was not, never happened.
    pub fn stop(&self) {
        self.root.stop();
    }
}

/// Starts the parts that serve, and the one that looks after what is served.
async fn furnish(
    path: &Path,
    catalog: &Catalog,
    ports: &Ports,
    passwords: Arc<dyn Passwords>,
    root: &Handle<hands::Message>,
) -> Result<(Front, Handle<caretaker::Message>), SpawnErr> {
    let (rows, above) = (catalog.rows(), Some(root.cell()));
    let hands = GatewayHands::new(passwords, ports.entropy.as_ref());
    let machine = Gateway::new(rows.clone());
    let gateway = shell::spawn(
        path.child("gateway"),
        machine,
        hands,
        ports.clone(),
        above.clone(),
    )
    .await?;

    let hands = TenantsHands::new(rows.clone(), sink(root));
    let machine = Supervisor::new(tenants::POLICY);
    let tenants = shell::spawn(
        path.child("tenants"),
        machine,
        hands,
        ports.clone(),
        above.clone(),
    )
    .await?;

    let register: Arc<dyn Register> =
        Arc::new(CatalogRegister::new(catalog.clone(), ports.clone()));
    let carrier = root.clone();
    // A root that ended takes its repositories with it.
    let news: repositories::Sink = Arc::new(move |news| {
        let _ = carrier.tell(hands::Message::Care(news));
    });
    let hands = RepositoriesHands::new(Arc::new(rows), register, news);
    let machine = Supervisor::new(repositories::POLICY);
    let repositories = shell::spawn(
        path.child("repositories"),
        machine,
        hands,
        ports.clone(),
        above.clone(),
    )
    .await?;

    let hands = CaretakerHands::new(catalog.clone(), repositories.clone());
    let (path, machine) = (path.child("caretaker"), Caretaker::default());
    let caretaker = shell::spawn(path, machine, hands, ports.clone(), above).await?;
    let front = Front {
        gateway,
        tenants,
        repositories,
        bandwidth: None,
    };
    Ok((front, caretaker))
}

/// Starts who shares the node's bandwidth.
async fn share(
    rate: Rate,
    path: &Path,
    ports: &Ports,
    above: Option<ActorCell>,
) -> Result<Handle<bandwidth::Message>, SpawnErr> {
    let machine = Bandwidth::new(rate, ports.clock.now());
    let (path, hands) = (path.child("bandwidth"), BandwidthHands::default());
    shell::spawn(path, machine, hands, ports.clone(), above).await
}

/// Carries the ends of sessions to the catalog.
fn sink(root: &Handle<hands::Message>) -> SessionSink {
    let root = root.clone();
    // A root that ended takes its sessions with it.
    Arc::new(move |end| {
        let _ = root.tell(hands::Message::SessionEnded(Box::new(end)));
    })
}

/// The journal as the catalog sees it.
struct Log(journal::Handle);

impl Journal for Log {
    fn append(&self, body: Bytes) -> Pending<Result<(), Fault>> {
        let appended = self.0.append(body);
        Box::pin(async move { appended.await.map(|_| ()) })
    }
}
