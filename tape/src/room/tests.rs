//! What the room starts and ends, by what the catalog says.

use holdfast_actors::kernel::Act;
use holdfast_actors::tape::MediumId;

use super::*;

fn name(text: &str) -> TapeName {
    TapeName::parse(text).unwrap()
}

fn library() -> Part {
    Part::Library(name("robot"))
}

fn job() -> Part {
    Part::Job(name("nightly"))
}

fn wanted(is_enabled: bool) -> Wanted {
    Wanted {
        libraries: [name("robot")].into(),
        jobs: [(name("nightly"), is_enabled)].into(),
        restores: BTreeMap::new(),
        tapes: BTreeSet::new(),
    }
}

struct Stand {
    room: Room,
    now: Now,
}

impl Stand {
    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut acts = Acts::default();
        self.room.step(self.now, event, &mut acts);
        effects(acts)
    }

    fn pass(&mut self, time: Duration) -> Vec<Effect> {
        self.now.monotonic = self.now.monotonic + time;
        let mut acts = Acts::default();
        if self
            .room
            .deadline()
            .is_some_and(|at| at <= self.now.monotonic)
        {
            self.room.wake(self.now, &mut acts);
        }
        effects(acts)
    }
}

fn effects(acts: Acts<Room>) -> Vec<Effect> {
    acts.into_iter()
        .map(|act| match act {
            Act::Start(effect) | Act::Show(effect) => effect,
            Act::Persist(never) => match never {},
        })
        .collect()
}

fn stand() -> Stand {
    Stand {
        room: Room::default(),
        now: Now::default(),
    }
}

#[test]
fn a_job_begins_when_its_libraries_were_tried_and_hears_whether_it_is_enabled() {
    let mut stand = stand();
    assert_eq!(
        stand.step(Event::Rows(wanted(true))),
        [Effect::Start(library())]
    );
    assert_eq!(
        stand.step(Event::Started(library(), true)),
        [Effect::Start(job())]
    );
    let told = stand.step(Event::Started(job(), true));
    assert_eq!(told, [Effect::Enable(name("nightly"), true)]);
    assert_eq!(stand.step(Event::Rows(wanted(true))), []);
    let told = stand.step(Event::Rows(wanted(false)));
    assert_eq!(told, [Effect::Enable(name("nightly"), false)]);
}

#[test]
fn what_fails_is_started_again_after_a_pause_that_doubles_and_others_go_on() {
    let mut stand = stand();
    stand.step(Event::Rows(wanted(true)));
    // The library does not open: the job begins all the same, and waits for a tape.
    assert_eq!(
        stand.step(Event::Started(library(), false)),
        [Effect::Start(job())]
    );
    stand.step(Event::Started(job(), true));
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(
            stand.pass(Duration::from_secs(pause) - Duration::from_millis(1)),
            []
        );
        assert_eq!(
            stand.pass(Duration::from_millis(1)),
            [Effect::Start(library())]
        );
        assert_eq!(stand.step(Event::Started(library(), false)), []);
    }
    // A job that failed hears again what it is to do.
    assert_eq!(stand.step(Event::Ended(job(), true)), []);
    let again = stand.pass(Duration::from_secs(1));
    assert_eq!(again, [Effect::Start(job())]);
    let told = stand.step(Event::Started(job(), true));
    assert_eq!(told, [Effect::Enable(name("nightly"), true)]);
}

#[test]
fn what_is_not_wanted_any_more_is_ended_also_while_it_starts() {
    let mut stand = stand();
    stand.step(Event::Rows(wanted(true)));
    stand.step(Event::Started(library(), true));
    assert_eq!(
        stand.step(Event::Rows(Wanted::default())),
        [Effect::Stop(library())]
    );
    assert_eq!(
        stand.step(Event::Started(job(), true)),
        [Effect::Stop(job())]
    );
    assert_eq!(stand.step(Event::Ended(library(), false)), []);
}

#[test]
fn a_restore_is_told_once_that_it_is_to_end() {
    let mut stand = stand();
    let id = RestoreId::new(7);
    let asked = |is_stopping| Wanted {
        restores: [(id, is_stopping)].into(),
        ..Wanted::default()
    };
    assert_eq!(
        stand.step(Event::Rows(asked(false))),
        [Effect::Start(Part::Restore(id))]
    );
    stand.step(Event::Started(Part::Restore(id), true));
    assert_eq!(stand.step(Event::Rows(asked(true))), [Effect::Cancel(id)]);
    assert_eq!(stand.step(Event::Rows(asked(true))), []);
    // The catalog may show a moment later that it is over.
    assert_eq!(stand.step(Event::Ended(Part::Restore(id), false)), []);
}

#[test]
fn a_job_at_work_hears_of_each_cartridge_that_comes_or_becomes_free() {
    let mut stand = stand();
    stand.step(Event::Rows(wanted(true)));
    stand.step(Event::Started(library(), true));
    stand.step(Event::Started(job(), true));
    let medium = MediumId::new(7);
    let with = |is_empty| Wanted {
        tapes: [(medium, is_empty)].into(),
        ..wanted(true)
    };
    let told = [Effect::Tape(name("nightly"))];
    assert_eq!(stand.step(Event::Rows(with(false))), told);
    assert_eq!(stand.step(Event::Rows(with(false))), []);
    assert_eq!(stand.step(Event::Rows(with(true))), told);
    assert_eq!(stand.step(Event::Rows(wanted(true))), []);
}
