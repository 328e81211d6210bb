//! A disk that is really slow: a file system of its own, on a block device of the kernel's, whose
//! writes the kernel holds up for the processes of one group.

use std::fs;
use std::path::{Path, PathBuf};

use crate::node::{run, text};

/// Where the kernel keeps groups of processes by what they may write.
const GROUPS: &str = "/sys/fs/cgroup/blkio";
/// As large as the device is, in bytes: a file of holes.
const LENGTH: u64 = 4 << 30;

/// A slow disk, gone when this is dropped.
pub(crate) struct SlowDisk {
    at: PathBuf,
    group: PathBuf,
    device: Option<String>,
    /// The device, as the kernel counts them.
    number: String,
}

impl SlowDisk {
    /// One that is as fast as it can be, at a path; why not, where nobody may make any.
    pub(crate) fn new(at: PathBuf, file: &Path) -> Result<Self, String> {
        let name = format!("holdfast-{}", std::process::id());
        let group = Path::new(GROUPS).join(name);
        fs::create_dir(&group).map_err(|error| format!("no groups by what they write: {error}"))?;
        let mut disk = Self {
            at,
            group,
            device: None,
            number: String::new(),
        };
        fs::create_dir(&disk.at).unwrap();
        fs::File::create(file).unwrap().set_len(LENGTH).unwrap();
        tool("mkfs.ext4", &["-q", "-F", text(file)])?;
        let device = tool("losetup", &["--find", "--show", text(file)])?;
        let device = device.trim().to_owned();
        disk.device = Some(device.clone());
        let number = tool("lsblk", &["--noheadings", "--output", "MAJ:MIN", &device])?;
        disk.number = number.trim().to_owned();
        tool("mount", &[&device, text(&disk.at)])?;
        fs::remove_dir(disk.at.join("lost+found")).unwrap();
        disk.pace(1 << 40, 1 << 30)?;
        Ok(disk)
    }

    /// From now on it writes so many bytes a second, in so many writes; a file that is synced costs
    /// one or two of them.
    pub(crate) fn pace(&self, bytes: u64, writes: u64) -> Result<(), String> {
        for (what, most) in [("bps", bytes), ("iops", writes)] {
            let file = self
                .group
                .join(format!("blkio.throttle.write_{what}_device"));
            let line = format!("{} {most}", self.number);
            fs::write(file, line)
                .map_err(|error| format!("the kernel holds nobody up: {error}"))?;
        }
        Ok(())
    }

    /// How many bytes the kernel counted on their way to it, by processes that it held up.
    pub(crate) fn written(&self) -> u64 {
        let counted = self.group.join("blkio.throttle.io_service_bytes");
        let counted = fs::read_to_string(counted).unwrap();
        let of_device = counted.lines().filter_map(|line| {
            let rest = line.strip_prefix(&self.number)?.trim();
            rest.strip_prefix("Write ")?.parse::<u64>().ok()
        });
        of_device.sum()
    }

    /// The disk is as slow as was said for this process.
    pub(crate) fn holds(&self, process: u32) {
        fs::write(self.group.join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        let held = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for process in held.lines() {
            // One that has ended meanwhile needs no other group.
            let _ = fs::write(Path::new(GROUPS).join("cgroup.procs"), process);
        }
        run(10, "umount", &["--lazy", text(&self.at)], &[]);
        if let Some(device) = &self.device {
            run(10, "losetup", &["--detach", device], &[]);
        }
        let _ = fs::remove_dir(&self.group);
    }
}

/// Runs a tool of the machine's; what it said, or why not.
fn tool(program: &str, words: &[&str]) -> Result<String, String> {
    let said = run(30, program, words, &[]);
    match said.code {
        0 => Ok(said.out),
        _ => Err(format!("{program}: {}", said.err)),
    }
}

/// The most memory that a process ever had, in bytes.
pub(crate) fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap() << 10
}
