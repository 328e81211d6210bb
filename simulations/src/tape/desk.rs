//! People around a node with a library: tenants who store and delete, operators who archive, bring
//! back and handle cartridges, and somebody with a key to the robot's door.

mod acts;
mod ends;
mod setting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use holdfast_actors::catalog::command::{Actor, Command, Submission};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::TapeCommand;
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::kernel::{RepositoryId, Timestamp};
use holdfast_actors::names::{OperatorName, TapeName};
use holdfast_actors::object::Kind;
use holdfast_actors::ports::Clock;
use holdfast_actors::shell::Handle;
use holdfast_tape::ports::{Books, Repositories, Station};
use holdfast_tape::room::Message;
use holdfast_tape::station;
use tokio::sync::watch;

use super::books::Times;
use super::judge::Judge;
use super::robot::Robots;
use super::shop::{Parts, Shop, make};
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::plan;

/// Names of this world.
const LIBRARY: &str = "robot";
const POOL: &str = "gfs";
const JOB: &str = "nightly";
const OPERATOR: &str = "ann";

/// Everybody's way to one life of the node.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) shape: plan::Tape,
    pub(super) catalog: Catalog,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) room: watch::Receiver<Option<Handle<Message>>>,
    pub(super) books: Arc<dyn Books>,
    pub(super) repositories: Arc<dyn Repositories>,
    pub(super) robots: Robots,
    pub(super) times: Times,
    pub(super) shop: Arc<Mutex<Shop>>,
    pub(super) ledger: Ledger,
    pub(super) mutation: Option<Mutation>,
}

fn tape(name: &str) -> Option<TapeName> {
    TapeName::parse(name).ok()
}

impl Desk {
    fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> Rows {
        self.catalog.rows()
    }

    fn wall(&self) -> Timestamp {
        self.clock.now().wall
    }

    /// An operator orders something; whether it was done.
    async fn order(&self, command: Command) -> bool {
        let Ok(name) = OperatorName::parse(OPERATOR) else {
            return false;
        };
        self.submit(Actor::Operator(name), command).await
    }

    async fn submit(&self, by: Actor, command: Command) -> bool {
        let submission = Submission {
            client: 0,
            sequence: 0,
            by,
            at: self.wall(),
            command,
        };
        match self.catalog.submit(submission).await {
            Ok(_) => {
                self.ledger.book().figures.commands += 1;
                true
            }
            Err(SubmitError::Refused(refused)) => {
                self.ledger.say(format_args!("refused: {refused}"));
                false
            }
            Err(SubmitError::Gone(_)) => false,
        }
    }

    async fn tape(&self, command: TapeCommand) -> bool {
        self.order(Command::Tape(command)).await
    }

    async fn station(&self) -> Option<Arc<dyn Station>> {
        let room = self.room.borrow().clone()?;
        let name = tape(LIBRARY)?;
        let asked = room.ask(|reply| Message::Station(name, reply)).await;
        asked.ok()?.ok()
    }

    /// An operator has the library looked at; whether that was done.
    async fn inventory(&self) -> bool {
        let (Some(station), Some(name)) = (self.station().await, tape(LIBRARY)) else {
            return false;
        };
        let done = station::inventory(&name, &station, &self.books).await;
        self.ledger.say(format_args!("inventory: {done:?}"));
        done.is_ok()
    }

    /// A repository that nobody puts back now, if any.
    fn repository(&self, dice: &mut Dice) -> Option<RepositoryId> {
        let rows = self.rows();
        let shop = self.shop();
        let all: Vec<RepositoryId> = rows
            .repositories
            .keys()
            .filter(|id| !shop.doubtful.contains(id))
            .copied()
            .collect();
        all.get(dice.below(all.len() as u64) as usize).copied()
    }

    /// A tenant stores something.
    async fn store(&self, id: RepositoryId, kind: Kind, dice: &mut Dice) -> bool {
        let made = make(kind, dice);
        let key = made.item.key;
        self.shop().storing(id, key, self.wall());
        let from = Box::new(Parts(Bytes::clone(&made.bytes)));
        let stored = self.repositories.write(id, made.item, from).await;
        if stored.is_ok() {
            self.shop().stored(id, key, self.wall());
            self.ledger.book().figures.stored += 1;
        }
        stored.is_ok()
    }

    /// A tenant deletes something.
    async fn delete(&self, id: RepositoryId, dice: &mut Dice) {
        let all = self.shop().settled(id);
        let Some(key) = all.get(dice.below(all.len() as u64) as usize).copied() else {
            return;
        };
        self.shop().leaving(id, key, self.wall());
        if self.repositories.hide(id, key).await.is_ok() {
            self.shop().gone(id, key, self.wall());
            self.ledger.book().figures.deleted += 1;
        }
    }

    /// Compares all that can be seen from outside.
    fn check(&self) {
        self.ledger.book().figures.checks += 1;
        let rows = self.rows();
        Judge::new(&self.robots, &self.ledger, &rows).check(&self.shop());
    }
}
