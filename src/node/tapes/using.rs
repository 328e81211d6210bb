//! Which cartridges the orders to this node have in a drive, or wait with for one.
//!
//! Invariant: no two orders have one cartridge, and what an order has it gives back however it
//! ends.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::tape::MediumId;

use crate::admin::{Problem, ProblemClass};

/// What is done with a cartridge, as the end of a sentence.
type Doing = &'static str;

/// The cartridges that orders have. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Using(Arc<Mutex<BTreeMap<MediumId, Doing>>>);

/// A cartridge that an order has until this is dropped.
pub(super) struct Use {
    using: Using,
    medium: MediumId,
}

impl Using {
    /// Takes a cartridge that nobody has.
    ///
    /// # Errors
    /// What is done with it.
    pub(super) fn take(&self, medium: MediumId, label: &str, doing: Doing) -> Result<Use, Problem> {
        match self.all().entry(medium) {
            Entry::Occupied(other) => Err(taken(label, other.get())),
            Entry::Vacant(free) => {
                free.insert(doing);
                let using = self.clone();
                Ok(Use { using, medium })
            }
        }
    }

    /// Refuses one that somebody has.
    ///
    /// # Errors
    /// What is done with it.
    pub(super) fn unused(&self, medium: MediumId, label: &str) -> Result<(), Problem> {
        match self.all().get(&medium) {
            Some(doing) => Err(taken(label, doing)),
            None => Ok(()),
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<MediumId, Doing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.using.all().remove(&self.medium);
    }
}

fn taken(label: &str, doing: Doing) -> Problem {
    let told = format!("cartridge {label} is being {doing} by another order: wait for its end");
    Problem::new(ProblemClass::Conflict, "cartridge-in-use", told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_order_at_a_time_has_a_cartridge_and_the_other_hears_what_is_done_with_it() {
        let using = Using::default();
        let (one, other) = (MediumId::new(1), MediumId::new(2));
        let held = using.take(one, "HF0001L8", "read back").unwrap();
        let again = using.take(one, "HF0001L8", "copied").err().unwrap();
        assert_eq!(again.reason, "cartridge-in-use");
        let told = "cartridge HF0001L8 is being read back by another order: wait for its end";
        assert_eq!(again.message, told);
        assert!(using.unused(one, "HF0001L8").is_err());
        assert!(using.unused(other, "HF0002L8").is_ok());
        drop(using.take(other, "HF0002L8", "copied").unwrap());
        drop(held);
        assert!(using.unused(one, "HF0001L8").is_ok());
        assert!(using.take(one, "HF0001L8", "copied").is_ok());
    }
}
