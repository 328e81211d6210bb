//! How the leader reads rows and orders.

use std::sync::Arc;

use holdfast_actors::catalog::command::{ClusterCommand, Command};
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::kernel::Never;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Context, Fault, Handle, Hands, Path};
use ractor::{ActorCell, SpawnErr};

use super::{Effect, Event, Leader};

/// Whether this node believes that it leads the catalog.
pub type Leads = Arc<dyn Fn() -> bool + Send + Sync>;

/// What reaches the actor.
pub type Message = Event;

/// What sees to the copies of extents needs.
pub struct Parts {
    /// The catalog, as the node knows it.
    pub catalog: Catalog,
    /// Whether the node leads it. Two that believe so do no harm.
    pub leads: Leads,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parts")
    }
}

/// Starts what sees to the copies of extents whenever this node leads. Every node has it.
///
/// # Errors
/// When the actor cannot start.
pub async fn start(
    path: Path,
    parts: Parts,
    ports: Ports,
    supervisor: Option<ActorCell>,
) -> Result<Handle<Message>, SpawnErr> {
    shell::spawn(
        path,
        Leader::default(),
        LeaderHands(parts),
        ports,
        supervisor,
    )
    .await
}

struct LeaderHands(Parts);

impl LeaderHands {
    fn look(&self) -> Pending<Event> {
        if !(self.0.leads)() {
            return Box::pin(async { Event::Looked(None) });
        }
        let catalog = self.0.catalog.clone();
        Box::pin(async move {
            let fresh = catalog.catch_up().await.is_ok();
            Event::Looked(fresh.then(|| Box::new(catalog.rows())))
        })
    }
}

impl Hands for LeaderHands {
    type Machine = Leader;
    type Message = Event;

    fn admit(&mut self, message: Event, _: &Context<Self>) -> Option<Event> {
        Some(message)
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Event>>, Fault> {
        let Effect::Submit {
            extent,
            node,
            command,
        } = effect
        else {
            return Ok(Some(self.look()));
        };
        let replica = ClusterCommand::Replica {
            extent,
            node,
            command,
        };
        let at = context.ports.clock.now().wall;
        let decided = self.0.catalog.order(at, Command::Cluster(replica));
        Ok(Some(Box::pin(async move {
            let decided = decided.await;
            if let Err(SubmitError::Refused(error)) = &decided {
                tracing::info!(%extent, %node, ?command, %error, "the catalog does not agree");
            }
            let done = decided.is_ok();
            Event::Decided { extent, node, done }
        })))
    }
}
