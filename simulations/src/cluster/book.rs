//! What clients sent and were told: all that an invariant may judge by.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{Date, NodeId};
use holdfast_actors::object::Hash;

use super::invariants::holder::Belief;
use super::invariants::lease;
use super::office::Standing;
use crate::fleet::Log;
use crate::plan::Order;
use crate::trace::Micros;
use crate::verdict::{Figures, Violation};

/// One object that a client sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Thing {
    /// Of which its bytes are made.
    pub(super) number: u64,
    pub(super) length: usize,
    /// When it was known to be there.
    pub(super) stored: Option<Micros>,
    /// When its deletion began first, and when it was known to be done.
    pub(super) deleting: Option<Micros>,
    pub(super) deleted: Option<Micros>,
}

/// Something that operators want of a node.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) number: u64,
    pub(super) node: NodeId,
    pub(super) order: Order,
}

/// The last day that operators want a tenant's lease to have; none for ever.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) number: u64,
    pub(super) tenant: usize,
    pub(super) last: Option<Date>,
}

/// The book of one run. Cheap to clone.
#[derive(Clone)]
pub(super) struct Book(Arc<Mutex<Pages>>);

/// Its pages.
pub(super) struct Pages {
    /// What each tenant sent, by name.
    pub(super) things: Vec<BTreeMap<Hash, Thing>>,
    /// How many things there were.
    pub(super) count: u64,
    /// Whether nothing goes wrong, and how often that began.
    pub(super) calm: u32,
    pub(super) is_calm: bool,
    /// Tenants that got on since.
    pub(super) settled: BTreeSet<usize>,
    /// What operators still want, and how nodes stand after what was done of it.
    pub(super) orders: VecDeque<Given>,
    pub(super) given: u64,
    /// How many terms there were.
    pub(super) count_of_terms: u64,
    pub(super) standings: BTreeMap<NodeId, Standing>,
    /// Nodes that are up, and since when they are no majority.
    pub(super) up: BTreeSet<NodeId>,
    pub(super) voters: usize,
    pub(super) minority: Option<Micros>,
    /// The newest rows that any node has shown.
    pub(super) rows: Rows,
    /// The catalog's time and day at a place of the log.
    pub(super) times: BTreeMap<u64, (Duration, Date)>,
    /// What lives of nodes believe of their leases.
    pub(super) beliefs: BTreeMap<NodeId, Belief>,
    /// What operators want tenants' last days to be, in order, with a number each.
    pub(super) terms: VecDeque<Term>,
    /// What they were told that they are, and since when which are over.
    pub(super) lasts: BTreeMap<usize, Option<Date>>,
    pub(super) ended: BTreeMap<usize, Micros>,
    pub(super) figures: Figures,
    pub(super) violations: Vec<Violation>,
    pub(super) log: Log,
}

impl Book {
    pub(super) fn new(tenants: usize, nodes: usize, log: Log) -> Self {
        // Of more than five nodes five vote, of four three: the others may all be down.
        let voters = match nodes {
            0..3 => 1,
            3..5 => 3,
            5.. => 5,
        };
        Self(Arc::new(Mutex::new(Pages {
            things: vec![BTreeMap::new(); tenants],
            count: 0,
            calm: 0,
            is_calm: false,
            settled: BTreeSet::new(),
            orders: VecDeque::new(),
            given: 0,
            count_of_terms: 0,
            standings: BTreeMap::new(),
            up: BTreeSet::new(),
            voters,
            minority: None,
            rows: Rows::default(),
            times: BTreeMap::new(),
            beliefs: BTreeMap::new(),
            terms: VecDeque::new(),
            lasts: BTreeMap::new(),
            ended: BTreeMap::new(),
            figures: Figures::default(),
            violations: Vec::new(),
            log,
        })))
    }

    /// Opens it. Never held over an await.
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub(super) fn say(&self, now: Micros, what: fmt::Arguments<'_>) {
        self.pages().log.say(now, what);
    }
}

impl Pages {
    /// A broken promise.
    pub(super) fn breach(
        &mut self,
        invariant: &'static str,
        now: Micros,
        story: fmt::Arguments<'_>,
    ) {
        self.log
            .say(now, format_args!("BROKEN {invariant}: {story}"));
        Violation::note(&mut self.violations, invariant, now, story);
    }

    /// Operators want something.
    pub(super) fn wants(&mut self, node: NodeId, order: Order) {
        self.given += 1;
        let number = self.given;
        self.orders.push_back(Given {
            number,
            node,
            order,
        });
    }

    /// What operators wanted was done, or they were told that it makes no sense.
    pub(super) fn ordered(&mut self, given: &Given, now: Micros) {
        let is_first = |first: &Given| first.number == given.number;
        if !self.orders.front().is_some_and(is_first) {
            return;
        }
        self.orders.pop_front();
        let (node, order) = (given.node, given.order);
        self.log.say(now, format_args!("{node}: {order:?} is done"));
        match order {
            Order::Join => self.standings.insert(node, Standing::Joined),
            Order::Drain => self.standings.insert(node, Standing::Drained),
            Order::Undrain => self.standings.remove(&node),
            Order::Remove | Order::Expel => self.standings.insert(node, Standing::Removed(now)),
        };
    }

    /// Operators want a tenant's lease to end behind a day.
    pub(super) fn lets(&mut self, tenant: usize, last: Option<Date>) {
        self.count_of_terms += 1;
        let number = self.count_of_terms;
        self.terms.push_back(Term {
            number,
            tenant,
            last,
        });
    }

    /// What operators wanted of a lease was done, or is being done: until it was, nobody judges.
    pub(super) fn termed(&mut self, term: &Term, is_done: bool, now: Micros) {
        self.lasts.insert(term.tenant, None);
        if is_done
            && self
                .terms
                .front()
                .is_some_and(|it| it.number == term.number)
        {
            self.terms.pop_front();
            self.lasts.insert(term.tenant, term.last);
            self.log.say(now, format_args!("{term:?} is done"));
        }
        lease::see(self, now);
    }

    /// Since when a node is removed.
    pub(super) fn removed(&self, node: NodeId) -> Option<Micros> {
        match self.standings.get(&node) {
            Some(Standing::Removed(since)) => Some(*since),
            Some(Standing::Joined | Standing::Drained) | None => None,
        }
    }

    /// A node is up from now on, or down.
    pub(super) fn turns(&mut self, node: NodeId, is_up: bool, now: Micros) {
        if is_up {
            self.up.insert(node);
        } else {
            self.up.remove(&node);
        }
        let is_minority = self.up.len() * 2 <= self.voters;
        self.minority = is_minority.then(|| self.minority.unwrap_or(now));
    }

    /// Things of a tenant that are there for certain, and nobody has begun to delete.
    pub(super) fn standing(&self, tenant: usize) -> Vec<(Hash, Thing)> {
        let things = self.things[tenant].iter();
        let stands = |thing: &Thing| thing.stored.is_some() && thing.deleting.is_none();
        let standing = things.filter(|(_, thing)| stands(thing));
        standing
            .map(|(hash, thing)| (*hash, thing.clone()))
            .collect()
    }
}
