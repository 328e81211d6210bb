//! The state against a naive model of itself: a list of facts, and views worked out from scratch.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What a naive repository remembers: what was visible after each fact.
#[derive(Default)]
struct Model {
    views: Vec<(Timestamp, BTreeMap<Key, u64>)>,
    live: BTreeMap<Key, u64>,
}

impl Model {
    fn note(&mut self, at: Timestamp) {
        self.views.push((at, self.live.clone()));
    }

    fn at(&self, at: Timestamp) -> BTreeMap<Key, u64> {
        let views = self.views.iter().rev();
        let mut view = views.skip_while(|(made, _)| *made > at);
        view.next()
            .map(|(_, view)| view.clone())
            .unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, bool),
    Wrong(u8),
    Delete(u8),
    /// Back to what was so many milliseconds ago.
    Restore(u64),
    Wait(u64),
    WallBack(u64),
    Recover,
    Purge,
    Empty,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8, any::<bool>()).prop_map(|(name, snapshot)| Step::Put(name, snapshot)),
        1 => (0..6_u8).prop_map(Step::Wrong),
        3 => (0..6_u8).prop_map(Step::Delete),
        1 => (0..200_u64).prop_map(Step::Restore),
        4 => (0..50_u64).prop_map(Step::Wait),
        1 => (0..100_u64).prop_map(Step::WallBack),
        1 => Just(Step::Recover),
        1 => Just(Step::Purge),
        1 => Just(Step::Empty),
    ]
}

fn shown(world: &World, moment: Moment) -> BTreeMap<Key, u64> {
    let held = world.machine.state().held();
    let kinds = [Kind::Data, Kind::Snapshot];
    let all = kinds.into_iter().flat_map(|kind| {
        held.list(Space::TENANT, kind, moment, None)
            .map(move |(name, object)| {
                let key = Key {
                    name,
                    ..key(kind, 0)
                };
                assert_eq!(held.object(&key, moment), Some(object));
                (key, object.size.as_bytes())
            })
    });
    all.collect()
}

fn take(world: &mut World, model: &mut Model, step: Step) {
    let size_of = |name: u8| u64::from(name) * 10 + 1;
    match step {
        Step::Put(name, snapshot) => {
            let kind = if snapshot { Kind::Snapshot } else { Kind::Data };
            let fits = model.live.values().sum::<u64>() + size_of(name) <= 200;
            let new = !model.live.contains_key(&key(kind, name));
            // Of every other name nobody says before how long its object is.
            let done = if name % 2 == 0 {
                world.put(key(kind, name), size_of(name))
            } else {
                world.pour(key(kind, name), size_of(name))
            };
            assert_eq!(done.is_ok(), fits || !new, "{done:?}");
            if done.is_ok() {
                model.live.insert(key(kind, name), size_of(name));
            }
        }
        Step::Wrong(name) => {
            let Ok(upload) = world.begin(data(name), 1) else {
                return;
            };
            world.frame(upload, 1).unwrap();
            assert_eq!(world.finish(upload, data(99).name), Err(Denied::Hash));
        }
        Step::Delete(name) => {
            world.delete(data(name)).unwrap();
            model.live.remove(&data(name));
        }
        Step::Restore(ago) => {
            let last = world.machine.state().last().as_millis();
            let to = Timestamp::from_millis(last.saturating_sub(ago));
            world.restore(to).unwrap();
            model.live = model.at(to);
        }
        Step::Wait(millis) => world.pass(Duration::from_millis(millis)),
        Step::WallBack(millis) => {
            let wall = world.now.wall.as_millis() - millis;
            world.now.wall = Timestamp::from_millis(wall);
        }
        Step::Recover => world.machine = world.recovered(),
        // Bin days are counted from trusted time, which stands still here: nothing may go.
        Step::Empty => world.empty(),
        Step::Purge => world.wait(PURGE_EVERY * 2),
    }
    model.note(world.machine.state().last());
}

proptest! {
    #[test]
    fn every_instant_shows_what_a_naive_repository_showed(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let bin_limit = Some(Size::MAX);
        let mut world = World::new(Settings { bin_limit, ..settings(200) });
        let mut model = Model::default();
        for step in steps {
            take(&mut world, &mut model, step);
            prop_assert_eq!(shown(&world, Moment::Now), model.live.clone());
            let figures = world.figures();
            let live: u64 = model.live.values().sum();
            prop_assert_eq!(figures.live.as_bytes(), live);
            prop_assert_eq!(figures.objects, model.live.len() as u64);
        }
        let instants: BTreeSet<Timestamp> = model.views.iter().map(|(at, _)| *at).collect();
        for at in instants {
            prop_assert_eq!(shown(&world, Moment::At(at)), model.at(at), "at {}", at);
        }
        // What the bin is charged for is each stored object that is not live, once.
        let stored: BTreeMap<Place, Size> = world.records.iter().filter_map(|record| {
            record.entry.stored().map(|stored| (record.place, stored.size))
        }).collect();
        let all: Size = stored.values().copied().sum();
        let figures = world.figures();
        prop_assert_eq!(figures.live + figures.bin, all);
        let again = world.recovered();
        prop_assert_eq!(format!("{:?}", again.state()), format!("{:?}", world.machine.state()));
    }
}
