//! A mounted cartridge with its writer, and the objects that go there. The next object is read
//! while the drive writes this one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use holdfast_actors::kernel::{Instant, RepositoryId};
use holdfast_actors::ports::{Clock, Pending};
use holdfast_actors::tape::media;

use super::{Lot, Told};
use crate::format::{Effect, Event, Header, Medium, PIECE_MAX, Writer, deck};
use crate::ports::{Failed, Item, Mount, Pieces, Repositories, ask};
use crate::spool::{Advice, Gauge, Limits, Spool};
use crate::station::identify;

/// So many bytes are read ahead of the drive.
const AHEAD_MAX: usize = 48 << 20;
/// So many pieces go to the drive at once.
const AT_ONCE: usize = 8;

/// When the drive is given what was read: the memory for it is too small to keep a real drive at
/// its slowest speed, so it takes all as it comes.
const LIMITS: Limits = Limits {
    high: AHEAD_MAX as u64,
    low: AHEAD_MAX as u64 / 16,
    slowest: 0,
};

/// A cartridge in a drive.
pub(super) struct Deck {
    mount: Box<dyn Mount>,
    writer: Option<Writer>,
    clock: Arc<dyn Clock>,
    spool: Spool,
}

impl Deck {
    pub(super) const fn new(mount: Box<dyn Mount>, clock: Arc<dyn Clock>) -> Self {
        Self {
            mount,
            writer: None,
            clock,
            spool: Spool::new(LIMITS),
        }
    }

    fn now(&self) -> Instant {
        self.clock.now().monotonic
    }

    /// How much waits for the drive, and how long it stood still.
    pub(super) fn gauge(&self) -> Gauge {
        self.spool.gauge(self.now())
    }

    /// Waits until enough was read for the drive to go on, or no more comes.
    async fn wait(&mut self, source: &mut Source, next: &mut Option<Source>) {
        poll_fn(|context| {
            let mut held = source.read_on(context, 0);
            let mut is_over = source.is_over();
            if let Some(next) = next.as_mut().filter(|_| is_over) {
                held = next.read_on(context, held);
                is_over = next.is_over();
            }
            let now = self.now();
            self.spool.holds(now, held as u64, is_over);
            let is_fed = self.spool.advice(now) != Advice::Fill && !source.ready.is_empty();
            // What broke off gives nothing, however long it is waited for.
            let has_broken = source.is_over() && source.ready.is_empty();
            match is_fed || has_broken {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// Does something on the thread of the drive, and brings back what came of it.
    pub(super) async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut dyn Medium) -> T + Send + 'static,
    ) -> Result<T, Failed> {
        ask(self.mount.as_mut(), work).await
    }

    pub(super) async fn identify(&mut self) -> Result<media::Label, Failed> {
        identify(self.mount.as_mut()).await
    }

    pub(super) async fn dismount(self) -> Result<(), Failed> {
        self.mount.dismount().await
    }

    /// Begins to write where the head stands.
    pub(super) async fn start(&mut self, writer: Writer) -> Vec<Told> {
        self.writer = Some(writer);
        self.give(vec![Event::Start]).await
    }

    /// Gives these to the writer, as long as it wants more.
    pub(super) async fn give(&mut self, events: Vec<Event>) -> Vec<Told> {
        let Some(mut writer) = self.writer.take() else {
            return vec![Told::Lost];
        };
        let done = self.work(move |medium| {
            let mut told = Vec::new();
            for event in events {
                deck::run(&mut writer, medium, event, &mut told);
                if !matches!(told.last(), Some(Effect::Want)) {
                    break;
                }
            }
            (writer, told)
        });
        let Ok((writer, told)) = done.await else {
            return vec![Told::Lost];
        };
        self.writer = Some(writer);
        told.into_iter().filter_map(of_writer).collect()
    }

    /// Writes one object, and reads on ahead meanwhile.
    pub(super) async fn put(
        &mut self,
        header: Header,
        source: &mut Source,
        next: &mut Option<Source>,
    ) -> Vec<Told> {
        let mut left = header.length;
        let mut told = self.give(vec![Event::Begin(header)]).await;
        while left > 0 && told.is_empty() {
            self.wait(source, next).await;
            let before = left;
            let pieces = source.batch(&mut left);
            if pieces.is_empty() {
                told = self.give(vec![Event::Abandon]).await;
                told.insert(0, Told::Unsound);
                return told;
            }
            let pieces = pieces.into_iter().map(Event::Piece);
            let mut writing = Box::pin(self.give(pieces.collect()));
            told = poll_fn(|context| {
                let done = writing.as_mut().poll(context);
                if done.is_pending() {
                    let held = source.read_on(context, 0);
                    if let Some(next) = next.as_mut().filter(|_| source.is_over()) {
                        next.read_on(context, held);
                    }
                }
                done
            })
            .await;
            drop(writing);
            let now = self.now();
            self.spool.wrote(now, before - left);
        }
        told
    }
}

fn of_writer(effect: Effect) -> Option<Told> {
    match effect {
        Effect::Committed(rows) => Some(Told::Committed(Lot(rows))),
        effect @ (Effect::Spoiled(_) | Effect::Refuse(_)) => {
            tracing::warn!(
                ?effect,
                "an object is not what its source said, or comes in bad pieces"
            );
            Some(Told::Unsound)
        }
        Effect::Ended(end) => Some(Told::Ended(end)),
        // What is to be written again is what was never told as committed.
        Effect::Again(_) | Effect::Want => None,
        Effect::Where | Effect::Write(_) | Effect::Filemark | Effect::Flush => None,
    }
}

/// Pieces of a size that the writer takes.
fn cut(bytes: &Bytes) -> impl Iterator<Item = Bytes> {
    let cuts = (0..bytes.len()).step_by(PIECE_MAX);
    cuts.map(|at| bytes.slice(at..bytes.len().min(at + PIECE_MAX)))
}

enum State {
    Opening(Pending<Result<Box<dyn Pieces>, Failed>>),
    Reading(Box<dyn Pieces>, Pending<Result<Option<Bytes>, Failed>>),
    Over,
}

/// The bytes of one object, as far as they were read.
pub(super) struct Source {
    of: Option<(RepositoryId, Item)>,
    state: State,
    ready: VecDeque<Bytes>,
    held: usize,
}

impl Source {
    /// Begins to read an object.
    pub(super) fn of(repositories: &Arc<dyn Repositories>, id: RepositoryId, item: Item) -> Self {
        Self {
            of: Some((id, item)),
            state: State::Opening(repositories.read(id, item)),
            ready: VecDeque::new(),
            held: 0,
        }
    }

    /// Bytes that are at hand.
    pub(super) fn at_hand(bytes: &Bytes) -> Self {
        Self {
            of: None,
            state: State::Over,
            ready: cut(bytes).collect(),
            held: bytes.len(),
        }
    }

    pub(super) fn is_of(&self, id: RepositoryId, item: Item) -> bool {
        self.of == Some((id, item))
    }

    const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The next piece; none if there is none, or it is too long.
    fn take(&mut self, left: u64) -> Option<Bytes> {
        let fits = |piece: &Bytes| !piece.is_empty() && piece.len() as u64 <= left;
        let piece = self.ready.front().filter(|piece| fits(piece)).cloned()?;
        self.ready.pop_front();
        self.held -= piece.len();
        Some(piece)
    }

    /// What is at hand of the bytes that are left, as much as is given to the drive at once.
    fn batch(&mut self, left: &mut u64) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while pieces.len() < AT_ONCE
            && let Some(piece) = self.take(*left)
        {
            *left -= piece.len() as u64;
            pieces.push(piece);
        }
        pieces
    }

    /// Reads what there is, up to the limit that it shares with what others hold; what both hold.
    fn read_on(&mut self, context: &mut std::task::Context<'_>, others: usize) -> usize {
        while self.held + others < AHEAD_MAX {
            let read = match &mut self.state {
                State::Opening(opening) => opening.as_mut().poll(context).map_ok(|mut pieces| {
                    let next = pieces.next();
                    (None, State::Reading(pieces, next))
                }),
                State::Reading(_, next) => match next.as_mut().poll(context) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(Err(failed)) => Poll::Ready(Err(failed)),
                    Poll::Ready(Ok(piece)) => Poll::Ready(Ok((piece, State::Over))),
                },
                State::Over => break,
            };
            match read {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => {
                    tracing::warn!(of = ?self.of, %error, "an object cannot be read for tape");
                    self.state = State::Over;
                }
                Poll::Ready(Ok((piece, state))) => self.advance(piece, state),
            }
        }
        self.held + others
    }

    fn advance(&mut self, piece: Option<Bytes>, state: State) {
        let before = std::mem::replace(&mut self.state, state);
        if let (Some(piece), State::Reading(mut pieces, _)) = (piece, before) {
            self.held += piece.len();
            self.ready.extend(cut(&piece));
            let next = pieces.next();
            self.state = State::Reading(pieces, next);
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::{Size, Space, Timestamp};
    use holdfast_actors::object::{Hash, Key, Kind};

    use super::*;
    use crate::format::Sum;

    /// A repository that gives each object as one piece.
    struct Whole(Bytes);

    struct Once(Option<Bytes>);

    impl Pieces for Once {
        fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>> {
            let next = self.0.take();
            Box::pin(async { Ok(next) })
        }
    }

    impl Repositories for Whole {
        fn view(&self, _: RepositoryId, _: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
            Box::pin(async { Ok(Vec::new()) })
        }

        fn read(&self, _: RepositoryId, _: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
            let once = Once(Some(self.0.clone()));
            Box::pin(async { Ok(Box::new(once) as Box<dyn Pieces>) })
        }

        fn write(
            &self,
            _: RepositoryId,
            _: Item,
            _: Box<dyn Pieces>,
        ) -> Pending<Result<(), Failed>> {
            Box::pin(async { Ok(()) })
        }

        fn hide(&self, _: RepositoryId, _: Key) -> Pending<Result<(), Failed>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn a_piece_longer_than_the_tape_takes_is_cut_and_nothing_is_left_out() {
        let number = |at: usize| u8::try_from(at % 251).unwrap();
        let bytes: Bytes = (0..(AT_ONCE + 2) * PIECE_MAX + 5).map(number).collect();
        let length = bytes.len() as u64;
        let key = Key {
            space: Space::TENANT,
            kind: Kind::Data,
            name: Hash::ZERO,
        };
        let item = Item {
            key,
            length: Size::bytes(length),
            sha256: Sum::of(&bytes),
        };
        let repositories: Arc<dyn Repositories> = Arc::new(Whole(bytes.clone()));
        let mut source = Source::of(&repositories, RepositoryId::new(1), item);
        let (mut left, mut pieces) = (length, Vec::new());
        while left > 0 {
            poll_fn(|context| {
                source.read_on(context, 0);
                match source.ready.is_empty() && !source.is_over() {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                }
            })
            .await;
            let batch = source.batch(&mut left);
            assert!((1..=AT_ONCE).contains(&batch.len()));
            pieces.extend(batch);
        }
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_MAX));
        assert!(pieces.concat() == bytes, "the bytes differ");
    }
}
