//! Who looks on as a run goes by, and sees each decision of each actor.
//!
//! A witness changes nothing: it is told, and nobody waits for it. The trace of a run is the same
//! with one and without.

use std::fmt;
use std::sync::Arc;

use holdfast_actors::shell::{Directory, Path, Step, Watch};

use crate::ledger::Ledger;
use crate::timepiece::Timepiece;
use crate::trace::Micros;

/// Looks on.
pub trait Witness: Send + Sync + fmt::Debug {
    /// An actor has decided.
    fn decided(&self, moment: &Moment<'_>);
}

/// One decision, and where in the run it stands.
pub struct Moment<'a> {
    /// Since the run began, in microseconds.
    pub at: Micros,
    /// The lines of the trace that came before; none if several nodes write to it.
    pub lines: Option<u64>,
    /// On which of several nodes; empty if there is only one.
    pub node: &'a str,
    /// What was decided, by whom.
    pub step: &'a Step<'a>,
    /// All actors of the node.
    pub directory: &'a Directory,
}

impl Moment<'_> {
    /// Where an actor stands among those of all nodes: each has the root's name on its own node,
    /// and the node's among several.
    pub fn place(&self, path: &Path) -> Path {
        let below = path.as_str().strip_prefix(Path::node().as_str());
        match below.filter(|_| !self.node.is_empty()) {
            Some(below) => Path::from(&*format!("{}{below}", self.node)),
            None => path.clone(),
        }
    }
}

/// Who sees the nodes of a run, if anybody does.
pub(crate) type Looker = Option<Arc<dyn Witness>>;

/// A witness at one node.
struct Seat {
    witness: Arc<dyn Witness>,
    node: String,
    view: View,
}

/// Where the time is read.
enum View {
    Ledger(Ledger),
    Timepiece(Timepiece),
}

/// Lets the run's witness, if it has one, see the actors of this directory.
pub(crate) fn seat(directory: &Directory, ledger: &Ledger) {
    let (witness, node) = {
        let book = ledger.book();
        (book.witness.clone(), book.trace.name().to_owned())
    };
    take(directory, witness, node, View::Ledger(ledger.clone()));
}

/// The same at a node of a fleet that keeps no ledger.
pub(crate) fn seat_at(directory: &Directory, witness: &Looker, node: String, time: Timepiece) {
    take(directory, witness.clone(), node, View::Timepiece(time));
}

fn take(directory: &Directory, witness: Looker, node: String, view: View) {
    if let Some(witness) = witness {
        directory.watch(Box::new(Seat {
            witness,
            node,
            view,
        }));
    }
}

impl Watch for Seat {
    fn decided(&self, step: &Step<'_>, directory: &Directory) {
        let (at, lines) = match &self.view {
            View::Ledger(ledger) => {
                let book = ledger.book();
                let is_alone = self.node.is_empty();
                (book.now(), is_alone.then(|| book.trace.count()))
            }
            View::Timepiece(time) => (time.world(), None),
        };
        self.witness.decided(&Moment {
            at,
            lines,
            node: &self.node,
            step,
            directory,
        });
    }
}
