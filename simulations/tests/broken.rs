//! An actor that breaks an invariant goes on, and is counted once for as long as it is broken.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_actors::kernel::{Acts, Machine, Never, Now, Timestamp};
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Context, Directory, Fault, Hands, Path};
use holdfast_simulations::clock::Clock;
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::Disk;
use holdfast_simulations::entropy::Entropy;
use holdfast_simulations::index::Index;
use tokio::sync::oneshot;

/// A machine that is as broken as it is told to be.
#[derive(Default)]
struct Glass(Option<&'static str>);

impl Machine for Glass {
    type Event = Option<&'static str>;
    type Record = Never;
    type Effect = Never;

    fn step(&mut self, _: Now, event: Self::Event, _: &mut Acts<Self>) {
        self.0 = event;
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn broken(&self) -> Option<&'static str> {
        self.0
    }

    fn observe(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

enum Message {
    Be(Option<&'static str>),
    Answer(oneshot::Sender<()>),
}

struct Holder;

impl Hands for Holder {
    type Machine = Glass;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Option<&'static str>> {
        match message {
            Message::Be(state) => Some(state),
            Message::Answer(door) => {
                door.send(()).unwrap();
                None
            }
        }
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Never,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {}
    }
}

#[tokio::test]
async fn what_is_broken_is_counted_once_until_it_is_whole_and_stops_nobody() {
    let directory = Arc::new(Directory::default());
    let ports = Ports {
        clock: Arc::new(Clock::starting_at(Timestamp::from_millis(0))),
        entropy: Arc::new(Entropy::new(Dice::of_seed(1))),
        disk: Disk::default().port(),
        index: Index::default().port(),
        directory: Arc::clone(&directory),
    };
    let path = Path::node().child("glass");
    let glass = shell::spawn(path, Glass::default(), Holder, ports, None);
    let glass = glass.await.unwrap();
    for state in [
        None,
        Some("rim"),
        Some("rim"),
        Some("foot"),
        None,
        Some("rim"),
    ] {
        glass.tell(Message::Be(state)).unwrap();
    }
    glass.ask(Message::Answer).await.unwrap();
    let counted = BTreeMap::from([("foot", 1), ("rim", 2)]);
    assert_eq!(directory.violations(), counted);
}
