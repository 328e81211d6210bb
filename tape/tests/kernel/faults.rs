//! What goes wrong on the way through the kernel: signals, devices that go and come back under
//! another name, targets that die.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_actors::tape::drive::Purpose;
use holdfast_tape::exchange::Failure;
use holdfast_tape::format::{BLOCK, Medium as _, Read};
use holdfast_tape::mounted::Mounted;
use holdfast_tape::ports::{Station, ask};
use holdfast_tape::scsi::Patience;
use holdfast_tape::sg::Sg;
use holdfast_tape::ssc::{Drive, Marks};
use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::{SLOT, appeared, mtx, place_of};
use crate::tgt::Tgt;

/// Blocks that are written under fire.
const BLOCKS: u8 = 48;

/// A drive whose tape is loaded, at its beginning.
fn mounted(path: &Path) -> Mounted<Sg> {
    let mut drive = Drive::new(Sg::open(path).unwrap());
    // What it wants attention for is taken.
    let _ = drive.ready();
    drive.load(Patience::Load).unwrap();
    let mut mounted = Mounted::new(drive).unwrap();
    mounted.rewind().unwrap();
    mounted
}

/// Signals that come while a command is under way do not make the kernel give it twice.
#[expect(
    clippy::disallowed_methods,
    reason = "the signals come from another thread"
)]
pub(crate) fn signals_repeat_nothing(changer: &Path, drive: &Path) {
    mtx(changer, &["load", "1", "0"]);
    let mut tape = mounted(drive);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entered = runtime.enter();
    // From now on they are handled, and the kernel begins calls anew that they interrupt.
    let handled = signal(SignalKind::user_defined1()).unwrap();
    let own = pthread_self();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let fire = std::thread::spawn(move || {
        let mut shots = 0_u32;
        while !over.load(Ordering::Relaxed) {
            pthread_kill(own, Signal::SIGUSR1).unwrap();
            shots += 1;
            std::thread::sleep(Duration::from_micros(200));
        }
        shots
    });
    for number in 0..BLOCKS {
        tape.write(&[number; BLOCK]).unwrap();
    }
    tape.filemark().unwrap();
    tape.flush().unwrap();
    is_over.store(true, Ordering::Relaxed);
    let shots = fire.join().unwrap();
    assert!(shots > 10, "{shots} signals are too few");
    drop((handled, entered));
    tape.rewind().unwrap();
    for number in 0..BLOCKS {
        let block = Read::Block(vec![number; BLOCK].into());
        assert!(tape.read().unwrap() == block, "block {number}");
    }
    assert_eq!(tape.read(), Ok(Read::Filemark));
    drop(tape);
    mtx(changer, &["unload", "1", "0"]);
}

/// A library goes on with devices that the kernel lost and found again under other names.
pub(crate) async fn devices_come_back(station: &Arc<dyn Station>) {
    let block = || vec![9; BLOCK];
    let mut mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let written = ask(mount.as_mut(), move |tape| {
        tape.write(&block()).unwrap();
        tape.filemark().unwrap();
        tape.flush().unwrap();
    });
    written.await.unwrap();
    mount.dismount().await.unwrap();
    let before = appeared_but_held();
    for place in &before {
        let name = Path::new(place).file_name().unwrap().to_str().unwrap();
        let delete = format!("/sys/class/scsi_generic/{name}/device/delete");
        fs::write(delete, "1").unwrap();
    }
    for host in fs::read_dir("/sys/class/scsi_host").unwrap() {
        fs::write(host.unwrap().path().join("scan"), "- - -").unwrap();
    }
    let found = appeared();
    assert!(
        found.iter().all(|it| !before.contains(&it.place)),
        "{found:?} have other names than {before:?}"
    );
    let mut mount = station.mount(SLOT, Purpose::Restore).await.unwrap();
    let read = ask(mount.as_mut(), |tape| tape.read()).await.unwrap();
    assert_eq!(read, Ok(Read::Block(block().into())));
    mount.dismount().await.unwrap();
}

/// Where the devices are, all of which we hold ourselves.
fn appeared_but_held() -> Vec<String> {
    let found = holdfast_tape::scan::local().unwrap();
    assert!(found.iter().all(|it| it.trouble.is_some()), "{found:?}");
    found.into_iter().map(|it| it.place).collect()
}

/// A command to a target that died is lost: nobody says that it was done, or that it was not.
pub(crate) fn a_dead_target_answers_nothing(mut tgt: Tgt) {
    let drive = place_of(&appeared(), "DRV00002");
    for session in fs::read_dir("/sys/class/iscsi_session").unwrap() {
        fs::write(session.unwrap().path().join("recovery_tmo"), "2").unwrap();
    }
    let mut drive = Drive::new(Sg::open(&drive).unwrap());
    drive.identity().unwrap();
    tgt.kill();
    let told = drive.filemarks(1, Marks::OnTape);
    assert!(matches!(told, Err(Failure::Lost(_))), "{told:?}");
}
