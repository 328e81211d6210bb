//! A repository that is given up for another node.

use super::*;
use crate::repository::machine::yielding::UPLOADS;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn one_that_is_given_up_waits_for_its_uploads_and_takes_nothing_new() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    let upload = world.begin(data(2), 10).unwrap();
    world.feed(Event::Yield);
    assert_eq!(world.begin(data(3), 10), Err(Denied::Moving));
    assert_eq!(world.delete(data(1)), Err(Denied::Moving));
    world.wait(UPLOADS - SECOND);
    assert_eq!(world.frame(upload, 10), Ok(()));
    assert!(world.sealed.is_empty() && world.yielded == 0);
    assert_eq!(world.finish(upload, data(2).name), Ok(()));
    assert_eq!(world.sealed, [ExtentId::new(1)]);
    assert_eq!(
        world.yielded, 0,
        "the next owner is to know how far it goes"
    );
    let (extent, length) = (ExtentId::new(1), 100);
    world.feed(Event::Sealed { extent, length });
    assert_eq!(world.yielded, 1);
    assert_eq!(world.recovered().state().total().objects, 2);
}

#[test]
fn an_upload_that_takes_too_long_is_given_up_with_it_and_leaves_nothing() {
    let mut world = World::new(settings(1_000));
    let upload = world.begin(data(1), 10).unwrap();
    world.frame(upload, 5).unwrap();
    world.feed(Event::Yield);
    world.wait(UPLOADS);
    assert_eq!(world.sealed, [ExtentId::new(1)]);
    assert_eq!(world.frame(upload, 5), Err(Denied::Moving));
    assert_eq!(world.finish(upload, data(1).name), Err(Denied::Moving));
    assert!(world.records.is_empty());
    world.feed(Event::Lost {
        extent: ExtentId::new(1),
        durable: None,
    });
    assert_eq!(world.yielded, 1);
}

#[test]
fn a_catalog_that_does_not_answer_keeps_nobody_for_long() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    world.feed(Event::Yield);
    world.feed(Event::Yield);
    assert_eq!(world.sealed, [ExtentId::new(1)]);
    world.wait(SECOND);
    assert_eq!(world.yielded, 1);
    world.wait(HOUR);
    assert_eq!(world.yielded, 1);
    let mut idle = World::new(settings(1_000));
    idle.feed(Event::Yield);
    assert_eq!(idle.yielded, 1, "it has nothing to seal");
}
