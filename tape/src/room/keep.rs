//! Keeps the room at work as long as its node serves. What fails in there is started again:
//! tenants' service does not end with a tape drive.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Handle};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Message, Room, RoomHands, Tools};
use crate::ports::Stations;

/// So long a room that failed rests.
const REST: Duration = Duration::from_secs(10);

/// What the room is made of, each time.
pub struct Keep {
    tools: Tools,
    catalog: Catalog,
    ports: Ports,
    /// Who speaks for the room that is at work now.
    door: watch::Sender<Option<Handle<Message>>>,
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keep({:?})", self.tools.site)
    }
}

impl Keep {
    /// Keeps a room of these; the other end says who speaks for the one that is at work.
    #[must_use]
    pub fn new(
        tools: Tools,
        catalog: Catalog,
        ports: Ports,
    ) -> (Self, watch::Receiver<Option<Handle<Message>>>) {
        let (door, room) = watch::channel(None);
        let keep = Self {
            tools,
            catalog,
            ports,
            door,
        };
        (keep, room)
    }

    /// Keeps the room until the node stops.
    pub async fn until(self, mut stop: Pending<()>) {
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = self.live() => {}
            }
            if timeout(REST, &mut stop).await.is_ok() {
                break;
            }
        }
        if let Some(room) = self.door.send_replace(None) {
            room.stop();
        }
    }

    /// One life of the room: it hears of every change of the catalog.
    async fn live(&self) {
        let path = shell::Path::node().child("tape");
        let mut tools = self.tools.clone();
        // What the room before had open ended with it.
        tools.site.stations = Stations::default();
        let hands = RoomHands::new(tools);
        let ports = self.ports.clone();
        let room = match shell::spawn(path.clone(), Room::default(), hands, ports, None).await {
            Ok(room) => room,
            Err(error) => return tracing::error!(%error, "the tape room does not start"),
        };
        let ended = self.ports.directory.ended(&path);
        self.door.send_replace(Some(room.clone()));
        let mut rows = self.catalog.subscribe();
        let hears = async {
            loop {
                let now = Arc::new(rows.borrow_and_update().clone());
                let told = room.tell(Message::Rows(now));
                if told.is_err() || rows.changed().await.is_err() {
                    return;
                }
            }
        };
        match ended {
            Some(ended) => tokio::select! {
                () = hears => {}
                end = ended => tracing::error!(?end, "the tape room ended and is started again"),
            },
            None => hears.await,
        }
        self.door.send_replace(None);
    }
}
