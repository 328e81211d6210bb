//! The tenant's own client: `holdfast agent`.
//!
//! It backs up into a restic repository at the provider and gets it back, with `rustic_core` for
//! the repository's format and a small HTTPS client of our own below. What it writes restic reads,
//! and the other way round; it takes restic's locks, so that both can be used side by side.
//!
//! Invariant of absence: it shares no state with a node, and no secret is ever an argument.

mod account;
pub mod arguments;
mod ask;
mod backend;
mod client;
mod connection;
mod failure;
mod lock;
mod opened;
mod patience;
mod place;
mod progress;
mod quic;
mod route;
mod secret;
mod source;
mod thumbprint;
mod trust;
mod upload;
mod work;

use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde::Serialize;

pub use arguments::AgentCommand;
pub(crate) use backend::Remote;
pub use failure::Failure;
pub use thumbprint::{Thumbprint, ThumbprintError};

use arguments::{RepositoryArguments, ServerArguments};
use client::{Client, Target};
use trust::Trust;

/// Runs one command. Results go to `output`, as text or as one line of JSON; bars and warnings go
/// to standard error; secrets named `-` come from `input`, a line each.
///
/// It blocks, and must not be called from inside an async runtime.
///
/// # Errors
/// With a sentence, a word and an exit code for whatever went wrong.
pub fn run(
    command: &AgentCommand,
    json: bool,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let mut output = Output { json, output };
    match command {
        AgentCommand::Backup(arguments) => work::backup(arguments, input, &mut output),
        AgentCommand::Snapshots(arguments) => work::snapshots(arguments, input, &mut output),
        AgentCommand::Restore(arguments) => work::restore(arguments, input, &mut output),
        AgentCommand::Check(arguments) => work::check(arguments, input, &mut output),
        AgentCommand::Account(arguments) => account::show(arguments, input, &mut output),
        AgentCommand::Password(arguments) => account::password(arguments, input, &mut output),
        AgentCommand::Subtenant { command } => account::subtenant(command, input, &mut output),
    }
}

/// A repository as the wire has it: names and bytes, without the key that gives them a meaning.
/// Nothing is sent yet.
///
/// # Errors
/// When the arguments make no client, or the password cannot be read.
pub(crate) fn remote(
    arguments: &RepositoryArguments,
    input: &mut dyn BufRead,
) -> Result<Remote, Failure> {
    let client = client_of(&arguments.server, input)?;
    Ok(Remote::new(client.into(), arguments.repository.clone()))
}

/// Where results go.
struct Output<'a> {
    json: bool,
    output: &'a mut dyn Write,
}

impl Output<'_> {
    fn print<T: Serialize>(
        &mut self,
        value: &T,
        text: impl FnOnce(&T, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let written = if self.json {
            serde_json::to_writer(&mut *self.output, value)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(self.output))
        } else {
            text(value, self.output)
        };
        written
            .and_then(|()| self.output.flush())
            .map_err(|cause| Failure::Setup(format!("the result cannot be written: {cause}")))
    }
}

fn client_of(arguments: &ServerArguments, input: &mut dyn BufRead) -> Result<Client, Failure> {
    let what = format!("the password of {}", arguments.user);
    let password = secret::read(&what, arguments.password_file.as_deref(), input)?;
    client_with(arguments, password)
}

fn client_with(
    arguments: &ServerArguments,
    password: zeroize::Zeroizing<String>,
) -> Result<Client, Failure> {
    Client::new(&Target {
        server: arguments.server.clone(),
        user: arguments.user.clone(),
        password,
        trust: match (&arguments.thumbprint, &arguments.cacert) {
            (Some(thumbprint), _) => Trust::Pinned(vec![*thumbprint]),
            (None, Some(file)) => Trust::File(file.clone()),
            (None, None) => Trust::System,
        },
        patience: Duration::from_secs(u64::from(arguments.patience)),
        transport: arguments.transport,
    })
}
