//! The node's certificates, of which only their numbers count: what is served, what follows, and
//! what the catalog was told.
//!
//! It holds over all lives of the node as the files of the real one do, which replaces each of them
//! whole; that is for the real one's own tests.

use std::sync::{Arc, Mutex, PoisonError};

use holdfast_actors::kernel::Timestamp;
use holdfast_actors::ports::Clock;
use holdfast_actors::rotation::{Certificates, Standing};
use holdfast_actors::shell::Fault;

use crate::invariants::certificate;
use crate::ledger::Ledger;
use crate::mutation::Mutation;

/// How much too early a hasty switch comes, in milliseconds.
const HASTE: u64 = 2_000;

/// The certificates, over all lives.
#[derive(Debug, Default)]
pub(crate) struct Safe {
    served: u64,
    next: Option<(u64, Timestamp)>,
    is_untold: bool,
    /// A planted bug: the one whose telling was forgotten, and how often it was asked for.
    forgotten: (u64, u64),
}

impl Safe {
    /// Keeps a certificate to be served from an instant on, in place of one that waits.
    pub(crate) fn rotate(&mut self, number: u64, switch: Timestamp) {
        (self.next, self.is_untold) = (Some((number, switch)), false);
    }

    /// Serves another certificate at once, of which whoever brought it tells the catalog.
    pub(crate) fn import(&mut self, number: u64) {
        (self.served, self.next, self.is_untold) = (number, None, false);
    }
}

/// The certificates in one life of the node, by its clock.
pub(crate) struct Kept {
    pub(crate) safe: Arc<Mutex<Safe>>,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mutation: Option<Mutation>,
}

impl Kept {
    /// How many milliseconds too early it switches, as a planted bug has it.
    fn haste(&self) -> u64 {
        match self.mutation {
            Some(Mutation::HastyCertificate) => HASTE,
            Some(_) | None => 0,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Safe) -> T) -> T {
        work(&mut self.safe.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Certificates for Kept {
    fn standing(&self) -> Standing {
        let haste = self.haste();
        self.with(|safe| Standing {
            due: safe
                .next
                .map(|(_, switch)| Timestamp::from_millis(switch.as_millis() - haste)),
            untold: safe.is_untold,
        })
    }

    fn served(&self) -> (String, u64) {
        let strays = self.mutation == Some(Mutation::RetoldCertificate);
        self.with(|safe| {
            safe.forgotten.1 += 1;
            let client = if strays { safe.forgotten.1 } else { 0 };
            (certificate::thumbprint(safe.served), safe.served ^ client)
        })
    }

    fn switch(&mut self, due: Timestamp) -> Result<(), Fault> {
        let now = self.clock.now().wall;
        let haste = self.haste();
        let next = self.with(|safe| {
            safe.next
                .take_if(|(_, switch)| switch.as_millis() - haste == due.as_millis())
        });
        let Some((number, due)) = next else {
            return Ok(());
        };
        certificate::switched(&mut self.ledger.book(), number, due, now);
        self.with(|safe| (safe.served, safe.is_untold) = (number, true));
        Ok(())
    }

    fn told(&mut self, thumbprint: &str) -> Result<(), Fault> {
        let forgets = self.mutation == Some(Mutation::RetoldCertificate);
        self.with(|safe| {
            let is_first = safe.forgotten.0 != safe.served;
            if forgets && is_first {
                safe.forgotten.0 = safe.served;
            } else if certificate::thumbprint(safe.served) == thumbprint {
                safe.is_untold = false;
            }
        });
        let mut book = self.ledger.book();
        certificate::told(&mut book, thumbprint);
        Ok(())
    }
}
