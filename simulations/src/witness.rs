//! Who looks on as a run goes by, and sees each decision of each actor.
//!
//! A witness changes nothing: it is told, and nobody waits for it. The trace of a run is the same
//! with one and without.

use std::fmt;
use std::sync::Arc;

use holdfast_actors::shell::{Directory, Step, Watch};

use crate::ledger::Ledger;
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
    /// The lines of the trace that came before.
    pub lines: u64,
    /// What was decided, by whom.
    pub step: &'a Step<'a>,
    /// All actors of the node.
    pub directory: &'a Directory,
}

/// A witness at one node, which it knows by its directory.
struct Seat {
    witness: Arc<dyn Witness>,
    ledger: Ledger,
}

/// Lets the run's witness, if it has one, see the actors of this directory.
pub(crate) fn seat(directory: &Directory, ledger: &Ledger) {
    let witness = ledger.book().witness.clone();
    if let Some(witness) = witness {
        let ledger = ledger.clone();
        directory.watch(Box::new(Seat { witness, ledger }));
    }
}

impl Watch for Seat {
    fn decided(&self, step: &Step<'_>, directory: &Directory) {
        let (at, lines) = {
            let book = self.ledger.book();
            (book.now(), book.trace.count())
        };
        self.witness.decided(&Moment {
            at,
            lines,
            step,
            directory,
        });
    }
}
