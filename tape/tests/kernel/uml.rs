//! A kernel as a process: it has the files of this machine, read-only, one folder that it may write
//! to, and a network of its own that leads nowhere.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tgt::{is_there, skipped};

/// In the guest, the folder that both sides see.
const INSIDE: &str = "HOLDFAST_KERNEL";
/// Bytes of memory that the guest takes from the folder of its memory.
const MEMORY: u64 = 512 << 20;
/// A boot with all that is done inside takes 10 to 30 seconds.
const LIMIT: Duration = Duration::from_secs(170);

/// Each program that is needed, and the Debian package that brings it.
const TOOLS: [(&str, &str); 6] = [
    ("linux.uml", "user-mode-linux"),
    ("iscsistart", "open-iscsi"),
    ("tgtd", "tgt"),
    ("mtx", "mtx"),
    ("mt-st", "mt-st"),
    ("restic", "restic"),
];

/// The folder that both sides see, if this runs in the guest.
pub(crate) fn inside() -> Option<PathBuf> {
    env::var_os(INSIDE).map(PathBuf::from)
}

/// What came of it.
pub(crate) enum Outcome {
    /// The test passed inside.
    Passed,
    /// This machine does not let such a kernel run.
    Forbidden(String),
    /// It did not; with what was said.
    Failed(String),
}

/// A kernel that can be booted.
pub(crate) struct Guest {
    kernel: PathBuf,
    modules: PathBuf,
}

impl Guest {
    /// Looks for all that is needed; says SKIPPED if something is not there.
    pub(crate) fn find() -> Option<Self> {
        if let Some((name, package)) = TOOLS.iter().find(|(name, _)| !is_there(name)) {
            skipped(&format!(
                "{name} is not installed (Debian package `{package}`)"
            ));
            return None;
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders = env::split_paths(&path);
        let folder = folders.find(|folder| folder.join("linux.uml").is_file())?;
        // Beside the program, or where tests/run unpacks it.
        let homes = ["../lib/uml/modules", "../root/usr/lib/uml/modules"];
        let modules = homes.iter().map(|home| folder.join(home));
        let Some(modules) = modules.into_iter().find(|home| home.is_dir()) else {
            skipped("the modules of linux.uml are not where it is");
            return None;
        };
        Some(Self {
            kernel: folder.join("linux.uml"),
            modules: modules.canonicalize().unwrap(),
        })
    }

    /// Boots, runs this test alone inside, and waits until the guest is off.
    pub(crate) fn boot(&self, folder: &Path, test: &str) -> Outcome {
        let script = folder.join("init");
        fs::write(&script, self.script(folder, test)).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let console = File::create(folder.join("console")).unwrap();
        let mut guest = Command::new(&self.kernel);
        guest
            .arg(format!("mem={}M", MEMORY >> 20))
            .args(["rootfstype=hostfs", "rootflags=/", "ro"])
            .arg(format!("init={}", script.display()))
            .args(["con=null", "con0=null,fd:1"])
            .env("TMPDIR", memory(folder))
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .process_group(0);
        let ended = wait(guest.spawn().unwrap());
        let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let (said, console) = (read("said"), read("console"));
        if said.contains("test result: ok. 1 passed") {
            return Outcome::Passed;
        }
        if said.is_empty()
            && ["ptrace", "Operation not permitted", "seccomp"]
                .iter()
                .any(|it| ended && console.contains(it))
        {
            return Outcome::Forbidden("User-Mode Linux may not run here (ptrace)".to_owned());
        }
        let time = if ended {
            ""
        } else {
            "it did not end in time\n"
        };
        Outcome::Failed(format!("{time}{console}\n{said}"))
    }

    /// What the first process inside does.
    fn script(&self, folder: &Path, test: &str) -> String {
        let var = |name: &str| {
            let value = env::var(name).unwrap_or_default();
            format!("export {name}='{value}'\n")
        };
        let own = env::current_exe().unwrap();
        format!(
            "#!/bin/sh\n{path}{libraries}\
             export PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run\n\
             export {INSIDE}='/mnt' HOLDFAST_MODULES='{modules}'\n\
             mount -t proc proc /proc\nmount -t sysfs sysfs /sys\nmount -t tmpfs tmpfs /run\n\
             mount -t hostfs -o '{folder}' none /mnt\nip link set lo up\n\
             '{own}' --exact {test} --nocapture >/mnt/said 2>&1\n\
             sync\necho o >/proc/sysrq-trigger\nsleep 5\n",
            path = var("PATH"),
            libraries = var("LD_LIBRARY_PATH"),
            modules = self.modules.display(),
            folder = folder.display(),
            own = own.display(),
        )
    }
}

/// Where the guest's memory is kept: in memory if there is enough room for it.
fn memory(folder: &Path) -> PathBuf {
    let output = Command::new("df")
        .args(["--block-size=1", "--output=avail", "/dev/shm"])
        .output();
    let free = output.ok().and_then(|output| {
        let told = String::from_utf8(output.stdout).ok()?;
        told.lines().nth(1)?.trim().parse::<u64>().ok()
    });
    match free {
        Some(free) if free > 2 * MEMORY => PathBuf::from("/dev/shm"),
        _ => folder.to_owned(),
    }
}

/// Whether it ended by itself; what is left of it is ended.
#[expect(clippy::disallowed_methods, reason = "a real process is waited for")]
fn wait(mut guest: Child) -> bool {
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        if guest.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // Its processes are in a group of their own.
    let group = format!("-{}", guest.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    guest.wait().unwrap();
    false
}
