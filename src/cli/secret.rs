//! Where secrets come from: a file, stdin, or a prompt that shows nothing. Never from argv.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::commands::certificate::Certificate;
use crate::commands::credential::{Password, Secret};

/// The longest secret file: a certificate's chain with its key.
const FILE_MAX: u64 = 128 << 10;
/// What stands for stdin.
const STDIN: &str = "-";

/// The order with the password that its file holds.
pub(super) fn with_password(mut order: Password) -> Result<Password, Failure> {
    let Some(file) = order.password_file.take() else {
        return Ok(order);
    };
    let password = if file == Path::new(STDIN) && io::stdin().is_terminal() {
        chosen_at_prompt()?
    } else {
        first_line(&file)?
    };
    if password.expose().is_empty() {
        return Err(Failure::usage(format!("{}: no password", file.display())));
    }
    order.password = Some(password);
    Ok(order)
}

/// The order with what its files hold.
pub(super) fn with_pem(order: Certificate) -> Result<Certificate, Failure> {
    let Certificate::Import(mut import) = order else {
        return Ok(order);
    };
    let mut pem = content(&import.file)?;
    if let Some(key) = import.key.take() {
        pem.push('\n');
        pem.push_str(&content(&key)?);
    }
    import.pem = Some(Secret::from(pem.as_str().to_owned()));
    Ok(Certificate::Import(import))
}

/// The first line of a file, or of stdin if it is `-`, without its end.
///
/// # Errors
/// When it cannot be read.
pub fn first_line(file: &Path) -> Result<Secret, Failure> {
    let content = content(file)?;
    let line = content.lines().next().unwrap_or_default();
    Ok(Secret::from(line.to_owned()))
}

/// Asks for a secret without showing it.
///
/// # Errors
/// When there is no terminal, or it hangs up.
pub fn prompt(question: &str) -> Result<Secret, Failure> {
    let wrong = |error: io::Error| Failure::other("io", format!("the terminal: {error}"));
    let stdin = io::stdin();
    let shown = tcgetattr(&stdin).map_err(|error| wrong(error.into()))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(|error| wrong(error.into()))?;
    let mut line = Zeroizing::new(String::new());
    let mut errors = io::stderr();
    let read = write!(errors, "{question}: ")
        .and_then(|()| errors.flush())
        .and_then(|()| stdin.lock().read_line(&mut line))
        .and_then(|_| writeln!(errors));
    tcsetattr(&stdin, OptionalActions::Flush, &shown).map_err(|error| wrong(error.into()))?;
    read.map_err(wrong)?;
    Ok(Secret::from(line.trim_end_matches(['\n', '\r']).to_owned()))
}

fn chosen_at_prompt() -> Result<Secret, Failure> {
    let first = prompt("New password")?;
    if first != prompt("The same again")? {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(first)
}

fn content(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut content = Zeroizing::new(String::new());
    let read = if file == Path::new(STDIN) {
        io::stdin().take(FILE_MAX + 1).read_to_string(&mut content)
    } else {
        std::fs::File::open(file)
            .and_then(|opened| opened.take(FILE_MAX + 1).read_to_string(&mut content))
    };
    let name = file.display();
    match read {
        Ok(length) if length as u64 > FILE_MAX => {
            let message = format!("{name}: longer than {FILE_MAX} bytes");
            Err(Failure::usage(message))
        }
        Ok(_) => Ok(content),
        Err(error) => Err(Failure::usage(format!("{name}: {error}"))),
    }
}
