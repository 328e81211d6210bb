//! Passwords: made so that nobody guesses them, and kept so that nobody reads them.
//!
//! Generated ones have 43 letters and digits, more than 256 bits of chance, and are kept as
//! SHA-256. Chosen ones are kept as argon2id, which costs 19 MiB and some ten milliseconds of a
//! thread that may block. Nothing here says who may log in.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use holdfast_actors::catalog::rows::Verifier;
use holdfast_actors::ports::{Entropy, Passwords, Pending};
use holdfast_actors::service::Secret;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The letters of a generated password.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// How many of them it has: 62 to the power of 43 is more than 2 to the power of 256.
const LETTERS_COUNT: usize = 43;
/// Bytes from here on would make the first letters likelier than the last.
const FAIR_BELOW: u8 = 248;
/// The length of a salt in bytes.
const SALT: usize = 16;

/// The fewest characters of a password that somebody chooses.
const CHOSEN_MIN: usize = 8;
/// The most bytes of one.
const CHOSEN_MAX: usize = 1024;

/// A chosen password that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has {CHOSEN_MIN} characters at least, {CHOSEN_MAX} bytes at most")]
pub struct ChosenError;

/// Whether a chosen password has a length that is taken.
///
/// # Errors
/// When it has not.
pub fn checked(chosen: &Secret) -> Result<(), ChosenError> {
    let is_long = chosen.expose().chars().count() >= CHOSEN_MIN;
    let fits = chosen.expose().len() <= CHOSEN_MAX;
    if is_long && fits {
        Ok(())
    } else {
        Err(ChosenError)
    }
}

/// A new password that matches `[A-Za-z0-9]{43}`, each of them equally likely.
pub fn generate(entropy: &dyn Entropy) -> Secret {
    let mut password = String::with_capacity(LETTERS_COUNT);
    let mut drawn = Zeroizing::new([0; 64]);
    while password.len() < LETTERS_COUNT {
        entropy.fill(drawn.as_mut_slice());
        let fair = drawn.iter().filter(|byte| **byte < FAIR_BELOW);
        let letters = fair.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        password.extend(letters.take(LETTERS_COUNT - password.len()));
    }
    Secret::new(password)
}

/// What is kept of a generated password.
pub fn verifier_of(generated: &Secret) -> Verifier {
    Verifier::Generated(Sha256::digest(generated.expose()).into())
}

/// argon2id on threads that may block.
#[derive(Clone)]
pub struct Argon2id {
    entropy: Arc<dyn Entropy>,
}

impl Argon2id {
    /// Draws salts from `entropy`.
    pub const fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy }
    }
}

impl Passwords for Argon2id {
    fn verify(&self, kept: Option<&str>, password: &[u8]) -> Pending<bool> {
        let kept = kept.map(str::to_owned);
        let password = Zeroizing::new(password.to_vec());
        aside(false, move || {
            match kept.as_deref().map(PasswordHash::new) {
                Some(Ok(kept)) => Argon2::default().verify_password(&password, &kept).is_ok(),
                Some(Err(_)) | None => {
                    // An account without a chosen password costs as much as one with it.
                    let mut output = [0; 32];
                    let hashed =
                        Argon2::default().hash_password_into(&password, &[0; SALT], &mut output);
                    std::hint::black_box((hashed.is_ok(), output));
                    false
                }
            }
        })
    }

    fn keep(&self, password: &[u8]) -> Pending<String> {
        let password = Zeroizing::new(password.to_vec());
        let mut salt = [0; SALT];
        self.entropy.fill(&mut salt);
        aside(String::new(), move || {
            let kept = Argon2::default().hash_password_with_salt(&password, &salt);
            // A password is refused by its length long before argon2 would refuse it (at 4 GiB);
            // what is no PHC text verifies nothing.
            kept.map(|kept| kept.to_string()).unwrap_or_default()
        })
    }
}

impl std::fmt::Debug for Argon2id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Argon2id")
    }
}

/// Runs `work` on a thread that may block; `otherwise` is the answer if it panics.
fn aside<T: Send + 'static>(otherwise: T, work: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter of the Passwords port"
    )]
    let running = tokio::task::spawn_blocking(work);
    Box::pin(async move { running.await.unwrap_or(otherwise) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;
    use crate::entropy::SystemEntropy;

    fn passwords() -> Argon2id {
        Argon2id::new(Arc::new(SystemEntropy))
    }

    #[tokio::test]
    async fn a_chosen_password_is_known_again_and_no_other() {
        let kept = passwords().keep(b"correct horse").await;
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert_ne!(kept, passwords().keep(b"correct horse").await);
        assert!(passwords().verify(Some(&kept), b"correct horse").await);
        assert!(!passwords().verify(Some(&kept), b"wrong horse").await);
        assert!(
            !passwords()
                .verify(Some("no text of ours"), b"correct horse")
                .await
        );
        assert!(!passwords().verify(None, b"").await);
    }

    #[test]
    fn generated_passwords_are_43_letters_and_digits_and_never_the_same() {
        let one = generate(&SystemEntropy);
        assert_eq!(one.expose().len(), 43);
        assert!(
            one.expose()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric())
        );
        assert_ne!(one, generate(&SystemEntropy));
        assert_eq!(verifier_of(&one), verifier_of(&one.clone()));
    }

    /// Draws one value the first time, and zeros from then on.
    struct First(Mutex<u8>);

    impl Entropy for First {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(std::mem::take(&mut *self.0.lock().unwrap()));
        }
    }

    #[test]
    fn all_letters_are_equally_likely() {
        let mut values = BTreeMap::new();
        for value in 0..=u8::MAX {
            let password = generate(&First(Mutex::new(value)));
            let letter = password.expose().chars().next().unwrap();
            if value < FAIR_BELOW {
                *values.entry(letter).or_insert(0) += 1;
            } else {
                assert_eq!(letter, 'A', "{value} is drawn again");
            }
        }
        assert_eq!(values.len(), 62);
        assert!(values.values().all(|count| *count == 4));
    }
}
