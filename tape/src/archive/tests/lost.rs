//! What cartridges tell of their sets is what the catalog knew.

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::{Mixing, Run};
use holdfast_actors::kernel::Space;
use holdfast_actors::tape::job::Outcome;
use holdfast_actors::tape::{MediaSet, MediumId};

use super::world::{KIB, Plan};
use super::{acme, roomy};
use crate::format::{Medium as _, Object};
use crate::naming::Home;
use crate::recover;

#[test]
fn a_cartridge_tells_all_that_the_catalog_has_to_know_of_its_set() {
    let mixed = Plan {
        mixing: Mixing::All,
        ..roomy()
    };
    for (plan, of, sets) in [
        (Plan::default(), MediaSet::Daily, 2),
        (mixed, MediaSet::Daily, 1),
        (roomy(), MediaSet::Yearly, 2),
    ] {
        let (mut world, _) = acme(&plan, 8);
        let other = world.repository("Zeta", "main");
        world.fill(other, 2, KIB);
        let order = world.order(of);
        assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
        let rows = world.office.rows();
        assert_eq!(rows.tape.sets.len(), sets);
        for (id, set) in &rows.tape.sets {
            let mut runs = BTreeMap::new();
            for medium in &set.media {
                let row = &rows.tape.media[medium];
                let slot = u16::try_from(medium.raw()).unwrap();
                let found = world.with(slot, |slot| {
                    slot.reel.rewind().unwrap();
                    recover::tell(&mut slot.reel).unwrap()
                });
                let (of, told) = found.told(MediumId::new(99)).unwrap();
                assert_eq!((of, told.medium), (*id, *medium));
                assert_eq!(Some((of, told.sequence)), row.of);
                assert_eq!((told.head, told.generation), (row.head, row.generation));
                assert_eq!((told.set, told.one), (set.set, set.one));
                assert_eq!(told.pool.as_str(), "gfs");
                let owner = told.owner.map(|name| rows.tenants.get(&name).unwrap().id);
                assert_eq!(owner, set.owner);
                runs.extend(told.runs.into_iter().map(|run| (run.name.clone(), run)));
            }
            assert_eq!(runs.len(), set.runs.len());
            for was in &set.runs {
                let run = &runs[&was.name];
                assert_eq!(
                    (run.repository, run.view, &run.job, run.objects, run.bytes),
                    (was.repository, was.view, &was.job, was.objects, was.bytes)
                );
                // They are found in the same directory.
                let place = |run: &Run| {
                    let home = Home {
                        repository: run.repository,
                        tenant: &run.tenant,
                        called: &run.called,
                        is_alone: false,
                    };
                    home.place(Space::TENANT, Object::Config)
                };
                assert_eq!(place(run), place(was));
            }
        }
    }
}
