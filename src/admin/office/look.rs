//! Looks into running actors for the debug shell. It reads; only `stop` and `restart` end one.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::catalog::Deed;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::shell::{Inspection, Listing, Path, Standing};
use serde::Serialize;
use serde_json::json;

use super::super::{Items, Problem, ProblemClass};
use super::gather::Share;
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::shell::{Look, Place};

/// The most tenants, and the most repositories, that are looked for among those who rest.
const RESTING_MAX: usize = 1000;
/// How often a watched actor is looked at.
const GLANCE: Duration = Duration::from_millis(500);
/// How long an actor may take to show itself before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(5);
/// Below it stand the tenants, and below each of them its sessions.
const TENANTS: &str = "node/tenants/";

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Leaf {
    path: Path,
    state: Standing,
    restarts: u64,
    mailbox: usize,
}

impl From<Listing> for Leaf {
    fn from(listing: Listing) -> Self {
        Self {
            state: listing.standing,
            path: listing.path,
            restarts: listing.restarts,
            mailbox: listing.depth,
        }
    }
}

impl Office {
    pub(super) async fn look(&self, by: &Speaker, look: Look, items: &Items) -> Answer {
        match look {
            Look::Tree(_) => {
                for listing in self.tree() {
                    items.send(&Leaf::from(listing)).await?;
                }
                value(&())
            }
            Look::Show(at) => Ok(self.inspect(&at.path).await?.state),
            Look::Watch(at) => self.watch(&at.path, items).await,
            Look::Trace(at) => {
                for decision in self.inspect(&at.path).await?.decisions {
                    items.send(&decision).await?;
                }
                value(&())
            }
            Look::Why(at) => {
                for waits in self.inspect(&at.path).await?.waits {
                    items.send(&waits).await?;
                }
                value(&())
            }
            Look::Sessions => self.sessions(items).await,
            Look::Stop(at) => {
                by.may(&self.books.rows(), Deed::Stop)?;
                let stopped = self.directory.stop(&Path::from(at.path.as_str()));
                ended(stopped, &at.path)
            }
            Look::Restart(at) => {
                by.may(&self.books.rows(), Deed::Restart)?;
                let path = Path::from(at.path.as_str());
                let found = self.directory.restart(&path) || self.services.revive(&path);
                ended(found, &at.path)
            }
        }
    }

    /// What several nodes see, each row with its node; one that is silent has a row that says so.
    pub(super) async fn looks(&self, shares: &BTreeMap<NodeId, Share>, items: &Items) -> Answer {
        let rows = self.books.rows();
        for (node, share) in shares {
            let known = rows.cluster.nodes.get(node);
            let name = known.map_or_else(|| node.to_string(), |row| row.name.to_string());
            for row in &share.rows {
                let mut row = row.clone();
                (row["node"], row["id"]) = (json!(name), json!(node.to_string()));
                items.send(&row).await?;
            }
            if let Err(problem) = &share.end {
                let missing = json!({
                    "node": name, "id": node.to_string(), "missing": problem.message,
                });
                items.send(&missing).await?;
            }
        }
        value(&())
    }

    /// All actors, with the tenants and repositories that rest, at most [`RESTING_MAX`] of each.
    fn tree(&self) -> Vec<Listing> {
        let mut tree: BTreeMap<Path, Listing> = BTreeMap::new();
        for listing in self.directory.tree() {
            tree.insert(listing.path.clone(), listing);
        }
        let rows = self.books.rows();
        let (tenants, repositories) = (
            Path::node().child("tenants"),
            Path::node().child("repositories"),
        );
        // Of a cluster, those who are at home here.
        let here = self.here();
        let tenants = rows
            .tenants
            .keys()
            .filter(|name| here.is_none() || rows.home(name) == here)
            .map(|name| tenants.child(name));
        let served = rows
            .repositories
            .iter()
            .filter(|(id, row)| row.removed.is_none() && self.serves(&rows, **id));
        let served = served.map(|(id, _)| repositories.child(id));
        for path in tenants.take(RESTING_MAX).chain(served.take(RESTING_MAX)) {
            let resting = Listing::resting(path.clone());
            tree.entry(path).or_insert(resting);
        }
        tree.into_values().collect()
    }

    /// The sessions of all tenants: what stands two levels below the tenants.
    async fn sessions(&self, items: &Items) -> Answer {
        let is_session = |path: &Path| {
            let below = path.as_str().strip_prefix(TENANTS);
            below.is_some_and(|below| below.split('/').count() == 2)
        };
        for listing in self.directory.tree() {
            if !listing.is_running() || !is_session(&listing.path) {
                continue;
            }
            let place = Place::parse(listing.path.as_str()).map_err(Problem::failed)?;
            // One that ended meanwhile is no session any more.
            if let Ok(inspection) = self.inspect(&place).await {
                let row = json!({ "path": listing.path, "session": inspection.state });
                items.send(&row).await?;
            }
        }
        value(&())
    }

    async fn watch(&self, place: &Place, items: &Items) -> Answer {
        let mut glance = tokio::time::interval(GLANCE);
        let mut last = None;
        loop {
            glance.tick().await;
            let state = self.inspect(place).await?.state;
            if last.as_ref() != Some(&state) {
                items.send(&state).await?;
                last = Some(state);
            }
        }
    }

    pub(super) async fn inspect(&self, place: &Place) -> Result<Inspection, Problem> {
        let found = self.directory.inspect(&Path::from(place.as_str()));
        let inspection = found.ok_or_else(|| missing(place))?;
        match tokio::time::timeout(PATIENCE, inspection).await {
            Ok(Ok(inspection)) => Ok(inspection),
            Ok(Err(_)) => Err(missing(place)),
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                let message = format!("{place} does not look up from its work for {seconds} s");
                Err(Problem::failed(message))
            }
        }
    }
}

fn ended(found: bool, place: &Place) -> Answer {
    if !found {
        return Err(missing(place));
    }
    value(&json!({ "state": "done" }))
}

fn missing(place: &Place) -> Problem {
    let message = format!("no actor runs at {place}");
    Problem::new(ProblemClass::NotFound, "no-actor", message)
}
