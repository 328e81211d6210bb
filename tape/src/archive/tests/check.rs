//! What must be true whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::{Head, Run, Set};
use holdfast_actors::catalog::tape::TapeCommand;
use holdfast_actors::kernel::Space;
use holdfast_actors::names::{TapeName, TenantName};
use holdfast_actors::tape::{MediumId, SetId};

use super::world::World;
use crate::format::{self, Measure, Object, Place, Reader, RunName, recovery};
use crate::naming::{self, Home};

impl World {
    /// Loses what was not flushed, but for the first marks of it.
    pub(super) fn lose(&mut self, but: usize) {
        for slot in self.shop.slots.lock().unwrap().values() {
            let mut slot = slot.lock().unwrap();
            let keep = (slot.reel.flushed() + but).min(slot.reel.len());
            slot.reel.cut(keep);
        }
    }

    /// What the catalog counts of a cartridge, as the tape alone tells it.
    fn on_tape(&self, medium: MediumId) -> Vec<format::Row> {
        let slot = u16::try_from(medium.raw()).unwrap();
        let head = self.office.rows().tape.media[&medium].head;
        let counted = usize::try_from(head.objects).unwrap();
        let proof = recovery::Proof {
            signer: None,
            keys: self.keys.clone(),
        };
        let mut rows = self.with(slot, |slot| {
            let found = recovery::rebuild(&mut slot.reel, None).unwrap().rows;
            if found.len() >= counted {
                return found;
            }
            // It ended hard: the last of it is in no index.
            let all = recovery::walk(&mut slot.reel, proof, true).unwrap();
            [all.rows, all.salvaged].concat()
        });
        assert!(rows.len() >= counted, "{medium} lost what was kept");
        rows.truncate(counted);
        rows
    }

    /// What the catalog counts is on tape, and every run that is done is complete there.
    pub(super) fn check(&self) {
        let rows = self.office.rows();
        for (id, row) in rows
            .tape
            .media
            .iter()
            .filter(|(_, row)| row.head != Head::default())
        {
            let mut measure = Measure::default();
            let there = self.on_tape(*id);
            let counted = usize::try_from(row.head.objects).unwrap();
            there.iter().for_each(|row| measure.add(row));
            assert_eq!(*measure.sum().as_bytes(), row.head.root, "{id}");
            let shelf = self.shelf.of(*id).unwrap();
            assert_eq!(shelf[..counted], there[..], "{id}");
        }
        for (id, set) in &rows.tape.sets {
            let of_tenant = |run: &Run| {
                let tenant = rows.repositories.get(&run.repository).unwrap().tenant;
                set.owner.is_none_or(|owner| owner == tenant)
            };
            assert!(set.runs.iter().all(of_tenant));
            self.apart(*id, set);
            for run in set.runs.iter().filter(|run| run.done.is_some()) {
                self.complete(*id, run);
            }
        }
    }

    /// Says of which class a tenant is.
    pub(super) fn class(&self, of: &str, class: Option<&str>) {
        let tenant = TenantName::parse(of).unwrap();
        let id = self.office.rows().tenants.get(&tenant).unwrap().id;
        let class = TapeCommand::Class(id, class.map(|it| TapeName::parse(it).unwrap()));
        self.office.ann(Command::Tape(class));
    }

    /// Never two classes on one set, as they were when the runs began.
    fn apart(&self, id: SetId, set: &Set) {
        let rows = self.office.rows();
        let mut began = self.began.lock().unwrap();
        let mut whose = BTreeSet::new();
        for run in &set.runs {
            let tenant = rows.repositories.get(&run.repository).unwrap().tenant;
            let share = rows.tape.share(self.mixing, tenant);
            let share = began.entry((id, run.name.clone())).or_insert(share);
            whose.insert(share.clone());
        }
        assert!(whose.len() <= 1, "{whose:?} on {id}");
    }

    fn complete(&self, id: SetId, run: &Run) {
        let rows = self.office.rows();
        let mut places: BTreeMap<Place, (MediumId, format::Row)> = BTreeMap::new();
        let set = &rows.tape.sets[&id];
        for medium in &set.media {
            for row in self.on_tape(*medium) {
                let twice = places.insert(row.path.clone(), (*medium, row));
                assert!(twice.is_none(), "{twice:?} is on the set twice");
            }
        }
        let home = Home {
            repository: run.repository,
            tenant: &run.tenant,
            called: &run.called,
            is_alone: set.one == Some(run.repository),
        };
        let read = |object: Object| {
            let place = home.place(Space::TENANT, object).unwrap();
            let (medium, row) = places.get(&place).expect("it is on the set");
            let mut bytes = Vec::new();
            let slot = u16::try_from(medium.raw()).unwrap();
            let mut take = |piece: Bytes| bytes.extend_from_slice(&piece);
            self.with(slot, |slot| {
                let mut reader = Reader::at(&mut slot.reel, self.keys.clone());
                reader.fetch(&mut slot.reel, row, &mut take).unwrap();
            });
            bytes
        };
        let shown = self.cloud.shown(run.repository, run.view);
        let list = read(Object::Run(RunName::parse(&run.name).unwrap()));
        let list = String::from_utf8(list).unwrap();
        assert_eq!(list.lines().count(), shown.len());
        for item in shown.values() {
            let object = naming::object(item.key).unwrap();
            assert!(list.lines().any(|line| line == object.to_string()));
            assert_eq!(read(object), self.cloud.bytes(run.repository, item.key));
        }
    }
}
