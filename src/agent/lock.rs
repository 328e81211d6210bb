//! restic's locks: a lock file says who is at work, so that no prune deletes what a backup needs.
//!
//! `rustic_core` knows no locks; restic's prune and the agent's backup would not see each other.
//! A lock is a JSON text, encrypted by the repository's key like everything else.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aes256ctr_poly1305aes::aead::{Aead, AeadInPlace};
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce, Tag};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rustic_core::Id;
use rustic_core::repofile::MasterKey;
use rustls::crypto::aws_lc_rs;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::backend::Remote;
use super::failure::Failure;

/// How often a lock is renewed, as restic does it.
const RENEW: Duration = Duration::from_secs(5 * 60);
/// A lock that is older counts for nothing, as restic sees it.
const STALE: SignedDuration = SignedDuration::from_mins(30);
/// The exit code after an interrupt, as shells have it.
const INTERRUPTED: i32 = 130;
const NONCE: usize = 16;
const TAG: usize = 16;
/// The first byte of a compressed text in repositories of version 2.
const COMPRESSED: u8 = 2;
const TEXT_MAX: usize = 1 << 20;

/// What a lock file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Text {
    time: Timestamp,
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    pid: u32,
}

/// Does the work while holding a lock that others may share but that keeps a prune away.
///
/// # Errors
/// When somebody holds the repository alone, the lock cannot be stored, or the work fails.
pub(crate) fn shared<T>(
    remote: &Remote,
    master: &MasterKey,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let cipher = Cipher::new(master)?;
    refuse_if_exclusive(remote, &cipher, None)?;
    let lock = Lock {
        remote,
        cipher: &cipher,
        held: Mutex::new(None),
    };
    lock.renew()?;
    let result = lock.while_renewed(|| {
        refuse_if_exclusive(remote, &cipher, lock.name())?;
        work()
    });
    let released = lock.release();
    let done = result?;
    released.map(|()| done)
}

fn refuse_if_exclusive(remote: &Remote, cipher: &Cipher, own: Option<Id>) -> Result<(), Failure> {
    for (name, _) in remote.list_folder("locks")? {
        if Some(name) == own {
            continue;
        }
        // It may be gone by now, or be no lock of this key: neither keeps us out, as in restic.
        let Ok(sealed) = remote.fetch_quietly(&path(&name)) else {
            continue;
        };
        let Some(text) = cipher.open(&sealed) else {
            continue;
        };
        let fresh = Timestamp::now().duration_since(text.time) < STALE;
        if text.exclusive && fresh {
            let Text {
                hostname,
                username,
                pid,
                time,
                ..
            } = text;
            return Err(Failure::Locked(format!(
                "process {pid} of {username} at {hostname} holds it alone since {time:.0}"
            )));
        }
    }
    Ok(())
}

/// One lock at the server, under a new name each time it is renewed.
struct Lock<'a> {
    remote: &'a Remote,
    cipher: &'a Cipher,
    held: Mutex<Option<Id>>,
}

impl Lock<'_> {
    fn name(&self) -> Option<Id> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self) -> Result<(), Failure> {
        let sealed = self.cipher.seal(&text_of_now())?;
        let digest: [u8; 32] = Sha256::digest(&sealed).into();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let name: Id = hex
            .parse()
            .map_err(|_| Failure::Nonsense("a lock has no name".into()))?;
        self.remote.store(&path(&name), &[Bytes::from(sealed)])?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = held.replace(name) {
            self.remote.delete(&path(&before))?;
        }
        Ok(())
    }

    fn release(&self) -> Result<(), Failure> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.take()
            .map_or(Ok(()), |name| self.remote.delete(&path(&name)))
    }

    fn while_renewed<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let (sender, words) = channel();
            let interrupted = sender.clone();
            // Whether anybody still listens does not matter.
            self.remote
                .on_interrupt(move || drop(interrupted.send(Word::Interrupted)));
            let done = Finally(sender);
            scope.spawn(move || {
                loop {
                    match words.recv_timeout(RENEW) {
                        Ok(Word::Done) | Err(RecvTimeoutError::Disconnected) => return,
                        Ok(Word::Interrupted) => self.give_up(),
                        Err(RecvTimeoutError::Timeout) => {
                            if let Err(failure) = self.renew() {
                                log::warn!("the lock cannot be renewed: {failure}");
                            }
                        }
                    }
                }
            });
            let result = work();
            drop(done);
            result
        })
    }

    /// Ends the process without leaving a lock that would keep a prune away for half an hour.
    /// What was uploaded and is named by no snapshot is for the next prune.
    fn give_up(&self) -> ! {
        if let Err(failure) = self.release() {
            log::warn!("a lock is left behind: {failure}");
        }
        std::process::exit(INTERRUPTED)
    }
}

/// What the thread beside the work is told.
enum Word {
    Done,
    Interrupted,
}

/// Says that the work is done, however it ended.
struct Finally(Sender<Word>);

impl Drop for Finally {
    fn drop(&mut self) {
        drop(self.0.send(Word::Done));
    }
}

fn path(name: &Id) -> String {
    format!("locks/{}", name.to_hex().as_str())
}

fn text_of_now() -> Text {
    Text {
        time: Timestamp::now(),
        exclusive: false,
        hostname: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        username: std::env::var("USER").unwrap_or_default(),
        pid: std::process::id(),
    }
}

/// The repository's own encryption: AES-256-CTR with Poly1305-AES, the nonce in front.
struct Cipher {
    cipher: Aes256CtrPoly1305Aes,
}

impl Cipher {
    fn new(master: &MasterKey) -> Result<Self, Failure> {
        let parts = [&master.encrypt[..], &master.mac.k[..], &master.mac.r[..]];
        let key = Zeroizing::new(parts.concat());
        if key.len() != 64 {
            return Err(Failure::Nonsense(
                "the repository's key is of another length".into(),
            ));
        }
        Ok(Self {
            cipher: Aes256CtrPoly1305Aes::new(Key::from_slice(&key)),
        })
    }

    fn seal(&self, text: &Text) -> Result<Vec<u8>, Failure> {
        let failed = |cause: &str| Failure::Setup(format!("a lock cannot be sealed: {cause}"));
        let mut nonce = [0; NONCE];
        aws_lc_rs::default_provider()
            .secure_random
            .fill(&mut nonce)
            .map_err(|_| failed("there is no random number"))?;
        let mut text = serde_json::to_vec(text).map_err(|cause| failed(&cause.to_string()))?;
        let nonce = Nonce::from(nonce);
        let tag: Tag = self
            .cipher
            .encrypt_in_place_detached(&nonce, &[], &mut text)
            .map_err(|_| failed("it is too long"))?;
        Ok([&nonce[..], &text[..], &tag[..]].concat())
    }

    fn open(&self, sealed: &[u8]) -> Option<Text> {
        if sealed.len() < NONCE + TAG {
            return None;
        }
        let (nonce, sealed) = sealed.split_at(NONCE);
        let clear = self.cipher.decrypt(Nonce::from_slice(nonce), sealed).ok()?;
        match clear.split_first() {
            Some((&COMPRESSED, packed)) => {
                let text = zstd::bulk::decompress(packed, TEXT_MAX).ok()?;
                serde_json::from_slice(&text).ok()
            }
            _ => serde_json::from_slice(&clear).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_lock_opens_with_its_key_and_with_no_other() {
        let cipher = Cipher::new(&MasterKey::new()).unwrap();
        let mut sealed = cipher.seal(&text_of_now()).unwrap();
        let text = cipher.open(&sealed).unwrap();
        assert_eq!((text.exclusive, text.pid), (false, std::process::id()));
        assert!(
            Cipher::new(&MasterKey::new())
                .unwrap()
                .open(&sealed)
                .is_none()
        );
        sealed[20] ^= 1;
        assert!(cipher.open(&sealed).is_none());
        assert!(cipher.open(&sealed[..31]).is_none());
    }
}
