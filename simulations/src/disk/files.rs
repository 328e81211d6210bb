//! Files and names, each as a process sees them and as a crash would leave them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::dice::Dice;

/// What a drive writes whole or not at all.
const SECTOR: u64 = 512;

/// All files of a disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// The number of the last file or change.
    last: u64,
    inodes: BTreeMap<u64, Inode>,
    /// Paths as a process sees them.
    names: BTreeMap<String, u64>,
    /// Paths as a crash would leave them at worst.
    durable: BTreeMap<String, u64>,
    /// Changes of names that no sync of a folder has covered.
    unsynced: Vec<Renaming>,
    /// Folders that were made with the files in them; they are durable at once, and stay.
    folders: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Changes that no sync has covered, each with its number.
    unsynced: Vec<(u64, Change)>,
    /// Changes that a failed sync has dropped: no later one makes them durable.
    forgotten: Vec<(u64, Change)>,
    reserved: u64,
    open: u32,
}

/// One change of a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Truncate(u64),
}

/// One change of names: one goes, one comes, or both at once.
#[derive(Clone, Debug)]
struct Renaming {
    from: Option<String>,
    to: Option<String>,
    inode: u64,
}

impl Files {
    pub(super) fn create(&mut self, path: &str) -> io::Result<u64> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.last += 1;
        let inode = self.last;
        let made = Inode {
            open: 1,
            ..Inode::default()
        };
        self.inodes.insert(inode, made);
        let above = path
            .match_indices('/')
            .map(|(end, _)| path[..end].to_owned());
        self.folders.extend(above);
        self.rename_inode(None, Some(path), inode);
        Ok(inode)
    }

    pub(super) fn open(&mut self, path: &str) -> io::Result<u64> {
        let inode = *self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        self.inodes.entry(inode).or_default().open += 1;
        Ok(inode)
    }

    pub(super) fn close(&mut self, inode: u64) {
        if let Some(file) = self.inodes.get_mut(&inode) {
            file.open = file.open.saturating_sub(1);
        }
        self.drop_nameless();
    }

    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let inside = self.names.keys().filter(|path| folder_of(path) == folder);
        let names = inside.map(|path| path.rsplit('/').next().unwrap_or(path));
        names.map(str::to_owned).collect()
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let inode = *self.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        self.rename_inode(Some(from), Some(to), inode);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) {
        if let Some(inode) = self.names.get(path).copied() {
            self.rename_inode(Some(path), None, inode);
        }
    }

    pub(super) fn sync_folder(&mut self, folder: &str) -> io::Result<()> {
        if !folder.is_empty() && !self.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let concerns = |path: &Option<String>| path.as_deref().map(folder_of) == Some(folder);
        for renaming in std::mem::take(&mut self.unsynced) {
            if concerns(&renaming.from) || concerns(&renaming.to) {
                renaming.apply(&mut self.durable);
            } else {
                self.unsynced.push(renaming);
            }
        }
        self.drop_nameless();
        Ok(())
    }

    pub(super) fn bytes(&self, inode: u64) -> &[u8] {
        self.inodes
            .get(&inode)
            .map_or(&[], |file| file.bytes.as_slice())
    }

    pub(super) fn content(&self, path: &str) -> Option<&[u8]> {
        self.names.get(path).map(|inode| self.bytes(*inode))
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    pub(super) fn change(&mut self, inode: u64, change: Change) {
        self.last += 1;
        let Some(file) = self.inodes.get_mut(&inode) else {
            return;
        };
        change.apply(&mut file.bytes);
        file.unsynced.push((self.last, change));
    }

    pub(super) fn reserve(&mut self, inode: u64, length: u64) {
        if let Some(file) = self.inodes.get_mut(&inode) {
            file.reserved = file.reserved.max(length);
        }
    }

    /// The space that all files take.
    pub(super) fn used(&self) -> u64 {
        self.inodes.values().map(Inode::used).sum()
    }

    /// How long a file may become on a disk of this size.
    pub(super) fn room_in(&self, inode: u64, capacity: Option<u64>) -> u64 {
        let others = self.inodes.iter().filter(|(other, _)| **other != inode);
        let used: u64 = others.map(|(_, file)| file.used()).sum();
        let own = self.inodes.get(&inode).map_or(0, Inode::used);
        capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used).max(own))
    }

    /// The number of the last change so far.
    pub(super) fn mark(&self) -> u64 {
        self.last
    }

    /// Makes a file's changes up to a mark durable.
    pub(super) fn sync(&mut self, inode: u64, mark: u64) {
        let Some(file) = self.inodes.get_mut(&inode) else {
            return;
        };
        let covered = file.unsynced.partition_point(|(number, _)| *number <= mark);
        for (_, change) in file.unsynced.drain(..covered) {
            change.apply(&mut file.durable);
        }
    }

    /// Drops a file's changes as a failed sync does: they stay visible, and no sync covers them.
    pub(super) fn forget(&mut self, inode: u64) {
        if let Some(file) = self.inodes.get_mut(&inode) {
            file.forgotten.append(&mut file.unsynced);
        }
    }

    pub(super) fn rot(&mut self, path: &str, bytes: Vec<u8>) -> bool {
        let inode = self.names.get(path);
        let Some(file) = inode.and_then(|inode| self.inodes.get_mut(inode)) else {
            return false;
        };
        file.durable.clone_from(&bytes);
        file.bytes = bytes;
        file.unsynced.clear();
        true
    }

    /// Overwrites a part of a file under whoever has it open, as rot and misdirected writes do.
    /// What was written there and not synced yet may still come over it.
    pub(super) fn decay(&mut self, path: &str, at: u64, bytes: &[u8]) {
        let inode = self.names.get(path);
        let Some(file) = inode.and_then(|inode| self.inodes.get_mut(inode)) else {
            return;
        };
        for content in [&mut file.bytes, &mut file.durable] {
            let start = index(at).min(content.len());
            let end = (index(at) + bytes.len()).min(content.len());
            content[start..end].copy_from_slice(&bytes[..end - start]);
        }
    }

    pub(super) fn lose(&mut self, path: &str) -> bool {
        self.durable.remove(path);
        self.names.remove(path).is_some()
    }

    /// Closes all files.
    pub(super) fn kill(&mut self) {
        for file in self.inodes.values_mut() {
            file.open = 0;
        }
        self.drop_nameless();
    }

    /// Judges what was not synced; what is left is durable.
    pub(super) fn crash(&mut self, dice: &mut Dice) {
        for renaming in std::mem::take(&mut self.unsynced) {
            if dice.one_in(2) {
                renaming.apply(&mut self.durable);
            }
        }
        self.names.clone_from(&self.durable);
        for file in self.inodes.values_mut() {
            file.crash(dice);
        }
        self.drop_nameless();
    }

    fn rename_inode(&mut self, from: Option<&str>, to: Option<&str>, inode: u64) {
        let renaming = Renaming {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            inode,
        };
        renaming.apply(&mut self.names);
        self.unsynced.push(renaming);
        self.drop_nameless();
    }

    /// Gives back the space of files that nothing leads to any more.
    fn drop_nameless(&mut self) {
        let named = self.names.values().chain(self.durable.values()).copied();
        let pending = self.unsynced.iter().map(|renaming| renaming.inode);
        let kept: BTreeSet<u64> = named.chain(pending).collect();
        self.inodes
            .retain(|inode, file| file.open > 0 || kept.contains(inode));
    }
}

impl Inode {
    fn used(&self) -> u64 {
        self.reserved.max(self.bytes.len() as u64)
    }

    fn crash(&mut self, dice: &mut Dice) {
        let mut changes = std::mem::take(&mut self.forgotten);
        changes.append(&mut self.unsynced);
        changes.sort_by_key(|(number, _)| *number);
        for (_, change) in changes {
            change.judge(&mut self.durable, dice);
        }
        self.bytes.clone_from(&self.durable);
        self.reserved = 0;
        self.open = 0;
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => write(file, *at, bytes),
            Self::Truncate(length) => file.resize(index(*length), 0),
        }
    }

    /// Applies as much of the change as the dice leave.
    fn judge(&self, file: &mut Vec<u8>, dice: &mut Dice) {
        match (self, dice.below(4)) {
            (_, 0) => {}
            (Self::Write { at, bytes }, 1) => {
                let sectors = bytes.len() as u64 / SECTOR + 1;
                let whole = (at / SECTOR + dice.below(sectors + 1)) * SECTOR;
                let kept = index(whole.saturating_sub(*at)).min(bytes.len());
                write(file, *at, &bytes[..kept]);
            }
            (Self::Write { at, bytes }, 2) => scatter(file, *at, bytes, dice),
            _ => return self.apply(file),
        }
        if let Self::Write { at, bytes } = self
            && dice.one_in(2)
        {
            // The new length was on its way before the bytes were.
            let end = index(*at) + bytes.len();
            file.resize(file.len().max(end), 0);
        }
    }
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        if let Some(from) = &self.from
            && names.get(from) == Some(&self.inode)
        {
            names.remove(from);
        }
        if let Some(to) = &self.to {
            names.insert(to.clone(), self.inode);
        }
    }
}

/// Writes some sectors of a write and not others: a drive puts them in an order of its own.
fn scatter(file: &mut Vec<u8>, mut at: u64, mut bytes: &[u8], dice: &mut Dice) {
    while !bytes.is_empty() {
        let piece = index(SECTOR - at % SECTOR).min(bytes.len());
        if dice.one_in(2) {
            write(file, at, &bytes[..piece]);
        }
        at += piece as u64;
        bytes = &bytes[piece..];
    }
}

fn write(file: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let (start, end) = (index(at), index(at) + bytes.len());
    file.resize(file.len().max(end), 0);
    file[start..end].copy_from_slice(bytes);
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
