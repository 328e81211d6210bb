//! A blocking HTTPS client of one server, for one account.
//!
//! It repeats what may succeed at the next try, and turns every refusal into a sentence. It never
//! logs, and never puts a secret into an error.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use rustls::pki_types::ServerName;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::arguments::Transport;
use super::connection::{Answer, Broken, Payload, Place, Pool};
use super::failure::{Failure, REASON};
use super::trust::{self, Trust};
use crate::commands::values::Login;

/// The first pause between two tries; each later one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause between two tries, even if the server asks for more.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long to try a server that has not answered once since the start.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// Where to send requests, for whom, and how patiently.
#[derive(Debug)]
pub(crate) struct Target {
    /// The server's address.
    pub(crate) server: String,
    /// Who asks.
    pub(crate) user: Login,
    /// The account's password.
    pub(crate) password: Zeroizing<String>,
    /// Whom to trust.
    pub(crate) trust: Trust,
    /// How long to go on trying, in pauses.
    pub(crate) patience: Duration,
    /// By which way.
    pub(crate) transport: Transport,
}

/// One thing to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// The method.
    pub(crate) method: Method,
    /// The path and query, beginning with a slash.
    pub(crate) path: String,
    /// More headers.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub(crate) body: Vec<Bytes>,
    /// The most bytes that the answer can have.
    pub(crate) limit: usize,
}

impl Ask {
    /// A request without a body, whose answer is small.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            limit: 1 << 20,
        }
    }
}

/// What the server said, and how often it was asked.
pub(crate) struct Reply {
    /// The last answer.
    pub(crate) answer: Answer,
    /// Whether an earlier try may have been carried out, its answer lost.
    pub(crate) repeated: bool,
}

/// The client; usable from many threads at once, but not from inside an async runtime.
pub(crate) struct Client {
    server: String,
    authority: HeaderValue,
    authorization: HeaderValue,
    patience: Duration,
    answered: AtomicBool,
    pool: Pool,
    runtime: Runtime,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, the certificates cannot be read, or no thread can be started.
    pub(crate) fn new(target: &Target) -> Result<Self, Failure> {
        let (place, authority) = place(&target.server)?;
        let configuration = trust::configuration(&target.trust)
            .map_err(|cause| Failure::Setup(cause.to_string()))?;
        let credentials = Zeroizing::new(format!("{}:{}", target.user, target.password.as_str()));
        let basic = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*credentials)));
        let setup = |cause: &dyn std::fmt::Display| Failure::Setup(cause.to_string());
        let mut authorization = HeaderValue::from_str(&basic).map_err(|cause| setup(&cause))?;
        authorization.set_sensitive(true);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|cause| setup(&cause))?;
        Ok(Self {
            server: authority.clone(),
            authority: HeaderValue::from_str(&authority).map_err(|cause| setup(&cause))?,
            authorization,
            patience: target.patience,
            answered: AtomicBool::new(false),
            pool: Pool::new(place, configuration, target.transport),
            runtime,
        })
    }

    /// The server's host and port, for messages.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Tells of the first SIGINT or SIGTERM from now on; they no longer end the process by
    /// themselves.
    pub(crate) fn on_interrupt(&self, tell: impl FnOnce() + Send + 'static) {
        let watch = async {
            let interrupt = signal(SignalKind::interrupt());
            let terminate = signal(SignalKind::terminate());
            if let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                tell();
            }
        };
        drop(self.runtime.spawn(watch));
    }

    /// Asks until there is an answer that another try would not change; its status may be any.
    ///
    /// # Errors
    /// When the server does not answer in time, or is not trusted.
    pub(crate) fn ask(&self, ask: &Ask) -> Result<Reply, Failure> {
        self.runtime.block_on(self.ask_patiently(ask))
    }

    async fn ask_patiently(&self, ask: &Ask) -> Result<Reply, Failure> {
        let mut waited = Duration::ZERO;
        let mut pause = PAUSE_FIRST;
        let mut repeated = false;
        loop {
            let tried = self.pool.send(|| self.request(ask), ask.limit).await;
            let wanted = match &tried {
                Ok((answer, twice)) => {
                    self.answered.store(true, Ordering::Relaxed);
                    repeated |= twice;
                    if !transient(answer) {
                        return self.last(tried, repeated);
                    }
                    retry_after(answer)
                }
                Err(Broken::Untrusted(_) | Broken::TooLarge(_)) => {
                    return self.last(tried, repeated);
                }
                Err(Broken::Connect(_) | Broken::Http(_) | Broken::Idle) => Duration::ZERO,
            };
            let patience = if self.answered.load(Ordering::Relaxed) {
                self.patience
            } else {
                self.patience.min(FIRST_ANSWER)
            };
            if waited >= patience {
                return self.last(tried, repeated);
            }
            let next = pause.max(wanted).min(PAUSE_MAX);
            wait(next).await;
            waited += next;
            pause = (pause * 2).min(PAUSE_MAX);
            repeated = true;
        }
    }

    fn last(
        &self,
        tried: Result<(Answer, bool), Broken>,
        repeated: bool,
    ) -> Result<Reply, Failure> {
        match tried {
            Ok((answer, _)) => Ok(Reply { answer, repeated }),
            Err(broken) => Err(self.unreachable(&broken)),
        }
    }

    fn request(&self, ask: &Ask) -> Request<Payload> {
        let mut request = Request::new(Payload::new(&ask.body));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = Uri::try_from(ask.path.as_str()).unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.authority.clone());
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("holdfast-agent/", env!("CARGO_PKG_VERSION"))),
        );
        for (name, value) in &ask.headers {
            headers.insert(name, value.clone());
        }
        request
    }

    fn unreachable(&self, broken: &Broken) -> Failure {
        match broken {
            Broken::Untrusted(cause) => Failure::Untrusted {
                server: self.server.clone(),
                cause: cause.to_string(),
            },
            Broken::Connect(_) | Broken::Http(_) | Broken::Idle | Broken::TooLarge(_) => {
                Failure::Unreachable {
                    server: self.server.clone(),
                    cause: broken.to_string(),
                }
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the agent is a program of its own: it has no shell whose deadline it could arm"
)]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Whether another try may bring another answer.
fn transient(answer: &Answer) -> bool {
    let reason = answer.headers.get(REASON).map(HeaderValue::as_bytes);
    match answer.status {
        StatusCode::SERVICE_UNAVAILABLE => matches!(reason, None | Some(b"busy" | b"unavailable")),
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT => reason.is_none_or(|reason| reason == b"busy"),
        _ => false,
    }
}

fn retry_after(answer: &Answer) -> Duration {
    let seconds = answer
        .headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// Where an address points to, and how it is named in a `Host` header.
fn place(server: &str) -> Result<(Place, String), Failure> {
    let wrong = |rule: &str| Failure::Address {
        rule: rule.to_owned(),
    };
    let uri: Uri = server
        .parse()
        .map_err(|_| wrong("it is not of the form https://HOST:PORT"))?;
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    if uri.scheme_str() != Some("https") {
        return Err(wrong("it must begin with https://"));
    }
    if authority.contains('@') {
        return Err(wrong(
            "it must not hold a name or a password: use --user and --password-file",
        ));
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err(wrong(
            "it must end after the port: use --repository for the repository",
        ));
    }
    let host = uri.host().unwrap_or_default();
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|_| wrong("its host is no host"))?;
    let port = uri.port_u16().unwrap_or(443);
    Ok((Place { host, port, name }, authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_with_a_host_and_nothing_secret() {
        let (there, authority) = place("https://[::1]:8443/").unwrap();
        assert_eq!((there.host.as_str(), there.port), ("::1", 8443));
        assert_eq!(authority, "[::1]:8443");
        assert_eq!(place("https://backup.example.net").unwrap().0.port, 443);
        for bad in [
            "",
            "backup.example.net",
            "http://backup.example.net",
            "https://acme:secret@backup.example.net",
            "https://backup.example.net/main/",
            "https://backup.example.net?x",
            "https://",
        ] {
            let error = place(bad).map(|_| ()).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
