//! A library whose devices and parts fail: whoever waits hears of it, and the rest goes on.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test runs its own tasks, waits, and ends where it fails"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::TapeCommand;
use holdfast_actors::kernel::Now;
use holdfast_actors::ports::{Clock, Pending};
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::{Health, Order, Purpose, Refused};
use holdfast_tape::format::Read;
use holdfast_tape::library::{FIRST_SLOT, Plan};
use holdfast_tape::ports::{Books, Failed, Station, ask};
use holdfast_tape::station;
use support::books::Office;
use support::house::{House, SLOT, block, meant, name};

mod support {
    pub(crate) mod books;
    pub(crate) mod house;
}

/// Longer than anything takes that does not hang.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.unwrap()
}

#[tokio::test]
async fn a_drive_that_hangs_is_given_up_at_its_limit_and_whoever_waits_hears_so() {
    let house = House::new(2, Plan::default());
    let station = house.open(2).await;
    let mut mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let ((held, holds), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
    let shared = house.shared.clone();
    // No device of the library answers meanwhile, not even a reset.
    let seized = std::thread::spawn(move || {
        shared.with(|_| {
            held.send(()).unwrap();
            ended.recv_timeout(SOON).is_ok()
        })
    });
    holds.recv().unwrap();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let told = ask(mount.as_mut(), |tape| tape.write(&block(1))).await;
    let took = began.elapsed();
    let hung = Failed::Drive(Refused::OutOfService(Health::Hung));
    assert_eq!(told.unwrap_err(), hung);
    let limit = Order::Write.limit();
    assert!(
        (limit..limit + Duration::from_secs(1)).contains(&took),
        "{took:?}"
    );
    let _ = end.send(());
    assert!(seized.join().unwrap(), "it still hung when that was told");
    tokio::time::resume();
    // The other drive goes on.
    let next = Element(FIRST_SLOT + 1);
    let other = soon(station.mount(next, Purpose::Archive)).await.unwrap();
    // It is asked whether anything hangs in it still.
    soon(station.serve(0, true)).await.unwrap();
    drop(mount);
    let both = soon(station.mount(SLOT, Purpose::Archive)).await.unwrap();
    both.dismount().await.unwrap();
    other.dismount().await.unwrap();
}

/// A clock that breaks once.
struct Breaking {
    clock: Arc<dyn Clock>,
    breaks: Arc<AtomicBool>,
}

impl Clock for Breaking {
    fn now(&self) -> Now {
        assert!(!self.breaks.swap(false, Ordering::Relaxed), "broken");
        self.clock.now()
    }
}

#[tokio::test]
async fn a_drive_whose_actor_faults_is_out_of_service_and_the_other_one_goes_on() {
    let mut house = House::new(2, Plan::default());
    let breaks = Arc::new(AtomicBool::new(false));
    house.ports.clock = Arc::new(Breaking {
        clock: Arc::clone(&house.ports.clock),
        breaks: Arc::clone(&breaks),
    });
    let station = house.open(2).await;
    breaks.store(true, Ordering::Relaxed);
    let failed = soon(station.mount(SLOT, Purpose::Archive)).await.err();
    assert!(failed.unwrap().to_string().contains("out of service"));
    let mount = soon(station.mount(SLOT, Purpose::Archive)).await.unwrap();
    mount.dismount().await.unwrap();
}

#[tokio::test]
async fn a_loan_that_nobody_took_comes_back() {
    let house = House::new(1, Plan::default());
    let station = house.open(1).await;
    let first = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let mut waits = station.mount(Element(FIRST_SLOT + 1), Purpose::Archive);
    let waited = tokio::time::timeout(Duration::from_millis(200), &mut waits).await;
    assert!(waited.is_err(), "the drive is lent");
    first.dismount().await.unwrap();
    // It is lent to the one that waits, who goes away without looking.
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(waits);
    let third = soon(station.mount(SLOT, Purpose::Archive)).await.unwrap();
    third.dismount().await.unwrap();
}

/// Books of a node that dies around its last note.
struct Dying {
    office: Arc<Office>,
    notes: AtomicUsize,
    /// Whether the last note is still made.
    makes_last: bool,
}

impl Books for Dying {
    fn rows(&self) -> Arc<Rows> {
        self.office.rows()
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        let left = self.notes.fetch_sub(1, Ordering::Relaxed);
        let last = left == 1;
        if !last || self.makes_last {
            let done = self.office.submit(command);
            if !last {
                return done;
            }
        }
        Box::pin(std::future::pending())
    }
}

/// Has a node die around a note of its first move, and another one go on.
async fn killed(notes: usize, makes_last: bool) -> (House, Arc<dyn Station>) {
    let house = House::new(1, Plan::default());
    // The catalog hears of the library.
    drop(house.open(1).await);
    let mut site = house.site();
    site.books = Arc::new(Dying {
        office: Arc::clone(&house.office),
        notes: AtomicUsize::new(notes),
        makes_last,
    });
    let (name, shared) = (name(), house.shared.clone());
    let station = station::over(&name, None, (shared, 1), site).await;
    let mut mount = station.unwrap().mount(SLOT, Purpose::Archive);
    let dead = tokio::time::timeout(Duration::from_millis(300), &mut mount).await;
    assert!(dead.is_err(), "it waits for the note");
    // A dead node carries nothing home.
    std::mem::forget(mount);
    assert!(house.intent().is_some(), "what was meant is known");
    let station = house.open(1).await;
    (house, station)
}

#[tokio::test]
async fn a_move_that_was_noted_and_not_made_is_settled_before_the_next() {
    let (house, station) = killed(1, true).await;
    let mount = soon(station.mount(SLOT, Purpose::Archive)).await.unwrap();
    assert_eq!(meant(&house.office.told()), [true, false, true, false]);
    mount.dismount().await.unwrap();
    assert_eq!(house.intent(), None);
}

#[tokio::test]
async fn a_move_that_was_made_and_not_settled_is_not_made_again() {
    let (house, station) = killed(2, false).await;
    let mount = soon(station.mount(SLOT, Purpose::Archive)).await.unwrap();
    mount.dismount().await.unwrap();
    // Settled by the one that goes on; then home.
    assert_eq!(meant(&house.office.told()), [true, false, true, false]);
    assert_eq!(house.intent(), None);
}

#[tokio::test]
async fn a_power_cut_takes_what_was_not_flushed_and_nothing_is_written_behind_it() {
    let house = House::new(1, Plan::default());
    let station = house.open(1).await;
    let mut mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    ask(mount.as_mut(), |tape| {
        tape.write(&block(1)).unwrap();
        tape.flush().unwrap();
        tape.write(&block(2)).unwrap();
    })
    .await
    .unwrap();
    house.shared.with(|library| library.power_cycle());
    let wrote = ask(mount.as_mut(), |tape| {
        (tape.write(&block(3)), tape.write(&block(4)))
    });
    let (first, second) = wrote.await.unwrap();
    assert!(first.is_err(), "{first:?}");
    let told = second.unwrap_err().to_string();
    assert!(told.contains("not known where the tape stands"), "{told}");
    mount.dismount().await.unwrap();
    let mut again = soon(station.mount(SLOT, Purpose::Restore)).await.unwrap();
    let read = ask(again.as_mut(), |tape| (tape.read(), tape.read()));
    let expected = Ok(Read::Block(Bytes::from(block(1))));
    assert_eq!(read.await.unwrap(), (expected, Ok(Read::End)));
    again.dismount().await.unwrap();
}

#[tokio::test]
async fn four_cartridges_share_two_drives() {
    let house = House::new(2, Plan::default());
    let station = house.open(2).await;
    let busy = Arc::new(AtomicUsize::new(0));
    let jobs: Vec<_> = (0..4)
        .map(|number| {
            let (station, busy) = (Arc::clone(&station), Arc::clone(&busy));
            tokio::spawn(async move {
                let slot = Element(FIRST_SLOT + number);
                let mount = station.mount(slot, Purpose::Archive).await.unwrap();
                let together = busy.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                busy.fetch_sub(1, Ordering::Relaxed);
                mount.dismount().await.unwrap();
                together
            })
        })
        .collect();
    let mut most = 0;
    for job in jobs {
        most = most.max(soon(job).await.unwrap());
    }
    assert_eq!(most, 2, "both drives are used, and no third");
}
