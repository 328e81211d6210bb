//! The catalog as the node's tape room has it, with somebody who reads what passes.
//!
//! `tape-time`: a cartridge is begun anew only when what it bears was given up, or its time is over
//! (I11).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::{LibraryCommand, RestoreCommand, SetCommand, TapeCommand};
use holdfast_actors::kernel::Date;
use holdfast_actors::ports::Pending;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Record;
use holdfast_tape::ports::{Books, Failed};

use super::judge;
use super::robot::Robots;
use crate::ledger::Ledger;
use crate::mutation::Mutation;

pub(super) const TIME: &str = "tape-time";

/// What each cartridge bears that counts: the last day on which something was added.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(Arc<Mutex<BTreeMap<MediumId, Date>>>);

impl Times {
    fn open(&self) -> MutexGuard<'_, BTreeMap<MediumId, Date>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operator gives up what is on a cartridge.
    pub(super) fn give_up(&self, medium: MediumId) {
        self.open().remove(&medium);
    }
}

/// Reads what passes to the catalog.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) inner: Arc<dyn Books>,
    pub(super) robots: Robots,
    pub(super) times: Times,
    pub(super) ledger: Ledger,
    /// What operators were told: so many days are kept.
    pub(super) keep_days: u32,
    pub(super) mutation: Option<Mutation>,
}

impl Reader {
    /// The catalog is asked.
    fn before(&self, command: &TapeCommand) {
        let TapeCommand::Set(_, SetCommand::Begin { medium, label }) = command else {
            return;
        };
        let today = Date::of(self.ledger.book().right_wall());
        for bearer in [Some(*medium), label.medium].into_iter().flatten() {
            let bears = self.times.open().get(&bearer).copied();
            let until = bears.map(|last| last.plus(self.keep_days));
            if until.is_some_and(|until| today < until) {
                let story = format_args!("{bearer} is begun anew on {today}, {until:?} is its day");
                self.ledger.breach(TIME, story);
            }
        }
    }

    /// The catalog has agreed.
    fn behind(&self, command: &TapeCommand) {
        match command {
            TapeCommand::Library(_, LibraryCommand::Noted(Record::Meant(intent))) => {
                self.robots.watch.meant(intent.way());
            }
            TapeCommand::Set(_, SetCommand::Begin { medium, label }) => {
                self.times.open().remove(medium);
                if let Some(bearer) = label.medium {
                    self.times.open().remove(&bearer);
                    self.floor(bearer, true);
                }
            }
            TapeCommand::Set(_, SetCommand::Committed { medium, .. }) => {
                let today = Date::of(self.ledger.book().right_wall());
                self.times.open().insert(*medium, today);
                self.floor(*medium, false);
            }
            TapeCommand::Library(..)
            | TapeCommand::Pool(..)
            | TapeCommand::Job(..)
            | TapeCommand::Medium(..)
            | TapeCommand::Set(..)
            | TapeCommand::Key(..)
            | TapeCommand::Restore(..)
            | TapeCommand::Vault(..)
            | TapeCommand::Class(..) => {}
        }
    }

    /// What the cartridge bears that says it is this one must stay, or need not any more.
    fn floor(&self, medium: MediumId, is_over: bool) {
        let rows = self.inner.rows();
        let begun = rows.tape.media.get(&medium).map(|row| row.generation);
        for barcode in self.robots.barcodes() {
            let who = judge::who(&self.robots, &barcode);
            let is_it = who.is_some_and(|(it, of)| it == medium && (is_over || Some(of) == begun));
            if is_it {
                let objects = judge::objects(&self.robots, &barcode);
                let floor = if is_over { 0 } else { objects };
                self.robots.watch.floor(&barcode, floor);
            }
        }
    }

    fn swallows(&self, command: &TapeCommand) -> bool {
        match command {
            TapeCommand::Library(_, LibraryCommand::Noted(Record::Meant(_))) => {
                self.mutation == Some(Mutation::UnnotedMove)
            }
            TapeCommand::Restore(_, RestoreCommand::End(_)) => {
                self.mutation == Some(Mutation::EndlessRestore)
            }
            TapeCommand::Library(..)
            | TapeCommand::Pool(..)
            | TapeCommand::Job(..)
            | TapeCommand::Medium(..)
            | TapeCommand::Set(..)
            | TapeCommand::Key(..)
            | TapeCommand::Restore(..)
            | TapeCommand::Vault(..)
            | TapeCommand::Class(..) => false,
        }
    }
}

impl Books for Reader {
    fn rows(&self) -> Arc<Rows> {
        let rows = self.inner.rows();
        if self.mutation != Some(Mutation::ClearText) {
            return rows;
        }
        let mut rows = (*rows).clone();
        rows.tape.encrypted.clear();
        Arc::new(rows)
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        if self.swallows(&command) {
            return Box::pin(async { Ok(()) });
        }
        self.before(&command);
        let (reader, passed) = (self.clone(), command.clone());
        let decided = self.inner.submit(command);
        Box::pin(async move {
            decided.await?;
            reader.behind(&passed);
            Ok(())
        })
    }
}
