//! Calls over the simulated link keep the promises of every adapter, and find who has moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{Directory, Path};
use holdfast_cluster::calls::machine::Limits;
use holdfast_cluster::calls::pursuit::{
    Elsewhere, Pursuer, PursuitError, Repeat, Residents, Whereabouts, at_home,
};
use holdfast_cluster::calls::{CallError, Calls, Exchange, conformance};

use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::index::Index;
use crate::network::Network;
use crate::plan::Wire;
use crate::timepiece::Timepiece;
use crate::world::pass;
use crate::yields::Yields;

const ONE: NodeId = NodeId::new(1);
const OTHER: NodeId = NodeId::new(2);
const THIRD: NodeId = NodeId::new(3);

fn ports(node: NodeId) -> Ports {
    Ports {
        clock: Arc::new(Clock::starting_at(Timestamp::from_millis(1))),
        entropy: Arc::new(Entropy::new(Dice::of_seed(node.raw()))),
        disk: Disk::default().port(),
        index: Index::default().port(),
        directory: Arc::new(Directory::default()),
    }
}

/// Nodes in one runtime, whose time is the world's.
struct Lab {
    network: Network,
    time: Timepiece,
}

impl Lab {
    fn new(wire: Wire, seed: u64) -> Self {
        Self {
            network: Network::new(wire, &Dice::of_seed(seed)),
            time: Timepiece::starting_at(0, 0),
        }
    }

    async fn join(&self, node: NodeId) -> Arc<Exchange> {
        let link = self.network.join(node, self.time, Yields::default());
        let ports = ports(node);
        let exchange = Exchange::new(node, ports.entropy.as_ref());
        let path = Path::node().child("calls");
        let started = exchange.start(path, link, Limits::default(), ports, None);
        started.await.unwrap();
        Arc::new(exchange)
    }

    /// Lets time pass for ever, and everything that is due arrive.
    async fn run(&self) {
        loop {
            pass(1).await;
            let now = self.time.world();
            for (_, event) in self.network.due(now + 1) {
                self.network.deliver(event, now);
            }
        }
    }
}

async fn conforms(wire: Wire, seed: u64) {
    let lab = Arc::new(Lab::new(wire, seed));
    let (one, other) = (lab.join(ONE).await, lab.join(OTHER).await);
    let at_work = Arc::clone(&lab);
    let kill = Box::new(move || at_work.network.kill(ONE, OTHER, at_work.time.world()));
    let window = Limits::default().window.into();
    let ends = conformance::Ends {
        one,
        other,
        kill,
        window,
    };
    tokio::select! {
        () = conformance::calls(ends) => {}
        () = lab.run() => {}
    }
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_simulated_link_keep_their_promises() {
    for seed in 0..10 {
        conforms(Wire::default(), seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_over_a_slow_and_uneven_link_keep_their_promises() {
    let wire = Wire {
        more: 20_000,
        has_tail: true,
        is_uneven: true,
        ..Wire::default()
    };
    for seed in 0..5 {
        conforms(wire.clone(), seed).await;
    }
}

/// Who owns the one actor, in truth and as the table has it.
#[derive(Default)]
struct Table {
    owner: Mutex<Option<NodeId>>,
    known: Mutex<Option<NodeId>>,
}

impl Whereabouts for Table {
    fn find(&self, name: &str) -> Option<NodeId> {
        self.known.lock().unwrap().filter(|_| name == "acme")
    }
}

struct Rooms {
    node: NodeId,
    table: Arc<Table>,
    says: bool,
}

impl Residents for Rooms {
    fn answer(&self, name: &str, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Elsewhere>> {
        let owner = *self.table.owner.lock().unwrap();
        let answer = match owner {
            _ if name != "acme" => Err(Elsewhere::NotHere),
            Some(owner) if owner == self.node => Ok(body),
            Some(owner) if self.says => Err(Elsewhere::Moved(owner)),
            Some(_) | None => Err(Elsewhere::NotHere),
        };
        Box::pin(async { answer })
    }
}

fn now(table: &Table, owner: Option<NodeId>, known: Option<NodeId>) {
    *table.owner.lock().unwrap() = owner;
    *table.known.lock().unwrap() = known;
}

async fn by_name(lab: &Lab) {
    let table = Arc::new(Table::default());
    let one = lab.join(ONE).await;
    for (node, says) in [(OTHER, true), (THIRD, false)] {
        let exchange = lab.join(node).await;
        let table = Arc::clone(&table);
        exchange.serve("actor", at_home(Arc::new(Rooms { node, table, says })));
    }
    let (calls, known): (Arc<dyn Calls>, _) = (one, Arc::clone(&table));
    let path = Path::node().child("pursuit");
    let pursuer = Pursuer::start(path, calls, known, ports(ONE), None).await;
    let pursuer = pursuer.unwrap();
    let hello = Bytes::from_static(b"hello");
    let call = |name: &str| {
        let within = Duration::from_secs(5);
        pursuer.call("actor", name, hello.clone(), within, Repeat::Harms)
    };
    now(&table, Some(OTHER), Some(OTHER));
    assert_eq!(
        call("acme").await,
        Ok(hello.clone()),
        "where it is known to be"
    );
    now(&table, Some(THIRD), Some(OTHER));
    assert_eq!(
        call("acme").await,
        Ok(hello.clone()),
        "where it is told to be"
    );
    now(&table, Some(OTHER), Some(THIRD));
    let waiting = call("acme");
    pass(300).await;
    now(&table, Some(OTHER), Some(OTHER));
    assert_eq!(waiting.await, Ok(hello.clone()), "once the table is right");
    // Nobody is at this node, which shows before anything is sent.
    now(&table, Some(OTHER), Some(NodeId::new(9)));
    let waiting = call("acme");
    pass(300).await;
    now(&table, Some(OTHER), Some(OTHER));
    assert_eq!(waiting.await, Ok(hello.clone()), "once it is a node");
    let nobody = call("globex").await;
    assert_eq!(nobody, Err(PursuitError::NotFound("globex".to_owned())));
    now(&table, Some(OTHER), Some(NodeId::new(9)));
    let nobody = call("acme").await;
    let error = CallError::Unreachable(NodeId::new(9));
    assert_eq!(nobody, Err(PursuitError::Call(error)));
}

#[tokio::test(start_paused = true)]
async fn a_call_by_name_finds_who_has_moved() {
    let lab = Lab::new(Wire::default(), 7);
    tokio::select! {
        () = by_name(&lab) => {}
        () = lab.run() => {}
    }
}
