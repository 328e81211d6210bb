//! What no honest client does: it says wrong sizes, asks for what is too large, leaves locks lying,
//! goes away while it waits, and guesses passwords. Nothing of it may succeed, and nothing of it is
//! told to the oracle: whatever showed of it would be a name that nobody ever stored.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Kind, LOCK_MAX, LOCKS_MAX, OBJECT_MAX};
use holdfast_actors::refusal::Refusal;
use holdfast_actors::service::{Entry, Intent, Login, PIECE_MAX, Secret, Upload};

use super::request::{Caller, Manner, show};
use super::thing::Thing;
use crate::dice::Dice;
use crate::invariants::{acknowledged, walls};

/// Guesses at once: more than one address may have.
const GUESSES: u64 = 10;
/// Guesses one after the other.
const ROUNDS: u64 = 3;

impl Caller {
    /// An upload of more or fewer bytes than were announced.
    pub(crate) async fn misstate(&self, dice: &mut Dice) {
        let thing = Thing::fresh(Kind::Data, 100 + dice.below(300_000), dice);
        let by = 1 + dice.below(90);
        let size = if dice.one_in(2) {
            thing.size() + by
        } else {
            thing.size() - by
        };
        let sent = self.announced(&thing, Size::bytes(size)).await;
        self.refused("a wrong length", &thing, &sent);
        self.note(format_args!("misstate {}", show(&thing.name)), &sent);
    }

    /// An upload that is larger than any object of its kind, or the end of a `config`.
    pub(crate) async fn oversize(&self, dice: &mut Dice) {
        let kind = [Kind::Lock, Kind::Data, Kind::Config][dice.below(3) as usize];
        let thing = Thing::fresh(kind, 8, dice);
        if kind == Kind::Config {
            let told = self.forget_config(thing.name.1).await;
            self.refused("the end of a config", &thing, &told);
            return self.note(format_args!("delete config/{:?}", thing.name.1), &told);
        }
        let most = if kind == Kind::Lock {
            LOCK_MAX
        } else {
            OBJECT_MAX
        };
        let told = self.announced(&thing, most + Size::bytes(1)).await;
        self.refused("more than the most", &thing, &told);
        self.note(format_args!("oversize {}", show(&thing.name)), &told);
    }

    /// More locks than a space has at once; they are removed again, as far as that goes.
    pub(crate) async fn heap(&self, dice: &mut Dice) {
        let mut locks = Vec::new();
        for _ in 0..=LOCKS_MAX {
            let lock = Thing::fresh(Kind::Lock, 8, dice);
            if self.store(&lock, Manner::Whole).await.is_err() {
                break;
            }
            locks.push(lock.name);
        }
        for lock in locks {
            // Whoever comes next removes what is left.
            let _ = self.delete(lock).await;
        }
    }

    /// A large upload whose client goes away before it is let on.
    pub(crate) async fn hasten(&self, dice: &mut Dice) {
        let thing = Thing::fresh(Kind::Data, 8, dice);
        let wait = Duration::from_millis(dice.below(20));
        let (kind, name) = thing.name;
        let size = Size::mib(1 + dice.below(2));
        let begun = async {
            let entry = self.inside(Intent::Write(kind, size)).await?;
            let upload = entry.begin(kind, name, size).await?;
            Ok::<Box<dyn Upload>, Refusal>(upload)
        };
        let begun = tokio::time::timeout(wait, begun).await;
        let told = match begun {
            Ok(told) => told.map(drop),
            Err(_) => Ok(()),
        };
        self.note(format_args!("hasten {}", show(&thing.name)), &told);
    }

    /// Guesses at the password of the login, from an address of its own.
    pub(crate) async fn guess(&self, dice: &mut Dice) {
        let mut asked = Vec::new();
        for _ in 0..ROUNDS {
            let guesses = (0..GUESSES).map(|_| self.try_with(dice.below(u64::MAX)));
            asked.extend(futures_in_order(guesses).await);
        }
        for told in asked {
            if told.is_ok() {
                let user = self.ledger.book().shelves[self.shelf].user.clone();
                let story = format_args!("{user}'s password was guessed");
                self.ledger.breach(walls::ID, story);
            }
            self.note(format_args!("guess"), &told.map(drop));
        }
    }

    async fn try_with(&self, number: u64) -> Result<Arc<dyn Entry>, Refusal> {
        let user = self.ledger.book().shelves[self.shelf].user.clone();
        let address = Ipv4Addr::new(10, 1, 0, self.number as u8);
        let login = Login {
            user,
            password: Secret::new(format!("guess {number}")),
            peer: IpAddr::V4(address),
            gateway: None,
        };
        let list = Intent::List(Kind::Key);
        let entered = self.service.enter(login, self.repository(), list);
        self.patient("a guess", entered).await
    }

    /// All of a thing, announced as of this size.
    async fn announced(&self, thing: &Thing, size: Size) -> Result<(), Refusal> {
        let (kind, name) = thing.name;
        let entry = self.inside(Intent::Write(kind, size)).await?;
        let mut upload = self.patient("begin", entry.begin(kind, name, size)).await?;
        let mut left: Bytes = thing.bytes.clone();
        while !left.is_empty() {
            let piece = left.split_to(left.len().min(PIECE_MAX));
            self.cut(&entry, "write", upload.write(piece)).await?;
        }
        self.cut(&entry, "finish", upload.finish(thing.hash)).await
    }

    async fn forget_config(&self, name: Hash) -> Result<(), Refusal> {
        let entry = self.inside(Intent::Delete(Kind::Config)).await?;
        let deleted = entry.delete(Kind::Config, name);
        self.cut(&entry, "delete", deleted).await
    }

    fn refused(&self, what: &str, thing: &Thing, told: &Result<(), Refusal>) {
        if told.is_ok() {
            let story = format_args!("{what} was taken for {}", show(&thing.name));
            self.ledger.breach(acknowledged::ID, story);
        }
    }
}

/// Awaits all at once, and gives what came of them in their order.
async fn futures_in_order<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, came) in &mut all {
            if came.is_none()
                && let std::task::Poll::Ready(told) = one.as_mut().poll(context)
            {
                *came = Some(told);
            }
        }
        if all.iter().all(|(_, came)| came.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    all.into_iter().filter_map(|(_, came)| came).collect()
}
