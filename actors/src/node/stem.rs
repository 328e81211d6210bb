//! The root of a node's tree, and what grows on it once there is a catalog.

use std::sync::Arc;

use ractor::{ActorCell, SpawnErr};
use tokio::sync::watch;

use super::hands::{self, NodeHands};
use super::machine::Root;
use super::{Node, Settings};
use crate::bandwidth::{self, Bandwidth, BandwidthHands};
use crate::caretaker::{self, Caretaker, CaretakerHands};
use crate::catalog::Catalog;
use crate::front::{Front, Recalling};
use crate::gateway::{Gateway, GatewayHands};
use crate::journal;
use crate::kernel::{NodeId, Rate};
use crate::ports::{Disk, Passwords, Ports};
use crate::recall::{Recall, RecallHands};
use crate::repositories::{self, RepositoriesHands};
use crate::repository::Register;
use crate::shell::{self, Handle, Path};
use crate::standbys::{self, Standbys, StandbysHands};
use crate::supervision::Supervisor;
use crate::tenant::SessionSink;
use crate::tenants::{self, TenantsHands};

/// What a node stands on: alone on its own journal and disk, in a cluster on the other nodes.
#[derive(Clone)]
pub struct Ground {
    /// What is decided by commands.
    pub catalog: Catalog,
    /// The journal in which the catalog lies, if it is this node's alone: snapshots of the catalog
    /// go there.
    pub journal: Option<journal::Handle>,
    /// What repositories ask of the catalog.
    pub register: Arc<dyn Register>,
    /// Where repositories' extents are.
    pub extents: Arc<dyn Disk>,
    /// Which node of a cluster this is: it looks after those repositories that are at home there.
    pub node: Option<NodeId>,
}

/// The root of a node that has no parts yet. Whatever it is to stand on is started below it.
pub struct Stem {
    path: Path,
    root: Handle<hands::Message>,
    end: watch::Sender<Option<String>>,
}

impl Stem {
    /// Starts the root. It has the catalog written down after so many commands, where the ground
    /// has a journal for that.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(snapshot_every: Option<u64>, ports: &Ports) -> Result<Self, SpawnErr> {
        let path = Path::node();
        let (end, _) = watch::channel(None);
        let hands = NodeHands::new(end.clone());
        let root = Root::new(snapshot_every);
        let root = shell::spawn(path.clone(), root, hands, ports.clone(), None).await?;
        Ok(Self { path, root, end })
    }

    /// Of the root.
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// The root, as the supervisor of others. If one of them ends, the node does.
    pub fn cell(&self) -> ActorCell {
        self.root.cell()
    }

    /// Ends the node with a fault.
    pub fn on_failure(&self) -> journal::OnFailure {
        let end = self.end.clone();
        Box::new(move |fault| drop(end.send_replace(Some(fault.to_string()))))
    }

    /// Starts all parts of a node.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn grow(
        self,
        settings: &Settings,
        ground: Ground,
        ports: Ports,
        passwords: Arc<dyn Passwords>,
    ) -> Result<Node, SpawnErr> {
        let (mut front, caretaker) = self.furnish(&ground, &ports, passwords).await?;
        if let Some(rate) = settings.bandwidth {
            front.bandwidth = Some(self.share(rate, ports).await?);
        }
        let following = hands::Following {
            front: front.clone(),
            caretaker,
            catalog: ground.catalog.clone(),
            journal: ground.journal,
        };
        // The root was started a moment ago and only fails when one of its parts does.
        let _ = self.root.tell(hands::Message::Follow(Box::new(following)));
        Ok(Node {
            front,
            catalog: ground.catalog,
            root: self.root,
            ended: self.end.subscribe(),
        })
    }

    /// Starts the parts that serve, and the one that looks after what is served.
    async fn furnish(
        &self,
        ground: &Ground,
        ports: &Ports,
        passwords: Arc<dyn Passwords>,
    ) -> Result<(Front, Handle<caretaker::Message>), SpawnErr> {
        let (rows, path) = (ground.catalog.rows(), &self.path);
        let above = Some(self.root.cell());
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

        let hands = TenantsHands::new(rows.clone(), self.sink());
        let machine = Supervisor::new(tenants::POLICY);
        let tenants = shell::spawn(
            path.child("tenants"),
            machine,
            hands,
            ports.clone(),
            above.clone(),
        )
        .await?;

        let carrier = self.root.clone();
        // A root that ended takes its repositories with it.
        let news: repositories::Sink = Arc::new(move |news| {
            let _ = carrier.tell(hands::Message::Care(news));
        });
        let register = Arc::clone(&ground.register);
        let on_extents = Ports {
            disk: Arc::clone(&ground.extents),
            ..ports.clone()
        };
        let standbys = match ground.node {
            Some(node) => Some(self.stand_by(node, on_extents.clone()).await?),
            None => None,
        };
        let recall = match ground.node {
            Some(_) => Some(self.recall(ground, on_extents.clone()).await?),
            None => None,
        };
        let rows = Arc::new(rows);
        let hands = RepositoriesHands::new(rows, register, ground.node, news, standbys);
        let machine = Supervisor::new(repositories::POLICY);
        let repositories = shell::spawn(
            path.child("repositories"),
            machine,
            hands,
            on_extents.clone(),
            above.clone(),
        )
        .await?;

        let hands = CaretakerHands::new(ground, repositories.clone());
        let (path, machine) = (path.child("caretaker"), Caretaker::default());
        let caretaker = shell::spawn(path, machine, hands, on_extents, above).await?;
        let front = Front {
            gateway,
            tenants,
            repositories,
            recall,
            bandwidth: None,
        };
        Ok((front, caretaker))
    }

    /// Starts who knows what other nodes write.
    async fn stand_by(
        &self,
        node: NodeId,
        ports: Ports,
    ) -> Result<Handle<standbys::Message>, SpawnErr> {
        let (path, hands) = (self.path.child("standbys"), StandbysHands::new(node));
        shell::spawn(path, Standbys::default(), hands, ports, Some(self.cell())).await
    }

    /// Starts who knows what is still known when no majority is heard.
    async fn recall(&self, ground: &Ground, ports: Ports) -> Result<Recalling, SpawnErr> {
        let register = Arc::clone(&ground.register);
        let hands = RecallHands::new(Arc::clone(&register));
        let (path, machine) = (self.path.child("recall"), Recall::default());
        let recall = shell::spawn(path, machine, hands, ports, Some(self.cell())).await?;
        Ok(Recalling { register, recall })
    }

    /// Starts who shares the node's bandwidth.
    async fn share(
        &self,
        rate: Rate,
        ports: Ports,
    ) -> Result<Handle<bandwidth::Message>, SpawnErr> {
        let machine = Bandwidth::new(rate, ports.clock.now());
        let (path, hands) = (self.path.child("bandwidth"), BandwidthHands::default());
        shell::spawn(path, machine, hands, ports, Some(self.cell())).await
    }

    /// Carries the ends of sessions to the catalog.
    fn sink(&self) -> SessionSink {
        let root = self.root.clone();
        // A root that ended takes its sessions with it.
        Arc::new(move |end| {
            let _ = root.tell(hands::Message::SessionEnded(Box::new(end)));
        })
    }
}
