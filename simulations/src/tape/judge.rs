//! What must be true of cartridges, read past all drives, whatever happened.
//!
//! `tape-readable`: what the catalog counts on a cartridge is there, and each object of it is what
//! its sum says. `tape-complete`: a run that is done lacks nothing that its repository showed at
//! that instant, and holds nothing else. `tape-places`: a cartridge is in one place.
//! `tape-encrypted`: on a cartridge with a key no object is in clear, and on one without all are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use holdfast_actors::catalog::rows::{Rows, Run, Set};
use holdfast_actors::kernel::Space;
use holdfast_actors::tape::{KeyId, MediumId, SetId};
use holdfast_tape::format::{
    self, Keys, Measure, Object, Place, Reader, Row, RunName, Secret, cut, fetch, recovery,
};
use holdfast_tape::library::{Cartridge, InMemory, Library, Plan, Port, Shared, Size, Store, Unit};
use holdfast_tape::mounted::Mounted;
use holdfast_tape::naming::{self, Home};
use holdfast_tape::scsi::Patience;
use holdfast_tape::ssc;

use super::robot::{Robots, memory};
use super::shop::Shop;
use crate::ledger::Ledger;

pub(super) const READABLE: &str = "tape-readable";
pub(super) const COMPLETE: &str = "tape-complete";
pub(super) const PLACES: &str = "tape-places";
pub(super) const ENCRYPTED: &str = "tape-encrypted";

/// Keys that an operator has: all are open on the node.
pub(super) const KEYS: [KeyId; 2] = [KeyId::new(1), KeyId::new(2)];

/// What is open.
pub(super) fn keys() -> Keys {
    let open = Keys::default();
    for id in KEYS {
        let number = u8::try_from(id.raw()).unwrap_or_default();
        open.insert(naming::key_on_tape(id), Secret::new([number; 32]));
    }
    open
}

/// A tape in a drive that never fails.
fn threaded(tape: InMemory) -> Option<Mounted<Port>> {
    let size = Size {
        drives: 1,
        slots: 1,
        doors: 0,
    };
    let mut library = Library::new(size, Plan::default());
    let cartridge =
        Cartridge::open("JUDGE0L9", memory(u64::from(u32::MAX)), Box::new(tape)).ok()?;
    library.swap(0, cartridge);
    let mut drive = ssc::Drive::new(Shared::new(library).port(Unit::Drive(0)));
    // It wants attention first, for it has just been switched on and filled.
    for _ in 0..4 {
        if drive.ready().is_ok() {
            break;
        }
    }
    drive.load(Patience::Load).ok()?;
    Mounted::new(drive).ok()
}

/// How many objects of a cartridge are on tape for good.
pub(super) fn objects(robots: &Robots, barcode: &str) -> u64 {
    let reel = robots.reel(barcode);
    let objects = reel.and_then(|reel| reel.copy().objects().ok());
    objects.map_or(0, |objects| objects.len() as u64)
}

/// Who a cartridge says it is: a number, and how often that was begun. One that was given up keeps
/// its number, which another one may have by then.
pub(super) type Who = (MediumId, u64);

/// Who a cartridge says it is.
pub(super) fn who(robots: &Robots, barcode: &str) -> Option<Who> {
    let reel = robots.reel(barcode)?;
    let key = (barcode.to_owned(), reel.version());
    if let Some(known) = robots.seen().labels.get(&key) {
        return *known;
    }
    let mut tape = threaded(reel.head())?;
    let labels = recovery::labels(&mut tape).ok();
    let said = labels.map(|labels| {
        let begun = labels.set.map_or(0, |set| set.generation);
        (naming::medium(labels.label.volume), begun)
    });
    robots.seen().labels.insert(key, said);
    said
}

/// What was read of a cartridge in a state of its own, and what the catalog counted then.
type Read = (String, u64, u64);

/// What was judged before, so that nothing is judged twice.
#[derive(Debug, Default)]
pub(super) struct Seen {
    labels: BTreeMap<(String, u64), Option<Who>>,
    rows: BTreeMap<Read, Result<Vec<Row>, String>>,
    runs: BTreeSet<(SetId, String, Vec<Read>)>,
}

/// The world as it is judged.
pub(super) struct Judge<'a> {
    robots: &'a Robots,
    ledger: &'a Ledger,
    rows: &'a Rows,
    /// Cartridges by who they say they are.
    bearers: BTreeMap<Who, String>,
    read: BTreeMap<MediumId, Vec<Row>>,
}

impl<'a> Judge<'a> {
    /// Looks at all labels.
    pub(super) fn new(robots: &'a Robots, ledger: &'a Ledger, rows: &'a Rows) -> Self {
        let all = robots.barcodes().into_iter();
        let said = all.filter_map(|barcode| Some((who(robots, &barcode)?, barcode)));
        Self {
            robots,
            ledger,
            rows,
            bearers: said.collect(),
            read: BTreeMap::new(),
        }
    }

    /// Reads what the catalog counts on all cartridges; says which it cannot.
    pub(super) fn read(&mut self) {
        let media = self.rows.tape.media.iter();
        let counted = media.filter(|(_, row)| row.head.objects > 0);
        for (id, row) in counted {
            let key = self.state(*id);
            let known = self.robots.seen().rows.get(&key).cloned();
            let is_new = known.is_none();
            let read = known.unwrap_or_else(|| self.readable(*id, row.head.objects, row.head.root));
            if let (Err(why), true) = (&read, is_new) {
                let story = format_args!("cartridge {}: {why}", row.label(*id));
                self.ledger.breach(READABLE, story);
            }
            if let (Ok(rows), true) = (&read, is_new) {
                self.encrypted(*id, rows);
            }
            self.robots.seen().rows.insert(key, read.clone());
            self.read.extend(read.ok().map(|rows| (*id, rows)));
        }
    }

    /// Judges all.
    pub(super) fn check(&mut self, shop: &Shop) {
        self.places();
        self.read();
        let tape = &self.rows.tape;
        let is_whole = |id: &SetId| !tape.lacking.contains_key(id);
        for (id, set) in tape.sets.iter().filter(|(id, _)| is_whole(id)) {
            for run in set.runs.iter().filter(|run| run.done.is_some()) {
                let media = set.media.iter().map(|id| self.state(*id));
                let state = (*id, run.name.clone(), media.collect());
                if !self.robots.seen().runs.insert(state) {
                    continue;
                }
                if let Err(why) = self.complete((*id, set), run, shop) {
                    let story = format_args!("run {} of {id}: {why}", run.name);
                    self.ledger.breach(COMPLETE, story);
                }
            }
        }
    }

    fn bearer(&self, id: MediumId) -> Option<&String> {
        let begun = self.rows.tape.media.get(&id)?.generation;
        self.bearers.get(&(id, begun))
    }

    fn state(&self, id: MediumId) -> Read {
        let barcode = self.bearer(id).cloned().unwrap_or_default();
        let reel = self.robots.reel(&barcode);
        let counted = self.rows.tape.media.get(&id).map(|row| row.head.objects);
        let version = reel.map(|reel| reel.version()).unwrap_or_default();
        (barcode, version, counted.unwrap_or_default())
    }

    fn places(&self) {
        let mut taken = BTreeMap::new();
        for (id, row) in &self.rows.tape.media {
            let Some(place) = &row.slot else { continue };
            if let Some(other) = taken.insert(place.clone(), id) {
                let story = format_args!("{id} and {other} are both in {place:?}");
                self.ledger.breach(PLACES, story);
            }
        }
    }

    fn encrypted(&self, id: MediumId, rows: &[Row]) {
        let key = self.rows.tape.encrypted.get(&id).copied();
        let wanted = key.map(naming::key_on_tape);
        let mut objects = rows.iter();
        let is_list = |row: &Row| matches!(row.path.object, Object::Run(_));
        if let Some(odd) = objects.find(|row| !is_list(row) && row.key != wanted) {
            let story = format_args!("{} on {id}: key {:?}, not {wanted:?}", odd.path, odd.key);
            self.ledger.breach(ENCRYPTED, story);
        }
    }

    fn tape(&self, id: MediumId) -> Result<Mounted<Port>, String> {
        let barcode = self.bearer(id).ok_or("no cartridge says it is it")?;
        let reel = self.robots.reel(barcode).ok_or("it is gone")?;
        threaded(reel.copy()).ok_or_else(|| "it is not threaded".to_owned())
    }

    /// The rows that the catalog counts, as the tape alone tells them.
    fn readable(&self, id: MediumId, counted: u64, root: [u8; 32]) -> Result<Vec<Row>, String> {
        let counted = usize::try_from(counted).map_err(|error| error.to_string())?;
        let mut tape = self.tape(id)?;
        let rebuilt = recovery::rebuild(&mut tape, None).map_err(|error| error.to_string())?;
        let mut rows = rebuilt.rows;
        if rows.len() < counted {
            // It ended hard: the last of it is in no index.
            let proof = recovery::Proof {
                signer: None,
                keys: keys(),
            };
            let walked = recovery::walk(&mut tape, proof, true);
            let walked = walked.map_err(|error| error.to_string())?;
            rows = [walked.rows, walked.salvaged].concat();
        }
        if rows.len() < counted {
            return Err(format!("{} objects of {counted} are on it", rows.len()));
        }
        rows.truncate(counted);
        let mut measure = Measure::default();
        rows.iter().for_each(|row| measure.add(row));
        if *measure.sum().as_bytes() != root {
            return Err("other objects are on it than the catalog counts".to_owned());
        }
        let mut reader = Reader::at(&mut tape, keys());
        for row in &rows {
            let read = reader.fetch(&mut tape, row, &mut drop);
            read.map_err(|error| format!("{}: {error}", row.path))?;
        }
        Ok(rows)
    }

    fn complete(
        &self,
        (id, set): (SetId, &Set),
        run: &Run,
        shop: &Shop,
    ) -> Result<BTreeSet<Object>, String> {
        let home = Home {
            repository: run.repository,
            tenant: &run.tenant,
            called: &run.called,
            is_alone: set.one == Some(run.repository),
        };
        let place = |object: &Object| {
            let place = home.place(Space::TENANT, object.clone());
            place.ok_or_else(|| format!("{id} has no place for it"))
        };
        let mut places: BTreeMap<&Place, (MediumId, &Row)> = BTreeMap::new();
        for medium in &set.media {
            let rows = self.read.get(medium).into_iter().flatten();
            places.extend(rows.map(|row| (&row.path, (*medium, row))));
        }
        let name = RunName::parse(&run.name).ok_or("it has no name")?;
        let list = places.get(&place(&Object::Run(name))?);
        let (medium, row) = list.ok_or("its list is on no cartridge")?;
        let mut bytes = Vec::new();
        let mut take = |piece: Bytes| bytes.extend_from_slice(&piece);
        let read = fetch(&mut self.tape(*medium)?, row, &mut take);
        read.map_err(|error| error.to_string())?;
        let listed = cut::parse(&bytes).map_err(|error| error.to_string())?;
        for object in &listed {
            if !places.contains_key(&place(object)?) {
                return Err(format!("{object} is on no cartridge"));
            }
        }
        if let Some((must, may)) = shop.view(run.repository, run.view) {
            let named = |keys: BTreeSet<_>| -> BTreeSet<Object> {
                keys.into_iter().filter_map(naming::object).collect()
            };
            if let Some(missing) = named(must).difference(&listed).next() {
                return Err(format!("it lacks {missing}"));
            }
            if let Some(strange) = listed.difference(&named(may)).next() {
                return Err(format!("it holds {strange}, which was not there"));
            }
        }
        Ok(listed)
    }

    /// What a run that is done holds, if it can be read.
    pub(super) fn list(&self, set: SetId, run: &str) -> Option<BTreeSet<Object>> {
        let row = self.rows.tape.sets.get(&set)?;
        let run = row.runs.iter().find(|it| it.name == run)?;
        self.complete((set, row), run, &Shop::default()).ok()
    }
}

/// The head of a tape, as far as its labels.
pub(super) fn head(tape: &mut InMemory) -> std::io::Result<InMemory> {
    let all = tape.objects()?;
    let mut marks = (0..all.len()).filter(|at| all[*at].length.is_none());
    let few = &all[..marks.nth(1).map_or(all.len(), |mark| mark + 1)];
    let mut copy = InMemory::default();
    for object in few {
        if let Some(length) = object.length {
            let bytes = tape.read(object.start, length)?;
            copy.write(object.start, &bytes)?;
        }
    }
    copy.commit(0, few)?;
    Ok(copy)
}

/// Smaller archives and commits than in production, for smaller tapes.
pub(super) fn settings() -> format::Settings {
    format::Settings {
        archive_max: 1 << 20,
        commit_every: 1 << 20,
        finish_max: 1 << 20,
        ..format::Settings::default()
    }
}
