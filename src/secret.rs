//! Secrets on their way in: a line of a file or of standard input, or what is typed at a prompt
//! that shows nothing.
//!
//! Never from an argument; wiped from memory when no longer used.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The longest secret read, in bytes.
const SECRET_MAX: u64 = 4096;
/// What stands for standard input where a file is named.
const STDIN: &str = "-";

/// Whether a file stands for standard input.
pub(crate) fn is_stdin(file: &Path) -> bool {
    file == Path::new(STDIN)
}

/// The first line of a file, or the next line of `input` if the file is `-`, without its end.
///
/// # Errors
/// When it cannot be read, or is longer than 4 KiB.
pub(crate) fn line(file: &Path, input: &mut dyn BufRead) -> io::Result<Zeroizing<String>> {
    if is_stdin(file) {
        return next_line(input);
    }
    next_line(&mut BufReader::new(File::open(file)?))
}

/// Asks for a secret without showing it.
///
/// # Errors
/// When there is no terminal to ask at, or it hangs up.
pub(crate) fn prompt(question: &str) -> io::Result<Zeroizing<String>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let mut terminal = terminal
        .ok()
        .filter(IsTerminal::is_terminal)
        .ok_or_else(|| io::Error::other("give it as a file, there is no terminal to ask at"))?;
    write!(terminal, "{question}: ")?;
    let _restored = Silence::new(&terminal)?;
    let line = next_line(&mut BufReader::new(&terminal))?;
    writeln!(&terminal)?;
    Ok(line)
}

/// A passphrase that is chosen now: a file's first line, or typed twice.
///
/// # Errors
/// With a sentence, when it cannot be read, is too short, or was typed in two ways.
pub(crate) fn chosen(
    file: Option<&Path>,
    question: &str,
    least: usize,
) -> Result<Zeroizing<String>, String> {
    let chosen = match file {
        Some(file) => {
            let line = line(file, &mut io::stdin().lock());
            line.map_err(|error| format!("{}: {error}", file.display()))?
        }
        None if io::stdin().is_terminal() => {
            let asked =
                |question| prompt(question).map_err(|error| format!("the terminal: {error}"));
            let first = asked(question)?;
            if first != asked("The same again")? {
                return Err("the two passphrases differ".to_owned());
            }
            first
        }
        None => {
            return Err(
                "a passphrase is needed, and there is no terminal to ask at; add \
                 --passphrase-file FILE"
                    .to_owned(),
            );
        }
    };
    if chosen.chars().count() < least {
        return Err(format!("a passphrase has {least} characters at least"));
    }
    Ok(chosen)
}

fn next_line(input: &mut dyn BufRead) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    let read = input.take(SECRET_MAX + 1).read_line(&mut line)?;
    if read as u64 > SECRET_MAX {
        let long = format!("its first line is longer than {SECRET_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, long));
    }
    let bare = line.trim_end_matches(['\r', '\n']).to_owned();
    Ok(Zeroizing::new(bare))
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
        let dash = Path::new("-");
        assert_eq!(*line(dash, &mut input).unwrap(), "first");
        assert_eq!(*line(dash, &mut input).unwrap(), "second");
        assert_eq!(*line(dash, &mut input).unwrap(), "");
    }

    #[test]
    fn a_secret_in_a_file_is_its_first_line_and_of_bounded_length() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        let read = || line(&file, &mut io::empty()).map(|it| it.to_string());
        assert_eq!(read().unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(&file, "s3cret\nmore\n").unwrap();
        assert_eq!(read().unwrap(), "s3cret");
        std::fs::write(&file, "x".repeat(4097)).unwrap();
        assert_eq!(read().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
