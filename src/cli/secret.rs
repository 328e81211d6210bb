//! The secrets of an operator's orders: the orders name files, and leave with what is in them.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use holdfast_cluster::identity::PASSPHRASE_MIN;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::commands::certificate::Certificate;
use crate::commands::credential::{Password, Secret};
use crate::commands::tape::key::{Key, Opening};
use crate::secret;

/// The longest secret file: a certificate's chain with its key.
const FILE_MAX: u64 = 128 << 10;

/// The order with the password that its file holds.
pub(super) fn with_password(mut order: Password) -> Result<Password, Failure> {
    let Some(file) = order.password_file.take() else {
        return Ok(order);
    };
    let password = if secret::is_stdin(&file) && io::stdin().is_terminal() {
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

/// The order with the passphrase or the identity of its files, or what is typed.
pub(super) fn with_key(mut order: Key) -> Result<Key, Failure> {
    match &mut order {
        Key::Add(add) => {
            let file = add.passphrase_file.take();
            if file.is_some() || add.recipients.is_empty() {
                let chosen = secret::chosen(file.as_deref(), "New passphrase", PASSPHRASE_MIN);
                let chosen = chosen.map_err(Failure::usage)?;
                add.passphrase = Some(Secret::from(chosen.as_str().to_owned()));
            }
        }
        Key::Import(import) => {
            for file in &import.files {
                import.texts.push(content(file)?.as_str().to_owned());
            }
            opening(&mut import.with)?;
        }
        Key::Open(open) => opening(&mut open.with)?,
        Key::List | Key::Remove(_) => {}
    }
    Ok(order)
}

fn opening(with: &mut Opening) -> Result<(), Failure> {
    if let Some(file) = with.identity_file.take() {
        with.identity = Some(Secret::from(content(&file)?.as_str().to_owned()));
        return Ok(());
    }
    let passphrase = match with.passphrase_file.take() {
        Some(file) => first_line(&file)?,
        None => prompt("Passphrase")?,
    };
    with.passphrase = Some(passphrase);
    Ok(())
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

fn first_line(file: &Path) -> Result<Secret, Failure> {
    let line = secret::line(file, &mut io::stdin().lock());
    let line = line.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    Ok(Secret::from(line.as_str().to_owned()))
}

fn prompt(question: &str) -> Result<Secret, Failure> {
    let wrong = |error: io::Error| Failure::other("io", format!("the terminal: {error}"));
    let line = secret::prompt(question).map_err(wrong)?;
    Ok(Secret::from(line.as_str().to_owned()))
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
    let read = if secret::is_stdin(file) {
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
