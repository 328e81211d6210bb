//! Secrets of the agent: from a file, from standard input, or from a prompt without echo.
//!
//! Never from an argument; wiped from memory when no longer used.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::failure::Failure;

/// The longest secret read.
const SECRET_MAX: u64 = 4096;

/// Reads one secret called `what`: from `file`, from the next line of `input` if the file is `-`,
/// or from a prompt if there is no file.
///
/// # Errors
/// When it cannot be read or is empty, or there is no terminal to ask at.
pub(crate) fn read(
    what: &str,
    file: Option<&Path>,
    input: &mut dyn BufRead,
) -> Result<Zeroizing<String>, Failure> {
    let wrong = |cause: io::Error| Failure::Setup(format!("{what} cannot be read: {cause}"));
    let line = match file {
        Some(file) if file == Path::new("-") => first_line(input),
        Some(file) => {
            let opened = File::open(file).map_err(|cause| {
                if cause.kind() == io::ErrorKind::NotFound {
                    Failure::Missing(format!("{what}: there is no file {}", file.display()))
                } else {
                    wrong(cause)
                }
            })?;
            first_line(&mut BufReader::new(opened))
        }
        None => prompt(what),
    };
    let line = line.map_err(wrong)?;
    if line.is_empty() {
        return Err(Failure::Setup(format!("{what} is empty")));
    }
    Ok(line)
}

fn first_line(input: &mut dyn BufRead) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    input.take(SECRET_MAX).read_line(&mut line)?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

fn prompt(what: &str) -> io::Result<Zeroizing<String>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let mut terminal = terminal
        .ok()
        .filter(IsTerminal::is_terminal)
        .ok_or_else(|| io::Error::other("give it as a file, there is no terminal to ask at"))?;
    write!(terminal, "{what}: ")?;
    let _restored = Silence::new(&terminal)?;
    let line = first_line(&mut BufReader::new(&terminal))?;
    writeln!(&terminal)?;
    Ok(line)
}

/// No echo while it lives.
struct Silence<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // There is nobody to tell if the terminal is gone.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_on_standard_input_are_its_lines_in_order() {
        let mut input = io::Cursor::new("first\r\nsecond");
        let dash = Some(Path::new("-"));
        assert_eq!(*read("a", dash, &mut input).unwrap(), "first");
        assert_eq!(*read("b", dash, &mut input).unwrap(), "second");
        let error = read("the account's password", dash, &mut input).unwrap_err();
        assert_eq!(error.to_string(), "the account's password is empty");
    }

    #[test]
    fn a_secret_in_a_file_is_its_first_line() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        let read = |file: &Path| read("it", Some(file), &mut io::empty()).map(|it| it.to_string());
        assert_eq!(read(&file).unwrap_err().code(), 3);
        std::fs::write(&file, "s3cret\nmore\n").unwrap();
        assert_eq!(read(&file).unwrap(), "s3cret");
    }
}
