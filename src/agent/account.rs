//! What a tenant does for itself: look at its account, change its password, manage subtenants.

use std::io::BufRead;

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use holdfast_actors::kernel::Size;

use super::arguments::{AccountArguments, PasswordArguments, SubtenantCommand};
use super::client::{Ask, Client};
use super::failure::Failure;
use super::{Output, client_of, client_with, secret};
use crate::selfservice::{
    ACCOUNT, Account, NewSubtenant, PASSWORD, PasswordChange, SUBTENANTS, SubtenantMade,
    SubtenantRow, Usage, subtenant_path,
};

/// `agent account`.
pub(super) fn show(
    arguments: &AccountArguments,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let client = client_of(&arguments.server, input)?;
    let account: Account = call(&client, Method::GET, ACCOUNT, None::<&()>)?;
    output.print(&account, |account, text| {
        let who = match &account.subtenant {
            Some(subtenant) => format!("{}+{subtenant}", account.tenant),
            None => account.tenant.clone(),
        };
        writeln!(text, "account  {who}")?;
        writeln!(text, "state    {}", word(&account.state))?;
        match account.days_left {
            Some(days) => writeln!(text, "lease    {} ({days} days left)", account.lease)?,
            None => writeln!(text, "lease    {}", account.lease)?,
        }
        writeln!(text, "scope    {}", word(&account.scope))?;
        for Usage {
            repository,
            quota,
            used,
        } in &account.repositories
        {
            let free = Size::bytes(quota.saturating_sub(*used));
            let [used, quota] = [*used, *quota].map(Size::bytes);
            writeln!(text, "{repository}: {used} of {quota} used, {free} free")?;
        }
        Ok(())
    })
}

/// `agent password`.
pub(super) fn password(
    arguments: &PasswordArguments,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let server = &arguments.server;
    let what = format!("the password of {}", server.user);
    let current = secret::read(&what, server.password_file.as_deref(), input)?;
    let file = arguments.new_password_file.as_deref();
    let new = secret::read("the new password", file, input)?;
    if file.is_none() && *secret::read("the new password again", None, input)? != *new {
        return Err(Failure::Setup("the two new passwords differ".to_owned()));
    }
    let client = client_with(server, current.clone())?;
    let change = PasswordChange { current, new };
    let _: serde_json::Value = call(&client, Method::POST, PASSWORD, Some(&change))?;
    let done = Done {
        user: server.user.to_string(),
        done: "password changed",
    };
    output.print(&done, |done, text| {
        writeln!(text, "{} of {}", done.done, done.user)
    })
}

/// `agent subtenant`.
pub(super) fn subtenant(
    command: &SubtenantCommand,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    match command {
        SubtenantCommand::Add {
            server,
            subtenant,
            repository,
            limit,
        } => {
            let client = client_of(server, input)?;
            let new = NewSubtenant {
                subtenant: subtenant.to_string(),
                repository: repository.as_ref().map(ToString::to_string),
                limit: limit.map(Size::as_bytes),
            };
            let made: SubtenantMade = call(&client, Method::POST, SUBTENANTS, Some(&new))?;
            output.print(&made, |made, text| {
                writeln!(text, "{}+{}", server.user, made.subtenant)?;
                writeln!(
                    text,
                    "repository {}, {}",
                    made.repository,
                    limit_of(made.limit)
                )?;
                writeln!(
                    text,
                    "password, shown this once: {}",
                    made.password.as_str()
                )
            })
        }
        SubtenantCommand::List { server } => {
            let client = client_of(server, input)?;
            let rows: Vec<SubtenantRow> = call(&client, Method::GET, SUBTENANTS, None::<&()>)?;
            output.print(&rows, |rows, text| {
                for row in rows {
                    let state = if row.enabled { "enabled" } else { "disabled" };
                    let SubtenantRow {
                        subtenant,
                        repository,
                        ..
                    } = row;
                    let (used, limit) = (Size::bytes(row.used), limit_of(row.limit));
                    writeln!(
                        text,
                        "{subtenant}: {state}, {repository}, {used} used, {limit}"
                    )?;
                }
                writeln!(text, "{} subtenants", rows.len())
            })
        }
        SubtenantCommand::Remove { server, subtenant } => {
            let client = client_of(server, input)?;
            let path = subtenant_path(subtenant);
            let _: serde_json::Value = call(&client, Method::DELETE, &path, None::<&()>)?;
            let user = format!("{}+{subtenant}", server.user);
            let done = Done {
                user,
                done: "subtenant removed",
            };
            output.print(&done, |done, text| writeln!(text, "{} removed", done.user))
        }
    }
}

/// What there is to say about a change.
#[derive(Serialize)]
struct Done {
    user: String,
    done: &'static str,
}

fn limit_of(limit: Option<u64>) -> String {
    limit.map_or_else(
        || "no limit but the quota".to_owned(),
        |limit| format!("at most {}", Size::bytes(limit)),
    )
}

/// The word that stands for a value in JSON.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn call<T: DeserializeOwned>(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<&impl Serialize>,
) -> Result<T, Failure> {
    let nonsense = |cause: serde_json::Error| Failure::Nonsense(cause.to_string());
    let mut ask = Ask::new(method, path);
    if let Some(body) = body {
        let json = HeaderValue::from_static("application/json");
        ask.headers.push((header::CONTENT_TYPE, json));
        ask.body = vec![Bytes::from(serde_json::to_vec(body).map_err(nonsense)?)];
    }
    let answer = client.ask(&ask)?.answer;
    if answer.status != StatusCode::OK {
        return Err(Failure::from_answer(&answer));
    }
    serde_json::from_slice(&answer.body).map_err(nonsense)
}
