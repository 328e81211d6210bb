//! Media sets: what is written on which cartridges, and until when it is kept.

use imbl::Vector;

use super::super::Refused;
use super::super::draft::Draft;
use super::super::events::Code;
use super::super::rows::{Head, Run, Set};
use super::{SetCommand, TapeRefused};
use crate::kernel::RepositoryId;
use crate::tape::media::{Content, Expiry, Kind, Label, Written};
use crate::tape::pool::Retention;
use crate::tape::{MediaSet, MediumId, PoolId, SetId};

const SETS_MAX: usize = 65_536;
/// Runs of one set.
const RUNS_MAX: usize = 65_536;

impl Draft<'_> {
    pub(super) fn set(&mut self, id: SetId, command: &SetCommand) -> Result<(), Refused> {
        match command {
            SetCommand::Open {
                pool,
                set,
                owner,
                one,
            } => self.open_set(id, (*pool, *set), *owner, *one),
            SetCommand::Begin { medium, label } => self.begin(id, *medium, *label),
            SetCommand::Run(run) => self.run(id, run),
            SetCommand::Committed { medium, head } => self.committed(id, *medium, *head),
            SetCommand::Ran { run } => self.ran(id, run),
            SetCommand::Full { medium } => {
                self.last_of(id, *medium)?;
                self.close_medium(*medium, None);
                Ok(())
            }
            SetCommand::Close => self.close_set(id),
        }
    }

    pub(super) fn known_set(&self, id: SetId) -> Result<&Set, Refused> {
        let row = self.rows.tape.sets.get(&id);
        row.ok_or_else(|| TapeRefused::NoSet(id).into())
    }

    fn open(&self, id: SetId) -> Result<&Set, Refused> {
        let row = self.known_set(id)?;
        match row.closed {
            Some(_) => Err(TapeRefused::Closed(id).into()),
            None => Ok(row),
        }
    }

    /// Refuses a cartridge that an open set does not write now.
    fn last_of(&self, id: SetId, medium: MediumId) -> Result<(), Refused> {
        match self.open(id)?.media.last() {
            Some(last) if *last == medium => Ok(()),
            Some(_) | None => Err(TapeRefused::NotLast(medium, id).into()),
        }
    }

    fn open_set(
        &mut self,
        id: SetId,
        (pool, set): (PoolId, MediaSet),
        owner: Option<u64>,
        one: Option<RepositoryId>,
    ) -> Result<(), Refused> {
        let row = Set {
            pool,
            set,
            owner,
            one,
            media: Vector::new(),
            opened: self.at,
            closed: None,
            runs: Vector::new(),
        };
        let mut pools = self.rows.tape.pools.iter();
        let found = pools.find(|(_, row)| row.id == pool);
        let Some((name, pool)) = found else {
            return Err(TapeRefused::NoSet(id).into());
        };
        if !pool.rules.sets.contains_key(&set) {
            return Err(TapeRefused::SetOff(name.clone(), set).into());
        }
        if self.rows.tape.sets.len() >= SETS_MAX {
            let (what, most) = ("media sets", SETS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        match self.rows.tape.sets.contains_key(&id) {
            true => Err(TapeRefused::Closed(id).into()),
            false => {
                self.rows.tape.sets.insert(id, row);
                Ok(())
            }
        }
    }

    /// What is on the cartridge is lost from here on, so both it and what is known of it must agree.
    fn begin(&mut self, id: SetId, medium: MediumId, label: Label) -> Result<(), Refused> {
        let set = self.open(id)?.clone();
        let row = self.known_medium(medium)?.clone();
        let today = self.rows.clock.today;
        row.may(row.medium.may_begin(medium, label, today), medium)?;
        let pools = &mut self.rows.tape.pools.values();
        let is_worm = pools.any(|pool| pool.id == set.pool && pool.rules.is_worm);
        let fits = (row.medium.kind == Kind::Worm) == is_worm;
        let mine = row.medium.pool.is_none_or(|pool| pool == set.pool);
        if !fits || !mine {
            return Err(TapeRefused::NotFree(row.label(medium)).into());
        }
        if let Some((old, _)) = row.of {
            if self.is_restoring(old) {
                return Err(TapeRefused::Restoring(row.label(medium)).into());
            }
            self.forget_set(old);
        }
        if let Some(last) = set.media.last() {
            self.close_medium(*last, None);
        }
        let sequence = u32::try_from(set.media.len() + 1).unwrap_or(u32::MAX);
        let last = self.at;
        self.alter_medium(medium, |row| {
            row.of = Some((id, sequence));
            row.generation += 1;
            row.head = Head::default();
            row.medium.pool = Some(set.pool);
            row.medium.set = Some(set.set);
            row.medium.content = Content::Written(Written {
                is_closed: false,
                expires: Expiry::Never,
                last,
            });
        });
        self.alter_set(id, |row| row.media.push_back(medium));
        Ok(())
    }

    /// A set of which a cartridge is written over cannot be restored any more.
    fn forget_set(&mut self, id: SetId) {
        let Some(row) = self.rows.tape.sets.remove(&id) else {
            return;
        };
        for medium in row.media {
            self.alter_medium(medium, |row| row.of = None);
        }
    }

    fn alter_set(&mut self, id: SetId, change: impl FnOnce(&mut Set)) {
        if let Some(row) = self.rows.tape.sets.get_mut(&id) {
            change(row);
        }
    }

    /// Nothing is appended to it any more; with a day it may be written over from then on.
    fn close_medium(&mut self, id: MediumId, expires: Option<Expiry>) {
        self.alter_medium(id, |row| {
            if let Content::Written(written) = &mut row.medium.content {
                written.is_closed = true;
                written.expires = expires.unwrap_or(written.expires);
            }
        });
    }

    fn run(&mut self, id: SetId, run: &Run) -> Result<(), Refused> {
        let set = self.open(id)?;
        let there = set.runs.iter().find(|other| other.name == run.name);
        if let Some(there) = there {
            let is_same = (there.repository, there.view) == (run.repository, run.view);
            return match is_same {
                true => Ok(()),
                false => Err(TapeRefused::RunTaken(id, run.name.clone()).into()),
            };
        }
        if set.runs.len() >= RUNS_MAX {
            let (what, most) = ("runs of a media set", RUNS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let run = Run {
            done: None,
            ..run.clone()
        };
        self.alter_set(id, |row| row.runs.push_back(run));
        Ok(())
    }

    fn committed(&mut self, id: SetId, medium: MediumId, head: Head) -> Result<(), Refused> {
        self.last_of(id, medium)?;
        let there = self.known_medium(medium)?.head.objects;
        if head.objects < there {
            return Err(TapeRefused::Fewer(medium, there, head.objects).into());
        }
        let last = self.at;
        self.alter_medium(medium, |row| {
            row.head = head;
            if let Content::Written(written) = &mut row.medium.content {
                written.last = last;
            }
        });
        Ok(())
    }

    fn ran(&mut self, id: SetId, name: &str) -> Result<(), Refused> {
        let set = self.known_set(id)?;
        let at = set.runs.iter().position(|run| run.name == name);
        let at = at.ok_or_else(|| TapeRefused::NoRun(id, name.to_owned()))?;
        let run = set.runs[at].clone();
        if run.done.is_some() {
            return Ok(());
        }
        self.open(id)?;
        let done = self.at;
        self.alter_set(id, |row| row.runs[at].done = Some(done));
        let text = format!(
            "repository {} of tenant {} is on tape as of {}: {} objects, {}, by job {}",
            run.called,
            run.tenant,
            run.view,
            run.objects,
            crate::kernel::Size::bytes(run.bytes),
            run.job
        );
        self.event(Code::TapeArchived, None, text, None);
        Ok(())
    }

    fn close_set(&mut self, id: SetId) -> Result<(), Refused> {
        let set = self.known_set(id)?.clone();
        if set.closed.is_some() {
            return Ok(());
        }
        let today = self.rows.clock.today;
        let mut pools = self.rows.tape.pools.values();
        let pool = pools.find(|pool| pool.id == set.pool);
        let rules = pool.and_then(|pool| pool.rules.sets.get(&set.set));
        let retention = rules.map_or(Retention::Forever, |rules| rules.retention);
        for medium in &set.media {
            self.close_medium(*medium, Some(retention.expiry(today)));
        }
        self.alter_set(id, |row| row.closed = Some(today));
        Ok(())
    }
}
