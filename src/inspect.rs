//! The debug shell: a line loop over looks into running actors, and how these looks are drawn.
//!
//! It asks the node; it never touches an actor itself.

mod draw;
mod words;

use std::io::{BufRead, Write};

use clap::{Args, Parser};

use crate::cli::{Failure, Screen};
use crate::commands::Order;
use crate::commands::shell::{End, Look};

pub use draw::{sessions, state, state_now, trace, tree, waits};

/// What stands before each line.
const PROMPT: &str = "holdfast> ";

/// The debug shell.
#[derive(Clone, Debug, Args)]
pub struct Shell {
    /// Do one command and end: tree, show, watch, trace, why, sessions, stop, restart
    #[arg(short = 'c', value_name = "COMMAND")]
    pub command: Option<String>,
}

/// One line of the shell.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, name = "", disable_version_flag = true)]
struct Typed {
    #[command(subcommand)]
    look: Look,
}

/// Gives an order and shows its answer.
pub type Give<'a> = &'a mut dyn FnMut(Order, &mut Screen) -> Result<(), Failure>;

/// Does one command, or all that are typed until the end of input.
///
/// # Errors
/// When the one command of `-c` was not done. In a loop, errors are shown and the loop goes on.
pub fn run(shell: &Shell, give: Give<'_>, screen: &mut Screen) -> Result<(), Failure> {
    match &shell.command {
        Some(line) => obey(line, give, screen),
        None => converse(PROMPT, &mut |line, screen| obey(line, give, screen), screen),
    }
}

/// Does what one typed line says.
pub(crate) type Obey<'a> = &'a mut dyn FnMut(&str, &mut Screen) -> Result<(), Failure>;

/// Does all that is typed, until the end of input. Errors are shown, and the loop goes on.
pub(crate) fn converse(prompt: &str, obey: Obey<'_>, screen: &mut Screen) -> Result<(), Failure> {
    loop {
        let Some(line) = ask(prompt)? else {
            return Ok(());
        };
        match line.trim() {
            "" => {}
            "exit" | "quit" => return Ok(()),
            line => {
                if let Err(failure) = obey(line, screen) {
                    screen.fail(&failure);
                }
            }
        }
    }
}

fn obey(line: &str, give: Give<'_>, screen: &mut Screen) -> Result<(), Failure> {
    let Some(Typed { look }) = typed(line, screen)? else {
        return Ok(());
    };
    match &look {
        Look::Stop(end) => confirm(end, "stop", "stopped")?,
        Look::Restart(end) => confirm(end, "restart", "restarted")?,
        Look::Tree(_) | Look::Sessions => {}
        Look::Show(_) | Look::Watch(_) | Look::Trace(_) | Look::Why(_) => {}
    }
    give(Order::Shell(look), screen)
}

/// Asks before an actor ends: with one of the node's own parts, all of the node may.
fn confirm(end: &End, verb: &str, done: &str) -> Result<(), Failure> {
    if end.yes || agreed(&format!("{verb} {}? [y/N] ", end.path))? {
        return Ok(());
    }
    let message = format!("nothing was {done}; answer y, or add --yes");
    Err(Failure::new(
        crate::cli::Exit::Refused,
        "not-confirmed",
        message,
    ))
}

/// The words of a line; none if it asked for help, which is shown.
pub(crate) fn typed<T: Parser>(line: &str, screen: &mut Screen) -> Result<Option<T>, Failure> {
    let words = words::split(line).map_err(Failure::usage)?;
    match T::try_parse_from(words) {
        Ok(typed) => Ok(Some(typed)),
        Err(error) if !error.use_stderr() => {
            screen.text(&error.render().to_string())?;
            Ok(None)
        }
        Err(error) => {
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            Err(Failure::usage(text.trim()))
        }
    }
}

fn agreed(question: &str) -> Result<bool, Failure> {
    let answer = ask(question)?.unwrap_or_default();
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The next line of input; none at its end. The question is shown to people only.
fn ask(question: &str) -> Result<Option<String>, Failure> {
    let wrong = |error| Failure::other("io", format!("stdin: {error}"));
    if crate::cli::is_interactive() {
        let mut errors = std::io::stderr();
        let asked = write!(errors, "{question}").and_then(|()| errors.flush());
        asked.map_err(wrong)?;
    }
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    Ok((read.map_err(wrong)? > 0).then_some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Result<String, String> {
        let mut orders = Vec::new();
        let mut give = |order: Order, _: &mut Screen| {
            orders.push(serde_json::to_string(&order).unwrap());
            Ok(())
        };
        let mut screen = Screen::on(false, Box::new(std::io::sink()), Box::new(std::io::sink()));
        obey(line, &mut give, &mut screen).map_err(|failure| failure.reason)?;
        Ok(orders.join("\n"))
    }

    #[test]
    fn a_line_becomes_an_order() {
        assert_eq!(
            given("tree").unwrap(),
            r#"{"shell":{"tree":{"cluster":false}}}"#
        );
        assert_eq!(
            given("show 'tenants/Acme Ltd/'").unwrap(),
            r#"{"shell":{"show":{"path":"node/tenants/Acme Ltd"}}}"#
        );
        assert_eq!(
            given("tree --cluster").unwrap(),
            r#"{"shell":{"tree":{"cluster":true}}}"#
        );
        assert_eq!(
            given("why berlin-2:catalog").unwrap(),
            r#"{"shell":{"why":{"path":"berlin-2:node/catalog"}}}"#
        );
        assert_eq!(
            given("restart --yes node/catalog").unwrap(),
            r#"{"shell":{"restart":{"path":"node/catalog"}}}"#
        );
        assert_eq!(
            given("stop node/catalog --yes").unwrap(),
            r#"{"shell":{"stop":{"path":"node/catalog"}}}"#
        );
    }

    #[test]
    fn a_line_that_is_no_order_is_refused() {
        for line in ["dance", "show", "show a b", "show 'a", "tree now", "show /"] {
            assert_eq!(given(line).unwrap_err(), "usage", "{line}");
        }
    }
}
