//! A small restic REST server in memory, over real TLS, that can be told to fail.
//!
//! It stands for a provider in the agent's own tests; it knows one account and one repository, and
//! answers self-service from a ledger in memory.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use holdfast::selfservice::server::{handle, serves};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::selfservice::Ledger;

pub(crate) const USER: &str = "acme";
pub(crate) const PASSWORD: &str = "a password of the account";
const LIST_V2: &str = "application/vnd.x.restic.rest.v2";

/// What to do with the next request of a method and a beginning of a path, in place of serving it.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answer with this status, reason and sentence.
    Refuse(u16, &'static str, &'static str),
    /// Serve it, then hang up instead of answering.
    LoseTheAnswer,
    /// Say so, and never answer.
    Hang(Sender<()>),
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    faults: Vec<(Method, String, VecDeque<Fault>)>,
    served: Vec<String>,
    /// As other servers do: what is there is never taken again, even the same bytes.
    strict: bool,
    /// Deletions of locks are answered and not done.
    keeps_locks: bool,
    ledger: Arc<Ledger>,
}

/// The server; it ends with the runtime inside.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) thumbprint: String,
    pub(crate) certificate: PathBuf,
    state: Arc<Mutex<State>>,
    _runtime: tokio::runtime::Runtime,
    directory: tempfile::TempDir,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let certificate = directory.path().join("certificate.pem");
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        let der: CertificateDer<'static> = made.cert.der().clone();
        let thumbprint = hex(&Sha256::digest(&der));
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let configuration =
            rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![der], key)
                .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(configuration));
        drop(runtime.spawn(serve(listener, acceptor, Arc::clone(&state))));
        Self {
            address,
            thumbprint,
            certificate,
            state,
            _runtime: runtime,
            directory,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn refuse_what_is_there(&self) {
        self.state.lock().unwrap().strict = true;
    }

    pub(crate) fn fault(
        &self,
        method: Method,
        path: &str,
        faults: impl IntoIterator<Item = Fault>,
    ) {
        let faults = faults.into_iter().collect();
        self.state
            .lock()
            .unwrap()
            .faults
            .push((method, path.to_owned(), faults));
    }

    /// How many requests began with this method and path.
    pub(crate) fn served(&self, beginning: &str) -> usize {
        let state = self.state.lock().unwrap();
        state
            .served
            .iter()
            .filter(|line| line.starts_with(beginning))
            .count()
    }

    /// The names of what is stored under a path.
    pub(crate) fn stored(&self, beginning: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let names = state
            .objects
            .keys()
            .filter(|name| name.starts_with(beginning));
        names.cloned().collect()
    }

    /// Lets the locks of what is done meanwhile stay, as a crash would.
    pub(crate) fn keeping_locks<T>(&self, work: impl FnOnce() -> T) -> T {
        self.state.lock().unwrap().keeps_locks = true;
        let result = work();
        self.state.lock().unwrap().keeps_locks = false;
        result
    }

    /// The name of the largest object under a path.
    pub(crate) fn largest(&self, beginning: &str) -> String {
        let state = self.state.lock().unwrap();
        let objects = state
            .objects
            .iter()
            .filter(|(name, _)| name.starts_with(beginning));
        objects
            .max_by_key(|(_, body)| body.len())
            .unwrap()
            .0
            .clone()
    }

    /// Damages one byte of an object.
    pub(crate) fn flip(&self, name: &str, at: usize) {
        let mut state = self.state.lock().unwrap();
        let object = state.objects.get_mut(name).unwrap();
        let mut bytes = object.to_vec();
        bytes[at] ^= 1;
        *object = Bytes::from(bytes);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        let connection = async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        };
        drop(tokio::runtime::Handle::current().spawn(connection));
    }
}

type Answer = Result<Response<Full<Bytes>>, std::io::Error>;

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Answer {
    if serves(request.uri().path()) {
        let ledger = Arc::clone(&state.lock().unwrap().ledger);
        return Ok(handle(&*ledger, ([127, 0, 0, 1].into(), None), request).await);
    }
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let response = respond(&mut state.lock().unwrap(), &parts, body);
    match response {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

/// The answer, an error to hang up on, or nothing to keep the client waiting.
fn respond(state: &mut State, parts: &Parts, body: Bytes) -> Option<Answer> {
    let path = parts.uri.path_and_query().unwrap().to_string();
    state.served.push(format!("{} {path}", parts.method));
    let authorization = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"))
    );
    if parts
        .headers
        .get(header::AUTHORIZATION)
        .is_none_or(|it| *it != authorization)
    {
        return Some(Ok(plain(401)));
    }
    let fault = state
        .faults
        .iter_mut()
        .find_map(|(method, beginning, faults)| {
            let hit = *method == parts.method && path.starts_with(beginning.as_str());
            hit.then(|| faults.pop_front()).flatten()
        });
    if let Some(Fault::Refuse(status, reason, sentence)) = fault {
        let mut response = plain(status);
        response
            .headers_mut()
            .insert("x-holdfast-reason", HeaderValue::from_static(reason));
        *response.body_mut() = Full::new(Bytes::from_static(sentence.as_bytes()));
        return Some(Ok(response));
    }
    if let Some(Fault::Hang(reached)) = fault {
        reached.send(()).unwrap();
        return None;
    }
    let response = state.object(&parts.method, &path, parts.headers.get(header::RANGE), body);
    if matches!(fault, Some(Fault::LoseTheAnswer)) {
        return Some(Err(std::io::Error::other("hang up")));
    }
    Some(Ok(response))
}

impl State {
    fn object(
        &mut self,
        method: &Method,
        path: &str,
        range: Option<&HeaderValue>,
        body: Bytes,
    ) -> Response<Full<Bytes>> {
        let Some(name) = path.strip_prefix("/main/") else {
            return plain(404);
        };
        match (method.as_str(), name) {
            ("POST", "?create=true") => plain(200),
            ("GET", folder) if folder.ends_with('/') => self.list(folder),
            ("POST", name) if self.objects.contains_key(name) => {
                let same = !self.strict && self.objects.get(name) == Some(&body);
                plain(if same { 200 } else { 403 })
            }
            ("POST", name) => {
                let hash = hex(&Sha256::digest(&body));
                if name != "config" && !name.ends_with(&hash) {
                    return plain(400);
                }
                self.objects.insert(name.to_owned(), body);
                plain(200)
            }
            ("DELETE", name) if name.starts_with("locks/") && self.keeps_locks => plain(200),
            ("DELETE", name) => {
                self.objects.remove(name);
                plain(200)
            }
            (_, name) => self
                .objects
                .get(name)
                .map_or_else(|| plain(404), |it| part(it, range)),
        }
    }

    fn list(&self, folder: &str) -> Response<Full<Bytes>> {
        let entries: Vec<_> = self
            .objects
            .iter()
            .filter_map(|(name, body)| {
                let name = name.strip_prefix(folder)?;
                Some(serde_json::json!({ "name": name, "size": body.len() }))
            })
            .collect();
        let mut response = Response::new(Full::new(Bytes::from(
            serde_json::to_vec(&entries).unwrap(),
        )));
        let kind = HeaderValue::from_static(LIST_V2);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

fn part(object: &Bytes, range: Option<&HeaderValue>) -> Response<Full<Bytes>> {
    let Some(range) = range else {
        return Response::new(Full::new(object.clone()));
    };
    let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
    let (from, to) = range.split_once('-').unwrap();
    let from: usize = from.parse().unwrap();
    let to = to
        .parse()
        .map_or(object.len(), |to: usize| object.len().min(to + 1));
    let mut response = Response::new(Full::new(object.slice(from..to)));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    response
}

fn plain(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}
