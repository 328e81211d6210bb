//! Which cartridge is written, and whether it is what the catalog says.

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::{Cartridge, Head, Set};
use holdfast_actors::catalog::tape::{JobCommand, MediumCommand, SetCommand, TapeCommand};
use holdfast_actors::kernel::{Date, Timestamp};
use holdfast_actors::tape::job::Occasion;
use holdfast_actors::tape::key::Wrapped;
use holdfast_actors::tape::media::{self, Expiry, Kind};
use holdfast_actors::tape::pool::SetRules;
use holdfast_actors::tape::{Choice, KeyId, Medium, MediumId, SetId};
use serde_json::json;

use super::{Archive, Effect, Lot, Opened, Papers, TROUBLES_MAX, Unfit, sources};
use crate::format::{
    BLOCK, Label, Layout, Measure, Previous, Row, SetKind, SetLabel, Sum, Text, recovery,
};
use crate::naming;

/// The cartridge that is written.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) medium: MediumId,
    /// It is written from its beginning.
    begins: bool,
    /// What it said.
    label: Option<media::Label>,
    pub(super) is_mounted: bool,
    /// Objects may be given to it.
    pub(super) is_ready: bool,
    /// Its label is being written, or the rows of earlier cartridges.
    pub(super) is_opening: bool,
    measure: Measure,
    head: Head,
    /// What goes on it is encrypted with.
    pub(super) key: Option<KeyId>,
}

impl Loaded {
    pub(super) fn observe(&self) -> serde_json::Value {
        json!({
            "medium": self.medium.to_string(),
            "begins": self.begins,
            "is-ready": self.is_ready,
            "objects": self.head.objects,
        })
    }

    /// Counts rows in; what is on it for good then.
    pub(super) fn count(&mut self, rows: &[Row]) -> Head {
        for row in rows {
            self.measure.add(row);
            self.head.objects += 1;
            self.head.bytes += row.length;
        }
        self.head.root = *self.measure.sum().as_bytes();
        self.head
    }

    /// Whether anything is on it for good.
    pub(super) const fn has_taken(&self) -> bool {
        self.head.objects > 0
    }
}

impl Archive {
    fn set_row(&self) -> Option<(SetId, &Set)> {
        let id = self.current.as_ref()?.set?;
        Some((id, self.rows()?.tape.sets.get(&id)?))
    }

    fn cartridge(&self, id: MediumId) -> Option<&Cartridge> {
        self.rows()?.tape.media.get(&id)
    }

    /// The next cartridge, and whether it is written from its beginning; none if there is none.
    /// What this very run began it goes on with, whatever the pool says of the next (`R10.3`).
    pub(super) fn choose(&self) -> Option<(MediumId, bool)> {
        let (rows, pool) = (self.rows()?, self.pool()?);
        let is_at_hand = |row: &Cartridge| {
            let slot = row.slot.as_ref();
            slot.is_some_and(|(library, _)| self.house.libraries.contains(library))
        };
        let usable = rows.tape.media.iter();
        let usable = usable.filter(|(id, row)| is_at_hand(row) && !self.shunned.contains(id));
        let media: BTreeMap<MediumId, Medium> =
            usable.map(|(id, row)| (*id, row.medium.clone())).collect();
        let mut rules = pool.rules.clone();
        let goes_on = self.current.as_ref().is_some_and(|it| it.is_of_run);
        if let Some(set) = rules.sets.get_mut(&self.order.set) {
            set.appends |= goes_on;
        }
        let last = self
            .set_row()
            .and_then(|(_, set)| set.media.last().copied());
        let today = rows.clock.today;
        match rules.choose((pool.id, self.order.set), last, &media, today) {
            // Nothing is on it for good: nobody knows how far whoever began it came.
            Choice::Append(id) => Some((id, self.cartridge(id)?.head.objects == 0)),
            Choice::Begin(id) => Some((id, true)),
            Choice::Wait => None,
        }
    }

    /// The key that a cartridge would be written with, if nobody opened it here.
    fn locked(&self, medium: MediumId, begins: bool) -> Option<KeyId> {
        let (tape, pool) = (&self.rows()?.tape, self.pool()?.id);
        let key = match begins {
            true => tape.encrypting.get(&pool),
            false => tape.encrypted.get(&medium),
        };
        key.copied().filter(|key| !self.house.keys.contains(key))
    }

    /// Has the next cartridge mounted.
    pub(super) fn load(&mut self) -> Option<Effect> {
        let Some((medium, begins)) = self.choose() else {
            self.lacks_tape = true;
            self.give_up();
            return None;
        };
        if let Some(key) = self.locked(medium, begins) {
            let (job, set) = (self.order.job.clone(), self.order.set);
            let needs = JobCommand::Notify(set, Occasion::NeedsKey(key));
            let is_first = !self.has_failed;
            self.fail();
            if is_first {
                self.submit(TapeCommand::Job(job, needs));
            }
            return None;
        }
        let (library, slot) = self.cartridge(medium)?.slot.clone()?;
        self.loaded = Some(Loaded {
            medium,
            begins,
            label: None,
            is_mounted: false,
            is_ready: false,
            is_opening: false,
            measure: Measure::default(),
            head: Head::default(),
            key: None,
        });
        Some(Effect::Mount { library, slot })
    }

    /// Leaves the cartridge alone for the rest of the attempt.
    fn shun(&mut self) {
        if let Some(loaded) = self.loaded.take() {
            self.shunned.insert(loaded.medium);
            if loaded.is_mounted {
                self.todo.push_back(Effect::Dismount);
            }
        }
        self.trouble();
    }

    /// Counts a cartridge that took nothing.
    pub(super) fn trouble(&mut self) {
        self.troubles += 1;
        if self.troubles > TROUBLES_MAX {
            self.has_failed = true;
            self.current = None;
            self.groups.clear();
        }
    }

    /// A cartridge is in a drive and said who it is.
    pub(super) fn mounted(&mut self, label: Option<media::Label>) {
        let set = self.set_row().map(|(id, _)| id);
        let (Some(loaded), Some(set)) = (&mut self.loaded, set) else {
            return self.fail();
        };
        loaded.is_mounted = label.is_some();
        loaded.label = label;
        let (medium, begins) = (loaded.medium, loaded.begins);
        match label {
            None => self.shun(),
            Some(label) if begins => self.tell_set(set, SetCommand::Begin { medium, label }),
            Some(label) if label.medium != Some(medium) || label.is_foreign => {
                self.is_other(false);
            }
            Some(_) => self.append(medium, set),
        }
    }

    fn append(&mut self, medium: MediumId, set: SetId) {
        let Some(row) = self.cartridge(medium).cloned() else {
            return self.fail();
        };
        self.take_key(medium);
        let expected = recovery::Expected {
            volume: naming::volume(medium),
            set: naming::set_on_tape(set),
            generation: row.generation,
            objects: row.head.objects,
        };
        self.todo.push_back(Effect::Append(expected));
    }

    /// The mounted cartridge is not what the catalog says: it is told, and another one is taken.
    /// `is_strange` if its name is right and nothing else.
    pub(super) fn is_other(&mut self, is_strange: bool) {
        let loaded = self.loaded.as_ref();
        if let Some((medium, mut label)) = loaded.and_then(|it| Some((it.medium, it.label?))) {
            label.is_foreign |= is_strange;
            let identified = MediumCommand::Identified(label);
            self.submit(TapeCommand::Medium(medium, identified));
        }
        self.shun();
    }

    /// The catalog agreed that what is on the cartridge is lost.
    pub(super) fn begun(&mut self, medium: MediumId) {
        self.take_key(medium);
        self.todo.push_back(Effect::Clear(medium));
        if let Some(loaded) = &mut self.loaded {
            loaded.is_opening = true;
        }
    }

    /// What is written on the cartridge is encrypted as the catalog says of it.
    fn take_key(&mut self, medium: MediumId) {
        let key = self
            .rows()
            .and_then(|rows| rows.tape.encrypted.get(&medium));
        let key = key.copied();
        if let Some(loaded) = &mut self.loaded {
            loaded.key = key;
        }
    }

    /// Writes the papers of a cartridge that begins, one after the other.
    pub(super) fn open(&mut self, now: Timestamp) -> Option<Effect> {
        let papers = self.papers(now);
        let loaded = self.loaded.as_mut()?;
        loaded.is_opening = false;
        loaded.is_ready = true;
        let Some(papers) = papers else {
            self.fail();
            return None;
        };
        let earlier = papers.set.previous.iter();
        let catalogs = earlier.map(|it| Effect::Catalog(it.sequence, naming::medium(it.volume)));
        self.todo.extend(catalogs);
        Some(Effect::Begin(Box::new(papers)))
    }

    fn papers(&self, now: Timestamp) -> Option<Papers> {
        let (id, set) = self.set_row()?;
        let medium = self.loaded.as_ref()?.medium;
        let row = self.cartridge(medium)?;
        let rows = self.rows()?;
        let (pool, _) = rows.tape.pool(set.pool)?;
        let text = |text: String| Text::parse(&text);
        let barcode = |row: &Cartridge| row.medium.barcode.as_ref().map(ToString::to_string);
        let label = Label {
            volume: naming::volume(medium),
            barcode: barcode(row).and_then(text),
            cluster: self.house.cluster.clone(),
            pool: Text::parse(pool.as_str())?,
            block: u32::try_from(BLOCK).ok()?,
            written: now.as_millis() / 1000,
            signer: self.house.signer,
        };
        let earlier = set.media.iter().take_while(|it| **it != medium);
        let previous = (1..).zip(earlier).map(|(sequence, id)| {
            let row = self.cartridge(*id);
            let head = row.map(|row| row.head).filter(|head| head.objects > 0);
            Previous {
                volume: naming::volume(*id),
                sequence,
                barcode: row.and_then(barcode).and_then(text),
                root: head.map(|head| Sum::new(head.root)),
            }
        });
        let previous: Vec<Previous> = previous.collect();
        let owner = set.owner.and_then(|id| sources::tenant(rows, id));
        let key = self.loaded.as_ref()?.key;
        let wrapped = key.map(|id| Some((id, &rows.tape.keys.get(&id)?.wrapped)));
        let keys = match wrapped {
            None => Vec::new(),
            Some(known) => {
                let (id, wrapped) = known?;
                let file = |it: &Wrapped| {
                    let text = it.text.clone().into_bytes();
                    (naming::key_file(id, &it.name), text)
                };
                wrapped.iter().map(file).collect()
            }
        };
        let label_of_set = SetLabel {
            set: naming::set_on_tape(id),
            name: text(format!("{pool} {} {}", set.set, Date::of(set.opened)))?,
            runs: match set.set.is_whole() {
                true => SetKind::Whole,
                false => SetKind::Daily,
            },
            layout: match set.one {
                Some(_) => Layout::One,
                None => Layout::Many,
            },
            sequence: u32::try_from(previous.len() + 1).ok()?,
            generation: row.generation,
            protected_until: self.rules().and_then(|it| protected_until(it, now)),
            worm: row.medium.kind == Kind::Worm,
            owner: owner.and_then(|name| Text::parse(name.as_str())),
            previous,
        };
        Some(Papers {
            label,
            set: label_of_set,
            keys: Lot(keys),
        })
    }

    /// Goes on behind what is on the cartridge. What it has beyond what the catalog counts was
    /// written before a crash, and counts from now on.
    pub(super) fn opened(&mut self, opened: Result<Opened, Unfit>) {
        let opened = match opened {
            Ok(opened) => opened,
            Err(Unfit::Other) => return self.is_other(true),
            Err(Unfit::Damaged) => {
                if let Some(medium) = self.loaded.as_ref().map(|it| it.medium) {
                    self.submit(TapeCommand::Medium(medium, MediumCommand::Failed));
                }
                return self.shun();
            }
            Err(Unfit::Drive) => return self.shun(),
        };
        let Some((set, _)) = self.set_row() else {
            return self.fail();
        };
        let (Some(current), Some(loaded)) = (&mut self.current, &mut self.loaded) else {
            return;
        };
        let medium = loaded.medium;
        let rows = opened.rows.0;
        let shelved = current.shelved.take().filter(|(id, _)| *id == medium);
        let shelved = shelved.map(|(_, rows)| rows).unwrap_or_default();
        let news = match rows.strip_prefix(shelved.as_slice()) {
            Some(news) => news,
            None => {
                self.todo.push_back(Effect::Clear(medium));
                &rows
            }
        };
        if !news.is_empty() {
            self.todo
                .push_back(Effect::Shelve(medium, Lot(news.to_vec())));
        }
        current.shelved = Some((medium, rows.clone()));
        current
            .present
            .extend(rows.iter().map(|row| row.path.clone()));
        let head = loaded.count(&rows);
        loaded.is_ready = !opened.is_sealed;
        self.tell_set(set, SetCommand::Committed { medium, head });
        if opened.is_sealed {
            self.full();
        }
    }

    /// The mounted cartridge takes no more.
    pub(super) fn full(&mut self) {
        let set = self.set_row().map(|(id, _)| id);
        let Some((loaded, set)) = self.loaded.take().zip(set) else {
            return;
        };
        let medium = loaded.medium;
        self.tell_set(set, SetCommand::Full { medium });
        self.todo.push_back(Effect::Dismount);
        if !loaded.has_taken() {
            self.shunned.insert(medium);
            self.trouble();
        }
    }

    /// The mounted cartridge cannot be written.
    pub(super) fn failed(&mut self) {
        if let Some(medium) = self.loaded.as_ref().map(|it| it.medium) {
            self.submit(TapeCommand::Medium(medium, MediumCommand::Failed));
        }
        self.shun();
    }
}

/// The least that the cartridge itself protects: as if its set were closed today.
fn protected_until(rules: SetRules, now: Timestamp) -> Option<u64> {
    match rules.retention.expiry(Date::of(now)) {
        Expiry::Always => Some(Date::of(now).start().as_millis() / 1000),
        Expiry::On(day) => Some(day.start().as_millis() / 1000),
        Expiry::Never => None,
    }
}
