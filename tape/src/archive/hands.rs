//! The hands of an archive: drives, repositories, the catalog and the shelf.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::kernel::{Never, RepositoryId};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Clock, Entropy, Pending};
use holdfast_actors::shell::{Context, Fault, Hands};
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use holdfast_actors::tape::job::Outcome;
use holdfast_actors::tape::{KeyId, MediumId, SetId};

use super::deck::{Deck, Source};
use super::{
    Archive, Book, Content, Effect, Event, House, Lot, Opened, Papers, Piece, Told, Unfit,
};
use crate::format::{
    self, Encryption, Header, Item as Writes, Keys, ReadError, Reason, Resume, SALT, Settings,
    Signer, Sum, Text, Volume, Writer, recovery,
};
use crate::naming;
use crate::ports::{Books, Failed, Item, Repositories, Shelf, Stations};

/// What all archives of a node use. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    /// Libraries that are at hand.
    pub stations: Stations,
    /// What is read.
    pub repositories: Arc<dyn Repositories>,
    /// The catalog.
    pub books: Arc<dyn Books>,
    /// The rows of tapes.
    pub shelf: Arc<dyn Shelf>,
    /// Signs seals.
    pub signer: Signer,
    /// The name of the cluster, as labels say it.
    pub cluster: Text,
    /// How much goes into what.
    pub settings: Settings,
    /// Those of this node that are open.
    pub keys: Keys,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({:?})", self.stations)
    }
}

impl Site {
    /// The same, as the machine has to know it.
    pub fn house(&self) -> House {
        House {
            cluster: self.cluster.clone(),
            signer: self.signer.public(),
            libraries: self.stations.names(),
            keys: self
                .keys
                .ids()
                .into_iter()
                .map(naming::key_of_tape)
                .collect(),
        }
    }
}

/// What an archive does things with: one effect at a time.
pub(super) struct Means {
    site: Site,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    deck: Option<Deck>,
    ahead: Option<Source>,
}

impl Means {
    pub(super) const fn new(site: Site, entropy: Arc<dyn Entropy>, clock: Arc<dyn Clock>) -> Self {
        Self {
            site,
            entropy,
            clock,
            deck: None,
            ahead: None,
        }
    }

    /// Performs one effect; the answer to it. There is none to [`Effect::End`].
    pub(super) async fn perform(&mut self, effect: Effect) -> Option<Event> {
        Some(match effect {
            Effect::Look => Event::Looked(self.book()),
            Effect::Rows(medium) => {
                let rows = self.site.shelf.rows(medium).await;
                let rows = rows.inspect_err(|error| {
                    tracing::warn!(%medium, %error, "the rows of a cartridge cannot be read");
                });
                Event::Rows(rows.ok().flatten().map(Lot))
            }
            Effect::View(id, at) => {
                let view = self.site.repositories.view(id, at).await;
                Event::Viewed(view.map(Lot).inspect_err(|error| {
                    tracing::warn!(repository = %id, %error, "not read for tape");
                }))
            }
            Effect::Submit(command) => {
                let done = self.site.books.submit(command).await;
                let done = done.inspect_err(|error| {
                    tracing::warn!(%error, "the catalog refused what a tape job asked");
                });
                Event::Submitted(done, self.book())
            }
            Effect::Mount { library, slot } => Event::Mounted(self.mount(&library, slot).await),
            Effect::Clear(medium) => Event::Shelved(self.site.shelf.clear(medium).await),
            Effect::Shelve(medium, rows) => {
                Event::Shelved(self.site.shelf.add(medium, &rows.0).await)
            }
            Effect::Begin(papers) => Event::Told(self.begin(*papers).await),
            Effect::Append(expected) => Event::Opened(self.append(expected).await),
            Effect::Catalog(sequence, medium) => Event::Told(self.catalog(sequence, medium).await),
            Effect::Put { piece, next, key } => Event::Told(self.put(piece, next, key).await),
            Effect::Commit => Event::Told(self.give(format::Event::Commit).await),
            Effect::Seal => Event::Told(self.give(format::Event::Seal(Reason::Closed)).await),
            Effect::Dismount => {
                self.ahead = None;
                if let Some(deck) = self.deck.take()
                    && let Err(error) = deck.dismount().await
                {
                    tracing::warn!(%error, "a cartridge was not carried home");
                }
                Event::Dismounted
            }
            Effect::End(_) => return None,
        })
    }

    fn book(&self) -> Book {
        let mut drawn = [0; 16];
        self.entropy.fill(&mut drawn);
        Book {
            rows: Box::new((*self.site.books.rows()).clone()),
            drawn: SetId::new(u128::from_be_bytes(drawn)),
        }
    }

    async fn mount(
        &mut self,
        library: &TapeName,
        slot: Element,
    ) -> Result<holdfast_actors::tape::media::Label, Failed> {
        let station = self.site.stations.get(library);
        let station = station.ok_or_else(|| Failed::Other(format!("no library '{library}'")))?;
        let clock = Arc::clone(&self.clock);
        let mut deck = Deck::new(station.mount(slot, Purpose::Archive).await?, clock);
        let label = deck.identify().await;
        match &label {
            Ok(_) => self.deck = Some(deck),
            Err(error) => {
                tracing::warn!(%library, slot = slot.0, %error, "a cartridge cannot be read");
                deck.dismount().await?;
            }
        }
        label
    }

    fn volume(&self, papers: Papers) -> Volume {
        Volume {
            label: papers.label,
            set: papers.set,
            signer: self.site.signer.clone(),
            keys: papers.keys.0,
        }
    }

    async fn begin(&mut self, papers: Papers) -> Vec<Told> {
        let writer = Writer::fresh(self.volume(papers), self.site.settings);
        let Some(deck) = &mut self.deck else {
            return vec![Told::Lost];
        };
        match deck.work(|medium| medium.rewind()).await {
            Ok(Ok(())) => deck.start(writer).await,
            Ok(Err(_)) | Err(_) => vec![Told::Lost],
        }
    }

    async fn append(&mut self, expected: recovery::Expected) -> Result<Opened, Unfit> {
        let deck = self.deck.as_mut().ok_or(Unfit::Drive)?;
        let found = deck.work(move |medium| {
            let labels = recovery::labels(medium)?;
            let signer = labels.label.signer;
            let resume = match recovery::appendable(medium, &expected) {
                Err(ReadError::Sealed) => {
                    return Ok((recovery::last_index(medium, Some(&signer))?.rows, None));
                }
                resume => resume?,
            };
            let set = labels.set.ok_or(ReadError::NoIndex)?;
            Ok((resume.rows.clone(), Some((labels.label, set, resume))))
        });
        let (rows, begun) = found.await.map_err(|_| Unfit::Drive)?.map_err(|error| {
            tracing::warn!(%error, "a cartridge is not what the catalog says");
            Unfit::from(&error)
        })?;
        let is_sealed = begun.is_none();
        if let Some((label, set, resume)) = begun {
            let keys = Lot(Vec::new());
            self.go_on(Papers { label, set, keys }, resume).await?;
        }
        let rows = Lot(rows);
        Ok(Opened { rows, is_sealed })
    }

    async fn go_on(&mut self, papers: Papers, resume: Resume) -> Result<(), Unfit> {
        let writer = Writer::append(self.volume(papers), self.site.settings, resume);
        let deck = self.deck.as_mut().ok_or(Unfit::Drive)?;
        match deck.start(writer).await.is_empty() {
            true => Ok(()),
            false => Err(Unfit::Damaged),
        }
    }

    async fn give(&mut self, event: format::Event) -> Vec<Told> {
        match &mut self.deck {
            Some(deck) => deck.give(vec![event]).await,
            None => vec![Told::Lost],
        }
    }

    /// A catalog that is not at hand is left out: the tape that it is of has it too.
    async fn catalog(&mut self, sequence: u32, medium: MediumId) -> Vec<Told> {
        let Ok(Some(rows)) = self.site.shelf.rows(medium).await else {
            return Vec::new();
        };
        let lines: Vec<u8> = rows.iter().flat_map(format::Row::line).collect();
        let lines = Bytes::from(lines);
        let header = Header {
            item: Writes::Catalog(sequence),
            length: lines.len() as u64,
            sha256: Sum::of(&lines),
            encryption: None,
        };
        let Some(deck) = &mut self.deck else {
            return vec![Told::Lost];
        };
        let mut told = deck
            .put(header, &mut Source::at_hand(&lines), &mut None)
            .await;
        told.retain(|told| !matches!(told, Told::Unsound));
        told
    }

    /// What was read ahead, if it is that.
    fn source(&mut self, id: RepositoryId, item: Item) -> Source {
        let ahead = self.ahead.take_if(|ahead| ahead.is_of(id, item));
        ahead.unwrap_or_else(|| Source::of(&self.site.repositories, id, item))
    }

    /// With what an object is encrypted; nothing if its key is not open any more.
    fn encryption(&self, key: KeyId) -> Option<Encryption> {
        let key = naming::key_on_tape(key);
        let secret = self.site.keys.get(key)?;
        let mut salt = [0; SALT];
        self.entropy.fill(&mut salt);
        Some(Encryption { key, secret, salt })
    }

    async fn put(
        &mut self,
        piece: Piece,
        next: Option<(RepositoryId, Item)>,
        key: Option<KeyId>,
    ) -> Vec<Told> {
        let key = key.filter(|_| matches!(piece.content, Content::Object(..)));
        let encryption = match key.map(|key| (key, self.encryption(key))) {
            Some((key, None)) => {
                tracing::warn!(%key, "a key is not open any more on this node");
                return vec![Told::Lost];
            }
            Some((_, encryption)) => encryption,
            None => None,
        };
        let (mut source, length, sha256) = match piece.content {
            Content::Object(id, item) => {
                (self.source(id, item), item.length.as_bytes(), item.sha256)
            }
            Content::List(text) => {
                let bytes = text.0;
                let sum = Sum::of(&bytes);
                (Source::at_hand(&bytes), bytes.len() as u64, sum)
            }
        };
        let mut next = next.map(|(id, item)| self.source(id, item));
        let item = Writes::Object(piece.place);
        let header = Header {
            item,
            length,
            sha256,
            encryption,
        };
        let told = match &mut self.deck {
            Some(deck) => deck.put(header, &mut source, &mut next).await,
            None => vec![Told::Lost],
        };
        self.ahead = next;
        let gauge = self.deck.as_ref().map(Deck::gauge);
        told.into_iter().chain(gauge.map(Told::Fed)).collect()
    }
}

/// What an archive is told.
pub enum Message {
    /// It begins. Once.
    Start,
    /// Something was done.
    Did(Box<Done>),
}

/// What came of an effect, and what it was done with.
pub struct Done {
    means: Means,
    event: Option<Event>,
}

/// Belongs to one attempt. One that is stopped drops the cartridge, which is carried home then.
pub struct ArchiveHands {
    means: Option<Means>,
    tell: Option<Box<dyn FnOnce(Outcome) + Send>>,
}

impl fmt::Debug for ArchiveHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveHands")
    }
}

impl ArchiveHands {
    /// Hands of an attempt at this site that tell at the end how it went.
    pub fn new(
        site: Site,
        (entropy, clock): (Arc<dyn Entropy>, Arc<dyn Clock>),
        tell: impl FnOnce(Outcome) + Send + 'static,
    ) -> Self {
        Self {
            means: Some(Means::new(site, entropy, clock)),
            tell: Some(Box::new(tell)),
        }
    }
}

impl Hands for ArchiveHands {
    type Machine = Archive;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        match message {
            Message::Start => Some(Event::Start),
            Message::Did(done) => {
                self.means = Some(done.means);
                done.event
            }
        }
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        if let Effect::End(outcome) = effect {
            if let Some(tell) = self.tell.take() {
                tell(outcome);
            }
            context.myself.stop();
            return Ok(None);
        }
        let busy = || Fault("an archive does one thing at a time".to_owned());
        let mut means = self.means.take().ok_or_else(busy)?;
        Ok(Some(Box::pin(async move {
            let event = means.perform(effect).await;
            Message::Did(Box::new(Done { means, event }))
        })))
    }
}
