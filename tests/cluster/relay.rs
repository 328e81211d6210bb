//! A relay between the nodes of a test: every datagram passes here, late, never, or as it came.
//!
//! Each node says that it is reached at the relay's address for it, and listens elsewhere. A
//! datagram that comes in at the address of node B from where node A listens is from A to B; it
//! goes on from a socket that stands for A at B, so that the answer comes back the same way. Who is
//! not known yet, a newcomer that asks to be let in, gets a socket of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::Duration;

use crate::node::Stopwatch;
use crate::pulse::Ending;

/// How long a socket is listened at before it is looked whether the relay has ended.
const LISTENED: Duration = Duration::from_millis(200);
/// More than any datagram between nodes.
const DATAGRAM_MAX: usize = 8_192;

/// A node's number here, from 0 on.
type Place = usize;

/// What happens to datagrams.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    cut: Mutex<BTreeSet<(Place, Place)>>,
    /// One datagram in so many is lost; none if 0.
    loss: AtomicU64,
    /// How late all are, in milliseconds.
    delay: AtomicU64,
    passed: AtomicU64,
    ended: AtomicBool,
}

impl Weather {
    /// Nothing passes from one to the other any more.
    pub(crate) fn cut(&self, from: Place, to: Place) {
        self.cut.lock().unwrap().insert((from, to));
    }

    /// Nothing passes between a node and these any more.
    pub(crate) fn part(&self, one: Place, others: &[Place]) {
        for other in others {
            self.cut(one, *other);
            self.cut(*other, one);
        }
    }

    /// All passes again.
    pub(crate) fn heal(&self) {
        self.cut.lock().unwrap().clear();
    }

    /// One datagram in so many is lost, and each is late by so many milliseconds.
    pub(crate) fn worsen(&self, loss: u64, delay: u64) {
        self.loss.store(loss, Ordering::Relaxed);
        self.delay.store(delay, Ordering::Relaxed);
    }

    /// Ends the relay when this goes.
    pub(crate) fn ending(&self) -> Ending<'_> {
        Ending(&self.ended)
    }

    fn passes(&self, from: Option<Place>, to: Option<Place>) -> bool {
        let number = self.passed.fetch_add(1, Ordering::Relaxed);
        let loss = self.loss.load(Ordering::Relaxed);
        if loss > 0 && number.is_multiple_of(loss) {
            return false;
        }
        let (Some(from), Some(to)) = (from, to) else {
            return true;
        };
        !self.cut.lock().unwrap().contains(&(from, to))
    }
}

/// Where a node is said to be, and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// The relay's.
    pub(crate) said: SocketAddr,
    /// The node's own.
    pub(crate) bound: SocketAddr,
}

/// Passes datagrams on until it is told to end, in threads of this scope.
pub(crate) fn run<'scope>(
    scope: &'scope Scope<'scope, '_>,
    weather: &'scope Weather,
    nodes: &'scope [Ends],
) {
    for (to, ends) in nodes.iter().enumerate() {
        let socket = listening(ends.said);
        scope.spawn(move || inward(scope, weather, nodes, (to, &socket)));
    }
}

fn listening(at: SocketAddr) -> UdpSocket {
    UdpSocket::bind(at).unwrap()
}

/// Datagrams that are under way.
struct Line {
    watch: Stopwatch,
    held: VecDeque<(f64, SocketAddr, Vec<u8>)>,
}

impl Line {
    fn new() -> Self {
        Self {
            watch: Stopwatch::start(),
            held: VecDeque::new(),
        }
    }

    /// The next datagram that came in, if one did, and who sent it.
    fn next(&self, socket: &UdpSocket, datagram: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let due = self
            .held
            .front()
            .map(|(due, ..)| due - self.watch.seconds());
        let due = due.map(|due| Duration::from_secs_f64(due.max(0.000_1)));
        let wait = due.unwrap_or(LISTENED).min(LISTENED);
        socket.set_read_timeout(Some(wait)).unwrap();
        // Nothing came, or a node that is down refuses.
        socket.recv_from(datagram).ok()
    }

    fn hold(&mut self, weather: &Weather, from: SocketAddr, datagram: &[u8]) {
        let delay = weather.delay.load(Ordering::Relaxed) as f64 / 1e3;
        let due = self.watch.seconds() + delay;
        self.held.push_back((due, from, datagram.to_vec()));
    }

    /// What has arrived by now.
    fn arrived(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let now = self.watch.seconds();
        let (_, from, datagram) = self.held.pop_front_if(|(due, ..)| *due <= now)?;
        Some((from, datagram))
    }
}

/// Takes what comes in for one node, and takes it there.
fn inward<'scope>(
    scope: &'scope Scope<'scope, '_>,
    weather: &'scope Weather,
    nodes: &'scope [Ends],
    (to, socket): (Place, &UdpSocket),
) {
    let mut behalf: BTreeMap<SocketAddr, UdpSocket> = BTreeMap::new();
    let (mut line, mut datagram) = (Line::new(), [0; DATAGRAM_MAX]);
    let place = |from: SocketAddr| nodes.iter().position(|ends| ends.bound == from);
    while !weather.ended.load(Ordering::Relaxed) {
        if let Some((length, from)) = line.next(socket, &mut datagram)
            && weather.passes(place(from), Some(to))
        {
            line.hold(weather, from, &datagram[..length]);
        }
        while let Some((from, datagram)) = line.arrived() {
            let stands = behalf.entry(from).or_insert_with(|| {
                let stands = listening(SocketAddr::new(nodes[to].said.ip(), 0));
                let (back, home) = (stands.try_clone().unwrap(), socket.try_clone().unwrap());
                let way = (Some(to), place(from));
                scope.spawn(move || outward(weather, way, (&back, &home), from));
                stands
            });
            let _ = stands.send_to(&datagram, nodes[to].bound);
        }
    }
}

/// Takes the answers of a node back to who asked.
fn outward(
    weather: &Weather,
    (from, to): (Option<Place>, Option<Place>),
    (stands, home): (&UdpSocket, &UdpSocket),
    asker: SocketAddr,
) {
    let (mut line, mut datagram) = (Line::new(), [0; DATAGRAM_MAX]);
    while !weather.ended.load(Ordering::Relaxed) {
        if let Some((length, _)) = line.next(stands, &mut datagram)
            && weather.passes(from, to)
        {
            line.hold(weather, asker, &datagram[..length]);
        }
        while let Some((asker, datagram)) = line.arrived() {
            let _ = home.send_to(&datagram, asker);
        }
    }
}
