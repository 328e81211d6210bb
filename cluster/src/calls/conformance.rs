//! What every adapter of calls must do, over whatever link.
//!
//! One suite, run over the simulated link and over the real one. It asserts what the documentation
//! of [`Calls`] and [`Watches`] promises; time passes in it, but never much.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{FRAME_MAX, Pending};
use holdfast_actors::shell::Path;
use tokio::sync::Semaphore;

use super::{Answers, CallError, Calls, Passing, Rejected, Watches};

/// More than any call here needs.
const LONG: Duration = Duration::from_secs(20);
/// Less than a service that does not answer.
const SHORT: Duration = Duration::from_millis(100);
/// A node that neither end knows.
const NOBODY: NodeId = NodeId::new(u64::MAX);
/// More calls than fit into a window, and fewer than may wait.
const MANY: usize = 500;
/// Calls whose order is looked at.
const IN_ORDER: u64 = 500;

/// Two nodes that have not called each other yet. No other services are there, and no actor runs at
/// `node/nobody`.
pub struct Ends<C> {
    /// One of them.
    pub one: Arc<C>,
    /// The other.
    pub other: Arc<C>,
    /// Kills the connection between them, if there is one.
    pub kill: Box<dyn Fn() + Send + Sync>,
    /// The window of each.
    pub window: usize,
}

/// Checks two ends.
///
/// # Panics
/// When the adapter breaks a promise.
pub async fn calls<C: Calls + Watches>(ends: Ends<C>) {
    let bench = Bench::new(&ends);
    a_call_is_answered(&ends).await;
    a_call_to_the_own_node_is_answered(&ends).await;
    a_no_says_why(&ends).await;
    a_service_that_is_not_there_did_nothing(&ends).await;
    a_call_that_is_too_large_is_refused(&ends).await;
    a_large_call_and_answer_pass(&ends).await;
    calls_to_a_service_begin_in_their_order(&ends).await;
    a_node_that_nobody_knows_was_never_asked(&ends).await;
    a_call_without_an_answer_ends_in_time(&ends, &bench).await;
    a_caller_that_turns_away_ends_the_work(&ends, &bench).await;
    a_flooded_service_takes_a_window_and_hinders_no_other(&ends, &bench).await;
    a_connection_that_dies_leaves_calls_unknown(&ends, &bench).await;
    an_actor_that_is_not_there_is_absent(&ends).await;
    a_watcher_hears_that_the_connection_died(&ends).await;
    after_it_died_there_is_another(&ends).await;
}

/// Work on calls that waits until it is let go.
#[derive(Default)]
struct Bench {
    begun: AtomicUsize,
    under_way: AtomicUsize,
    most: AtomicUsize,
    gate: Option<Semaphore>,
}

impl Bench {
    fn new<C: Calls>(ends: &Ends<C>) -> Arc<Self> {
        let bench = Arc::new(Self {
            gate: Some(Semaphore::new(0)),
            ..Self::default()
        });
        for end in [&ends.one, &ends.other] {
            end.serve("echo", Arc::new(Echo));
            end.serve("no", Arc::new(No));
            end.serve("stuck", Arc::new(Stuck(Arc::clone(&bench))));
        }
        bench
    }

    fn let_go(&self, count: usize) {
        if let Some(gate) = &self.gate {
            gate.add_permits(count);
        }
    }

    fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }
}

struct Echo;

impl Answers for Echo {
    fn answer(&self, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        Box::pin(async { Ok(body) })
    }
}

/// Notes in which order it was asked.
#[derive(Default)]
struct Order(Mutex<Vec<Bytes>>);

impl Answers for Order {
    fn answer(&self, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(body);
        Box::pin(async { Ok(Bytes::new()) })
    }
}

struct No;

impl Answers for No {
    fn answer(&self, from: NodeId, _: Bytes) -> Pending<Result<Bytes, Rejected>> {
        Box::pin(async move { Err(Rejected(format!("not for {from}"))) })
    }
}

struct Stuck(Arc<Bench>);

struct Work(Arc<Bench>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Answers for Stuck {
    fn answer(&self, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let bench = Arc::clone(&self.0);
        bench.begun.fetch_add(1, Ordering::SeqCst);
        let under_way = bench.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        bench.most.fetch_max(under_way, Ordering::SeqCst);
        let work = Work(Arc::clone(&bench));
        Box::pin(async move {
            let _work = work;
            if let Some(gate) = &bench.gate
                && let Ok(permit) = gate.acquire().await
            {
                permit.forget();
            }
            Ok(body)
        })
    }
}

fn hello() -> Bytes {
    Bytes::from_static(b"hello")
}

/// A call with an answer of the other, which comes behind all that was said before.
async fn settled<C: Calls>(ends: &Ends<C>) {
    let answer = ends.one.call(ends.other.node(), "echo", hello(), LONG);
    assert_eq!(answer.await, Ok(hello()));
}

/// Waits for a level.
async fn until<C: Calls>(ends: &Ends<C>, what: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if what() {
            return;
        }
        settled(ends).await;
    }
    panic!("what was waited for does not come");
}

async fn a_call_is_answered<C: Calls>(ends: &Ends<C>) {
    settled(ends).await;
    let back = ends.other.call(ends.one.node(), "echo", hello(), LONG);
    assert_eq!(back.await, Ok(hello()));
    let all: Vec<_> = (0..MANY)
        .map(|number| {
            let body = Bytes::from(number.to_le_bytes().to_vec());
            ends.one.call(ends.other.node(), "echo", body, LONG)
        })
        .collect();
    for (number, call) in all.into_iter().enumerate() {
        assert_eq!(call.await, Ok(Bytes::from(number.to_le_bytes().to_vec())));
    }
}

async fn a_call_to_the_own_node_is_answered<C: Calls>(ends: &Ends<C>) {
    let me = ends.one.node();
    assert_eq!(ends.one.call(me, "echo", hello(), LONG).await, Ok(hello()));
    let none = ends.one.call(me, "none", hello(), LONG).await;
    assert_eq!(none, Err(CallError::NoService(me, "none".to_owned())));
}

async fn a_no_says_why<C: Calls>(ends: &Ends<C>) {
    let no = ends.one.call(ends.other.node(), "no", hello(), LONG).await;
    let why = Rejected(format!("not for {}", ends.one.node()));
    assert_eq!(no, Err(CallError::Rejected(why)));
}

async fn a_service_that_is_not_there_did_nothing<C: Calls>(ends: &Ends<C>) {
    let to = ends.other.node();
    let none = ends.one.call(to, "none", hello(), LONG).await;
    assert_eq!(none, Err(CallError::NoService(to, "none".to_owned())));
}

async fn a_call_that_is_too_large_is_refused<C: Calls>(ends: &Ends<C>) {
    let body = Bytes::from(vec![0; FRAME_MAX]);
    let large = ends.one.call(ends.other.node(), "echo", body, LONG).await;
    assert_eq!(large, Err(CallError::TooLarge(FRAME_MAX)));
}

async fn a_large_call_and_answer_pass<C: Calls>(ends: &Ends<C>) {
    let body = Bytes::from(vec![7; FRAME_MAX - 1024]);
    let large = ends.one.call(ends.other.node(), "echo", body.clone(), LONG);
    assert_eq!(large.await, Ok(body));
}

async fn calls_to_a_service_begin_in_their_order<C: Calls>(ends: &Ends<C>) {
    let order = Arc::new(Order::default());
    for to in [ends.one.node(), ends.other.node()] {
        let service = Arc::clone(&order) as Arc<dyn Answers>;
        ends.one.serve("order", Arc::clone(&service));
        ends.other.serve("order", service);
        let number = |number: u64| Bytes::copy_from_slice(&number.to_le_bytes());
        let asked = (0..IN_ORDER).map(|n| ends.one.call(to, "order", number(n), LONG));
        let asked: Vec<_> = asked.collect();
        for call in asked {
            assert_eq!(call.await, Ok(Bytes::new()));
        }
        let begun = std::mem::take(&mut *order.0.lock().unwrap_or_else(PoisonError::into_inner));
        let made: Vec<_> = (0..IN_ORDER).map(number).collect();
        assert_eq!(begun, made, "calls to {to} began in another order");
    }
}

async fn a_node_that_nobody_knows_was_never_asked<C: Calls>(ends: &Ends<C>) {
    let nobody = ends.one.call(NOBODY, "echo", hello(), LONG).await;
    assert_eq!(nobody, Err(CallError::Unreachable(NOBODY)));
}

async fn a_call_without_an_answer_ends_in_time<C: Calls>(ends: &Ends<C>, bench: &Bench) {
    let to = ends.other.node();
    let stuck = ends.one.call(to, "stuck", hello(), SHORT).await;
    assert_eq!(stuck, Err(CallError::Unknown(to)));
    until(ends, || bench.under_way() == 0).await;
}

async fn a_caller_that_turns_away_ends_the_work<C: Calls>(ends: &Ends<C>, bench: &Bench) {
    let call = ends.one.call(ends.other.node(), "stuck", hello(), LONG);
    until(ends, || bench.under_way() == 1).await;
    drop(call);
    until(ends, || bench.under_way() == 0).await;
}

async fn a_flooded_service_takes_a_window_and_hinders_no_other<C: Calls>(
    ends: &Ends<C>,
    bench: &Bench,
) {
    let before = bench.begun.load(Ordering::SeqCst);
    bench.most.store(0, Ordering::SeqCst);
    let flood: Vec<_> = (0..MANY)
        .map(|_| ends.one.call(ends.other.node(), "stuck", hello(), LONG))
        .collect();
    until(ends, || bench.under_way() == ends.window.min(MANY)).await;
    settled(ends).await;
    bench.let_go(MANY);
    for call in flood {
        assert_eq!(call.await, Ok(hello()));
    }
    assert_eq!(bench.begun.load(Ordering::SeqCst) - before, MANY);
    let most = bench.most.load(Ordering::SeqCst);
    assert!(most <= ends.window, "{most} calls at once");
}

async fn a_connection_that_dies_leaves_calls_unknown<C: Calls>(ends: &Ends<C>, bench: &Bench) {
    let to = ends.other.node();
    let call = ends.one.call(to, "stuck", hello(), LONG);
    until(ends, || bench.under_way() == 1).await;
    (ends.kill)();
    assert_eq!(call.await, Err(CallError::Unknown(to)));
    settles(ends).await;
    until(ends, || bench.under_way() == 0).await;
}

/// Calls until the connection is a new one for both.
async fn settles<C: Calls>(ends: &Ends<C>) {
    for _ in 0..100 {
        let to = ends.other.node();
        if ends.one.call(to, "echo", hello(), LONG).await.is_ok() {
            return;
        }
    }
    panic!("no new connection");
}

async fn an_actor_that_is_not_there_is_absent<C: Calls + Watches>(ends: &Ends<C>) {
    let path = Path::node().child("nobody");
    let passing = ends.one.watch(ends.other.node(), &path).await;
    assert_eq!(passing, Passing::Absent);
}

async fn a_watcher_hears_that_the_connection_died<C: Calls + Watches>(ends: &Ends<C>) {
    let watch = ends.one.watch_node(ends.other.node());
    settled(ends).await;
    (ends.kill)();
    assert_eq!(watch.await, Passing::NoConnection);
    let nobody = ends.one.watch_node(NOBODY).await;
    assert_eq!(nobody, Passing::NoConnection);
}

async fn after_it_died_there_is_another<C: Calls>(ends: &Ends<C>) {
    settles(ends).await;
    settled(ends).await;
    let back = ends.other.call(ends.one.node(), "echo", hello(), LONG);
    assert_eq!(back.await, Ok(hello()));
}
