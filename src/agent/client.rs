//! A blocking HTTPS client of one server, for one account.
//!
//! It repeats what may succeed at the next try, and turns every refusal into a sentence. It never
//! logs, and never puts a secret into an error.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use holdfast_actors::ports::Clock as _;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::arguments::Transport;
pub(crate) use super::ask::Ask;
use super::ask::{is_elsewhere, retry_after, transient};
use super::connection::{Answer, Broken, Payload};
use super::failure::{Failure, REASON};
use super::patience::Patience;
use super::place::place;
use super::route::{Gateway, Route};
use super::trust::Trust;
use crate::clock::SystemClock;
use crate::commands::values::Login;
use crate::selfservice::{GATEWAYS, Gateways};

/// How long to try a server that has not answered once since the start.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// How many seconds a list of gateways is taken for what it says.
const LOOK_AROUND: u64 = 60;
/// No list was asked for.
const NEVER: u64 = u64::MAX;

/// What came of one try, and by which gateway; whether it was sent twice.
pub(super) type Sent = (Option<Arc<Gateway>>, Result<(Answer, bool), Broken>);

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

/// What the server said, and how often it was asked.
pub(crate) struct Reply {
    /// The last answer.
    pub(crate) answer: Answer,
    /// Whether an earlier try may have been carried out, its answer lost.
    pub(crate) repeated: bool,
}

/// What one try came to.
pub(super) enum Tried {
    /// Another try would not change it.
    Final(Answer),
    /// Nor this.
    Failed(Failure),
    /// Another try may.
    Again(Again),
}

/// What to do before another try.
pub(super) struct Again {
    /// How long the server wants to be left alone.
    wanted: Duration,
    /// Whether it goes to another gateway, which needs no pause.
    moved: bool,
    /// What to say if there is none.
    last: Result<Answer, Failure>,
}

/// The client; usable from many threads at once, but not from inside an async runtime.
pub(crate) struct Client {
    server: String,
    authorization: HeaderValue,
    patience: Duration,
    answered: AtomicBool,
    /// When the gateways were last asked for, in whole seconds.
    asked: AtomicU64,
    resuming: AtomicBool,
    resumed: AtomicU64,
    /// Whether a server said that it knows who asks.
    welcomed: AtomicBool,
    route: Route,
    clock: SystemClock,
    runtime: Runtime,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, the certificates cannot be read, or no thread can be started.
    pub(crate) fn new(target: &Target) -> Result<Self, Failure> {
        let (_, server) = place(&target.server)?;
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
            server,
            authorization,
            patience: target.patience,
            answered: AtomicBool::new(false),
            asked: AtomicU64::new(NEVER),
            resuming: AtomicBool::new(false),
            resumed: AtomicU64::new(0),
            welcomed: AtomicBool::new(false),
            route: Route::new(&target.server, &target.trust, target.transport)?,
            clock: SystemClock::new(),
            runtime,
        })
    }

    /// The server's host and port, for messages.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// How often it went over to another gateway, and how many uploads it went on with.
    pub(crate) fn mended(&self) -> (u64, u64) {
        (self.route.moves(), self.resumed.load(Ordering::Relaxed))
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
        self.run(self.ask_patiently(ask))
    }

    /// Runs something to its end, once the gateways are known.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async {
            self.look_around().await;
            work.await
        })
    }

    pub(super) async fn ask_patiently(&self, ask: &Ask) -> Result<Reply, Failure> {
        let (mut patience, mut repeated) = (Patience::fresh(), false);
        loop {
            let tried = self.try_once(ask).await;
            repeated |= matches!(&tried, (_, Ok((_, true))));
            match self.judge(tried, &patience) {
                Tried::Final(answer) => return Ok(Reply { answer, repeated }),
                Tried::Failed(failure) => return Err(failure),
                Tried::Again(again) => {
                    if let Some(last) = self.pause(again, &mut patience).await {
                        return last.map(|answer| Reply { answer, repeated });
                    }
                }
            }
            repeated = true;
        }
    }

    /// Pauses before another try; what to say instead if there was enough of it.
    pub(super) async fn pause(
        &self,
        again: Again,
        patience: &mut Patience,
    ) -> Option<Result<Answer, Failure>> {
        if again.moved && patience.may_move(self.route.count()) {
            return None;
        }
        let goes_on = patience.pause(self.patience(), again.wanted).await;
        (!goes_on).then_some(again.last)
    }

    /// One try, by the gateway of this moment.
    pub(super) async fn try_once(&self, ask: &Ask) -> Sent {
        let Some(gateway) = self.route.current() else {
            let none = io::Error::from(io::ErrorKind::NotFound);
            return (None, Err(Broken::Connect(none)));
        };
        let make = || self.request(ask, &gateway);
        let sent = gateway.pool.send(make, ask.limit).await;
        if let Ok((answer, _)) = &sent
            && is_elsewhere(answer)
        {
            // One that does not serve this account knows which do.
            self.relearn(&gateway).await;
        }
        (Some(gateway), sent)
    }

    /// What a try means.
    pub(super) fn judge(&self, (gateway, sent): Sent, patience: &Patience) -> Tried {
        let broken = match sent {
            Ok((answer, _)) => {
                self.answered.store(true, Ordering::Relaxed);
                return self.judge_answer(gateway, answer, patience);
            }
            Err(broken) => broken,
        };
        if let Broken::TooLarge(_) = broken {
            return Tried::Failed(self.unreachable(&broken));
        }
        let moved = gateway.is_some_and(|gateway| self.route.failed(&gateway));
        let failure = self.unreachable(&broken);
        if !moved && matches!(broken, Broken::Untrusted(_)) {
            return Tried::Failed(failure);
        }
        Tried::Again(Again {
            wanted: Duration::ZERO,
            moved,
            last: Err(failure),
        })
    }

    fn judge_answer(
        &self,
        gateway: Option<Arc<Gateway>>,
        answer: Answer,
        patience: &Patience,
    ) -> Tried {
        if is_elsewhere(&answer) {
            let moved = gateway.is_some_and(|gateway| self.route.failed(&gateway));
            if moved || transient(&answer) {
                return Tried::Again(Again {
                    wanted: Duration::ZERO,
                    moved,
                    last: Ok(answer),
                });
            }
            return Tried::Final(answer);
        }
        if !transient(&answer) {
            if answer.status.is_success() {
                self.welcomed.store(true, Ordering::Relaxed);
            }
            if let Some(gateway) = gateway {
                self.route.answered(&gateway);
            }
            return Tried::Final(answer);
        }
        // One that reaches nobody any more says so for long; another may reach them.
        let reason = answer.headers.get(REASON).map(HeaderValue::as_bytes);
        let is_lost = reason == Some(b"unavailable") && patience.is_worn();
        let moved = is_lost && gateway.is_some_and(|gateway| self.route.failed(&gateway));
        Tried::Again(Again {
            wanted: retry_after(&answer),
            moved,
            last: Ok(answer),
        })
    }

    /// How long to go on trying: less for a server that has not answered once.
    pub(super) fn patience(&self) -> Duration {
        match self.answered.load(Ordering::Relaxed) {
            true => self.patience,
            false => self.patience.min(FIRST_ANSWER),
        }
    }

    /// Whether the server holds on to what came of an upload.
    pub(super) fn is_resuming(&self) -> bool {
        self.resuming.load(Ordering::Relaxed)
    }

    /// An upload goes on where it was cut.
    pub(super) fn count_resumed(&self) {
        self.resumed.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks for the list of gateways, if that was not done for a while and the server knows who
    /// asks. A server that has none is as good.
    async fn look_around(&self) {
        let now = self.clock.now().monotonic.as_micros() / 1_000_000;
        let before = self.asked.load(Ordering::Relaxed);
        let is_welcome = self.welcomed.load(Ordering::Relaxed);
        let is_due = is_welcome && (before == NEVER || now >= before.saturating_add(LOOK_AROUND));
        let is_mine = is_due
            && self
                .asked
                .compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if !is_mine {
            return;
        }
        if let Some(gateway) = self.route.current()
            && self.relearn(&gateway).await
        {
            self.route.answered(&gateway);
        }
    }

    /// Asks a gateway for the list of gateways; whether it told one.
    async fn relearn(&self, gateway: &Gateway) -> bool {
        let ask = Ask::new(Method::GET, GATEWAYS);
        let make = || self.request(&ask, gateway);
        if let Ok((answer, _)) = gateway.pool.send(make, ask.limit).await
            && answer.status == StatusCode::OK
            && let Ok(told) = serde_json::from_slice::<Gateways>(&answer.body)
        {
            self.resuming.store(told.resumes, Ordering::Relaxed);
            self.route.learn(&told.gateways);
            return true;
        }
        false
    }

    fn request(&self, ask: &Ask, gateway: &Gateway) -> Request<Payload> {
        let mut request = Request::new(Payload::new(&ask.body));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = Uri::try_from(ask.path.as_str()).unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::HOST, gateway.authority.clone());
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
                cause: cause.clone(),
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
