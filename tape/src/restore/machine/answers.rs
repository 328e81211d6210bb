//! What a restore makes of the answers to its orders.

use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::tape::Barcode;

use super::*;

impl Machine for Restore {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Start => {}
            Event::Stop => {
                self.is_stopping = true;
                if matches!(self.owed, Some(Effect::Mount(..))) {
                    acts.start(Effect::Abort);
                }
            }
            event @ (Event::Mounted(_)
            | Event::Dismounted
            | Event::Listed(..)
            | Event::Held(..)
            | Event::Begun(_)
            | Event::Read { .. }
            | Event::Hidden(_)
            | Event::Finished(_)
            | Event::Ended(_)) => self.answered(now, event),
        }
        self.go(acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        self.ends_again
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.ends_again.is_some_and(|at| at <= now.monotonic) {
            self.ends_again = None;
            self.go(acts);
        }
    }

    fn observe(&self) -> serde_json::Value {
        let left: usize = self.wanted.iter().map(|wanted| wanted.missing.len()).sum();
        let lost: usize = self.wanted.iter().map(|wanted| wanted.lost.len()).sum();
        json!({
            "stage": format!("{:?}", self.stage),
            "cartridge": self.mounted.as_ref().map(|mounted| mounted.medium.to_string()),
            "loads": self.loads,
            "stored": self.stored.0,
            "done-bytes": self.stored.1,
            "of-bytes": self.total,
            "left": left,
            "lost": lost,
            "stopping": self.is_stopping,
        })
    }

    fn waits(&self) -> Vec<String> {
        let waits = match &self.owed {
            Some(Effect::Mount(medium, (library, _))) => {
                format!("for a drive of library {library}, to read cartridge {medium}")
            }
            Some(_) | None => return Vec::new(),
        };
        vec![waits]
    }
}

impl Restore {
    /// Takes an answer, if it is one to what is under way.
    fn answered(&mut self, now: Now, event: Event) {
        let Some(owed) = self.owed.take() else {
            return;
        };
        match (owed, event) {
            (Effect::Mount(medium, _), Event::Mounted(mounted)) => match mounted {
                Ok(()) => {
                    let queue = VecDeque::new();
                    self.loads += 1;
                    self.mounted = Some(Mounted { medium, queue });
                }
                Err(_) if self.is_stopping => {}
                Err(why) => self.unmounted(medium, &why),
            },
            (Effect::Dismount, Event::Dismounted) => self.mounted = None,
            (Effect::List(part, row), Event::Listed(_, list)) => match list {
                Ok(objects) => self.wanted[part].objects = Some(objects),
                Err(why) => self.unread(&row, why),
            },
            (Effect::Look(part), Event::Held(_, held)) => match held {
                Ok(held) => self.looked(part, &held),
                Err(why) => drop(self.fail(why)),
            },
            (Effect::Begin, Event::Begun(begun)) => match begun {
                Ok(()) => self.stage = Stage::Reads,
                Err(why) => drop(self.fail(why)),
            },
            (Effect::Read(readings), Event::Read { got, is_mounted }) => {
                self.read(readings, got, is_mounted);
            }
            (Effect::Hide(part, objects), Event::Hidden(hidden)) => match hidden {
                Ok(()) => {
                    let surplus = &mut self.wanted[part].surplus;
                    surplus.retain(|object| !objects.contains(object));
                }
                Err(why) => drop(self.fail(why)),
            },
            (Effect::Finish(part), Event::Finished(finished)) => match finished {
                Ok(()) => self.stage = Stage::Finishes(part + 1),
                Err(why) => drop(self.fail(why)),
            },
            (Effect::End(_), Event::Ended(ended)) => match ended {
                Ok(()) => self.stage = Stage::Over,
                // A tenant may be shut out: this is not given up.
                Err(_) => self.ends_again = Some(now.monotonic + AGAIN),
            },
            (owed, _) => self.owed = Some(owed),
        }
    }

    /// A cartridge could not be had, or was lost while it was read.
    fn unmounted(&mut self, medium: MediumId, why: &str) {
        self.mounted = None;
        let tries = self.mounts.entry(medium).or_default();
        *tries += 1;
        if *tries < TRIES {
            return;
        }
        let tapes = self.order.tapes.iter().filter(|tape| tape.medium == medium);
        for row in tapes.flat_map(|tape| tape.rows.iter()) {
            self.bad.insert(Spot::of(medium, row));
            self.why.insert(row.path.object.clone(), why.to_owned());
        }
    }

    /// A copy on the cartridge in the drive could not be read.
    fn unread(&mut self, row: &Row, why: String) {
        let Some(mounted) = &self.mounted else {
            return;
        };
        let spot = Spot::of(mounted.medium, row);
        let tries = self.tries.entry(spot).or_default();
        *tries += 1;
        if *tries >= TRIES {
            self.bad.insert(spot);
            self.why.insert(row.path.object.clone(), why);
        }
    }

    fn read(&mut self, readings: Vec<Reading>, got: Vec<Got>, is_mounted: bool) {
        let nothing = std::iter::repeat(Got::Skipped);
        for (reading, got) in readings.into_iter().zip(got.into_iter().chain(nothing)) {
            match got {
                Got::Stored => {
                    let object = &reading.row.path.object;
                    if self.wanted[reading.part].missing.remove(object) {
                        self.stored.0 += 1;
                        self.stored.1 += reading.row.length;
                    }
                }
                Got::Unread(why) => self.unread(&reading.row, why),
                Got::Untaken(why) => {
                    let which = (reading.part, reading.row.path.object);
                    let tries = self.untaken.entry(which).or_default();
                    *tries += 1;
                    if *tries >= TRIES {
                        self.fail(why);
                    }
                }
                Got::Skipped => {}
            }
        }
        if let Some(mounted) = self.mounted.as_ref().filter(|_| !is_mounted) {
            self.unmounted(mounted.medium, "its drive gave up");
        }
    }

    /// Compares what is wanted with what is there.
    fn looked(&mut self, part: usize, held: &BTreeMap<Object, Held>) {
        let config = self.sum_of_config(part);
        let wanted = &mut self.wanted[part];
        let Some(objects) = &wanted.objects else {
            return;
        };
        // Any other object is what its name says.
        let is_other = |held: &Held| held.sha256.is_some() && held.sha256 != config;
        let is_same = |object: &Object| {
            let held = held.get(object);
            held.is_some_and(|held| *object != Object::Config || !is_other(held))
        };
        let is_beside = matches!(wanted.part.to, Target::Beside { .. });
        let has_other = held.contains_key(&Object::Config) && !is_same(&Object::Config);
        if is_beside && has_other && objects.contains(&Object::Config) {
            let why = "the repository has a config of its own, so what is on tape cannot be \
                       read beside what it holds: choose an empty one";
            self.fail(why.to_owned());
            return;
        }
        let missing = objects
            .iter()
            .filter(|it| !is_same(it) && !wanted.lost.contains_key(*it));
        wanted.missing = missing.cloned().collect();
        wanted.surplus = held
            .keys()
            .filter(|it| !objects.contains(*it))
            .cloned()
            .collect();
        wanted.held = held.values().map(|held| held.length).sum();
        let is_first = matches!(self.stage, Stage::Looks(_));
        self.stage = match is_first {
            true => Stage::Looks(part + 1),
            false => Stage::Checks(part + 1),
        };
    }

    fn sum_of_config(&self, part: usize) -> Option<Sum> {
        let config = BTreeSet::from([Object::Config]);
        let wanted = [(&self.wanted[part].part.source, &config)];
        let plan = plan::plan(&self.order.tapes, &wanted, &BTreeSet::new());
        let mut reads = plan.loads.iter().flat_map(|load| &load.reads);
        reads.next().map(|reading| reading.row.sha256)
    }

    /// Refuses what does not fit a quota, before anything is touched (`R10.35`).
    pub(super) fn fit(&mut self, plan: &Plan) {
        let mut needed: BTreeMap<RepositoryId, (Size, u64, u64)> = BTreeMap::new();
        for (part, wanted) in self.wanted.iter().enumerate() {
            let (id, quota) = match wanted.part.to {
                Target::Exactly { id, quota, .. } | Target::Beside { id, quota, .. } => (id, quota),
                Target::Folder(_) => continue,
            };
            let reads = plan.loads.iter().flat_map(|load| &load.reads);
            let mine = reads.filter(|reading| reading.part == part);
            let comes: u64 = mine.map(|reading| reading.row.length).sum();
            let all = needed.entry(id).or_insert((quota, 0, 0));
            (all.1, all.2) = (all.1 + comes, all.2 + comes + wanted.held);
        }
        let mut over = needed
            .iter()
            .filter(|(_, (quota, _, all))| Size::bytes(*all) > *quota);
        let Some((id, (quota, comes, all))) = over.next().filter(|_| !self.order.past_quota) else {
            return;
        };
        let (comes, all) = (Size::bytes(*comes), Size::bytes(*all));
        let why = format!(
            "the quota of {quota} does not suffice: with the {comes} that come from tape {id} \
             would hold {all}; raise it, or restore past the quota",
        );
        self.fail(why);
    }
}

impl Mounted {
    /// The next objects to read.
    pub(super) fn batch(&mut self) -> Vec<Reading> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(reading) = self.queue.front() {
            bytes += reading.row.length;
            let is_full = batch.len() == BATCH || bytes > BATCH_BYTES;
            if is_full && !batch.is_empty() {
                break;
            }
            batch.extend(self.queue.pop_front());
        }
        batch
    }
}

/// What people know a cartridge by.
pub(in super::super) fn label(barcode: Option<&Barcode>, medium: MediumId) -> String {
    barcode.map_or_else(|| medium.to_string(), Barcode::to_string)
}
