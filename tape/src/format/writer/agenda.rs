//! The steps that tape files are made of.

use bytes::Bytes;

use super::super::ALIGNED_FROM;
use super::super::encryption::Encrypter;
use super::super::label::{self, Reason, Seal, Tail};
use super::super::pax::{self, Keyword, Keywords, Type, UNIT};
use super::super::sum::Summing;
use super::super::{BLOCK, VERSION};
use super::members::{archive_index, head, said, whole};
use super::{
    Current, Effect, File, FileKind, Header, Item, Measure, Member, Owed, Row, Stream, Writer,
    member_of,
};

const README: &[u8] = include_bytes!("../paper/README.txt");
const FORMAT: &[u8] = include_bytes!("../paper/FORMAT.md");
const RECOVER: &[u8] = include_bytes!("../paper/recover.py");
const DECRYPT: &[u8] = include_bytes!("../paper/decrypt.py");

/// About so many bytes are made before the drive is heard again.
const SLICE: usize = 1 << 20;

/// What a flush makes true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushing {
    /// The labels are on tape.
    Labels,
    /// All rows are.
    Rows,
    /// The seal is.
    Seal,
    /// What came before a hard end is.
    Rest,
}

/// One step; it is done when the drive owes nothing.
#[derive(Debug)]
pub(super) enum Task {
    Open(FileKind),
    Label,
    Set,
    Member(Header),
    /// The rest of the member, in zeros.
    Fill,
    ArchiveIndex,
    Index,
    /// The lines of these rows.
    Lines {
        next: usize,
        end: usize,
    },
    Tail,
    Seal(Reason),
    Close,
    Filemark,
    Flush(Flushing),
}

impl Writer {
    pub(super) fn run(&mut self, task: Task, effects: &mut Vec<Effect>) {
        match task {
            Task::Open(kind) => return self.open(kind, effects),
            Task::Filemark => return self.order(Owed::Filemark, Effect::Filemark, effects),
            Task::Flush(what) => return self.order(Owed::Flush(what), Effect::Flush, effects),
            Task::Member(header) => return self.announce(header, effects),
            Task::Fill => return self.fill(effects),
            Task::Lines { next, end } => return self.lines(next, end, effects),
            Task::Index => return self.index(effects),
            Task::Label
            | Task::Set
            | Task::ArchiveIndex
            | Task::Tail
            | Task::Seal(_)
            | Task::Close => {}
        }
        let time = self.volume.label.written;
        let Some(mut file) = self.file.take() else {
            return;
        };
        let mut out = Vec::new();
        match task {
            Task::Label => self.label(&mut file, &mut out),
            Task::Set => whole(
                &mut file,
                &Member::Set,
                &label::write(&self.volume.set),
                time,
                &mut out,
            ),
            Task::ArchiveIndex => archive_index(&mut file, time, &mut out),
            Task::Tail => self.tail(&mut file, &mut out),
            Task::Seal(reason) => {
                let seal = self.sealed(&file, reason);
                let paper = label::write(&seal);
                let signature = self.volume.signer.sign(&paper);
                whole(&mut file, &Member::Seal, &paper, time, &mut out);
                whole(&mut file, &Member::Signature, &signature, time, &mut out);
                self.seal = Some(seal);
            }
            Task::Close => {
                file.stream.close(&mut out);
                file.is_closed = true;
            }
            Task::Open(_)
            | Task::Filemark
            | Task::Flush(_)
            | Task::Member(_)
            | Task::Fill
            | Task::Lines { .. }
            | Task::Index => {}
        }
        self.file = Some(file);
        self.write(out, effects);
    }

    fn order(&mut self, owed: Owed, effect: Effect, effects: &mut Vec<Effect>) {
        self.owed.push_back(owed);
        effects.push(effect);
    }

    fn write(&mut self, blocks: Vec<Bytes>, effects: &mut Vec<Effect>) {
        for block in blocks {
            self.order(Owed::Write, Effect::Write(block), effects);
        }
    }

    fn open(&mut self, kind: FileKind, effects: &mut Vec<Effect>) {
        let number = self.next_file;
        self.next_file = number.saturating_add(1);
        let (label, set) = (&self.volume.label, &self.volume.set);
        let said = Keywords::from([
            (Keyword::Version, VERSION.to_string()),
            (Keyword::Kind, kind.as_str().to_owned()),
            (Keyword::Volume, label.volume.to_string()),
            (Keyword::Set, set.set.to_string()),
            (Keyword::Sequence, set.sequence.to_string()),
            (Keyword::File, number.to_string()),
        ]);
        let mut stream = Stream::default();
        let mut none = Vec::new();
        stream.put(&pax::records(Type::Global, &said, label.written), &mut none);
        self.file = Some(File {
            kind,
            number,
            position: None,
            stream,
            written: 0,
            is_closed: false,
            first_row: self.rows.len(),
            measure: Measure::default(),
        });
        self.order(Owed::Where, Effect::Where, effects);
    }

    fn label(&self, file: &mut File, out: &mut Vec<Bytes>) {
        let time = self.volume.label.written;
        let paper = label::write(&self.volume.label);
        whole(file, &Member::Label, &paper, time, out);
        whole(file, &Member::ReadMe, README, time, out);
        whole(file, &Member::Format, FORMAT, time, out);
        whole(file, &Member::Recover, RECOVER, time, out);
        whole(file, &Member::Decrypt, DECRYPT, time, out);
        for (name, key) in &self.volume.keys {
            if let Some(member) = Member::key(name) {
                whole(file, &member, key, time, out);
            }
        }
    }

    /// Writes the header of an object or catalog; its bytes come in pieces.
    fn announce(&mut self, header: Header, effects: &mut Vec<Effect>) {
        let time = self.volume.label.written;
        if self.near_end {
            self.again([&header], effects);
            return;
        }
        let Some(file) = &mut self.file else {
            return;
        };
        let mut out = Vec::new();
        let is_aligned = header.length >= ALIGNED_FROM;
        let (length, stored) = (header.length, header.stored());
        let mut said = Keywords::from([(Keyword::Sha256, header.sha256.to_string())]);
        if let Some(encryption) = &header.encryption {
            said.insert(Keyword::Key, encryption.key.to_string());
        }
        let member = member_of(&header.item);
        head(file, &member, (stored, &said), is_aligned, time, &mut out);
        let at = file.stream.at();
        let encrypter = match (&header.encryption, &header.item) {
            (Some(with), Item::Object(place)) => Some(Encrypter::new(with, place)),
            (Some(_) | None, _) => None,
        };
        let encrypter = encrypter.map(|(encrypter, salt)| {
            file.stream.piece(salt, &mut out);
            encrypter
        });
        self.member = Some(Current {
            left: length,
            end: at + stored,
            header,
            at,
            summing: Summing::default(),
            encrypter,
        });
        self.write(out, effects);
        if length == 0 {
            self.finish(effects);
        }
    }

    pub(super) fn piece(&mut self, bytes: Bytes, effects: &mut Vec<Effect>) {
        let (Some(file), Some(current)) = (&mut self.file, &mut self.member) else {
            return;
        };
        let mut out = Vec::new();
        current.summing.update(&bytes);
        current.left -= bytes.len() as u64;
        let is_last = current.left == 0;
        let bytes = match &mut current.encrypter {
            Some(encrypter) => encrypter.push(&bytes),
            None => bytes,
        };
        file.stream.piece(bytes, &mut out);
        self.write(out, effects);
        if is_last {
            self.finish(effects);
        }
    }

    fn fill(&mut self, effects: &mut Vec<Effect>) {
        let (Some(file), Some(current)) = (&mut self.file, &mut self.member) else {
            return;
        };
        let mut out = Vec::new();
        current.encrypter = None;
        let left = current.end.saturating_sub(file.stream.at());
        let now = left.min(SLICE as u64);
        file.stream.zeros(now, &mut out);
        let is_last = left == now;
        self.write(out, effects);
        if is_last {
            self.finish(effects);
        } else {
            self.agenda.push_front(Task::Fill);
        }
    }

    /// Ends a member. Abandoned bytes have not been summed up, so their sum is wrong as well.
    fn finish(&mut self, effects: &mut Vec<Effect>) {
        let (Some(file), Some(current)) = (&mut self.file, self.member.take()) else {
            return;
        };
        let mut out = Vec::new();
        let Current {
            header,
            at,
            summing,
            encrypter,
            ..
        } = current;
        if let Some(encrypter) = encrypter {
            file.stream.piece(encrypter.finish(), &mut out);
        }
        file.stream.fill(&mut out);
        if summing.finish() != header.sha256 {
            effects.push(Effect::Spoiled(header));
        } else if let Item::Object(path) = header.item {
            let block = u32::try_from(at / BLOCK as u64).unwrap_or(u32::MAX);
            let offset = u32::try_from(at % BLOCK as u64).unwrap_or_default();
            let (sha256, length) = (header.sha256, header.length);
            let (file_number, position) = (file.number, file.position);
            let key = header.encryption.map(|with| with.key);
            let row = Row {
                path,
                sha256,
                length,
                file: file_number,
                position,
                block,
                offset,
                key,
            };
            file.measure.add(&row);
            self.rows.push(row);
            self.since += length;
            self.near_end |= self.rows.len() >= self.settings.rows_max;
        }
        self.write(out, effects);
    }

    fn index(&mut self, effects: &mut Vec<Effect>) {
        for row in &self.rows[self.measured..] {
            self.measure.add(row);
        }
        self.measured = self.rows.len();
        let time = self.volume.label.written;
        let (length, sum) = (self.measure.length(), self.measure.sum());
        let Some(file) = &mut self.file else {
            return;
        };
        let mut out = Vec::new();
        head(
            file,
            &Member::Index,
            (length, &said(sum)),
            false,
            time,
            &mut out,
        );
        self.write(out, effects);
        self.agenda.push_front(Task::Lines {
            next: 0,
            end: self.measured,
        });
    }

    fn lines(&mut self, mut next: usize, end: usize, effects: &mut Vec<Effect>) {
        let Some(file) = &mut self.file else {
            return;
        };
        let (mut out, mut made) = (Vec::new(), 0);
        while next < end && made < SLICE {
            let line = self.rows[next].line();
            file.stream.put(&line, &mut out);
            made += line.len();
            next += 1;
        }
        if next == end {
            file.stream.fill(&mut out);
        } else {
            self.agenda.push_front(Task::Lines { next, end });
        }
        self.write(out, effects);
    }

    fn tail(&self, file: &mut File, out: &mut Vec<Bytes>) {
        let index_length = file.measure.length();
        let begins = file.stream.at() - pax::units(index_length);
        let mut tail = Tail {
            volume: self.volume.label.volume,
            file: file.number,
            blocks: 0,
            index_block: u32::try_from(begins / BLOCK as u64).unwrap_or(u32::MAX),
            index_length,
            index_sha256: file.measure.sum(),
        };
        // The end: an extended header of two units, a header, one unit of data, two of zeros.
        let end = file.stream.at() + 6 * UNIT as u64;
        tail.blocks = u32::try_from(end.div_ceil(BLOCK as u64)).unwrap_or(u32::MAX);
        let mut paper = label::write(&tail);
        paper.resize(UNIT.max(paper.len()), b'\n');
        whole(file, &Member::Tail, &paper, self.volume.label.written, out);
    }

    fn sealed(&self, file: &File, reason: Reason) -> Seal {
        Seal {
            volume: self.volume.label.volume,
            set: self.volume.set.set,
            sequence: self.volume.set.sequence,
            reason,
            file: file.number,
            position: file.position,
            objects: self.rows.len() as u64,
            bytes: self.rows.iter().map(|row| row.length).sum(),
            root: self.measure.sum(),
        }
    }
}
