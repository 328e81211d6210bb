//! A client: restic's sequence of requests, with the habits of the plan.

use std::time::Duration;

use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::Intent;

use super::request::{Caller, Manner};
use super::thing::Thing;
use crate::dice::Dice;
use crate::invariants::walls;
use crate::plan::{DAY, Habits};
use crate::world::pass;

/// How often a request is sent again.
const RETRIES: u32 = 3;
/// How long a client is away whose lid was shut, in milliseconds.
const THREE_DAYS: u64 = 3 * DAY;
/// Locks in a shelf above which they are all removed: those of clients that crashed.
const LOCKS: usize = 8;

/// One client in one life of the node.
pub(crate) struct Client {
    pub(crate) caller: Caller,
    pub(crate) dice: Dice,
    pub(crate) habits: Habits,
}

impl Client {
    /// One round: a backup, and what else its habits say. Refusals end it.
    pub(crate) async fn round(&mut self) {
        self.pause().await;
        if self.chance(self.habits.trespass) {
            walls::trespass(&self.caller).await;
        }
        self.misbehave().await;
        let saved = self.backup().await;
        if saved.is_ok() && self.chance(self.habits.prune) {
            // A refusal ends a prune as it does a backup: the next one goes on.
            let _ = self.prune().await;
        }
        if saved.is_ok() && self.chance(self.habits.restore) {
            let _ = self.restore().await;
        }
    }

    /// What no honest client does.
    async fn misbehave(&mut self) {
        if self.chance(self.habits.guess) {
            self.caller.guess(&mut self.dice).await;
        }
        if self.chance(self.habits.oversize) {
            self.caller.oversize(&mut self.dice).await;
        }
        if self.chance(self.habits.heap) {
            self.caller.heap(&mut self.dice).await;
        }
        if self.chance(self.habits.hasty) {
            self.caller.hasten(&mut self.dice).await;
        }
        if self.chance(self.habits.hog) {
            // For longer than others wait for a task.
            let pack = Thing::fresh(Kind::Data, 1 << 20, &mut self.dice);
            let wait = 61_000 + self.dice.below(20_000);
            let _ = self.caller.store(&pack, Manner::Late(wait)).await;
        }
    }

    /// Whether an operator has made its login.
    pub(crate) fn has_login(&self) -> bool {
        self.caller.ledger.book().shelves[self.caller.shelf]
            .password
            .is_some()
    }

    /// A whole backup: probe, lock, look, packs, index, snapshot, unlock.
    pub(crate) async fn backup(&mut self) -> Result<(), Refusal> {
        let config = Thing::config(self.caller.shelf);
        if self
            .caller
            .stat(config.name, Intent::Probe)
            .await?
            .is_none()
        {
            let key = Thing::fresh(Kind::Key, 450, &mut self.dice);
            self.store(&key).await?;
            self.store(&config).await?;
        }
        let lock = self.lock().await?;
        let saved = self.save().await;
        let _ = self.caller.delete(lock.name).await;
        if saved.is_ok() {
            self.caller.ledger.book().figures.backups += 1;
        }
        saved
    }

    async fn save(&mut self) -> Result<(), Refusal> {
        self.caller.list(Kind::Index).await?;
        self.caller.list(Kind::Snapshot).await?;
        let packs = 1 + self.dice.below(self.habits.packs.max(1));
        for _ in 0..packs {
            let size = self.size();
            let pack = Thing::fresh(Kind::Data, size, &mut self.dice);
            self.mischief(size).await;
            self.store(&pack).await?;
            if self.chance(self.habits.replay) {
                self.store(&pack).await?;
            }
        }
        let index = Thing::fresh(Kind::Index, 200 + 40 * packs, &mut self.dice);
        self.store(&index).await?;
        let snapshot = Thing::fresh(Kind::Snapshot, 300, &mut self.dice);
        self.store(&snapshot).await
    }

    /// What a client does that breaks down, or lies.
    async fn mischief(&mut self, size: u64) {
        if self.chance(self.habits.cut) {
            let pack = Thing::fresh(Kind::Data, size, &mut self.dice);
            let pieces = self.dice.below(3) as usize;
            let _ = self.caller.store(&pack, Manner::Cut(pieces)).await;
        }
        if self.chance(self.habits.misstate) {
            self.caller.misstate(&mut self.dice).await;
        }
        if self.chance(self.habits.wrong) {
            let pack = Thing::fresh(Kind::Data, size, &mut self.dice);
            let _ = self.caller.store(&pack, Manner::Wrong).await;
        }
    }

    /// Deletes a snapshot and some packs, as `forget --prune` does.
    async fn prune(&mut self) -> Result<(), Refusal> {
        let lock = self.lock().await?;
        let pruned = async {
            let snapshots = self.caller.list(Kind::Snapshot).await?;
            if let Some(name) = self.pick(&snapshots) {
                self.caller.delete((Kind::Snapshot, name)).await?;
            }
            let packs = self.caller.list(Kind::Data).await?;
            for _ in 0..=self.dice.below(3) {
                if let Some(name) = self.pick(&packs) {
                    self.caller.delete((Kind::Data, name)).await?;
                }
            }
            let index = Thing::fresh(Kind::Index, 200, &mut self.dice);
            self.store(&index).await
        };
        let pruned = pruned.await;
        let _ = self.caller.delete(lock.name).await;
        pruned
    }

    async fn restore(&mut self) -> Result<(), Refusal> {
        for kind in [Kind::Snapshot, Kind::Index, Kind::Data] {
            let names = self.caller.list(kind).await?;
            if let Some(name) = self.pick(&names) {
                self.caller.read((kind, name)).await?;
            }
        }
        Ok(())
    }

    async fn lock(&mut self) -> Result<Thing, Refusal> {
        let locks = self.caller.list(Kind::Lock).await?;
        if locks.len() > LOCKS {
            for (name, _) in locks {
                self.caller.delete((Kind::Lock, name)).await?;
            }
        }
        let lock = Thing::fresh(Kind::Lock, 150, &mut self.dice);
        self.store(&lock).await?;
        Ok(lock)
    }

    /// Stores, and tries again when that may help.
    async fn store(&mut self, thing: &Thing) -> Result<(), Refusal> {
        let mut tried = 0;
        loop {
            self.pause().await;
            let (late, wait) = self.delay(thing.name.0);
            let manner = if late {
                Manner::Late(wait)
            } else {
                Manner::Whole
            };
            match self.caller.store(thing, manner).await {
                Err(refusal) if may_pass(refusal.reason) && tried < RETRIES => {
                    tried += 1;
                    if self.chance(self.habits.undo) {
                        // Whether that worked is not asked: the next try tells.
                        let _ = self.caller.delete(thing.name).await;
                    }
                    let wait = refusal.retry_after.unwrap_or(Duration::from_secs(1));
                    pass(u64::try_from(wait.as_millis()).unwrap_or(1_000)).await;
                }
                told => return told,
            }
        }
    }

    /// Whether an upload waits before its end, and how many milliseconds.
    fn delay(&mut self, kind: Kind) -> (bool, u64) {
        if kind == Kind::Lock {
            return (false, 0);
        }
        if self.chance(self.habits.absent) {
            return (true, THREE_DAYS);
        }
        let late = self.chance(self.habits.dawdle);
        let wait = if late { self.dice.below(120_000) } else { 0 };
        (late, wait)
    }

    /// The size of a pack: often tiny, sometimes of several frames, now and then one of a task.
    fn size(&mut self) -> u64 {
        if self.chance(self.habits.large) {
            return (1 << 20) + self.dice.below(100_000);
        }
        match self.dice.below(8) {
            0 => 262_140 + self.dice.below(8),
            1 => 300_000 + self.dice.below(300_000),
            _ => 1 + self.dice.below(20_000),
        }
    }

    fn pick<T>(&mut self, from: &[(Hash, T)]) -> Option<Hash> {
        let at = self.dice.below(from.len() as u64) as usize;
        from.get(at).map(|(name, _)| *name)
    }

    fn chance(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.dice.one_in(one_in)
    }

    async fn pause(&mut self) {
        let pause = self.dice.below(self.habits.pause + 1);
        if pause > 0 {
            pass(pause).await;
        }
    }
}

fn may_pass(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Busy | Reason::Unavailable | Reason::Ended | Reason::TooManyAttempts
    )
}
