//! A tenant's client at one node: it works there while its tenant is at home.

mod going_on;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use holdfast_actors::catalog::Catalog;
use holdfast_actors::kernel::{NodeId, Size};
use holdfast_actors::names::TenantName;
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::ports::Clock;
use holdfast_actors::refusal::Refusal;
use holdfast_actors::service::{Entry, Found, Intent, Login, PIECE_MAX, Part, Secret, Service};
use sha2::{Digest, Sha256};

use super::Flaw;
use super::book::{Book, Thing};
use super::invariants::{current, kept, lease, quorum, recalled, removed};
use crate::dice::Dice;
use crate::timepiece::Timepiece;
use crate::trace::Micros;
use crate::world::pass;

/// The repository that every tenant has.
pub(super) const REPOSITORY: &str = "main";
/// How long a client waits for one request.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a gateway takes at most that acknowledges what it cannot store yet.
const HASTE: Duration = Duration::from_secs(1);

/// The name of a tenant.
pub(crate) fn tenant(number: usize) -> String {
    format!("tenant-{number}")
}

/// Its password: as long as one that is made.
pub(super) fn password(number: usize) -> String {
    format!("{number:043}")
}

/// The password of its login that may only read.
pub(super) fn reading(number: usize) -> String {
    format!("read{number:039}")
}

/// The bytes of a thing.
pub(super) fn content(tenant: usize, number: u64, length: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(length + 32);
    let mut line = 0_u64;
    while bytes.len() < length {
        bytes.extend_from_slice(&Sha256::digest(format!("{tenant} {number} {line}")));
        line += 1;
    }
    bytes.truncate(length);
    bytes.freeze()
}

/// One client.
pub(super) struct Client {
    pub(super) node: NodeId,
    pub(super) tenant: usize,
    pub(super) name: TenantName,
    pub(super) service: Arc<dyn Service>,
    pub(super) catalog: Catalog,
    pub(super) book: Book,
    pub(super) time: Timepiece,
    /// The node's, by which it says as of when something is shown.
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dice: Dice,
    /// Milliseconds between two requests at most.
    pub(super) pause: u64,
    /// Whether it changes nothing, with a login that may not.
    pub(super) only_looks: bool,
    /// What is wrong with the way to the node.
    pub(super) flaw: Option<Flaw>,
}

impl Client {
    /// Works until the node ends.
    pub(super) async fn work(mut self) {
        let mut settled = 0;
        loop {
            pass(1 + self.dice.below(self.pause)).await;
            let rows = self.catalog.rows();
            // Tenants get their logins one after the other.
            let is_made = rows.credentials.len() > 2 * self.tenant + 1;
            // Who works at a node that was removed tries whatever that knows.
            let is_removed = self.book.pages().removed(self.node).is_some();
            let is_here = rows.home(&self.name) == Some(self.node);
            if !is_made || !is_here && (!is_removed || self.only_looks) {
                continue;
            }
            let (calm, is_calm) = {
                let pages = self.book.pages();
                (pages.calm, pages.is_calm)
            };
            if is_calm && settled != calm && !self.only_looks && !is_removed {
                if self.settle().await {
                    settled = calm;
                }
                continue;
            }
            // Whoever got on in the calm leaves the time to what else must come to its end.
            if is_calm && (is_removed || self.book.pages().settled.contains(&self.tenant)) {
                continue;
            }
            match self.dice.below(if self.only_looks { 2 } else { 8 }) {
                0 => self.list().await,
                1 => self.read().await,
                2 => self.delete().await,
                _ => self.store().await,
            };
        }
    }

    /// Reads all that there is, and stores something new.
    async fn settle(&mut self) -> bool {
        let calm = self.book.pages().calm;
        if !self.list().await {
            return false;
        }
        let standing = self.book.pages().standing(self.tenant);
        for (hash, _) in standing {
            if !self.read_one(hash).await {
                return false;
            }
        }
        let stored = self.store().await;
        let mut pages = self.book.pages();
        if stored && pages.calm == calm {
            pages.settled.insert(self.tenant);
        }
        stored
    }

    async fn enter(&self, intent: Intent) -> Result<Arc<dyn Entry>, Refusal> {
        let is_read = matches!(intent, Intent::List(_) | Intent::Read(_));
        let is_lent = is_read && self.flaw == Some(Flaw::LentLogin);
        let password = match self.only_looks || is_lent {
            true => reading(self.tenant),
            false => password(self.tenant),
        };
        let login = Login {
            user: self.name.to_string(),
            password: Secret::new(password),
            peer: IpAddr::V4(Ipv4Addr::new(10, 0, 0, self.tenant as u8)),
            gateway: Some(self.node),
        };
        let entered = self.service.enter(login, REPOSITORY.to_owned(), intent);
        entered.await
    }

    /// Does something within its time; false if it was refused or took too long.
    async fn told<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, Refusal>>,
    ) -> Option<T> {
        let told = tokio::time::timeout(PATIENCE, asked).await;
        let now = self.time.world();
        let who = format!("{} client {} {}", self.node, self.tenant, self.name);
        let mut pages = self.book.pages();
        match told {
            Ok(Ok(told)) => {
                pages.figures.done += 1;
                pages.log.say(now, format_args!("{who} {what}: Done"));
                Some(told)
            }
            Ok(Err(refusal)) => {
                pages.figures.refused += 1;
                pages
                    .log
                    .say(now, format_args!("{who} {what}: {}", refusal.reason));
                None
            }
            Err(_) => {
                pages.figures.refused += 1;
                pages.log.say(now, format_args!("{who} {what}: silence"));
                None
            }
        }
    }

    async fn store(&mut self) -> bool {
        let length = match self.dice.below(12) {
            0 => 300_000 + self.dice.below(500_000),
            1..=4 => 1 + self.dice.below(40_000),
            _ => 1 + self.dice.below(500),
        };
        let length = length as usize;
        let number = {
            let mut pages = self.book.pages();
            pages.count += 1;
            pages.count
        };
        let bytes = content(self.tenant, number, length);
        let hash = Hash::new(Sha256::digest(&bytes).into());
        let thing = Thing {
            number,
            length,
            ..Thing::default()
        };
        self.book.pages().things[self.tenant].insert(hash, thing);
        let is_forgotten = self.flaw == Some(Flaw::ForgottenUpload) && self.dice.one_in(10);
        let cuts = self.draw_cuts();
        let what = format!("store data/{hash} of {length}");
        let began = self.time.world();
        let sent = async {
            match self.flaw {
                Some(Flaw::HastyGateway) => self.hasten(hash, &bytes, began).await,
                Some(_) | None if cuts.is_empty() => self.send(hash, &bytes, is_forgotten).await,
                Some(_) | None => self.go_on(hash, &bytes, &cuts).await,
            }
        };
        let is_stored = self.told(&what, sent).await.is_some();
        if is_stored {
            self.acknowledged(began);
        }
        let now = self.time.world();
        let mut pages = self.book.pages();
        if is_stored && let Some(thing) = pages.things[self.tenant].get_mut(&hash) {
            thing.stored = Some(now);
            pages.figures.stored += 1;
        }
        is_stored
    }

    async fn send(&self, hash: Hash, bytes: &Bytes, is_forgotten: bool) -> Result<(), Refusal> {
        let length = bytes.len();
        let size = Size::bytes(length as u64);
        let entry = self.enter(Intent::Write(Kind::Data, size)).await?;
        let mut upload = entry.begin(Kind::Data, hash, size).await?;
        for at in (0..length).step_by(PIECE_MAX) {
            let piece = bytes.slice(at..length.min(at + PIECE_MAX));
            upload.write(piece).await?;
        }
        if is_forgotten {
            return Ok(());
        }
        upload.finish(hash).await
    }

    /// Sends by a gateway that acknowledges what it cannot store yet, and stores it when it can.
    async fn hasten(&self, hash: Hash, bytes: &Bytes, began: Micros) -> Result<(), Refusal> {
        let mut is_told = false;
        loop {
            let sent = self.send(hash, bytes, false);
            if let Ok(Ok(())) = tokio::time::timeout(HASTE, sent).await {
                return Ok(());
            }
            if !is_told {
                is_told = true;
                self.acknowledged(began);
            }
            pass(50).await;
        }
    }

    /// Something that began then and changes something is acknowledged now.
    fn acknowledged(&self, began: Micros) {
        let now = self.time.world();
        let mut pages = self.book.pages();
        removed::check(&mut pages, self.node, began, now);
        quorum::check(&mut pages, self.node, began, now);
        lease::check(&mut pages, (self.node, self.tenant), began, now);
    }

    fn any(&mut self) -> Option<Hash> {
        let standing = self.book.pages().standing(self.tenant);
        let count = standing.len() as u64;
        let at = self.dice.below(count.max(1)) as usize;
        standing.get(at).map(|(hash, _)| *hash)
    }

    async fn delete(&mut self) -> bool {
        let Some(hash) = self.any() else { return false };
        let now = self.time.world();
        if let Some(thing) = self.book.pages().things[self.tenant].get_mut(&hash) {
            thing.deleting.get_or_insert(now);
        }
        let asked = async {
            let entry = self.enter(Intent::Delete(Kind::Data)).await?;
            entry.delete(Kind::Data, hash).await
        };
        let is_deleted = self
            .told(&format!("delete data/{hash}"), asked)
            .await
            .is_some();
        if is_deleted {
            self.acknowledged(now);
        }
        let now = self.time.world();
        let mut pages = self.book.pages();
        if is_deleted && let Some(thing) = pages.things[self.tenant].get_mut(&hash) {
            thing.deleted = Some(now);
            pages.figures.deleted += 1;
        }
        is_deleted
    }

    async fn list(&mut self) -> bool {
        let asked = self.time.world();
        let list = async {
            let entry = self.enter(Intent::List(Kind::Data)).await?;
            let mut listing = entry.list(Kind::Data).await?;
            let mut names = BTreeSet::new();
            while let Some(batch) = listing.next().await {
                names.extend(batch?.into_iter().map(|(hash, _)| hash));
            }
            Ok((names, entry.as_of()))
        };
        let Some((names, as_of)) = self.told("list data", list).await else {
            return false;
        };
        let (now, mut pages) = (self.time.world(), self.book.pages());
        match as_of {
            Some(as_of) => {
                recalled::check(&mut pages, self.tenant, self.only_looks, &names, now);
                let age = self.clock.now().wall.since(as_of).as_micros() as Micros;
                recalled::complete(
                    &mut pages,
                    self.tenant,
                    &names,
                    (now.saturating_sub(age), now),
                );
            }
            None => current::check(&mut pages, self.tenant, asked, &names, now),
        }
        true
    }

    async fn read(&mut self) -> bool {
        match self.any() {
            Some(hash) => self.read_one(hash).await,
            None => false,
        }
    }

    async fn read_one(&self, hash: Hash) -> bool {
        let asked = async {
            let entry = self.enter(Intent::Read(Kind::Data)).await?;
            let found = match entry.read(Kind::Data, hash, Part::Whole).await? {
                Found::Missing | Found::Outside { .. } => None,
                Found::Body { mut pieces, .. } => {
                    let mut bytes = Vec::new();
                    while let Some(piece) = pieces.next().await {
                        bytes.extend_from_slice(&piece?);
                    }
                    Some(bytes)
                }
            };
            Ok((found, entry.as_of()))
        };
        let Some((found, as_of)) = self.told(&format!("read data/{hash}"), asked).await else {
            return false;
        };
        let now = self.time.world();
        let mut pages = self.book.pages();
        if as_of.is_some() {
            let shown = found.iter().map(|_| hash).collect();
            recalled::check(&mut pages, self.tenant, self.only_looks, &shown, now);
        }
        // What may be old may lack what came later.
        if as_of.is_none() || found.is_some() {
            kept::check(&mut pages, self.tenant, hash, found.as_deref(), now);
        }
        true
    }
}
