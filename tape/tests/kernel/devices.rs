//! Tape devices of the guest's kernel: its own iSCSI initiator, and `tgt` in the guest behind it.

use std::env;
use std::ffi::CString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use nix::kmod::{ModuleInitFlags, finit_module};

use crate::tgt::{TARGET, Tgt};

const MODULES: [&str; 9] = [
    "scsi_common",
    "scsi_mod",
    "scsi_transport_iscsi",
    "libiscsi",
    "libiscsi_tcp",
    "iscsi_tcp",
    "sg",
    "st",
    "ch",
];

/// A target that the kernel has logged in to.
pub(crate) fn attached() -> Tgt {
    load_modules();
    let tgt = Tgt::start().expect("it is installed");
    attach(&tgt);
    tgt
}

/// In the order in which they need each other.
fn load_modules() {
    let home = PathBuf::from(env::var_os("HOLDFAST_MODULES").unwrap());
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let home = home.join(release.trim()).join("kernel/drivers/scsi");
    for name in MODULES {
        let file = File::open(home.join(format!("{name}.ko"))).unwrap();
        finit_module(file, &CString::default(), ModuleInitFlags::empty()).unwrap();
    }
}

/// Has the kernel log in to the target.
fn attach(tgt: &Tgt) {
    let mut start = Command::new("iscsistart");
    start
        .args(["-i", "iqn.2026-11.test.holdfast:guest", "-t", TARGET])
        .args(["-g", "1", "-a", "127.0.0.1", "-p"])
        .arg(tgt.portal.port().to_string());
    let status = start.status().expect("it is installed");
    assert!(status.success(), "{start:?}");
}
