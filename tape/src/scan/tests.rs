//! Tests of the search for devices, in a kernel that is made up.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::library::{Library, Plan, Shared, Size, Unit};
use crate::smc::Address;

/// A made-up kernel with a changer and two drives of an embedded library, and a disk.
struct World {
    home: TempDir,
    library: Shared,
}

const DEVICES: [(&str, &str, Option<Unit>); 4] = [
    ("sg0", "0", None),
    ("sg2", "1", Some(Unit::Drive(0))),
    ("sg10", "1", Some(Unit::Drive(1))),
    ("sg3", "8", Some(Unit::Changer)),
];

impl World {
    fn new() -> Self {
        let size = Size {
            drives: 2,
            slots: 4,
            doors: 1,
        };
        let world = Self {
            home: tempfile::tempdir().expect("a folder"),
            library: Shared::new(Library::new(size, Plan::default())),
        };
        for (name, kind, _) in DEVICES {
            let device = world.device(name);
            fs::create_dir_all(&device).expect("a folder");
            let files = [
                ("type", kind),
                ("vendor", "ACME    \n"),
                ("model", "LTO  \n"),
            ];
            for (file, text) in files {
                fs::write(device.join(file), text).expect("a file");
            }
        }
        let tape = world.device("sg2").join("scsi_tape/nst0");
        fs::create_dir_all(tape).expect("a folder");
        fs::write(
            world.device("sg2").join("vpd_pg80"),
            b"\0\x80\0\x08HFD00000",
        )
        .expect("a file");
        world
    }

    fn device(&self, name: &str) -> PathBuf {
        let class = self.home.path().join("sys/class/scsi_generic");
        class.join(name).join("device")
    }

    fn kernel(&self) -> Vec<Device> {
        let roots = Roots {
            sys: self.home.path().join("sys"),
            proc: self.home.path().join("proc"),
            ..Roots::default()
        };
        let found = kernel(&roots, &mut |path| {
            let name = path.file_name().and_then(|name| name.to_str());
            let device = DEVICES.iter().find(|it| Some(it.0) == name);
            let unit = device.and_then(|it| it.2).expect("no disk is opened");
            Ok(Box::new(self.library.port(unit)))
        });
        found.expect("what there is")
    }
}

#[test]
fn drives_are_paired_with_the_elements_of_their_changer() {
    let found = World::new().kernel();
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.place.as_str(), it.serial.as_str(), it.element))
        .collect();
    assert_eq!(
        told,
        [
            ("/dev/sg3", "HFC00000", None),
            ("/dev/sg2", "HFD00000", Some(256)),
            ("/dev/sg10", "HFD00001", Some(257)),
        ]
    );
    assert_eq!(found[0].kind, Kind::Changer);
    assert_eq!(found[1].changer.as_deref(), Some("HFC00000"));
    assert_eq!((&*found[1].vendor, &*found[1].product), ("ACME", "LTO"));
    assert!(found.iter().all(|it| it.trouble.is_none()));
}

#[test]
fn what_another_process_has_open_is_named_and_not_asked() {
    let world = World::new();
    let process = world.home.path().join("proc/77");
    fs::create_dir_all(process.join("fd")).expect("a folder");
    fs::write(process.join("comm"), "bacula-sd\n").expect("a file");
    symlink("/dev/nst0", process.join("fd/5")).expect("a link");
    let before = world.library.with(|it| it.commands(Unit::Drive(0)));
    let found = world.kernel();
    let trouble = "in use by process 77 (bacula-sd), which has /dev/nst0 open";
    assert_eq!(found[1].trouble.as_deref(), Some(trouble));
    let after = world.library.with(|it| it.commands(Unit::Drive(0)));
    assert_eq!((before, found[2].trouble.as_deref()), (after, None));
}

#[test]
fn a_kernel_without_such_devices_has_none() {
    let roots = Roots {
        sys: PathBuf::from("/nowhere"),
        ..Roots::default()
    };
    let none = kernel(&roots, &mut |_| panic!("nothing is opened"));
    assert_eq!(none.expect("nothing"), []);
}

fn element(device: &str) -> Element {
    Element {
        kind: Place::Drive,
        address: Address(256),
        full: false,
        reachable: true,
        exception: None,
        source: None,
        label: None,
        device: Some(device.to_owned()),
    }
}

#[test]
fn a_drive_is_meant_only_if_it_can_be_no_other() {
    let serials = ["1", "11", "A1", ""].map(str::to_owned);
    let meant = |device: &str| named(&element(device), &serials).map(str::to_owned);
    assert_eq!(meant("11").as_deref(), Some("11"));
    assert_eq!(meant("ACME LTO 1").as_deref(), Some("1"));
    assert_eq!(meant("ACME LTO XA1"), None, "it ends with 1 and with A1");
    assert_eq!(meant("ACME"), None);
}
