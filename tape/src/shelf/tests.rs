//! Rows that end with the test.

use std::collections::BTreeMap;
use std::sync::Mutex;

use holdfast_actors::ports::Pending;
use holdfast_actors::tape::MediumId;

use crate::format::Row;
use crate::ports::{Failed, Shelf};

/// Rows in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<MediumId, Vec<Row>>>);

impl Memory {
    pub(crate) fn put(&self, medium: MediumId, rows: Vec<Row>) {
        self.0.lock().unwrap().insert(medium, rows);
    }

    pub(crate) fn of(&self, medium: MediumId) -> Option<Vec<Row>> {
        self.0.lock().unwrap().get(&medium).cloned()
    }
}

impl Shelf for Memory {
    fn rows(&self, medium: MediumId) -> Pending<Result<Option<Vec<Row>>, Failed>> {
        let rows = self.of(medium);
        Box::pin(async { Ok(rows) })
    }

    fn add(&self, medium: MediumId, rows: &[Row]) -> Pending<Result<(), Failed>> {
        let mut all = self.0.lock().unwrap();
        all.entry(medium).or_default().extend_from_slice(rows);
        Box::pin(async { Ok(()) })
    }

    fn clear(&self, medium: MediumId) -> Pending<Result<(), Failed>> {
        self.0.lock().unwrap().remove(&medium);
        Box::pin(async { Ok(()) })
    }
}
