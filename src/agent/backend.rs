//! A repository at the server, as `rustic_core` wants to see it: the restic REST protocol.
//!
//! It never reads what the objects hold; that is the library's, which has the key.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};
use serde::Deserialize;

use holdfast_actors::names::RepositoryName;
use holdfast_actors::object::OBJECT_MAX;

use super::client::{Ask, Client, Reply};
use super::failure::Failure;

const LIST_V2: &str = "application/vnd.x.restic.rest.v2";
/// The longest list taken: ten million objects.
const LIST_MAX: usize = 1 << 30;

/// One repository at the server.
pub(crate) struct Remote {
    client: Arc<Client>,
    repository: RepositoryName,
    /// The first thing that failed: the library does not always pass on what it was told.
    failed: Mutex<Option<Failure>>,
}

/// An entry of a list, version 2.
#[derive(Deserialize)]
struct Entry {
    name: String,
    size: u64,
}

impl Remote {
    /// The repository of this name.
    pub(crate) fn new(client: Arc<Client>, repository: RepositoryName) -> Self {
        Self {
            client,
            repository,
            failed: Mutex::default(),
        }
    }

    /// The first thing that failed, if anything did.
    pub(crate) fn failed(&self) -> Option<Failure> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.clone()
    }

    /// How often the client went over to another gateway, and how many uploads it went on with.
    pub(crate) fn mended(&self) -> (u64, u64) {
        self.client.mended()
    }

    /// Tells of the first interrupt or request to end that this process gets from now on.
    pub(crate) fn on_interrupt(&self, tell: impl FnOnce() + Send + 'static) {
        self.client.on_interrupt(tell);
    }

    /// The path of a folder or object of this repository.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/{}/{rest}", self.repository)
    }

    /// Names and sizes of all that is in a folder.
    pub(crate) fn list_folder(&self, folder: &str) -> Result<Vec<(Id, u64)>, Failure> {
        let mut ask = Ask::new(Method::GET, self.path(&format!("{folder}/")));
        ask.headers
            .push((header::ACCEPT, HeaderValue::from_static(LIST_V2)));
        ask.limit = LIST_MAX;
        let reply = self.done(&ask, &[StatusCode::OK])?;
        let entries: Vec<Entry> = serde_json::from_slice(&reply.answer.body)
            .map_err(|cause| Failure::Nonsense(format!("the list of {folder}: {cause}")))?;
        // Whatever has another name is no object: a temporary file of another server.
        Ok(entries
            .into_iter()
            .filter_map(|entry| Some((entry.name.parse().ok()?, entry.size)))
            .collect())
    }

    /// Whether the repository has been prepared; the size of its `config`.
    pub(crate) fn config_size(&self) -> Result<Option<u64>, Failure> {
        let ask = Ask::new(Method::HEAD, self.path("config"));
        let reply = self.done(&ask, &[StatusCode::OK, StatusCode::NOT_FOUND])?;
        if reply.answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let length = reply.answer.headers.get(header::CONTENT_LENGTH);
        let size = length.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Some(size.unwrap_or(0)))
    }

    /// A whole object.
    pub(crate) fn fetch(&self, path: &str) -> Result<Bytes, Failure> {
        let mut ask = Ask::new(Method::GET, self.path(path));
        ask.limit = object_max();
        Ok(self.done(&ask, &[StatusCode::OK])?.answer.body)
    }

    /// A small object that may be gone: a failure is nobody else's business.
    pub(crate) fn fetch_quietly(&self, path: &str) -> Result<Bytes, Failure> {
        let answer = self
            .client
            .ask(&Ask::new(Method::GET, self.path(path)))?
            .answer;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            _ => Err(Failure::from_answer(&answer)),
        }
    }

    fn fetch_part(&self, path: &str, offset: u32, length: u32) -> Result<Bytes, Failure> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let last = u64::from(offset) + u64::from(length) - 1;
        let range = HeaderValue::from_str(&format!("bytes={offset}-{last}"))
            .map_err(|cause| Failure::Nonsense(cause.to_string()))?;
        let mut ask = Ask::new(Method::GET, self.path(path));
        ask.headers.push((header::RANGE, range));
        ask.limit = object_max();
        let reply = self.done(&ask, &[StatusCode::PARTIAL_CONTENT, StatusCode::OK])?;
        let body = reply.answer.body;
        let wanted = length as usize;
        if reply.answer.status == StatusCode::OK {
            let from = offset as usize;
            if body.len() >= from.saturating_add(wanted) {
                return Ok(body.slice(from..from + wanted));
            }
        } else if body.len() == wanted {
            return Ok(body);
        }
        let got = body.len();
        Err(Failure::Nonsense(format!(
            "{path}: {wanted} bytes at {offset} were asked for, {got} came"
        )))
    }

    /// Stores an object; storing the same bytes again is fine.
    pub(crate) fn store(&self, path: &str, pieces: &[Bytes]) -> Result<(), Failure> {
        let mut ask = Ask::new(Method::POST, self.path(path));
        ask.headers.push((
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ));
        ask.headers
            .push((header::ACCEPT, HeaderValue::from_static(LIST_V2)));
        ask.body = pieces.to_vec();
        let sent = self.client.upload(ask);
        let reply = sent.map_err(|failure| self.note(failure))?;
        match reply.answer.status {
            StatusCode::OK => Ok(()),
            // A server that refuses what it has already may have stored it at the first try.
            StatusCode::FORBIDDEN if reply.repeated && self.stored(path, pieces)? => Ok(()),
            _ => Err(self.note(Failure::from_answer(&reply.answer))),
        }
    }

    fn stored(&self, path: &str, pieces: &[Bytes]) -> Result<bool, Failure> {
        let reply = self.asked(&Ask::new(Method::HEAD, self.path(path)))?;
        let length = reply.answer.headers.get(header::CONTENT_LENGTH);
        let size: Option<usize> = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let wanted: usize = pieces.iter().map(Bytes::len).sum();
        Ok(reply.answer.status == StatusCode::OK && size == Some(wanted))
    }

    /// Deletes an object; it is no fault if it is gone already.
    pub(crate) fn delete(&self, path: &str) -> Result<(), Failure> {
        let ask = Ask::new(Method::DELETE, self.path(path));
        self.done(&ask, &[StatusCode::OK, StatusCode::NOT_FOUND])?;
        Ok(())
    }

    fn create_repository(&self) -> Result<(), Failure> {
        let ask = Ask::new(Method::POST, self.path("?create=true"));
        self.done(&ask, &[StatusCode::OK])?;
        Ok(())
    }

    fn done(&self, ask: &Ask, wanted: &[StatusCode]) -> Result<Reply, Failure> {
        let reply = self.asked(ask)?;
        if wanted.contains(&reply.answer.status) {
            Ok(reply)
        } else {
            Err(self.note(Failure::from_answer(&reply.answer)))
        }
    }

    fn asked(&self, ask: &Ask) -> Result<Reply, Failure> {
        self.client.ask(ask).map_err(|failure| self.note(failure))
    }

    fn note(&self, failure: Failure) -> Failure {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert_with(|| failure.clone());
        failure
    }
}

/// The path of an object inside its repository.
fn object(kind: FileType, id: &Id) -> String {
    match kind {
        FileType::Config => "config".to_owned(),
        FileType::Index | FileType::Key | FileType::Snapshot | FileType::Pack => {
            format!("{}/{}", kind.dirname(), id.to_hex().as_str())
        }
    }
}

fn object_max() -> usize {
    usize::try_from(OBJECT_MAX.as_bytes()).unwrap_or(usize::MAX)
}

fn rustic(failure: Failure) -> Box<RusticError> {
    RusticError::with_source(ErrorKind::Backend, failure.to_string(), failure)
}

/// What the library holds: it wants to own its backend, and we look at it from outside.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Remote>);

impl ReadBackend for Shared {
    fn location(&self) -> String {
        format!("{}/{}", self.0.client.server(), self.0.repository)
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let found = if kind == FileType::Config {
            let size = self.0.config_size().map_err(rustic)?;
            size.map(|size| (Id::default(), size)).into_iter().collect()
        } else {
            self.0.list_folder(kind.dirname()).map_err(rustic)?
        };
        found
            .into_iter()
            .map(|(id, size)| {
                let size = u32::try_from(size).map_err(|_| {
                    let text = format!("{} has {size} bytes", object(kind, &id));
                    rustic(Failure::Nonsense(text))
                })?;
                Ok((id, size))
            })
            .collect()
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        self.0.fetch(&object(kind, id)).map_err(rustic)
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let path = object(kind, id);
        self.0.fetch_part(&path, offset, length).map_err(rustic)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        object(kind, id)
    }
}

impl WriteBackend for Shared {
    fn create(&self) -> RusticResult<()> {
        self.0.create_repository().map_err(rustic)
    }

    fn write_bytes(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        let path = object(kind, id);
        self.0.store(&path, content.slice()).map_err(rustic)
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.0.delete(&object(kind, id)).map_err(rustic)
    }
}
