//! The server's side of self-service: from HTTP to typed calls and back.
//!
//! It decides nothing: who may do what is the catalog's to say, behind [`SelfService`].

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use holdfast_actors::kernel::{NodeId, Size};
use holdfast_actors::names::{RepositoryName, SubtenantName};
use holdfast_actors::ports::Pending;
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Login, Secret};

use super::{
    ACCOUNT, Account, Empty, ErrorBody, ErrorText, GATEWAYS, Gateways, NewSubtenant, PASSWORD,
    PREFIX, PasswordChange, SUBTENANTS, SubtenantMade, SubtenantRow,
};

/// The largest request body: a password and some names.
const BODY_MAX: usize = 16 << 10;
/// From where a request came, and by which gateway; none where nodes stand alone.
pub type Came = (IpAddr, Option<NodeId>);

/// The longest `Authorization` header.
const AUTHORIZATION_MAX: usize = 8 << 10;
const REASON: &str = "x-holdfast-reason";

/// Why a request gets no success.
enum Denial {
    /// The service refuses.
    Refused(Refusal),
    /// It is not what belongs here.
    Usage(String),
    /// The path knows only these methods.
    Method(&'static str),
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A standalone subtenant to be made, names parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub subtenant: SubtenantName,
    /// The repository it gets a slice of; may be absent where there is only one.
    pub repository: Option<RepositoryName>,
    /// The most it may use.
    pub limit: Option<Size>,
}

/// What the catalog does for a tenant. Each call says by a [`Refusal`] what it does not do.
pub trait SelfService: Send + Sync {
    /// A verified caller.
    type Caller: Send + Sync;

    /// Verifies a log-in, by the path that all other log-ins take. `None` when there was none.
    fn log_in(
        &self,
        login: Option<Login>,
    ) -> impl Future<Output = Result<Self::Caller, Refusal>> + Send;

    /// Whether the caller may ask for more than which gateways are its own, by the one it came by.
    ///
    /// # Errors
    /// When it may not.
    fn passes(&self, caller: &Self::Caller) -> Result<(), Refusal> {
        let _ = caller;
        Ok(())
    }

    /// The caller's figures. The tenant's bin is not among them.
    fn account(
        &self,
        caller: &Self::Caller,
    ) -> impl Future<Output = Result<Account, Refusal>> + Send;

    /// The gateways that the caller may use, and what they can.
    fn gateways(
        &self,
        caller: &Self::Caller,
    ) -> impl Future<Output = Result<Gateways, Refusal>> + Send {
        let _ = caller;
        async { Ok(Gateways::default()) }
    }

    /// Replaces the credential that was used to ask, if `current` is its password. Refused to
    /// subtenants, whose passwords are their tenant's to change.
    fn change_password(
        &self,
        caller: &Self::Caller,
        change: PasswordChange,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// The subtenants, in the order of their names. Refused to subtenants.
    fn subtenants(
        &self,
        caller: &Self::Caller,
    ) -> impl Future<Output = Result<Vec<SubtenantRow>, Refusal>> + Send;

    /// Makes a standalone subtenant and its password. Refused to subtenants.
    fn add_subtenant(
        &self,
        caller: &Self::Caller,
        wanted: Wanted,
    ) -> impl Future<Output = Result<SubtenantMade, Refusal>> + Send;

    /// Removes a standalone subtenant; its data stay (R7.10). Refused to subtenants.
    fn remove_subtenant(
        &self,
        caller: &Self::Caller,
        subtenant: SubtenantName,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// Self-service as a face sees it, whoever stands behind.
pub trait Counter: Send + Sync + 'static {
    /// Answers one request of a client, whatever it is.
    fn answer(
        self: Arc<Self>,
        came: Came,
        request: Request<Incoming>,
    ) -> Pending<Response<Full<Bytes>>>;
}

impl<S: SelfService + 'static> Counter for S {
    fn answer(
        self: Arc<Self>,
        came: Came,
        request: Request<Incoming>,
    ) -> Pending<Response<Full<Bytes>>> {
        Box::pin(async move { handle(self.as_ref(), came, request).await })
    }
}

/// Whether a path is self-service's, and no repository's.
pub fn serves(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers one request of a client, whatever it is.
pub async fn handle<S, B>(service: &S, came: Came, request: Request<B>) -> Response<Full<Bytes>>
where
    S: SelfService,
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    answer(service, came, request)
        .await
        .unwrap_or_else(|denial| denied(&denial))
}

async fn answer<S, B>(
    service: &S,
    came: Came,
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, Denial>
where
    S: SelfService,
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let caller = service.log_in(login(&parts.headers, came)).await?;
    // Who came to a wrong one is told which are right.
    if parts.uri.path() != GATEWAYS {
        service.passes(&caller)?;
    }
    match (parts.uri.path(), &parts.method) {
        (ACCOUNT, &Method::GET) => Ok(done(&service.account(&caller).await?)),
        (ACCOUNT, _) => Err(Denial::Method("GET")),
        (GATEWAYS, &Method::GET) => Ok(done(&service.gateways(&caller).await?)),
        (GATEWAYS, _) => Err(Denial::Method("GET")),
        (PASSWORD, &Method::POST) => {
            let change: PasswordChange = read(body).await?;
            service.change_password(&caller, change).await?;
            Ok(done(&Empty {}))
        }
        (PASSWORD, _) => Err(Denial::Method("POST")),
        (SUBTENANTS, &Method::GET) => Ok(done(&service.subtenants(&caller).await?)),
        (SUBTENANTS, &Method::POST) => {
            let wanted = wanted(read(body).await?)?;
            Ok(done(&service.add_subtenant(&caller, wanted).await?))
        }
        (SUBTENANTS, _) => Err(Denial::Method("GET, POST")),
        (path, method) => match (subtenant(path), method) {
            (Some(subtenant), &Method::DELETE) => {
                service.remove_subtenant(&caller, subtenant).await?;
                Ok(done(&Empty {}))
            }
            (Some(_), _) => Err(Denial::Method("DELETE")),
            (None, _) => {
                let sentence = "there is no such thing here";
                Err(Refusal::new(Reason::NotFound, sentence).into())
            }
        },
    }
}

fn subtenant(path: &str) -> Option<SubtenantName> {
    let name = path.strip_prefix(SUBTENANTS)?.strip_prefix('/')?;
    SubtenantName::parse(&name.replace("%20", " ")).ok()
}

fn wanted(new: NewSubtenant) -> Result<Wanted, Denial> {
    let wrong = |error: &dyn std::fmt::Display| Denial::Usage(error.to_string());
    let subtenant = SubtenantName::parse(&new.subtenant).map_err(|error| wrong(&error))?;
    let repository = new.repository.as_deref().map(RepositoryName::parse);
    Ok(Wanted {
        subtenant,
        repository: repository.transpose().map_err(|error| wrong(&error))?,
        limit: new.limit.map(Size::bytes),
    })
}

/// The log-in of a request, if there is one; whether it is anybody's is not known here.
fn login(headers: &HeaderMap, (peer, gateway): Came) -> Option<Login> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, coded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || coded.len() > AUTHORIZATION_MAX {
        return None;
    }
    let clear = Zeroizing::new(BASE64_STANDARD.decode(coded.trim()).ok()?);
    let (user, password) = std::str::from_utf8(&clear).ok()?.split_once(':')?;
    Some(Login {
        user: user.to_owned(),
        password: Secret::new(password.to_owned()),
        peer,
        gateway,
    })
}

async fn read<T, B>(body: B) -> Result<T, Denial>
where
    T: DeserializeOwned,
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limited = Limited::new(body, BODY_MAX).collect().await;
    let bytes = limited
        .map_err(|_| Denial::Usage("the request is cut short or too long".to_owned()))?
        .to_bytes();
    // What is wrong is not said in detail: the text may hold a password.
    serde_json::from_slice(&bytes)
        .map_err(|_| Denial::Usage("the request is not the JSON that belongs here".to_owned()))
}

fn done(body: &impl Serialize) -> Response<Full<Bytes>> {
    // The bodies of this module have no map with odd keys, the one thing that JSON cannot hold.
    response(StatusCode::OK, serde_json::to_vec(body).unwrap_or_default())
}

/// As on the restic face, but for a taken name, which is no refused upload here.
const fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::LeaseExpired
        | Reason::Disabled
        | Reason::Scope
        | Reason::WrongGateway
        | Reason::Ended => StatusCode::FORBIDDEN,
        Reason::QuotaExceeded | Reason::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Reason::Maintenance | Reason::Busy | Reason::Unavailable | Reason::SpareGateway => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Reason::NotFound => StatusCode::NOT_FOUND,
        Reason::Exists => StatusCode::CONFLICT,
        Reason::BadHash | Reason::BadLength | Reason::TooLarge | Reason::Invalid => {
            StatusCode::BAD_REQUEST
        }
        Reason::Unauthenticated => StatusCode::UNAUTHORIZED,
        Reason::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
    }
}

fn denied(denial: &Denial) -> Response<Full<Bytes>> {
    let (status, reason, message) = match denial {
        Denial::Refused(refusal) => {
            let Refusal {
                reason, sentence, ..
            } = refusal;
            (status(*reason), reason.as_str(), sentence.clone())
        }
        Denial::Usage(message) => (StatusCode::BAD_REQUEST, "usage", message.clone()),
        Denial::Method(allow) => {
            let message = format!("only {allow} is understood here");
            (StatusCode::METHOD_NOT_ALLOWED, "usage", message)
        }
    };
    let error = ErrorText {
        reason: reason.to_owned(),
        message,
    };
    let text = serde_json::to_vec(&ErrorBody { error }).unwrap_or_default();
    let mut response = response(status, text);
    let headers = response.headers_mut();
    headers.insert(REASON, HeaderValue::from_static(reason));
    match denial {
        Denial::Method(allow) => {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        Denial::Refused(refusal) => {
            if refusal.reason == Reason::Unauthenticated {
                let basic = HeaderValue::from_static("Basic realm=\"holdfast\"");
                headers.insert(header::WWW_AUTHENTICATE, basic);
            }
            if let Some(pause) = refusal.retry_after {
                headers.insert(
                    header::RETRY_AFTER,
                    HeaderValue::from(pause.as_secs().max(1)),
                );
            }
        }
        Denial::Usage(_) => {}
    }
    response
}

fn response(status: StatusCode, text: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    // Figures and passwords are nobody else's to keep.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
