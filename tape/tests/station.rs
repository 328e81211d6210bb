//! A library as jobs use it: drives that are lent in turn, an arm whose moves are noted, cartridges
//! that come home.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test runs its own tasks, waits, and ends where it fails"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::catalog::rows::{Device, Library as Row};
use holdfast_actors::catalog::tape::Seen;
use holdfast_actors::kernel::{Size, Timestamp};
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use holdfast_tape::format::{Fault as Wrong, Read};
use holdfast_tape::library::{FIRST_SLOT, Fault, Plan, Unit};
use holdfast_tape::ports::{Reach, ask};
use holdfast_tape::station::{self, Local};
use support::house::{House, SLOT, block, meant, name};

mod support {
    pub(crate) mod books;
    pub(crate) mod house;
}

fn slots(seen: &[Seen]) -> Vec<(u16, String)> {
    let mut slots: Vec<_> = seen
        .iter()
        .map(|one| (one.slot.0, one.barcode.as_ref().unwrap().to_string()))
        .collect();
    slots.sort();
    slots
}

#[tokio::test]
async fn what_is_written_in_a_drive_is_on_the_cartridge_when_it_comes_back() {
    let house = House::new(2, Plan::default());
    let station = house.open(2).await;
    let before = slots(&station.inventory().await.unwrap());
    let mut mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let during = slots(&station.inventory().await.unwrap());
    assert_eq!(during, before, "it belongs where it came from");
    ask(mount.as_mut(), |tape| {
        tape.write(&block(7)).unwrap();
        tape.filemark().unwrap();
        tape.flush().unwrap();
    })
    .await
    .unwrap();
    mount.dismount().await.unwrap();
    let mut again = station.mount(SLOT, Purpose::Restore).await.unwrap();
    let read = ask(again.as_mut(), |tape| tape.read()).await.unwrap();
    assert_eq!(read, Ok(Read::Block(Bytes::from(block(7)))));
    // One that nobody wants any more goes home by itself.
    drop(again);
    let third = station.mount(SLOT, Purpose::Care).await.unwrap();
    assert!(!third.is_worm());
}

#[tokio::test]
async fn a_cartridge_that_was_left_in_a_drive_is_carried_home_when_somebody_wants_that() {
    let house = House::new(1, Plan::default());
    let station = house.open(1).await;
    assert_eq!(station::eject(&station, SLOT).await, Ok(false));
    let mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    // The process ends here, and the library keeps what is in its drive.
    std::mem::forget(mount);
    let again = house.open(1).await;
    assert_eq!(station::eject(&again, SLOT).await, Ok(true));
    let in_slot = again.elements().await.unwrap();
    let mut in_slot = in_slot.iter().filter(|one| one.address.0 == SLOT.0);
    assert!(in_slot.all(|one| one.full));
    assert_eq!(station::eject(&again, SLOT).await, Ok(false));
}

#[tokio::test]
async fn a_drive_is_unloaded_when_nobody_wants_it_and_serves_as_it_is_told_to() {
    let house = House::new(1, Plan::default());
    let station = house.open(1).await;
    let empty = station.unload(0).await.unwrap_err().to_string();
    assert!(empty.contains("no cartridge"), "{empty}");
    let mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let lent = station.unload(0).await.unwrap_err().to_string();
    assert!(lent.contains("is lent"), "{lent}");
    std::mem::forget(mount);
    let again = house.open(1).await;
    again.unload(0).await.unwrap();
    assert_eq!(station::eject(&again, SLOT).await, Ok(false));
    assert!(again.unload(1).await.is_err(), "there is one drive");

    again.serve(0, false).await.unwrap();
    let refused = again.mount(SLOT, Purpose::Restore).await.err().unwrap();
    assert!(refused.to_string().contains("service"), "{refused}");
    again.serve(0, true).await.unwrap();
    let mount = again.mount(SLOT, Purpose::Restore).await.unwrap();
    mount.dismount().await.unwrap();
}

#[tokio::test]
async fn a_restore_gets_a_drive_before_an_archive_that_came_first() {
    let house = House::new(1, Plan::default());
    let station = house.open(1).await;
    let first = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let wait = |slot: u16, purpose| {
        let (station, order) = (Arc::clone(&station), Arc::clone(&order));
        tokio::spawn(async move {
            let mount = station
                .mount(Element(FIRST_SLOT + slot), purpose)
                .await
                .unwrap();
            order.lock().unwrap().push(purpose);
            mount.dismount().await.unwrap();
        })
    };
    let archive = wait(1, Purpose::Archive);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let restore = wait(2, Purpose::Restore);
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.dismount().await.unwrap();
    archive.await.unwrap();
    restore.await.unwrap();
    assert_eq!(*order.lock().unwrap(), [Purpose::Restore, Purpose::Archive]);
}

#[tokio::test]
async fn every_move_is_noted_before_it_is_made_and_settled_behind_it() {
    let house = House::new(1, Plan::default());
    let station = house.open(1).await;
    let mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    mount.dismount().await.unwrap();
    let noted = meant(&house.office.told());
    assert_eq!(noted, [true, false, true, false]);
}

#[tokio::test]
async fn a_cartridge_that_cannot_be_threaded_goes_home_and_the_drive_is_free() {
    let fault = Fault::LoadFails {
        barcode: "HF0000L9".to_owned(),
        times: 9,
    };
    let house = House::new(1, Plan::of(vec![fault]));
    let station = house.open(1).await;
    let failed = station.mount(SLOT, Purpose::Archive).await.err().unwrap();
    assert!(!failed.to_string().is_empty());
    let slots = slots(&station.inventory().await.unwrap());
    assert_eq!(slots.len(), 4, "{slots:?}");
}

#[tokio::test]
async fn a_fault_of_the_tape_is_told_to_whoever_works_and_nothing_is_written_behind_it() {
    let fault = Fault::WriteFails {
        barcode: "HF0000L9".to_owned(),
        at: 1,
        deferred: false,
    };
    let house = House::new(1, Plan::of(vec![fault]));
    let station = house.open(1).await;
    let mut mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let (first, second, third) = ask(mount.as_mut(), |tape| {
        (
            tape.write(&block(1)),
            tape.write(&block(2)),
            tape.write(&block(3)),
        )
    })
    .await
    .unwrap();
    assert!(first.is_ok());
    assert!(matches!(second, Err(Wrong::Failed(_))), "{second:?}");
    let told = third.unwrap_err().to_string();
    assert!(told.contains("not known where the tape stands"), "{told}");
    mount.dismount().await.unwrap();
}

#[tokio::test]
async fn a_library_is_opened_in_files_and_keeps_what_was_flushed() {
    let folder = tempfile::TempDir::new().unwrap();
    let house = House::new(1, Plan::default());
    let row = Row {
        node: None,
        device: Device::Virtual {
            drives: 1,
            slots: 2,
            capacity: Size::mib(16),
        },
        made: Timestamp::default(),
        intent: None,
    };
    let libraries = folder.path().to_owned();
    let reach: Arc<dyn Reach> = Arc::new(Local { libraries });
    // Notes of moves need a library in the catalog.
    let _ = house.open(1).await;
    let slot = {
        let station = station::open(&name(), &row, &reach, house.site())
            .await
            .unwrap();
        let slot = station.inventory().await.unwrap()[0].slot;
        let mut mount = station.mount(slot, Purpose::Archive).await.unwrap();
        ask(mount.as_mut(), |tape| {
            tape.write(&block(1)).unwrap();
            tape.flush().unwrap();
            tape.write(&block(2)).unwrap();
        })
        .await
        .unwrap();
        // The process ends here, with the cartridge in the drive.
        std::mem::forget(mount);
        slot
    };
    let row = Row {
        intent: house.intent(),
        ..row
    };
    let station = station::open(&name(), &row, &reach, house.site())
        .await
        .unwrap();
    let mut mount = station.mount(slot, Purpose::Restore).await.unwrap();
    let read = ask(mount.as_mut(), |tape| (tape.read(), tape.read()))
        .await
        .unwrap();
    assert_eq!(
        read,
        (Ok(Read::Block(Bytes::from(block(1)))), Ok(Read::End))
    );
    assert_eq!(house.shared.with(|it| it.commands(Unit::Changer)), 0);
}

#[tokio::test]
async fn a_library_that_nobody_has_any_more_ends_with_its_actors() {
    let house = House::new(2, Plan::default());
    let station = house.open(2).await;
    let running = || {
        let tree = house.ports.directory.tree();
        tree.iter().filter(|it| it.is_running()).count()
    };
    assert_eq!(running(), 3, "an arm and two drives");
    let mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    drop(station);
    // Whoever has a cartridge of it still puts that back.
    mount.dismount().await.unwrap();
    for _ in 0..100 {
        if running() == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(running(), 0);
}
