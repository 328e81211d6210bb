//! Carries orders out: turns them into commands to the catalog, and its rows into answers.
//!
//! The rules are the catalog's, also for what is none of its commands. What is decided here is only
//! who speaks.

mod backup;
mod cluster;
mod contracts;
mod doubt;
mod gather;
mod listing;
mod logins;
mod look;
mod lost;
mod pools;
mod repositories;
mod route;
mod speaker;
mod status;
mod tape;
mod verify;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use holdfast_actors::catalog::Outcome;
use holdfast_actors::catalog::command::{Actor, Command};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{RepositoryId, Timestamp};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Entropy, Pending};
use holdfast_actors::shell::{Directory, Path};
use holdfast_actors::tape::job::Occasion;
use holdfast_actors::tape::media::Label;
use holdfast_actors::tape::{MediaSet, MediumId, SetId};
use holdfast_tape::ports::Mount;
use holdfast_tape::scan::Device;
use holdfast_tape::ssc::Erase;
use holdfast_tape::station;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::answers::{self, Settled};
use super::others::Others;
use super::{Caller, Items, Operations, Problem, ProblemClass};
use crate::commands::Order;
use crate::commands::credential::Secret;
use crate::commands::tape::scan::Scan;
use crate::commands::values::Month;
use crate::keyring::Keyring;

pub use cluster::Member;
pub use speaker::FIRST;
use speaker::Speaker;

/// The catalog, as the office reads and writes it.
pub trait Books: Send + Sync + 'static {
    /// All rows as of now.
    fn rows(&self) -> Arc<Rows>;
    /// Has a command decided; resolves when what came of it is durable.
    fn submit(&self, by: Actor, command: Command) -> Pending<Result<Outcome, Problem>>;
    /// Resolves when there may be other rows than now; it may do so without a change.
    fn changed(&self) -> Pending<()>;
}

/// What lies outside of the catalog, and what only the running node knows.
pub trait Services: Send + Sync + 'static {
    /// What the node says of itself.
    fn node(&self) -> answers::Node;
    /// Which node of its cluster it is; none if it stands alone.
    ///
    /// # Errors
    /// When its identity cannot be read.
    fn member(&self) -> Result<Option<Member>, Problem>;
    /// What its wall clock shows.
    fn wall(&self) -> Timestamp;
    /// Takes a tenant or repository that is out of service back into it; false if none of that path
    /// is out of service.
    fn revive(&self, path: &Path) -> bool;
    /// What a repository holds.
    fn figures(&self, repository: RepositoryId) -> Pending<Result<answers::Figures, Problem>>;
    /// What its bin holds.
    fn bin(&self, repository: RepositoryId) -> Pending<Result<answers::BinContent, Problem>>;
    /// Whether it can be viewed as of an instant: inside of the bin's reach, and listable.
    fn viewable(&self, repository: RepositoryId, at: Timestamp) -> Pending<Result<(), Problem>>;
    /// Writes it as of an instant to an empty or new directory, and says meanwhile how far it is.
    fn export(
        &self,
        repository: RepositoryId,
        at: Timestamp,
        to: PathBuf,
        items: Items,
    ) -> Pending<Result<answers::Moved, Problem>>;
    /// Brings back what it showed at an instant.
    fn restore(
        &self,
        repository: RepositoryId,
        at: Timestamp,
    ) -> Pending<Result<answers::Moved, Problem>>;
    /// Reads it back, compares, and says meanwhile how far it is.
    fn verify(
        &self,
        repository: RepositoryId,
        items: Items,
    ) -> Pending<Result<answers::Findings, Problem>>;
    /// How much each tenant held in a month.
    fn usage(&self, month: Month) -> Pending<Result<Vec<answers::Usage>, Problem>>;
    /// The certificate in use.
    fn certificate(&self) -> Pending<Result<answers::Certificate, Problem>>;
    /// Uses the certificate, chain and key of a PEM text from now on; makes the event.
    fn import_certificate(
        &self,
        pem: Secret,
        by: Actor,
    ) -> Pending<Result<answers::Certificate, Problem>>;
    /// Makes a new self-signed certificate; makes the event.
    fn rotate_certificate(&self, by: Actor) -> Pending<Result<answers::Certificate, Problem>>;
}

/// The tape libraries and jobs of the running node. What is on tape, and what is wanted of it,
/// stands in the catalog.
pub trait Tapes: Send + Sync + 'static {
    /// Asks the arm of a library which cartridges are where; the catalog knows then.
    fn inventory(&self, library: &TapeName) -> Pending<Result<(), Problem>>;
    /// The devices that this node reaches.
    fn scan(&self, scan: Scan) -> Pending<Result<Vec<Device>, Problem>>;
    /// Reads what is on the cartridges of a library that something was written on, and keeps what
    /// was not known; `items` takes a row for each.
    fn recover(&self, library: &TapeName, items: Items) -> Pending<Result<(), Problem>>;
    /// What stands behind the door of a library.
    fn door(&self, library: &TapeName) -> Pending<Result<Vec<station::Place>, Problem>>;
    /// Carries the cartridges of these slots behind the door; the catalog knows then.
    fn export(
        &self,
        library: &TapeName,
        slots: Vec<station::Wanted>,
    ) -> Pending<Result<(), Problem>>;
    /// Carries what stands behind the door to free slots; the catalog knows then.
    fn import(&self, library: &TapeName) -> Pending<Result<(), Problem>>;
    /// Has a job write to a set, now; resolves when it has heard of it, with who will tell how the
    /// run ended.
    fn run(&self, job: &TapeName, set: MediaSet) -> Pending<Result<RunEnd, Problem>>;
    /// Stops what a job writes.
    fn stop(&self, job: &TapeName) -> Pending<Result<(), Problem>>;
    /// Reads a cartridge back, compares it with what was written down of it, and says meanwhile how
    /// far it is.
    fn verify(
        &self,
        medium: MediumId,
        items: Items,
    ) -> Pending<Result<answers::CartridgeFound, Problem>>;
    /// Refuses a cartridge that another order to this node has in a drive, or waits with for one.
    ///
    /// # Errors
    /// What is done with it.
    fn unused(&self, medium: MediumId) -> Result<(), Problem>;
    /// Puts a cartridge into a drive, and asks what it says of itself.
    fn hold(&self, medium: MediumId) -> Pending<Result<Held, Problem>>;
    /// Puts a cartridge back into its slot if it is in a drive.
    fn eject(&self, medium: MediumId) -> Pending<Result<(), Problem>>;
    /// Erases a cartridge that the catalog gave up, all of it or its beginning, and takes it home;
    /// the catalog knows then what it is.
    fn erase(
        &self,
        medium: MediumId,
        mount: Box<dyn Mount>,
        erase: Erase,
    ) -> Pending<Result<(), Problem>>;
    /// Copies the tape files of a cartridge to an empty or new directory, and says meanwhile how
    /// far it is.
    fn copy(
        &self,
        medium: MediumId,
        to: PathBuf,
        items: Items,
    ) -> Pending<Result<answers::CartridgeCopied, Problem>>;
    /// Puts a drive into service, or takes it out.
    fn serve_drive(
        &self,
        library: &TapeName,
        drive: u16,
        is_on: bool,
    ) -> Pending<Result<(), Problem>>;
    /// Has what is in a drive carried home; refused while anybody wants the drive.
    fn unload_drive(&self, library: &TapeName, drive: u16) -> Pending<Result<(), Problem>>;
    /// The keys that are open here.
    fn keyring(&self) -> Keyring;
    /// What it takes to bring a run of a media set back.
    fn plan(&self, set: SetId, run: String) -> Pending<Result<answers::RestorePlan, Problem>>;
}

/// A cartridge in a drive, and what it says of itself there; others are refused it until the last
/// part is dropped.
pub type Held = (Label, Box<dyn Mount>, Box<dyn Send>);

/// Tells once how a run of a tape job ended.
pub type RunEnd = oneshot::Receiver<Occasion>;

/// Where orders are carried out. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    /// The catalog.
    pub books: Arc<dyn Books>,
    /// What lies outside of it.
    pub services: Arc<dyn Services>,
    /// The tapes of the node.
    pub tapes: Arc<dyn Tapes>,
    /// The actors, to look at.
    pub directory: Arc<Directory>,
    /// Where passwords are drawn.
    pub entropy: Arc<dyn Entropy>,
    /// The offices of the other nodes; none where it stands alone.
    pub others: Option<Arc<dyn Others>>,
}

/// What an order comes to: a value to show at the end.
type Answer = Result<Value, Problem>;

impl Operations for Office {
    fn perform(&self, caller: Caller, order: Order, items: Items) -> Pending<Answer> {
        let office = self.clone();
        Box::pin(async move {
            let speaker = Speaker::recognise(&caller, &office.books.rows())?;
            office.delivered(&speaker, order, &items).await
        })
    }
}

impl Office {
    async fn carry_out(&self, by: &Speaker, order: Order, items: &Items) -> Answer {
        match order {
            Order::Tenant(order) => self.tenant(by, order, items).await,
            Order::Subtenant(order) => self.subtenant(by, order, items).await,
            Order::Password(order) => self.password(by, order).await,
            Order::Credential(order) => self.credential(by, order, items).await,
            Order::Operator(order) => self.operator(by, order, items).await,
            Order::Approval(order) => self.approval(by, order, items).await,
            Order::Repository(order) => self.repository(by, order, items).await,
            Order::Bin(order) => self.bin(by, order, items).await,
            Order::Verify(order) => self.verify(by, order, items).await,
            Order::Usage(order) => self.usage(order, items).await,
            Order::Events(order) => self.events(order, items).await,
            Order::Maintenance(order) => self.maintenance(by, order).await,
            Order::Clock(order) => self.clock(by, order).await,
            Order::Certificate(order) => self.certificate(by, order).await,
            Order::JoinToken(order) => self.join_token(by, order, items).await,
            Order::Node(order) => self.node(by, order, items).await,
            Order::Pool(order) => self.pool(by, order, items).await,
            Order::Tape(order) => self.tape(by, order, items).await,
            Order::Catalog => self.catalog(by, items).await,
            Order::Status => self.status().await,
            Order::Shell(look) => self.look(by, look, items).await,
        }
    }

    /// Has a command decided on the speaker's behalf.
    async fn submit(&self, by: &Speaker, command: Command) -> Result<Outcome, Problem> {
        let decided = self.books.submit(by.actor(), command);
        self.unless_lost(by, decided).await
    }

    /// The same for a command after which `show` tells what it made or changed.
    async fn submit_and_show<T: Serialize>(
        &self,
        by: &Speaker,
        command: Command,
        show: impl FnOnce(&Rows) -> Result<T, Problem>,
    ) -> Answer {
        let outcome = self.submit(by, command).await?;
        if let Outcome::Pending { approval } = outcome {
            return value(&Settled::Pending { approval });
        }
        value(&show(&self.books.rows())?)
    }

    /// The same for a command that leaves nothing to show.
    async fn submit_and_settle(&self, by: &Speaker, command: Command) -> Answer {
        let outcome = self.submit(by, command).await?;
        if let Outcome::Pending { approval } = outcome {
            return value(&Settled::Pending { approval });
        }
        value(&Settled::Done)
    }
}

/// Nothing is changed by an order that does not say what, and no event says that something was.
fn nothing_to_change() -> Problem {
    let message = "nothing is given to change; '--help' shows what can be";
    Problem::new(ProblemClass::Usage, "usage", message)
}

/// An answer as JSON.
fn value<T: Serialize>(answer: &T) -> Answer {
    serde_json::to_value(answer).map_err(Problem::failed)
}
