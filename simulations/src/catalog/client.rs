//! Who uses the catalog: one request at a time, through the replica of its own node. What is not
//! answered may have been done or not.

use holdfast_actors::catalog::command::{Actor, Command, ServiceCommand, Submission};
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::names::OperatorName;

use super::book::Book;
use super::{Flaw, Value};
use crate::dice::Dice;
use crate::timepiece::Timepiece;
use crate::world::pass;

/// Who gives the commands.
pub(super) const OPERATOR: &str = "ann";

/// One client, for one life of its node.
pub(super) struct Client {
    pub(super) node: NodeId,
    pub(super) catalog: Catalog,
    pub(super) book: Book,
    pub(super) time: Timepiece,
    pub(super) dice: Dice,
    /// Milliseconds between two requests at most.
    pub(super) pause: u64,
    pub(super) flaw: Option<Flaw>,
    pub(super) number: u64,
    pub(super) sequence: u64,
}

/// A value as it stands in the catalog.
pub(super) fn text(value: Value) -> String {
    format!("value-{value:08}")
}

/// The value that stands there; 0 if none does.
pub(super) fn value(text: Option<&str>) -> Value {
    let digits = text.and_then(|text| text.strip_prefix("value-"));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

impl Client {
    pub(super) async fn work(mut self) {
        let (mut calm, mut written, mut read) = (0, false, false);
        loop {
            pass(1 + self.dice.below(self.pause)).await;
            let now_calm = self.book.pages().calm;
            if calm != now_calm {
                (calm, written, read) = (now_calm, false, false);
            }
            // What must work in a calm is asked for first.
            let drawn = self.dice.one_in(2);
            let writes = if calm > 0 && !written { true } else { drawn };
            let done = if writes {
                self.write().await
            } else {
                self.read().await
            };
            if !done {
                continue;
            }
            (written, read) = (written || writes, read || (written && !writes));
            if calm > 0 && written && read && calm == self.book.pages().calm {
                let rows = self.catalog.rows();
                self.book.pages().settled.entry(self.node).or_insert(rows);
            }
        }
    }

    async fn write(&mut self) -> bool {
        let value = {
            let mut pages = self.book.pages();
            pages.values += 1;
            pages.values
        };
        self.sequence += 1;
        let Some(name) = OperatorName::parse(OPERATOR).ok() else {
            return false;
        };
        let submission = Submission {
            client: self.number,
            sequence: self.sequence,
            by: Actor::Operator(name),
            at: Timestamp::default(),
            command: Command::Service(ServiceCommand::Maintenance(Some(text(value)))),
        };
        let number = self.book.begins(self.node, Some(value), self.time.world());
        if self.flaw == Some(Flaw::LostWrite) && self.dice.one_in(20) {
            self.book
                .ends(self.node, number, Some(value), self.time.world());
            return true;
        }
        let told = self.catalog.submit(submission).await;
        let now = self.time.world();
        if let Err(SubmitError::Refused(refused)) = &told {
            self.book
                .say(now, format_args!("on {}: {refused}", self.node));
            self.book.pages().requests[number].refused = true;
        }
        let told = told.ok().map(|_| value);
        self.book.ends(self.node, number, told, now);
        told.is_some()
    }

    async fn read(&self) -> bool {
        let number = self.book.begins(self.node, None, self.time.world());
        let is_careless = self.flaw == Some(Flaw::StaleRead);
        let caught_up = is_careless || self.catalog.catch_up().await.is_ok();
        let rows = self.catalog.rows();
        let told = caught_up.then(|| value(rows.maintenance.as_deref()));
        self.book.ends(self.node, number, told, self.time.world());
        told.is_some()
    }
}
