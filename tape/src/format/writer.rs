//! Decides what is written on a tape, block by block, and when it counts as written.
//!
//! It is told what the source has and what the drive says, and pushes orders for the drive: each
//! [`Where`](Effect::Where), [`Write`](Effect::Write), [`Filemark`](Effect::Filemark) and
//! [`Flush`](Effect::Flush) is done in order and answered by one event. After
//! [`HardEnd`](Event::HardEnd) or [`Failed`](Event::Failed) the orders not yet done are dropped.
//! It gives new orders only when all are answered, and takes input only after it said
//! [`Want`](Effect::Want); so it holds a few pieces and never an object.
//!
//! Invariant: a row is told as committed only when a flush behind its bytes was answered by
//! [`Done`](Event::Done). It is in the last index of the tape then, unless the tape ended hard.

mod agenda;
mod ending;
mod event;
mod members;

use std::collections::VecDeque;

use super::encryption::Encrypter;
use super::label::{Layout, Seal};
use super::member::{FileKind, Member};
use super::place::Place;
use super::row::{Measure, Row};
use super::stream::Stream;
use super::sum::Summing;
use super::{BLOCK, Refusal};
use agenda::{Flushing, Task};
pub use event::{Effect, End, Event, Header, Item, PIECE_MAX, Resume, Settings, Volume};

/// What a filled index, its headers and the end of an archive take beyond their rows.
const CLOSING: u64 = 4 * BLOCK as u64;

/// An order that the drive has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Where,
    Write,
    Filemark,
    Flush(Flushing),
    /// Where it stands behind a flush.
    Flushed(Flushing),
}

impl Owed {
    /// Whether the answer is a position.
    const fn is_question(self) -> bool {
        matches!(self, Self::Where | Self::Flushed(_))
    }
}

/// The tape file under the head.
#[derive(Debug)]
struct File {
    kind: FileKind,
    number: u32,
    position: Option<u64>,
    stream: Stream,
    /// Blocks that the drive took.
    written: u32,
    is_closed: bool,
    /// Where its rows begin, and what their index takes.
    first_row: usize,
    measure: Measure,
}

/// The member that is being streamed.
#[derive(Debug)]
struct Current {
    header: Header,
    at: u64,
    /// Bytes that did not come yet.
    left: u64,
    /// Where in the file it ends.
    end: u64,
    summing: Summing,
    encrypter: Option<Encrypter>,
}

/// The machine that writes one tape.
#[derive(Debug)]
pub struct Writer {
    volume: Volume,
    settings: Settings,
    /// All rows of the tape; those after `committed` may be lost by a crash.
    rows: Vec<Row>,
    committed: usize,
    /// Of the first `measured` rows.
    measure: Measure,
    measured: usize,
    file: Option<File>,
    next_file: u32,
    member: Option<Current>,
    catalogs: u32,
    agenda: VecDeque<Task>,
    owed: VecDeque<Owed>,
    /// Where the drive stands if it took what it was given, once and no more; none if it never
    /// said.
    stands: Option<u64>,
    /// Bytes of objects since the last commit.
    since: u64,
    has_asked: bool,
    near_end: bool,
    is_sealing: bool,
    /// What the seal under way says.
    seal: Option<Seal>,
    is_full: bool,
    is_over: bool,
}

impl Writer {
    /// A writer for a tape that begins anew: what is on it is lost with the first order.
    pub fn fresh(volume: Volume, settings: Settings) -> Self {
        let resume = Resume {
            rows: Vec::new(),
            next_file: 0,
            is_torn: false,
        };
        let mut writer = Self::append(volume, settings, resume);
        let label = [
            Task::Open(FileKind::Label),
            Task::Label,
            Task::Close,
            Task::Filemark,
        ];
        writer.agenda.extend(label);
        writer.agenda.extend([Task::Open(FileKind::Set), Task::Set]);
        writer
    }

    /// A writer that goes on behind the end of what was written.
    pub fn append(volume: Volume, settings: Settings, resume: Resume) -> Self {
        Self {
            volume,
            settings,
            committed: resume.rows.len(),
            rows: resume.rows,
            measure: Measure::default(),
            measured: 0,
            file: None,
            next_file: resume.next_file,
            member: None,
            catalogs: 0,
            agenda: resume
                .is_torn
                .then_some(Task::Filemark)
                .into_iter()
                .collect(),
            owed: VecDeque::new(),
            stands: None,
            since: 0,
            has_asked: false,
            near_end: false,
            is_sealing: false,
            seal: None,
            is_full: false,
            is_over: false,
        }
    }

    /// All rows that are committed on this tape.
    pub fn rows(&self) -> &[Row] {
        &self.rows[..self.committed]
    }

    /// Takes in what happened and pushes what is to be done.
    pub fn step(&mut self, event: Event, effects: &mut Vec<Effect>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start => {}
            Event::At(position) => self.at(position, effects),
            Event::Done { near_end } => self.done(near_end, effects),
            Event::HardEnd => self.hard_end(effects),
            Event::Failed => self.failed(effects),
            Event::Begin(_) | Event::Piece(_) | Event::Abandon | Event::Commit | Event::Seal(_) => {
                match self.take(event, effects) {
                    Ok(()) => self.has_asked = false,
                    Err(refusal) => return effects.push(Effect::Refuse(refusal)),
                }
            }
        }
        self.go(effects);
    }

    /// Works as far as it can without an answer; then asks for more.
    fn go(&mut self, effects: &mut Vec<Effect>) {
        while self.owed.is_empty() && !self.is_over {
            if let Some(task) = self.agenda.pop_front() {
                self.run(task, effects);
            } else if self.near_end && !self.is_sealing && !self.can_finish() {
                self.end_near(effects);
            } else if self.member.is_none() && self.since >= self.settings.commit_every {
                self.commit();
            } else {
                if !self.has_asked {
                    self.has_asked = true;
                    effects.push(Effect::Want);
                }
                return;
            }
        }
    }

    fn take(&mut self, event: Event, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        if !self.has_asked || !self.owed.is_empty() || !self.agenda.is_empty() {
            return Err(Refusal::NotNow);
        }
        match (event, &mut self.member) {
            (Event::Begin(header), None) => self.begin(header),
            (Event::Piece(bytes), Some(current)) => {
                let most = current.left.min(PIECE_MAX as u64);
                let length = bytes.len();
                if length as u64 > most || length == 0 {
                    return Err(Refusal::Piece { length, most });
                }
                self.piece(bytes, effects);
                Ok(())
            }
            (Event::Abandon, Some(_)) => {
                self.agenda.push_back(Task::Fill);
                Ok(())
            }
            (Event::Commit, None) => {
                if self.committed == self.rows.len() {
                    effects.push(Effect::Committed(Vec::new()));
                } else {
                    self.commit();
                }
                Ok(())
            }
            (Event::Seal(reason), None) => {
                self.seal(reason);
                Ok(())
            }
            _ => Err(Refusal::NotNow),
        }
    }

    fn begin(&mut self, header: Header) -> Result<(), Refusal> {
        match &header.item {
            Item::Catalog(sequence) => {
                let sequence = *sequence;
                let is_next = sequence > self.catalogs && sequence < self.volume.set.sequence;
                if !self.is_open(FileKind::Set) || !is_next {
                    return Err(Refusal::Catalog { sequence });
                }
                self.catalogs = sequence;
            }
            Item::Object(place) => {
                self.check(place, &header)?;
                self.close_labels();
                let taken = self
                    .file
                    .as_ref()
                    .map_or(0, |file| file.stream.at() + file.measure.length() + CLOSING);
                let is_open = self.is_open(FileKind::Archive);
                if is_open && taken + header.stored() > self.settings.archive_max {
                    self.end_archive();
                    self.agenda.push_back(Task::Open(FileKind::Archive));
                } else if !is_open {
                    self.agenda.push_back(Task::Open(FileKind::Archive));
                }
            }
        }
        self.agenda.push_back(Task::Member(header));
        Ok(())
    }

    fn check(&self, place: &Place, header: &Header) -> Result<(), Refusal> {
        let place = place.clone();
        let (length, sum) = (header.length, header.sha256);
        if (self.volume.set.layout == Layout::One) != place.directory.is_none() {
            return Err(Refusal::Layout { place });
        }
        if length > place.object.length_max() {
            return Err(Refusal::TooLong { place, length });
        }
        match place.object.promised() {
            Some(promised) if promised != sum => Err(Refusal::Name { place, sum }),
            Some(_) | None => Ok(()),
        }
    }

    fn is_open(&self, kind: FileKind) -> bool {
        self.file
            .as_ref()
            .is_some_and(|file| file.kind == kind && !file.is_closed)
    }

    /// The drive says where it stands: behind all that it took, or something else is on the tape
    /// than was written.
    fn at(&mut self, position: Option<u64>, effects: &mut Vec<Effect>) {
        let asked = self.owed.pop_front_if(|owed| owed.is_question());
        let Some(asked) = asked else { return };
        let stands = std::mem::replace(&mut self.stands, position);
        if stands.zip(position).is_some_and(|(it, said)| it != said) {
            return self.failed(effects);
        }
        match (asked, &mut self.file) {
            (Owed::Flushed(what), _) => self.flushed(what, effects),
            (Owed::Where, Some(file)) => file.position = position,
            (Owed::Where | Owed::Write | Owed::Filemark | Owed::Flush(_), _) => {}
        }
    }

    fn done(&mut self, near_end: bool, effects: &mut Vec<Effect>) {
        let Some(owed) = self.owed.pop_front_if(|owed| !owed.is_question()) else {
            return;
        };
        self.near_end |= near_end;
        if matches!(owed, Owed::Write | Owed::Filemark) {
            self.stands = self.stands.map(|it| it.saturating_add(1));
        }
        match (owed, &mut self.file) {
            (Owed::Write, Some(file)) => file.written += 1,
            (Owed::Flush(what), _) => {
                self.owed.push_back(Owed::Flushed(what));
                effects.push(Effect::Where);
            }
            (Owed::Write | Owed::Filemark | Owed::Where | Owed::Flushed(_), _) => {}
        }
    }
}

/// The member of the tape file that an item is.
fn member_of(item: &Item) -> Member {
    match item {
        Item::Object(place) => Member::Object(place.clone()),
        Item::Catalog(sequence) => Member::Catalog(*sequence),
    }
}

#[cfg(test)]
mod tests;
