//! An actor that comes and goes, to be watched.

use std::convert::Infallible;

use holdfast_actors::kernel::{Acts, Machine, Never, NodeId, Now};
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Context, Fault, Hands, Path};
use serde_json::json;

use super::history::History;
use crate::dice::Dice;
use crate::timepiece::Timepiece;
use crate::world::pass;

/// Milliseconds that one lives, and that the room is empty, at most.
const LIFE: u64 = 1_500;
const PAUSE: u64 = 300;

/// Where it lives.
pub(super) fn path(node: &Path) -> Path {
    node.child("lodger")
}

/// Does nothing.
#[derive(Debug)]
struct Idle;

impl Machine for Idle {
    type Event = Infallible;
    type Record = Never;
    type Effect = Infallible;

    fn step(&mut self, _: Now, event: Infallible, _: &mut Acts<Self>) {
        match event {}
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn observe(&self) -> serde_json::Value {
        json!({})
    }
}

struct IdleHands;

impl Hands for IdleHands {
    type Machine = Idle;
    type Message = Infallible;

    fn admit(&mut self, message: Infallible, _: &Context<Self>) -> Option<Infallible> {
        match message {}
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Infallible,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Infallible>>, Fault> {
        match effect {}
    }
}

/// One after the other, for ever.
pub(super) async fn lodge(
    node: NodeId,
    ports: Ports,
    history: History,
    time: Timepiece,
    mut dice: Dice,
) {
    let path = path(&Path::node());
    loop {
        pass(dice.below(PAUSE)).await;
        let started = shell::spawn(path.clone(), Idle, IdleHands, ports.clone(), None).await;
        if started.is_err() {
            continue;
        }
        pass(1 + dice.below(LIFE)).await;
        let ended = ports.directory.ended(&path);
        let failed = dice.one_in(2);
        history.pages().dies(node, failed, time.world());
        if failed {
            ports.directory.restart(&path);
        } else {
            ports.directory.stop(&path);
        }
        if let Some(ended) = ended {
            ended.await;
        }
    }
}
