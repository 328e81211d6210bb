//! What is done in the guest, where the tapes are.

#[path = "faults.rs"]
mod faults;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::command::{Actor, Command as Order, OperatorCommand};
use holdfast_actors::catalog::rows::{Device, Role};
use holdfast_actors::catalog::tape::{LibraryCommand, TapeCommand};
use holdfast_actors::names::{OperatorName, TapeName};
use holdfast_actors::shell;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::device::Serial;
use holdfast_actors::tape::drive::Purpose;
use holdfast_tape::conformance::{Bench, TGT, judge};
use holdfast_tape::format::{
    Effect, End, Event, Layout, Medium, Place, Read, Reason, Row, SetKind, Writer, deck,
};
use holdfast_tape::ports::{Books as _, Reach, Station, ask};
use holdfast_tape::scan::{self, Kind};
use holdfast_tape::sg::{Refused, Sg};
use holdfast_tape::smc::{self, Changer};
use holdfast_tape::station::{self, Local, Site};
use holdfast_tape::threads::Native;

use crate::books::{Office, ports};
use crate::devices;
use crate::restic::{SMALL, run, tree};
use crate::support::{Source, volume};

const SLOT: Element = Element(1000);

pub(crate) fn play(folder: &Path) {
    let tgt = devices::attached();
    let found = appeared();
    the_devices_are_known(&found);
    let changer = place_of(&found, "CHG00001");
    what_is_held_is_refused(&found);
    mtx_agrees(&changer);
    conforms(&found);
    faults::signals_repeat_nothing(&changer, &place_of(&found, "DRV00001"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let files = runtime.block_on(write(sources(&folder.join("repository"))));
    drop(runtime);
    // The kernel has named it anew meanwhile.
    let changer = place_of(&appeared(), "CHG00001");
    mtx(&changer, &["load", "1", "0"]);
    mtx_agrees(&changer);
    untar(files, &folder.join("untarred"));
    mtx(&changer, &["unload", "1", "0"]);
    faults::a_dead_target_answers_nothing(tgt);
}

/// The script of all devices; the kernel adds nothing, and takes nothing away.
fn conforms(found: &[scan::Device]) {
    let open = |serial| Sg::open(&place_of(found, serial)).unwrap();
    let bench = Bench::new(open("DRV00002"), open("CHG00001"), 1);
    assert_eq!(judge(&bench.unwrap().play(), TGT), [""; 0]);
}

/// The devices, once the kernel has made out all of them and nobody has one open.
fn appeared() -> Vec<scan::Device> {
    for _ in 0..100 {
        let found = scan::local().unwrap();
        let is_whole = found.iter().all(|it| it.trouble.is_none());
        if found.len() == 3 && is_whole && Path::new("/dev/nst1").exists() {
            return found;
        }
        pause();
    }
    panic!("not all are there and free: {:#?}", scan::local());
}

fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

fn place_of(found: &[scan::Device], serial: &str) -> PathBuf {
    let device = found.iter().find(|it| it.serial == serial);
    PathBuf::from(&device.unwrap().place)
}

fn the_devices_are_known(found: &[scan::Device]) {
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.kind, it.serial.as_str(), it.element))
        .collect();
    // The target cuts what it says of its last drive.
    assert_eq!(
        told,
        [
            (Kind::Changer, "CHG00001", None),
            (Kind::Drive, "DRV00001", Some(256)),
            (Kind::Drive, "DRV00002", None),
        ]
    );
    assert_eq!(found[1].changer.as_deref(), Some("CHG00001"));
    let who = (found[1].vendor.as_str(), found[1].product.as_str());
    assert_eq!(who, ("TGT", "VTAPE"));
}

fn what_is_held_is_refused(found: &[scan::Device]) {
    let (one, other) = (place_of(found, "DRV00001"), place_of(found, "DRV00002"));
    let held = Sg::open(&one).unwrap();
    let refused = Sg::open(&one).unwrap_err();
    assert!(matches!(refused, Refused::Held(_)), "{refused}");
    drop(held);
    let mut holder = Command::new("sleep")
        .arg("60")
        .stdin(File::open(&other).unwrap())
        .spawn()
        .unwrap();
    let found = scan::local().unwrap();
    let device = found.iter().find(|it| it.serial == "DRV00002").unwrap();
    let told = device.trouble.clone().unwrap();
    let wanted = format!("in use by process {} (sleep), which has", holder.id());
    assert!(told.starts_with(&wanted), "{told}");
    assert!(matches!(Sg::open(&other), Err(Refused::Held(_))));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(matches!(
        Sg::open(Path::new("/dev/nst0")),
        Err(Refused::Other(_))
    ));
}

fn mtx(changer: &Path, words: &[&str]) -> String {
    let output = run(Command::new("mtx").arg("-f").arg(changer).args(words));
    String::from_utf8(output.stdout).unwrap()
}

/// An element: whether it is full, and its label.
type Told = (bool, Option<String>);

/// What `mtx` says of drives, and of slots with those behind the door.
fn as_mtx_says(status: &str) -> (Vec<Told>, Vec<Told>) {
    let told = |line: &str| {
        let (_, state) = line.split_once(':').unwrap();
        let label = state.split_once('=').map(|(_, label)| label.trim());
        let label = label.filter(|label| !label.is_empty());
        (state.starts_with("Full"), label.map(str::to_owned))
    };
    let of = |kind: &str| {
        let lines = status.lines().map(str::trim_start);
        let mine = lines.filter(|line| line.starts_with(kind));
        mine.map(told).collect()
    };
    (of("Data Transfer Element"), of("Storage Element"))
}

fn mtx_agrees(path: &Path) {
    let (drives, places) = as_mtx_says(&mtx(path, &["status"]));
    assert_eq!((drives.len(), places.len()), (2, 6));
    let mut changer = Changer::new(Sg::open(path).unwrap());
    changer.ready().1.unwrap();
    let rows = changer.rows().unwrap();
    let mut of = |kind| -> Vec<Told> {
        let elements = changer.elements(&rows, kind).unwrap().into_iter();
        elements.map(|one| (one.full, one.label)).collect()
    };
    assert_eq!(of(smc::Kind::Drive), drives);
    let doors = [of(smc::Kind::Slot), of(smc::Kind::Door)].concat();
    assert_eq!(doors, places);
}

fn sources(repository: &Path) -> VecDeque<Source> {
    let objects = tree(repository).into_iter();
    let sources = objects.map(|(path, bytes)| Source {
        place: Place::parse(&path).unwrap(),
        bytes: bytes.into(),
    });
    sources.collect()
}

/// A library of the catalog that is these devices.
async fn library() -> Arc<dyn Station> {
    let serial = |text| Serial::parse(text).unwrap();
    let device = Device::Scsi {
        changer: serial("CHG00001"),
        drives: ["DRV00001", "DRV00002"].map(serial).into_iter().collect(),
    };
    let (name, ann) = (
        TapeName::parse("robot").unwrap(),
        OperatorName::parse("ann").unwrap(),
    );
    let office = Office::default();
    let (role, uid) = (Role::Admin, Some(1));
    let hire = Order::Operator(ann.clone(), OperatorCommand::Add { role, uid });
    office.order(Actor::System, hire).unwrap();
    let add = LibraryCommand::Add { node: None, device };
    let add = TapeCommand::Library(name.clone(), add);
    office
        .order(Actor::Operator(ann), Order::Tape(add))
        .unwrap();
    let row = office.rows().tape.libraries[&name].clone();
    let site = Site {
        path: shell::Path::node().child("tape").child("robot"),
        above: None,
        ports: ports(),
        books: Arc::new(office),
        threads: Arc::new(Native),
    };
    let libraries = "/nowhere".into();
    let reach: Arc<dyn Reach> = Arc::new(Local { libraries });
    station::open(&name, &row, &reach, site).await.unwrap()
}

/// Writes a whole set onto one tape and reads it back; how many files are on it.
async fn write(sources: VecDeque<Source>) -> usize {
    let station = library().await;
    let seen = station.inventory().await.unwrap();
    assert_eq!(seen.len(), 3);
    faults::devices_come_back(&station).await;
    let mut mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let rows = ask(mount.as_mut(), |tape| archive(tape, sources))
        .await
        .unwrap();
    mount.dismount().await.unwrap();
    let mut mount = station.mount(SLOT, Purpose::Restore).await.unwrap();
    let files = ask(mount.as_mut(), move |tape| {
        for row in rows.iter().rev() {
            let mut count = 0;
            let mut count_up = |piece: bytes::Bytes| count += piece.len() as u64;
            holdfast_tape::format::fetch(tape, row, &mut count_up).unwrap();
            assert_eq!(count, row.length);
        }
        tape.rewind().unwrap();
        files(tape)
    });
    let files = files.await.unwrap();
    mount.dismount().await.unwrap();
    files
}

fn archive(tape: &mut dyn Medium, sources: VecDeque<Source>) -> Vec<Row> {
    let labels = volume(1, Layout::One, SetKind::Whole);
    let (mut writer, mut told) = (Writer::fresh(labels, SMALL), Vec::new());
    deck::run(&mut writer, tape, Event::Start, &mut told);
    for source in &sources {
        assert!(matches!(told.last(), Some(Effect::Want)), "{told:?}");
        deck::put(&mut writer, tape, source.header(), &source.bytes, &mut told);
    }
    deck::run(&mut writer, tape, Event::Seal(Reason::Closed), &mut told);
    assert!(matches!(told.last(), Some(Effect::Ended(End::Sealed(_)))));
    let mut rows: Vec<Row> = Vec::new();
    for effect in told {
        if let Effect::Committed(more) = effect {
            rows.extend(more);
        }
    }
    assert_eq!(rows.len(), sources.len());
    rows
}

/// The files of a tape from here on.
fn files(tape: &mut dyn Medium) -> usize {
    let (mut files, mut is_empty) = (0, true);
    loop {
        match tape.read().unwrap() {
            Read::Block(_) => is_empty = false,
            Read::End => return files,
            Read::Filemark => {
                files += usize::from(!is_empty);
                is_empty = true;
            }
        }
    }
}

/// Reads each file of the tape in the first drive as anybody would.
fn untar(files: usize, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mt = |words: &[&str]| run(Command::new("mt-st").args(["-f", "/dev/nst0"]).args(words));
    mt(&["setblk", "0"]);
    for file in 0..files {
        mt(&["rewind"]);
        if file > 0 {
            mt(&["fsf", &file.to_string()]);
        }
        let mut tar = Command::new("tar");
        tar.args(["-b", "512", "--exclude=.pad"])
            .args(["--warning=no-unknown-keyword", "--no-same-owner"])
            .args(["-xf", "/dev/nst0", "-C"])
            .arg(to)
            .stdin(Stdio::null());
        run(&mut tar);
    }
}
