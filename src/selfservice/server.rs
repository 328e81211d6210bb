//! The server's side of self-service: from HTTP to typed calls and back.
//!
//! It decides nothing: who may do what is the catalog's to say, behind [`SelfService`].

use std::future::Future;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use holdfast_actors::kernel::Size;
use holdfast_actors::names::{RepositoryName, SubtenantName};

use super::{
    ACCOUNT, Account, Empty, ErrorBody, ErrorText, NewSubtenant, PASSWORD, PREFIX, PasswordChange,
    SUBTENANTS, SubtenantMade, SubtenantRow,
};
use crate::agent::User;

/// The largest request body: a password and some names.
const BODY_MAX: usize = 16 << 10;
/// The longest `Authorization` header.
const AUTHORIZATION_MAX: usize = 8 << 10;
const REASON: &str = "x-holdfast-reason";

/// A log-in as it came, not yet verified.
pub struct Login {
    /// Who it says it is.
    pub user: User,
    /// The password it says.
    pub password: Zeroizing<String>,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// One word: `login`, `scope`, `disabled`, `not-found`, `conflict`, `usage`, ….
    pub reason: &'static str,
    /// A plain sentence.
    pub message: String,
}

impl Refusal {
    /// A refusal with this status, word and sentence.
    pub fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            reason,
            message,
        }
    }

    /// The log-in is missing or wrong; the same answer for both.
    pub fn log_in() -> Self {
        let message = "the name or the password is wrong";
        Self::new(StatusCode::UNAUTHORIZED, "login", message)
    }

    fn usage(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "usage", message)
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

    /// The caller's figures. The tenant's bin is not among them.
    fn account(
        &self,
        caller: &Self::Caller,
    ) -> impl Future<Output = Result<Account, Refusal>> + Send;

    /// Replaces the credential that was used to ask, if `current` is its password.
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

/// Whether a path is self-service's, and no repository's.
pub fn serves(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers one request, whatever it is.
pub async fn handle<S, B>(service: &S, request: Request<B>) -> Response<Full<Bytes>>
where
    S: SelfService,
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    answer(service, request)
        .await
        .unwrap_or_else(|refusal| refused(&refusal))
}

async fn answer<S, B>(service: &S, request: Request<B>) -> Result<Response<Full<Bytes>>, Refusal>
where
    S: SelfService,
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let caller = service.log_in(login(&parts.headers)).await?;
    match (parts.uri.path(), &parts.method) {
        (ACCOUNT, &Method::GET) => Ok(done(&service.account(&caller).await?)),
        (ACCOUNT, _) => Ok(not_allowed("GET")),
        (PASSWORD, &Method::POST) => {
            let change: PasswordChange = read(body).await?;
            service.change_password(&caller, change).await?;
            Ok(done(&Empty {}))
        }
        (PASSWORD, _) => Ok(not_allowed("POST")),
        (SUBTENANTS, &Method::GET) => Ok(done(&service.subtenants(&caller).await?)),
        (SUBTENANTS, &Method::POST) => {
            let wanted = wanted(read(body).await?)?;
            Ok(done(&service.add_subtenant(&caller, wanted).await?))
        }
        (SUBTENANTS, _) => Ok(not_allowed("GET, POST")),
        (path, method) => match (subtenant(path), method) {
            (Some(subtenant), &Method::DELETE) => {
                service.remove_subtenant(&caller, subtenant).await?;
                Ok(done(&Empty {}))
            }
            (Some(_), _) => Ok(not_allowed("DELETE")),
            (None, _) => {
                let message = "there is no such thing here";
                Err(Refusal::new(StatusCode::NOT_FOUND, "not-found", message))
            }
        },
    }
}

fn subtenant(path: &str) -> Option<SubtenantName> {
    let name = path.strip_prefix(SUBTENANTS)?.strip_prefix('/')?;
    SubtenantName::parse(&name.replace("%20", " ")).ok()
}

fn wanted(new: NewSubtenant) -> Result<Wanted, Refusal> {
    let wrong = |error: &dyn std::fmt::Display| Refusal::usage(error.to_string());
    let subtenant = SubtenantName::parse(&new.subtenant).map_err(|error| wrong(&error))?;
    let repository = new.repository.as_deref().map(RepositoryName::parse);
    Ok(Wanted {
        subtenant,
        repository: repository.transpose().map_err(|error| wrong(&error))?,
        limit: new.limit.map(Size::bytes),
    })
}

/// The log-in of a request, if there is one that could be anybody's.
fn login(headers: &HeaderMap) -> Option<Login> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, coded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || coded.len() > AUTHORIZATION_MAX {
        return None;
    }
    let clear = Zeroizing::new(BASE64_STANDARD.decode(coded.trim()).ok()?);
    let (user, password) = std::str::from_utf8(&clear).ok()?.split_once(':')?;
    Some(Login {
        user: User::parse(user).ok()?,
        password: Zeroizing::new(password.to_owned()),
    })
}

async fn read<T, B>(body: B) -> Result<T, Refusal>
where
    T: DeserializeOwned,
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limited = Limited::new(body, BODY_MAX).collect().await;
    let bytes = limited
        .map_err(|_| Refusal::usage("the request is cut short or too long"))?
        .to_bytes();
    // What is wrong is not said in detail: the text may hold a password.
    serde_json::from_slice(&bytes)
        .map_err(|_| Refusal::usage("the request is not the JSON that belongs here"))
}

fn done(body: &impl Serialize) -> Response<Full<Bytes>> {
    serde_json::to_vec(body).map_or_else(
        |_| {
            refused(&Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "server",
                "no JSON",
            ))
        },
        |text| response(StatusCode::OK, text),
    )
}

fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let body = ErrorBody {
        error: ErrorText {
            reason: refusal.reason.to_owned(),
            message: refusal.message.clone(),
        },
    };
    let text = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = response(refusal.status, text);
    let headers = response.headers_mut();
    headers.insert(REASON, HeaderValue::from_static(refusal.reason));
    if refusal.status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"holdfast\"");
        headers.insert(header::WWW_AUTHENTICATE, basic);
    }
    response
}

fn not_allowed(allow: &'static str) -> Response<Full<Bytes>> {
    let message = format!("only {allow} is understood here");
    let mut response = refused(&Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "usage",
        message,
    ));
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static(allow));
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
