//! Debian's `tgt`, an emulator that nobody here wrote, as a child of the test.
//!
//! It listens on loopback with a management socket of its own, and ends with the test. A machine
//! without it says SKIPPED.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use holdfast_tape::iscsi::{Names, Session, Tcp};

pub(crate) const TARGET: &str = "iqn.2026-11.test.holdfast:tape";
pub(crate) const CHANGER: u8 = 3;
/// The number of the management socket, which lies in a folder of its own.
const CONTROL: &str = "71";

/// A running target; it ends when this is dropped.
pub(crate) struct Tgt {
    process: Child,
    pub(crate) portal: SocketAddr,
    folder: tempfile::TempDir,
}

impl Drop for Tgt {
    fn drop(&mut self) {
        // It does not listen to SIGTERM in the foreground.
        self.kill();
    }
}

pub(crate) fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn run(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("it runs").success()
}

fn image(folder: &Path, barcode: &str, kind: &str) {
    let mut command = Command::new("tgtimg");
    command.args(["--op", "new", "--device-type", "tape", "--size", "16"]);
    command.args(["--barcode", barcode, "--type", kind, "--file"]);
    assert!(run(command.arg(folder.join(barcode))), "{barcode} is made");
}

/// Says that the test that runs did not; whoever counts tests reads it in the file.
pub(crate) fn skipped(reason: &str) {
    let test = std::thread::current();
    let told = format!("SKIPPED: {}: {reason}", test.name().unwrap_or_default());
    println!("{told}");
    if let Some(file) = std::env::var_os("HOLDFAST_SKIPS") {
        let file = File::options().create(true).append(true).open(file);
        writeln!(file.expect("the list of what was skipped"), "{told}").expect("a line in it");
    }
}

impl Tgt {
    pub(crate) fn start() -> Option<Self> {
        if let Some(missing) = ["tgtd", "tgtadm", "tgtimg"]
            .into_iter()
            .find(|name| !is_there(name))
        {
            skipped(&format!(
                "{missing} is not installed (Debian package `tgt`)"
            ));
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let portal = free.local_addr().expect("an address");
        drop(free);
        let process = Command::new("tgtd")
            .args(["-f", "-C", CONTROL, "--iscsi"])
            .arg(format!("portal={portal}"))
            .arg("-p")
            .arg(folder.path().join("pid"))
            .env("TGT_IPC_SOCKET", folder.path().join("ipc"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tgtd starts");
        let tgt = Self {
            process,
            portal,
            folder,
        };
        let is_up = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            tgt.admin("--op show --mode sys")
        });
        assert!(is_up, "tgtd did not come up");
        tgt.furnish();
        Some(tgt)
    }

    pub(crate) fn admin(&self, line: &str) -> bool {
        let mut command = Command::new("tgtadm");
        command.args(["-C", CONTROL, "--lld", "iscsi"]);
        command.env("TGT_IPC_SOCKET", self.folder.path().join("ipc"));
        run(command.args(line.split(' ')))
    }

    /// Two drives, an arm, four slots with a tape, a WORM tape and a cleaning cartridge.
    fn furnish(&self) {
        let folder = self.folder.path().display().to_string();
        let barcodes = ["VT0001L6", "WRM001LW", "CLN001CU"];
        for (barcode, kind) in barcodes.into_iter().zip(["data", "worm", "clean"]) {
            image(self.folder.path(), barcode, kind);
        }
        std::fs::write(self.folder.path().join("smc"), [0; 1024]).expect("a file");
        let mut lines = vec![format!("--op new --mode target --tid 1 -T {TARGET}")];
        let unit = "--mode logicalunit --tid 1";
        for drive in [1, 2] {
            let tape = format!("-b {folder}/VT0001L6 --device-type tape --bstype ssc");
            lines.push(format!("{unit} --op new --lun {drive} {tape}"));
            let params = format!("online=0,vendor_id=TGT,product_id=VTAPE,scsi_sn=DRV0000{drive}");
            lines.push(format!(
                "{unit} --op update --lun {drive} --params {params}"
            ));
        }
        lines.push(format!(
            "{unit} --op new --lun 3 -b {folder}/smc --device-type changer"
        ));
        let mut params = vec![
            format!("media_home={folder},scsi_sn=CHG00001"),
            "element_type=1,start_address=1,quantity=1".into(),
            "element_type=4,start_address=256,quantity=2".into(),
            "element_type=4,address=256,tid=1,lun=1".into(),
            "element_type=4,address=257,tid=1,lun=2".into(),
            "element_type=2,start_address=1000,quantity=4".into(),
            "element_type=3,start_address=768,quantity=2".into(),
        ];
        for (slot, barcode) in (1000..).zip(barcodes) {
            params.push(format!(
                "element_type=2,address={slot},barcode={barcode},sides=1"
            ));
        }
        lines.extend(
            params
                .iter()
                .map(|one| format!("{unit} --op update --lun 3 --params {one}")),
        );
        lines.push("--op bind --mode target --tid 1 -I 127.0.0.1".into());
        for line in lines {
            assert!(self.admin(&line), "tgtadm {line}");
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it was running");
        self.process.wait().expect("it ended");
    }

    pub(crate) fn session(&self, unit: u8) -> Session<Tcp> {
        Session::connect(self.portal, &names(unit)).expect("a session")
    }
}

pub(crate) fn names(unit: u8) -> Names {
    Names {
        initiator: "iqn.2026-11.test.holdfast:here".into(),
        target: TARGET.into(),
        session: u16::from(unit),
        unit,
    }
}
