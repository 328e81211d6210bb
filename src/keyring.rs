//! The keys of tapes that a node has open, and how they are wrapped for others.
//!
//! What lies in the folder is open: a file of 32 bytes for each key, for its owner alone. What goes
//! on cartridges and into the catalog is wrapped in age's format (<https://age-encryption.org>), so
//! that `age` and `recover.py` are enough to read a tape.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use holdfast_actors::ports::Entropy;
use holdfast_actors::tape::KeyId;
use holdfast_actors::tape::key::Wrapped;
use holdfast_tape::format::{Keys, Secret};
use holdfast_tape::naming;

use crate::whole;

/// Work that a passphrase takes at the most, as a power of two: some minutes.
const WORK_MAX: u8 = 22;
/// The names of wrapped keys.
const PASSPHRASE: &str = "passphrase";
const RECIPIENTS: &str = "recipients";

/// Why a key was not made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file of the node.
    #[error("the keys of this node cannot be read or written: {0}")]
    Folder(#[from] io::Error),
    /// A recipient that is none.
    #[error("'{0}' is no recipient of age: they begin with age1")]
    Recipient(String),
    /// An identity that is none.
    #[error("the file holds no identity of age: they begin with AGE-SECRET-KEY-1")]
    Identity,
    /// What was wrapped is not to be opened with it.
    #[error("no copy of the key can be opened with that: {0}")]
    Shut(String),
    /// What was wrapped is something else.
    #[error("what was opened is no key of a tape")]
    NoKey,
    /// It is another key.
    #[error("what was opened is key {0}")]
    Other(KeyId),
}

/// With what a wrapped key is opened.
#[derive(Debug)]
pub enum Opener {
    /// What somebody knows.
    Passphrase(String),
    /// The text of an identity file of age.
    Identity(String),
}

/// The keys of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keyring {
    folder: PathBuf,
    open: Keys,
}

impl Keyring {
    /// The keys in a folder, which is made if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or a file in it is no key.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let open = Keys::default();
        for entry in fs::read_dir(&folder)? {
            let file = entry?.path();
            let name = file.file_name().and_then(|it| it.to_str());
            // What a crash left half written has another name.
            let Some(id) = name.and_then(KeyId::parse) else {
                continue;
            };
            let wrong = |_| io::Error::other(format!("{}: not 32 bytes", file.display()));
            let secret: [u8; 32] = fs::read(&file)?.try_into().map_err(wrong)?;
            open.insert(naming::key_on_tape(id), Secret::new(secret));
        }
        Ok(Self { folder, open })
    }

    /// What is open, now and later.
    pub const fn keys(&self) -> &Keys {
        &self.open
    }

    /// Whether a key is open.
    pub fn has(&self, id: KeyId) -> bool {
        self.open.get(naming::key_on_tape(id)).is_some()
    }

    /// Draws a key, keeps it open, and wraps it.
    ///
    /// # Errors
    /// When a recipient is none, or the folder cannot be written.
    pub fn make(
        &self,
        entropy: &dyn Entropy,
        passphrase: Option<String>,
        recipients: &[String],
    ) -> Result<(KeyId, Vec<Wrapped>), KeyError> {
        let (mut number, mut secret) = ([0; 16], [0; 32]);
        entropy.fill(&mut number);
        entropy.fill(&mut secret);
        let id = KeyId::new(u128::from_be_bytes(number));
        let text = line(id, &secret);
        let mut wrapped = Vec::new();
        if let Some(passphrase) = passphrase {
            let encryptor = Encryptor::with_user_passphrase(SecretString::from(passphrase));
            wrapped.push(armored(PASSPHRASE, encryptor, &text)?);
        }
        if !recipients.is_empty() {
            let all = recipients.iter().map(|text| {
                let parsed = x25519::Recipient::from_str(text);
                parsed.map_err(|_| KeyError::Recipient(text.chars().take(80).collect()))
            });
            let all = all.collect::<Result<Vec<_>, _>>()?;
            let all = all.iter().map(|it| it as &dyn Recipient);
            let encryptor = Encryptor::with_recipients(all);
            let encryptor = encryptor.map_err(|error| KeyError::Shut(error.to_string()))?;
            wrapped.push(armored(RECIPIENTS, encryptor, &text)?);
        }
        self.keep(id, secret)?;
        Ok((id, wrapped))
    }

    /// Opens one of these, and keeps it open.
    ///
    /// # Errors
    /// When none of them is opened with it, or the folder cannot be written.
    pub fn unwrap(&self, texts: &[String], opener: &Opener) -> Result<KeyId, KeyError> {
        let mut why = KeyError::Shut("there is none".to_owned());
        for text in texts {
            match opened(text, opener) {
                Ok((id, secret)) => {
                    self.keep(id, secret)?;
                    return Ok(id);
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn keep(&self, id: KeyId, secret: [u8; 32]) -> Result<(), KeyError> {
        whole::keep(&self.folder.join(id.to_string()), &secret)?;
        let id = naming::key_on_tape(id);
        self.open.insert(id, Secret::new(secret));
        Ok(())
    }

    /// Forgets a key; what is wrapped of it stays.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn forget(&self, id: KeyId) -> Result<(), KeyError> {
        self.open.remove(naming::key_on_tape(id));
        match fs::remove_file(self.folder.join(id.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(fs::File::open(&self.folder)?.sync_all()?),
        }
    }
}

/// The name of the copy that a wrapped text is, by what its header says.
pub fn named(text: &str) -> &'static str {
    let decryptor = Decryptor::new(ArmoredReader::new(text.as_bytes()));
    match decryptor.is_ok_and(|it| it.is_scrypt()) {
        true => PASSPHRASE,
        false => RECIPIENTS,
    }
}

/// What is wrapped: a line that `recover.py` reads.
fn line(id: KeyId, secret: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{id} ");
    for byte in secret {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    text
}

fn parse(text: &str) -> Option<(KeyId, [u8; 32])> {
    let (id, digits) = text.trim_end().split_once(' ')?;
    let mut secret = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some((KeyId::parse(id)?, secret))
}

fn armored(name: &str, encryptor: Encryptor, text: &str) -> Result<Wrapped, KeyError> {
    let mut bytes = Vec::new();
    let armor = ArmoredWriter::wrap_output(&mut bytes, Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(text.as_bytes())?;
    writer.finish()?.finish()?;
    Ok(Wrapped {
        name: name.to_owned(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

fn opened(text: &str, opener: &Opener) -> Result<(KeyId, [u8; 32]), KeyError> {
    let shut = |error: age::DecryptError| KeyError::Shut(error.to_string());
    let decryptor = Decryptor::new(ArmoredReader::new(text.as_bytes())).map_err(shut)?;
    let mut said = String::new();
    match opener {
        Opener::Passphrase(passphrase) => {
            let mut identity = scrypt::Identity::new(SecretString::from(passphrase.clone()));
            identity.set_max_work_factor(WORK_MAX);
            let all = std::iter::once(&identity as &dyn Identity);
            let reader = decryptor.decrypt(all).map_err(shut)?;
            reader.take(1_024).read_to_string(&mut said)?;
        }
        Opener::Identity(file) => {
            let lines = file.lines().map(str::trim);
            let all = lines.filter_map(|line| x25519::Identity::from_str(line).ok());
            let all: Vec<_> = all.collect();
            if all.is_empty() {
                return Err(KeyError::Identity);
            }
            let all = all.iter().map(|it| it as &dyn Identity);
            let reader = decryptor.decrypt(all).map_err(shut)?;
            reader.take(1_024).read_to_string(&mut said)?;
        }
    }
    parse(&said).ok_or(KeyError::NoKey)
}

/// Does something with keys on a thread of its own: a passphrase takes a second on purpose.
///
/// # Errors
/// When the work panics.
#[expect(
    clippy::disallowed_methods,
    reason = "it waits for files and a passphrase"
)]
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    tokio::task::spawn_blocking(work).await
}

/// Where the keys of a node lie.
pub fn folder(tape: &Path) -> PathBuf {
    tape.join("keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::Mutex<u8>);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let mut last = self.0.lock().unwrap();
            *last += 1;
            bytes.fill(*last);
        }
    }

    #[test]
    fn a_key_is_opened_by_who_it_was_wrapped_for_and_stays_open() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::open(folder.path().join("one")).unwrap();
        let identity = x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        let entropy = Counting(std::sync::Mutex::new(0));
        let secret = Some("a long passphrase".to_owned());
        let (id, wrapped) = ring.make(&entropy, secret, &[recipient]).unwrap();
        assert!(wrapped.iter().all(Wrapped::is_one) && ring.has(id));
        let names: Vec<_> = wrapped.iter().map(|it| named(&it.text)).collect();
        assert_eq!(names, ["passphrase", "recipients"]);
        let texts: Vec<String> = wrapped.into_iter().map(|it| it.text).collect();

        let other = Keyring::open(folder.path().join("two")).unwrap();
        let wrong = Opener::Passphrase("another".to_owned());
        assert!(matches!(
            other.unwrap(&texts, &wrong),
            Err(KeyError::Shut(_))
        ));
        let nothing = Opener::Identity("# no key".to_owned());
        assert!(other.unwrap(&texts, &nothing).is_err());
        let phrase = Opener::Passphrase("a long passphrase".to_owned());
        assert_eq!(other.unwrap(&texts, &phrase).unwrap(), id);
        other.forget(id).unwrap();
        assert!(!other.has(id));
        use age::secrecy::ExposeSecret as _;
        let file = format!("# made today\n{}\n", identity.to_string().expose_secret());
        assert_eq!(other.unwrap(&texts, &Opener::Identity(file)).unwrap(), id);
        let again = Keyring::open(folder.path().join("two")).unwrap();
        let tape = naming::key_on_tape(id);
        assert_eq!(again.keys().get(tape), ring.keys().get(tape));
        assert!(again.has(id));
    }

    #[test]
    fn a_recipient_that_is_none_is_refused_before_anything_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::open(folder.path().to_owned()).unwrap();
        let entropy = Counting(std::sync::Mutex::new(0));
        let made = ring.make(&entropy, None, &["age1nobody".to_owned()]);
        assert!(matches!(made, Err(KeyError::Recipient(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
