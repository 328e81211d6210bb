//! What people do while things go wrong.

use holdfast_actors::catalog::rows::{Destination, RestorePart};
use holdfast_actors::catalog::tape::{
    MediaPoolCommand, MediumCommand, RestoreCommand, TapeCommand,
};
use holdfast_actors::kernel::{RepositoryId, RestoreId};
use holdfast_actors::object::Kind;
use holdfast_actors::tape::job::Occasion;
use holdfast_actors::tape::{MediaSet, MediumId, SetId};
use holdfast_tape::job;
use holdfast_tape::library::FIRST_SLOT;
use holdfast_tape::room::Message;
use holdfast_tape::station;
use tokio::sync::oneshot;

use super::{Desk, JOB, POOL, tape};
use crate::dice::Dice;
use crate::tape::judge::KEYS;
use crate::tape::robot::SLOTS;
use crate::world::pass;

/// So much is done in one life.
const ACTS_MAX: u32 = 120;
/// Objects that a tenant stores at once.
const OBJECTS_MAX: u64 = 5;

impl Desk {
    /// Works for ever.
    pub(in crate::tape) async fn work(&self, dice: &mut Dice) {
        self.set_up(dice).await;
        for _ in 0..ACTS_MAX {
            pass(1 + dice.below(self.shape.pause * 1_000)).await;
            self.act(dice).await;
        }
        std::future::pending().await
    }

    async fn act(&self, dice: &mut Dice) {
        match dice.below(16) {
            0..5 => self.back_up(dice).await,
            5..8 => {
                let sets = [MediaSet::Daily, MediaSet::Daily, MediaSet::Weekly];
                drop(self.run(sets[dice.below(3) as usize]).await);
            }
            8 => {
                self.tell(job::Message::Stop).await;
            }
            9 => {
                self.inventory().await;
            }
            10 | 11 if self.shape.restores => self.bring_back(dice).await,
            12 if self.shape.restores => self.stop_restore().await,
            13 | 14 if self.shape.meddles => self.meddle(dice).await,
            15 if self.shape.meddles => self.handle(dice).await,
            15 if self.shape.encrypts => self.change_key(dice).await,
            _ => self.check(),
        }
    }

    /// A tenant stores some objects, and sometimes deletes one.
    async fn back_up(&self, dice: &mut Dice) {
        let Some(id) = self.repository(dice) else {
            return;
        };
        for _ in 0..1 + dice.below(OBJECTS_MAX) {
            let kinds = [Kind::Data, Kind::Data, Kind::Index, Kind::Snapshot];
            self.store(id, kinds[dice.below(4) as usize], dice).await;
        }
        if dice.one_in(3) {
            self.delete(id, dice).await;
        }
    }

    /// Tells the job something; whether anybody heard.
    async fn tell(&self, message: job::Message) -> bool {
        let room = self.room.borrow().clone();
        let (Some(room), Some(name)) = (room, tape(JOB)) else {
            return false;
        };
        let told = room.ask(|reply| Message::Job(name, message, reply)).await;
        matches!(told, Ok(true))
    }

    /// An operator wants a set written now; how that ends.
    pub(super) async fn run(&self, set: MediaSet) -> Option<oneshot::Receiver<Occasion>> {
        let (tell, end) = oneshot::channel();
        let told = self.tell(job::Message::Full(set, tell)).await;
        self.ledger.say(format_args!("run {set}: {told}"));
        told.then_some(end)
    }

    /// All runs that are on tape whole.
    fn runs(&self) -> Vec<(SetId, String, RepositoryId)> {
        let rows = self.rows();
        let sets = rows.tape.sets.iter();
        let done = sets.flat_map(|(id, set)| {
            let runs = set.runs.iter().filter(|run| run.done.is_some());
            runs.map(|run| (*id, run.name.clone(), run.repository))
        });
        done.collect()
    }

    pub(super) async fn bring_back(&self, dice: &mut Dice) {
        let runs = self.runs();
        let chosen = runs.get(dice.below(runs.len() as u64) as usize).cloned();
        let Some((set, run, repository)) = chosen else {
            return;
        };
        let number = dice.below(u64::from(u32::MAX));
        let to = match dice.below(3) {
            0 => Destination::Folder(format!("back-{number}")),
            1 => Destination::Repository(repository),
            _ => Destination::Original,
        };
        let id = self.rows().tape.restores.keys().next_back().copied();
        let id: RestoreId = id.unwrap_or_default().next();
        self.ledger.say(format_args!("{id} of {run} to {to:?}"));
        if !matches!(to, Destination::Folder(_)) {
            self.shop().doubt(repository, self.wall());
        }
        let parts = vec![RestorePart { set, run, to }];
        let ask = RestoreCommand::Ask {
            parts,
            past_quota: false,
        };
        self.tape(TapeCommand::Restore(id, ask)).await;
    }

    async fn stop_restore(&self) {
        let rows = self.rows();
        let mut running = rows.tape.restores.iter();
        if let Some((id, _)) = running.find(|(_, row)| row.end.is_none()) {
            self.tape(TapeCommand::Restore(*id, RestoreCommand::Stop))
                .await;
        }
    }

    /// What the pool begins from now on has another key, or none.
    async fn change_key(&self, dice: &mut Dice) {
        let Some(pool) = tape(POOL) else { return };
        let key = KEYS.get(dice.below(3) as usize).copied();
        let encrypt = MediaPoolCommand::Encrypt(key);
        self.tape(TapeCommand::Pool(pool, encrypt)).await;
    }

    /// Somebody opens the library, or has cartridges carried to its door and back.
    async fn meddle(&self, dice: &mut Dice) {
        let slots = u64::from(SLOTS);
        let slot = |dice: &mut Dice| FIRST_SLOT + dice.below(slots) as u16;
        let (one, other) = (slot(dice), slot(dice));
        let library = &self.robots.devices;
        match dice.below(4) {
            0 => {
                self.robots.add(one, self.shape.capacity_kib);
            }
            1 => library.with(|library| {
                if let Some(taken) = library.remove(one)
                    && let Some(taken) = library.insert(other, taken)
                {
                    library.insert(one, taken);
                }
            }),
            2 => self.send_out(dice).await,
            _ => {
                if let Some(station) = self.station().await {
                    let came = station::import(&station).await;
                    self.ledger.say(format_args!("import: {came:?}"));
                }
            }
        }
        let places = self.robots.places();
        self.ledger.say(format_args!("places: {places:?}"));
        if dice.one_in(2) {
            self.inventory().await;
        }
    }

    async fn send_out(&self, dice: &mut Dice) {
        let rows = self.rows();
        let media: Vec<_> = rows.tape.media.values().collect();
        let chosen = media.get(dice.below(media.len() as u64) as usize);
        let Some((row, place)) = chosen.and_then(|row| Some((row, row.slot.clone()?))) else {
            return;
        };
        if let Some(station) = self.station().await {
            let slots = [(place.1, row.medium.barcode.clone())];
            let went = station::export(&station, &slots).await;
            self.ledger.say(format_args!("export: {went:?}"));
        }
    }

    /// Operators decide about a cartridge.
    async fn handle(&self, dice: &mut Dice) {
        let rows = self.rows();
        let media: Vec<MediumId> = rows.tape.media.keys().copied().collect();
        let Some(id) = media.get(dice.below(media.len() as u64) as usize).copied() else {
            return;
        };
        let command = match dice.below(7) {
            0 | 1 => MediumCommand::Protect(true),
            2 | 3 => MediumCommand::Protect(false),
            4 => MediumCommand::MarkFree,
            5 => MediumCommand::Eject,
            _ => MediumCommand::Retire,
        };
        self.ledger.say(format_args!("{id}: {command:?}"));
        // Whatever is answered, it may be so from now on.
        if command == MediumCommand::MarkFree {
            self.times.give_up(id);
        }
        let ejects = command == MediumCommand::Eject;
        let is_done = self.tape(TapeCommand::Medium(id, command)).await;
        let slot = rows.tape.media.get(&id).and_then(|row| row.slot.clone());
        if let (true, true, Some((_, slot))) = (is_done, ejects, slot)
            && let Some(station) = self.station().await
        {
            let ejected = station::eject(&station, slot).await;
            self.ledger.say(format_args!("ejected: {ejected:?}"));
        }
    }
}
