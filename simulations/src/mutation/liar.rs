//! An actor beside those of the node, which breaks an invariant of its own as soon as it runs.

use holdfast_actors::kernel::{Acts, Instant, Machine, Never, Now};
use holdfast_actors::node::Node;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Context, Fault, Hands, Path};

/// Starts it.
pub(crate) async fn lie(node: &Node, ports: Ports) {
    let path = Path::node().child("liar");
    // Where it cannot be started the bug does not show, and its test fails.
    let _ = shell::spawn(path, Liar::default(), Tied, ports, Some(node.root())).await;
}

#[derive(Default)]
struct Liar {
    lies: bool,
}

struct Tied;

impl Machine for Liar {
    type Event = Never;
    type Record = Never;
    type Effect = Never;

    fn step(&mut self, _: Now, event: Never, _: &mut Acts<Self>) {
        match event {}
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.lies).then(Instant::default)
    }

    fn wake(&mut self, _: Now, _: &mut Acts<Self>) {
        self.lies = true;
    }

    fn broken(&self) -> Option<&'static str> {
        self.lies.then_some("planted")
    }

    fn observe(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

impl Hands for Tied {
    type Machine = Liar;
    type Message = Never;

    fn admit(&mut self, message: Never, _: &Context<Self>) -> Option<Never> {
        match message {}
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Never,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Never>>, Fault> {
        match effect {}
    }
}
