//! The secrets of the agent, and what it says when one is missing.

use std::io::{self, BufRead};
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::Failure;
use crate::secret;

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
    let line = match file {
        Some(file) => secret::line(file, input),
        None => secret::prompt(what),
    };
    let line = line.map_err(|cause| match file {
        Some(file) if cause.kind() == io::ErrorKind::NotFound => {
            Failure::Missing(format!("{what}: there is no file {}", file.display()))
        }
        Some(_) | None => Failure::Setup(format!("{what} cannot be read: {cause}")),
    })?;
    if line.is_empty() {
        return Err(Failure::Setup(format!("{what} is empty")));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_missing_or_empty_is_named() {
        let read = |file: &str| {
            let failure = read("the password", Some(Path::new(file)), &mut io::empty());
            let failure = failure.unwrap_err();
            (failure.to_string(), failure.code())
        };
        assert_eq!(read("-").0, "the password is empty");
        let missing = "the password: there is no file /nowhere/password";
        assert_eq!(read("/nowhere/password"), (missing.to_owned(), 3));
    }
}
