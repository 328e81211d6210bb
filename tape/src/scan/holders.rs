//! Which process has a device open, as `/proc` shows it. What belongs to others is seen by root
//! alone; whoever sees nothing still meets the lock of the device itself.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A process that has a device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its number.
    pub(crate) process: u32,
    /// Its name.
    pub(crate) name: String,
    /// What it has open.
    pub(crate) path: PathBuf,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, name, .. } = self;
        let path = self.path.display();
        write!(f, "process {process} ({name}), which has {path} open")
    }
}

/// The process with the smallest number that has one of these files open.
pub(crate) fn of(proc: &Path, paths: &[PathBuf]) -> Option<Holder> {
    let processes = fs::read_dir(proc).ok()?.flatten();
    let mut processes: Vec<u32> = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    processes.sort_unstable();
    processes.into_iter().find_map(|process| {
        let own = proc.join(process.to_string());
        let open = fs::read_dir(own.join("fd")).ok()?.flatten();
        let mut targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        let path = targets.find(|target| paths.contains(target))?;
        let name = fs::read_to_string(own.join("comm")).unwrap_or_default();
        let name = name.trim().to_owned();
        Some(Holder {
            process,
            name,
            path,
        })
    })
}
