//! Where a command's words go: answers to stdout, errors to stderr, each as text or as JSON.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;
use serde_json::json;

use super::advice;
use super::failure::{Exit, Failure};

/// The two streams, and in which form they are wanted.
pub struct Screen {
    /// Whether answers and errors are JSON.
    pub json: bool,
    out: Box<dyn Write>,
    errors: Box<dyn Write>,
}

/// Nobody reads any more: the end of a command, and no failure of it.
const DEAF: &str = "deaf";

impl Screen {
    /// The process's own streams.
    pub fn new(json: bool) -> Self {
        Self::on(json, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// Other streams.
    pub fn on(json: bool, out: Box<dyn Write>, errors: Box<dyn Write>) -> Self {
        Self { json, out, errors }
    }

    /// Writes a line of an answer.
    ///
    /// # Errors
    /// When nobody reads, or the disk behind it is full; hand it on, [`Screen::fail`] knows.
    pub fn line(&mut self, line: impl std::fmt::Display) -> Result<(), Failure> {
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        written.map_err(|error| unwritten(&error))
    }

    /// Writes text that ends its own lines.
    ///
    /// # Errors
    /// As [`Screen::line`].
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        let written = write!(self.out, "{text}").and_then(|()| self.out.flush());
        written.map_err(|error| unwritten(&error))
    }

    /// Writes a value as a line of JSON.
    ///
    /// # Errors
    /// As [`Screen::line`].
    pub fn object<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value);
        self.line(text.map_err(|error| Failure::other("json", error))?)
    }

    /// Where answers go.
    pub fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Says something beside the answer; nobody misses it if it cannot be written.
    pub fn remark(&mut self, remark: impl std::fmt::Display) {
        drop(writeln!(self.errors, "{remark}"));
    }

    /// Tells why a command was not done, and answers with its exit code.
    pub fn fail(&mut self, failure: &Failure) -> Exit {
        if failure.reason == DEAF {
            return Exit::Done;
        }
        if self.json {
            let error = json!({ "reason": failure.reason, "message": failure.message });
            self.remark(json!({ "error": error }));
        } else {
            let next = advice::on(&failure.reason).map(|next| format!("; {next}"));
            self.remark(format!(
                "error: {}{}",
                failure.message,
                next.unwrap_or_default()
            ));
        }
        failure.exit
    }

    /// The same for arguments that make no sense; help and version are answers, not errors.
    pub(super) fn fail_to_parse(&mut self, error: &clap::Error) -> Exit {
        if !error.use_stderr() {
            return match self.text(&error.render().to_string()) {
                Ok(()) => Exit::Done,
                Err(failure) => self.fail(&failure),
            };
        }
        let text = error.render().to_string();
        if self.json {
            let first = text.split("\n\n").next().unwrap_or_default();
            let message = first.strip_prefix("error: ").unwrap_or(first).trim();
            self.fail(&Failure::usage(message));
        } else {
            drop(write!(self.errors, "{text}"));
        }
        Exit::Usage
    }
}

fn unwritten(error: &io::Error) -> Failure {
    let deaf = error.kind() == ErrorKind::BrokenPipe;
    let reason = if deaf { DEAF } else { "io" };
    Failure::other(reason, format!("the answer cannot be written: {error}"))
}
