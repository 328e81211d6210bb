//! What clients do, and what they remember of the answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{CredentialId, Size};
use holdfast_actors::object::Hash;
use holdfast_actors::ports::Ports;
use holdfast_actors::repository::{Denied, FRAME_BYTES, Message, Moment, Object, Reader};
use holdfast_actors::shell::{Gone, Handle};
use holdfast_simulations::dice::Dice;

use crate::world::{OBJECTS, Told, World, content, key};

const CLIENTS: u64 = 4;
const STEPS: u64 = 30;

/// Each client has objects of its own, so that what it was told is the truth.
pub(crate) async fn work(
    world: &World,
    repository: Handle<Message>,
    ports: &Ports,
) -> Result<(), String> {
    let client = |number| Client {
        number,
        dice: (world.dice).fork(&format!("{number} {:?}", world.catalog.extents())),
        repository: repository.clone(),
        reader: world.reader(ports),
        told: Arc::clone(&world.told),
    };
    for object in &world.script {
        if !client(0).put(*object).await {
            return Err("the script was cut off".to_owned());
        }
    }
    if !world.script.is_empty() {
        pause(Duration::from_secs(6)).await;
    }
    let mut clients = tokio::task::JoinSet::new();
    for number in (0..CLIENTS).filter(|_| world.script.is_empty()) {
        let mut client = client(number);
        clients.spawn(async move { client.work().await });
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap()?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "clients take their time too")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Writes many bytes that nobody keeps.
pub(crate) async fn fill(repository: &Handle<Message>, bytes: u64) {
    let (key, by) = (key(4), CredentialId::new(9));
    let size = Size::bytes(bytes);
    let begun = repository
        .ask(|reply| Message::Begin(key, size, by, reply))
        .await;
    let upload = begun.unwrap().unwrap();
    let frame = Bytes::from(vec![7; FRAME_BYTES]);
    for _ in 0..bytes / FRAME_BYTES as u64 {
        let bytes = frame.clone();
        let taken = repository
            .ask(|reply| Message::Frame(upload, bytes, None, reply))
            .await;
        taken.unwrap().unwrap();
    }
    repository.tell(Message::Abort(upload)).unwrap();
}

/// Reads an object back and compares every byte.
pub(crate) async fn compare(reader: &Reader, object: Object, number: u64) -> Result<(), String> {
    let whole = 0..object.size.as_bytes();
    let failed = |error| format!("object {number} cannot be read: {error}");
    let mut body = reader
        .open(&key(number), object, whole)
        .await
        .map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(part) = body.next().await {
        bytes.extend_from_slice(&part.map_err(failed)?);
    }
    if content(number) == bytes {
        Ok(())
    } else {
        Err(format!("object {number} has other bytes"))
    }
}

struct Client {
    number: u64,
    dice: Dice,
    repository: Handle<Message>,
    reader: Reader,
    told: Arc<std::sync::Mutex<std::collections::BTreeMap<u64, Told>>>,
}

/// How an operation ended.
enum Outcome {
    Done,
    Refused,
    Unknown,
}

impl From<Result<Result<(), Denied>, Gone>> for Outcome {
    fn from(answer: Result<Result<(), Denied>, Gone>) -> Self {
        match answer {
            Ok(Ok(())) => Self::Done,
            Ok(Err(_)) => Self::Refused,
            Err(Gone) => Self::Unknown,
        }
    }
}

impl Client {
    async fn work(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            let object = self.dice.below(OBJECTS / CLIENTS) * CLIENTS + self.number;
            let going = match self.dice.below(10) {
                0..5 => self.put(object).await,
                5 => self.put_wrong(object).await,
                6..8 => self.delete(object).await,
                _ => self.read(object).await?,
            };
            if !going {
                break;
            }
            let micros = match self.dice.one_in(8) {
                true => 6_000_000,
                false => self.dice.below(5_000),
            };
            pause(Duration::from_micros(micros)).await;
        }
        Ok(())
    }

    fn told(&self, object: u64) -> Told {
        let told = self.told.lock().unwrap();
        told.get(&object).copied().unwrap_or(Told::Absent)
    }

    /// Notes what is known from now on; false if the repository is gone.
    fn note(&self, object: u64, before: Told, wanted: Told, outcome: &Outcome) -> bool {
        let now = match outcome {
            Outcome::Done => wanted,
            Outcome::Refused => before,
            Outcome::Unknown if before == wanted => before,
            Outcome::Unknown => Told::Either,
        };
        self.told.lock().unwrap().insert(object, now);
        !matches!(outcome, Outcome::Unknown)
    }

    async fn put(&mut self, object: u64) -> bool {
        let before = self.told(object);
        // Until there is an answer, nobody knows.
        self.note(object, before, Told::Present, &Outcome::Unknown);
        let outcome = self.upload(object, key(object).name).await;
        self.note(object, before, Told::Present, &outcome)
    }

    async fn put_wrong(&mut self, object: u64) -> bool {
        let outcome = self.upload(object, Hash::new([1; 32])).await;
        !matches!(outcome, Outcome::Unknown)
    }

    async fn upload(&mut self, object: u64, hash: Hash) -> Outcome {
        let (key, by, bytes) = (key(object), CredentialId::new(1), content(object));
        let size = Size::bytes(bytes.len() as u64);
        let begun = self
            .repository
            .ask(|reply| Message::Begin(key, size, by, reply))
            .await;
        let upload = match begun {
            Ok(Ok(upload)) => upload,
            Ok(Err(_)) => return Outcome::Refused,
            Err(Gone) => return Outcome::Unknown,
        };
        for at in (0..bytes.len()).step_by(FRAME_BYTES) {
            let frame = bytes.slice(at..bytes.len().min(at + FRAME_BYTES));
            let taken = self
                .repository
                .ask(|reply| Message::Frame(upload, frame, None, reply))
                .await;
            match taken.into() {
                Outcome::Done => {}
                other @ (Outcome::Refused | Outcome::Unknown) => return other,
            }
            if self.dice.one_in(40) {
                // The caller goes away in the middle.
                let told = self.repository.tell(Message::Abort(upload));
                return told.map_or(Outcome::Unknown, |()| Outcome::Refused);
            }
        }
        let done = self
            .repository
            .ask(|reply| Message::Finish(upload, hash, reply))
            .await;
        done.into()
    }

    async fn delete(&mut self, object: u64) -> bool {
        let before = self.told(object);
        self.note(object, before, Told::Absent, &Outcome::Unknown);
        let (key, by) = (key(object), CredentialId::new(1));
        let done = self
            .repository
            .ask(|reply| Message::Delete(key, by, reply))
            .await;
        self.note(object, before, Told::Absent, &done.into())
    }

    async fn read(&mut self, object: u64) -> Result<bool, String> {
        let Ok(Ok(held)) = self.repository.ask(Message::Look).await else {
            return Ok(false);
        };
        let found = held.object(&key(object), Moment::Now);
        match (self.told(object), found) {
            (Told::Present, None) => Err(format!("object {object} is not shown")),
            (Told::Absent, Some(_)) => Err(format!("object {object} is shown")),
            (_, Some(found)) => compare(&self.reader, found, object).await.map(|()| true),
            (_, None) => Ok(true),
        }
    }
}
