//! Media sets: what is written on which cartridges, and until when it is kept.

use imbl::Vector;

use super::super::Refused;
use super::super::draft::{Draft, within};
use super::super::events::Code;
use super::super::rows::{Cartridge, Head, Mixing, Run, Set, Share};
use super::{SetCommand, TapeRefused};
use crate::kernel::{RepositoryId, Size};
use crate::tape::media::{self, Content, Expiry, Kind, Label, Written};
use crate::tape::{MediaSet, MediumId, PoolId, SetId};

pub(super) const SETS_MAX: usize = 65_536;
/// Runs of one set.
pub(super) const RUNS_MAX: usize = 65_536;
/// Bytes in the name of a run.
const NAME_MAX: u32 = 256;

impl Draft<'_> {
    pub(super) fn set(&mut self, id: SetId, command: &SetCommand) -> Result<(), Refused> {
        match command {
            SetCommand::Open {
                pool,
                set,
                owner,
                one,
            } => self.open_set(
                id,
                (*pool, *set),
                owner.map_or(Share::All, Share::Own),
                *one,
            ),
            SetCommand::Share {
                pool,
                set,
                class,
                one,
            } => self.open_set(id, (*pool, *set), Share::Class(class.clone()), *one),
            SetCommand::Begin { medium, label } => self.begin(id, *medium, *label),
            SetCommand::Run(run) => self.run(id, run),
            SetCommand::Committed { medium, head } => self.committed(id, *medium, *head),
            SetCommand::Ran { run } => self.ran(id, run),
            SetCommand::Full { medium } => {
                self.last_of(id, *medium)?;
                self.close_medium(*medium, None);
                Ok(())
            }
            SetCommand::Found(told) => self.found(id, told),
            SetCommand::Close => {
                self.known_set(id)?;
                self.close_set(id);
                Ok(())
            }
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
    fn last_of(&self, id: SetId, medium: MediumId) -> Result<&Cartridge, Refused> {
        match self.open(id)?.media.last() {
            Some(last) if *last == medium => self.known_medium(medium),
            Some(_) | None => Err(TapeRefused::NotLast(medium, id).into()),
        }
    }

    fn open_set(
        &mut self,
        id: SetId,
        (pool, set): (PoolId, MediaSet),
        share: Share,
        one: Option<RepositoryId>,
    ) -> Result<(), Refused> {
        let Some((name, row)) = self.rows.tape.pool(pool) else {
            return Err(TapeRefused::NoPoolId(pool).into());
        };
        if !row.rules.sets.contains_key(&set) {
            return Err(TapeRefused::SetOff(name.clone(), set).into());
        }
        let may = match row.mixing {
            Mixing::All => !matches!(share, Share::Class(_)),
            Mixing::Never => matches!(share, Share::Own(_)),
            Mixing::Class => share != Share::All,
        };
        if !may {
            return Err(TapeRefused::Mixed(name.clone()).into());
        }
        let row = Set {
            pool,
            set,
            owner: share.owner(),
            one,
            media: Vector::new(),
            opened: self.at,
            closed: None,
            runs: Vector::new(),
        };
        if let Some(repository) = one {
            self.fit_owner((id, &row, &share), repository)?;
        }
        if self.rows.tape.sets.contains_key(&id) {
            return Err(TapeRefused::Drawn(id.raw()).into());
        }
        if self.rows.tape.sets.len() >= SETS_MAX {
            let (what, most) = ("media sets", SETS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        self.rows.tape.sets.insert(id, row);
        if let Share::Class(class) = share {
            self.rows.tape.class_of.insert(id, class);
        }
        Ok(())
    }

    /// Refuses a repository whose data may not be on this set.
    fn fit_owner(
        &self,
        (id, set, share): (SetId, &Set, &Share),
        repository: RepositoryId,
    ) -> Result<(), Refused> {
        let row = self.rows.repositories.get(&repository);
        let row = row.ok_or(Refused::NoRepositoryId(repository))?;
        let is_own = match share {
            Share::All => true,
            Share::Own(owner) => *owner == row.tenant,
            Share::Class(class) => self.rows.tape.classes.get(&row.tenant) == Some(class),
        };
        let is_one = set.one.is_none_or(|one| one == repository);
        match is_own && is_one {
            true => Ok(()),
            false => Err(TapeRefused::NotFor(id, repository).into()),
        }
    }

    /// What is on the cartridge is lost from here on, so both it and what is known of it must
    /// agree.
    fn begin(&mut self, id: SetId, medium: MediumId, label: Label) -> Result<(), Refused> {
        let set = self.open(id)?.clone();
        let row = self.known_medium(medium)?.clone();
        if set.media.last() == Some(&medium) && row.is_bare() {
            return self.begin_again(medium, &row, label);
        }
        let today = self.rows.clock.today;
        row.may(row.medium.may_begin(medium, label, today), medium)?;
        let is_used = matches!(row.medium.content, Content::Written(_));
        if is_used && self.rows.clock.doubted {
            return Err(Refused::ClockDoubted);
        }
        let mut known = row.medium.clone();
        if label.is_worm {
            known.kind = Kind::Worm;
        }
        let pool = self.rows.tape.pool(set.pool);
        let takes = |rules: &crate::tape::Pool| rules.takes(&known, (set.pool, set.set));
        if !pool.is_some_and(|(_, row)| takes(&row.rules)) {
            return Err(TapeRefused::NotTaken(row.label(medium), id).into());
        }
        let name = pool.map(|(name, _)| name.to_string()).unwrap_or_default();
        self.leave_set(medium)?;
        if let Some(last) = set.media.last() {
            self.close_medium(*last, None);
        }
        self.rows.tape.checks.remove(&medium);
        self.encrypt_medium(medium, set.pool);
        let sequence = u32::try_from(set.media.len() + 1).unwrap_or(u32::MAX);
        let last = self.at;
        self.alter_medium(medium, |row| {
            row.of = Some((id, sequence));
            row.generation += 1;
            row.head = Head::default();
            row.medium.kind = known.kind;
            row.medium.pool = Some(set.pool);
            row.medium.set = Some(set.set);
            row.medium.content = Content::Written(Written {
                is_closed: false,
                expires: Expiry::Never,
                last,
            });
        });
        self.alter_set(id, |row| row.media.push_back(medium));
        let what = if is_used {
            "; what was on it had expired"
        } else {
            ""
        };
        let named = row.label(medium);
        let text = format!(
            "cartridge {named} begun for the {} set of {name}{what}",
            set.set
        );
        self.event(Code::TapeMediumChanged, None, text, None);
        Ok(())
    }

    /// Whoever began it never came so far as to put anything on it for good.
    fn begin_again(&mut self, id: MediumId, row: &Cartridge, label: Label) -> Result<(), Refused> {
        row.may(row.medium.may_append(), id)?;
        let is_other = label.is_foreign || label.medium.is_some_and(|it| it != id);
        let refused = match label.medium {
            _ if is_other => Err(media::Refused::Foreign),
            Some(_) if label.is_worm => Err(media::Refused::Worm),
            Some(_) | None => Ok(()),
        };
        row.may(refused, id)?;
        if let Some(pool) = row.medium.pool {
            self.encrypt_medium(id, pool);
        }
        self.alter_medium(id, |row| row.generation += 1);
        Ok(())
    }

    /// Takes a cartridge out of its set. An open one is not whole any more, and is closed; one
    /// without any cartridge is forgotten. Refused while a restore reads the set.
    pub(super) fn leave_set(&mut self, medium: MediumId) -> Result<(), Refused> {
        let row = self.rows.tape.media.get(&medium);
        let of = row.and_then(|row| Some((row.of?.0, row.label(medium))));
        let Some((id, label)) = of else {
            return Ok(());
        };
        if self.rows.tape.is_restoring(id) {
            return Err(TapeRefused::Restoring(label).into());
        }
        self.alter_medium(medium, |row| row.of = None);
        self.rows.tape.encrypted.remove(&medium);
        self.alter_set(id, |row| row.media.retain(|other| *other != medium));
        self.close_set(id);
        let left = self.rows.tape.sets.get(&id);
        let is_left = left.is_some_and(|row| !row.media.is_empty());
        if is_left {
            let lacking = &mut self.rows.tape.lacking;
            let count = lacking.get(&id).copied().unwrap_or_default();
            lacking.insert(id, count.saturating_add(1));
        } else {
            self.forget_set(id);
        }
        Ok(())
    }

    fn forget_set(&mut self, id: SetId) {
        let tape = &mut self.rows.tape;
        tape.lacking.remove(&id);
        tape.class_of.remove(&id);
        tape.sets.remove(&id);
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
            let what = |run: &Run| (run.job.clone(), run.repository, run.view);
            return match what(there) == what(run) {
                true => Ok(()),
                false => Err(TapeRefused::RunTaken(id, run.name.clone()).into()),
            };
        }
        let length = u32::try_from(run.name.len()).unwrap_or(u32::MAX);
        within("the bytes in the name of a run", length, 1, NAME_MAX)?;
        let share = self.rows.tape.shared(id, set);
        self.fit_owner((id, set, &share), run.repository)?;
        if set.runs.len() >= RUNS_MAX {
            let (what, most) = ("runs of a media set", RUNS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        self.rows.tape.pin(run.repository, &run.job, run.view);
        let done = None;
        let run = Run {
            done,
            ..run.clone()
        };
        self.alter_set(id, |row| row.runs.push_back(run));
        Ok(())
    }

    fn committed(&mut self, id: SetId, medium: MediumId, head: Head) -> Result<(), Refused> {
        let row = self.last_of(id, medium)?;
        let is_closed = matches!(row.medium.content, Content::Written(it) if it.is_closed);
        row.may(
            (!is_closed).then_some(()).ok_or(media::Refused::Closed),
            medium,
        )?;
        let there = row.head;
        let same = head.objects == there.objects && head != there;
        if head.objects < there.objects || head.bytes < there.bytes || same {
            return Err(TapeRefused::Fewer(medium, there.objects, head.objects).into());
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
        let media = self.open(id)?.media.iter();
        let heads = media.filter_map(|id| Some(self.rows.tape.media.get(id)?.head.objects));
        let there = heads.fold(0, u64::saturating_add);
        if there < run.objects {
            let (name, wanted) = (run.name, run.objects);
            return Err(TapeRefused::NotThere(id, name, wanted, there).into());
        }
        self.rows.tape.unpin(&run.job, |id| id == run.repository);
        let done = self.at;
        self.alter_set(id, |row| row.runs[at].done = Some(done));
        let text = format!(
            "repository {} of tenant {} is on tape as of {}: {} objects, {}, by tape job {}",
            run.called,
            run.tenant,
            run.view,
            run.objects,
            Size::bytes(run.bytes),
            run.job
        );
        self.event(Code::TapeArchived, None, text, None);
        Ok(())
    }

    /// Closes an open set: what is on it is kept from today on, by what its pool says today. If
    /// nobody says anything any more it is kept for ever.
    pub(super) fn close_set(&mut self, id: SetId) {
        let Some(set) = self
            .rows
            .tape
            .sets
            .get(&id)
            .filter(|row| row.closed.is_none())
        else {
            return;
        };
        let set = set.clone();
        let today = self.rows.clock.today;
        let pool = self.rows.tape.pool(set.pool);
        let name = pool.map(|(name, _)| name.to_string()).unwrap_or_default();
        let expires = self.kept_until(&set);
        for medium in &set.media {
            self.close_medium(*medium, Some(expires));
        }
        let count = set.media.len();
        match count {
            0 => self.forget_set(id),
            _ => self.alter_set(id, |row| row.closed = Some(today)),
        }
        let kept = match expires {
            Expiry::Always => "until room is needed".to_owned(),
            Expiry::On(day) => format!("until {day}"),
            Expiry::Never => "for ever".to_owned(),
        };
        let text = format!(
            "{} set of media pool {name} closed; its cartridges are kept {kept}: {count}",
            set.set
        );
        self.event(Code::TapeMediumChanged, None, text, None);
    }
}

impl Cartridge {
    /// It was begun, and nothing is on it for good yet.
    pub(super) fn is_bare(&self) -> bool {
        let open = matches!(self.medium.content, Content::Written(it) if !it.is_closed);
        open && self.head == Head::default()
    }
}
