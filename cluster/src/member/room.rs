//! What room the disk of a node has, told to the catalog when that changes much.
//!
//! A node is full when no new data is taken into the reserve of its disk, and has room again when
//! there is twice as much free: so that it does not go to and fro.

use std::time::Duration;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::catalog::command::{ClusterCommand, Command};
use holdfast_actors::catalog::rows::Room;
use holdfast_actors::kernel::{Acts, Instant, Machine, Never, NodeId, Now};
use holdfast_actors::ports::{Pending, Ports, Storage};
use holdfast_actors::shell::{self, Context, Fault, Hands, Path};
use ractor::{ActorCell, SpawnErr};
use serde_json::json;
use tokio::sync::watch;

use crate::raft::Held;

/// Between two looks at the disk.
const PERIOD: Duration = Duration::from_secs(1);
/// A difference of one part in so many of the disk is worth telling.
const PART: u64 = 16;

/// What one node says of its disk.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// What it told last, or is telling.
    told: Option<Room>,
    is_telling: bool,
    due: Instant,
}

#[derive(Debug)]
pub(super) enum Event {
    /// It begins, or goes on: nothing told before counts for whoever leads it now.
    Begun,
    /// So much there is; nothing if the disk does not say.
    Seen(Option<Storage>),
    /// The catalog was told, or was not.
    Told(bool),
}

#[derive(Debug)]
pub(super) enum Effect {
    /// Look at the disk.
    Look,
    /// Tell the catalog.
    Tell(Room),
}

impl Rooms {
    fn seen(&mut self, storage: Storage, acts: &mut Acts<Self>) {
        let reserve = storage.reserve().as_bytes();
        let (free, total) = (storage.free.as_bytes(), storage.total.as_bytes());
        let was_full = self.told.is_some_and(|room| room.is_full);
        let least = if was_full { 2 * reserve } else { reserve };
        let room = Room {
            free: storage.free,
            total: storage.total,
            is_full: free < least,
        };
        let is_news = self.told.is_none_or(|told| {
            let apart = told.free.as_bytes().abs_diff(free);
            told.is_full != room.is_full || told.total != room.total || apart > total / PART
        });
        if is_news && !self.is_telling {
            self.is_telling = true;
            self.told = Some(room);
            acts.show(Effect::Tell(room));
        }
    }
}

impl Machine for Rooms {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Begun => self.due = now.monotonic,
            Event::Seen(Some(storage)) => self.seen(storage, acts),
            Event::Seen(None) => {}
            Event::Told(done) => {
                self.is_telling = false;
                if !done {
                    self.told = None;
                }
            }
        }
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.due)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.due = now.monotonic + PERIOD;
        acts.show(Effect::Look);
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "free": self.told.map(|room| room.free.as_bytes()),
            "full": self.told.is_some_and(|room| room.is_full),
        })
    }

    fn waits(&self) -> Vec<String> {
        let telling = self
            .is_telling
            .then(|| "the catalog hears what room there is".to_owned());
        telling.into_iter().collect()
    }
}

/// The hands of [`Rooms`].
pub(super) struct RoomHands {
    node: NodeId,
    catalog: Catalog,
    held: watch::Receiver<Option<Held>>,
}

impl RoomHands {
    /// Without a lease a node says nothing.
    fn tell(&self, room: Room, context: &Context<Self>) -> Pending<Event> {
        let Some(lease) = self.held.borrow().map(|held| held.epoch) else {
            return Box::pin(async { Event::Told(false) });
        };
        let node = self.node;
        let said = ClusterCommand::Room { node, lease, room };
        let at = context.ports.clock.now().wall;
        let told = self.catalog.order(at, Command::Cluster(said));
        Box::pin(async move { Event::Told(told.await.is_ok()) })
    }
}

impl Hands for RoomHands {
    type Machine = Rooms;
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
        Ok(Some(match effect {
            Effect::Look => {
                let seen = context.ports.disk.storage();
                Box::pin(async move { Event::Seen(seen) })
            }
            Effect::Tell(room) => self.tell(room, context),
        }))
    }
}

/// Begins to say what room a node has.
///
/// # Errors
/// When the supervisor is ending.
pub(super) async fn start(
    path: Path,
    node: NodeId,
    catalog: Catalog,
    held: watch::Receiver<Option<Held>>,
    ports: Ports,
    supervisor: Option<ActorCell>,
) -> Result<(), SpawnErr> {
    let hands = RoomHands {
        node,
        catalog,
        held,
    };
    let actor = shell::spawn(path, Rooms::default(), hands, ports, supervisor).await?;
    // One that has ended already is started again by whoever supervises it.
    let _ = actor.tell(Event::Begun);
    Ok(())
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::{Act, Size};

    use super::*;

    fn seen(rooms: &mut Rooms, free: u64) -> Vec<String> {
        let storage = Storage {
            free: Size::bytes(free << 20),
            total: Size::bytes(1_600 << 20),
        };
        let mut acts = Acts::default();
        rooms.step(Now::default(), Event::Seen(Some(storage)), &mut acts);
        let told = acts.into_iter().filter_map(|act| match act {
            Act::Show(Effect::Tell(room)) => Some(format!(
                "{} MiB {}",
                room.free.as_bytes() >> 20,
                room.is_full
            )),
            Act::Show(Effect::Look) | Act::Start(_) | Act::Persist(_) => None,
        });
        told.collect()
    }

    fn told(rooms: &mut Rooms, done: bool) {
        rooms.step(Now::default(), Event::Told(done), &mut Acts::default());
    }

    #[test]
    fn what_changes_much_is_told_once() {
        let mut rooms = Rooms::default();
        assert_eq!(seen(&mut rooms, 1_000), ["1000 MiB false"]);
        told(&mut rooms, true);
        assert_eq!(seen(&mut rooms, 950), [""; 0]);
        assert_eq!(seen(&mut rooms, 850), ["850 MiB false"]);
        assert_eq!(seen(&mut rooms, 500), [""; 0], "it is being told");
        told(&mut rooms, true);
        assert_eq!(seen(&mut rooms, 500), ["500 MiB false"]);
    }

    #[test]
    fn a_full_disk_is_full_until_there_is_twice_the_reserve() {
        let mut rooms = Rooms::default();
        assert_eq!(seen(&mut rooms, 99), ["99 MiB true"]);
        told(&mut rooms, true);
        assert_eq!(seen(&mut rooms, 101), [""; 0]);
        assert_eq!(seen(&mut rooms, 199), [""; 0]);
        assert_eq!(seen(&mut rooms, 200), ["200 MiB false"]);
    }

    #[test]
    fn what_the_catalog_did_not_hear_is_told_again() {
        let mut rooms = Rooms::default();
        assert_eq!(seen(&mut rooms, 99), ["99 MiB true"]);
        told(&mut rooms, false);
        assert_eq!(seen(&mut rooms, 99), ["99 MiB true"]);
    }
}
