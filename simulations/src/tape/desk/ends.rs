//! Peace: what was begun comes to an end.
//!
//! `tape-ends`: once nothing goes wrong and there are cartridges enough, each restore has an end,
//! no tenant is shut out any more, and a job that is told to write writes. `tape-restored`: a
//! repository that was put back shows what the run holds, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_actors::catalog::rows::{Destination, Restore, RestoreEnd, RestorePart};
use holdfast_actors::catalog::tape::{MediumCommand, TapeCommand};
use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::object::Kind;
use holdfast_actors::tape::job::Occasion;
use holdfast_actors::tape::{MediaSet, MediumId};
use holdfast_tape::format::Object;
use holdfast_tape::library::{FIRST_SLOT, Plan, Unit};
use holdfast_tape::naming;

use super::Desk;
use crate::dice::Dice;
use crate::tape::judge::Judge;
use crate::tape::robot::SLOTS;
use crate::world::pass;

pub(in crate::tape) const ENDS: &str = "tape-ends";
pub(in crate::tape) const RESTORED: &str = "tape-restored";

/// A cartridge that takes all.
const LARGE_KIB: u64 = 1 << 20;
/// How long everybody has to get on.
const PATIENCE: Duration = Duration::from_secs(14 * 86_400);

impl Desk {
    /// Mends the library, and waits until all has come to its end.
    pub(in crate::tape) async fn make_peace(&self, dice: &mut Dice) {
        self.mend();
        self.set_up(dice).await;
        self.unprotect().await;
        self.look().await;
        if self.shape.restores {
            self.bring_back(dice).await;
        }
        let ended = tokio::time::timeout(PATIENCE, self.all_ended()).await;
        if ended.is_err() {
            let rows = self.rows();
            let restores = rows.tape.restores.iter();
            let open: Vec<_> = restores.filter(|(_, row)| row.end.is_none()).collect();
            self.ledger
                .breach(ENDS, format_args!("they go on: {open:?}"));
        }
        self.restored().await;
        self.renew();
        self.look().await;
        self.writes(dice).await;
        self.let_in();
        self.check();
    }

    /// Comes when the power was cut for the last time.
    pub(in crate::tape) fn judge(&self) {
        self.check();
    }

    /// The library is as good as new; what was in drives stands in slots.
    fn mend(&self) {
        let slots = FIRST_SLOT..FIRST_SLOT + SLOTS;
        self.robots.devices.with(|library| {
            *library.plan() = Plan::default();
            library.reset(Unit::Changer);
            for drive in 0..usize::from(self.shape.drives) {
                library.reset(Unit::Drive(drive));
                let mut taken = library.repair(drive);
                for slot in slots.clone() {
                    taken = taken.and_then(|taken| library.insert(slot, taken));
                }
            }
        });
    }

    async fn unprotect(&self) {
        let media: Vec<MediumId> = self.rows().tape.media.keys().copied().collect();
        for id in media {
            let protect = MediumCommand::Protect(false);
            self.tape(TapeCommand::Medium(id, protect)).await;
        }
    }

    /// All cartridges go that stand in slots, and blank ones come.
    fn renew(&self) {
        let slots = FIRST_SLOT..FIRST_SLOT + SLOTS;
        self.robots.devices.with(|library| {
            for slot in slots.clone() {
                library.remove(slot);
            }
        });
        // What is in a drive, or on the arm, comes back to a slot.
        let away = self.robots.places().len();
        for slot in slots.skip(away) {
            self.robots.add(slot, LARGE_KIB);
        }
    }

    async fn look(&self) {
        if !self.inventory().await {
            pass(120_000).await;
            self.inventory().await;
        }
    }

    async fn all_ended(&self) {
        let is_open = || {
            let rows = self.rows();
            rows.tape.restores.values().any(|row| row.end.is_none())
        };
        while is_open() {
            pass(60_000).await;
        }
    }

    /// Looks at repositories that were put back.
    async fn restored(&self) {
        let doubtful: Vec<RepositoryId> = self.shop().doubtful.iter().copied().collect();
        for id in doubtful {
            let rows = self.rows();
            let mut restores = rows.tape.restores.values();
            let last = restores.rfind(|row| row.parts.iter().any(|part| self.is_to(part, id)));
            let Ok(shown) = self.repositories.view(id, self.wall()).await else {
                let story = format_args!("{id} cannot be seen");
                self.ledger.breach(RESTORED, story);
                continue;
            };
            let objects = shown.iter().filter_map(|item| naming::object(item.key));
            let objects: BTreeSet<Object> = objects.collect();
            if let Some(listed) = last.and_then(|row| self.exactly(row)) {
                self.ledger.book().figures.views += 1;
                if objects != listed {
                    let odd: Vec<_> = objects.symmetric_difference(&listed).collect();
                    let story = format_args!("{id} shows or lacks {odd:?}");
                    self.ledger.breach(RESTORED, story);
                }
            }
            self.shop().look(id, &shown, self.wall());
        }
    }

    fn is_to(&self, part: &RestorePart, id: RepositoryId) -> bool {
        match &part.to {
            Destination::Original => {
                let rows = self.rows();
                let set = rows.tape.sets.get(&part.set);
                let mut runs = set.into_iter().flat_map(|set| &set.runs);
                runs.any(|run| run.name == part.run && run.repository == id)
            }
            Destination::Repository(to) => *to == id,
            Destination::Folder(_) => false,
        }
    }

    /// What a repository must show that was put back by this restore.
    fn exactly(&self, restore: &Restore) -> Option<BTreeSet<Object>> {
        let (_, end) = restore.end.as_ref()?;
        let part = restore.parts.first()?;
        if *end != RestoreEnd::Complete || part.to != Destination::Original {
            return None;
        }
        let rows = self.rows();
        let mut judge = Judge::new(&self.robots, &self.ledger, &rows);
        judge.read();
        judge.list(part.set, &part.run)
    }

    /// A job that is told to writes, as soon as it may.
    async fn writes(&self, dice: &mut Dice) {
        if let Some(id) = self.repository(dice) {
            self.store(id, Kind::Data, dice).await;
        }
        let Some(end) = self.run(MediaSet::Weekly).await else {
            let story = format_args!("the job hears nothing");
            return self.ledger.breach(ENDS, story);
        };
        match tokio::time::timeout(PATIENCE, end).await {
            Ok(Ok(Occasion::Success)) => self.ledger.book().figures.backups += 1,
            other => {
                for (id, row) in &self.rows().tape.media {
                    let (label, medium) = (row.label(*id), &row.medium);
                    self.ledger.say(format_args!("{label}: {medium:?}"));
                }
                let story = format_args!("a run that nothing stands against ended: {other:?}");
                self.ledger.breach(ENDS, story);
            }
        }
    }

    fn let_in(&self) {
        for (name, row) in self.rows().tenants.iter() {
            if row.disabled.is_some() {
                let story = format_args!("{name} is shut out for ever");
                self.ledger.breach(ENDS, story);
            }
        }
    }
}
