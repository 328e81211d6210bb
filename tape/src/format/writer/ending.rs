//! Archives, commits and tapes come to their ends, wanted or not.

use super::super::label::Reason;
use super::agenda::{Flushing, Task};
use super::{BLOCK, Effect, End, FileKind, Header, Item, Owed, Writer};

impl Writer {
    /// Ends the label of the set, once something else comes.
    pub(super) fn close_labels(&mut self) {
        if self.is_open(FileKind::Set) {
            let labels = [Task::Close, Task::Filemark, Task::Flush(Flushing::Labels)];
            self.agenda.extend(labels);
        }
    }

    pub(super) fn end_archive(&mut self) {
        let Some(file) = self
            .file
            .as_ref()
            .filter(|_| self.is_open(FileKind::Archive))
        else {
            return;
        };
        let lines = Task::Lines {
            next: file.first_row,
            end: self.rows.len(),
        };
        self.agenda.extend([
            Task::ArchiveIndex,
            lines,
            Task::Tail,
            Task::Close,
            Task::Filemark,
        ]);
    }

    pub(super) fn commit(&mut self) {
        self.since = 0;
        self.end_archive();
        self.agenda
            .extend([Task::Open(FileKind::Index), Task::Index, Task::Close]);
        self.agenda
            .extend([Task::Filemark, Task::Flush(Flushing::Rows)]);
    }

    pub(super) fn seal(&mut self, reason: Reason) {
        self.is_sealing = true;
        self.close_labels();
        if self.committed < self.rows.len() || self.is_open(FileKind::Archive) {
            self.commit();
        }
        self.agenda
            .extend([Task::Open(FileKind::Seal), Task::Seal(reason), Task::Close]);
        let marks = [Task::Filemark, Task::Filemark, Task::Flush(Flushing::Seal)];
        self.agenda.extend(marks);
    }

    /// Whether the member that is under way may still be ended on this tape.
    pub(super) fn can_finish(&self) -> bool {
        let left = self.member.as_ref().map(|current| current.left);
        left.is_some_and(|left| left <= self.settings.finish_max)
    }

    /// The drive warned: nothing new begins. The archive of a member that is given up ends torn.
    pub(super) fn end_near(&mut self, effects: &mut Vec<Effect>) {
        if self.member.is_some() {
            self.tear(effects);
            self.agenda.push_back(Task::Filemark);
        }
        self.seal(Reason::Full);
    }

    /// The end is here. What the drive took may still come to rest on the tape.
    pub(super) fn hard_end(&mut self, effects: &mut Vec<Effect>) {
        if self.owed.pop_front().is_none() {
            return;
        }
        self.drop_orders(effects);
        self.tear(effects);
        if self.is_full {
            return self.end(End::Full, effects);
        }
        self.is_full = true;
        self.owed.push_back(Owed::Flush(Flushing::Rest));
        effects.push(Effect::Flush);
    }

    pub(super) fn failed(&mut self, effects: &mut Vec<Effect>) {
        self.drop_orders(effects);
        self.tear(effects);
        self.end(End::Failed, effects);
    }

    pub(super) fn flushed(&mut self, what: Flushing, effects: &mut Vec<Effect>) {
        match what {
            Flushing::Labels => {}
            Flushing::Rows => self.committed_all(effects),
            Flushing::Seal => {
                let end = self.seal.take().map_or(End::Full, End::Sealed);
                self.end(end, effects);
            }
            Flushing::Rest => {
                self.committed_all(effects);
                self.end(End::Full, effects);
            }
        }
    }

    fn committed_all(&mut self, effects: &mut Vec<Effect>) {
        if self.committed < self.rows.len() {
            effects.push(Effect::Committed(self.rows[self.committed..].to_vec()));
            self.committed = self.rows.len();
        }
    }

    fn end(&mut self, end: End, effects: &mut Vec<Effect>) {
        let lost = self.rows.split_off(self.committed);
        if !lost.is_empty() {
            effects.push(Effect::Again(
                lost.into_iter().map(|row| row.path).collect(),
            ));
        }
        self.is_over = true;
        effects.push(Effect::Ended(end));
    }

    fn drop_orders(&mut self, effects: &mut Vec<Effect>) {
        self.owed.clear();
        for task in std::mem::take(&mut self.agenda) {
            if let Task::Member(header) = task {
                self.again([&header], effects);
            }
        }
    }

    /// Leaves the tape file as it is: the member under way is lost, and all whose last block the
    /// drive did not take.
    fn tear(&mut self, effects: &mut Vec<Effect>) {
        if let Some(current) = self.member.take() {
            self.again([&current.header], effects);
        }
        let Some(file) = self
            .file
            .take()
            .filter(|file| file.kind == FileKind::Archive)
        else {
            return;
        };
        let taken = u64::from(file.written) * BLOCK as u64;
        let is_kept = |row: &&super::Row| row.at() + row.stored() <= taken;
        let kept = self.rows[file.first_row..]
            .iter()
            .take_while(is_kept)
            .count();
        // A row that a commit named stays: its file ended before.
        let keep = (file.first_row + kept).max(self.committed);
        let lost = self.rows.split_off(keep);
        if !lost.is_empty() {
            effects.push(Effect::Again(
                lost.into_iter().map(|row| row.path).collect(),
            ));
        }
    }

    pub(super) fn again<'a>(
        &self,
        headers: impl IntoIterator<Item = &'a Header>,
        effects: &mut Vec<Effect>,
    ) {
        for header in headers {
            if let Item::Object(place) = &header.item {
                effects.push(Effect::Again(vec![place.clone()]));
            }
        }
    }
}
